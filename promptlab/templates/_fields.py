"""The fields of a template while a user edits them one by one: their values, and the changes not saved yet.

    changes = set_field(template, {}, "params.temperature", 0.7)      # {"params.temperature": 0.7}
    field_values(template, changes)["params"]["temperature"]          # 0.7

Changes have the names and values that `edit_template` takes, as plain data that JSON can hold. They need not make a
valid template: half a Jinja tag, while the user types, is shown as it is with its problem next to it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from promptlab._yaml import written_alike
from promptlab.errors import TemplateError
from promptlab.templates import _edit as template_edit
from promptlab.templates._parse import parse
from promptlab.templates._template import InputSpec, Template

_INPUT = asdict(InputSpec())


def plain_fields(template: Template) -> dict[str, Any]:
    """Every field of `template` as plain data, including empty fields and None."""
    plain = template_edit.template_fields(template)
    chosen = template.passages
    return {
        **plain,
        "inputs": {name: asdict(spec) for name, spec in template.inputs.items()},
        "context": [template_edit.context_entry(path, chosen[path]) if path in chosen else path
                    for path in template.context],
        "examples": asdict(template.examples) if template.examples else None,
        "params": {**asdict(template.params), "stop": list(template.params.stop)},
    }  # fmt: skip


def field_values(template: Template, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Every field with `changes` applied, also if they do not make a valid template."""
    fields = copy.deepcopy(plain_fields(template))
    for name, value in changes.items():
        _put(fields, name.split("."), copy.deepcopy(value))
    inputs = fields["inputs"] or {}
    return {**fields, "inputs": {name: {**_INPUT, **(spec or {})} for name, spec in inputs.items()}}


def set_field(template: Template, changes: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """`changes` with the field `name` set to `value`. A field with the same value as in `template` is no change."""
    key, _, part = name.partition(".")
    now = dict(changes)
    if part and key in now:  # the whole field was changed before: change the part in it
        whole = copy.deepcopy({key: now[key]})
        _put(whole, name.split("."), value)
        name, value = key, whole[key]
    now = {field: change for field, change in now.items() if not field.startswith(f"{name}.")}
    if _alike(_get(plain_fields(template), name.split(".")), value):
        now.pop(name, None)
    else:
        now[name] = value
    return now


def apply_changes(template: Template, changes: Mapping[str, Any]) -> Template:
    """`template` with `changes` applied; its `source` is the new text of the file. Raises `TemplateError`."""
    if not changes:
        return template
    source = template_edit.edit_template(template.source, changes, path=template.path)
    return template if source == template.source else replace(parse(source, path=template.path), label=template.label)


def apply_valid_changes(template: Template, changes: Mapping[str, Any]) -> tuple[Template, tuple[TemplateError, ...]]:
    """`template` with as many `changes` as still make a valid template, and the problems of the other changes."""
    try:
        return apply_changes(template, changes), ()
    except TemplateError as exc:
        if len(changes) == 1:
            return template, (_named(exc, next(iter(changes))),)
    result, good = template, dict[str, Any]()
    problems: dict[str, TemplateError] = {}
    while True:  # a change may need a later one: a text needs the input that it uses
        before = len(good)
        for name, value in changes.items():
            if name in good:
                continue
            try:
                result = apply_changes(template, {**good, name: value})
                good[name] = value
                problems.pop(name, None)
            except TemplateError as exc:
                problems[name] = _named(exc, name)
        if len(good) == before or not problems:
            return result, tuple(problems.values())


def _named(exc: TemplateError, name: str) -> TemplateError:
    return exc if exc.field else TemplateError(exc.what, file=exc.file, line=exc.line, field=name, hint=exc.hint)


def _put(fields: dict[str, Any], names: list[str], value: Any) -> None:
    *parents, last = names
    for name in parents:
        inner = fields.get(name)
        fields[name] = fields = dict(inner) if isinstance(inner, Mapping) else {}
    if value is None and len(names) == 2 and names[0] == "inputs":
        fields.pop(last, None)
    else:
        fields[last] = value


def _get(fields: Any, names: list[str]) -> Any:
    for name in names:
        fields = fields.get(name) if isinstance(fields, Mapping) else None
    return fields


def _alike(a: Any, b: Any) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (a, b))
    return bool(a == b) if numbers else written_alike(a, b)


__all__ = ["apply_changes", "apply_valid_changes", "field_values", "plain_fields", "set_field"]
