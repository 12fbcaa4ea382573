"""What a web page does not show: `display: none`, `visibility: hidden`, `hidden`, `aria-hidden`, `<style>` rules.

A page can carry text that no reader sees, to mislead a model or left over from a menu.
"""

from __future__ import annotations

import re

import soupsieve
from bs4 import BeautifulSoup, Tag
from bs4.element import PageElement

from promptlab.documents._left_out import Counts

_NO_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.IGNORECASE)
_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*([\w-]+)", re.IGNORECASE)
_INVISIBLE = re.compile(r"(?:^|;)\s*visibility\s*:\s*(?:hidden|collapse)\b", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
MOST_TRIES = 200_000
"""Of a rule on an element: half a minute at the worst."""


def remove_hidden(soup: BeautifulSoup, counts: Counts) -> None:
    """Take out the elements that the page does not show, and count those that have text."""
    by_rule = _hidden_by_rules(soup)
    for tag in soup.find_all(True):
        if not is_gone(tag) and (_is_hidden(tag) or (id(tag) in by_rule and not _shown_inline(tag))):
            if tag.get_text(strip=True):
                counts.add("hidden text", "is left out")
            tag.decompose()


def is_gone(tag: PageElement) -> bool:
    """True if `tag`, or one around it, was taken out. (bs4's own `decomposed` searches the whole tag each time.)"""
    return "_decomposed" in vars(tag)


def _is_hidden(tag: Tag) -> bool:
    style = str(tag.get("style", ""))
    return (
        bool(_NO_DISPLAY.search(style) or _INVISIBLE.search(style))
        or (tag.has_attr("hidden") and tag.get("hidden") != "until-found")
        or str(tag.get("aria-hidden", "")).lower() == "true"
        or (tag.name == "dialog" and not tag.has_attr("open"))
    )


def _shown_inline(tag: Tag) -> bool:
    return bool(_DISPLAY.search(str(tag.get("style", ""))))


def _hidden_by_rules(soup: BeautifulSoup) -> set[int]:
    """The elements that the `<style>` rules of the page hide. Of two rules for one element the last counts."""
    hidden: set[int] = set()
    index: dict[str, list[Tag]] | None = None
    tries = 0
    for style in soup.find_all("style"):
        text = re.sub(r"/\*.*?\*/", "", style.get_text(), flags=re.DOTALL)
        for selectors, body in _RULE.findall(_without_at_rules(text)):
            display = _DISPLAY.findall(body) or (["none"] if _INVISIBLE.search(body) else [])
            if not display:
                continue
            hides = display[-1].lower() == "none"
            index = _by_name(soup) if index is None else index
            for selector in selectors.split(","):
                candidates = [tag for tag in index.get(_last_name(selector), ()) if hides or id(tag) in hidden]
                tries += len(candidates)
                if tries > MOST_TRIES:
                    return hidden
                matching = _matching(selector.strip(), candidates)
                hidden = hidden | matching if hides else hidden - matching
    return hidden


def _by_name(soup: BeautifulSoup) -> dict[str, list[Tag]]:
    """The elements with each name, class and id: `p`, `.menu`, `#top`.

    Trying each rule on all of them takes minutes.
    """
    index: dict[str, list[Tag]] = {}
    for tag in soup.find_all(True):
        classes = tag.get_attribute_list("class")
        names = [tag.name, *(f".{name}" for name in classes if name)]
        for name in [*names, f"#{tag.get('id')}"]:
            index.setdefault(name, []).append(tag)
    return index


def _last_name(selector: str) -> str:
    """A name that the elements of a selector have: `#top` of `div > p#top`. Empty for a state such as `:hover`."""
    if ":" in selector:
        return ""
    last = re.split(r"[\s>+~]+", selector.strip())[-1]
    names = re.findall(r"[.#]?[\w-]+", re.sub(r"\[[^\]]*\]", "", last))
    return max(names, key=lambda name: (name[0] == "#", name[0] == "."), default="")


def _matching(selector: str, candidates: list[Tag]) -> set[int]:
    if not candidates:
        return set()
    try:
        compiled = soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, NotImplementedError):
        return set()
    return {id(tag) for tag in candidates if compiled.match(tag)}


def _without_at_rules(text: str) -> str:
    """CSS without `@media` and the like: these rules hold in some windows only."""
    kept, depth, skipped = [], 0, False
    for piece in re.split(r"([{};]|@)", text):
        if piece == "@" and depth == 0:
            skipped = True
        if not skipped:
            kept.append(piece)
        depth += (piece == "{") - (piece == "}")
        if skipped and depth == 0 and piece in ("}", ";"):
            skipped = False
    return "".join(kept)
