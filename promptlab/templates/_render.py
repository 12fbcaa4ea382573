"""Rendering: a template and its materials become messages, and spans that say where each character came from.

Sections are rendered one by one, each as the owner of its own text, and handed to the layout as values: text
that knows its origin and is never rendered again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from promptlab.errors import TemplateError, nearest
from promptlab.templates._jinja import STANDARD, Compiled, Part, compile_text
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.templates._parse import LAYOUT_NAMES, SECTION_NAMES, jinja_error, type_problem
from promptlab.templates._sandbox import small
from promptlab.templates._tracked_text import METER, Limits, Meter, Origin, Overrun, Traced, concat
from promptlab.types import (
    SWITCHABLE,
    Document,
    Example,
    InputSpec,
    Label,
    Message,
    Place,
    Prompt,
    Section,
    Source,
    Span,
    Template,
    canonical_json,
    highest,
    sha256,
)


def render(
    template: Template,
    inputs: Mapping[str, Any],
    *,
    documents: Sequence[Document] = (),
    shots: Sequence[Example] = (),
    without: Collection[Section] = (),
    label: Label = "public",
    places: Mapping[str, tuple[Place, ...]] | None = None,
    limits: Limits | None = None,
) -> Prompt:
    """The messages of `template`, and where each of their characters came from.

    `without` names sections to leave out; what is switched off is not among the prompt's sources either.
    `label` is that of the inputs, `places` the files they came from (see `Trial`).

    Raises `TemplateError`: every missing variable in one message, a mistake in the Jinja with its line, or a template
    that goes past `limits`.
    """
    for section in without:
        if section not in SWITCHABLE:
            raise TemplateError(
                f"`{section}` cannot be left out", file=template.path, hint=nearest(section, SWITCHABLE)
            )
    token = METER.set(Meter(limits or Limits()))
    try:
        return _Render(template, inputs, documents, shots, without, label, places or {}).prompt()
    except Overrun as exc:  # outside of the Jinja, which knows its line: while inputs are joined to a user turn
        raise TemplateError(str(exc), file=template.path) from exc
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
        places: Mapping[str, tuple[Place, ...]],
    ) -> None:
        self.template, self.without, self.label, self.places = template, without, label, places
        self.documents = () if "context" in without else tuple(documents)
        self.shots = () if "examples" in without else tuple(shots)
        self.values = self._given(inputs)
        self.origins = {name: Origin("input", name, label) for name in template.inputs}
        self.traced = {
            name: self._trace(f"the input `{name}`", f"inputs.{name}", value, self.origins[name])
            for name, value in self.values.items()
        }
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
            spec_of(template, name)
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
            check_type(template, name, spec, values[name])
        return values

    def _trace(self, what: str, field: str, value: Any, origin: Origin) -> Any:
        try:
            return _trace(value, origin)
        except (TypeError, RecursionError, Overrun) as exc:
            message = "is nested too deeply" if isinstance(exc, RecursionError) else str(exc)
            path, line = self.template.path, self.template.lines.get(field.partition(".")[0])
            hint = "use text, numbers, booleans, lists and objects"
            raise TemplateError(f"{what} {message}", file=path, line=line, field=field, hint=hint) from exc

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
        values = {
            name: self._trace(f"the input `{name}` of example `{shot.id}`", "examples", value, origin)
            for name, value in {**shot.inputs, **given}.items()
        }
        user = self._user(values, {**dict.fromkeys(values, origin), "schema": Origin("output_format")}, origin)
        return _ExamplePart(shot, origin, values, user)

    def _sources(self) -> tuple[Source, ...]:
        template = self.template
        own = Source("layout", template.path, template.label, template.sha256, (Place(template.path),))
        found = [own, *(Source("context", d.path, d.label, d.sha256, d.places) for d in self.documents)]
        for shot in self.shots:
            body = canonical_json({"id": shot.id, "inputs": dict(shot.inputs), "output": shot.output})
            found.append(Source("examples", shot.id, shot.label, sha256(body), shot.places))
        for name, value in self.values.items():
            text = value if isinstance(value, str) else canonical_json(value)
            places = (*self.places.get("", ()), *self.places.get(name, ()))
            found.append(Source("input", name, self.label, sha256(text), places))
        return tuple(found)


def _assemble(messages: list[tuple[Any, Traced]], sources: tuple[Source, ...]) -> Prompt:
    spans: list[Span] = []
    for number, (_, text) in enumerate(messages):
        at = 0
        for length, origin in text.runs:
            spans.append(Span(number, at, at + length, origin.section, origin.source, origin.label))
            at += length
    return Prompt(tuple(Message(role, str.__str__(text)) for role, text in messages), tuple(spans), sources)


def spec_of(template: Template, name: str) -> InputSpec:
    """What the template declares of the input `name`; an unknown name is an error with the nearest."""
    if name in template.inputs:
        return template.inputs[name]
    line, hint = template.lines.get("inputs"), nearest(name, template.inputs)
    raise TemplateError(f"there is no input `{name}`", file=template.path, line=line, field="inputs", hint=hint)


def check_type(template: Template, name: str, spec: InputSpec, value: Any) -> None:
    """Raise `TemplateError` where `value` is not of the input's type."""
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
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError("holds a number that is not finite, which JSON cannot hold")
    if value is None or isinstance(value, bool | int | float):
        return small(value)
    raise TypeError(f"holds a {type(value).__name__}")
