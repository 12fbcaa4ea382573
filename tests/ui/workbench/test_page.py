"""The workbench, one click at a time, with scripted models."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from benchmarks.page import counting
from promptlab.errors import ServerFailed, StoreError
from promptlab.models._backend import Step
from promptlab.models._scripted import ScriptedBackend
from promptlab.types import Completion, Phase, Request, Thought
from promptlab.ui.components.widgets import plain
from promptlab.ui.workbench import page as page_module
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.ui.conftest import Desk, bodies, choose, said

CUP = "templates/cup.yaml"
LONG = ["Argentina ", 30.0, "won"]
HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](http://evil.example/x.png) $a^2$ **b**"
Desks = Callable[..., Desk]


def knows(request: Request) -> str:
    """Right with the article, wrong without it."""
    return "Argentina" if "Argentina beat France" in request.messages[0].content else "Germany"


def titles(tab: AppTest) -> list[str]:
    """Titles of the rows of answers, newest first."""
    return [m for body in bodies(tab) for m in re.findall(r'class="pl-rowhead"><b>(.*?)</b>', body)]


def unfold(tab: AppTest, row: int) -> None:
    """Press the button that folds or unfolds a row."""
    [each for each in tab.button if str(each.key).startswith("fold-")][row].click().run()


def test_the_first_page_says_what_to_press_and_starts_nothing(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open()
    assert not tab.exception
    assert "Nothing asked yet" in said(tab)
    assert tab.text_area(key="input-question-cup").value == "Who won?"
    assert not tab.button(key="run").disabled
    assert tab.button(key="stop").disabled
    assert here.models["alpha"].history == []


def test_run_shows_the_answers_of_every_model_side_by_side(desk: Desks) -> None:
    here = desk(alpha=["Argentina"], beta=["Lionel Messi"])
    tab = here.run(here.open())
    assert not tab.exception
    assert [c.value for c in tab.code] == ["Argentina", "Lionel Messi"]
    assert re.search(r"\d+ ms · 1 tok", said(tab))
    assert "first token" not in said(tab), "one line of metrics; the rest on demand"
    choose(tab, "What was sent, all figures")
    assert re.search(r"in\s+27 tok\s+out\s+1 tok\s+first token\s+\d+ ms", said(tab))
    assert "Argentina beat France" in said(tab)
    assert titles(tab) == ["first run"]
    assert not tab.button(key="run").disabled


def test_thinking_is_folded_above_the_answer_and_an_empty_answer_says_where_its_tokens_went(desk: Desks) -> None:
    here = desk(alpha=[[Thought("Let me "), Thought("see."), "Argentina"]], beta=[[Thought("Only this.")]])
    tab = here.run(here.open())
    assert not tab.exception
    folded = [e for e in tab.expander if e.label.startswith("Thinking")]
    assert [[c.value for c in e.code] for e in folded] == [["Let me see."], ["Only this."]]
    assert not any(e.proto.expanded for e in folded)
    assert "ended without an answer" in said(tab)
    again = here.open()
    assert "Let me see." in [c.value for c in again.code]


def test_what_a_model_thinks_is_there_while_it_thinks(desk: Desks) -> None:
    here = desk(alpha=[[Thought("Let me see."), 20.0, "Argentina"]])
    tab = here.open()
    tab.button(key="run").click().run()
    (job,) = here.session.jobs.running()
    here.until(lambda: job.snapshots()[0].thinking, "the first thought")
    assert "thinking" in said(tab.run()).lower()
    assert (job.snapshots()[0].state, job.snapshots()[0].text) == ("thinking", "")
    job.stop()
    tab = here.settle(tab)
    assert "Stopped before the first word" in said(tab)


def test_the_servers_own_word_for_an_end_is_shown(desk: Desks) -> None:
    class Odd(ScriptedBackend):
        def complete(self, *_: object) -> Iterator[Step]:
            yield Completion("Uru", "unknown", details={"finish": "<b>moonset"})

    here = desk(alpha=Odd("alpha"))
    tab = here.run(here.open())
    assert "ended with “<b>moonset”" in said(tab)


def test_how_long_a_model_may_think_is_part_of_the_draft(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open()
    tab.text_input(key="param-reasoning_effort-cup").set_value(" low ").run()
    here.run(tab)
    assert not tab.exception
    assert here.models["alpha"].history[-1].params.reasoning_effort == "low"
    tab.text_input(key="param-reasoning_effort-cup").set_value("").run()
    here.run(tab)
    assert here.models["alpha"].history[-1].params.reasoning_effort is None


def test_a_section_switched_off_gives_new_answers_above_the_old_ones(desk: Desks) -> None:
    here = desk(alpha=knows)
    tab = here.run(here.open())
    tab.toggle(key="switch-context-cup").set_value(False).run()
    assert "cup.md" not in said(tab)
    here.run(tab)
    assert not tab.exception
    assert titles(tab) == ["− context", "first run"]
    assert [c.value for c in tab.code] == ["Germany"], "the older row is folded"
    assert re.search(r"alpha:\s+Argentina", said(tab)), "but says its answer"
    unfold(tab, 1)
    assert [c.value for c in tab.code] == ["Germany", "Argentina"]


def test_several_changes_are_all_named(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.run(here.open())
    tab.number_input(key="k-cup").set_value(0).run()
    tab.number_input(key="param-temperature-cup").set_value(0.7).run()
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    here.run(tab)
    assert titles(tab)[0] == "instructions edited, k 1 → 0, temperature 0 → 0.7"
    assert here.models["alpha"].history[-1].messages[0].content.startswith("Be brief.")


def test_an_edited_template_is_marked_and_can_be_reset(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open()
    assert "draft ·" not in said(tab)
    tab.text_area(key="text-output_format-cup").set_value("In JSON.").run()
    tab.toggle(key="switch-examples-cup").set_value(False).run()
    assert "draft · output format edited" in said(tab)
    tab.button(key="bench-reset").click().run()
    assert not tab.exception
    assert "draft ·" not in said(tab)
    assert tab.text_area(key="text-output_format-cup").value == "Reply with the name only.\n"
    assert tab.toggle(key="switch-examples-cup").value is True


def test_a_run_of_an_edited_draft_is_recorded_as_such(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.run(here.open())
    tab.text_area(key="text-instructions-cup").set_value("Be brief.").run()
    here.run(tab)
    edited, original = here.session.store.runs()
    assert edited.origin.template_blob != original.origin.template_blob
    assert edited.template == original.template == CUP


def test_a_failing_column_does_not_harm_the_others(desk: Desks) -> None:
    here = desk(alpha=[ServerFailed("the server answered 500", hint="try again later")], beta=["Argentina"])
    tab = here.run(here.open())
    assert not tab.exception
    assert [c.value for c in tab.code] == ["Argentina"]
    assert re.search(r"alpha\s+failed\s+Failed\s+the server answered 500\s+try again later", said(tab))


def test_what_had_arrived_before_a_failure_is_kept(desk: Desks) -> None:
    here = desk(alpha=[["Argen", ServerFailed("cut")]])
    tab = here.run(here.open())
    assert [c.value for c in tab.code] == ["Argen"]
    assert "What arrived before that" in said(tab)


def test_a_stored_answer_says_so_and_shows_no_times(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = here.run(here.open())
    here.session.jobs._jobs.clear()  # otherwise the second press is the second click of a double click
    here.run(tab)
    assert titles(tab) == ["the same again", "first run"]
    newest = said(tab).split("first run")[0]
    assert "answered before, " in newest
    assert " ms" not in newest
    assert len(here.models["alpha"].history) == 1


def test_asking_again_goes_round_the_store(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = here.run(here.open())
    tab.checkbox(key="fresh-cup").set_value(True).run()
    here.run(tab)
    assert len(here.models["alpha"].history) == 2
    assert "answered before, " not in said(tab)


def test_while_a_run_is_under_way_run_rests_and_stop_keeps_what_had_arrived(desk: Desks) -> None:
    here = desk(alpha=[LONG], beta=[[Phase("reading", 8, 16), 30.0]])
    tab = here.open()
    tab.button(key="run").click().run()
    job = here.session.jobs.in_slot(CUP)
    assert job
    here.until(lambda: {s.state for s in job.snapshots()} == {"writing", "reading"}, "both models at work")
    tab.run()
    assert not tab.exception
    assert tab.button(key="run").disabled
    assert not tab.button(key="stop").disabled
    assert "Reading the prompt: 8 of 16 tokens" in said(tab)
    assert [c.value for c in tab.code] == ["Argentina "]
    tab.button(key="stop").click().run()
    here.settle(tab)
    assert [c.value for c in tab.code] == ["Argentina "]
    assert said(tab).count("stopped by you") == 2
    assert "Stopped before the first word" in said(tab)
    assert not tab.button(key="run").disabled


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase("waiting", detail="gemma is answering"), "Waiting for its turn: gemma is answering"),
        (Phase("loading"), "Loading the model into memory"),
        (Phase("loading", detail="loading x.gguf, 2 s"), "Loading x.gguf, 2 s"),
        (Phase("retrying", detail="retrying in 2 s: server error 503"), "Retrying in 2 s: server error 503"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_column_says_what_its_model_is_doing(desk: Desks, phase: Phase, words: str) -> None:
    here = desk(alpha=[[phase, 30.0]])
    tab = here.open()
    tab.button(key="run").click().run()
    job = here.session.jobs.in_slot(CUP)
    assert job
    here.until(lambda: job.snapshots()[0].phase, "the phase")
    assert words in said(tab.run())


def test_a_reload_in_the_middle_finds_the_run_and_starts_nothing(desk: Desks) -> None:
    here = desk(alpha=[LONG])
    first = here.open()
    first.button(key="run").click().run()
    job = here.session.jobs.in_slot(CUP)
    assert job
    here.until(lambda: job.snapshots()[0].text, "the first words")
    second = here.open()
    assert not second.exception
    assert [c.value for c in second.code] == ["Argentina "]
    assert second.button(key="run").disabled
    assert len(here.models["alpha"].history) == 1


def test_a_new_tab_finds_rows_and_draft(desk: Desks) -> None:
    here = desk(alpha=knows)
    tab = here.open()
    tab.text_area(key="input-question-cup").set_value("Who lost?").run()
    tab.toggle(key="switch-context-cup").set_value(False).run()
    here.run(tab)
    again = here.open()
    assert not again.exception
    assert again.text_area(key="input-question-cup").value == "Who lost?"
    assert again.toggle(key="switch-context-cup").value is False
    assert [c.value for c in again.code] == ["Germany"]


def test_two_tabs_do_not_undo_each_other(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    one, two = here.open(), here.open()
    one.toggle(key="switch-context-cup").set_value(False).run()
    two.number_input(key="k-cup").set_value(0).run()
    draft = here.session.drafts.load(CUP)
    assert (draft.without, draft.changes) == (("context",), {"examples.k": 0})
    assert two.toggle(key="switch-context-cup").value is True, "the screen of the second tab does not change by itself"
    assert here.open().number_input(key="k-cup").value == 0


def test_two_tabs_pressing_run_ask_once(desk: Desks) -> None:
    here = desk(alpha=[LONG])
    one, two = here.open(), here.open()
    one.button(key="run").click().run()
    two.button(key="run").click().run()
    assert len(here.session.store.runs()) == 1


def test_everything_is_there_after_a_restart(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    here.run(here.open())
    restarted = desk(alpha=["never asked"])
    tab = restarted.open()
    assert [c.value for c in tab.code] == ["Argentina"]
    assert restarted.models["alpha"].history == []


def test_a_run_that_was_killed_shows_as_interrupted(desk: Desks) -> None:
    here = desk(alpha=["Argentina"], beta=[LONG])
    tab = here.open()
    tab.button(key="run").click().run()
    job = here.session.jobs.in_slot(CUP)
    assert job
    here.until(lambda: here.session.store.results(job.run_id), "alpha's answer in the history")
    here.session.jobs._jobs.clear()  # what a new process knows
    tab = here.open()
    assert not tab.exception
    assert "Interrupted: 1 of 2 answers were not recorded" in said(tab)
    assert [c.value for c in tab.code] == ["Argentina"]
    job.stop()
    assert job.wait(5)


def test_a_broken_template_says_where_and_what_to_do(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace(files={CUP: TEMPLATE.replace("context:", "contxt:")})
    tab = desk(where, alpha=["ok"]).open(template=CUP)
    assert not tab.exception
    assert f"{CUP}, line 8, field contxt" in said(tab)
    assert "did you mean `context`?" in said(tab)
    (where.root / CUP).write_text(TEMPLATE)
    tab.button(key="bench-again").click().run()
    assert tab.button(key="run")


def test_jinja_that_cannot_be_rendered_is_shown_beside_the_prompt_and_not_run(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open()
    tab.text_area(key="text-instructions-cup").set_value("Answer in {{ loop }}.").run()
    assert not tab.exception
    assert "uses `loop`, which no input declares" in said(tab)
    assert tab.button(key="run").disabled
    tab.toggle(key="switch-instructions-cup").set_value(False).run()
    assert not tab.button(key="run").disabled


def test_a_document_refused_by_the_gate_is_not_sent_and_others_answer(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    where = make_workspace("models: {}\nlabels: {'fixtures/documents/**': confidential}\n")
    open_api = ScriptedBackend("open-api", ["leaked"], clearance="public")
    here = desk(where, open_api=open_api, local=["Argentina"])
    tab = here.run(here.open())
    assert not tab.exception
    assert open_api.history == []
    assert "Refused by the gate" in said(tab)
    assert "context `fixtures/documents/cup.md` (confidential)" in said(tab)
    assert [c.value for c in tab.code] == ["Argentina"]
    assert "Only local may read it; it is never sent to open-api." in said(tab)


def test_passages_of_a_document_are_part_of_the_draft(desk: Desks) -> None:
    here = desk(alpha=lambda request: "\n".join(message.content for message in request.messages))
    tab, key = here.open(), f"context-0-{plain('fixtures/documents/cup.md')}"

    def opened() -> AppTest:
        tab.session_state[f"{key}-taking"] = True  # a browser keeps it open
        return tab.run()

    opened().segmented_control(key=f"{key}-passages-way").set_value("range").run()
    opened().selectbox(key=f"{key}-passages-unit").set_value("words").run()
    opened().number_input(key=f"{key}-passages-last-words").set_value(6).run()
    assert not tab.exception
    entry = {"path": "fixtures/documents/cup.md", "passages": {"by": "range", "words": [1, 6]}}
    assert here.session.drafts.load("templates/cup.yaml").changes == {"context": [entry]}
    here.run(tab)
    assert "Argentina beat France in the final." in tab.code[0].value
    assert "Qatar was" not in tab.code[0].value
    opened().segmented_control(key=f"{key}-passages-way").set_value("all").run()
    assert not here.session.drafts.load("templates/cup.yaml").edited


def test_a_new_label_holds_for_the_next_run(desk: Desks) -> None:
    open_api = ScriptedBackend("open-api", ["leaked"], clearance="public")
    here = desk(open_api=open_api)
    tab = here.open()
    tab.radio(key=f"context-0-{plain('fixtures/documents/cup.md')}-label-choice-0").set_value("internal")
    tab.button(key=f"context-0-{plain('fixtures/documents/cup.md')}-label-set").click().run()
    here.run(tab)
    assert not tab.exception
    assert open_api.history == []
    assert "Refused by the gate" in said(tab)


def test_a_prompt_too_long_is_refused_with_its_numbers_and_the_section_named(desk: Desks) -> None:
    small = ScriptedBackend("small", ["never"], window=30)
    here = desk(small=small)
    tab = here.open()
    assert "Too long for small" in said(tab)
    assert "shorten: context" in said(tab)
    here.run(tab)
    assert "Does not fit the window" in said(tab)
    assert small.history == []


def test_a_window_nearly_full_is_a_warning(desk: Desks) -> None:
    tab = desk(small=ScriptedBackend("small", window=48)).open()
    assert "The context window of small is nearly full" in said(tab)
    assert "5 tokens are left" in said(tab)


def test_without_any_ready_model_the_page_says_what_to_set(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    where = make_workspace("models:\n  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}\n")
    tab = desk(where).open()
    assert not tab.exception
    assert "No model is ready" in said(tab)
    assert "set OPENAI_API_KEY" in said(tab)
    assert tab.button(key="run").disabled


def test_a_model_that_is_not_ready_has_a_line_below_the_answers(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    where = make_workspace("models:\n  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}\n")
    here = desk(where, alpha=["Argentina"])
    tab = here.run(here.open())
    assert [c.value for c in tab.code] == ["Argentina"]
    assert re.search(r"gpt\s+not asked: set OPENAI_API_KEY", said(tab))


def test_a_workspace_without_templates_says_so(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace()
    (where.root / CUP).unlink()
    tab = desk(where, alpha=["ok"]).open()
    assert not tab.exception
    assert "Try the World Cup sample" in said(tab)
    assert "Add an API" in said(tab)


def test_only_chosen_models_are_asked(desk: Desks) -> None:
    here = desk(alpha=["a"], beta=["b"])
    here.session.drafts.change(CUP, models=("beta",))
    tab = here.run(here.open())
    assert [c.value for c in tab.code] == ["b"]
    assert here.models["alpha"].history == []
    here.session.drafts.change(CUP, models=())
    tab = here.open()
    assert tab.button(key="run").disabled


def test_json_that_the_schema_forbids_is_not_valid_and_the_card_says_where(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    schema = "schema: {type: object, properties: {winner: {type: string}, goals: {type: number}}}\n"
    where = make_workspace(files={CUP: TEMPLATE + schema})
    here = desk(where, alpha=['{"winner":"x","goals":1.10}'], beta=['{"winner":12345678901234567890.0}'])
    tab = here.run(here.open())
    assert [c.value for c in tab.code] == [
        '{\n  "winner": "x",\n  "goals": 1.10\n}',
        '{\n  "winner": 12345678901234567890.0\n}',
    ]
    assert re.search(r"alpha\s+valid\b", said(tab))
    assert re.search(r"beta\s+not valid\b", said(tab))
    assert "/winner: 12345678901234567890.0 is not of type" in said(tab)


def test_json_is_set_out_and_its_validity_said(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace(files={CUP: TEMPLATE + "schema: {type: object}\n"})
    here = desk(where, alpha=['{"winner":"Argentina"}'], beta=["{winner"])
    tab = here.run(here.open())
    assert [c.value for c in tab.code] == ['{\n  "winner": "Argentina"\n}', "{winner"]
    assert re.search(r"alpha\s+valid\b", said(tab))
    assert re.search(r"beta\s+not valid\b", said(tab))


def test_hostile_text_is_shown_as_text(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    where = make_workspace(files={"fixtures/documents/cup.md": HOSTILE})
    here = desk(where, alpha=[HOSTILE], beta=[ServerFailed(HOSTILE)])
    tab = here.run(here.open())
    tab.segmented_control(key="bench-view").set_value("Preview").run()
    for body in bodies(tab):
        assert "<script" not in body
        assert "<img" not in body
    assert not tab.exception
    assert not any(HOSTILE in m.value for m in tab.markdown), "Markdown would fetch the picture"
    assert HOSTILE in said(tab), "in the preview, as text"
    tab.segmented_control(key="bench-view").set_value("Answers").run()
    assert [c.value for c in tab.code] == [HOSTILE]
    assert HOSTILE in said(tab)


def test_an_answer_no_protocol_can_carry_is_shown_all_the_same(desk: Desks) -> None:
    here = desk(alpha=["a\ud800b\x00c"])
    tab = here.run(here.open())
    assert not tab.exception
    assert [c.value for c in tab.code] == ["a\ufffdb\u2400c"]


def test_the_preview_shows_what_each_model_gets_without_asking_it(desk: Desks) -> None:
    here = desk(alpha=["a"], beta=["b"])
    tab = here.open()
    tab.segmented_control(key="bench-view").set_value("Preview").run()
    assert not tab.exception
    words = said(tab)
    assert "Argentina beat France in the final." in words
    assert re.search(r"Context\s+10\s+37 %", words)
    assert re.search(r"fixtures/documents/cup.md\s+10", words)
    assert here.models["alpha"].history == []


def test_the_preview_of_a_prompt_the_gate_refuses_says_so(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    where = make_workspace("models: {}\nlabels: {'fixtures/documents/**': internal}\n")
    tab = desk(where, api=ScriptedBackend("api", clearance="public")).open()
    tab.segmented_control(key="bench-view").set_value("Preview").run()
    assert "this would not be sent" in said(tab)


def test_a_fault_of_ours_is_a_calm_line_and_a_traceback_in_the_log(
    desk: Desks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = desk(alpha=["ok"])

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by our fault")

    monkeypatch.setattr(here.session.store, "runs", broken)
    tab = here.open()
    assert not tab.exception
    assert "Something went wrong" in said(tab)
    assert "by our fault" not in said(tab)
    assert "ZeroDivisionError: by our fault" in caplog.text


@pytest.mark.parametrize(
    ("kind", "sample"), [("number", "3"), ("boolean", "true"), ("list", "[1, 2]"), ("object", "{a: 1}")]
)
def test_inputs_of_every_type_have_a_field(
    desk: Desks, make_workspace: Callable[..., Workspace], kind: str, sample: str
) -> None:
    text = f"inputs:\n  thing: {{type: {kind}, sample: {sample}}}\nuser: 'say {{{{ thing }}}}'\n"
    here = desk(make_workspace(files={CUP: text}), alpha=["ok"])
    tab = here.run(here.open())
    assert not tab.exception
    assert [c.value for c in tab.code] == ["ok"]
    assert here.models["alpha"].history[0].messages[-1].content.startswith("say ")


def test_json_typed_wrongly_into_an_input_is_said_and_not_run(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    text = "inputs:\n  rows: {type: list, sample: [1]}\nuser: 'say {{ rows }}'\n"
    tab = desk(make_workspace(files={CUP: text}), alpha=["ok"]).open()
    tab.text_area(key="input-rows-cup").set_value("[1,").run()
    assert not tab.exception
    assert "cannot be read as a list" in said(tab)
    assert tab.button(key="run").disabled


def test_the_template_picked_is_in_the_address_and_found_again(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    other = TEMPLATE.replace("Answer a question", "Another template to answer")
    here = desk(make_workspace(files={"templates/other.yaml": other}), alpha=["ok"])
    tab = here.open()
    tab.selectbox(key="bench-template").set_value("templates/other.yaml").run()
    assert tab.query_params["template"] == "templates/other.yaml"
    assert "Another template" in said(tab)
    again = here.open(template="templates/other.yaml")
    assert "Another template" in said(again)


def picks(tab: AppTest) -> list[Any]:
    return [box for box in tab.checkbox if box.key.startswith("pick-")]


def test_two_rows_that_are_picked_are_compared(desk: Desks) -> None:
    here = desk(alpha=knows, beta=["the same"])
    tab = here.run(here.open())
    assert picks(tab) == [], "one row has nothing to be compared with"
    tab.toggle(key="switch-context-cup").set_value(False).run()
    here.run(tab)
    tab.text_area(key="input-question-cup").set_value("Who lost?").run()
    here.run(tab)
    picks(tab)[1].check().run()
    picks(tab)[2].check().run()
    assert not tab.exception
    assert titles(tab)[0] == "− context", "the older of the two comes first, whatever was picked first"
    (prompt,) = [body for body in bodies(tab) if "<del" in body and "Argentina beat France" in body]
    assert '<del class="pl-context"' in prompt
    assert any("Argentina" in b and "Germany" in b and "<ins" in b for b in bodies(tab))
    assert re.search(r"beta\s+same answer", said(tab))
    assert picks(tab)[0].disabled, "a third row has to wait"
    tab.button(key="comparison-close").click().run()
    assert not any("<del" in body for body in bodies(tab))
    assert not any(box.value for box in picks(tab))


def test_answers_the_history_cannot_take_are_shown_with_the_reason(
    desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(alpha=["Argentina"])

    def full(_: object) -> None:
        raise StoreError("the disk is full", hint="make room")

    monkeypatch.setattr(here.session.store, "add", full)
    tab = here.run(here.open())
    assert not tab.exception
    assert [c.value for c in tab.code] == ["Argentina"]
    assert re.search(r"not in the history\s+the disk is full\s+make room", said(tab))


def test_a_label_written_in_an_editor_counts_from_the_next_press(desk: Desks) -> None:
    public = ScriptedBackend("alpha", ["Argentina"], clearance="public")
    here = desk(alpha=public)
    tab = here.run(here.open())
    assert len(public.history) == 1
    file = here.session.workspace.root / "promptlab.yaml"
    file.write_text('models: {}\nlabels: {"fixtures/documents/**": confidential}\n')
    tab.checkbox(key=next(str(box.key) for box in tab.checkbox if "fresh" in str(box.key))).check().run()
    tab = here.run(tab)
    assert "Refused by the gate" in said(tab)
    assert len(public.history) == 1


def test_a_promptlab_yaml_that_broke_is_said_and_what_it_said_before_counts(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    (here.session.workspace.root / "promptlab.yaml").write_text("labels: [\n")
    tab = here.open()
    assert not tab.exception
    assert "promptlab.yaml cannot be read; its last valid content is used" in said(tab)


def test_a_click_renders_once_looks_at_each_model_once_and_reads_each_run_once(desk: Desks) -> None:
    here = desk(alpha=[LONG], beta=[LONG])
    tab = here.open()
    with counting() as edit:
        tab.text_area(key="input-question-cup").set_value("Who came second?").run()
    assert edit == {"renders": 1, "statuses": 2}
    with counting() as run:
        tab.button(key="run").click().run()
        here.until(lambda: all(model.history for model in here.models.values()), "both requests")
    assert run == {"statuses": 2}  # the prompt is the one that was shown
    assert len({id(model.history[0].prompt.messages) for model in here.models.values()}) == 1
    for job in here.session.jobs.running():
        job.stop()
    here.settle(tab)
    with counting() as again:
        tab.run()
        tab.run()
    assert again == {"statuses": 4}  # twice a page; ended answers are not read again
    assert not tab.exception


def test_a_press_on_run_counts_also_if_its_page_run_is_stopped_before_it_starts_the_models(
    desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = desk(alpha=["Argentina"])
    tab = here.open()
    draw = page_module.editor.draw
    stops = iter([True])

    def stopped_once(*args: Any, **kwargs: Any) -> None:
        draw(*args, **kwargs)
        if next(stops, False):
            st.rerun()  # as Streamlit does when a widget changes while the page is drawn

    monkeypatch.setattr(page_module.editor, "draw", stopped_once)
    tab.button(key="run").click().run()
    here.settle(tab)
    assert len(here.models["alpha"].history) == 1
    tab.run()
    assert len(here.models["alpha"].history) == 1
