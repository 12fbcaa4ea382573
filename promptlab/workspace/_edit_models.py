"""Changes of the models in promptlab.yaml, worked out first and written afterwards.

    edit = plan_model(workspace, "gpt", {"backend": "openai", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"})
    edit.diff                                  # the lines that are added and removed, for the person to see
    workspace = write_models_edit(edit)        # refused if promptlab.yaml is no longer what the edit was made from

Only the entry changes: comments, order and quotes of the rest stay. Keys are never written: values that look like one,
and addresses with a password in them, are refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from promptlab import _yaml
from promptlab._util.files import write_atomically
from promptlab._yaml import BlockMapping, CannotSplice, parse_yaml, read_text
from promptlab.errors import WorkspaceError, nearest
from promptlab.workspace._labels import FILE_LOCK
from promptlab.workspace._model_entries import OpenAIModel
from promptlab.workspace._scan import scan_text
from promptlab.workspace._scan_search import NotScanned
from promptlab.workspace._workspace import FILE, Workspace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of models: they are typed on command lines and stand in addresses."""
CONTEXT_LINES = 2
_NO_MODELS = re.compile(r"^models:[ \t]*(?:\{[ \t]*\})?(?P<comment>(?:[ \t]+#[^\r\n]*)?)[ \t]*(?=\r?$)", re.MULTILINE)
_MARK = "promptlab-takes-this-line-out"
_SECRET_KEY = re.compile(r"\bsk-[\w-]{16,}")
"""What many servers' keys look like. The scan finds only keys of services that it knows."""


@dataclass(frozen=True, slots=True)
class ModelsEdit:
    """A change of the entry `name`: the text of promptlab.yaml `before` and `after` it, and the workspace as it is with
    it."""

    name: str
    before: str
    after: str
    workspace: Workspace

    @property
    def diff(self) -> str:
        """The change as a unified diff, without a heading; empty if nothing changes."""
        lines = difflib.unified_diff(self.before.splitlines(), self.after.splitlines(), lineterm="", n=CONTEXT_LINES)
        return "\n".join(list(lines)[2:])


def plan_model(workspace: Workspace, name: str, settings: Mapping[str, Any], *, new: bool = True) -> ModelsEdit:
    """The edit that adds the model `name`, or, if it is not `new`, changes it. `settings` are keys of its entry; None
    removes a key, and keys that are not named stay.

    Raises:
        WorkspaceError: the name is taken or cannot be one, a value is wrong or looks like a key, or promptlab.yaml is
            written in a way that cannot be changed in place.
    """
    before, data = _read(workspace)
    models = _models_of(data)
    if new:
        _check_name(name, models)
    elif name not in models:
        raise WorkspaceError(f"there is no model `{name}` in {FILE}", hint=nearest(name, models))
    old = models.get(name, {})
    entry = {key: value for key, value in {**old, **settings}.items() if value is not None}
    for key, value in entry.items():
        if value != old.get(key):
            _check_value(key, value)
    return _planned(workspace, (name,), before, data, {**models, name: entry})


def plan_new_models(workspace: Workspace, entries: Mapping[str, Mapping[str, Any]]) -> ModelsEdit:
    """The edit that adds several models, each name with the keys of its entry. The edit's `name` is the first one.

    Raises:
        WorkspaceError: as `plan_model`.
    """
    before, data = _read(workspace)
    models = dict(_models_of(data))
    for name, entry in entries.items():
        _check_name(name, models)
        for key, value in entry.items():
            _check_value(key, value)
        models[name] = dict(entry)
    return _planned(workspace, tuple(entries), before, data, models)


def entry_of_server(base_url: str | None, api_key_env: str | None) -> OpenAIModel:
    """An entry that only says where a server is, to ask what it offers. Its errors quote no value, which may be a key.

    Raises:
        WorkspaceError: it is not an address, or not the name of a key variable.
    """
    for key, value in (("base_url", base_url), ("api_key_env", api_key_env)):
        _check_value(key, value)
    try:
        return OpenAIModel(backend="openai", model="-", base_url=base_url, api_key_env=api_key_env)
    except ValidationError as exc:
        problem = exc.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in problem["loc"])
        raise WorkspaceError(problem["msg"].removeprefix("Value error, "), field=field) from None


def plan_removal(workspace: Workspace, name: str) -> ModelsEdit:
    """The edit that removes the model `name`. Raises `WorkspaceError` if there is none, or if promptlab.yaml cannot be
    changed in place."""
    before, data = _read(workspace)
    models = _models_of(data)
    if name not in models:
        raise WorkspaceError(f"there is no model `{name}` in {FILE}", hint=nearest(name, models))
    return _planned(workspace, (name,), before, data, {key: each for key, each in models.items() if key != name})


def write_models_edit(edit: ModelsEdit) -> Workspace:
    """Write `edit` to promptlab.yaml; returns the workspace as it is then.

    Raises:
        WorkspaceError: the file changed since the edit was worked out; nothing is written.
        NotWritten: it cannot be written.
    """
    with FILE_LOCK:
        file = edit.workspace.resolve(FILE)
        if read_text(file, shown=FILE, error=WorkspaceError) != edit.before:
            raise WorkspaceError(
                f"{FILE} changed on disk in the meantime; nothing was written",
                hint="look at the change again: it is worked out anew from the file as it is now",
            )
        if edit.after != edit.before:
            write_atomically(file, edit.after.encode())
    return edit.workspace


def _read(workspace: Workspace) -> tuple[str, dict[str, Any]]:
    text = read_text(workspace.resolve(FILE), shown=FILE, error=WorkspaceError)
    Workspace.parse(workspace.root, text)  # a file that is wrong already is not changed
    return text, parse_yaml(text, shown=FILE, error=WorkspaceError).data or {}


def _models_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return data.get("models") or {}


def _planned(
    workspace: Workspace, names: Sequence[str], before: str, data: Mapping[str, Any], models: Mapping[str, Any]
) -> ModelsEdit:
    try:
        if not models:
            after = _emptied(before, data)
        elif not _models_of(data):
            after = _begun(before, data, models)
        else:
            after = _yaml.edit_yaml(before, data, {**data, "models": models})
    except CannotSplice as exc:
        raise WorkspaceError(
            f"{FILE} is written in a way that cannot be changed in place ({exc})", hint="change the entry by hand"
        ) from exc
    changed, old = Workspace.parse(workspace.root, after), Workspace.parse(workspace.root, before)
    others = {key: entry for key, entry in changed.models.items() if key not in names}
    if replace(changed, models={}) != replace(old, models={}) or others != {
        key: entry for key, entry in old.models.items() if key not in names
    }:
        raise WorkspaceError(f"changing `{names[0]}` in {FILE} would change something else", hint="change it by hand")
    return ModelsEdit(names[0], before, after, changed)


def _begun(text: str, data: Mapping[str, Any], models: Mapping[str, Any]) -> str:
    """`text`, which has no models yet, with `models`. They get lines of their own, also after `models: {}`."""
    line = _NO_MODELS.search(text)
    if line is not None and "models" in data:
        rows = [row for name, entry in models.items() for row in _yaml.entry_rows(name, entry, 2)]
        newline = "\r\n" if "\r\n" in text else "\n"
        after = text[: line.start()] + newline.join([f"models:{line['comment']}", *rows]) + text[line.end() :]
        changed = parse_yaml(after, shown=FILE, error=WorkspaceError).data
        if _yaml.written_alike(changed, {**data, "models": dict(models)}):
            return after
    return _yaml.edit_yaml(text, data, {**data, "models": BlockMapping(models)})


def _emptied(text: str, data: Mapping[str, Any]) -> str:
    """`text` without any model. Comments between models stay, such as entries that are commented out."""
    marked = {**data, "models": {**_models_of(data), _MARK: 0}}
    only = {**data, "models": {_MARK: 0}}
    lines = _yaml.edit_yaml(_yaml.edit_yaml(text, data, marked), marked, only).splitlines(keepends=True)
    kept = [line for line in lines if line.strip() != f"{_MARK}: 0"]
    # In braces the mark has no line of its own.
    return "".join(kept) if len(kept) < len(lines) else _yaml.edit_yaml(text, data, {**data, "models": {}})


def _check_name(name: str, taken: Mapping[str, Any]) -> None:
    if not name:
        raise WorkspaceError("the model needs a name", hint="the name that you will choose it by, such as `gpt`")
    if not NAME.fullmatch(name):
        raise WorkspaceError(
            f"`{name[:80]}` cannot be the name of a model",
            hint="letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit",
        )
    if (other := next((known for known in taken if known.lower() == name.lower()), None)) is not None:
        raise WorkspaceError(f"the name `{other}` is taken", hint="choose another name, or change that model")


def _check_value(key: str, value: Any) -> None:
    """Refuse a value that holds a key or a password. The message does not quote it."""
    if not isinstance(value, str):
        return
    if value != value.strip() or not value.isprintable():
        raise WorkspaceError("it has blanks around it or characters that cannot be seen", field=key)
    hint = "put it into an environment variable, and name the variable in `api_key_env`"
    if key == "base_url":
        try:
            url = urlsplit(value)
        except ValueError as exc:
            raise WorkspaceError(f"it is not an address: {exc}", field=key) from exc
        if "@" in url.netloc:
            raise WorkspaceError(
                "the address has a user or a password, which would stand in the file", field=key, hint=hint
            )
        if any(name != "api-version" for name, _ in parse_qsl(url.query, keep_blank_values=True)):
            raise WorkspaceError("the address has a query, which may hold a key", field=key, hint=hint)
    if _SECRET_KEY.search(value) or _finds_key(value):
        raise WorkspaceError("the value looks like a key, which must not stand in the file", field=key, hint=hint)


def _finds_key(value: str) -> bool:
    try:
        return bool(scan_text(value, "keys"))
    except NotScanned:
        return False


__all__ = ["ModelsEdit", "entry_of_server", "plan_model", "plan_removal", "write_models_edit"]
