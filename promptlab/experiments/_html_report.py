"""The report of an experiment as a single HTML file: the sentence, the pictures with their tables, the cases that
changed with their prompts, and how it was asked.

It loads nothing from the network and has no script, and its content security policy forbids both. Pictures are SVG
inside the file; MarkupSafe escapes every text. Text labelled above public is masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from promptlab.experiments._asked import Asked, asked_by
from promptlab.experiments._charts import Picture, as_svg, pictures_of
from promptlab.experiments._headline import headline
from promptlab.experiments._html_flips import Flips
from promptlab.experiments._html_style import CSS
from promptlab.experiments._luck import luck_lines
from promptlab.experiments._model_sizes import Facts, origin_notes
from promptlab.experiments._observations import hidden
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._repeats import repeat_lines
from promptlab.experiments._structure import structure_lines, structure_sentence
from promptlab.experiments._text_report import arm_lines, left_out_lines
from promptlab.experiments._words import sentence
from promptlab.models import ModelFacts
from promptlab.runs import Store
from promptlab.types import Label, highest
from promptlab.workspace import Labels

_PAGE = Markup(
    "<!doctype html>\n<html lang=en><head><meta charset=utf-8><title>{title}</title>\n"
    "<meta http-equiv=Content-Security-Policy "
    "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
    '<meta name=viewport content="width=device-width, initial-scale=1"><style>{css}</style></head>\n'
    "<body><h1>{title}</h1>\n{body}</body></html>\n"
)


def html_report(
    outcome: Outcome,
    *,
    facts: Facts | None = None,
    store: Store | None = None,
    show_labelled: bool = False,
) -> str:
    """The report. `facts` are those of the models; `store` is the run history, for the prompts as they were sent.

    Raises `PromptlabError` if the library that draws pictures is not installed.
    """
    asked = asked_by(outcome, store) if store is not None else Asked()
    label = label_of(outcome)
    body = [
        *_head(outcome, label, show_labelled),
        *_pictures(outcome, facts),
        *_tables(outcome),
        *(Markup("<p>{}</p>\n").format(line) for line in _notes(outcome, facts or {})),
        Flips(outcome, asked, show_labelled).html(),
        _how(outcome, asked, facts or {}),
        _again(outcome, show_labelled),
    ]
    return str(_PAGE.format(title=outcome.planned.experiment.name, css=Markup(CSS), body=Markup("").join(body)))


def label_of(outcome: Outcome) -> Label:
    """The highest label of any text in the report: of its prompts, its cases and its own file."""
    every = (*outcome.seen.every, *(outcome.screened.every if outcome.screened else ()))
    return highest([_own_label(outcome), *dict.fromkeys(one.label for one in every)])


def _own_label(outcome: Outcome) -> Label:
    """The label of the experiment's file, of its template and of its cases' file."""
    planned = outcome.planned
    labels = Labels(planned.material.workspace)
    paths = (planned.experiment.path, planned.material.template.path, planned.base.path)
    return highest([planned.base.label, *(labels.of_path(path) for path in paths if path)])


def _head(outcome: Outcome, label: Label, show_labelled: bool) -> Iterator[Markup]:
    experiment = outcome.planned.experiment
    if experiment.description and (show_labelled or _own_label(outcome) == "public"):
        yield Markup("<p class=about>{}</p>\n").format(experiment.description)
    if label != "public":
        what = "This file has text labelled {}." if show_labelled else "Text labelled {} is masked; scores are not."
        yield Markup("<p class=label><b>{}</b> {}</p>\n").format(label, what.format(label))
    if outcome.stopped:
        yield Markup("<p class=label>Not all was asked: {}.</p>\n").format(outcome.stopped)
    if outcome.state != "finished":
        yield Markup("<p class=lead>{}</p>\n").format(headline(outcome))
        return
    for model in dict.fromkeys(effect.model for effect in outcome.effects):
        words = sentence([effect for effect in outcome.effects if effect.model == model])
        words = f"{words} {structure_sentence(outcome, model)}".strip()
        yield Markup("<p class=lead>{}</p>\n").format(words)


def _pictures(outcome: Outcome, facts: Facts | None) -> Iterator[Markup]:
    pictures = pictures_of(outcome, facts=facts)
    if not pictures:
        yield Markup("<p>There is nothing to draw: no answer was judged.</p>\n{}").format(table(arm_lines(outcome)))
    for picture in pictures:
        yield _picture(outcome, picture)


def _picture(outcome: Outcome, picture: Picture) -> Markup:
    """A picture with its table. The sentence of the effects stands above everything already."""
    words = "" if picture.sentence == sentence(outcome.effects) else picture.sentence
    caption = Markup("<figcaption>{}</figcaption>").format(words) if words else ""
    svg = Markup(as_svg(picture.chart, alt=picture.sentence, ink="currentColor"))
    return Markup("<section><h2>{}</h2>\n<figure>{}{}</figure>\n{}</section>\n").format(
        picture.title, svg, caption, table(picture.table)
    )


def table(lines: Sequence[Sequence[str]]) -> Markup:
    head, *rows = lines
    cells = Markup("").join(Markup("<th>{}</th>").format(cell) for cell in head)
    body = Markup("").join(
        Markup("<tr>{}</tr>\n").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup("<div class=wide><table><tr>{}</tr>\n{}</table></div>\n").format(cells, body)


def _notes(outcome: Outcome, facts: Facts) -> list[str]:
    return [*luck_lines(outcome), *outcome.notes, *origin_notes(outcome, facts), *left_out_lines(outcome)]


def _tables(outcome: Outcome) -> Iterator[Markup]:
    """The tables without a picture: what an answer takes, and what its repeats say."""
    tables = {"New tokens and validity": structure_lines(outcome), "Repeats": repeat_lines(outcome)}
    for title, lines in tables.items():
        if lines:
            yield Markup("<section><h2>{}</h2>\n{}</section>\n").format(title, table(lines))


def _how(outcome: Outcome, asked: Asked, facts: Facts) -> Markup:
    """Who was asked what, when, by which version."""
    planned = outcome.planned
    experiment = planned.experiment
    rows = [
        ["kind", experiment.kind],
        ["template", f"{planned.material.template.path}, sha256 {planned.material.template.sha256[:12]}"],
        ["cases", f"{len(planned.material.cases)} of {experiment.cases}"],
        ["answers", f"{len(outcome.seen.every) + (len(outcome.screened.every) if outcome.screened else 0):,}"],
        ["seed", str(experiment.seed)],
        ["numerics", experiment.numerics],
    ]
    if asked.dates:
        first, last = asked.dates
        rows.append(["asked", first if first == last else f"{first} to {last}"])
    for model in experiment.models:
        known = facts.get(model, ModelFacts())
        size = f"{known.bytes / 1e6:.0f} MB" if known.bytes else ""
        parts = (model, size, known.type_words, *asked.fingerprints(model))
        rows.append(["model", ", ".join(part for part in parts if part)])
    rows += [[name, version] for name, version in asked.versions.items()]
    return Markup("<section><h2>How it was asked</h2>\n{}</section>\n").format(table([["", ""], *rows]))


def _again(outcome: Outcome, show_labelled: bool) -> Markup:
    experiment = outcome.planned.experiment
    text, label = experiment.as_yaml(), _own_label(outcome)
    shown = text if show_labelled or label == "public" else hidden(text, label)
    command = f"promptlab experiment {experiment.name} --html {experiment.name}.html"
    return Markup(
        "<section><h2>To make it again</h2>\n<pre>{}</pre>\n<p>with this text in <code>{}</code>:</p>\n<pre>{}</pre>\n"
        "</section>\n"
    ).format(command, experiment.path, shown)
