"""`promptlab templates`: the list, and templates kept in git. See `shelf.py`, `versions.py` and `proofs.py`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab import terminal
from promptlab.errors import Conflict, InputError, ShelfError

if TYPE_CHECKING:
    from promptlab.merge import Change
    from promptlab.workspace import Workspace


@click.group()
def templates() -> None:
    """Templates: list, change, save to git, compare and bring back.

    TEMPLATE is a path from the workspace, such as templates/triage.yaml, or a bare name, such as triage. VERSION is
    a name given with `tag` (production), the beginning of a commit, or anything git knows a commit by.
    """


_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@templates.command("list")
@_json
def list_(as_json: bool) -> None:
    """Every template: what it is for, when it was last changed, and whether that is saved."""
    from promptlab import listing

    for entry in listing.Listing(_workspace()).entries():
        if as_json:
            _print_json(listing.as_json(entry))
            continue
        last = f"{entry.last.when[:10]}  {entry.last.who}" if entry.last else ""
        about = entry.problem.partition("\n")[0] or entry.description
        state = "" if entry.state in ("saved", "unknown") else f"({entry.state})"
        _print("  ".join(part for part in (entry.path, last, state, about) if part))


@templates.command()
@click.argument("template")
@click.option("--at", "version", default="", metavar="VERSION", help="As it was then. As the file is now unless given.")
@_json
def show(template: str, version: str, as_json: bool) -> None:
    """Print the text of a template."""
    from promptlab import versions
    from promptlab.origin import blob_id

    workspace, path = _located(template)
    found = versions.find(workspace, path, version) if version else None
    text = versions.text_of(workspace, found) if found else _text(workspace, path)
    if as_json:
        _print_json({"path": path, "blob": blob_id(text), "text": text, "version": asdict(found) if found else None})
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
@_json
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

    Without a new text it is the file as it is: what you changed in your editor. Git runs its hooks and signs as
    always. The text must be a template; what else is wrong with it (a document that is not there, a missing sample)
    is said on standard error.
    """
    from promptlab import proofs, shelf, template_edit, versions
    from promptlab import templates as library

    if source is not None and (pairs or files):
        raise click.UsageError("--from gives the whole text, --set changes fields: take one of the two")
    workspace = _workspace()
    path = shelf.locate(workspace, template)
    now = shelf.on_disk(workspace, path)
    base = versions.text_of(workspace, versions.find(workspace, path, opened)) if opened else now
    changes = _changes(pairs, files)
    if source is not None:
        text = _read(source)
    elif changes:
        text = template_edit.new(changes, path=path) if base is None else template_edit.edit(base, changes, path=path)
    elif now is None:
        raise InputError("there is no such file", file=path, hint="give its text with --from or --set")
    else:
        text = now
    library.parse(text, path=path)
    try:
        saved = shelf.save(workspace, path, text, message, base=base)
    except Conflict as exc:
        if as_json:
            _print_json(
                {"conflict": {"theirs": exc.theirs, "ours": exc.ours, "merged": exc.merged, "clean": exc.clean}}
            )
        else:
            _print(exc.merged)
        raise
    problems = proofs.check(workspace, path)
    if as_json:
        _print_json({**asdict(saved), "problems": [asdict(problem) for problem in problems]})
    else:
        _print(saved.said)
    for problem in problems:
        click.echo(_problem(path, problem), err=True)


@templates.command()
@click.argument("template")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Most versions to list.")
@_json
def history(template: str, limit: int | None, as_json: bool) -> None:
    """The versions of a template, newest first: who, when, names, message, and how many runs there were of it."""
    from promptlab import versions
    from promptlab.store import Store

    workspace, path = _located(template)
    file = workspace.state / "runs.sqlite"
    store = Store(file) if file.exists() else None
    found = versions.history(workspace, path, limit=limit)
    if not found and not as_json:
        _print(f"{path} was never saved")
    for version in found:
        runs = store.runs(blob=version.blob, limit=10_000) if store and version.blob else []
        if as_json:
            _print_json({**asdict(version), "runs": [run.id for run in runs]})
            continue
        names = f"({', '.join(version.tags)})" if version.tags else ""
        count = f"[{len(runs)} run{'s' * (len(runs) != 1)}]" if runs else ""
        facts = (version.commit[:8], version.when[:16].replace("T", " "), version.who, names, version.subject, count)
        _print("  ".join(fact for fact in facts if fact))
    if store:
        store.close()


@templates.command()
@click.argument("template")
@click.argument("old", required=False, default="HEAD", metavar="[OLD]")
@click.argument("new", required=False, default="", metavar="[NEW]")
@click.option("--prompt", is_flag=True, help="Compare the prompts they give, with the samples of the inputs.")
@_json
def diff(template: str, old: str, new: str, prompt: bool, as_json: bool) -> None:
    """What changed between two versions, word by word.

    OLD is the newest version and NEW the file as it is now, unless given. Prompts are rendered with the documents
    and examples as they are now, so that only the template differs.
    """
    from promptlab import merge, proofs, versions

    workspace, path = _located(template)
    first = versions.text_of(workspace, versions.find(workspace, path, old))
    second = versions.text_of(workspace, versions.find(workspace, path, new)) if new else _text(workspace, path)
    pieces = merge.words(first, second)
    found: dict[str, Any] = {"path": path, "old": old, "new": new or None, "changed": first != second}
    if not prompt:
        if as_json:
            _print_json({**found, "text": [asdict(piece) for piece in pieces]})
        else:
            _print_changes(pieces)
        return
    change = proofs.prompt_difference(
        workspace, proofs.template_at(workspace, path, old), proofs.template_at(workspace, path, new)
    )
    if as_json:
        _print_json({**found, "changed": change.changed, "prompt": asdict(change)})
        return
    for message in change.messages:
        _print(f"── {message.role}")
        _print_changes(message.changes)
        click.echo()
    for side, problem in (("old", change.old_problem), ("new", change.new_problem)):
        if problem:
            raise ShelfError(f"the {side} version does not render: {problem}")


@templates.command()
@click.argument("template")
@click.argument("version")
@click.option("-m", "--message", default="", metavar="TEXT", help="Instead of the usual message.")
@_json
def restore(template: str, version: str, message: str, as_json: bool) -> None:
    """Make an earlier version the newest, as a new commit. The history stays whole."""
    from promptlab import shelf

    workspace, path = _located(template)
    saved = shelf.restore(workspace, path, version, message=message)
    if as_json:
        _print_json(asdict(saved))
    else:
        _print(saved.said)


@templates.command()
@click.argument("template", nargs=-1)
@_json
def check(template: tuple[str, ...], as_json: bool) -> None:
    """Check that templates parse, declare what they use, and render with their samples. TEMPLATE... or all.

    The status is 1 when one does not.
    """
    from promptlab import proofs, shelf
    from promptlab import templates as library

    workspace = _workspace()
    paths = [shelf.locate(workspace, word) for word in template] or library.names(workspace)
    failed = False
    for path in paths:
        problems = proofs.check(workspace, path)
        failed = failed or bool(problems)
        if as_json:
            _print_json({"path": path, "ok": not problems, "problems": [asdict(problem) for problem in problems]})
        elif not problems:
            _print(f"{path}: ok")
        for problem in () if as_json else problems:
            _print(_problem(path, problem))
    sys.exit(1 if failed else 0)


@templates.command()
@click.argument("template")
@click.argument("version")
@click.argument("name")
@click.option("--move", is_flag=True, help="Take the name from the version that has it.")
@_json
def tag(template: str, version: str, name: str, move: bool, as_json: bool) -> None:
    """Give a version a name, such as production: the git tag templates/TEMPLATE/NAME."""
    from promptlab import shelf

    workspace, path = _located(template)
    found = shelf.tag(workspace, path, version, name, move=move)
    if as_json:
        _print_json(asdict(found))
    else:
        _print(f"{path}: {found.commit[:8]} is {name}")


@templates.command()
def init() -> None:
    """Make the workspace a git repository, so that templates can be saved."""
    from promptlab import shelf

    workspace = _workspace()
    shelf.init(workspace)
    click.echo(f"{workspace.root} is a git repository")


@templates.group("try")
def try_() -> None:
    """Variants of a template, each on a git branch of its own, try/TEMPLATE/NAME.

    The files of the workspace are not touched before a variant is merged.
    """


@try_.command("list")
@click.argument("template")
@_json
def try_list(template: str, as_json: bool) -> None:
    """The variants of a template, those changed last first."""
    from promptlab import variants

    workspace, path = _located(template)
    for one in variants.variants(workspace, path):
        if as_json:
            _print_json(asdict(one))
        else:
            _print(f"{one.name}  {one.when[:10]}  {one.who}  {one.message}")


@try_.command("save")
@click.argument("template")
@click.argument("name")
@click.option("-m", "--message", required=True, metavar="TEXT", help="What is tried.")
@click.option("--from", "source", metavar="FILE", help="The text of the whole file; `-` reads standard input.")
@click.option("--set", "pairs", multiple=True, metavar="FIELD=VALUE", help="Change one field. May be repeated.")
@click.option("--set-file", "files", multiple=True, metavar="FIELD=PATH", help="The same with the text of a file.")
@_json
def try_save(
    template: str,
    name: str,
    message: str,
    source: str | None,
    pairs: tuple[str, ...],
    files: tuple[str, ...],
    as_json: bool,
) -> None:
    """Begin a variant, or add to one. Fields are changed as in the variant, or, in a new one, as in the file."""
    from promptlab import template_edit, variants
    from promptlab import templates as library

    if (source is not None) == bool(pairs or files):
        raise click.UsageError("give the variant's text with --from, or what differs with --set")
    workspace, path = _located(template)
    known = [one.name for one in variants.variants(workspace, path)]
    base = variants.variant_text(workspace, path, name) if name in known else None
    start = _text(workspace, path) if base is None else base
    text = _read(source) if source is not None else template_edit.edit(start, _changes(pairs, files), path=path)
    library.parse(text, path=path)
    made = variants.save_variant(workspace, path, name, text, message, base=base)
    if as_json:
        _print_json(asdict(made))
    else:
        _print(f"{path}: variant {name} saved as {made.commit[:8]} on the branch {made.branch}")


@try_.command("merge")
@click.argument("template")
@click.argument("name")
@click.option("-m", "--message", default="", metavar="TEXT", help="Instead of the usual message.")
@_json
def try_merge(template: str, name: str, message: str, as_json: bool) -> None:
    """Bring what a variant changed into the template, as a commit."""
    from promptlab import variants

    workspace, path = _located(template)
    saved = variants.merge_variant(workspace, path, name, message=message)
    if as_json:
        _print_json(asdict(saved))
    else:
        _print(saved.said)


@try_.command("drop")
@click.argument("template")
@click.argument("name")
def try_drop(template: str, name: str) -> None:
    """Delete the branch of a variant."""
    from promptlab import variants

    workspace, path = _located(template)
    commit = variants.drop_variant(workspace, path, name)
    _print(f"{path}: variant {name} is gone; git branch NAME {commit[:12]} brings it back")


def _workspace() -> Workspace:
    from promptlab.workspace import Workspace

    return Workspace.find()


def _located(template: str) -> tuple[Workspace, str]:
    from promptlab import shelf

    workspace = _workspace()
    return workspace, shelf.locate(workspace, template)


def _text(workspace: Workspace, path: str) -> str:
    """The file's text; one that is not there is an error with the nearest name."""
    from promptlab import shelf
    from promptlab import templates as library
    from promptlab.errors import TemplateError, nearest

    text = shelf.on_disk(workspace, path)
    if text is None:
        raise TemplateError("there is no such template", file=path, hint=nearest(path, library.names(workspace)))
    return text


def _read(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"cannot be read: {exc}", file=source) from exc


def _changes(pairs: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    """Fields and their new values as the command line gives them."""
    from promptlab.template_file import TEXTS

    found: dict[str, Any] = {}
    for option, pair in [*(("--set", one) for one in pairs), *(("--set-file", one) for one in files)]:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"write it as {option} field=value, not {pair!r}", param_hint=option)
        if option == "--set-file":
            value = _read(value)
        is_text = name in (*TEXTS, "description") or name.startswith("inputs.")
        found[name] = None if value == "null" else value if is_text and not _is_json(name, value) else _value(value)
    return found


def _is_json(name: str, value: str) -> bool:
    """A sample of an input may be of any type; what is written as JSON is meant as such."""
    return name.startswith("inputs.") and value[:1] in tuple('[{"-0123456789') and _value(value) != value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _problem(path: str, problem: Any) -> str:
    place = f"{path}:{problem.line}" if problem.line else path
    said = ": ".join(part for part in (place, problem.field, problem.message) if part)
    return terminal.printable(f"{said}\n  {problem.hint}" if problem.hint else said)


def _print_changes(changes: Sequence[Change]) -> None:
    """Coloured on a terminal; elsewhere with git's marks for words, [-removed-] and {+added+}."""
    pieces = []
    for change in changes:
        text = terminal.printable(change.text)
        if change.kind == "same":
            pieces.append(text)
        elif sys.stdout.isatty():
            pieces.append(click.style(text, fg="red" if change.kind == "removed" else "green", underline=True))
        else:
            pieces.append(f"[-{text}-]" if change.kind == "removed" else f"{{+{text}+}}")
    click.echo("".join(pieces), nl=not "".join(pieces).endswith("\n"))


def _print(text: str) -> None:
    click.echo(terminal.printable(text))


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, default=str))
