"""The list of documents: found by name, counted once, and honest about what changed."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.documents import _convert as convert
from promptlab.documents import _read as documents
from promptlab.documents import add_document
from promptlab.documents._index import Inventory
from promptlab.templates._index import TemplateIndex, templates_by_document
from promptlab.workspace._labels import set_label
from promptlab.workspace._workspace import Workspace
from tests.conftest import House
from tests.documents.test_documents import pdf

CUP = "fixtures/documents/cup.md"


def known(house: House, workspace: Workspace | None = None) -> Inventory:
    here = workspace or house.workspace
    return Inventory(
        here, users=templates_by_document(TemplateIndex(here).entries()), uses=house.store.last_used("context")
    )


def test_a_document_says_its_label_words_and_who_uses_it(house: House) -> None:
    entry = known(house).entry(CUP)
    assert (entry.label, entry.words, entry.bytes, entry.problem) == ("public", 10, 56, "")
    assert entry.templates == ("templates/cup.yaml",)
    assert entry.changed is None


@pytest.mark.parametrize(
    ("text", "label", "found"),
    [
        ("", None, [CUP, "documents/uploads/Bericht Ä.txt"]),
        ("CUP", None, [CUP]),
        ("bericht ä", None, ["documents/uploads/Bericht Ä.txt"]),
        ("md fixtures", None, [CUP]),
        ("", "confidential", ["documents/uploads/Bericht Ä.txt"]),
        ("cup", "confidential", []),
    ],
)
def test_documents_are_found_by_words_of_their_path_and_by_label(
    house: House, text: str, label: Any, found: list[str]
) -> None:
    add_document(house.workspace, "Bericht Ä.txt", "Text")
    assert sorted(known(house).find(text, label)) == sorted(found)


def test_a_document_from_another_folder_is_listed_where_a_template_takes_it(house: House) -> None:
    root = house.workspace.root
    (root / "notes.md").write_text("Notes")
    (root / "unused.md").write_text("Unused")
    (root / "templates/other.yaml").write_text("context: [notes.md, none.md, ../outside.md]\n")
    assert known(house).paths == [CUP, "notes.md"]
    assert known(house).entry("notes.md").templates == ("templates/other.yaml",)


def test_a_file_that_stayed_is_not_read_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    known(house).entry(CUP)
    read = []
    monkeypatch.setattr(documents, "read_document", lambda *args: read.append(args))
    assert known(house).entry(CUP).words == 10
    assert read == []


def test_a_document_is_not_converted_for_a_list(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    (house.workspace.root / "documents").mkdir()
    (house.workspace.root / "documents/report.pdf").write_bytes(pdf("One two three."))
    monkeypatch.setattr(convert, "SECONDS", 0)  # whoever converts fails
    entry = known(house).entry("documents/report.pdf")
    assert (entry.words, entry.problem) == (None, "")
    monkeypatch.undo()
    whole = known(house).entry("documents/report.pdf", read=True).words
    assert whole
    assert known(house).entry("documents/report.pdf").words == whole


def test_what_cannot_be_read_says_why_and_what_to_do(house: House) -> None:
    (house.workspace.root / CUP).write_bytes(b"caf\xe9")
    entry = known(house).entry(CUP)
    assert (entry.words, entry.problem) == (None, "not UTF-8 text")
    assert "windows-1252" in entry.hint
    (house.workspace.root / CUP).unlink()
    assert known(house).paths == []


def test_a_change_since_the_last_use_is_noticed_and_the_old_text_kept(house: House) -> None:
    house.model("alpha")
    (asked,) = house.ask(house.trials())
    assert known(house).entry(CUP).changed is None
    old = documents.read_document(house.workspace, CUP)
    (house.workspace.root / CUP).write_text("Morocco was third.\n")
    changed = known(house).entry(CUP).changed
    assert changed
    assert (changed.use.run_id, changed.then, changed.kept) == (asked.run_id, old.sha256, True)
    assert documents.read_document_version(house.workspace, CUP, changed.then).text == old.text
    house.ask(house.trials(question="Who was third?"))
    assert known(house).entry(CUP).changed is None


def test_a_change_is_noticed_where_passages_were_taken(house: House) -> None:
    house.model("alpha")
    context = "[{path: fixtures/documents/cup.md, passages: {by: bm25, n: 1}}]"
    template = house.template(context=context)
    house.ask(house.trials(template=template, question="Who beat France?"))
    assert known(house).entry(CUP).changed is None
    with (house.workspace.root / CUP).open("a") as file:
        file.write("\nMorocco was fourth.\n")
    assert known(house).entry(CUP).changed


def test_a_new_label_is_that_of_the_next_list(house: House) -> None:
    changed = set_label(house.workspace, CUP, "internal")
    assert known(house, changed).entry(CUP).label == "internal"
