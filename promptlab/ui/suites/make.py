"""A new suite: a name, a template, models, cases from a file, scorers and thresholds; shown, then written."""

from __future__ import annotations

import streamlit as st

from promptlab import suites, templates
from promptlab.errors import InputError, PromptlabError
from promptlab.suites import SuiteSettings
from promptlab.ui.components import links
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import change, scorer_fields, settings, upload_view

KEY = "make-suite"


def draw(session: Session) -> None:
    """Draw the page of a new suite."""
    st.subheader("New suite", anchor=False)
    paths = templates.template_paths(session.workspace)
    if not paths:
        note(
            "info",
            "There is no template yet",
            "A suite asks the questions of a template: make one on the page Templates.",
        )
        return
    name = st.text_input("Name", key=f"{KEY}-name", placeholder="world-cup", width=320).strip()
    if name and (problem := _name_problem(session, name)):
        note("bad", problem)
    description = st.text_input("Description", key=f"{KEY}-description", placeholder="what this suite checks").strip()
    asked = st.query_params.get("template", "")  # a link from another page may name one
    first = paths.index(asked) if asked in paths else 0
    template = st.selectbox("Template", paths, first, key=f"{KEY}-template", format_func=_short, width=420)
    inputs = templates.load(session.workspace, template).inputs
    small(f"Inputs of this template: {', '.join(inputs) or 'none'}.")
    known = session.catalogue.names()
    models = st.pills(
        "Models", known, selection_mode="multi", default=known[:1], format_func=plain, key=f"{KEY}-models"
    )
    file = st.file_uploader("Cases", type=upload_view.FILE_TYPES, key=f"{KEY}-file", help=upload_view.FILE_HELP)
    upload = (file.name, file.getvalue()) if file else None
    if upload:
        try:
            upload_view.preview(suites.uploaded_cases(session.workspace, template, upload), upload[0])
        except PromptlabError as exc:
            upload_view.problem(exc, upload[0])
            return
    else:
        small("Or leave it empty, and add cases one by one afterwards. A CSV file needs the columns id and expected, "
              f"and one for each input: {', '.join(['id', *inputs, 'expected'])}.")  # fmt: skip
    scorers = scorer_fields.scorer_fields(KEY, ())
    thresholds = scorer_fields.threshold_fields(KEY, (), models or (), ())
    st.divider()
    if not name or scorers is None or thresholds is None:
        small("Give the suite a name, and it is shown here as it would be written." if not name else "")
        return
    _plan(session, name, SuiteSettings(template, tuple(models), description, scorers, thresholds), upload)


def _plan(session: Session, name: str, given: SuiteSettings, upload: tuple[str, bytes] | None) -> None:
    try:
        plan, _ = suites.plan_new_suite(session.workspace, name, given, upload=upload)
    except PromptlabError as exc:
        settings.problem(exc)
        return
    change.draw(session, plan, key=KEY, label="Make the suite", after=lambda: _made(plan.suite, bool(upload)))


def _made(path: str, has_cases: bool) -> None:
    scorer_fields.forget(KEY)
    links.address(suite=path, **({} if has_cases else {"view": "cases"}))


def _name_problem(session: Session, name: str) -> str:
    try:
        suites.new_suite_path(session.workspace, name)
    except InputError as exc:
        return f"{exc.what.replace('`', chr(39))}: {exc.hint}"
    return ""


def _short(path: str) -> str:
    return path.removeprefix("templates/").removesuffix(".yaml")
