"""The kinds that there are: the built-in ones, those that a script has registered, and those of a workspace."""

from __future__ import annotations

from importlib import import_module

from promptlab.errors import ExperimentError, nearest
from promptlab.experiments._kinds import BUILT_IN, Kind, known
from promptlab.experiments._own_kinds import OwnKinds, own_kinds
from promptlab.workspace import Workspace


def kind_named(name: str, workspace: Workspace | None = None) -> Kind:
    """The kind `name`: a built-in one, or one of the files of `workspace`. Raises `ExperimentError` if there is none,
    and `Untrusted` if it may be in a file of a workspace that is not trusted yet."""
    if name in BUILT_IN:
        import_module(f"promptlab.experiments._{name}")
    if name in known:
        return known[name]
    own = _own(workspace)
    if name in own.kinds:
        return own.kinds[name]
    if own.problems:
        raise next(iter(own.problems.values()))
    raise ExperimentError(
        f"there is no kind of experiment `{name}`", hint=nearest(name, kind_names(workspace)), field="kind"
    )


def kind_names(workspace: Workspace | None = None) -> tuple[str, ...]:
    """The names of all kinds: the built-in ones, those that were registered, and those of `workspace`."""
    return tuple(dict.fromkeys((*BUILT_IN, *known, *_own(workspace).kinds)))


def every_kind(workspace: Workspace | None = None) -> tuple[Kind, ...]:
    return tuple(kind_named(name, workspace) for name in kind_names(workspace))


def _own(workspace: Workspace | None) -> OwnKinds:
    return OwnKinds() if workspace is None else own_kinds(workspace)
