"""An adapter that was trained: what came of it, its facts, and what to do with it next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab.finetune import ADAPTERS, LossCurve, minutes_words, result_words
from promptlab.types import Label
from promptlab.ui.components import links
from promptlab.ui.components.widgets import escape, facts_table, markup, note, small
from promptlab.ui.finetune import curve
from promptlab.ui.finetune.wording import data_words, label_of, label_words
from promptlab.ui.state.drafts import ColumnChoice
from promptlab.ui.state.session import Session


def draw(session: Session, record: Mapping[str, Any], losses: LossCurve) -> None:
    """The sentence, what to do next, the losses and the facts."""
    before = next((look for look in losses.looks if look.step == 0), None)
    markup(f'<p class="pl-lead pl-num">{escape(result_words(record, before))}</p>')
    path = f"{ADAPTERS}/{record['model']}.gguf"
    label = label_of(session.workspace, record)
    if label != "public":
        note("info", f"This adapter is labelled {label}", label_words(label))
    if _is_ready(session, record["model"], path):
        _next(session, record)
    curve.draw(losses)
    with st.container(key="training-facts"):
        markup(facts_table(_facts(record, path, label)))
    _dropped(record)


def _is_ready(session: Session, model: str, path: str) -> bool:
    """True if it can be asked; else the page says what is missing."""
    if model not in session.workspace.models:
        note("warn", f"promptlab.yaml has no model {model} any more", "Train it again, or enter it on the page Models.")
        return False
    if not (session.workspace.root / path).is_file():
        note("warn", f"The file of the adapter is missing: {path}", "Put it back, or train it again.")
        return False
    return True


def _next(session: Session, record: Mapping[str, Any]) -> None:
    """The buttons that use the adapter."""
    base, tuned, template = record["base"]["name"], record["model"], record["template"]["path"]
    if not (session.workspace.root / template).is_file():
        note("info", f"The template {template} is not there any more", "The model can be asked with any other one.")
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if st.button(
            "Ask it beside its base",
            icon=":material/science:",
            type="primary",
            key="training-ask",
        ):
            _ask(session, template, (base, tuned), shots=bool(record.get("shots")))
        links.to(
            "experiments",
            "Measure it",
            icon=":material/biotech:",
            new="1",
            kind="finetune",
            template=template,
            base=base,
            tuned=tuned,
        )
    if not record.get("shots"):
        small("The workbench opens with both models and without the template's examples, as it was trained.")


def _ask(session: Session, template: str, models: tuple[str, str], *, shots: bool) -> None:
    """Open the workbench with a column for each model, and the prompt as it was in training."""
    columns = [ColumnChoice(model=name).model_dump() for name in models]
    draft = session.drafts.load(template)
    without = tuple(section for section in draft.without if section != "examples")
    session.drafts.change(template, columns=columns, without=without if shots else (*without, "examples"))
    st.session_state["bench-template"] = template  # the one that was chosen there would win over the address
    links.go("workbench", template=template)


def _facts(record: Mapping[str, Any], path: str, label: Label) -> list[tuple[str, Any]]:
    best, recipe = record["best"], record["recipe"]
    early = " (no better loss on the held-out rows: stopped early)" if record["stopped_early"] else ""
    held_out = f"{record['held_out']:,} held out, {len(record['dropped']):,} left out"
    return [
        ("Model", record["model"]),
        ("Adapter", path),
        ("Label", label),
        ("Base", f"{record['base']['name']} ({record['base']['file']})"),
        ("Template", record["template"]["path"]),
        ("Rows", f"{record['rows']:,} of {data_words(record['data'])}, {held_out}"),
        ("Steps", f"{record['steps']:,}{early}"),
        ("First loss", f"{record['first_loss']:.3f}"),
        ("Last loss", f"{record['last_loss']:.3f}"),
        ("Kept", f"the adapter after step {best['step']:,}: {_best(best)}" if best else "the adapter of the last step"),
        ("Time", minutes_words(record["seconds"])),
        ("Memory", f"{record['peak_bytes'] / 1e9:.1f} GB at most"),
        (
            "Settings",
            f"rank {recipe['rank']}, rate {recipe['learning_rate']:g}, at most {recipe['epochs']} passes, "
            f"{recipe['batch']} rows a step, seed {recipe['seed']}",
        ),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
    ]


def _best(best: Mapping[str, Any]) -> str:
    return f"held-out loss {best['loss']:.3f}, {best['right']} of {best['rows']} right"


def _dropped(record: Mapping[str, Any]) -> None:
    """The rows that were left out, with the reasons."""
    if not record["dropped"]:
        return
    with st.expander(f"{len(record['dropped']):,} rows were left out", key="training-dropped", type="compact"):
        markup(facts_table((one["id"], one["why"]) for one in record["dropped"]))


__all__ = ["draw"]
