"""Renaming, copying and deleting templates, documents and pools: the same commands in three groups; and `find`."""

from __future__ import annotations

import difflib
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import as_json_option, here, print_json, print_line

if TYPE_CHECKING:
    from promptlab.shelf import Deleted, Kind, TextEdit
    from promptlab.workspace import Workspace

NOUNS = {"template": "template", "document": "document", "pool": "pool of examples"}


def add_commands(group: click.Group, kind: Kind) -> None:
    """Add `rename`, `copy`, `delete` and `undelete` for the files of a kind to a group of commands. For pools they are
    `rename-pool` and so on: `examples delete` deletes examples of a pool."""
    for command in (_rename(kind), _copy(kind), _delete(kind), _undelete(kind)):
        group.add_command(command)


def _name(verb: str, kind: Kind) -> str:
    return f"{verb}-pool" if kind == "pool" else verb


def _path(workspace: Workspace, kind: Kind, word: str) -> str:
    from promptlab import versions

    return versions.template_path(workspace, word) if kind == "template" else word


def _rename(kind: Kind) -> click.Command:
    @click.command(_name("rename", kind), short_help=f"Give a {NOUNS[kind]} another name, wherever it is named.")
    @click.argument("path")
    @click.argument("name")
    @click.option("--dry-run", "dry", is_flag=True, help="Only show what would change.")
    @as_json_option
    def rename(path: str, name: str, dry: bool, as_json: bool) -> None:
        from promptlab.shelf import plan_rename, rename_file

        workspace = here()
        plan = plan_rename(workspace, kind, _path(workspace, kind, path), name)
        if dry:
            _show_plan(plan.old, plan.new, plan.edits, plan.drafts, as_json)
            return
        renamed = rename_file(workspace, plan)
        if as_json:
            print_json(asdict(renamed))
        else:
            print_line(renamed.said)
        if renamed.problem:
            click.echo(renamed.problem, err=True)

    rename.help = f"""Give a {NOUNS[kind]} another name.

    NAME without a folder stays in the folder of PATH. Suites, templates, cases, examples, labels, drafts, recordings
    and the run history that name it are changed too, by the characters of the name: all or nothing.
    """
    return rename


def _show_plan(old: str, new: str, edits: tuple[TextEdit, ...], drafts: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json({"old": old, "new": new, "files": [edit.path for edit in edits], "drafts": list(drafts)})
        return
    print_line(f"{terminal.name(old)} would be {terminal.name(new)}")
    for edit in edits:
        before, after = edit.before.splitlines(), edit.after.splitlines()
        for line in difflib.unified_diff(before, after, edit.path, edit.path, lineterm="", n=0):
            print_line(line)
    for template in drafts:
        print_line(f"draft of {terminal.name(template)}")


def _copy(kind: Kind) -> click.Command:
    @click.command(_name("copy", kind), short_help=f"Copy a {NOUNS[kind]}, as private as the original.")
    @click.argument("path")
    @click.argument("name", required=False, default="")
    @as_json_option
    def copy(path: str, name: str, as_json: bool) -> None:
        from promptlab.shelf import copy_file

        workspace = here()
        copied = copy_file(workspace, kind, _path(workspace, kind, path), name)
        if as_json:
            print_json(asdict(copied))
        else:
            print_line(copied.said)
        if copied.problem:
            click.echo(copied.problem, err=True)

    copy.help = f"""Copy a {NOUNS[kind]}.

    Without NAME the copy gets the next free one. It has the label of the original, by a line in promptlab.yaml where it
    needs one.
    """
    return copy


def _delete(kind: Kind) -> click.Command:
    @click.command(_name("delete", kind), short_help=f"Delete a {NOUNS[kind]}, so that it can be taken back.")
    @click.argument("path")
    @click.option("--force", is_flag=True, help="Also if something still uses it.")
    @as_json_option
    def delete(path: str, force: bool, as_json: bool) -> None:
        from promptlab.errors import ShelfError
        from promptlab.shelf import delete_file, users_of

        workspace = here()
        path = _path(workspace, kind, path)
        users = users_of(workspace, path)
        if users and not force:
            shown = ", ".join(users[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
            raise ShelfError(f"{path} is used by {shown}", hint="delete it all the same with --force")
        _show_deleted(delete_file(workspace, kind, path), "deleted", as_json)

    delete.help = f"""Delete a {NOUNS[kind]}.

    The file goes to .promptlab/trash; if git knows it, a commit says that it is gone. `{_name("undelete", kind)}`
    takes it back.
    """
    return delete


def _undelete(kind: Kind) -> click.Command:
    @click.command(_name("undelete", kind), short_help=f"Take a deleted {NOUNS[kind]} back.")
    @click.argument("id", required=False, default="")
    @as_json_option
    def undelete(id: str, as_json: bool) -> None:
        from promptlab.shelf import deleted_files, restore_file

        workspace = here()
        if id:
            _show_deleted(restore_file(workspace, id), "restored", as_json)
            return
        for deleted in deleted_files(workspace):
            if deleted.kind == kind:
                _show_deleted(deleted, "in the trash", as_json)

    undelete.help = f"""Take a deleted {NOUNS[kind]} back.

    Without ID, those in the trash are listed, newest first.
    """
    return undelete


def _show_deleted(deleted: Deleted, word: str, as_json: bool) -> None:
    if as_json:
        print_json(asdict(deleted))
    else:
        print_line(f"{deleted.id}  {terminal.name(deleted.path)}  {word}")
    if deleted.problem:
        click.echo(deleted.problem, err=True)


@click.command()
@click.argument("words", nargs=-1, required=True)
@as_json_option
def find(words: tuple[str, ...], as_json: bool) -> None:
    """Find templates, documents, pools, suites, runs and models.

    What has WORDS in its name comes first, then what has them in its text. The exit status is 1 if there is none.
    """
    import contextlib

    from promptlab.runs import Store, history_file
    from promptlab.shelf import search_workspace

    workspace = here()
    with contextlib.ExitStack() as opened:
        there = history_file(workspace).exists()
        store = opened.enter_context(contextlib.closing(Store.of(workspace))) if there else None
        found = search_workspace(workspace, " ".join(words), store=store)
    for hit in found.hits:
        if as_json:
            print_json(asdict(hit))
        else:
            print_line("  ".join(part for part in (f"{hit.kind:<8}", terminal.name(hit.place), hit.excerpt) if part))
    if not found.complete:
        click.echo("there may be more: the search ended after its time", err=True)
    sys.exit(0 if found.hits else 1)
