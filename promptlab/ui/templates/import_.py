"""Import: turns uploaded files of other tools into templates.

What happens to each field is shown before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass

import streamlit as st

from promptlab import formats
from promptlab._yaml import MAX_BYTES
from promptlab.errors import FormatError, InputError, PromptlabError
from promptlab.formats import IMPORT_FORMATS, FieldOutcome, Imported, ImportFolders, Outcome, workspace_view
from promptlab.ui.components import frame, links, widgets
from promptlab.ui.components.sizes import sentence
from promptlab.ui.components.theme import UPLOAD_MB
from promptlab.ui.components.widgets import chip, escape, markup, note, option, plain, small
from promptlab.ui.state.session import Session, current

_OPEN = "import-open"
_KINDS: Mapping[Outcome, str] = {"taken": "good", "translated": "warn", "not understood": "bad"}
_ENDINGS = [ending.removeprefix(".") for ending in formats.IMPORT_ENDINGS]


@dataclass(frozen=True)
class _Read:
    """The result of reading a file: `imported`, or the `problem`."""

    format: str
    imported: Imported | None = None
    problem: PromptlabError | None = None


def button(session: Session) -> None:
    """The button "Import", and its dialog if it is open."""
    st.button("Import", icon=":material/file_open:", key="import", on_click=_open)
    if st.session_state.get(_OPEN):
        st.dialog("Import prompts of other tools", width="large", on_dismiss=_close)(frame.guarded(_dialog))(session)


def _dialog(session: Session) -> None:
    if not st.session_state.get(_OPEN):
        st.rerun()
    panel(session, key="import", on_done=_close)


def panel(session: Session, *, key: str, on_done: Callable[[], None]) -> None:
    """Upload files, check what each becomes, then write them. A file that cannot be read does not stop the others."""
    titles = ", ".join(importer.title for importer in IMPORT_FORMATS.values())
    small(f"{titles}. Code in a file is never run, and nothing is downloaded.")
    files = st.file_uploader(
        "Drop files here, or choose them",
        accept_multiple_files=True,
        type=_ENDINGS,
        max_upload_size=UPLOAD_MB,
        key=f"{key}-files",
    )
    small(f"Up to {MAX_BYTES // 1_000_000} MB each. Imported files are confidential at first.")
    # The paths written for each file, by Streamlit's id of the file, so that a rerun shows them again.
    written: MutableMapping[str, list[str]] = st.session_state.setdefault(f"{key}-written", {})
    beside = {file.name: file.getvalue() for file in files or () if len(file.getvalue()) <= MAX_BYTES}
    ready = 0
    for file in files or ():
        with st.container(key=f"{key}-one-{file.file_id[:16]}", gap="xsmall"):
            if file.file_id in written:
                _written(session, file.name, written[file.file_id])
            else:
                ready += _file(session, f"{key}-{file.file_id[:16]}", file.file_id, file.name, beside, written)
    if ready > 1:
        names = [(f.file_id, f.name) for f in files or () if f.file_id not in written]
        st.button(
            f"Import all {ready}",
            type="primary",
            key=f"{key}-all",
            on_click=_write_all,
            args=(session, key, names, beside, written),
        )
    st.button("Close", type="tertiary", key=f"{key}-close", on_click=on_done)


def _file(
    session: Session,
    key: str,
    id: str,
    name: str,
    beside: Mapping[str, bytes],
    written: MutableMapping[str, list[str]],
) -> int:
    """A file before its import: its format, the result, and the button. Returns 1 if Import all can take it, else 0."""
    result = _read_once(key, name, beside)
    _head(key, name, result)
    if result.problem:
        _problem(result.problem)
        return 0
    if result.imported is None or not result.imported.files:
        note("warn", "Nothing to import in this file", "Its fields are listed below.")
        _report(result.imported, key)
        return 0
    new_files = formats.files_to_write(result.imported, name, ImportFolders())
    for path in new_files:
        markup(f'<div class="pl-small pl-mono pl-break">{escape(path)}</div>')
    _models(session, result.imported)
    _report(result.imported, key)
    existing = formats.conflicting_paths(session.workspace, new_files)
    if existing:
        note("warn", "Existing files would be replaced", ", ".join(existing))
    st.button(
        "Replace" if existing else "Import",
        key=f"{key}-go",
        icon=":material/download:",
        on_click=_write,
        args=(session, id, name, result.imported, written, bool(existing)),
    )
    return int(not existing)


def _head(key: str, name: str, result: _Read) -> None:
    """The name of the file, and the format that it is read in, to choose another."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        markup(f'<div class="pl-break"><b>{escape(name)}</b></div>')
        st.selectbox(
            "Format",
            list(IMPORT_FORMATS),
            index=list(IMPORT_FORMATS).index(result.format) if result.format else None,
            format_func=lambda name: option(IMPORT_FORMATS[name].title),
            key=f"{key}-format",
            placeholder="choose the format",
            width=280,
        )


def _problem(problem: PromptlabError) -> None:
    message = problem.what if isinstance(problem, InputError) else problem.message
    place = f", line {problem.line}" if isinstance(problem, InputError) and problem.line else ""
    note("bad", f"This file cannot be read{place}", sentence(message), sentence(problem.hint))


def _read_once(key: str, name: str, beside: Mapping[str, bytes]) -> _Read:
    """The file read in the chosen format, or in the guessed one. It is read again only if the format or the set of
    uploaded files changes."""
    chosen = st.session_state.get(f"{key}-format") or ""
    cache: dict[tuple[str, ...], _Read] = st.session_state.setdefault(f"{key}-read", {})
    cache_key = (chosen, *sorted(beside))
    if cache_key not in cache:
        cache[cache_key] = _read(chosen, name, beside)
    return cache[cache_key]


def _read(chosen: str, name: str, beside: Mapping[str, bytes]) -> _Read:
    content = beside.get(name)
    format_ = chosen or (formats.guess_format(name, content) if content is not None else None) or ""
    try:
        if content is None:
            raise FormatError(f"larger than {MAX_BYTES // 1_000_000} MB", hint="check that it is the right file")
        if not format_:
            raise FormatError("the format could not be detected", hint="choose the format")
        return _Read(
            format_,
            formats.read_import(
                format_, name, content, ImportFolders(home=workspace_view(current().workspace)), beside=beside
            ),
        )
    except PromptlabError as exc:
        return _Read(format_, problem=exc)


def _report(imported: Imported | None, key: str) -> None:
    if imported is None or not imported.report.entries:
        return
    entries = imported.report.entries
    counts = ", ".join(f"{len(imported.report.of(what))} {what}" for what in _KINDS if imported.report.of(what))
    lost = bool(imported.report.of("not understood"))
    expander = st.expander(f"{len(entries)} fields: {counts}", key=f"{key}-report", expanded=lost, type="compact")
    with expander:
        head = '<tr><th>Field</th><th class="pl-n">Line</th><th>Result</th><th>Why</th></tr>'
        worst_first = sorted(entries, key=lambda entry: -list(_KINDS).index(entry.what))
        markup(f'<table class="pl-table">{head}{"".join(map(_row, worst_first))}</table>')


def _row(entry: FieldOutcome) -> str:
    return (
        f'<tr><td class="pl-mono pl-break">{escape(entry.field)}</td><td class="pl-n">{entry.line or ""}</td>'
        f'<td>{chip(entry.what, _KINDS[entry.what])}</td><td class="pl-break">{escape(entry.note)}</td></tr>'
    )


def _models(session: Session, imported: Imported) -> None:
    from promptlab._yaml import EXPORT_STYLE, yaml_inline

    new = {name: model for name, model in imported.models.items() if name not in session.workspace.models}
    if new:
        small("Add these to promptlab.yaml, under models:")
        rows = [
            f"{yaml_inline(name, style=EXPORT_STYLE)}: {yaml_inline(model, style=EXPORT_STYLE)}"
            for name, model in new.items()
        ]
        widgets.mono("\n".join(rows), key="import-models")


def _write(
    session: Session,
    id: str,
    name: str,
    imported: Imported,
    written: MutableMapping[str, list[str]],
    force: bool,
) -> None:
    try:
        written[id] = formats.write_import(session.workspace, imported, name, ImportFolders(), force=force)
    except PromptlabError as exc:
        written[id] = [f"! {exc.message}"]


def _write_all(
    session: Session,
    key: str,
    files: list[tuple[str, str]],
    beside: Mapping[str, bytes],
    written: MutableMapping[str, list[str]],
) -> None:
    for id, name in files:
        result = _read_once(f"{key}-{id[:16]}", name, beside)
        if result.imported and result.imported.files:
            new_files = formats.files_to_write(result.imported, name, ImportFolders())
            if not formats.conflicting_paths(session.workspace, new_files):
                _write(session, id, name, result.imported, written, False)


def _written(session: Session, name: str, paths: list[str]) -> None:
    if paths and paths[0].startswith("! "):
        note("bad", f"{name} was not imported", paths[0].removeprefix("! "))
        return
    label = session.workspace.label_of(paths[0]) if paths else ""
    markup(f'<div class="pl-break" role="status"><b>{escape(name)}</b> was imported {chip(label, "warn")}</div>')
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
