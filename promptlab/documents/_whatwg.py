"""Decoders for the encodings that web browsers know, by the labels and tables of the WHATWG Encoding Standard.

    decoder("Shift_JIS")(b"\\x87@")        # "①": the label means Windows-31J, as in every browser
    decoder("gb2312").name                 # "gbk"

The labels come from `webencodings`, most tables from Python. Where Python's table differs from the standard, it is
mended here; `benchmarks.encodings` compares every sequence of bytes with another implementation of the standard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from promptlab.errors import ReaderMissing


@dataclass(frozen=True, slots=True)
class Decoder:
    """An encoding, by its name in the standard. Calling it raises `UnicodeDecodeError` for bytes that are not of it."""

    name: str
    _decode: Callable[[bytes], str]

    def __call__(self, raw: bytes) -> str:
        return self._decode(raw)


def decoder(label: str) -> Decoder | None:
    """The decoder that browsers use for `label`. None if they do not know it, or refuse it, such as `hz-gb-2312`."""
    try:
        import webencodings
    except ImportError as exc:
        message = "reading encodings other than UTF-8 and UTF-16 needs webencodings"
        raise ReaderMissing(message, hint="pip install 'promptlab[documents]'") from exc
    encoding = webencodings.lookup(label)
    if encoding is None or encoding.name == "replacement":
        return None
    codec = encoding.codec_info
    return Decoder(encoding.name, _OWN.get(encoding.name) or (lambda raw: str(codec.decode(raw, "strict")[0])))


def _koi8_u(raw: bytes) -> str:
    return raw.decode("koi8-u").translate({0x255D: "ў", 0x256C: "Ў"})


def _windows_1255(raw: bytes) -> str:
    return "\u05ba".join(part.decode("cp1255") for part in raw.split(b"\xca"))


_GB_PRIVATE = str.maketrans(
    "\ue7c7\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
    "ḿ　︐︒︑︓︔︕︖︗︘︙龴龵龶龷龸龹龺龻",
)
"""Characters that got a code point of their own after Python's table was made."""


_GB_UNITS = re.compile(rb"[\x00-\x7f]+|\x80|[\x81-\xfe][0-9][\x81-\xfe][0-9]|[\x81-\xfe][^0-9]", re.DOTALL)


def _gb18030(raw: bytes) -> str:
    # The byte 0x80 alone is the euro sign. It is also the second byte of many characters.
    text = (
        _each(_GB_UNITS, raw, lambda unit: "€" if unit == b"\x80" else unit.decode("gb18030"))
        if 0x80 in raw
        else raw.decode("gb18030")
    )
    return text.translate(_GB_PRIVATE)


_BIG5_UNITS = re.compile(rb"[\x00-\x7f]+|[\x81-\xfe][\x40-\x7e\xa1-\xfe]")
_BIG5_FROM_CP950 = frozenset(
    bytes.fromhex("a145 a14e a1c2 a1e3 a1f2 a1f3 a241 a242 a244 a246 a247")[at : at + 2] for at in range(0, 22, 2)
)


def _big5(raw: bytes) -> str:
    def character(unit: bytes) -> str:
        if unit in _BIG5_FROM_CP950:
            return unit.decode("cp950")
        return _BIG5_MISSING.get(unit) or unit.decode("big5hkscs")

    return _each(_BIG5_UNITS, raw, character)


def _shift_jis(raw: bytes) -> str:
    text = raw.decode("cp932")
    if re.search("[\uf8f0-\uf8f3]", text):  # bytes that only Python gives a character
        at = next(number for number, byte in enumerate(raw) if byte in b"\xa0\xfd\xfe\xff")
        raise UnicodeDecodeError("shift_jis", raw, at, at + 1, "no such character")
    return text


def _jis_x_0208(pair: bytes) -> str:
    """The character of a pair of 7-bit bytes, with the additions of NEC and IBM, which only cp932 has."""
    row, cell = pair[0] - 0x21, pair[1] - 0x21
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = cell + 0x9F if row % 2 else cell + (0x40 if cell < 63 else 0x41)
    return bytes((lead, trail)).decode("cp932")


_EUC_UNITS = re.compile(rb"[\x00-\x7f]+|\x8e[\xa1-\xdf]|\x8f[\xa1-\xfe]{2}|[\xa1-\xfe]{2}")


def _euc_jp(raw: bytes) -> str:
    def character(unit: bytes) -> str:
        if unit[0] < 0x80 or unit[0] == 0x8E:
            return unit.decode("euc_jp")
        if unit[0] == 0x8F:
            return "～" if unit == b"\x8f\xa2\xb7" else unit.decode("euc_jp")
        return _jis_x_0208(bytes(byte & 0x7F for byte in unit))

    return _each(_EUC_UNITS, raw, character)


_JIS_RUNS = re.compile(rb"(\x1b\([BJI]|\x1b\$[@B])?([^\x1b]*)", re.DOTALL)
_JIS_PAIRS = re.compile(rb"[\x21-\x7e]{2}")
_JIS_KATAKANA = re.compile(rb"[\x21-\x5f]")


def _iso_2022_jp(raw: bytes) -> str:
    text, mode, at = [], b"\x1b(B", 0
    while at < len(raw):
        run = _JIS_RUNS.match(raw, at)
        if run is None or run.end() == at:
            raise UnicodeDecodeError("iso-2022-jp", raw, at, at + 1, "unknown escape sequence")
        mode = run[1] or mode
        text.append(_jis_run(mode, run[2], raw, run.start(2)))
        at = run.end()
    return "".join(text)


def _jis_run(mode: bytes, run: bytes, raw: bytes, at: int) -> str:
    wrong = re.search(rb"[\x0e\x0f\x80-\xff]", run)
    if wrong:
        raise UnicodeDecodeError("iso-2022-jp", raw, at + wrong.start(), at + wrong.start() + 1, "not a 7-bit byte")
    if mode == b"\x1b(B":
        return run.decode("ascii")
    if mode == b"\x1b(J":
        return run.decode("ascii").translate({0x5C: "¥", 0x7E: "‾"})
    if mode == b"\x1b(I":
        return _each(_JIS_KATAKANA, run, lambda unit: bytes((unit[0] | 0x80,)).decode("cp932"))
    return _each(_JIS_PAIRS, run, _jis_x_0208)


def _each(units: re.Pattern[bytes], raw: bytes, character: Callable[[bytes], str]) -> str:
    """The characters of the `units` that `raw` consists of."""
    text, at, known = [], 0, dict[bytes, str]()
    while at < len(raw):
        unit = units.match(raw, at)
        if unit is None:
            raise UnicodeDecodeError("multibyte", raw, at, at + 1, "no such character")
        if unit[0] not in known:
            try:
                known[unit[0]] = character(unit[0])
            except UnicodeDecodeError as exc:
                raise UnicodeDecodeError("multibyte", raw, at + exc.start, at + exc.start + 1, exc.reason) from exc
        text.append(known[unit[0]])
        at = unit.end()
    return "".join(text)


_OWN: Mapping[str, Callable[[bytes], str]] = {
    "koi8-u": _koi8_u,
    "windows-1255": _windows_1255,
    "gbk": _gb18030,
    "gb18030": _gb18030,
    "big5": _big5,
    "shift_jis": _shift_jis,
    "euc-jp": _euc_jp,
    "iso-2022-jp": _iso_2022_jp,
    "euc-kr": lambda raw: raw.decode("cp949"),
}

_BIG5_TABLE = (
    "877a㡵877b𡵓877c𣚞877d𦀡877e㻬87a1𥣞87a2㫵87a3竼87a4龗87a5𤅡87a6𨤍87a7𣇪87a8𠪊87a9𣉞87aa䌊87ab蒄87ac龖87ad鐯87ae䤰87af蘓"
    "87b0墖87b1靊87b2鈘87b3秐87b4稲87b5晠87b6権87b7袝87b8瑌87b9篅87ba枂87bb稬87bc剏87bd遆87be㓦87bf珄87c0𥶹87c1瓆87c2鿇87c3垳"
    "87c4䤯87c5呌87c6䄱87c7𣚎87c8堘87c9穲87ca𧭥87cb讏87cc䚮87cd𦺈87ce䆁87cf𥶙87d0箮87d1𢒼87d2鿈87d3𢓁87d4𢓉87d5𢓌87d6鿉87d7蔄"
    "87d8𣖻87d9䂴87da鿊87db䓡87dc𪷿87dd拁87de灮87df鿋8e69箸8e6f簆8e7e糎8eab緒8eb4縝8ecd者8ed0耨8f57菁8f69蒨8f6e萏8fcb覦8fcc覩"
    "8ffe起906d都907a銹90dc靜90f1響91bf鼖9244蔃92af兙92b0兛92b1兝92b2兞92c8鍮92d1瑹9447浧94ca禛95d9邗9644靝96ed瀞96fc嬨9b76爁"
    "9b78矗9b7b纇9bc6駖9bde釔9bec惞9bf6澶9c42輶9c53侻9c62營9c68鄄9c6b鷰9c77菏9cbc尐9cbd秣9cd0婧9d57輋9d5a筑9dc4拐9ea9恢9eef痹"
    "9efd汊9f60鬮9f66鼗9fcb僭9fd8弌a063蠏a077拎a0d5瑨a0df煢a0e4牐a3c0␀a3c1␁a3c2␂a3c3␃a3c4␄a3c5␅a3c6␆a3c7␇a3c8␈a3c9␉"
    "a3ca␊a3cb␋a3cc␌a3cd␍a3ce␎a3cf␏a3d0␐a3d1␑a3d2␒a3d3␓a3d4␔a3d5␕a3d6␖a3d7␗a3d8␘a3d9␙a3da␚a3db␛a3dc␜a3dd␝"
    "a3de␞a3df␟a3e0␡a3e1€c6cf廴c6d3无c6d5癶c6d7隶c6de〃c6df仝fa5f倩fa66偽fabd包fac5卄fad5卿fb48嘅fbb8婷fbf3幵fbf9廐fc4f彘"
    "fc6c悤fcb9撐fce2晴fcf1杞fdb7沜fdb8渝fdbb港fdf1煮fe52猪fe6f瑜feaa瓩fedd砉"
)
"""What Python's table lacks: the code in hex, then its character."""
_BIG5_MISSING = {bytes.fromhex(code): char for code, char in re.findall("([0-9a-f]{4})(.)", _BIG5_TABLE)}
