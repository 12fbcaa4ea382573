"""`promptlab export`: templates, requests and answers as files of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import FormatError
from promptlab.formats import EXPORTS

if TYPE_CHECKING:
    from promptlab.formats import ExportJob
    from promptlab.types import Label
    from promptlab.workspace import OpenAIModel, Workspace


@dataclass(frozen=True)
class Options:
    """The words of `promptlab export`, under the names that click gives them."""

    format_: str
    names: tuple[str, ...]
    output: str | None
    force: bool
    models: tuple[str, ...]
    pairs: tuple[str, ...]
    rows: Path | None
    run_id: str | None
    min_score: float
    clearance: Label


@click.command("export", short_help="Write templates as files of other tools.")
@click.argument("format_", metavar="FORMAT", type=click.Choice(list(EXPORTS)))
@click.argument("names", metavar="TEMPLATE...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="An API model of the workspace.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input; unset ones take their samples."
)
@click.option(
    "--rows",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows for openai-batch and openai-finetune: a pool, or CSV, JSON or JSONL with a column for each input.",
)
@click.option("--run", "run_id", metavar="ID", help="Answers of a run, for openai-finetune and openai-preferences.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Of a run, answers from this score on.",
)
@click.option(
    "--clearance",
    type=click.Choice(["public", "internal", "confidential"]),
    default="public",
    show_default=True,
    help="The highest label that may go into a file to train with.",
)
def export(**words: Any) -> None:
    """Write templates in the format of another tool.

    FORMAT is promptfoo, prompty, openai (a request body), python or curl (one request, without a key),
    openai-batch, openai-finetune or openai-preferences. What was translated or lost goes to standard error.
    Requests and files to train with pass the privacy gate: text above the clearance of the model, or above
    --clearance, is refused.
    """
    from promptlab.workspace import Workspace

    options = Options(**words)
    workspace = Workspace.find()
    exported = _job(workspace, options).made(options.format_)
    for note in exported.notes:
        click.echo(terminal.printable(note), err=True)
    try:
        content = exported.text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise FormatError("the text holds half a character (a lone surrogate), which UTF-8 cannot carry") from exc
    if options.output is None:
        click.echo(content, nl=False)
    else:
        _write(workspace, exported.label, content, options.output, force=options.force)


def _job(workspace: Workspace, options: Options) -> ExportJob:
    from promptlab.formats import ExportJob

    _check_words(options.format_, options.names, options.models, options.run_id)
    takes_models = options.format_ in (*WITH_MODEL, "promptfoo")
    return ExportJob(
        workspace,
        options.names,
        models=_api_models(workspace, options.models if takes_models else ()),
        texts=_texts(options.pairs),
        rows=options.rows,
        run_id=options.run_id,
        min_score=options.min_score,
        clearance=options.clearance,
    )


def _write(workspace: Workspace, label: Label, content: bytes, output: str, *, force: bool) -> None:
    """Write `content`, which has this `label`, to the file `output`, if a file of that label may lie there."""
    from promptlab.formats import write_file
    from promptlab.workspace import check_copy_label

    path = Path(output)
    check_copy_label(workspace, label, path.absolute())
    if path.exists() and not force:
        raise FormatError("is there already", file=output, hint="--force overwrites it")
    write_file(path, content, output)
    click.echo(f"written: {output}", err=True)


WITH_MODEL = ("openai", "python", "curl", "openai-batch")
"""Formats that hold requests to one model."""


def _check_words(format_: str, names: Sequence[str], models: Sequence[str], run_id: str | None) -> None:
    """What is missing on the command line, or too much."""
    if format_ == "openai-preferences" or (format_ == "openai-finetune" and run_id):
        if run_id is None:
            raise click.UsageError("openai-preferences takes answers of a run: --run ID")
        return
    if not names:
        raise click.UsageError("name a template")
    if format_ != "promptfoo" and len(names) > 1:
        raise click.UsageError(f"{format_} holds one template")
    if format_ in WITH_MODEL and len(models) != 1:
        raise click.UsageError("name one API model with -m")


def _api_models(workspace: Workspace, names: Sequence[str]) -> dict[str, OpenAIModel]:
    from promptlab.errors import nearest
    from promptlab.workspace import OpenAIModel

    known = {key: model for key, model in workspace.models.items() if isinstance(model, OpenAIModel)}
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no API model `{name}` in promptlab.yaml; {nearest(name, known)}")
    return {name: known[name] for name in names}


def _texts(pairs: Sequence[str]) -> dict[str, str]:
    texts = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"write it as --set name=value, not {pair!r}", param_hint="--set")
        texts[name] = value
    return texts
