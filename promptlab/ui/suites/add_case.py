"""Keep as a test: make the question of an answer a case of a suite, and record the answer as its baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from promptlab import suites, versions
from promptlab.errors import PromptlabError
from promptlab.runs import Rating
from promptlab.suites import KeptAnswers
from promptlab.types import Result
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.widgets import note, small
from promptlab.ui.examples import form
from promptlab.ui.state.session import Session

_OPEN = "keep-test-open"
NEW = ""
"""The choice of a new suite."""


@dataclass
class _Keeping:
    """The answer to keep. `kept` is the suite and the case it became, None until it is saved."""

    result: Result
    turn: int
    rating: Rating
    error: PromptlabError | None = None
    kept: KeptAnswers | None = None

    def key(self, name: str) -> str:
        return f"keeping-{name}-{self.turn}"


def can_be_kept(result: Result) -> bool:
    """Whether there is a whole answer."""
    return result.completion is not None and result.completion.finish_reason != "stopped"


def open_dialog(result: Result, rating: Rating | None = None) -> None:
    """Open the dialog for `result` at the next run of the page; what the person said of it goes into the suite."""
    turn = st.session_state["keep-test-turn"] = st.session_state.get("keep-test-turn", 0) + 1
    st.session_state[_OPEN] = _Keeping(result, turn, rating or Rating(result.id))


def dialog(session: Session, result: Result) -> None:
    """The dialog, if it is open for this result."""
    keeping: _Keeping | None = st.session_state.get(_OPEN)
    if keeping and keeping.result.id == result.id:
        st.dialog("Keep as a test", width="medium", on_dismiss=_dismissed)(frame.guarded(_draw))(session, keeping)


def _dismissed() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, keeping: _Keeping) -> None:
    if st.session_state.get(_OPEN) is not keeping:
        st.rerun()
    if keeping.kept:
        _done(keeping.kept)
        return
    if keeping.error:
        note("bad", "The test was not saved", keeping.error.message, keeping.error.hint)
    widgets.mono(keeping.result.text, key=keeping.key("answer"))
    template = session.store.run(keeping.result.run_id).template
    paths = _suites_with(session, template)
    path = st.selectbox(
        "Suite",
        [*paths, NEW],
        key=keeping.key("suite"),
        format_func=lambda path: widgets.spell_bidi(_short(path)) if path else "a new suite",
        help="Suites that use the same template.",
    )
    name = path or st.text_input("Name of the new suite", value=PurePosixPath(template).stem, key=keeping.key("name"))
    expected = _expected(keeping)
    st.button(
        "Keep",
        type="primary",
        key="keep-test-do",
        disabled=not str(name).strip(),
        on_click=_do,
        args=(_keep, session, keeping, str(name).strip(), expected),
    )


def _expected(keeping: _Keeping) -> str:
    """The field of the expected answer, at first the corrected one."""
    corrected = widgets.shown(keeping.rating.corrected or "")
    field = st.text_area if "\n" in corrected else st.text_input
    expected = field(
        "What the answer must contain",
        value=corrected,
        key=keeping.key("expected"),
        placeholder="Argentina",
        help="Optional. If empty, new answers are only compared with this one.",
    )
    if keeping.rating.verdict:
        small(f"Your rating, {keeping.rating.verdict}, becomes a mark of the suite.")
    return form.restored(str(expected), keeping.rating.corrected or "")


def _suites_with(session: Session, template: str) -> list[str]:
    """The suites that use a template, without those that cannot be read."""
    matches = []
    for path in suites.suite_paths(session.workspace):
        try:
            if suites.load_suite(session.workspace, path).template.path == template:
                matches.append(path)
        except PromptlabError:
            continue
    return matches


def _short(path: str) -> str:
    return path.removeprefix("fixtures/suites/").removesuffix(".yaml")


def _do(action: Callable[..., None], session: Session, keeping: _Keeping, *words: str) -> None:
    keeping.error = None
    try:
        action(session, keeping, *words)
    except PromptlabError as exc:
        keeping.error = exc


def _keep(session: Session, keeping: _Keeping, suite: str, expected: str) -> None:
    run = session.store.run(keeping.result.run_id)
    keeping.kept = suites.keep_answers(
        session.workspace,
        session.store,
        run,
        [keeping.result],
        suite,
        expected=expected if expected.strip() else None,
        ratings={keeping.result.id: keeping.rating},
        by=_git_name(session),
    )


def _git_name(session: Session) -> str:
    """The user's name in git, without the mail address."""
    return versions.repository_state(session.workspace).identity.partition(" <")[0]


def _done(kept: KeptAnswers) -> None:
    if kept.cases:
        note("info", f"Added to {_short(kept.suite)} as the case {kept.cases[0]}", "The answer is in the recording.")
    else:
        note("info", f"{_short(kept.suite)} already has this question", "The answer is now its recorded answer.")
    for line in kept.left_out:
        small(f"Left out: {line}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links.to("suites", "Open the suite", icon=":material/fact_check:", suite=kept.suite)
        st.button("Close", key="keep-test-close", on_click=_dismissed)


__all__ = ["can_be_kept", "dialog", "open_dialog"]
