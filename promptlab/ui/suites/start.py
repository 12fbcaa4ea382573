"""The buttons Replay and Ask. The dialog of Ask chooses prompts, models and limits, and estimates calls and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.suites import AskOptions, Estimate, ModelEstimate, Suite, SuiteRun, Verb, estimate_suite
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites.wording import VERBS, time_words

_OPEN = "suite-asks-open"
STORED, CURRENT, RECORD = "Rerun the stored prompts", "Rerun current prompts", "Record"
_HELP = {
    STORED: "Sends the recorded prompts again, byte for byte. Shows the effect of a new model or library.",
    CURRENT: "Renders the prompts with the current template. Shows the effect of an edit on the answers.",
    RECORD: "Renders the prompts with the current template and records the new answers as the baseline.",
}


@dataclass
class _Asks:
    """The state of the dialog: the estimate, and `of`, the choice it was made for."""

    path: str
    turn: int
    of: tuple[Verb, AskOptions] | None = None
    estimate: Estimate | None = None
    error: PromptlabError | None = None

    def key(self, name: str) -> str:
        return f"asks-{name}-{self.turn}"


def buttons(session: Session, suite: Suite, *, recorded: bool, busy: bool) -> None:
    """Draw the buttons of one suite, and the dialog if it is open."""
    st.button(
        "Replay",
        icon=":material/replay:",
        key="suite-replay",
        type="primary" if recorded else "secondary",
        disabled=busy or not recorded,
        help="Render every case again and compare it with the recording. No model is asked.",
        on_click=session.suites.replay,
        args=(session.workspace, suite.path),
    )
    st.button(
        "Run …",
        icon=":material/play_arrow:",
        key="suite-ask",
        type="secondary" if recorded else "primary",
        disabled=busy,
        help="Rerun or record: ask the models. The plan with calls, tokens, price and time comes first.",
        on_click=_open,
        args=(suite.path,),
    )
    asks: _Asks | None = st.session_state.get(_OPEN)
    if asks and asks.path == suite.path:
        st.dialog("Run the suite", width="medium", on_dismiss=_dismissed)(frame.guarded(_draw))(
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
    action = st.segmented_control(
        "Action",
        [STORED, CURRENT, RECORD] if recorded else [RECORD],
        default=STORED if recorded else RECORD,
        required=True,
        key=asks.key("what"),
    )
    small(_HELP[action])
    verb: Verb = "record" if action == RECORD else "rerun"
    models = _models(session, suite, asks, verb)
    if not models:
        return
    options = _options(session, suite, asks, verb, action, models)
    earlier = suites.run_to_resume(suite, session.suites.log, verb, options)
    fresh = _fresh(asks, earlier) if earlier else False
    if asks.of != (verb, options):
        _estimate(session, suite, asks, verb, options)
    if asks.error:
        note("bad", "The suite cannot be run", asks.error.message, asks.error.hint)
    else:
        show_estimate(asks.estimate)
    st.button(
        "Record" if verb == "record" else "Rerun",
        type="primary",
        icon=":material/play_arrow:",
        key="asks-start",
        disabled=bool(asks.error) or not (asks.estimate and asks.estimate.models),
        on_click=_start,
        args=(session, suite, verb, options, not fresh),
    )


def _models(session: Session, suite: Suite, asks: _Asks, verb: Verb) -> list[str]:
    """The models to ask: to record, those of the suite; to rerun, any of the catalogue."""
    names = list(suite.models) if verb == "record" else [*suite.models, *session.catalogue.names()]
    known = set(session.catalogue.names())
    statuses = [session.catalogue.status(name) for name in dict.fromkeys(names) if name in known]
    ready = [status.name for status in statuses if status.ready]
    for name in suite.models:
        if name not in known:
            note("warn", f"{name} is not in promptlab.yaml", "The suite lists it, but it will not be asked.")
    for status in statuses:
        if not status.ready and status.name in suite.models:
            note("warn", f"{status.name} is not ready", status.reason)
    if not ready:
        note("bad", "No model is ready", "The page Models shows what each model needs.")
        return []
    own = [name for name in ready if name in suite.models]
    chosen = st.pills(
        "Models", ready, selection_mode="multi", default=own, format_func=plain, key=asks.key(f"models-{verb}")
    )
    if not chosen:
        small("Choose at least one model.")
    return [name for name in ready if name in chosen]


def _options(session: Session, suite: Suite, asks: _Asks, verb: Verb, action: str, models: list[str]) -> AskOptions:
    only_failed = False
    if verb == "rerun" and any(run.done for run in session.suites.log.runs(suite.path, verb="rerun", limit=5)):
        only_failed = st.toggle("Only items that did not pass in the last rerun", key=asks.key("failed"))
    with st.container(horizontal=True, gap="small"):
        limit = st.number_input("Maximum items", min_value=1, value=None, step=1, key=asks.key("limit"))
        tokens = st.number_input("Maximum tokens", min_value=1, value=None, step=1000, key=asks.key("tokens"))
        cost = st.number_input("Maximum cost (US dollars)", min_value=0.0, value=None, key=asks.key("cost"))
    return AskOptions(
        prompts="stored" if action == STORED else "current",
        # None for the suite's own models, as on the command line, so that each can continue a run of the other.
        models=None if tuple(models) == suite.models else tuple(models),
        only_failed=only_failed,
        limit=int(limit) if limit else None,
        max_tokens=int(tokens) if tokens else None,
        max_cost=cost,
    )


def _fresh(asks: _Asks, earlier: SuiteRun) -> bool:
    note(
        "info",
        f"Continues an earlier {VERBS[earlier.verb].lower()} with the same choices",
        f"{earlier.done:,} of its {earlier.total:,} items are done; only the rest is asked.",
    )
    return bool(st.toggle("Start again instead", key=asks.key("fresh")))


def _estimate(session: Session, suite: Suite, asks: _Asks, verb: Verb, options: AskOptions) -> None:
    asks.error, asks.estimate, asks.of = None, None, (verb, options)
    try:
        with st.spinner("Rendering every prompt and counting tokens"):
            asks.estimate = estimate_suite(
                session.workspace,
                suite,
                verb=verb,
                options=options,
                catalogue=session.catalogue,
                store=session.store,
                log=session.suites.log,
            )
    except PromptlabError as exc:
        asks.error = exc


def show_estimate(estimate: Estimate | None, *, read: Mapping[str, int] | None = None) -> None:
    """What asking takes at most, a row for each model. `read` are the tokens that a local model must read if it reads
    each shared beginning once."""
    if estimate is None or not estimate.models:
        note("info", "There is nothing to ask", "No item matches your choice.")
        return
    shared = ("To read, shared once",) if read else ()
    heads = ("Model", "Calls", "Prompt tokens", *shared, "Answer tokens at most", "Price at most", "Time at most here")
    cells = "".join(f'<th class="pl-n">{head}</th>' for head in heads[1:])
    rows = "".join(_row(one, read) for one in estimate.models)
    markup(
        f'<div class="pl-wide"><table class="pl-table pl-plan" aria-label="Plan"><tr><th>{heads[0]}</th>{cells}</tr>'
        f"{rows}</table></div>"
    )
    small(_total(estimate))


def _total(estimate: Estimate) -> str:
    """What everything takes at most, and what of it is not known."""
    parts = [f"{estimate.calls:,} calls"]
    if estimate.max_tokens is not None:
        parts.append(f"{estimate.max_tokens:,} tokens")
    if estimate.max_cost is not None:
        parts.append(f"${estimate.max_cost:,.4f}")
    unknown = sorted({one.model for one in estimate.models if one.cost is None})
    notes = [f"No price is known of {', '.join(unknown)}."] if unknown else []
    notes += ["Prompt tokens that are estimated count half as much again."] if estimate.is_estimated else []
    return " ".join([f"In all at most: {', '.join(parts)}.", *notes])


def _row(one: ModelEstimate, read: Mapping[str, int] | None) -> str:
    name = {"answer": one.model, "judge": f"judge {one.model}", "cause": f"finding causes, {one.model}"}[one.role]
    if one.problem:
        cells = f'<td class="pl-n">{one.calls:,}</td><td colspan="{5 if read else 4}">{escape(one.problem)}</td>'
        return f"<tr><td>{escape(name)}</td>{cells}</tr>"
    about = "" if one.exact else "about "
    refused = f"<br>{one.refused:,} do not fit and are not sent" if one.refused else ""
    cost = "not known" if one.cost is None else f"${one.cost:,.4f}"
    minutes = "not known" if one.minutes is None else time_words(60 * one.minutes)
    known = one.role == "answer" and one.model in (read or {})
    shared = ((f"{read[one.model]:,}" if read and known else "not known"),) if read else ()
    values = (f"{one.calls:,}", f"{about}{one.prompt:,}", *shared, f"{one.new:,}", cost, minutes)
    cells = "".join(f'<td class="pl-n">{escape(value)}</td>' for value in values)
    return f"<tr><td>{escape(name)}{refused}</td>{cells}</tr>"


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
