"""`promptlab export`: templates, requests and answers as files of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import FormatError
from promptlab.formats import EXPORT_FORMATS

if TYPE_CHECKING:
    from promptlab.formats import Exported
    from promptlab.types import Label
    from promptlab.workspace import OpenAIModel, Workspace


@click.command("export", short_help="Write templates as files of other tools.")
@click.argument("format_", metavar="FORMAT", type=click.Choice(list(EXPORT_FORMATS)))
@click.argument("names", metavar="TEMPLATE...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="An API model of the workspace.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input; other inputs use their samples."
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
    help="The lowest score of answers of a run.",
)
@click.option(
    "--clearance",
    type=click.Choice(["public", "internal", "confidential"]),
    default="public",
    show_default=True,
    help="The highest label that may go into a file for training.",
)
def export(
    format_: str,
    names: tuple[str, ...],
    output: str | None,
    force: bool,
    models: tuple[str, ...],
    pairs: tuple[str, ...],
    rows: Path | None,
    run_id: str | None,
    min_score: float,
    clearance: Label,
) -> None:
    """Write templates in the format of another tool.

    FORMAT is promptfoo, prompty, prompty-2, langfuse, github-models, dotprompt, openai (a request body), python or
    curl (one request, without a key), openai-batch, openai-finetune or openai-preferences. A report of translated
    and lost parts goes to standard error. openai-preferences takes what people said of answers (good, bad, corrected);
    with --run those of one run, and its scores.
    Requests and files for training pass the privacy gate: a text with a label above the clearance of the model, or
    above --clearance, is refused.
    """
    from promptlab.formats import NAMING_MODELS, ExportJob
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    _check_words(format_, names, models, run_id)
    known = _api_models(workspace, models if format_ in (*WITH_MODEL, *NAMING_MODELS) else ())
    job = ExportJob(
        workspace,
        names,
        models=known,
        texts=_texts(pairs),
        rows=rows,
        run_id=run_id,
        min_score=min_score,
        clearance=clearance,
    )
    exported = job.export(format_)
    for note in exported.notes:
        click.echo(terminal.printable(note), err=True)
    _write(workspace, exported, output, force=force)


def _write(workspace: Workspace, exported: Exported, output: str | None, *, force: bool) -> None:
    """Write the export to the file `output`, or to standard output."""
    from promptlab.formats import write_file
    from promptlab.workspace import check_copy_label

    try:
        content = exported.text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise FormatError("the text has half a character (a lone surrogate), which UTF-8 cannot encode") from exc
    if output is None:
        click.echo(content, nl=False)
        return
    path = Path(output)
    check_copy_label(workspace, exported.label, path.absolute())
    if path.exists() and not force:
        raise FormatError("exists already", file=output, hint="--force overwrites it")
    write_file(path, content, output)
    click.echo(f"written: {output}", err=True)


WITH_MODEL = ("openai", "python", "curl", "openai-batch")
"""Formats that have requests to one model."""


def _check_words(format_: str, names: Sequence[str], models: Sequence[str], run_id: str | None) -> None:
    """Check that the arguments fit the format."""
    if format_ == "openai-preferences" and names:
        raise click.UsageError("openai-preferences takes rated answers, of one run with --run ID, and no template")
    if format_ == "openai-preferences" or (format_ == "openai-finetune" and run_id):
        return
    if not names:
        raise click.UsageError("name a template")
    if format_ != "promptfoo" and len(names) > 1:
        raise click.UsageError(f"{format_} takes one template")
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
