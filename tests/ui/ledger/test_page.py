"""The page of what left: to whom, how much and why, and whether every line still fits."""

from __future__ import annotations

from collections.abc import Callable

from promptlab.workspace._ledger import FILE, Ledger, SentRequest
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]


def test_nothing_left_is_said(desk: Desks) -> None:
    tab = desk().open("ledger")
    assert not tab.exception
    assert "Nothing was sent from this machine" in said(tab)


def test_it_says_to_whom_what_went_and_why_and_that_a_line_was_changed(desk: Desks) -> None:
    here = desk()
    state = here.session.workspace.state
    ledger = Ledger(state)
    for _ in range(60):
        ledger.sent(
            SentRequest(
                "api.example.org", "gpt", "g-4", "templates/cup.yaml", "internal", "internal", "ab" * 32, 2, 700
            )
        )
    ledger.sent(SentRequest("<b>evil</b>", "x", "y", "", "public", "public", "cd" * 32, 1, 5))
    ledger.lowered("docs/a.md", before="confidential", after="public", who="kim", reason="printed")
    ledger.close()
    tab = here.open("ledger")
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "api.example.org gpt 60 42,000 internal" in words
    assert "kim lowered docs/a.md from confidential to public: printed" in words
    assert "clearance internal, try 2" in words
    assert "<b>evil</b>" in words  # as text
    assert "62 lines, the chain of hashes is intact" in words
    tab.button(key="ledger-more").click().run()
    assert not tab.exception
    file = state / FILE
    file.write_bytes(file.read_bytes().replace(b"evil", b"good"))
    words = " ".join(said(tab.run()).split())
    assert "Line 61 of the ledger was changed" in words
