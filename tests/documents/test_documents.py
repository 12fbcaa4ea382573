"""Context documents are read as they are, converted the same way each time, or refused with a reason."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from promptlab.documents import _convert as convert
from promptlab.documents import _read as documents
from promptlab.documents import add_document
from promptlab.documents._content_store import DocStore
from promptlab.errors import DocumentError
from promptlab.types import Source, sha256
from promptlab.workspace._labels import set_label
from promptlab.workspace._workspace import Workspace
from tests.documents.office_files import changed


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text('models: {}\nlabels: {"private/**": confidential}\n')
    (tmp_path / "private").mkdir()
    (tmp_path / "folder.md").mkdir()
    return Workspace.load(tmp_path)


def pdf(*pages: str, password: str | None = None) -> bytes:
    """A PDF with a line of text on each page; an empty text leaves a page without any."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode() if text else b"")
        page[NameObject("/Contents")] = writer._add_object(stream)
    if password is not None:
        writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


TYPES = """<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
RELS = """<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
Target="word/document.xml"/></Relationships>"""
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
HEADING = "<w:p><w:pPr><w:pStyle w:val='Heading1'/></w:pPr><w:r><w:t>Final</w:t></w:r></w:p>"
BODY = (
    HEADING + "<w:p><w:r><w:t>Argentina beat France.</w:t></w:r></w:p>"
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>Team</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Goals</w:t></w:r></w:p></w:tc>"
    "</w:tr><w:tr><w:tc><w:p><w:r><w:t>France</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>3</w:t></w:r></w:p></w:tc>"
    "</w:tr></w:tbl>"
)
STYLES = f"""<?xml version="1.0"?><w:styles {W}><w:style w:type="paragraph" w:styleId="Heading1">
<w:name w:val="heading 1"/></w:style></w:styles>"""
WORD_RELS = RELS.replace('officeDocument"\nTarget="word/document.xml', 'styles"\nTarget="styles.xml')


def docx(body: str = BODY, *, start: str = "", more: dict[str, bytes] | None = None) -> bytes:
    """A Word document, put together part by part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELS)
        archive.writestr("word/_rels/document.xml.rels", WORD_RELS)
        archive.writestr("word/styles.xml", STYLES)
        archive.writestr(
            "word/document.xml",
            f'<?xml version="1.0"?>{start}<w:document {W}><w:body>{body}</w:body></w:document>',
        )
        for name, raw in (more or {}).items():
            archive.writestr(name, raw)
    return out.getvalue()


def xlsx(fill: Callable[[Any], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def teams(book: Any) -> None:
    sheet = book.active
    sheet.title = "Teams"
    for row in (["Team", "Goals", "Day"], ["France", 3, datetime(2022, 12, 18, 18)], [], ["A|B", 2.5, True]):
        sheet.append(row)
    book.create_sheet("Old").sheet_state = "hidden"


ENTITIES = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
ZIP = docx(more={"word/media/x.bin": b"\0" * 30_000_000})


# Text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"a\r\nb\rc\n\n", "a\r\nb\rc\n\n"),
        ("Köln – 東京".encode(), "Köln – 東京"),
        (b"\xef\xbb\xbfwith a mark \xef\xbb\xbf", "with a mark \ufeff"),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".md", ".markdown", ".MD", ".csv"])
def test_text_is_that_of_the_file(here: Workspace, raw: bytes, text: str, ending: str) -> None:
    (here.root / f"d{ending}").write_bytes(raw)
    document = documents.read_document(here, f"d{ending}")
    assert (document.path, document.text, document.label) == (f"d{ending}", text, "public")


def test_the_label_is_that_of_the_path(here: Workspace) -> None:
    (here.root / "private/d.md").write_text("x")
    assert documents.read_document(here, "private/d.md").label == "confidential"
    assert documents.read_document(here, "folder.md/../private/d.md").label == "confidential"


def test_a_link_does_not_shed_a_label(here: Workspace) -> None:
    (here.root / "private/d.md").write_text("x")
    (here.root / "open.md").symlink_to(here.root / "private/d.md")
    assert documents.read_document(here, "open.md").label == "confidential"


# Other kinds

PAGE = """<html><head><title>t</title><script>steal()</script></head><body><h1>Final</h1>
<p>Argentina <b>beat</b> <a href="https://example.org/f">France</a>.</p><style>p{}</style>
<img src="https://example.org/spy.png" alt="A picture"><ul><li>one</li><li>two</li></ul>
<table><tr><th>Team</th><th>Goals</th></tr><tr><td>France</td><td>3</td></tr></table></body></html>"""


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        (
            "page.html",
            PAGE.encode(),
            "# Final\n\nArgentina **beat** [France](https://example.org/f).\n\nA picture\n\n- one\n- two\n\n"
            "| Team | Goals |\n| --- | --- |\n| France | 3 |\n",
        ),
        ("latin.htm", b'<meta charset="latin1"><p>caf\xe9 \x80</p>', "café €\n"),
        ("wide.html", "<p>Köln</p>".encode("utf-16"), "Köln\n"),
        ("report.pdf", pdf("Hello world", ""), "## Page 1\n\nHello world\n\n## Page 2\n\n(no text on this page)\n"),
        ("printable.pdf", pdf("Open", password=""), "## Page 1\n\nOpen\n"),
        (
            "minutes.docx",
            docx(),
            "# Final\n\nArgentina beat France.\n\n| Team | Goals |\n| --- | --- |\n| France | 3 |\n",
        ),
        (
            "teams.xlsx",
            xlsx(teams),
            "## Teams\n\n| Team | Goals | Day |\n| --- | --- | --- |\n| France | 3 | 2022-12-18 18:00:00 |\n"
            "|  |  |  |\n| A\\|B | 2.5 | TRUE |\n\n## Old (hidden)\n\n(empty)\n",
        ),
    ],
)
def test_other_kinds_become_markdown(here: Workspace, name: str, raw: bytes, text: str) -> None:
    (here.root / name).write_bytes(raw)
    assert documents.read_document(here, name).text == text


@pytest.mark.parametrize("name", ["d.docx", "d.docm", "d.dotx", "d.dotm"])
def test_the_main_part_of_a_word_file_may_have_another_name(here: Workspace, name: str) -> None:
    def other_name(part: str, raw: bytes) -> tuple[str, bytes]:
        return part.replace("document.xml", "document2.xml"), raw.replace(b"word/document.xml", b"word/document2.xml")

    (here.root / name).write_bytes(changed(docx(), other_name))
    assert documents.read_document(here, name).text.startswith("# Final\n\nArgentina beat France.")


@pytest.mark.parametrize("name", ["d.xlsm", "d.xltx", "d.xltm"])
def test_workbooks_with_macros_and_templates_are_read(here: Workspace, name: str) -> None:
    (here.root / name).write_bytes(xlsx(teams))
    assert documents.read_document(here, name).text.startswith("## Teams")


def test_a_file_is_converted_once_for_its_content(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = docx()
    (here.root / "a.docx").write_bytes(raw)
    first = documents.read_document(here, "a.docx")
    monkeypatch.setattr(convert, "to_markdown", lambda *_: pytest.fail("converted again"))
    (here.root / "b.docx").write_bytes(raw)
    assert documents.read_document(here, "b.docx").text == first.text


def test_notes_are_stored_with_the_text_and_a_record_without_them_still_reads(here: Workspace) -> None:
    (here.root / "d.html").write_text("<p>seen</p><p hidden>no</p>")
    first = documents.read_document(here, "d.html")
    assert first.notes == ("1 hidden text is left out",)
    (record,) = (here.state / "documents/converted").rglob("*.json")
    assert json.loads(record.read_text())["notes"] == list(first.notes)
    record.write_text(json.dumps({"text": first.sha256, "with": "html 1"}))
    old = documents.read_document(here, "d.html")
    assert (old.text, old.notes) == ("seen\n", ())
    assert old == first  # notes are no part of a document in a prompt


def test_two_conversions_of_one_file_are_equal() -> None:
    assert convert.to_markdown(docx(), "docx", "x") == convert.to_markdown(docx(), "docx", "x")


def test_a_missing_library_is_said_with_what_to_install(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(convert.LIBRARIES, "pdf", ("no_such_library",))
    (here.root / "d.pdf").write_bytes(pdf("x"))
    with pytest.raises(DocumentError, match=r"d\.pdf: .*no_such_library(.|\n)*promptlab\[documents\]"):
        documents.read_document(here, "d.pdf")


def test_a_program_in_the_current_folder_is_not_run(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bs4.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)
    (here.root / "d.html").write_text("<p>x</p>")
    assert documents.read_document(here, "d.html").text == "x\n"
    assert not (tmp_path / "ran").exists()


# Refusals


@pytest.mark.parametrize(
    ("path", "raw", "words"),
    [
        ("missing.md", None, "there is no such document"),
        ("nowhere/missing.md", None, "there is no such document"),
        ("folder.md", None, "is a folder"),
        ("../outside.md", None, "leads out of the workspace"),
        ("a\0.md", None, "null byte"),
        ("x" * 300 + ".md", None, "cannot be read"),
        ("d.pptx", b"PK", "files ending in `.pptx` cannot be read as documents"),
        ("LICENSE", b"x", "files without an ending cannot be read"),
        ("empty.md", b"", "is empty"),
        ("empty.pdf", b"", "is empty"),
        ("empty.docx", b"", "is empty"),
        ("blank.md", b" \n\t\n", "is empty"),
        ("mark.md", b"\xef\xbb\xbf", "is empty"),
        ("latin.txt", b"one\ncaf\xe9", "latin.txt:2: not UTF-8 text"),
        ("nul.txt", b"one\na\0b", "nul.txt:2: has NUL characters"),
        ("big.txt", b"x" * (documents.MAX_BYTES + 1), "20.0 MB is more than the 20 MB"),
        ("secret.pdf", pdf("x", password="secret"), "needs a password\n  open it, and save"),
        ("scan.pdf", pdf("", ""), "its pages are pictures\n  run text recognition"),
        ("broken.pdf", b"%PDF-1.7\nnothing", "damaged"),
        ("cut.pdf", pdf("x")[:200], "damaged"),
        ("bomb.docx", ZIP, "times its size, as a ZIP bomb does"),
        ("entities.docx", docx(start=ENTITIES), "declares XML entities in `word/document.xml`"),
        ("utf16.docx", docx(more={"word/x.xml": f"{ENTITIES}<x/>".encode("utf-16")}), "declares XML entities"),
        (
            "named.docx",
            docx(more={"word/x.png": f"{' ' * 99_999}{ENTITIES}<x/>".encode()}),
            "declares XML entities in `word/x.png`",
        ),
        ("cut.docx", docx()[:-200], "its container cannot be opened"),
        ("text.docx", docx("<w:p/>"), "has no text"),
        ("none.xlsx", xlsx(lambda _: None), "is empty"),
        ("picture.pdf", b"\x89PNG\r\n\x1a\n....", "is a picture by its content"),
        ("word.pdf", docx(), "is a Word document by its content\n  name it `.docx`"),
        ("sheet.docx", xlsx(teams), "is an Excel workbook by its content"),
        ("old.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "an old Office file, or one with a password"),
        ("pdf.md", pdf("x"), "is a PDF by its content"),
        ("text.pdf", b"just text", "is not a PDF by its content"),
        ("page.html", b"<p>caf\xe9</p>", "not UTF-8 text"),
        ("other.html", b'<meta charset="klingon"><p>x</p>', "is in the encoding `klingon`, which browsers do not read"),
        ("app.html", b"<script>app()</script>", "has no text"),
        ("deep.html", b"<b>" * 100_000 + b"x", "too deeply"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_cannot_be_a_document_is_refused(here: Workspace, path: str, raw: bytes | None, words: str) -> None:
    if raw is not None:
        (here.root / path).write_bytes(raw)
    with pytest.raises(DocumentError) as caught:
        documents.read_document(here, path)
    assert words in str(caught.value)
    assert caught.value.file == path


def test_200_megabytes_are_refused_unread(here: Workspace) -> None:
    for name in ("big.pdf", "big.docx", "big.md"):
        with (here.root / name).open("wb") as file:
            file.truncate(200_000_000)
        with pytest.raises(DocumentError, match=r"200\.0 MB is more than the \d0 MB"):
            documents.read_document(here, name)


def test_a_reading_that_takes_too_long_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"took longer than 0\.01 s"):
        convert.to_markdown(pdf("x"), "pdf", "slow.pdf", seconds=0.01)


def test_a_reading_that_takes_too_much_memory_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"too large|too much memory"):
        convert.to_markdown(b"<p>x</p>" * 200_000, "html", "huge.html", memory=100_000_000)


def test_the_supported_endings_are_said(here: Workspace) -> None:
    (here.root / "d.odt").write_bytes(b"x")
    with pytest.raises(
        DocumentError, match=r"\.txt, \.md, \.markdown, \.csv, \.tsv, \.html, \.htm, \.pdf, \.docx, .*\.xlsx"
    ):
        documents.read_document(here, "d.odt")


def test_a_misspelt_document_shows_the_nearest(here: Workspace) -> None:
    (here.root / "private/world-cup.md").write_text("x")
    with pytest.raises(DocumentError, match=r"did you mean `private/world-cup\.md`"):
        documents.read_document(here, "private/wordl-cup.md")


# Kept under their hash


def source(document: documents.Document) -> Source:
    return Source("context", document.path, document.label, document.sha256)


def test_a_text_can_be_read_again_after_its_file_changed(here: Workspace) -> None:
    (here.root / "d.md").write_text("old\r\n", newline="")
    old = documents.read_document(here, "d.md")
    assert documents.document_changes(here, [source(old)]) == []
    (here.root / "d.md").write_text("new")
    (change,) = documents.document_changes(here, [source(old), Source("input", "question")])
    assert (change.path, change.then, change.now) == ("d.md", old.sha256, sha256("new"))
    assert (change.reason, change.kept) == ("the file has changed since", True)
    assert documents.read_document_version(here, "d.md", change.then) == old
    (here.root / "d.md").unlink()
    (change,) = documents.document_changes(here, [source(old)])
    assert (change.now, change.reason) == (None, "there is no such document")


def test_a_text_is_kept_once(here: Workspace) -> None:
    for name in ("a.md", "b.md"):
        (here.root / name).write_text("same")
        documents.read_document(here, name)
    assert len([p for p in (here.state / "documents").rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize("key", ["0" * 64, "../../promptlab.yaml", ""])
def test_a_text_that_is_not_kept_is_an_error(here: Workspace, key: str) -> None:
    with pytest.raises(DocumentError, match="is not stored"):
        documents.read_document_version(here, "d.md", key)


def test_a_damaged_text_is_noticed_and_mended(here: Workspace) -> None:
    (here.root / "d.md").write_text("text")
    document = documents.read_document(here, "d.md")
    (kept,) = (p for p in (here.state / "documents").rglob("*.txt"))
    kept.write_text("tex")
    with pytest.raises(DocumentError, match="is damaged"):
        documents.read_document_version(here, "d.md", document.sha256)
    documents.read_document(here, "d.md")
    assert documents.read_document_version(here, "d.md", document.sha256) == document


def test_a_conversion_whose_text_is_gone_is_made_again(here: Workspace) -> None:
    (here.root / "d.docx").write_bytes(docx())
    first = documents.read_document(here, "d.docx")
    for kept in (here.state / "documents").rglob("*.txt"):
        kept.write_text("x" * len(first.text))
    assert documents.read_document(here, "d.docx") == first


def test_reading_works_where_nothing_can_be_written(here: Workspace) -> None:
    here.state.write_text("a file where the folder would be")
    (here.root / "d.md").write_text("text")
    assert documents.read_document(here, "d.md").text == "text"


# Uploads


def test_an_upload_is_confidential_until_someone_says_otherwise(here: Workspace) -> None:
    minutes = docx()  # once: a ZIP file holds the time
    document = add_document(here, "minutes.docx", minutes)
    assert (document.path, document.label) == ("documents/uploads/minutes.docx", "confidential")
    assert documents.read_document(here, document.path) == document
    (here.root / "link.docx").symlink_to(here.root / document.path)
    assert here.label_of("link.docx") == "confidential"
    opened = set_label(here, document.path, "public", reason="it is out")
    assert documents.read_document(opened, document.path).label == "public"
    assert documents.read_document(Workspace.load(here.root), "link.docx").label == "public"
    (original,) = (DocStore.of(here).root / "original").rglob("*.docx")
    assert original.read_bytes() == minutes


def test_a_paste_can_be_given_a_label_at_once(here: Workspace) -> None:
    document = add_document(here, "Notes of today", "Hello\n", "internal")
    assert (document.path, document.text, document.label) == (
        "documents/uploads/Notes of today.md",
        "Hello\n",
        "internal",
    )
    assert Workspace.load(here.root).label_of(document.path) == "internal"
    assert "documents/uploads/Notes of today.md" in documents.document_paths(here)


def test_a_label_that_a_pattern_forbids_leaves_nothing_behind(here: Workspace) -> None:
    (here.root / "promptlab.yaml").write_text('labels: {"documents/**": confidential}\n')
    with pytest.raises(documents.WorkspaceError, match=r"by the pattern `documents/\*\*`"):
        add_document(Workspace.load(here.root), "a", "text", "public")
    assert documents.document_paths(here) == []
    kept = add_document(Workspace.load(here.root), "a", "text")
    with pytest.raises(documents.WorkspaceError):
        add_document(Workspace.load(here.root), "a", "text", "public")
    assert documents.document_paths(here) == [kept.path]


def test_another_file_of_the_name_is_never_replaced(here: Workspace) -> None:
    added = [add_document(here, "a.txt", text).path for text in ("one", "two", "one", "two")]
    assert added == [f"documents/uploads/a{number}.txt" for number in ("", "-2", "", "-2")]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/passwd", "passwd.md"),
        ("C:\\me\\notes.TXT", "notes.TXT"),
        (".hidden.md", "hidden.md"),
        ("a\n*?b.md", "a_b.md"),
        ("v1.2", "v1.2.md"),
        ("", "document.md"),
        ("x" * 300, "x" * 150 + ".md"),
        ("字" * 300, "字" * 50 + ".md"),
        ("Köln.md", "Köln.md"),
    ],
)
def test_an_upload_gets_a_plain_name(here: Workspace, name: str, path: str) -> None:
    assert add_document(here, name, "text").path == f"documents/uploads/{path}"


@pytest.mark.parametrize(("name", "raw"), [("a.pdf", b"not"), ("a.exe", b"MZ"), ("a.md", b""), ("b.docx", ZIP)])
def test_a_bad_upload_leaves_nothing_behind(here: Workspace, name: str, raw: bytes) -> None:
    with pytest.raises(DocumentError):
        add_document(here, name, raw)
    assert not (here.root / "documents").exists()
