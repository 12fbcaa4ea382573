"""A merge conflict: both changed texts side by side, and the merged text to edit. For saving and merging variants.

Nothing here writes a file. The merged text stays in the browser's tab until it is saved or discarded, so closing the
dialog loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from promptlab import versions
from promptlab.errors import Conflict
from promptlab.ui.components import version_diff, widgets
from promptlab.ui.components.widgets import escape, markup, note, small

Prefer = Literal["mark", "ours", "theirs"]
MARKS = ("<<<<<<< ", "||||||| ", "=======", ">>>>>>> ")


@dataclass(frozen=True)
class Names:
    """The names of the two sides: on a button or in a sentence ("yours"), and as a heading ("What you changed")."""

    ours: str = "yours"
    theirs: str = "the text on disk"
    our_change: str = "What you changed"
    their_change: str = "What changed on disk"


def draw(conflict: Conflict, names: Names, *, key: str) -> str | None:
    """Show both sides and the merged text; returns the merged text, or None while conflict marks are left in it."""
    left, right = st.columns(2, gap="medium")
    with left:
        _side(names.our_change, conflict.base, conflict.ours, key=f"{key}-ours")
    with right:
        _side(names.their_change, conflict.base, conflict.theirs, key=f"{key}-theirs")
    if conflict.theirs is None:
        return None
    prefer = "mark" if conflict.clean else _prefer(names, key=key)
    text = _merged_text(conflict, prefer, key=key)
    left_over = marks_in(text)
    if conflict.clean:
        small("The changes do not overlap: the merged text has all of them. You can still edit it.")
    elif left_over:
        places = "one place" if left_over == 1 else f"{left_over} places"
        note(
            "warn",
            f"Both sides changed {places}, marked with <<<<<<< and >>>>>>>",
            f"Between the marks: {names.ours} first, then {names.theirs}. Keep the right text and delete the marks.",
        )
    return None if left_over else text


def marks_in(text: str) -> int:
    """The number of places with git's conflict marks. Stray marks without a beginning count as one place."""
    lines = text.splitlines()
    starts = sum(line.startswith(MARKS[0]) for line in lines)
    return starts or int(any(line.startswith((MARKS[1], MARKS[3])) for line in lines))


def _prefer(names: Names, *, key: str) -> Prefer:
    words = {"mark": "both, marked", "ours": names.ours, "theirs": names.theirs}
    chosen: Prefer = st.segmented_control(
        "Where both changed the same place, use",
        ["mark", "ours", "theirs"],
        format_func=lambda choice: words[choice],
        default="mark",
        required=True,
        key=f"{key}-prefer",
    )
    return chosen


def _merged_text(conflict: Conflict, prefer: Prefer, *, key: str) -> str:
    """The merged text in a text area. It is merged again only if one of the sides or the preference changes."""
    sources = (conflict.base, conflict.ours, conflict.theirs, prefer)
    saved_key, field = f"{key}-together", f"text-{key}"
    if st.session_state.get(saved_key, (None, ""))[0] != sources:
        start = conflict.merged
        if prefer != "mark":
            start = versions.merge_texts(conflict.base or "", conflict.ours, conflict.theirs or "", prefer=prefer).text
        st.session_state[saved_key] = (sources, start)
        st.session_state.pop(field, None)
    # Streamlit drops the widget's state when the dialog closes, so the typed text is kept under another key too.
    if field not in st.session_state:
        st.session_state[field] = widgets.shown(st.session_state[saved_key][1])
    text = str(st.text_area("Merged text", key=field, height=260, persist_state="page"))
    st.session_state[saved_key] = (sources, text)
    # A browser turns every line break of a text area into \n; a file with \r\n keeps its own.
    crlf = "\r\n" in conflict.merged and "\r\n" not in text
    return text.replace("\n", "\r\n") if crlf else text


def _side(title: str, base: str | None, text: str | None, *, key: str) -> None:
    if text is None or text == base:
        markup(f'<div class="pl-role">{escape(title)}</div>')
        small("The file was deleted." if text is None else "No change.")
    else:
        version_diff.file(title, base or "", text)
    if text is None:
        return
    with st.expander("The whole text", key=f"{key}-whole", type="compact"):
        widgets.mono(text, key=f"{key}-code")


__all__ = ["Names", "draw", "marks_in"]
