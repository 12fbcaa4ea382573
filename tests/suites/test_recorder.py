"""Recordings written while answers come: one pass over the cases, one render a prompt, and the bytes of before."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from promptlab.errors import GateRefused, ServerFailed
from promptlab.runs import _prompts as prompts
from promptlab.suites import _ask as suite_asking
from promptlab.suites import _case_file as case_files
from promptlab.suites import _planned as suite_planned
from promptlab.suites._baseline import RunAnswers, write_recording
from promptlab.suites._items import suite_items
from promptlab.suites._planned import Planned
from promptlab.suites._suite import Suite
from promptlab.types import Prompt, Request
from promptlab.workspace._workspace import Workspace
from tests.suites.making import PATH, SUITE, SuiteHouse, in_order, knows, suites

__all__ = ["suites"]

WIDE = SUITE.replace(
    "scorers: [contains]\n",
    "scorers: [contains]\nrepeats: 2\n"
    "variants: {whole: {}, warm: {params: {temperature: 1}}, bare: {without: [context]}}\n",
)


def recording(suites: SuiteHouse) -> bytes:
    return suites.workspace.resolve(suites.suite.recording).read_bytes()


def from_the_history(suites: SuiteHouse, asking: suite_asking.Asking) -> bytes:
    """The recording as it is made of the history, after the fact."""
    write_recording(suites.workspace, suites.suite, RunAnswers(suites.house.store, suites.log, asking.run))
    return recording(suites)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the cases were read, and each prompt rendered."""
    counts: Counter[str] = Counter()
    read, render = case_files.read, prompts.render

    def reading(workspace: Workspace, suite: Suite) -> Any:
        counts["passes"] += 1
        return read(workspace, suite)

    def rendering(template: Any, inputs: Any, **rest: Any) -> Prompt:
        counts[f"{inputs} without {rest['without']}"] += 1
        return render(template, inputs, **rest)

    monkeypatch.setattr(case_files, "read", reading)
    monkeypatch.setattr(prompts, "render", rendering)
    return counts


def test_a_record_reads_the_cases_once_and_renders_each_prompt_once(suites: SuiteHouse, work: Counter[str]) -> None:
    suites.write(WIDE)
    asking = suites.asking()
    list(asking)
    assert asking.write_recording() == asking.total == 3 * 3 * 2 * 2
    assert work.pop("passes") == 1
    # Three cases, each with the article and without it: parameters, models and repeats share a prompt.
    assert len(work) == 6
    assert set(work.values()) == {1}


def test_it_is_the_recording_that_the_history_gives(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_asking, "CHUNK", 7)
    suites.write(WIDE)
    asking = suites.asking()
    list(asking)
    asking.write_recording()
    assert recording(suites) == from_the_history(suites, asking)
    assert {one.status for one in suites.replay()} == {"same"}


def test_an_item_without_an_answer_keeps_what_was_recorded(suites: SuiteHouse) -> None:
    suites.record()
    before = recording(suites)

    def fails_once(request: Request) -> Any:
        return ServerFailed("down") if "Where" in request.messages[-1].content else knows(request).upper()

    suites.house.model("good", fails_once)
    asking = suites.asking(resume=False)
    list(asking)
    assert asking.write_recording() == 5
    texts = {one.key.id: one.completion.text for one in suites.stored()}
    assert texts["host[good]"] == "In Qatar."
    assert texts["winner[good]"] == "ARGENTINA DID."
    assert recording(suites) == from_the_history(suites, asking) != before


def test_what_was_paused_keeps_the_rest_and_is_whole_when_it_was_taken_up(
    suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite_asking, "CHUNK", 2)
    asking = suites.asking()
    for _ in asking:
        asking.pause()
    assert asking.write_recording() == 2
    again = suites.asking()
    assert again.resumed == 2
    list(again)
    assert again.write_recording() == 6
    assert recording(suites) == from_the_history(suites, again)
    assert {one.status for one in suites.replay()} == {"same"}


@pytest.mark.parametrize("options", [{"only": ("host",)}, {"limit": 1}, {"models": ("bad",)}], ids=str)
def test_a_part_of_the_suite_takes_its_places_among_what_was_recorded(
    suites: SuiteHouse, options: dict[str, Any]
) -> None:
    suites.record()
    asking = suites.asking(resume=False, **options)
    ended = list(asking)
    assert asking.write_recording() == len(ended) < 6
    assert [one.key for one in suites.stored()] == [item.key for item in suite_items(suites.workspace, suites.suite)]


@pytest.mark.parametrize("path", ["fixtures/documents/cup.md", "fixtures/examples/cup.jsonl", PATH])
def test_a_label_raised_while_it_is_asked_holds_for_the_recording(suites: SuiteHouse, path: str) -> None:
    suites.record()
    before = recording(suites)
    asking = suites.asking(resume=False)
    list(asking)
    (suites.workspace.root / "promptlab.yaml").write_text(json.dumps({"models": {}, "labels": {path: "confidential"}}))
    with pytest.raises(GateRefused):
        asking.write_recording()
    assert recording(suites) == before
    assert not list(suites.workspace.resolve(suites.suite.recording).parent.glob(".*.new"))


def test_nothing_is_left_of_a_recording_that_nobody_finished(suites: SuiteHouse) -> None:
    asking = suites.asking()
    folder = suites.workspace.resolve(suites.suite.recording).parent
    iterator = iter(asking)
    next(iterator)
    assert len(list(folder.glob(".*.new"))) == 1
    iterator.close()  # type: ignore[attr-defined]  # it is a generator
    assert not list(folder.iterdir())


def test_planned_items_come_again_as_they_were(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_planned, "IN_MEMORY", 100)  # the rest is in a file
    suite = suites.write(WIDE)
    chosen = list(enumerate(suite_items(suites.workspace, suite)))
    planned = Planned(suite, chosen)
    assert len(planned) == len(chosen) == 36
    first, second = iter(planned), iter(planned)
    mixed = [(next(first), next(second)) for _ in chosen]
    assert [one for one, _ in mixed] == [other for _, other in mixed] == chosen
    assert [item.case.places for _, item in planned] == [item.case.places for _, item in chosen]
    assert len({id(item.case) for _, item in list(planned)}) == 3


def test_the_answers_in_order_are_those_of_the_suite(suites: SuiteHouse) -> None:
    suites.write(WIDE)
    ended = in_order(suites.asking())
    assert [one.item.key for one in ended] == [item.key for item in suite_items(suites.workspace, suites.suite)]
