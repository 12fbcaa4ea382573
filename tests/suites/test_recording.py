"""Recordings: what is written comes back, and whatever is not as it was written is refused with its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InputError
from promptlab.suites import _recording as recording
from promptlab.suites._recorded_item import Judged, RecordedItem
from promptlab.suites._recording import Recording, write
from promptlab.suites._recording_line import LONG, item_from
from promptlab.suites._suite import ItemKey
from promptlab.types import (
    Completion,
    Message,
    Params,
    Prompt,
    Request,
    Score,
    Source,
    Span,
    Usage,
    sha256,
)
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

ARTICLE = "Argentina beat France in the final. " * 20


def stored(
    case: str = "winner", *, article: str = ARTICLE, question: str = "Who won?", answer: str = "Me"
) -> RecordedItem:
    """An item whose prompt has a long article and a question."""
    text = f"{article}\n{question}"
    spans = (
        Span(0, 0, len(article), "context", "cup.md", "internal"),
        Span(0, len(article), len(article) + 1, "layout"),
        Span(0, len(article) + 1, len(text), "input", "question"),
    )
    prompt = Prompt((Message("user", text),), spans, (Source("context", "cup.md", "internal", sha256(article)),))
    request = Request("m", prompt, Params(temperature=0.5, stop=("\n",), seed=3), '{"type": "object"}', 2)
    return RecordedItem(
        key=ItemKey(case, "article", "m", 2),
        request=request,
        request_key=request.key("f"),
        backend="f",
        completion=Completion(answer, "length", Usage(7, 1, 2), fingerprint="f2"),
        scores=(Score("contains", 1.0, "Me", "holds 'Me'"),),
        judged=(Judged("judge", "gpt", "g", "k", '{"pass": true}'),),
        inputs={"question": question, "n": 1.5, "deep": {"list": [None, True]}},
        expected=["Me", "You"],
        tags=("final",),
        label="internal",
        without=("examples",),
        template="templates/cup.yaml",
        blob="b1",
    )


def back(path: Path) -> list[RecordedItem]:
    with Recording(path, shown="r.jsonl") as found:
        return list(found)


def test_everything_of_an_item_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    every = [stored("a"), stored("b", question='And \u2028 who\nlost "it"?'), stored("c", article="short")]
    assert write(path, every) == 3
    assert back(path) == every


@given(st.lists(st.text(st.characters(codec=None), max_size=400), min_size=3, max_size=3))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    """Also line breaks of every kind, lone halves of characters, and what looks like JSON."""
    path = tmp_path_factory.mktemp("any") / "r.jsonl"
    article, question, answer = texts
    if any(0xD800 <= ord(character) < 0xE000 for character in article + question):
        return  # no prompt holds these: rendering refuses them
    one = stored(article=article, question=question, answer=answer)
    write(path, [one])
    assert back(path) == [one]


def test_an_article_stands_once_and_its_change_is_one_changed_line_of_text(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, [stored(case) for case in "abc"])
    text = path.read_text()
    assert text.count(ARTICLE) == 1
    lines = text.splitlines()
    assert [("case" in json.loads(line)) for line in lines] == [False, True, True, True]
    # One case, one line: another answer to one case changes that line alone.
    write(path, [stored("a"), stored("b", answer="Other"), stored("c")])
    changed = [n for n, (old, new) in enumerate(zip(lines, path.read_text().splitlines(), strict=True)) if old != new]
    assert changed == [2]


def test_a_recording_has_no_times_and_no_keys(suites: SuiteHouse) -> None:
    suites.record()
    text = suites.workspace.resolve(suites.suite.recording).read_text()
    assert not re.search(r"20\d\d-\d\d-\d\d|created|total_s|first_token|api_key|timings", text)
    assert "/tmp" not in text


def test_a_long_input_stays_in_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, [stored(article="", question="x" * (LONG + 1))])
    assert len(path.read_text().splitlines()) == 1


# What is not as it was written


def first_item(lines: list[str]) -> int:
    return next(n for n, line in enumerate(lines) if line.startswith('{"case"'))


def conflict(lines: list[str]) -> list[str]:
    n = first_item(lines)
    return [*lines[:n], "<<<<<<< HEAD", lines[n], "=======", lines[n], ">>>>>>> theirs", *lines[n + 1 :]]


def cut_off(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1][: len(lines[-1]) // 2]]


def another_answer(lines: list[str]) -> list[str]:
    n = first_item(lines)
    return [*lines[:n], lines[n].replace('"text": "Me"', '"text": "You"'), *lines[n + 1 :]]


def another_score(lines: list[str]) -> list[str]:
    n = first_item(lines)
    return [*lines[:n], lines[n].replace('"contains", 1.0', '"contains", 0.0'), *lines[n + 1 :]]


def another_prompt(lines: list[str]) -> list[str]:
    """By somebody who took the seal away as well."""
    n = first_item(lines)
    line = re.sub(r', "seal": "\w+"', "", lines[n].replace("Who won?", "Who lost?"))
    return [*lines[:n], line, *lines[n + 1 :]]


def another_article(lines: list[str]) -> list[str]:
    return [lines[0].replace("France", "Spain"), *lines[1:]]


def without_the_article(lines: list[str]) -> list[str]:
    return lines[1:]


def not_an_object(lines: list[str]) -> list[str]:
    return ["[1, 2]", *lines]


def twice(lines: list[str]) -> list[str]:
    return [*lines, lines[-1]]


@pytest.mark.parametrize(
    ("damage", "line", "said"),
    [
        (conflict, 2, "JSONDecodeError"),
        (cut_off, 3, "JSONDecodeError"),
        (another_answer, 2, "its seal belongs to another"),
        (another_score, 2, "its seal belongs to another"),
        (another_prompt, 2, "the prompt does not have the key"),
        (another_article, 1, "the text does not have the hash"),
        (without_the_article, 1, "KeyError"),
        (not_an_object, 1, "not a line of a recording"),
        (twice, 4, "`b[article-m]#3` is there twice"),
    ],
)
def test_a_damaged_recording_is_refused_with_its_line(
    tmp_path: Path, damage: Callable[[list[str]], list[str]], line: int, said: str
) -> None:
    path = tmp_path / "r.jsonl"
    write(path, [stored("a"), stored("b")])
    path.write_text("\n".join(damage(path.read_text().splitlines())) + "\n")
    before = path.read_bytes()
    with Recording(path, shown="r.jsonl") as found, pytest.raises(InputError) as refused:
        found.keys()
    assert (refused.value.file, refused.value.line) == ("r.jsonl", line)
    assert said in refused.value.what
    assert path.read_bytes() == before


def test_line_ends_of_another_system_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, [stored("a"), stored("b")])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert [one.key.case for one in back(path)] == ["a", "b"]


@pytest.mark.parametrize("verb", ["record", "rerun"])
def test_nothing_is_asked_and_nothing_written_over_a_damaged_recording(suites: SuiteHouse, verb: str) -> None:
    suites.record()
    path = suites.workspace.resolve(suites.suite.recording)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:-1], lines[-1].replace("No idea", "Some idea")]))
    before, asked = path.read_bytes(), len(suites.house.models["good"].history)
    with pytest.raises(InputError) as refused:
        list(suites.asking(verb))
    assert refused.value.line == len(lines)
    assert refused.value.file == "fixtures/recordings/facts.jsonl"
    assert path.read_bytes() == before
    assert len(suites.house.models["good"].history) == asked


def test_a_write_that_breaks_off_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    write(path, [stored("a")])
    before = path.read_bytes()

    def broken() -> object:
        yield stored("b")
        raise RuntimeError("the disk")

    with pytest.raises(RuntimeError):
        write(path, broken())  # type: ignore[arg-type]  # an iterator that breaks
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# Finding


def test_found_in_the_order_of_the_file_it_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.jsonl"
    every = [stored(f"c{n}") for n in range(50)]
    write(path, every)
    read = 0

    def counted(data: Mapping[str, Any], text_of: Callable[[str], str]) -> RecordedItem:
        nonlocal read
        read += 1
        return item_from(data, text_of)

    monkeypatch.setattr(recording, "item_from", counted)
    with Recording(path) as found:
        assert [found.find(one.key) for one in every] == every
        assert list(found.rest()) == []
    assert read == 50


def test_found_in_any_order_and_what_was_not_asked_for_is_left(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    a, b, c, d = every = [stored(case) for case in "abcd"]
    write(path, every)
    with Recording(path) as found:
        assert found.find(a.key) == a
        assert found.find(c.key) == c
        assert found.find(b.key) == b
        assert found.find(ItemKey("x", "", "m")) is None
        assert found.find(b.key) == b
        assert list(found.rest()) == [d]


def test_what_was_passed_by_in_order_is_not_left(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    a, b, c = every = [stored(case) for case in "abc"]
    write(path, every)
    with Recording(path) as found:
        assert (found.find(a.key), found.find(b.key), found.find(ItemKey("x", "", "m"))) == (a, b, None)
        assert list(found.rest()) == [c]


def test_long_texts_that_left_memory_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "KEPT_CHARACTERS", len(ARTICLE))
    path = tmp_path / "r.jsonl"
    articles = [ARTICLE, ARTICLE.replace("France", "Spain"), ARTICLE.replace("France", "Italy")]
    every = [stored(f"c{n}", article=articles[n % 3]) for n in range(9)]
    write(path, every)
    with Recording(path) as found:
        assert list(found) == every
        assert len(found._texts._kept) == 1


def test_a_recording_that_is_not_there_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        Recording(tmp_path / "none.jsonl", shown="none.jsonl")
    assert refused.value.hint == "`promptlab suite record` makes it"


@pytest.mark.parametrize(
    ("suite", "path"),
    [
        ("fixtures/suites/world.yaml", "fixtures/recordings/world.jsonl"),
        ("fixtures/suites/a/world.yaml", "fixtures/recordings/a/world.jsonl"),
        ("checks/world.yml", "fixtures/recordings/world.jsonl"),
    ],
)
def test_suites_of_one_name_in_two_folders_have_two_recordings(suites: SuiteHouse, suite: str, path: str) -> None:
    assert suites.write(SUITE, suite).recording == path
