"""How an experiment goes: what may be said before its end, what is stored, and what one stopped by hand may say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from promptlab.errors import ExperimentError
from promptlab.experiments import (
    Experiment,
    Outcome,
    Running,
    Tools,
    headline,
    load_experiment,
    plan_experiment,
    read_outcome,
    report_data,
    save_experiment,
)
from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace
from tests.experiments.bench import able, experiment, workspace


@dataclass
class Desk:
    """A workspace with a model whose article is worth everything."""

    space: Workspace
    model: ScriptedBackend
    tools: Tools

    def running(self, wanted: Experiment) -> Running:
        return Running(plan_experiment(self.space, wanted), self.tools)

    def ask(self, wanted: Experiment) -> Outcome:
        running = self.running(wanted)
        for _ in running:
            pass
        assert running.outcome is not None
        return running.outcome

    def stored(self, wanted: Experiment) -> Outcome:
        asked = len(self.model.history)
        outcome = read_outcome(plan_experiment(self.space, wanted), self.tools)
        assert len(self.model.history) == asked
        return outcome


def reads_the_article(there: Mapping[str, bool]) -> float:
    return 1.0 if there["context"] else 0.0


@contextmanager
def desk(
    folder: Path, cases: int, probability: Callable[[Mapping[str, bool]], float], seconds: float = 0
) -> Iterator[Desk]:
    space = workspace(folder, cases)
    model = able(probability, seconds=seconds)
    catalogue, store, log = Catalogue(space, extra={"m": model}), Store.of(space), SuiteLog.of(space)
    try:
        yield Desk(space, model, Tools(catalogue, store, log))
    finally:
        store.close()
        log.close()


ARTICLE = {"sections": ["context"], "primary": "context"}
WAYS = {
    "all at once": {},
    "screened": {"screen": 10},
    "with looks": {"looks": 3},
}


@pytest.mark.parametrize("more", WAYS.values(), ids=WAYS)
def test_no_verdict_is_given_before_a_planned_look(tmp_path: Path, more: dict[str, object]) -> None:
    with desk(tmp_path, 60, reads_the_article) as at:
        running = at.running(experiment("ablate", options={"sections": ["context", "instructions"]}, **more))
        growing = []
        for progress in running:
            outcome = running.so_far
            if progress.done == progress.total:
                continue  # the look may be over
            assert outcome.state == "asking"
            assert outcome.incomplete
            assert (outcome.done, outcome.total) == (progress.done, progress.total)
            assert headline(outcome).startswith("Still asking: ")
            settled_before = progress.stage.startswith("look ") and not progress.stage.startswith("look 1")
            if not settled_before:
                assert {effect.verdict for effect in outcome.effects} <= {"cannot tell yet"}
            growing.append(sum(effect.cases for effect in outcome.effects))
        assert max(growing) > 15
        assert running.so_far is running.outcome
        assert running.so_far.state == "finished"
        assert not running.so_far.incomplete
        verdicts = {effect.contrast.name: effect.verdict for effect in running.so_far.effects}
        assert verdicts["context"] == "helps"


def test_one_that_is_stopped_by_hand_has_no_verdict_and_goes_on(tmp_path: Path) -> None:
    with desk(tmp_path, 40, reads_the_article, seconds=0.1) as at:
        wanted = experiment("ablate", options=ARTICLE)
        running = at.running(wanted)
        for progress in running:
            if progress.done >= 30:
                running.stop()
        outcome = running.so_far
        assert outcome.state == "stopped"
        assert "by hand" in outcome.stopped
        (effect,) = outcome.effects
        assert effect.interval.low > 0.3
        assert effect.verdict == "cannot tell yet"
        assert "adds" not in headline(outcome)
        assert report_data(at.stored(wanted))["effects"] == report_data(outcome)["effects"]
        asked = len(at.model.history)
        whole = at.ask(wanted)
        assert whole.effects[0].verdict == "helps"
        assert len(at.model.history) - asked <= 80 - outcome.done
        assert whole.state == "finished"


def test_a_stop_while_it_screens_confirms_nothing(tmp_path: Path) -> None:
    with desk(tmp_path, 40, reads_the_article, seconds=0.1) as at:
        running = at.running(experiment("ablate", options=ARTICLE, screen=20))
        for _ in running:
            running.stop()
        assert running.so_far.stage == "screening"
        assert running.so_far.screened is None
        assert {effect.verdict for effect in running.so_far.effects} <= {"cannot tell yet"}


@pytest.mark.parametrize("more", WAYS.values(), ids=WAYS)
def test_stored_answers_give_the_same_report(tmp_path: Path, more: dict[str, object]) -> None:
    with desk(tmp_path, 30, lambda there: 0.7 if there["context"] else 0.4) as at:
        wanted = experiment("ablate", **more)
        nothing = at.stored(wanted)
        assert (nothing.state, nothing.done, nothing.incomplete) == ("stopped", 0, True)
        asked = at.ask(wanted)
        read = at.stored(wanted)
        assert report_data(read) == report_data(asked)
        assert [replace(one, store_run="") for one in read.seen.every] == [
            replace(one, store_run="") for one in asked.seen.every
        ]


def test_an_answer_to_another_prompt_is_not_read(tmp_path: Path) -> None:
    with desk(tmp_path, 6, reads_the_article) as at:
        wanted = experiment("ablate", options=ARTICLE)
        at.ask(wanted)
        page = tmp_path / "docs/page.md"
        page.write_text(page.read_text() + "One line more.\n")
        outcome = at.stored(wanted)
        assert (outcome.done, outcome.total) == (6, 12)  # those without the page are as they were
        assert "other prompts" in outcome.stopped
        assert outcome.incomplete


def test_a_mended_right_answer_is_judged_anew(tmp_path: Path) -> None:
    with desk(tmp_path, 6, reads_the_article) as at:
        wanted = experiment("ablate", options=ARTICLE)
        assert at.ask(wanted).effects[0].difference == 1
        rows = [json.loads(line) for line in (tmp_path / "cases.jsonl").read_text().splitlines()]
        rows[0]["expected"] = "something else"
        (tmp_path / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        asked = len(at.model.history)
        for outcome in (at.stored(wanted), at.ask(wanted)):
            assert outcome.effects[0].difference == pytest.approx(5 / 6)
        assert len(at.model.history) == asked


def test_another_experiment_is_not_overwritten(tmp_path: Path) -> None:
    space = workspace(tmp_path, 4)
    wanted = Experiment("e", "shots", "t", "cases.jsonl", ("m",), {"ks": (0, 1)}, scorers=("exact",))
    assert save_experiment(space, wanted)
    assert not save_experiment(space, wanted)
    assert not save_experiment(space, replace(wanted, description="what it is for"))
    assert load_experiment(space, "e").options == {"ks": [0, 1]}
    before = (tmp_path / wanted.path).read_bytes()
    with pytest.raises(ExperimentError, match="is another experiment"):
        save_experiment(space, replace(wanted, seed=1))
    assert (tmp_path / wanted.path).read_bytes() == before


def test_an_experiment_is_one_line_of_the_history(tmp_path: Path) -> None:
    with desk(tmp_path, 12, reads_the_article) as at:
        outcome = at.ask(experiment("ablate", options=ARTICLE, screen=4, looks=2))
        store = at.tools.store
        listed = store.runs(together=True)
        assert [run.made_for.kind for run in listed] == ["experiment"]
        assert listed[0].made_for.path == outcome.planned.experiment.path
        assert len(listed[0].ids) > 1
        results = {result.id: result for run in listed[0].ids for result in store.results(run)}
        assert all(results[seen.result].text == seen.text for seen in outcome.seen.every)


def test_an_arm_that_changes_nothing_is_named(tmp_path: Path) -> None:
    space = workspace(tmp_path, 3)
    plain = "{% system %}{{ instructions }}{% endsystem %}{% user %}{{ user }}{% enduser %}"
    (tmp_path / "templates/t.yaml").write_text(
        (tmp_path / "templates/t.yaml").read_text() + f"layout: {json.dumps(plain)}\n"
    )
    planned = plan_experiment(space, experiment("ablate", options=ARTICLE))
    assert planned.unchanged() == {"without context": "whole prompt"}
