"""The page Runs: every run of this workspace, newest first, with search; one run with its answers and provenance."""

from __future__ import annotations

import streamlit as st

from promptlab.runs import RunInfo
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import escape, markup, note
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import answers, reopen

PAGE = 20


def page(session: Session) -> None:
    """Draw the list, or the run in the address."""
    wanted = st.query_params.get("run")
    if wanted:
        _run(session, wanted)
    else:
        _list(session)


def _list(session: Session) -> None:
    st.subheader("Runs", anchor=False)
    known = session.store.runs(limit=500)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="runs-text",
            icon=":material/search:",
            placeholder="words in an answer, message or title",
            persist_state="session",
        )
        template = st.selectbox(
            "Template",
            ["", *sorted({r.template for r in known})],
            key="runs-template",
            format_func=_any,
            width=260,
            persist_state="session",
        )
        model = st.selectbox(
            "Model",
            ["", *sorted({m for r in known for m in r.models})],
            key="runs-model",
            format_func=_any,
            width=200,
            persist_state="session",
        )
    version = st.query_params.get("version", "")
    if version:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            widgets.small(f"Only runs of the template version {version[:7]} (its git blob).")
            st.button("Show all versions", type="tertiary", key="runs-every", on_click=_any_version)
    before = st.session_state.get("runs-before", [])
    query = (text, template, model, version)
    if st.session_state.get("runs-asked") != query:  # another search starts at the first page
        st.session_state["runs-asked"], st.session_state["runs-before"] = query, (before := [])
    # One more than a page shows, to know if there is an older page.
    matches = session.store.runs(
        limit=PAGE + 1,
        before=before[-1] if before else None,
        template=template or None,
        model=model or None,
        text=text or None,
        blob=version or None,
    )
    if not matches:
        if any(query):
            note("info", "No run matches", "Try fewer words, or another template or model.")
        else:
            note(
                "info",
                "There is no run yet",
                "Runs of the workbench and of `promptlab compare` appear here.",
            )
        return
    for run in matches[:PAGE]:
        _line(session, run)
    _page_buttons(matches)


def _any(choice: str) -> str:
    return choice or "any"


def _line(session: Session, run: RunInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"run-{run.id[:12]}"):
        markup(
            f'<div class="pl-run"><span class="pl-num pl-muted">{escape(widgets.clock(run.created))}</span>'
            f"<span><b>{escape(run.title or 'run')}</b> "
            f'<span class="pl-muted">{escape(_short(run.template))}</span></span>'
            f'<span class="pl-muted">{escape(", ".join(run.models))}</span><span>{_state(session, run)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-{run.id[:12]}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(run.id,),
        )


def _short(template: str) -> str:
    return template.removeprefix("templates/").removesuffix(".yaml")


def _state(session: Session, run: RunInfo) -> str:
    if run.done < run.total:
        job = session.jobs.get(run.id)
        if job and job.running:
            return widgets.chip("running", "live")
        return widgets.chip(f"interrupted: {run.done} of {run.total}", "warn")
    if run.failed:
        return widgets.chip(f"{run.failed} of {run.total} failed", "bad")
    return widgets.chip(f"{run.total} answer{'s' if run.total != 1 else ''}")


def _open(run_id: str) -> None:
    links.address(**{**st.query_params.to_dict(), "run": run_id[:12]})


def _close() -> None:
    st.query_params.pop("run", None)


def _any_version() -> None:
    st.query_params.pop("version", None)


def _page_buttons(matches: list[RunInfo]) -> None:
    pages: list[RunInfo] = st.session_state["runs-before"]
    with st.container(horizontal=True, gap="small"):
        if pages and st.button("Newer", icon=":material/chevron_left:", key="runs-newer"):
            st.session_state["runs-before"] = pages[:-1]
            st.rerun()
        if len(matches) > PAGE and st.button("Older", icon=":material/chevron_right:", key="runs-older"):
            st.session_state["runs-before"] = [*pages, matches[PAGE - 1]]
            st.rerun()


def _run(session: Session, run_id: str) -> None:
    st.button("All runs", icon=":material/arrow_back:", type="tertiary", key="runs-all", on_click=_close)
    run = session.store.run(run_id)
    results = session.results(run)
    st.subheader(widgets.plain(_short(run.template)), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        reopen.button(session, run, results)
    answers.stored_row(session, run, results)
    st.markdown("#### Provenance")
    origin = run.origin
    params = next((answers.parameters(r.request) for r in results if r.request), [])
    # A run of another tool has promptlab's defaults for the parameters that its file does not name.
    not_known = (r.completion.details.get("not_known", ()) for r in results if r.completion)
    unknown = {name.replace("_", " ") for names in not_known for name in names}
    without = next((r.without for r in results if r.without), ())
    revision = f"{origin.git_revision[:12]}{', with an edited template' if origin.git_dirty else ''}"
    markup(
        widgets.facts_table(
            [
                ("Run", run.id),
                ("Template", run.template),
                ("Template (git blob)", origin.template_blob),
                ("Git revision", revision if origin.git_revision else "not in a git repository"),
                ("Switched off", ", ".join(s.replace("_", " ") for s in without)),
                *((name.capitalize(), "not known" if name in unknown else value) for name, value in params),
                *((f"Model {r.model}", r.completion.fingerprint if r.completion else "") for r in results),
                ("Versions", ", ".join(f"{name} {version}" for name, version in origin.versions.items())),
            ]
        )
    )
    for result in results:
        if result.request:
            sources = [
                (f"{s.section}: {s.name}", f"sha256 {s.sha256[:16]} · {s.label}") for s in result.request.prompt.sources
            ]
            if sources:
                st.markdown("#### Sources of the prompt")
                markup(widgets.facts_table(sources))
            break
