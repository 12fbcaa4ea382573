"""What left this machine, to whom: the ledger, by destination and line by line, and whether it is whole."""

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
    st.subheader("What left this machine, to whom", anchor=False)
    widgets.small(
        "A line is written before each try at a request to an API. Models that run in this process send nothing, and "
        "an answer from the history had no need to."
    )
    state = session.workspace.state
    found = workspace.verify_ledger(state)
    if found.problem is not None:
        note(
            "bad",
            f"Line {found.problem.line} of the ledger {found.problem.what}",
            f"The file is {state / 'ledger.jsonl'}.",
        )
    if found.torn:
        numbers = ", ".join(map(str, found.torn))
        note("info", f"Torn lines: {numbers}", "A process died in writing them; their requests never left.")
    if not found.lines:
        note("info", "Nothing has left this machine", "As far as this workspace's ledger goes, which begins here.")
        return
    places = workspace.ledger_destinations(state)
    markup(_places(places))
    shown = int(st.session_state.get("ledger-shown", PAGE))
    entries = workspace.newest_ledger_entries(state, shown + 1)
    markup(_lines(entries[:shown]))
    if len(entries) > shown:
        st.button("Show more", key="ledger-more", type="tertiary", on_click=_more, args=(shown,))
    if found.problem is None:
        widgets.small(f"{found.lines:,} lines, each fits the one before; the last has the hash {found.head[:16]}…")


def _more(shown: int) -> None:
    st.session_state["ledger-shown"] = shown + 4 * PAGE


def _places(places: Sequence[workspace.LedgerDestination]) -> str:
    head = "".join(
        f'<th scope="col">{name}</th>' for name in ("To", "Model", "Tries", "Bytes", "Strictest label", "Last")
    )
    rows = [
        f"<tr><td>{escape(place.host)}</td><td>{escape(place.model)}</td><td>{place.tries:,}</td>"
        f"<td>{place.bytes:,}</td><td>{_label(place.label)}</td><td>{escape(widgets.clock(place.last))}</td></tr>"
        for place in places
    ]
    return (
        f'<table class="pl-table"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    )


def _label(label: str) -> str:
    return chip(label, "" if label == "public" else "warn")


def _lines(entries: Sequence[dict[str, Any]]) -> str:
    rows = [
        f'<tr><th scope="row" class="pl-key">{entry["line"]}</th><td>{escape(widgets.clock(str(entry.get("at"))))}</td>'
        f"<td>{_what(entry)}</td></tr>"
        for entry in entries
    ]
    return f'<table class="pl-table">{"".join(rows)}</table>'


def _what(entry: dict[str, Any]) -> str:
    if entry["kind"] == "sent":
        again = f", try {entry['attempt']}" if entry["attempt"] > 1 else ""
        via = f" by way of {entry['via']}" if entry.get("via") else ""
        masked = f", {entry['masked']} parts masked" if entry.get("masked") else ""
        to_whom = f"{via}, {entry['model']} ({entry['asked']}), which may see {entry['clearance']}{again}{masked}"
        return (
            f"{_label(str(entry['label']))} {entry['bytes']:,} bytes to <b>{escape(str(entry['host']))}</b>"
            f"{escape(to_whom)}"
            f'<div class="pl-small">{escape(str(entry["template"]) or "no template")} · request '
            f"{escape(str(entry['request'])[:12])}</div>"
        )
    if entry["kind"] == "lowered":
        return escape(
            f"{entry['who']} lowered {entry['path']} from {entry['was']} to {entry['label']}: {entry['reason']}"
        )
    if entry["kind"] == "served":
        return escape(f"served {entry['model']} to other machines at {entry['host']}")
    return escape(f"found {entry.get('bytes', 0)} bytes of a torn line, whose request never left")


__all__ = ["page"]
