"""The openai package against `promptlab serve`."""

from typing import Any

import openai
from pydantic import BaseModel
from tried import KEY, LONG, MODEL, QUESTION, SCHEMA, TOOL, URL, an_object, fits, freed, run

client: Any = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0)


class Answer(BaseModel):
    country: str
    sure: bool


def asked(text: str = QUESTION, **options: Any) -> Any:
    messages = options.pop("messages", [{"role": "user", "content": text}])
    return client.chat.completions.create(
        model=MODEL, messages=messages, **{"temperature": 0, "max_tokens": 24, **options}
    )


def plain() -> str:
    said = asked()
    assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens > 0
    assert client.models.retrieve(MODEL).id == MODEL
    assert MODEL in [model.id for model in client.models.list()]
    return str(said.choices[0].message.content)


def stream() -> str:
    chunks = list(asked(stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == plain(), text
    assert chunks[-1].usage.completion_tokens > 0
    with client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": QUESTION}], temperature=0, max_tokens=24
    ) as events:
        assert events.get_final_completion().choices[0].message.content == text
    return f"{len(chunks)} events"


def stop() -> str:
    said = asked(stop=["!", "."]).choices[0]
    assert said.finish_reason == "stop"
    assert not {"!", "."} & set(said.message.content), said.message.content
    return str(said.message.content)


def roles() -> str:
    messages = [{"role": role, "content": "Be brief."} for role in ("system", "developer")]
    return str(asked(messages=[*messages, {"role": "user", "content": QUESTION}]).choices[0].message.content)


def schema() -> str:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    text = fits(asked("Which country won in 2022?", response_format=form, max_tokens=60).choices[0].message.content)
    parsed = client.chat.completions.parse(
        model=MODEL,
        messages=[{"role": "user", "content": "Which country won in 2022?"}],
        temperature=0,
        max_tokens=100,
        response_format=Answer,
    )
    assert isinstance(parsed.choices[0].message.parsed, Answer), parsed
    return text


def probabilities() -> str:
    said = asked(logprobs=True, top_logprobs=2)
    rows = said.choices[0].logprobs.content
    assert len(rows) == said.usage.completion_tokens
    assert all(len(row.top_logprobs) == 2 for row in rows)
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
        "name of a message": lambda: str(asked(messages=[{"role": "user", "content": QUESTION, "name": "ann"}]).id),
        "schema": schema,
        "JSON without a schema": lambda: an_object(
            asked("Give me {}.", response_format={"type": "json_object"}, max_tokens=200).choices[0].message.content
        ),
        "probabilities": probabilities,
        "tools, none wanted": lambda: str(asked(tools=[TOOL], tool_choice="none").choices[0].message.content),
        "tools, any wanted": lambda: str(asked(tools=[TOOL]).choices[0].message.content),
        "two answers": lambda: str(len(asked(n=2).choices)),
        "a misspelt field": lambda: str(asked(extra_body={"temperatur": 1}).id),
        "cancel": cancel,
    }
)
