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


class _Tags:
    """The elements of a page by name, found in one pass: each search through a large page takes a second."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._tags: dict[str, list[Tag]] = {}
        self.strings: list[NavigableString] = []
        for node in soup.descendants:
            if isinstance(node, Tag):
                self._tags.setdefault(node.name, []).append(node)
            elif isinstance(node, NavigableString):
                self.strings.append(node)

    def __call__(self, *names: str) -> list[Tag]:
        """The elements with these names that were not taken out."""
        return [tag for name in names for tag in self._tags.get(name, ()) if not is_gone(tag)]


def prepare(soup: BeautifulSoup, counts: Counts) -> None:
    """Change `soup` so that each element left is one that Markdown has."""
    tags = _Tags(soup)
    _leave_out(tags, counts)
    _pictures(tags, counts)
    _fields(tags, counts)
    _scripts(tags)
    _small_words(tags)
    _names(tags)
    for text in tags.strings:
        if type(text) is not NavigableString or is_gone(text) or text.parent is None:
            continue
        if (clean := text.translate(_INVISIBLE)) != text:
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


def _leave_out(tags: _Tags, counts: Counts) -> None:
    for tag in tags(*_SILENT):
        if not is_gone(tag):
            tag.decompose()
    for tag in tags(*_COUNTED):
        if is_gone(tag):
            continue
        if tag.name not in ("template", "noscript") or tag.get_text(strip=True):
            counts.add(_COUNTED[tag.name], "is left out")
        tag.decompose()
    for comment in tags.strings:
        if isinstance(comment, Comment) and not is_gone(comment):
            comment.extract()


def _pictures(tags: _Tags, counts: Counts) -> None:
    """A picture is replaced by its description. Its address may be megabytes of data."""
    for tag in tags("img", "svg", "area"):
        if is_gone(tag):
            continue
        title = tag.find("title") if tag.name == "svg" else None
        text = title.get_text(" ", strip=True) if title else " ".join(str(tag.get("alt") or "").split())
        if tag.name != "area":
            counts.add("picture", "is left out")
        tag.replace_with(text)


def _fields(tags: _Tags, counts: Counts) -> None:
    """The fields of a form as the values they have; of a choice only what is selected."""
    for choice in tags("select"):
        options = choice("option")
        selected = [option for option in options if option.has_attr("selected")]
        if not selected and not choice.has_attr("multiple"):
            selected = options[:1]
        counts.add("option of a form", "is left out as not selected", len(options) - len(selected))
        _put(choice, ", ".join(option.get_text(" ", strip=True) for option in selected))
    for field in tags("input"):
        kind = str(field.get("type") or "text").lower()
        if kind in ("checkbox", "radio"):
            _put(field, "[x] " if field.has_attr("checked") else "[ ] ")
        elif kind in ("hidden", "password", "file", "image"):
            _put(field, str(field.get("alt") or ""))
        else:
            _put(field, str(field.get("value") or ""))
    for area in tags("textarea"):
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


def _scripts(tags: _Tags) -> None:
    """Raised and lowered text, so that `10<sup>6</sup>` does not become 106."""
    for tag in tags("sup", "sub", "span", "a"):
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


def _small_words(tags: _Tags) -> None:
    """The reading of characters (ruby) and the meaning of abbreviations, in parentheses."""
    for reading in tags("rt", "rtc"):
        text = reading.get_text(strip=True)
        reading.replace_with(f"({text})" if text else "")
    for short in tags("abbr", "acronym"):
        meaning = " ".join(str(short.get("title") or "").split())
        if meaning and meaning.lower() != short.get_text(strip=True).lower():
            short.append(f" ({meaning})")


def _names(tags: _Tags) -> None:
    for heading in tags("h1", "h2", "h3", "h4", "h5", "h6"):
        if heading.find_parent(["td", "th"]):
            heading.name = "p"
    for tag in tags(*dict.fromkeys([*_RENAMED, *_BLOCKS])):
        tag.name = _RENAMED.get(tag.name, "div")
    for link in tags("a"):
        link.attrs.pop("title", None)  # shown under the pointer only, and mostly says the same
        if re.match(r"\s*(?:javascript|data|vbscript|blob):", str(link.get("href", "")), re.IGNORECASE):
            link.name = "span"
