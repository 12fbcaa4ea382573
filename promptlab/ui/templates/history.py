"""The history of one template, newest first: what changed between any two texts of it, and going back.

Texts that can be compared are the unsaved draft, the file where no version holds it, every version and every
variant. One that is picked alone is compared with the one before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from promptlab import versions
from promptlab._util.git import blob_id
from promptlab.errors import NoRepository, PromptlabError
from promptlab.ui.components import version_diff, widgets
from promptlab.ui.components.version_diff import Side
from promptlab.ui.components.widgets import escape, note, plain, small
from promptlab.ui.state.session import Session
from promptlab.ui.templates import tags as naming
from promptlab.ui.templates import variants as variants_view
from promptlab.versions import Version

PAGE = 12
"""Versions shown at first, and with every press on Older."""
RUNS = Path(__file__).parents[1] / "routes" / "runs.py"
_SAID, _TROUBLE = "history-said", "history-trouble"


@dataclass(frozen=True)
class _Text:
    """A text that can be picked; `text` reads it, `about` is a word more of one that is in no version. `before` is the
    id of what it is compared with on its own."""

    id: str
    name: str
    text: Callable[[], str]
    about: str = ""
    before: str = ""


def draw(session: Session, path: str, draft_text: str | None) -> None:
    """The versions and variants of the template at `path`; `draft_text` is what is not saved, None if nothing is."""
    st.markdown("#### History")
    said = st.session_state.pop(_SAID, None)
    if said:
        st.toast(plain(said), icon=":material/check:", duration="long")
    trouble: PromptlabError | None = st.session_state.pop(_TROUBLE, None)
    if trouble:
        note("bad", trouble.message, trouble.hint)
    shown_for, most = st.session_state.get("history-most", (path, PAGE))
    most = most if shown_for == path else PAGE
    try:
        known = versions.template_history(session.workspace, path, limit=most + 1)
        variants = variants_view.known(session, path)
    except NoRepository:
        note(
            "info",
            "There is no history yet",
            "This folder is in no git repository. Save to git offers to begin one; every version is then listed here.",
        )
        return
    disk = versions.text_on_disk(session.workspace, path)
    texts = _texts(session, draft_text, disk, known)
    texts = [*(_of_variant(session, path, one, known) for one in variants if one.blob), *texts]
    picked = [text for text in texts if st.session_state.get(_pick_key(text.id))]
    if picked:
        _comparison(session, path, texts, picked)
    if not known:
        note("info", "No version yet", "Save to git makes the first one. Every version is listed here, newest first.")
    others = len(picked)
    for one in texts:
        if one.id in ("draft", "disk"):
            _unsaved(one, others)
    answers = session.store.answers_by_version([version.blob for version in known if version.blob])
    for number, version in enumerate(known[:most]):
        _version(session, path, version, answers.get(version.blob, 0), others=others, newest=number == 0)
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
    text = draft_text if draft_text is not None else disk
    variants_view.draw(session, path, text, variants, lambda one: _pick(_variant_id(one.name), others), finish=_finish)
    naming.dialog(session, path, finish=_finish)


# What can be compared


def _texts(session: Session, draft: str | None, disk: str | None, known: Sequence[Version]) -> list[_Text]:
    """Newest first, each with what it followed."""
    found: list[tuple[str, str, Callable[[], str], str]] = []
    if draft is not None and draft != disk:
        found.append(("draft", "The unsaved draft", lambda: draft, "what you changed here"))
    if disk is not None and (not known or blob_id(disk) != known[0].blob):
        found.append(("disk", "The file, in no version", lambda: disk, "what is on disk now"))
    found += [
        (version.commit, f"{_cut(version.subject)} ({version.commit[:7]})", _reader(session, version), "")
        for version in known
        if version.blob
    ]
    follows = [*(one[0] for one in found[1:]), ""]
    return [_Text(*one, before=before) for one, before in zip(found, follows, strict=True)]


def _reader(session: Session, version: Version) -> Callable[[], str]:
    return lambda: versions.version_text(session.workspace, version)


def _cut(subject: str) -> str:
    return subject if len(subject) <= 40 else f"{subject[:39].rstrip()}…"


def _of_variant(session: Session, path: str, one: variants_view.Variant, known: Sequence[Version]) -> _Text:
    newest = next((version.commit for version in known if version.blob), "")
    return _Text(
        _variant_id(one.name), f"Variant {one.name}", lambda: variants_view.text(session, path, one), before=newest
    )


def _variant_id(name: str) -> str:
    return f"variant {name}"


def _pick_key(identity: str) -> str:
    return f"compare-{identity[:60]}"


def _pick(identity: str, others: int) -> None:
    """Two can be picked; the rest wait until one of them is let go."""
    key = _pick_key(identity)
    mine = bool(st.session_state.get(key))
    st.checkbox("Compare", key=key, disabled=others - mine >= 2, persist_state="page")


def _let_go(picked: Sequence[_Text]) -> None:
    for text in picked:
        st.session_state[_pick_key(text.id)] = False


def _comparison(session: Session, path: str, texts: Sequence[_Text], picked: Sequence[_Text]) -> None:
    new = picked[0]
    old = picked[1] if len(picked) > 1 else next((text for text in texts if text.id == new.before), None)
    panel = st.container(key="comparison", gap="small")
    with panel, st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        title = f"{old.name} → {new.name}" if old else new.name
        st.html(f'<div class="pl-rowhead"><b class="pl-break">{escape(title)}</b></div>', width="content")
        icon = ":material/close:"
        st.button("Close", icon=icon, type="tertiary", key="comparison-close", on_click=_let_go, args=(picked,))
    with panel:
        if old is None:
            small("This is the first one. Pick another to compare it with.")
            return
        version_diff.draw(session, path, Side(old.name, old.text()), Side(new.name, new.text()))
        if len(picked) == 1:
            small("Compared with the one before. Pick a second one to compare with that instead.")


# Lines of the list


def _unsaved(text: _Text, others: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-{text.id}"):
        _pick(text.id, others)
        widgets.version_line(f"<b>{escape(text.name)}</b>", text.about)


def _version(session: Session, path: str, version: Version, answers: int, *, others: int, newest: bool) -> None:
    short = version.commit[:7]
    names = "".join(f" {widgets.chip(tag, 'live')}" for tag in version.tags)
    renamed = f'<div class="pl-small">renamed from {escape(version.renamed_from)}</div>' if version.renamed_from else ""
    gone = "" if version.blob else f" {widgets.chip('deleted', 'warn')}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"version-{short}"):
        if version.blob:
            _pick(version.commit, others)
        what = f'<b title="{escape(version.message)}">{escape(version.subject)}</b>{names}{gone}{renamed}'
        widgets.version_line(what, version.who, widgets.clock(version.when), short)
        with st.container(horizontal=True, gap="small", width="content"):
            if answers:
                word = f"{answers} answer{'s' * (answers != 1)}"
                if st.button(word, key=f"answers-{short}", type="tertiary", help="Runs of this version"):
                    st.switch_page(RUNS, query_params={"version": version.blob})
            if version.blob and not newest:
                help_ = "Make this text the newest version. Nothing is taken out of the history."
                args = (session, path, version)
                st.button("Restore", key=f"restore-{short}", type="tertiary", help=help_, on_click=_restore, args=args)
            if version.blob:
                st.button("Name", key=f"name-{short}", type="tertiary", on_click=naming.open_for, args=(path, version))


def _restore(session: Session, path: str, version: Version) -> None:
    _finish(lambda: versions.restore_version(session.workspace, path, version.commit).said)


def _finish(do: Callable[[], str]) -> bool:
    """Do something and say what it said when the page is drawn, or what went wrong; whether it went well."""
    try:
        st.session_state[_SAID] = do()
    except PromptlabError as exc:
        st.session_state[_TROUBLE] = exc
        return False
    return True


__all__ = ["draw"]
