"""HTML to Markdown."""

from __future__ import annotations

from typing import Any

from promptlab.documents._encoding import decode_html
from promptlab.documents._refused import Refused

_UNSEEN = ["script", "style", "template", "noscript", "head", "svg", "iframe", "object", "embed", "canvas"]


def to_text(raw: bytes, notes: list[str]) -> str:  # noqa: ARG001
    text = markdown(decode_html(raw))
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
