"""That a document is no longer what a run used, and what has changed."""

from __future__ import annotations

import streamlit as st

from promptlab import documents
from promptlab.documents import ChangedUse
from promptlab.errors import PromptlabError
from promptlab.runs import text_changes
from promptlab.types import Document
from promptlab.ui.components import diff_view as comparison
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import markup, note, small
from promptlab.ui.state.session import Session

COMPARED = 100_000
"""Characters of both texts together up to which they are compared word by word."""


def draw(session: Session, document: Document, changed: ChangedUse) -> None:
    """Say when the document was last used with another text; both texts side by side where the old one is kept."""
    template = session.store.run(changed.use.run_id).template
    kept = "That text is kept: its answers can be made again." if changed.kept else "That text is not kept."
    note(
        "warn",
        "Changed since it was used",
        f"Last used {widgets.clock(changed.use.when)} by {template}, with another text. {kept}",
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
            small("Both texts are too long to be compared here word by word.")
            return
        body = comparison.changes_html(text_changes(old.text, document.text))
        markup(f'<pre class="pl-prompt" tabindex="0">{body}</pre>')
