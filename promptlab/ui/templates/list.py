"""The list of templates: what each is for, its last change, and if it has unsaved changes."""

from __future__ import annotations

import streamlit as st

from promptlab.templates import TemplateEntry
from promptlab.ui.components import file_menu, folders, frame, links, widgets
from promptlab.ui.components.widgets import chip, escape, markup, note
from promptlab.ui.state.session import Session
from promptlab.ui.templates import import_, new

HOME = "templates"
POLL = 0.3
"""Seconds between looks at a list that is still being read."""
STATES = {"any": "all", "mine": "not saved", "problem": "with an error"}


def draw(session: Session) -> None:
    """Draw the search, the list, and the buttons for a new template."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        st.subheader("Templates", anchor=False, width="content")
        with st.container(horizontal=True, gap="small", width="content"):
            file_menu.trash(session, "template")
            import_.button(session)
            new.button(session)
    file_menu.outcome(session)
    entries = session.templates()
    if entries is None:
        st.fragment(frame.guarded(_reading), run_every=POLL)(session)
        return
    drafts = session.drafts.edited()
    known = {entry.path for entry in entries}
    unsaved = [_draft_entry(path) for path in drafts if path not in known]
    if not entries and not unsaved:
        note(
            "info",
            "No templates yet",
            "New template creates one: from the standard layout, from your own text, or from an OpenAI request.",
            "Import converts prompts of other tools.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = st.text_input(
            "Search",
            key="templates-text",
            icon=":material/search:",
            placeholder="part of a name or description",
            live=True,
            persist_state="session",
        )
        only = st.selectbox(
            "Show",
            list(STATES),
            key="templates-only",
            format_func=STATES.__getitem__,
            width=200,
            persist_state="session",
        )
    words = (text or "").casefold().split()
    matches = [
        entry for entry in [*unsaved, *entries] if _matches(entry, words) and _is(entry, only, entry.path in drafts)
    ]
    if not matches:
        note("info", "No template matches", "Try fewer words, or choose Show: all.")
        return
    by_path = {entry.path: entry for entry in matches}

    def line(path: str) -> None:
        _line(by_path[path], drafted=path in drafts, on_disk=path in known)

    looking = bool(words) or only != "any"
    folders.draw("templates", list(by_path), line, search=(text, only), home=HOME, unfold=looking)


def short(path: str) -> str:
    """The short name of a template: `triage` for templates/triage.yaml."""
    return path.removeprefix("templates/").removesuffix(".yaml").removesuffix(".yml")


def open_one(path: str) -> None:
    """Show the template at `path`."""
    links.address(template=path)


def _reading(session: Session) -> None:
    if session.templates() is not None:
        st.rerun()
    note("info", "Reading the templates", "With many templates this takes a moment the first time.")
    markup('<div class="pl-wait pl-open"><span></span></div>')


def _draft_entry(path: str) -> TemplateEntry:
    return TemplateEntry(path, short(path), "", "", "public", "new", None)


def _matches(entry: TemplateEntry, words: list[str]) -> bool:
    text = f"{entry.path} {entry.description}".casefold()
    return all(word in text for word in words)


def _is(entry: TemplateEntry, only: str, drafted: bool) -> bool:
    if only == "mine":
        return drafted or entry.state in ("changed", "new")
    return bool(entry.problem) if only == "problem" else True


def _line(entry: TemplateEntry, *, drafted: bool, on_disk: bool) -> None:
    key = folders.key_of(entry.path)
    summary = entry.description or entry.problem.removeprefix(f"{entry.path}:")
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"template-row-{key}"):
        markup(
            f'<div class="pl-tpl"><span class="pl-break"><b>{escape(short(entry.path))}</b>'
            f'<br><span class="pl-small">{escape(summary)}</span></span>'
            f"<span>{_chips(entry, drafted=drafted, on_disk=on_disk)}</span>"
            f'<span class="pl-small pl-break">{_last(entry)}</span></div>'
        )
        folders.open_button(short(entry.path), f"template-{key}", open_one, entry.path)


def _chips(entry: TemplateEntry, *, drafted: bool, on_disk: bool) -> str:
    if not on_disk:
        return chip("not saved yet", "warn")
    marks = [chip("has an error", "bad")] if entry.problem else []
    marks += [chip("unsaved changes", "warn")] if drafted else []
    if entry.state == "changed":
        marks.append(chip("file changed", "warn"))
    elif entry.state == "new":
        marks.append(chip("not in git", ""))
    return " ".join(marks)


def _last(entry: TemplateEntry) -> str:
    if entry.last is None:
        return ""
    return f"{escape(widgets.clock(entry.last.when))} · {escape(entry.last.who)}<br>{escape(entry.last.subject)}"
