"""`promptlab experiment`: what did a part of the prompt do, and can one be sure?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import opened, print_json, print_line
from promptlab.cli._paraphrases import approved, check_paraphrase
from promptlab.errors import InputError

if TYPE_CHECKING:
    from promptlab.experiments import Experiment, Outcome, Planned, Running
    from promptlab.lab import Lab
    from promptlab.models import ModelFacts

DECIDED_BY_FILE = (
    "cases",
    "models",
    "scorers",
    "options",
    "limit",
    "repeats",
    "margin",
    "screen",
    "looks",
    "seed",
    "name",
)
"""What the file of an experiment decides: options that are refused with the name of an experiment."""


@click.command()
@click.argument("kind", metavar="KIND|NAME")
@click.argument("template", required=False)
@click.option("--cases", metavar="FILE", help="A suite, or a file of cases with right answers.")
@click.option("-m", "--model", "models", multiple=True, metavar="MODEL", help="A model to ask. May be repeated.")
@click.option("--scorer", "scorers", multiple=True, metavar="SCORER", help="How answers are judged, such as contains.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An option of the kind; VALUE is YAML.")
@click.option("--paraphrase", metavar="MODEL", help="Of wording: let MODEL write paraphrases, for you to approve.")
@click.option("--paraphrases", "number", type=click.IntRange(1, 20), metavar="N", help="How many it writes. [4]")
@click.option("--limit", type=click.IntRange(2), metavar="N", help="At most N cases, drawn by the seed.")
@click.option("--repeats", type=click.IntRange(1), default=1, metavar="N", help="Answers to each case.")
@click.option("--margin", type=float, default=5.0, metavar="POINTS", help="A difference below this counts as none. [5]")
@click.option("--screen", type=click.IntRange(2), metavar="N", help="Screen on N cases; confirm on fresh ones.")
@click.option("--looks", type=click.IntRange(1), default=1, metavar="N", help="Stop early at one of N looks.")
@click.option("--seed", type=int, default=0, help="Decides all that is drawn by chance.")
@click.option("--name", help="The name of the experiment: experiments/NAME.yaml.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="At most this many US dollars.")
@click.option("--dry-run", is_flag=True, help="Print answers, tokens, price and minutes; ask no model.")
@click.option("--stored", is_flag=True, help="Report what is answered already; ask no model.")
@click.option("--again", is_flag=True, help="Ask everything again, even what was answered before.")
@click.option("--yes", is_flag=True, help="Do not ask back, not even before many answers.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--parquet", type=click.Path(path_type=Path), metavar="FILE", help="Write every answer to Parquet.")
@click.option("--show-labelled", is_flag=True, help="Do not mask text labelled above public in what is written.")
@click.option("--csv", "csv", type=click.Path(path_type=Path), metavar="FILE", help="Write every answer as a row.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report with its picture.")
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE", help="Write the picture: .svg or .png.")
def experiment(kind: str, template: str | None, **rest: Any) -> None:
    """Measure what a part of the prompt does.

    KIND is what varies: ablate, shots, order, examples, book, layout, format, wording, models, params or grid. Or it is
    the NAME of an experiment that was asked before: experiments/NAME.yaml. An interrupted experiment goes on where it
    stopped.
    """
    from promptlab.experiments import (
        Running,
        Tools,
        plan_experiment,
        read_outcome,
        save_experiment,
    )

    with opened() as lab:
        wanted = approved(lab, _wanted(lab, kind, template, rest), rest["paraphrase"], rest["number"], yes=rest["yes"])
        planned = plan_experiment(lab.workspace, wanted)
        if rest["stored"]:
            stored = read_outcome(planned, Tools(lab.catalogue, lab.store, lab.suite_log))
            _print(lab, stored, rest)
            return
        if rest["dry_run"]:
            _print_plan(lab, planned, as_json=rest["as_json"])
            return
        _agree(lab, planned, yes=rest["yes"])
        if save_experiment(lab.workspace, wanted):
            click.echo(f"written: {wanted.path}", err=True)
        tools = Tools(lab.catalogue, lab.store, lab.suite_log, rest["max_cost"], rest["again"])
        running = Running(planned, tools)
        outcome = _ask(running)
        _print(lab, outcome, rest)
        sys.exit(1 if outcome.incomplete else 0)


def _wanted(lab: Lab, kind: str, template: str | None, rest: Mapping[str, Any]) -> Experiment:
    """The experiment that the words of the command line describe, or that of a file."""
    from promptlab.experiments import Experiment, kind_names, load_experiment, named

    if rest["number"] and not rest["paraphrase"]:
        raise click.UsageError("--paraphrases needs --paraphrase MODEL, the model that writes them")
    if rest["paraphrase"]:
        check_paraphrase(kind, template, asks_nothing=rest["dry_run"] or rest["stored"])
    if template is None and kind not in kind_names(lab.workspace):
        _refuse_decided(kind)
        return load_experiment(lab.workspace, kind)
    if template is None or not rest["cases"] or not rest["models"]:
        missing = "a template" if template is None else "--cases" if not rest["cases"] else "--model"
        raise click.UsageError(f"an experiment needs {missing}")
    return named(
        Experiment(
            rest["name"] or "",
            kind,
            template,
            rest["cases"],
            tuple(rest["models"]),
            options=_options(rest["options"]),
            scorers=tuple(rest["scorers"]) or None,
            repeats=rest["repeats"],
            limit=rest["limit"],
            margin=rest["margin"] / 100,
            screen=rest["screen"],
            looks=rest["looks"],
            seed=rest["seed"],
        )
    )


def _refuse_decided(name: str) -> None:
    """Refuse options that the file of an experiment decides: it would be another experiment."""
    context = click.get_current_context()
    given = [
        max(parameter.opts, key=len)
        for parameter in context.command.params
        if parameter.name in DECIDED_BY_FILE
        and context.get_parameter_source(parameter.name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise InputError(
            f"the file of the experiment `{name}` decides {' and '.join(given)}",
            hint=f"edit the file, or make another: promptlab experiment KIND TEMPLATE … {given[0]} … --name NEW",
        )


def _options(pairs: Sequence[str]) -> dict[str, Any]:
    import yaml

    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"`--option {pair}` has no `=`", hint="write it as NAME=VALUE")
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as exc:
            raise InputError(f"`--option {pair}`: the value is no YAML: {exc}") from exc
    return options


def _print_plan(lab: Lab, planned: Planned, *, as_json: bool) -> None:
    from promptlab.experiments import plan_data, plan_lines, what_it_takes

    takes = what_it_takes(planned, lab.catalogue, lab.store, lab.suite_log)
    if as_json:
        print_json(plan_data(planned, takes))
        return
    for line in plan_lines(planned, takes):
        print_line(line)


def _agree(lab: Lab, planned: Planned, *, yes: bool) -> None:
    """Ask before many answers are asked for."""
    from promptlab.experiments import ASK_ABOVE, plan_lines, what_it_takes

    if planned.trials <= ASK_ABOVE or yes:
        return
    for line in plan_lines(planned, what_it_takes(planned, lab.catalogue, lab.store, lab.suite_log)):
        click.echo(terminal.printable(line), err=True)
    if not click.confirm("Ask all of this?", err=True):
        raise click.Abort


def _ask(running: Running) -> Outcome:
    """Ask to the end. Ctrl-C stops; the same command goes on."""
    with _stopping(running):
        for progress in running:
            if sys.stderr.isatty():
                click.echo(f"\r{progress.stage}: {progress.done} of {progress.total} answers", nl=False, err=True)
    if sys.stderr.isatty():
        click.echo("", err=True)
    assert running.outcome is not None  # the iteration has ended
    return running.outcome


@contextmanager
def _stopping(running: Running) -> Iterator[None]:
    import signal

    def stop(_signal: int, _frame: object) -> None:
        click.echo("\nstopping; the same command goes on", err=True)
        running.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print(lab: Lab, outcome: Outcome, rest: Mapping[str, Any]) -> None:
    from promptlab.experiments import answers_as_csv, answers_as_parquet, html_report, report_data, report_lines
    from promptlab.models import model_facts

    facts = model_facts(lab.catalogue, outcome.planned.experiment.models)
    shown = rest["show_labelled"]
    if rest["csv"]:
        rest["csv"].write_text(answers_as_csv(outcome, show_labelled=shown), encoding="utf-8")
    if rest["parquet"]:
        rest["parquet"].write_bytes(answers_as_parquet(outcome, show_labelled=shown))
    if rest["html"]:
        page = html_report(outcome, facts=facts, store=lab.store, show_labelled=shown)
        rest["html"].write_text(page, encoding="utf-8")
    if rest["picture"]:
        _write_picture(outcome, rest["picture"], facts)
    if rest["as_json"]:
        print_json(report_data(outcome, facts))
        return
    for line in report_lines(outcome, facts):
        print_line(line)


def _write_picture(outcome: Outcome, path: Path, facts: Mapping[str, ModelFacts]) -> None:
    from promptlab.experiments import as_png, as_svg, chart_of

    chart = chart_of(outcome, facts=facts)
    if chart is None:
        raise InputError("there is nothing to draw: no answer was judged")
    if path.suffix == ".svg":
        path.write_text(as_svg(chart), encoding="utf-8")
    elif path.suffix == ".png":
        path.write_bytes(as_png(chart))
    else:
        raise InputError(f"a picture is .svg or .png, not {path.name}")
