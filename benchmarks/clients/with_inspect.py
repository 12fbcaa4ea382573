"""inspect-ai against `promptlab serve`, as `openai-api/promptlab/MODEL`: its models, and one whole eval."""

import asyncio
import os
from typing import Any

from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, GenerateConfig, ResponseSchema, get_model
from inspect_ai.scorer import includes
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import JSONSchema
from tried import KEY, LONG, MODEL, QUESTION, SCHEMA, URL, fits, freed, run

NAME = f"openai-api/promptlab/{MODEL}"
os.environ |= {"PROMPTLAB_API_KEY": KEY, "PROMPTLAB_BASE_URL": URL}
WEATHER = ToolInfo(
    name="weather",
    description="The weather in a city.",
    parameters=ToolParams(properties={"city": JSONSchema(type="string")}, required=["city"]),
)


def asked(text: Any = QUESTION, *, tools: Any = (), tool_choice: Any = None, **options: Any) -> Any:
    config = GenerateConfig(**{"temperature": 0, "max_tokens": 24, "max_retries": 0, **options})

    async def ask() -> Any:
        return await get_model(NAME, memoize=False).generate(text, [*tools], tool_choice, config)

    return asyncio.run(ask())


def plain() -> str:
    found = asked()
    assert found.usage.total_tokens > 0
    task = Task(dataset=[Sample(input=QUESTION, target="hello")], scorer=includes())
    (log,) = evaluate(task, model=NAME, temperature=0, max_tokens=24, display="none", max_retries=0)
    assert log.status == "success", log.error
    return str(found.completion)


def stream() -> str:
    async def ask() -> Any:
        config = GenerateConfig(temperature=0, max_tokens=24, max_retries=0)
        return await get_model(NAME, memoize=False, stream=True).generate(QUESTION, [], None, config)

    text = str(asyncio.run(ask()).completion)
    assert text == plain(), text
    return text


def stop() -> str:
    text = str(asked(stop_seqs=["!", "."]).completion)
    assert not {"!", "."} & set(text), text
    return text


def roles() -> str:
    return str(asked([ChatMessageSystem(content="Be brief."), ChatMessageUser(content=QUESTION)]).completion)


def schema() -> str:
    form = ResponseSchema(name="answer", json_schema=JSONSchema.model_validate(SCHEMA))
    return fits(asked("Which country won in 2022?", response_schema=form, max_tokens=60).completion)


def probabilities() -> str:
    found = asked(logprobs=True, top_logprobs=2)
    rows = found.choices[0].logprobs.content
    assert len(rows) == found.usage.output_tokens
    return f"{len(rows)} tokens"


def cancel() -> str:
    async def ask() -> None:
        config = GenerateConfig(temperature=0, max_tokens=1500, max_retries=0)
        async with asyncio.timeout(1):
            await get_model(NAME, memoize=False).generate(LONG, [], None, config)

    try:
        asyncio.run(ask())
    except TimeoutError:
        return freed(plain)
    raise AssertionError("an answer within a second")


run(
    {
        "plain answer": plain,
        "stream": stream,
        "stop": stop,
        "system and developer": roles,
        "schema": schema,
        "probabilities": probabilities,
        "tools, none wanted": lambda: str(asked(tools=[WEATHER], tool_choice="none").completion),
        "tools, any wanted": lambda: str(asked(tools=[WEATHER]).completion),
        "two answers": lambda: str(len(asked(num_choices=2).choices)),
        "a misspelt field": lambda: str(asked(extra_body={"temperatur": 1}).completion),
        "cancel": cancel,
    }
)
