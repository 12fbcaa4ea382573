"""The one road: every trial ends in one result, whatever goes wrong on the way, and no other is harmed."""

from __future__ import annotations

import dataclasses
import gc
import itertools
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import RateLimited, ServerFailed, StoreError, WindowExceeded
from promptlab.models._as_sent import AsSent
from promptlab.models._backend import Step
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs import _prompts as prompts
from promptlab.runs import _runner as runner
from promptlab.runs._explain import explain
from promptlab.runs._run_info import RunInfo
from promptlab.runs._runner import Event
from promptlab.runs._store import Store
from promptlab.runs._trial import Trial
from promptlab.runs._window import _surely_fits, check_window
from promptlab.scorers._registry import contains, exact
from promptlab.types import Completion, Delta, Document, Example, Message, Params, Phase, Prompt, Request, Result, Span
from promptlab.workspace._workspace import Workspace
from tests.conftest import House


class OwnBackend(ScriptedBackend):
    """A backend that misbehaves as `complete` is told."""

    def __init__(self, name: str, steps: Callable[[Request, threading.Event], Iterator[Step]], **options: Any) -> None:
        super().__init__(name, **options)
        self._steps = steps

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        self.history.append(request)
        return self._steps(request, cancel)


def own(house: House, name: str, steps: Callable[[Request, threading.Event], Iterator[Step]], **options: Any) -> None:
    house.models[name] = OwnBackend(name, steps, **options)


def by_model(results: list[Result]) -> dict[str, Result]:
    return {r.model: r for r in results}


def unhung(run: runner.Run) -> list[Result]:
    """The results; a run that does not end within a minute fails instead of hanging the suite."""
    done: list[list[Result]] = []
    thread = threading.Thread(target=lambda: done.append(run.wait()), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "the run does not end"
    return done[0]


# The usual


def test_events_tell_the_steps_and_end_with_the_result(house: House) -> None:
    house.model("a", [[Phase("reading", 1, 2), "Argen", "tina"]])
    (trial,) = house.trials()
    run = house.start([trial])
    events = list(run)
    assert [e.step for e in events[:-1]] == [Phase("reading", 1, 2), Delta("Argen"), Delta("tina")]
    last = events[-1].step
    assert isinstance(last, Result)
    assert last.completion
    assert (last.run_id, last.model, last.text, last.ok, last.cached) == (run.id, "a", "Argentina", True, False)
    assert last.request == house.models["a"].history[0] == runner.request_of(trial)
    assert last.request_id == runner.request_of(trial).key("scripted:a")
    assert house.store.results(run.id) == [last]
    assert house.store.run(run.id).template == "templates/cup.yaml"


def test_results_come_in_the_order_of_the_trials(house: House) -> None:
    for name, pause in (("slow", 0.2), ("fast", 0.0)):
        house.model(name, [[pause, name]])
    results = house.ask(house.trials("slow", "fast", "slow", repeats=2))
    assert [r.text for r in results] == ["slow", "slow", "fast", "fast", "slow", "slow"]


def test_a_run_can_be_asked_for_its_end_again(house: House) -> None:
    house.model("a")
    run = house.start(house.trials())
    first = run.wait()
    assert run.wait() == first == run.results
    assert list(run) == []


def test_a_run_of_nothing_is_refused(house: House) -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        house.start([])
    assert house.store.runs() == []


def test_a_run_nobody_listens_to_is_recorded(house: House) -> None:
    house.model("a")
    run_id = house.start(house.trials("a", repeats=5)).id
    gc.collect()
    deadline = time.monotonic() + 60
    while house.store.run(run_id).done < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [r.text for r in house.store.results(run_id)] == ["ok"] * 5


def test_where_a_result_came_from_is_recorded(house: House) -> None:
    house.model("a")
    run = house.start(house.trials(), title="compare cup")
    run.wait()
    info = house.store.run(run.id)
    assert (info.title, info.total, info.done, info.failed, info.models) == ("compare cup", 1, 1, 0, ("a",))
    assert len(info.origin.template_blob) == 40
    assert {"python", "promptlab", "jinja2"} <= set(info.origin.versions)


# What can go wrong

FIRST_HALF = Delta("Argen")


def dies(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
    yield FIRST_HALF
    raise ZeroDivisionError("a bug")


def leaves(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
    yield FIRST_HALF
    raise SystemExit(3)


def ends_early(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
    yield FIRST_HALF


def refuses_at_once(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
    raise RateLimited("slow down", hint="wait a little")


def gives_nothing(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
    return None  # type: ignore[return-value]  # that is what is wrong with it


@pytest.mark.parametrize(
    ("steps", "kind", "message", "partial"),
    [
        (dies, "PromptlabError", "unexpected ZeroDivisionError: a bug", "Argen"),
        (leaves, "PromptlabError", "unexpected SystemExit: 3", "Argen"),
        (ends_early, "PromptlabError", "backend of bad ended without a completion", "Argen"),
        (refuses_at_once, "RateLimited", "slow down", ""),
        (gives_nothing, "PromptlabError", "unexpected TypeError", ""),
    ],
)
def test_a_backend_that_fails_harms_no_other(
    house: House,
    caplog: pytest.LogCaptureFixture,
    steps: Callable[[Request, threading.Event], Iterator[Step]],
    kind: str,
    message: str,
    partial: str,
) -> None:
    house.model("good", ["Argentina"])
    own(house, "bad", steps)
    run = house.start(house.trials("bad", "good", repeats=3))
    results = unhung(run)
    for result in results[:3]:
        assert (result.ok, result.error_kind, result.partial, result.text) == (False, kind, partial, partial)
        assert message in result.error
        assert result.request
    assert [r.text for r in results[3:]] == ["Argentina"] * 3
    assert house.store.results(run.id) == results
    if kind == "PromptlabError":
        assert "this is a fault in promptlab" in results[0].hint
        assert "Traceback" in caplog.text
    else:
        assert results[0].hint == "wait a little"


def test_a_model_nobody_knows_and_one_that_is_not_ready_fail_alone(
    make_workspace: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace = make_workspace("models:\n  gpt: {backend: openai, model: gpt-4o, api_key_env: NO_SUCH_API_KEY}\n")
    house = House(workspace, Store(tmp_path / "runs.sqlite"))
    house.model("good")
    results = by_model(unhung(house.start(house.trials("gpt", "goood", "good"))))
    assert (results["gpt"].error_kind, results["goood"].error_kind) == ("ModelNotReady", "ModelNotFound")
    assert "NO_SUCH_API_KEY" in results["gpt"].hint
    assert results["goood"].hint == "did you mean `good`?"
    assert results["good"].text == "ok"
    house.store.close()


def test_a_trial_that_cannot_be_rendered_fails_alone(house: House) -> None:
    model = house.model("a")
    good = house.trials()[0]
    bad = dataclasses.replace(good, inputs={})
    results = unhung(house.start([bad, good, bad]))
    assert [r.error_kind for r in results] == ["TemplateError", "", "TemplateError"]
    assert "missing `question`" in results[0].error
    assert results[0].request is None
    assert len(model.history) == 1


def test_a_catalogue_that_breaks_fails_its_model_alone(house: House, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedBackend):
        @property
        def max_parallel(self) -> int:
            raise OSError("the engine is on fire")

        @max_parallel.setter
        def max_parallel(self, _value: int) -> None: ...

    house.model("good")
    house.models["bad"] = Broken("bad")
    results = by_model(unhung(house.start(house.trials("bad", "good"))))
    assert "the engine is on fire" in results["bad"].error
    assert results["good"].ok
    assert "on fire" in caplog.text


def test_a_scorer_that_fails_judges_nothing_and_the_answer_is_whole(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    def bad(_answer: str, _expected: str) -> Any:
        raise ValueError("no idea")

    house.model("a", ["Argentina"])
    (result,) = house.ask(house.trials(expected="Argentina"), scorers=[bad, exact()])
    assert result.ok
    assert [(s.value, s.reason) for s in result.scores] == [
        (None, "the scorer failed: ValueError: no idea"),
        (1.0, "is 'Argentina'"),
    ]
    assert "a scorer failed" in caplog.text


def test_only_answers_to_trials_with_an_expected_answer_are_scored(house: House) -> None:
    house.model("a", ["It was Argentina"])
    house.model("bad", [ServerFailed("no")])
    results = house.ask([*house.trials(expected="Argentina"), *house.trials("a", question="?")], scorers=[contains()])
    assert [[s.value for s in r.scores] for r in results] == [[1.0], [], []]
    again = house.ask(house.trials("a", expected="France"), scorers=[contains()])
    assert again[0].cached
    assert again[0].scores[0].value == 0


# The gate


def private(house: House, label: Any = "confidential") -> Trial:
    trial = house.trials("a")[0]
    (house.workspace.root / "secret.md").write_text("the secret word")
    return dataclasses.replace(trial, documents=(Document("secret.md", "the secret word", label),))


def test_a_label_above_the_clearance_is_refused_and_nothing_is_sent_or_kept(house: House) -> None:
    model = house.model("a", clearance="public")
    run = house.start([private(house)])
    (result,) = run.wait()
    assert (result.error_kind, result.request_id) == ("GateRefused", "")
    assert "secret.md" in result.error
    assert model.history == []
    assert explain(house.store, runner.request_of(private(house)), model.fingerprint).sentence.endswith("answer yet")
    with sqlite3.connect(house.store.path) as db:
        assert db.execute("select count(*) from texts where cast(text as text) like '%secret word%'").fetchone() == (0,)
        assert db.execute("select count(*) from requests").fetchone() == (0,)
    db.close()


@pytest.mark.parametrize(
    "make",
    [
        private,
        lambda house: dataclasses.replace(house.trials("a")[0], label="internal"),
        lambda house: dataclasses.replace(
            house.trials("a")[0], shots=(Example("e", {"question": "?"}, "secret", label="confidential"),)
        ),
    ],
    ids=["document", "input", "example"],
)
def test_every_way_into_a_prompt_passes_the_gate(house: House, make: Callable[[House], Trial]) -> None:
    model = house.model("a", clearance="public")
    (result,) = house.ask([make(house)])
    assert result.error_kind == "GateRefused"
    assert model.history == []


def test_a_labelled_template_file_passes_the_gate_too(make_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    house = House(make_workspace("labels: {templates/cup.yaml: internal}\n"), Store(tmp_path / "runs.sqlite"))
    model = house.model("a", clearance="public")
    house.model("b", clearance="internal")
    results = by_model(house.ask(house.trials()))
    assert "layout `templates/cup.yaml` (internal)" in results["a"].error
    assert model.history == []
    assert results["b"].text == "ok"
    house.store.close()


def test_a_draft_has_the_label_of_the_file_it_is_of(make_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    house = House(make_workspace("labels: {templates/**: confidential}\n"), Store(tmp_path / "runs.sqlite"))
    model = house.model("a", clearance="internal")
    draft = house.template(instructions="typed but not saved")
    assert draft.label == "public"
    (result,) = house.ask(house.trials("a", template=draft))
    assert result.error.count("templates/cup.yaml") == 1
    assert model.history == []
    house.store.close()


def test_a_document_that_the_layout_hides_is_refused_all_the_same(house: House) -> None:
    model = house.model("a", clearance="public")
    hidden = house.template(layout="'{% user %}{{ documents | length }}{% enduser %}'")
    (result,) = house.ask([dataclasses.replace(private(house), template=hidden)])
    assert result.error_kind == "GateRefused"
    assert model.history == []


def test_a_stored_answer_is_not_shown_once_the_label_was_raised(house: House) -> None:
    model = house.model("a", clearance="public")
    assert house.ask([private(house, "public")])[0].ok
    assert house.ask([private(house, "public")])[0].cached
    (result,) = house.ask([private(house, "confidential")])
    assert (result.error_kind, result.text) == ("GateRefused", "")
    assert len(model.history) == 1


def test_the_gate_is_asked_before_a_model_is_made_ready(
    make_workspace: Callable[..., Workspace], tmp_path: Path
) -> None:
    workspace = make_workspace("models:\n  a: {backend: openai, model: gpt-4o, api_key_env: NO_SUCH_API_KEY}\n")
    house = House(workspace, Store(tmp_path / "runs.sqlite"))
    (result,) = house.ask([private(house)])
    assert result.error_kind == "GateRefused"
    house.store.close()


# The window


def test_what_does_not_fit_is_refused_with_the_tokens_of_each_section(house: House) -> None:
    model = house.model("a", window=40)
    run = house.start([dataclasses.replace(house.trials()[0], params=Params(max_tokens=20))])
    (result,) = run.wait()
    assert result.error_kind == "WindowExceeded"
    assert result.error == (
        "the prompt does not fit a: 27 tokens and 20 for the answer, and its window is 40 "
        "(instructions 6, output format 5, context 10, examples 4, input 2)"
    )
    assert result.hint == "shorten the context by 7 tokens, or lower max_tokens; nothing was sent or cut"
    assert model.history == []
    assert house.store.run(run.id).failed == 1


@pytest.mark.parametrize(("window", "fits"), [(47, True), (46, False), (None, True)])
def test_the_window_is_used_to_its_last_token(house: House, window: int | None, fits: bool) -> None:
    house.model("a", window=window)
    (result,) = house.ask([dataclasses.replace(house.trials()[0], params=Params(max_tokens=20))])
    assert result.ok is fits


WORDS = st.text(alphabet="ab \n", max_size=200)


@given(texts=st.lists(WORDS, min_size=1, max_size=4), room=st.integers(1, 50), window=st.integers(1, 8_000))
def test_what_surely_fits_does_fit(texts: list[str], room: int, window: int) -> None:
    prompt = Prompt(
        tuple(Message("user", t) for t in texts), tuple(Span(n, 0, len(t), "input") for n, t in enumerate(texts))
    )
    request = Request("a", prompt, Params(max_tokens=room))
    backend = ScriptedBackend("a", window=window)
    budget = backend.as_sent(request).budget
    if _surely_fits(prompt, window - room):
        assert budget.fits
    if budget.fits:
        check_window(request, backend)
    else:
        with pytest.raises(WindowExceeded):
            check_window(request, backend)


@given(st.text(min_size=1, max_size=40))
def test_surely_fits_counts_a_token_for_every_byte(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert not _surely_fits(Prompt((Message("user", text),)), size - 1)


def test_a_short_prompt_in_a_wide_window_is_not_even_counted(house: House) -> None:
    class Uncounted(ScriptedBackend):
        def as_sent(self, _request: Request) -> AsSent:
            raise AssertionError("counted")

    backend = Uncounted("a", window=100_000)
    check_window(runner.request_of(house.trials("a")[0]), backend)
    with pytest.raises(AssertionError, match="counted"):
        check_window(runner.request_of(house.trials("a")[0]), Uncounted("a", window=100))


# Stopping


def wait_for(run: runner.Run, wanted: Callable[[Event], bool]) -> list[Event]:
    """Events up to the first that is `wanted`."""
    seen: list[Event] = []
    for event in run:
        seen.append(event)
        if wanted(event):
            return seen
    raise AssertionError(f"it never came: {seen}")


@pytest.mark.parametrize(
    ("script", "moment", "text"),
    [
        ([Phase("waiting"), 3600.0, "x"], Phase("waiting"), ""),
        ([Phase("reading", 1, 9), 3600.0, "x"], Phase("reading", 1, 9), ""),
        (["Argen", 3600.0, "tina"], Delta("Argen"), "Argen"),
    ],
    ids=["waiting", "reading", "writing"],
)
def test_a_stop_ends_the_answer_and_keeps_what_had_arrived(
    house: House, script: list[Any], moment: Step, text: str
) -> None:
    house.model("a", [script], max_parallel=1)
    run = house.start(house.trials("a", repeats=3))
    wait_for(run, lambda event: event.step == moment)
    assert not run.cancelled
    run.cancel()
    assert run.cancelled
    results = unhung(run)
    assert [(r.ok, r.text) for r in results] == [(True, text), (True, ""), (True, "")]
    assert {r.completion.finish_reason for r in results if r.completion} == {"stopped"}
    assert results[1].completion
    assert results[1].completion.details == {"note": "stopped before it began"}
    assert house.store.results(run.id) == results
    assert len(house.models["a"].history) == 1


def test_trials_that_wait_are_not_rendered_after_a_stop(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.model("a", [["x", 3600.0]], max_parallel=1)
    rendered = itertools.count()
    real = prompts.render

    def counted(*args: Any, **rest: Any) -> Prompt:
        next(rendered)
        return real(*args, **rest)

    trials = [dataclasses.replace(trial, rendered=None) for trial in house.trials("a", repeats=200)]
    monkeypatch.setattr(prompts, "render", counted)
    run = house.start(trials)
    wait_for(run, lambda event: event.step == Delta("x"))
    run.cancel()
    assert len(unhung(run)) == 200
    assert next(rendered) == 1


def test_a_stopped_answer_is_never_taken_from_the_store(house: House) -> None:
    house.model("a", [["Argen", 3600.0], "Argentina"])
    run = house.start(house.trials())
    wait_for(run, lambda event: event.step == Delta("Argen"))
    run.cancel()
    unhung(run)
    (result,) = house.ask(house.trials())
    assert (result.text, result.cached) == ("Argentina", False)


def test_a_stopped_answer_is_not_scored(house: House) -> None:
    house.model("a", [["Argentina", 3600.0]])
    run = house.start(house.trials(expected="Argentina"), scorers=[contains()])
    wait_for(run, lambda event: event.step == Delta("Argentina"))
    run.cancel()
    assert unhung(run)[0].scores == ()


def test_a_stop_after_the_end_changes_nothing(house: House) -> None:
    house.model("a")
    run = house.start(house.trials())
    before = run.wait()
    run.cancel()
    assert run.wait() == before


# The store


def test_the_second_time_the_store_answers_and_nobody_is_asked(house: House) -> None:
    model = house.model("a", ["Argentina", "Brazil"])
    first, second = house.ask(house.trials())[0], house.ask(house.trials())[0]
    assert (first.cached, second.cached) == (False, True)
    assert second.completion == first.completion
    assert second.id != first.id
    assert second.request_id == first.request_id
    assert len(model.history) == 1
    assert house.store.results(second.run_id)[0].cached


def test_fresh_goes_round_the_store(house: House) -> None:
    model = house.model("a", ["one", "two"])
    house.ask(house.trials())
    (result,) = house.ask(house.trials(), fresh=True)
    assert (result.text, result.cached, len(model.history)) == ("two", False, 2)
    assert house.ask(house.trials())[0].text == "one"


def test_repeats_never_share_an_answer(house: House) -> None:
    model = house.model("a", [str(n) for n in range(5)], max_parallel=1)
    assert [r.text for r in house.ask(house.trials(repeats=3))] == ["0", "1", "2"]
    again = house.ask(house.trials(repeats=5))
    assert [(r.text, r.cached) for r in again] == [
        ("0", True),
        ("1", True),
        ("2", True),
        ("3", False),
        ("4", False),
    ]
    assert len(model.history) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"params": Params(temperature=0.7, max_tokens=16)},
        {"params": Params(seed=1, max_tokens=16)},
        {"inputs": {"question": "Who lost?"}},
        {"without": ("context",)},
        {"shots": ()},
        {"documents": (Document("d", "another text"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_to_what_is_asked_is_asked(house: House, change: dict[str, Any]) -> None:
    model = house.model("a")
    house.ask(house.trials())
    (result,) = house.ask([dataclasses.replace(house.trials()[0], **change)])
    assert not result.cached
    assert len(model.history) == 2


def test_another_model_is_another_answer(house: House) -> None:
    house.model("a", ["from a"])
    house.model("b", ["from b"])
    house.ask(house.trials("a"))
    assert (house.ask(house.trials("b"))[0].text, house.ask(house.trials("b"))[0].cached) == ("from b", True)


@pytest.mark.parametrize("script", [[ServerFailed("no"), "good"], [["Arg", ServerFailed("cut")], "good"]])
def test_a_failed_answer_is_asked_again(house: House, script: list[Any]) -> None:
    house.model("a", script)
    assert not house.ask(house.trials())[0].ok
    (result,) = house.ask(house.trials())
    assert (result.text, result.cached) == ("good", False)


class Failing(Store):
    """A history whose disk is full from the `limit`-th result on, or for results of `poison`."""

    limit = 10**9
    poison = ""

    def add(self, results: Any) -> None:
        batch = list(results)
        if any(index >= self.limit or (self.poison and r.text == self.poison) for index, r, _ in batch):
            raise StoreError("the disk is full")
        super().add(batch)


def test_results_that_cannot_be_recorded_are_delivered_and_the_failure_said_at_the_end(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    store = Failing(workspace.state / "runs.sqlite")
    store.limit = 3
    house = House(workspace, store)
    house.model("a", lambda request: str(request.repeat), max_parallel=2)
    run = house.start(house.trials(repeats=6))
    got: dict[int, str] = {}
    events = iter(run)
    while len(got) < 6:
        if isinstance((event := next(events)).step, Result):
            got[event.index] = event.step.text
    with pytest.raises(StoreError, match="the disk is full"):
        next(events)
    assert got == {n: str(n) for n in range(6)}
    assert [r.text for r in run.results] == [str(n) for n in range(6)]
    assert [r.text for r in store.results(run.id)] == ["0", "1", "2"]
    assert "the disk is full" in caplog.text
    with pytest.raises(StoreError, match="the disk is full"):
        run.wait()
    store.close()


def test_one_result_that_cannot_be_recorded_takes_no_other_with_it(workspace: Workspace) -> None:
    store = Failing(workspace.state / "runs.sqlite")
    store.poison = "7"
    house = House(workspace, store)
    gate = threading.Event()

    def steps(request: Request, _cancel: threading.Event) -> Iterator[Step]:
        gate.wait(60)
        yield Delta(str(request.repeat))
        yield Completion(str(request.repeat))

    own(house, "a", steps, max_parallel=20)
    run = house.start(house.trials(repeats=20))
    gate.set()
    with pytest.raises(StoreError):
        run.wait()
    assert len(run.results) == 20
    assert [r.text for r in store.results(run.id)] == [str(n) for n in range(20) if n != 7]
    store.close()


def test_a_number_no_database_can_hold_is_said_and_harms_no_other(house: House) -> None:
    def steps(request: Request, _cancel: threading.Event) -> Iterator[Step]:
        used = 2**70 if request.repeat == 1 else 1
        yield Completion("", usage=dataclasses.replace(Completion("").usage, read=used))

    own(house, "a", steps)
    run = house.start(house.trials(repeats=3))
    with pytest.raises(StoreError, match="could not be recorded"):
        run.wait()
    assert len(run.results) == 3
    assert len(house.store.results(run.id)) == 2


def test_a_run_that_cannot_be_recorded_at_all_does_not_start(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Store, _run: RunInfo) -> None:
        raise StoreError("the disk is full")

    model = house.model("a")
    monkeypatch.setattr(Store, "begin", fail)
    with pytest.raises(StoreError):
        house.start(house.trials())
    assert model.history == []


def test_an_unreadable_history_fails_the_trial_and_asks_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: Store, _key: str) -> None:
        raise StoreError("the file is damaged", hint="move it aside")

    model = house.model("a")
    monkeypatch.setattr(Store, "find", fail)
    (result,) = house.ask(house.trials())
    assert (result.error_kind, result.error, result.hint) == ("StoreError", "the file is damaged", "move it aside")
    assert model.history == []


# Many at once


@pytest.mark.parametrize("most", [1, 3, 64])
def test_no_more_are_asked_at_once_than_the_model_is_worth(house: House, most: int) -> None:
    lock, count = threading.Lock(), Counter[str]()

    def steps(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
        with lock:
            count["now"] += 1
            count["peak"] = max(count["peak"], count["now"])
        time.sleep(0.005)
        with lock:
            count["now"] -= 1
        yield Completion("ok")

    own(house, "a", steps, max_parallel=most)
    results = unhung(house.start(house.trials(repeats=most * 4)))
    assert len(results) == most * 4
    assert 1 <= count["peak"] <= most
    assert most == 1 or count["peak"] > 1


def test_models_are_asked_side_by_side(house: House) -> None:
    meet = threading.Barrier(3, timeout=60)

    def steps(_request: Request, _cancel: threading.Event) -> Iterator[Step]:
        meet.wait()
        yield Completion("met")

    for name in ("a", "b", "c"):
        own(house, name, steps, max_parallel=1)
    assert [r.text for r in unhung(house.start(house.trials()))] == ["met"] * 3


def test_hundreds_of_trials_on_64_threads_each_get_their_own_answer(house: House) -> None:
    house.model("a", lambda request: f"answer {request.repeat}", max_parallel=64)
    run = house.start(house.trials(repeats=500))
    ended: Counter[int] = Counter()
    heard: dict[int, str] = {}
    for event in run:
        if isinstance(event.step, Delta):
            heard[event.index] = heard.get(event.index, "") + event.step.text
        elif isinstance(event.step, Result):
            ended[event.index] += 1
    assert ended == dict.fromkeys(range(500), 1)
    assert heard == {n: f"answer {n}" for n in range(500)}
    assert [r.text for r in house.store.results(run.id)] == [f"answer {n}" for n in range(500)]
    assert run.results == house.store.results(run.id)


def test_a_run_leaves_no_thread_behind(house: House) -> None:
    house.model("a", max_parallel=16)
    house.model("b", [ServerFailed("no")])
    before = set(threading.enumerate())
    for _ in range(3):
        unhung(house.start(house.trials(repeats=20), fresh=True))
    deadline = time.monotonic() + 30
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == set()


def test_a_machine_without_room_for_threads_goes_on_with_fewer(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = threading.Thread.start

    def scarce(self: threading.Thread) -> None:
        if self.name.startswith("a-"):
            raise RuntimeError("can't start new thread")
        real(self)

    house.model("a", max_parallel=16)
    monkeypatch.setattr(threading.Thread, "start", scarce)
    with caplog.at_level(logging.WARNING):
        assert len(unhung(house.start(house.trials(repeats=30)))) == 30
    assert "going on with fewer" in caplog.text


def test_two_runs_at_once_do_not_mix(house: House) -> None:
    house.model("a", lambda request: request.messages[-1].content, max_parallel=4)
    runs = [house.start(house.trials("a", question=f"run {n}", repeats=30)) for n in range(6)]
    for n, run in enumerate(runs):
        assert {(r.run_id, r.text) for r in unhung(run)} == {(run.id, f"run {n}")}
