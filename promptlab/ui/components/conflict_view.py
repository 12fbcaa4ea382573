"""Two texts made of one, side by side, and the two brought together: for saving and for merging a variant.

Nothing here writes a file. What one makes of the two is kept in the tab until it is saved or given up, so that
closing the dialog loses nothing.
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
    """What the two sides are called: on a button and in a sentence ("yours"), and as a heading ("What you changed")."""

    ours: str = "yours"
    theirs: str = "the one on disk"
    our_change: str = "What you changed"
    their_change: str = "What changed on disk"


def draw(conflict: Conflict, names: Names, *, key: str) -> str | None:
    """Show both sides, and give the text of the two brought together as it stands; None while marks are left in it."""
    left, right = st.columns(2, gap="medium")
    with left:
        _side(names.our_change, conflict.base, conflict.ours, key=f"{key}-ours")
    with right:
        _side(names.their_change, conflict.base, conflict.theirs, key=f"{key}-theirs")
    if conflict.theirs is None:
        return None
    prefer = "mark" if conflict.clean else _prefer(names, key=key)
    text = _together(conflict, prefer, key=key)
    left_over = marks_in(text)
    if conflict.clean:
        small("Both fit together: this has every change of either side. You may still edit it.")
    elif left_over:
        places = "one place" if left_over == 1 else f"{left_over} places"
        note(
            "warn",
            f"Both changed {places}, marked with <<<<<<< and >>>>>>>",
            f"Between the marks stand first {names.ours}, then {names.theirs}: leave what is right, delete the marks.",
        )
    return None if left_over else text


def marks_in(text: str) -> int:
    """Places where git's marks of a conflict stand; any mark that is left alone counts as one."""
    lines = text.splitlines()
    begun = sum(line.startswith(MARKS[0]) for line in lines)
    return begun or int(any(line.startswith((MARKS[1], MARKS[3])) for line in lines))


def _prefer(names: Names, *, key: str) -> Prefer:
    words = {"mark": "both, marked", "ours": names.ours, "theirs": names.theirs}
    chosen: Prefer = st.segmented_control(
        "Where both changed the same place, take",
        ["mark", "ours", "theirs"],
        format_func=lambda choice: words[choice],
        default="mark",
        required=True,
        key=f"{key}-prefer",
    )
    return chosen


def _together(conflict: Conflict, prefer: Prefer, *, key: str) -> str:
    """The merged text in a field. It is made anew when either side or the preference changes, and not otherwise."""
    made_of = (conflict.base, conflict.ours, conflict.theirs, prefer)
    kept, field = f"{key}-together", f"text-{key}"
    if st.session_state.get(kept, (None, ""))[0] != made_of:
        start = conflict.merged
        if prefer != "mark":
            start = versions.merge_texts(conflict.base or "", conflict.ours, conflict.theirs or "", prefer=prefer).text
        st.session_state[kept] = (made_of, start)
        st.session_state.pop(field, None)
    # The widget's own state goes when the dialog closes; what was typed is kept beside it.
    if field not in st.session_state:
        st.session_state[field] = widgets.shown(st.session_state[kept][1])
    text = str(st.text_area("The two together", key=field, height=260))
    st.session_state[kept] = (made_of, text)
    # A browser's text field knows no other line break than \n; the file keeps its own.
    as_file = "\r\n" in conflict.merged and "\r\n" not in text
    return text.replace("\n", "\r\n") if as_file else text


def _side(title: str, base: str | None, text: str | None, *, key: str) -> None:
    if text is None or text == base:
        markup(f'<div class="pl-role">{escape(title)}</div>')
        small("The file was deleted." if text is None else "Nothing.")
    else:
        version_diff.file(title, base or "", text)
    if text is None:
        return
    with st.expander("The whole text", key=f"{key}-whole", type="compact"):
        widgets.mono(text, key=f"{key}-code")


__all__ = ["Names", "draw", "marks_in"]
