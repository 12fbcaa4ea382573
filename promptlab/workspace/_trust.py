"""Trust: the permissions that a workspace needs, and the ones that the user has granted.

    requested_permissions(workspace)  # (Permission("host", "host https://models.example.org", "model `big` …"), …)
    missing_permissions(workspace)    # those not granted yet; what needs them is off until `trust_workspace(workspace)`

A permission is needed to run code of the workspace (`python:` scorers, kinds of experiments), to send prompts to a host
other than OpenAI and this machine, and to send a key from an environment variable other than OPENAI_API_KEY to OpenAI.
Granted permissions are stored outside the workspace, by its path and owner. What is added to a trusted workspace later
needs a new permission.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from promptlab._util.files import write_atomically
from promptlab._util.network import is_loopback, is_openai
from promptlab._yaml import parse_yaml
from promptlab.errors import PromptlabError, SuiteError, Untrusted
from promptlab.workspace._workspace import OpenAIModel, Workspace

TRUST_VARIABLE = "PROMPTLAB_TRUST"
"""If this environment variable is 1, every workspace is trusted. For CI; `--trust` does the same."""
CODE = "code"
KINDS_FOLDER = "experiments"
MOST_BYTES = 2_000_000
_FOLDERS_LEFT_OUT = ("node_modules", "__pycache__")
_given = [False]


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that a workspace asks for. It is stored under its `id`; `words` describe it to the user."""

    kind: Literal["code", "host", "key"]
    id: str
    words: str


def requested_permissions(workspace: Workspace, *, most_entries: float = math.inf) -> tuple[Permission, ...]:
    """All permissions that the workspace asks for. Reads its YAML and JSON files and runs no code.

    In a folder like a home folder, `most_entries` limits how many files and folders are looked through. What is not
    listed is off all the same.
    """
    code = [
        Permission("code", CODE, f"scorer: {place} runs the function `{name}`")
        for place, name in scorer_functions(workspace, most_entries=most_entries)
    ]
    code += [
        Permission("code", CODE, f"experiment: {workspace.relative(path)} adds kinds of experiments")
        for path in kind_files(workspace)
    ]
    models = [ask for name, entry in workspace.models.items() for ask in permissions_of_model(name, entry)]
    return tuple(dict.fromkeys([*code, *models]))


def permissions_of_model(name: str, entry: object) -> list[Permission]:
    """The permissions that the model `name` needs. None for local models, this machine and usual OpenAI."""
    if not isinstance(entry, OpenAIModel):
        return []
    try:
        url = urlsplit(entry.base_url or "https://api.openai.com/v1")
        host, port = url.hostname or "", url.port
    except ValueError:  # not a valid URL: nothing can be sent there
        return []
    if is_loopback(host):
        return []
    shown = f"{url.scheme}://{host}{f':{port}' if port else ''}"
    permissions = []
    official = url.scheme == "https" and is_openai(host) and port in (None, 443)
    if not official:
        permissions.append(Permission("host", f"host {shown}", f"model `{name}` sends prompts to {shown}"))
    key = entry.api_key_env
    if key and not (official and key == "OPENAI_API_KEY"):
        permissions.append(Permission("key", f"key {key} {shown}", f"model `{name}` sends the key in {key} to {shown}"))
    return permissions


def scorer_functions(workspace: Workspace, *, most_entries: float = math.inf) -> list[tuple[str, str]]:
    """The functions that files of the workspace use as scorers: (file, function)."""
    pairs = []
    for path in _files(workspace.root, most_entries):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError):
            continue
        if "python" not in text and "\\" not in text:  # with backslash escapes, `python` may be spelled in another way
            continue
        pairs += [(workspace.relative(path), name) for data in _read(text, path) for name in _functions(data)]
    return list(dict.fromkeys(pairs))


def _files(root: Path, most_entries: float) -> Iterator[Path]:
    """The YAML and JSON files in which a scorer may be named."""
    entries = 0
    for folder, folders, files in os.walk(root):
        entries += len(files) + len(folders)
        if entries > most_entries:
            return
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _FOLDERS_LEFT_OUT)
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in (".yaml", ".yml", ".json", ".jsonl") and path.name != "promptlab.yaml":
                try:
                    if path.stat().st_size <= MOST_BYTES:
                        yield path
                except OSError:
                    continue


def _read(text: str, path: Path) -> Iterator[Any]:
    if path.suffix == ".jsonl":
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue
        return
    try:
        yield parse_yaml(text, shown=path.name, error=SuiteError).data
    except (PromptlabError, RecursionError, ValueError):
        return


def _functions(data: Any) -> Iterator[str]:
    waiting, seen = [data], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:  # YAML anchors can make the same object appear many times, or contain itself
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            options = value.get("python")
            if isinstance(options, Mapping) and isinstance(options.get("function"), str):
                yield str(options["function"])
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def missing_permissions(workspace: Workspace, *, most_entries: float = math.inf) -> tuple[Permission, ...]:
    """The permissions that the workspace asks for and that were not granted yet; see `requested_permissions`."""
    if trusts_everything():
        return ()
    granted = _granted(workspace)
    return tuple(ask for ask in requested_permissions(workspace, most_entries=most_entries) if ask.id not in granted)


def model_trust_problem(workspace: Workspace, name: str, entry: object) -> Untrusted | None:
    """Why the model may not be used yet; None if it may."""
    wanted = permissions_of_model(name, entry)
    if not wanted or trusts_everything():
        return None
    granted = _granted(workspace)
    lacking = [ask.words for ask in wanted if ask.id not in granted]
    return _untrusted("; ".join(lacking)) if lacking else None


def check_code_trusted(workspace: Workspace, what: str) -> None:
    """Raise `Untrusted` if code of the workspace may not run yet. `what` says what the code does."""
    if not trusts_everything() and CODE not in _granted(workspace):
        raise _untrusted(what)


def kind_files(workspace: Workspace) -> list[Path]:
    """The Python files of the workspace that add kinds of experiments."""
    folder = workspace.root / KINDS_FOLDER
    inside = workspace.root.resolve()
    return [path for path in sorted(folder.glob("*.py")) if path.is_file() and path.resolve().is_relative_to(inside)]


def _untrusted(what: str) -> Untrusted:
    return Untrusted(
        f"off until you trust this workspace: {what}",
        hint="read what it asks for, and trust it once: promptlab trust (in CI: --trust, or PROMPTLAB_TRUST=1)",
    )


def trust_workspace(workspace: Workspace, wanted: Iterable[Permission] | None = None) -> None:
    """Grant the permissions in `wanted`, or all that the workspace asks for now. Later ones are not included."""
    shown = {ask.id for ask in (requested_permissions(workspace) if wanted is None else wanted)}
    entry = {"owner": _owner(workspace), "trusted": sorted(shown | _granted(workspace))}
    _write({**_kept(), _key(workspace): entry})


def forget_trust(workspace: Workspace) -> bool:
    """Withdraw all permissions of the workspace. True if it had any."""
    kept = _kept()
    if kept.pop(_key(workspace), None) is None:
        return False
    _write(kept)
    return True


@contextmanager
def trust_everything() -> Iterator[None]:
    """Inside this context every workspace is trusted, as with `--trust`. Nothing is stored."""
    before, _given[0] = _given[0], True
    try:
        yield
    finally:
        _given[0] = before


def trusts_everything() -> bool:
    """True if `--trust` or the environment variable trusts every workspace."""
    return _given[0] or os.environ.get(TRUST_VARIABLE, "").lower() in ("1", "true", "yes")


def trust_file() -> Path:
    """The file with the granted permissions. It belongs to the user and is never in a workspace."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base and Path(base).is_absolute() else Path.home() / ".config") / "promptlab" / "trust.json"


def _key(workspace: Workspace) -> str:
    return str(workspace.root.resolve())


def _owner(workspace: Workspace) -> int:
    return workspace.root.resolve().stat().st_uid


def _granted(workspace: Workspace) -> frozenset[str]:
    entry = _kept().get(_key(workspace))
    if not isinstance(entry, dict) or entry.get("owner") != _owner(workspace):
        return frozenset()
    trusted = entry.get("trusted")
    return frozenset(map(str, trusted)) if isinstance(trusted, list) else frozenset()


def _kept() -> dict[str, Any]:
    try:
        stored = json.loads(trust_file().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # nothing stored yet, or a damaged file: the user is asked again
        return {}
    return stored if isinstance(stored, dict) else {}


def _write(kept: dict[str, Any]) -> None:
    try:
        write_atomically(trust_file(), json.dumps(kept, indent=1).encode("ascii"))
    except OSError as exc:
        raise PromptlabError(f"the granted permissions cannot be stored in {trust_file()}: {exc}") from exc
