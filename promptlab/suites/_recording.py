"""A suite's recording: what was asked and answered, one line an item, in the order of the suite.

    {"text": "# 2022 FIFA World Cup…", "sha256": "5f0c…"}
    {"case": "winner", "variant": "article", "model": "gemma-3-270m", "repeat": 0, "answer": {"text": "Argentina", …},
     "messages": [{"role": "system", "pieces": [["instructions", "", "Answer the question…"], ["context",
     "fixtures/documents/world-cup-2022.md", {"sha256": "5f0c…"}]]}, …], "params": {…}, "key": "91ab…", …}

Messages are pieces, each with the section and the file that it came from. A long text that is not an input has a line
of its own before its first use, so that an article that changed is one changed line in a diff, and not one in every
case. There are no times and no API keys in it: the same answers give the same bytes. Each line ends with a seal, the
hash of the text before it. A line that was changed by hand is refused, because no model gave that answer.

A recording is read a line at a time, so it may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from cachetools import LRUCache

from promptlab._util.files import writing
from promptlab.errors import InputError
from promptlab.models import Record, RecordedBackend
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording_line import has_seal, item_from, lines_of, sealed
from promptlab.suites._suite import ItemKey
from promptlab.types import sha256

T = TypeVar("T")

KEPT_CHARACTERS = 32_000_000
"""Characters of long texts that are kept in memory while reading. Other texts are read from the file again."""


def write(path: Path, stored: Iterable[RecordedItem]) -> int:
    """Write a recording, whole or not at all; returns how many items it has. Raises `OSError`."""
    with writing(path) as file:
        writer = Writer(file)
        for item in stored:
            writer.add(item)
    return writer.count


class Writer:
    """Writes the items of a recording to an open file. `count` is how many it has written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.count = 0
        self._file = file
        self._known: set[bytes] = set()

    def add(self, stored: RecordedItem) -> None:
        """Write the next item, after those of its long texts that are not in the recording yet. Raises `OSError`."""
        for line in lines_of(stored, self._known):
            self._file.write(sealed(json.dumps(line, ensure_ascii=False).encode("utf-8", "surrogatepass")))
        self.count += 1


class _Texts:
    """The long texts of a recording, by hash. The last ones are in memory; the others are read from the file again."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._kept: LRUCache[str, str] = LRUCache(KEPT_CHARACTERS, getsizeof=len)

    def add(self, digest: str, text: str, place: int) -> None:
        self._places[digest] = place
        self._keep(digest, text)

    def check(self, digest: str) -> None:
        """Raise `KeyError` if there is no such text."""
        if digest not in self._places:
            raise KeyError(digest)

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
    """The recording in `path`, open for reading. Close it, or use it in a `with` statement.

    Raises:
        InputError: there is no file, or a line is no line of a recording. The error names the line.
    """

    def __init__(self, path: Path, *, shown: str = "") -> None:
        self.shown = shown or str(path)
        self._texts = _Texts()
        self._line = self._next = self._passed = 0
        self._index: dict[ItemKey, tuple[int, int]] | None = None
        self._by_case: dict[str, list[ItemKey]] | None = None
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
        """Close the file."""
        self._file.close()

    def __iter__(self) -> Iterator[RecordedItem]:
        """Every item, from the first, in the order of the file."""
        self._line = self._next = 0
        self._ahead = None
        while (item := self._read()) is not None:
            yield item

    def find(self, key: ItemKey) -> RecordedItem | None:
        """The item with this key. If items are looked up in the order of the file, it is read once from beginning to
        end. At the first key that is out of order, all lines are read once to make an index."""
        if self._index is None:
            if self._ahead is None:
                self._passed = self._next
                self._ahead = self._read()
            if self._ahead is None:
                # At the end of the file. The item may still stand before this place, if the order is another one.
                self._passed = self._next
            elif self._ahead.key == key:
                item, self._ahead = self._ahead, None
                return item
            self._index = self._all()
            self._found.update(known for known, (place, _) in self._index.items() if place < self._passed)
        if key in self._index:
            self._found.add(key)
        return self._at(key)

    def look(self, key: ItemKey) -> RecordedItem | None:
        """The item with this key. Unlike after `find`, `rest` still gives it."""
        self.keys()
        return self._at(key)

    def _at(self, key: ItemKey) -> RecordedItem | None:
        if self._index is None or key not in self._index:
            return None
        self._next, self._line = self._index[key]
        return self._read()

    def rest(self) -> Iterator[RecordedItem]:
        """The items that were not looked up with `find`, in the order of the file."""
        if self._index is None:
            if self._ahead:
                yield self._ahead
            while (item := self._read()) is not None:
                yield item
            return
        for key in [key for key in self._index if key not in self._found]:
            if item := self.find(key):
                yield item

    def keys(self) -> list[ItemKey]:
        """The key of every item, in the order of the file."""
        if self._index is None:
            self._index = self._all()
        return list(self._index)

    def by_case(self) -> dict[str, list[ItemKey]]:
        """The keys of the items of each case."""
        if self._by_case is None:
            self._by_case = {}
            for key in self.keys():
                self._by_case.setdefault(key.case, []).append(key)
        return self._by_case

    def backend(self, model: str) -> RecordedBackend:
        """A backend that gives the recorded answers of `model`. Raises `InputError` if nothing is recorded of it, or if
        it was recorded with several model files, whose answers must not be mixed."""
        mine = [stored for stored in self if stored.key.model == model]
        prints = sorted({stored.backend for stored in mine})
        if len(prints) != 1:
            hint = "`promptlab suite record` asks every item again" if prints else "`promptlab suite record` records it"
            what = f"{len(prints)} versions of {model} are recorded" if prints else f"nothing is recorded of {model}"
            raise InputError(what, file=self.shown, hint=hint)
        records = {stored.request_key: Record(stored.request.body(), stored.completion) for stored in mine}
        return RecordedBackend(model, prints[0], records)

    def _all(self) -> dict[ItemKey, tuple[int, int]]:
        index: dict[ItemKey, tuple[int, int]] = {}
        self._next = self._line = 0
        while True:
            place = (self._next, self._line)
            key = self._next_line(self._key)
            if key is None:
                return index
            if key in index:
                raise InputError(f"`{key.id}` is there twice", file=self.shown, line=self._line)
            index[key] = place

    def _read(self) -> RecordedItem | None:
        """The next item. The long texts before it are remembered."""
        return self._next_line(self._item)

    def _key(self, data: Mapping[str, Any], *, is_sealed: bool) -> ItemKey:
        """The key of an item. A line with its seal was written whole, so of the rest only the long texts are
        looked for, which have lines of their own."""
        if not is_sealed:
            return self._item(data, is_sealed=False).key
        for message in data["messages"]:
            for piece in message["pieces"]:
                if not isinstance(piece[2], str):
                    self._texts.check(piece[2]["sha256"])
        return ItemKey(data["case"], data["variant"], data["model"], data["repeat"])

    def _item(self, data: Mapping[str, Any], *, is_sealed: bool) -> RecordedItem:
        stored = item_from(data, self._text_of)
        if not is_sealed and stored.request.key(stored.backend) != stored.request_key:
            raise ValueError("the prompt does not have the key that the line names")
        return stored

    def _next_line(self, read: Callable[..., T]) -> T | None:
        """What `read` makes of the next line that is an item. The long texts before it are remembered."""
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
                        raise ValueError("the text does not have the hash that the line names")
                    self._texts.add(data["sha256"], data["text"], place)
                    continue
                return read(data, is_sealed=has_seal(raw))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as exc:
                what = f"not a line of a recording: {type(exc).__name__}: {exc}"[:300]
                hint = "restore the line from git, or record the suite again"
                raise InputError(what, file=self.shown, line=self._line, hint=hint) from exc

    def _text_of(self, digest: str) -> str:
        return self._texts.get(digest, self._file)
