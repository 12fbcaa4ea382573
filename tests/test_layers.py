"""The shape of the house: imports point down, vendors stay in their rooms, and help loads nothing heavy."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "promptlab"

# The layers of the design, highest first; a module may import its own layer and those below.
LAYERS = (
    (
        *("ui", "cli", "cli_export", "cli_formats", "cli_documents", "cli_examples", "cli_suite", "cli_suite_output"),
        *(
            "cli_templates",
            "cli_variants",
            "cli_words",
            "cli_models",
            "cli_serve",
            "cli_ledger",
            "cli_trust",
            "terminal",
            "pytest_plugin",
        ),
    ),
    (
        *("plans", "export_job", "report", "difference", "proofs", "inventory", "template_changes"),
        *(
            "suite",
            "suite_file",
            "suite_items",
            "case_files",
            "recording",
            "recordable",
            "replay",
            "suite_asking",
            "suite_lock",
            "suite_log",
        ),
        *(
            "suite_choice",
            "suite_planned",
            "suite_recorder",
            "suite_limits",
            "suite_estimate",
            "suite_keep",
            "baseline",
            "verdicts",
            "causes",
            "suite_summary",
            "suite_entry",
            "suite_report",
            "suite_html",
            "marks",
            "suite_replaying",
            "suite_pages",
            "suite_cell",
            "suite_compare",
        ),
    ),
    ("runner", "serving", "serve_asking"),
    (
        *(
            "templates",
            "template_file",
            "template_edit",
            "template_fields",
            "rendering",
            "layout",
            "prompts",
            "request_changes",
        ),
        *("jinja_tree", "sandbox", "traced", "beginnings", "schema_fields", "input_names"),
        *("documents", "docstore", "convert", "sniff", "passages", "sections", "tokens", "labels", "similarity"),
        *("examples", "pools", "pool_files", "selection", "privacy", "labels_now", "label_rows"),
        *("ledger", "ledger_read", "scan", "scan_patterns", "trust"),
        *("shelf", "standing", "versions", "variants", "listing", "merge", "git"),
        *("models", "modelfiles", "model_parts", "gguf_head", "sizing", "scorers", "origin", "store", "tables"),
        *("backends", "formats", "stats", "thresholds", "judging", "model_check", "model_figures", "model_asks"),
        *("serve_fields", "serve_body", "serve_request", "serve_reply", "serve_guard", "serve_socket"),
    ),
    (
        *(
            "types",
            "errors",
            "workspace",
            "label_paths",
            "yaml_edit",
            "yaml_places",
            "yaml_write",
            "yamlfile",
            "rows",
            "files",
            "words",
        ),
        *(
            "hosts",
            "json_schema",
            "all_or_none",
            "faults",
            "patterns",
            "bounded",
            "processes",
            "read_only",
            "state_folder",
            "yaml_bounds",
            "yaml_nodes",
            "yaml_splice",
            "yaml_values",
            "schema_empty",
            "schema_formats",
            "schema_refs",
            "structured",
            "thinking",
        ),
    ),
)
LEVEL = {name: len(LAYERS) - number for number, layer in enumerate(LAYERS) for name in layer} | {"": 0}

FILES = sorted(PACKAGE.rglob("*.py"))
VENDORS = {
    "openai": ("promptlab/backends/openai_",),
    "httpx2": ("promptlab/backends/openai_",),
    "llama_cpp": ("promptlab/backends/llama",),
    "streamlit": ("promptlab/ui/", "app.py"),
    "sqlalchemy": ("promptlab/store.py", "promptlab/tables.py"),
    "starlette": ("promptlab/serving.py", "promptlab/ui/asgi.py", "app.py"),
    "uvicorn": ("promptlab/cli_serve.py", "promptlab/serve_socket.py"),
    **dict.fromkeys(("pypdf", "mammoth", "markdownify", "bs4", "openpyxl"), ("promptlab/convert.py",)),
}


def shown(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def room(module: str) -> str:
    """`promptlab.backends.llama` -> `backends`; the package itself is ""."""
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
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if is_module(node.module, alias.name))
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
    assert mine in LEVEL, f"{shown(file)} is in no layer: give it one here and in the design"
    ours = {module for module in imports(file) if module.split(".")[0] == "promptlab"}
    up = {module for module in ours if LEVEL[room(module)] > LEVEL[mine]}
    assert not up, f"{shown(file)} reaches up to {sorted(up)}"


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

    outside = [f for f in FILES if room(module_of(f)) != "backends"]
    # Trying a model asks one of this machine, with text made up on the spot: there is nothing to keep from it. What
    # `promptlab serve` is asked is no run (docs/decisions.md).
    asking = ["promptlab/model_check.py", "promptlab/runner.py", "promptlab/serve_asking.py"]
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
