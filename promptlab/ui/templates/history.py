"""The history of a template, newest version first: compare any two texts of it, or restore a version.

These texts can be compared: the unsaved draft, the file if it differs from the newest version, every version and
every variant. A single selected text is compared with the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from promptlab import versions
from promptlab._util.git import blob_id
from promptlab.errors import NoRepository, PromptlabError
from promptlab.ui.components import version_diff, widgets
from promptlab.ui.components.version_diff import Side
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.templates import restore, tags
from promptlab.ui.templates import variants as variants_view
from promptlab.versions import Version

PAGE = 12
"""The number of versions shown at first, and added by each press of Older versions."""
RUNS = Path(__file__).parents[1] / "routes" / "runs.py"
_DONE, _ERROR = "history-done", "history-error"


@dataclass(frozen=True)
class _Text:
    """A text that can be selected for comparison.

    `text` reads it, `about` describes a text that is in no version, and `before` is the id of the text that it is
    compared with if it is selected alone.
    """

    id: str
    name: str
    text: Callable[[], str]
    about: str = ""
    before: str = ""


def draw(session: Session, path: str, draft_text: str | None) -> None:
    """The versions and variants of the template at `path`; `draft_text` is the unsaved text, None if there is none."""
    st.markdown("#### History")
    _outcome()
    most = _most_shown(path)
    try:
        known = versions.template_history(session.workspace, path, limit=most + 1)
        variants = variants_view.known(session, path)
    except NoRepository:
        note(
            "info",
            "No history yet",
            "This folder is not in a git repository. Press Save to git to create one; versions are then listed here.",
        )
        return
    disk = versions.text_on_disk(session.workspace, path)
    texts = _texts(session, draft_text, disk, known)
    texts = [*(_of_variant(session, path, variant, known) for variant in variants if variant.blob), *texts]
    selected = [text for text in texts if st.session_state.get(_compare_key(text.id))]
    if selected:
        _comparison(session, path, texts, selected)
    if not known:
        note(
            "info",
            "No versions yet",
            "Press Save to git to save the first one. Versions are listed here, newest first.",
        )
    count = len(selected)
    for unsaved in texts:
        if unsaved.id in ("draft", "disk"):
            _unsaved(unsaved, count)
    _versions(session, path, known, most, selected=count)
    text = draft_text if draft_text is not None else disk
    finish = partial(_finish, session, path)
    variants_view.draw(
        session, path, text, variants, lambda variant: _compare_box(_variant_id(variant.name), count), finish=finish
    )
    tags.dialog(session, path, finish=finish)
    restore.dialog(session, path, draft_text, finish=finish)


def _outcome() -> None:
    """Show the message or the error that the last press of a button left."""
    message = st.session_state.pop(_DONE, None)
    if message:
        st.toast(plain(message), icon=":material/check:", duration="long")
    error: PromptlabError | None = st.session_state.pop(_ERROR, None)
    if error:
        note("bad", error.message, error.hint)


def _most_shown(path: str) -> int:
    """The number of versions to show: PAGE, and more if Older versions was pressed for this template."""
    shown_for, most = st.session_state.get("history-most", (path, PAGE))
    return int(most) if shown_for == path else PAGE


# What can be compared


def _texts(session: Session, draft: str | None, disk: str | None, known: Sequence[Version]) -> list[_Text]:
    """The texts, newest first, each with the id of the one before it."""
    rows: list[tuple[str, str, Callable[[], str], str]] = []
    if draft is not None and draft != disk:
        rows.append(("draft", "The unsaved draft", lambda: draft, "your changes on this page"))
    if disk is not None and (not known or blob_id(disk) != known[0].blob):
        rows.append(("disk", "The file on disk, not saved to git", lambda: disk, "differs from the newest version"))
    rows += [
        (version.commit, f"{_cut(version.subject)} ({version.commit[:7]})", _reader(session, version), "")
        for version in known
        if version.blob
    ]
    previous_ids = [*(row[0] for row in rows[1:]), ""]
    return [_Text(*row, before=before) for row, before in zip(rows, previous_ids, strict=True)]


def _reader(session: Session, version: Version) -> Callable[[], str]:
    return lambda: versions.version_text(session.workspace, version)


def _cut(subject: str) -> str:
    return subject if len(subject) <= 40 else f"{subject[:39].rstrip()}…"


def _of_variant(session: Session, path: str, variant: variants_view.Variant, known: Sequence[Version]) -> _Text:
    newest = next((version.commit for version in known if version.blob), "")
    return _Text(
        _variant_id(variant.name),
        f"Variant {variant.name}",
        lambda: variants_view.text(session, path, variant),
        before=newest,
    )


def _variant_id(name: str) -> str:
    return f"variant {name}"


def _compare_key(identity: str) -> str:
    return f"compare-{identity[:60]}"


def _compare_box(identity: str, selected: int) -> None:
    """The checkbox that selects a text for comparison. At most two can be selected."""
    key = _compare_key(identity)
    full = selected >= 2 and not st.session_state.get(key)
    help_ = "At most two can be selected." if full else None
    st.checkbox("Compare", key=key, disabled=full, persist_state="page", help=help_)


def _deselect(selected: Sequence[_Text]) -> None:
    for text in selected:
        st.session_state[_compare_key(text.id)] = False


def _comparison(session: Session, path: str, texts: Sequence[_Text], selected: Sequence[_Text]) -> None:
    new = selected[0]
    old = selected[1] if len(selected) > 1 else next((text for text in texts if text.id == new.before), None)
    panel = st.container(key="comparison", gap="small")
    with panel, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        title = f"{old.name} → {new.name}" if old else new.name
        st.html(f'<div class="pl-rowhead"><b class="pl-break">{escape(title)}</b></div>', width="content")
        icon = ":material/close:"
        st.button("Close", icon=icon, type="tertiary", key="comparison-close", on_click=_deselect, args=(selected,))
    with panel:
        if old is None:
            small("This is the first version. Select another one to compare it with.")
            return
        version_diff.draw(session, path, Side(old.name, old.text()), Side(new.name, new.text()))
        if len(selected) == 1:
            small("Compared with the version before it. Select a second one to compare with that instead.")


# Lines of the list


def _unsaved(text: _Text, selected: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-{text.id}"):
        _compare_box(text.id, selected)
        widgets.version_line(f"<b>{escape(text.name)}</b>", text.about)


def _versions(session: Session, path: str, known: Sequence[Version], most: int, *, selected: int) -> None:
    """The newest `most` of the `known` versions, and the button Older versions if there are more."""
    answers = session.store.answers_by_version([version.blob for version in known if version.blob])
    for number, version in enumerate(known[:most]):
        _version(path, version, answers.get(version.blob, 0), selected=selected, newest=number == 0)
    if len(known) > most:
        show_more = {"history-most": (path, most + PAGE)}
        icon = ":material/expand_more:"
        st.button(
            "Older versions",
            icon=icon,
            type="tertiary",
            key="history-older",
            on_click=st.session_state.update,
            args=(show_more,),
        )


def _version(path: str, version: Version, answers: int, *, selected: int, newest: bool) -> None:
    short = version.commit[:7]
    names = "".join(f" {widgets.chip(tag, 'live')}" for tag in version.tags)
    renamed = f'<div class="pl-small">renamed from {escape(version.renamed_from)}</div>' if version.renamed_from else ""
    deleted = "" if version.blob else f" {widgets.chip('deleted', 'warn')}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-{short}"):
        if version.blob:
            _compare_box(version.commit, selected)
        what = f'<b title="{escape(version.message)}">{escape(version.subject)}</b>{names}{deleted}{renamed}'
        widgets.version_line(what, version.who, widgets.clock(version.when), short)
        with st.container(horizontal=True, gap="small", width="content"):
            if answers:
                word = f"{answers} answer{'s' * (answers != 1)}"
                if st.button(word, key=f"answers-{short}", type="tertiary", help="Runs of this version"):
                    st.switch_page(RUNS, query_params={"version": version.blob})
            if version.blob and not newest:
                help_ = "Save this text as the newest version. The history keeps all versions."
                args = (path, version)
                st.button(
                    "Restore", key=f"restore-{short}", type="tertiary", help=help_, on_click=restore.open_for, args=args
                )
            if version.blob:
                st.button("Name", key=f"name-{short}", type="tertiary", on_click=tags.open_for, args=(path, version))


def _finish(session: Session, path: str, do: Callable[[], str]) -> bool:
    """Run `do` and keep its message, or its error, for the next drawing of the page. True if it succeeded.

    What it wrote to the file of the template is shown in this tab.
    """
    try:
        st.session_state[_DONE] = do()
    except PromptlabError as exc:
        st.session_state[_ERROR] = exc
        return False
    session.drafts.file_written(path, versions.text_on_disk(session.workspace, path))
    return True


__all__ = ["draw"]
