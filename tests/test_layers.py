"""The shape of the house: imports point down, vendors stay in their rooms, and help loads nothing heavy."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.places import PACKAGE, ROOT

# The rooms of docs/architecture.md, highest first. A package imports those below it, and none beside it.
DIRECTIONS = (
    ("cli", "pytest_plugin"),
    ("ui",),
    ("lab",),
    ("finetune",),
    ("shelf", "experiments", "votes"),
    ("formats", "server", "suites"),
    ("runs", "versions", "sizing"),
    ("templates", "models"),
    ("documents", "examples", "scorers"),
    ("workspace",),
    ("_util",),
    ("_yaml",),
    ("types",),
    ("errors", "stats"),
    ("_lazy", "_version"),
)
LEVEL = {name: len(DIRECTIONS) - number for number, rooms in enumerate(DIRECTIONS) for name in rooms} | {
    "": len(DIRECTIONS) + 1
}

FILES = sorted(PACKAGE.rglob("*.py"))
VENDORS = {
    "openai": ("promptlab/models/_openai/",),
    "httpx2": ("promptlab/models/_openai/",),
    "llama_cpp": ("promptlab/models/_llama/",),
    "streamlit": ("promptlab/ui/", "app.py"),
    **dict.fromkeys(("torch", "transformers", "peft", "gguf"), ("promptlab/finetune/",)),
    "markdown_it": ("promptlab/ui/components/markdown_view.py",),
    "sqlalchemy": (
        "promptlab/_util/database.py",
        "promptlab/_util/sql_dialects.py",
        "promptlab/runs/_queries.py",
        "promptlab/runs/_store.py",
        "promptlab/runs/_tables.py",
        "promptlab/suites/_log.py",
        "promptlab/suites/_log_tables.py",
    ),
    "starlette": ("promptlab/server/", "promptlab/ui/asgi.py", "app.py"),
    "uvicorn": ("promptlab/cli/serve.py", "promptlab/server/_socket.py"),
    **dict.fromkeys(
        ("pypdfium2", "webencodings", "charset_normalizer", "mammoth", "markdownify", "bs4", "lxml", "openpyxl"),
        ("promptlab/documents/",),
    ),
}


def shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def room(module: str) -> str:
    """`promptlab.models._llama._backend` -> `backends`; the package itself is ""."""
    return [*module.split("."), ""][1]


@cache
def imports(file: Path) -> frozenset[str]:
    """Every module `file` imports, wherever in it, with submodules taken out of `from package import submodule`."""
    return frozenset(_imports(file))


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(file)} has a relative import"
            assert node.module
            modules = [f"{node.module}.{alias.name}" for alias in node.names if is_module(node.module, alias.name)]
            yield from modules
            if len(modules) < len(node.names):
                yield node.module
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                yield str(node.args[0].value)


def is_module(package: str, name: str) -> bool:
    folder = ROOT / package.replace(".", "/")
    return (folder / f"{name}.py").exists() or (folder / name / "__init__.py").exists()


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", FILES, ids=shown)
def test_imports_point_down(file: Path) -> None:
    mine = room(module_of(file))
    assert mine in LEVEL, f"{shown(file)} is in no room: give it one here and in docs/architecture.md"
    others = {module for module in imports(file) if module.startswith("promptlab.") and room(module) != mine}
    up = {module for module in others if LEVEL[room(module)] >= LEVEL[mine]}
    assert not up, f"{shown(file)} imports {sorted(up)}, which is not below {mine}"


FACES = sorted(p.parent.name for p in PACKAGE.glob("*/__init__.py") if p.parent.name != "_util")


@pytest.mark.parametrize("file", FILES, ids=shown)
def test_from_outside_a_package_only_its_face_is_imported(file: Path) -> None:
    mine = room(module_of(file))
    others = {module for module in imports(file) if room(module) in FACES and room(module) != mine}
    assert {module for module in others if module.count(".") > 1} == set()


@pytest.mark.parametrize("name", FACES)
def test_a_face_lists_each_of_its_names_once_and_has_them_all(name: str) -> None:
    face = import_module(f"promptlab.{name}")
    listed = [str(name) for name in face.__all__]
    assert len(listed) == len(set(listed))
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    for_checkers = [node for block in tree.body if isinstance(block, ast.If) for node in block.body]
    names = [alias.asname or alias.name for n in for_checkers if isinstance(n, ast.ImportFrom) for alias in n.names]
    assert not for_checkers or sorted(names) == sorted(listed)
    assert {each for each in listed if not hasattr(face, each)} == set()
    with pytest.raises(AttributeError):
        _ = face.no_such_name


@pytest.mark.parametrize("vendor", VENDORS)
def test_vendor_libraries_stay_in_their_rooms(vendor: str) -> None:
    users = {shown(f) for f in [*FILES, ROOT / "app.py"] if any(m.split(".")[0] == vendor for m in imports(f))}
    assert users, f"nobody imports {vendor}"
    assert {user for user in users if not user.startswith(VENDORS[vendor])} == set()


def test_no_module_needs_itself_to_be_imported() -> None:
    graph = {module_of(f): {m for m in imports(f) if m.startswith("promptlab.") and m != module_of(f)} for f in FILES}
    # A submodule's package is imported before it, but the package's own needs do not go through that.
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle of imports: {' > '.join((*path, module))}"
        if module in done or module not in graph:
            return
        for needed in graph[module]:
            visit(needed, (*path, module))
        done.add(module)

    for module in graph:
        visit(module, ())
    assert done == set(graph)


def test_only_the_runner_asks_a_backend_for_a_completion_but_for_two_that_keep_nothing() -> None:
    def asks(file: Path) -> bool:
        calls = (n for n in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(n, ast.Call))
        return any(isinstance(call.func, ast.Attribute) and call.func.attr == "complete" for call in calls)

    outside = [f for f in FILES if "/models/_l" not in shown(f) and "/models/_o" not in shown(f)]
    # Trying a model asks one of this machine, with text made up on the spot: there is nothing to keep from it. What
    # `promptlab serve` is asked is no run (docs/decisions.md).
    asking = ["promptlab/models/_benchmark_measure.py", "promptlab/runs/_runner.py", "promptlab/server/_generate.py"]
    assert [shown(f) for f in outside if asks(f)] == asking


HEAVY = (
    "openai",
    "httpx2",
    "llama_cpp",
    "numpy",
    "streamlit",
    "sqlalchemy",
    "pydantic",
    "jinja2",
    "yaml",
    "rich",
    "starlette",
    "uvicorn",
    "torch",
    "transformers",
    "peft",
    "gguf",
)


@pytest.mark.parametrize(
    "words",
    [["--help"], ["compare", "--help"], ["models", "list", "--help"], ["models", "check", "--help"], ["--version"]],
    ids=" ".join,
)
def test_help_loads_no_library_it_does_not_need(words: list[str]) -> None:
    program = (
        "import sys, json\n"
        "from promptlab.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_a_replay_loads_no_database(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    shutil.copy(ROOT / "promptlab.yaml", tmp_path)
    program = (
        "import sys\n"
        "from promptlab.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print('sqlalchemy' in sys.modules, file=sys.stderr)"
    )
    words = [sys.executable, "-c", program, "suite", "replay"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert " pass (" in done.stdout, done.stderr
    assert done.stderr.splitlines()[-1] == "False"
