"""Import: files of other tools, dropped or picked, as templates; what becomes of each field is shown before anything
is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

import streamlit as st

from promptlab import formats
from promptlab._yaml import MAX_BYTES
from promptlab.errors import FormatError, InputError, PromptlabError
from promptlab.formats import IMPORTS, Imported, Loss, Places, What, home
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.sizes import sentence
from promptlab.ui.components.theme import UPLOAD_MB
from promptlab.ui.components.widgets import chip, escape, markup, note, plain, small
from promptlab.ui.state.session import Session, current

_OPEN = "import-open"
_KINDS: Mapping[What, str] = {"taken": "good", "translated": "warn", "not understood": "bad"}
_ENDINGS = [ending.removeprefix(".") for ending in formats.ENDINGS]


@dataclass(frozen=True)
class _Read:
    """What became of a file when it was looked at: `imported`, or `problem`."""

    format: str
    imported: Imported | None = None
    problem: PromptlabError | None = None


def button(session: Session) -> None:
    """The button "Import" and its dialog."""
    st.button("Import", icon=":material/file_open:", key="import", on_click=_open)
    if st.session_state.get(_OPEN):
        st.dialog("Import prompts of other tools", width="large", on_dismiss=_close)(frame.guarded(_dialog))(session)


def _dialog(session: Session) -> None:
    if not st.session_state.get(_OPEN):
        st.rerun()
    panel(session, key="import", on_done=_close)


def panel(session: Session, *, key: str, on_done: Callable[[], None]) -> None:
    """Drop files, see what each becomes, then write them. One that cannot be read never stops the others."""
    small(f"{', '.join(one.title for one in IMPORTS.values())}. Nothing in a file is run, and nothing is fetched.")
    files = st.file_uploader(
        "Drop files here, or choose them",
        accept_multiple_files=True,
        type=_ENDINGS,
        max_upload_size=UPLOAD_MB,
        key=f"{key}-files",
    )
    small(f"Up to {MAX_BYTES // 1_000_000} MB each. What is imported starts as confidential.")
    # By Streamlit's id of each file: what is written stays said when the page is drawn again.
    done: MutableMapping[str, list[str]] = st.session_state.setdefault(f"{key}-written", {})
    beside = {file.name: file.getvalue() for file in files or () if len(file.getvalue()) <= MAX_BYTES}
    ready = 0
    for file in files or ():
        with st.container(key=f"{key}-one-{file.file_id[:16]}", gap="xsmall"):
            if file.file_id in done:
                _written(session, file.name, done[file.file_id])
            else:
                ready += _one(session, f"{key}-{file.file_id[:16]}", file.file_id, file.name, beside, done)
    if ready > 1:
        names = [(f.file_id, f.name) for f in files or () if f.file_id not in done]
        st.button(
            f"Import all {ready}",
            type="primary",
            key=f"{key}-all",
            on_click=_write_all,
            args=(session, key, names, beside, done),
        )
    st.button("Close", type="tertiary", key=f"{key}-close", on_click=on_done)


def _one(
    session: Session,
    key: str,
    id: str,
    name: str,
    beside: Mapping[str, bytes],
    done: MutableMapping[str, list[str]],
) -> int:
    """A file that is not imported yet: its format, what it would become, and the button. 1 where it can be."""
    found = _looked_at(key, name, beside)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        markup(f'<div class="pl-break"><b>{escape(name)}</b></div>')
        st.selectbox(
            "Format",
            list(IMPORTS),
            index=list(IMPORTS).index(found.format) if found.format else None,
            format_func=lambda one: plain(IMPORTS[one].title),
            key=f"{key}-format",
            placeholder="choose what it is",
            width=280,
        )
    if found.problem:
        problem = found.problem
        said = problem.what if isinstance(problem, InputError) else problem.message
        place = f", line {problem.line}" if isinstance(problem, InputError) and problem.line else ""
        note("bad", f"This file cannot be read{place}", sentence(said), sentence(problem.hint))
        return 0
    if found.imported is None or not found.imported.files:
        note("warn", "Nothing could be made of it", "What it holds is listed below.")
        _report(found.imported, key)
        return 0
    wanted = formats.files_of(found.imported, name, Places())
    for path in wanted:
        markup(f'<div class="pl-small pl-mono pl-break">{escape(path)}</div>')
    _models(session, found.imported)
    _report(found.imported, key)
    there = formats.in_the_way(session.workspace, wanted)
    if there:
        note("warn", "Something else is there already", f"{', '.join(there)} would be replaced.")
    st.button(
        "Replace" if there else "Import",
        key=f"{key}-go",
        icon=":material/download:",
        on_click=_write,
        args=(session, id, name, found.imported, done, bool(there)),
    )
    return int(not there)


def _looked_at(key: str, name: str, beside: Mapping[str, bytes]) -> _Read:
    """What the file becomes in the format that is chosen, or else guessed. Read once for each of them, and again when
    other files have come with it."""
    chosen = st.session_state.get(f"{key}-format") or ""
    cache: dict[tuple[str, ...], _Read] = st.session_state.setdefault(f"{key}-read", {})
    asked = (chosen, *sorted(beside))
    if asked not in cache:
        cache[asked] = _read(chosen, name, beside)
    return cache[asked]


def _read(chosen: str, name: str, beside: Mapping[str, bytes]) -> _Read:
    content = beside.get(name)
    format_ = chosen or (formats.guess(name, content) if content is not None else None) or ""
    try:
        if content is None:
            raise FormatError(f"larger than {MAX_BYTES // 1_000_000} MB", hint="is this the file you meant?")
        if not format_:
            raise FormatError("nothing in it tells which tool it is of", hint="choose its format, if you know it")
        return _Read(
            format_, formats.read(format_, name, content, Places(home=home(current().workspace)), beside=beside)
        )
    except PromptlabError as exc:
        return _Read(format_, problem=exc)


def _report(imported: Imported | None, key: str) -> None:
    if imported is None or not imported.report.entries:
        return
    entries = imported.report.entries
    counts = ", ".join(f"{len(imported.report.of(what))} {what}" for what in _KINDS if imported.report.of(what))
    lost = bool(imported.report.of("not understood"))
    shown = st.expander(f"{len(entries)} fields: {counts}", key=f"{key}-report", expanded=lost, type="compact")
    with shown:
        head = '<tr><th>Field</th><th class="pl-n">Line</th><th>What became of it</th><th>Why</th></tr>'
        worst_first = sorted(entries, key=lambda entry: -list(_KINDS).index(entry.what))
        markup(f'<table class="pl-table">{head}{"".join(map(_row, worst_first))}</table>')


def _row(entry: Loss) -> str:
    return (
        f'<tr><td class="pl-mono pl-break">{escape(entry.field)}</td><td class="pl-n">{entry.line or ""}</td>'
        f'<td>{chip(entry.what, _KINDS[entry.what])}</td><td class="pl-break">{escape(entry.note)}</td></tr>'
    )


def _models(session: Session, imported: Imported) -> None:
    from promptlab._yaml import EXPORT, inline

    new = {name: model for name, model in imported.models.items() if name not in session.workspace.models}
    if new:
        small("For promptlab.yaml, under models:")
        rows = [f"{inline(name, style=EXPORT)}: {inline(model, style=EXPORT)}" for name, model in new.items()]
        widgets.mono("\n".join(rows), key="import-models")


def _write(
    session: Session,
    id: str,
    name: str,
    imported: Imported,
    done: MutableMapping[str, list[str]],
    force: bool,
) -> None:
    try:
        done[id] = formats.write_imported(session.workspace, imported, name, Places(), force=force)
    except PromptlabError as exc:
        done[id] = [f"! {exc.message}"]


def _write_all(
    session: Session,
    key: str,
    files: list[tuple[str, str]],
    beside: Mapping[str, bytes],
    done: MutableMapping[str, list[str]],
) -> None:
    for id, name in files:
        found = _looked_at(f"{key}-{id[:16]}", name, beside)
        if found.imported and found.imported.files:
            wanted = formats.files_of(found.imported, name, Places())
            if not formats.in_the_way(session.workspace, wanted):
                _write(session, id, name, found.imported, done, False)


def _written(session: Session, name: str, paths: list[str]) -> None:
    if paths and paths[0].startswith("! "):
        note("bad", f"{name} was not imported", paths[0].removeprefix("! "))
        return
    label = session.workspace.label_of(paths[0]) if paths else ""
    markup(f'<div class="pl-break" role="status"><b>{escape(name)}</b> is imported {chip(label, "warn")}</div>')
    for path in paths:
        if path.startswith("templates/") and path.endswith((".yaml", ".yml")):
            links.to("templates", plain(f"Open {path}"), icon=":material/edit_note:", template=path)
        else:
            markup(f'<div class="pl-small pl-mono pl-break">{escape(path)}</div>')


def _open() -> None:
    for key in [key for key in st.session_state if str(key).startswith("import-")]:
        del st.session_state[key]
    st.session_state[_OPEN] = True


def _close() -> None:
    st.session_state.pop(_OPEN, None)
