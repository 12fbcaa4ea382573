"""What the address of the page Votes names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import streamlit as st

from promptlab.ui.components import links
from promptlab.ui.state.session import Session
from promptlab.votes import Sources


@dataclass(frozen=True)
class Asked:
    """What is compared (`of`), among which contenders (all if empty), the voter ("" for the usual one), the view."""

    RESULTS: ClassVar[str] = "results"

    of: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    voter: str = ""
    view: str = ""


def asked() -> Asked:
    """What the address names."""
    query = st.query_params
    return Asked(
        _list(query.get("of", "")), _list(query.get("among", "")), query.get("voter", ""), query.get("view", "")
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("\n") if part)


def open_votes(of: tuple[str, ...], among: tuple[str, ...] = ()) -> None:
    """Open a ballot. For callbacks."""
    query = {"of": "\n".join(of), "among": "\n".join(among)}
    links.address(**{name: value for name, value in query.items() if value})


def change(**query: str) -> None:
    """Change a part of the address; an empty value leaves it out. For callbacks."""
    whole = {**st.query_params.to_dict(), **query}
    links.address(**{name: value for name, value in whole.items() if value})


def sources_of(session: Session) -> Sources:
    """Where the answers of this workspace are."""
    return Sources(session.workspace, session.store, session.suites.log)
