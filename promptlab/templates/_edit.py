"""Changes fields of a template file without touching the rest of its text, and writes new files.

    edit_template(source, {"instructions": "Answer briefly.\n", "params.temperature": 0.7}, path="templates/cup.yaml")

Comments, the order of keys, quotes and blank lines of all other fields stay the same, byte for byte. The new text is
parsed again before it is returned: either it holds exactly the requested values, or a `TemplateError` is raised.

A field is a key of a template file (`template_fields` returns all of them), or one part of a mapping by its dotted
name: `params.temperature`, `examples.k`, `inputs.question`, `inputs.question.sample`. The value None removes a field
from the file, so that its default applies. `context` takes paths, or `{"path": …, "passages": …}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, is_dataclass, replace
from dataclasses import fields as fields_of
from typing import Any

from promptlab import _yaml
from promptlab._yaml import CannotSplice, written_alike
from promptlab.documents import PassageChoice
from promptlab.errors import TemplateError, nearest
from promptlab.examples import ShotChoice
from promptlab.templates._file_schema import passages_entry
from promptlab.templates._parse import TEXT_FIELDS, parse, plain_data
from promptlab.templates._template import InputSpec, Template
from promptlab.types import Params

KEYS = (
    *("description", "inputs", "instructions", "output_format", "user"),
    *("context", "examples", "schema", "params", "layout"),
)
"""The keys of a template file, in the order in which a new file has them."""

_PARTS: Mapping[str, tuple[str, ...]] = {
    "params": tuple(f.name for f in fields_of(Params)),
    "examples": tuple(f.name for f in fields_of(ShotChoice)),
    "inputs": tuple(f.name for f in fields_of(InputSpec)),
}
_DEFAULT_SHOTS = {f.name: f.default for f in fields_of(ShotChoice) if f.default is not MISSING}
_DEFAULT_INPUT = asdict(InputSpec())


def edit_template(source: str, changes: Mapping[str, Any], *, path: str) -> str:
    """The text of the template file `source` with `changes` made to it, and nothing else.

    If the values are the same as before, the text stays the same. Raises `TemplateError` if `source` is not a template,
    a field is unknown, a value is not allowed for its field, or the file is written in a way that cannot be changed in
    place (for example with an anchor that is used twice).
    """
    old = parse(source, path=path)
    raw = plain_data(source, path=path)
    new_raw = _Change(old, raw, path).apply(changes)
    if written_alike(raw, new_raw):
        return source
    wanted = _parsed(new_raw, path)
    if _meaning(wanted) == _meaning(old):
        return source
    problem: Exception | None = None
    for coarse in (False, True):
        try:
            text = _yaml.edit_yaml(source, raw, new_raw, texts=TEXT_FIELDS, coarse=coarse)
            if _meaning(parse(text, path=path)) == _meaning(wanted):
                return text
        except (CannotSplice, TemplateError) as exc:
            problem = exc
    why = f" ({problem})" if isinstance(problem, CannotSplice) else ""
    raise TemplateError(
        f"the file is written in a way that cannot be changed in place{why}",
        file=path,
        hint="change it in an editor; aliases (`&name`, `*name`) and merge keys (`<<`) are the usual reason",
    ) from problem


def new_template(values: Mapping[str, Any], *, path: str) -> str:
    """The text of a new template file with these fields, in the usual order and form.

    Without `layout` the standard layout is used. Raises `TemplateError` as `edit_template` does.
    """
    raw = _Change(Template("", path), {}, path).apply(values) or {"instructions": None}
    wanted = _parsed(raw, path)
    rows = [row for key in KEYS if key in raw for row in _yaml.entry_rows(key, raw[key], 0, text=key in TEXT_FIELDS)]
    text = "\n".join(rows) + "\n"
    if _meaning(parse(text, path=path)) != _meaning(wanted):
        raise TemplateError("these values cannot be written as a template file", file=path)
    return text


def template_fields(template: Template) -> dict[str, Any]:
    """Every field of `template` by the names that `edit_template` takes, including empty fields and None."""
    values = {key: getattr(template, key) for key in KEYS}
    return {**values, "schema": json.loads(template.schema) if template.schema else None}


def context_entry(path: str, choice: PassageChoice | None) -> str | dict[str, Any]:
    """An entry of the field `context`: the whole document, or the passages of `choice`."""
    return {"path": path} if choice is None else {"path": path, "passages": passages_entry(choice)}


def context_with_passages(
    template: Template, path: str, choice: PassageChoice | None, *, original: Template | None = None
) -> list[str | dict[str, Any]]:
    """The field `context` of `template` with the passage choice of the document `path` set to `choice`.

    `original` is the template without unsaved edits, if `template` has some.
    """
    choices = {**template.passages, path: choice}
    before = (original or template).passages
    # A bare path keeps the passages that the file has for it, so it is only used if the file has none.
    return [
        document
        if choices.get(document) is None and document not in before
        else context_entry(document, choices.get(document))
        for document in template.context
    ]


def _parsed(raw: Mapping[str, Any], path: str) -> Template:
    try:
        return parse(_yaml.yaml_inline(raw, flow=True, as_json=True), path=path)
    except TemplateError as exc:
        # The line number is dropped: it counts in a temporary text that the user never sees.
        raise TemplateError(exc.what, file=path, field=exc.field, hint=exc.hint) from exc


def _meaning(template: Template) -> str:
    """What a template means, without the look of its file. As text, because 1, 1.0 and true must differ."""
    return repr(replace(template, source="", lines={}))


class _Change:
    """Applies changes to the data of a template file. Values that stay the same keep the way they are written."""

    def __init__(self, old: Template, raw: Mapping[str, Any], path: str) -> None:
        self.old, self.raw, self.path = old, raw, path
        self.new: dict[str, Any] = dict(raw)

    def apply(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in changes.items():
            key, _, part = name.partition(".")
            if key not in KEYS or (part and key not in _PARTS):
                raise self._unknown(name, KEYS)
            if key == "inputs":
                self._inputs(part, value)
            elif key in _PARTS:
                self._mapping(key, part, value)
            else:
                self._field(key, value)
        if self.raw and not set(self.raw) & set(self.new):
            self.new = {
                next(iter(self.raw)): None,
                **self.new,
            }  # keep one key, so that the comment at the top stays in place
        return self._ordered()

    def _ordered(self) -> dict[str, Any]:
        """The keys in order; a new key follows the key that usually comes before it."""
        order = [key for key in self.raw if key in self.new]
        for key in KEYS:
            if key in self.new and key not in order:
                earlier = [k for k in KEYS[: KEYS.index(key)] if k in order]
                order.insert(order.index(earlier[-1]) + 1 if earlier else 0, key)
        return {key: self.new[key] for key in order}

    def _set(self, key: str, value: Any) -> None:
        if value is None or (isinstance(value, str | list | dict) and not value):
            self.new.pop(key, None)
        else:
            self.new[key] = value

    def _field(self, key: str, value: Any) -> None:
        if key == "schema":
            self._schema(value)
            return
        if key == "context":
            value = self._context(value)
            if written_alike(value, self.raw.get(key) or []):
                return
        elif value is not None and not isinstance(value, str):
            raise self._wrong(key, "should be text")
        elif value == getattr(self.old, key):
            return
        if key in ("user", "layout") and value == "":
            self.new[key] = ""  # an empty text differs from the default text
        else:
            self._set(key, value)

    def _context(self, value: Any) -> list[Any]:
        """Documents by path, or as mappings with `path` and `passages`. A bare path keeps the passages that were chosen
        before; a mapping with only a path takes the whole document."""
        before = {entry["path"]: entry for entry in self.raw.get("context") or () if isinstance(entry, Mapping)}
        entries: list[Any] = []
        for document in [] if value is None else [value] if isinstance(value, str | Mapping) else list(value):
            if isinstance(document, Mapping) and isinstance(document.get("path"), str):
                entries.append(document["path"] if len(document) == 1 else dict(document))
            elif isinstance(document, str):
                entries.append(before.get(document, document))
            else:
                raise self._wrong("context", "should be a list of paths, or of mappings with a `path`")
        return entries

    def _schema(self, value: Any) -> None:
        if isinstance(value, str):
            try:
                value = json.loads(value) if value.strip() else None
            except (ValueError, RecursionError) as exc:
                raise self._wrong("schema", f"not JSON: {exc}") from exc
        if value is not None and not isinstance(value, Mapping):
            raise self._wrong("schema", "should be a mapping, or the JSON text of one")
        if value is not None and json.dumps(value, separators=(",", ":")) == self.old.schema:
            return
        if value is None:
            self.new.pop("schema", None)
        elif isinstance(self.raw.get("schema"), str):
            self.new["schema"] = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        else:
            self.new["schema"] = dict(value)

    def _mapping(self, key: str, part: str, value: Any) -> None:
        """Set `params` or `examples`, or one part of them."""
        known = _PARTS[key]
        before = getattr(self.old, key)
        now: dict[str, Any] = dict(self.new.get(key) or {})
        if part:
            parts = {part: value}
        else:
            if value is None and key == "examples":
                self.new.pop(key, None)
                return
            mapping = self._as_mapping(key, value)
            parts = {**dict.fromkeys(known), **mapping} if key == "params" else {**_DEFAULT_SHOTS, **mapping}
            parts = {name: parts[name] for name in sorted(parts, key=lambda n: known.index(n) if n in known else -1)}
        for name, part_value in parts.items():
            if name not in known:
                raise self._unknown(f"{key}.{name}", [f"{key}.{k}" for k in known])
            self._part(name, part_value, before, now)
        self._set(key, now)

    def _part(self, name: str, value: Any, before: Any, now: dict[str, Any]) -> None:
        if name == "stop":
            value = self._list("params.stop", value)
        if isinstance(value, float) and value.is_integer() and name not in ("k", "seed"):
            value = int(value)  # 1 and not 1.0, as people write it
        if before is not None and value is not None:
            was = getattr(before, name)
            if value == (list(was) if name == "stop" else was):
                return
        elif before is None and name not in ("pool", "k") and value == _DEFAULT_SHOTS.get(name):
            return
        if value is None or (name == "stop" and not value):
            now.pop(name, None)
        elif name == "stop" and isinstance(now.get("stop"), str) and len(value) == 1:
            now[name] = value[0]
        else:
            now[name] = value

    def _inputs(self, part: str, value: Any) -> None:
        raw = self.new.get("inputs")
        raw = dict.fromkeys(raw) if isinstance(raw, list) else dict(raw or {})
        name, _, attribute = part.partition(".")
        if not part:
            specs = {} if value is None else self._as_mapping("inputs", value)
            inputs = {name: self._input(name, spec, raw) for name, spec in specs.items()}
        elif not attribute:
            inputs = {**raw, name: self._input(name, {} if value is None else value, raw)}
            if value is None:
                inputs.pop(name)
        else:
            spec = {**_DEFAULT_INPUT, **(raw.get(name) or {}), attribute: value}
            inputs = {**raw, name: self._input(name, spec, raw)}
        bare = isinstance(self.new.get("inputs"), list) and not any(inputs.values())
        self._set("inputs", list(inputs) if bare else inputs)

    def _input(self, name: str, value: Any, raw: Mapping[str, Any]) -> Any:
        """The data of the input `name`. Unchanged if `value` means the same as before."""
        attributes = self._as_mapping(f"inputs.{name}", {} if value is None else value)
        spec = {**_DEFAULT_INPUT, **attributes}
        for key in spec:
            if key not in _DEFAULT_INPUT:
                raise self._unknown(f"inputs.{name}.{key}", [f"inputs.{name}.{k}" for k in _DEFAULT_INPUT])
        was = raw.get(name)
        now: dict[str, Any] = dict(was or {})
        before = {**_DEFAULT_INPUT, **now}
        for key, attribute in spec.items():
            if written_alike(attribute, before[key]) or (attribute is None and before[key] == _DEFAULT_INPUT[key]):
                continue
            if attribute is None or written_alike(attribute, _DEFAULT_INPUT[key]):
                now.pop(key, None)
            else:
                now[key] = attribute
        return was if name in raw and now == (was or {}) else now

    def _as_mapping(self, field: str, value: Any) -> dict[str, Any]:
        if is_dataclass(value) and not isinstance(value, type):
            return {f.name: getattr(value, f.name) for f in fields_of(value)}
        if isinstance(value, Mapping):
            return dict(value)
        if field == "inputs" and isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
            return dict.fromkeys(value)
        raise self._wrong(field, "should be a mapping of names to values")

    def _list(self, field: str, value: Any) -> list[str]:
        items: Sequence[Any] = [] if value is None else [value] if isinstance(value, str) else list(value)
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(field, "should be a list of texts")
        return list(items)

    def _wrong(self, field: str, message: str) -> TemplateError:
        return TemplateError(message, file=self.path, field=field)

    def _unknown(self, name: str, known: Sequence[str]) -> TemplateError:
        return TemplateError(f"there is no field `{name}`", file=self.path, field=name, hint=nearest(name, known))


__all__ = ["KEYS", "context_entry", "context_with_passages", "edit_template", "new_template", "template_fields"]
