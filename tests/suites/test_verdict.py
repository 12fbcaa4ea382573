"""Verdicts: what became of an item, by what its scorers say and by what was asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from promptlab.scorers import _registry as scorers
from promptlab.suites._cause import Cause, Facts, causes, fingerprint_change
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._suite import ItemKey
from promptlab.suites._verdict import Verdict, judge
from promptlab.types import Completion, Message, Params, Prompt, Request, Result, Score, Span, Usage

ANOTHER = "another answer with the same scores"
CONTAINS = [scorers.scorer_spec("contains")]
CHRF = [scorers.scorer_spec({"chrf": {"at_least": 0.6}})]


def request(text: str = "Be brief. Who won?", **params: object) -> Request:
    spans = (Span(0, 0, 10, "instructions"), Span(0, 10, len(text), "input", "question"))
    return Request("m", Prompt((Message("user", text),), spans), Params(**{"temperature": 0.0, **params}))  # type: ignore[arg-type]


def stored(text: str = "Argentina", *scores: Score, asked: Request | None = None) -> RecordedItem:
    one = asked or request()
    return RecordedItem(ItemKey("c", "", "m"), one, one.key("f"), "f", Completion(text, "stop", Usage()), scores)


def result(text: str | None, *scores: Score, asked: Request | None = None, reason: str = "stop") -> Result:
    done = None if text is None else Completion(text, reason, Usage())  # type: ignore[arg-type]  # a known reason
    return Result(
        "r", "run", "m", asked or request(), "k", done, scores=scores, error="" if done else "the line is dead"
    )


def contains(value: float) -> Score:
    return Score("contains", value, "", "")


def chrf(value: float) -> Score:
    return Score("chrf", value, "", "")


def verdict(old: RecordedItem | None, new: Result | None, specs: list[scorers.ScorerSpec], **rest: object) -> Verdict:
    return judge(old, new, "f", specs, **rest)  # type: ignore[arg-type]  # what judge takes


@pytest.mark.parametrize(
    ("old", "new", "specs", "kind", "said"),
    [
        (stored("A", contains(1)), result("A", contains(1)), CONTAINS, "same", "the same answer"),
        (stored("A", contains(1)), result("A!", contains(1)), CONTAINS, "as good", ANOTHER),
        (stored("A", contains(0)), result("B", contains(0)), CONTAINS, "as good", ANOTHER),
        (stored("A", contains(1)), result("B", contains(0)), CONTAINS, "worse", "passed, and does not any more"),
        (stored("A", contains(0)), result("B", contains(1)), CONTAINS, "better", "passes now"),
        (stored("A", chrf(0.7)), result("B", chrf(0.65)), CHRF, "worse", "score 0.70 → 0.65"),
        (stored("A", chrf(0.65)), result("B", chrf(0.7)), CHRF, "better", "score 0.65 → 0.70"),
        (stored("A", chrf(0.7)), result("B", chrf(0.7 + 1e-12)), CHRF, "as good", ANOTHER),
        # Passing outweighs a score: below 0.6 it does not.
        (stored("A", chrf(0.61)), result("B", chrf(0.59)), CHRF, "worse", "passed, and does not any more"),
        (stored("A"), result("A"), [], "same", "the same answer"),
        (stored("A"), result("B"), [], "cannot tell", "another answer, and no scorer to say more"),
        (None, result("A", contains(1)), CONTAINS, "cannot tell", "nothing is recorded"),
        (stored("A", contains(1)), None, CONTAINS, "cannot tell", "no answer"),
        (stored("A", contains(1)), result(None), CONTAINS, "cannot tell", "no answer: the line is dead"),
        (stored("A", contains(1)), result("A", contains(1), reason="stopped"), CONTAINS, "cannot tell",
         "not judged: the answer was stopped before its end"),
        (stored("A", contains(1)), result("A"), CONTAINS, "cannot tell", "not judged: contains: it gave no score"),
    ],
)  # fmt: skip
def test_the_verdict_follows_the_scorers(
    old: RecordedItem | None, new: Result | None, specs: list[scorers.ScorerSpec], kind: str, said: str
) -> None:
    found = verdict(old, new, specs)
    assert (found.kind, found.said) == (kind, said)


def test_every_verdict_says_what_passed_before_and_now() -> None:
    found = verdict(stored("A", contains(1)), result("B", contains(0)), CONTAINS)
    assert (found.was_passed, found.passed, found.was_score, found.score) == (True, False, 1, 0)
    dead = verdict(stored("A", contains(1)), result(None), CONTAINS)
    assert (dead.was_passed, dead.passed, dead.score, dead.unscored) == (True, None, None, False)
    bare = verdict(stored("A"), result("B"), [])
    assert (bare.passed, bare.unscored) == (None, True)


def test_a_scorer_that_changed_is_not_held_against_the_answer() -> None:
    """Both answers by today's scorer: the same wrong answer is the same, and the scorer is what changed."""
    found = verdict(stored("A", contains(1)), result("A", contains(0)), CONTAINS, today=(contains(0),))
    assert found.kind == "same"
    assert found.causes == (Cause("scorer", "the recorded answer gets another score today: contains 1 → 0"),)


def test_a_scorer_that_came_or_went_is_said() -> None:
    (came,) = causes(stored("A"), Facts(request(), "f", Completion("A", "stop")), (contains(1),))
    assert came.detail.endswith("contains none → 1")
    (went,) = causes(stored("A", contains(1)), Facts(request(), "f", Completion("A", "stop")), ())
    assert went.detail.endswith("contains 1 → none")
    assert causes(stored("A", contains(1)), Facts(request(), "f", Completion("A", "stop"))) == ()


def facts(asked: Request, *, backend: str = "f", answer: str = "B", fingerprint: str = "") -> Facts:
    return Facts(asked, backend, Completion(answer, "stop", Usage(), fingerprint=fingerprint))


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (facts(request("Be short. Who won?")), [("prompt", "instructions", True)]),
        (facts(request("Be brief. Who lost?")), [("prompt", "input", True)]),
        (facts(request(), backend="g"), [("model", "f → g", True)]),
        (facts(request(), fingerprint="fp_2"), [("model", " → fp_2", True)]),
        (facts(replace(request(), model="n")), [("model", "m → n", True)]),
        (facts(request(seed=7)), [("parameters", "seed default → 7", True)]),
        (facts(replace(request(), schema='{"type": "object"}')), [("schema", "the JSON schema", True)]),
        (facts(request("Be short. Who won?", seed=7)),
         [("prompt", "instructions", False), ("parameters", "seed default → 7", False)]),
        (facts(request()), [("sampling", "nothing changed; the server does not give the same text twice", True)]),
        (facts(request(), answer="A"), []),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_is_the_cause(now: Facts, found: list[tuple[str, str, bool]]) -> None:
    assert [(c.kind, c.detail, c.certain) for c in causes(stored("A"), now)] == found


def test_only_the_part_of_a_fingerprint_that_changed_is_shown() -> None:
    old, new = "llama file=aaaa n_ctx=4096", "llama file=bbbb n_ctx=4096"
    assert fingerprint_change(old, new) == "file=aaaa → file=bbbb"
    assert fingerprint_change("one", "one two") == "one → one two"


def test_by_chance_a_change_shares_its_blame_with_sampling() -> None:
    hot = request(temperature=1.0)
    edited = request("Be short. Who won?", temperature=1.0)
    found = causes(stored("A", asked=hot), facts(edited))
    assert [(c.kind, c.certain) for c in found] == [("prompt", False), ("sampling", False)]
    # The same answer needs no chance to explain it.
    assert [c.kind for c in causes(stored("A", asked=hot), facts(edited, answer="A"))] == ["prompt"]
