"""llm (the command line tool's library) against `promptlab serve`, through extra-openai-models.yaml."""

import gc
import os
from pathlib import Path
from typing import Any

from tried import KEY, LONG, MODEL, QUESTION, SCHEMA, URL, an_object, fits, freed, run

FOLDER = Path(os.environ["LLM_USER_PATH"])
FOLDER.mkdir(parents=True, exist_ok=True)
(FOLDER / "extra-openai-models.yaml").write_text(
    f"- model_id: here\n  model_name: {MODEL}\n  api_base: {URL}\n  supports_schema: true\n  supports_tools: true\n"
)

import llm  # noqa: E402  # it reads the file above when it is imported

model: Any = llm.get_model("here")
model.key = KEY


def asked(text: str = QUESTION, **options: Any) -> Any:
    return model.prompt(text, **{"temperature": 0, "max_tokens": 24, **options})


def plain() -> str:
    text = str(asked(stream=False).text())
    talk = model.conversation()
    first = talk.prompt(QUESTION, temperature=0, max_tokens=24).text()
    assert first == text, first
    assert talk.prompt("And again.", temperature=0, max_tokens=24).text()
    return text


def stream() -> str:
    pieces = list(asked())
    assert "".join(pieces) == plain(), pieces
    return f"{len(pieces)} events"


def stop() -> str:
    text = str(asked(stop=".").text())
    assert "." not in text, text
    return text


def weather(city: str) -> str:
    """The weather in a city."""
    return f"fine in {city}"


def cancel() -> str:
    events = iter(asked(LONG, max_tokens=1500))
    for _ in zip(range(4), events, strict=False):
        pass
    events.close()
    del events
    gc.collect()  # llm does not close the connection itself
    return freed(plain)


run(
    {
        "plain answer": plain,
        "stream": stream,
        "stop": stop,
        "system and developer": lambda: str(asked(system="Be brief.").text()),
        "schema": lambda: fits(asked("Which country won in 2022?", schema=SCHEMA, max_tokens=60).text()),
        "JSON without a schema": lambda: an_object(asked("Give me {}.", json_object=True, max_tokens=200).text()),
        "tools, any wanted": lambda: str(asked(tools=[weather]).text()),
        "cancel": cancel,
    }
)
