"""The encoding of a text file or a page is told for certain, or the file is refused with the likely one."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from promptlab.documents import _read as documents
from promptlab.documents._encoding import declared_encoding
from promptlab.errors import DocumentError
from promptlab.workspace._workspace import Workspace
from tests.places import SHARED

GREETING = "Grüße, 5 €, Zürich"
TEXTS = {
    "latin": "name,price\r\nCafé,5 €\r\n",
    "ascii": "one two\nthree",
    "digits": "2020\t2021\n",
    "cyrillic": "Привет, мир!\nКак дела?",
    "greek": "καλημέρα κόσμε",
    "hebrew": "שלום עולם",
    "arabic": "مرحبا بالعالم",
    "thai": "ภาษาไทย ครับ",
    "japanese": "東京タワーの高さは、\n333 メートルです。",
    "korean": "안녕하세요, 세계",
    "chinese": "你好，世界。\n第二行",
}
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def read(root: Path, name: str, raw: bytes, settings: str = "") -> str:
    (root / "promptlab.yaml").write_text(f"models: {{}}\n{settings}")
    (root / name).write_bytes(raw)
    return documents.read_document(Workspace.load(root), name).text


FORMATS = [  # fewer pages, because each of them starts a process
    *((ending, script, codec) for ending in (".txt", ".csv") for script in TEXTS for codec in MARKS),
    *((".html", "latin", codec) for codec in MARKS),
    (".html", "thai", "utf-16-le"),
]


@pytest.mark.parametrize("marked", [True, False], ids=["mark", "no mark"])
@pytest.mark.parametrize(("ending", "script", "codec"), FORMATS)
def test_unicode_is_read_with_and_without_a_mark(
    tmp_path: Path, ending: str, script: str, codec: str, marked: bool
) -> None:
    text = TEXTS[script]
    raw = f"<p>{text}</p>" if ending == ".html" else text
    got = read(tmp_path, f"d{ending}", MARKS[codec] * marked + raw.encode(codec))
    assert got.split() == text.split() if ending == ".html" else got == text


PAGES = [
    ("shift_jis", "cp932", "東京①タワー"),
    ("x-sjis", "cp932", "髙﨑～―"),
    ("gb2312", "gbk", "價格 朱镕基"),
    ("gbk", "gb18030", "㐀𠀀"),
    ("euc-kr", "cp949", "똠방각하 서울"),
    ("ks_c_5601-1987", "cp949", "펲시콜라"),
    ("iso-8859-9", "cp1254", "‘İstanbul’ ğ"),
    ("iso-8859-11", "cp874", "ภาษาไทย €"),
    ("tis-620", "cp874", "“ไทย”"),
    ("iso-8859-1", "cp1252", "“quoted” – 5 €"),
    ("us-ascii", "cp1252", "naïve"),
    ("big5", "big5hkscs", "嘅 喺 香港"),
    ("euc-jp", "euc_jp", "日本語"),
    ("iso-2022-jp", "iso2022_jp", "日本語 text"),
    ("koi8-r", "koi8-r", "Привет"),
    ("windows-1251", "cp1251", "Привет"),
    ("macintosh", "mac-roman", "Åse — π"),
    ("ibm866", "cp866", "Привет"),
    ("utf-16", "utf-8", GREETING),
    ("utf-16be", "utf-8", GREETING),
    ("x-user-defined", "cp1252", "café"),
]
PLACES = {
    "meta": '<html><head><meta charset="{}"></head><body>',
    "http-equiv": "<META HTTP-EQUIV=Content-Type CONTENT='text/html; Charset = {}'>",
    "prolog": '<?xml version="1.0" encoding="{}"?>\n<html><body>',
    "late": "<head><title>" + "x" * 3_000 + "</title><meta charset={}></head>",
}


DECLARED = [
    *((place, *page) for place in ("meta", "prolog") for page in PAGES),
    *((place, *PAGES[0]) for place in ("http-equiv", "late")),
]


@pytest.mark.parametrize(("place", "label", "codec", "text"), DECLARED, ids=lambda v: v if v.isascii() else "")
def test_a_page_is_read_in_the_encoding_that_it_declares(
    tmp_path: Path, place: str, label: str, codec: str, text: str
) -> None:
    raw = PLACES[place].format(label).encode() + f"<p>{text}</p>".encode(codec)
    assert read(tmp_path, "d.html", raw).strip().endswith(text)


@pytest.mark.parametrize(
    ("page", "label"),
    [
        (b"<p>charset=koi8-r</p>", None),
        (b"<!-- <meta charset=koi8-r> --><meta charset=gbk>", "gbk"),
        (b"<script>var x = '<meta charset=koi8-r>'</script><meta charset=gbk>", "gbk"),
        (b"<meta name=description content='charset=koi8-r'><meta charset=gbk>", "gbk"),
        (b"<meta charset=gbk><meta charset=koi8-r>", "gbk"),
        (b"<meta content='text/html; charset=gbk' http-equiv=content-type>", "gbk"),
        (b"<?xml version='1.0' encoding='gbk'?><meta charset=koi8-r>", "koi8-r"),
        (b"\n<?xml version='1.0' encoding='gbk'?><p>", "gbk"),
        (b"<meta charset=''><meta charset=gbk>", "gbk"),
    ],
)
def test_the_declaration_is_the_one_that_a_browser_takes(page: bytes, label: str | None) -> None:
    assert declared_encoding(page) == label


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.txt", "東京タワーの高さは333メートルです。".encode("cp932"), ("not UTF-8 text", "東京タワー", "shift_jis")),
        ("a.csv", "name,price\nCafé Zoé,€5\n".encode("cp1252"), ("a.csv:2", "Café Zoé,€5", "windows-1252")),
        ("a.html", "<p>Привет, мир, как дела</p>".encode("cp1251"), ("not UTF-8 text", "Привет", "windows-1251")),
        ("a.txt", b"abc\0def\n", ("a.txt:1", "NUL")),
        ("a.txt", b"\xff\xfea\0b", ("utf-16-le", "0x62")),
        ("a.html", b"<meta charset=iso-8859-2>\n<p>5 \x80</p>", ("iso-8859-2", "U+0080")),
        ("a.html", b"<meta charset=windows-1252>\n<p>5 \x81</p>", ("windows-1252", "0x81")),
        ("a.html", b"<meta charset=shift_jis><p>\xa0</p>", ("shift_jis", "0xa0")),
        ("a.html", b"<meta charset=hz-gb-2312><p>x</p>", ("hz-gb-2312", "browsers do not read")),
        ("a.html", b"<p>a\0b</p>", ("NUL",)),
        ("a.html", b"<meta charset=utf-8><p>caf\xe9</p>", ("utf-8", "0xe9")),
    ],
)
def test_other_text_is_refused_with_what_it_may_be(
    tmp_path: Path, name: str, raw: bytes, words: tuple[str, ...]
) -> None:
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, name, raw)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("name", "raw", "settings", "text"),
    [
        ("a.txt", "東京".encode("cp932"), 'encodings: {"*.txt": shift_jis}', "東京"),
        ("a.csv", b"caf\xe9,\x80", "encodings: {a.csv: latin1}", "café,€"),
        ("a.html", "<p>Привет</p>".encode("cp1251"), "encodings: {a.html: windows-1251}", "Привет\n"),
        ("a.html", "<meta charset=gbk><p>Привет</p>".encode("cp1251"), "encodings: {a.html: cp1251}", "Привет\n"),
        ("a.txt", "Käse".encode("utf-16"), "encodings: {a.txt: latin1}", "Käse"),
        ("a.txt", b"\xe9", 'encodings: {"**": koi8-r, "a*": latin1}', "é"),
    ],
)
def test_promptlab_yaml_names_the_encoding_of_a_file(
    tmp_path: Path, name: str, raw: bytes, settings: str, text: str
) -> None:
    assert read(tmp_path, name, raw, settings + "\n") == text


def test_an_unknown_encoding_in_promptlab_yaml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="klingon"):
        read(tmp_path, "a.txt", b"x", "encodings: {a.txt: klingon}\n")


CASES = SHARED / "cases/suites-documents/docs"


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("utf16.csv", "name,price\nCafé,5\n"),
        ("utf16le-nobom.txt", "name,price plain ascii\n"),
        ("excel-unicode.txt", "name\tprice\r\nCafé\t€5\r\n"),
        ("sjis.html", "東京①タワー\n"),
        ("xsjis.html", "東京タワー\n"),
        ("euckr.html", "똠방각하 서울\n"),
        ("gb2312.html", "價格? 朱镕基\n"),
        ("iso88599.html", "‘İstanbul’ ğ\n"),
        ("win874.html", "ภาษาไทย\n"),
        ("xhtml-prolog.html", "Привет\n"),
    ],
)
def test_the_shared_cases_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert read(tmp_path, name, (CASES / name).read_bytes()) == text
