"""The list of templates: what each is for, when it was last changed, and what of it is not saved."""

from __future__ import annotations

import streamlit as st

from promptlab.templates import Entry
from promptlab.types import sha256
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.templates import import_ as importing
from promptlab.ui.templates import new as template_new

PAGE = 25
POLL = 0.3
STATES = {"any": "any", "mine": "not saved", "problem": "with a problem"}


def draw(session: Session) -> None:
    """Search, the list, and the ways to a new template."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.subheader("Templates", anchor=False, width="content")
        with st.container(horizontal=True, gap="small", width="content"):
            importing.button(session)
            template_new.button(session)
    entries = session.templates()
    if entries is None:
        st.fragment(frame.guarded(_reading), run_every=POLL)(session)
        return
    drafts = session.drafts.edited()
    known = {entry.path for entry in entries}
    new = [_draft_entry(path) for path in drafts if path not in known]
    if not entries and not new:
        note(
            "info",
            "There is no template yet",
            "New template starts one from the standard layout, from text you have, or from a request you already send.",
            "Import takes over prompts of other tools.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="templates-text",
            icon=":material/search:",
            placeholder="part of a name or description",
            live=True,
        )
        only = st.selectbox("Which", list(STATES), key="templates-only", format_func=lambda one: STATES[one], width=200)
    words = (text or "").casefold().split()
    found = [entry for entry in [*new, *entries] if _matches(entry, words) and _is(entry, only, entry.path in drafts)]
    if not found:
        note("info", "No template matches", "Try fewer words, or any of them.")
        return
    first = _first(len(found), (text, only))
    for entry in found[first : first + PAGE]:
        _line(entry, drafted=entry.path in drafts, on_disk=entry.path in known)
    _turn(len(found), first)


def short(path: str) -> str:
    """A template as people name it: `triage` for templates/triage.yaml."""
    return path.removeprefix("templates/").removesuffix(".yaml").removesuffix(".yml")


def open_one(path: str) -> None:
    """Show the template at `path`."""
    st.query_params["template"] = path


def _reading(session: Session) -> None:
    if session.templates() is not None:
        st.rerun()
    note("info", "Reading the templates", "The first time takes a moment for many of them; then the list is kept.")
    markup('<div class="pl-wait pl-open"><span></span></div>')


def _draft_entry(path: str) -> Entry:
    return Entry(path, short(path), "", "", "public", "new", None)


def _matches(entry: Entry, words: list[str]) -> bool:
    text = f"{entry.path} {entry.description}".casefold()
    return all(word in text for word in words)


def _is(entry: Entry, only: str, drafted: bool) -> bool:
    if only == "mine":
        return drafted or entry.state in ("changed", "new")
    return bool(entry.problem) if only == "problem" else True


def _first(count: int, asked: object) -> int:
    """Where the page begins; another search begins at the beginning."""
    if st.session_state.get("templates-asked") != asked:
        st.session_state["templates-asked"], st.session_state["templates-first"] = asked, 0
    first: int = st.session_state["templates-first"]
    return first if first < count else 0


def _line(entry: Entry, *, drafted: bool, on_disk: bool) -> None:
    key = sha256(entry.path)[:12]
    said = entry.description or entry.problem.removeprefix(f"{entry.path}:")
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"template-row-{key}"):
        markup(
            f'<div class="pl-tpl"><span class="pl-break"><b>{escape(short(entry.path))}</b>'
            f'<br><span class="pl-small">{escape(said)}</span></span>'
            f"<span>{_chips(entry, drafted=drafted, on_disk=on_disk)}</span>"
            f'<span class="pl-small pl-break">{_last(entry)}</span></div>'
        )
        st.button(
            "Open",
            key=f"open-template-{key}",
            type="tertiary",
            icon=":material/chevron_right:",
            icon_position="right",
            help=plain(f"Open {short(entry.path)}"),
            on_click=open_one,
            args=(entry.path,),
        )


def _chips(entry: Entry, *, drafted: bool, on_disk: bool) -> str:
    if not on_disk:
        return chip("not saved yet", "warn")
    marks = [chip("cannot be used", "bad")] if entry.problem else []
    marks += [chip("changed here", "warn")] if drafted else []
    if entry.state == "changed":
        marks.append(chip("file changed", "warn"))
    elif entry.state == "new":
        marks.append(chip("not in git", ""))
    return " ".join(marks)


def _last(entry: Entry) -> str:
    if entry.last is None:
        return ""
    return f"{escape(widgets.clock(entry.last.when))} · {escape(entry.last.who)}<br>{escape(entry.last.subject)}"


def _turn(count: int, first: int) -> None:
    if count <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Before",
            icon=":material/chevron_left:",
            key="templates-before",
            disabled=first == 0,
            on_click=_go,
            args=(first - PAGE,),
        )
        st.button(
            "Next",
            icon=":material/chevron_right:",
            key="templates-next",
            disabled=first + PAGE >= count,
            on_click=_go,
            args=(first + PAGE,),
        )
        small(f"{first + 1:,} to {min(first + PAGE, count):,} of {count:,}")


def _go(first: int) -> None:
    st.session_state["templates-first"] = max(0, first)
