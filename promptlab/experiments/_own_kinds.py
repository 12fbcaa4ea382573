"""Kinds of experiments that a workspace brings: Python files in its folder `experiments`.

The code runs with the rights of the user, so it is loaded only in a trusted workspace, as functions of scorers are. The
kinds of one workspace are not there in another, and a file is loaded again when it has changed.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from promptlab._util.files import file_stamp
from promptlab.errors import ExperimentError, PromptlabError
from promptlab.experiments._kinds import Kind, collecting
from promptlab.types import sha256
from promptlab.workspace import Workspace, check_code_trusted, kind_files


@dataclass(frozen=True)
class OwnKinds:
    """The kinds of a workspace, and what is wrong with files that have none or cannot be loaded, by path."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    problems: Mapping[str, PromptlabError] = field(default_factory=dict)


_loaded: dict[Path, tuple[object, dict[str, Kind]]] = {}
_lock = threading.RLock()


def own_kinds(workspace: Workspace) -> OwnKinds:
    """The kinds of the Python files in `experiments`. One bad file does not hide the others."""
    kinds, problems = dict[str, Kind](), dict[str, PromptlabError]()
    for path in kind_files(workspace):
        shown = workspace.relative(path)
        try:
            check_code_trusted(workspace, f"{shown} adds kinds of experiments")
            for name, one in _kinds_of(path, shown).items():
                if name in kinds:
                    raise ExperimentError(f"another file has a kind `{name}` already", file=shown)
                kinds[name] = one
        except PromptlabError as exc:
            problems[shown] = exc
    return OwnKinds(kinds, problems)


def _kinds_of(path: Path, shown: str) -> Mapping[str, Kind]:
    with _lock:
        stamp = file_stamp(path)
        known = _loaded.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, dict(_load(path, shown)))
            _loaded[path] = known
        return known[1]


def _load(path: Path, shown: str) -> Iterator[tuple[str, Kind]]:
    """Run the file, under a name that no other module has, and without leaving a compiled file beside it."""
    module = ModuleType(f"promptlab_kinds_{sha256(str(path))[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pydantic look their types up there
    with collecting() as kinds:
        try:
            exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)  # the workspace is trusted
        except PromptlabError:
            raise
        except (Exception, SystemExit) as exc:
            raise ExperimentError(f"the file cannot be run: {exc!r}", file=shown) from exc
    yield from kinds.items()
