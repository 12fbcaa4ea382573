"""`promptlab suite`: record, replay, rerun and accept a suite. See docs/suites.md."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import as_json_option, here, opened, print_json, print_line
from promptlab.cli._suite_asking import (
    ask_to_the_end,
    badness,
    ended_together,
    hold_while_asking,
    load_suites,
    start_asking,
)
from promptlab.cli._suite_output import SHOWN, Output, print_entry, report_paths
from promptlab.errors import InputError

if TYPE_CHECKING:
    from promptlab.suites import Suite
    from promptlab.workspace import Workspace


@click.group()
def suite() -> None:
    """Suites: regression tests for prompts.

    SUITE is a path such as fixtures/suites/world-cup.yaml, or a bare name such as world-cup. An item is a case for a
    model in a variant, such as `winner[article-gemma-3-270m]`; CASE may name either.
    """


def _report_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The reports that a verb can write."""
    kinds = {"junit": "JUnit XML", "json": "JSON", "markdown": "Markdown", "html": "one HTML file"}
    command = click.option(
        "--show-labelled", is_flag=True, help="Do not mask text labelled above public in reports and on the terminal."
    )(command)
    for kind, what in reversed(kinds.items()):
        command = click.option(f"--{kind}", f"to_{kind}", metavar="FILE", help=f"Write a report as {what}.")(command)
    return command


@suite.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List the suites, their models and what is recorded."""
    from promptlab import suites as suite_file

    workspace = here()
    for path in suite_file.suite_paths(workspace):
        try:
            found = suite_file.load_suite(workspace, path)
        except InputError as exc:
            if as_json:
                print_json({"path": path, "problem": str(exc)})
            else:
                print_line(f"{terminal.name(path)}  {exc.message}")
            continue
        recorded = workspace.resolve(found.recording).is_file()
        if as_json:
            data = {"path": path, "name": found.name, "description": found.description, "models": list(found.models)}
            print_json({**data, "recorded": recorded})
        else:
            state = "" if recorded else "(not recorded)"
            print_line(
                "  ".join(p for p in (terminal.name(path), ", ".join(found.models), state, found.description) if p)
            )


@suite.command()
@click.argument("suites", metavar="[SUITE]...", nargs=-1)
@click.option("--case", "only", multiple=True, metavar="CASE", help="Only this case or item. May be repeated.")
@_report_options
def replay(suites: tuple[str, ...], only: tuple[str, ...], show_labelled: bool, **to: str | None) -> None:
    """Check recorded prompts and answers; asks no model.

    Renders every case and compares it with the recorded prompt, and scores the recorded answers with today's
    scorers. Exits with 1 if anything differs or is missing, or a threshold is not met; with 3 if a threshold cannot be
    decided. Without SUITE all suites are replayed.
    """
    from promptlab import suites as suite_file
    from promptlab.suites import EXIT_MET, EXIT_NOT_MET

    workspace = here()
    status = EXIT_MET
    names = suites or suite_file.suite_paths(workspace)
    for name in names:
        try:
            (suite,) = load_suites(workspace, [name])
            out = Output(suite, report_paths(to, suite, several=len(suites) != 1), show_labelled)
            ended = _replay_one(workspace, suite, out, only)
        except InputError as exc:
            if len(names) == 1:
                raise
            # One broken suite does not hide how the others are.
            click.echo(terminal.printable(f"{exc}\n"), err=True)
            ended = EXIT_NOT_MET
        status = max(status, ended, key=badness)
    sys.exit(status)


def _replay_one(workspace: Workspace, suite: Suite, out: Output, only: Sequence[str]) -> int:
    """Replay one suite; returns its exit status."""
    from promptlab.suites import (
        EXIT_NOT_MET,
        Outcome,
        outcome_of_replay,
        replay_suite,
        report_item_of_replay,
        summarise_outcomes,
    )
    from promptlab.workspace import Labels

    outcomes: list[Outcome] = []
    labels = Labels(workspace)
    for replayed in replay_suite(workspace, suite, only=only):
        out.add(report_item_of_replay(replayed, labels))
        if replayed.status != "unexpected":
            outcomes.append(outcome_of_replay(replayed))
    summary = summarise_outcomes(suite, outcomes, workspace=workspace, replayed=True, partial=bool(only))
    out.finish(summary)
    return EXIT_NOT_MET if out.failing else summary.exit_status


_MODEL = click.option(
    "-m", "--model", "models", multiple=True, metavar="MODEL", help="Ask this model instead of the suite's."
)
_CASE = click.option("--case", "only", multiple=True, metavar="CASE", help="Only this case or item. May be repeated.")

_WAIT = click.option("--wait", is_flag=True, help="Wait if another process works on the suite.")


def _asking_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Limits, and how to go on."""
    for option in (
        click.option("--fresh", is_flag=True, help="Start again, even if an interrupted run could continue."),
        click.option(
            "--dry-run",
            is_flag=True,
            help="Print calls, tokens, price and local minutes, with judges, and a limit that is enough; ask no model.",
        ),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N items."),
        click.option(
            "--max-tokens",
            type=click.IntRange(1),
            metavar="N",
            help="At most N tokens, of prompts and answers.",
        ),
        click.option("--max-cost", type=click.FloatRange(0), metavar="USD", help="At most this many US dollars."),
        _WAIT,
        _CASE,
        _MODEL,
    ):
        command = option(command)
    return command


@suite.command()
@click.argument("name", metavar="SUITE")
@_asking_options
@_report_options
def record(name: str, show_labelled: bool, fresh: bool, **rest: Any) -> None:
    """Ask the models, and store prompts and answers.

    A run that was interrupted, also by kill -9, continues where it stopped; no answer is paid for twice. An item that
    gets no answer keeps its recorded one.
    """
    with opened() as lab, hold_while_asking(lab, name, "record", rest) as before:
        (found,) = load_suites(lab.workspace, [name])
        asking = start_asking(lab, found, "record", rest, before, resume=not fresh, prompts="current")
        if asking is None:
            return
        summary, out = ask_to_the_end(asking, found, rest, show_labelled)
        out.finish(summary)
        print_line(f"{asking.write_recording()} items recorded in {found.recording}")
        cut = asking.halted or asking.out_of
        sys.exit(1 if out.errors or cut else 0 if not summary.checks else summary.exit_status)


@suite.command()
@click.argument("names", metavar="SUITE...", nargs=-1, required=True)
@click.option(
    "--prompts",
    type=click.Choice(["stored", "current"]),
    default="stored",
    help="Send the recorded prompts, or render the cases with today's templates.",
)
@click.option("--only-failed", is_flag=True, help="Only items that did not pass in the last rerun.")
@click.option(
    "--find-causes",
    type=click.IntRange(0),
    default=0,
    metavar="CALLS",
    help="If several things changed, find the cause by changing one at a time, with at most CALLS more calls.",
)
@_asking_options
@_report_options
def rerun(
    names: tuple[str, ...],
    prompts: str,
    only_failed: bool,
    find_causes: int,
    show_labelled: bool,
    fresh: bool,
    **rest: Any,
) -> None:
    """Send stored prompts again and compare the answers.

    Each answer is the same, as good, better, worse or cannot be told, with what caused it. Exits with 0 when the
    thresholds are met (without any: when nothing failed), with 1 when not, with 3 when they cannot be told yet. An
    interrupted run is taken up where it was.
    """
    with opened() as lab, ended_together() as ended:
        status = 0
        for name in names:
            with hold_while_asking(lab, name, "rerun", rest) as before:
                (found,) = load_suites(lab.workspace, [name])
                options = {"prompts": prompts, "only_failed": only_failed}
                asking = start_asking(
                    lab, found, "rerun", rest, before, resume=not fresh, causes=find_causes, **options
                )
                if asking is None:
                    continue
                summary, out = ask_to_the_end(
                    asking, found, rest, show_labelled, several=len(names) > 1, calls=find_causes
                )
                ended.append((summary, out))
                mine = summary.exit_status if summary.checks else int(bool(out.failing))
                status = max(status, 1 if asking.halted or asking.out_of else mine, key=badness)
    sys.exit(status)


@suite.command()
@click.argument("name", metavar="SUITE")
@click.argument("cases", metavar="[CASE]...", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--show-labelled", is_flag=True, help="Do not mask text labelled above public.")
@_WAIT
def accept(name: str, cases: tuple[str, ...], yes: bool, show_labelled: bool, wait: bool) -> None:
    """Record the answers of the last rerun.

    Shows the changes first. Without CASE, all changed answers are recorded.
    """
    from promptlab.suites import RunAnswers, baseline_changes, last_answered_run, report_item_of_change, write_recording
    from promptlab.workspace import Labels

    with opened() as lab, hold_while_asking(lab, name, "accept", {"wait": wait}):
        (found,) = load_suites(lab.workspace, [name])
        answers = RunAnswers(lab.store, lab.suite_log, last_answered_run(lab.suite_log, found, "rerun"))
        keys = set()
        for change in baseline_changes(lab.workspace, found, answers, wanted=cases):
            keys.add(change.key)
            if len(keys) <= SHOWN:
                print_entry(report_item_of_change(change, Labels(lab.workspace)), show_labelled)
        if not keys:
            print_line("nothing to accept: the last rerun gave what is recorded")
            return
        if len(keys) > SHOWN:
            print_line(f"… and {len(keys) - SHOWN} more")
        if not yes and not click.confirm(f"Record these {len(keys)} answers?"):
            raise click.Abort
        taken = write_recording(lab.workspace, found, answers, only=keys)
        print_line(f"{taken} items recorded in {found.recording}")


@suite.command()
@click.argument("name", metavar="SUITE")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--dry-run", is_flag=True, help="Only say what would be renamed.")
@_WAIT
def rename(name: str, old: str, new: str, dry_run: bool, wait: bool) -> None:
    """Give a case another id; its record stays.

    Changes the id OLD in the case's file, the recording, the marks and the history of the suite, and of every suite
    that reads the same file of cases. If you have changed the id in the file by hand, the rest is renamed. If the
    command is interrupted, the same command finishes it.
    """
    from promptlab.suites import rename_case

    def say(text: str) -> None:
        click.echo(terminal.printable(text), err=True)

    with opened() as lab:
        done = rename_case(
            *(lab.workspace, name, old, new), log=lab.suite_log, store=lab.store, dry=dry_run, wait=wait, say=say
        )
        would = "would be " if dry_run else ""
        print_line(f"{would}renamed in {done.file}" if done.file else "the file of the case has the new id already")
        for one in done.suites:
            parts = (f"{one.items} recorded items", f"{one.marks} marks", f"{one.rows} items of earlier runs")
            print_line(f"{one.suite}: {', '.join(parts)} {would}renamed")
        if done.prompt_changes:
            print_line(
                "the prompt of this case depends on its id, because the example with the same id is left out: "
                "replay shows the difference"
            )


@suite.command()
@click.argument("name", metavar="SUITE")
@click.option("--dry-run", is_flag=True, help="Only list the items.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@_WAIT
def prune(name: str, dry_run: bool, yes: bool, wait: bool) -> None:
    """Remove recorded items that left the suite.

    Lists the recorded items whose case, variant, model or repeat is no longer in the suite, and removes them from the
    recording. To keep the record of a case under another id, use `promptlab suite rename`.
    """
    from promptlab.suites import left_items, prune_recording

    with opened() as lab, hold_while_asking(lab, name, "prune", {"wait": wait, "dry_run": dry_run}):
        (found,) = load_suites(lab.workspace, [name])
        left = left_items(lab.workspace, found)
        for key in left[:SHOWN]:
            print_line(key.id)
        if len(left) > SHOWN:
            print_line(f"… and {len(left) - SHOWN} more")
        if not left:
            print_line("nothing to remove: every recorded item is in the suite")
        if not left or dry_run:
            return
        if not yes and not click.confirm(f"Remove these {len(left)} items from {found.recording}?"):
            raise click.Abort
        print_line(f"{len(prune_recording(lab.workspace, found))} items removed from {found.recording}")


@suite.command("import-run")
@click.argument("run")
@click.option("--suite", "name", required=True, metavar="SUITE", help="The suite to add to, created if it is new.")
@click.option("--model", "models", multiple=True, metavar="MODEL", help="Only answers of this model.")
def import_run(run: str, name: str, models: tuple[str, ...]) -> None:
    """Add the questions of a run to a suite.

    RUN is an id as `promptlab runs list` shows it. Each question becomes a case, and its answer the recorded one.
    """
    from promptlab.suites import keep_run

    with opened() as lab:
        kept = keep_run(lab.workspace, lab.store, run, name, models=models)
        print_line(f"{len(kept.cases)} cases added to {kept.suite}, {kept.recorded} answers to its recording")
        for line in kept.left_out:
            print_line(f"left out: {line}")


@suite.command()
@click.argument("name", metavar="SUITE")
@as_json_option
def runs(name: str, as_json: bool) -> None:
    """List the runs of a suite, newest first."""
    with opened() as lab:
        (found,) = load_suites(lab.workspace, [name])
        for one in lab.suite_log.runs(found.path):
            counts: dict[str, int] = {}
            for count in lab.suite_log.counts(one):
                counts[count.verdict] = counts.get(count.verdict, 0) + count.items
            if as_json:
                data = {"id": one.id, "verb": one.verb, "created": one.created, "state": one.state, "done": one.done}
                print_json({**data, "total": one.total, "verdicts": counts, "options": dict(one.options)})
            else:
                said = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
                print_line(f"{one.id[:8]}  {one.created[:19]}  {one.verb}  {one.state}  {one.done}/{one.total}  {said}")


@suite.command()
@click.argument("name", metavar="SUITE")
@click.option("--verb", type=click.Choice(["record", "rerun", "replay"]), help="Only runs of this verb.")
@click.option("--limit", type=click.IntRange(1), default=20, metavar="N", help="At most N runs; 20 if not given.")
@as_json_option
def history(name: str, verb: Any, limit: int, as_json: bool) -> None:
    """Show how the pass rate went from run to run.

    The newest run comes first. Each has its pass rate with a 95 % interval, the tokens and the price of its answers
    (without judges), and the git revision. A run of a part of the suite says so, and a run of other cases says how many
    of its cases the newest run has too.
    """
    from promptlab.suites import history_as_text, suite_history

    with opened() as lab:
        (found,) = load_suites(lab.workspace, [name])
        points = suite_history(
            found, log=lab.suite_log, store=lab.store, catalogue=lab.catalogue, verb=verb, limit=limit
        )
        if as_json:
            for point in points:
                print_json(point.as_data())
        elif points:
            print_line(history_as_text(points))
        else:
            print_line(f"{found.name} has no runs yet")
