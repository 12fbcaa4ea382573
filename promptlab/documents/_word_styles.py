"""The styles of a Word document: what a paragraph or run has from its style and the styles that it is based on.

styles = Styles(package.xml("word/styles.xml"))
styles.property("Heading2", "outlineLvl")           # the element, its own or inherited
styles.heading_level("MyHeading")                   # 2, if it is based on `heading 2`
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from promptlab.documents._office_package import attribute


def child(element: Any, *path: str) -> Any:
    """The first child by this path of names, or None."""
    for name in path:
        element = element.find(f"{{*}}{name}") if element is not None else None
    return element


def value(element: Any, *path: str) -> str | None:
    """The `w:val` of the child by this path. An element without one is "1". None if there is no such element."""
    found = child(element, *path)
    return None if found is None else attribute(found, "val", "1")


def is_on(text: str | None) -> bool:
    """If a switch such as `w:vanish` is on."""
    return text is not None and text not in ("0", "false", "off", "none")


class Styles:
    """The styles in `root`, the root of styles.xml; None for a document without them."""

    def __init__(self, root: Any) -> None:
        entries = root.iterfind("{*}style") if root is not None else ()
        self._styles = {attribute(entry, "styleId", "") or "": entry for entry in entries}
        self._default = next(
            (id_ for id_, entry in self._styles.items()
             if attribute(entry, "type") == "paragraph" and attribute(entry, "default") == "1"),
            "",
        )  # fmt: skip
        self.property = cache(self._property)
        self.heading_level = cache(self._heading_level)

    def chain(self, style: str | None) -> list[Any]:
        """The style, the one that it is based on, and so on. Without a style: the default one."""
        key: str | None = style or self._default
        chain: list[Any] = []
        while key in self._styles and self._styles[key] not in chain:
            chain.append(self._styles[key])
            key = value(chain[-1], "basedOn")
        return chain

    def _property(self, style: str | None, group: str, name: str) -> Any:
        """The element `name` in the group `pPr` or `rPr` of the style or one that it is based on."""
        return next((found for entry in self.chain(style) if (found := child(entry, group, name)) is not None), None)

    def _heading_level(self, style: str | None) -> int:
        """1 for a style based on `heading 1` and so on; 0 for text."""
        for entry in self.chain(style) if style else ():
            if match := re.fullmatch(r"heading ([1-9])", (value(entry, "name") or "").lower()):
                return int(match[1])
            if (level := value(entry, "pPr", "outlineLvl")) is not None:
                return int(level) + 1 if level in set("012345678") else 0
        return 0
