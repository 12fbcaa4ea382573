"""The HTML report with its prompts and labels, and the rows as CSV and Parquet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from promptlab.experiments import (
    Outcome,
    Running,
    Tools,
    answer_rows,
    answers_as_csv,
    answers_as_parquet,
    answers_frame,
    html_report,
    label_of,
    plan_experiment,
)
from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace
from tests.experiments.bench import able, asked, experiment, workspace


@contextmanager
def opened(space: Workspace, model: ScriptedBackend, kind: str = "ablate") -> Iterator[tuple[Outcome, Store]]:
    store, log = Store.of(space), SuiteLog.of(space)
    wanted = experiment(kind)
    file = space.resolve(wanted.path)
    file.parent.mkdir(exist_ok=True)
    file.write_text(wanted.as_yaml())
    try:
        running = Running(plan_experiment(space, wanted), Tools(Catalogue(space, extra={"m": model}), store, log))
        for _ in running:
            pass
        assert running.outcome is not None
        yield running.outcome, store
    finally:
        store.close()
        log.close()


def reader() -> ScriptedBackend:
    return able(lambda there: 1.0 if there["context"] else 0.0)


def test_a_report_has_both_prompts_whole_and_what_differs(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=6)
    with opened(space, reader()) as (outcome, store):
        page = html_report(outcome, store=store)
    assert "context, m" in page
    assert "The prompt, whole: whole prompt, m" in page
    assert "The prompt, whole: without context, m" in page
    assert page.count("Number 3 is word-3.") >= 1
    assert "What is 3?" in page
    assert "<ins>" in page
    assert "promptlab experiment" in page
    assert "kind: ablate" in page
    assert "scripted" in page or "m" in page


def test_what_many_prompts_begin_with_stands_in_the_file_once(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=30)
    (tmp_path / "docs/page.md").write_text("".join(f"Number {n} is word-{n}.\n" for n in range(30)) + "filler " * 200)
    with opened(space, reader()) as (outcome, store):
        page = html_report(outcome, store=store)
    assert page.count("filler " * 150) == 1
    assert page.count("of <a href=") >= 29


def test_a_report_says_who_was_asked_when(tmp_path: Path) -> None:
    with opened(workspace(tmp_path, cases=4), reader()) as (outcome, store):
        page = html_report(outcome, store=store)
    created = store.runs(limit=1)[0].created[:10]
    for word in ("seed", "numerics", "python", "promptlab", "templates/t.yaml", created):
        assert word in page


@pytest.mark.parametrize("labelled", ["docs/page.md", "cases.jsonl", "pool.jsonl", "templates/t.yaml"])
def test_text_with_a_label_is_masked_everywhere_unless_it_is_asked_for(tmp_path: Path, labelled: str) -> None:
    workspace(tmp_path, cases=5)
    (tmp_path / "promptlab.yaml").write_text(f"models: {{}}\nlabels:\n  {labelled}: confidential\n")
    space = Workspace.load(tmp_path)
    with opened(space, reader()) as (outcome, store):
        page, rows = html_report(outcome, store=store), answers_as_csv(outcome)
        shown = html_report(outcome, store=store, show_labelled=True)
    assert label_of(outcome) == "confidential"
    for text in (page, rows) if labelled != "pool.jsonl" else ():
        assert "word-3" not in text
        assert "confidential" in text
    assert "Number 3 is word-3." not in page
    assert "100.0 %" in page  # scores remain
    assert "word-3" in shown
    assert "has text labelled confidential" in shown


def test_csv_keeps_numbers_texts_and_what_is_missing_apart(tmp_path: Path) -> None:
    backend = able(lambda _: 1.0)
    answers = {"0": "", "1": "-5", "2": "=1+1", "3": 'a "b",\nc', "4": "007"}
    backend._script = lambda request: answers[request.prompt.messages[-1].content.rsplit("What is ", 1)[1][0]]
    outcome = asked(workspace(tmp_path, cases=5), experiment("params", options={"temperature": [0, 0.7]}), backend)
    text = answers_as_csv(outcome)
    rows = list(csv.DictReader(io.StringIO(text)))
    cells = {row["case"]: row["answer"] for row in rows if row["temperature"] == "0.0"}
    assert cells == {"c0": "", "c1": "-5", "c2": "'=1+1", "c3": answers["3"], "c4": "007"}
    line = next(line for line in text.splitlines() if ',"c4",' in line)
    assert line.startswith('"asked","c4","m","temperature 0",0.0,0,0.0,false,,"007",')  # a missing reason is empty


def test_parquet_and_frame_have_the_exact_values(tmp_path: Path) -> None:
    import pyarrow.parquet

    outcome = asked(workspace(tmp_path, cases=4), experiment("shots", options={"ks": [0, 1], "draws": 2}), reader())
    rows = list(answer_rows(outcome))
    table = pyarrow.parquet.read_table(io.BytesIO(answers_as_parquet(outcome))).to_pylist()
    assert [{name: row[name] for name in rows[0]} for row in table] == rows
    frame = answers_frame(outcome)
    assert list(frame.columns) == list(rows[0])
    assert frame.k.tolist() == [row["k"] for row in rows]
    assert frame.score.dtype == "float64"


def test_an_answer_that_is_missing_is_missing_in_every_format(tmp_path: Path) -> None:
    import pyarrow.parquet

    backend = able(lambda _: 1.0)
    right = backend._script

    def some(request):  # type: ignore[no-untyped-def]  # a script of the test
        if "What is 1?" in request.prompt.messages[-1].content:
            raise ValueError("no answer")
        return right(request)

    backend._script = some
    outcome = asked(workspace(tmp_path, cases=3), experiment("ablate"), backend)
    (row, *_) = [row for row in csv.DictReader(io.StringIO(answers_as_csv(outcome))) if row["case"] == "c1"]
    assert (row["score"], row["passed"]) == ("", "")
    assert row["not_judged"]
    table = pyarrow.parquet.read_table(io.BytesIO(answers_as_parquet(outcome))).to_pylist()
    assert {row["score"] for row in table if row["case"] == "c1"} == {None}
    frame = answers_frame(outcome)
    assert all(math.isnan(score) for score in frame[frame.case == "c1"].score)
