"""Builds a template file for importers: they fill in a `Draft` and get the text of the file.

draft = Draft("Classify a ticket")
draft.messages([("system", "You sort tickets."), ("user", "{{ ticket }}")])
text = draft.text("templates/imported/tickets.yaml")
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import nodes

from promptlab import _yaml, templates
from promptlab._yaml import EXPORT_STYLE
from promptlab.errors import FormatError, TemplateError
from promptlab.formats import _sample_data as made_data
from promptlab.templates import (
    ALLOWED_ATTRIBUTES,
    ALLOWED_TEXT_METHODS,
    JINJA_ENVIRONMENT,
    LayoutProblem,
    Template,
    compile_text,
    is_input_name,
    type_problem,
)
from promptlab.types import Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
}
"""Roles in other formats, and the role here."""

KEYS = ("description", "inputs", "instructions", "output_format", "user", "context", "examples", "schema", "params")


@dataclass
class Draft:
    """The keys of a template file. `inputs` has what is known of each input: type, sample, default, description; with
    `unset` its default is its only value, and no sample is made for it."""

    description: str = ""
    instructions: str = ""
    user: str | None = None
    layout: str | None = None
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    examples: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def messages(self, messages: Sequence[tuple[Role, str]]) -> None:
        """Set the messages from Jinja texts: as instructions and user turn if possible, else as a layout.

        A variable with a reserved name is bound to an input with another name. Raises `FormatError` if a text is not
        valid Jinja here.
        """
        bound = [(role, self.bind(text, f"the {role} message")) for role, text in messages if text]
        roles = [role for role, _ in bound]
        if roles == ["user"]:
            self.user = bound[0][1]
        elif roles == ["system", "user"]:
            self.instructions, self.user = bound[0][1], bound[1][1]
        elif roles == ["system"]:
            self.instructions, self.user = bound[0][1], ""
        else:
            self.layout = "".join(f"{{% {role} %}}{text}{{% end{role} %}}\n" for role, text in bound)

    def bind(self, text: str, where: str) -> str:
        """Declare the names that `text` uses as inputs. Returns `text`, with names set that had to be changed."""
        sets = []
        names = names_in(text, where)
        _check_methods(text, where)
        for name in sorted(names):
            own = self.own_name(name)
            if own != name:
                sets.append(f"{{% set {name} = {own} %}}")
        return "".join(sets) + text

    def set_layout(self, layout: str) -> None:
        """Set a layout with message tags, and declare the names that it uses as inputs. Raises `FormatError`."""
        sets = []
        for name in sorted(names_in(layout, "the body", layout=True)):
            own = self.own_name(name)
            if own != name:
                sets.append(f"{{% set {name} = {own} %}}")
        _check_methods(layout, "the body")
        self.layout = "".join(sets) + layout

    def own_name(self, name: str) -> str:
        """The name of the input for the foreign variable `name`; the input is declared if it is new."""
        own = name if is_input_name(name) else self.renamed.get(name, "")
        if not own:
            base = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_") or "value"
            own = (
                base if is_input_name(base) else f"{base}_value" if is_input_name(f"{base}_value") else f"input_{base}"
            )
            while own in self.inputs:
                own += "_"
            self.renamed[name] = own
        self.inputs.setdefault(own, {})
        return own

    def data(self) -> dict[str, Any]:
        """The keys that have a value, in the usual order."""
        values = {key: getattr(self, key, None) for key in (*KEYS, "layout")}
        specs = self.inputs.items()
        values["inputs"] = {name: {key: part for key, part in spec.items() if key != "unset"} for name, spec in specs}
        return {key: value for key, value in values.items() if value or (key == "user" and value is not None)}

    def _fit_types(self) -> None:
        """Set types that fit the samples, and remove defaults that do not fit."""
        for spec in self.inputs.values():
            sample, default = spec.get("sample"), spec.get("default")
            if sample is not None and type_problem(spec.get("type", "string"), sample):
                spec["type"] = made_data.input_type_of(sample)
            if default is not None and type_problem(spec.get("type", "string"), default):
                if sample is None:
                    spec["type"] = made_data.input_type_of(default)
                else:
                    del spec["default"]

    def text(self, path: str, *, header: str = "") -> str:
        """The text of the template file, after `header` (comments). It parses, and renders with its samples.

        Inputs without a known type get an inferred type and sample. Raises `FormatError` with the reason if the
        template does not render with any sample.
        """
        self._fit_types()
        try:
            first = templates.parse(_yaml.dump_yaml(self.data()), path=path)
        except TemplateError as exc:
            raise FormatError(exc.what, field=exc.field) from exc
        given = {own: value for own, spec in self.inputs.items() if (value := _known_value(spec)) is not None}
        row = made_data.sample_row(first, given)
        for name, value in row.values.items():
            spec = self.inputs[name]
            if _known_value(spec) is None:
                spec["type"], spec["sample"] = made_data.input_type_of(value), value
        self._fit_types()
        if row.problem:
            raise FormatError(row.problem)
        text = header + _yaml.dump_yaml(self.data())
        again = templates.parse(text, path=path)
        if not _same(again, templates.parse(_all_quoted(self.data()), path=path)):
            text = header + _all_quoted(self.data())
        return text


def _known_value(spec: Mapping[str, Any]) -> Any:
    """The sample of an input, or its default if it needs no sample (`unset`). Only other inputs get made samples."""
    sample = spec.get("sample")
    return spec.get("default") if sample is None and spec.get("unset") else sample


def share_a_row(drafts: Sequence[Draft], path: str) -> None:
    """Give all drafts of one source (such as question and answer) the same samples.

    Raises `FormatError` with the reason if they do not all render with any samples.
    """
    texts = [text for draft in drafts for text in (draft.instructions, draft.user) if text]
    both = Draft(layout="".join(f"{{% user %}}{text}{{% enduser %}}" for text in texts))
    for draft in drafts:
        for name, spec in draft.inputs.items():
            both.inputs[name] = {**both.inputs.get(name, {}), **spec}
    both.text(path)
    for draft in drafts:
        draft.inputs = {name: dict(both.inputs[name]) for name in draft.inputs}


def names_in(text: str, where: str, *, layout: bool = False) -> frozenset[str]:
    """The variables of a Jinja text. Raises `FormatError` with the line if it is not valid here."""
    try:
        return compile_text(text, layout=layout).names
    except LayoutProblem as exc:
        line = f" in line {exc.line} of it" if exc.line else ""
        raise FormatError(f"{where} is not Jinja as promptlab has it: {exc.message}{line}", hint=exc.hint) from exc


METHODS = frozenset((*ALLOWED_TEXT_METHODS, *(name for names in ALLOWED_ATTRIBUTES.values() for name in names)))


def _check_methods(text: str, where: str) -> None:
    """Refuse a call of a method that no value has here, also if sample data would never reach it."""
    for call in JINJA_ENVIRONMENT.parse(text).find_all(nodes.Call):
        if isinstance(call.node, nodes.Getattr) and call.node.attr not in METHODS:
            hint = "values cannot be changed here" if call.node.attr in ("append", "pop", "extend", "update") else ""
            raise FormatError(f"{where} calls `.{call.node.attr}()`, which promptlab does not have", hint=hint)


def _same(one: Template, other: Template) -> bool:
    return replace(one, source="", lines={}) == replace(other, source="", lines={})


def _all_quoted(data: Mapping[str, Any]) -> str:
    return "".join(f"{_yaml.yaml_inline(key, style=EXPORT_STYLE)}: {_quoted(value)}\n" for key, value in data.items())


def _quoted(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml.quote_text(str(k))}: {_quoted(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_quoted, value)) + "]"
    return _yaml.quote_text(value) if isinstance(value, str) else _yaml.yaml_inline(value, style=EXPORT_STYLE)


PARAMS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_gen_toks": "max_tokens",
    "max_new_tokens": "max_tokens",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repeat_penalty": "repeat_penalty",
    "repetition_penalty": "repeat_penalty",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
    "stop": "stop",
    "until": "stop",
    "stop_sequences": "stop",
}
"""Names of sampling parameters in other formats, and in templates."""


def template_param(name: str, value: Any) -> tuple[str, Any] | None:
    """Name and value of a parameter for a template; None if a template cannot hold it."""
    own = PARAMS.get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if own is None:
        return None
    if own == "reasoning_effort":
        return (own, value) if isinstance(value, str) and value else None
    if own == "stop":
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list):
            return None
        texts = [text for text in texts if isinstance(text, str) and text]
        return (own, texts) if texts else None
    if own in ("max_tokens", "top_k", "seed"):
        whole = int(value) if number and value == int(value) else None
        return None if whole is None or whole < (1 if own == "max_tokens" else 0) else (own, whole)
    low, high = {"top_p": (1e-9, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}.get(own, (0, 1e9))
    if not number or not low <= value <= high or (own == "repeat_penalty" and value == 0):
        return None
    if own == "min_p" and value > 1:
        return None
    return own, float(value)
