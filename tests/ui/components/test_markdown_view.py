"""Markdown of a model: drawn, but nothing in it is fetched, followed or executed."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.ui.components.markdown_view import markdown_html

ALLOWED = {
    *("div", "p", "span", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre"),
    *("blockquote", "hr", "br", "table", "thead", "tbody", "tr", "th", "td"),
}
HARMLESS = {"class", "start", "tabindex"}

HOSTILE = [
    "![x](http://evil.example/x.png)",
    "![x][r]\n\n[r]: http://evil.example/x.png",
    "[![x](http://evil.example/x.png)](http://evil.example/)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<style>body{background:url(http://evil.example)}</style>",
    "<iframe src='http://evil.example'></iframe>",
    "<svg/onload=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](vbscript:x)",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "<http://evil.example/>",
    "<javascript:alert(1)>",
    '[a](http://x/"onmouseover="alert(1))',
    "[a](http://x 'title\" onmouseover=\"alert(1)')",
    "`<img src=x>`",
    "```html\n<img src=http://evil.example/x.png>\n```",
    "    <img src=x onerror=alert(1)>",
    "| <b>a</b> | ![x](http://e/x) |\n|:-:|--|\n| [x](javascript:1) | 2 |",
    "# <img src=x>\n> ![x](//evil.example/x.png)",
    "&lt;img src=x onerror=alert(1)&gt;",
    "\u202e<b>\u200b",
    '```"><img src=x>\ncode\n```',
    "1000000000. x\n\n999. y",
]


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("text", HOSTILE)
def test_only_harmless_tags_without_addresses_are_made(text: str) -> None:
    seen = Tags(markdown_html(text))
    assert seen.tags <= ALLOWED
    assert seen.attributes <= HARMLESS


@given(st.lists(st.sampled_from([*HOSTILE, "\n", "\n\n", "[", "](", ")", "`", "<", "!", "a", "\\", "&#60;"])))
def test_no_mixture_makes_another_tag(parts: list[str]) -> None:
    seen = Tags(markdown_html("".join(parts)))
    assert seen.tags <= ALLOWED
    assert seen.attributes <= HARMLESS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("![a cat](http://x.example/c.png)", "[picture: a cat] (http://x.example/c.png)"),
        ("![](http://x.example/c.png)", "[picture] (http://x.example/c.png)"),
        ("[good.example](http://bad.example/)", "good.example (http://bad.example/)"),
        ("<http://x.example/>", "http://x.example/"),
        (":material/home: :red[x] :smile: $a^2$ :streamlit:", ":material/home: :red[x] :smile: $a^2$ :streamlit:"),
        ("<b>x</b>", "<b>x</b>"),
        ("a\u202eb", "aU+202Eb"),
    ],
)
def test_what_a_person_reads(text: str, words: str) -> None:
    assert Tags(markdown_html(text)).words.strip() == words


def test_headings_lists_tables_and_code_are_drawn() -> None:
    text = (
        "# T\n\n- one\n- two\n\n3. three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n**b** *i* ~~s~~ `c`\n\n```\nx = 1\n```\n"
    )
    seen = Tags(markdown_html(text))
    assert {"h1", "ul", "ol", "li", "table", "th", "td", "strong", "em", "s", "code", "pre"} <= seen.tags
    assert '<ol start="3">' in markdown_html(text)
    assert re.search(r"x = 1\n</pre>", markdown_html(text))


def test_deep_nesting_ends_soon() -> None:
    began = time.monotonic()
    for text in ("> " * 5_000 + "x", "[" * 20_000, "*" * 20_000, "- " * 3_000, "![" * 5_000):
        markdown_html(text)
    assert time.monotonic() - began < 60
