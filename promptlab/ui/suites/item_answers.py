"""The answers of one item: what was asked and expected, the recorded and the new answer side by side, and marks."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from promptlab import suites, versions
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.scorers import parse_json_answer
from promptlab.suites import AskedCase, ItemDetail, ItemRow, Mark, RecordedItem, Suite
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites.wording import as_text

WHO, ERROR = "suite-who", "suite-mark-error"
TEXT, JSON = "Text", "JSON"


def draw(session: Session, suite: Suite, seen: ItemDetail, asked: AskedCase) -> None:
    """Draw the inputs, what is expected, and the answers."""
    stored, new = seen.stored, seen.answer
    if stored is not None and new is not None and stored.completion.text != new:
        markup(
            '<div class="pl-role">From the recorded answer to the new one</div>'
            '<pre class="pl-prompt" tabindex="0">'
            f"{comparison.changes_html(text_changes(stored.completion.text, new))}</pre>"
        )
    _inputs(asked)
    marks = marks_of(session, suite)
    as_json = _view(seen) == JSON
    columns = st.columns(1 + (stored is not None) + (new is not None), gap="medium")
    with columns[0]:
        _expected(asked, stored, as_json=as_json)
    if stored:
        with columns[1]:
            text = stored.completion.text
            _answer(session, suite, seen.row, "Recorded answer", text, "recorded", marks, as_json=as_json)
    if new is not None:
        with columns[-1]:
            same = stored is not None and stored.completion.text == new
            _answer(session, suite, seen.row, "New answer", new, "new", marks, same=same, as_json=as_json)


def _inputs(asked: AskedCase) -> None:
    rows = "".join(
        f'<tr><th scope="row" class="pl-key">{escape(name)}</th><td class="pl-break">{escape(as_text(value))}</td></tr>'
        for name, value in asked.inputs.items()
    )
    if rows:
        markup(f'<table class="pl-table" aria-label="Inputs">{rows}</table>')
    if asked.edited:
        note("warn", "The case has been edited since it was asked", "These are its inputs as they were asked.")
    if asked.gone:
        note("warn", "The case is no longer in the suite", "It is shown as it was asked.")


def _view(seen: ItemDetail) -> str:
    """Text, or JSON where an answer holds some."""
    answers = [seen.answer or "", seen.stored.completion.text if seen.stored else ""]
    if not any(_is_json(answer) for answer in answers):
        return TEXT
    chosen = st.segmented_control(
        "Show answers as", [TEXT, JSON], default=TEXT, required=True, key="case-view", persist_state="page"
    )
    return str(chosen)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[", "`") and _parsed(text) is not None


def _parsed(text: str) -> Any:
    try:
        return parse_json_answer(text)
    except (PromptlabError, ValueError):
        return None


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _expected(asked: AskedCase, stored: RecordedItem | None, *, as_json: bool) -> None:
    markup('<div class="pl-model">Expected</div>')
    value = stored.expected if asked.gone and stored else asked.expected
    if stored and stored.expected != value:
        small(f"When it was recorded, this was expected: {as_text(stored.expected)}")
    if value is None:
        small("Nothing is expected.")
        return
    several = isinstance(value, list) and all(isinstance(one, str) for one in value)
    if as_json and isinstance(value, str):
        parsed = _parsed(value)
        value = value if parsed is None else _pretty(parsed)
    elif several and not as_json:
        small("Any of these:")
        value = "\n".join(value)
    widgets.mono(value if isinstance(value, str) else _pretty(value), key="said-expected")


def marks_of(session: Session, suite: Suite) -> dict[tuple[str, str, str, str], Mark]:
    try:
        return suites.load_marks(session.workspace, suite.path)
    except PromptlabError as exc:
        note("bad", "The marks cannot be read", exc.message, exc.hint)
        return {}


def _answer(
    session: Session,
    suite: Suite,
    row: ItemRow,
    title: str,
    text: str,
    name: str,
    marks: dict[tuple[str, str, str, str], Mark],
    *,
    same: bool = False,
    as_json: bool,
) -> None:
    markup(f'<div class="pl-model">{escape(title)}{chip("byte for byte the same") if same else ""}</div>')
    parsed = _parsed(text) if as_json else None
    if as_json and parsed is None:
        small("This answer is no JSON:")
    if text:
        widgets.mono(text if parsed is None else _pretty(parsed), key=f"said-{name}")
    else:
        small("The answer is empty.")
    if same:
        return  # a mark belongs to a text, and the same text has its marks in the other column
    place = (row.key.case, row.key.variant, row.key.model, suites.answer_id(text))
    mark = marks.get(place)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"marks-{name}"):
        for good, word, icon in ((True, "Good", "thumb_up"), (False, "Bad", "thumb_down")):
            chosen = mark is not None and mark.good == good
            st.button(
                f"{word} ✓" if chosen else word,
                icon=f":material/{icon}:",
                key=f"mark-{name}-{word.lower()}",
                type="primary" if chosen else "secondary",
                help="Remove this mark." if chosen else f"Mark this answer as {word.lower()}.",
                on_click=_mark,
                args=(session, suite, place, None if chosen else good),
            )
        if mark:
            by = f" by {mark.by}" if mark.by else ""
            st.html(
                f'<span class="pl-small pl-break">marked {"good" if mark.good else "bad"}{escape(by)}</span>',
                width="content",
            )


def _mark(session: Session, suite: Suite, place: tuple[str, str, str, str], good: bool | None) -> None:
    try:
        if good is None:
            suites.remove_mark(session.workspace, suite.path, place)
        else:
            who = str(st.session_state.get(WHO) or "").strip() or git_name(session)
            suites.add_mark(session.workspace, suite.path, Mark(*place, good, who))
    except PromptlabError as exc:
        st.session_state[ERROR] = exc


def git_name(session: Session) -> str:
    """The user's name in git, without the mail address."""
    return versions.repository_state(session.workspace).identity.partition(" <")[0]


# Scores
