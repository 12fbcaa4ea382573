"""HTML to Markdown."""

from __future__ import annotations

from promptlab.documents._encoding import decode_html
from promptlab.documents._refused import Refused


def to_text(raw: bytes, notes: list[str]) -> str:
    text = markdown(decode_html(raw), notes)
    if not text.strip():
        raise Refused("has no text", "if a script fills the page, save it from the browser")
    return text


def markdown(html: str, notes: list[str]) -> str:
    """The page as Markdown. Adds to `notes` what it does not carry over."""
    from bs4 import BeautifulSoup

    from promptlab.documents._html_hidden import remove_hidden
    from promptlab.documents._html_parts import equations, prepare
    from promptlab.documents._left_out import Counts
    from promptlab.documents._markdown import LABEL_END, LABEL_START, MarkdownWriter

    # lxml and not Python's html.parser: like a browser, it ends cells, rows and items whose end tag is missing.
    soup = BeautifulSoup(html, "lxml")
    counts = Counts()
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    equations(soup)
    remove_hidden(soup, counts)
    prepare(soup, counts)
    heading = soup.find("h1")
    writer = MarkdownWriter()
    text = str(writer.convert_soup(soup)).replace(LABEL_START, "").replace(LABEL_END, " ")
    counts.add("merged cell", "is written in every place covered", writer.merged)
    notes += counts.sentences()
    return f"# {title}\n\n{text}" if title and text.strip() and not (heading and heading.get_text(strip=True)) else text
