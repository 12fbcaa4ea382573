"""The card of an answer, and the row whose answers are being written. `rows.py` has the rows that have ended."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from promptlab import models
from promptlab._util.json_text import indented, read_json
from promptlab._util.text import clipped, value_in_words
from promptlab.errors import GateRefused, ModelNotFound, ModelNotReady, PromptlabError, WindowExceeded, kind_of
from promptlab.models import ModelStatus, explain_empty_answer
from promptlab.runs import Rating, cost_of, cost_text, duration_text
from promptlab.types import Completion, FinishReason, Request, Result
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain
from promptlab.ui.examples import add_from_answer as add_example
from promptlab.ui.state.jobs import Job, Snapshot
from promptlab.ui.state.session import Session
from promptlab.ui.suites import add_case as keep_test
from promptlab.ui.workbench import rating as rate
from promptlab.ui.workbench import tables

_ENDS: dict[FinishReason, str] = {
    "length": "cut at max tokens",
    "stopped": "stopped by you",
    "content_filter": "held back by the provider's filter",
    "tool_calls": "ended with a tool call",
    "unknown": "reason of its end unknown",
}


_TITLES: dict[type[PromptlabError], str] = {
    GateRefused: "Refused by the gate",
    WindowExceeded: "Does not fit the window",
    ModelNotReady: "Not ready",
    ModelNotFound: "No such model",
}
NOT_SENT = (GateRefused, WindowExceeded)
_VIEW = "shown-as"


def row_head(title: str, created: str, *more: str) -> None:
    """The line above a row: what changed, and when."""
    rest = "".join(f'<span class="pl-small">{escape(text)}</span>' for text in more if text)
    when = escape(widgets.clock(created))
    head = f'<div class="pl-rowhead"><b>{escape(title)}</b><span class="pl-small pl-num">{when}</span>{rest}</div>'
    st.html(head, width="content")


def live_row(job: Job, unready: Sequence[ModelStatus] = ()) -> None:
    """The row whose answers are being written, as they are now."""
    snapshots = job.snapshots()
    with st.container(key=f"row-{job.run_id[:12]}"):
        row_head(job.title, job.created, "stopping …" if job.stopped else "")
        if not tables.draw_live(job):
            columns = st.columns(max(1, len(snapshots)))
            for number, (column, snapshot) in enumerate(zip(columns, snapshots, strict=False)):
                with column:
                    if snapshot.result:
                        answer(snapshot.result)
                    else:
                        _under_way(snapshot, key=f"answer-{job.run_id[:8]}-{number}")
        unready_lines(unready)


def unready_lines(statuses: Sequence[ModelStatus]) -> None:
    """Models that cannot be asked, a line each with what to do."""
    lines = "".join(
        f'<div class="pl-unready"><b>{escape(status.name)}</b> not asked: {escape(status.reason)}</div>'
        for status in statuses
    )
    if lines:
        markup(lines)


def unready_card(status: ModelStatus) -> None:
    """A model that cannot be asked, in the place of its answer."""
    with st.container(gap="xsmall"):
        _head(status.name, chip("not ready"))
        note("info", "Not asked", status.reason)


def answer(result: Result, session: Session | None = None, rating: Rating | None = None) -> None:
    """One column: the answer or the error, and a line with its time, tokens and cost. With `session`, also what can be
    done with it: rate it, see what was sent, keep it."""
    key = result.id[:12]
    with st.container(key=f"answer-{key}", gap="xsmall"):
        _head(result.model, *_marks(result))
        if result.error:
            _failed(result)
        done = result.completion
        if done and done.thinking:
            _thinking(done.thinking, key, done.usage.thinking)
        if result.text:
            _text(result, key)
        elif done and done.finish_reason == "stopped":
            widgets.small("Stopped before the first word.")
        elif done:
            why = explain_empty_answer(done.text, done.thinking, done.usage, done.finish_reason)
            note("warn", "An empty answer", why or "The model stopped, or wrote a stop string, before its first word.")
        if done:
            _warnings(result, done)
        if session is None:
            st.html(metrics_html(result, None))
            return
        _foot(session, result, rating or Rating(result.id), key)


def _warnings(result: Result, done: Completion) -> None:
    if wrong := models.schema_failure(result):
        note("bad", "Not valid under the schema", wrong)
    shown = explain_empty_answer(done.text, done.thinking, done.usage, done.finish_reason)  # shown above already
    for warning in done.details.get("warnings", ()):
        if warning != shown:
            note("warn", "Note", str(warning))


def _foot(session: Session, result: Result, rating: Rating, key: str) -> None:
    """The line of metrics with the thumbs and the menu, and what they opened."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"foot-{key}"):
        st.html(metrics_html(result, cost_of(result, session.catalogue)), width="content")
        if result.request:
            rate.buttons(session, result, rating, key=key)
            _menu(session, result, key)
    rate.line(result, rating, key=key)
    if result.request:
        _details(result, key)
        rate.dialog(session, result)
        add_example.dialog(session, result)
        keep_test.dialog(session, result)


SENT, KEEP, EXAMPLE, CORRECT = "What was sent, all figures", "Keep as a test", "Add as example", "Comment or correct"


def _menu(session: Session, result: Result, key: str) -> None:
    options = [SENT, KEEP, EXAMPLE, CORRECT] if keep_test.can_be_kept(result) else [SENT, EXAMPLE, CORRECT]
    with st.container(key=f"icon-menu-{key}", width="content"):
        st.menu_button(
            f"More for the answer of {plain(result.model)}",
            options,
            icon=":material/more_horiz:",
            type="tertiary",
            key=f"more-{key}",
            on_click=_chosen,
            args=(session, result, key),
        )


def _chosen(session: Session, result: Result, key: str) -> None:
    match st.session_state.get(f"more-{key}"):
        case chosen if chosen == SENT:
            st.session_state[f"details-{key}"] = not st.session_state.get(f"details-{key}")
        case chosen if chosen == KEEP:
            keep_test.open_dialog(result, rate.of(session, result))
        case chosen if chosen == EXAMPLE:
            add_example.open_dialog(result, rate.of(session, result))
        case chosen if chosen == CORRECT:
            rate.open_dialog(result)


def _details(result: Result, key: str) -> None:
    """All figures and the exact messages. They are put on the page only when they are asked for: an article in each
    column is long."""
    if not st.session_state.get(f"details-{key}") or result.request is None:
        return
    if result.completion:
        markup(_facts(result, result.completion))
        if likely := _first_token(result.completion):
            widgets.small(likely)
    widgets.small("What was sent:")
    markup(widgets.messages_html(result.request.prompt))
    widgets.small(" · ".join(f"{name} {value}" for name, value in parameters(result.request)))
    st.button("Close", icon=":material/close:", type="tertiary", key=f"sent-close-{key}", on_click=_close, args=(key,))


def _close(key: str) -> None:
    st.session_state.pop(f"details-{key}", None)


def metrics_html(result: Result, cost: float | None) -> str:
    """One line: the time, the new tokens and the cost, as far as they are known."""
    done = result.completion
    parts = []
    # The times of a stored answer were measured on another day. Beside new ones they would be compared.
    if done and not result.cached:
        parts.append(duration_text(done.timings.total))
    if done and done.usage.written is not None:
        parts.append(f"{done.usage.written:,} tok")
    if cost is not None:
        parts.append(cost_text(cost))
    return f'<div class="pl-metrics">{escape(" · ".join(parts))}</div>'


def _head(model: str, *chips: str) -> None:
    markup(f'<div class="pl-model"><span>{escape(model)}</span>{"".join(chips)}</div>')


def _marks(result: Result) -> list[str]:
    marks = [chip(heading)] if (heading := tables.heading_of(result)) else []
    if result.error:
        marks.append(chip("not sent" if kind_of(result.error_kind) in NOT_SENT else "failed", "bad"))
    if result.cached:
        when = f", {widgets.clock(result.answered_at)}" if result.answered_at else ""
        marks.append(chip(f"answered before{when}"))
    done = result.completion
    if done and done.finish_reason != "stop":
        word = done.details.get("finish")  # the server's own word, if it is one that we do not know
        marks.append(chip(f"ended with “{word}”" if word else _ENDS[done.finish_reason], "warn"))
    if done and done.text and result.request and result.request.schema:
        verdict = models.schema_verdict(result)
        if verdict:
            marks.append(chip("valid", "good") if verdict.valid else chip("not valid", "bad"))
    return marks


def _failed(result: Result) -> None:
    note("bad", _TITLES.get(kind_of(result.error_kind), "Failed"), result.error, result.hint)
    if result.text:
        widgets.small("What arrived before that:")


def _thinking(thinking: str, key: str, tokens: int | None = None) -> None:
    """The model's thinking, folded."""
    counted = f": {tokens:,} tokens" if tokens else ""
    with st.expander(f"Thinking{counted}", key=f"thinking-{key}", type="compact"):
        widgets.mono(thinking, key=f"thought-{key}")


VIEWS = ("Text", "Markdown", "JSON")


def view_switch() -> None:
    """The switch between the raw text of answers and their other views. It holds for all answers that are shown."""
    st.segmented_control(
        "Show answers as",
        VIEWS,
        default="Text",
        required=True,
        key=_VIEW,
        persist_state="session",
        label_visibility="collapsed",
        help="Text is what the model wrote. Markdown loads no pictures and has no links.",
    )


def _text(result: Result, key: str) -> None:
    """The answer in the view that was chosen: as text, unless it is Markdown or JSON that can be shown as such."""
    text, view = result.text, st.session_state.get(_VIEW)
    if view == "Markdown":
        from promptlab.ui.components import markdown_view  # its parser is needed by few pages

        if len(text) <= markdown_view.LONGEST:
            with st.container(key=f"marked-{key}"):
                markup(markdown_view.markdown_html(text))
            return
        widgets.small(f"Longer than {markdown_view.LONGEST:,} characters: shown as text.")
    if view == "JSON":
        try:
            read_json(text)
        except ValueError as exc:
            widgets.small(f"Not JSON ({clipped(str(exc), 80)}): shown as text.")
        else:
            with st.container(key=f"said-{key}"):
                st.code(widgets.shown(indented(text)), language="json", wrap_lines=True)
            return
    if view != "JSON" and result.request and result.request.schema:
        text = indented(text)
    widgets.mono(text, key=f"said-{key}")


def _facts(result: Result, done: Completion) -> str:
    usage, times = done.usage, done.timings
    items: list[tuple[str, str, str]] = []
    if usage.prompt is not None:
        items.append(("in", f"{usage.prompt:,} tok", f"{usage.reused:,} reused" if usage.reused else ""))
    if usage.written is not None:
        items.append(("out", f"{usage.written:,} tok", f"{usage.thinking:,} thinking" if usage.thinking else ""))
    # The times of a stored answer were measured on another day. Beside new ones they would be compared.
    if not result.cached:
        rate = times.tokens_per_second(usage.written)
        waited = f"waited {duration_text(times.waited)}" if times.waited >= 0.05 else ""
        if times.first_token is not None:
            items.append(("first token", duration_text(times.first_token), waited))
        if rate is not None:
            items.append(("speed", f"{rate:,.0f} tok/s" if rate >= 10 else f"{rate:.1f} tok/s", ""))
        items.append(("total", duration_text(times.total), "" if times.first_token is not None else waited))
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}{f'<small>{more}</small>' if more else ''}</dd></div>"
        for name, value, more in items
    )
    return f'<dl class="pl-facts">{cells}</dl>'


def _first_token(done: Completion) -> str:
    """The likeliest first tokens with their probabilities; "" if probabilities were not asked for."""
    rows = done.details.get("logprobs") or ()
    likeliest = rows[0].get("top") if rows else ()
    parts = [f"{_visible(str(token['token']))} {math.exp(token['logprob']):.0%}" for token in likeliest or ()]
    return f"First token: {' · '.join(parts)}" if parts else ""


def _visible(token: str) -> str:
    return token.replace(" ", "␣").replace("\n", "↵") or "(nothing)"


def parameters(request: Request) -> list[tuple[str, str]]:
    """Names and values of the sampling parameters, as text for people."""
    return [(name.replace("_", " "), value_in_words(v)) for name, v in request.body()["params"].items()]


def _under_way(snapshot: Snapshot, *, key: str) -> None:
    """A column whose answer is not there yet: what the model is doing, and for how long."""
    state, phase = snapshot.state, snapshot.phase
    with st.container(key=key, gap="xsmall"):
        words = {
            "starting": "starting",
            "waiting": "waiting",
            "loading": "loading",
            "reading": "reading",
            "retrying": "retrying",
            "thinking": "thinking",
            "writing": "writing",
            "ended": "done",
        }
        heading = snapshot.trial.cell.heading if snapshot.trial.cell else ""
        _head(snapshot.trial.model, *([chip(heading)] if heading else []), chip(words[state], "live"))
        if snapshot.thinking:
            _thinking(snapshot.thinking, f"live-{key}")
        if snapshot.text:
            widgets.mono(snapshot.text, key=f"said-live-{key}")
        counted = state == "loading" and phase and phase.detail  # the backend's text has the seconds already
        since = f"{snapshot.seconds:.0f} s" if snapshot.seconds >= 1 and not counted else ""
        if state == "reading" and phase and phase.total:
            share = min(100.0, 100 * phase.done / phase.total)
            progress = f"Reading the prompt: {phase.done:,} of {phase.total:,} tokens"
            markup(
                f'<div class="pl-small pl-num">{progress}</div>'
                f'<div class="pl-wait"><span style="width:{share:.1f}%"></span></div>'
            )
        elif state != "writing":
            activity = {
                "starting": "Preparing the request",
                "waiting": f"Waiting for its turn: {phase.detail}"
                if phase and phase.detail
                else "Waiting for its turn",
                "loading": "Loading the model into memory" if not (phase and phase.detail) else _sentence(phase.detail),
                "reading": "Reading the prompt",
                "retrying": _sentence(phase.detail) if phase and phase.detail else "Trying again",
                "thinking": "Thinking",
                "ended": "",
            }[state]
            line = " · ".join(part for part in (activity, since) if part)
            markup(f'<div class="pl-small pl-num">{escape(line)}</div><div class="pl-wait pl-open"><span></span></div>')


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:]
