"""A model is added, changed and removed by a minimal edit of promptlab.yaml, which never takes a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import WorkspaceError
from promptlab.workspace import OpenAIModel, Workspace, plan_model, plan_removal, write_models_edit

FILE = """\
# our models
models:
  alpha: {backend: openai, model: a, window: 100}  # the first
  # the second is slow
  beta:
    backend: llama
    path: 'b.gguf'

labels:
  "private/**": confidential
"""
GPT = {"backend": "openai", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"}


def workspace(folder: Path, text: str = FILE) -> Workspace:
    (folder / "promptlab.yaml").write_bytes(text.encode())
    return Workspace.load(folder)


def on_disk(folder: Path) -> str:
    return (folder / "promptlab.yaml").read_bytes().decode()


@pytest.mark.parametrize(
    "text",
    [
        FILE,
        FILE.replace("\n", "\r\n"),
        FILE.removesuffix("\n"),
        "",
        "# nothing yet\n",
        "models: {}\n",
        "models:\n  # none yet\nlabels: {}\n",
        "labels: {}\n",
        "models: {alpha: {backend: openai, model: a}}\n",
        "{models: {}, labels: {}}\n",
        "models:\n  a: &a {backend: openai, model: a}\n  b: *a\n",
    ],
)
def test_a_model_is_added_and_removed_and_every_other_line_stays(tmp_path: Path, text: str) -> None:
    before = workspace(tmp_path, text)
    write_models_edit(plan_model(before, "gpt", GPT))
    after = Workspace.load(tmp_path)
    assert list(after.models) == [*before.models, "gpt"]
    assert isinstance(after.models["gpt"], OpenAIModel)
    assert {**after.models, "gpt": None} == {**before.models, "gpt": None}
    kept = [line for line in text.splitlines() if "models" not in line and "}" not in line]
    assert [line for line in on_disk(tmp_path).splitlines() if line in kept] == kept
    write_models_edit(plan_removal(after, "gpt"))
    assert Workspace.load(tmp_path) == before
    assert [line for line in on_disk(tmp_path).splitlines() if line in kept] == kept


def test_taking_out_the_last_model_leaves_the_comments(tmp_path: Path) -> None:
    text = "models:\n  # the first\n  alpha: {backend: openai, model: a}\n  # beta: {backend: openai}\nlabels: {}\n"
    write_models_edit(plan_removal(workspace(tmp_path, text), "alpha"))
    assert on_disk(tmp_path) == "models:\n  # the first\n  # beta: {backend: openai}\nlabels: {}\n"
    assert Workspace.load(tmp_path).models == {}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("models: {}\nlabels: {}\n", "models:\n  gpt: {entry}\nlabels: {}\n"),
        ("models: {}  # none\r\nlabels: {}\r\n", "models:  # none\r\n  gpt: {entry}\r\nlabels: {}\r\n"),
        ("models:\n  # x: {}\nlabels: {}\n", "models:\n  gpt: {entry}\n  # x: {}\nlabels: {}\n"),
        ("models: {}", "models:\n  gpt: {entry}"),
        ("labels: {}\nmodels:\n", "labels: {}\nmodels:\n  gpt: {entry}\n"),
    ],
)
def test_the_first_model_gets_a_line_of_its_own(tmp_path: Path, text: str, after: str) -> None:
    edit = plan_model(workspace(tmp_path, text), "gpt", {"backend": "openai", "model": "m"})
    assert edit.after == after.replace("{entry}", "{backend: openai, model: m}")


def test_the_diff_shows_the_lines_that_change_and_no_others(tmp_path: Path) -> None:
    edit = plan_model(workspace(tmp_path), "alpha", {"window": 200}, new=False)
    changed = [line for line in edit.diff.splitlines() if line[0] in "+-"]
    assert changed == [
        "-  alpha: {backend: openai, model: a, window: 100}  # the first",
        "+  alpha: {backend: openai, model: a, window: 200}  # the first",
    ]
    assert on_disk(tmp_path) == FILE, "planning writes nothing"


def test_a_key_of_an_entry_is_removed_and_the_others_stay(tmp_path: Path) -> None:
    edit = plan_model(workspace(tmp_path), "alpha", {"window": None, "price_in": 0.5}, new=False)
    assert "  alpha: {backend: openai, model: a, price_in: 0.5}  # the first\n" in edit.after
    assert plan_model(workspace(tmp_path), "alpha", {"window": 100}, new=False).diff == ""


def test_a_file_that_changed_in_between_is_not_overwritten(tmp_path: Path) -> None:
    edit = plan_model(workspace(tmp_path), "gpt", GPT)
    theirs = FILE + "scan: {keys: warn}\n"
    (tmp_path / "promptlab.yaml").write_text(theirs)
    with pytest.raises(WorkspaceError, match="changed on disk"):
        write_models_edit(edit)
    assert on_disk(tmp_path) == theirs


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("", GPT, "needs a name"),
        ("a b", GPT, "cannot be the name"),
        ("../x", GPT, "cannot be the name"),
        ("-m", GPT, "cannot be the name"),
        ("x" * 65, GPT, "cannot be the name"),
        ("naïve", GPT, "cannot be the name"),
        ("Alpha", GPT, "`alpha` is taken"),
        ("gpt", {"backend": "openai"}, "model"),
        ("gpt", {**GPT, "window": 0}, "window"),
        ("gpt", {**GPT, "windw": 1}, "windw"),
        ("gpt", {**GPT, "price_in": -1}, "price_in"),
        ("gpt", {**GPT, "clearance": "secret"}, "clearance"),
        ("gpt", {**GPT, "api_key_env": "HOME"}, "does not look like a key"),
        ("gpt", {**GPT, "model": " gpt"}, "blanks"),
        ("gpt", {**GPT, "base_url": "https://ada:hunter2@example.org/v1"}, "user or a password"),
        ("gpt", {**GPT, "base_url": "https://example.org/v1?sig=hunter2"}, "query"),
        ("gguf", {"backend": "llama"}, "exactly one"),
        ("gguf", {"backend": "llama", "path": "a.gguf", "package": "b"}, "exactly one"),
        ("hub", {"backend": "llama", "repo": "a/b"}, "`file`"),
    ],
)
def test_what_cannot_be_a_model_is_refused_and_nothing_is_written(
    tmp_path: Path, name: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(WorkspaceError) as caught:
        plan_model(workspace(tmp_path), name, settings)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert on_disk(tmp_path) == FILE


KEYS = ["sk-proj-abcDEF0123456789abcDEF0123456789abcDEF01", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"]


@pytest.mark.parametrize("field", ["model", "base_url", "api_key_env", "api_version"])
@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_refused_in_every_field_and_not_quoted(tmp_path: Path, field: str, key: str) -> None:
    with pytest.raises(WorkspaceError) as caught:
        plan_model(workspace(tmp_path), "gpt", {**GPT, field: f"https://x.org/{key}" if field == "base_url" else key})
    assert key not in str(caught.value)


@pytest.mark.parametrize("text", ["models:\n  a: {backend: nothing}\n", "models: [\n", "windw: 1\n"])
def test_a_file_that_is_wrong_already_is_not_changed(tmp_path: Path, text: str) -> None:
    (tmp_path / "promptlab.yaml").write_text(text)
    with pytest.raises(WorkspaceError):
        plan_model(Workspace(tmp_path, {}, {}), "gpt", GPT)


def test_an_unknown_model_is_neither_changed_nor_removed(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="no model `alfa`"):
        plan_model(workspace(tmp_path), "alfa", {"window": 1}, new=False)
    with pytest.raises(WorkspaceError, match="no model `alfa`"):
        plan_removal(workspace(tmp_path), "alfa")
