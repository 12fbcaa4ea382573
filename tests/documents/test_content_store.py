"""The content store: texts come back by their hash, and damage is noticed, never returned."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.documents._content_store import DocStore
from promptlab.errors import DocumentError
from promptlab.types import sha256


@pytest.mark.parametrize("text", ["Argentina won.\n", "", "Ünïcode – 世界杯", "a lone surrogate \ud800"])
def test_a_text_comes_back_by_its_hash(tmp_path: Path, text: str) -> None:
    store = DocStore(tmp_path)
    key = store.keep_text(text)
    assert key == sha256(text)
    assert store.has(key)
    assert store.text(key) == text


def test_a_text_is_written_once(tmp_path: Path) -> None:
    store = DocStore(tmp_path)
    assert store.keep_text("same") == store.keep_text("same")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize("damage", [b"", b"Argentina lost", b"France won...."], ids=["cut", "other size", "same size"])
def test_a_damaged_text_is_refused(tmp_path: Path, damage: bytes) -> None:
    store = DocStore(tmp_path)
    key = store.keep_text("Argentina won.")
    (file,) = (path for path in tmp_path.rglob("*.txt"))
    file.write_bytes(damage)
    with pytest.raises(DocumentError, match="damaged"):
        store.text(key)


def test_damage_of_another_size_is_repaired_when_the_text_is_stored_again(tmp_path: Path) -> None:
    store = DocStore(tmp_path)
    key = store.keep_text("Argentina won.")
    (file,) = (path for path in tmp_path.rglob("*.txt"))
    file.write_bytes(b"Arg")
    store.keep_text("Argentina won.")
    assert store.text(key) == "Argentina won."


@pytest.mark.parametrize("key", ["", "abc", "../../etc/passwd", "g" * 64, "A" * 64])
def test_only_hashes_are_keys(tmp_path: Path, key: str) -> None:
    store = DocStore(tmp_path)
    assert not store.has(key)
    with pytest.raises(DocumentError, match="not stored"):
        store.text(key)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff"], ids=["empty", "half", "a list", "not UTF-8"])
def test_a_damaged_record_counts_as_missing(tmp_path: Path, raw: bytes) -> None:
    store, key = DocStore(tmp_path), "0" * 64
    assert store.record("converted", key) is None
    store.keep_record("converted", key, {"text": "1"})
    assert store.record("converted", key) == {"text": "1"}
    (file,) = (path for path in tmp_path.rglob("*.json"))
    file.write_bytes(raw)
    assert store.record("converted", key) is None
