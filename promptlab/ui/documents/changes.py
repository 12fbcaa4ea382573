"""A warning that a document has changed since a run used it, and the differences."""

from __future__ import annotations

import streamlit as st

from promptlab import documents
from promptlab.documents import ChangedUse
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.types import Document
from promptlab.ui.components import diff_view, widgets
from promptlab.ui.components.widgets import markup, note, small
from promptlab.ui.state.session import Session

COMPARED = 100_000
"""Up to this many characters in both texts together, they are compared word by word."""


def draw(session: Session, document: Document, changed: ChangedUse) -> None:
    """Say when another text of the document was last used; show the differences if that text was kept."""
    template = session.store.run(changed.use.run_id).template
    note_on_text = (
        "The earlier text was kept, so its answers can be reproduced."
        if changed.kept
        else "The earlier text was not kept."
    )
    note(
        "warn",
        "Changed since it was used",
        f"Last used {widgets.clock(changed.use.when)} by {template}, with another text. {note_on_text}",
    )
    if not changed.kept:
        return
    viewer = st.expander("What has changed", key="document-changed", type="compact", on_change="rerun")
    if not viewer.open:
        return
    with viewer:
        try:
            old = documents.read_document_version(session.workspace, document.path, changed.then)
        except PromptlabError as exc:
            note("bad", "The earlier text cannot be read", exc.message, exc.hint)
            return
        if len(old.text) + len(document.text) > COMPARED:
            small("The texts are too long to be compared here.")
            return
        body = diff_view.changes_html(text_changes(old.text, document.text))
        markup(f'<pre class="pl-prompt" tabindex="0">{body}</pre>')
