"""`promptlab export`: templates, requests and answers as files of other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import FormatError
from promptlab.formats import EXPORT_FORMATS, PAIR_FORMATS, ROW_FORMATS

if TYPE_CHECKING:
    from promptlab.formats import Exported
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
    help="Rows to ask or to train on: a pool, or CSV, JSON or JSONL with a column for each input.",
)
@click.option("--run", "run_id", metavar="ID", help="Answers of a run, to train on.")
@click.option("--data", default="", metavar="SOURCE", help="To train on: a pool of examples, suite:NAME, or ratings.")
@click.option("--tag", default="", metavar="TAG", help="Only rows of --data with this tag.")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="A suite whose cases are never trained on.")
@click.option("--overlap", type=click.FloatRange(0.1, 1), default=0.7, show_default=True, help="Nearly the same from.")
@click.option("--with-test-cases", is_flag=True, help="Train on test cases, too.")
@click.option("--base", default="", metavar="NAME", help="The model in the configuration of Axolotl.")
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
def export(format_: str, names: tuple[str, ...], output: str | None, *, force: bool, **rest: Any) -> None:
    """Write templates in the format of another tool.

    FORMAT is promptfoo, prompty, prompty-2, langfuse, github-models, dotprompt, openai (a request body), python or
    curl (one request, without a key), openai-batch, or a file to train with: openai-finetune, trl, axolotl, unsloth,
    openai-preferences, trl-preferences. A report of translated and lost parts goes to standard error.
    The first four of those have the rows of --data, --rows, --run or the template's pool, without test cases: those of
    --suite, or of every suite of the template. The preferences are what people said of answers (good, bad, corrected);
    with --run those of one run, and its scores.
    Requests and files for training pass the privacy gate: a text with a label above the clearance of the model, or
    above --clearance, is refused.
    """
    from promptlab.formats import NAMING_MODELS, ExportJob
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    _check_words(format_, names, rest)
    known = _api_models(workspace, rest["models"] if format_ in (*WITH_MODEL, *NAMING_MODELS) else ())
    keys = ("rows", "run_id", "min_score", "clearance")
    options = {"models": known, "texts": _texts(rest["pairs"]), **{key: rest[key] for key in keys}}
    if format_ in TRAINING:
        from promptlab.finetune import RowSource, training_export

        words = ("data", "tag", "suites", "overlap")
        source = RowSource(**{word: rest[word] for word in words}, test_cases=rest["with_test_cases"])
        job = training_export(workspace, names, source, **options)
    else:
        job = ExportJob(workspace, names, **options)
    exported = job.export(format_)
    for note in exported.notes:
        click.echo(terminal.printable(note), err=True)
    if format_ == "axolotl" and output:
        _write_axolotl(workspace, exported, output, rest["base"], force=force)
    else:
        _write(workspace, exported, output, force=force)


def _write_axolotl(workspace: Workspace, exported: Exported, output: str, base: str, *, force: bool) -> None:
    """Write the rows to `output`, and beside them the configuration that names them."""
    from promptlab.finetune import axolotl_config
    from promptlab.formats import Exported

    beside = str(Path(output).with_suffix(".axolotl.yml"))
    if Path(beside).exists() and not force:
        raise FormatError("exists already", file=beside, hint="--force overwrites it")
    _write(workspace, exported, output, force=force)
    _write(workspace, Exported(axolotl_config(output, base), "public"), beside, force=force)


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


TRAINING = (*ROW_FORMATS, *PAIR_FORMATS)
"""Formats that have text to train on."""


def _check_words(format_: str, names: Sequence[str], rest: Mapping[str, Any]) -> None:
    """Check that the arguments fit the format."""
    sources = [f"--{word.removesuffix('_id')}" for word in ("data", "rows", "run_id") if rest[word]]
    if len(sources) > 1:
        raise click.UsageError(f"name one source of rows, not {' and '.join(sources)}")
    if rest["data"] and format_ not in ROW_FORMATS:
        raise click.UsageError(f"--data is for {', '.join(ROW_FORMATS)}")
    if format_ in PAIR_FORMATS and names:
        raise click.UsageError(f"{format_} takes rated answers, of one run with --run ID, and no template")
    if format_ in PAIR_FORMATS or (format_ in ROW_FORMATS and rest["run_id"]):
        return
    if not names:
        raise click.UsageError("name a template")
    if format_ != "promptfoo" and len(names) > 1:
        raise click.UsageError(f"{format_} takes one template")
    if format_ in WITH_MODEL and len(rest["models"]) != 1:
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
