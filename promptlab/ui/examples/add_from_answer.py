"""Add as example: the question of an answer, with that answer or a better one, becomes an example of a pool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab import examples, runs
from promptlab._util.rows import kind_of
from promptlab.errors import ExampleError, PromptlabError
from promptlab.types import Example, Result, Template, highest
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.widgets import literal, markup, note, plain, small
from promptlab.ui.examples import form as example_form
from promptlab.ui.examples.form import kept, words_of
from promptlab.ui.examples.rows import clipped
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session
from promptlab.workspace import places_of

_OPEN = "add-example-open"
NEW = ""
"""The choice of a pool that is not there yet."""


@dataclass
class _Adding:
    """The answer that is being made an example. `added` names pool and example once that is done."""

    result: Result
    turn: int
    trouble: tuple[str, str] | None = None
    added: tuple[str, str] | None = None
    taken: bool = False

    def key(self, name: str) -> str:
        return f"adding-{name}-{self.turn}"


def button(session: Session, result: Result, *, key: str) -> None:
    """The button of an answer's card, and its dialog where it was pressed."""
    st.button(
        "Add as example",
        icon=":material/school:",
        type="tertiary",
        key=f"{key}-add-example",
        help="Keep the question with the right answer in a pool of examples.",
        on_click=_open,
        args=(result,),
    )
    adding: _Adding | None = st.session_state.get(_OPEN)
    if adding and adding.result.id == result.id:
        st.dialog("Add as example", width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, adding)


def _open(result: Result) -> None:
    turn = st.session_state["add-example-turn"] = st.session_state.get("add-example-turn", 0) + 1
    st.session_state[_OPEN] = _Adding(result, turn)


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
    if adding.trouble:
        note("bad", *adding.trouble)
    inputs = _inputs(adding)
    st.text_area(
        "Answer", value=widgets.shown(adding.result.text), key=adding.key("output"), height="content",
        help="The answer as it was given. Correct it where it is wrong.",
    )  # fmt: skip
    path = _pool(session, adding, template)
    if path is None:
        return
    given = kept(str(st.session_state[adding.key("output")]), adding.result.text)
    twin = _twin(session, path, inputs, given)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        example_form.tags_field(session, path, twin.tags if twin else (), key=adding.key(f"tags-{path}"))
        least = highest([session.workspace.label_of(path), runs.label_of_result(session.workspace, adding.result)])
        example_form.label_field(least, twin.label if twin else None, key=adding.key(f"label-{path}-{least}"))
    if least != "public":
        small(f"The label is at least that of all that went into the answer: {least}.")
    st.button(
        "Replace its answer" if twin and twin.output != given else "Add",
        type="primary",
        key="add-example-do",
        on_click=_do,
        args=(_add, session, adding, path, twin, least),
    )


def _template(session: Session, result: Result) -> Template | None:
    """The template that was asked, as its file and draft have it now."""
    try:
        return open_template(session, session.store.run(result.run_id).template).template
    except PromptlabError:
        return None


def _inputs(adding: _Adding) -> dict[str, str]:
    """The question: read back from what was sent, or typed where that cannot be."""
    try:
        inputs = runs.inputs_of_result(adding.result)
    except PromptlabError as exc:
        note("warn", "The question has to be typed", words_of(exc)[0])
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
    given = {name: str(st.session_state[adding.key(f"input-{number}")]) for number, name in names}
    return {name: value for name, value in given.items() if value.strip()}


def _pool(session: Session, adding: _Adding, template: Template | None) -> str | None:
    """Which pool: the template's own unless somebody picks another; None while a new one has no name it can have."""
    own = template.examples.pool if template and template.examples else None
    known = [path for path in examples.paths(session.workspace) if kind_of(path) != "yaml"]
    if own and own not in known and kind_of(own) != "yaml":
        known.append(own)
    first = own if own in known else NEW
    path = st.selectbox(
        "Pool",
        [*known, NEW],
        index=[*known, NEW].index(first),
        key=adding.key("pool"),
        format_func=lambda one: widgets.unturned(f"{one} (this template's)" if one == own else one) or "a new pool",
    )
    if path:
        return str(path)
    name = st.text_input(
        "Name of the new pool",
        value=template.name if template else "answers",
        key=adding.key("new"),
    )
    try:
        return examples.new_path(session.workspace, name)
    except PromptlabError as exc:
        note("warn", *words_of(exc))
        return None


def _twin(session: Session, path: str, inputs: Mapping[str, str], output: str) -> Example | None:
    """The example the pool has of this question; says so where there is one."""
    twin = examples.same_question(session.workspace, path, inputs) if inputs else None
    if twin is None:
        return None
    if twin.output == output:
        note("info", f"It is in this pool already, as {twin.id}", "Nothing to add: question and answer are the same.")
    else:
        note(
            "warn",
            f"This pool has the question already, as {twin.id}",
            f"Its answer there: {clipped(twin.output)}",
            "Replacing puts the answer above in its place.",
        )
    return twin


def _do(what: Callable[..., None], session: Session, adding: _Adding, *words: Any) -> None:
    adding.trouble = None
    try:
        what(session, adding, *words)
    except PromptlabError as exc:
        adding.trouble = words_of(exc)


def _add(session: Session, adding: _Adding, path: str, shown: Example | None, least: str) -> None:
    """Add it, or put its answer in the place of the one that `shown`, the example of this question, has."""
    # Read from the widgets: what was typed just before the button was pressed is in none of its arguments yet.
    state = st.session_state
    output = kept(str(state[adding.key("output")]), adding.result.text)
    typed = adding.key("input-0") in state
    inputs = _typed(adding) if typed else runs.inputs_of_result(adding.result)
    if not inputs:
        raise ExampleError("the question is empty", file=path, hint="type what was asked")
    if not output.strip():
        raise ExampleError("the right answer is empty", file=path, hint="type it")
    tags = tuple(state[adding.key(f"tags-{path}")])
    label = state[adding.key(f"label-{path}-{least}")]
    twin = examples.same_question(session.workspace, path, inputs)
    if twin is None:
        twin = runs.add_example_from_result(
            session.workspace, path, adding.result, output, inputs=inputs, tags=tags, label=label
        )
    elif twin.output == output:
        raise ExampleError(f"it is in this pool already, as {twin.id}", file=path, hint="nothing was added")
    elif twin != shown:
        raise ExampleError(f"the pool has this question, as {twin.id}", file=path, hint="see below, and press again")
    else:
        origins = (*twin.origins, *places_of(adding.result.request.prompt if adding.result.request else None))
        changed = Example(twin.id, twin.inputs, output, tags, highest([label, twin.label]), origins)
        examples.edit(session.workspace, path, twin.id, changed, was=twin)
    adding.added = (path, twin.id)


# When it is there


def _added(session: Session, adding: _Adding, template: Template | None, path: str, name: str) -> None:
    """Say where it is, and what one may want next."""
    pool = examples.read_pool(session.workspace, path)
    count = f"{len(pool):,} example{'' if len(pool) == 1 else 's'}"
    number = examples.facts(pool).by_id.get(name)
    note("info", f"It is in {PurePosixPath(path).name}, as {name}", f"The pool has {count} now.")
    if number is not None:
        st.html(f'<div class="pl-small pl-break">{widgets.escape(clipped(pool[number].output))}</div>')
    if adding.trouble:
        note("bad", *adding.trouble)
    if adding.taken:
        small("The template takes its shots from this pool now, in a draft that is not saved.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links.to("examples", "See the pool", icon=":material/school:", pool=path)
        own = template.examples.pool if template and template.examples else None
        if template and own != path:
            st.button(
                f"Use this pool in {plain(template.name)}",
                icon=":material/check:",
                key="add-example-use",
                help="Changes the template's draft; saving it is yours to do.",
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
    adding.taken = True


__all__ = ["button"]
