"""Lists of pools and examples, in pages; long texts are cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab._util.rows import kind_of
from promptlab.types import Example, sha256
from promptlab.ui.components.widgets import chip, escape, markup, small
from promptlab.ui.examples import form

CLIP = 280
"""Characters of a text that a list shows; the dialog of the example has all of it."""


def key(name: str) -> str:
    """A part of a widget's key, unique for each name."""
    return sha256(name)[:12]


def clipped(text: str) -> str:
    """The beginning of `text`, on one line."""
    line = " ".join(text[: 4 * CLIP].split())
    return line if len(line) <= CLIP and len(text) <= 4 * CLIP else f"{line[:CLIP]} …"


def inputs_html(inputs: Mapping[str, str]) -> str:
    """The inputs of an example, with their names if there are several."""
    if len(inputs) == 1:
        return escape(clipped(next(iter(inputs.values()))))
    return "".join(
        f'<div><span class="pl-small">{escape(name)}</span> {escape(clipped(value))}</div>'
        for name, value in inputs.items()
    )


def cells(example: Example) -> str:
    """The inputs, output, id, tags and label of an example, as cells of a grid."""
    marks = [chip(clipped(tag)) for tag in example.tags]
    if example.label != "public":
        marks.append(chip(example.label, "warn"))
    return (
        f'<span class="pl-break">{inputs_html(example.inputs)}</span>'
        f'<span class="pl-break">{escape(clipped(example.output))}</span>'
        f'<span class="pl-break"><span class="pl-small pl-mono">{escape(clipped(example.id))}</span> '
        f"{' '.join(marks)}</span>"
    )


def line(path: str, names: tuple[str, ...], example: Example, *, group: str = "") -> None:
    """An example of the pool `path` with a button that opens it. Two lists on one page need different `group`s."""
    own = f"{group}{key(example.id)}"
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"example-{own}"):
        markup(f'<div class="pl-example">{cells(example)}</div>')
        yaml = kind_of(path) == "yaml"
        st.button(
            "Show" if yaml else "Edit",
            key=f"edit-example-{own}",
            type="tertiary",
            icon=":material/visibility:" if yaml else ":material/edit:",
            on_click=form.open_form,
            args=(path, names, example),
        )


def first(name: str, count: int, search: Any, size: int) -> int:
    """The index of the first item on the page of the list `name`; a new search starts at 0."""
    if st.session_state.get(f"{name}-asked", search) != search:
        st.session_state[f"{name}-first"] = 0
    st.session_state[f"{name}-asked"] = search
    at: int = st.session_state.setdefault(f"{name}-first", 0)
    if at >= count:
        at = st.session_state[f"{name}-first"] = max(0, (count - 1) // size * size)
    return at


def turn(name: str, count: int, at: int, size: int) -> None:
    """Buttons that turn the pages of the list `name`, if there is more than one page."""
    if count <= size:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{name}-turn"):
        _button(name, "before", "Previous", ":material/chevron_left:", at - size, disabled=at == 0)
        _button(name, "next", "Next", ":material/chevron_right:", at + size, disabled=at + size >= count)
        small(f"{at + 1:,} to {min(at + size, count):,} of {count:,}")


def _button(name: str, way: str, label: str, icon: str, to: int, *, disabled: bool) -> None:
    st.button(label, icon=icon, key=f"{name}-{way}", disabled=disabled, on_click=_go, args=(name, max(0, to)))


def _go(name: str, to: int) -> None:
    st.session_state[f"{name}-first"] = to


__all__ = ["cells", "clipped", "first", "inputs_html", "key", "line", "turn"]
