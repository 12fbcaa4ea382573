"""The files of a model: all parts of a split one, their digest, and whether any of them changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from promptlab.errors import ModelNotReady
from promptlab.models._file_parts import Contents, digest_of_parts, model_files, names_of_parts
from promptlab.models._files import ModelFiles
from tests.gguf_made import Sixteen, tiny, tiny_split, write


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_model_in_one_file_is_that_file(tmp_path: Path) -> None:
    path = tiny(tmp_path / "m.gguf")
    found = model_files(path)
    assert (found.paths, found.first, found.size) == ((path,), path, path.stat().st_size)
    assert digest_of_parts([sha256(path)]) == sha256(path)


def test_a_split_model_is_all_its_parts(tmp_path: Path) -> None:
    parts = tiny_split(tmp_path)
    found = model_files(parts[0])
    assert found.paths == tuple(parts)
    assert found.size == sum(path.stat().st_size for path in parts)


def test_its_digest_is_the_one_the_shell_gives(tmp_path: Path) -> None:
    parts = tiny_split(tmp_path)
    command = "sha256sum tiny-0000?-of-00003.gguf | cut -c1-64 | sha256sum"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == digest_of_parts([sha256(path) for path in parts])


def test_parts_in_another_order_are_another_model() -> None:
    assert digest_of_parts(["a" * 64, "b" * 64]) != digest_of_parts(["b" * 64, "a" * 64])


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("m.gguf", ["m.gguf"]),
        ("m-00001-of-00002.gguf", ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]),
        ("m-00002-of-00002.gguf", ["m-00002-of-00002.gguf"]),
        ("m-1-of-2.gguf", ["m-1-of-2.gguf"]),
    ],
)
def test_the_names_of_parts_come_from_that_of_the_first(file: str, names: list[str]) -> None:
    assert names_of_parts(file) == names


def _missing(parts: list[Path]) -> Path:
    parts[2].unlink()
    return parts[0]


def _second(parts: list[Path]) -> Path:
    return parts[1]


def _renamed(parts: list[Path]) -> Path:
    return parts[0].rename(parts[0].with_name("tiny.gguf"))


def _swapped(parts: list[Path]) -> Path:
    parts[1].write_bytes(parts[2].read_bytes())
    return parts[0]


def _whole(parts: list[Path]) -> Path:
    tiny(parts[1])
    return parts[0]


def _other_count(parts: list[Path]) -> Path:
    write(parts[1], {"split.no": Sixteen(1), "split.count": Sixteen(4), "split.tensors.count": 9})
    return parts[0]


def _count_of_the_name(parts: list[Path]) -> Path:
    return parts[0].rename(parts[0].with_name("tiny-00001-of-00004.gguf"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_missing, "part 3 of 3 of the model tiny-00001-of-00003.gguf does not exist"),
        (_second, "tiny-00002-of-00003.gguf is part 2 of a model in 3 parts, and the first is needed"),
        (_renamed, "tiny.gguf says that it is the first of 3 parts"),
        (_swapped, "should be part 2 of 3 of a model, and says that it is part 3 of 3"),
        (_whole, "should be part 2 of 3 of a model, and is not part of a split model"),
        (_other_count, "should be part 2 of 3 of a model, and says that it is part 2 of 4"),
        (_count_of_the_name, "says that it is the first of 3 parts"),
    ],
)
def test_parts_that_do_not_belong_together_are_said_in_words(tmp_path: Path, spoil, words: str) -> None:
    path = spoil(tiny_split(tmp_path))
    with pytest.raises(ModelNotReady) as caught:
        model_files(path)
    assert words in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("number", [0, 1, 2])
def test_any_part_that_changes_has_changed_the_model(tmp_path: Path, number: int) -> None:
    parts, other = tiny_split(tmp_path / "a"), tiny_split(tmp_path / "b", seed=2, first=2)
    contents = Contents(parts, ModelFiles(tmp_path / "cache").digest)
    assert contents.changed() is None
    parts[number].write_bytes(other[number].read_bytes())
    assert contents.changed() == parts[number]


def test_a_part_that_is_gone_has_changed_and_one_written_again_has_not(tmp_path: Path) -> None:
    parts = tiny_split(tmp_path)
    contents = Contents(parts, ModelFiles(tmp_path / "cache").digest)
    os.utime(parts[1], (1, 1))
    parts[2].write_bytes(parts[2].read_bytes())
    assert contents.changed() is None
    parts[1].unlink()
    assert contents.changed() == parts[1]
