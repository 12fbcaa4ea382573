"""PDF to Markdown: a heading and the text of each page."""

from __future__ import annotations

from io import BytesIO

from promptlab.documents._refused import Refused

MAX_PAGES = 5_000


def to_text(raw: bytes, notes: list[str]) -> str:  # noqa: ARG001
    import pypdf
    from pypdf.errors import DependencyError

    reader = pypdf.PdfReader(BytesIO(raw))
    if reader.is_encrypted:
        try:
            # Many PDFs are encrypted with an empty password, only to prevent printing.
            opened = bool(reader.decrypt(""))
        except (DependencyError, NotImplementedError):
            opened = False
        if not opened:
            raise Refused("is encrypted", "open it, and save a copy without a password")
    if len(reader.pages) > MAX_PAGES:
        raise Refused(f"has {len(reader.pages):,} pages, more than {MAX_PAGES:,}", "save only the pages that you need")
    pages = [page.extract_text().strip() for page in reader.pages]
    if not any(pages):
        raise Refused("has no text: its pages are pictures", "run text recognition (OCR) first")
    return "\n\n".join(
        f"## Page {number}\n\n{text or '(no text on this page)'}" for number, text in enumerate(pages, 1)
    )
