"""What is to be sized: a model of promptlab.yaml, a GGUF file, an address, a family by name, or a config.json.

    source = source_of("Llama-2-70b")
    source.heads                       # of a file that nobody has here: its head is written from the dimensions
    with source.on_disk() as paths:    # the real files, or holes with these heads
        ...

A hole is a file with the head of the model, as long as the whole file, that takes no space: llama.cpp looks only at the
length when it does not read the weights. It lies in a temporary folder and is removed at the end.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from promptlab.errors import InputError, ModelNotReady
from promptlab.models import (
    Catalogue,
    GgufHead,
    GgufTensor,
    NotGGUF,
    model_files,
    names_of_parts,
    other_kind_of_model,
    read_gguf,
    read_gguf_of,
    tensor_bytes,
    url_without_secrets,
)
from promptlab.sizing._families import Family, family, family_of_config
from promptlab.sizing._ranged import RangedFile
from promptlab.sizing._weights import keys_of, weights_of
from promptlab.sizing._write_head import head_bytes, padded
from promptlab.workspace import LlamaModel

LONGEST_CONFIG = 1 << 20
Kind = Literal["model", "file", "address", "family", "config"]
F32, F16 = 0, 1


@dataclass(frozen=True, slots=True)
class Hole:
    """A file that is not here: its `name`, the bytes of its `head`, and its whole `size`."""

    name: str
    head: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """A model to size. `heads` are those of its file or of all its parts; the files are at `paths`, or `holes` stand
    for them. `family` has the dimensions of a model that is known by name. `entry` is that of promptlab.yaml."""

    kind: Kind
    title: str
    heads: tuple[GgufHead, ...]
    paths: tuple[Path, ...] = ()
    holes: tuple[Hole, ...] = ()
    family: Family | None = None
    entry: LlamaModel | None = None
    requests: int = 0

    @contextmanager
    def on_disk(self) -> Iterator[tuple[Path, ...]]:
        """The files, or holes for them in a temporary folder."""
        if self.paths:
            yield self.paths
            return
        with tempfile.TemporaryDirectory(prefix="promptlab-size-") as folder:
            yield tuple(_dig(Path(folder) / hole.name, hole) for hole in self.holes)


def _dig(path: Path, hole: Hole) -> Path:
    try:
        path.write_bytes(hole.head)
        os.truncate(path, hole.size)
    except OSError as exc:
        raise InputError(
            f"a file of {hole.size / 1e9:,.1f} GB without contents cannot be made in {path.parent}: "
            f"{exc.strerror or exc}",
            hint="set TMPDIR to a folder whose file system has sparse files",
        ) from exc
    return path


def source_of(target: str, catalogue: Catalogue | None = None) -> Source:
    """What `target` means.

    Raises:
        InputError: it is nothing that can be sized; says why.
        ModelNotReady: a model of promptlab.yaml is no local one, or its file is missing.
    """
    if target.startswith(("http://", "https://")):
        return _at_address(target)
    if catalogue is not None and target in catalogue.names():
        return _of_catalogue(target, catalogue)
    path = Path(target).expanduser()
    if path.is_dir() and (path / "config.json").is_file():
        path = path / "config.json"
    if path.is_file():
        return _of_config(path) if path.suffix == ".json" else _of_files("file", path.name, model_files(path).paths)
    if path.suffix in (".gguf", ".json") or target.startswith(("/", "./", "../", "~")):
        raise InputError(f"there is no file {target}", hint="check the path; a folder needs a config.json in it")
    return of_family(family(target), "family")


def _of_catalogue(name: str, catalogue: Catalogue) -> Source:
    entry = catalogue.entry(name)
    if not isinstance(entry, LlamaModel):
        raise ModelNotReady(
            f"{name} runs on another machine, and its size is not known here",
            hint="size the model by its name or file: promptlab size Llama-3.1-70B",
        )
    return _of_files("model", name, catalogue.model_files(name), entry)


def _of_files(kind: Kind, title: str, paths: tuple[Path, ...], entry: LlamaModel | None = None) -> Source:
    try:
        heads = tuple(read_gguf(path) for path in paths)
    except NotGGUF as exc:
        raise InputError(f"{title} is no sound GGUF file: {exc}", hint="is the download complete?") from exc
    except OSError as exc:
        raise InputError(f"{title} cannot be read: {exc.strerror or exc}") from exc
    _check(title, heads, [path.stat().st_size for path in paths])
    return Source(kind, title, heads, paths, entry=entry)


def _at_address(address: str) -> Source:
    first = RangedFile(address)
    if first.name.endswith(".json"):
        if first.size > LONGEST_CONFIG:
            raise InputError(f"{url_without_secrets(address)} is too long for a config.json")
        return of_family(family_of_config(_json(first.read(), first.name), first.name), "config")
    files, heads = [first], [_head(first)]
    for name in names_of_parts(first.name)[1:]:
        files.append(RangedFile(_beside(address, name)))
        heads.append(_head(files[-1]))
    holes = tuple(
        Hole(_safe(file.name, number), file.beginning(head.begin), file.size)
        for number, (file, head) in enumerate(zip(files, heads, strict=True))
    )
    _check(first.name, heads, [file.size for file in files])
    return Source("address", first.name, tuple(heads), holes=holes, requests=sum(file.requests for file in files))


def _beside(address: str, name: str) -> str:
    """The address of another file in the same folder, with the same query."""
    parts = urllib.parse.urlsplit(address)
    folder = parts.path.rpartition("/")[0]
    return urllib.parse.urlunsplit(parts._replace(path=f"{folder}/{urllib.parse.quote(name)}"))


def _head(file: RangedFile) -> GgufHead:
    try:
        return read_gguf_of(cast("io.BufferedReader", file), file.size, file.name)
    except NotGGUF as exc:
        raise InputError(f"{file.name} is no sound GGUF file: {exc}", hint="check the address") from exc


def _safe(name: str, number: int) -> str:
    """The file name of a hole. llama.cpp finds the parts of a split model by their names."""
    plain = "".join(c if c.isalnum() or c in "-._" else "_" for c in name)[-100:]
    return plain if plain.endswith(".gguf") else f"model-{number}.gguf"


def _check(title: str, heads: tuple[GgufHead, ...] | list[GgufHead], sizes: list[int]) -> None:
    """Refuse what is no model that writes text, and a file that is shorter than its tensors.

    Raises:
        InputError: it cannot be sized; says why.
    """
    for head, size in zip(heads, sizes, strict=True):
        needed = sum(tensor_bytes(tensor.kind, tensor.sizes) or 0 for tensor in head.tensors)
        if head.begin + needed > size:
            raise InputError(
                f"{title} is cut short: its tensors take {needed / 1e9:,.2f} GB, and the file has {size / 1e9:,.2f} GB",
                hint="is the download complete?",
            )
    kind = other_kind_of_model(heads[0])
    if kind is not None and "without a tokenizer" not in kind[0]:
        raise InputError(f"{title} is {kind[0]}, which writes no text", hint=kind[1])
    if not any(head.tensors for head in heads):
        raise InputError(f"{title} has no weights", hint="name the file of a model, or the first of its parts")


def _of_config(path: Path) -> Source:
    if path.stat().st_size > LONGEST_CONFIG:
        raise InputError(f"{path.name} is too long for a config.json")
    return of_family(family_of_config(_json(path.read_bytes(), path.name), path.name), "config")


def _json(data: bytes, name: str) -> Mapping[str, object]:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{name} is no JSON: {exc}", hint="give the config.json of a model") from exc
    if not isinstance(config, dict):
        raise InputError(f"{name} is no JSON object", hint="give the config.json of a model")
    return config


def of_family(dimensions: Family, kind: Kind) -> Source:
    """A model at 16 bits that is known by its dimensions only."""
    if not 1 <= dimensions.layers <= 1_024:
        raise InputError(f"{dimensions.name} names {dimensions.layers:,} layers", hint="give a number from 1 to 1,024")
    tensors = []
    for weight in weights_of(dimensions):
        number = F32 if weight.stays_exact else F16
        tensors.append(GgufTensor(weight.name, number, weight.sizes, padded(tensor_bytes(number, weight.sizes) or 0)))
    data = head_bytes(keys_of(dimensions), tensors)
    size = len(data) + sum(tensor.bytes for tensor in tensors)
    head = read_gguf_of(cast("io.BufferedReader", io.BytesIO(data)), size, dimensions.name)
    return Source(kind, dimensions.name, (head,), holes=(Hole("model.gguf", data, size),), family=dimensions)


__all__ = ["Hole", "Kind", "Source", "of_family", "source_of"]
