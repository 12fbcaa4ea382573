"""What is trained on: the leakage guard, the split by group, and labels. Nothing here needs torch."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptlab import templates
from promptlab._util.same_question import hash_of_question, plain
from promptlab.errors import FinetuneError, GateRefused
from promptlab.finetune import (
    RATINGS,
    DataRow,
    LeakageGuard,
    Recipe,
    TokenRow,
    Tuning,
    groups_of,
    plan_tuning,
    split_rows,
)
from promptlab.models import LABEL_KEY, Catalogue, ScriptedBackend, label_of_model
from promptlab.runs import Given, Rating, Store, label_of_result, plan_comparison, start_run
from promptlab.server import ModelServer
from promptlab.workspace import Workspace
from tests.gguf_made import tiny, write

WORDS = ["lamp", "desk", "parcel", "invoice", "login", "courier", "receipt", "screen", "battery", "zip", "fee", "mug"]
CASE = "Where is my order 5521, it should have been here on Monday?"


def workspace(folder: Path, *, rows: int = 12, label: str = "public", extra: str = "") -> Workspace:
    """A workspace with a tiny model, a template, a pool and a suite."""
    tiny(folder / "tiny.gguf")
    (folder / "templates").mkdir()
    (folder / "fixtures/suites").mkdir(parents=True)
    (folder / "promptlab.yaml").write_text(
        f"models:\n  tiny: {{backend: llama, path: tiny.gguf, n_ctx: 512}}\n{extra}labels: {{pool.jsonl: {label}}}\n"
    )
    (folder / "templates/t.yaml").write_text("inputs:\n  q: {type: string}\ninstructions: Sort it.\n")
    pool = [{"id": f"r{n}", "inputs": {"q": f"{WORDS[n]} {WORDS[n]}?"}, "output": f"o{n % 3}"} for n in range(rows)]
    (folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pool))
    suite = {"template": "templates/t.yaml", "models": ["tiny"], "scorers": ["exact"]}
    cases = [{"id": "c1", "inputs": {"q": "MUG, mug"}, "expected": "o2"}]
    (folder / "fixtures/suites/s.yaml").write_text(json.dumps({**suite, "cases": cases}))
    return Workspace.find(folder)


@pytest.mark.parametrize(
    ("text", "dropped"),
    [
        (CASE, "the same as the test case s/c1"),
        ("where is MY order 5521 -- it should have been here on monday", "the same as"),
        ("Where is my order 5522, it should have been here on Monday?", "nearly the same as the test case s/c1"),
        (f"Hello, good morning to all of you. {CASE} Thank you very much for your help with it.", "nearly the same"),
        ("The courier left the box at the wrong house.", ""),
        ("Where is the office?", ""),
    ],
)
def test_the_guard_finds_test_cases_and_what_is_nearly_one(text: str, dropped: str) -> None:
    problem = LeakageGuard([("s/c1", CASE)]).problem(text)
    assert problem.startswith(dropped) if dropped else problem == ""


def test_rows_that_are_nearly_the_same_are_on_one_side() -> None:
    texts = [f"{word} number {n} has a crack in it" for word in ("lamp", "desk", "mug", "kettle") for n in range(4)]
    rows = [DataRow(str(n), {"q": text}, "defect") for n, text in enumerate(texts)]
    groups = groups_of(texts, overlap=0.7)
    split = split_rows(rows, LeakageGuard([]), held_out=0.25, seed=1, overlap=0.7)
    sides = {row.id: "train" for row in split.train} | {row.id: "held out" for row in split.held_out}
    assert len(sides) == 16
    assert all(len({sides[str(number)] for number in group}) == 1 for group in groups)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (("a", "b"), "the same question has different answers"),
        (("a", "a"), "the same row is there already"),
        (("a", " "), ""),
    ],
)
def test_rows_that_cannot_be_trained_on_are_dropped_with_the_reason(answers: tuple[str, str], why: str) -> None:
    rows = [DataRow(str(n), {"q": "Is it  HERE?"}, answer) for n, answer in enumerate(answers)]
    rows.append(DataRow("other", {"q": "A lamp is broken"}, "defect"))
    split = split_rows(rows, LeakageGuard([]), held_out=0, seed=0, overlap=0.7)
    reasons = {one.why for one in split.dropped}
    assert (why or "its answer is empty") in reasons
    assert "other" in {row.id for row in split.train}


def test_a_plan_drops_the_cases_of_every_suite_of_the_template(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny"))
    assert [one.id for one in planned.split.dropped] == ["r11"]  # "mug mug?" is the case "MUG, mug"
    assert len(planned.split.every) == 11
    assert planned.label == "public"


def test_the_tokens_are_those_that_the_model_is_sent(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    catalogue = Catalogue(space)
    planned = plan_tuning(space, catalogue, Tuning("t", "pool.jsonl", "tiny"))
    backend = catalogue.backend("tiny")
    row = planned.train_tokens[0]
    vocab = backend.vocab  # type: ignore[attr-defined]  # a local model
    text = b"".join(vocab.piece(token) for token in row.prompt).decode().replace("▁", " ")
    assert "Sort it." in text
    assert text.endswith("assistant:")
    assert row.answer[-1] == vocab.eos
    assert b"".join(vocab.piece(token) for token in row.answer[:-1]).decode().strip("▁ ").startswith("o")


def test_an_adapter_has_the_highest_label_of_its_rows(tmp_path: Path) -> None:
    space = workspace(tmp_path, label="confidential")
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny"))
    assert planned.label == "confidential"


def test_a_model_of_labelled_text_is_not_served_without_a_key_and_labels_its_answers(tmp_path: Path) -> None:
    space = workspace(tmp_path, extra="  secret: {backend: llama, path: tiny.gguf, n_ctx: 512, label: confidential}\n")
    catalogue, store = Catalogue(space), Store.of(space)
    with pytest.raises(GateRefused, match="without a key"):
        ModelServer(catalogue, ["tiny", "secret"])
    ModelServer(catalogue, ["secret"], key="k" * 20)
    ModelServer(catalogue, ["tiny"])
    trials = plan_comparison(space, templates.load(space, "t"), Given.typed({"q": "x"}), ["tiny", "secret"])
    results = {result.model: result for result in start_run(trials, catalogue=catalogue, store=store, title="").wait()}
    assert {name: label_of_result(space, result) for name, result in results.items()} == {
        "tiny": "public",
        "secret": "confidential",
    }
    store.close()
    catalogue.close()


# The label of an adapter, and where it is said: (label in promptlab.yaml, label in the head of the file, label of the
# path in promptlab.yaml), and what the model has.
CARRIED: list[tuple[str, str, str, str]] = [
    ("", "", "", "public"),
    ("internal", "", "", "internal"),
    ("", "confidential", "", "confidential"),
    ("", "", "internal", "internal"),
    ("internal", "confidential", "", "confidential"),
    ("confidential", "internal", "", "confidential"),
    ("", "secret of a later version", "", "confidential"),
]


@pytest.mark.parametrize(("entry", "head", "of_path", "label"), CARRIED)
def test_a_model_has_the_highest_label_of_its_entry_its_adapter_and_the_path(
    tmp_path: Path, entry: str, head: str, of_path: str, label: str
) -> None:
    own = f", label: {entry}" if entry else ""
    extra = f"  tuned: {{backend: llama, path: tiny.gguf, n_ctx: 512, lora: [a.gguf]{own}}}\n"
    space = workspace(tmp_path, extra=extra)
    adapter(tmp_path / "a.gguf", {LABEL_KEY: head} if head else {})
    if of_path:
        file = tmp_path / "promptlab.yaml"
        file.write_text(file.read_text().replace("labels: {", f"labels: {{a.gguf: {of_path}, "))
        space = Workspace.find(tmp_path)
    assert label_of_model(space, "tuned") == label
    assert label_of_model(space, "tiny") == "public"
    with closing(Catalogue(space)) as catalogue, closing(Store.of(space)) as store:
        if label == "public":
            ModelServer(catalogue, ["tuned"])
        else:
            with pytest.raises(GateRefused, match=label):
                ModelServer(catalogue, ["tuned"])
        trials = plan_comparison(space, templates.load(space, "t"), Given.typed({"q": "x"}), ["tuned"])
        (result,) = start_run(trials, catalogue=catalogue, store=store, title="").wait()
        assert not result.error
        assert label_of_result(space, result) == label


def adapter(path: Path, extra: dict[str, Any]) -> Path:
    """An adapter of the tiny model, of one matrix."""
    kept = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora"}
    matrices = {"lora_a": [[0.1] * 32] * 2, "lora_b": [[0.1] * 2] * 32}
    tensors = {f"blk.0.attn_v.weight.{name}": rows for name, rows in matrices.items()}
    return write(path, {**kept, "adapter.lora.alpha": 2.0, **extra}, tensors)


def test_rated_answers_are_rows_with_the_newest_rating_of_a_question(tmp_path: Path) -> None:
    space = workspace(tmp_path, label="confidential")
    template = templates.load(space, "t")
    ratings = [
        ("What is a lamp?", Rating("", "good", created="2026-01-01")),
        ("What is a desk?", Rating("", "bad", corrected="furniture", created="2026-01-02")),
        ("Where is the invoice?", Rating("", "bad", "wrong", created="2026-01-02")),  # nobody said what is right
        ("Is it late?", Rating("", "good", corrected="yes", created="2026-01-03")),
        ("is it LATE", Rating("", "bad", corrected="no", created="2026-01-02")),  # the same question, rated before
        ("mug mug", Rating("", "good", created="2026-01-01")),  # a test case
    ]
    answers = ScriptedBackend("alpha", ["light"])
    with closing(Catalogue(space, {}, extra={"alpha": answers})) as catalogue, closing(Store.of(space)) as store:
        for question, rating in ratings:
            trials = plan_comparison(space, template, Given.typed({"q": question}), ["alpha"])
            (result,) = start_run(trials, catalogue=catalogue, store=store, title="").wait()
            store.ratings.rate(replace(rating, result=result.id))
        planned = plan_tuning(space, catalogue, Tuning("t", RATINGS, "tiny"), store)
    rows = {row.inputs["q"]: row.answer for row in planned.split.every}
    assert rows == {"What is a lamp?": "light", "What is a desk?": "furniture", "Is it late?": "yes"}
    assert [one.why for one in planned.split.dropped] == ["the same as the test case fixtures/suites/s.yaml/c1"]


# Two questions, and whether they count as the same: what the guard, the search for contradictions and the record use.
SAME: list[tuple[str, str, bool]] = [
    ("Where is it?", "where is  IT", True),
    ("(Where) is: it!", "Where is it", True),
    ("well-known", "well known", True),
    ("ＡＢＣ", "abc", True),
    ("3+4", "3 + 4", True),
    ("3+4", "3-4", False),
    ("3 - 4", "3 4", False),
    ("3*4", "3/4", False),
    ("Is -5 cold?", "Is 5 cold?", False),
    ("Pay 3.50", "Pay 350", False),
    ("at 10:30", "at 1030", False),
    ("10 %", "10", False),
    ("5 €", "5 $", False),
    ("good 👍", "good 👎", False),
    ("a < b", "a > b", False),
    ("कि", "का", False),
    ("C#", "C++", False),
]


@pytest.mark.parametrize(("one", "other", "same"), SAME)
def test_questions_are_the_same_without_case_spacing_and_punctuation_only(one: str, other: str, same: bool) -> None:
    assert (plain(one) == plain(other)) == same
    assert (hash_of_question({"q": one}) == hash_of_question({"q": other})) == same


def test_an_article_that_all_rows_share_does_not_make_them_alike(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    article = "The parcel service of the town opens at nine and closes at five, but not on Sundays. " * 3
    (tmp_path / "templates/t.yaml").write_text("inputs: {article: {type: string}, q: {type: string}}\n")
    rows = [("a", "When does it open?"), ("b", "Who owns the blue lorry?"), ("c", "Is it closed on a Sunday?")]
    (tmp_path / "pool.jsonl").write_text(
        "".join(json.dumps({"id": i, "inputs": {"article": article, "q": q}, "output": i}) + "\n" for i, q in rows)
    )
    suite = {"template": "templates/t.yaml", "models": ["tiny"], "scorers": ["exact"]}
    cases = [{"id": "c1", "inputs": {"article": article, "q": "when does it OPEN"}, "expected": "a"}]
    (tmp_path / "fixtures/suites/s.yaml").write_text(json.dumps({**suite, "cases": cases}))
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny", recipe=Recipe(held_out=0)))
    assert [row.id for row in planned.split.every] == ["b", "c"]
    assert [one.id for one in planned.split.dropped] == ["a"]


def test_cases_of_a_template_with_other_names_of_inputs_are_kept_out_too(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    (tmp_path / "templates/other.yaml").write_text("inputs: {question: {type: string}}\n")
    suite = {"template": "templates/other.yaml", "models": ["tiny"], "scorers": ["exact"]}
    cases = [{"id": "c7", "inputs": {"question": "Lamp, LAMP"}, "expected": "o0"}]
    (tmp_path / "fixtures/suites/o.yaml").write_text(json.dumps({**suite, "cases": cases}))
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny", suites=("o",)))
    assert [one.id for one in planned.split.dropped] == ["r0"]


def test_rows_without_an_input_that_the_template_needs_are_dropped(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    text = "inputs: {q: {type: string}, place: {type: string, sample: here}, lang: {type: string, default: en}}\n"
    (tmp_path / "templates/t.yaml").write_text(text)
    with (tmp_path / "pool.jsonl").open("a") as file:
        file.write(json.dumps({"id": "whole", "inputs": {"q": "a kettle", "place": "there"}, "output": "x"}) + "\n")
    (tmp_path / "fixtures/suites/s.yaml").unlink()
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny"))
    assert [(row.id, row.inputs["lang"], row.inputs["place"]) for row in planned.split.every] == [
        ("whole", "en", "there")
    ]
    assert {one.why for one in planned.split.dropped} == {"it has no `place`, which the template needs"}


def test_a_row_that_does_not_fit_into_the_window_is_dropped(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    with (tmp_path / "pool.jsonl").open("a") as file:
        file.write(json.dumps({"id": "long", "inputs": {"q": "a kettle " * 60}, "output": "x"}) + "\n")
    planned = plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny"))
    assert {one.id: one.why for one in planned.split.dropped}["long"] == "it does not fit into the window of tiny"
    assert len(planned.split.every) == len(planned.train_tokens) + len(planned.held_out_tokens) == 11
    with pytest.raises(FinetuneError, match="nothing to train on"):
        plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny", tag="absent"))


def test_rows_of_a_group_stay_together_and_away_from_its_test_cases(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    (tmp_path / "templates/t.yaml").write_text("inputs: {q: {type: string}, who: {type: string}}\n")
    rows = [
        {"id": f"r{n}", "inputs": {"q": f"{word} {n}", "who": f"customer {n // 2}"}, "output": "x"}
        for n, word in enumerate(WORDS)
    ]
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    suite = {"template": "templates/t.yaml", "models": ["tiny"], "scorers": ["exact"]}
    cases = [{"id": "c1", "inputs": {"q": "a brush", "who": "Customer 2"}, "expected": "x"}]
    (tmp_path / "fixtures/suites/s.yaml").write_text(json.dumps({**suite, "cases": cases}))
    tuning = Tuning("t", "pool.jsonl", "tiny", group="who", overlap=1.0, recipe=Recipe(held_out=0.34))
    split = plan_tuning(space, Catalogue(space), tuning).split
    assert {one.id for one in split.dropped} == {"r4", "r5"}
    sides = [{row.inputs["who"] for row in side} for side in (split.train, split.held_out)]
    assert all(sides)
    assert not sides[0] & sides[1]
    with pytest.raises(FinetuneError, match="whom"):
        plan_tuning(space, Catalogue(space), replace(tuning, group="whom"))


def test_examples_in_the_prompt_may_not_be_test_cases_either(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    template = tmp_path / "templates/t.yaml"
    template.write_text(template.read_text() + "examples: {pool: pool.jsonl, k: 1}\n")
    plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny"))
    with pytest.raises(FinetuneError, match="r11"):
        plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "tiny", shots=True))


def test_a_base_that_is_no_local_model_is_refused(tmp_path: Path) -> None:
    space = workspace(tmp_path, extra="  api: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}\n")
    with pytest.raises(FinetuneError, match="not a local model"):
        plan_tuning(space, Catalogue(space), Tuning("t", "pool.jsonl", "api"))


def test_a_pass_sees_every_row_once_and_another_pass_another_order() -> None:
    recipe = Recipe(batch=4, epochs=2)
    passes = [[n for step in steps for n in recipe.batch_at(step, 10)] for steps in (range(3), range(3, 6))]
    assert [sorted(one) for one in passes] == [list(range(10))] * 2
    assert passes[0] != passes[1]
    assert recipe.steps_of(10) == 6
    assert TokenRow((1, 2), (3,)).length == 3
