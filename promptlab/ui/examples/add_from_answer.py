"""Add as example: a question, with the model's answer or a corrected one, becomes an example of a pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import examples, runs
from promptlab._util.rows import kind_of
from promptlab.errors import ExampleError, PromptlabError
from promptlab.runs import Rating
from promptlab.templates import Template
from promptlab.types import Example, Result, highest
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.widgets import literal, markup, note, plain, small
from promptlab.ui.examples import form
from promptlab.ui.examples.form import problem_lines, restored
from promptlab.ui.examples.rows import clipped
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session
from promptlab.workspace import places_of_prompt

_OPEN = "add-example-open"
NEW = ""
"""The option for a new pool."""


@dataclass
class _Adding:
    """The state of the dialog. `turn` gives each opening widgets of its own; `output` is the answer, as the model gave
    it or as a person corrected it; `added` is the pool and the id of the new
    example; `pool_in_use` is True once the template uses the pool."""

    result: Result
    turn: int
    output: str
    error: tuple[str, str] | None = None
    added: tuple[str, str] | None = None
    pool_in_use: bool = False

    def key(self, name: str) -> str:
        return f"adding-{name}-{self.turn}"


def open_dialog(result: Result, rating: Rating | None = None) -> None:
    """Open the dialog for `result` at the next run of the page; a corrected answer in its rating is the answer."""
    turn = st.session_state["add-example-turn"] = st.session_state.get("add-example-turn", 0) + 1
    corrected = rating.corrected if rating else None
    st.session_state[_OPEN] = _Adding(result, turn, result.text if corrected is None else corrected)


def dialog(session: Session, result: Result) -> None:
    """The dialog, if it is open for this result."""
    adding: _Adding | None = st.session_state.get(_OPEN)
    if adding and adding.result.id == result.id:
        st.dialog("Add as example", width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, adding)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, adding: _Adding) -> None:
    if st.session_state.get(_OPEN) is not adding:
        st.rerun()
        return
    template = _template(session, adding.result)
    if adding.added:
        _added(session, adding, template, *adding.added)
        return
    if adding.error:
        note("bad", *adding.error)
    inputs = _inputs(adding)
    st.text_area(
        "Answer", value=widgets.shown(adding.output), key=adding.key("output"), height="content",
        help="The model's answer, or your correction of it. Change it if it is wrong.",
    )  # fmt: skip
    path = _pool(session, adding, template)
    if path is None:
        return
    output = restored(str(st.session_state[adding.key("output")]), adding.output)
    twin = _twin(session, path, inputs, output)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        form.tags_field(session, path, twin.tags if twin else (), key=adding.key(f"tags-{path}"))
        least = highest([session.workspace.label_of(path), runs.label_of_result(session.workspace, adding.result)])
        form.label_field(least, twin.label if twin else None, key=adding.key(f"label-{path}-{least}"))
    if least != "public":
        small(f"The label cannot be lower than {least}, the highest label of the text in the prompt.")
    st.button(
        "Replace its answer" if twin and twin.output != output else "Add",
        type="primary",
        key="add-example-do",
        on_click=_do,
        args=(_add, session, adding, path, twin, least),
    )


def _template(session: Session, result: Result) -> Template | None:
    """The template of the run, with its present file and draft; None if it cannot be read."""
    try:
        return open_template(session, session.store.run(result.run_id).template).template
    except PromptlabError:
        return None


def _inputs(adding: _Adding) -> dict[str, str]:
    """The inputs, read back from the request, or typed if that is not possible."""
    try:
        inputs = runs.inputs_of_result(adding.result)
    except PromptlabError as exc:
        note("warn", "Type the question yourself", problem_lines(exc)[0])
        for number, name in enumerate(_typed_names(adding.result)):
            st.text_area(plain(name), key=adding.key(f"input-{number}"), height="content")
        return _typed(adding)
    for name, value in inputs.items():
        small(name.replace("_", " ").capitalize())
        markup(f'<pre class="pl-prompt pl-short" tabindex="0">{literal(value)}</pre>')
    return inputs


def _typed_names(result: Result) -> list[str]:
    sources = result.request.prompt.sources if result.request else ()
    return [source.name for source in sources if source.section == "input"] or ["question"]


def _typed(adding: _Adding) -> dict[str, str]:
    names = enumerate(_typed_names(adding.result))
    values = {name: str(st.session_state[adding.key(f"input-{number}")]) for number, name in names}
    return {name: value for name, value in values.items() if value.strip()}


def _pool(session: Session, adding: _Adding, template: Template | None) -> str | None:
    """The chosen pool, at first that of the template; None while the name of a new pool is not valid."""
    own = template.examples.pool if template and template.examples else None
    known = [path for path in examples.pool_paths(session.workspace) if kind_of(path) != "yaml"]
    if own and own not in known and kind_of(own) != "yaml":
        known.append(own)
    first = own if own in known else NEW
    path = st.selectbox(
        "Pool",
        [*known, NEW],
        index=[*known, NEW].index(first),
        key=adding.key("pool"),
        format_func=lambda path: (
            widgets.spell_bidi(f"{path} (this template's)" if path == own else path) or "a new pool"
        ),
    )
    if path:
        return str(path)
    name = st.text_input(
        "Name of the new pool",
        value=template.name if template else "answers",
        key=adding.key("new"),
    )
    try:
        return examples.new_pool_path(session.workspace, name)
    except PromptlabError as exc:
        note("warn", *problem_lines(exc))
        return None


def _twin(session: Session, path: str, inputs: Mapping[str, str], output: str) -> Example | None:
    """The example in the pool with the same question, if there is one; it is shown on the page."""
    twin = examples.find_same_question(session.workspace, path, inputs) if inputs else None
    if twin is None:
        return None
    if twin.output == output:
        note("info", f"Already in this pool, as {twin.id}", "Question and answer are the same, so nothing is added.")
    else:
        note(
            "warn",
            f"The question is already in this pool, as {twin.id}",
            f"Its present answer: {clipped(twin.output)}",
            "Press Replace its answer to use the answer above instead.",
        )
    return twin


def _do(action: Callable[..., None], session: Session, adding: _Adding, *args: Any) -> None:
    adding.error = None
    try:
        action(session, adding, *args)
    except PromptlabError as exc:
        adding.error = problem_lines(exc)


def _add(session: Session, adding: _Adding, path: str, shown: Example | None, least: str) -> None:
    """Add the example, or replace the answer of `shown`, the example with the same question that was shown."""
    # Read from the widgets: text typed just before the click is not in the button's arguments yet.
    state = st.session_state
    output = restored(str(state[adding.key("output")]), adding.output)
    typed = adding.key("input-0") in state
    inputs = _typed(adding) if typed else runs.inputs_of_result(adding.result)
    if not inputs:
        raise ExampleError("the question is empty", file=path, hint="type what was asked")
    if not output.strip():
        raise ExampleError("the right answer is empty", file=path, hint="type it")
    tags = tuple(state[adding.key(f"tags-{path}")])
    label = state[adding.key(f"label-{path}-{least}")]
    twin = examples.find_same_question(session.workspace, path, inputs)
    if twin is None:
        twin = runs.add_example_from_result(
            session.workspace, path, adding.result, output, inputs=inputs, tags=tags, label=label
        )
    elif twin.output == output:
        raise ExampleError(f"already in this pool, as {twin.id}", file=path, hint="nothing was added")
    elif twin != shown:
        raise ExampleError(
            f"the question is already in this pool, as {twin.id}",
            file=path,
            hint="check its answer below, then press again",
        )
    else:
        origins = (*twin.origins, *places_of_prompt(adding.result.request.prompt if adding.result.request else None))
        changed = Example(twin.id, twin.inputs, output, tags, highest([label, twin.label]), origins)
        examples.edit_example(session.workspace, path, twin.id, changed, was=twin)
    adding.added = (path, twin.id)


# After adding


def _added(session: Session, adding: _Adding, template: Template | None, path: str, name: str) -> None:
    """Show the pool and the new example, and offer the next steps."""
    pool = examples.read_pool(session.workspace, path)
    count = f"{len(pool):,} example{'' if len(pool) == 1 else 's'}"
    number = examples.facts_of_pool(pool).by_id.get(name)
    note("info", f"Added to {PurePosixPath(path).name}, as {name}", f"The pool now has {count}.")
    if number is not None:
        st.html(f'<div class="pl-small pl-break">{widgets.escape(clipped(pool[number].output))}</div>')
    if adding.error:
        note("bad", *adding.error)
    if adding.pool_in_use:
        small("The draft of the template now takes its shots from this pool. It is not saved yet.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links.to("examples", "Open the pool", icon=":material/school:", pool=path)
        own = template.examples.pool if template and template.examples else None
        if template and own != path:
            st.button(
                f"Use this pool in {plain(template.name)}",
                icon=":material/check:",
                key="add-example-use",
                help="Changes the draft of the template. Save it on the page Templates.",
                on_click=_do,
                args=(_use, session, adding, template, path, len(pool)),
            )
        st.button("Close", key="add-example-close", on_click=_close)


def _use(session: Session, adding: _Adding, template: Template, path: str, count: int) -> None:
    opened = open_template(session, template.path)
    k = template.examples.k if template.examples else 2
    values: dict[str, Any] = (
        {"examples.pool": path, "examples.k": min(k, count)}
        if template.examples
        else {"examples": {"pool": path, "k": min(2, count)}}
    )
    session.drafts.edit(template.path, opened.original.source, values)
    adding.pool_in_use = True


__all__ = ["dialog", "open_dialog"]
