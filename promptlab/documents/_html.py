"""HTML to Markdown."""

from __future__ import annotations

import re

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


def to_text(raw: bytes, notes: list[str]) -> str:
    text = markdown(_decoded(raw), notes)
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
