"""Rate an answer: good or bad with one press; a comment and the right answer in a dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.runs import Opinion, Rating
from promptlab.types import Result
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.examples.form import restored
from promptlab.ui.examples.rows import clipped
from promptlab.ui.state.session import Session

_OPEN = "rating-open"
_WORDS: Mapping[Opinion, str] = {"good": "Rated good", "bad": "Rated bad", "": "Not rated"}


@dataclass
class _Rating:
    """The state of the dialog. `turn` gives each opening widgets of its own."""

    result: Result
    turn: int
    error: PromptlabError | None = None

    def key(self, name: str) -> str:
        return f"rating-{name}-{self.turn}"


def buttons(session: Session, result: Result, rating: Rating, *, key: str) -> None:
    """The two thumbs. A second press on the same takes the rating back; comment and correction stay."""
    for verdict, icon, words in (("good", "thumb_up", "Good answer"), ("bad", "thumb_down", "Bad answer")):
        is_on = rating.verdict == verdict
        with st.container(key=f"icon-{'on' if is_on else 'off'}-{verdict}-{key}", width="content"):
            st.button(
                f"{words}: take back" if is_on else words,
                icon=f":material/{icon}:",
                type="tertiary",
                key=f"rate-{verdict}-{key}",
                on_click=_rate,
                args=(session, result, verdict),
            )


def _rate(session: Session, result: Result, verdict: Opinion) -> None:
    now = of(session, result)
    session.store.ratings.rate(replace(now, verdict="" if now.verdict == verdict else verdict, created=""))


def of(session: Session, result: Result) -> Rating:
    """The rating of a result as it is now; one that says nothing if there is none."""
    return session.store.ratings.of([result.id]).get(result.id, Rating(result.id))


def line(result: Result, rating: Rating, *, key: str) -> None:
    """What a person said of the answer, and the button of the dialog; nothing for an answer without a rating."""
    if rating.empty:
        return
    said = [f"<span>{escape(_WORDS[rating.verdict])}</span>"]
    if rating.corrected is not None:
        said.append(f'right: <span class="pl-mono">{escape(clipped(rating.corrected))}</span>')
    if rating.comment:
        said.append(f"“{escape(clipped(rating.comment))}”")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"rated-{key}"):
        st.html(f'<div class="pl-small pl-break">{" · ".join(said)}</div>', width="content")
        st.button(
            "Comment or correct",
            icon=":material/edit:",
            type="tertiary",
            key=f"rate-more-{key}",
            on_click=open_dialog,
            args=(result,),
        )


def open_dialog(result: Result) -> None:
    """Open the dialog for `result` at the next run of the page."""
    turn = st.session_state["rating-turn"] = st.session_state.get("rating-turn", 0) + 1
    st.session_state[_OPEN] = _Rating(result, turn)


def dialog(session: Session, result: Result) -> None:
    """The dialog, if it is open for this result."""
    opened: _Rating | None = st.session_state.get(_OPEN)
    if opened and opened.result.id == result.id:
        st.dialog("Comment or correct", width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, opened)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, opened: _Rating) -> None:
    if st.session_state.get(_OPEN) is not opened:
        st.rerun()
        return
    result, rating = opened.result, of(session, opened.result)
    if opened.error:
        note("bad", "The rating was not saved", opened.error.message, opened.error.hint)
    markup(f'<div class="pl-small">{escape(result.model)} answered:</div>')
    widgets.mono(result.text, key=opened.key("answer"))
    st.segmented_control(
        "Rating",
        ["good", "bad"],
        default=rating.verdict or None,
        format_func=str.capitalize,
        key=opened.key("verdict"),
    )
    st.text_area(
        "Right answer",
        value=widgets.shown(rating.corrected if rating.corrected is not None else result.text),
        key=opened.key("corrected"),
        height="content",
        help="Correct the model's answer if it is wrong. “Keep as a test” expects it, “Add as example” takes it, and "
        "the preference export prefers it.",
    )
    st.text_input("Comment", value=rating.comment, key=opened.key("comment"))
    small("The rating stays in the run history of this workspace.")
    with st.container(horizontal=True, gap="small"):
        st.button("Save", type="primary", key="rating-save", on_click=_save, args=(session, opened))
        st.button("Cancel", key="rating-cancel", on_click=_close)


def _save(session: Session, opened: _Rating) -> None:
    state, result = st.session_state, opened.result
    typed = restored(str(state[opened.key("corrected")]), result.text)
    corrected = typed if typed.strip() and typed != result.text else None
    verdict: Opinion = state[opened.key("verdict")] or ""
    try:
        session.store.ratings.rate(Rating(result.id, verdict, str(state[opened.key("comment")]).strip(), corrected))
    except PromptlabError as exc:
        opened.error = exc
        return
    _close()


__all__ = ["buttons", "dialog", "line", "of", "open_dialog"]
