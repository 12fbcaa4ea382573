"""The report of an experiment as a single HTML file: the sentence, the picture, its tables, and the cases that flipped.

It loads nothing from the network and has no script, and its content security policy forbids both. The picture is SVG
inside the file; MarkupSafe escapes every text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from promptlab._util.text import clipped
from promptlab.experiments._charts import as_svg, chart_of
from promptlab.experiments._luck import luck_lines
from promptlab.experiments._observations import Observation
from promptlab.experiments._repeats import repeat_lines
from promptlab.experiments._run import Outcome
from promptlab.experiments._tables import flipped
from promptlab.experiments._text_report import arm_lines, effect_lines
from promptlab.experiments._words import sentence
from promptlab.runs import TextChange, text_changes

MOST_FLIPS = 50
"""At most so many flipped cases of each effect are in the report; it says how many there are."""
LONGEST = 2_000
_CSS = """
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --line: #d8dce1; --soft: #f3f5f7;
  --good: #0a6b3d; --bad: #a8231b }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #14171a; --line: #343a41; --soft: #1e2327;
  --good: #5cc98f; --bad: #ff8a80 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 64rem;
  margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .25rem .8rem .25rem 0; text-align: left;
  border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
.lead { font-size: 1.15rem } .picture { background: #fff; padding: .5rem; overflow-x: auto }
details { border-bottom: 1px solid var(--line); padding: .4rem 0 } summary { cursor: pointer }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3rem 0 }
del { color: var(--bad) } ins { color: var(--good) }
"""
_PAGE = Markup(
    "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>{title}</title>\n"
    "<meta http-equiv=Content-Security-Policy "
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
    '<meta name=viewport content="width=device-width"><style>{css}</style></head>\n<body><h1>{title}</h1>\n'
    "<p class=lead>{sentence}</p>\n<div class=picture>{picture}</div>\n{tables}{flips}{notes}{made}</body></html>\n"
)


def html_report(outcome: Outcome, *, sizes: Mapping[str, int] | None = None) -> str:
    """The report. Raises `PromptlabError` if the library that draws pictures is not installed."""
    experiment = outcome.planned.experiment
    chart = chart_of(outcome, sizes=sizes)
    repeats = repeat_lines(outcome)
    notes = [
        *luck_lines(outcome),
        *outcome.notes,
        *([f"Not all was asked: {outcome.stopped}."] if outcome.stopped else []),
    ]
    return str(
        _PAGE.format(
            title=experiment.name,
            css=Markup(_CSS),
            sentence=sentence(outcome.effects) or experiment.description,
            picture=Markup(as_svg(chart)) if chart is not None else "There is nothing to draw: no answer was judged.",
            tables=Markup("").join(
                [
                    _table(effect_lines(outcome)) if outcome.effects else "",
                    _table(arm_lines(outcome)),
                    _table(repeats) if repeats else "",
                ]
            ),
            flips=Markup("").join(_flips(outcome)),
            notes=Markup("").join(Markup("<p>{}</p>\n").format(note) for note in notes),
            made=Markup("<h2>To make it again</h2>\n<pre>{}</pre>\n").format(experiment.as_yaml()),
        )
    )


def _table(lines: Sequence[Sequence[str]]) -> Markup:
    head, *rows = lines
    cells = Markup("").join(Markup("<th>{}</th>").format(cell) for cell in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>\n").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup("<table><tr>{}</tr>\n{}</table>\n").format(cells, body)


def _flips(outcome: Outcome) -> Iterable[Markup]:
    """The cases that each effect changed, with both answers."""
    for effect in outcome.effects:
        rows = flipped(outcome, effect.contrast.name, effect.model)
        if not rows:
            continue
        more = f", {MOST_FLIPS} shown" if len(rows) > MOST_FLIPS else ""
        items = Markup("").join(_flip(row) for row in rows[:MOST_FLIPS])
        yield Markup("<h2>{}, {}: {} cases changed{}</h2>\n{}").format(
            effect.contrast.name, effect.model, len(rows), more, items
        )


def _flip(row: Mapping[str, Any]) -> Markup:
    before, after = row["before"], row["after"]
    return Markup("<details><summary>{} {}</summary><p>Answer without to with:</p><pre>{}</pre></details>\n").format(
        row["case"], row["change"], Markup("").join(map(_change, text_changes(_text(before), _text(after))))
    )


def _text(one: Observation) -> str:
    return clipped(one.text, LONGEST)


def _change(change: TextChange) -> Markup:
    if change.kind == "same":
        return Markup("{}").format(change.text)
    return Markup("<{0}>{1}</{0}>").format("del" if change.kind == "gone" else "ins", change.text)
