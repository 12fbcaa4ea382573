"""Paraphrases that a model writes, shown for approval: what is approved goes into the field of other wordings."""

from __future__ import annotations

import re

import streamlit as st

from promptlab.errors import PromptlabError
from promptlab.experiments import Experiment, Paraphrase, Tools, paraphrases, with_paraphrases
from promptlab.templates import Template
from promptlab.ui.components.widgets import mono, note, option, plain, small
from promptlab.ui.state.session import Session

NUMBER = 4
"""So many are asked for at once."""


def draw(session: Session, template: Template, key: str, models: list[str]) -> None:
    """Draw the offer, and the paraphrases that were written. `key` is that of the field that takes them."""
    written = f"{key}-written"
    with st.expander("Ask a model for other wordings", key="experiment-paraphrases"):
        small(f"It writes {NUMBER}. You say which ones mean the same; only those are asked.")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            model = st.selectbox("Model that writes", models, format_func=option, key=f"{key}-writer", width=260)
            if st.button("Write", key="experiment-paraphrase", icon=":material/edit:", disabled=model is None):
                with st.spinner(f"{plain(str(model))} is writing"):
                    st.session_state[written] = _written(session, template, str(model))
        found = st.session_state.get(written)
        if isinstance(found, PromptlabError):
            note("bad", found.message, found.hint)
        elif found:
            _approve(found, key, written)


def _written(session: Session, template: Template, model: str) -> tuple[Paraphrase, ...] | PromptlabError:
    tools = Tools(session.catalogue, session.store, session.suites.log)
    try:
        # A text of a labelled template may not go into the file of an experiment. That is checked before it is sent.
        with_paraphrases(session.workspace, Experiment("new", "wording", template.path, "", ()), template, ())
        return tuple(_for_the_field(one) for one in paraphrases(session.workspace, template, model, NUMBER, tools))
    except PromptlabError as exc:
        return exc


def _for_the_field(one: Paraphrase) -> Paraphrase:
    """One with a blank line is refused here: the field would take it for two."""
    if one.refused or not re.search(r"\n\s*\n", one.text.strip()):
        return one
    return Paraphrase(one.text, "it has a blank line, which parts two wordings here; the command line can take it")


def _approve(found: tuple[Paraphrase, ...], key: str, written: str) -> None:
    chosen = []
    for number, one in enumerate(found):
        mono(one.text.strip(), key=f"{written}-text-{number}")
        if one.refused:
            small(f"It cannot be used: {one.refused}.")
        elif st.checkbox("It means the same: use it", key=f"{written}-{number}-{hash(one.text)}"):
            chosen.append(one.text.strip())
    st.button(
        f"Use {len(chosen)} of {len(found)}",
        key="experiment-paraphrases-use",
        disabled=not chosen,
        on_click=_use,
        args=(key, written, chosen),
    )


def _use(key: str, written: str, chosen: list[str]) -> None:
    before = str(st.session_state.get(key) or "").strip()
    st.session_state[key] = "\n\n".join(text for text in (before, *chosen) if text)
    del st.session_state[written]
