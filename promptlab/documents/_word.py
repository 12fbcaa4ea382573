"""Word to Markdown."""

from __future__ import annotations

from io import BytesIO

from promptlab.documents._html import markdown
from promptlab.documents._refused import Refused


def to_text(raw: bytes, notes: list[str]) -> str:
    import mammoth

    html = mammoth.convert_to_html(BytesIO(raw), convert_image=lambda _: [], external_file_access=False).value
    text = markdown(html, notes)
    if not text.strip():
        raise Refused("has no text", "if it shows pictures, run text recognition (OCR) first")
    return text
