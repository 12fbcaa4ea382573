"""Context documents are read as they are, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab import documents
from promptlab.errors import DocumentError
from promptlab.workspace import Workspace


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text('models: {}\nlabels: {"private/**": confidential}\n')
    (tmp_path / "private").mkdir()
    (tmp_path / "folder.md").mkdir()
    return Workspace.load(tmp_path)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"a\r\nb\rc\n\n", "a\r\nb\rc\n\n"),
        ("Köln – 東京".encode(), "Köln – 東京"),
        (b"\xef\xbb\xbfwith a mark \xef\xbb\xbf", "with a mark \ufeff"),
        (b"a\0b", "a\0b"),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".md", ".markdown", ".MD"])
def test_text_is_that_of_the_file(here: Workspace, raw: bytes, text: str, ending: str) -> None:
    (here.root / f"d{ending}").write_bytes(raw)
    document = documents.read(here, f"d{ending}")
    assert (document.path, document.text, document.label) == (f"d{ending}", text, "public")


def test_the_label_is_that_of_the_path(here: Workspace) -> None:
    (here.root / "private/d.md").write_text("x")
    assert documents.read(here, "private/d.md").label == "confidential"
    assert documents.read(here, "folder.md/../private/d.md").label == "confidential"


def test_a_link_does_not_shed_a_label(here: Workspace) -> None:
    (here.root / "private/d.md").write_text("x")
    (here.root / "open.md").symlink_to(here.root / "private/d.md")
    assert documents.read(here, "open.md").label == "confidential"


@pytest.mark.parametrize(
    ("path", "raw", "words"),
    [
        ("missing.md", None, "there is no such document"),
        ("nowhere/missing.md", None, "there is no such document"),
        ("folder.md", None, "is a folder"),
        ("../outside.md", None, "leads out of the workspace"),
        ("a\0.md", None, "null byte"),
        ("x" * 300 + ".md", None, "cannot be read"),
        ("d.docx", b"PK", "files ending in `.docx` cannot be read as documents"),
        ("LICENSE", b"x", "files without an ending cannot be read"),
        ("empty.md", b"", "is empty"),
        ("blank.md", b" \n\t\n", "is empty"),
        ("mark.md", b"\xef\xbb\xbf", "is empty"),
        ("latin.txt", b"one\ncaf\xe9", "latin.txt:2: not UTF-8 text"),
        ("utf16.txt", "text".encode("utf-16"), "not UTF-8 text"),
        ("big.txt", b"x" * (documents.MAX_BYTES + 1), "20.0 MB is more than the 20 MB"),
    ],
)
def test_what_cannot_be_a_document_is_refused(here: Workspace, path: str, raw: bytes | None, words: str) -> None:
    if raw is not None:
        (here.root / path).write_bytes(raw)
    with pytest.raises(DocumentError) as caught:
        documents.read(here, path)
    assert words in str(caught.value)
    assert caught.value.file == path


def test_the_supported_endings_are_said(here: Workspace) -> None:
    (here.root / "d.pdf").write_bytes(b"%PDF")
    with pytest.raises(DocumentError, match=r"\.txt, \.md, \.markdown"):
        documents.read(here, "d.pdf")


def test_a_misspelt_document_shows_the_nearest(here: Workspace) -> None:
    (here.root / "private/world-cup.md").write_text("x")
    with pytest.raises(DocumentError, match=r"did you mean `private/world-cup\.md`"):
        documents.read(here, "private/wordl-cup.md")
