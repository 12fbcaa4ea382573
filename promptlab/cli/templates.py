"""`promptlab templates`: the list, and templates kept in git."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import (
    as_json_option,
    changes,
    here,
    located,
    print_changes,
    print_json,
    print_line,
    problem_line,
    read,
    text_of_file,
)
from promptlab.cli.variants import try_
from promptlab.errors import Conflict, InputError, ShelfError


@click.group()
def templates() -> None:
    """Templates and their versions in git.

    TEMPLATE is a path in the workspace, such as templates/triage.yaml, or a name, such as triage. VERSION is a name
    given with `tag` (production), the beginning of a commit, or any other name of a commit in git.
    """


templates.add_command(try_)


@templates.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """List all templates with their last change.

    With the description, and the state of the file: changed, or new to git.
    """
    from promptlab import templates as listing

    for entry in listing.TemplateIndex(here()).entries():
        if as_json:
            print_json(listing.entry_as_json(entry))
            continue
        last = f"{entry.last.when[:10]}  {entry.last.who}" if entry.last else ""
        about = entry.problem.partition("\n")[0] or entry.description
        state = "" if entry.state in ("saved", "unknown") else f"({entry.state})"
        print_line("  ".join(part for part in (terminal.name(entry.path), last, state, about) if part))


@templates.command()
@click.argument("template")
@click.option("--at", "version", default="", metavar="VERSION", help="The version to print. [the file as it is now]")
@as_json_option
def show(template: str, version: str, as_json: bool) -> None:
    """Print the text of a template."""
    from promptlab import versions
    from promptlab._util.git import blob_id

    workspace, path = located(template)
    found = versions.find_version(workspace, path, version) if version else None
    text = versions.version_text(workspace, found) if found else text_of_file(workspace, path)
    if as_json:
        print_json({"path": path, "blob": blob_id(text), "text": text, "version": asdict(found) if found else None})
    else:
        click.echo(terminal.printable(text), nl=False)


@templates.command()
@click.argument("template")
@click.option("-m", "--message", required=True, metavar="TEXT", help="What changed, for the history.")
@click.option("--from", "source", metavar="FILE", help="The new text of the whole file; `-` reads standard input.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change one field and nothing else of the file: instructions=…, params.temperature=0.7, examples.k=3. "
    "Numbers, lists and mappings as JSON; null removes a field. May be repeated.",
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
    help="The version that the new text was made from. If the file has changed since, nothing is written and a merge "
    "is printed.",
)
@as_json_option
def save(
    template: str,
    message: str,
    source: str | None,
    pairs: tuple[str, ...],
    files: tuple[str, ...],
    opened: str | None,
    as_json: bool,
) -> None:
    """Commit one template, and nothing else, to git.

    Without a new text the file is committed as it is, with the changes of your editor. Git runs its hooks and signs as
    usual. The text must be a valid template. Other problems (a missing document or sample) are printed to standard
    error.
    """
    from promptlab import templates as library
    from promptlab import versions
    from promptlab.workspace import check_copy_label

    if source is not None and (pairs or files):
        raise click.UsageError("--from gives the whole text, --set changes fields: use only one of them")
    workspace = here()
    path = versions.template_path(workspace, template)
    now = versions.text_on_disk(workspace, path)
    base = versions.version_text(workspace, versions.find_version(workspace, path, opened)) if opened else now
    edits = changes(pairs, files)
    for given in (*(pair.partition("=")[2] for pair in files), *([] if source in (None, "-") else [source])):
        label = workspace.label_of(str(Path(given or "").absolute()))
        check_copy_label(workspace, label, workspace.root / path)
    text = _new_text(source, edits, base, now, path)
    library.parse(text, path=path)
    try:
        saved = versions.save_template(workspace, path, text, message, base=base)
    except Conflict as exc:
        _print_conflict(exc, as_json)
        raise
    problems = library.check_template(workspace, path)
    if as_json:
        print_json({**asdict(saved), "problems": [asdict(problem) for problem in problems]})
    else:
        print_line(saved.said)
    for problem in problems:
        click.echo(problem_line(path, problem), err=True)


def _print_conflict(conflict: Conflict, as_json: bool) -> None:
    if as_json:
        texts = {"theirs": conflict.theirs, "ours": conflict.ours, "merged": conflict.merged, "clean": conflict.clean}
        print_json({"conflict": texts})
    else:
        print_line(conflict.merged)


def _new_text(source: str | None, edits: Mapping[str, Any], base: str | None, now: str | None, path: str) -> str:
    """The text to save: that of `source`, or `base` with `edits`, or the file as it is now."""
    from promptlab.templates import edit_template, new_template

    if source is not None:
        return read(source)
    if edits:
        return new_template(edits, path=path) if base is None else edit_template(base, edits, path=path)
    if now is None:
        raise InputError("there is no such file", file=path, hint="give its text with --from or --set")
    return now


@templates.command()
@click.argument("template")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The most versions to list.")
@as_json_option
def history(template: str, limit: int | None, as_json: bool) -> None:
    """List the versions of a template, newest first.

    With the author, date, names, message and number of runs of each.
    """
    from promptlab import versions
    from promptlab.runs import Store, history_file

    workspace, path = located(template)
    store = Store.of(workspace) if history_file(workspace).exists() else None
    found = versions.template_history(workspace, path, limit=limit)
    if not found and not as_json:
        print_line(f"{path} was never saved")
    for version in found:
        runs = store.runs(blob=version.blob, limit=10_000) if store and version.blob else []
        if as_json:
            print_json({**asdict(version), "runs": [run.id for run in runs]})
            continue
        names = f"({', '.join(version.tags)})" if version.tags else ""
        count = f"[{len(runs)} run{'s' * (len(runs) != 1)}]" if runs else ""
        facts = (version.commit[:8], version.when[:16].replace("T", " "), version.who, names, version.subject, count)
        print_line("  ".join(fact for fact in facts if fact))
    if store:
        store.close()


@templates.command()
@click.argument("template")
@click.argument("old", required=False, default="HEAD", metavar="[OLD]")
@click.argument("new", required=False, default="", metavar="[NEW]")
@click.option("--prompt", is_flag=True, help="Compare the rendered prompts, with the samples of the inputs.")
@as_json_option
def diff(template: str, old: str, new: str, prompt: bool, as_json: bool) -> None:
    """Show what changed between two versions, word by word.

    By default OLD is the newest version, and NEW is the file as it is now. Prompts are rendered with the current
    documents and examples, so that only the template differs.
    """
    from promptlab import versions

    workspace, path = located(template)
    first = versions.version_text(workspace, versions.find_version(workspace, path, old))
    second = (
        versions.version_text(workspace, versions.find_version(workspace, path, new))
        if new
        else text_of_file(workspace, path)
    )
    pieces = versions.word_changes(first, second)
    found: dict[str, Any] = {"path": path, "old": old, "new": new or None, "changed": first != second}
    if not prompt:
        if as_json:
            print_json({**found, "text": [asdict(piece) for piece in pieces]})
        else:
            print_changes(pieces)
        return
    change = versions.prompt_difference(
        workspace,
        versions.template_at_version(workspace, path, old),
        versions.template_at_version(workspace, path, new),
    )
    if as_json:
        print_json({**found, "changed": change.changed, "prompt": asdict(change)})
        return
    for message in change.messages:
        print_line(f"── {message.role}")
        print_changes(message.changes)
        click.echo()
    for side, problem in (("old", change.old_problem), ("new", change.new_problem)):
        if problem:
            raise ShelfError(f"the {side} version does not render: {problem}")


@templates.command()
@click.argument("template")
@click.argument("version")
@click.option("-m", "--message", default="", metavar="TEXT", help="Instead of the usual message.")
@as_json_option
def restore(template: str, version: str, message: str, as_json: bool) -> None:
    """Restore an earlier version as a new commit. The history stays complete."""
    from promptlab import versions

    workspace, path = located(template)
    saved = versions.restore_version(workspace, path, version, message=message)
    if as_json:
        print_json(asdict(saved))
    else:
        print_line(saved.said)


@templates.command()
@click.argument("template", nargs=-1)
@as_json_option
def check(template: tuple[str, ...], as_json: bool) -> None:
    """Check that templates render with their samples.

    Checks each TEMPLATE, or all. They must parse, declare the inputs they use, and have their documents and examples.
    The exit status is 1 if one fails.
    """
    from promptlab import templates as library
    from promptlab import versions
    from promptlab.templates import check_template

    workspace = here()
    paths = [versions.template_path(workspace, word) for word in template] or library.template_paths(workspace)
    failed = False
    for path in paths:
        problems = check_template(workspace, path)
        failed = failed or bool(problems)
        if as_json:
            print_json({"path": path, "ok": not problems, "problems": [asdict(problem) for problem in problems]})
        elif not problems:
            print_line(f"{terminal.name(path)}: ok")
        for problem in () if as_json else problems:
            print_line(problem_line(path, problem))
    sys.exit(1 if failed else 0)


@templates.command()
@click.argument("template")
@click.argument("version")
@click.argument("name")
@click.option("--move", is_flag=True, help="Move the name from the version that has it now.")
@as_json_option
def tag(template: str, version: str, name: str, move: bool, as_json: bool) -> None:
    """Give a version a name, such as production.

    It is the git tag templates/TEMPLATE/NAME.
    """
    from promptlab import versions

    workspace, path = located(template)
    found = versions.tag_version(workspace, path, version, name, move=move)
    if as_json:
        print_json(asdict(found))
    else:
        print_line(f"{path}: {found.commit[:8]} is {name}")


@templates.command()
def init() -> None:
    """Make the workspace a git repository."""
    from promptlab import versions

    workspace = here()
    versions.init_repository(workspace)
    click.echo(f"{workspace.root} is a git repository")
