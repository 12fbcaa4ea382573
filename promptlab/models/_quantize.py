"""Quantisations of a local model: one GGUF file made from another by llama.cpp, with an entry in promptlab.yaml.

    plan = plan_quantise(catalogue, "mine", ["Q4_0", "Q8_0"])
    plan.edit.diff                                 # the entries mine-q4_0 and mine-q8_0 that will be added
    workspace = quantise(plan)                     # writes models/mine-q4_0.gguf and models/mine-q8_0.gguf, then them

The files go to the folder `models/` of the workspace, which gets a .gitignore. Each says in its head what it was made
from, so that `promptlab models show` and reports can say it wherever the file goes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from promptlab._util.files import replacing, write_new
from promptlab.errors import InputError, ModelNotReady, NotWritten, nearest
from promptlab.models._catalogue import Catalogue
from promptlab.models._file_facts import EXACT, FROM, FROM_SHA256, FileFacts, read_file_facts
from promptlab.models._gguf import NotGGUF
from promptlab.models._llama._quantize_client import quantise_file, quantised_sizes
from promptlab.workspace import LlamaModel, ModelsEdit, Workspace, plan_new_models, write_models_edit

FOLDER = "models"
FILE_TYPES = (
    *("F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q5_1", "Q5_0", "Q4_K_M", "Q4_K_S", "Q4_1", "Q4_0"),
    *("IQ4_NL", "IQ4_XS", "Q3_K_L", "Q3_K_M", "Q3_K_S", "IQ3_M", "IQ3_S", "Q2_K"),
)
"""Types that a file can be quantised to, larger ones first."""
NEED_MATRIX = frozenset({"IQ3_XS", "IQ3_XXS", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "Q2_K_S", "IQ1_M", "IQ1_S"})
"""Types that are no good without an importance matrix of the model, which promptlab does not make."""
_TYPES = f"The types are {', '.join(FILE_TYPES)}."
_SPARE = 64 << 20
"""Bytes that shall be left on the disk."""
_IGNORED = b"# Model files are large, and promptlab makes them again: promptlab quantize\n*.gguf\n*.new\n"


@dataclass(frozen=True, slots=True)
class Quantisation:
    """A file to be made: the `name` of its entry, its file type, where it goes, and about how many `bytes` it will
    have. `exists` is True if an earlier run made it from the same file, so that only the entry is missing."""

    name: str
    file_type: str
    path: Path
    bytes: int
    exists: bool = False


@dataclass(frozen=True, slots=True)
class QuantisePlan:
    """What would be made from the model `model`, whose file has the facts `source`. `edit` is the change of
    promptlab.yaml; `notes` are what the person should know."""

    model: str
    source: FileFacts
    source_path: Path
    source_sha256: str
    items: tuple[Quantisation, ...]
    edit: ModelsEdit
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Bytes that will be written."""
        return sum(item.bytes for item in self.items if not item.exists)

    @property
    def licence_words(self) -> str:
        """What the file says of its licence."""
        if self.source.licence:
            return f"licence: {self.source.licence}, as the file says; it holds for the quantisations, too"
        return "licence: unknown, the file names none; look it up before you pass a quantisation on"


def plan_quantise(
    catalogue: Catalogue, model: str, file_types: Sequence[str], *, requantise: bool = False
) -> QuantisePlan:
    """Work out the quantisations of `model` to `file_types`. An embedded model's file is assembled if need be, and the
    file is read once for its digest; nothing is quantised.

    Raises:
        InputError: a file type does not exist, or the file is quantised already and `requantise` is not set.
        ModelNotFound, ModelNotReady: there is no such local model, or its file is missing or no GGUF file.
        EngineFailed: llama.cpp refuses the file.
        WorkspaceError: a name is taken, or promptlab.yaml cannot be changed in place.
        NotWritten: the disk has too little room.
    """
    entry = catalogue.entry(model)
    if not isinstance(entry, LlamaModel):
        raise ModelNotReady(f"{model} is not a local model; only a file on this machine can be quantised")
    wanted = [_file_type(name) for name in dict.fromkeys(name.upper() for name in file_types)]
    if not wanted:
        raise InputError("no file type is named", hint=_TYPES)
    path, workspace = catalogue.prepare(model), catalogue.workspace
    try:
        source = read_file_facts(catalogue.model_files(model))
    except (NotGGUF, OSError) as exc:
        raise ModelNotReady(f"{path.name} of {model} cannot be read: {exc}") from exc
    _check_source(model, source, wanted, requantise)
    digest = catalogue.digest(model) or ""
    names = {kind: f"{model}-{kind.lower()}" for kind in wanted}
    edit = plan_new_models(workspace, {name: _entry(entry, name) for name in names.values()})
    sizes = quantised_sizes(path, wanted)
    if refused := [kind for kind in wanted if kind not in sizes]:
        raise InputError(f"llama.cpp does not quantise {path.name} to {', '.join(refused)}")
    items = tuple(_item(workspace, name, kind, sizes[kind], (source.file_type, digest)) for kind, name in names.items())
    plan = QuantisePlan(model, source, path, digest, items, edit, tuple(_notes(source, items)))
    _check_room(workspace.root, plan.bytes)
    return plan


def quantise(plan: QuantisePlan, say: Callable[[str], None] = lambda _text: None) -> Workspace:
    """Make the files of `plan`, then add their entries to promptlab.yaml; the workspace as it is then. `say` is told
    what is being done. If it is stopped, files that are whole stay, and are not made again; nothing is half there.

    Raises:
        EngineFailed: llama.cpp fails.
        NotWritten: a file cannot be written.
        WorkspaceError: promptlab.yaml changed in the meantime.
    """
    root = plan.edit.workspace.root
    write_new(root / FOLDER / ".gitignore", _IGNORED)
    keys = {FROM: plan.source.file_type, FROM_SHA256: plan.source_sha256}
    for item in plan.items:
        if item.exists:
            say(f"{item.name}: {shown(root, item.path)} is there already")
            continue
        say(f"{item.name}: quantising to {item.file_type} ...")
        with replacing(item.path) as temporary:
            quantise_file(plan.source_path, temporary, item.file_type, keys)
            say(f"{item.name}: {read_file_facts([temporary]).type_words}")
    return write_models_edit(plan.edit)


def shown(root: Path, path: Path) -> str:
    """The path of a file as promptlab.yaml has it."""
    return path.relative_to(root).as_posix()


def _file_type(name: str) -> str:
    if name in NEED_MATRIX:
        raise InputError(
            f"{name} needs an importance matrix of the model, which promptlab does not make",
            hint=_TYPES,
        )
    if name not in FILE_TYPES:
        near = nearest(name, FILE_TYPES)
        raise InputError(f"`{name}` is no file type", hint=" ".join([*([near] if near else []), _TYPES]))
    return name


def _check_source(model: str, source: FileFacts, wanted: Sequence[str], requantise: bool) -> None:
    if source.file_type in wanted:
        raise InputError(f"{model} is {source.file_type} already", hint="name other types")
    if source.is_quantised and not requantise:
        raise InputError(
            f"{model} is quantised already ({source.file_type}); what is made from it has the errors of both",
            hint="quantise a file in F16, BF16 or F32; or say that it shall be requantised: --requantize",
        )


def _entry(source: LlamaModel, name: str) -> Mapping[str, object]:
    """The settings of `source` for another file."""
    own = source.model_dump(mode="json", exclude_unset=True, exclude={"package", "repo", "file", "sha256", "path"})
    own.pop("backend", None)
    return {"backend": "llama", "path": f"{FOLDER}/{name}.gguf", **own}


def _item(workspace: Workspace, name: str, file_type: str, size: int, source: tuple[str, str]) -> Quantisation:
    path = workspace.resolve(f"{FOLDER}/{name}.gguf")
    if not os.path.lexists(path):
        return Quantisation(name, file_type, path, size)
    try:
        made = read_file_facts([path])
    except (NotGGUF, OSError):
        made = None
    if made is None or (made.file_type, made.quantised_from, made.quantised_from_sha256) != (file_type, *source):
        raise InputError(
            f"{shown(workspace.root, path)} exists, and was not made from this {source[0]} file",
            hint="rename or delete it, or add it as it is: promptlab models add",
        )
    return Quantisation(name, file_type, path, made.bytes, exists=True)


def _notes(source: FileFacts, items: Sequence[Quantisation]) -> list[str]:
    notes = []
    if source.is_quantised:
        notes.append(
            f"The file is {source.file_type}: what was lost in it stays lost, and a quantisation adds errors of its "
            "own. Its scores say nothing about the same type made from the original weights."
        )
    if larger := [item.file_type for item in items if item.bytes > source.bytes and item.file_type not in EXACT]:
        notes.append(f"{' and '.join(larger)}: larger than the file, and no better.")
    return notes


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed and needed + _SPARE > free:
        raise NotWritten(
            f"the quantisations take about {needed / 1e6:,.0f} MB, and the disk of {folder} has {free / 1e6:,.0f} MB",
            hint="free some space, or name fewer types",
        )


__all__ = ["FILE_TYPES", "FOLDER", "Quantisation", "QuantisePlan", "plan_quantise", "quantise"]
