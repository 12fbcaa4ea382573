"""Reading the ledger: its entries, the hosts that text was sent to, and a check that no line was changed.

verdict = verify_ledger(workspace.state)
verdict.lines, verdict.head              # 214, the hash of the last line
verdict.problem                          # None, or Problem(12, "was changed after it was written")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.errors import StoreError
from promptlab.types import LABELS
from promptlab.workspace._ledger import FILE, START, digest, parse_entry


@dataclass(frozen=True, slots=True)
class Line:
    """Line `number` of the file, counted from 1. `entry` is None if the line was changed, or if it is half a line of
    a process that died (`torn`)."""

    number: int
    entry: dict[str, Any] | None
    torn: bool
    hash: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The first line that is wrong. `what` is a clause that follows the line number."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of `verify_ledger`. `head` is the hash of the last line. `torn` are the numbers of torn lines, whose
    requests were never sent. `counts` is the number of entries of each kind."""

    lines: int
    head: str
    problem: Problem | None
    torn: tuple[int, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class LedgerDestination:
    """What was sent to one model of one host: attempts, bytes, the highest label, the first and the last time."""

    host: str
    model: str
    tries: int
    bytes: int
    label: str
    first: str
    last: str


def ledger_lines(state: Path) -> Iterator[Line]:
    """Every line, in order. No lines if there is no file. Raises `StoreError` if it cannot be read."""
    number, waiting = 0, b""
    try:
        with (state / FILE).open("rb") as file:
            for raw in file:
                if waiting:
                    number += 1
                    yield _line(number, waiting, raw)
                waiting = raw
    except FileNotFoundError:
        return
    except OSError as exc:
        raise StoreError(f"the ledger {state / FILE} cannot be read: {exc.strerror or exc}") from exc
    if waiting:
        yield _line(number + 1, waiting, b"")


def _line(number: int, raw: bytes, following: bytes) -> Line:
    text = raw.removesuffix(b"\n")
    after = parse_entry(following.removesuffix(b"\n")) if following else None
    torn = not raw.endswith(b"\n") or (
        after is not None and after.get("kind") == "torn" and after.get("before") == digest(text)
    )
    entry = None if torn else parse_entry(text)
    return Line(number, entry, torn, entry["hash"] if entry else digest(text))


def newest_ledger_entries(state: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """The last `limit` entries, newest first; all if None. Torn and changed lines are left out."""
    entries = [{"line": line.number, **line.entry} for line in ledger_lines(state) if line.entry is not None]
    return entries[::-1][:limit]


def ledger_destinations(state: Path) -> list[LedgerDestination]:
    """The hosts and models that text was sent to, most recent first."""
    by_model: dict[tuple[str, str], LedgerDestination] = {}
    for line in ledger_lines(state):
        entry = line.entry
        if entry is None or entry.get("kind") != "sent":
            continue
        key = (str(entry["host"]), str(entry["model"]))
        old = by_model.pop(key, None) or LedgerDestination(*key, 0, 0, "public", entry["at"], entry["at"])
        label = max(old.label, str(entry["label"]), key=_rank)
        by_model[key] = LedgerDestination(
            *key, old.tries + 1, old.bytes + int(entry["bytes"]), label, old.first, str(entry["at"])
        )
    return list(by_model.values())[::-1]


def _rank(label: str) -> int:
    return LABELS.index(label) if label in LABELS else len(LABELS)


def verify_ledger(state: Path, *, head: str = "") -> Verdict:
    """Check every line against the previous one.

    With `head`, a hash that was noted earlier, it is also a problem if no line has that hash. Without it, lines that
    were removed at the end of the ledger are not noticed. Raises `StoreError`.
    """
    before, number = START, 0
    torn: list[int] = []
    counts: Counter[str] = Counter()
    problem: Problem | None = None
    met = not head
    for line in ledger_lines(state):
        number = line.number
        if line.torn:
            torn.append(number)
        elif line.entry is None:
            problem = problem or Problem(number, "was changed after it was written, or is not a ledger entry")
        else:
            counts[str(line.entry.get("kind"))] += 1
            if line.entry.get("before") != before:
                what = "does not follow the line before it: lines were removed, inserted or changed there"
                if number == 1:
                    what = "is not the first that was written: lines before it were removed"
                problem = problem or Problem(number, what)
        before = line.hash
        met = met or before == head
    if not met:
        problem = problem or Problem(number + 1, f"is missing: no line has the hash {head}")
    return Verdict(number, before, problem, tuple(torn), dict(counts))
