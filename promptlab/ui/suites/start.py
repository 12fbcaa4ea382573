"""Replay, and the dialog that asks models: what, of whom, within which limits, and what it would take, said first."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import AskOptions, ModelEstimate, Suite, SuiteRun, Verb, estimate_trials
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites.wording import VERBS

_OPEN = "suite-asks-open"
STORED, CURRENT, RECORD = "Rerun the stored prompts", "Rerun today's prompts", "Record"
_HELP = {
    STORED: "The recorded prompts go out again, to the byte: what a model or a library change does.",
    CURRENT: "Today's template makes the prompts: what an edit does, held against the recorded answers.",
    RECORD: "Today's prompts go out, and their answers become what is recorded.",
}


@dataclass
class _Asks:
    """The dialog: for which choice an estimate was made, and what it says."""

    path: str
    turn: int
    of: tuple[Verb, AskOptions] | None = None
    found: list[ModelEstimate] = field(default_factory=list)
    trouble: PromptlabError | None = None

    def key(self, name: str) -> str:
        return f"asks-{name}-{self.turn}"


def buttons(session: Session, suite: Suite, *, recorded: bool, busy: bool) -> None:
    """The buttons of one suite, and the dialog where it is open."""
    st.button(
        "Replay",
        icon=":material/replay:",
        key="suite-replay",
        type="primary" if recorded else "secondary",
        disabled=busy or not recorded,
        help="Render every case again and hold it against the recording. No model is asked.",
        on_click=session.suites.replay,
        args=(session.workspace, suite.path),
    )
    st.button(
        "Ask …",
        icon=":material/play_arrow:",
        key="suite-ask",
        type="secondary" if recorded else "primary",
        disabled=busy,
        help="Rerun or record: ask models, after it is said what that takes.",
        on_click=_open,
        args=(suite.path,),
    )
    asks: _Asks | None = st.session_state.get(_OPEN)
    if asks and asks.path == suite.path:
        st.dialog("Ask models", width="medium", on_dismiss=_dismissed)(frame.guarded(_draw))(
            session, suite, asks, recorded=recorded
        )


def _open(path: str) -> None:
    turn = st.session_state["suite-asks-turn"] = st.session_state.get("suite-asks-turn", 0) + 1
    st.session_state[_OPEN] = _Asks(path, turn)


def _dismissed() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, suite: Suite, asks: _Asks, *, recorded: bool) -> None:
    if st.session_state.get(_OPEN) is not asks:
        st.rerun()
    what = st.segmented_control(
        "What",
        [STORED, CURRENT, RECORD] if recorded else [RECORD],
        default=STORED if recorded else RECORD,
        required=True,
        key=asks.key("what"),
    )
    small(_HELP[what])
    verb: Verb = "record" if what == RECORD else "rerun"
    models = _models(session, suite, asks, verb)
    if not models:
        return
    options = _options(session, suite, asks, verb, what, models)
    earlier = suites.run_to_resume(suite, session.suites.log, verb, options)
    fresh = _fresh(asks, earlier) if earlier else False
    if st.button("Say what it takes", icon=":material/calculate:", key="asks-estimate"):
        _estimate(session, suite, asks, verb, options)
    if asks.trouble:
        note("bad", "It cannot be asked", asks.trouble.message, asks.trouble.hint)
    known = asks.of == (verb, options)
    if known:
        _said(asks.found)
    st.button(
        "Record" if verb == "record" else "Rerun",
        type="primary",
        icon=":material/play_arrow:",
        key="asks-start",
        disabled=not known or not asks.found,
        help=None if known else "Say what it takes first.",
        on_click=_start,
        args=(session, suite, verb, options, not fresh),
    )


def _models(session: Session, suite: Suite, asks: _Asks, verb: Verb) -> list[str]:
    """Who is asked: for a record the suite's models, for a rerun any of the catalogue."""
    names = list(suite.models) if verb == "record" else [*suite.models, *session.catalogue.names()]
    known = set(session.catalogue.names())
    statuses = [session.catalogue.status(name) for name in dict.fromkeys(names) if name in known]
    ready = [status.name for status in statuses if status.ready]
    for name in suite.models:
        if name not in known:
            note("warn", f"{name} is not in promptlab.yaml", "The suite names it; it is not asked.")
    for status in statuses:
        if not status.ready and status.name in suite.models:
            note("warn", f"{status.name} is not ready", status.reason)
    if not ready:
        note("bad", "No model is ready", "The page Models says what each of them needs.")
        return []
    own = [name for name in ready if name in suite.models]
    chosen = st.pills(
        "Models", ready, selection_mode="multi", default=own, format_func=plain, key=asks.key(f"models-{verb}")
    )
    if not chosen:
        small("Choose at least one model.")
    return [name for name in ready if name in chosen]


def _options(session: Session, suite: Suite, asks: _Asks, verb: Verb, what: str, models: list[str]) -> AskOptions:
    only_failed = False
    if verb == "rerun" and any(run.done for run in session.suites.log.runs(suite.path, verb="rerun", limit=5)):
        only_failed = st.toggle("Only what did not pass in the last rerun", key=asks.key("failed"))
    with st.container(horizontal=True, gap="small"):
        limit = st.number_input("At most items", min_value=1, value=None, step=1, key=asks.key("limit"))
        tokens = st.number_input("At most tokens", min_value=1, value=None, step=1000, key=asks.key("tokens"))
        cost = st.number_input("At most US dollars", min_value=0.0, value=None, key=asks.key("cost"))
    return AskOptions(
        prompts="stored" if what == STORED else "current",
        # The suite's own models are not named, as on the command line: either goes on with what the other began.
        models=None if tuple(models) == suite.models else tuple(models),
        only_failed=only_failed,
        limit=int(limit) if limit else None,
        max_tokens=int(tokens) if tokens else None,
        max_cost=cost,
    )


def _fresh(asks: _Asks, earlier: SuiteRun) -> bool:
    note(
        "info",
        f"An earlier {VERBS[earlier.verb].lower()} like this one is taken up",
        f"{earlier.done:,} of its {earlier.total:,} items are done; only the others are asked.",
    )
    return bool(st.toggle("Begin anew instead", key=asks.key("fresh")))


def _estimate(session: Session, suite: Suite, asks: _Asks, verb: Verb, options: AskOptions) -> None:
    asks.trouble, asks.of = None, None
    try:
        with st.spinner("Rendering every prompt and counting its tokens"):
            planned = suites.planned_trials(
                session.workspace, suite, verb=verb, options=options, log=session.suites.log
            )
            asks.found = estimate_trials(planned, session.catalogue, session.store)
        asks.of = (verb, options)
    except PromptlabError as exc:
        asks.trouble = exc


def _said(found: list[ModelEstimate]) -> None:
    if not found:
        note("info", "There is nothing to ask", "No item matches what was chosen.")
        return
    lines = "".join(f"<li>{escape(one.said)}</li>" for one in found)
    markup(f'<ul class="pl-checks pl-num" aria-label="What it takes">{lines}</ul>')


def _start(session: Session, suite: Suite, verb: Verb, options: AskOptions, resume: bool) -> None:
    _dismissed()
    st.session_state.pop("suite-run", None)
    session.suites.ask(
        session.workspace,
        suite.path,
        verb,
        options,
        catalogue=session.catalogue,
        store=session.store,
        resume=resume,
    )
