"""The history: everything comes back as it went in, whoever else has the file open and whenever one is killed."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import StoreError
from promptlab.runs._explain import explain
from promptlab.runs._run_info import RunInfo
from promptlab.runs._store import SCHEMA_VERSION, Store
from promptlab.types import (
    LABELS,
    SECTIONS,
    SWITCHABLE,
    Completion,
    Message,
    Origin,
    Params,
    Prompt,
    Request,
    Result,
    Score,
    Source,
    Span,
    Timings,
    Usage,
)

MADE_BY = Origin("templates/cup.yaml", "0" * 40, "abc", True, {"python": "3.11"})
PRINT = "api|gpt"
_clock = itertools.count()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "deep/er/runs.sqlite")
    yield opened
    opened.close()


def moment() -> str:
    return f"2026-01-01T00:00:00.{next(_clock):06d}+00:00"


def begin(store: Store, **changes: Any) -> RunInfo:
    run = dataclasses.replace(RunInfo(uuid.uuid4().hex, moment(), "compare cup", "templates/cup.yaml", 1, MADE_BY))
    run = dataclasses.replace(run, **changes)
    store.begin(run)
    return run


def request(text: str = "Who won?", **rest: Any) -> Request:
    return Request("gpt", Prompt((Message("system", "Answer."), Message("user", text))), **rest)


def result(run: RunInfo, asked: Request | None = None, text: str = "Argentina", **changes: Any) -> Result:
    asked = asked or request()
    made = Result(
        uuid.uuid4().hex, run.id, asked.model, asked, asked.key(PRINT), completion=Completion(text), created=moment()
    )
    return dataclasses.replace(made, **changes)


def put(store: Store, *results: Result, fingerprint: str = PRINT) -> None:
    store.add((n, r, fingerprint) for n, r in enumerate(results))


# Round trips


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One history for all the examples of a property."""
    opened = Store(tmp_path_factory.mktemp("kept") / "runs.sqlite")
    yield opened
    opened.close()


ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=20)
PLAIN = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20)
COUNT = st.none() | st.integers(0, 2**40)
SECONDS = st.floats(0, 1e6)
SPANS = st.builds(
    Span,
    st.integers(0, 3),
    st.integers(0, 9),
    st.integers(0, 9),
    st.sampled_from(SECTIONS),
    PLAIN,
    st.sampled_from(LABELS),
)
PROMPTS = st.builds(
    Prompt,
    st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), ANY_TEXT), max_size=4).map(tuple),
    st.lists(SPANS, max_size=3).map(tuple),
    st.lists(st.builds(Source, st.sampled_from(SECTIONS), PLAIN, st.sampled_from(LABELS), PLAIN), max_size=3).map(
        tuple
    ),
)
PARAMS = st.builds(
    Params,
    temperature=st.floats(0, 2),
    max_tokens=st.integers(1, 10**6),
    top_p=st.none() | st.floats(0, 1),
    top_k=st.none() | st.integers(0, 99),
    min_p=st.none() | st.floats(0, 1),
    seed=st.none() | st.integers(0, 2**32),
    reasoning_effort=st.none() | st.sampled_from(["none", "high"]),
    stop=st.lists(PLAIN, max_size=2).map(tuple),
)
REQUESTS = st.builds(
    Request,
    PLAIN,
    PROMPTS,
    PARAMS,
    st.none() | st.sampled_from(['{"type": "string"}', '{"enum":["\\ud800"]}']),
    st.integers(0, 9),
)
COMPLETIONS = st.builds(
    Completion,
    ANY_TEXT,
    st.sampled_from(["stop", "length", "stopped", "content_filter", "tool_calls", "unknown"]),
    st.builds(Usage, COUNT, COUNT, COUNT, COUNT),
    st.builds(Timings, SECONDS, st.none() | SECONDS, SECONDS),
    PLAIN,
    st.dictionaries(PLAIN, st.none() | st.booleans() | st.integers() | PLAIN | st.lists(PLAIN, max_size=2), max_size=3),
    ANY_TEXT,
)
SCORES = st.lists(st.builds(Score, PLAIN, st.floats(0, 1), PLAIN, PLAIN), max_size=2).map(tuple)


@given(
    asked=st.none() | REQUESTS,
    completion=st.none() | COMPLETIONS,
    words=st.lists(PLAIN, min_size=4, max_size=4),
    partial=ANY_TEXT,
    cached=st.booleans(),
    scores=SCORES,
    without=st.sets(st.sampled_from(SWITCHABLE)).map(lambda found: tuple(sorted(found))),
)
@settings(max_examples=60)
def test_every_field_comes_back_as_it_went_in(
    kept: Store,
    asked: Request | None,
    completion: Completion | None,
    words: list[str],
    partial: str,
    cached: bool,
    scores: tuple[Score, ...],
    without: Any,
) -> None:
    run = begin(kept, title=words[0])
    before = Result(
        uuid.uuid4().hex,
        run.id,
        asked.model if asked else "gone",
        asked,
        asked.key(words[1]) if asked else "",
        completion=completion,
        error="" if completion else words[1],
        error_kind="" if completion else "GateRefused",
        hint=words[2],
        cached=cached,
        partial="" if completion else partial,
        scores=scores,
        case=words[3],
        without=without,
        created=moment(),
    )
    put(kept, before, fingerprint=words[1])
    assert kept.results(run.id) == [before]
    assert kept.run(run.id) == dataclasses.replace(run, done=1, failed=0 if completion else 1, models=(before.model,))


def test_a_lone_surrogate_in_words_for_people_is_kept_as_its_escape(store: Store) -> None:
    run = begin(store, title="half a \ud83d")
    put(store, result(run, completion=None, error="broken \udc80", hint="\ud800", case="c\udfff", model="m\ud800"))
    (back,) = store.results(run.id)
    assert store.run(run.id).title == "half a \\ud83d"
    assert (back.error, back.hint, back.case, back.model) == ("broken \\udc80", "\\ud800", "c\\udfff", "m\\ud800")


def test_details_that_are_no_json_are_kept_as_words(store: Store) -> None:
    run = begin(store)
    put(store, result(run, completion=Completion("a", details={"path": Path("a/b"), "pair": (1, 2)})))
    assert store.results(run.id)[0].completion == Completion("a", details={"path": "a/b", "pair": [1, 2]})


def test_results_come_in_the_order_of_the_trials(store: Store) -> None:
    run = begin(store, total=4)
    made = [result(run, request(str(n))) for n in range(4)]
    for n in (2, 0, 3, 1):
        store.add([(n, made[n], PRINT)])
    assert store.results(run.id) == made


def test_two_names_of_one_model_each_keep_their_name(store: Store) -> None:
    run = begin(store, total=2)
    other = dataclasses.replace(request(), model="alias")
    put(store, result(run), result(run, other))
    assert [r.request.model for r in store.results(run.id) if r.request] == ["gpt", "alias"]
    assert not explain(store, dataclasses.replace(other, repeat=1), PRINT).sentence.endswith("has no stored answer yet")


def test_two_templates_that_give_the_same_text_keep_their_own_spans(store: Store) -> None:
    run = begin(store, total=2)
    spans = [(Span(0, 0, 7, "instructions"),), (Span(0, 0, 7, "layout"),)]
    asked = [dataclasses.replace(request(), prompt=dataclasses.replace(request().prompt, spans=s)) for s in spans]
    put(store, *(result(run, a) for a in asked))
    assert [r.request.prompt.spans for r in store.results(run.id) if r.request] == spans


def test_one_article_is_stored_once_for_hundreds_of_questions(store: Store) -> None:
    article = "Argentina won. " * 2_000
    run = begin(store, total=300)
    asked = [Request("gpt", Prompt((Message("system", article), Message("user", f"{n}?")))) for n in range(300)]
    put(store, *(result(run, a) for a in asked))
    with sqlite3.connect(store.path) as db:
        assert db.execute("select count(*) from texts").fetchone() == (301,)
    db.close()
    assert [r.request for r in store.results(run.id)] == asked
    store.close()
    assert store.path.stat().st_size < 2_000_000 + len(article)


def test_a_text_is_written_again_once_a_write_has_failed(store: Store) -> None:
    run = begin(store, total=3)
    put(store, result(run, request("one?")))
    with sqlite3.connect(store.path) as db:  # as if another file had taken its place
        db.execute("delete from messages")
        db.execute("delete from texts")
    db.close()
    lost = result(run, request("two?"))
    with pytest.raises(StoreError):
        put(store, lost)
    put(store, lost)
    assert lost.request in [r.request for r in store.results(run.id)]


# The cache


@pytest.mark.parametrize(
    "useless",
    [
        {"completion": None, "error": "failed", "error_kind": "ServerFailed", "partial": "Arg"},
        {"completion": Completion("Arg", "stopped")},
        {"completion": Completion("Argentina"), "cached": True},
        {"completion": Completion("Argen", "unknown", details={"finish": "moonset"})},
    ],
    ids=["failed", "stopped", "cached", "nobody knows whether it is whole"],
)
def test_only_live_and_whole_answers_are_found(store: Store, useless: dict[str, Any]) -> None:
    run = begin(store, total=2)
    put(store, result(run, **useless))
    assert store.find(request().key(PRINT)) is None
    assert not explain(store, request(), PRINT).hit
    put(store, result(run, text="live"))
    found = store.find(request().key(PRINT))
    assert found
    assert found.completion.text == "live"


def test_the_first_answer_is_the_one_found(store: Store) -> None:
    run = begin(store, total=3)
    first, second = result(run, text="first"), result(run, text="second")
    put(store, second)
    put(store, first, dataclasses.replace(first, id="0", completion=Completion("as old")))
    found = store.find(request().key(PRINT))
    assert found
    assert (found.completion.text, found.created, found.run_id) == ("first", first.created, run.id)


def test_a_found_answer_is_whole(store: Store) -> None:
    whole = Completion("a\x00b", "length", Usage(1, 2, 3), Timings(1, 2, 3), "gpt-4o-2024", {"device": "gpu"}, "Hm.")
    put(store, result(begin(store), completion=whole))
    found = store.find(request().key(PRINT))
    assert found
    assert found.completion == whole


@pytest.mark.parametrize("key", ["", "nothing", "' or 1=1 --", "%"])
def test_an_unknown_key_finds_nothing(store: Store, key: str) -> None:
    put(store, result(begin(store)), result(begin(store), request_id=""))
    assert store.find(key) is None or key == ""


def test_results_that_never_became_a_request_are_no_answers(store: Store) -> None:
    refused = result(begin(store), completion=None, request=None, request_id="", error="refused")
    put(store, refused)
    assert store.find("") is None


# Why


@pytest.mark.parametrize(
    ("asked", "fingerprint", "differences"),
    [
        (request(), "api|other", ("the model (api|gpt → api|other)",)),
        (request(params=Params(temperature=0.5, seed=1)), PRINT, ("seed (None → 1)", "temperature (0.0 → 0.5)")),
        (request(params=Params(seed=3)), PRINT, ("seed (None → 3)",)),
        (request(params=Params(stop=("a",))), PRINT, ("stop (None → ['a'])",)),
        (request(schema="{}"), PRINT, ("the JSON schema",)),
        (request(repeat=2), PRINT, ("the repeat (0 → 2)",)),
        (request("Who lost?"), PRINT, ("message 2 (user)",)),
        (
            Request("gpt", Prompt((Message("user", "Who won?"),))),
            PRINT,
            ("the number of messages (2 → 1)",),
        ),
        (
            request("Who lost?", params=Params(max_tokens=1), repeat=1),
            "x",
            ("the model (api|gpt → x)", "max_tokens (256 → 1)", "the repeat (0 → 1)", "message 2 (user)"),
        ),
    ],
)
def test_a_miss_names_every_difference(
    store: Store, asked: Request, fingerprint: str, differences: tuple[str, ...]
) -> None:
    put(store, result(begin(store)))
    found = explain(store, asked, fingerprint)
    assert not found.hit
    assert found.differences == differences
    assert found.sentence == f"no stored answer: the nearest request differs in {'; '.join(differences)}"


def test_a_hit_says_when_and_where_it_was_answered(store: Store) -> None:
    run = begin(store)
    put(store, result(run, created="2026-02-03"))
    found = explain(store, request(), PRINT)
    assert found.hit
    assert found.sentence == f"the same request was answered on 2026-02-03 in run {run.id}"


def test_a_miss_compares_with_the_nearest_of_the_same_model(store: Store) -> None:
    run = begin(store, total=3)
    far = request("Who?", params=Params(temperature=1), repeat=4)
    elsewhere = dataclasses.replace(request(params=Params(seed=1)), model="other")
    put(store, result(run, far), result(run, request()), result(run, elsewhere))
    assert explain(store, request(params=Params(seed=2)), PRINT).differences == ("seed (None → 2)",)
    assert (
        explain(store, dataclasses.replace(request(), model="third"), "p").sentence == "third has no stored answer yet"
    )


# Lists


def test_runs_are_listed_newest_first_with_what_became_of_them(store: Store) -> None:
    old, new = begin(store, total=3), begin(store, total=1, template="templates/other.yaml", title="other")
    failed = result(old, dataclasses.replace(request(), model="b"), completion=None, error="no")
    put(store, result(old, dataclasses.replace(request(), model="z")), failed)
    assert store.runs() == [new, dataclasses.replace(old, done=2, failed=1, models=("z", "b"))]


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({"template": "templates/b.yaml"}, ["two"]),
        ({"model": "z"}, ["one"]),
        ({"model": "gpt"}, ["two"]),
        ({"model": "nobody"}, []),
        ({"text": "TWO"}, ["two"]),
        ({"text": "argentina"}, ["one"]),
        ({"text": "ÉTÉ"}, ["two"]),
        ({"text": "strasse"}, ["two"]),
        ({"text": "answer."}, ["two", "one"]),
        ({"text": "100%"}, ["two"]),
        ({"text": "1_0%"}, []),
        ({"text": "back\\slash"}, ["two"]),
        ({"text": "after nul"}, ["two"]),
        ({"text": "'; drop table runs; --"}, []),
        ({"text": "\ud800"}, []),
        ({"text": "argentina", "model": "gpt"}, []),
        ({"limit": 1}, ["two"]),
    ],
    ids=str,
)
def test_runs_are_found_by_what_is_in_them(store: Store, wanted: dict[str, Any], titles: list[str]) -> None:
    one, two = begin(store, title="one"), begin(store, title="two", template="templates/b.yaml")
    put(store, result(one, dataclasses.replace(request(), model="z"), "It was Argentina"))
    put(store, result(two, request("L'été, Straße, 100% back\\slash"), "nul \x00 After NUL"))
    assert [run.title for run in store.runs(**wanted)] == titles


def test_a_partial_answer_is_found_too(store: Store) -> None:
    run = begin(store)
    put(store, result(run, completion=None, error="cut", partial="Argen"))
    assert [found.id for found in store.runs(text="argen")] == [run.id]


@pytest.mark.parametrize("times", [["a"] * 25, [str(n % 3) for n in range(25)], [f"{n:02}" for n in range(25)]])
def test_pages_hold_every_run_once_even_of_the_same_moment(store: Store, times: list[str]) -> None:
    made = {begin(store, created=created).id for created in times}
    seen: list[str] = []
    page = store.runs(limit=4)
    while page:
        seen += [run.id for run in page]
        page = store.runs(limit=4, before=page[-1])
    assert len(seen) == len(made)
    assert set(seen) == made
    assert [run.id for run in store.runs(limit=99)] == seen


def test_thousands_of_runs_can_be_listed_at_once(store: Store) -> None:
    with sqlite3.connect(store.path) as db:
        rows = [(f"{n:06d}", "now", "t", "t", 1, '{"template": "t", "template_blob": ""}') for n in range(33_000)]
        db.executemany("insert into runs (id, created, title, template, total, origin) values (?, ?, ?, ?, ?, ?)", rows)
    db.close()
    assert len(store.runs(limit=100_000)) == 33_000


def test_the_beginning_of_an_id_is_enough_when_it_is_unique(store: Store) -> None:
    run = begin(store, id="abc1")
    begin(store, id="abd2")
    assert store.run("abc") == run
    for beginning, message in [("ab", "more than one run"), ("x", "no run `x`"), ("%", "no run"), ("", "no run ``")]:
        with pytest.raises(StoreError, match=message):
            store.run(beginning)


def test_a_run_without_results_is_there(store: Store) -> None:
    run = begin(store)
    assert store.results(run.id) == []
    assert store.results("unknown") == []
    assert store.runs() == [run]


# The file


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    Store(tmp_path / "a").close()
    with sqlite3.connect(tmp_path / "a") as db:
        db.execute("update schema_version set version = ?", (SCHEMA_VERSION + 1,))
    db.close()
    with pytest.raises(
        StoreError, match=rf"newer promptlab \(schema {SCHEMA_VERSION + 1}, this one knows {SCHEMA_VERSION}\)"
    ) as caught:
        Store(tmp_path / "a")
    assert "upgrade promptlab" in caught.value.hint


# The tables of version 1, written down: a change to the schema that lacks a migration fails here.
V1 = """
create table schema_version (version integer not null);
create table runs (id text not null primary key, created text not null, title text not null, template text not null,
  total integer not null, origin text not null);
create table texts (sha256 text not null primary key, text blob not null);
create table requests (key text not null primary key, model text not null, fingerprint text not null,
  params text not null, json_schema text, repeat integer not null);
create table messages (request_key text not null references requests (key), position integer not null,
  role text not null, text_sha256 text not null references texts (sha256), primary key (request_key, position));
create table results (id text not null primary key, run_id text not null references runs (id),
  position integer not null, model text not null, case_id text not null, without text not null,
  request_key text not null, spans text not null, status text not null, text blob not null,
  finish_reason text not null, tokens_read integer, tokens_reused integer, tokens_written integer, waited_s float,
  first_token_s float, total_s float, fingerprint text not null, details text not null, error text not null,
  error_kind text not null, hint text not null, cached boolean not null, scores text not null, created text not null);
insert into schema_version values (1);
insert into runs values ('old', '2026-01-01', 'an old run', 'templates/cup.yaml', 1,
  '{"git_dirty":false,"git_revision":"","template":"templates/cup.yaml","template_blob":"","versions":{}}');
insert into texts values ('h', x'57686f20776f6e3f');
insert into requests values ('k', 'gpt', 'api|gpt', '{"max_tokens":9,"temperature":0.0}', null, 0);
insert into messages values ('k', 0, 'user', 'h');
insert into results values ('r', 'old', 0, 'gpt', '', '["context"]', 'k',
  '{"spans": [[0, 0, 8, "input", "question", "public"]], "sources": []}', 'ok', x'417267656e74696e61', 'stop',
  9, 0, 1, 0.0, 0.1, 0.2, 'gpt-4o', '{}', '', '', '', 0, '[]', '2026-01-01');
"""


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Each table's columns: name, type, whether it may be null, place in the primary key."""
    db = sqlite3.connect(path)
    names = [name for (name,) in db.execute("select name from sqlite_master where type = 'table'")]
    found = {
        name: [(row[1], row[2].upper(), row[3], row[5]) for row in db.execute(f"pragma table_info({name})")]
        for name in names
    }
    db.close()
    return found


def test_the_oldest_file_opens_and_takes_new_runs(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old") as db:
        db.executescript(V1)
    db.close()
    store = Store(tmp_path / "old")
    (old,) = store.results("old")
    prompt = Prompt((Message("user", "Who won?"),), (Span(0, 0, 8, "input", "question"),))
    assert old.request == Request("gpt", prompt, Params(max_tokens=9))
    assert old.completion == Completion("Argentina", "stop", Usage(9, 0, 1), Timings(0.0, 0.1, 0.2), "gpt-4o")
    found = store.find("k")
    assert found
    assert found.completion == old.completion
    put(store, result(begin(store)))
    assert len(store.runs()) == 2
    store.close()


def test_the_oldest_file_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    Store(tmp_path / "new").close()
    with sqlite3.connect(tmp_path / "old") as db:
        db.executescript(V1)
    db.close()
    Store(tmp_path / "old").close()
    assert tables(tmp_path / "old") == tables(tmp_path / "new")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a database at all" * 100, "file is not a database"),
        (b"SQLite format 3\x00" + b"\xff" * 4096, "cannot be opened"),
        ("create table people (name text)", r"a database of something else \(it has a table `people`\)"),
        ("create table schema_version (version text)", "does not say which schema"),
        ("create table schema_version (version text); insert into schema_version values ('x')", "does not say which"),
        ("create table schema_version (other text)", "cannot be opened: no such column"),
    ],
)
def test_a_file_that_is_no_history_is_an_error_that_says_what_to_do(
    tmp_path: Path, content: bytes | str, message: str
) -> None:
    path = tmp_path / "runs.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with sqlite3.connect(path) as db:
            db.executescript(content)
        db.close()
    with pytest.raises(StoreError, match=message) as caught:
        Store(path)
    assert "move it aside" in caught.value.hint
    if isinstance(content, bytes):
        assert path.read_bytes() == content
    else:
        assert "results" not in tables(path)


def test_an_empty_file_becomes_a_history(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    store = Store(tmp_path / "a")
    put(store, result(begin(store)))
    assert len(store.runs()) == 1
    store.close()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "file/runs.sqlite")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "folder")


def test_damage_found_while_reading_and_writing_is_an_error_with_a_hint(tmp_path: Path) -> None:
    store = Store(tmp_path / "a")
    run = begin(store)
    with sqlite3.connect(store.path) as db:
        db.execute("drop table results")
    db.close()
    for action in (lambda: store.results(run.id), store.runs, lambda: store.find("k")):
        with pytest.raises(StoreError, match="cannot be read: no such table") as caught:
            action()
        assert "move it aside" in caught.value.hint
    with pytest.raises(StoreError, match="cannot be written") as caught:
        put(store, result(run))
    assert caught.value.hint
    store.close()


def test_a_failed_write_leaves_nothing_half_written(store: Store) -> None:
    run = begin(store, total=2)
    good = result(run)
    with pytest.raises(StoreError, match="cannot be written"):
        put(store, good, good)
    assert store.results(run.id) == []
    assert store.find(good.request_id) is None
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        put(store, dataclasses.replace(good, run_id="unknown"))


def test_runs_are_found_by_the_version_of_their_template(store: Store) -> None:
    origins = [dataclasses.replace(MADE_BY, template_blob=blob * 40) for blob in "aba"]
    ids = [begin(store, origin=origin).id for origin in origins]
    assert [run.id for run in store.runs(blob="a" * 40)] == [ids[2], ids[0]]
    assert [run.id for run in store.runs(blob="b" * 40)] == [ids[1]]
    for other in ("c" * 40, "%", "a", "_" * 40, '"'):
        assert store.runs(blob=other) == []


def test_answers_are_counted_by_the_version_of_their_template(store: Store) -> None:
    for blob in "aba":
        run = begin(store, total=2, origin=dataclasses.replace(MADE_BY, template_blob=blob * 40))
        put(store, result(run))
    assert store.answers_by_version(["a" * 40, "c" * 40]) == {"a" * 40: 2}
    assert store.answers_by_version([]) == {}


# Several at once


def test_many_threads_read_and_write_at_once(store: Store) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(10):
                run = begin(store)
                mine = result(run, request(run.id))
                put(store, mine)
                assert store.find(mine.request_id)
                assert store.results(run.id) == [mine]
                store.runs(text=run.id)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(store.runs(limit=999)) == 120


WRITER = """
import sys, uuid
from pathlib import Path
from promptlab.runs._run_info import RunInfo
from promptlab.runs._store import Store
from promptlab.types import *
store = Store(Path(sys.argv[1]))
request = Request("gpt", Prompt((Message("user", "shared text"),)))
for n in range(15):
    run = RunInfo(uuid.uuid4().hex, str(n), sys.argv[2], "t", 1, Origin("t", ""))
    store.begin(run)
    store.add([(0, Result(uuid.uuid4().hex, run.id, "gpt", request, request.key("f"), Completion(str(n))), "f")])
    assert store.find(request.key("f"))
"""


def test_several_processes_open_a_new_file_and_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(n)], stderr=subprocess.PIPE, text=True)
        for n in range(3)
    ]
    assert [(w.communicate()[1], w.returncode) for w in writers] == [("", 0)] * 3
    store = Store(path)
    runs = store.runs(limit=999)
    assert len(runs) == 45
    assert all(run.done == 1 for run in runs)
    with sqlite3.connect(path) as db:
        assert db.execute("select count(*) from schema_version").fetchone() == (1,)
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
    db.close()
    store.close()


def test_a_reader_sees_whole_transactions_while_another_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    store = Store(path)
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "w"], stderr=subprocess.PIPE, text=True)
    counts = []
    while writer.poll() is None:
        counts.append(sum(run.done for run in store.runs(limit=99)))
        time.sleep(0.005)
    assert (writer.communicate()[1], writer.returncode) == ("", 0)
    assert counts == sorted(counts)
    assert sum(run.done for run in store.runs(limit=99)) == 15
    store.close()


ENDLESS = """
import sys
from pathlib import Path
from promptlab.runs import _runner as runner
from promptlab import templates
from promptlab.models._scripted import ScriptedBackend
from promptlab.models import Catalogue
from promptlab.runs._store import Store
from promptlab.runs import Trial
from promptlab.types import Result
from promptlab.workspace import Workspace
workspace = Workspace.load(Path(sys.argv[1]))
template = templates.parse("inputs: {q: {}}", path="t.yaml")
store = Store(workspace.state / "runs.sqlite")
catalogue = Catalogue(workspace, {}, extra={"a": ScriptedBackend("a", lambda request: request.messages[-1].content)})
n = 0
while True:
    trials = [Trial(template, {"q": f"{n} {i}"}, "a") for i in range(20)]
    n += 1
    for event in runner.start_run(trials, catalogue=catalogue, store=store):
        if isinstance(event.step, Result):
            print(event.step.run_id, event.step.id, flush=True)
"""


@pytest.mark.parametrize("after", [1, 60, 333])
def test_a_killed_process_loses_no_result_it_had_reported(make_workspace: Callable[..., Any], after: int) -> None:
    workspace = make_workspace()
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(workspace.root)], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout
    reported = [process.stdout.readline().split() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    # What stood in the pipe was reported before the end, too; the last line may be cut.
    reported += [line.split() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    store = Store(workspace.state / "runs.sqlite")
    kept = {run.id: {r.id: r for r in store.results(run.id)} for run in store.runs(limit=10_000)}
    assert len(reported) >= after
    for run_id, result_id in reported:
        found = kept[run_id][result_id]
        assert found.request
        assert found.text == found.request.messages[-1].content
    begin(store)
    store.close()


# What was last used


def with_sources(*sources: Source) -> Request:
    return Request("gpt", Prompt((Message("user", "Who won?"),), (), sources))


def test_the_newest_use_of_each_document_is_told(store: Store) -> None:
    cup, host = Source("context", "cup.md", "public", "1"), Source("context", "host.md\ud800", "public", "2")
    changed = dataclasses.replace(cup, sha256="3")
    first, second = begin(store), begin(store)
    put(store, result(first, with_sources(cup, host, Source("input", "question"))))
    put(store, result(second, with_sources(changed)), result(second, with_sources(changed)))
    assert [(use.source, use.run_id) for use in store.last_used("context")] == [
        (changed, second.id),
        (host, first.id),
    ]
    assert [use.source for use in store.last_used("context", among=1)] == [changed]
    assert [use.source.name for use in store.last_used("input")] == ["question"]


def test_nothing_was_used_in_an_empty_history(store: Store) -> None:
    assert store.last_used("context") == []
