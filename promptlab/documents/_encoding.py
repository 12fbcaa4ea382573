"""Text files and HTML pages from bytes to text.

    decode_text("Käse".encode("utf-16"), "notes.txt")        # by the byte order mark
    decode_html(b'<meta charset="sjis">...')                 # by the encoding that the page declares

An encoding is never guessed. Text is decoded if it is valid UTF-8, has a byte order mark, or can only be UTF-16 or
UTF-32. Other text is refused with the most likely encoding, which the author can then name in promptlab.yaml.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from html.parser import HTMLParser

from promptlab.documents import _whatwg as whatwg
from promptlab.documents._refused import Refused

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\0\0", "utf-32-le"),  # before UTF-16, whose mark it begins with
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_LIKELY = re.findall(  # without the DOS and Macintosh encodings, which hardly any file has today
    r"\S+",
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp874 koi8_r cp932 euc_jp gb18030 big5hkscs cp949",
)
WAY_OUT = "save it as UTF-8"
_WRONG = "it is damaged or in another encoding: correct the encoding that is declared, or save it as UTF-8"


class Undecodable(Refused):
    """The bytes are not text in the encoding. `line` is the first line with such a byte, None if it is unknown."""

    def __init__(self, message: str, hint: str, line: int | None = None) -> None:
        super().__init__(message, hint)
        self.line = line


def decode_text(raw: bytes, label: str | None = None) -> str:
    """The text of a file without a declared encoding; `label` is the one that promptlab.yaml names for it."""
    text = _by_mark(raw)
    if text is None and label is not None:
        text = _by_label(raw, label)
    return _checked(_without_declaration(raw) if text is None else text)


def decode_html(raw: bytes) -> str:
    """The text of a page, by its byte order mark, else by the encoding that it declares, else as `decode_text` does."""
    text = _by_mark(raw)
    if text is None:
        label = None if _wide(raw) else declared_encoding(raw)
        text = _without_declaration(raw) if label is None else _by_label(raw, label)
    return _PROLOG_OF_TEXT.sub("", _checked(text))


def _by_mark(raw: bytes) -> str | None:
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return _strict(raw, len(mark), partial(str, encoding=codec), codec)
    return None


def _by_label(raw: bytes, label: str) -> str:
    decoder = whatwg.decoder(label)
    if decoder is None:
        raise Undecodable(f"is in the encoding `{label}`, which browsers do not read", WAY_OUT)
    name = decoder.name if decoder.name == label.lower() else f"{label} ({decoder.name})"
    text = _strict(raw, 0, decoder, name)
    control = None if decoder.name == "utf-8" else re.search("[\x80-\x9f]", text)
    if control:
        # The tables have these for bytes without a meaning. They are in no text, so the encoding is another one.
        line = text.count("\n", 0, control.start()) + 1
        raise Undecodable(f"is not {name} text: it has the control character U+{ord(control[0]):04X}", _WRONG, line)
    return text


def _without_declaration(raw: bytes) -> str:
    codec = _wide(raw)
    if codec:
        return raw.decode(codec)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise Undecodable("not UTF-8 text", _candidate(raw, exc.start), line) from exc


def _strict(raw: bytes, start: int, decode: Callable[[bytes], str], name: str) -> str:
    try:
        return decode(raw[start:])
    except UnicodeDecodeError as exc:
        at = start + exc.start
        line = raw.count(b"\n", 0, at) + 1
        raise Undecodable(f"is not valid {name} text: it has the byte 0x{raw[at]:02x}", _WRONG, line) from exc


def _checked(text: str) -> str:
    """`text`, if it has no NUL characters."""
    count = text.count("\0")
    if count:
        hint = "it is no text, or damaged; `tr -d '\\000' < FILE > NEW` removes them"
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Undecodable(f"has NUL characters ({count:,}), which no text has", hint, line)
    return text


# Text in UTF-16 or UTF-32 without a mark


def _wide(raw: bytes) -> str | None:
    """The codec of text that can only be UTF-16 or UTF-32. None for any other text, and where there is doubt."""
    if b"\0" not in raw or raw.startswith(tuple(mark for mark, _ in _MARKS)):
        return None  # no other encoding of text has NUL bytes
    fits = [codec for codec in ("utf-32-le", "utf-32-be") if len(raw) % 4 == 0 and _is_text(_try(raw, codec))]
    fits = fits or [codec for codec in ("utf-16-le", "utf-16-be") if len(raw) % 2 == 0 and _is_prose(_try(raw, codec))]
    return fits[0] if len(fits) == 1 else None


def _try(raw: bytes, codec: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return ""


def _is_text(text: str) -> bool:
    return bool(text) and not any(
        unicodedata.category(char) in ("Cc", "Cn", "Co", "Cs") and char not in "\t\n\v\f\r" for char in set(text)
    )


_EAST_ASIAN = re.compile("[\u3001-\u30ff\uac00-\ud7a3\uff01-\uff5e]")  # kana, Hangul, and punctuation
_IDEOGRAPHS = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")


def _is_prose(text: str) -> bool:
    """True if `text` is mostly of the Latin script, or entirely of one other script and ASCII.

    Two bytes of text in another encoding, taken as one unit, give rare characters of many scripts.
    """
    if not _is_text(text):
        return False
    wide = [char for char in text if char > "\xff"]
    if len(wide) * 2 <= len(text):
        return True
    if sum(ord(char) % 256 == 0 for char in wide) * 2 > len(wide):
        return False  # Latin letters in the other byte order
    ideographs = sum(bool(_IDEOGRAPHS.match(char)) for char in wide)
    if ideographs:
        return ideographs == len(wide) and bool(_EAST_ASIAN.search(text))
    scripts = {unicodedata.name(char, "").split(" ")[0] for char in set(wide) if char.isalpha()}
    return len(scripts) == 1


# Encodings of other text


def _candidate(raw: bytes, at: int) -> str:
    """What to do about text in an unknown encoding. It shows how the text reads in the most likely one."""
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return WAY_OUT
    sample = raw[max(0, at - 20_000) : at + 50_000]
    best = from_bytes(sample, cp_isolation=_LIKELY).best()
    if best is None:
        return WAY_OUT
    # Western Europe's encoding is the most frequent, and many texts read the same in its neighbours.
    codec = "cp1252" if sample.decode("cp1252", "ignore") == str(best) else best.encoding
    name = _LABELS.get(codec, codec)
    start = raw.rfind(b"\n", 0, at) + 1
    line = raw[max(start, at - 30) : at + 30].split(b"\n")[0].decode(codec, "ignore").strip()
    return (
        f"if “{line}” is right, its encoding is {name}: {WAY_OUT}, "
        f"or name {name} for it under `encodings` in promptlab.yaml"
    )


_LABELS = {
    **{f"cp{number}": f"windows-{number}" for number in (874, *range(1250, 1259))},
    "koi8_r": "koi8-r",
    "cp932": "shift_jis",
    "euc_jp": "euc-jp",
    "big5hkscs": "big5",
    "cp949": "euc-kr",
}


# The encoding that a page declares


_PROLOG = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([^"'>]+)["']""")
_PROLOG_OF_TEXT = re.compile(r"\A\s*<\?xml\b[^>]*>")
_LOOKED_THROUGH = 1_000_000


def declared_encoding(raw: bytes) -> str | None:
    """The encoding that a page declares in `<meta>`, else in its XML prolog, as browsers read it, else None."""
    prolog = _PROLOG.match(raw[:1024].lstrip())
    label = (_declared_in_meta(raw) or (prolog[1].decode("latin-1") if prolog else "")).strip().lower()
    if not label:
        return None
    encoding = whatwg.decoder(label)
    # As in browsers: a declaration that was read as ASCII is not in UTF-16, and `x-user-defined` means Windows-1252.
    name = encoding.name if encoding else ""
    return "utf-8" if name.startswith("utf-16") else "windows-1252" if name == "x-user-defined" else label


def _declared_in_meta(raw: bytes) -> str | None:
    finder = _MetaFinder()
    for start in range(0, min(len(raw), _LOOKED_THROUGH), 1024):
        finder.feed(raw[start : start + 1024].decode("latin-1"))
        if finder.label or (start == 0 and b"charset" not in raw.lower()):
            break
    return finder.label


class _MetaFinder(HTMLParser):
    """Finds the first `<meta charset>` or `<meta http-equiv="content-type">` outside of comments and scripts."""

    label: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta" or self.label:
            return
        values = {name: value or "" for name, value in reversed(attrs)}
        label = values.get("charset", "")
        if not label and values.get("http-equiv", "").strip().lower() == "content-type":
            named = re.search(
                r"""charset\s*=\s*("[^"]*"|'[^']*'|[^\s;"']+)""", values.get("content", ""), re.IGNORECASE
            )
            label = named[1].strip("\"'") if named else ""
        self.label = label or None
