"""`promptlab examples`: pools of worked examples, and the shots chosen from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal

if TYPE_CHECKING:
    from promptlab.types import Example, Label, Result
    from promptlab.workspace import Workspace

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def examples() -> None:
    """Pools of worked examples: JSONL, CSV or YAML files."""


def _workspace() -> Workspace:
    from promptlab.workspace import Workspace

    return Workspace.find()


@examples.command("list")
@click.argument("pool")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N.")
@_AS_JSON
def examples_list(pool: str, limit: int | None, as_json: bool) -> None:
    """List the examples of a pool."""
    from promptlab.examples import load_pool

    for example in load_pool(_workspace(), pool)[:limit]:
        _show(example, as_json)


@examples.command("search")
@click.argument("pool")
@click.argument("text")
@click.option("--tag", default="", metavar="TAG", help="Only those with this tag.")
@click.option("--label", type=click.Choice(["public", "internal", "confidential"]), help="Only those with this label.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N.")
@_AS_JSON
def examples_search(pool: str, text: str, tag: str, label: Label | None, limit: int | None, as_json: bool) -> None:
    """Search the examples with TEXT in any field.

    Case is ignored. The exit status is 1 if there is no match.
    """
    from promptlab.examples import load_pool, search_pool

    found = search_pool(load_pool(_workspace(), pool), text, tag=tag, label=label, limit=limit)
    for example in found:
        _show(example, as_json)
    if not found:
        raise click.exceptions.Exit(1)


@examples.command("add")
@click.argument("pool")
@click.option("--output", required=True, metavar="TEXT", help="The expected answer.")
@click.option("--input", "pairs", multiple=True, metavar="NAME=TEXT", help="An input; may be repeated.")
@click.option(
    "--result",
    "result_id",
    metavar="RUN:N",
    help="Take the inputs of answer N of a run, counted from 1 as in `runs show`.",
)
@click.option("--id", "name", metavar="ID", help="Its id; needed without --result.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be repeated.")
@click.option(
    "--label",
    type=click.Choice(["public", "internal", "confidential"]),
    default="public",
    show_default=True,
    help="How private it is.",
)
@_AS_JSON
def examples_add(
    pool: str,
    output: str,
    pairs: tuple[str, ...],
    result_id: str | None,
    name: str | None,
    tags: tuple[str, ...],
    label: Label,
    as_json: bool,
) -> None:
    """Add an example to a pool.

    Give its inputs here, or take them from an answer of a run with --result.
    """
    from promptlab.examples import add_example
    from promptlab.runs import add_example_from_result
    from promptlab.types import Example

    inputs = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"write it as --input name=text, not {pair!r}", param_hint="--input")
        inputs[key] = value
    workspace = _workspace()
    if result_id is not None:
        result = _result(workspace, result_id)
        _show(
            add_example_from_result(workspace, pool, result, output, inputs=inputs or None, tags=tags, label=label),
            as_json,
        )
        return
    if not name or not inputs:
        raise click.UsageError("give --result, or --id and --input")
    example = Example(name, inputs, output, tags, label)
    add_example(workspace, pool, example)
    _show(example, as_json)


@examples.command("delete")
@click.argument("pool")
@click.argument("ids", nargs=-1, required=True)
def examples_delete(pool: str, ids: tuple[str, ...]) -> None:
    """Delete the examples with these ids from a pool."""
    from promptlab.examples import delete_examples

    delete_examples(_workspace(), pool, *ids)
    click.echo(f"{len(set(ids))} deleted")


@examples.command("dedupe")
@click.argument("pool")
@click.option("--dry-run", is_flag=True, help="Only list the examples that would be deleted.")
@_AS_JSON
def examples_dedupe(pool: str, dry_run: bool, as_json: bool) -> None:
    """Delete duplicates from a pool.

    The first of them stays. Examples with the same inputs and different outputs are listed but not deleted.
    """
    from promptlab.examples import remove_duplicates

    gone, contradictions = remove_duplicates(_workspace(), pool, dry=dry_run)
    if as_json:
        click.echo(json.dumps({"removed": gone, "contradictions": contradictions, "dry_run": dry_run}))
        return
    for group in contradictions:
        click.echo(terminal.printable(f"the same question with different answers: {', '.join(group)}"))
    verb = "would be deleted" if dry_run else "deleted"
    click.echo(terminal.printable(f"{len(gone)} {verb}{': ' + ', '.join(gone) if gone else ''}"))


@examples.command("choose")
@click.argument("pool")
@click.option("-k", type=click.IntRange(min=0), default=2, show_default=True, help="How many become shots.")
@click.option(
    "--select",
    type=click.Choice(["first", "random", "balanced", "similar", "diverse"]),
    default="first",
    show_default=True,
    help="How the shots are chosen.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of random choices.")
@click.option(
    "--order",
    type=click.Choice(["given", "reversed", "random", "similar_last"]),
    default="given",
    show_default=True,
    help="The order of the shots in the prompt.",
)
@click.option(
    "--balance",
    type=click.Choice(["output", "tag"]),
    default="output",
    show_default=True,
    help="The class for `balanced`.",
)
@click.option("--input", "pairs", multiple=True, metavar="NAME=TEXT", help="An input of the item that would be asked.")
@click.option("--item", default="", metavar="ID", help="The id of the item, if it is in the pool.")
@_AS_JSON
def examples_choose(pairs: Sequence[str], pool: str, item: str, as_json: bool, **choice: Any) -> None:
    """Show which examples would become shots for an item, and why."""
    from promptlab.examples import ShotChoice, load_pool, select_shots

    inputs = dict(pair.partition("=")[::2] for pair in pairs)
    found = select_shots(load_pool(_workspace(), pool), ShotChoice(pool, **choice), inputs, item=item)
    for shot in found.shots:
        row = {"id": shot.example.id, "reason": shot.reason, "score": shot.score}
        if as_json:
            click.echo(json.dumps({**_as_json(shot.example), **row}))
        else:
            score = "" if shot.score is None else f" ({shot.score:g})"
            click.echo(terminal.printable(f"{_line(shot.example)}\n    {shot.reason}{score}"))
    if not as_json:
        left_out = f"; left out as the item itself: {', '.join(found.left_out)}" if found.left_out else ""
        click.echo(terminal.printable(f"{len(found.shots)} of {found.considered} examples{left_out}"))


def _result(workspace: Workspace, name: str) -> Result:
    """The answer that `RUN:N` names; `RUN` alone is enough if the run has one answer."""
    import contextlib

    from promptlab.errors import InputError
    from promptlab.runs import Store

    run, _, number = name.partition(":")
    with contextlib.closing(Store.of(workspace)) as store:
        found = store.results(store.run(run).id)
    if not number and len(found) == 1:
        return found[0]
    if not number.isdecimal() or not 1 <= int(number) <= len(found):
        hint = f"its answers are {run}:1 to {run}:{len(found)}, in the order of `promptlab runs show`"
        raise InputError(f"there is no answer `{name}`", hint=hint)
    return found[int(number) - 1]


def _as_json(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "inputs": dict(example.inputs),
        "output": example.output,
        "tags": list(example.tags),
        "label": example.label,
    }


def _line(example: Example) -> str:
    inputs = " · ".join(" ".join(value.split()) for value in example.inputs.values())
    tags = f"  [{', '.join(example.tags)}]" if example.tags else ""
    return f"{example.id}  {inputs}  →  {' '.join(example.output.split())}{tags}"


def _show(example: Example, as_json: bool) -> None:
    click.echo(json.dumps(_as_json(example)) if as_json else terminal.printable(_line(example)))
