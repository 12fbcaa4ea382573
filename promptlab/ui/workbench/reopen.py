"""Open in workbench: the inputs, switches and parameters of a run become the draft of its template."""

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
from promptlab.templates import InputSpec
from promptlab.types import Params, Prompt, Result, Section, highest
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
    """The draft that asks as a run did.

    `lost` are the inputs that cannot be read back from the prompt, `origins` where the others came from. `same` is true
    if the template with these parameters is the one that the run asked with.
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
        raise InputError("the prompt of this run is not known", hint="it failed before its prompt was rendered")
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
    params = {f"params.{field.name}": _plain(getattr(request.params, field.name)) for field in fields(Params)}
    changes: dict[str, Any] = {}
    for name, value in params.items():
        changes = templates.set_field(opened.original, changes, name, value)
    applied = templates.apply_valid_changes(opened.original, changes)[0]
    same = blob_id(applied.source) == run.origin.template_blob
    return Again(inputs, result.without, params, lost, same, _origins(request.prompt, inputs))


def _origins(prompt: Prompt, names: Collection[str]) -> dict[str, InputOrigin]:
    """The label and the files of each input in a prompt. Public inputs without a file were typed, and are left out."""
    origins: dict[str, InputOrigin] = {}
    for name in names:
        sources = [source for source in prompt.sources if source.section == "input" and source.name == name]
        labels = [source.label for source in sources]
        labels += [span.label for span in prompt.spans if span.section == "input" and span.source == name]
        places = tuple(dict.fromkeys(place for source in sources for place in source.places or ()))
        if places or highest(labels) != "public":
            origins[name] = InputOrigin(label=highest(labels), places=places)
    return origins


def _value(spec: InputSpec, text: str) -> Any:
    """The value of an input's field from its text in the prompt; None if the text is no value of that type."""
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
    """The button of a run. If the template has unsaved edits, a dialog asks before they are replaced."""
    result = next((each for each in results if each.request), None)
    if st.session_state.pop(_GO, None) == run.id:
        _go(run)
    try:
        opened = open_template(session, run.template)
    except PromptlabError as exc:
        small(f"This run cannot be opened on the workbench: {exc.message}.")
        return
    if result is None:
        small("This run cannot be opened on the workbench: it has no prompt.")
        return
    wanted = again(opened, run, result)
    st.button(
        "Open in workbench",
        icon=":material/science:",
        key="reopen",
        help="With the inputs, switches and parameters of this run.",
        on_click=_pressed,
        args=(session, run, opened, wanted),
    )
    if not wanted.same:
        small(
            "The template changed since this run, or was an unsaved draft. Its texts are those of today, so the prompt "
            "may differ."
        )
    if wanted.lost:
        small(f"These inputs cannot be read back from the prompt and stay as they are: {', '.join(wanted.lost)}.")
    if st.session_state.get(_OPEN) == run.id:
        st.dialog("Replace the unsaved edits?", width="medium", on_dismiss=_keep)(frame.guarded(_ask))(
            session, run, opened, wanted
        )


def _in_the_way(opened: Opened, wanted: Again) -> list[str]:
    """What of the draft would be lost, in words."""
    draft = opened.draft
    there = dict(draft.changes)
    edits: list[str] = []
    set_to = {name: value for name, value in there.items() if name in wanted.params}
    other = [name for name in there if name not in wanted.params]
    if other or any(value != wanted.params[name] for name, value in set_to.items()):
        edits += templates.describe_changes(opened.original, opened.template) or ["changes of the template"]
    if any(wanted.inputs.get(name) != value for name, value in draft.inputs.items() if name not in wanted.lost):
        edits.append("other inputs")
    if draft.without and draft.switched_off() != wanted.without:
        edits.append("other switches")
    return edits


def _pressed(session: Session, run: RunInfo, opened: Opened, wanted: Again) -> None:
    if _in_the_way(opened, wanted):
        st.session_state[_OPEN] = run.id
    else:
        _replace(session, run, opened, wanted)


def _ask(session: Session, run: RunInfo, opened: Opened, wanted: Again) -> None:
    if st.session_state.get(_OPEN) != run.id:
        st.rerun()
        return
    there = _in_the_way(opened, wanted)
    note("warn", "The draft of this template has unsaved edits", sentence(", ".join(there)))
    small("This run would replace them. To keep them, save them on the workbench first.")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Replace",
            type="primary",
            key="reopen-replace",
            on_click=_replace,
            args=(session, run, opened, wanted),
        )
        st.button("Keep the edits", key="reopen-keep", on_click=_keep)


def _keep() -> None:
    st.session_state.pop(_OPEN, None)


def _replace(session: Session, run: RunInfo, opened: Opened, wanted: Again) -> None:
    drafts, path = session.drafts, opened.path
    kept = {name: value for name, value in opened.draft.inputs.items() if name in wanted.lost}
    # The text of a template that is not on disk yet is in the draft: it stays, only the changes to it are dropped.
    base = opened.draft.base if opened.draft.text is not None else None
    origins = {name: one for name, one in opened.draft.origins.items() if name in kept} | dict(wanted.origins)
    drafts.change(
        path, base=base, changes={}, inputs={**kept, **wanted.inputs}, origins=origins, without=wanted.without
    )
    now = open_template(session, path)
    drafts.edit(path, now.original.source, wanted.params)
    _keep()
    st.session_state[_GO] = run.id


def _go(run: RunInfo) -> None:
    # The template that was chosen on the workbench is remembered, and would win over the one in the address.
    st.session_state["bench-template"] = run.template
    links.go("workbench", template=run.template)


__all__ = ["Again", "again", "button"]
