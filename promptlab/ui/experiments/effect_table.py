"""The table of effects: each with its interval and verdict, and one press to the cases that it changed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab.experiments import Effect, Outcome, arm_lines, points_words, repeat_lines
from promptlab.types import sha256
from promptlab.ui.components import links
from promptlab.ui.components.widgets import chip, escape, markup
from promptlab.ui.experiments.wording import GROUND, changed

MOST = 60
"""Rows of the table. The files have all."""


def draw(outcome: Outcome) -> None:
    """Draw a row for each effect, the largest first."""
    effects = sorted(outcome.effects, key=lambda effect: -abs(effect.difference))
    if not effects:
        return
    markup(
        '<div class="pl-effect pl-head"><span>Effect of</span><span>Model</span><span class="pl-n">Points</span>'
        '<span class="pl-n">Interval</span><span class="pl-n">Cases</span><span>Verdict</span></div>'
    )
    with st.container(gap=None):
        for effect in effects[:MOST]:
            _row(outcome, effect)


def _row(outcome: Outcome, effect: Effect) -> None:
    key = sha256(f"{effect.contrast.name}\0{effect.model}")[:10]
    name = effect.contrast.name.replace("_", " ") + (" (primary)" if effect.contrast.primary else "")
    points, interval = points_words(effect)
    verdict = effect.verdict if outcome.state == "finished" or effect.verdict != "cannot tell yet" else "not final"
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key=f"effect-row-{key}"):
        markup(
            f'<div class="pl-effect"><span class="pl-break">{escape(name)}</span>'
            f'<span class="pl-muted pl-break">{escape(effect.model)}</span>'
            f'<span class="pl-n"><b>{escape(points)}</b></span>'
            f'<span class="pl-n" data-name="interval">{escape(interval)}</span>'
            f'<span class="pl-n" data-name="cases">{effect.cases:,}</span>'
            f"<span>{chip(verdict, GROUND.get(effect.verdict, ''))}</span></div>"
        )
        count = len(effect.better) + len(effect.worse)
        st.button(
            changed(effect) if count else "none changed",
            key=f"flips-of-{key}",
            type="tertiary",
            icon=":material/chevron_right:" if count else None,
            icon_position="right",
            disabled=not count,
            help=f"The cases that {name} changed for {effect.model}, with both answers.".replace("*", r"\*"),
            on_click=links.address,
            kwargs={
                "experiment": outcome.planned.experiment.path,
                "effect": effect.contrast.name,
                "model": effect.model,
            },
        )


def scores(outcome: Outcome) -> None:
    """The score of every way to ask, as a table in a fold."""
    with st.expander("The score of every way to ask", key="experiment-scores", type="compact"):
        markup(table_html(arm_lines(outcome), "The score of every way to ask"))


def repeats(outcome: Outcome) -> None:
    """What several answers to each case say, as a table in a fold."""
    lines = repeat_lines(outcome)
    if lines:
        title = f"{outcome.planned.experiment.repeats} answers to each case: pass@k, and how far they agree"
        with st.expander(title, key="experiment-repeats", type="compact"):
            markup(table_html(lines, "Repeats"))


def table_html(lines: Sequence[Sequence[str]], label: str) -> str:
    """A table as HTML; the first line has its heads, the first two columns are words."""
    head, *rows = [
        "".join(_cell("td" if line else "th", number, text) for number, text in enumerate(row))
        for line, row in enumerate(lines)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    table = f'<table class="pl-table" aria-label="{escape(label)}"><tr>{head}</tr>{body}</table>'
    return f'<div class="pl-wide">{table}</div>'


def _cell(tag: str, number: int, text: str) -> str:
    return f"<{tag}{' class=pl-n' if number > 1 else ''}>{escape(text)}</{tag}>"
