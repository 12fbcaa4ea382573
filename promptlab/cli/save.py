"""`promptlab templates save`: one template, with the text that the options give, committed to git."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli._common import as_json_option, changes, here, print_json, print_line, problem_line, read
from promptlab.errors import Conflict, InputError

if TYPE_CHECKING:
    from promptlab.workspace import Workspace


@dataclass(frozen=True)
class _Change:
    """The options of `promptlab templates save` that give a new text, under the names that click gives them."""

    source: str | None
    pairs: tuple[str, ...]
    files: tuple[str, ...]


@click.command()
@click.argument("template")
@click.option("-m", "--message", required=True, metavar="TEXT", help="What changed, for the history.")
@click.option("--from", "source", metavar="FILE", help="The new text of the whole file; `-` reads standard input.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change one field and nothing else of the file: instructions=…, params.temperature=0.7, examples.k=3. "
    "Numbers, lists and mappings as JSON; null takes a field out. May be repeated.",
)
@click.option(
    "--set-file",
    "files",
    multiple=True,
    metavar="FIELD=PATH",
    help="The same with the text of a file. May be repeated.",
)
@click.option(
    "--opened",
    metavar="VERSION",
    help="The version that the new text was made from. If the file has changed since, nothing is written and both "
    "are brought together.",
)
@as_json_option
def save(template: str, message: str, opened: str | None, as_json: bool, **words: Any) -> None:
    """Commit one template, and nothing else, to git.

    Without a new text it is the file as it is: what you changed in your editor. Git runs its hooks and signs as
    always. The text must be a template; what else is wrong with it (a document that is not there, a missing sample)
    is said on standard error.
    """
    from promptlab import templates as library
    from promptlab import versions
    from promptlab.templates import check

    change = _Change(**words)
    if change.source is not None and (change.pairs or change.files):
        raise click.UsageError("--from gives the whole text, --set changes fields: take one of the two")
    workspace = here()
    path = versions.template_path(workspace, template)
    now = versions.text_on_disk(workspace, path)
    base = versions.version_text(workspace, versions.find_version(workspace, path, opened)) if opened else now
    text = _new_text(workspace, path, change, now=now, base=base)
    library.parse(text, path=path)
    try:
        saved = versions.save_template(workspace, path, text, message, base=base)
    except Conflict as exc:
        if as_json:
            print_json({"conflict": {"theirs": exc.theirs, "ours": exc.ours, "merged": exc.merged, "clean": exc.clean}})
        else:
            print_line(exc.merged)
        raise
    problems = check(workspace, path)
    if as_json:
        print_json({**asdict(saved), "problems": [asdict(problem) for problem in problems]})
    else:
        print_line(saved.said)
    for problem in problems:
        click.echo(problem_line(path, problem), err=True)


def _new_text(workspace: Workspace, path: str, change: _Change, *, now: str | None, base: str | None) -> str:
    """The text to save: that of --from, `base` with the changes of --set, or the file as it is `now`."""
    from promptlab import templates as library

    edits = changes(change.pairs, change.files)
    _check_labels(workspace, path, change)
    if change.source is not None:
        return read(change.source)
    if edits:
        return library.new(edits, path=path) if base is None else library.edit(base, edits, path=path)
    if now is None:
        raise InputError("there is no such file", file=path, hint="give its text with --from or --set")
    return now


def _check_labels(workspace: Workspace, path: str, change: _Change) -> None:
    """Refuse to copy the text of a file into a template that is labelled lower than the file."""
    from promptlab.workspace import check_copy_label

    given = [pair.partition("=")[2] for pair in change.files]
    if change.source is not None and change.source != "-":
        given.append(change.source)
    for file in given:
        label = workspace.label_of(str(Path(file).absolute()))
        check_copy_label(workspace, label, workspace.root / path)
