"""The page Models: every model of promptlab.yaml with its last real result and its price; add, test, change, remove."""

from __future__ import annotations

import streamlit as st

from promptlab import workspace
from promptlab.models import Held, ModelStatus, Price, price_of, url_without_secrets
from promptlab.runs import cost_text
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note
from promptlab.ui.models import change, fitting, memory, trying
from promptlab.ui.state.session import Session
from promptlab.ui.state.spent import QUICK, Sum
from promptlab.workspace import LlamaModel, OpenAIModel

_MAY_READ = {
    "public": "public text only",
    "internal": "public and internal text",
    "confidential": "all text, confidential included",
}
_STATES = {True: ("works", "good"), False: ("failed", "bad"), None: ("not tried", "")}


def page(session: Session) -> None:
    """Draw the page."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Models", anchor=False)
        change.add_button()
    widgets.small("The models of promptlab.yaml. API keys come from environment variables.")
    change.draw(session)
    fitting.draw(session)
    if not session.statuses:
        note("info", "No models yet", "Add one here, or under `models:` in promptlab.yaml.")
    for pattern in workspace.unmatched_patterns(session.workspace):
        note(
            "warn",
            f"The label pattern `{pattern}` matches no file",
            "Check its spelling, or remove it if the file is gone.",
        )
    spent = session.spent.now()
    if spent is None and any(isinstance(entry, OpenAIModel) for entry in session.workspace.models.values()):
        st.fragment(frame.guarded(_wait_for_sum), run_every=1)(session)
    for status in session.statuses:
        with st.container(key=f"row-model-{status.name}", gap="xsmall"):
            _model(session, status, spent)


def _wait_for_sum(session: Session) -> None:
    """Say that the costs of a long history are being added up, and show them once they are."""
    if session.spent.now(0) is not None:
        st.rerun()
    widgets.small("What was spent so far is being added up.")


def _model(session: Session, status: ModelStatus, spent: Sum | None) -> None:
    entry = session.catalogue.entry(status.name)
    word, kind = _STATES[status.works] if status.ready else ("not ready", "warn")
    marks = [chip(word, kind), *([chip("in memory")] if status.loaded else [])]
    title = f'<div class="pl-model"><span class="pl-name">{escape(status.name)}</span>{"".join(marks)}</div>'
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.html(title, width="content")
        with st.container(horizontal=True, gap="small", width="content"):
            trying.button(session, status)
            if entry is not None:
                change.edit_button(status.name)
                change.remove_button(status.name)
    if status.reason:
        note("info" if status.ready else "warn", "What to do" if not status.ready else "Note", status.reason)
    trying.result(session, status)
    price = price_of(session.catalogue, status.name)
    costs = _costs(entry, price, status.name, spent)
    widgets.small(_summary(entry, status))
    memory.draw(session, status)
    for what, words in costs:
        widgets.small(f"{what}: {words}")
    with st.expander("Details", key=f"model-details-{status.name}"):
        markup(widgets.facts_table(_facts(session, entry, status)))
    if isinstance(entry, LlamaModel) and status.file is None:
        _prepare(session, status)
    elif isinstance(entry, LlamaModel) and not (status.ready and status.tried):
        _try(session, status)
    elif (
        status.held
        and (status.held.states or status.held.files)
        and st.button("Clear the prefix cache", icon=":material/delete:", key=f"forget-{status.name}")
    ):
        session.catalogue.forget_prefixes(status.name)
        st.rerun()


def _summary(entry: LlamaModel | OpenAIModel | None, status: ModelStatus) -> str:
    """The model in one line: what it is and where, its window, and what it may read."""
    parts = [f"{entry.model} at {_address(entry)}" if isinstance(entry, OpenAIModel) else f"Runs {_where(entry)}"]
    parts.append(f"window {status.window:,} tokens" if status.window else "window unknown")
    parts.append(f"may read {_MAY_READ[status.clearance]}")
    return " · ".join(parts)


def _address(entry: OpenAIModel) -> str:
    return url_without_secrets(entry.base_url) if entry.base_url else "OpenAI"


def _facts(session: Session, entry: LlamaModel | OpenAIModel | None, status: ModelStatus) -> list[tuple[str, object]]:
    """The rows of the table of a model."""
    rows: list[tuple[str, object]] = [("Runs", _where(entry))]
    if isinstance(entry, OpenAIModel):
        rows += [
            ("Model", entry.model),
            ("Address", _address(entry)),
            ("Key", _key(session, entry.api_key_env)),
        ]
    rows += [
        ("Context window", f"{status.window:,} tokens" if status.window else "unknown"),
        ("May read", _MAY_READ[status.clearance]),
    ]
    if isinstance(entry, LlamaModel):
        rows += [
            ("Size on disk", widgets.size(status.size_bytes)),
            ("CPU code", f"{status.cpu}, tried on this processor" if status.cpu else "known once it was tried"),
            ("GPU", status.gpu or "known once the file is ready"),
            (
                "Batching",
                f"up to {entry.throughput} answers at a time" if entry.throughput else "off: one answer at a time",
            ),
            ("Loaded", "yes" if status.loaded else "on the first request"),
            ("Prefix cache", _prefix_cache(status.held, batching=bool(entry.throughput))),
            ("File", status.file or ""),
        ]
    return rows


def _key(session: Session, variable: str | None) -> str:
    if variable is None:
        return "none is sent"
    return f"from {variable}, which is {'set' if session.catalogue.variable_is_set(variable) else 'not set'}"


def _costs(
    entry: LlamaModel | OpenAIModel | None, price: Price | None, name: str, spent: Sum | None
) -> list[tuple[str, str]]:
    """What an API costs, and what its answers in the history cost at today's price. Local models have no price."""
    if not isinstance(entry, OpenAIModel):
        return []
    rows = [("Price", price.words if price else "unknown: set it under Edit")]
    taken = spent.by_model.get(name) if spent is not None else None
    if spent is not None and taken is not None:
        cost = None if price is None else price.of(taken.prompt, taken.new, taken.reused)
        answers = f"{taken.answers:,} answer{'' if taken.answers == 1 else 's'}"
        silent = f", without {taken.uncounted:,} that did not say their tokens" if taken.uncounted else ""
        counted = f" (added up at {widgets.clock(spent.at)})" if spent.seconds > QUICK else ""
        rows.append(("Spent so far", f"{cost_text(cost)} for {answers}, at today's price{silent}{counted}"))
    return rows


def _prefix_cache(held: Held | None, *, batching: bool) -> str:
    if held is None:
        return "known once the file is ready"
    if batching:  # the prompts are in the KV cache of the window: no extra memory, and never written to disk
        return f"{_count(held.states, 'prompt')} in the KV cache"
    memory = f"{_count(held.states, 'state')} in memory, {widgets.size(held.state_bytes)}"
    return f"{memory}; {_count(held.files, 'file')} on disk, {widgets.size(held.file_bytes)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _where(entry: LlamaModel | OpenAIModel | None) -> str:
    if isinstance(entry, LlamaModel):
        return "on this machine, with llama.cpp"
    if isinstance(entry, OpenAIModel):
        return "on a server with an OpenAI-compatible API"
    return "as a backend that the program provides"


def _try(session: Session, status: ModelStatus) -> None:
    if st.button("Try it on this processor", icon=":material/play_arrow:", key=f"try-{status.name}"):
        with st.spinner("Trying it"):
            session.catalogue.try_out(status.name)
        st.rerun()


def _prepare(session: Session, status: ModelStatus) -> None:
    if not st.button("Prepare the file", icon=":material/download:", key=f"prepare-{status.name}"):
        return
    bar = st.progress(0.0, text="Preparing the file")

    def show(done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, text=f"{widgets.size(done)} of {widgets.size(total)}")

    session.catalogue.prepare(status.name, show)
    st.rerun()
