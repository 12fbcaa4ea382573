"""`promptlab import`: makes templates, pools of examples and lines for promptlab.yaml from files of other tools."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import FormatError, PromptlabError
from promptlab.formats import IMPORT_FORMATS

if TYPE_CHECKING:
    from promptlab.formats import Imported, ImportFolders
    from promptlab.workspace import Workspace


@click.command("import", short_help="Import files of other tools as templates.")
@click.argument("format_", metavar="FORMAT", type=click.Choice(list(IMPORT_FORMATS)))
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--to",
    metavar="DIR",
    help="The folder of the workspace to write to, instead of templates/imported and fixtures/imported.",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file read.")
def import_(format_: str, files: tuple[Path, ...], to: str | None, force: bool, as_json: bool) -> None:
    """Import files of other tools as templates, pools of examples and lines for promptlab.yaml.

    FORMAT is one of promptfoo, prompty, prompt-flow, promptsource, langfuse, github-models, llm, dotprompt,
    chainforge, openai, openai-prompt, openai-evals, inspect, lm-eval, promptfoo-results and inspect-log. Results of
    promptfoo and logs of Inspect become runs of the history. FILE may be a folder: all its files of that format are
    read. If one fails, the others are still imported and the exit status is 1. Prints what became of each field, and
    saves the original of templates next to the result. Nothing in a file is run, and nothing is fetched. Imported
    files are confidential unless promptlab.yaml gives them another label.
    """
    from promptlab.formats import ImportFolders, reader_for, workspace_view
    from promptlab.formats import write_import as write
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    if to is not None:
        to = workspace.relative(workspace.resolve(to))
    failed = False
    for file, inside in _files(files, IMPORT_FORMATS[format_].files):
        suites = ImportFolders.suites  # suites are only found below fixtures/suites
        own = (to, to, f"{suites}/{to}") if to else (ImportFolders.templates, ImportFolders.pools, suites)
        folders = [_under(folder, inside) for folder in own]
        places = ImportFolders(folders[0], folders[1], workspace_view(workspace), folders[2])
        shown = str(file)
        try:
            imported = _read(reader_for(format_), file, shown, places)
            written = write(workspace, imported, shown, places, force=force)
        except PromptlabError as exc:
            failed = True
            if as_json:
                click.echo(json.dumps({"file": shown, "error": str(exc), "written": [], "report": []}))
            else:
                click.echo(f"{terminal.printable(str(exc))}\n", err=True)
            continue
        failed = failed or not imported.files
        if as_json:
            click.echo(json.dumps(_as_json(shown, imported, written, workspace)))
        else:
            _say(shown, imported, written, workspace)
    if failed:
        sys.exit(1)


def _read(
    reader: Callable[[Path, str, ImportFolders], Imported], file: Path, shown: str, places: ImportFolders
) -> Imported:
    """Read one file. A fault of the reader is an error of this file, so that the others are still imported."""
    try:
        return reader(file, shown, places)
    except PromptlabError:
        raise
    except Exception as exc:
        reason = f"cannot be imported, because of a fault in promptlab: {type(exc).__name__}: {exc}"
        raise FormatError(reason, file=shown, hint="please report it with the file") from exc


def _under(folder: str, inside: str) -> str:
    return f"{folder}/{inside}" if inside else folder


def _files(paths: Sequence[Path], patterns: Sequence[str]) -> list[tuple[Path, str]]:
    """The files to read, and the folder of each inside the folder that was given."""
    files: list[tuple[Path, str]] = []
    for path in paths:
        if not path.is_dir():
            files.append((path, ""))
            continue
        inside = sorted({p for pattern in patterns for p in path.rglob(pattern) if p.is_file()})
        if not inside:
            raise FormatError(f"no {' or '.join(patterns)} in it", file=str(path))
        files += [(p, "" if p.parent == path else p.parent.relative_to(path).as_posix()) for p in inside]
    return files


def _as_json(shown: str, imported: Imported, written: list[str], workspace: Workspace) -> dict[str, Any]:
    return {
        "file": shown,
        "written": [{"path": path, "label": workspace.label_of(path)} for path in written],
        "models": imported.models,
        "runs": [{"id": run.id, "title": run.shown_title, "answers": len(run.answers)} for run in imported.runs],
        "report": [{"field": e.field, "what": e.what, "line": e.line, "note": e.note} for e in imported.report.entries],
        "error": "",
    }


def _say(shown: str, imported: Imported, written: list[str], workspace: Workspace) -> None:
    lines = [shown]
    lines += [f"  written: {path}  ({workspace.label_of(path)})" for path in written]
    lines += [f"  run: {run.id[:8]}  {run.shown_title}: {len(run.answers)} answers" for run in imported.runs]
    if not imported.files:
        lines.append("  nothing was imported")
    lines += [f"  {entry}" for entry in imported.report.entries]
    new = {name: model for name, model in imported.models.items() if name not in workspace.models}
    if new:
        from promptlab._yaml import EXPORT_STYLE, yaml_inline

        lines.append("  for promptlab.yaml, under `models:`")
        lines += [
            f"    {yaml_inline(name, style=EXPORT_STYLE)}: {yaml_inline(model, style=EXPORT_STYLE)}"
            for name, model in new.items()
        ]
    click.echo(terminal.printable("\n".join(lines)) + "\n")
