"""Open in workbench: a run's inputs, switches and parameters become the draft of its template."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from promptlab import runs, templates
from promptlab._util.git import blob_id
from promptlab.errors import InputError, PromptlabError
from promptlab.runs import RunInfo
from promptlab.types import InputSpec, Params, Prompt, Result, Section, highest
from promptlab.ui.components import frame, links
from promptlab.ui.components.widgets import note, small
from promptlab.ui.examples.form import sentence
from promptlab.ui.state.drafts import InputOrigin
from promptlab.ui.state.open_template import Opened, open_template
from promptlab.ui.state.session import Session

_OPEN = "reopen-open"
_GO = "reopen-go"


@dataclass(frozen=True)
class Again:
    """What it takes to ask as a run did, as the draft of its template keeps it.

    `lost` are inputs that cannot be had back, `origins` where the others came from. `same` is whether the template, set
    like this, is the one that was asked.
    """

    inputs: Mapping[str, Any]
    without: tuple[Section, ...]
    params: Mapping[str, Any]
    lost: tuple[str, ...]
    same: bool
    origins: Mapping[str, InputOrigin]


def again(opened: Opened, run: RunInfo, result: Result) -> Again:
    """How to ask with the template as `result` was asked."""
    request = result.request
    if request is None:
        raise InputError("what this run sent is not known", hint="it failed before its prompt was made")
    specs = opened.original.inputs
    try:
        texts = runs.inputs_of_result(result)
    except PromptlabError:
        texts = {}
    inputs: dict[str, Any] = {}
    for name, text in texts.items():
        if name in specs and (value := _value(specs[name], text)) is not None:
            inputs[name] = value
    asked = {source.name for source in request.prompt.sources if source.section == "input"}
    lost = tuple(sorted(asked - inputs.keys()))
    params = {f"params.{one.name}": _plain(getattr(request.params, one.name)) for one in fields(Params)}
    changes: dict[str, Any] = {}
    for name, value in params.items():
        changes = templates.with_field(opened.original, changes, name, value)
    applied = templates.edited_as_far_as_possible(opened.original, changes)[0]
    same = blob_id(applied.source) == run.origin.template_blob
    return Again(inputs, result.without, params, lost, same, _origins(request.prompt, inputs))


def _origins(prompt: Prompt, names: Collection[str]) -> dict[str, InputOrigin]:
    """The label that each input had in a prompt, and its files; a text without either is nobody's but who typed it."""
    found: dict[str, InputOrigin] = {}
    for name in names:
        sources = [one for one in prompt.sources if one.section == "input" and one.name == name]
        labels = [one.label for one in sources]
        labels += [span.label for span in prompt.spans if span.section == "input" and span.source == name]
        places = tuple(dict.fromkeys(place for one in sources for place in one.places or ()))
        if places or highest(labels) != "public":
            found[name] = InputOrigin(label=highest(labels), places=places)
    return found


def _value(spec: InputSpec, text: str) -> Any:
    """The text of an input as its field has it; None where it is none of that type."""
    if spec.type == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if spec.type in ("list", "object"):
        return json.dumps(value, ensure_ascii=False, indent=1)
    return value if isinstance(value, bool) == (spec.type == "boolean") and isinstance(value, int | float) else None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def button(session: Session, run: RunInfo, results: Sequence[Result]) -> None:
    """The button of a run, and the question whether edits of its template may go."""
    result = next((one for one in results if one.request), None)
    if st.session_state.pop(_GO, None) == run.id:
        _go(run)
    try:
        opened = open_template(session, run.template)
    except PromptlabError as exc:
        small(f"It cannot be opened on the workbench: {exc.message}.")
        return
    if result is None:
        small("It cannot be opened on the workbench: no prompt of it was kept.")
        return
    found = again(opened, run, result)
    st.button(
        "Open in workbench",
        icon=":material/science:",
        key="reopen",
        help="With the inputs, switches and parameters of this run.",
        on_click=_pressed,
        args=(session, run, opened, found),
    )
    if not found.same:
        small(
            "The template changed since, or was a draft then: its other parts are as they are now, so the prompt may "
            "be another one."
        )
    if found.lost:
        small(f"Not to be had back from the prompt, and left as they are: {', '.join(found.lost)}.")
    if st.session_state.get(_OPEN) == run.id:
        st.dialog("Replace the edits there?", width="medium", on_dismiss=_keep)(frame.guarded(_ask))(
            session, run, opened, found
        )


def _in_the_way(opened: Opened, found: Again) -> list[str]:
    """What the draft holds that would be lost, in words."""
    draft = opened.draft
    there = dict(draft.changes)
    said: list[str] = []
    set_to = {name: value for name, value in there.items() if name in found.params}
    other = [name for name in there if name not in found.params]
    if other or any(value != found.params[name] for name, value in set_to.items()):
        said += templates.changes(opened.original, opened.template) or ["changes of the template"]
    if any(found.inputs.get(name) != value for name, value in draft.inputs.items() if name not in found.lost):
        said.append("other inputs")
    if draft.without and draft.switched_off() != found.without:
        said.append("other switches")
    return said


def _pressed(session: Session, run: RunInfo, opened: Opened, found: Again) -> None:
    if _in_the_way(opened, found):
        st.session_state[_OPEN] = run.id
    else:
        _replace(session, run, opened, found)


def _ask(session: Session, run: RunInfo, opened: Opened, found: Again) -> None:
    if st.session_state.get(_OPEN) != run.id:
        st.rerun()
        return
    there = _in_the_way(opened, found)
    note("warn", "The draft of this template holds edits that are not saved", sentence(", ".join(there)))
    small("They go when this run takes their place. Save them on the workbench first if they are worth keeping.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Replace them",
            type="primary",
            key="reopen-replace",
            on_click=_replace,
            args=(session, run, opened, found),
        )
        st.button("Keep them", key="reopen-keep", on_click=_keep)


def _keep() -> None:
    st.session_state.pop(_OPEN, None)


def _replace(session: Session, run: RunInfo, opened: Opened, found: Again) -> None:
    drafts, path = session.drafts, opened.path
    kept = {name: value for name, value in opened.draft.inputs.items() if name in found.lost}
    # A template that is not on disk yet has its text in the draft: that stays, and only changes of it go.
    base = opened.draft.base if opened.draft.text is not None else None
    origins = {name: one for name, one in opened.draft.origins.items() if name in kept} | dict(found.origins)
    drafts.change(path, base=base, changes={}, inputs={**kept, **found.inputs}, origins=origins, without=found.without)
    now = open_template(session, path)
    drafts.edit(path, now.original.source, found.params)
    _keep()
    st.session_state[_GO] = run.id


def _go(run: RunInfo) -> None:
    # The workbench's own choice of a template outlives the page and would win over the address.
    st.session_state["bench-template"] = run.template
    links.go("workbench", template=run.template)


__all__ = ["Again", "again", "button"]
