"""langchain-openai against `promptlab serve`, as `ChatOpenAI` with a `base_url`."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from tried import KEY, LONG, MODEL, QUESTION, SCHEMA, TOOL, URL, an_object, fits, freed, run


def model(**options: Any) -> Any:
    wanted = {"temperature": 0, "max_tokens": 24, "max_retries": 0, **options}
    return ChatOpenAI(model=MODEL, base_url=URL, api_key=KEY, **wanted)


def plain() -> str:
    first = model().invoke(QUESTION)
    assert first.usage_metadata["total_tokens"] > 0
    assert model().invoke([HumanMessage(QUESTION), first, HumanMessage("And again.")]).content
    return str(first.content)


def stream() -> str:
    pieces = [str(piece.content) for piece in model().stream(QUESTION)]
    assert "".join(pieces) == plain(), pieces
    return f"{len(pieces)} events"


def stop() -> str:
    text = str(model(stop=["!", "."]).invoke(QUESTION).content)
    assert not {"!", "."} & set(text), text
    return text


def roles() -> str:
    developer = SystemMessage("Be brief.", additional_kwargs={"__openai_role__": "developer"})
    return str(model().invoke([SystemMessage("Be brief."), developer, HumanMessage(QUESTION)]).content)


def schema() -> str:
    titled = {"title": "answer", "description": "An answer.", **SCHEMA}
    made = model(max_tokens=60).with_structured_output(titled, include_raw=True)
    return fits(str(made.invoke("Which country won in 2022?")["raw"].content))


def any_object() -> str:
    made = model(max_tokens=200).with_structured_output(None, method="json_mode", include_raw=True)
    return an_object(str(made.invoke("Give me {}.")["raw"].content))


def probabilities() -> str:
    found = model(logprobs=True, top_logprobs=2).invoke(QUESTION)
    rows = found.response_metadata["logprobs"]["content"]
    assert len(rows) == found.usage_metadata["output_tokens"]
    return f"{len(rows)} tokens"


def cancel() -> str:
    events = model(max_tokens=1500).stream(LONG)
    for _ in zip(range(4), events, strict=False):
        pass
    events.close()
    return freed(plain)


def several() -> str:
    return str(len(model(n=2).generate([[HumanMessage(QUESTION)]]).generations[0]))


assert isinstance(model().invoke(QUESTION), AIMessage)
run(
    {
        "plain answer": plain,
        "stream": stream,
        "stop": stop,
        "system and developer": roles,
        "name of a message": lambda: str(model().invoke([HumanMessage(QUESTION, name="ann")]).content),
        "schema": schema,
        "JSON without a schema": any_object,
        "probabilities": probabilities,
        "tools, none wanted": lambda: str(model().bind_tools([TOOL], tool_choice="none").invoke(QUESTION).content),
        "tools, any wanted": lambda: str(model().bind_tools([TOOL]).invoke(QUESTION).content),
        "two answers": several,
        "a misspelt field": lambda: str(model(extra_body={"temperatur": 1}).invoke(QUESTION).content),
        "cancel": cancel,
    }
)
