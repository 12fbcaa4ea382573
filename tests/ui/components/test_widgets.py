"""Text of unknown origin stays text."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._as_sent import Budget, Piece
from promptlab.runs._difference import TextChange
from promptlab.types import Message, Prompt, Section, Span
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import widgets

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](http://evil.example/x.png) $a^2$ **b** `c`"


def tags(body: str) -> set[str]:
    return set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", body))


@given(st.text(st.characters()))
def test_escaped_text_is_read_back_as_it_was_and_holds_no_markup(text: str) -> None:
    escaped = widgets.escape(text)
    assert not set(escaped) & set("<>\"'")
    assert html.unescape(escaped) == widgets.spell_bidi(widgets.shown(text)) or "&" in text


@given(st.text(st.characters()))
def test_what_is_shown_can_be_sent_to_a_browser(text: str) -> None:
    widgets.shown(text).encode("utf-8")


def test_prompts_hold_no_tag_of_their_own() -> None:
    prompt = Prompt((Message("user", HOSTILE),), (Span(0, 0, len(HOSTILE), "context", f'"{HOSTILE}'),))
    assert tags(widgets.messages_html(prompt)) <= {"div", "span", "pre", "mark"}
    pieces = [Piece(HOSTILE, "input"), Piece("<|im_start|>", "layout", control=True)]
    assert tags(widgets.pieces_html(pieces)) <= {"div", "span", "pre", "mark"}
    assert "&lt;|im_start|&gt;" in widgets.pieces_html(pieces)


def test_a_message_without_spans_is_shown_all_the_same() -> None:
    assert "plain &lt;b&gt;" in widgets.messages_html(Prompt((Message("user", "plain <b>"),)))


@pytest.mark.parametrize(
    ("text", "seen"),
    [("a\u202eb", "U+202E"), ("a\x00b", "U+0000"), ("a\u200bb", "U+200B"), ("a\ufeffb", "U+FEFF"), ("a\rb", "U+000D")],
)
def test_characters_that_cannot_be_seen_are_written_out_in_a_prompt(text: str, seen: str) -> None:
    assert seen in widgets.literal(text)


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\r\nb", "שלום", "Modrić"])
def test_ordinary_text_is_not_marked(text: str) -> None:
    assert "U+" not in widgets.literal(text)


def test_a_label_says_exactly_its_text() -> None:
    label = widgets.plain("a_b [x](http://evil.example) :red[no] $m$")
    assert re.sub(r"\\(.)", r"\1", label) == "a_b [x](http://evil.example) :red[no] $m$"
    assert not re.search(r"(?<!\\)[\[\]$:_*]", label)


def test_options_of_lists_are_not_escaped_for_markdown() -> None:
    """Streamlit shows the options of these two as they are; in labels, pills and radios it reads Markdown."""
    calls = [
        (path.name, node)
        for path in Path(widgets.__file__).parents[1].rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("selectbox", "multiselect")
    ]
    formats = [(name, ast.unparse(k.value)) for name, call in calls for k in call.keywords if k.arg == "format_func"]
    assert len(formats) > 30
    assert [(name, body) for name, body in formats if re.search(r"\bplain\b", body)] == []


def budget(window: int | None, *, context: int = 700, room: int = 100) -> Budget:
    by_section: dict[Section, int] = {"instructions": 20, "context": context, "layout": 30}
    return Budget(sum(by_section.values()), by_section, {"a.md": context}, window, room, exact=window != 1)


def test_the_bar_and_the_table_count_the_same() -> None:
    body = widgets.bar_html(budget(1000)) + widgets.budget_table(budget(1000), {"context": ["a.md"]})
    assert "750 of 1,000 tokens" in body
    assert body.count("a.md") == 1
    assert "width:70.00%" in body


def test_the_section_to_shorten_is_the_largest_that_can_be() -> None:
    assert widgets.largest(budget(1000)) == "context"
    assert widgets.share_of_window(budget(1000)) == pytest.approx(0.85)
    assert widgets.share_of_window(budget(None)) == 0


def test_clock_leaves_the_date_out_only_today() -> None:
    assert re.search(r"\d{4}", widgets.clock("2001-02-03T04:05:06+00:00"))
    assert widgets.clock("not a time") == "not a time"


def test_what_stayed_is_counted_and_only_the_words_around_a_change_are_shown() -> None:
    middle = " ".join(f"w{n}" for n in range(100))
    body = comparison.changes_html(
        [TextChange("gone", "a "), TextChange("same", middle), TextChange("new", "<b>", "input")]
    )
    assert "76 unchanged words" in body
    assert "w11 " in body
    assert "w88" in body
    assert "w50" not in body
    long = comparison.changes_html([TextChange("gone", "x " * 500, "context")])
    assert "452 words removed" in long
    assert long.count("x") < 60
    assert '<ins class="pl-input" title="added: Input">&lt;b&gt;</ins>' in body
