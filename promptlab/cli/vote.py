"""`promptlab vote`: choose between two answers without knowing whose they are. `promptlab judge`: correct a judge."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import opened, print_json, print_line

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.runs import Choice
    from promptlab.types import Label
    from promptlab.votes import Ballot, Sources, Turn

KEYS: dict[str, Choice] = {"a": "left", "b": "right", "t": "tie", "n": "bad", "s": "skip"}
PROMPT = "[a] A is better   [b] B is better   [t] tie   [n] neither is good   [s] skip   [u] undo   [q] quit"


class _VoteGroup(click.Group):
    """`promptlab vote RUN_A RUN_B` is short for `promptlab vote cast RUN_A RUN_B`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["cast", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_VoteGroup)
def vote() -> None:
    """Choose between two answers, blind.

    What is compared is named by WHAT: two runs by their ids, one run that asked several models, a suite, or an
    experiment. `promptlab vote WHAT` asks for votes, as `promptlab vote cast WHAT`.
    """


def _what(command: Callable[..., Any]) -> Callable[..., Any]:
    """The words that name a ballot."""
    command = click.option(
        "--limit", type=click.IntRange(1), metavar="N", help="At most N questions, drawn by the seed."
    )(command)
    command = click.option("--seed", type=int, default=0, help="Decides the order and the sides.")(command)
    command = click.option(
        "--among", multiple=True, metavar="NAME", help="Compare only this model or variant and others named so."
    )(command)
    return click.argument("what", nargs=-1, required=True, metavar="WHAT...")(command)


@vote.command()
@_what
@click.option("--voter", metavar="NAME", help="Whose votes these are. [your name in git]")
def cast(what: tuple[str, ...], among: tuple[str, ...], seed: int, limit: int | None, voter: str | None) -> None:
    """Ask for votes, a key for each.

    The names are hidden and the sides are shuffled. It goes on where it stopped, and each vote is kept at once.
    """
    from promptlab.votes import next_turn, usual_voter

    with opened() as lab:
        ballot = _ballot(lab, what, among, seed, limit)
        name = " ".join((usual_voter(lab.workspace) if voter is None else voter).split())
        if not name:
            raise click.UsageError("--voter needs a name")
        if ballot.ties:
            click.echo(f"{len(ballot.ties)} pairs have the same text on both sides and count as ties.", err=True)
        while turn := next_turn(ballot, lab.store.votes.of(ballot.result_ids), name):
            if not _one_turn(lab, ballot, turn, name):
                break
        click.echo(f"The results: promptlab vote results {' '.join(what)}", err=True)


def _one_turn(lab: Lab, ballot: Ballot, turn: Turn, voter: str) -> bool:
    """Show a pair and take keys until one counts; False to quit."""
    from promptlab.runs import Vote
    from promptlab.votes import voter_votes

    done = voter_votes(lab.store.votes.of(ballot.result_ids), voter)
    click.echo(f"\n{len(done) + 1} of {len(ballot.pairs)}")
    print_line(turn.pair.question)
    for letter, answer in (("A", turn.left), ("B", turn.right)):
        click.echo(f"\n--- {letter}{' (cut off at max tokens)' if answer.cut else ''}")
        print_line(answer.text)
    click.echo(f"\n{PROMPT}")
    while True:
        try:
            key = click.getchar().lower()
        except EOFError:
            return False
        if key in ("q", "\x03", "\x04", ""):
            return False
        if key == "u" and done:
            lab.store.votes.take_back(list(done.values())[-1])
            click.echo("the last vote is taken back")
            return True
        if key in KEYS:
            lab.store.votes.cast(Vote(voter, turn.left.result.id, turn.right.result.id, KEYS[key]))
            return True
        click.echo("there is no vote to take back" if key == "u" else PROMPT)


@vote.command()
@_what
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def results(what: tuple[str, ...], among: tuple[str, ...], seed: int, limit: int | None, as_json: bool) -> None:
    """Print win rates with their intervals.

    With more than two models or variants also their strengths (Bradley–Terry); how far people agree with each other
    and with judges; and whether the side mattered.
    """
    from promptlab.votes import result_lines, results_data, results_of

    with opened() as lab:
        ballot = _ballot(lab, what, among, seed, limit)
        found = results_of(ballot, lab.store.votes.of(ballot.result_ids))
        if as_json:
            print_json(results_data(found))
            return
        for line in result_lines(found):
            print_line(line)


@vote.command("export")
@_what
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def export_votes(
    what: tuple[str, ...], among: tuple[str, ...], seed: int, limit: int | None, output: str | None, force: bool
) -> None:
    """Write every vote as a line of JSON.

    A line has the question, both answers with their names, the vote, the voter and the time. Pairs for training come
    from `promptlab export openai-preferences`.
    """
    from promptlab.votes import votes_as_jsonl

    with opened() as lab:
        ballot = _ballot(lab, what, among, seed, limit)
        file = votes_as_jsonl(_sources(lab), ballot, lab.store.votes.of(ballot.result_ids))
        click.echo(f"its text is {file.label}", err=True)
        _write(lab, file.text, file.label, output, force=force)


def _write(lab: Lab, text: str, label: Label, output: str | None, *, force: bool) -> None:
    from pathlib import Path

    from promptlab.errors import FormatError
    from promptlab.formats import write_file
    from promptlab.workspace import check_copy_label

    content = text.encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(content, nl=False)
        return
    path = Path(output)
    check_copy_label(lab.workspace, label, path.absolute())
    if path.exists() and not force:
        raise FormatError("exists already", file=output, hint="--force overwrites it")
    write_file(path, content, output)
    click.echo(f"written: {terminal.name(output)}", err=True)


@click.group()
def judge() -> None:
    """Correct a judge by people's marks.

    A judge is a model that scores answers, a scorer of a suite. Marks are good and bad, given on the page of a case or
    of a run.
    """


@judge.command()
@click.argument("suite")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each judge.")
def correct(suite: str, as_json: bool) -> None:
    """Print the pass rate that people would give.

    From the judge's scores of all answers and people's marks of a few (prediction-powered inference), with its
    interval, for each variant and model and for their differences. SUITE is a suite, an experiment, or the id of a
    suite run. The marked cases must be drawn by chance: `promptlab judge sample` draws them.
    """
    from promptlab.votes import correct_judge, correction_data, correction_lines

    with opened() as lab:
        found = correct_judge(_sources(lab), suite)
        for one in found:
            if as_json:
                print_json(correction_data(one))
                continue
            for line in correction_lines(one):
                print_line(line)
        if not any(column.corrected for one in found for column in one.columns):
            sys.exit(1)


@judge.command()
@click.argument("suite")
@click.option("-n", "count", type=click.IntRange(1), default=20, show_default=True, help="How many answers.")
@click.option("--seed", type=int, default=0, help="Decides which are drawn.")
def sample(suite: str, count: int, seed: int) -> None:
    """Print the items to mark, drawn by chance.

    Mark each as good or bad on its page, then use `promptlab judge correct`.
    """
    from promptlab.votes import sample_to_mark

    with opened() as lab:
        for item in sample_to_mark(_sources(lab), suite, count, seed=seed):
            print_line(item)


def _sources(lab: Lab) -> Sources:
    from promptlab.votes import Sources

    return Sources(lab.workspace, lab.store, lab.suite_log)


def _ballot(lab: Lab, what: tuple[str, ...], among: tuple[str, ...], seed: int, limit: int | None) -> Ballot:
    from promptlab.votes import make_ballot

    return make_ballot(_sources(lab), what, among=among, seed=seed, limit=limit)
