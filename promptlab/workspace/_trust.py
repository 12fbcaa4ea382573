"""What a workspace asks of the person who opens it, and whether they trust it: asked once, kept for the person.

    asks(workspace)      # (Ask("host", "host https://models.example.org", "model `big` sends prompts to …"), …)
    missing(workspace)   # those not trusted yet; they are off until `trust(workspace)`

Asked for are functions of the workspace's own (`python:` scorers), hosts that are neither OpenAI's nor this machine,
and environment variables named as keys, other than OPENAI_API_KEY for OpenAI. The answer is kept outside the workspace,
for its path and owner; what is added to a trusted workspace later is asked for again.
"""

from __future__ import annotations

import json
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
"""The environment variable that trusts every workspace if it is 1, for machines that test; `--trust` does the same."""
CODE = "code"
MOST_BYTES = 2_000_000
_FOLDERS_LEFT_OUT = ("node_modules", "__pycache__")
_given = [False]


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing a workspace asks for. `id` is what the answer is kept by; `words` say it to people."""

    kind: Literal["code", "host", "key"]
    id: str
    words: str


def requested_permissions(workspace: Workspace) -> tuple[Permission, ...]:
    """All that the workspace asks for. Reads its YAML and JSON files, runs nothing."""
    code = [
        Permission("code", CODE, f"scorer: {place} runs the function `{name}`")
        for place, name in scorer_functions(workspace)
    ]
    models = [ask for name, entry in workspace.models.items() for ask in permissions_of_model(name, entry)]
    return tuple(dict.fromkeys([*code, *models]))


def permissions_of_model(name: str, entry: object) -> list[Permission]:
    """What the model `name` asks for; nothing for local models, OpenAI with its usual key, and this machine."""
    if not isinstance(entry, OpenAIModel):
        return []
    try:
        url = urlsplit(entry.base_url or "https://api.openai.com/v1")
        host, port = url.hostname or "", url.port
    except ValueError:  # it will be no address that can be asked
        return []
    if is_loopback(host):
        return []
    shown = f"{url.scheme}://{host}{f':{port}' if port else ''}"
    found = []
    official = url.scheme == "https" and is_openai(host) and port in (None, 443)
    if not official:
        found.append(Permission("host", f"host {shown}", f"model `{name}` sends prompts to {shown}"))
    key = entry.api_key_env
    if key and not (official and key == "OPENAI_API_KEY"):
        found.append(Permission("key", f"key {key} {shown}", f"model `{name}` sends the key in {key} to {shown}"))
    return found


def scorer_functions(workspace: Workspace) -> list[tuple[str, str]]:
    """Files of the workspace that name functions as scorers, each with the function."""
    found = []
    for path in _files(workspace.root):
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, ValueError):
            continue
        if "python" not in text and "\\" not in text:  # with a backslash a name may be written otherwise
            continue
        found += [(workspace.relative(path), name) for data in _read(text, path) for name in _functions(data)]
    return list(dict.fromkeys(found))


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in _FOLDERS_LEFT_OUT)
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
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Mapping):
            named = one.get("python")
            if isinstance(named, Mapping) and isinstance(named.get("function"), str):
                yield str(named["function"])
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def missing_permissions(workspace: Workspace) -> tuple[Permission, ...]:
    """What the workspace asks for and nobody has trusted it with."""
    if trusts_everything():
        return ()
    granted = _granted(workspace)
    return tuple(ask for ask in requested_permissions(workspace) if ask.id not in granted)


def model_trust_problem(workspace: Workspace, name: str, entry: object) -> Untrusted | None:
    """Why the model may not be asked yet; None where it may."""
    wanted = permissions_of_model(name, entry)
    if not wanted or trusts_everything():
        return None
    granted = _granted(workspace)
    lacking = [ask.words for ask in wanted if ask.id not in granted]
    return _untrusted("; ".join(lacking)) if lacking else None


def check_code_trusted(workspace: Workspace, function: str) -> None:
    """Raise `Untrusted` where a function of the workspace may not run yet."""
    if not trusts_everything() and CODE not in _granted(workspace):
        raise _untrusted(f"the scorer `python` runs the function `{function}` of this workspace")


def _untrusted(what: str) -> Untrusted:
    return Untrusted(
        f"off until you trust this workspace: {what}",
        hint="see what it asks for, and trust it once: promptlab trust (in CI: --trust, or PROMPTLAB_TRUST=1)",
    )


def trust_workspace(workspace: Workspace, wanted: Iterable[Permission] | None = None) -> None:
    """Trust the workspace with what was shown, or with all that it asks for now; with nothing that comes later."""
    shown = {ask.id for ask in (requested_permissions(workspace) if wanted is None else wanted)}
    entry = {"owner": _owner(workspace), "trusted": sorted(shown | _granted(workspace))}
    _write({**_kept(), _key(workspace): entry})


def forget_trust(workspace: Workspace) -> bool:
    """Trust it no more; whether it was trusted."""
    kept = _kept()
    if kept.pop(_key(workspace), None) is None:
        return False
    _write(kept)
    return True


@contextmanager
def trust_everything() -> Iterator[None]:
    """Trust whatever is opened inside, as `--trust` does; nothing is kept."""
    before, _given[0] = _given[0], True
    try:
        yield
    finally:
        _given[0] = before


def trusts_everything() -> bool:
    """Whether `--trust` or the environment trusts whatever is opened."""
    return _given[0] or os.environ.get(TRUST_VARIABLE, "").lower() in ("1", "true", "yes")


def trust_file() -> Path:
    """Where the answers are kept: for the person, and never in a workspace."""
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
        found = json.loads(trust_file().read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # nobody was asked yet, or half a file: they are asked again
        return {}
    return found if isinstance(found, dict) else {}


def _write(kept: dict[str, Any]) -> None:
    try:
        write_atomically(trust_file(), json.dumps(kept, indent=1).encode("ascii"))
    except OSError as exc:
        raise PromptlabError(f"what you trust cannot be kept in {trust_file()}: {exc}") from exc
