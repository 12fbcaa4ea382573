"""`promptlab templates`: the list, and templates kept in git."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import (
    as_json_option,
    here,
    located,
    print_changes,
    print_json,
    print_line,
    problem_line,
    text_of_file,
)
from promptlab.cli.save import save
from promptlab.cli.variants import try_
from promptlab.errors import ShelfError


@click.group()
def templates() -> None:
    """Templates, kept in git.

    TEMPLATE is a path from the workspace, such as templates/triage.yaml, or a bare name, such as triage. VERSION is
    a name given with `tag` (production), the beginning of a commit, or anything git knows a commit by.
    """


templates.add_command(save)
templates.add_command(try_)


@templates.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """Every template, with its last change.

    And what it is for, and whether the file is saved as it is.
    """
    from promptlab import templates as listing

    for entry in listing.Listing(here()).entries():
        if as_json:
            print_json(listing.as_json(entry))
            continue
        last = f"{entry.last.when[:10]}  {entry.last.who}" if entry.last else ""
        about = entry.problem.partition("\n")[0] or entry.description
        state = "" if entry.state in ("saved", "unknown") else f"({entry.state})"
        print_line("  ".join(part for part in (terminal.name(entry.path), last, state, about) if part))


@templates.command()
@click.argument("template")
@click.option("--at", "version", default="", metavar="VERSION", help="As it was then. As the file is now unless given.")
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
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most versions to list.")
@as_json_option
def history(template: str, limit: int | None, as_json: bool) -> None:
    """The versions of a template, newest first.

    With who saved each and when, its names, its message, and how many runs there were of it.
    """
    from promptlab import versions
    from promptlab.runs import Store, file_of

    workspace, path = located(template)
    store = Store.of(workspace) if file_of(workspace).exists() else None
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
@click.option("--prompt", is_flag=True, help="Compare the prompts they give, with the samples of the inputs.")
@as_json_option
def diff(template: str, old: str, new: str, prompt: bool, as_json: bool) -> None:
    """What changed between two versions, word by word.

    OLD is the newest version and NEW the file as it is now, unless given. Prompts are rendered with the documents
    and examples as they are now, so that only the template differs.
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
    """Make an earlier version the newest, as a new commit. The history stays whole."""
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

    TEMPLATE... or all. They must parse, declare what they use, and have their documents and examples. The status is 1
    when one does not.
    """
    from promptlab import templates as library
    from promptlab import versions
    from promptlab.templates import check

    workspace = here()
    paths = [versions.template_path(workspace, word) for word in template] or library.names(workspace)
    failed = False
    for path in paths:
        problems = check(workspace, path)
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
@click.option("--move", is_flag=True, help="Take the name from the version that has it.")
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
