"""A template file, as people write it: YAML checked key by key, and the JSON Schema editors check it with.

    description: Answer a question about a tournament from an article
    inputs:
      question: {type: string, sample: Who won the 2022 world cup in football?}
    instructions: |
      Answer the question from the article.
    context: [fixtures/documents/world-cup-2022.md]

Every complaint names the file, the line and the field; a Jinja mistake in a literal block names its own line.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from promptlab._util.json_schema import problem_of
from promptlab._yaml import Plain, YamlFile, parse_yaml, validation_problem
from promptlab.errors import InputError, TemplateError, nearest
from promptlab.templates._jinja import compile_text
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.types import InputSpec, Order, Params, PassageChoice, Select, ShotChoice, Template

LAYOUT_NAMES = ("instructions", "output_format", "documents", "examples", "user", "schema")
"""What a layout can use beside the inputs."""
SECTION_NAMES = ("schema",)
"""What the text of a section can use beside the inputs."""
TEXTS = ("instructions", "output_format", "user", "layout")

_JINJA_NAMES = (
    "caller dict false joiner kwargs loop namespace none range self super true varargs recursive".split()  # noqa: SIM905
)
TAKEN_NAMES = {*LAYOUT_NAMES, *_JINJA_NAMES}
"""Names no input may have: the layout and Jinja use them."""


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
        """As the rest of promptlab has it."""
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
        """One text is short for a list of it."""
        return [value] if isinstance(value, str) else value

    def params(self) -> Params:
        """As the rest of the code has them."""
        return Params(**{**self.model_dump(), "stop": tuple(self.stop)})


ParamsModel = _Params
"""What checks sampling parameters wherever a file has some; by its other name it stands in the schema of templates."""


class _File(_Strict):
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
    "": [(field.alias or name) for name, field in _File.model_fields.items()],
}


def _known_keys(loc: tuple[Any, ...]) -> list[str]:
    """The keys known where pydantic found something: those of the innermost part that has its own."""
    return _KNOWN[next((part for part in reversed(loc[:-1]) if part in _KNOWN), "")]


def file_schema() -> dict[str, Any]:
    """JSON Schema of a template file, with descriptions editors show on hover."""
    schema = _File.model_json_schema(by_alias=True)
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
    """`params` with `changes`, checked as those of a template file are.

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


def parse(text: str, *, path: str) -> Template:
    """The template in `text`; `path` is the name people see. Raises `TemplateError` for anything wrong with it."""
    file = parse_yaml(text, shown=path, error=TemplateError)
    if not isinstance(file.data, Mapping):
        raise TemplateError("a template is a mapping of keys such as `instructions`", file=path, line=1)
    data = _normal(Plain(file, TemplateError, "a template").convert(file.data, ()), file)
    try:
        parsed = _File.model_validate(data)
    except ValidationError as exc:
        problem = validation_problem(exc, file, _known_keys)
        field = problem.field
        if re.fullmatch(r"context\.\d+\.path", field) and isinstance(
            file.data["context"][int(field.split(".")[1])], str
        ):
            field = field.removesuffix(".path")  # the short form has no such key
        raise TemplateError(problem.message, file=path, line=problem.line, field=field, hint=problem.hint) from exc
    inputs = {name: InputSpec(s.type, s.sample, s.default, s.description) for name, s in parsed.inputs.items()}
    _check_inputs(inputs, file)
    _check_context(parsed.context, inputs, file)
    template = Template(
        name=PurePath(path).stem,
        path=path,
        description=parsed.description,
        inputs=inputs,
        instructions=parsed.instructions,
        output_format=parsed.output_format,
        user=parsed.user,
        context=tuple(entry.path for entry in parsed.context),
        passages={entry.path: entry.passages.choice() for entry in parsed.context if entry.passages},
        examples=ShotChoice(**parsed.examples.model_dump()) if parsed.examples else None,
        schema=_json_schema(parsed.schema_, file),
        params=parsed.params.params(),
        layout=parsed.layout,
        source=text,
        lines={key: _first_line(file, key) for key in file.data if isinstance(key, str)},
    )
    _check_texts(template)
    return template


def plain(text: str, *, path: str) -> dict[str, Any]:
    """What the template file `text` has for each of its keys, as it is written there and unchecked."""
    file = parse_yaml(text, shown=path, error=TemplateError)
    found: dict[str, Any] = Plain(file, TemplateError, "a template").convert(file.data, ())
    return found


_FITS: dict[str, Any] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "list": (list, tuple),
    "object": Mapping,
}


def type_problem(kind: str, value: Any) -> str | None:
    """What is wrong with `value` as an input of type `kind`; None when it fits."""
    fits: dict[str, Any] = {
        "string": str,
        "number": (int, float),
        "boolean": bool,
        "list": (list, tuple),
        "object": Mapping,
    }
    if not isinstance(value, fits[kind]) or (kind == "number" and isinstance(value, bool)):
        return f"should be a {kind}, not {type(value).__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "should be a finite number"
    return None


def jinja_error(problem: LayoutProblem, template: Template, field: str) -> TemplateError:
    """`problem` of the text in `field`, placed in the template's file."""
    line = template.lines.get(field)
    if line is not None and problem.line is not None and _is_block(template.source, line):
        line += problem.line - 1
    return TemplateError(problem.message, file=template.path, line=line, field=field, hint=problem.hint)


def _check_texts(template: Template) -> None:
    """Every text compiles and uses declared names only."""
    for field in TEXTS:
        text = getattr(template, field)
        if not text or "{" not in text:  # without a tag there is nothing that could be wrong
            continue
        known = {*template.inputs, *(LAYOUT_NAMES if field == "layout" else SECTION_NAMES)}
        try:
            compiled = compile_text(text, layout=field == "layout")
        except LayoutProblem as exc:
            raise jinja_error(exc, template, field) from exc
        unknown = sorted(compiled.names - known)
        if unknown:
            words = ", ".join(f"`{name}`" for name in unknown)
            hint = f"{nearest(unknown[0], known)}; declare it under `inputs` if it is one"
            line = next((n for n, row in enumerate(text.split("\n"), 1) if re.search(rf"\b{unknown[0]}\b", row)), 1)
            raise jinja_error(LayoutProblem(f"uses {words}, which no input declares", line, hint), template, field)


def _check_inputs(inputs: Mapping[str, InputSpec], file: YamlFile) -> None:
    for name, spec in inputs.items():
        problem, hint = "", ""
        if not name.isidentifier() or not name.isascii() or name.startswith("_"):
            problem = f"`{name}` cannot be the name of an input"
            hint = "use letters, digits and underscores, as in `ticket_text`"
        elif name in TAKEN_NAMES or keyword.iskeyword(name):
            problem, hint = f"`{name}` means something else in templates", "choose another name"
        if problem:
            line = file.line(("inputs", name))
            raise TemplateError(problem, file=file.shown, line=line, field=f"inputs.{name}", hint=hint)
        for key in ("sample", "default"):
            value = getattr(spec, key)
            wrong = None if value is None else type_problem(spec.type, value)
            if wrong:
                path = ("inputs", name, key)
                raise TemplateError(wrong, file=file.shown, line=file.line(path), field=".".join(path))


def _check_context(context: list[_Context], inputs: Mapping[str, InputSpec], file: YamlFile) -> None:
    """Passages are kept by the document's path, and compared with inputs that there are."""
    for number, entry in enumerate(context):
        line, field = file.line(("context", number)), f"context.{number}"
        if any(entry.path == other.path and (entry.passages or other.passages) for other in context[:number]):
            message, hint = f"`{entry.path}` is there twice", "take all its passages in one entry"
            raise TemplateError(message, file=file.shown, line=line, field=field, hint=hint)
        for name in entry.passages.query if entry.passages else ():
            if name not in inputs:
                message, field = f"there is no input `{name}`", f"{field}.passages.query"
                line = file.line(("context", number, "passages", "query"))
                raise TemplateError(message, file=file.shown, line=line, field=field, hint=nearest(name, inputs))


def _json_schema(value: dict[str, Any] | str | None, file: YamlFile) -> str | None:
    if value is None:
        return None
    line = file.line(("schema",))
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as exc:
            raise TemplateError(f"not JSON: {exc}", file=file.shown, line=line, field="schema") from exc
    if not isinstance(value, dict):
        raise TemplateError("should be a mapping, or the JSON text of one", file=file.shown, line=line, field="schema")
    problem = problem_of(value)
    if problem:
        line = file.line(("schema", *problem.path)) or line
        field = ".".join(["schema", *map(str, problem.path)])
        raise TemplateError(problem.message, file=file.shown, line=line, field=field)
    # In the author's order: a model writes an object's keys in the order of its schema.
    return json.dumps(value, separators=(",", ":"))


def _normal(data: dict[str, Any], file: YamlFile) -> dict[str, Any]:
    """Short forms spelt out: a bare list of inputs, an input or a key without a value."""
    inputs = data.get("inputs")
    if isinstance(inputs, list):
        for position, name in enumerate(inputs):
            if not isinstance(name, str):
                line = file.line(("inputs", position))
                raise TemplateError(
                    "a list of inputs holds names", file=file.shown, line=line, field=f"inputs.{position}"
                )
        inputs = dict.fromkeys(inputs)
    if isinstance(inputs, dict):
        data = {**data, "inputs": {name: {} if spec is None else spec for name, spec in inputs.items()}}
    context = data.get("context")
    if isinstance(context, list):
        data = {**data, "context": [{"path": entry} if isinstance(entry, str) else entry for entry in context]}
    # `instructions:` with nothing behind it is an empty section, as is any other key.
    return {key: value for key, value in data.items() if value is not None}


_BLOCK = re.compile(r"[|][-+0-9]*[ \t]*(#.*)?$")


def _first_line(file: YamlFile, key: str) -> int:
    """The line where the value of `key` begins; for a literal block that of its first text."""
    line = file.value_line(key) or 1
    rows = file.text.split("\n")
    return line + 1 if _BLOCK.search(rows[line - 1].rstrip("\r")) else line


def _is_block(source: str, line: int) -> bool:
    """Whether a literal block begins in the line before `line`: only there do lines of text equal lines of the file."""
    rows = source.split("\n")
    return 2 <= line <= len(rows) + 1 and _BLOCK.search(rows[line - 2].rstrip("\r")) is not None
