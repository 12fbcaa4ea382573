"""One run: its answers, a page at a time if there are many, and all that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from promptlab.runs import Rating, RunInfo
from promptlab.types import Result
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import markup, note
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import answers, export_answers, reopen, row_actions, rows
from promptlab.ui.workbench.rows import Row

PAGE = 10
"""Answers of a long run on one page."""


def draw(session: Session, run_id: str) -> None:
    """The run whose id begins with `run_id`."""
    st.button("All runs", icon=":material/arrow_back:", type="tertiary", key="runs-all", on_click=_close)
    run = session.store.run(run_id)
    st.subheader(widgets.plain(run.template.removeprefix("templates/").removesuffix(".yaml")), anchor=False)
    if run.deleted:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            note("warn", "This run is deleted", "Its answers are not used again, and it is in no list.")
            st.button(
                "Bring back", icon=":material/undo:", key="run-restore", on_click=_restore, args=(session, run.id)
            )
    export_answers.dialog(session)
    results = _page_of(session, run) if run.many else session.results(run)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        reopen.button(session, run, results)
        answers.view_switch()
    ratings = session.store.ratings.of(result.id for result in results)
    rows.draw(session, Row(run, results, ratings, on_page=True))
    if run.many:
        _many(session, results, ratings)
    _provenance(run, results)


def _many(session: Session, results: Sequence[Result], ratings: Mapping[str, Rating]) -> None:
    """The answers of a long run under each other, each beside its question."""
    for result in results:
        with st.container(key=f"row-of-{result.id[:12]}"):
            asked, answered = st.columns([2, 3], gap="medium")
            with asked:
                st.html(f'<div class="pl-asked">{rows.question_html(result)}</div>')
            with answered:
                answers.answer(result, session, ratings.get(result.id))


def _page_of(session: Session, run: RunInfo) -> list[Result]:
    """The answers on the page that was chosen."""
    pages = max(1, -(-run.total // PAGE))
    chosen = 1
    if pages > 1:
        chosen = int(st.number_input(f"Page (1 to {pages:,})", 1, pages, key="run-page", width=160))
    return session.store.results(run.id, among=range((chosen - 1) * PAGE, chosen * PAGE))


def _close() -> None:
    links.leave("run")


def _restore(session: Session, run_id: str) -> None:
    session.store.restore(run_id)
    row_actions.forget_deleted()


def _provenance(run: RunInfo, results: Sequence[Result]) -> None:
    st.markdown("#### Provenance")
    origin = run.origin
    params = next((answers.parameters(r.request) for r in results if r.request), [])
    # A run of another tool has promptlab's defaults for the parameters that its file does not name.
    not_known = (r.completion.details.get("not_known", ()) for r in results if r.completion)
    unknown = {name.replace("_", " ") for names in not_known for name in names}
    without = next((r.without for r in results if r.without), ())
    revision = f"{origin.git_revision[:12]}{', with an edited template' if origin.git_dirty else ''}"
    prints = {r.model: r.completion.fingerprint if r.completion else "" for r in results}
    markup(
        widgets.facts_table(
            [
                ("Run", run.id),
                ("Template", run.template),
                ("Template (git blob)", origin.template_blob),
                ("Git revision", revision if origin.git_revision else "not in a git repository"),
                ("Switched off", ", ".join(s.replace("_", " ") for s in without)),
                *((name.capitalize(), "not known" if name in unknown else value) for name, value in params),
                *((f"Model {model}", fingerprint) for model, fingerprint in prints.items()),
                ("Versions", ", ".join(f"{name} {version}" for name, version in origin.versions.items())),
            ]
        )
    )
    _sources(results)


def _sources(results: Sequence[Result]) -> None:
    """The sources of the first prompt; those of a long run are with each answer."""
    for result in results:
        if result.request:
            sources = [
                (f"{s.section}: {s.name}", f"sha256 {s.sha256[:16]} · {s.label}") for s in result.request.prompt.sources
            ]
            if sources:
                st.markdown("#### Sources of the prompt")
                markup(widgets.facts_table(sources))
            return
