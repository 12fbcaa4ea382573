"""The page Models: every model of the catalogue, with its state, context window, clearance, file and GPU."""

from __future__ import annotations

import streamlit as st

from promptlab import workspace
from promptlab.models import Held, ModelStatus, url_without_secrets
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup, note
from promptlab.ui.state.session import Session
from promptlab.workspace import LlamaModel, OpenAIModel

_MAY_READ = {
    "public": "public text only",
    "internal": "public and internal text",
    "confidential": "all text, confidential included",
}


def page(session: Session) -> None:
    """Draw the page."""
    st.subheader("Models", anchor=False)
    widgets.small("The models of promptlab.yaml. API keys come from environment variables.")
    if not session.statuses:
        note("info", "No models yet", "Add one under `models:` in promptlab.yaml. docs/models.md shows how.")
    for pattern in workspace.unmatched_patterns(session.workspace):
        note(
            "warn",
            f"The label pattern `{pattern}` matches no file",
            "Check its spelling, or remove it if the file is gone.",
        )
    for status in session.statuses:
        with st.container(key=f"row-model-{status.name}", gap="small"):
            _model(session, status)


def _model(session: Session, status: ModelStatus) -> None:
    marks = [
        chip("not ready", "warn") if not status.ready else chip("ready", "good") if status.tried else chip("not tried")
    ]
    if status.loaded:
        marks.append(chip("in memory"))
    markup(f'<div class="pl-model"><span class="pl-name">{escape(status.name)}</span>{"".join(marks)}</div>')
    if status.reason:
        note("info" if status.ready else "warn", "What to do" if not status.ready else "Note", status.reason)
    entry = session.catalogue.entry(status.name)
    markup(widgets.facts_table(_facts(entry, status)))
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


def _facts(entry: LlamaModel | OpenAIModel | None, status: ModelStatus) -> list[tuple[str, object]]:
    """The rows of the table of a model."""
    rows: list[tuple[str, object]] = [("Runs", _where(entry))]
    if isinstance(entry, OpenAIModel):
        rows += [
            ("Model", entry.model),
            ("Address", url_without_secrets(entry.base_url) if entry.base_url else "the provider's own"),
        ]
        rows += [("Key", f"from {entry.api_key_env}" if entry.api_key_env else "none needed")]
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
