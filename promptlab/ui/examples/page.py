"""The page Examples: the list of pools, and one pool to search, edit, try a selection of and clear of duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal

import streamlit as st

from promptlab import examples
from promptlab._util.rows import kind_of
from promptlab.errors import PromptlabError
from promptlab.templates import templates_by_pool
from promptlab.types import LABELS, Example, Label
from promptlab.ui.components import file_menu, folders, label_chip, links
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.examples import duplicates, form, rows, try_selection
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import Session

PAGE = 25
"""Lines on one page of a list."""
MOST_TAGS = 500
"""The number of tags offered as a filter, the most frequent first."""
BROWSE, CHOOSE, DUPLICATES = "Browse", "Try a selection", "Duplicates"


def page(session: Session) -> None:
    """Draw the list of pools, or the pool that the address of the page names."""
    if message := st.session_state.pop(form.DONE, None):
        st.toast(plain(message), icon=":material/check:")
    known = templates_by_pool(session.workspace, session.listing.entries())
    wanted = st.query_params.get("pool")
    if wanted:
        _one(session, wanted, known.get(wanted, []))
    else:
        _list(session, known)


# The list


def _list(session: Session, known: Mapping[str, list[str]]) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.subheader("Examples", anchor=False, width="content")
        file_menu.trash(session, "pool")
    file_menu.outcome(session)
    if not known:
        note(
            "info",
            "No pools of examples yet",
            "Press Add as example on any answer of the workbench, or create a pool here.",
        )
    home = "examples"
    folders.draw("pools", list(known), lambda path: _pool_line(session, path, known[path]), search=None, home=home)
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
        horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"doc-{rows.key(path)}"
    ):
        markup(
            f'<div class="pl-doc"><span class="pl-break"><b>{escape(name.name)}</b> '
            f'<span class="pl-small">{escape(str(name.parent))}</span></span>'
            f"<span>{chip(label, '' if label == 'public' else 'warn')}</span>"
            f'<span class="pl-muted pl-num pl-right">{escape(extent)}</span>'
            f'<span class="pl-muted pl-break">{state}</span></div>'
        )
        folders.open_button(name.name, f"pool-{rows.key(path)}", _open, path)


def _count(number: int) -> str:
    return f"{number:,} example{'' if number == 1 else 's'}"


def _names(users: Sequence[str]) -> str:
    names = [PurePosixPath(path).stem for path in users]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (", ".join(names[:3]) + more) or "no template"


def _new_pool(session: Session) -> None:
    with st.form("new-pool", border=False), st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        name = st.text_input("New pool", key="new-pool-name", placeholder="world-cup", width=320)
        pressed = st.form_submit_button("Create", icon=":material/add:", key="new-pool-begin")
    if pressed:
        try:
            path = examples.new_pool_path(session.workspace, name)
        except PromptlabError as exc:
            note("bad", *form.problem_lines(exc))
            return
        _open(path)
        st.rerun()


def _open(path: str) -> None:
    for key in ("pool-text", "pool-tag", "pool-only", "pool-view", "choose-begun"):
        st.session_state.pop(key, None)
    links.address(pool=path)


def _close() -> None:
    links.address()


# One pool


def _facts(path: str, count: int, users: Sequence[str]) -> None:
    """The size of the pool, its file, and the templates that take shots from it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="pl-small pl-num pl-break">{escape(f"{_count(count)} · {path}")}</span>', width="content")
        for user in users[:3]:
            links.to(
                "workbench", plain(f"Shots of {PurePosixPath(user).stem}"), icon=":material/science:", template=user
            )
        if len(users) > 3:
            small(f"and {len(users) - 3} more templates")


def _one(session: Session, path: str, users: Sequence[str]) -> None:
    st.button("All pools", icon=":material/arrow_back:", type="tertiary", key="pools-all", on_click=_close)
    file_menu.outcome(session)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="pool-head"):
        st.subheader(plain(PurePosixPath(path).name), anchor=False, width="content")
        if path in examples.pool_paths(session.workspace):
            file_menu.draw(session, "pool", path)
    exists = True
    try:
        with st.spinner("Reading the pool"):
            exists = session.workspace.resolve(path).exists()
            pool = examples.read_pool(session.workspace, path) if exists else ()
            examples.facts_of_pool(pool).haystacks  # noqa: B018  computed here so that the spinner covers it
    except PromptlabError as exc:
        note("bad", "This pool cannot be read", exc.message, exc.hint)
        return
    if exists:
        label_chip.draw(session, path, key="pool-label")
    else:
        small("A new pool. Its file is created with the first example.")
    _facts(path, len(pool), users)
    names = _input_names(session, pool, users)
    if not pool:
        note("info", "This pool is empty", "Add an example here, or press Add as example on any answer.")
        _add(path, names)
        form.draw(session)
        return
    view = st.segmented_control(
        "View", [BROWSE, CHOOSE, DUPLICATES], default=BROWSE, required=True, key="pool-view", persist_state="page",
        label_visibility="collapsed",
    )  # fmt: skip
    if view == CHOOSE:
        try_selection.draw(session, path, pool, users, names)
    elif view == DUPLICATES:
        duplicates.draw(session, path, pool, names, PAGE)
    else:
        _browse(path, pool, names)
    form.draw(session)


def _input_names(session: Session, pool: tuple[Example, ...], users: Sequence[str]) -> tuple[str, ...]:
    """The input names of the pool: those of its first 100 examples, or those that its templates declare."""
    names = dict.fromkeys(name for example in pool[:100] for name in example.inputs)
    if not names:
        for user in users:
            try:
                names |= dict.fromkeys(open_template(session, user).template.inputs)
            except PromptlabError:
                continue
    return tuple(names)


def _browse(path: str, pool: tuple[Example, ...], names: tuple[str, ...]) -> None:
    tags = examples.facts_of_pool(pool).tags
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="pool-text",
            persist_state="page",
            icon=":material/search:",
            placeholder="words of a question, an answer or a tag",
        )
        tag = ""
        if tags:
            offered = ["", *list(tags)[:MOST_TAGS]]
            if st.session_state.get("pool-tag", "") not in offered:
                st.session_state["pool-tag"] = ""
            tag = st.selectbox(
                "Tag", offered, key="pool-tag", persist_state="page", format_func=lambda tag: tag or "any", width=180
            )
        only: Label | Literal[""] = st.selectbox(
            "Label",
            ["", *LABELS],
            key="pool-only",
            persist_state="page",
            format_func=lambda label: label or "any",
            width=160,
        )
        _add(path, names)
    matches: Sequence[Example] = pool
    if text or tag or only:
        matches = examples.search_pool(pool, text.strip(), tag=tag, label=only or None)
    if not matches:
        note("info", "No example matches", "Try fewer words, or another tag or label.")
        return
    first = rows.first("pool", len(matches), (path, text, tag, only), PAGE)
    for example in matches[first : first + PAGE]:
        rows.line(path, names, example)
    rows.turn("pool", len(matches), first, PAGE)


def _add(path: str, names: tuple[str, ...]) -> None:
    if kind_of(path) == "yaml":
        small("A YAML pool can only be changed in an editor.")
        return
    st.button(
        "Add an example",
        icon=":material/add:",
        key="pool-add",
        on_click=form.open_form,
        args=(path, names, None),
    )


__all__ = ["page"]
