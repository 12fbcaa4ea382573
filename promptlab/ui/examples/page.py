"""Examples: the pools there are; one pool to look through, change, try a selection of, and rid of duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import streamlit as st

from promptlab import examples
from promptlab._util.rows import kind_of
from promptlab.errors import PromptlabError
from promptlab.templates import pools_and_users
from promptlab.types import LABELS, Example, Label
from promptlab.ui.components import label_chip as document_label
from promptlab.ui.components import links
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.examples import (
    duplicates as examples_duplicates,
)
from promptlab.ui.examples import (
    form as example_form,
)
from promptlab.ui.examples import (
    rows as example_rows,
)
from promptlab.ui.examples import (
    try_selection as examples_choose,
)
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session

PAGE = 25
MOST_TAGS = 500
"""Tags offered to filter by, the commonest: a list of more is no help."""
BROWSE, CHOOSE, DUPLICATES = "Browse", "Try a selection", "Duplicates"


def page(session: Session) -> None:
    """Draw the list of pools, or the pool that the address names."""
    if said := st.session_state.pop(example_form.SAID, None):
        st.toast(plain(said), icon=":material/check:")
    known = pools_and_users(session.workspace, session.listing.entries())
    wanted = st.query_params.get("pool")
    if wanted:
        _one(session, wanted, known.get(wanted, []))
    else:
        _list(session, known)


# The list


def _list(session: Session, known: Mapping[str, list[str]]) -> None:
    st.subheader("Examples", anchor=False)
    if not known:
        note(
            "info",
            "There is no pool of examples yet",
            "Press Add as example on any answer of the workbench, or begin a pool here.",
        )
    paths = list(known)
    first = example_rows.first("pools", len(paths), None, PAGE)
    for path in paths[first : first + PAGE]:
        _pool_line(session, path, known[path])
    example_rows.turn("pools", len(paths), first, PAGE)
    _new_pool(session)


def _pool_line(session: Session, path: str, users: Sequence[str]) -> None:
    name, label = PurePosixPath(path), session.workspace.label_of(path)
    try:
        with st.spinner(f"Reading {plain(name.name)}", show_time=False):
            extent = _count(len(examples.read_pool(session.workspace, path)))
    except PromptlabError:
        extent = ""
    state = escape(_names(users)) if extent else chip("cannot be read", "bad")
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"doc-{example_rows.key(path)}"
    ):
        markup(
            f'<div class="pl-doc"><span class="pl-break"><b>{escape(name.name)}</b> '
            f'<span class="pl-small">{escape(str(name.parent))}</span></span>'
            f"<span>{chip(label, '' if label == 'public' else 'warn')}</span>"
            f'<span class="pl-muted pl-num pl-right">{escape(extent)}</span>'
            f'<span class="pl-muted pl-break">{state}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-pool-{example_rows.key(path)}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            on_click=_open,
            args=(path,),
        )


def _count(number: int) -> str:
    return f"{number:,} example{'' if number == 1 else 's'}"


def _names(users: Sequence[str]) -> str:
    names = [PurePosixPath(path).stem for path in users]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) + more) or "no template"


def _new_pool(session: Session) -> None:
    with st.form("new-pool", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.text_input("New pool", key="new-pool-name", placeholder="world-cup", width=320)
        pressed = st.form_submit_button("Begin", icon=":material/add:", key="new-pool-begin")
    if pressed:
        try:
            path = examples.new_pool_path(session.workspace, name)
        except PromptlabError as exc:
            note("bad", *example_form.words_of(exc))
            return
        _open(path)
        st.rerun()


def _open(path: str) -> None:
    for key in ("pool-text", "pool-tag", "pool-only", "pool-view", "choose-begun"):
        st.session_state.pop(key, None)
    st.query_params["pool"] = path


def _close() -> None:
    st.query_params.pop("pool", None)


# One pool


def _one(session: Session, path: str, users: Sequence[str]) -> None:
    st.button("All pools", icon=":material/arrow_back:", type="tertiary", key="pools-all", on_click=_close)
    st.subheader(plain(PurePosixPath(path).name), anchor=False)
    begun = True
    try:
        with st.spinner("Reading it"):
            begun = session.workspace.resolve(path).exists()
            pool = examples.read_pool(session.workspace, path) if begun else ()
            examples.facts_of_pool(pool).haystacks  # noqa: B018  what a search needs is worked out once, here
    except PromptlabError as exc:
        note("bad", "This pool cannot be read", exc.message, exc.hint)
        return
    if begun:
        document_label.draw(session, path, key="pool-label")
    else:
        small("A new pool: its file begins with its first example.")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(
            f'<span class="pl-small pl-num pl-break">{escape(f"{_count(len(pool))} · {path}")}</span>', width="content"
        )
        for user in users[:3]:
            links.to(
                "workbench", plain(f"Shots of {PurePosixPath(user).stem}"), icon=":material/science:", template=user
            )
        if len(users) > 3:
            small(f"and {len(users) - 3} more templates")
    names = _input_names(session, pool, users)
    if not pool:
        note("info", "Nothing in it yet", "Add an example here, or press Add as example on any answer.")
        _add(path, names)
        example_form.draw(session)
        return
    view = st.segmented_control(
        "View", [BROWSE, CHOOSE, DUPLICATES], default=BROWSE, required=True, key="pool-view", persist_state="page",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == CHOOSE:
        examples_choose.draw(session, path, pool, users, names)
    elif view == DUPLICATES:
        examples_duplicates.draw(session, path, pool, names, PAGE)
    else:
        _browse(path, pool, names)
    example_form.draw(session)


def _input_names(session: Session, pool: tuple[Example, ...], users: Sequence[str]) -> tuple[str, ...]:
    """The inputs an example of this pool may have: those its first ones have, or those its templates declare."""
    found = dict.fromkeys(name for example in pool[:100] for name in example.inputs)
    if not found:
        for user in users:
            try:
                found |= dict.fromkeys(open_template(session, user).template.inputs)
            except PromptlabError:
                continue
    return tuple(found)


def _browse(path: str, pool: tuple[Example, ...], names: tuple[str, ...]) -> None:
    tags = examples.facts_of_pool(pool).tags
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="pool-text",
            persist_state="page",
            icon=":material/search:",
            placeholder="a word of a question, an answer or a tag",
        )
        tag = ""
        if tags:
            offered = ["", *list(tags)[:MOST_TAGS]]
            if st.session_state.get("pool-tag", "") not in offered:
                st.session_state["pool-tag"] = ""
            tag = st.selectbox(
                "Tag", offered, key="pool-tag", persist_state="page", format_func=lambda one: one or "any", width=180
            )
        only: Label | None = st.selectbox(
            "Label",
            [None, *LABELS],
            key="pool-only",
            persist_state="page",
            format_func=lambda one: one or "any",
            width=160,
        )
        _add(path, names)
    found: Sequence[Example] = pool
    if text or tag or only:
        found = examples.search_pool(pool, text.strip(), tag=tag, label=only)
    if not found:
        note("info", "No example matches", "Try fewer words, or another tag or label.")
        return
    first = example_rows.first("pool", len(found), (path, text, tag, only), PAGE)
    for example in found[first : first + PAGE]:
        example_rows.line(path, names, example)
    example_rows.turn("pool", len(found), first, PAGE)


def _add(path: str, names: tuple[str, ...]) -> None:
    if kind_of(path) == "yaml":
        small("A YAML pool is read and not changed here.")
        return
    st.button(
        "Add an example",
        icon=":material/add:",
        key="pool-add",
        on_click=example_form.open_form,
        args=(path, names, None),
    )


__all__ = ["page"]
