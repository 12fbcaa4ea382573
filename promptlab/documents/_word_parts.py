"""A part of a Word document, changed so that mammoth reads all of it: what it does not know becomes ordinary text.

story = Story(styles, numbers, counts)
story.prepare(root)                                 # of document.xml, footnotes.xml, a header …

Equations become LaTeX, text boxes paragraphs, the numbers of paragraphs text. Deleted and hidden text is taken out and
counted, as are charts and objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from promptlab.documents._equation import latex
from promptlab.documents._left_out import Counts
from promptlab.documents._markdown import LABEL_END, LABEL_START
from promptlab.documents._office_package import attribute, name_of
from promptlab.documents._word_numbers import Numbers
from promptlab.documents._word_styles import Styles, child, is_on, value

_WRAPPERS = ("fldSimple", "dir", "bdo", "smartTag", "customXml", "ins", "moveTo", "rubyBase")
_SYMBOL_FONTS = ("Symbol", "Wingdings", "Wingdings 2", "Wingdings 3", "Webdings")


class Story:
    """Prepares the parts of one document, in their order."""

    def __init__(self, styles: Styles, numbers: Numbers, counts: Counts) -> None:
        self._styles = styles
        self._numbers = numbers
        self._counts = counts
        self._space = ""

    def prepare(self, root: Any) -> None:
        """Change the part `root`."""
        self._space = etree.QName(root).namespace or ""
        self._choose_alternates(root)
        self._take_out(root)
        self._equations(root)
        self._objects(root)
        self._text_boxes(root)
        for wrapper in [one for name in _WRAPPERS for one in root.iter(f"{{*}}{name}")]:
            _unwrap(wrapper)
        for paragraph in list(root.iter(self._tag("p"))):
            self._paragraph(paragraph)
        for run in list(root.iter(self._tag("r"))):
            self._run(run)
        for row in root.iter(self._tag("tr")):
            self._row(row)

    def _tag(self, name: str) -> str:
        return f"{{{self._space}}}{name}"

    def _new(self, name: str, text: str | None = None, **attributes: str) -> Any:
        element = etree.Element(self._tag(name), {self._tag(key): val for key, val in attributes.items()})
        element.text = text
        return element

    def _text_run(self, text: str) -> Any:
        run = self._new("r")
        run.append(self._new("t", text))
        return run

    # What is left out

    def _choose_alternates(self, root: Any) -> None:
        """Of two forms of the same thing, take the newer, which mammoth would leave out."""
        for alternate in list(root.iter("{*}AlternateContent")):
            choice = child(alternate, "Choice")
            chosen = choice if choice is not None else child(alternate, "Fallback")
            _replace(alternate, list(chosen) if chosen is not None else [])

    def _take_out(self, root: Any) -> None:
        """Deleted text (of tracked changes) and hidden text."""
        for name in ("del", "moveFrom"):
            for element in list(root.iter(self._tag(name))):
                parent = name_of(element.getparent()) if element.getparent() is not None else ""
                if parent == "trPr":
                    row = element.getparent().getparent()
                    self._count_text("tracked deletion", row)
                    _replace(row, [])
                elif parent != "rPr":  # there it marks a paragraph whose end is deleted; mammoth joins it to the next
                    self._count_text("tracked deletion", element)
                    _replace(element, [])
        hidden = [run for run in root.iter(self._tag("r")) if self._is_hidden(run)]
        for run in hidden:
            before = run.getprevious()
            if before is None or before not in hidden:  # runs in a row are one text
                self._count_text("hidden text", run)
        for run in hidden:
            _replace(run, [])

    def _is_hidden(self, run: Any) -> bool:
        own = value(run, "rPr", "vanish")
        if own is not None:
            return is_on(own)
        paragraph = next(run.iterancestors(self._tag("p")), None)
        for style in (value(run, "rPr", "rStyle"), value(paragraph, "pPr", "pStyle")):
            found = self._styles.property(style, "rPr", "vanish") if style else None
            if found is not None:
                return is_on(attribute(found, "val", "1"))
        return False

    def _count_text(self, noun: str, element: Any) -> None:
        if any((part.text or "").strip() for part in element.iter(self._tag("t"), self._tag("delText"))):
            self._counts.add(noun, "is left out")

    def _objects(self, root: Any) -> None:
        for name, noun in (("chart", "chart"), ("relIds", "diagram (SmartArt)"), ("altChunk", "embedded document")):
            self._counts.add(noun, "is left out", sum(1 for _ in root.iter(f"{{*}}{name}")))
        for holder in list(root.iter(self._tag("object"))):
            program = next((one.get("ProgID", "") for one in holder.iter("{*}OLEObject")), "")
            noun = "equation" if program.startswith("Equation") else "embedded object"
            self._counts.add(noun, "is left out")
            _replace(holder, [])

    # What becomes text

    def _equations(self, root: Any) -> None:
        for equation in list(root.iter("{*}oMath")):
            if next(equation.iterancestors("{*}oMath"), None) is None and (text := latex(equation)):
                _replace(equation, [self._text_run(f"${text}$")])
        for group in list(root.iter("{*}oMathPara")):
            _unwrap(group)

    def _text_boxes(self, root: Any) -> None:
        """The paragraphs of a text box come after the paragraph that it belongs to."""
        for box in list(root.iter(self._tag("txbxContent"))):
            anchor = next(iter(reversed(list(box.iterancestors(self._tag("p"))))), None)
            if anchor is None:
                continue
            for element in reversed(list(box)):
                anchor.addnext(element)

    def _paragraph(self, paragraph: Any) -> None:
        label = self._numbers.label(paragraph)
        style = value(paragraph, "pPr", "pStyle")
        level = value(paragraph, "pPr", "outlineLvl")
        heading = int(level) + 1 if level and level in "01234567" else self._styles.heading_level(style)
        if heading:
            properties = self._properties(paragraph, "pPr")
            for name in ("pStyle", "numPr"):
                for old in properties.findall(self._tag(name)):
                    properties.remove(old)
            properties.insert(0, self._new("pStyle", val=f"Heading{min(heading, 6)}"))
        elif child(paragraph, "pPr", "numPr") is None and (place := self._numbers.place(paragraph))[0]:
            numbering = self._new("numPr")  # of the style; mammoth looks for it at the paragraph
            numbering.append(self._new("ilvl", val=str(place[1])))
            numbering.append(self._new("numId", val=place[0] or ""))
            self._properties(paragraph, "pPr").append(numbering)
        if label and any((part.text or "").strip() for part in paragraph.iter(self._tag("t"))):
            at = 1 if child(paragraph, "pPr") is not None else 0
            paragraph.insert(at, self._text_run(f"{LABEL_START}{label}{LABEL_END}"))

    def _properties(self, element: Any, name: str) -> Any:
        properties = child(element, name)
        if properties is None:
            properties = self._new(name)
            element.insert(0, properties)
        return properties

    def _run(self, run: Any) -> None:
        properties = child(run, "rPr")
        for part in list(run):
            name = name_of(part)
            if name == "cr" or (name == "br" and attribute(part, "type") in ("page", "column")):
                _replace(part, [self._new("br")])  # words before and after it are not one word
            elif name == "ptab":
                _replace(part, [self._new("tab")])
            elif name == "symEx" and re.fullmatch(r"[0-9A-Fa-f]{1,6}", attribute(part, "char") or ""):
                _replace(part, [self._new("t", chr(int(attribute(part, "char") or "20", 16)))])
            elif name == "ruby":
                reading = "".join(text.text or "" for text in part.iterfind(".//{*}rt//{*}t"))
                base = "".join(text.text or "" for text in part.iter(self._tag("t"))).replace(reading, "", 1)
                _replace(part, [self._new("t", f"{base}({reading})" if reading else base)])
            elif name == "fldChar" and (choice := _chosen(part)):
                run.addnext(self._text_run(choice))
        font = attribute(found, "ascii") if (found := child(properties, "rFonts")) is not None else None
        if font in _SYMBOL_FONTS:
            for text in run.iter(self._tag("t")):
                text.text = _from_symbol_font(text.text or "", font)
        self._looks(run)

    def _looks(self, run: Any) -> None:
        """Raised, lowered and struck text, also by a style, as mammoth knows it."""
        style = value(run, "rPr", "rStyle")
        if value(run, "rPr", "vertAlign") is None and style:
            inherited = self._styles.property(style, "rPr", "vertAlign")
            if inherited is not None:
                self._properties(run, "rPr").append(self._new("vertAlign", val=attribute(inherited, "val") or ""))
        if value(run, "rPr", "vertAlign") is None and (raised := value(run, "rPr", "position")):
            size = int(raised) if re.fullmatch(r"-?\d+", raised) else 0
            if abs(size) >= 4:
                align = "superscript" if size > 0 else "subscript"
                self._properties(run, "rPr").append(self._new("vertAlign", val=align))
        struck = value(run, "rPr", "dstrike")
        by_style = self._styles.property(style, "rPr", "strike") if style else None
        if is_on(struck) or (by_style is not None and is_on(attribute(by_style, "val", "1"))):
            self._properties(run, "rPr").append(self._new("strike"))

    def _row(self, row: Any) -> None:
        """Places that a row leaves free at its beginning and end become cells; cells merged the old way one cell."""
        merged: Any = None
        for cell in [one for one in row if name_of(one) == "tc"]:
            kind = value(cell, "tcPr", "hMerge")
            if child(cell, "tcPr", "hMerge") is not None and kind != "restart" and merged is not None:
                span = int(value(merged, "tcPr", "gridSpan") or 1) + int(value(cell, "tcPr", "gridSpan") or 1)
                self._set_span(merged, span)
                row.remove(cell)
            else:
                merged = cell if kind == "restart" else None
        before, after = (int(value(row, "trPr", name) or 0) for name in ("gridBefore", "gridAfter"))
        cells = [one for one in row if name_of(one) == "tc"]
        for count, at in ((before, row.index(cells[0]) if cells else len(row)), (after, len(row) + bool(before))):
            if 0 < count <= 63:
                empty = self._new("tc")
                empty.append(self._new("tcPr"))
                self._set_span(empty, count)
                empty.append(self._new("p"))
                row.insert(at, empty)

    def _set_span(self, cell: Any, count: int) -> None:
        properties = self._properties(cell, "tcPr")
        for old in properties.findall(self._tag("gridSpan")):
            properties.remove(old)
        properties.append(self._new("gridSpan", val=str(count)))


def _chosen(field: Any) -> str:
    """The chosen entry of a drop-down field."""
    choices = child(field, "ffData", "ddList")
    if choices is None:
        return ""
    entries = [attribute(entry, "val", "") or "" for entry in choices.iterfind("{*}listEntry")]
    at = int(value(choices, "result") or value(choices, "default") or 0)
    return entries[at] if at < len(entries) else ""


def _from_symbol_font(text: str, font: str) -> str:
    from mammoth.docx.dingbats import dingbats

    def letter(char: str) -> str:
        code = ord(char) & 0xFF if 0xF000 <= ord(char) <= 0xF0FF else ord(char)
        return chr(dingbats.get((font, code), ord(char)))

    return "".join(map(letter, text))


def _replace(element: Any, others: list[Any]) -> None:
    """Put `others` in the place of `element`; its tail stays."""
    parent = element.getparent()
    if parent is None:
        return
    at = parent.index(element)
    parent.remove(element)
    for other in reversed(others):
        parent.insert(at, other)


def _unwrap(element: Any) -> None:
    _replace(element, [one for one in element if not name_of(one).endswith("Pr")])


def texts(root: Any) -> Iterator[str]:
    """The text of each paragraph of a prepared part."""
    for paragraph in root.iter("{*}p"):
        parts = paragraph.iter("{*}t", "{*}tab", "{*}br")
        text = "".join((part.text or "") if name_of(part) == "t" else " " for part in parts)
        text = text.replace(LABEL_START, "").replace(LABEL_END, " ")
        if text.strip():
            yield " ".join(text.split())
