"""The parts of a page that Markdown has no element for, turned into text before it is written as Markdown.

prepare(soup, counts)

Pictures become their descriptions, equations become LaTeX, form fields their values, raised digits `^6`. What has no
text is taken out and counted.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import Comment, NavigableString

from promptlab.documents._equation import latex
from promptlab.documents._html_hidden import is_gone
from promptlab.documents._left_out import Counts
from promptlab.documents._markdown import CELLS
from promptlab.documents._superscript import subscript, superscript

_SILENT = ["script", "style", "head", "datalist", "param", "source", "track", "rp", "wbr"]
_COUNTED = {
    "iframe": "embedded page",
    "object": "embedded object",
    "embed": "embedded object",
    "video": "video",
    "audio": "sound recording",
    "canvas": "drawing",
    "template": "template",
    "noscript": "text for browsers without scripts",
}
_BLOCKS = [
    "address", "aside", "center", "details", "fieldset", "figure", "footer", "form", "header", "hgroup", "legend",
    "main", "menu", "nav", "noframes", "optgroup", "search", "summary", "dialog",
]  # fmt: skip
_RENAMED = {"dir": "ul", "menu": "ul", "tt": "code", "xmp": "pre", "listing": "pre", "strike": "s", **CELLS}
_INVISIBLE = str.maketrans(dict.fromkeys("\u00ad\u200b\u2060\ufeff"))
_RAISED = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_NOTE_NAMES = re.compile(r"foot-?note|end-?note|note-?ref|\breference\b|\bfn\b", re.IGNORECASE)


def prepare(soup: BeautifulSoup, counts: Counts) -> None:
    """Change `soup` so that each element left is one that Markdown has."""
    _leave_out(soup, counts)
    _pictures(soup, counts)
    _fields(soup, counts)
    _scripts(soup)
    _small_words(soup)
    _names(soup)
    for text in soup.find_all(string=True):
        if type(text) is NavigableString and (clean := text.translate(_INVISIBLE)) != text:
            text.replace_with(clean)


def equations(soup: BeautifulSoup) -> None:
    """Each equation as LaTeX between dollar signs. MathJax and KaTeX keep the author's TeX in the page.

    Before hidden parts are taken out, because a page hides the equation whose picture it shows.
    """
    from lxml import etree

    for script in soup.find_all("script", type=re.compile(r"^math/tex")):
        script.replace_with(f"${script.get_text().strip()}$")
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    for math in soup.find_all("math"):
        if is_gone(math):
            continue
        root = etree.fromstring(str(math), parser)
        text = latex(root) if root is not None else math.get_text(" ", strip=True)
        whole = (
            math.find_parent(class_=["mwe-math-element", "katex", "MathJax", "MathJax_Display", "mjx-chtml"]) or math
        )
        whole.replace_with(f"${text}$" if text else "")


def _leave_out(soup: BeautifulSoup, counts: Counts) -> None:
    for tag in soup(_SILENT):
        tag.decompose()
    for tag in soup(list(_COUNTED)):
        if is_gone(tag):
            continue
        if tag.name not in ("template", "noscript") or tag.get_text(strip=True):
            counts.add(_COUNTED[tag.name], "is left out")
        tag.decompose()
    for comment in soup.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()


def _pictures(soup: BeautifulSoup, counts: Counts) -> None:
    """A picture is replaced by its description. Its address may be megabytes of data."""
    for tag in soup(["img", "svg", "area"]):
        if is_gone(tag):
            continue
        title = tag.find("title") if tag.name == "svg" else None
        text = title.get_text(" ", strip=True) if title else " ".join(str(tag.get("alt") or "").split())
        if tag.name != "area":
            counts.add("picture", "is left out")
        tag.replace_with(text)


def _fields(soup: BeautifulSoup, counts: Counts) -> None:
    """The fields of a form as the values they have; of a choice only what is selected."""
    for choice in soup("select"):
        options = choice("option")
        selected = [option for option in options if option.has_attr("selected")]
        if not selected and not choice.has_attr("multiple"):
            selected = options[:1]
        counts.add("option of a form", "is left out as not selected", len(options) - len(selected))
        _put(choice, ", ".join(option.get_text(" ", strip=True) for option in selected))
    for field in soup("input"):
        kind = str(field.get("type") or "text").lower()
        if kind in ("checkbox", "radio"):
            _put(field, "[x] " if field.has_attr("checked") else "[ ] ")
        elif kind in ("hidden", "password", "file", "image"):
            _put(field, str(field.get("alt") or ""))
        else:
            _put(field, str(field.get("value") or ""))
    for area in soup("textarea"):
        text = area.get_text()
        if "\n" in text.strip():
            area.name = "pre"
        else:
            _put(area, text)


def _put(field: Tag, text: str) -> None:
    """Replace a field by its text, with blanks to what stands beside it."""
    before, after = _text_beside(field, after=False)[-1:], _text_beside(field, after=True)[:1]
    start = " " if text and before and not before.isspace() else ""
    field.replace_with(start + text + (" " if text and after and not (text + after)[-2:].count(" ") else ""))


def _scripts(soup: BeautifulSoup) -> None:
    """Raised and lowered text, so that `10<sup>6</sup>` does not become 106."""
    for tag in soup(["sup", "sub", "span", "a"]):
        style = _RAISED.search(str(tag.get("style", ""))) if tag.name in ("span", "a") else None
        if is_gone(tag) or (tag.name in ("span", "a") and not style):
            continue
        lowered = tag.name == "sub" or bool(style and style[1].lower() == "sub")
        text, after = tag.get_text(), _text_beside(tag, after=True)
        if lowered:
            tag.replace_with(subscript(text, after))
        else:
            tag.replace_with(superscript(_text_beside(tag, after=False), text, after, note=_is_note(tag)))


def _is_note(tag: Tag) -> bool:
    around = [tag, *tag.find_all(True), *([tag.parent] if tag.parent and tag.parent.name in ("a", "span") else [])]
    names = " ".join(
        " ".join(each) if isinstance(each, list) else str(each)
        for one in around
        for each in (one.get("class", ""), one.get("role", ""), one.get("epub:type", ""), one.get("id", ""))
    )
    linked = any(one.name == "a" and str(one.get("href", "")).startswith("#") for one in around)
    return linked or bool(_NOTE_NAMES.search(names))


def _text_beside(tag: Tag, *, after: bool) -> str:
    """Up to 40 characters of the same paragraph before or after `tag`."""
    text = ""
    for node in tag.next_elements if after else tag.previous_elements:
        if isinstance(node, Tag) and (node.name in _BREAKS or (not after and node in tag.parents and text)):
            if node.name in _BREAKS:
                break
            continue
        if not isinstance(node, NavigableString) or (after and tag in node.parents):
            continue
        text = text + node if after else node + text
        if len(text) > 40:
            break
    return text[:40] if after else text[-40:]


_BREAKS = frozenset(["p", "div", "br", "td", "th", "tr", "li", "table", "h1", "h2", "h3", "h4", "h5", "h6", "dd", "dt"])


def _small_words(soup: BeautifulSoup) -> None:
    """The reading of characters (ruby) and the meaning of abbreviations, in parentheses."""
    for reading in soup(["rt", "rtc"]):
        text = reading.get_text(strip=True)
        reading.replace_with(f"({text})" if text else "")
    for short in soup(["abbr", "acronym"]):
        meaning = " ".join(str(short.get("title") or "").split())
        if meaning and meaning.lower() != short.get_text(strip=True).lower():
            short.append(f" ({meaning})")


def _names(soup: BeautifulSoup) -> None:
    for heading in soup(["h1", "h2", "h3", "h4", "h5", "h6"]):
        if heading.find_parent(["td", "th"]):
            heading.name = "p"
    for tag in soup([*_RENAMED, *_BLOCKS]):
        tag.name = _RENAMED.get(tag.name, "div")
    for link in soup("a"):
        link.attrs.pop("title", None)  # shown under the pointer only, and mostly says the same
        if re.match(r"\s*(?:javascript|data|vbscript|blob):", str(link.get("href", "")), re.IGNORECASE):
            link.name = "span"
