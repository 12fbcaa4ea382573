"""`promptlab experiment wording --paraphrase MODEL`: the paraphrases that a model writes, shown for approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import InputError

if TYPE_CHECKING:
    from promptlab.experiments import Experiment
    from promptlab.lab import Lab

PARAPHRASES = 4
"""So many are asked for unless another number is given."""


def check_paraphrase(kind: str, template: str | None, *, asks_nothing: bool) -> None:
    """Raise `UsageError` where `--paraphrase` has no meaning."""
    if kind != "wording" or template is None:
        raise click.UsageError("--paraphrase is for a new experiment: promptlab experiment wording TEMPLATE …")
    if asks_nothing:
        raise click.UsageError("--paraphrase asks a model: leave out --dry-run and --stored, or --paraphrase")


def approved(lab: Lab, wanted: Experiment, model: str | None, number: int | None, *, yes: bool) -> Experiment:
    """`wanted` with the paraphrases of `model` that the person keeps; with `yes` all that can be used. Without a model
    it stays as it is."""
    if model is None:
        return wanted
    from promptlab import templates
    from promptlab.experiments import Tools, paraphrases, with_paraphrases

    template = templates.load(lab.workspace, wanted.template)
    with_paraphrases(lab.workspace, wanted, template, ())  # the label is checked before a model is asked
    written = paraphrases(
        lab.workspace, template, model, number or PARAPHRASES, Tools(lab.catalogue, lab.store, lab.suite_log)
    )
    kept = []
    click.echo(f"The instructions of {template.path}:\n\n{_shown(template.instructions)}\n", err=True)
    for place, one in enumerate(written, 1):
        click.echo(f"Paraphrase {place} of {len(written)}, by {model}:\n\n{_shown(one.text)}\n", err=True)
        if one.refused:
            click.echo(terminal.printable(f"It cannot be used: {one.refused}."), err=True)
        elif yes or click.confirm("Does it say the same? Keep it?", err=True):
            kept.append(one)
    if not kept:
        hint = "ask again or ask another model; or leave out --paraphrase to try small changes of form only"
        raise InputError(f"no paraphrase by {model} was kept", hint=hint)
    return with_paraphrases(lab.workspace, wanted, template, kept)


def _shown(text: str) -> str:
    return "\n".join(f"    {terminal.printable(line)}" for line in text.strip().splitlines())
