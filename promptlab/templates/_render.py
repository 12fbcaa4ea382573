"""Renders a template and its materials into messages, with spans that tell where each character came from.

Sections are rendered one by one, each with its own origin. The layout gets them as values: tracked text that is never
rendered again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from promptlab.errors import TemplateError, nearest
from promptlab.templates._jinja import STANDARD_LAYOUT, Compiled, compile_text
from promptlab.templates._jinja_environment import Part
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.templates._limits import METER, Meter, Overrun, RenderLimits
from promptlab.templates._operators import bounded_number
from promptlab.templates._parse import LAYOUT_NAMES, SECTION_NAMES, jinja_error, type_problem
from promptlab.templates._template import InputSpec, Template
from promptlab.templates._text_origin import TextOrigin
from promptlab.templates._tracked_text import TrackedText, concat
from promptlab.types import (
    SWITCHABLE,
    Document,
    Example,
    Label,
    Message,
    Place,
    Prompt,
    Section,
    Source,
    Span,
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
    limits: RenderLimits | None = None,
) -> Prompt:
    """The messages of `template`, with the origin of each character.

    `without` names sections to leave out; they are not among the sources of the prompt either. `label` is the label of
    the inputs, `places` are the files they came from (see `Trial`).

    Raises `TemplateError` for missing variables (all in one message), for a mistake in the Jinja (with its line), and
    for a template that exceeds `limits`.
    """
    for section in without:
        if section not in SWITCHABLE:
            raise TemplateError(
                f"`{section}` cannot be left out", file=template.path, hint=nearest(section, SWITCHABLE)
            )
    token = METER.set(Meter(limits or RenderLimits()))
    try:
        return _Render(template, inputs, documents, shots, without, label, places or {}).prompt()
    except Overrun as exc:  # outside of the Jinja, which knows its line: while inputs are joined to a user turn
        raise TemplateError(str(exc), file=template.path) from exc
    finally:
        METER.reset(token)


class _DocumentPart(Part):
    fields = ("text", "path", "title")

    def __init__(self, document: Document) -> None:
        self.origin = TextOrigin("context", document.path, document.label)
        self.text = TrackedText.of(document.text, self.origin)
        self.path = TrackedText.of(document.path, self.origin)

    @property
    def title(self) -> TrackedText:
        """The first Markdown heading, or the name of the file."""
        heading = _HEADING.search(self.text)
        if heading is None:
            return TrackedText.of(self.path.rpartition("/")[2], self.origin)
        return self.text.cut(heading.start(1), heading.end(1))


_HEADING = re.compile(r"^#{1,6}[ \t]+(\S[^\n]*?)[ \t]*#*[ \t\r]*$", re.MULTILINE)


class _ExamplePart(Part):
    fields = ("user", "output", "id", "inputs")

    def __init__(self, example: Example, origin: TextOrigin, inputs: Mapping[str, Any], user: TrackedText) -> None:
        self.user, self.inputs = user, inputs
        self.output = TrackedText.of(example.output, origin)
        self.id = TrackedText.of(example.id, origin)


class _Render:
    """One render. All names are checked before any text is made."""

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
        self.values = self._values(inputs)
        self.origins = {name: TextOrigin("input", name, label) for name in template.inputs}
        self.traced = {
            name: self._trace(f"the input `{name}`", f"inputs.{name}", value, self.origins[name])
            for name, value in self.values.items()
        }
        schema = TextOrigin("output_format")
        self.shared = {} if template.schema is None else {"schema": TrackedText.of(template.schema, schema)}
        self.origins["schema"] = schema

    def prompt(self) -> Prompt:
        template = self.template
        texts = {field: self._text(field) for field in ("instructions", "output_format")}
        user = self._user(self.traced, self.origins, TextOrigin("input", "", self.label))
        examples = tuple(self._example(shot) for shot in self.shots)
        documents = tuple(map(_DocumentPart, self.documents))
        origins = {
            **self.origins,
            **{field: TextOrigin(field) for field in ("instructions", "output_format")},
            "user": TextOrigin("input", "", self.label),
            "documents": TextOrigin("context", "", highest([d.label for d in self.documents])),
            "examples": TextOrigin("examples", "", highest([e.label for e in self.shots])),
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
        compiled = self._compiled("layout", STANDARD_LAYOUT if template.layout is None else template.layout)
        messages = self._run(compiled, "layout", variables, origins, TextOrigin("layout"))
        return _assemble([(role or "user", text) for role, text in messages if text], self._sources())

    def _values(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs with their defaults. One error names all that are missing."""
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

    def _trace(self, what: str, field: str, value: Any, origin: TextOrigin) -> Any:
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
        self,
        compiled: Compiled,
        field: str,
        variables: Mapping[str, Any],
        origins: Mapping[str, TextOrigin],
        own: TextOrigin,
    ) -> list[tuple[Any, TrackedText]]:
        try:
            return compiled.run(variables, origins, own)
        except LayoutProblem as exc:
            raise jinja_error(exc, self.template, field) from exc

    def _text(self, field: Any) -> TrackedText:
        """The rendered text of a section; empty if it is in `without`."""
        text = "" if field in self.without else getattr(self.template, field)
        own = TextOrigin(field)
        if "{" not in text:
            return TrackedText.of(text, own)
        variables = {"schema": "", **self.traced, **self.shared}
        return self._run(self._compiled(field, text), field, variables, self.origins, own)[0][1]

    def _user(self, values: Mapping[str, Any], origins: Mapping[str, TextOrigin], own: TextOrigin) -> TrackedText:
        """A user turn: the `user` text of the template, or the inputs as they are."""
        METER.get().default = own
        if self.template.user is not None:
            compiled = self._compiled("user", self.template.user)
            return self._run(compiled, "user", {"schema": "", **self.shared, **values}, origins, own)[0][1]
        chunks: list[Any] = []
        for name in self.template.inputs:
            value = values[name]
            text = concat([value])
            if not isinstance(value, str) and name in origins:
                text = TrackedText.of(text, origins[name])
            chunks += [f"{name}: ", text, "\n"] if len(self.template.inputs) > 1 else [text]
        return concat(chunks[:-1] if len(self.template.inputs) > 1 else chunks)

    def _example(self, shot: Example) -> _ExamplePart:
        template = self.template
        origin = TextOrigin("examples", shot.id, shot.label)
        declared = {name: shot.inputs.get(name, spec.default) for name, spec in template.inputs.items()}
        # An example is shown as its user turn: it needs the inputs of that, and no others.
        turn = None if template.user is None else self._compiled("user", template.user).names
        missing = [f"`{n}`" for n, value in declared.items() if value is None and (turn is None or n in turn)]
        declared = {name: value for name, value in declared.items() if value is not None}
        if missing:
            hint = f"the template declares {', '.join(f'`{name}`' for name in template.inputs)}"
            message = f"example `{shot.id}` lacks {', '.join(missing)}"
            raise TemplateError(
                message, file=template.path, line=template.lines.get("examples"), field="examples", hint=hint
            )
        values = {
            name: self._trace(f"the input `{name}` of example `{shot.id}`", "examples", value, origin)
            for name, value in {**shot.inputs, **declared}.items()
        }
        user = self._user(values, {**dict.fromkeys(values, origin), "schema": TextOrigin("output_format")}, origin)
        return _ExamplePart(shot, origin, values, user)

    def _sources(self) -> tuple[Source, ...]:
        template = self.template
        own = Source("layout", template.path, template.label, template.sha256, (Place(template.path),))
        sources = [own, *(Source("context", d.path, d.label, d.sha256, d.places) for d in self.documents)]
        for shot in self.shots:
            body = canonical_json({"id": shot.id, "inputs": dict(shot.inputs), "output": shot.output})
            sources.append(Source("examples", shot.id, shot.label, sha256(body), shot.places))
        for name, value in self.values.items():
            text = value if isinstance(value, str) else canonical_json(value)
            places = (*self.places.get("", ()), *self.places.get(name, ()))
            sources.append(Source("input", name, self.label, sha256(text), places))
        return tuple(sources)


def _assemble(messages: list[tuple[Any, TrackedText]], sources: tuple[Source, ...]) -> Prompt:
    spans: list[Span] = []
    for number, (_, text) in enumerate(messages):
        at = 0
        for length, origin in text.runs:
            spans.append(Span(number, at, at + length, origin.section, origin.source, origin.label))
            at += length
    return Prompt(tuple(Message(role, str.__str__(text)) for role, text in messages), tuple(spans), sources)


def spec_of(template: Template, name: str) -> InputSpec:
    """The declaration of the input `name`. Raises `TemplateError` with the nearest name if it is unknown."""
    if name in template.inputs:
        return template.inputs[name]
    line, hint = template.lines.get("inputs"), nearest(name, template.inputs)
    raise TemplateError(f"there is no input `{name}`", file=template.path, line=line, field="inputs", hint=hint)


def check_type(template: Template, name: str, spec: InputSpec, value: Any) -> None:
    """Raise `TemplateError` if `value` is not of the type of the input."""
    problem = type_problem(spec.type, value)
    if problem:
        line = template.lines.get("inputs")
        raise TemplateError(f"the input `{name}` {problem}", file=template.path, line=line, field=f"inputs.{name}")


def _trace(value: Any, origin: TextOrigin) -> Any:
    """A deep copy of plain data in which every text has the origin `origin`."""
    if isinstance(value, str):
        return TrackedText.of(value, origin)
    if isinstance(value, Mapping):
        METER.get().tick()
        return {_trace(key, origin): _trace(inner, origin) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        METER.get().tick()
        return [_trace(inner, origin) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError("holds a number that is not finite, which JSON cannot hold")
    if value is None or isinstance(value, bool | int | float):
        return bounded_number(value)
    raise TypeError(f"holds a {type(value).__name__}")
