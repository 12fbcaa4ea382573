"""A function of the workspace's own as a scorer."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from typing import Any

from promptlab.errors import InputError
from promptlab.types import Score, Scorer
from promptlab.workspace import Workspace

_importing = threading.Lock()


def python(*, function: str, workspace: Workspace) -> Scorer:
    """What the function at the import path `function`, such as `checks.football:is_team`, says of the answer.

    It is called with (answer, expected) and gives a bool, a number in [0, 1], (number, reason), or a `Score`. Modules
    are looked for in the workspace's folder first. It is code that the owner of the suite runs as themselves.
    """
    called = _found(function, workspace)

    def score(answer: str, expected: Any) -> Score:
        said = called(answer, expected)
        if isinstance(said, Score):
            return Score("python", _share(said.value, function), said.answer, said.reason)
        value, reason = said if isinstance(said, tuple) and len(said) == 2 else (said, f"by {function}")
        return Score("python", _share(value, function), answer.strip(), str(reason))

    return score


def _share(value: Any, function: str) -> float:
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise InputError(f"{function} gave {value!r}, and not a bool or a number from 0 to 1")
    return float(value)


def _found(function: str, workspace: Workspace) -> Callable[[str, Any], Any]:
    module, colon, name = str(function).partition(":")
    if not colon or not module or not name:
        raise InputError(
            f"`{function}` is no import path", hint="write module and function, as in `checks.football:is_team`"
        )
    with _importing:
        sys.path.insert(0, str(workspace.root))
        try:
            found: Any = importlib.import_module(module)
        except Exception as exc:
            raise InputError(f"the module `{module}` cannot be imported: {exc!r}") from exc
        finally:
            sys.path.remove(str(workspace.root))
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise InputError(f"the module `{module}` has no function `{name}`")
    return found  # type: ignore[no-any-return]  # whatever it is, it can be called
