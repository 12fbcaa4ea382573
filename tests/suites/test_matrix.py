"""A suite run as people look at it: pages of a matrix by keys, what can be taken up, two runs side by side."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.errors import InputError
from promptlab.suites import _matrix as suite_pages
from promptlab.suites._cause import Cause
from promptlab.suites._cause_words import CauseWords, cause_in_words
from promptlab.suites._compare import compare_runs
from promptlab.suites._comparison_words import percent, rate_in_words
from promptlab.suites._edit_case import suite_cases
from promptlab.suites._history import column_rates
from promptlab.suites._log import SuiteLog
from promptlab.suites._matrix import MatrixCell, matching_rows, show_counts
from promptlab.suites._page_answers import page_texts
from promptlab.suites._replay_run import Replaying
from promptlab.suites._suite import ItemKey, Suite
from promptlab.suites._suite_run import SHOWS, Details, ItemRow, Show, SuiteRun
from promptlab.suites._summary import outcome_of_answer, summarise_outcomes
from tests.suites.making import SUITE, SuiteHouse, knows, suites

__all__ = ["suites"]


def row(position: int, case: str, model: str = "good", *, repeat: int = 0, **more: object) -> ItemRow:
    values = {"verdict": "same", "passed": True, "score": 1.0, **more}
    return ItemRow(position, ItemKey(case, "", model, repeat), **values)  # type: ignore[arg-type]  # as given


def long_run(log: SuiteLog, suite: Suite, cases: int, *, worse: int = 7) -> SuiteRun:
    """A rerun of two models in which every `worse`-th case got worse for the second."""
    run = log.begin(suite.path, "rerun", 2 * cases, {})
    rows = []
    for n in range(cases):
        bad = n % worse == 0
        rows.append(row(2 * n, f"c{n:03}"))
        rows.append(
            row(2 * n + 1, f"c{n:03}", "bad", verdict="worse" if bad else "same", passed=not bad, score=float(not bad))
        )
    log.add(run, rows)
    log.end(run, "finished")
    return log.run(run.id)


def every_page(suite: Suite, log: SuiteLog, run: SuiteRun, **wanted: object) -> list[suite_pages.MatrixPage]:
    pages = [suite_pages.matrix_page(suite, log, run, limit=10, **wanted)]  # type: ignore[arg-type]  # as given
    while pages[-1].more:
        pages.append(suite_pages.matrix_page(suite, log, run, limit=10, after=pages[-1].last, **wanted))  # type: ignore[arg-type]
    return pages


@pytest.mark.parametrize("cases", [1, 9, 10, 11, 20, 73])
def test_every_case_is_on_one_page_and_whole(suites: SuiteHouse, cases: int) -> None:
    run = long_run(suites.log, suites.suite, cases)
    pages = every_page(suites.suite, suites.log, run)
    lines = [line for page in pages for line in page.lines]
    assert [line.case for line in lines] == [f"c{n:03}" for n in range(cases)]
    assert all(set(line.cells) == {("", "good"), ("", "bad")} for line in lines)
    assert all(len(page.lines) == 10 for page in pages[:-1])


def test_a_verdict_gives_its_cases_with_all_their_cells(suites: SuiteHouse) -> None:
    run = long_run(suites.log, suites.suite, 100)
    lines = [line for page in every_page(suites.suite, suites.log, run, verdict="worse") for line in page.lines]
    assert [line.case for line in lines] == [f"c{n:03}" for n in range(0, 100, 7)]
    assert {line.cells["", "good"].verdict for line in lines} == {"same"}
    assert {line.cells["", "bad"].verdict for line in lines} == {"worse"}


def test_cases_are_found_by_the_beginning_of_their_id_also_with_a_verdict(suites: SuiteHouse) -> None:
    run = long_run(suites.log, suites.suite, 100)
    found = every_page(suites.suite, suites.log, run, case="c04")
    assert [line.case for page in found for line in page.lines] == [f"c{n:03}" for n in range(40, 50)]
    found = every_page(suites.suite, suites.log, run, case="c04", verdict="worse")
    assert [line.case for page in found for line in page.lines] == ["c042", "c049"]
    assert suite_pages.matrix_page(suites.suite, suites.log, run, case="x").lines == ()


def test_a_late_page_reads_no_more_than_an_early_one(suites: SuiteHouse) -> None:
    run = long_run(suites.log, suites.suite, 400)
    read: list[int] = []
    fetch = suites.log.rows

    def counting(*args: object, **options: object) -> list[ItemRow]:
        found = fetch(*args, **options)  # type: ignore[arg-type]  # as given
        read.append(len(found))
        return found

    suites.log.rows = counting  # type: ignore[method-assign, assignment]
    for after in (-1, 399, 759):
        read.clear()
        assert len(suite_pages.matrix_page(suites.suite, suites.log, run, after=after, limit=10).lines) == 10
        assert sum(read) <= 50


@pytest.mark.parametrize(
    ("rows", "mark", "verdict"),
    [
        ([row(0, "a")], "✓", "same"),
        ([row(0, "a", passed=False, score=0.0, verdict="worse")], "✗", "worse"),
        ([row(0, "a", passed=False, score=0.4, verdict="worse")], "~", "worse"),
        ([row(0, "a"), row(1, "a", repeat=1, passed=False, score=0.0, verdict="worse")], "~", "worse"),
        ([row(0, "a", passed=None, score=None, verdict="cannot tell")], "?", "cannot tell"),
        (
            [row(0, "a", verdict="better"), row(1, "a", repeat=1, verdict="cannot tell", passed=None)],
            "?",  # the one that is not judged is not taken for a pass
            "cannot tell",
        ),
    ],
)
def test_a_cell_has_the_mark_of_all_its_repeats_and_the_most_urgent_verdict(
    rows: list[ItemRow], mark: str, verdict: str
) -> None:
    cell = MatrixCell(tuple(rows))
    assert (cell.mark, cell.verdict) == (mark, verdict)


def test_what_the_log_says_of_a_run_is_what_the_run_said(suites: SuiteHouse) -> None:
    suites.record()
    suites.house.models["bad"]._script = knows
    asking = suites.asking("rerun", prompts="stored")
    told = summarise_outcomes(suites.suite, [outcome_of_answer(one) for one in asking])
    read = suite_pages.summary_of_run(suites.suite, suites.log, suites.log.run(asking.run.id))
    assert read.sentence == told.sentence
    assert read.checks == told.checks


def test_a_part_of_a_suite_is_held_against_no_threshold(suites: SuiteHouse) -> None:
    suites.record()
    asking = suites.asking("rerun", only=("winner",))
    assert len(list(asking)) == 2
    found = suite_pages.summary_of_run(suites.suite, suites.log, suites.log.run(asking.run.id))
    assert found.checks == ()
    assert found.partial


def test_an_answer_without_a_scorer_is_not_one_that_is_missing(suites: SuiteHouse) -> None:
    suites.write(SUITE.replace("scorers: [contains]\n", "").replace(", scorers: [numeric]", "").replace(
        "thresholds: [at least 50 %]\n", ""))  # fmt: skip
    asking = suites.asking()
    assert len(list(asking)) == 6
    found = suite_pages.summary_of_run(suites.suite, suites.log, suites.log.run(asking.run.id))
    assert (found.unscored, found.unanswered) == (6, 0)


def test_what_can_be_taken_up_has_the_same_options_and_the_same_suite(suites: SuiteHouse) -> None:
    asking = suites.asking(limit=1)
    run, options = asking.run, asking.options
    asking.pause()
    assert list(asking) == []
    assert suite_pages.options_of_run(run).identity() == options.identity()
    assert suite_pages.run_to_resume(suites.suite, suites.log, "record", options) == suites.log.run(run.id)
    assert suite_pages.run_to_resume(suites.suite, suites.log, "rerun", options) is None
    assert suite_pages.is_unchanged_since(suites.suite, run)
    suites.write(SUITE + "# changed\n")
    assert not suite_pages.is_unchanged_since(suites.suite, run)
    assert suite_pages.run_to_resume(suites.suite, suites.log, "record", options) is None


# Replay, written down


def test_a_replay_is_in_the_log_item_by_item(suites: SuiteHouse) -> None:
    suites.record()
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("from the article", "from the text"))
    suites.write(SUITE.replace("expected: Qatar", "expected: Doha").replace("{id: goals", "{id: balls"))
    replaying = Replaying(suites.workspace, suites.suite, log=suites.log)
    assert len(list(replaying)) == 8
    run = suites.log.run(replaying.run.id)
    assert (run.verb, run.state, run.total, run.done) == ("replay", "finished", 6, 8)
    rows = suites.log.rows(run)
    assert [r.verdict for r in rows] == [*["drifted"] * 4, *["missing"] * 2, *["unexpected"] * 2]
    assert rows[0].details.sections == ("instructions",)
    assert (rows[2].passed, rows[2].was_passed) == (False, True)
    assert rows[0].details.tags == ("final",)


def test_scores_that_are_others_today_are_told_from_prompts_that_drifted(suites: SuiteHouse) -> None:
    suites.record()
    suites.write(SUITE.replace("expected: Qatar", "expected: Doha"))
    replaying = Replaying(suites.workspace, suites.suite, log=suites.log)
    list(replaying)
    rows = suites.log.rows(replaying.run)
    assert [(r.key.id, r.verdict) for r in rows if r.verdict != "same"] == [("host[good]", "rescored")]


def test_a_replay_that_is_stopped_says_so(suites: SuiteHouse) -> None:
    suites.record()
    replaying = Replaying(suites.workspace, suites.suite, log=suites.log)
    replaying.stop()
    assert list(replaying) == []
    assert suites.log.run(replaying.run.id).state == "stopped"


def test_without_a_recording_no_replay_is_begun(suites: SuiteHouse) -> None:
    with pytest.raises(InputError, match="the recording cannot be read"):
        Replaying(suites.workspace, suites.suite, log=suites.log)
    assert suites.log.runs(suites.path) == []


# Two runs


def test_two_runs_are_compared_item_by_item_the_worse_ones_first(suites: SuiteHouse) -> None:
    older = long_run(suites.log, suites.suite, 60, worse=7)
    newer = long_run(suites.log, suites.suite, 60, worse=5)
    found = compare_runs(suites.log, older, newer)
    assert found.shared == 120
    changed = [new for _, new in found.changed]
    worse = [2 * n + 1 for n in range(60) if n % 5 == 0 and n % 7 != 0]
    better = [2 * n + 1 for n in range(60) if n % 7 == 0 and n % 5 != 0]
    assert changed == [*worse, *better]
    assert found.comparison
    assert (found.comparison.worse, found.comparison.better) == (len(worse), len(better))
    assert f"{len(better)} cases are better and {len(worse)} worse than in the older run" in found.sentence


def test_items_of_one_run_only_are_counted_and_not_compared(suites: SuiteHouse) -> None:
    older = long_run(suites.log, suites.suite, 12, worse=100)
    newer = long_run(suites.log, suites.suite, 10, worse=100)
    found = compare_runs(suites.log, older, newer)
    assert (found.only_before, found.only_after, found.changed) == (4, 0, ())
    assert "no difference seen in 10 cases; 4 items are only in the older run" in found.sentence


def test_runs_without_scores_say_that_nothing_can_be_compared(tmp_path: Path) -> None:
    log = SuiteLog(tmp_path / "other.sqlite")
    runs = []
    for _ in range(2):
        run = log.begin("p", "rerun", 1, {})
        log.add(run, [row(0, "a", passed=None, score=None, verdict="cannot tell")])
        runs.append(run)
    assert compare_runs(log, *runs).sentence.startswith("No item has a score in both runs")
    log.close()


# What a lead looks for

ROWS = [
    {"verdict": "same"},
    {"verdict": "worse", "passed": False, "score": 0.0},
    {"verdict": "better"},
    {"verdict": "as good"},
    {"verdict": "same", "passed": False, "score": 0.0},
    {"verdict": "cannot tell", "passed": None, "score": None, "details": Details(not_judged="cut off")},
    # Another answer without a scorer: it is changed, though nothing says if it is worse.
    {"verdict": "cannot tell", "passed": None, "score": None, "details": Details(causes=(Cause("sampling"),))},
    # A text that looks like the key of the causes is none.
    {"verdict": "cannot tell", "passed": None, "score": None, "details": Details(said='"causes": [[1')},
    {"verdict": "drifted"},
    {"verdict": "missing", "passed": None, "score": None},
]
SHOWN = {"failing": [1, 4], "changed": [1, 2, 3, 6, 8, 9], "worse": [1], "not judged": [5, 6, 7, 9]}


@pytest.mark.parametrize("show", SHOWS)
def test_a_filter_shows_its_items_and_their_number(suites: SuiteHouse, show: Show) -> None:
    run = suites.log.begin(suites.suite.path, "rerun", len(ROWS), {})
    suites.log.add(run, [row(n, f"c{n}", **more) for n, more in enumerate(ROWS)])
    run = suites.log.run(run.id)
    wanted = SHOWN[show]
    assert show_counts(suites.log, run)[show] == len(wanted)
    assert [found.position for found in matching_rows(suites.log, run, show=show)] == wanted
    page = suite_pages.matrix_page(suites.suite, suites.log, run, show=show)
    assert [line.case for line in page.lines] == [f"c{n}" for n in wanted]


def test_a_page_has_the_answers_as_they_were_given_and_the_inputs_as_they_were_asked(suites: SuiteHouse) -> None:
    suites.record()
    run = suites.log.runs(suites.path)[0]
    text = SUITE.replace("Who won the cup?", "Who took the cup?").replace("  - {id: host", "  - {id: hosts")
    edited = suites.write(text)
    lines = suite_pages.matrix_page(edited, suites.log, run).lines
    cases = {case.id: case for case in suite_cases(suites.workspace, edited)}
    texts = page_texts(suites.log, suites.house.store, run, lines, cases, lambda _key: None)
    assert texts.answers[0] == "Argentina did."
    assert len(texts.answers) == 6
    winner, host, goals = (texts.cases[id] for id in ("winner", "host", "goals"))
    assert (winner.inputs, winner.expected, winner.edited) == ({"question": "Who won the cup?"}, "Argentina", True)
    assert (host.inputs, host.gone) == ({"question": "Where was the cup?"}, True)
    assert (goals.expected, goals.edited, goals.gone) == (172, False, False)


def test_the_rate_of_each_column_stands_with_its_interval(suites: SuiteHouse) -> None:
    suites.record()
    rates = column_rates(suites.log, suites.log.runs(suites.path)[0])
    assert {model: (rate.passed, rate.judged) for (_, model), rate in rates.items()} == {"good": (3, 3), "bad": (0, 3)}
    good = rates["", "good"]
    assert rate_in_words(good.passed, good.judged, good.interval).startswith("pass rate 100.0 %, 95 % interval ")


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.0 %"), (1, "100.0 %"), (5 / 6, "83.3 %"), (0.9999, "> 99.9 %"), (0.0001, "< 0.1 %")]
)
def test_a_rate_that_is_not_quite_all_never_looks_like_it(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize(
    ("worse", "better", "outcome"),
    [(12, 0, "worse"), (0, 12, "better"), (1, 0, "cannot tell"), (0, 0, "no difference")],
)
def test_two_runs_are_better_worse_or_cannot_be_told(suites: SuiteHouse, worse: int, better: int, outcome: str) -> None:
    runs = []
    for turn in (0, 1):
        run = suites.log.begin(suites.suite.path, "rerun", 40, {})
        passes = [(n >= worse if turn else not worse <= n < worse + better) for n in range(40)]
        suites.log.add(run, [row(n, f"c{n}", passed=ok, score=float(ok)) for n, ok in enumerate(passes)])
        runs.append(suites.log.run(run.id))
    found = compare_runs(suites.log, *runs)
    assert found.outcome == outcome
    assert ("95 % interval" in found.sentence) is bool(worse or better)


CAUSES = [
    (Cause("prompt", "instructions"), "The prompt: instructions", ""),
    (
        Cause("parameters", "seed 1234567890123 → 7", certain=False),
        "Perhaps the parameters: seed 1234567890123 → 7",
        "",
    ),
    (Cause("model", "gpt-1 → gpt-2"), "The model: gpt-1 → gpt-2", ""),
    (
        Cause("model", "weights=0a1b2c3d4e5f → weights=77fe0a1b2c3d, n_ctx=4096 → n_ctx=8192"),
        "The model: weights changed, n_ctx=4096 → n_ctx=8192",
        "weights=0a1b2c3d4e5f → weights=77fe0a1b2c3d, n_ctx=4096 → n_ctx=8192",
    ),
    (
        Cause("model", "a.gguf sha256:0a1b2c3d4e5f → a.gguf sha256:77fe0a1b2c3d"),
        "The model: its file or version is another one",
        "a.gguf sha256:0a1b2c3d4e5f → a.gguf sha256:77fe0a1b2c3d",
    ),
]


@pytest.mark.parametrize(("cause", "words", "exact"), CAUSES)
def test_a_cause_is_told_without_hashes_and_keeps_them(cause: Cause, words: str, exact: str) -> None:
    assert cause_in_words(cause) == CauseWords(words, exact)
