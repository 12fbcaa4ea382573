"""How often the scorers decide as a user expects, on the table of answers in ../shared/corpora/scorers.

    python -m benchmarks.scorers                     # a line per scorer, then every row that is decided otherwise
    python -m benchmarks.scorers --table FILE        # another table of the same columns
    python -m benchmarks.scorers --json

A row has `scorer`, `options`, `answer`, `expected`, `should_pass` and `why`. A **false pass** passes and should not. A
**false fail** should pass and fails, or is not judged. An answer that should not pass may be not judged.

A row that stays false needs a reason: the code of the paper after which the scorer is named decides it the same way, or
the row is in `EXPLAINED`, by a hash. A reason whose row is decided rightly is an error, so the list cannot outlive its
cause.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import promptlab
from benchmarks import lost_in_the_middle
from promptlab.errors import InputError
from promptlab.scorers import build_scorer, pass_mark, scorer_spec
from promptlab.workspace import Workspace

TABLE = Path(__file__).parents[2] / "shared/corpora/scorers/table.jsonl"

EXPLAINED: Mapping[str, str] = {}
"""Reasons for rows that are decided otherwise than a user expects, by `row_key`."""


def row_key(row: Mapping[str, Any]) -> str:
    """The first characters of a hash of what is scored."""
    scored = [row["scorer"], row["options"], row["answer"], row["expected"]]
    return hashlib.sha256(json.dumps(scored, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True)
class Decision:
    """A row and what its scorer said: passed, failed, or not judged (None)."""

    key: str
    row: dict[str, Any]
    passed: bool | None
    reason: str

    @property
    def kind(self) -> str:
        """false pass, false fail or right."""
        if self.row["should_pass"]:
            return "right" if self.passed else "false fail"
        return "false pass" if self.passed else "right"

    @property
    def explained(self) -> str:
        """Why the row is decided otherwise than expected; empty if nobody knows."""
        if self.row["scorer"] == "best_subspan_em":
            expected = self.row["expected"]
            texts = [str(text) for text in expected] if isinstance(expected, list) else [str(expected)]
            if (lost_in_the_middle.best_subspan_em(self.row["answer"], texts) == 1.0) is self.passed:
                return "the code of the paper says the same (Liu et al., arXiv 2307.03172)"
        return EXPLAINED.get(self.key, "")


@dataclass
class Line:
    """The rows of one scorer, counted."""

    scorer: str
    rows: int = 0
    false_passes: int = 0
    false_fails: int = 0
    not_judged: int = 0
    explained: int = 0


def decide(table: Path, workspace: Workspace) -> list[Decision]:
    """Every row of the table, scored."""
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [_decision(row, workspace) for row in rows]


def _decision(row: dict[str, Any], workspace: Workspace) -> Decision:
    spec = scorer_spec({row["scorer"]: row["options"]})
    try:
        score = build_scorer(spec, workspace)(row["answer"], row["expected"])
    except InputError as exc:  # not judged, or the suite would be refused
        return Decision(row_key(row), row, None, exc.message)
    passed = None if score.value is None else score.value >= pass_mark(spec)
    return Decision(row_key(row), row, passed, score.reason)


def lines(decisions: Sequence[Decision]) -> list[Line]:
    """The counts per scorer."""
    counted: dict[str, Line] = {}
    for decision in decisions:
        line = counted.setdefault(decision.row["scorer"], Line(decision.row["scorer"]))
        line.rows += 1
        line.not_judged += decision.passed is None
        line.false_passes += decision.kind == "false pass"
        line.false_fails += decision.kind == "false fail"
        line.explained += decision.kind != "right" and bool(decision.explained)
    return list(counted.values())


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the counts and the rows that are decided otherwise than expected."""
    parser = argparse.ArgumentParser(description="How often the scorers decide as a user expects.")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="changes nothing: the table takes a second")
    options = parser.parse_args(arguments)
    decisions = decide(options.table, promptlab.open(Path(__file__).parents[1]).workspace)
    table = lines(decisions)
    wrong = [decision for decision in decisions if decision.kind != "right"]
    if options.json:
        rows = [{"key": d.key, "kind": d.kind, "passed": d.passed, "explained": d.explained} for d in wrong]
        json.dump({"scorers": [asdict(line) for line in table], "rows": rows}, sys.stdout, indent=1)
        return
    print("scorer            rows  false passes  false fails  not judged  explained")
    for line in table:
        counts = f"{line.false_passes:12}  {line.false_fails:11}  {line.not_judged:10}  {line.explained:9}"
        print(f"{line.scorer:16}  {line.rows:4}  {counts}")
    for decision in wrong:
        row = decision.row
        print(f"\n{decision.kind} {decision.key} {row['scorer']}: {row['answer']!r} for {row['expected']!r}")
        print(f"  expected because: {row['why'] or '-'}; said: {decision.reason}")
        print(f"  {decision.explained or 'NOT EXPLAINED'}")


if __name__ == "__main__":
    main()
