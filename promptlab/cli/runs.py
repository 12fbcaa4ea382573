"""`promptlab runs`: the run history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptlab.cli._common import opened, print_json, print_line
from promptlab.errors import FormatError

if TYPE_CHECKING:
    from promptlab.runs import AnswerFormat


@click.group()
def runs() -> None:
    """The run history."""


@runs.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Most runs to list."
)
@click.option("--text", help="Only runs with this text in a title, message or answer.")
@click.option("--template", metavar="PATH", help="Only runs of this template file.")
@click.option("-m", "--model", metavar="NAME", help="Only runs that asked this model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def runs_list(limit: int, text: str | None, template: str | None, model: str | None, as_json: bool) -> None:
    """List runs, newest first."""
    from dataclasses import asdict

    with opened() as lab:
        for info in lab.runs(limit=limit, text=text, template=template, model=model):
            if as_json:
                print_json(asdict(info))
                continue
            state = f"{info.done} of {info.total}" + (f", {info.failed} failed" if info.failed else "")
            parts = (info.id[:8], info.created[:19], info.heading, ", ".join(info.models), state)
            print_line("  ".join(parts))


@runs.command("show")
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the exact messages.")
def runs_show(run_id: str, as_json: bool) -> None:
    """Print the answers of a run.

    The beginning of its id is enough.
    """
    from promptlab import runs as report

    with opened() as lab:
        for result in lab.run(run_id):
            if as_json:
                request = result.request.body() if result.request else None
                print_json({**report.result_as_json(result, lab.catalogue), "request": request})
            else:
                print_line(report.result_as_text(result, lab.catalogue) + "\n")


@runs.command("export")
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "json", "markdown"]),
    default="csv",
    show_default=True,
    help="What the file is.",
)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
def runs_export(run_ids: tuple[str, ...], format_: AnswerFormat, output: str | None, force: bool) -> None:
    """Write the answers of runs as a file.

    Each answer stands with its inputs, the expected answer, rating, cost and label. The highest label goes to standard
    error; a file with a lower label is refused.
    """
    from promptlab import runs as answers
    from promptlab.formats import write_file
    from promptlab.workspace import check_copy_label

    with opened() as lab:
        chosen = [lab.store.run(run_id) for run_id in run_ids]
        rows = answers.read_answers(lab.store, chosen, lab.workspace, lab.catalogue)
        file = answers.write_answers(rows, format_)
        for line in (f"the text is {file.label}", *file.notes):
            click.echo(line, err=True)
        if output is None:
            click.echo(file.content, nl=False)
            return
        path = Path(output)
        check_copy_label(lab.workspace, file.label, path.absolute())
        if path.exists() and not force:
            raise FormatError("exists already", file=output, hint="--force overwrites it")
        write_file(path, file.content, output)
        click.echo(f"written: {output}", err=True)
