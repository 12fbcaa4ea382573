"""What people do with runs: names, pins, deletions and ratings; and what a run was asked for."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptlab.errors import StoreError
from promptlab.runs._rating import Rating
from promptlab.runs._run_info import MadeFor, RunInfo
from promptlab.runs._store import Store
from tests.runs.test_store import PRINT, V1, begin, put, request, result, tables


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "runs.sqlite")
    yield opened
    opened.close()


def asked(store: Store, text: str = "Who won?", **run: object) -> RunInfo:
    info = begin(store, **run)
    put(store, result(info, request(text)))
    return info


def test_a_name_a_pin_and_a_deletion_come_back_as_they_were_given(store: Store) -> None:
    run, other = asked(store), asked(store)
    store.rename(run.id, "  the\n best ")
    store.pin(run.id)
    assert store.run(run.id).name == store.run(run.id).heading == "the best"
    assert [each.id for each in store.runs(pinned=True)] == [run.id]
    store.delete(run.id)
    assert [each.id for each in store.runs()] == [other.id]
    assert [each.id for each in store.runs(deleted=True)] == [run.id]
    assert store.run(run.id).deleted, "an address of the run still finds it"
    store.restore(run.id)
    assert [each.id for each in store.runs()] == [other.id, run.id]
    assert store.run(run.id).pinned, "undo brings all of it back"
    store.rename(run.id, "")
    assert store.run(run.id).heading == "compare cup"


def test_an_answer_of_a_deleted_run_is_not_used_again(store: Store) -> None:
    run = asked(store)
    key = request().key(PRINT)
    assert store.find(key)
    store.delete(run.id)
    assert store.find(key) is None
    store.restore(run.id)
    assert store.find(key)


def test_deleted_runs_are_removed_with_texts_that_nothing_else_needs_and_no_more(store: Store) -> None:
    kept, gone = asked(store, "Who won?"), asked(store, "Who lost?")
    rated = store.results(gone.id)[0].id
    store.ratings.rate(Rating(rated, "bad"))
    store.delete(gone.id)
    assert store.remove_deleted() == 1
    assert store.results(gone.id) == []
    assert store.ratings.of([rated]) == {}
    assert store.results(kept.id)[0].request == request("Who won?")
    with sqlite3.connect(store.path) as db:
        texts = {text for (text,) in db.execute("select text from texts")}
        requests = db.execute("select count(*) from requests").fetchone()
    db.close()
    assert texts == {b"Answer.", b"Who won?"}, "both runs had the first text, and only one is gone"
    assert requests == (1,)
    asked(store, "Who lost?")
    assert len(store.runs(text="who lost")) == 1, "a removed text can be asked again"


@pytest.mark.parametrize("kind", ["suite", "judge", "causes"])
def test_a_run_of_a_suite_is_not_deleted(store: Store, kind: str) -> None:
    run = asked(store, made_for=MadeFor(kind, "fixtures/suites/cup.yaml", "b"))
    with pytest.raises(StoreError, match="belongs to a suite"):
        store.delete(run.id)
    assert store.run(run.id).made_for == MadeFor(kind, "fixtures/suites/cup.yaml", "b")
    assert [each.id for each in store.runs(kinds=[kind])] == [run.id]
    assert store.runs(kinds=[""]) == []


def test_runs_asked_together_are_one_in_the_list(store: Store) -> None:
    alone = asked(store)
    parts = [asked(store, made_for=MadeFor("suite", "s.yaml", "one")) for _ in range(3)]
    judged = asked(store, made_for=MadeFor("judge", "s.yaml", "one"))
    listed = store.runs(together=True)
    assert [(run.id, run.total, run.done) for run in listed] == [
        (judged.id, 1, 1),
        (parts[-1].id, 3, 3),
        (alone.id, 1, 1),
    ]
    assert listed[1].ids == tuple(part.id for part in parts)
    assert listed[1].many
    assert store.count_runs(together=True) == 3
    assert store.count_runs() == 5


def test_days_narrow_the_list(store: Store) -> None:
    days = ["2026-01-01T10:00:00+00:00", "2026-01-02T10:00:00+00:00", "2026-01-03T10:00:00+00:00"]
    runs = [asked(store, created=day) for day in days]
    found = store.runs(since="2026-01-02T00:00:00+00:00", until="2026-01-03T00:00:00+00:00")
    assert [run.id for run in found] == [runs[1].id]


def test_templates_models_and_counts_are_asked_of_the_whole_history(store: Store) -> None:
    asked(store)
    asked(store, template="templates/other.yaml")
    assert store.templates() == ["templates/cup.yaml", "templates/other.yaml"]
    assert store.models() == ["gpt"]
    assert store.count_runs(template="templates/other.yaml", model="gpt") == 1


@pytest.mark.parametrize("corrected", [None, "Argentina", "half \ud800", ""])
def test_a_rating_comes_back_as_it_was_given(store: Store, corrected: str | None) -> None:
    run = asked(store)
    (answer,) = store.results(run.id)
    store.ratings.rate(Rating(answer.id, "bad", "too long", corrected, "2026-01-01"))
    assert store.ratings.of([answer.id, "none"]) == {
        answer.id: Rating(answer.id, "bad", "too long", corrected, "2026-01-01")
    }
    assert store.ratings.rated_runs() == [run.id]
    store.ratings.rate(Rating(answer.id, "good"))
    again = store.ratings.of([answer.id])[answer.id]
    assert (again.verdict, again.comment, again.corrected) == ("good", "", None)
    assert again.created
    store.ratings.rate(Rating(answer.id))
    assert store.ratings.of([answer.id]) == {}


def test_a_rating_is_good_bad_or_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match="good or bad"):
        store.ratings.rate(Rating("x", "great"))  # type: ignore[arg-type]  # what a caller without types may give


@pytest.mark.parametrize("expected", [None, "Argentina", ["a", "b"], {"x": 1.5}, 3, False])
def test_the_expected_answer_is_stored(store: Store, expected: object) -> None:
    run = begin(store)
    put(store, result(run, expected=expected))
    assert store.results(run.id)[0].expected == expected


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("suite rerun world-cup", "suite"),
        ("suite record world-cup", "suite"),
        ("suite judge world-cup", "judge"),
        ("suite causes world-cup case[gpt]", "causes"),
        ("compare world-cup", ""),
        ("suite", ""),
    ],
)
def test_runs_of_suites_in_an_old_file_are_known_as_such(tmp_path: Path, title: str, kind: str) -> None:
    path = tmp_path / "old"
    with sqlite3.connect(path) as db:
        db.executescript(V1)
        db.execute("update runs set title = ?", (title,))
    db.close()
    store = Store(path)
    run = store.run("old")
    assert run.made_for == MadeFor(kind)
    assert (run.name, run.pinned, run.deleted) == ("", False, "")
    store.pin("old")
    store.close()
    Store(tmp_path / "new").close()
    assert tables(path) == tables(tmp_path / "new")


def test_a_run_of_many_answers_is_many_whoever_asked_it() -> None:
    run = RunInfo("a", "now", "t", "t", 12, None)  # type: ignore[arg-type]  # the origin does not count here
    assert not run.many
    assert dataclasses.replace(run, total=13).many
    assert dataclasses.replace(run, total=1, made_for=MadeFor("suite")).many
