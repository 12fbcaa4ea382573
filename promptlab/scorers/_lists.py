"""The items of a list as models write it.

    named_items("The teams are **Argentina**, France and Bosnia and Herzegovina.", ["Bosnia and Herzegovina", "Chad"])
    # ["Argentina", "France", "Bosnia and Herzegovina"]

A list is JSON, a Markdown table, lines with bullets or numbers, lines without them, or items in a sentence. An
expected item that is written in full is found before the text is divided, so that `Bosnia and Herzegovina` and
`Smith, John` stay whole; the rest of its part must be empty, so `not France` and `South Korea` are not `France` and
`Korea`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from promptlab.scorers._characters import plain_characters
from promptlab.scorers._json import parse_json_answer
from promptlab.scorers._markdown import without_markdown
from promptlab.scorers._normalise import comparable, plain_text
from promptlab.scorers._scripts import Fit
from promptlab.scorers._words import places

_FIRST = 0xE000
"""Characters of private use stand for the expected items that were found."""
_ITEM = re.compile("[\ue000-\uf8ff]")
_ITEMS_ONLY = re.compile("[\ue000-\uf8ff](?:[ \"'.]*[\ue000-\uf8ff])*")
_BULLET = re.compile(
    r"^[ \t]*(?:(?:[-–*•·‣▪◦●○]|\+(?=[ \t])|\(?(?:\d{1,3}|[A-Za-z]|[ivx]{1,4})[.)])[ \t]+"
    r"|[•·‣▪◦●○][ \t]*|[-–][ \t]*(?=[^\W\d])|\(?\d{1,3}[.)](?=[^\W\d]))(?:\[[xX✓]\][ \t]+)?"
)
_INNER_NUMBER = re.compile("(?:^|(?<=[\\s,;]))\\(?\\d{1,3}[.)][ \t]*(?=[\"']?[\ue000-\uf8ff])")
_CONJUNCTION = re.compile(
    r"(?<![^\W_])(?:as well as|and|und|et|y|e|i|и|og|och|en|plus)(?![^\W_])|[&+]"
    r"|(?<=[\ue000-\uf8ff])[와과と及和、및](?=[ ]?[\ue000-\uf8ff])",
    re.IGNORECASE,
)
_AND = re.compile(r"(?<!\S)(?:and|&)(?!\S)", re.IGNORECASE)
_SEPARATOR = re.compile(
    r"[;\n\t|、；]|,(?!\d{3}(?!\d))| / | (?:>|→) |(?<=[\ue000-\uf8ff])[/,·]|[/,·](?=[\ue000-\uf8ff])|(?<=\s)[•·](?=\s)"
)
_NEGATION = re.compile(
    r"\b(?:no|not|none|never|except|without|but|neither|nor|excluding|unlike|wrong|false)\b|n't\b|[✗✘✖❌🚫⛔👎]",
    re.IGNORECASE,
)
_INTRO = re.compile(
    r"(?:[^:]{0,200}:|[^:]{0,120}\b(?:are|were|is|was|includes?|included|namely|be))\s*(?=\S)", re.IGNORECASE
)
_OUTRO = re.compile(
    "([\ue000-\uf8ff][\"']?) (?:are|were|is|was) (?:the |all |among )[^\ue000-\uf8ff,;]*", re.IGNORECASE
)
_REMARK = re.compile(
    "\\s*([\ue000-\uf8ff])[\"']?(?:\\s*\\(([^()]*)\\)|\\s+[-–]\\s+(.*)|\\s*:\\s+(.*)|\\s*,\\s+(\\d[\\d \\-–]*))?"
    "\\s*[.,;]?",
    re.DOTALL,
)
"""An item with a remark: in brackets, after a dash, after a colon, or a year after a comma."""
_COURTESY = re.compile(
    r"(?:^|(?<=[.!?]))\s*(?:i hope|hope (?:this|that)|let me know|if you (?:need|have|want)|feel free|please let"
    r"|is there anything)\b[^.!?\n]{0,200}[.!?]*",
    re.IGNORECASE | re.MULTILINE,
)
_UNCHECKED = re.compile(r"^([ \t]*[-*+][ \t]+)\[ \][ \t]+", re.MULTILINE)
_TITLE = re.compile(r"\s*(?:#.*|\*\*.*\*\*:?\s*|.*:[*_]*\s*)")
_ROW = re.compile(r"\s*\|?(.*?)\|?\s*")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?(?:\s+[-+]?\d+(?:\.\d+)?)+")
_FLAGS_AND_EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf]")


def named_items(answer: str, expected: list[str]) -> list[str]:
    """The items that the answer lists. Items that are among the expected ones are returned as they are expected."""
    data = _json_items(answer)
    if data is not None:
        return data
    text = _UNCHECKED.sub(r"\1not ", _COURTESY.sub("", plain_characters(answer)))
    lines = [line for line in text.split("\n") if line.strip()]
    column = _table_column(lines)
    if column is not None:
        return column
    bulleted = [bool(_BULLET.match(line)) for line in lines]
    if any(bulleted):
        kept = _around_bullets(lines, bulleted)
        return [item for text in kept for item in _of_line(text, expected)]
    texts = [text for text in (plain_text(line).strip() for line in lines) if text]
    if len(texts) > 1 and texts[0].endswith(":"):
        texts = texts[1:]
    if len(texts) > 1:
        return [item for text in texts for item in _of_sentence(text, expected, one_a_line=True)]
    return _of_sentence(texts[0], expected) if texts else []


def _json_items(answer: str) -> list[str] | None:
    try:
        data = parse_json_answer(answer)
    except ValueError:
        return None
    if isinstance(data, dict) and len(data) == 1:
        (data,) = data.values()
    if not isinstance(data, list):
        return None
    return [_json_item(item) for item in data]


def _json_item(item: Any) -> str:
    if isinstance(item, dict) and len(item) == 1:
        (item,) = item.values()
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _table_column(lines: list[str]) -> list[str] | None:
    """The first column of a Markdown table that is not a count of its rows."""
    rules = [index for index, line in enumerate(lines) if "|" in line and _RULE.fullmatch(line)]
    if len(rules) != 1 or rules[0] == 0:
        return None
    rows = []
    for line in lines[rules[0] + 1 :]:
        if "|" not in line:
            return None
        match = _ROW.fullmatch(line)
        rows.append([cell.strip() for cell in (match[1] if match else line).split("|")])
    for column in range(max(map(len, rows), default=0)):
        cells = [row[column] if column < len(row) else "" for row in rows]
        counts = [str(index) for index in range(1, len(cells) + 1)]
        if [cell.rstrip(".)") for cell in cells] != counts or all(len(row) == 1 for row in rows):
            return [without_markdown(cell).strip() for cell in cells]
    return None


def _around_bullets(lines: list[str], bulleted: list[bool]) -> list[str]:
    """The lines with bullets, and the lines around them but for an introduction or title."""
    kept = []
    for index, (line, bullet) in enumerate(zip(lines, bulleted, strict=True)):
        text = plain_text(_BULLET.sub("", line, count=1) if bullet else line).strip()
        if text and not (not bullet and not any(bulleted[:index]) and _TITLE.fullmatch(line)):
            kept.append(text)
    return kept


def _of_line(text: str, expected: list[str]) -> list[str]:
    """The item of a line with a bullet: the whole line, or what is before a remark (`Argentina – won in 2022`)."""
    marked, items = _marked(text, expected)
    remarked = _remarked(marked, items)
    if remarked:
        return [remarked]
    return _of_sentence(text, expected) if _ITEM.search(marked) else [_unmarked(marked, items)]


def _remarked(marked: str, items: dict[str, str]) -> str | None:
    """The item of a text that is an item, alone or with a remark that does not deny it."""
    remark = _REMARK.fullmatch(marked)
    if not remark or any(_NEGATION.search(part or "") for part in remark.groups()[1:]):
        return None
    return items[remark[1]]


def _of_sentence(text: str, expected: list[str], *, one_a_line: bool = False) -> list[str]:
    marked, items = _marked(text, expected)
    marked = _INNER_NUMBER.sub(" ", marked)
    intro = _INTRO.match(marked)
    if intro and not _ITEM.search(intro[0]) and not _NEGATION.search(intro[0]) and not re.search("[,;]", intro[0]):
        marked = marked[intro.end() :]
    if _NUMBERS.fullmatch(_unmarked(marked, items).strip()):
        return _unmarked(marked, items).split()
    remarked = _remarked(marked, items) if one_a_line else None
    if remarked:
        return [remarked]
    found: list[str] = []
    for part in _parts(marked):
        found += _of_part(part, items)
    return found


def _parts(marked: str) -> list[str]:
    """The parts of a sentence between separators. A comma between parts with semicolons is a part of a name."""
    if ";" in marked:
        outer = [part for part in re.split(r"[;\n]", marked) if part.strip()]
        return [piece for part in outer for piece in (_SEPARATOR.split(part) if _ITEM.search(part) else [part])]
    parts: list[str] = []
    for part in _SEPARATOR.split(marked):
        parts += _AND.split(part)
    return parts


def _of_part(part: str, items: dict[str, str]) -> list[str]:
    text = _CONJUNCTION.sub(" ", part) if _ITEM.search(part) else part
    if _ITEM.search(part) and not _NEGATION.search(part):
        text = _FLAGS_AND_EMOJI.sub("", text)
    text = re.sub("^ *both (?=[\ue000-\uf8ff])", "", text, flags=re.IGNORECASE)
    text = re.sub(r"^[\s\"'.,(\[{]+|[\s\"'.,\]}!]+$", "", text)
    text = text[:-1] if text.endswith(")") and "(" not in text else text
    outro = _OUTRO.fullmatch(text)
    if outro and not _NEGATION.search(text):
        text = outro[1]
    remark = _REMARK.fullmatch(text)
    if remark and (
        (remark[2] is not None and not _NEGATION.search(remark[2]))
        or re.fullmatch(r"\d[\d –-]*", remark[3] or remark[4] or "")
    ):
        text = remark[1]
    if _ITEMS_ONLY.fullmatch(text):
        return [items[character] for character in text if character in items]
    return [_unmarked(text, items)] if text else []


def _marked(text: str, expected: list[str]) -> tuple[str, dict[str, str]]:
    """The text with one character for each expected item, and the items by these characters. Longer items go first."""
    items = {chr(_FIRST + index): item for index, item in enumerate(dict.fromkeys(expected))}
    text = _ITEM.sub("\ufffd", text)
    for character, item in sorted(items.items(), key=lambda pair: -len(pair[1])):
        spellings = {item, re.sub(r"\band\b", "&", item), re.sub(r"(?<!\S)&(?!\S)", "and", item)}
        found = {place for spelling in spellings for place in places(text, spelling) if place.fit is Fit.YES}
        spans = sorted((place.start, place.end) for place in found)
        for start, end in reversed(spans):
            if not _ITEM.search(text[start:end]):
                text = text[:start] + character + text[end:]
    return text, items


def _unmarked(text: str, items: dict[str, str]) -> str:
    return _ITEM.sub(lambda match: items.get(match[0], match[0]), text)


def key(item: str) -> str:
    """What two equal items have in common. Numbers are equal by value (`1,000` and `1000.0`), texts as in `exact`, and
    `&` is "and"."""
    plain = re.sub(r"(?<!\S)&(?!\S)", "and", comparable(item))
    number = plain.replace(",", "") if re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain) else plain
    if re.fullmatch(r"[-+]?\d{1,15}(?:\.\d+)?", number):
        whole, _, fraction = number.lstrip("+").partition(".")
        return f"{whole}.{fraction.rstrip('0')}".rstrip(".")
    return plain
