"""A suite's recording: what was asked and answered, one line an item, in the order of the suite.

    {"text": "# 2022 FIFA World Cup…", "sha256": "5f0c…"}
    {"case": "winner", "variant": "article", "model": "gemma-3-270m", "repeat": 0, "answer": {"text": "Argentina", …},
     "messages": [{"role": "system", "pieces": [["instructions", "", "Answer the question…"], ["context",
     "fixtures/documents/world-cup-2022.md", {"sha256": "5f0c…"}]]}, …], "params": {…}, "key": "91ab…", …}

Messages are pieces, so a line says of every text where it came from. A long text that is not an input has a line of
its own before its first use: an article that changed is one changed line in a diff, and not one in every case. There
are no times and no keys in it; the same answers give the same bytes. Each line ends with a seal, the hash of what
stands before it: a line that somebody changed by hand is refused, since nobody ever gave that answer.

Reading is a line at a time, so that a recording may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from cachetools import LRUCache

from promptlab._util.files import writing
from promptlab.errors import InputError
from promptlab.models import Record, RecordedBackend
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording_line import has_seal, item_from, lines_of, sealed
from promptlab.suites._suite import ItemKey
from promptlab.types import sha256

KEPT_CHARACTERS = 32_000_000
"""Texts kept while reading, in characters; others are read again from the file."""


def write(path: Path, stored: Iterable[RecordedItem]) -> int:
    """Write a recording, whole or not at all, as `stored` comes; how many items it has. Raises `OSError`."""
    with writing(path) as file:
        writer = Writer(file)
        for one in stored:
            writer.add(one)
    return writer.count


class Writer:
    """Writes the items of a recording, in its order, to an open file. `count` is how many there are."""

    def __init__(self, file: IO[bytes]) -> None:
        self.count = 0
        self._file = file
        self._known: set[bytes] = set()

    def add(self, stored: RecordedItem) -> None:
        """Write the next item, behind the texts that were not in the recording yet. Raises `OSError`."""
        for line in lines_of(stored, self._known):
            self._file.write(sealed(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass")))
        self.count += 1


class _Texts:
    """Long texts by hash: those met last are in memory, all are somewhere in the file."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._kept: LRUCache[str, str] = LRUCache(KEPT_CHARACTERS, getsizeof=len)

    def add(self, digest: str, text: str, place: int) -> None:
        self._places[digest] = place
        self._keep(digest, text)

    def get(self, digest: str, file: IO[bytes]) -> str:
        if digest in self._kept:
            return self._kept[digest]
        here = file.tell()
        file.seek(self._places[digest])
        text: str = json.loads(file.readline())["text"]
        file.seek(here)
        self._keep(digest, text)
        return text

    def _keep(self, digest: str, text: str) -> None:
        if len(text) <= KEPT_CHARACTERS:
            self._kept[digest] = text


class Recording:
    """The recording in `path`, open for reading; close it, or use it in a `with`.

    Raises:
        InputError: there is none, or a line is not one of a recording; names the line.
    """

    def __init__(self, path: Path, *, shown: str = "") -> None:
        self.shown = shown or str(path)
        self._texts = _Texts()
        self._line = self._next = self._passed = 0
        self._index: dict[ItemKey, tuple[int, int]] | None = None
        self._ahead: RecordedItem | None = None
        self._found: set[ItemKey] = set()
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as exc:
            hint = "`promptlab suite record` makes it"
            raise InputError(f"the recording cannot be read: {exc.strerror}", file=self.shown, hint=hint) from exc

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __iter__(self) -> Iterator[RecordedItem]:
        """Every item, from the first, in the order of the file."""
        self._line = self._next = 0
        self._ahead = None
        while (one := self._read()) is not None:
            yield one

    def find(self, key: ItemKey) -> RecordedItem | None:
        """The item with this key. Asked in the order of the file it reads on; else it looks all lines over once."""
        if self._index is None:
            if self._ahead is None:
                self._passed = self._next
                self._ahead = self._read()
            if self._ahead is None:
                # Behind the last line; yet it may have been passed by, when items are asked for in another order.
                self._passed = self._next
            elif self._ahead.key == key:
                found, self._ahead = self._ahead, None
                return found
            self._index = self._all()
            self._found.update(known for known, (place, _) in self._index.items() if place < self._passed)
        if key in self._index:
            self._found.add(key)
        return self._at(key)

    def look(self, key: ItemKey) -> RecordedItem | None:
        """The item with this key, which nobody asked for: `rest` gives it nevertheless."""
        self.keys()
        return self._at(key)

    def _at(self, key: ItemKey) -> RecordedItem | None:
        if self._index is None or key not in self._index:
            return None
        self._next, self._line = self._index[key]
        return self._read()

    def rest(self) -> Iterator[RecordedItem]:
        """The items that `find` was not asked for, in the order of the file."""
        if self._index is None:
            if self._ahead:
                yield self._ahead
            while (one := self._read()) is not None:
                yield one
            return
        for key in [key for key in self._index if key not in self._found]:
            found = self.find(key)
            if found:
                yield found

    def keys(self) -> set[ItemKey]:
        """The key of every item."""
        if self._index is None:
            self._index = self._all()
        return set(self._index)

    def backend(self, model: str) -> RecordedBackend:
        """What answers as `model` did here. Raises `InputError` if nothing is recorded of it, or of several files:
        an answer of the one must not be taken for one of the other."""
        mine = [stored for stored in self if stored.key.model == model]
        prints = sorted({stored.backend for stored in mine})
        if len(prints) != 1:
            hint = "`promptlab suite record` asks all of it anew" if prints else "`promptlab suite record` records it"
            what = f"{len(prints)} versions of {model} are recorded" if prints else f"nothing is recorded of {model}"
            raise InputError(what, file=self.shown, hint=hint)
        records = {stored.request_key: Record(stored.request.body(), stored.completion) for stored in mine}
        return RecordedBackend(model, prints[0], records)

    def _all(self) -> dict[ItemKey, tuple[int, int]]:
        index: dict[ItemKey, tuple[int, int]] = {}
        self._next = self._line = 0
        while True:
            place = (self._next, self._line)
            one = self._read()
            if one is None:
                return index
            if one.key in index:
                raise InputError(f"`{one.key.id}` is there twice", file=self.shown, line=self._line)
            index[one.key] = place

    def _read(self) -> RecordedItem | None:
        """The next item, with the texts before it taken in."""
        while True:
            self._file.seek(self._next)
            place, raw = self._next, self._file.readline()
            self._next += len(raw)
            if not raw:
                return None
            self._line += 1
            if not raw.strip():
                continue
            try:
                data = json.loads(raw.decode("utf-8", "surrogatepass"))
                if "text" in data:
                    if sha256(data["text"]) != data["sha256"]:
                        raise ValueError("the text is not the one its hash says")
                    self._texts.add(data["sha256"], data["text"], place)
                    continue
                is_sealed = has_seal(raw)
                stored = item_from(data, self._text_of)
                if not is_sealed and stored.request.key(stored.backend) != stored.request_key:
                    raise ValueError("the prompt is not the one that the key is of")
                return stored
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as exc:
                what = f"not a line of a recording: {type(exc).__name__}: {exc}"[:300]
                hint = "take the line from git again, or record the suite again"
                raise InputError(what, file=self.shown, line=self._line, hint=hint) from exc

    def _text_of(self, digest: str) -> str:
        return self._texts.get(digest, self._file)
