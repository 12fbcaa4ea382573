"""The structure of the package: its rooms, who imports whom, circles, and the longest files and functions.

    python -m tools.structure                  # of this repository
    python -m tools.structure ../before        # of another checkout, such as `git worktree add ../before v0.1`

A room is a folder of `promptlab/`, or a module that lies directly in it. An arrow goes from a room to one that it
imports from, wherever in a file the import stands.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LONGEST = 5
LONG_FILE = 300


@dataclass(frozen=True)
class Function:
    """A function: how many lines it has, from its first to its last, and where it is."""

    lines: int
    place: str


@dataclass(frozen=True)
class Structure:
    """What was counted. `arrows` has how many imports make each arrow from one room to another."""

    rooms: dict[str, int]
    arrows: Counter[tuple[str, str]]
    past_faces: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]
    files: tuple[tuple[int, str], ...]
    functions: tuple[Function, ...]


def structure(root: Path) -> Structure:
    """Count the structure of the package in `root`."""
    package = root / "promptlab"
    files = {_module(root, file): file for file in sorted(package.rglob("*.py"))}
    trees = {module: ast.parse(file.read_text(encoding="utf-8")) for module, file in files.items()}
    needs = {module: set(_imports(tree, files)) - {module} for module, tree in trees.items()}
    between = [(module, needed) for module in needs for needed in needs[module] if _room(module) != _room(needed)]
    nouns = {_room(module) for module in files if module.count(".") > 1 and not _room(module).startswith("_util")}
    return Structure(
        rooms=dict(Counter(_room(module) for module in files)),
        arrows=Counter((_room(module), _room(needed)) for module, needed in between),
        past_faces=tuple(f"{m} imports {n}" for m, n in between if _room(n) in nouns and n.count(".") > 1),
        circles=tuple(_circles(needs)),
        files=tuple(
            sorted((len(f.read_text(encoding="utf-8").splitlines()), _shown(root, f)) for f in files.values())[::-1]
        ),
        functions=tuple(sorted(_functions(trees), key=lambda function: -function.lines)),
    )


def _module(root: Path, file: Path) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def _shown(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _room(module: str) -> str:
    return [*module.split("."), "promptlab"][1]


def _imports(tree: ast.Module, files: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that are imported; a name that is a module counts as that module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                both = f"{node.module}.{alias.name}", node.module
                yield from [module for module in both if module in files][:1]


def _circles(needs: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """Circles of modules that import each other, each once."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if module in path:
            yield (*path[path.index(module) :], module)
        elif module not in done:
            for needed in sorted(needs[module]):
                yield from visit(needed, (*path, module))
            done.add(module)

    for module in needs:
        yield from visit(module, ())


def _functions(trees: dict[str, ast.Module]) -> Iterator[Function]:
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                yield Function(node.end_lineno - node.lineno + 1, f"{module}.{node.name}")


def main(root: Path) -> None:
    """Print the structure of the package in `root`."""
    found = structure(root)
    lines = sum(count for count, _ in found.files)
    print(f"{len(found.rooms)} rooms, {len(found.files)} files, {lines:,} lines")
    print("  " + ", ".join(f"{room} {count}" for room, count in sorted(found.rooms.items(), key=lambda r: -r[1])[:20]))
    print(f"{len(found.arrows)} arrows between rooms, made by {found.arrows.total()} imports")
    print(f"{len(found.past_faces)} imports past a face")
    for line in found.past_faces[:LONGEST]:
        print(f"  {line}")
    print(f"{len(found.circles)} circles")
    for circle in found.circles[:LONGEST]:
        print("  " + " > ".join(circle))
    long = [(count, name) for count, name in found.files if count > LONG_FILE]
    print(f"{len(long)} files over {LONG_FILE} lines")
    for count, name in long:
        print(f"  {count} {name}")
    lengths = sorted(function.lines for function in found.functions)
    middle, most = lengths[len(lengths) // 2], lengths[len(lengths) * 95 // 100]
    print(f"{len(lengths):,} functions: half have at most {middle} lines, 95 % at most {most}")
    for function in found.functions[:LONGEST]:
        print(f"  {function.lines} {function.place}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
