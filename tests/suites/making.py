"""A small suite in the usual workspace, and the verbs on it with scripted models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from promptlab.models._scripted import Script
from promptlab.suites import _file as suite_file
from promptlab.suites._ask import Asking
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._outcome import Answered
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._recording import Recording
from promptlab.suites._replay import Replayed, replay_suite
from promptlab.suites._suite import Suite, recording_of
from promptlab.types import Request
from promptlab.workspace._workspace import Workspace
from tests.conftest import House

SUITE = """\
# Who, where and how many.
description: Facts of the final
template: cup
models: [good, bad]
scorers: [contains]
thresholds: [at least 50 %]
cases:
  - {id: winner, inputs: {question: Who won the cup?}, expected: Argentina, tags: [final]}
  - {id: host, inputs: {question: Where was the cup?}, expected: Qatar}
  - {id: goals, inputs: {question: How many goals fell?}, expected: 172, scorers: [numeric]}
"""
PATH = "fixtures/suites/facts.yaml"
ANSWERS = {"Who won": "Argentina did.", "Where was": "In Qatar.", "How many": "172 goals"}


def knows(request: Request) -> str:
    """The right answer to each question of the suite."""
    question = request.messages[-1].content
    return next(answer for words, answer in ANSWERS.items() if words in question)


@dataclass
class SuiteHouse:
    """The usual workspace with a suite; `good` knows every answer, `bad` none."""

    house: House
    log: SuiteLog
    path: str = PATH
    models: dict[str, Script] = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        return self.house.workspace

    def write(self, text: str = SUITE, path: str = PATH) -> Suite:
        """Write the suite file anew and load it."""
        full = self.workspace.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")
        return suite_file.load_suite(self.workspace, path)

    @property
    def suite(self) -> Suite:
        return suite_file.load_suite(self.workspace, self.path)

    def asking(self, verb: Any = "record", *, resume: bool = True, **options: Any) -> Asking:
        return Asking(
            self.workspace,
            self.suite,
            verb=verb,
            options=AskOptions(**options),
            catalogue=self.house.catalogue,
            store=self.house.store,
            log=self.log,
            resume=resume,
        )

    def rerun(self, **options: Any) -> list[Answered]:
        return in_order(self.asking("rerun", **options))

    def record(self) -> list[Answered]:
        """Ask everything and write the recording."""
        asking = self.asking()
        found = in_order(asking)
        asking.write_recording()
        return found

    def replay(self, **options: Any) -> list[Replayed]:
        return list(replay_suite(self.workspace, self.suite, **options))

    def stored(self) -> list[RecordedItem]:
        with Recording(self.workspace.resolve(recording_of(self.path))) as recording:
            return list(recording)


def in_order(asking: Asking) -> list[Answered]:
    """What ended, in the order of the suite."""
    return sorted(asking, key=lambda one: one.position)


def verdicts(found: list[Answered]) -> dict[str, str]:
    """The kind of each verdict, by item."""
    return {one.item.key.id: one.verdict.kind for one in found}


@pytest.fixture
def suites(house: House) -> Iterator[SuiteHouse]:
    """The small suite with its two models, nothing recorded yet."""
    house.model("good", knows)
    house.model("bad", "No idea.")
    log = SuiteLog(house.workspace.state / "suites.sqlite")
    made = SuiteHouse(house, log)
    made.write()
    yield made
    log.close()


Edit = Callable[[SuiteHouse], None]
