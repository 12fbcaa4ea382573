"""PDF to Markdown: a heading and the text of each page, with tables and the values of form fields.

PDFium, the reader of Chromium, gives characters with their places (`_pdf_chars`). They become lines (`_pdf_lines`) and
tables (`_pdf_tables`) here, because PDFium's own text breaks lines at raised numbers and has no tables.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from promptlab.documents._pdf_chars import UNREADABLE, Char, read_chars
from promptlab.documents._pdf_lines import Line
from promptlab.documents._pdf_rules import page_rules
from promptlab.documents._pdf_tables import page_blocks, usual_turn
from promptlab.documents._refused import Refused

MAX_PAGES = 5_000
_NO_TEXT = "(no text on this page)"
_OCR = "run text recognition (OCR) first"


def to_text(raw: bytes, notes: list[str]) -> str:
    document = _open(raw)
    if len(document) > MAX_PAGES:
        raise Refused(f"has {len(document):,} pages, more than {MAX_PAGES:,}", "save only the pages that you need")
    pages: list[str] = []
    left_out: Counter[str] = Counter()
    form = _Form(document)
    for page in document:
        pages.append(_page(page, form, left_out))
        page.close()
    if not any(pages):
        if left_out["pages without letters"]:
            raise Refused("has no readable text: its fonts do not say which letters they show", _OCR)
        raise Refused("has no text: its pages are pictures", _OCR)
    pages = _without_hyphens(pages)
    _note(document, raw, left_out, notes)
    return "\n\n".join(f"## Page {number}\n\n{text or _NO_TEXT}" for number, text in enumerate(pages, 1))


def _open(raw: bytes) -> Any:
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        document = pypdfium2.PdfDocument(raw)
        pages = len(document)
    except pypdfium2.PdfiumError as exc:
        code = getattr(exc, "err_code", None)
        if code == pdfium.FPDF_ERR_PASSWORD:
            raise Refused("needs a password", "open it, and save a copy without a password") from exc
        if code == pdfium.FPDF_ERR_SECURITY:
            raise Refused(
                "is encrypted in a way that only its program reads", "save a copy without protection"
            ) from exc
        raise Refused("is damaged: it cannot be opened as a PDF", "open it and save it again") from exc
    if not pages:
        raise Refused("is damaged: it has no pages", "open it and save it again")
    return document


def _page(page: Any, form: _Form, left_out: Counter[str]) -> str:
    import pypdfium2.raw as pdfium

    chars, lost = read_chars(page)
    letters = [char for char in chars if isinstance(char, Char)]
    unreadable = sum(char.text == UNREADABLE for char in letters)
    kinds = Counter(
        pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page, index))
        for index in range(pdfium.FPDFPage_CountObjects(page))
    )
    pictures = kinds[pdfium.FPDF_PAGEOBJ_IMAGE]
    left_out["pictures"] += pictures
    if unreadable * 2 > len(letters) or lost > len(letters):
        left_out["pages without letters"] += 1
        letters, chars = [], []
    else:
        left_out["unreadable"] += unreadable
        left_out["upright"] += lost
    turn = usual_turn(chars)
    blocks = page_blocks(chars, page_rules(page, turn), turn) if letters else []
    text = _joined([*blocks, *form.fields(page, left_out)])
    left_out["pages of pictures"] += bool(pictures and not text)
    return text


def _joined(blocks: Sequence[Line | list[list[str]] | str]) -> str:
    """Lines below each other, tables between blank lines."""
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, list):
            parts.append(f"\n{_table(block)}\n")
        else:
            parts.append(block if isinstance(block, str) else block.text)
    return "\n".join(parts).strip()


def _table(rows: list[list[str]]) -> str:
    shown = [f"| {' | '.join(' '.join(cell.replace('|', chr(92) + '|').split()) for cell in row)} |" for row in rows]
    return "\n".join([shown[0], "|" + " --- |" * len(rows[0]), *shown[1:]])


# Words that are divided at the end of a line

_DIVIDED = re.compile(r"([^\W\d_]+)([-\u00ad\u2010])\n([^\W\d_]+)")


def _without_hyphens(pages: list[str]) -> list[str]:
    """The pages with divided words as one: `exam-` and `ple`. The hyphen of `well-` and `known` stays."""
    text = "\n".join(pages)
    if not _DIVIDED.search(text):
        return [page.replace("\u00ad", "") for page in pages]
    words = Counter(re.findall(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*", _DIVIDED.sub(" ", text).lower()))

    def whole(match: re.Match[str]) -> str:
        start, hyphen, end = match[1], match[2], match[3]
        plain, compound = f"{start}{end}".lower(), f"{start}-{end}".lower()
        if hyphen == "\u00ad" or words[plain] > words[compound]:
            return start + end
        is_compound = words[compound] or not end[:1].islower() or (words[start.lower()] and words[end.lower()])
        return f"{start}-{end}" if is_compound else start + end

    return [_DIVIDED.sub(whole, page).replace("\u00ad", "") for page in pages]


# What is not in the text


class _Form:
    """The fields of a form and the comments on a page. PDFium's text has neither."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.kind = document.get_formtype()
        if self.kind:
            document.init_forms()
        self.environment = document.formenv.raw if document.formenv else None

    def fields(self, page: Any, left_out: Counter[str]) -> list[str]:
        """The filled fields of a page as a list, and its text boxes as lines."""
        import pypdfium2.raw as pdfium

        boxes: list[str] = []
        values: dict[str, str] = {}
        for index in range(pdfium.FPDFPage_GetAnnotCount(page)):
            annotation = pdfium.FPDFPage_GetAnnot(page, index)
            if not annotation:
                continue
            kind = pdfium.FPDFAnnot_GetSubtype(annotation)
            if kind == pdfium.FPDF_ANNOT_WIDGET and self.environment:
                self._add_value(annotation, values)
            elif kind not in (pdfium.FPDF_ANNOT_LINK, pdfium.FPDF_ANNOT_POPUP, pdfium.FPDF_ANNOT_WIDGET):
                content = _wide_string(lambda *to, of=annotation: pdfium.FPDFAnnot_GetStringValue(of, b"Contents", *to))
                if kind == pdfium.FPDF_ANNOT_FREETEXT:
                    boxes += [content] * bool(content)
                else:
                    left_out["comments"] += bool(content)
            pdfium.FPDFPage_CloseAnnot(annotation)
        lines = [f"- {name}: {' '.join(value.split())}" for name, value in values.items()]
        return boxes + (["", "Form fields:", "", *lines] if lines else [])

    def _add_value(self, annotation: Any, values: dict[str, str]) -> None:
        import pypdfium2.raw as pdfium

        handle = self.environment
        kind = pdfium.FPDFAnnot_GetFormFieldType(handle, annotation)
        name = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldAlternateName(handle, annotation, *to))
        name = name or _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldName(handle, annotation, *to))
        if kind in (pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON):
            if pdfium.FPDFAnnot_IsChecked(handle, annotation):
                chosen = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldExportValue(handle, annotation, *to))
                values[name] = chosen or "yes"
        elif kind != pdfium.FPDF_FORMFIELD_PUSHBUTTON:
            value = _wide_string(lambda *to: pdfium.FPDFAnnot_GetFormFieldValue(handle, annotation, *to))
            if value:
                values[name] = value


def _wide_string(read: Any) -> str:
    """A string of PDFium, which says its size in bytes first."""
    import pypdfium2.raw as pdfium

    size = read(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace").strip()


def _note(document: Any, raw: bytes, left_out: Counter[str], notes: list[str]) -> None:
    """Add a sentence for all that is not in the text."""
    import pypdfium2.raw as pdfium

    left_out["attachments"] = pdfium.FPDFDoc_GetAttachmentCount(document)
    sentences = {
        "pages without letters": ("page is", "pages are", "left out: fonts do not say which letters they show"),
        "upright": ("character is", "characters are", "left out: PDFium cannot read this writing from top to bottom"),
        "unreadable": ("character is", "characters are", f"unreadable and shown as {UNREADABLE}"),
        "pages of pictures": ("page is a picture", "pages are pictures", f"without text; {_OCR}"),
        "pictures": ("picture is", "pictures are", "left out"),
        "comments": ("comment is", "comments are", "left out"),
        "attachments": ("attached file is", "attached files are", "left out"),
    }
    for what, (single, several, rest) in sentences.items():
        count = left_out[what]
        if count:
            notes.append(f"{count:,} {single if count == 1 else several} {rest}")
    if b"%%EOF" not in raw[-2048:]:
        notes.append("the file has no end mark and was repaired, so pages or words may be missing")
    if document.get_formtype() == pdfium.FORMTYPE_XFA_FULL:
        notes.append("the form is in Adobe's XFA, which is not read")
