"""The pydantic models of a template file, and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from promptlab.documents import PassageChoice
from promptlab.errors import InputError, nearest
from promptlab.examples import Order, Select
from promptlab.types import Params


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Input(_Strict):
    model_config = ConfigDict(title="Input")

    type: Literal["string", "number", "boolean", "list", "object"] = Field(
        "string", description="What kind of value it takes."
    )
    sample: Any = Field(None, description="A typical value: fills previews, and the check that the template renders.")
    default: Any = Field(None, description="Used when none is given. Without a default the input must be given.")
    description: str = Field("", description="What the input is for, shown beside its field.")


class _Examples(_Strict):
    model_config = ConfigDict(title="Examples")

    pool: Annotated[str, Field(min_length=1)] = Field(description="JSONL file of worked examples, from the workspace.")
    k: int = Field(2, ge=0, description="How many examples become shots.")
    select: Select = Field(
        "first",
        description="`first` takes them in the pool's order, `random` by the seed, `balanced` one of each class in "
        "turn, `similar` those most like the inputs, `diverse` those least like each other; never the item itself.",
    )
    seed: int = Field(0, description="Decides a random choice: the same seed gives the same shots.")
    order: Order = Field("given", description="How those chosen stand in the prompt.")
    balance: Literal["output", "tag"] = Field(
        "output", description="What a class is for `balanced`: the same output, or the same first tag."
    )


class _Passages(_Strict):
    model_config = ConfigDict(title="Passages")

    by: Literal["heading", "range", "bm25"] = Field(description="How passages are chosen.")
    headings: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="By heading: the sections to take, as `Final` or `Knockout > Final`."
    )
    lines: list[int] | None = Field(None, description="By range: the first and the last line, from 1.")
    words: list[int] | None = Field(None, description="By range: the first and the last word, from 1.")
    characters: list[int] | None = Field(None, description="By range: the first and the last character, from 1.")
    n: int = Field(3, ge=1, description="By bm25: how many of the passages most like the question.")
    query: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="By bm25: the inputs to compare with; all of them unless said."
    )
    max_characters: int | None = Field(None, ge=1, description="Most characters; what does not fit is left out whole.")
    max_tokens: int | None = Field(
        None,
        ge=1,
        description="Most tokens, counted alike for every model; what does not fit is left out whole.",
    )

    @model_validator(mode="after")
    def _fits(self) -> _Passages:
        mine = _OF[self.by]
        for name in sorted(self.model_fields_set - {"by", *_BOUNDS, *mine}):
            raise ValueError(f"`{name}` has no meaning with `by: {self.by}`, which takes {' '.join(mine)}")
        if self.by == "heading" and not self.headings:
            raise ValueError("`headings` is missing: name the sections to take")
        given = [getattr(self, unit) for unit in _UNITS if getattr(self, unit) is not None]
        if self.by == "range" and len(given) != 1:
            raise ValueError("give exactly one of `lines`, `words` and `characters`")
        if given and (len(given[0]) != 2 or not 1 <= given[0][0] <= given[0][1]):
            raise ValueError("a range is the first and the last, counted from 1, such as [10, 40]")
        return self

    def choice(self) -> PassageChoice:
        """The choice as the type that the rest of promptlab uses."""
        unit = next((unit for unit in _UNITS if getattr(self, unit) is not None), _UNITS[0])
        start, end = getattr(self, unit) or (1, None)
        bounds = {name: getattr(self, name) for name in _BOUNDS}
        return PassageChoice(self.by, tuple(self.headings), unit, start, end, self.n, tuple(self.query), **bounds)


_UNITS: tuple[Literal["lines", "words", "characters"], ...] = ("lines", "words", "characters")


_BOUNDS = ("max_characters", "max_tokens")


_OF: dict[str, tuple[str, ...]] = {"heading": ("headings",), "range": _UNITS, "bm25": ("n", "query")}


def passages_entry(choice: PassageChoice) -> dict[str, Any]:
    """`choice` as a template file writes it under `passages`; what is a default is left out.

    A range needs its end: a file says both.
    """
    entry: dict[str, Any] = {"by": choice.by}
    if choice.by == "heading":
        entry["headings"] = list(choice.headings)
    elif choice.by == "range":
        if choice.end is None:
            raise ValueError("a range in a template file has a first and a last")
        entry[choice.unit] = [choice.start, choice.end]
    else:
        entry["n"] = choice.n
        if choice.query:
            entry["query"] = list(choice.query)
    return entry | {name: getattr(choice, name) for name in _BOUNDS if getattr(choice, name) is not None}


class _Context(_Strict):
    model_config = ConfigDict(title="Document")

    path: Annotated[str, Field(min_length=1)] = Field(description="The document, as a path from the workspace.")
    passages: _Passages | None = Field(None, description="Take passages of it, and not all of it.")


ContextModel = _Context
"""The model of one entry of `context`. Its first name stands in the schema."""


class _Params(_Strict):
    model_config = ConfigDict(title="Parameters")

    temperature: float = Field(0.0, ge=0, allow_inf_nan=False, description="0 takes the likeliest token each time.")
    max_tokens: int = Field(256, ge=1, description="The most new tokens an answer may have.")
    top_p: float | None = Field(None, gt=0, le=1, description="Sample from the likeliest tokens up to this mass.")
    top_k: int | None = Field(None, ge=0, description="Sample from this many of the likeliest tokens; 0 for all.")
    min_p: float | None = Field(None, ge=0, le=1, description="Leave out tokens less likely than this part of the top.")
    repeat_penalty: float | None = Field(None, gt=0, allow_inf_nan=False, description="Above 1 discourages repeats.")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="Discourages tokens that are there already.")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="The same, by how often they are there.")
    seed: int | None = Field(None, ge=0, description="Seed of the sampling, where the model takes one.")
    logprobs: int | None = Field(
        None, ge=0, le=20, description="Say how likely each token was, and so many alternatives to it."
    )
    reasoning_effort: str | None = Field(
        None, min_length=1, description="How long a thinking model may think, in its server's word: none, low, high."
    )
    stop: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Texts that end an answer; they are not part of it."
    )

    @field_validator("stop", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """A single text is short for a list with it."""
        return [value] if isinstance(value, str) else value

    def params(self) -> Params:
        """The parameters as the type that the rest of promptlab uses."""
        return Params(**{**self.model_dump(), "stop": tuple(self.stop)})


ParamsModel = _Params
"""Validates the sampling parameters of every file. Its first name stands in the schema of templates."""


class TemplateFileModel(_Strict):
    model_config = ConfigDict(title="promptlab template")

    description: str = Field("", description="What the template is for, in a sentence.")
    inputs: dict[str, _Input] = Field(
        default_factory=dict, description="What is filled in: name -> type, sample, default."
    )
    instructions: str = Field("", description="What the model should do. Jinja; may use the inputs.")
    output_format: str = Field("", description="What the answer should look like. Jinja; may use inputs and `schema`.")
    user: str | None = Field(
        None, description="Text of a user turn, for the question and each example alike. Jinja; null takes the inputs."
    )
    context: list[_Context] = Field(
        default_factory=list, description="Documents the model may read, as paths from the workspace."
    )
    examples: _Examples | None = Field(None, description="Worked examples that become turns of their own.")
    schema_: dict[str, Any] | str | None = Field(
        None, alias="schema", description="JSON Schema of the answer, as a mapping or as JSON text."
    )
    params: _Params = Field(default_factory=_Params, description="Sampling parameters.")
    layout: str | None = Field(
        None, description="How the parts become messages. Jinja with message tags; null takes the standard layout."
    )


_KNOWN: dict[str, list[str]] = {
    "inputs": list(_Input.model_fields),
    "examples": list(_Examples.model_fields),
    "params": list(_Params.model_fields),
    "context": list(_Context.model_fields),
    "passages": list(_Passages.model_fields),
    "": [(field.alias or name) for name, field in TemplateFileModel.model_fields.items()],
}


def known_keys(loc: tuple[Any, ...]) -> list[str]:
    """The keys that are allowed at `loc`: those of the innermost part that has keys of its own."""
    return _KNOWN[next((part for part in reversed(loc[:-1]) if part in _KNOWN), "")]


def file_schema() -> dict[str, Any]:
    """The JSON Schema of a template file, with descriptions that editors show."""
    schema = TemplateFileModel.model_json_schema(by_alias=True)
    names = schema["properties"]["inputs"]
    one = names.pop("additionalProperties")
    names.pop("type")
    names["anyOf"] = [
        {"type": "object", "additionalProperties": {"anyOf": [one, {"type": "null"}]}},
        {"type": "array", "items": {"type": "string"}},
    ]
    context = schema["properties"]["context"]
    context["items"] = {"anyOf": [{"type": "string", "minLength": 1}, context["items"]]}
    stop = schema["$defs"]["_Params"]["properties"]["stop"]
    stop["anyOf"] = [{"type": "string", "minLength": 1}, {"type": stop.pop("type"), "items": stop.pop("items")}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def params_with(params: Params, changes: Mapping[str, Any]) -> Params:
    """`params` with `changes`, validated like those of a template file.

    Raises `InputError`, which names the parameter.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    if isinstance(stop := wanted.get("stop"), str):
        wanted["stop"] = [stop]
    elif isinstance(stop, tuple):
        wanted["stop"] = list(stop)
    try:
        checked = ParamsModel.model_validate(wanted)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise InputError(f"there is no parameter `{name}`", hint=nearest(name, ParamsModel.model_fields)) from exc
        message = first["msg"].removeprefix("Input should be ")
        raise InputError(f"should be {message}, not {first['input']!r}"[:200], field=f"params.{name}") from exc
    return params.with_(**{name: getattr(checked, name) for name in wanted})
