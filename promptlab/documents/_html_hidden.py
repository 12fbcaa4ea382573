"""What a web page does not show: `display: none`, `visibility: hidden`, `hidden`, `aria-hidden`, `<style>` rules.

A page can carry text that no reader sees, to mislead a model or left over from a menu.
"""

from __future__ import annotations

import re

import soupsieve
from bs4 import BeautifulSoup, Tag

from promptlab.documents._left_out import Counts

_NO_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.IGNORECASE)
_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*([\w-]+)", re.IGNORECASE)
_INVISIBLE = re.compile(r"(?:^|;)\s*visibility\s*:\s*(?:hidden|collapse)\b", re.IGNORECASE)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
MOST_RULES = 500


def remove_hidden(soup: BeautifulSoup, counts: Counts) -> None:
    """Take out the elements that the page does not show, and count those that have text."""
    by_rule = _hidden_by_rules(soup)
    for tag in soup.find_all(True):
        if not is_gone(tag) and (_is_hidden(tag) or (id(tag) in by_rule and not _shown_inline(tag))):
            if tag.get_text(strip=True):
                counts.add("hidden text", "is left out")
            tag.decompose()


def is_gone(tag: Tag) -> bool:
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
    rules = 0
    for style in soup.find_all("style"):
        text = re.sub(r"/\*.*?\*/", "", style.get_text(), flags=re.DOTALL)
        for selector, body in _RULE.findall(_without_at_rules(text)):
            display = _DISPLAY.findall(body) or (["none"] if _INVISIBLE.search(body) else [])
            if not display or ":" in selector:
                continue
            rules += 1
            if rules > MOST_RULES:
                return hidden
            try:
                tags = {id(tag) for tag in soup.select(selector.strip())}
            except (soupsieve.SelectorSyntaxError, NotImplementedError):
                continue
            hidden = hidden | tags if display[-1].lower() == "none" else hidden - tags
    return hidden


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
