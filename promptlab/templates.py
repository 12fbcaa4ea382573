"""Templates: reading them from the workspace, and rendering one into a `Prompt` with its spans.

    template = load(workspace, "world-cup")
    prompt = render(template, {"question": "Who won?"}, documents=documents, shots=shots)
    prompt.messages[0].role                # "system"
    prompt.texts()                         # each span with its characters: instructions, a document, an example, …

Values (inputs, documents, examples) are inserted once and never rendered again, whatever they contain.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import TemplateError, WorkspaceError, nearest
from promptlab.layout import STANDARD, Compiled, LayoutProblem, Part, compile_text
from promptlab.sandbox import small
from promptlab.template_file import LAYOUT_NAMES, SECTION_NAMES, file_schema, jinja_error, parse, type_problem
from promptlab.traced import METER, Limits, Meter, Origin, Overrun, Traced, concat
from promptlab.types import (
    SWITCHABLE,
    Document,
    Example,
    InputSpec,
    Label,
    Message,
    Prompt,
    Section,
    Source,
    Span,
    Template,
    canonical_json,
    highest,
    sha256,
)
from promptlab.workspace import Workspace
from promptlab.yamlfile import parse_yaml, read_text

FOLDER = "templates"
ENDINGS = (".yaml", ".yml")


def names(workspace: Workspace) -> list[str]:
    """Paths of the workspace's templates: those in its `templates` folder, sorted."""
    folder = workspace.root / FOLDER
    found = [path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file()]
    return sorted(path.relative_to(workspace.root).as_posix() for path in found)


def load(workspace: Workspace, path: str) -> Template:
    """The template at `path`: a path in the workspace, an absolute path, or a bare name such as `world-cup`.

    Its documents and its pool of examples must be there; a missing file is a `TemplateError` with its line.
    """
    full, shown = _find(workspace, path)
    template = parse(read_text(full, shown=shown, error=TemplateError), path=shown)
    wanted = [(f"context.{number}", document) for number, document in enumerate(template.context)]
    if template.examples:
        wanted.append(("examples.pool", template.examples.pool))
    for field, name in wanted:
        _check_there(workspace, template, field, name)
    return template


def _find(workspace: Workspace, path: str) -> tuple[Path, str]:
    bare = "/" not in path and "\\" not in path and not path.endswith(ENDINGS)
    if Path(path).is_absolute():
        full = Path(path)
    else:
        try:
            full = workspace.resolve(f"{FOLDER}/{path}.yaml" if bare else path)
        except (WorkspaceError, ValueError) as exc:  # ValueError: a NUL byte
            raise TemplateError(str(exc), file=path) from exc
    shown = workspace.relative(full)
    if not full.is_file():
        known = names(workspace)
        known = [Path(name).stem for name in known] if bare else known
        raise TemplateError("there is no such template", file=path if bare else shown, hint=nearest(path, known))
    return full, shown


def _check_there(workspace: Workspace, template: Template, field: str, name: str) -> None:
    try:
        full = workspace.resolve(name)
        there = full.is_file()
    except (WorkspaceError, OSError, ValueError) as exc:
        message, there, hint = str(exc), False, ""
    else:
        message = f"there is no file `{name}` in the workspace"
        beside = [p.name for p in full.parent.iterdir()] if full.parent.is_dir() else []
        close = difflib.get_close_matches(full.name, beside, n=1)
        hint = f"did you mean `{workspace.relative(full.parent / close[0])}`?" if close else ""
    if not there:
        file = parse_yaml(template.source, shown=template.path, error=TemplateError)
        line = file.line(int(part) if part.isdigit() else part for part in field.split("."))
        raise TemplateError(message, file=template.path, line=line, field=field, hint=hint)


def sample_inputs(template: Template) -> dict[str, Any]:
    """The sample of each input that has one, else its default; inputs with neither are left out."""
    values = {name: spec.default if spec.sample is None else spec.sample for name, spec in template.inputs.items()}
    return {name: value for name, value in values.items() if value is not None}


def inputs_from_text(template: Template, texts: Mapping[str, str]) -> dict[str, Any]:
    """Inputs typed on a command line or into a form, as values of the types the template declares.

    Text stays as it is; numbers, booleans, lists and objects are read as JSON.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        spec = _spec(template, name)
        if spec.type == "string":
            values[name] = text
            continue
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError) as exc:
            message = f"cannot be read as a {spec.type}: {text[:60]!r}"
            raise TemplateError(message, file=template.path, field=f"inputs.{name}", hint="write it as JSON") from exc
        _check_type(template, name, spec, values[name])
    return values


def render(
    template: Template,
    inputs: Mapping[str, Any],
    *,
    documents: Sequence[Document] = (),
    shots: Sequence[Example] = (),
    without: Collection[Section] = (),
    label: Label = "public",
    limits: Limits | None = None,
) -> Prompt:
    """The messages of `template`, and where each of their characters came from.

    `without` names sections to leave out; what is switched off is not among the prompt's sources either.
    `label` is that of the inputs. Raises `TemplateError`: every missing variable in one message, a mistake
    in the Jinja with its line, or a template that goes past `limits`.
    """
    for section in without:
        if section not in SWITCHABLE:
            raise TemplateError(
                f"`{section}` cannot be left out", file=template.path, hint=nearest(section, SWITCHABLE)
            )
    token = METER.set(Meter(limits or Limits()))
    try:
        return _Render(template, inputs, documents, shots, without, label).prompt()
    finally:
        METER.reset(token)


class _DocumentPart(Part):
    fields = ("text", "path", "title")

    def __init__(self, document: Document) -> None:
        self.origin = Origin("context", document.path, document.label)
        self.text = Traced.of(document.text, self.origin)
        self.path = Traced.of(document.path, self.origin)

    @property
    def title(self) -> Traced:
        """The first Markdown heading, or the file's name."""
        heading = _HEADING.search(self.text)
        if heading is None:
            return Traced.of(self.path.rpartition("/")[2], self.origin)
        return self.text.cut(heading.start(1), heading.end(1))


_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*?)[ \t]*#*[ \t\r]*$", re.MULTILINE)


class _ExamplePart(Part):
    fields = ("user", "output", "id", "inputs")

    def __init__(self, example: Example, origin: Origin, inputs: Mapping[str, Any], user: Traced) -> None:
        self.user, self.inputs = user, inputs
        self.output = Traced.of(example.output, origin)
        self.id = Traced.of(example.id, origin)


class _Render:
    """One render. Order matters only in that every complaint about names comes before any text is made."""

    def __init__(
        self,
        template: Template,
        inputs: Mapping[str, Any],
        documents: Sequence[Document],
        shots: Sequence[Example],
        without: Collection[Section],
        label: Label,
    ) -> None:
        self.template, self.without, self.label = template, without, label
        self.documents = () if "context" in without else tuple(documents)
        self.shots = () if "examples" in without else tuple(shots)
        self.values = self._given(inputs)
        self.origins = {name: Origin("input", name, label) for name in template.inputs}
        self.traced = {name: self._trace(name, value) for name, value in self.values.items()}
        schema = Origin("output_format")
        self.shared = {} if template.schema is None else {"schema": Traced.of(template.schema, schema)}
        self.origins["schema"] = schema

    def prompt(self) -> Prompt:
        template = self.template
        texts = {field: self._text(field) for field in ("instructions", "output_format")}
        user = self._user(self.traced, self.origins, Origin("input", "", self.label))
        examples = tuple(self._example(shot) for shot in self.shots)
        documents = tuple(map(_DocumentPart, self.documents))
        origins = {
            **self.origins,
            **{field: Origin(field) for field in ("instructions", "output_format")},
            "user": Origin("input", "", self.label),
            "documents": Origin("context", "", highest([d.label for d in self.documents])),
            "examples": Origin("examples", "", highest([e.label for e in self.shots])),
        }
        variables = {
            "schema": "",
            **self.traced,
            **self.shared,
            **texts,
            "user": user,
            "documents": documents,
            "examples": examples,
        }
        compiled = self._compiled("layout", STANDARD if template.layout is None else template.layout)
        found = self._run(compiled, "layout", variables, origins, Origin("layout"))
        return _assemble([(role or "user", text) for role, text in found if text], self._sources())

    def _given(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs with their defaults. All that is missing is named at once."""
        template = self.template
        for name in inputs:
            _spec(template, name)
        values = {name: inputs.get(name, spec.default) for name, spec in template.inputs.items()}
        missing = [name for name, value in values.items() if value is None]
        for field in ("instructions", "output_format", "user", "layout"):
            text = getattr(template, field)
            if text and field not in self.without:
                known = {*template.inputs, *(LAYOUT_NAMES if field == "layout" else SECTION_NAMES)}
                missing += sorted(self._compiled(field, text).names - known - set(missing))
        if missing:
            words = ", ".join(f"`{name}`" for name in missing)
            line = template.lines.get("inputs")
            raise TemplateError(f"missing {words}", file=template.path, line=line, hint="give a value for each of them")
        for name, spec in template.inputs.items():
            _check_type(template, name, spec, values[name])
        return values

    def _trace(self, name: str, value: Any) -> Any:
        try:
            return _trace(value, self.origins[name])
        except (TypeError, RecursionError, Overrun) as exc:
            message = "is nested too deeply" if isinstance(exc, RecursionError) else str(exc)
            line, hint = self.template.lines.get("inputs"), "use text, numbers, booleans, lists and objects"
            message = f"the input `{name}` {message}"
            raise TemplateError(message, file=self.template.path, line=line, field=f"inputs.{name}", hint=hint) from exc

    def _compiled(self, field: str, text: str) -> Compiled:
        try:
            return compile_text(text, layout=field == "layout")
        except LayoutProblem as exc:
            raise jinja_error(exc, self.template, field) from exc

    def _run(
        self, compiled: Compiled, field: str, variables: Mapping[str, Any], origins: Mapping[str, Origin], own: Origin
    ) -> list[tuple[Any, Traced]]:
        try:
            return compiled.run(variables, origins, own)
        except LayoutProblem as exc:
            raise jinja_error(exc, self.template, field) from exc

    def _text(self, field: Any) -> Traced:
        """The rendered text of a section, empty where it is switched off."""
        text = "" if field in self.without else getattr(self.template, field)
        own = Origin(field)
        if "{" not in text:
            return Traced.of(text, own)
        variables = {"schema": "", **self.traced, **self.shared}
        return self._run(self._compiled(field, text), field, variables, self.origins, own)[0][1]

    def _user(self, values: Mapping[str, Any], origins: Mapping[str, Origin], own: Origin) -> Traced:
        """A user turn: the template's `user` text, or the inputs as they are."""
        METER.get().default = own
        if self.template.user is not None:
            compiled = self._compiled("user", self.template.user)
            return self._run(compiled, "user", {"schema": "", **self.shared, **values}, origins, own)[0][1]
        chunks: list[Any] = []
        for name in self.template.inputs:
            value = values[name]
            text = concat([value])
            if not isinstance(value, str) and name in origins:
                text = Traced.of(text, origins[name])
            chunks += [f"{name}: ", text, "\n"] if len(self.template.inputs) > 1 else [text]
        return concat(chunks[:-1] if len(self.template.inputs) > 1 else chunks)

    def _example(self, shot: Example) -> _ExamplePart:
        template = self.template
        origin = Origin("examples", shot.id, shot.label)
        given = {name: shot.inputs.get(name, spec.default) for name, spec in template.inputs.items()}
        lacking = [f"`{name}`" for name, value in given.items() if value is None]
        if lacking:
            hint = f"the template declares {', '.join(f'`{name}`' for name in template.inputs)}"
            message = f"example `{shot.id}` lacks {', '.join(lacking)}"
            raise TemplateError(
                message, file=template.path, line=template.lines.get("examples"), field="examples", hint=hint
            )
        values = {name: _trace(value, origin) for name, value in {**shot.inputs, **given}.items()}
        user = self._user(values, {**dict.fromkeys(values, origin), "schema": Origin("output_format")}, origin)
        return _ExamplePart(shot, origin, values, user)

    def _sources(self) -> tuple[Source, ...]:
        found = [Source("context", d.path, d.label, d.sha256) for d in self.documents]
        for shot in self.shots:
            body = canonical_json({"id": shot.id, "inputs": dict(shot.inputs), "output": shot.output})
            found.append(Source("examples", shot.id, shot.label, sha256(body)))
        for name, value in self.values.items():
            text = value if isinstance(value, str) else canonical_json(value)
            found.append(Source("input", name, self.label, sha256(text)))
        return tuple(found)


def _assemble(messages: list[tuple[Any, Traced]], sources: tuple[Source, ...]) -> Prompt:
    spans: list[Span] = []
    for number, (_, text) in enumerate(messages):
        at = 0
        for length, origin in text.runs:
            spans.append(Span(number, at, at + length, origin.section, origin.source, origin.label))
            at += length
    return Prompt(tuple(Message(role, str.__str__(text)) for role, text in messages), tuple(spans), sources)


def _spec(template: Template, name: str) -> InputSpec:
    if name in template.inputs:
        return template.inputs[name]
    line, hint = template.lines.get("inputs"), nearest(name, template.inputs)
    raise TemplateError(f"there is no input `{name}`", file=template.path, line=line, field="inputs", hint=hint)


def _check_type(template: Template, name: str, spec: InputSpec, value: Any) -> None:
    problem = type_problem(spec.type, value)
    if problem:
        line = template.lines.get("inputs")
        raise TemplateError(f"the input `{name}` {problem}", file=template.path, line=line, field=f"inputs.{name}")


def _trace(value: Any, origin: Origin) -> Any:
    """A deep copy of plain data in which every text knows its origin."""
    if isinstance(value, str):
        return Traced.of(value, origin)
    if isinstance(value, Mapping):
        METER.get().tick()
        return {_trace(key, origin): _trace(inner, origin) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        METER.get().tick()
        return [_trace(inner, origin) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return small(value)
    raise TypeError(f"holds a {type(value).__name__}")


__all__ = ["file_schema", "inputs_from_text", "load", "names", "parse", "render", "sample_inputs"]
