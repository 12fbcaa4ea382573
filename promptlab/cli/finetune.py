"""`promptlab finetune`: train an adapter of a local model for a template."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli._common import opened, print_json, print_line

if TYPE_CHECKING:
    from promptlab.experiments import Outcome
    from promptlab.finetune import PlannedTuning, TrainingProgress, Tuned
    from promptlab.lab import Lab


@click.command(short_help="Train an adapter of a local model for a template.")
@click.argument("template")
@click.option("--data", required=True, metavar="SOURCE", help="A pool of examples, suite:NAME, or ratings.")
@click.option("--base", required=True, metavar="MODEL", help="The local model to train an adapter for.")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="A suite whose cases are never trained on.")
@click.option("--tag", default="", metavar="TAG", help="Only rows with this tag.")
@click.option("--group", default="", metavar="INPUT", help="Rows with the same value of this input stay together.")
@click.option("--name", default="", metavar="NAME", help="The name of the new model. [BASE-TEMPLATE]")
@click.option("--shots", is_flag=True, help="Train with the template's examples in the prompt.")
@click.option("--rank", type=click.IntRange(1, 256), default=8, show_default=True, help="The rank of the adapter.")
@click.option(
    "--rate", type=click.FloatRange(0, 1, min_open=True), default=1e-3, show_default=True, help="Learning rate."
)
@click.option("--epochs", type=click.IntRange(1), default=8, show_default=True, help="Passes over the rows, at most.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Rows in a step.")
@click.option("--patience", type=click.IntRange(1), default=3, show_default=True, help="Passes without a better loss.")
@click.option("--held-out", type=click.FloatRange(0, 0.9), default=0.125, show_default=True, help="Share of rows.")
@click.option("--overlap", type=click.FloatRange(0.1, 1), default=0.7, show_default=True, help="Nearly the same from.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides all that is drawn by chance.")
@click.option("--again", is_flag=True, help="Begin anew, even if there is a checkpoint.")
@click.option("--dry-run", is_flag=True, help="Print the rows and the steps; train nothing.")
@click.option("--report", metavar="FILE", help="Then ask the suite of --suite, and write the report (.md).")
@click.option("--shot-numbers", default="8", metavar="K,K…", help="Numbers of examples in the report. [8]")
@click.option("--json", "as_json", is_flag=True, help="Print the record of the training as JSON.")
def finetune(template: str, **rest: Any) -> None:
    """Train an adapter (LoRA) of a local model on right answers.

    The rows of SOURCE are rendered as the template renders them and tokenised as the model reads them. Rows that are
    the same or nearly the same as a test case are left out: those of --suite, or of every suite of the template. The
    adapter is written to models/adapters, and the model is entered in promptlab.yaml with the highest label of what it
    was trained on. A training that was killed goes on where it was.
    """
    from promptlab.finetune import Recipe, Tuning, plan_tuning

    recipe = Recipe(
        rank=rest["rank"],
        alpha=2.0 * rest["rank"],
        learning_rate=rest["rate"],
        epochs=rest["epochs"],
        batch=rest["batch"],
        held_out=rest["held_out"],
        patience=rest["patience"],
        seed=rest["seed"],
    )
    keys = ("data", "base", "name", "suites", "tag", "group", "shots", "overlap")
    tuning = Tuning(template, recipe=recipe, **{key: rest[key] for key in keys})
    ks = _shot_numbers(rest) if rest["report"] else []
    with opened() as lab:
        planned = plan_tuning(lab.workspace, lab.catalogue, tuning, lab.store if rest["data"] == "ratings" else None)
        for line in planned.facts():
            click.echo(line, err=True)
        if rest["dry_run"]:
            return
        done = None if rest["again"] else planned.done()
        tuned = done or _trained(planned, again=rest["again"])
        _print(planned, tuned, as_json=rest["as_json"])
    if rest["report"]:
        _report(planned, rest, ks)


def _shot_numbers(rest: dict[str, Any]) -> list[int]:
    """The numbers of examples in the report. Raises `UsageError` if no report can be written, before minutes go into
    the training."""
    if not rest["suites"]:
        raise click.UsageError("--report needs the suite to ask, with --suite")
    if Path(rest["report"]).suffix != ".md":
        raise click.UsageError(f"the report is Markdown, with a name that ends in .md, not {rest['report']}")
    try:
        return [int(word) for word in rest["shot_numbers"].split(",")]
    except ValueError as exc:
        raise click.UsageError(f"--shot-numbers takes numbers with commas, not {rest['shot_numbers']!r}") from exc


def _report(planned: PlannedTuning, rest: dict[str, Any], ks: list[int]) -> None:
    """Ask base and tuned model the first suite of `--suite` in every way, print the table and write the report."""
    from promptlab.experiments import Experiment, Running, Tools, plan_experiment

    base, tuned = rest["base"], planned.tuning.model
    wanted = Experiment(
        *(f"{tuned}-finetune", "finetune", planned.tuning.template, rest["suites"][0], (base, tuned)),
        options={"base": base, "tuned": tuned, "ks": ks},
    )
    with opened(numerics="portable") as lab:
        running = Running(plan_experiment(lab.workspace, wanted), Tools(lab.catalogue, lab.store, lab.suite_log))
        for progress in running:
            if sys.stderr.isatty():
                click.echo(f"\r{progress.done} of {progress.total} answers", nl=False, err=True)
        assert running.outcome is not None, "the iteration has ended"
        _write_report(lab, running.outcome, Path(rest["report"]))


def _write_report(lab: Lab, outcome: Outcome, path: Path) -> None:
    """Print the sentence and the table, and write the report: Markdown, with its picture and all answers beside it."""
    from promptlab.experiments import as_svg, html_report, pictures_of, sentence
    from promptlab.finetune import headline_lines, headline_markdown, headline_rows
    from promptlab.models import model_facts

    rows = headline_rows(outcome, lab.store, lab.catalogue)
    print_line(sentence(outcome.effects))
    for line in headline_lines(rows):
        print_line(line)
    facts = model_facts(lab.catalogue, outcome.planned.experiment.models)
    pictures, whole = pictures_of(outcome, facts=facts), path.with_suffix(".html")
    if pictures:
        picture = pictures[0]
        path.with_suffix(".svg").write_text(as_svg(picture.chart, alt=picture.sentence), encoding="utf-8")
    whole.write_text(html_report(outcome, facts=facts, store=lab.store), encoding="utf-8")
    text = headline_markdown(
        outcome,
        rows,
        picture=path.with_suffix(".svg").name if pictures else "",
        report=whole.name,
        command=shlex.join(["promptlab", *sys.argv[1:]]),
    )
    path.write_text(text, encoding="utf-8")
    click.echo(f"written: {path} and {whole}", err=True)


def _trained(planned: PlannedTuning, *, again: bool) -> Tuned:
    """Train to the end, with a line for each look. Ctrl-C, or Stop on the page Fine-tuning, stops; the same command
    goes on."""
    from promptlab.finetune import watch_training

    losses: list[float] = []
    try:
        with watch_training(planned.workspace, planned.tuning) as watched:
            for progress in watched.train(planned, again=again):
                if progress.step:
                    losses.append(progress.loss)
                _show(progress, losses)
    except KeyboardInterrupt:
        click.echo("\nstopped; the same command goes on", err=True)
        raise
    if watched.tuned is None:
        click.echo("\nstopped on the page Fine-tuning; the same command goes on", err=True)
        raise SystemExit(1)
    return watched.tuned


def _show(progress: TrainingProgress, losses: Sequence[float]) -> None:
    """The step, the curve of the losses so far and the time left on the terminal's last line; a line for each look."""
    from promptlab.finetune import curve_lines

    if progress.resumed and progress.step == progress.resumed + 1:
        click.echo(f"going on after step {progress.resumed}", err=True)
    if sys.stderr.isatty():
        curve = "".join(curve_lines(losses, width=24)[:1])
        now = f"loss {progress.loss:.3f} {curve}  {progress.left:.0f} s left" if losses else "looking at the rows"
        click.echo(f"\rstep {progress.step} of {progress.steps}  {now}   ", nl=False, err=True)
    if look := progress.look:
        start = "\r" if sys.stderr.isatty() else ""
        held_out = f"held out: loss {look.loss:.3f}, {look.right} of {look.rows} right"
        time = f", {progress.seconds:.0f} s, about {progress.left:.0f} s left" if progress.step else " before training"
        click.echo(f"{start}step {progress.step} of {progress.steps}  {held_out}{time}", err=True)


def _print(planned: PlannedTuning, tuned: Tuned, *, as_json: bool) -> None:
    from promptlab.finetune import curve_lines
    from promptlab.runs import duration_text

    if as_json:
        print_json(tuned.record)
        return
    curve = planned.folder / "curve.jsonl"
    losses = [row["loss"] for row in map(json.loads, curve.read_text("utf-8").splitlines()) if "loss" in row]
    for line in curve_lines(losses):
        print_line(line)
    record = tuned.record
    seconds = record["seconds"]
    time = f"{seconds / 60:.1f} minutes" if seconds >= 60 else duration_text(seconds)
    early = ", stopped early" if record["stopped_early"] else ""
    print_line(f"{tuned.path}: {record['steps']} steps{early}, {time}, {record['peak_bytes'] / 1e9:.1f} GB at most")
    label = f", labelled {tuned.label}" if tuned.label != "public" else ""
    print_line(f"the model {tuned.name} is in promptlab.yaml{label}; it answers as any other model")
