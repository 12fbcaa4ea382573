"""A function of the workspace's own as a scorer. Nothing is imported before the first answer is scored."""

from __future__ import annotations

import ast
import copy
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from promptlab.errors import InputError
from promptlab.types import Score, Scorer
from promptlab.workspace import Workspace, check_code

_importing = threading.RLock()


def python(*, function: str, workspace: Workspace) -> Scorer:
    """What the function at the import path `function`, such as `checks.football:is_team`, says of the answer.

    It is called with (answer, expected) and gives a bool, a number in [0, 1], (number, reason), or a `Score`. Module
    and function are of the workspace's own folder. It is code that runs as you, so the workspace must be trusted.
    """
    wanted = _Wanted.of(function, workspace)
    check_code(workspace, function)
    called: list[Callable[[str, Any], Any]] = []

    def score(answer: str, expected: Any) -> Score:
        if not called:
            called.append(wanted.imported())
        return _score(called[0], answer, expected, "python", function)

    return score


def from_function(function: Callable[[str, Any], Any]) -> Scorer:
    """A Python function as a scorer: called with (answer, expected), it gives what functions of `python` give."""
    name = getattr(function, "__name__", type(function).__name__).strip("<>")

    def score(answer: str, expected: Any) -> Score:
        return _score(function, answer, expected, name, name)

    score.__qualname__ = name  # an error in the function is reported under its name
    return score


def _score(call: Callable[[str, Any], Any], answer: str, expected: Any, scorer: str, function: str) -> Score:
    # A copy: what is expected is recorded afterwards, and is not for the function to change.
    said = call(answer, copy.deepcopy(expected))
    if isinstance(said, Score):
        return Score(scorer, _share(said.value, function), str(said.answer), str(said.reason))
    value, reason = said if isinstance(said, tuple) and len(said) == 2 else (said, f"by {function}")
    return Score(scorer, _share(value, function), answer.strip(), str(reason))


def _share(value: Any, function: str) -> float:
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise InputError(f"{function} gave {value!r}, and not a bool or a number from 0 to 1")
    return float(value)


class _Wanted:
    """A function by its import path, its module found in the workspace and looked at, and not imported yet."""

    def __init__(self, module: str, name: str, root: Path) -> None:
        self.module, self.name, self.root = module, name, root

    @classmethod
    def of(cls, function: Any, workspace: Workspace) -> _Wanted:
        """Raises `InputError` for what is no import path, or leads to no function of the workspace."""
        module, colon, name = str(function).partition(":")
        if not colon or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise InputError(
                f"`{function}` is no import path", hint="write module and function, as in `checks.football:is_team`"
            )
        found = cls(module, name, workspace.root.resolve())
        path = found.path()
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError) as exc:
            raise InputError(f"the module `{module}` cannot be read: {exc!r}") from exc
        if not any(name.split(".")[0] in _names(node) for node in tree.body):
            raise InputError(f"the module `{module}` has no function `{name}`")
        return found

    def path(self) -> Path:
        """The module's file. Nothing outside the workspace counts, whatever its name, and no link out of it."""
        base = self.root.joinpath(*self.module.split("."))
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file() and _own(path.resolve(), self.root):
                return path
        raise InputError(
            f"there is no module `{self.module}` in this workspace",
            hint=f"functions of other packages are not called; write your own in {self.module.replace('.', '/')}.py",
        )

    def imported(self) -> Callable[[str, Any], Any]:
        """The function, its module imported."""
        with _importing:
            module = self._module()
        found: Any = module
        for part in self.name.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise InputError(f"the module `{self.module}` has no function `{self.name}`")
        made_by = getattr(found, "__module__", None) or type(found).__module__
        if not _inside(sys.modules.get(made_by), self.root) and not _inside(
            sys.modules.get(type(found).__module__), self.root
        ):
            raise InputError(
                f"`{self.module}:{self.name}` is a function of `{made_by}`, and not of this workspace",
                hint="write a function of your own around it",
            )
        return found  # type: ignore[no-any-return]  # whatever it is, it can be called

    def _module(self) -> ModuleType:
        top = self.module.partition(".")[0]
        loaded = sys.modules.get(top)
        if loaded is not None and not _inside(loaded, self.root):
            if not _ours.get(top):
                raise InputError(
                    f"the module `{top}` of this workspace has the name of one that is in use", hint="call it otherwise"
                )
            for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
                del sys.modules[name]  # of another workspace
        # Last, so that no file of the workspace takes the place of a library's.
        sys.path.append(str(self.root))
        try:
            if top not in sys.modules:
                self._load(top)
            return importlib.import_module(self.module)
        except InputError:
            raise
        except (Exception, SystemExit) as exc:
            raise InputError(f"the module `{self.module}` cannot be imported: {exc!r}") from exc
        finally:
            sys.path.remove(str(self.root))

    def _load(self, top: str) -> None:
        spec: ModuleSpec | None = PathFinder.find_spec(top, [str(self.root)])
        if spec is None:
            raise InputError(f"there is no module `{top}` in this workspace")
        module = importlib.util.module_from_spec(spec)
        sys.modules[top], _ours[top] = module, True
        try:
            if spec.loader is not None:
                spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(top, None)
            raise


_ours: dict[str, bool] = {}
"""Names of modules that came from a workspace."""


def _inside(module: ModuleType | None, root: Path) -> bool:
    if module is None:
        return False
    files = [str(module.__file__)] if getattr(module, "__file__", None) else list(getattr(module, "__path__", ()))
    return bool(files) and all(_own(Path(file).resolve(), root) for file in files)


def _own(path: Path, root: Path) -> bool:
    """Whether the file is of the workspace, and not of a Python environment that lies in it."""
    if not path.is_relative_to(root) or path.is_relative_to(Path(sys.prefix).resolve()):
        return False
    return not any(part.startswith(".") or part == "site-packages" for part in path.relative_to(root).parts)


def _names(node: ast.stmt) -> set[str]:
    """Names that a statement at the top of a module gives."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return {
        inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    } | {inner.name for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef | ast.ClassDef)}
