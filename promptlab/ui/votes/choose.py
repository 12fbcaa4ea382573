"""What to compare: two runs, the columns of a suite, the arms of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import note, option, small
from promptlab.ui.state.session import Session
from promptlab.ui.votes.address import open_votes, sources_of
from promptlab.votes import Ballot, Comparable, comparables, make_ballot

_KINDS = {"experiment": "Experiment", "suite": "Suite", "run": "Run"}


def draw(session: Session) -> None:
    """Draw the choice."""
    st.subheader("Blind vote", anchor=False)
    small(
        "Which answer is better? Two answers to the same question stand side by side, without names. The votes give a "
        "win rate with its interval, and they go to the export of preferences."
    )
    known = {found.name: found for found in comparables(sources_of(session))}
    if not known:
        note(
            "info",
            "There are no answers to compare yet",
            "Ask two models on the workbench, or run a suite or an experiment. Then come back.",
        )
        links.to("workbench", "Open the workbench", icon=":material/science:")
        return
    chosen = st.multiselect(
        "What to compare",
        list(known),
        key="votes-of",
        persist_state="session",
        format_func=lambda name: _shown(known[name]),
        placeholder="a suite, an experiment, or one or more runs",
        help="Of a suite or an experiment the last answers are taken. Two runs are compared where they asked the same.",
    )
    if chosen:
        _ballot(session, chosen)


def _shown(found: Comparable) -> str:
    return option(f"{_KINDS[found.kind]}: {found.shown} · {widgets.clock(found.created)}")


def _ballot(session: Session, names: Sequence[str]) -> None:
    """What the choice would ask, and the button that begins."""
    try:
        ballot = make_ballot(sources_of(session), names)
    except PromptlabError as exc:
        note("warn", "This cannot be compared", exc.message, exc.hint)
        return
    among: list[str] = []
    if len(ballot.contenders) > 2:
        among = st.multiselect(
            "Among",
            [contender.id for contender in ballot.contenders],
            key="votes-among",
            format_func={contender.id: option(contender.name) for contender in ballot.contenders}.get,
            placeholder="all of them",
            help="Few are quicker: every two of them are compared on every question.",
        )
        if len(among) == 1:
            note("info", "Choose one more", "A comparison needs two.")
            return
        if among:
            ballot = make_ballot(sources_of(session), names, among=among)
    _facts(ballot)
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Start voting",
            type="primary",
            key="votes-start",
            icon=":material/how_to_vote:",
            disabled=not ballot.pairs,
            on_click=open_votes,
            args=(tuple(names), tuple(among)),
        )


def _facts(ballot: Ballot) -> None:
    names = ", ".join(contender.name for contender in ballot.contenders)
    same = f" {len(ballot.ties):,} more have the same text on both sides and count as ties." if ballot.ties else ""
    small(f"{names}: {len(ballot.pairs):,} pairs to vote on.{same}")
    for line in ballot.notes:
        small(line)
    if not ballot.pairs:
        note("info", "Nobody needs to vote", "All answers are the same on both sides.")
