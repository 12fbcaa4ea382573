"""The texts of a page of the matrix: the answers of its items, and what its cases were asked and should say.

    texts = page_texts(suite, log, store, run, page.lines, cases)
    texts.answers[7]                 # the answer at position 7
    texts.cases["winner"].inputs     # {"question": "Who won the cup?"}, as it was asked

Only the answers of the page are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.runs import Store
from promptlab.suites._log import SuiteLog
from promptlab.suites._matrix import MatrixLine
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._suite import Case, ItemKey
from promptlab.suites._suite_run import ItemRow, SuiteRun
from promptlab.types import Result

NEAR = 32
"""Answers so near to each other in the history are read together."""


@dataclass(frozen=True, slots=True)
class AskedCase:
    """The inputs of a case, as they were asked if that is known, and what is expected now. `edited` means that the file
    has other inputs today; `gone`, that it no longer has the case."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    edited: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The answers by position, and the cases by id."""

    answers: Mapping[int, str]
    cases: Mapping[str, AskedCase]


def page_texts(
    log: SuiteLog,
    store: Store,
    run: SuiteRun,
    lines: Sequence[MatrixLine],
    cases: Mapping[str, Case],
    recorded: Callable[[ItemKey], RecordedItem | None],
) -> PageTexts:
    """The texts of `lines`. `cases` are those of the suite today; `recorded` finds a recorded item, whose answer is the
    one of a replay."""
    rows = [row for line in lines for cell in line.cells.values() for row in cell.rows]
    answers: dict[int, str] = {}
    asked: dict[str, Mapping[str, Any]] = {}
    if run.verb == "replay":
        for row in rows:
            if stored := recorded(row.key):
                answers[row.position] = stored.completion.text
                asked.setdefault(row.key.case, stored.inputs)
    for row, result in results_of(log, store, run, rows):
        if result.completion is not None:
            answers[row.position] = result.completion.text
        if row.key.case not in asked and (inputs := _inputs(result)) is not None:
            asked[row.key.case] = inputs
    return PageTexts(answers, {line.case: _case(asked.get(line.case), cases.get(line.case)) for line in lines})


def _case(asked: Mapping[str, Any] | None, now: Case | None) -> AskedCase:
    if now is None:
        return AskedCase(asked or {}, gone=True)
    if asked is None:
        return AskedCase(now.inputs, now.expected)
    # A prompt has texts: of other inputs it cannot be said if they are the same.
    edited = any(isinstance(now.inputs.get(name), str) and now.inputs[name] != text for name, text in asked.items())
    return AskedCase(asked if edited else now.inputs, now.expected, edited=edited)


def _inputs(result: Result) -> Mapping[str, Any] | None:
    try:
        return runs.inputs_of_result(result)
    except PromptlabError:  # the prompt does not have them as they were given
        return None


def results_of(log: SuiteLog, store: Store, run: SuiteRun, rows: Iterable[ItemRow]) -> Iterator[tuple[ItemRow, Result]]:
    """The rows that were asked, each with its result."""
    wanted: dict[str, dict[ItemKey, ItemRow]] = {}
    for row in rows:
        if row.store_run:
            wanted.setdefault(row.store_run, {})[row.key] = row
    for chunk in log.chunks(run) if wanted else ():
        here = wanted.get(chunk.store_run)
        if not here:
            continue
        places = [(number, here[key]) for number, key in enumerate(chunk.keys) if key in here]
        for near in _near(places):
            by_place = {row.key.id: row for _, row in near}
            for result in store.results(chunk.store_run, among=range(near[0][0], near[-1][0] + 1)):
                if result.case in by_place:
                    yield by_place[result.case], result


def _near(places: Sequence[tuple[int, ItemRow]]) -> Iterator[list[tuple[int, ItemRow]]]:
    group: list[tuple[int, ItemRow]] = []
    for place in places:
        if group and place[0] - group[-1][0] > NEAR:
            yield group
            group = []
        group.append(place)
    if group:
        yield group
