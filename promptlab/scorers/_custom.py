"""The scorer `python`: a function of the workspace. Its module is imported when the first answer is scored."""

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

from promptlab._util.text import clipped
from promptlab.errors import InputError, NotJudged
from promptlab.types import Score, Scorer
from promptlab.workspace import Workspace, check_code_trusted

_importing = threading.RLock()


def python(*, function: str, workspace: Workspace) -> Scorer:
    """Score by the function at the import path `function`, such as `checks.football:is_team`.

    It is called with (answer, expected) and returns a bool, a number from 0 to 1, (number, reason), or a `Score`. Its
    module must be in the folder of the workspace. The code runs with your rights, so the workspace must be trusted.
    """
    wanted = _Wanted.of(function, workspace)
    check_code_trusted(workspace, f"the scorer `python` runs the function `{function}` of this workspace")
    imported: list[Callable[[str, Any], Any]] = []

    def score(answer: str, expected: Any) -> Score:
        if not imported:
            imported.append(wanted.imported())
        return _score(imported[0], answer, expected, "python", function)

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
        value = None if said.value is None else _share(said.value, function)
        return Score(scorer, value, str(said.answer), str(said.reason))
    share, reason = said if isinstance(said, tuple) and len(said) == 2 else (said, f"by {function}")
    return Score(scorer, _share(share, function), answer.strip(), str(reason))


def _share(value: Any, function: str) -> float:
    """The value that a function of the user gave. Raises `NotJudged` if it is none: None, NaN, a text."""
    number = value.item() if hasattr(value, "item") and hasattr(value, "dtype") else value  # a number of numpy
    if not isinstance(number, bool | int | float) or not 0 <= number <= 1:
        raise NotJudged(f"{function} returned {clipped(repr(value), 80)}, not a bool or a number from 0 to 1")
    return float(number)


class _Wanted:
    """A function by its import path. Its module was found in the workspace and parsed, but not imported yet."""

    def __init__(self, module: str, name: str, root: Path) -> None:
        self.module, self.name, self.root = module, name, root

    @classmethod
    def of(cls, function: Any, workspace: Workspace) -> _Wanted:
        """Raises `InputError` if `function` is no import path, or not that of a function of the workspace."""
        module, colon, name = str(function).partition(":")
        if not colon or not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise InputError(
                f"`{function}` is not an import path", hint="write module and function, as in `checks.football:is_team`"
            )
        wanted = cls(module, name, workspace.root.resolve())
        path = wanted.path()
        try:
            tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError) as exc:
            raise InputError(f"the module `{module}` cannot be read: {exc!r}") from exc
        if not any(name.split(".")[0] in _names(node) for node in tree.body):
            raise InputError(f"the module `{module}` has no function `{name}`")
        return wanted

    def path(self) -> Path:
        """The file of the module. It must be inside the workspace, after following links."""
        base = self.root.joinpath(*self.module.split("."))
        for path in (base / "__init__.py", base.with_name(f"{base.name}.py")):
            if path.is_file() and _own(path.resolve(), self.root):
                return path
        raise InputError(
            f"there is no module `{self.module}` in this workspace",
            hint=f"functions of other packages cannot be used; write your own in {self.module.replace('.', '/')}.py",
        )

    def imported(self) -> Callable[[str, Any], Any]:
        """Import the module and return the function."""
        with _importing:
            module = self._module()
        function: Any = module
        for part in self.name.split("."):
            function = getattr(function, part, None)
        if not callable(function):
            raise InputError(f"the module `{self.module}` has no function `{self.name}`")
        defined_in = getattr(function, "__module__", None) or type(function).__module__
        if not _inside(sys.modules.get(defined_in), self.root) and not _inside(
            sys.modules.get(type(function).__module__), self.root
        ):
            raise InputError(
                f"`{self.module}:{self.name}` is a function of `{defined_in}`, not of this workspace",
                hint="write a function in the workspace that calls it",
            )
        return function  # type: ignore[no-any-return]  # `callable` was checked above

    def _module(self) -> ModuleType:
        top = self.module.partition(".")[0]
        loaded = sys.modules.get(top)
        if loaded is not None and not _inside(loaded, self.root):
            if not _ours.get(top):
                raise InputError(
                    f"the module `{top}` of this workspace has the name of a module that is already imported",
                    hint="rename it",
                )
            for name in [name for name in sys.modules if name == top or name.startswith(f"{top}.")]:
                del sys.modules[name]  # it belongs to another workspace
        # At the end of the path, so that no file of the workspace can replace a library.
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
"""The names of top-level modules that were imported from a workspace."""


def _inside(module: ModuleType | None, root: Path) -> bool:
    if module is None:
        return False
    files = [str(module.__file__)] if getattr(module, "__file__", None) else list(getattr(module, "__path__", ()))
    return bool(files) and all(_own(Path(file).resolve(), root) for file in files)


def _own(path: Path, root: Path) -> bool:
    """True if the file belongs to the workspace, and not to a Python environment inside it."""
    if not path.is_relative_to(root) or path.is_relative_to(Path(sys.prefix).resolve()):
        return False
    return not any(part.startswith(".") or part == "site-packages" for part in path.relative_to(root).parts)


def _names(node: ast.stmt) -> set[str]:
    """The names that a top-level statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return {
        inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    } | {inner.name for inner in ast.walk(node) if isinstance(inner, ast.FunctionDef | ast.ClassDef)}
