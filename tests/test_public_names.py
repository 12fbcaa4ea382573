"""What other programs may import from `promptlab`, and what that loads."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import promptlab
from tests.places import PACKAGE, ROOT

NAMES = [
    "Backend",
    "BackendError",
    "Completion",
    "Document",
    "Example",
    "GateRefused",
    "InputError",
    "ItemResult",
    "Lab",
    "Message",
    "ModelNotFound",
    "ModelNotReady",
    "Params",
    "Preview",
    "Prompt",
    "PromptlabError",
    "RecordedBackend",
    "Request",
    "Result",
    "RunResults",
    "Score",
    "ScriptedBackend",
    "Span",
    "Suite",
    "SuiteResults",
    "Template",
    "TemplateError",
    "WindowExceeded",
    "Workspace",
    "WorkspaceError",
    "__version__",
    "open",
]
PAGE = (ROOT / "docs/python.md").read_text(encoding="utf-8")


def loaded(program: str) -> set[str]:
    """Every module that a new interpreter has loaded after `program`, beyond those of an empty one."""
    print_modules = "import sys, json; print(json.dumps(sorted(sys.modules)))"
    words = [sys.executable, "-c"]
    done = [
        subprocess.run([*words, f"{code}\n{print_modules}"], capture_output=True, text=True, timeout=60, check=True)
        for code in ("", program)
    ]
    before, after = (set(json.loads(one.stdout.splitlines()[-1])) for one in done)
    return after - before


def test_these_are_the_names_and_no_others() -> None:
    assert promptlab.__all__ == NAMES
    assert dir(promptlab) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_is_documented(name: str) -> None:
    value = getattr(promptlab, name)
    assert value.__doc__
    assert f"`{name}`" in PAGE or f"promptlab.{name}" in PAGE


def test_a_type_checker_sees_each_name() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for block in tree.body if isinstance(block, ast.If) for node in block.body]
    seen = [alias.asname or alias.name for node in blocks if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted([*seen, "__version__"]) == sorted(NAMES)
    assert (PACKAGE / "py.typed").is_file()


def test_another_name_is_an_error() -> None:
    with pytest.raises(AttributeError):
        _ = promptlab.no_such_name


def test_importing_promptlab_loads_nothing_but_its_own_three_modules() -> None:
    own = {"promptlab", "promptlab._lazy", "promptlab._version"}
    found = loaded("import promptlab")
    assert {name for name in found if name.startswith("promptlab")} == own
    assert {name.partition(".")[0] for name in found} <= {
        "promptlab",
        *("typing", "collections", "functools", "importlib", "contextlib", "operator", "keyword", "reprlib", "re"),
        *("enum", "types", "warnings", "__future__", "copyreg", "itertools"),
        *(name for name in found if name.startswith("_")),
    }


HEAVY = ("openai", "llama_cpp", "numpy", "pandas", "streamlit", "sqlalchemy", "jinja2", "ruamel", "yaml", "pydantic")


def test_an_error_or_a_noun_loads_no_library() -> None:
    found = loaded("from promptlab import GateRefused, Message, Params, Prompt, Result, ScriptedBackend")
    assert {name.partition(".")[0] for name in found} & set(HEAVY) <= {"pydantic"}


def test_pandas_is_loaded_by_a_table_only(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/hi.yaml").write_text('inputs: {q: {sample: x}}\nuser: "{{ q }}"\n')
    ask = (
        "import promptlab\n"
        f"lab = promptlab.open({str(tmp_path)!r}, models={{'mine': promptlab.ScriptedBackend('mine', ['yes'])}})\n"
        "run = lab.compare('hi', {'q': 'well?'}).wait()\n"
        "repr(run), run._repr_html_(), lab.close()\n"
    )
    assert "pandas" not in loaded(ask)
    assert "pandas" in loaded(f"{ask}run.to_pandas()")
