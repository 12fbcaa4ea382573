"""The page Ledger: what was sent from this machine, by destination and line by line, and if the ledger is intact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from promptlab import workspace
from promptlab.ui.components import widgets
from promptlab.ui.components.widgets import chip, escape, markup, note
from promptlab.ui.state.session import Session

PAGE = 50


def page(session: Session) -> None:
    """Draw the page."""
    st.subheader("Ledger: what was sent from this machine", anchor=False)
    widgets.small(
        "A line is written before each request to an API, retries included. Local models "
        "and stored answers send nothing."
    )
    state = session.workspace.state
    check = workspace.verify_ledger(state)
    if check.problem is not None:
        note(
            "bad",
            f"Line {check.problem.line} of the ledger {check.problem.what}",
            f"The file is {state / 'ledger.jsonl'}.",
        )
    if check.torn:
        numbers = ", ".join(map(str, check.torn))
        note("info", f"Torn lines: {numbers}", "A process ended while it wrote them. Their requests were not sent.")
    if not check.lines:
        note("info", "Nothing was sent from this machine", "The ledger of this workspace is empty.")
        return
    markup(_destinations(workspace.ledger_destinations(state)))
    shown = int(st.session_state.get("ledger-shown", PAGE))
    entries = workspace.newest_ledger_entries(state, shown + 1)
    markup(_lines(entries[:shown]))
    if len(entries) > shown:
        st.button("Show more", key="ledger-more", type="tertiary", on_click=_more, args=(shown,))
    if check.problem is None:
        widgets.small(
            f"{check.lines:,} lines, the chain of hashes is intact. Hash of the last line: {check.head[:16]}…"
        )


def _more(shown: int) -> None:
    st.session_state["ledger-shown"] = shown + 4 * PAGE


def _destinations(destinations: Sequence[workspace.LedgerDestination]) -> str:
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("To", "Model", "Requests", "Bytes", "Highest label", "Last")
    )
    rows = [
        f"<tr><td>{escape(row.host)}</td><td>{escape(row.model)}</td><td>{row.tries:,}</td>"
        f"<td>{row.bytes:,}</td><td>{_label(row.label)}</td><td>{escape(widgets.clock(row.last))}</td></tr>"
        for row in destinations
    ]
    return (
        f'<table class="pl-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    )


def _label(label: str) -> str:
    return chip(label, "" if label == "public" else "warn")


def _lines(entries: Sequence[dict[str, Any]]) -> str:
    rows = [
        f'<tr><th scope="row" class="pl-key">{entry["line"]}</th><td>{escape(widgets.clock(str(entry.get("at"))))}</td>'
        f"<td>{_description(entry)}</td></tr>"
        for entry in entries
    ]
    return f'<table class="pl-table">{"".join(rows)}</table>'


def _description(entry: dict[str, Any]) -> str:
    if entry["kind"] == "sent":
        again = f", try {entry['attempt']}" if entry["attempt"] > 1 else ""
        via = f" through {entry['via']}" if entry.get("via") else ""
        masked = f", {entry['masked']} parts masked" if entry.get("masked") else ""
        details = f"{via}, {entry['model']} ({entry['asked']}), clearance {entry['clearance']}{again}{masked}"
        return (
            f"{_label(str(entry['label']))} {entry['bytes']:,} bytes to <b>{escape(str(entry['host']))}</b>"
            f"{escape(details)}"
            f'<div class="pl-small">{escape(str(entry["template"]) or "no template")} · request '
            f"{escape(str(entry['request'])[:12])}</div>"
        )
    if entry["kind"] == "lowered":
        return escape(
            f"{entry['who']} lowered {entry['path']} from {entry['was']} to {entry['label']}: {entry['reason']}"
        )
    if entry["kind"] == "served":
        return escape(f"{entry['model']} served to other machines at {entry['host']}")
    return escape(f"{entry.get('bytes', 0)} bytes of a torn line; its request was not sent")


__all__ = ["page"]
