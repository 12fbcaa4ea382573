"""HTML to Markdown."""

from __future__ import annotations

import re
from typing import Any

from promptlab.documents._refused import Refused

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)


def _decoded(raw: bytes) -> str:
    """HTML as text. The encoding is that of the byte order mark, else the declared one, else UTF-8; never guessed."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            encoding = name
            break
    else:
        declared = _META.search(raw[:2048])
        encoding = declared[1].decode("ascii", "replace") if declared else "utf-8"
        # By the WHATWG encoding standard, these names mean Windows-1252.
        encoding = "cp1252" if encoding.lower() in ("iso-8859-1", "latin1", "ascii", "us-ascii") else encoding
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as exc:
        raise Refused(f"is not valid {encoding} text", "save it as UTF-8") from exc


_UNSEEN = ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "embed", "canvas"]


def to_text(raw: bytes, notes: list[str]) -> str:  # noqa: ARG001
    text = markdown(_decoded(raw))
    if not text.strip():
        raise Refused("has no text", "if a script fills the page, save it from the browser")
    return text


def markdown(html: str) -> str:
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup(_UNSEEN):
        tag.decompose()
    for picture in soup("img"):
        # A picture is replaced by its description. Its address may be megabytes of data.
        picture.replace_with(str(picture.get("alt") or ""))
    options: dict[str, Any] = {"heading_style": "ATX", "bullets": "-", "table_infer_header": True}
    for mark in ("asterisks", "underscores", "misc"):
        options[f"escape_{mark}"] = False
    return str(MarkdownConverter(**options).convert_soup(soup))
