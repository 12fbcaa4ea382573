"""litellm against `promptlab serve`, as its provider `openai` with an `api_base`."""

from typing import Any

import litellm
from tried import KEY, LONG, MODEL, QUESTION, SCHEMA, TOOL, URL, an_object, fits, freed, run

litellm.telemetry = False


def asked(text: str = QUESTION, **options: Any) -> Any:
    messages = options.pop("messages", [{"role": "user", "content": text}])
    wanted = {"temperature": 0, "max_tokens": 24, "num_retries": 0, **options}
    return litellm.completion(model=f"openai/{MODEL}", api_base=URL, api_key=KEY, messages=messages, **wanted)


def said(found: Any) -> str:
    return str(found.choices[0].message.content)


def again() -> str:
    """A conversation in which the answer comes back as litellm keeps it."""
    first = asked().choices[0].message.model_dump()
    user = {"role": "user", "content": QUESTION}
    return said(asked(messages=[user, first, {"role": "user", "content": "And again."}]))


def plain() -> str:
    found = asked()
    assert found.usage.total_tokens > 0
    assert again()
    return said(found)


def stream() -> str:
    pieces = [one.choices[0].delta.content or "" for one in asked(stream=True) if one.choices]
    assert "".join(pieces) == plain(), pieces
    return f"{len(pieces)} events"


def stop() -> str:
    found = asked(stop=["!", "."])
    assert found.choices[0].finish_reason == "stop"
    assert not {"!", "."} & set(said(found)), said(found)
    return said(found)


def schema() -> str:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    return fits(said(asked("Which country won in 2022?", response_format=form, max_tokens=60)))


def roles() -> str:
    messages = [{"role": role, "content": "Be brief."} for role in ("system", "developer")]
    return said(asked(messages=[*messages, {"role": "user", "content": QUESTION}]))


def probabilities() -> str:
    found = asked(logprobs=True, top_logprobs=2)
    rows = found.choices[0].logprobs.content
    assert len(rows) == found.usage.completion_tokens
    return f"{len(rows)} tokens"


def cancel() -> str:
    events = asked(LONG, stream=True, max_tokens=1500)
    for _ in zip(range(4), events, strict=False):
        pass
    events.close()
    return freed(plain)


run(
    {
        "plain answer": plain,
        "stream": stream,
        "stop": stop,
        "system and developer": roles,
        "name of a message": lambda: said(asked(messages=[{"role": "user", "content": QUESTION, "name": "ann"}])),
        "schema": schema,
        "JSON without a schema": lambda: an_object(
            said(asked("Give me {}.", response_format={"type": "json_object"}, max_tokens=200))
        ),
        "probabilities": probabilities,
        "tools, none wanted": lambda: said(asked(tools=[TOOL], tool_choice="none")),
        "tools, any wanted": lambda: said(asked(tools=[TOOL])),
        "two answers": lambda: str(len(asked(n=2).choices)),
        "a misspelt field": lambda: said(asked(temperatur=1)),
        "cancel": cancel,
    }
)
