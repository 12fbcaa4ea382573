"""Try a selection: which examples become shots for an item, in which order and why, and which are left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, get_args

import streamlit as st

from promptlab import examples, templates
from promptlab.errors import PromptlabError, nearest
from promptlab.examples import Order, Select, ShotChoice, ShotSelection
from promptlab.types import Example
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.examples import rows
from promptlab.ui.examples.form import problem_lines, sentence
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session
from promptlab.ui.templates.form_examples import ORDERS, SELECTS

MOST = 50
"""The most shots that can be tried here."""
SHOWN = 25
"""Left-out examples that are listed; the rest are counted."""
_FIELDS = ("k", "select", "order", "seed", "balance")
TYPED, FROM_POOL = "Type it", "From the pool"


def draw(session: Session, path: str, pool: tuple[Example, ...], users: Sequence[str], names: tuple[str, ...]) -> None:
    """The choice, the item and the shots. `users` are the templates that take shots from this pool."""
    template = _start(session, path, pool, users, names)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="choose"):
        choice = _choice(path, pool)
    inputs, item = _item(pool, names)
    try:
        with st.spinner("Selecting", show_time=False):
            selection = examples.select_shots(pool, choice, inputs, item=item)
    except PromptlabError as exc:
        note("warn", "No shots can be chosen", *problem_lines(exc))
        return
    _shots(selection, choice)
    _left_out(pool, selection, item)
    if template:
        _use(session, template, choice)


def _start(
    session: Session, path: str, pool: tuple[Example, ...], users: Sequence[str], names: tuple[str, ...]
) -> str | None:
    """Fill the widgets from a template that uses the pool; again only if another template is chosen."""
    state = st.session_state
    template: str | None = None
    if users:
        if state.get("choose-template") not in users:
            state["choose-template"] = users[0]
        template = users[0]
        if len(users) > 1:
            template = st.selectbox(
                "Settings of",
                list(users),
                key="choose-template",
                persist_state="page",
                format_func=lambda path: PurePosixPath(path).stem,
                width=320,
            )
    if state.get("choose-begun") == (path, template) and "choose-k" in state:
        return template
    state["choose-begun"] = (path, template)
    choice, sample = ShotChoice(path, min(2, len(pool))), dict[str, Any]()
    if template:
        try:
            opened = open_template(session, template)
        except PromptlabError:
            template = None
        else:
            choice = opened.template.examples or choice
            sample = templates.sample_inputs(opened.template)
    state.update({f"choose-{name}": getattr(choice, name) for name in _FIELDS})
    state["choose-k"] = min(choice.k, MOST)
    for number, name in enumerate(names):
        value = sample.get(name)
        state[f"choose-input-{number}"] = value if isinstance(value, str) else ""
    return template


def _choice(path: str, pool: Sequence[Example]) -> ShotChoice:
    state = st.session_state
    most = max(0, min(MOST, len(pool)))
    state["choose-k"] = min(state["choose-k"], most)
    k = st.number_input(
        "k", 0, most, step=1, key="choose-k", persist_state="page", width=120, help="How many examples become shots."
    )
    select: Select = st.selectbox(
        "Select",
        get_args(Select),
        key="choose-select",
        persist_state="page",
        format_func=SELECTS.__getitem__,
        width=270,
    )
    balance = state.get("choose-balance", "output")
    if select == "balanced":
        balance = st.selectbox(
            "Class", ["output", "tag"], key="choose-balance", persist_state="page", format_func=_balance, width=170
        )
    order: Order = st.selectbox(
        "Order",
        get_args(Order),
        key="choose-order",
        persist_state="page",
        format_func=ORDERS.__getitem__,
        width=210,
    )
    uses_seed = select in ("random", "balanced", "diverse") or order == "random"
    seed = st.number_input(
        "Seed", step=1, key="choose-seed", persist_state="page", width=140, disabled=not uses_seed,
        help="Another seed gives other examples." if uses_seed else "This choice is not random.",
    )  # fmt: skip
    return ShotChoice(path, int(k), select, int(seed), order, balance)


def _balance(name: str) -> str:
    return "the output" if name == "output" else "the first tag"


def _item(pool: tuple[Example, ...], names: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """The inputs of the item, and its id if it is from the pool."""
    source = st.segmented_control(
        "Item", [TYPED, FROM_POOL], default=TYPED, required=True, key="choose-where", persist_state="page"
    )
    if source == TYPED:
        inputs = {
            name: st.text_area(plain(name), key=f"choose-input-{number}", persist_state="page", height="content")
            for number, name in enumerate(names)
        }
        return {name: value for name, value in inputs.items() if value}, ""
    item = st.text_input(
        "Id", key="choose-item", persist_state="page", placeholder=pool[0].id[:60], width=320,
        help="The example is used as the item, and is never one of its own shots.",
    )  # fmt: skip
    if not item:
        small("Type the id of an example. Browse lists them.")
        return {}, ""
    number = examples.facts_of_pool(pool).by_id.get(item)
    if number is None:
        note("warn", f"No example has the id {item}", sentence(nearest(item, [e.id for e in pool[:10_000]])))
        return {}, ""
    markup(f'<div class="pl-example">{rows.cells(pool[number])}</div>')
    return dict(pool[number].inputs), item


def _shots(selection: ShotSelection, choice: ShotChoice) -> None:
    scored = any(shot.score is not None for shot in selection.shots)
    st.markdown("##### Shots, in the order of the prompt")
    if not selection.shots:
        small("No shots, because k is 0.")
        return
    table_rows = "".join(
        f'<tr><td class="pl-n">{number}</td><td>{rows.inputs_html(shot.example.inputs)}</td>'
        f"<td>{escape(rows.clipped(shot.example.output))}</td>"
        f'<td class="pl-mono">{escape(rows.clipped(shot.example.id))}</td><td>{escape(shot.reason)}</td>'
        + (f'<td class="pl-n">{"" if shot.score is None else f"{shot.score:.2f}"}</td>' if scored else "")
        + "</tr>"
        for number, shot in enumerate(selection.shots, 1)
    )
    score = ("BM25" if choice.select == "similar" else "Shared words") if scored else ""
    head = (
        '<tr><th class="pl-n"></th><th>Inputs</th><th>Output</th><th>Id</th><th>Why</th>'
        + (f'<th class="pl-n">{score}</th>' if scored else "")
        + "</tr>"
    )
    markup(f'<table class="pl-table">{head}{table_rows}</table>')
    small(f"{len(selection.shots):,} of {selection.considered:,} eligible examples.")


def _left_out(pool: tuple[Example, ...], selection: ShotSelection, item: str) -> None:
    if not selection.left_out:
        small("The leakage guard left nothing out: no example is the item or has its inputs.")
        return
    by_id = examples.facts_of_pool(pool).by_id
    table_rows = "".join(
        f'<tr><td class="pl-mono" style="min-width:5rem">{escape(rows.clipped(name))}</td>'
        f"<td>{rows.inputs_html(pool[by_id[name]].inputs)}</td>"
        f"<td>{'it is the item' if name == item else 'the same inputs, ignoring case and spacing'}</td></tr>"
        for name in selection.left_out[:SHOWN]
    )
    st.markdown("##### Left out by the leakage guard")
    markup(f'<table class="pl-table">{table_rows}</table>')
    if len(selection.left_out) > SHOWN:
        small(f"and {len(selection.left_out) - SHOWN:,} more")


def _use(session: Session, template: str, choice: ShotChoice) -> None:
    """A button that puts the choice into the draft of the template."""
    try:
        opened = open_template(session, template)
    except PromptlabError as exc:
        note("warn", "The template cannot be read", exc.message, exc.hint)
        return
    name = plain(PurePosixPath(template).stem)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choose-use"):
        if opened.template.examples == choice:
            unsaved = ", in a draft that is not saved" if opened.draft.edited else ""
            small(f"{PurePosixPath(template).stem} uses this selection{unsaved}.")
            links.to("workbench", f"Open {name} on the workbench", icon=":material/science:", template=template)
            return
        st.button(
            f"Use this selection in {name}",
            icon=":material/check:",
            key="choose-take",
            help="Changes the draft of the template. Save it on the page Templates.",
            on_click=_use_choice,
            args=(session, template, opened.original.source, choice.pool),
        )


def _use_choice(session: Session, template: str, source: str, path: str) -> None:
    # Read from the widgets: a number typed just before the click is not in the button's arguments yet.
    values = {f"examples.{name}": st.session_state.get(f"choose-{name}", "output") for name in _FIELDS}
    session.drafts.edit(template, source, {"examples.pool": path, **values})


__all__ = ["draw"]
