"""`promptlab documents`: the context documents of the workspace, as a model gets them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal

if TYPE_CHECKING:
    from promptlab.documents import PassageChoice
    from promptlab.types import Document, Label
    from promptlab.workspace import Workspace

LABELS = ("public", "internal", "confidential")
_AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def documents() -> None:
    """Context documents, and passages of them."""


def _workspace() -> Workspace:
    from promptlab.workspace import Workspace

    return Workspace.find()


@documents.command("list")
@_AS_JSON
def documents_list(as_json: bool) -> None:
    """List the documents of the workspace with their labels.

    These are the files in `documents` and `fixtures/documents`. No file is opened.
    """
    from promptlab.documents import document_paths

    workspace = _workspace()
    for path in document_paths(workspace):
        row: dict[str, Any] = {
            "path": path,
            "label": workspace.label_of(path),
            "bytes": workspace.resolve(path).stat().st_size,
        }
        _say(row, f"{row['label']:<12}  {row['bytes']:>12,}  {path}", as_json)


@documents.command("show")
@click.argument("path")
@click.option("--sha256", "key", metavar="HASH", help="An earlier text: the hash is in the run that used it.")
@_AS_JSON
def documents_show(path: str, key: str | None, as_json: bool) -> None:
    """Print a document as text or Markdown, as a model gets it.

    What the text does not carry over, such as equations, is said on standard error.
    """
    from promptlab.documents import read_document, read_document_version

    workspace = _workspace()
    found = read_document(workspace, path) if key is None else read_document_version(workspace, path, key)
    row = {
        "path": found.path,
        "label": found.label,
        "sha256": found.sha256,
        "notes": list(found.notes),
        "text": found.text,
    }
    _say_notes(found, as_json)
    _say(row, found.text.rstrip("\n"), as_json)


@documents.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--name", metavar="NAME", help="The name of the document; needed for standard input (`-`).")
@click.option("--label", type=click.Choice(LABELS), help="Written to promptlab.yaml. [confidential]")
@_AS_JSON
def documents_add(file: str, name: str | None, label: Label | None, as_json: bool) -> None:
    """Add a file to the documents of the workspace.

    It is copied into documents/uploads/, with the label confidential unless you give another.
    """
    from promptlab.documents import MAX_CONTAINER_BYTES, add_document

    if file == "-":
        if not name:
            raise click.UsageError("give standard input a --name, such as notes.md")
        raw = sys.stdin.buffer.read()
    else:
        # Reading one byte more than the limit is enough to refuse the file.
        with Path(file).open("rb") as stream:
            raw = stream.read(MAX_CONTAINER_BYTES + 1)
    added = add_document(_workspace(), name or Path(file).name, raw, label)
    row = {"path": added.path, "label": added.label, "sha256": added.sha256, "notes": list(added.notes)}
    _say(row, f"added {added.path}: {added.label}, {len(added.text):,} characters", as_json)
    _say_notes(added, as_json)


@documents.command("label")
@click.argument("path")
@click.argument("label", type=click.Choice(LABELS))
@click.option("--reason", default="", metavar="TEXT", help="The reason for a lower label; it goes to the ledger.")
def documents_label(path: str, label: Label, reason: str) -> None:
    """Set the label of a file.

    Changes one line of promptlab.yaml. To lower a label you must give a --reason, which goes to the ledger with your
    name.
    """
    from promptlab.workspace import set_label

    set_label(_workspace(), path, label, reason=reason)
    click.echo(f"{terminal.printable(path)} is {label}")


@documents.command("changed")
@click.argument("run_id")
@_AS_JSON
def documents_changed(run_id: str, as_json: bool) -> None:
    """List the documents that changed since a run used them.

    The beginning of the id of the run is enough.
    """
    import contextlib

    from promptlab.documents import document_changes
    from promptlab.runs import Store

    workspace = _workspace()
    with contextlib.closing(Store.of(workspace)) as store:
        results = store.results(store.run(run_id).id)
    sources = dict.fromkeys(s for result in results if result.request for s in result.request.prompt.sources)
    found = document_changes(workspace, sources)
    for change in found:
        row = {
            "path": change.path,
            "then": change.then,
            "now": change.now,
            "reason": change.reason,
            "kept": change.kept,
        }
        kept = f"the old text is kept as {change.then}" if change.kept else "the old text is not kept"
        _say(row, f"{change.path}: {change.reason}; {kept}", as_json)
    if not found and not as_json:
        click.echo("no document of this run has changed")


@documents.command("passages")
@click.argument("path")
@click.argument("question", required=False, default="")
@click.option("--heading", "headings", multiple=True, metavar="TEXT", help="A section to take; may be repeated.")
@click.option("--lines", metavar="A-B", help="The lines to take, counted from 1.")
@click.option("--words", metavar="A-B", help="The words to take.")
@click.option("--characters", metavar="A-B", help="The characters to take.")
@click.option(
    "-n", "--top", type=click.IntRange(min=1), default=3, show_default=True, help="How many passages to take."
)
@click.option("--max-characters", type=click.IntRange(min=1), metavar="N", help="The most characters to take.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="The most tokens to take, estimated.")
@_AS_JSON
def documents_passages(
    path: str,
    question: str,
    headings: tuple[str, ...],
    lines: str | None,
    words: str | None,
    characters: str | None,
    top: int,
    max_characters: int | None,
    max_tokens: int | None,
    as_json: bool,
) -> None:
    """Show the passages of a document that a template would take.

    They are chosen by heading, by range, or by similarity to QUESTION (BM25). Chosen passages that do not fit are
    shown too.
    """
    from promptlab.documents import choose_passages, read_document

    ranges = {"lines": lines, "words": words, "characters": characters}
    choice = replace(_choice(question, headings, ranges, top), max_characters=max_characters, max_tokens=max_tokens)
    found = choose_passages(read_document(_workspace(), path), choice, question)
    for taken, rows in ((True, found.passages), (False, found.left_out)):
        for one in rows:
            row = {
                "taken": taken,
                "start": one.start,
                "end": one.end,
                "headings": list(one.headings),
                "score": one.score,
                "text": one.text,
            }
            score = "" if one.score is None else f", score {one.score:g}"
            state = "" if taken else ", DOES NOT FIT"
            head = f"── {' > '.join(one.headings) or path}, characters {one.start:,} to {one.end:,}{score}{state}"
            _say(row, f"{head}\n{one.text.strip()}\n", as_json)
    if not as_json:
        click.echo(f"{len(found.passages)} of {found.considered} passages, {len(found.text):,} characters")


def _choice(question: str, headings: tuple[str, ...], ranges: dict[str, str | None], top: int) -> PassageChoice:
    from promptlab.documents import PassageChoice

    given = {unit: text for unit, text in ranges.items() if text is not None}
    if bool(headings) + len(given) + bool(question) != 1:
        raise click.UsageError("choose by one of --heading, --lines, --words, --characters and QUESTION")
    if headings:
        return PassageChoice("heading", headings)
    if not given:
        return PassageChoice("bm25", n=top)
    ((unit, text),) = given.items()
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (last and not last.isdecimal()):
        raise click.BadParameter(f"write it as 10-40, not {text!r}", param_hint=f"--{unit}")
    end = int(last) if last else None if dash else int(first)
    return PassageChoice("range", unit=unit, start=int(first), end=end)  # type: ignore[arg-type]  # one of the three


def _say_notes(document: Document, as_json: bool) -> None:
    """On standard error, so that standard output is the text only."""
    for note in () if as_json else document.notes:
        click.echo(terminal.printable(f"note: {note}"), err=True)


def _say(row: dict[str, Any], line: str, as_json: bool) -> None:
    click.echo(json.dumps(row) if as_json else terminal.printable(line))
