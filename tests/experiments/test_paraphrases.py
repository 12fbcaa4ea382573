"""Paraphrases by a model: how its answer is read, and which ones are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab import templates
from promptlab.errors import ExperimentError, GateRefused
from promptlab.experiments import (
    Paraphrase,
    Tools,
    load_experiment,
    paraphrases,
    plan_experiment,
    save_experiment,
    with_paraphrases,
)
from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace
from tests.experiments.bench import experiment, workspace

OWN = "Answer the question about {{ team }} briefly."
GOOD = ["Reply in few words to what is asked of {{ team }}.", "Of {{ team }}, give a short answer."]


def written(
    folder: Path, answer: str, own: str = OWN, n: int = 4, clearance: str = "confidential", config: str = "models: {}\n"
) -> tuple[Paraphrase, ...]:
    """What `paraphrases` makes of `answer`."""
    space = with_instructions(folder, own)
    (folder / "promptlab.yaml").write_text(config)
    space = Workspace.find(folder)
    model = ScriptedBackend("writer", answer, clearance=clearance)  # type: ignore[arg-type]  # a label
    store, log = Store.of(space), SuiteLog.of(space)
    try:
        tools = Tools(Catalogue(space, extra={"writer": model}), store, log)
        found = paraphrases(space, templates.load(space, "t"), "writer", n, tools)
        assert own.splitlines()[0] in model.history[0].prompt.messages[-1].content
        assert len(store.runs()) == 1  # it is in the history
        return found
    finally:
        store.close()
        log.close()


def with_instructions(folder: Path, own: str) -> Workspace:
    space = workspace(folder, cases=4)
    path = folder / "templates/t.yaml"
    source = path.read_text().replace("{type: string}", "{type: string}\n  team: {type: string, sample: France}")
    path.write_text(templates.edit_template(source, {"instructions": f"{own}\n"}, path="templates/t.yaml"))
    return space


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(GOOD),
        json.dumps({"paraphrases": GOOD}),
        json.dumps([{"text": text} for text in GOOD]),
        json.dumps({"1": GOOD[0], "2": GOOD[1]}),
        f"Here they are:\n\n```json\n{json.dumps(GOOD, indent=1)}\n```\nGood luck!",
        f"1. {GOOD[0]}\n2. {GOOD[1]}",
        f'Here are two paraphrases:\n\n1) "{GOOD[0]}"\n\n2) “{GOOD[1]}”\n\nTell me if you want more.',
        f"**1.** {GOOD[0]}\n**2.** {GOOD[1]}",
        f"Paraphrase 1: {GOOD[0]}\nParaphrase 2: {GOOD[1]}",
        f"- {GOOD[0]}\n- {GOOD[1]}",
        f"Sure, here you are:\n\n{GOOD[0]}\n\n{GOOD[1]}",
        f"{GOOD[0]}\n{GOOD[1]}",
    ],
)
def test_every_form_of_a_list_is_read(tmp_path: Path, answer: str) -> None:
    assert written(tmp_path, answer) == tuple(Paraphrase(text) for text in GOOD)


@pytest.mark.parametrize(
    ("own", "text", "why"),
    [
        (OWN, "Answer what is asked in few words.", "leaves out `{{ team }}`"),
        (OWN, "Answer about {{ teams }} in few words.", "leaves out `{{ team }}`, and has `{{ teams }}` instead"),
        (OWN, "Answer about {{team}} in few words.", "leaves out"),
        (OWN, "Answer {{ question }} about {{ team }}.", "adds `{{ question }}`"),
        (OWN, "About {{ team }} and {{ team }}, be short.", "adds `{{ team }}`"),
        (OWN, "Be short about {{ team }} {# or not #}.", "adds"),
        (OWN, "Be short about {{ team }}, {% if", "braces"),
        (OWN, "ANSWER the question about {{ team }}, briefly!", "same as the instructions as they are"),
        (
            "{% if team %}Be short.{% else %}Be long.{% endif %}",
            "{% else %}Be brief.{% if team %}Take your time.{% endif %}",
            "another order",
        ),
        ("Say {{ team|default('}}') }} only.", "Name {{ team|default('}}') }} twice {{", "braces"),
    ],
)
def test_a_paraphrase_that_changes_what_jinja_puts_in_is_refused(tmp_path: Path, own: str, text: str, why: str) -> None:
    (one,) = written(tmp_path, json.dumps([text]), own)
    assert why in one.refused
    space = Workspace.find(tmp_path)
    with pytest.raises(ExperimentError, match="cannot be used"):
        with_paraphrases(space, experiment("wording"), templates.load(space, "t"), [one])


def test_the_second_of_two_that_are_the_same_is_refused(tmp_path: Path) -> None:
    first, second, third = written(tmp_path, json.dumps([GOOD[0], GOOD[0].upper().replace("TEAM", "team"), GOOD[1]]))
    assert (first.refused, third.refused) == ("", "")
    assert "same as paraphrase 1" in second.refused


@pytest.mark.parametrize(
    ("own", "answer"),
    [
        (OWN, ""),
        (OWN, '["Answer about {{ team }}", "and it was cut'),
        ("Do this:\n1. Read.\n2. Answer.", "1. Look at it.\n2. Reply."),  # pieces of one paraphrase
        ("First part.\n\nSecond part.", "Part one.\n\nPart two."),
    ],
)
def test_what_is_no_list_of_whole_paraphrases_is_an_error(tmp_path: Path, own: str, answer: str) -> None:
    with pytest.raises(ExperimentError, match="no list of paraphrases"):
        written(tmp_path, answer, own)


def test_no_more_than_were_asked_for(tmp_path: Path) -> None:
    assert written(tmp_path, json.dumps(GOOD), n=1) == (Paraphrase(GOOD[0]),)


def test_the_gate_and_the_label_of_the_file(tmp_path: Path) -> None:
    labels = "models: {}\nlabels: {templates/t.yaml: internal}\n"
    with pytest.raises(ExperimentError, match=r"gave no paraphrases.*internal"):
        written(tmp_path, json.dumps(GOOD), clearance="public", config=labels)
    space = Workspace.find(tmp_path)
    wanted = replace(experiment("wording"), name="x")
    with pytest.raises(GateRefused):  # the file of the experiment would have the text without its label
        with_paraphrases(space, wanted, templates.load(space, "t"), [Paraphrase(GOOD[0])])


def test_what_was_kept_is_in_the_file_and_is_asked(tmp_path: Path) -> None:
    space = workspace(tmp_path, cases=4)
    template = templates.load(space, "t")
    wanted = experiment("wording", options={"surface": False, "instead": {"paraphrase 1": "Mine.\n"}})
    texts = ["Reply to what is asked.", "Give the answer."]
    named = with_paraphrases(space, wanted, template, [Paraphrase(text) for text in texts])
    assert named.options["instead"] == {
        "paraphrase 1": "Mine.\n",
        "paraphrase 2": f"{texts[0]}\n",
        "paraphrase 3": f"{texts[1]}\n",
    }
    save_experiment(space, replace(named, name="kept"))
    planned = plan_experiment(space, load_experiment(space, "kept"))
    assert [arm.name for arm in planned.design.arms] == ["as written", "paraphrase 1", "paraphrase 2", "paraphrase 3"]
