"""Foreign files from their name and content alone, and what they write into a workspace."""

from __future__ import annotations

import json

import pytest

from promptlab.errors import FormatError
from promptlab.formats import _import as bringing
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import _load as templates
from promptlab.workspace._workspace import Workspace
from tests.formats.test_imports import PROMPTFOO, PROMPTSOURCE

REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Sort {{x}}."}]})


@pytest.mark.parametrize(
    ("name", "text", "format_"),
    [
        ("promptfooconfig.yaml", PROMPTFOO, "promptfoo"),
        ("any.yml", "prompts: [a]\ntests: []\n", "promptfoo"),
        ("templates.yaml", PROMPTSOURCE, "promptsource"),
        ("ask.prompty", "---\nname: a\n---\nuser:\nhi\n", "prompty"),
        ("request.json", REQUEST, "openai"),
        ("p.json", '[{"name": "a", "prompt": "hi", "version": 1}]', "langfuse"),
        ("task.yaml", "task: a\ndataset_path: b\ndoc_to_text: '{{x}}'\n", "lm-eval"),
        ("poet.yaml", "prompt: Write about $input.\n", "llm"),
        ("rows.csv", "input,target\na,b\n", "inspect"),
        ("rows.jsonl", '{"input": "a", "target": "b"}\n', "inspect"),
        ("notes.txt", "nothing of the kind\n", None),
        ("setup.exe", PROMPTFOO, None),
    ],
)
def test_a_format_is_guessed_by_name_and_text(name: str, text: str, format_: str | None) -> None:
    assert bringing.guess_format(name, text.encode()) == format_


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"MZ\x00\x01", "not a text file"),
        (b"x" * 4_000_001, "larger than 4 MB"),
        (b"caf\xe9", "not UTF-8 text"),
        ("prompts: a".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_such_file_is_refused_in_words(content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        bringing.read_import("promptfoo", "a.yaml", content)


def test_a_name_with_folders_reads_nothing_beside_it() -> None:
    imported = bringing.read_import("openai", "../../etc/request.json", REQUEST.encode())
    assert [file.path for file in imported.files] == ["templates/imported/request.yaml"]


def test_an_import_writes_what_it_made_and_the_original_and_nothing_over_another(workspace: Workspace) -> None:
    imported = bringing.read_import("openai", "request.json", REQUEST.encode())
    paths = bringing.write_import(workspace, imported, "request.json", ImportFolders())
    assert paths == ["templates/imported/request.yaml", "templates/imported/request.json.original"]
    assert workspace.resolve(paths[1]).read_text() == REQUEST
    assert templates.load(workspace, paths[0]).label == "confidential"
    assert (
        bringing.conflicting_paths(workspace, bringing.files_to_write(imported, "request.json", ImportFolders())) == []
    )
    workspace.resolve(paths[0]).write_text("mine\n")
    with pytest.raises(FormatError, match="already"):
        bringing.write_import(workspace, imported, "request.json", ImportFolders())
    assert workspace.resolve(paths[0]).read_text() == "mine\n"


def test_files_that_came_together_are_read_together() -> None:
    config = b"prompts: [file://ask.txt]\nproviders: []\ntests: [{vars: {x: 1}}]\n"
    alone = bringing.read_import("promptfoo", "c.yaml", config)
    together = bringing.read_import("promptfoo", "c.yaml", config, beside={"ask.txt": b"Sort {{x}}."})
    assert alone.files == []
    assert "Sort" in together.files[0].text


def test_reading_twice_gives_the_same_paths() -> None:
    once, again = (bringing.read_import("promptfoo", "promptfooconfig.yaml", PROMPTFOO.encode()) for _ in range(2))
    assert [file.path for file in once.files] == [file.path for file in again.files]


def test_two_sources_of_one_name_keep_both_originals(workspace: Workspace) -> None:
    for dataset in ("movies", "books"):
        text = PROMPTSOURCE.replace("dataset: movies", f"dataset: {dataset}").encode()
        bringing.write_import(
            workspace, bringing.read_import("promptsource", "templates.yaml", text), "templates.yaml", ImportFolders()
        )
    originals = sorted(p.parent.name for p in (workspace.root / "templates/imported").rglob("*.original"))
    assert originals == ["books-small", "movies-small"]


def test_a_name_nobody_can_keep_is_refused_in_words() -> None:
    with pytest.raises(FormatError, match="rename it"):
        bringing.read_import("openai", "a\0.json", REQUEST.encode())
