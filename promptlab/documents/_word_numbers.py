"""The numbers that Word shows before paragraphs: `3.`, `b)`, `2.1.4`, `Article IV`.

numbers = Numbers(package.xml("word/numbering.xml"), styles)
numbers.label(paragraph)                            # "2.1.", empty for a bullet or a paragraph without number
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from promptlab.documents._list_numbers import letters, roman
from promptlab.documents._office_package import attribute
from promptlab.documents._word_styles import Styles, child, value

_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


class Numbers:
    """Counts the numbered paragraphs of a document, which must be asked for in their order."""

    def __init__(self, root: Any, styles: Styles) -> None:
        self._styles = styles
        self._lists: dict[str, Any] = {}
        self._nums: dict[str, Any] = {}
        if root is not None:
            self._lists = {attribute(one, "abstractNumId", "") or "": one for one in root.iterfind("{*}abstractNum")}
            self._nums = {attribute(one, "numId", "") or "": one for one in root.iterfind("{*}num")}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._started: set[tuple[str, int]] = set()

    def label(self, paragraph: Any) -> str:
        """The number before `paragraph`, which is then counted."""
        number, level = self.place(paragraph)
        num = self._nums.get(number or "")
        if num is None:
            return ""
        key = self._list_of(num)
        if (definition := self._level(num, key, level)) is None:
            return ""
        counts = self._counts[key]
        start = int(value(definition, "start") or 1)
        override = self._override(num, level, "startOverride")
        if override is not None and (number or "", level) not in self._started:
            counts[level] = int(attribute(override, "val") or 1)
        else:
            counts[level] = counts[level] + 1 if level in counts else start
        self._started.add((number or "", level))
        for deeper in [one for one in counts if one > level]:
            restart = self._level(num, key, deeper)
            if restart is None or value(restart, "lvlRestart") != "0":
                del counts[deeper]
        return self._written(num, key, definition, counts)

    def place(self, paragraph: Any) -> tuple[str | None, int]:
        """The number id and the level of a paragraph, its own or those of its style."""
        own = child(paragraph, "pPr", "numPr")
        style = value(paragraph, "pPr", "pStyle")
        inherited = self._styles.property(style, "pPr", "numPr")
        number = value(own, "numId") or value(inherited, "numId")
        level = value(own, "ilvl") or value(inherited, "ilvl")
        if level is None and number in self._nums and own is None:
            level = self._level_of_style(number, style)
        return (None if number == "0" else number), int(level or 0)

    def _level_of_style(self, number: str | None, style: str | None) -> str | None:
        definition = self._lists.get(self._list_of(self._nums[number or ""]))
        levels = definition.iterfind("{*}lvl") if definition is not None else ()
        return next((attribute(one, "ilvl") for one in levels if value(one, "pStyle") == style), None)

    def _list_of(self, num: Any) -> str:
        """The id of the list definition. One can stand for the definition of a style."""
        key = value(num, "abstractNumId") or ""
        link = value(self._lists.get(key), "numStyleLink")
        if link is not None:
            linked = self._nums.get(value(self._styles.property(link, "pPr", "numPr"), "numId") or "")
            key = (value(linked, "abstractNumId") or key) if linked is not None else key
        return key

    def _override(self, num: Any, level: int, name: str) -> Any:
        overrides = (one for one in num.iterfind("{*}lvlOverride") if attribute(one, "ilvl") == str(level))
        return next((child(one, name) for one in overrides), None)

    def _level(self, num: Any, key: str, level: int) -> Any:
        definition = self._override(num, level, "lvl")
        if definition is None and key in self._lists:
            levels = self._lists[key].iterfind("{*}lvl")
            definition = next((one for one in levels if attribute(one, "ilvl") == str(level)), None)
        return definition

    def _written(self, num: Any, key: str, definition: Any, counts: dict[int, int]) -> str:
        if value(definition, "numFmt") == "bullet":
            return ""
        plain = child(definition, "isLgl") is not None

        def number(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            level = self._level(num, key, at)
            style = "decimal" if plain or level is None else value(level, "numFmt") or "decimal"
            start = int(value(level, "start") or 1) if level is not None else 1
            return in_format(counts.setdefault(at, start), style)

        return re.sub(r"%([1-9])", number, value(definition, "lvlText") or "").strip()


def in_format(number: int, style: str) -> str:
    """A number in one of Word's formats. One that is not known here is written in digits."""
    if style in ("lowerLetter", "upperLetter") and number > 0:
        # after z Word writes aa, bb, cc
        text = letters((number - 1) % 26 + 1) * ((number - 1) // 26 + 1)
        return text.upper() if style == "upperLetter" else text
    if style in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return roman(number).upper() if style == "upperRoman" else roman(number)
    if style == "decimalZero":
        return f"{number:02}"
    if style == "ordinal":
        ending = "th" if number % 100 in (11, 12, 13) else _ORDINALS.get(number % 10, "th")
        return f"{number}{ending}"
    return "" if style == "none" else str(number)
