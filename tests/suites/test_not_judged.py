"""Missing is never right, and an error is never wrong: every way in which an answer is not judged, in every place that
shows it or counts it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from promptlab.errors import ServerFailed
from promptlab.lab import Lab
from promptlab.models._backend import Step
from promptlab.models._scripted import Reply, ScriptedBackend
from promptlab.suites import _matrix as suite_pages
from promptlab.suites._compare import compare_runs
from promptlab.suites._summary import recorded_outcomes
from promptlab.types import Completion, FinishReason, Request
from tests.cli.test_suite import Suite, suite
from tests.suites.making import PATH, SuiteHouse, suites
from tests.test_pytest_plugin import Repository, installed

__all__ = ["installed", "suite", "suites"]

CHECKS = """
def _odd(answer): return "Odd" in answer
def breaks(answer, expected):
    if _odd(answer): raise RuntimeError("service down")
    return True
def leaves(answer, expected):
    if _odd(answer): raise SystemExit(3)
    return True
def none(answer, expected): return None if _odd(answer) else 1
def nan(answer, expected): return float("nan") if _odd(answer) else 1
def text(answer, expected): return "yes" if _odd(answer) else 1
def above(answer, expected): return 1.5 if _odd(answer) else 1
def pair(answer, expected): return (None, "no idea") if _odd(answer) else (1, "fine")
def own(answer, expected):
    from promptlab.types import Score
    return Score("own", None if _odd(answer) else 1.0, answer, "the oracle sleeps")
"""
SUITE = """\
template: cup
models: [m]
scorers: {scorers}
cases:
  - {{id: usual, inputs: {{question: Who won the cup?}}, expected: Argentina}}
  - {{id: odd, inputs: {{question: Who won the odd cup?}}, expected: Argentina}}
"""
JUDGE = "{judge: {model: j, question: Is it right?}}"
ODD = "Odd, but Argentina won."
FINE = '{"pass": true, "reason": "right"}'


@dataclass(frozen=True)
class Way:
    """A way in which the answer to `odd` is not judged, and words of the reason."""

    scorers: str
    reason: str
    answer: Reply = ODD
    ends: FinishReason = "stop"
    judge: Reply = FINE
    judge_ends: FinishReason = "stop"
    answered: bool = True


def _python(function: str, reason: str) -> Way:
    return Way(f'[{{python: {{function: "checks:{function}"}}}}]', reason)


def _judge(reason: str, judge: Reply, ends: FinishReason = "stop") -> Way:
    return Way(f"[{JUDGE}]", reason, judge=judge, judge_ends=ends)


WAYS = {
    "a function raises": _python("breaks", "RuntimeError: service down"),
    "a function ends the program": _python("leaves", "SystemExit"),
    "a function returns None": _python("none", "returned None"),
    "a function returns NaN": _python("nan", "returned nan"),
    "a function returns a text": _python("text", "returned 'yes'"),
    "a function returns too much": _python("above", "returned 1.5"),
    "a function returns no value": _python("pair", "returned None"),
    "a function does not judge": _python("own", "the oracle sleeps"),
    "one of two scorers fails": Way(
        '[contains, {python: {function: "checks:breaks"}}]', "python: the scorer failed: RuntimeError"
    ),
    "filtered": Way("[contains]", "content filter", answer="", ends="content_filter"),
    "filtered in part": Way("[contains]", "content filter", ends="content_filter"),
    "filtered without a scorer": Way("[]", "content filter", answer="", ends="content_filter"),
    "filtered with a judge": Way(f"[{JUDGE}]", "content filter", answer="", ends="content_filter"),
    "cut, and more may follow": Way("[exact]", "cut off at 1 token (max_tokens)", answer="Argentina", ends="length"),
    "cut in a word": Way("[contains]", "cut off at 2 tokens", answer="It's Argentina", ends="length"),
    "cut before it was said": Way("[contains]", "cut off at 3 tokens", answer="The cup was", ends="length"),
    "cut with a judge": Way(f"[{JUDGE}]", "cut off at", ends="length"),
    "a judge answers in prose": _judge("did not answer with JSON: 'It is right.'", "It is right."),
    "a judge answers a list": _judge("did not answer with a JSON object", "[true]"),
    "a judge says yes": _judge("neither `pass`", '{"pass": "yes"}'),
    "a judge says 1": _judge("neither `pass`", '{"pass": 1}'),
    "a judge scores true": _judge("neither `pass`", '{"score": true}'),
    "a judge scores 7": _judge("neither `pass`", '{"score": 7}'),
    "a judge scores NaN": _judge("did not answer with JSON", '{"score": NaN}'),
    "a judge passes and scores badly": _judge("contradicts itself", '{"pass": true, "score": 7}'.replace("7", "0")),
    "a judge passes and scores off the scale": _judge("neither `pass`", '{"pass": true, "score": 7}'),
    "a judge says both": _judge("did not answer with JSON", '{"pass": false, "pass": true}'),
    "a judge changes its mind": _judge("different JSON values", '{"pass": false}\n\nOn second thought: {"pass": true}'),
    "a judge reports an error": _judge("reports an error", '{"pass": true, "error": "overloaded"}'),
    "a judge is cut": _judge("cut off", FINE, "length"),
    "a judge is filtered": _judge("content filter", FINE, "content_filter"),
    "a judge says nothing": _judge("did not answer with JSON", ""),
    "a judge fails": _judge("gave no answer: judge down", ServerFailed("judge down")),
    "no answer": Way("[contains]", "no answer: server down", answer=ServerFailed("server down"), answered=False),
    "no answer and no scorer": Way("[]", "no answer: server down", answer=ServerFailed("server down"), answered=False),
}


class Ending(ScriptedBackend):
    """A scripted model that ends answers as the suite's odd case wants it."""

    def __init__(self, name: str, usual: str, odd: Reply, ends: FinishReason) -> None:
        super().__init__(name, lambda request: odd if _is_odd(request) else usual)
        self._ends: FinishReason = ends

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        """The reply, with its own reason of its end."""
        for step in super().complete(request, cancel):
            odd = isinstance(step, Completion) and _is_odd(request)
            yield replace(step, finish_reason=self._ends) if odd and isinstance(step, Completion) else step


def _is_odd(request: Request) -> bool:
    return "the odd cup" in request.messages[-1].content


def prepare(suites: SuiteHouse, way: Way, path: str = PATH) -> None:
    (suites.workspace.root / "checks.py").write_text(CHECKS)
    suites.house.models["m"] = Ending(
        "m", "Argentina" if "exact" in way.scorers else "It was Argentina.", way.answer, way.ends
    )
    suites.house.models["j"] = Ending("j", FINE, way.judge, way.judge_ends)
    suites.path = path
    suites.write(SUITE.format(scorers=way.scorers), path)


@dataclass
class Reports:
    """The four reports of a command."""

    folder: Path
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        return [
            word for kind in ("junit", "json", "markdown", "html") for word in (f"--{kind}", str(self.folder / kind))
        ]

    def read(self) -> Reports:
        return Reports(self.folder, {path.name: path.read_text(encoding="utf-8") for path in self.folder.iterdir()})


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def check_reports(reports: Reports, way: Way, reason: str) -> None:
    """Every report says that the odd item is not judged, and why, and that the usual one passed if it has a scorer."""
    junit = ET.fromstring(reports.texts["junit"])
    assert (junit.get("errors"), junit.get("failures")) == ("1", "0")
    (error,) = junit.iter("error")
    assert reason in str(error.get("message"))
    data = json.loads(reports.texts["json"])
    items = {item["case"]: item for item in data["items"]}
    assert items["usual"]["outcome"] == "passed"
    assert items["odd"]["outcome"] == ("not judged" if way.answered else "error")
    assert reason in items["odd"]["said"]
    assert all(score["value"] is None for score in items["odd"]["scores"] if score["reason"] in items["odd"]["said"])
    scored = way.scorers != "[]"
    assert (data["judged"], data["passed"]) == ((1, 1) if scored else (0, 0))
    assert (data["not_judged"], data["unanswered"]) == ((1, 0) if way.answered else (0, 1))
    assert ("1 not judged" if way.answered else "1 have no answer") in data["sentence"]
    plain = {"`": "&#96;", "'": "&#39;", '"': "&#34;"}
    escaped = "".join(plain.get(letter, letter) for letter in reason)
    assert reason in reports.texts["html"] or escaped in reports.texts["html"]
    assert reason in reports.texts["markdown"].replace("\\", "")


def test_record_rerun_and_replay_say_so_and_exit_so(suites: SuiteHouse, suite: Suite, tmp_path: Path, way: Way) -> None:
    prepare(suites, way)
    for verb in ("record", "rerun", "replay"):
        folder = tmp_path / verb
        folder.mkdir()
        reports = Reports(folder)
        if verb == "rerun" and not way.answered:
            suite("record", "facts")  # nothing of the odd item is recorded, so there is no prompt to send again
            words = ["--prompts", "current"]
        else:
            words = []
        done = suite(verb, "facts", *words, *reports.words)
        assert done.exit_code == 1, (verb, done.output)
        reason = way.reason if verb != "replay" or way.answered else "nothing is recorded"
        assert reason in done.output, verb
        check_reports(reports.read(), way, reason)


def test_it_is_never_recorded_as_a_baseline_of_0(suites: SuiteHouse, way: Way) -> None:
    prepare(suites, way)
    suites.record()
    stored = {item.key.case: item for item in suites.stored()}
    assert [score.value for score in stored["usual"].scores] == [1.0] * len(stored["usual"].scores)
    if not way.answered:
        assert "odd" not in stored
        return
    unjudged = [score for score in stored["odd"].scores if score.value is None]
    assert len(unjudged) == (1 if way.scorers != "[]" else 0)
    assert all(way.reason.partition(": ")[2] in score.reason for score in unjudged)
    assert 0.0 not in [score.value for score in stored["odd"].scores]
    outcomes = {one.case: one for one in recorded_outcomes(suites.workspace, suites.suite)}
    assert (outcomes["odd"].passed, outcomes["odd"].score) == (None, None)


def test_it_is_in_no_rate_and_no_comparison(suites: SuiteHouse, way: Way) -> None:
    prepare(suites, replace(way, scorers=way.scorers.replace("[]", "[contains]")))
    suites.record()
    runs = []
    for _ in range(2):
        asking = suites.asking("rerun", resume=False)
        list(asking)
        runs.append(suites.log.run(asking.run.id))
    rows = {row.key.case: row for row in suites.log.every_row(runs[-1])}
    assert (rows["odd"].passed, rows["odd"].score, rows["odd"].verdict) == (None, None, "cannot tell")
    summary = suite_pages.summary_of_run(suites.suite, suites.log, runs[-1])
    assert (summary.items, summary.judged, summary.passed) == (2, 1, 1)
    assert (summary.not_judged, summary.unanswered) == ((1, 0) if way.answered else (0, 1))
    assert summary.comparison is not None
    assert (summary.comparison.cases, summary.comparison.worse) == (1, 0)
    two = compare_runs(suites.log, *runs)
    assert two.comparison is not None
    assert (two.comparison.cases, two.not_judged) == (1, 1)
    assert [cell.passed for cell in summary.cells] == [1]
    assert [cell.of for cell in summary.cells] == [1]


def test_from_python_it_is_not_fine(suites: SuiteHouse, way: Way) -> None:
    prepare(suites, way)
    with Lab(suites.workspace, catalogue=suites.house.catalogue) as lab:
        for results in (lab.suite("facts").record(), lab.suite("facts").replay()):
            assert not results.ok
            (odd,) = results.failing
            assert (odd.case, odd.passed, odd.score) == ("odd", None, None)


def test_pytest_fails_what_is_not_judged(suites: SuiteHouse, installed: Path) -> None:
    (suites.workspace.root / PATH).unlink()
    names = {f"way{number}": way for number, way in enumerate(WAYS.values())}
    for name, way in names.items():
        # Each has an answer of its own: a judge is not asked twice about the same one.
        own = f"Odd {name}: Argentina won." if way.answer == ODD else way.answer
        prepare(suites, replace(way, answer=own), f"fixtures/suites/{name}.yaml")
        suites.record()
    done = Repository(suites, installed).pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    for name, way in names.items():
        assert f"{name}.yaml::usual[m] PASSED" in done.stdout
        assert f"{name}.yaml::odd[m] FAILED" in done.stdout
        assert (way.reason if way.answered else "nothing is recorded") in done.stdout
