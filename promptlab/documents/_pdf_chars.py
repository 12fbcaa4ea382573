"""The characters of a PDF page with their places, from PDFium."""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

UNREADABLE = "\ufffd"
"""Stands for a character that the font does not name."""


@dataclass(frozen=True, slots=True)
class Char:
    """A character. `left` and `right` are measured along its line, `base` (the baseline) and `height` across."""

    text: str
    left: float
    right: float
    base: float
    height: float
    turn: float = 0.0
    """The direction of writing: radians counterclockwise from left to right."""
    x: float = 0.0
    y: float = 0.0
    """The place of its middle on the page."""


def read_chars(page: Any) -> tuple[list[Char | str], int]:
    """The characters of a page in the order of the file. Spaces and line breaks are strings.

    The number is that of the pieces of text that PDFium cannot read: some of those that are written from top to bottom.
    """
    import pypdfium2.raw as pdfium

    lost = _widen_upright_text(pdfium, page)
    text = page.get_textpage()
    try:
        reader = _Reader(pdfium, text)
        chars = [reader.read(index) for index in range(pdfium.FPDFText_CountChars(text))]
        if reader.guesses_are_wrong():
            for index in reader.guessed:
                char = chars[index]
                chars[index] = replace(char, text=UNREADABLE) if isinstance(char, Char) else char
        return chars, lost
    finally:
        text.close()


def _widen_upright_text(pdfium: Any, page: Any) -> int:
    """Make columns of upright writing a hair wider than nothing: PDFium leaves out all text that has no width.

    Returns the number of single characters without width and height, which stay left out. Spaces have neither too, but
    do not stand below each other.
    """
    lost = column = 0
    last = 0.0
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        shown = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(shown) == pdfium.FPDF_PAGEOBJ_TEXT:
            pdfium.FPDFPageObj_GetBounds(shown, left, bottom, right, top)
            nothing = right.value - left.value < 0.02 and top.value - bottom.value < 0.02
            column = column + 1 if nothing and abs(left.value - last) < 0.5 else 0
            lost += 5 if column == 4 else column > 4
            last = left.value if nothing else 0.0
            if right.value - left.value < 0.02 and not nothing:
                slant = 0.05 / (top.value - bottom.value)
                pdfium.FPDFPageObj_Transform(shown, 1, 0, slant, 1, -slant * bottom.value, 0)
    return lost


class _Reader:
    def __init__(self, pdfium: Any, text: Any) -> None:
        self.pdfium, self.text = pdfium, text
        self.guessed: dict[int, int] = {}
        """The characters that the font does not name, and the numbers of their glyphs."""
        self.box, self.x, self.y = pdfium.FS_RECTF(), ctypes.c_double(), ctypes.c_double()

    def read(self, index: int) -> Char | str:
        code = self.pdfium.FPDFText_GetUnicode(self.text, index)
        if self.pdfium.FPDFText_HasUnicodeMapError(self.text, index) == 1:
            self.guessed[index] = code
        if code in (0x20, 0xA0, 0x09):
            return " "
        if code in (0x0A, 0x0D):
            return "\n"
        char = self._character(code, index)
        self.pdfium.FPDFText_GetLooseCharBox(self.text, index, self.box)
        self.pdfium.FPDFText_GetCharOrigin(self.text, index, self.x, self.y)
        clockwise = self.pdfium.FPDFText_GetCharAngle(self.text, index)
        left, bottom, right, top = self.box.left, self.box.bottom, self.box.right, self.box.top
        middle = (left + right) / 2, (bottom + top) / 2
        if not clockwise:
            return Char(char, left, right, self.y.value, top - bottom, 0.0, *middle)
        return _turned(char, (left, bottom, right, top), (self.x.value, self.y.value), -clockwise)

    def guesses_are_wrong(self) -> bool:
        """True unless the numbers of the glyphs are clearly those of letters.

        They are if they contain spaces, if the vowels among them are as frequent as in text, or if all are Chinese.
        """
        text = "".join(chr(min(code, 0x10FFFF)) for code in self.guessed.values())
        if any(readable(char) == UNREADABLE for char in set(text)):
            return True
        letters = Counter(char for char in text.lower() if char.isalpha())
        vowels = sum(letters[vowel] for vowel in "aeiou")
        like_words = letters.total() >= 20 and vowels > 0.3 * letters.total()
        return bool(text) and " " not in text and not like_words and not _CHINESE.fullmatch(text)

    def _character(self, code: int, index: int) -> str:
        if code == 0x02:  # PDFium's sign for a hyphen at the end of a line
            return "-"
        if code == 0xAD or self.pdfium.FPDFText_IsGenerated(self.text, index):
            return chr(code)
        if code < 0x20 or code >= 0x110000:
            return UNREADABLE
        return readable(chr(code))


def _turned(text: str, box: tuple[float, float, float, float], origin: tuple[float, float], angle: float) -> Char:
    """A character that is written at an `angle`."""
    along, across = math.cos(angle), math.sin(angle)
    corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    us = [x * along + y * across for x, y in corners]
    vs = [-x * across + y * along for x, y in corners]
    base = -origin[0] * across + origin[1] * along
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    if min(abs(along), abs(across)) > 0.02:
        # Slanted: the box is wider than the character, whose place is known only from its origin.
        start, size = origin[0] * along + origin[1] * across, (max(vs) - min(vs)) / 2
        return Char(text, start, start + size, base, size, round(angle, 2), *middle)
    return Char(text, min(us), max(us), base, max(vs) - min(vs), round(angle, 1), *middle)


_CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uff5e]{5,}")
_BULLETS = dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\uf0fc\uf06e\uf06c", "•")
"""The bullets of the fonts Symbol and Wingdings, whose characters have codes for private use."""


def readable(char: str) -> str:
    """`char` as text has it: ligatures and presentation forms are written out, codes without a meaning are marked."""
    if "\ue000" <= char <= "\uf8ff" or char > "\U000effff":
        return _BULLETS.get(char, UNREADABLE)
    if "\ufb00" <= char <= "\ufdff" or "\ufe70" <= char <= "\ufefc":
        return unicodedata.normalize("NFKC", char)
    if unicodedata.category(char) in ("Cc", "Cs", "Cn"):
        return UNREADABLE
    return char
