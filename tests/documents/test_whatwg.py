"""The encodings of the WHATWG standard are read as browsers read them."""

from __future__ import annotations

import pytest

from benchmarks.encodings import digest, ours, sequences
from promptlab.documents._whatwg import decoder

DIGESTS = {
    "ibm866": "bba7d212cde50223",
    "iso-8859-2": "032b35b011026ff8",
    "iso-8859-3": "68a88704b7013037",
    "iso-8859-4": "cc587ac64381f543",
    "iso-8859-5": "aa0053c4c9f6bb33",
    "iso-8859-6": "621ea427a1c3f178",
    "iso-8859-7": "343f78f15d6c3129",
    "iso-8859-8": "0102df964484cf92",
    "iso-8859-8-i": "0102df964484cf92",
    "iso-8859-10": "4310024876bb81d2",
    "iso-8859-13": "81ff9309c9a0392e",
    "iso-8859-14": "65b0cabd6f8f694a",
    "iso-8859-15": "accd6179b0543e69",
    "iso-8859-16": "ac1648d9d9c52e18",
    "koi8-r": "5af379b06d561849",
    "koi8-u": "bdfced6efac323d2",
    "macintosh": "ff887272739e7be8",
    "windows-874": "3d50e5d9c1f0ffc7",
    "windows-1250": "5a6d894e0aec552e",
    "windows-1251": "09826260196591f9",
    "windows-1252": "83cff0ac9078a35e",
    "windows-1253": "8c3557fd18b18604",
    "windows-1254": "b6cf92da1caa783e",
    "windows-1255": "a845c25f5e1538d9",
    "windows-1256": "b3b00ee19daf73a1",
    "windows-1257": "a180dd4f1e36ba86",
    "windows-1258": "07ecca9daa417842",
    "x-mac-cyrillic": "076e1d30e8c5ba3b",
    "gbk": "c68c5388a83ddcfa",
    "gb18030": "c68c5388a83ddcfa",
    "big5": "92adea07f9bd42a7",
    "euc-jp": "56be462959478d58",
    "iso-2022-jp": "e43c487490fc1b20",
    "shift_jis": "1836ade03bcae712",
    "euc-kr": "9d34d37a3c35efca",
}
"""Of every sequence of bytes and its text, by `benchmarks.encodings` from another implementation of the standard."""


@pytest.mark.parametrize("name", DIGESTS)
def test_every_sequence_of_bytes_reads_as_in_a_browser(name: str) -> None:
    assert digest([(raw, ours(name, raw)) for raw in sequences(name)]) == DIGESTS[name]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("latin1", "windows-1252"),
        ("ISO-8859-1", "windows-1252"),
        (" ascii\n", "windows-1252"),
        ("iso-8859-9", "windows-1254"),
        ("latin5", "windows-1254"),
        ("tis-620", "windows-874"),
        ("iso-8859-11", "windows-874"),
        ("x-sjis", "shift_jis"),
        ("windows-31j", "shift_jis"),
        ("gb2312", "gbk"),
        ("gb_2312-80", "gbk"),
        ("ks_c_5601-1987", "euc-kr"),
        ("big5-hkscs", "big5"),
        ("dos-874", "windows-874"),
        ("logical", "iso-8859-8-i"),
        ("utf8", "utf-8"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("x-cp1251", "windows-1251"),
        ("koi8-ru", "koi8-u"),
    ],
)
def test_a_label_is_the_encoding_that_browsers_take_it_for(label: str, name: str) -> None:
    found = decoder(label)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "label", ["klingon", "", "utf-7", "utf-32", "hz-gb-2312", "iso-2022-kr", "iso-2022-cn", "cp437"]
)
def test_browsers_do_not_read_these(label: str) -> None:
    assert decoder(label) is None
