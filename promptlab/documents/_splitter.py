"""Splitting a document into passages, at its headings and between its paragraphs.

    markdown_sections(text)[3].headings    # ("2022 World Cup", "Final")
    split_passages(text)                            # passages of about 800 characters

No character is changed or lost: the passages joined give the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SIZE = 800
"""Target length of a passage, in characters. A single paragraph may be twice as long."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Characters `start` to `end` (exclusive) of a document, under `headings`, outermost first.

    `score` is the BM25 score for the question, if passages were chosen by similarity.
    """

    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    score: float | None = None


_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(\S.*?)[ \t]*#*[ \t\r]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def _headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, level and text of each Markdown heading. Lines in code blocks are not headings."""
    at, fence = 0, ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not line[mark.end() :].strip())):
            fence = "" if fence else mark[1]
        elif not fence and (heading := _HEADING.match(line)):
            yield at, len(heading[1]), heading[2]
        at += len(line) + 1


def markdown_sections(text: str) -> list[Passage]:
    """The section of each heading: from the heading to the next one of its level or above, with subsections."""
    headings = list(_headings(text))
    parts: list[Passage] = []
    path: list[tuple[int, str]] = []
    for number, (start, level, words) in enumerate(headings):
        path = [*(entry for entry in path if entry[0] < level), (level, words)]
        end = next((later for later, above, _ in headings[number + 1 :] if above <= level), len(text))
        parts.append(Passage(start, end, text[start:end], tuple(words for _, words in path)))
    return parts


def smallest_sections(text: str) -> list[Passage]:
    """The text split at every heading, without overlaps: each character is in exactly one part."""
    parts = markdown_sections(text)
    starts = [0, *(part.start for part in parts)]
    headings: list[tuple[str, ...]] = [(), *(part.headings for part in parts)]
    ends = [*starts[1:], len(text)]
    return [Passage(s, e, text[s:e], h) for s, e, h in zip(starts, ends, headings, strict=True) if s < e]


def split_passages(text: str, size: int = SIZE) -> list[Passage]:
    """The text split into passages of about `size` characters, in order. Each character is in exactly one passage.

    Passages begin at headings and paragraphs. Only a paragraph of more than twice the size is cut inside: after its
    last line, sentence or word that fits.
    """
    passages: list[Passage] = []
    for leaf in smallest_sections(text):
        start = leaf.start
        at = start
        for paragraph in re.finditer(r"(?:(?!\n[ \t\r]*\n).)*(?:\n[ \t\r]*\n\s*|\Z)", leaf.text, re.DOTALL):
            end = leaf.start + paragraph.end()
            if end - start > size and at > start:
                passages.append(Passage(start, at, text[start:at], leaf.headings))
                start = at
            while end - start > 2 * size:
                cut = start + _cut(text[start : start + size])
                passages.append(Passage(start, cut, text[start:cut], leaf.headings))
                start = cut
            at = end
        if start < leaf.end:
            passages.append(Passage(start, leaf.end, text[start : leaf.end], leaf.headings))
    return passages


def _cut(text: str) -> int:
    """The position to cut a long text: after the last line, sentence or word in its second half."""
    half = len(text) // 2
    for mark in ("\n", ". ", "。", " "):
        place = text.rfind(mark, half)
        if place >= 0:
            return place + len(mark)
    return len(text)
