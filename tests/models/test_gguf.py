"""What a GGUF file says of itself, read without native code: made files, real ones, and damaged ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.models._gguf import NotGGUF, read_head
from tests.gguf_made import Sixteen, text, tiny, tiny_tensors, write


def test_values_lists_and_tensors_are_read(tmp_path: Path) -> None:
    meta = {"general.architecture": "llama", "a.flag": True, "a.count": 7, "a.scale": 0.5, "split.count": Sixteen(3)}
    lists = {"a.words": ["", "one", "x" * 200_000], "a.numbers": [1, 2, 3]}
    head = read_head(write(tmp_path / "m.gguf", {**meta, **lists}, {"t": [[1.0, 2.0]] * 3, "u": [[0.0] * 9]}))
    assert head.architecture == "llama"
    assert (head.meta["a.flag"], head.meta["a.count"], head.meta["a.scale"]) == (True, 7, 0.5)
    assert head.meta["split.count"] == 3
    assert head.lists == {"a.words": 3, "a.numbers": 3}
    assert [(t.name, t.kind, t.sizes, t.bytes) for t in head.tensors] == [("t", 0, (2, 3), 32), ("u", 0, (9,), 64)]


def test_a_long_vocabulary_is_stepped_over(tmp_path: Path) -> None:
    words = [f"word {n}" for n in range(70_000)]
    head = read_head(write(tmp_path / "m.gguf", {"tokens": words, "behind": "it"}))
    assert (head.lists["tokens"], head.meta["behind"]) == (70_000, "it")


@pytest.mark.parametrize("version", [2, 3])
def test_a_file_written_the_other_way_round_is_read(tmp_path: Path, version: int) -> None:
    key, value = b"general.architecture", b"llama"
    data = b"GGUF" + struct.pack(">IQQ", version, 0, 1) + struct.pack(">Q", len(key)) + key
    path = tmp_path / "m.gguf"
    path.write_bytes(data + struct.pack(">IQ", 8, len(value)) + value)
    assert read_head(path).architecture == "llama"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GGUF",
        b"no model",
        b"GGUF" + bytes(400),
        b"GGUF" + struct.pack("<IQQ", 1, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 99),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IQ", 8, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + text("k") + struct.pack("<IIQ", 9, 4, 1 << 60),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 1 << 30),
    ],
)
def test_what_is_no_head_is_refused_and_takes_no_memory(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(NotGGUF):
        read_head(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("whole") / "m.gguf")


@given(at=st.integers(0, 9_000), new=st.binary(min_size=1, max_size=12), cut=st.integers(0, 9_000))
def test_damage_anywhere_gives_a_head_or_a_refusal(whole: Path, at: int, new: bytes, cut: int) -> None:
    data = whole.read_bytes()
    damaged = whole.with_name("damaged.gguf")
    for changed in (data[:at] + new + data[at + len(new) :], data[:cut]):
        damaged.write_bytes(changed)
        try:
            read_head(damaged)
        except NotGGUF:
            continue


def test_the_bytes_of_tensors_are_those_of_the_file(whole: Path) -> None:
    made = {name: 4 * sum(map(len, rows)) for name, rows in tiny_tensors(1).items()}
    assert {t.name: t.bytes for t in read_head(whole).tensors} == made
