"""The benchmarks do what they say they measure. Their times are nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks import documents
from benchmarks.agree import cause
from benchmarks.prefix import distinct
from promptlab.models._llama._cpu_variants import candidates
from tests.places import ROOT, SHARED


def run(module: str, *options: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", module, "--quick", "--json", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_way_gets_every_answer_from_the_server_and_promptlab_records_its_own() -> None:
    found = run("benchmarks.overhead", "--part", "api", "--requests", "12")
    api = found["api"]
    assert api["requests"] == 12
    assert (api["promptlab_answers"], api["backend_answers"], api["bare_answers"]) == (12, 12, 12)
    assert api["recorded"] == 12
    assert api["served"] == 36  # nothing came from a store, nothing was asked twice
    assert api["prompt_characters"] > 5_000  # the article is in it
    assert found["machine"]["cores"]


def test_the_list_of_templates_is_measured_in_every_way_it_is_asked_for() -> None:
    found = run("benchmarks.authoring")["list"]
    assert (found["templates"], found["commits"]) == (100, 5)
    assert all(found[f"{way}_s"] > 0 for way in ("first", "again", "new_process", "after_an_edit", "after_a_commit"))


@pytest.mark.skipif(not (SHARED / "corpora" / "promptfoo").is_dir(), reason="needs ../shared")
def test_imports_are_compared_with_their_tools() -> None:
    found = run("benchmarks.formats", "promptfoo")["promptfoo"]
    assert found["files"] >= 8
    assert found["files"] == found["equal"] + len(found["named"])
    assert found["silent"] == []


@pytest.mark.browser
def test_the_browser_measures_every_action_on_the_app_and_on_an_empty_page() -> None:
    seconds = run("benchmarks.browser")["seconds"]
    assert {"first page", "switch", "pill", "keystroke to preview", "page runs", "two versions"} <= set(seconds["now"])
    assert {"first page", "switch", "pill", "keystroke to preview"} <= set(seconds["empty page"])
    assert all(value > 0 for found in seconds.values() for value in found.values())


def test_both_yaml_readers_are_compared() -> None:
    found = run("benchmarks.yaml_readers")
    assert found["made"]["texts"] == 500
    assert found["files"]["equal"] > 10


def test_imports_and_help_are_measured_in_new_processes() -> None:
    found = run("benchmarks.imports")["seconds"]
    assert {"import promptlab", "promptlab --help", "python -c pass"} <= set(found)
    assert all(value > 0 for values in found.values() for value in values)


def test_every_way_to_choose_shots_is_measured() -> None:
    found = run("benchmarks.examples_speed")
    assert found["examples"] == 1_000
    assert list(found["seconds"]) == ["load", "search", "first", "random", "balanced", "similar", "diverse"]


def test_replay_and_every_way_to_ask_a_suite_are_measured_on_the_same_cases() -> None:
    found = run("benchmarks.suite", "--promptfoo", "")
    assert [(one["items"], one["same"]) for one in found["replay"]] == [(20, 20), (40, 40)]
    ask = found["ask"]
    assert {way["name"]: way["right"] for way in ask["ways"]} == {
        "promptlab record": 12,
        "promptlab rerun": 12,
        "bare client, streamed": 12,
        "bare client, whole answers": 12,
    }
    assert ask["served"] == 48  # every way asked each case once, and none was answered from a store
    assert len(ask["ratios"]) == 4


@pytest.mark.model
def test_what_is_expected_of_a_model_is_what_llama_cpp_allocates() -> None:
    """Of the twelve combinations, those that differ most: contexts, cache types and windows of both models."""
    found = run("benchmarks.sizing")
    assert found["machine"]["cores"]
    rows = {
        (row["combination"]["model"], row["combination"]["kv_type"], row["combination"]["whole"]): row
        for row in found["rows"]
    }
    assert len(rows) == 4
    for row in rows.values():
        assert row["allocated"] > 90_000_000
        assert abs(row["off"]) <= 2
        assert abs(row["formula_off"]) <= 2
    assert rows["gemma-3-270m", "f16", True]["allocated"] > rows["gemma-3-270m", "f16", False]["allocated"]
    assert rows["smollm2-135m", "f16", True]["allocated"] > rows["smollm2-135m", "q8_0", True]["allocated"]


@pytest.mark.model
def test_the_local_measurement_has_a_figure_for_each_way() -> None:
    found = run("benchmarks.overhead", "--part", "local", "--model", "smollm2-135m", "--without", "context")
    (local,) = found["local"]
    assert local["tokens"] > 20
    assert local["repeats"] == len(local["promptlab_s"]["values"]) == len(local["bare_s"]["values"]) == 1


@pytest.mark.model
def test_answers_are_the_same_in_turns_and_at_once() -> None:
    found = run("benchmarks.turns")
    assert found["answers"] == 2
    assert found["ways"]
    for way in found["ways"]:
        assert way["tokens"] == found["ways"][0]["tokens"], "each way must do the same work"


@pytest.mark.model
def test_little_more_is_read_than_the_distinct_prefixes_have_tokens() -> None:
    found = run("benchmarks.prefix", "--questions", "6", "--article", "400")
    assert found["requests"] == 24
    assert found["started_from"]["none"] == 4  # each beginning is read once, however the questions are mixed
    assert found["distinct_prefix_tokens"] <= found["tokens_read"] <= 1.25 * found["distinct_prefix_tokens"]
    assert found["tokens_read"] * 3 < found["prompt_tokens"]
    assert found["speedup_same_order"] > 0


@pytest.mark.model
def test_every_text_that_is_not_plain_llama_cpp_python_s_has_a_cause() -> None:
    (found,) = run("benchmarks.agree", "--write", "6")["models"]
    assert (found["model"], found["prompts"]) == ("smollm2-135m", 8)
    assert found["equal"] + len(found["differences"]) == 8
    assert found["reused"] > 0  # two prompts share their beginning
    assert found["longest"] > 2 * found["shortest"]
    assert set(found["causes"]) <= {"batch shape", "sampling"}


@pytest.mark.model
@pytest.mark.parametrize(
    "options",
    [
        ("--model", "smollm2-135m"),
        ("--model", "smollm2-135m", "--throughput", "4"),
        ("--model", "gemma-3-270m", "--sentences", "44"),  # beginnings longer than its sliding window
    ],
)
def test_clients_that_stop_and_a_process_that_is_killed_change_no_text(options: tuple[str, ...]) -> None:
    found = run("benchmarks.soak", *options)
    assert (found["requests"], found["clients"], found["kills"]) == (40, 4, 1)
    assert sum(found["ended"].values()) == 40
    assert found["wrong"] == []
    assert found["stuck"] == 0
    assert found["ended"]["whole"] > 10


@pytest.mark.parametrize(
    ("same_tokens", "same_in_our_cuts", "gap", "moved", "found"),
    [
        (False, True, 0.0, 1.0, "tokens"),
        (True, True, 9.0, 0.0, "batch shape"),
        (True, False, 0.2, 0.1, "sampling"),
        (True, False, 0.3, 0.1, "unexplained"),
        (True, False, 0.1, 0.0, "unexplained"),
    ],
)
def test_the_cause_of_a_difference_is_the_first_that_holds(
    same_tokens: bool, same_in_our_cuts: bool, gap: float, moved: float, found: str
) -> None:
    assert cause(same_tokens, same_in_our_cuts, gap, moved) == found


def test_distinct_tokens_are_those_of_the_tree_that_the_prompts_make() -> None:
    assert distinct([(1, 2, 3), (1, 2, 4, 5), (1, 2), (9,), (1, 2, 3)]) == 6


def test_the_ledger_has_a_line_for_each_request_of_one_way_and_none_of_the_other() -> None:
    ledger = run("benchmarks.ledger", "--requests", "12")["ledger"]
    assert ledger["served"] == 24
    assert ledger["lines"] == 24  # twelve of them to warm up
    assert ledger["answers"] == 48
    assert ledger["line_us"]["median"] > 0


def test_what_the_scan_finds_is_counted_by_kind() -> None:
    found = run("benchmarks.scan")
    (keys,) = found["tables"]
    rows = keys["rows"]
    assert keys["texts"] == 10 * len(rows)
    assert all(row["false_alarms"] == 0 for row in rows.values())
    missed = {name for name, row in rows.items() if row["found"] < row["things"]}
    assert missed == {"Mistral, no prefix", "PKCS 8, encrypted"} == {n for n, r in rows.items() if not r["looked_for"]}
    assert all(row["whole"] == row["found"] for row in rows.values())
    assert found["look_alikes"]["SHA-256"] == {"texts": 10}
    assert found["look_alikes"]["version"] == {"texts": 10, "IP address": 10}


# Of all logits, for 24 made tokens and four written, with llama-cpp-python 0.3.36. The same on every processor and from
# every compiler that was tried (benchmarks/README.md); another version of llama.cpp may have others.
PORTABLE = {
    "gemma-3-270m": "4bbb21f42889c329fd04efdd4af32204a14d20587b7ca7014ca7d305044402f1",
    "smollm2-135m": "cda0dbd179707d6f8b5faf6ea257c4ba64fb08ede6adc0a734a22a80231a5705",
}


@pytest.mark.model
def test_the_portable_code_computes_the_numbers_that_it_computes_everywhere() -> None:
    if "haswell" not in candidates("portable"):
        pytest.skip("this build or this processor has no portable code for x86")
    rows = run("benchmarks.portable")
    assert [(row["model"], row["threads"], row["digest"]) for row in rows] == [
        (model, threads, digest) for model, digest in PORTABLE.items() for threads in (1, 2)
    ]


def test_nothing_forbidden_is_sent_whatever_is_done() -> None:
    found = run("benchmarks.privacy")
    assert found["forbidden"] == {}
    assert found["requests"] >= 150
    assert sum(found["refused"].values()) >= 10, "a gate that was never asked proves nothing"
    assert {"compare", "suite record", "rerun, stored prompts", "cause finding"} <= found["sent"].keys()


def test_a_click_on_the_workbench_is_measured_with_what_it_does() -> None:
    found = run("benchmarks.page")
    assert found["counts_of_edit"] == {"renders": 1, "statuses": 2, "reads of a run": 0}
    assert (found["counts_of_run"]["renders"], found["counts_of_run"]["reads of a run"]) == (0, 1)
    assert all(found[name] > 0 for name in ("edit_s", "run_to_request_s", "run_to_answers_s"))


TRUTH = [["Team", "Won", "Lost"], ["Ajax", "", "3"], ["PSV", "7", "4"]]


@pytest.mark.parametrize(
    ("rows", "moved"),
    [
        (TRUTH, 0),
        ([["", *row] for row in TRUTH], 0),  # an empty column before the table moves no value beside another
        ([["**Team**", "Won", "Lost"], ["Ajax", "", "3.0"]], 0),
        ([["Team", "Won", "Lost"], ["Ajax", "3", ""], ["PSV", "7", "4"]], 1),
        ([["Team", "Won", "Lost"], ["Ajax", "3"], ["7", "PSV", "4"]], 3),
        ([], 0),
    ],
)
def test_a_value_in_another_column_is_counted(rows: list[list[str]], moved: int) -> None:
    assert documents.moved_cells(rows, TRUTH) == moved


@pytest.mark.parametrize(
    ("text", "lost", "glued"),
    [
        ("one two three", 0, 0),
        ("one twothree", 2, 1),
        ("one three two", 0, 0),
        ("one onetwo", 2, 1),
        ("", 3, 0),
        ("one two th-\nree", 0, 0),
    ],
)
def test_words_that_are_lost_or_glued_are_counted(text: str, lost: int, glued: int) -> None:
    truth = documents.agreed(["one two three", "one two three four", "one two five three"])
    assert documents.lost_and_glued(text, truth, documents.pairs(["one two three"])) == (lost, glued)
