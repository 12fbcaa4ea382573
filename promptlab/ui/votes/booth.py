"""Voting: the question, two answers without names, and a key for each vote."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.runs import Choice, Vote
from promptlab.ui.components import shortcuts, widgets
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session
from promptlab.ui.votes import one_press
from promptlab.ui.votes.address import Asked, asked, change
from promptlab.votes import Answer, Ballot, Turn, next_turn, usual_voter, voter_votes

UNREAD = 0.4
"""Seconds: a press that comes sooner after a pair was drawn is the second half of a double press on the last one.
`one_press.py` holds most of them back in the browser."""

_LAST, _DRAWN, _ERROR = "votes-last", "votes-drawn", "votes-error"
_BUTTONS: Sequence[tuple[Choice, str, str]] = (
    ("left", "A is better", "Left"),
    ("tie", "Tie", "Down"),
    ("right", "B is better", "Right"),
    ("bad", "Both bad", "N"),
    ("skip", "Skip", "S"),
)
WORDS: Mapping[Choice, str] = {
    "left": "A is better",
    "right": "B is better",
    "tie": "a tie",
    "bad": "both bad",
    "skip": "skipped",
}


def draw(session: Session, ballot: Ballot) -> None:
    """Draw the first pair that the voter has not voted on."""
    st.subheader("Which answer is better?", anchor=False)
    votes = session.store.votes.of(ballot.result_ids)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="votes-head"):
        voter = _voter(session)
        done = voter_votes(votes, voter)
        if voter:
            _progress(session, ballot, done)
    if not voter:
        note("info", "Say who you are", "Each person votes once on each pair, so a vote needs a name.")
        return
    _last_vote()
    turn = next_turn(ballot, votes, voter)
    if error := st.session_state.pop(_ERROR, None):
        note("bad", "The vote was not kept", error.message, error.hint)
    if turn is None:
        _finished(ballot, done)
        return
    _turn(session, turn, voter)
    one_press.draw()


def _voter(session: Session) -> str:
    """The name of the person, from the address, so that a reload keeps it."""
    now = asked().voter or usual_voter(session.workspace)
    key = f"votes-voter-{now}"
    name = st.text_input("Your name", value=now, key=key, width=180, on_change=_rename, args=(key,))
    return " ".join(str(name).split())


def _rename(key: str) -> None:
    st.session_state.pop(_LAST, None)
    change(voter=" ".join(str(st.session_state[key]).split()))


def _progress(session: Session, ballot: Ballot, done: Mapping[str, Vote]) -> None:
    count, total = len(done), len(ballot.pairs)
    st.progress(count / total if total else 1.0, text=f"{count:,} of {total:,} voted", width=160)
    st.button(
        "Undo last vote",
        icon=":material/undo:",
        type="tertiary",
        key="votes-undo",
        shortcut=shortcuts.UNDO_VOTE.keys,
        disabled=not done,
        on_click=_undo,
        args=(session, list(done.values())[-1] if done else None),
    )
    st.button(
        "Results",
        icon=":material/bar_chart:",
        type="tertiary",
        key="votes-results",
        help="Shows the names.",
        on_click=change,
        kwargs={"view": Asked.RESULTS},
    )


def _turn(session: Session, turn: Turn, voter: str) -> None:
    pair = turn.pair
    if st.session_state.get(_DRAWN, ("", 0.0))[0] != pair.id:
        st.session_state[_DRAWN] = (pair.id, time.monotonic())
    markup(f'<div class="pl-vote-question" tabindex="0">{widgets.literal(pair.question)}</div>')
    with st.container(key="votes-sides", horizontal=True, gap="medium"):
        for letter, answer in (("A", turn.left), ("B", turn.right)):
            with st.container(key=f"votes-side-{letter}"):
                markup(_side(letter, answer))
    with st.container(horizontal=True, gap="small", key="votes-buttons"):
        for choice, label, keys in _BUTTONS:
            st.button(
                label,
                # The pair is in the key: a press on a pair that is gone changes no other one.
                key=f"vote-{choice}-{pair.id}",
                shortcut=keys,
                type="secondary" if choice in ("left", "tie", "right") else "tertiary",
                on_click=_vote,
                args=(session, Vote(voter, turn.left.result.id, turn.right.result.id, choice)),
            )
    expected = pair.first.result.expected
    if expected is not None and st.toggle("Show the expected answer", key="votes-expected", persist_state="session"):
        markup(f'<div class="pl-small pl-break">Expected: {escape(str(expected))}</div>')


def _side(letter: str, answer: Answer) -> str:
    cut = f" {widgets.chip('cut off at max tokens', 'warn')}" if answer.cut else ""
    body = widgets.literal(answer.text.strip())
    return f'<h3 class="pl-vote-letter">{letter}{cut}</h3><pre class="pl-vote-answer" tabindex="0">{body}</pre>'


def _last_vote() -> None:
    """What the last press did. The line is always there, so that nothing moves."""
    small(st.session_state.get(_LAST) or "Keys: ← A is better, → B is better, ↓ tie, N both bad, S skip, U undo.")


def _finished(ballot: Ballot, done: Mapping[str, Vote]) -> None:
    skipped = sum(vote.choice == "skip" for vote in done.values())
    more = f"{skipped:,} of them skipped." if skipped else "Thank you."
    note("info", f"You have voted on all {len(ballot.pairs):,} pairs", more)
    st.button(
        "Show the results",
        type="primary",
        key="votes-show",
        icon=":material/bar_chart:",
        on_click=change,
        kwargs={"view": Asked.RESULTS},
    )


def _vote(session: Session, vote: Vote) -> None:
    pair, drawn = st.session_state.get(_DRAWN, ("", 0.0))
    if pair == vote.pair and time.monotonic() - drawn < UNREAD:
        st.session_state[_LAST] = "That press came before this pair could be read, so it did not count."
        return
    try:
        session.store.votes.cast(vote)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return
    st.session_state[_LAST] = f"Your last vote: {WORDS[vote.choice]}."


def _undo(session: Session, vote: Vote | None) -> None:
    if vote is None:
        return
    try:
        session.store.votes.take_back(vote)
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return
    st.session_state[_LAST] = "Your last vote is taken back."


__all__ = ["draw"]
