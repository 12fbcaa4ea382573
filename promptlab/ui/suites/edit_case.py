"""The dialogs that add, edit and retire a case and upload a file of cases. Each shows its change first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import streamlit as st

from promptlab import suites
from promptlab.errors import InputError, PromptlabError
from promptlab.suites import Case, CaseDraft, Suite
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import note, small
from promptlab.ui.state.session import Session
from promptlab.ui.suites import change, upload_view
from promptlab.ui.suites.wording import as_text

_OPEN = "suite-case-open"
TEXT, SEVERAL, JSON, NOTHING = "A text", "Any of several texts", "JSON", "Nothing"
TITLES = {"new": "Add a case", "edit": "Edit a case", "retire": "Retire a case", "upload": "Upload cases"}


@dataclass
class _Editing:
    """The open dialog: what it does, and to which case. `turn` gives its fields new keys each time."""

    what: str
    case: str
    turn: int

    def key(self, name: str) -> str:
        return f"case-{name}-{self.turn}"


def open_new() -> None:
    _open("new", "")


def open_edit(case: str) -> None:
    _open("edit", case)


def open_retire(case: str) -> None:
    _open("retire", case)


def open_upload() -> None:
    _open("upload", "")


def _open(what: str, case: str) -> None:
    turn = st.session_state["suite-case-turn"] = st.session_state.get("suite-case-turn", 0) + 1
    st.session_state[_OPEN] = _Editing(what, case, turn)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def dialogs(session: Session, suite: Suite) -> None:
    """Draw the dialog that is open."""
    editing: _Editing | None = st.session_state.get(_OPEN)
    if editing:
        draw = {"retire": _retire, "upload": _upload}.get(editing.what, _edit)
        st.dialog(TITLES[editing.what], width="large", on_dismiss=_close)(frame.guarded(_guard))(
            session, suite, editing, draw
        )


def _guard(session: Session, suite: Suite, editing: _Editing, draw: Any) -> None:
    if st.session_state.get(_OPEN) is not editing:  # closed, or opened anew for another case
        st.rerun()
    draw(session, suite, editing)


def _edit(session: Session, suite: Suite, editing: _Editing) -> None:
    case = session.suites.cases(session.workspace, suite).get(editing.case)
    if editing.what == "edit" and case is None:
        note("warn", f"The case {editing.case} is no longer in the suite")
        return
    if case:
        small(f"{case.id}, in {case.place}")
        id = case.id
    else:
        id = st.text_input("Id", key=editing.key("id"), placeholder="final-winner", help="It stays: recordings use it.")
    inputs, wrong = _inputs(suite, editing, case)
    expected, bad = _expected(editing, case)
    tags = st.text_input("Tags, separated by commas", ", ".join(case.tags) if case else "", key=editing.key("tags"))
    if wrong or bad:
        return
    draft = CaseDraft(id.strip(), inputs, expected, tuple(part.strip() for part in tags.split(",") if part.strip()))
    if not draft.id:
        small("Give the case an id, and the change is shown here.")
        return
    try:
        plan = suites.plan_case(session.workspace, suite.path, draft, replaces=case.id if case else "")
    except PromptlabError as exc:
        _problem(exc)
        return
    change.draw(session, plan, key=editing.key("change"), label="Write the case", after=_close)


def _inputs(suite: Suite, editing: _Editing, case: Case | None) -> tuple[dict[str, Any], bool]:
    """The inputs as filled in, and whether one of them is wrong."""
    values: dict[str, Any] = {}
    wrong = False
    for name, spec in suite.template.inputs.items():
        given = case.inputs.get(name) if case else None
        start = "" if given is None else as_text(given)
        as_json = spec.type != "string" or not isinstance(given, str | None)
        label = f"{name}, as JSON" if as_json else name
        text = st.text_area(label, start, height=80, key=editing.key(f"input-{name}"))
        if text == start and given is not None:
            values[name] = given
        elif text == "" and (given is None or spec.default is not None):
            continue
        elif as_json:
            values[name], bad = _json(text)
            wrong = wrong or bad
        else:
            values[name] = text
    for name, given in (case.inputs if case else {}).items():
        values.setdefault(name, given) if name not in suite.template.inputs else None
    return values, wrong


def _json(text: str) -> tuple[Any, bool]:
    try:
        return json.loads(text), False
    except ValueError as exc:
        note("bad", "This is no JSON", str(exc))
        return None, True


def _expected(editing: _Editing, case: Case | None) -> tuple[Any, bool]:
    """What is expected as filled in, and whether it is wrong."""
    given = case.expected if case else ""
    several = isinstance(given, list) and all(isinstance(one, str) and "\n" not in one for one in given)
    kind = NOTHING if given is None else TEXT if isinstance(given, str) else SEVERAL if several else JSON
    chosen = st.segmented_control(
        "Expected", [TEXT, SEVERAL, JSON, NOTHING], default=kind, required=True, key=editing.key("kind")
    )
    if chosen == NOTHING:
        return None, False
    label = {
        TEXT: "The right answer",
        SEVERAL: "The right answers, one on each line",
        JSON: "The right answer, as JSON",
    }
    start = "" if given is None else "\n".join(given) if several and chosen != JSON else as_text(given)
    if chosen == JSON and isinstance(given, str | list):
        start = json.dumps(given, ensure_ascii=False)
    text = st.text_area(label[chosen], start, height=80, key=editing.key(f"expected-{chosen}"))
    if chosen == JSON:
        return (given, False) if text == start and kind == JSON else _json(text)
    if chosen == SEVERAL:
        return [line.strip() for line in text.splitlines() if line.strip()], False
    return (text or None), False


def _problem(exc: PromptlabError) -> None:
    what = exc.what if isinstance(exc, InputError) else exc.message
    field = exc.field if isinstance(exc, InputError) else ""
    place = "Expected" if field.endswith("expected") else "Id" if field.endswith("id") else field.replace("inputs.", "")
    note("bad", f"{place.capitalize()}: this cannot be written" if place else "This cannot be written", what, exc.hint)


def _retire(session: Session, suite: Suite, editing: _Editing) -> None:
    small(f"{editing.case} is asked no more. Earlier runs keep its answers, and Undo brings it back.")
    try:
        plan = suites.plan_retired(session.workspace, suite.path, editing.case)
    except PromptlabError as exc:
        _problem(exc)
        return
    change.draw(session, plan, key=editing.key("change"), label="Retire the case", after=_close)


def _upload(session: Session, suite: Suite, editing: _Editing) -> None:
    file = st.file_uploader(
        "File of cases", type=upload_view.FILE_TYPES, key=editing.key("file"), help=upload_view.FILE_HELP
    )
    inputs = ", ".join(suite.template.inputs)
    if file is None:
        small(f"A CSV needs the columns id and expected, and one for each input of the template: {inputs}.")
        return
    try:
        plan, cases = suites.plan_upload(session.workspace, suite.path, file.name, file.getvalue())
    except PromptlabError as exc:
        upload_view.problem(exc, file.name)
        return
    upload_view.preview(cases, file.name)
    change.draw(session, plan, key=editing.key("change"), label=f"Add {len(cases):,} cases", after=_close)
