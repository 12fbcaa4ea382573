"""An Office file is what its main part is, whatever the part is called."""

from __future__ import annotations

import io
import zipfile

import pytest

from promptlab.documents._convert import to_markdown
from promptlab.documents._file_type import check_file_type
from promptlab.errors import DocumentError
from tests.documents.test_documents import docx, teams, xlsx

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml"
TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"


def renamed(raw: bytes, names: dict[str, str], texts: dict[str, str]) -> bytes:
    """An Office file with other names of parts, and other texts in the parts that describe them."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename.endswith((".rels", "_Types].xml")):
                for before, after in {**names, **texts}.items():
                    content = content.replace(before.encode(), after.encode())
            new.writestr(names.get(part.filename, part.filename), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("word/document.xml", {}),
        ("word/document2.xml", {}),
        ("document.xml", {}),
        ("Word/Main Part.xml", {}),
        ("word/document.xml", {TRANSITIONAL: STRICT}),
        ("word/document2.xml", {f"{WORD}.document.main": f"{WORD}.template.main"}),
        ("word/document2.xml", {f"{WORD}.document.main": "application/vnd.ms-word.document.macroEnabled.main"}),
    ],
)
def test_a_word_file_is_one_by_the_type_of_its_main_part(name: str, texts: dict[str, str]) -> None:
    rels = f"{name.rpartition('/')[0]}/_rels/{name.rpartition('/')[2]}.rels".lstrip("/")
    names = {"word/document.xml": name, "word/_rels/document.xml.rels": rels}
    raw = renamed(docx(), names, texts)
    check_file_type(raw, "docx", "x.docx")
    assert "Argentina beat France." in to_markdown(raw, "docx", "x.docx").text


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("xl/workbook.xml", f"{EXCEL}.sheet.main+xml"),
        ("xl/book.xml", f"{EXCEL}.sheet.main+xml"),
        ("xl/book.xml", f"{EXCEL}.template.main+xml"),
        ("xl/workbook.xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml"),
    ],
)
def test_an_excel_file_is_one_by_the_type_of_its_main_part(name: str, content_type: str) -> None:
    names = {"xl/workbook.xml": name, "xl/_rels/workbook.xml.rels": f"xl/_rels/{name[3:]}.rels"}
    raw = renamed(xlsx(teams), names, {f"{EXCEL}.sheet.main+xml": content_type})
    check_file_type(raw, "xlsx", "x.xlsx")


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("application/vnd.ms-excel.sheet.binary.macroEnabled.main", "a binary Excel workbook"),
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml", "a presentation"),
        ("application/vnd.ms-visio.drawing.main+xml", "a Visio drawing"),
        (f"{EXCEL}.sheet.main+xml", "an Excel workbook"),
        ("application/x-unknown", "a Word document"),  # by the name of the part
    ],
)
def test_another_main_part_is_named(content_type: str, words: str) -> None:
    raw = renamed(docx(), {}, {f"{WORD}.document.main+xml": content_type})
    with pytest.raises(DocumentError, match=words):
        check_file_type(raw, "pdf", "x.pdf")


def test_a_description_that_is_no_xml_is_damage() -> None:
    with pytest.raises(DocumentError, match="damaged"):
        check_file_type(renamed(docx(), {}, {"</Types>": ""}), "docx", "x.docx")
