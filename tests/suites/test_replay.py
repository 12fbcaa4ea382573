"""Replay: what is told apart when nobody is asked."""

from __future__ import annotations

import pytest

from promptlab.suites._replay import Replayed
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]


def edit(suites: SuiteHouse, path: str, old: str, new: str) -> None:
    full = suites.workspace.root / path
    text = full.read_text()
    assert old in text
    full.write_text(text.replace(old, new, 1))


def by_id(found: list[Replayed]) -> dict[str, Replayed]:
    return {one.key.id: one for one in found}


@pytest.mark.parametrize(
    ("path", "old", "new", "said", "sections"),
    [
        ("templates/cup.yaml", "Answer the question", "Tell me", "instructions edited", ("instructions",)),
        ("templates/cup.yaml", "the name only", "one word", "output format edited", ("output_format",)),
        ("templates/cup.yaml", "k: 1", "k: 0", "k 1 → 0", ("examples",)),
        ("templates/cup.yaml", "temperature: 0", "temperature: 0.7", "temperature 0 → 0.7", ()),
        ("templates/cup.yaml", "max_tokens: 16", "max_tokens: 17", "max tokens 16 → 17", ()),
        ("fixtures/documents/cup.md", "Qatar was", "Peru was", "cup.md edited", ("context",)),
        ("fixtures/examples/cup.jsonl", "Qatar", "Peru", "examples edited", ("examples",)),
    ],
)
def test_drift_names_what_changed_and_the_section_it_is_in(
    suites: SuiteHouse, path: str, old: str, new: str, said: str, sections: tuple[str, ...]
) -> None:
    suites.record()
    edit(suites, path, old, new)
    first = suites.replay()[0]
    assert (first.status, first.said, first.sections()) == ("drifted", said, sections)


def test_the_changes_of_a_drifted_prompt_lead_from_the_stored_to_the_new_one(suites: SuiteHouse) -> None:
    suites.record()
    edit(suites, "fixtures/documents/cup.md", "Qatar was", "Peru was")
    one = suites.replay()[0]
    assert one.stored is not None
    assert one.request is not None
    changes = one.changes()
    old = "".join(change.text for change in changes if change.kind != "new")
    new = "".join(change.text for change in changes if change.kind != "gone")
    assert old == "\n".join(m.content for m in one.stored.request.messages)
    assert new == "\n".join(m.content for m in one.request.messages)
    assert {c.text.strip() for c in changes if c.kind == "gone"} == {"Qatar"}
    assert {c.text.strip() for c in changes if c.kind == "new"} == {"Peru"}


def test_what_cannot_be_rendered_is_broken_and_the_others_are_replayed(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("question: Where was the cup?", "qestion: Where?"))
    found = by_id(suites.replay())
    assert found["host[good]"].status == "broken"
    assert "qestion" in found["host[good]"].said
    assert found["host[good]"].error == "TemplateError"
    assert (found["winner[good]"].status, found["goals[bad]"].status) == ("same", "same")


def test_todays_scorers_judge_the_recorded_answer(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("expected: Qatar", "expected: Peru"))
    found = by_id(suites.replay())
    assert [score.value for score in found["host[good]"].scores] == [0]
    assert found["host[good]"].rescored
    assert not found["winner[good]"].rescored
    # Another expected text is no other prompt.
    assert {one.status for one in found.values()} == {"same"}


def test_a_label_that_changed_is_no_drift(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("tags: [final]", "label: internal"))
    found = by_id(suites.replay())
    assert (found["winner[good]"].status, found["winner[good]"].label) == ("same", "internal")


def test_the_nearest_of_a_miss_shares_the_case_before_the_model(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("models: [good, bad]", "models: [good, third]"))
    missing = [one for one in suites.replay() if one.status == "missing"]
    assert [one.key.id for one in missing] == ["winner[third]", "host[third]", "goals[third]"]
    assert {one.nearest.key.case for one in missing if one.nearest} == {"winner", "host", "goals"}
    unexpected = [one.key.id for one in suites.replay() if one.status == "unexpected"]
    assert unexpected == ["winner[bad]", "host[bad]", "goals[bad]"]


def test_only_replays_what_is_named_and_calls_nothing_unexpected(suites: SuiteHouse) -> None:
    suites.record()
    assert list(by_id(suites.replay(only=["host", "winner[bad]"]))) == ["winner[bad]", "host[good]", "host[bad]"]


def test_repeats_are_items_of_their_own(suites: SuiteHouse) -> None:
    suites.write(SUITE + "repeats: 2\n")
    suites.record()
    assert len(suites.house.models["good"].history) == 6
    found = suites.replay()
    assert [one.key.id for one in found[:4]] == ["winner[good]", "winner[good]#2", "winner[bad]", "winner[bad]#2"]
    assert {one.status for one in found} == {"same"}
    suites.write(SUITE)
    assert [one.key.id for one in suites.replay() if one.status == "unexpected"][:1] == ["winner[good]#2"]
