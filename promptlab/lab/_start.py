"""Makes a workspace out of any folder, empty or somebody's project, and adds the World Cup sample to one.

    new = start_workspace(Path("prompts"))
    new.files.written         # ("promptlab.yaml", "templates/hello.yaml")
    add_sample(Workspace.load(new.root)).written

No existing file is changed. The state folder has a .gitignore of its own, so that of the project stays as it is.
Nothing is trusted by this: what files of the project ask for is off until the person trusts it (see
`promptlab.workspace`), and what is written here asks for nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from promptlab import models
from promptlab._util import state_folder
from promptlab._util.files import write_new
from promptlab._yaml import yaml_inline
from promptlab.errors import InputError, NotWritten
from promptlab.workspace import FILE, LlamaModel, NewFiles, Workspace, workspace_folder, write_new_files

HELLO = "templates/hello.yaml"
"""The sample template of a new workspace."""
WORLD_CUP = "templates/world-cup.yaml"
"""The template of the World Cup sample."""
SAMPLE_SUITE = "fixtures/suites/world-cup.yaml"
_MODELS_PLACE = "MODELS"
"""What stands in the sample's suite for the models of the workspace."""

HELLO_TEXT = """\
description: A first prompt to change, one question with a short answer
inputs:
  question:
    type: string
    sample: What is the capital of France?
instructions: |
  Answer the question.
output_format: |
  Reply with one short sentence.
params:
  temperature: 0
  max_tokens: 48
"""
_HEAD = """\
# The models that this workspace can ask, and the privacy labels of its files. Made by promptlab; change it as you like.
# In the browser, the page Models adds a model. Keys are never written here, only the name of their variable:
#   gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}
"""


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """A workspace that was made just now: its folder, its models, and what became of each file."""

    root: Path
    models: tuple[str, ...]
    files: NewFiles


@dataclass(frozen=True, slots=True)
class Here:
    """The workspace for a folder. `new`: it was made just now. `instead_of`: why it is not in the folder asked for."""

    root: Path
    new: NewWorkspace | None = None
    instead_of: str = ""


def start_workspace(folder: Path) -> NewWorkspace:
    """Make a workspace in `folder`, which is made if it is missing.

    Raises:
        InputError: something called promptlab.yaml is there.
        NotWritten: the folder cannot be written.
    """
    root = folder.absolute()
    installed = models.installed_models(os.environ)
    if not write_new(root / FILE, _catalogue(installed).encode("utf-8")):
        raise InputError(f"something called {FILE} is already there and was not changed", file=str(root / FILE))
    with contextlib.suppress(OSError):  # what is kept there says itself if it cannot be written
        state_folder.make_room(root / state_folder.NAME)
    files = write_new_files(root, {HELLO: HELLO_TEXT})
    return NewWorkspace(root, tuple(installed), NewFiles((FILE, *files.written), kept=files.kept, failed=files.failed))


def find_or_start(folder: Path, *, home: Path) -> Here:
    """The workspace that `folder` is in, or a new one there. If it cannot be written: one in `home`/promptlab.

    Raises `NotWritten` if neither can be made.
    """
    root = workspace_folder(folder)
    if root is not None:
        return Here(root)
    try:
        new = start_workspace(folder)
        return Here(new.root, new)
    except (NotWritten, InputError) as exc:
        instead = home / "promptlab"
        if instead.resolve() == folder.resolve():
            raise
        why = f"no workspace can be made in {folder}: {getattr(exc, 'strerror', '') or exc.message}"
        if (instead / FILE).is_file():
            return Here(instead, instead_of=why)
        new = start_workspace(instead)
        return Here(new.root, new, instead_of=why)


def add_sample(workspace: Workspace) -> NewFiles:
    """Write the World Cup sample: a template, its article, its examples, and a small suite for the workspace's models.

    A file that is there already stays as it is. A workspace without models gets no suite, because a suite names some.
    """
    files = dict(_sample_files())
    suite = files.pop(SAMPLE_SUITE)
    if workspace.models:
        local = [name for name, entry in workspace.models.items() if isinstance(entry, LlamaModel)]
        names = local or list(workspace.models)  # an API costs money: it is asked if there is nothing else
        files[SAMPLE_SUITE] = suite.replace(_MODELS_PLACE, yaml_inline(names))
    return write_new_files(workspace.root, files)


def is_untouched(workspace: Workspace, usable: Iterable[str]) -> bool:
    """True if none of the `usable` templates is the person's own: they are samples, as promptlab wrote them."""
    ours = {HELLO: HELLO_TEXT, WORLD_CUP: _sample_files()[WORLD_CUP]}
    return all(path in ours and _text(workspace.root / path) == ours[path] for path in usable)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return None


def _catalogue(installed: Mapping[str, str]) -> str:
    entries = [f"  {name}:\n    backend: llama\n    package: {package}\n" for name, package in installed.items()]
    return _HEAD + ("models:\n" + "".join(entries) if entries else "models: {}\n")


@functools.cache
def _sample_files() -> Mapping[str, str]:
    """The files of the sample, by path in a workspace."""
    files: dict[str, str] = {}
    waiting: list[tuple[str, Traversable]] = [("", resources.files("promptlab.lab") / "sample")]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            path = f"{prefix}{entry.name}"
            if entry.is_dir():
                waiting.append((f"{path}/", entry))
            else:
                files[path] = entry.read_text("utf-8")
    return dict(sorted(files.items()))
