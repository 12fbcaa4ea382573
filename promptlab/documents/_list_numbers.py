"""The numbers of HTML lists: `start`, `value`, `reversed`, letters and Roman numbers.

markers(soup.ol)                                    # ["5.", "9."]
"""

from __future__ import annotations

import re

from bs4 import Tag

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_STYLES = {
    "lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "upper-latin": "A", "lower-roman": "i",
    "upper-roman": "I", "decimal": "1", "none": "-", "disc": "-", "circle": "-", "square": "-",
}  # fmt: skip


def markers(items: Tag) -> list[str]:
    """The marker of each item of the list `items`, such as `-`, `5.` or `iv.`"""
    entries = items.find_all("li", recursive=False)
    style = re.search(r"list-style(?:-type)?\s*:\s*([\w-]+)", str(items.get("style", "")))
    kind = _STYLES.get(style[1], "") if style else ""
    if items.name != "ol":
        kind = kind or "-"
    backwards = items.has_attr("reversed")
    number = _whole(items.get("start"), len(entries) if backwards else 1)
    found = []
    for entry in entries:
        number = _whole(entry.get("value"), number)
        found.append(_marker(number, str(entry.get("type") or "") or kind or str(items.get("type") or "1")))
        number += -1 if backwards else 1
    return found


def _whole(text: object, default: int) -> int:
    return int(text) if isinstance(text, str) and re.fullmatch(r"\s*[+-]?\d{1,9}\s*", text) else default


def _marker(number: int, kind: str) -> str:
    if kind == "-" or kind in ("disc", "circle", "square"):
        return "-"
    if kind in ("a", "A") and number > 0:
        text = letters(number)
    elif kind in ("i", "I") and 0 < number < 4000:
        text = roman(number)
    else:
        text = str(number)
    return (text.upper() if kind.isupper() else text) + "."


def letters(number: int) -> str:
    """1 is a, 26 is z, 27 is aa."""
    text = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def roman(number: int) -> str:
    """4 is iv."""
    text = ""
    for value, letter in _ROMAN:
        text += letter * (number // value)
        number %= value
    return text
