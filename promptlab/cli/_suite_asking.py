"""What the commands of suites that ask models share: locks, limits, progress, Ctrl-C and the end of several suites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import print_line
from promptlab.cli._suite_output import Output, Progress, report_paths

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.suites import Asking, AskOptions, Suite, Summary
    from promptlab.workspace import Workspace


def load_suites(workspace: Workspace, names: Sequence[str]) -> list[Suite]:
    """The suites of these names; all of the workspace if there is no name."""
    from promptlab import suites as suite_file

    return [suite_file.load_suite(workspace, name) for name in names or suite_file.suite_paths(workspace)]


@contextmanager
def ended_together() -> Iterator[list[tuple[Summary, Output]]]:
    """Suites that are asked one after the other. Their reports come at the end, also of those that ended before an
    error, because what a suite shows depends on how many there are (Holm)."""
    from promptlab.suites import holm_adjusted

    ended: list[tuple[Summary, Output]] = []
    try:
        yield ended
    finally:
        for summary, (_, out) in zip(holm_adjusted([summary for summary, _ in ended]), ended, strict=True):
            out.finish(summary)


@contextmanager
def hold_while_asking(lab: Lab, name: str, verb: str, rest: Mapping[str, Any]) -> Iterator[frozenset[str]]:
    """Lock the suite while it is read, asked and written. Gives the runs that had finished before. A dry run locks
    nothing."""
    from promptlab.suites import hold_suite

    if rest.get("dry_run"):
        yield frozenset()
        return
    (found,) = load_suites(lab.workspace, [name])
    finished = frozenset(run.id for run in lab.suite_log.runs(found.path) if run.state == "finished")

    def say(text: str) -> None:
        click.echo(terminal.printable(text), err=True)

    with hold_suite(lab.workspace, found.path, verb, wait=rest["wait"], say=say):
        yield finished


def start_asking(
    lab: Lab,
    found: Suite,
    verb: Any,
    rest: Mapping[str, Any],
    before: frozenset[str],
    *,
    resume: bool,
    causes: int = 0,
    **options: Any,
) -> Asking | None:
    """The suite to ask; None after a dry run, which only prints its estimate."""
    from promptlab.suites import Asking, AskOptions, list_price_note

    chosen = AskOptions(
        models=tuple(rest["models"]) or None,
        only=tuple(rest["only"]),
        limit=rest["limit"],
        max_cost=rest["max_cost"],
        max_tokens=rest["max_tokens"],
        **options,
    )
    if rest["dry_run"]:
        _print_estimate(lab, found, verb, chosen, causes)
        return None
    asking = Asking(
        lab.workspace,
        found,
        verb=verb,
        options=chosen,
        catalogue=lab.catalogue,
        store=lab.store,
        log=lab.suite_log,
        resume=resume,
        finished_before=before,
    )
    if chosen.max_cost is not None and (note := list_price_note(lab.catalogue, chosen.models or found.models)):
        click.echo(terminal.printable(f"the limit counts with list prices: {note}"), err=True)
    if asking.resumed:
        print_line(f"taking up an interrupted {verb}: {asking.resumed} of {asking.total} items have their answer")
    return asking


def _print_estimate(lab: Lab, found: Suite, verb: Any, options: AskOptions, causes: int) -> None:
    """What asking would take."""
    from promptlab.suites import estimate_suite

    estimate = estimate_suite(
        *(lab.workspace, found),
        verb=verb,
        options=options,
        catalogue=lab.catalogue,
        store=lab.store,
        log=lab.suite_log,
        causes=causes,
    )
    for line in estimate.lines():
        print_line(line)
    if not estimate.models:
        print_line(f"{found.name}: nothing to ask; a rerun sends what is recorded, unless with --prompts current")


def ask_to_the_end(
    asking: Asking, found: Suite, to: Mapping[str, Any], show: bool, *, several: bool = False, calls: int = 0
) -> tuple[Summary, Output]:
    """Ask the suite to its end. Ctrl-C once lets running answers finish; twice stops them."""
    from promptlab.suites import CauseFinder, outcome_of_answer, report_item_of_answer, summarise_outcomes
    from promptlab.workspace import Labels

    out = Output(found, report_paths(to, found, several=several), show)
    outcomes, labels = [], Labels(asking.workspace)
    finder = CauseFinder(asking, calls) if calls else None
    with _stopping(asking), Progress(asking.total, found.name) as progress:
        for one in asking:
            progress.step()
            answered = finder.explained(one) if finder else one
            outcomes.append(outcome_of_answer(answered))
            out.add(report_item_of_answer(answered, labels))
    summary = summarise_outcomes(
        found, outcomes, workspace=asking.workspace, replayed=asking.verb == "record", partial=asking.partial
    )
    if asking.out_of:
        print_line(f"stopped: {asking.out_of}; the same command goes on with a higher limit")
    elif asking.halted:
        print_line("stopped; the same command goes on where it was")
    return summary, out


@contextmanager
def _stopping(asking: Asking) -> Iterator[None]:
    import signal

    def on_interrupt(_signal: int, _frame: Any) -> None:
        if asking.halted:
            asking.stop()
        else:
            asking.pause()
            click.echo("\nfinishing the running answers; Ctrl-C again stops them", err=True)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def badness(status: int) -> int:
    """The order of exit statuses from good to bad: 0, 3 (cannot be decided), 1."""
    return {0: 0, 3: 1, 1: 2}.get(status, 3)
