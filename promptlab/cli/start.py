"""`promptlab init` and `promptlab app`: from any folder to a workspace, and to the workbench in a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import print_line
from promptlab.errors import PromptlabError

if TYPE_CHECKING:
    from promptlab.lab import NewWorkspace
    from promptlab.workspace import NewFiles

_WHAT = {"promptlab.yaml": "the models and the labels", "templates/hello.yaml": "a sample template"}


@click.command(short_help="Make a workspace in a folder.")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--sample", is_flag=True, help="Also write the World Cup sample: template, article, examples, suite.")
def init(folder: Path | None, sample: bool) -> None:
    """Make a workspace in FOLDER, or in the current folder.

    The folder may be empty or a project: no existing file is changed. It gets a promptlab.yaml with the embedded models
    that are installed, a sample template, and the folder .promptlab for the history, which git ignores. Without FOLDER,
    nothing is made inside a folder that already belongs to a workspace.
    """
    from promptlab.lab import add_sample, start_workspace
    from promptlab.workspace import FILE, Workspace, workspace_folder

    target = folder or Path.cwd()
    known = workspace_folder(target) if folder is None else target if (target / FILE).is_file() else None
    if known is None:
        new = start_workspace(target)
        print_line(f"Made a workspace in {terminal.name(str(new.root))}:")
        print_new(new)
        known = new.root
    else:
        Workspace.load(known)  # an error in it is reported now
        print_line(f"{terminal.name(str(known))} is a workspace already; it stays as it is.")
    if sample:
        print_line("The World Cup sample:")
        print_files(add_sample(Workspace.load(known)))


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="[8501, or the next one free]")
def app(port: int | None) -> None:
    """Open the workbench in a browser, on 127.0.0.1.

    A folder that belongs to no workspace becomes one, as with `promptlab init`. If nothing can be written there, the
    workspace is the folder promptlab in your home folder.
    """
    from importlib.util import find_spec

    from promptlab.lab import find_or_start

    if find_spec("streamlit") is None:
        raise PromptlabError("the workbench needs Streamlit", hint="pip install 'promptlab[ui]'")
    here = find_or_start(Path.cwd(), home=Path.home())
    if here.instead_of:
        print_line(f"{here.instead_of}. The workspace is {terminal.name(str(here.root))} instead.")
    if here.new is not None:
        print_line(f"Made a workspace in {terminal.name(str(here.root))}:")
        print_new(here.new)
    os.chdir(here.root)
    from promptlab.ui import run

    run(port)


def print_new(new: NewWorkspace) -> None:
    """Print what was made of a folder."""
    print_files(new.files)
    names = ", ".join(new.models)
    print_line(f"  models: {names or 'none is installed here; add one on the page Models'}")


def print_files(files: NewFiles) -> None:
    """Print what became of each file."""
    for path in files.written:
        print_line(f"  {path}{f'  ({_WHAT[path]})' if path in _WHAT else ''}")
    for path in files.kept:
        print_line(f"  {path} was there already and stays as it is")
    for path, reason in files.failed:
        print_line(f"  {path} was not written: {reason}")
