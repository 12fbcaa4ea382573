"""Parses template files: YAML, checked key by key.

    description: Answer a question about a tournament from an article
    inputs:
      question: {type: string, sample: Who won the 2022 world cup in football?}
    instructions: |
      Answer the question from the article.
    context: [fixtures/documents/world-cup-2022.md]

Every error names the file, the line and the field. A mistake in the Jinja of a literal block has its exact line.
"""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from promptlab._util.json_schema import problem_of
from promptlab._yaml import PlainData, YamlFile, parse_yaml, validation_problem
from promptlab.errors import TemplateError, nearest
from promptlab.examples import ShotChoice
from promptlab.templates._file_schema import ContextModel, TemplateFileModel, known_keys
from promptlab.templates._jinja import compile_text
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.templates._template import InputSpec, Template

LAYOUT_NAMES = ("instructions", "output_format", "documents", "examples", "user", "schema")
"""The names that a layout can use, beside the inputs."""
SECTION_NAMES = ("schema",)
"""The names that the text of a section can use, beside the inputs."""
TEXT_FIELDS = ("instructions", "output_format", "user", "layout")

_JINJA_NAMES = (
    "caller dict false joiner kwargs loop namespace none range self super true varargs recursive".split()  # noqa: SIM905
)
RESERVED_NAMES = {*LAYOUT_NAMES, *_JINJA_NAMES}
"""Names that no input may have, because layouts or Jinja use them."""


def parse(text: str, *, path: str) -> Template:
    """The template in `text`; messages call it `path`. Raises `TemplateError` for the first problem."""
    file = parse_yaml(text, shown=path, error=TemplateError)
    if not isinstance(file.data, Mapping):
        raise TemplateError("a template is a mapping of keys such as `instructions`", file=path, line=1)
    data = _normal(PlainData(file, TemplateError, "a template").convert(file.data, ()), file)
    try:
        parsed = TemplateFileModel.model_validate(data)
    except ValidationError as exc:
        problem = validation_problem(exc, file, known_keys)
        field = problem.field
        if re.fullmatch(r"context\.\d+\.path", field) and isinstance(
            file.data["context"][int(field.split(".")[1])], str
        ):
            field = field.removesuffix(".path")  # the short form has no key `path`
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


def plain_data(text: str, *, path: str) -> dict[str, Any]:
    """The keys and values of the template file `text`, as they are written, not validated."""
    file = parse_yaml(text, shown=path, error=TemplateError)
    data: dict[str, Any] = PlainData(file, TemplateError, "a template").convert(file.data, ())
    return data


def type_problem(kind: str, value: Any) -> str | None:
    """The reason why `value` cannot be an input of type `kind`; None if it can."""
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
    """`problem` of the text in `field`, with its line in the template file."""
    line = template.lines.get(field)
    if line is not None and problem.line is not None and _is_block(template.source, line):
        line += problem.line - 1
    return TemplateError(problem.message, file=template.path, line=line, field=field, hint=problem.hint)


def _check_texts(template: Template) -> None:
    """Check that every text compiles and uses declared names only."""
    for field in TEXT_FIELDS:
        text = getattr(template, field)
        if not text or "{" not in text:  # without a tag nothing can be wrong
            continue
        known = {*template.inputs, *(LAYOUT_NAMES if field == "layout" else SECTION_NAMES)}
        try:
            compiled = compile_text(text, layout=field == "layout")
        except LayoutProblem as exc:
            raise jinja_error(exc, template, field) from exc
        unknown = sorted(compiled.names - known)
        if unknown:
            words = ", ".join(f"`{name}`" for name in unknown)
            hint = f"{nearest(unknown[0], known)}; declare it under `inputs` if it is an input"
            line = next((n for n, row in enumerate(text.split("\n"), 1) if re.search(rf"\b{unknown[0]}\b", row)), 1)
            raise jinja_error(LayoutProblem(f"uses {words}, which no input declares", line, hint), template, field)


def _check_inputs(inputs: Mapping[str, InputSpec], file: YamlFile) -> None:
    for name, spec in inputs.items():
        problem, hint = "", ""
        if not name.isidentifier() or not name.isascii() or name.startswith("_"):
            problem = f"`{name}` cannot be the name of an input"
            hint = "use letters, digits and underscores, as in `ticket_text`"
        elif name in RESERVED_NAMES or keyword.iskeyword(name):
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


def _check_context(context: list[ContextModel], inputs: Mapping[str, InputSpec], file: YamlFile) -> None:
    """Check that no document with passages is listed twice, and that all query inputs exist."""
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
    # The order stays: a model writes the keys of an object in the order of its schema.
    return json.dumps(value, separators=(",", ":"))


def _normal(data: dict[str, Any], file: YamlFile) -> dict[str, Any]:
    """`data` with short forms expanded: a bare list of inputs, an input or a key without a value."""
    inputs = data.get("inputs")
    if isinstance(inputs, list):
        for position, name in enumerate(inputs):
            if not isinstance(name, str):
                line = file.line(("inputs", position))
                raise TemplateError(
                    "the items of a list of inputs are names", file=file.shown, line=line, field=f"inputs.{position}"
                )
        inputs = dict.fromkeys(inputs)
    if isinstance(inputs, dict):
        data = {**data, "inputs": {name: {} if spec is None else spec for name, spec in inputs.items()}}
    context = data.get("context")
    if isinstance(context, list):
        data = {**data, "context": [{"path": entry} if isinstance(entry, str) else entry for entry in context]}
    # `instructions:` without a value is an empty section; the same holds for every key.
    return {key: value for key, value in data.items() if value is not None}


_BLOCK = re.compile(r"[|][-+0-9]*[ \t]*(#.*)?$")


def _first_line(file: YamlFile, key: str) -> int:
    """The line where the value of `key` begins; for a literal block the line of its first text."""
    line = file.value_line(key) or 1
    rows = file.text.split("\n")
    return line + 1 if _BLOCK.search(rows[line - 1].rstrip("\r")) else line


def _is_block(source: str, line: int) -> bool:
    """True if a literal block begins in the line before `line`: only its lines can be counted in the file."""
    rows = source.split("\n")
    return 2 <= line <= len(rows) + 1 and _BLOCK.search(rows[line - 2].rstrip("\r")) is not None
