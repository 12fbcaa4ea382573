"""`promptlab runs`: the run history."""

from __future__ import annotations

import click

from promptlab.cli._common import opened, print_json, print_line


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
            parts = (info.id[:8], info.created[:19], info.title, ", ".join(info.models), state)
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
