"""The page Experiments without a browser: the list, the plan, an experiment asked to its end, and a case it changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.experiments import Experiment, every_kind, load_experiment, plan_experiment, what_it_takes
from promptlab.models._scripted import ScriptedBackend
from promptlab.types import Request
from promptlab.ui.experiments import wording
from promptlab.ui.state.open_experiments import ExperimentWork
from promptlab.ui.suites import start
from promptlab.workspace import trust_workspace
from tests.experiments.bench import able, workspace
from tests.ui.conftest import Desk, bodies, said
from tests.ui.dialogs import all_said

Desks = Callable[..., Desk]
SUITE = """\
template: templates/t.yaml
models: [m]
scorers: [exact]
cases: [{file: cases.jsonl}]
"""
EXPERIMENT = """\
kind: ablate
template: templates/t.yaml
cases: fixtures/suites/t.yaml
models: [m]
options: {sections: [context], primary: context}
"""
PATH = "experiments/page.yaml"
HOSTILE = "<img src=x onerror=alert(1)> **bold**"

AT_ONCE = 8
"""So many answers of a scripted model may be under way when it is stopped."""


@pytest.fixture
def here(desk: Desks, tmp_path: Path) -> Desk:
    """A workspace whose model knows every answer with the page, and one in ten without it."""
    space = workspace(tmp_path, cases=20)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)
    return desk(space, m=able(lambda there: 1.0 if there["context"] else 0.1))


def kept(here: Desk, text: str = EXPERIMENT, path: str = PATH) -> None:
    full = here.session.workspace.root / path
    full.parent.mkdir(exist_ok=True)
    full.write_text(text)


def kept_experiment(here: Desk) -> Experiment:
    kept(here)
    return load_experiment(here.session.workspace, PATH)


def press(tab: AppTest, key: str) -> AppTest:
    button = next(b for b in tab.button if str(b.key).startswith(key) and not b.disabled)
    button.click().run()
    assert not tab.exception
    return tab


def settled(here: Desk, tab: AppTest) -> AppTest:
    for job in here.session.experiments.jobs.running():
        assert job.wait(30)
    tab.run()
    assert not tab.exception
    return tab


def asked(here: Desk) -> AppTest:
    """The page of the experiment after it was asked to its end."""
    kept(here)
    tab = here.open("experiments", experiment=PATH)
    return settled(here, press(tab, "experiment-start"))


def test_without_an_experiment_every_kind_is_offered_as_a_question(here: Desk) -> None:
    tab = here.open("experiments")
    labels = {str(b.key): b.label for b in tab.button}
    assert {name for name in labels if name.startswith("experiment-ask-")} == {
        f"experiment-ask-{kind.name}" for kind in every_kind()
    }
    press(tab, "experiment-ask-shots")
    assert tab.query_params["kind"] == "shots"
    assert tab.radio[0].value == "shots"


def test_the_plan_counts_answers_and_asks_nobody(here: Desk) -> None:
    tab = here.open("experiments", new="1", template="templates/t.yaml")
    assert "100 answers" in said(tab)  # 20 cases, the whole prompt and four parts left out
    assert "20 cases show a difference of" in said(tab)
    assert here.models["m"].history == []
    assert (
        tab.selectbox(key=next(str(s.key) for s in tab.selectbox if str(s.key).endswith("-primary"))).value == "context"
    )


def test_the_plan_says_what_is_read_once_what_is_refused_and_what_changes_nothing(here: Desk) -> None:
    session = here.session
    planned = plan_experiment(session.workspace, kept_experiment(here))
    takes = session.experiments.takes(planned, catalogue=session.catalogue, store=session.store)
    assert takes == what_it_takes(planned, session.catalogue, session.store, session.suites.log)
    shown = start._row(takes.estimate.models[0], {"m": 1_234})
    assert '<td class="pl-n">1,234</td>' in shown


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_result_has_all_pictures_and_what_repeats_say(here: Desk, repeats: int) -> None:
    kept(here, f"{EXPERIMENT}repeats: {repeats}\n")
    tab = settled(here, press(here.open("experiments", experiment=PATH), "experiment-start"))
    assert [e.label for e in tab.expander if e.label.startswith("Numbers: ")] == [
        "Numbers: the score of every way to ask"
    ]
    assert any("pass@k" in e.label for e in tab.expander) == (repeats > 1)
    assert ("pass@1" in all_said(tab)) == (repeats > 1)


@pytest.mark.parametrize("kind", [kind.name for kind in every_kind()])
def test_every_kind_has_a_form_and_either_a_plan_or_a_reason(here: Desk, kind: str) -> None:
    tab = here.open("experiments", new="1", kind=kind, template="templates/t.yaml")
    assert not tab.exception
    has_plan = any(b.key == "experiment-start" for b in tab.button)
    assert has_plan or "This question does not fit" in said(tab)
    assert "bug in promptlab" not in all_said(tab)
    assert has_plan == (kind not in ("models", "finetune", "grid"))  # one model, and no kinds chosen


def test_start_writes_the_file_asks_and_answers_in_a_sentence(here: Desk) -> None:
    tab = here.open("experiments", new="1", template="templates/t.yaml")
    press(tab, "experiment-start")
    assert tab.query_params["experiment"] == "experiments/t-ablate.yaml"
    experiment = load_experiment(here.session.workspace, "t-ablate")
    assert (experiment.kind, experiment.cases, experiment.options) == (
        "ablate",
        "fixtures/suites/t.yaml",
        {"primary": "context"},
    )
    settled(here, tab)
    assert "The article adds" in said(tab)
    assert len(here.models["m"].history) == 100
    here.open("experiments")
    assert len(here.models["m"].history) == 100, "the list asks nobody"


def test_the_result_has_the_effect_its_table_and_the_cases(here: Desk) -> None:
    tab = asked(here)
    text = said(tab)
    assert "The article adds" in text
    assert "helps" in text
    press(tab, "flips-of-")
    assert tab.query_params["effect"] == "context"
    flips = [b for b in tab.button if str(b.key).startswith("open-flip-")]
    assert len(flips) >= 15
    press(tab, "open-flip-")
    assert "From the prompt before to the prompt after." in said(tab)
    assert "Number 1 is word-1." in said(tab)
    assert "The stored run" in all_said(tab)
    press(tab, "flip-next")
    assert "2 of" in said(tab)
    press(tab, "flip-back")
    assert "case" not in tab.query_params


def test_an_experiment_that_was_stopped_says_so_and_goes_on(desk: Desks, tmp_path: Path) -> None:
    asked_so_far: list[Request] = []

    def reply(request: Request) -> str:
        asked_so_far.append(request)
        if len(asked_so_far) == 12:
            here.session.experiments.jobs.running()[0].stop()
        return "word-1"

    space = workspace(tmp_path, cases=20)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)
    here = desk(space, m=ScriptedBackend("m", reply))
    kept(here)
    tab = here.open("experiments", experiment=PATH)
    settled(here, press(tab, "experiment-start"))
    assert "Not finished" in said(tab)
    assert "no difference larger" not in said(tab), "no verdict before the end"
    assert len(asked_so_far) < 40
    settled(here, press(tab, "experiment-continue"))
    assert "the article " in said(tab).lower()
    assert "Not finished" not in said(tab)
    assert 40 <= len(asked_so_far) <= 40 + AT_ONCE, "only what was broken off is asked twice"


def test_a_template_without_cases_leads_to_a_suite(desk: Desks, tmp_path: Path) -> None:
    here = desk(workspace(tmp_path, cases=3), m=["a"])
    tab = here.open("experiments", new="1", template="templates/t.yaml")
    assert "This template has no suite of its own yet" in said(tab)
    assert not [b for b in tab.button if b.key == "experiment-start"]


def test_a_draft_that_is_not_saved_is_not_what_is_measured(here: Desk) -> None:
    here.session.drafts.change("templates/t.yaml", changes={"instructions": "Other.\n"})
    tab = here.open("experiments", new="1", template="templates/t.yaml")
    assert "The draft of this template is not saved" in said(tab)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"experiment": "experiments/none.yaml"}, "This experiment cannot be read"),
        ({"experiment": PATH, "effect": "nothing", "model": "m"}, "has no effect"),
        ({"experiment": PATH, "effect": "context", "model": "m", "case": "none"}, "did not change"),
        ({"new": "1", "kind": "unknown", "template": "none.yaml"}, "What do you want to know?"),
    ],
)
def test_an_address_that_leads_nowhere_says_so(here: Desk, query: dict[str, str], words: str) -> None:
    kept(here)
    tab = here.open("experiments", **query)
    assert not tab.exception
    assert words in all_said(tab) + "".join(r.label for r in tab.radio)


def test_answers_of_a_model_are_text(desk: Desks, tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=6)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)

    def reply(request: Request) -> str:
        there = any(span.section == "context" for span in request.prompt.spans)
        number = request.prompt.messages[-1].content.split()[-1].strip("?")
        return f"word-{number}" if there else HOSTILE

    here = desk(space, m=ScriptedBackend("m", reply))
    tab = asked(here)
    press(press(tab, "flips-of-"), "open-flip-")
    assert not any("<img" in body for body in bodies(tab))
    assert "&lt;img" in "".join(bodies(tab))


def test_all_stages_of_an_experiment_count_as_one() -> None:
    """The progress goes through stages without going back."""
    running = SimpleNamespace(resumed=0, outcome=None)
    steps = [SimpleNamespace(stage=stage, done=n) for stage in ("look 1 of 2", "look 2 of 2") for n in (1, 2)]
    resumed = iter([2, 2, 1, 1])

    class Stages:
        @property
        def resumed(self) -> int:
            return int(running.resumed)

        def __iter__(self):  # type: ignore[no-untyped-def]  # a stand-in for `Running`
            for step in steps:
                running.resumed = next(resumed)
                yield step

    work = ExperimentWork(Stages())  # type: ignore[arg-type]  # the part of it that is used
    assert [work.resumed for _ in work] == [2, 2, 3, 3]


def test_a_question_is_a_sentence_for_every_kind() -> None:
    for kind in every_kind():
        assert wording.question(kind)[0].isupper()
        assert wording.about(kind).endswith(".")


OWN_KIND = """
from promptlab.experiments import Arm, Contrast, Design, Material, Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes

class LoudOptions(Options):
    mark: str = "!"

@kind("loud", "does shouting help?", LoudOptions)
def plan(material: Material, options: LoudOptions) -> Design:
    '''The instructions, and the instructions with a mark.'''
    template = apply_changes(material.template, {"instructions": material.template.instructions.strip() + options.mark})
    arms = Arm("plain", Variant("plain"), {}), Arm("loud", Variant("loud", template=template), {})
    return Design(arms, (Contrast("loud", ("loud",), ("plain",), "shouting"),), ())
"""


@pytest.mark.parametrize("trusted", [True, False])
def test_a_kind_of_the_workspace_is_offered_once_it_is_trusted(
    desk: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PROMPTLAB_TRUST", raising=False)
    space = workspace(tmp_path, cases=3)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/loud.py").write_text(OWN_KIND)
    if trusted:
        trust_workspace(space)
    here = desk(space, m=["word-1"])
    tab = here.open("experiments", new="1", template="templates/t.yaml", kind="loud")
    assert not tab.exception
    assert ("Does shouting help?" in tab.radio[0].options) == trusted
    assert ("6 answers" in said(tab)) == trusted
    assert ("A kind of your own is not offered" in all_said(tab)) != trusted


def test_what_a_model_words_otherwise_is_used_once_it_is_approved(desk: Desks, tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=3)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)
    texts = ["Reply to what is asked.", "Say what you know of it.", "Answer {{ question }}."]
    here = desk(space, m=ScriptedBackend("m", json.dumps(texts)))
    tab = here.open("experiments", new="1", kind="wording", template="templates/t.yaml")
    press(tab, "experiment-paraphrase")
    assert "It cannot be used" in all_said(tab), "one that puts in something else is refused"
    approve = [box for box in tab.checkbox if box.label.startswith("It means the same")]
    assert len(approve) == 2
    assert not [b for b in tab.button if b.key == "experiment-paraphrases-use" and not b.disabled]
    approve[1].check().run()
    press(tab, "experiment-paraphrases-use")
    assert [area.value for area in tab.text_area if str(area.key).endswith("-instead")] == [texts[1]]
    press(tab, "experiment-start")
    assert list(load_experiment(space, "t-wording").options["instead"].values()) == [f"{texts[1]}\n"]


def test_a_model_that_gives_no_paraphrases_says_so(desk: Desks, tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=3)
    (tmp_path / "fixtures/suites").mkdir(parents=True)
    (tmp_path / "fixtures/suites/t.yaml").write_text(SUITE)
    here = desk(space, m=ScriptedBackend("m", ""))
    tab = here.open("experiments", new="1", kind="wording", template="templates/t.yaml")
    press(tab, "experiment-paraphrase")
    assert "gave no list of paraphrases" in all_said(tab)
