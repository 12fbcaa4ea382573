"""The line that says that a template was changed elsewhere, the dialog that shows both texts, and the line for Undo."""

from __future__ import annotations

from functools import partial

import streamlit as st

from promptlab import templates
from promptlab.errors import InputError
from promptlab.ui.components import conflict_view, frame, widgets
from promptlab.ui.components.widgets import escape, markup, note, plain, small
from promptlab.ui.state import elsewhere
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.elsewhere import Other
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.ui.state.tabs import Part, words_for

_OPEN = "elsewhere-open"
NAMES = conflict_view.Names("this tab's", "the other tab's", "What you changed in this tab", "What was changed there")
FILE_NAMES = conflict_view.Names("this tab's", "the text on disk", "What you changed in this tab")
SHOWN = 200
"""Characters of a value that are shown in the table of settings."""


def draw(session: Session, opened: Opened) -> None:
    """Say what was changed elsewhere, and what can be undone."""
    other = elsewhere.changed_elsewhere(session, opened)
    if other is None:
        st.session_state.pop(_OPEN, None)
    else:
        _bar(session, other)
    undo = elsewhere.to_undo(session, opened.path)
    if undo:
        with _line("undo"):
            st.html(f'<div class="pl-small" role="status">{escape(undo.message)}</div>', width="content")
            st.button(
                "Undo",
                icon=":material/undo:",
                type="tertiary",
                key="draft-undo-it",
                on_click=elsewhere.undo_it,
                args=(session, undo),
            )


def _line(key: str) -> st.delta_generator.DeltaGenerator:
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"line-{key}")


def _bar(session: Session, other: Other) -> None:
    with _line("elsewhere"):
        st.html(
            f'<div class="pl-note pl-warn" role="status"><b>{escape(_what(other))}</b> '
            "Run sends what is on this screen.</div>",
            width="content",
        )
        st.button("Show both", icon=":material/difference:", key="elsewhere-show", on_click=_open, args=(other,))
        if not other.lost and other.text is not None:
            word = "Show the file" if other.kind == "file" else "Show it here"
            st.button(
                word, type="tertiary", key="elsewhere-take", on_click=elsewhere.take_theirs, args=(session, other)
            )
    if st.session_state.get(_OPEN) == other.here.path:
        title = f"{plain(other.here.template.name)} was changed elsewhere"
        st.dialog(title, width="large", on_dismiss=_close)(frame.guarded(_dialog))(session, other)


def _what(other: Other) -> str:
    if other.kind == "file":
        return "The file was deleted." if other.file is None else "The file was changed on disk."
    names = words_for(other.parts)
    what = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    where = "Another tab has a draft of its own, with other" if other.kind == "own" else "Changed in another tab"
    return f"{where}: {what}."


def _open(other: Other) -> None:
    st.session_state[_OPEN] = other.here.path


def _close() -> None:
    st.session_state.pop(_OPEN, None)


# The dialog


def _dialog(session: Session, other: Other) -> None:
    if st.session_state.get(_OPEN) != other.here.path:
        st.rerun()
        return
    small("Nothing is lost until you choose.")
    merged: str | None = other.here.text
    if other.text != other.here.text:
        names = FILE_NAMES if other.kind == "file" else NAMES
        merged = conflict_view.draw(other.conflict, names, key="elsewhere")
    settings = [part for part in other.parts if part[0] not in ("changes", "text")]
    if settings:
        _settings(other, settings)
    invalid = merged is None or not _is_template(other.here.path, merged)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if other.lost and other.kind != "file":
            take = partial(elsewhere.take_merged, session, other, merged or "")
            _press("Use the merged text", take, key="elsewhere-both", primary=True, off=invalid)
        _press("Keep mine", partial(elsewhere.keep_mine, session, other), key="elsewhere-mine")
        theirs = "Use the file on disk" if other.kind == "file" else "Use the other"
        _press(theirs, partial(elsewhere.take_theirs, session, other), key="elsewhere-theirs", off=other.text is None)
        st.button("Cancel", type="tertiary", key="elsewhere-cancel", on_click=_close)


def _is_template(path: str, text: str) -> bool:
    try:
        templates.parse(text, path=path)
    except InputError as exc:
        place = f", line {exc.line}" if exc.line else ""
        note("bad", f"The merged text is not a valid template{place}", exc.what, exc.hint)
        return False
    return True


def _settings(other: Other, parts: list[Part]) -> None:
    """The inputs, switches and models in which the two differ. The merged text goes with those of this tab."""
    rows = "".join(
        f'<tr><th scope="row">{escape(words_for([part])[0])}</th><td>{_shown(other.here.draft, part)}</td>'
        f"<td>{_shown(other.draft, part)}</td></tr>"
        for part in parts
        if part[0] != "origins"
    )
    if rows:
        head = "<tr><th>Setting</th><th>This tab</th><th>The other tab</th></tr>"
        markup(f'<table class="pl-table">{head}{rows}</table>')
        if other.lost:
            small("The merged text keeps the settings of this tab where both were changed.")


def _shown(draft: Draft, part: Part) -> str:
    value = getattr(draft, part[0])
    if part[0] == "without":
        return "off" if part[1] in value else "on"
    if len(part) > 1:
        value = value.get(part[1], "as in the template")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = str(value) if value not in (None, "") else "–"
    return escape(widgets.shown(text if len(text) <= SHOWN else f"{text[:SHOWN]}…"))


def _press(label: str, do: partial[None], *, key: str, primary: bool = False, off: bool = False) -> None:
    def press() -> None:
        do()
        _close()

    st.button(label, key=key, type="primary" if primary else "secondary", disabled=off, on_click=press)


__all__ = ["draw"]
