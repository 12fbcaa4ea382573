"""Lists of files in folders: each folder is a line that folds its files away, and the whole line of a file opens it.

    rows = rows_of(["templates/a.yaml", "templates/old/b.yaml"], folded={"templates/old"})
    # [Row(path="templates/a.yaml"), Row(folder="templates/old", count=1, folded=True)]

A page of the list has a bounded number of lines, so a thousand files are as quick as ten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import streamlit as st

from promptlab.types import sha256
from promptlab.ui.components.widgets import plain, small

PAGE = 25
"""Files on one page of a list."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list: the file at `path`, or a folder with `count` files."""

    path: str = ""
    folder: str = ""
    count: int = 0
    folded: bool = False


def rows_of(paths: Sequence[str], *, folded: Collection[str], home: str = "") -> list[Row]:
    """The lines for `paths`: first those in the folder `home`, then each other folder with its files. A list with all
    its files in one folder has no lines for folders."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(PurePosixPath(path).parent.as_posix(), []).append(path)
    if len(groups) <= 1 and not (groups and home and home not in groups):
        return [Row(path=path) for path in paths]
    rows = [Row(path=path) for path in groups.pop(home, [])]
    for folder in sorted(groups):
        is_folded = folder in folded
        rows.append(Row(folder=folder, count=len(groups[folder]), folded=is_folded))
        rows += [] if is_folded else [Row(path=path) for path in groups[folder]]
    return rows


def draw(
    name: str, paths: Sequence[str], line: Callable[[str], None], *, search: Any, home: str = "", unfold: bool = False
) -> None:
    """The list `name`, page by page. `line` draws a file; `search` is what the person looks for: another one begins at
    the first page. With `unfold` all folders are open, so that nothing found is hidden."""
    folded: set[str] = st.session_state.setdefault(f"{name}-folded", set())
    rows = rows_of(paths, folded=() if unfold else folded, home=home)
    files = sum(bool(row.path) for row in rows)
    at = _first(name, files, search)
    for row in page_of(rows, at):
        if row.folder:
            _folder(name, row)
        else:
            line(row.path)
    _turn(name, files, at)


def page_of(rows: Sequence[Row], at: int) -> list[Row]:
    """The lines of the page that begins with the file number `at`, each file below the line of its folder."""
    shown, number, folder = list[Row](), 0, None
    for row in rows:
        if row.folder:
            folder = row
            if row.folded and at <= number <= at + PAGE:
                shown.append(row)
            continue
        if at <= number < at + PAGE:
            shown += [folder] if folder and not folder.folded and folder not in shown else []
            shown.append(row)
        number += 1
    return shown


def key_of(path: str) -> str:
    """A part of a widget's key, unique for each path."""
    return sha256(path)[:12]


def open_button(label: str, key: str, on_click: Callable[..., None], *args: Any) -> None:
    """The button of a line, which covers the whole line. Its name is read aloud; seen is the arrow."""
    st.button(
        plain(f"Open {label}"),
        key=f"open-{key}",
        type="tertiary",
        icon=":material/chevron_right:",
        icon_position="right",
        on_click=on_click,
        args=args,
    )


def _folder(name: str, row: Row) -> None:
    icon = ":material/chevron_right:" if row.folded else ":material/expand_more:"
    with st.container(key=f"folder-{name}-{key_of(row.folder)}"):
        st.button(
            plain(f"{row.folder} · {row.count:,}"),
            key=f"fold-{name}-{key_of(row.folder)}",
            icon=icon,
            type="tertiary",
            on_click=_fold,
            args=(name, row.folder),
        )


def _fold(name: str, folder: str) -> None:
    st.session_state[f"{name}-folded"] = st.session_state.get(f"{name}-folded", set()) ^ {folder}


def _first(name: str, count: int, search: Any) -> int:
    """The index of the first line on the page; a new search starts at 0."""
    if st.session_state.get(f"{name}-asked") != search:
        st.session_state[f"{name}-asked"], st.session_state[f"{name}-first"] = search, 0
    first: int = st.session_state.setdefault(f"{name}-first", 0)
    return first if first < count else 0


def _turn(name: str, count: int, at: int) -> None:
    if count <= PAGE:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{name}-turn"):
        for word, icon, to in (
            ("Previous", ":material/chevron_left:", at - PAGE),
            ("Next", ":material/chevron_right:", at + PAGE),
        ):
            st.button(
                word,
                icon=icon,
                key=f"{name}-{'before' if to < at else 'next'}",
                disabled=not 0 <= to < count,
                on_click=_go,
                args=(name, to),
            )
        small(f"{at + 1:,} to {min(at + PAGE, count):,} of {count:,}")


def _go(name: str, to: int) -> None:
    st.session_state[f"{name}-first"] = max(0, to)


__all__ = ["PAGE", "Row", "draw", "key_of", "open_button", "page_of", "rows_of"]
