"""`promptlab quantize`: other file types of a local model, made from its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptlab.cli import _common as common

if TYPE_CHECKING:
    from promptlab.models import QuantisePlan


@click.command()
@click.argument("model")
@click.option("--to", "file_types", multiple=True, required=True, metavar="TYPE", help="A file type; may be repeated.")
@click.option("--requantize", is_flag=True, help="Also if the file is quantised already: it has the errors of both.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Print what would be made, and make nothing.")
def quantize(model: str, file_types: tuple[str, ...], requantize: bool, yes: bool, dry_run: bool) -> None:
    """Make quantisations of a local model.

    MODEL is one of promptlab.yaml. The files go to models/, which git ignores, by llama.cpp's own quantiser, and each
    gets an entry in promptlab.yaml, such as mine-q4_0. The licence that the file names is said, and what it was made
    from stays in it. Compare them with: promptlab experiment models TEMPLATE -m mine -m mine-q4_0.
    """
    from promptlab.models import plan_quantise, quantise

    with common.opened() as lab:
        plan = plan_quantise(lab.catalogue, model, file_types, requantise=requantize)
        _print(plan)
        if dry_run:
            return
        if not yes and not click.confirm("Make these?", err=True):
            raise click.Abort
        lab.follow(quantise(plan, common.print_line))


def _print(plan: QuantisePlan) -> None:
    root = plan.edit.workspace.root
    common.print_line(f"{plan.model}: {plan.source.type_words}, {plan.source.bytes / 1e6:,.0f} MB")
    common.print_line(plan.licence_words)
    for item in plan.items:
        state = "is there already" if item.exists else f"about {item.bytes / 1e6:,.0f} MB"
        common.print_line(f"{item.name}: {_shown(root, item.path)}, {state}")
    for note in plan.notes:
        common.print_line(note)
    common.print_line(plan.edit.diff)


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


__all__ = ["quantize"]
