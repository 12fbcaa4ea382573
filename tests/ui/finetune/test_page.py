"""The page Fine-tuning without a browser and without torch: list, plan, and a training in each of its states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab import finetune
from promptlab.finetune import Recipe, TrainingState, Tuning, find_training
from promptlab.finetune._lock import hold_training
from promptlab.finetune._state import write_state
from promptlab.ui.finetune import one, plan
from tests.finetune.trained import (
    POOL,
    STATE,
    TEMPLATE,
    TUNING,
    folder_of,
    keep_curve,
    keep_record,
    workspace_with_pool,
)
from tests.ui.conftest import Desk, bodies, said
from tests.ui.dialogs import all_said

Desks = Callable[..., Desk]
HOSTILE = "<img src=x onerror=alert(1)> **bold**"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all libraries were installed: nothing is trained here."""
    monkeypatch.setattr(finetune, "missing_libraries", lambda: ())


@pytest.fixture
def here(desk: Desks, tmp_path: Path, installed: None) -> Desk:  # noqa: ARG001  # only needed to be there
    return desk(workspace_with_pool(tmp_path))


@contextmanager
def running(here: Desk, state: TrainingState = STATE) -> Iterator[None]:
    """While another process trains: it holds the lock, and has written `state`."""
    with hold_training(folder_of(here.session.workspace)):
        write_state(folder_of(here.session.workspace), state)
        yield


def press(tab: AppTest, key: str) -> AppTest:
    next(button for button in tab.button if button.key == key and not button.disabled).click().run()
    assert not tab.exception
    return tab


def keys_of(tab: AppTest) -> set[str]:
    """The keys of the buttons that can be pressed."""
    return {str(button.key) for button in tab.button if not button.disabled}


def test_without_a_training_the_page_says_what_it_is_for(here: Desk) -> None:
    tab = here.open("finetune")
    assert "No adapter was trained here yet" in said(tab)
    assert "not installed" not in said(tab)
    press(tab, "training-new")
    assert tab.query_params["new"] == "1"
    assert "10 rows to train on" in " ".join(said(tab).split())


def test_missing_libraries_are_said_first_and_the_plan_works(
    desk: Desks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "missing_libraries", lambda: ("torch", "peft"))
    here = desk(workspace_with_pool(tmp_path))
    for query in ({}, {"new": "1"}):
        text = all_said(here.open("finetune", **query))
        assert "torch, peft are not installed" in text
        assert "make finetune" in text
    tab = here.open("finetune", new="1")
    assert "rows to train on" in all_said(tab)
    assert "training-start" not in keys_of(tab)
    write_state(folder_of(here.session.workspace), replace(STATE, phase="stopped"))
    stopped = here.open("finetune", training="tiny-t")
    assert not {"training-continue", "training-again"} & keys_of(stopped)
    assert "make finetune" in all_said(stopped)


@pytest.mark.usefixtures("installed")
def test_the_plan_has_rows_reasons_steps_tokens_memory_and_label(desk: Desks, tmp_path: Path) -> None:
    here = desk(workspace_with_pool(tmp_path, label="confidential"))
    tab = here.open("finetune", new="1")
    planned = here.session.trainings.plan(
        here.session.workspace, TUNING, catalogue=here.session.catalogue, store=here.session.store
    )
    text = all_said(tab)
    assert f"{len(planned.split.train)} rows to train on {len(planned.split.held_out)} held out · 1 left out" in text
    assert "1 row will not be trained on the same as a test case: r11" in text
    assert "the same as the test case fixtures/suites/s.yaml/c1" in text
    assert f"{sum(row.length for row in planned.train_tokens):,} a pass" in text
    assert f"at most {planned.tuning.recipe.steps_of(len(planned.split.train))}" in text
    assert "about 0.5 GB while it trains" in text
    assert "The adapter will be labelled confidential" in text
    assert "only with a key" in text
    assert "training-start" in keys_of(tab)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiny", "promptlab.yaml has another model `tiny`"),
        ("a b", "`a b` cannot be the name of a model"),
        ("../up", "`../up` cannot be the name of a model"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(here: Desk, name: str, words: str) -> None:
    tab = here.open("finetune", new="1")
    tab.text_input(key="training-name").set_value(name).run()
    assert f"This cannot be trained: {words}" in said(tab)
    assert "training-start" not in keys_of(tab)


@pytest.mark.usefixtures("installed")
def test_only_local_models_without_an_adapter_are_offered(desk: Desks, tmp_path: Path) -> None:
    extra = "  tuned: {backend: llama, path: tiny.gguf, lora: [a.gguf]}\n  api: {backend: openai, model: m}\n"
    tab = desk(workspace_with_pool(tmp_path, extra=extra)).open("finetune", new="1")
    box = tab.selectbox(key="training-base")
    assert box.options == ["tiny"]
    assert "tuned has an adapter already; api runs on a server" in str(box.help)


@pytest.mark.usefixtures("installed")
def test_without_a_local_model_the_page_leads_to_the_models(desk: Desks) -> None:
    assert "There is no local model to train" in said(desk(m=["a"]).open("finetune", new="1"))


def test_rows_come_from_a_pool_a_suite_or_ratings(here: Desk) -> None:
    tab = here.open("finetune", new="1")
    tab.radio(key="training-source").set_value("A suite").run()
    assert "This cannot be trained" not in said(tab)
    assert "1 row to train on" in all_said(tab), "the one case of the suite, which is in no other"
    tab.radio(key="training-source").set_value("Rated answers").run()
    assert "there is nothing to train on in ratings" in said(tab)
    tab.radio(key="training-source").set_value("A pool of examples").run()
    assert "rows to train on" in said(tab)


def test_a_suite_that_cannot_be_read_is_named_where_cases_are_kept_out(here: Desk) -> None:
    (here.session.workspace.root / "fixtures/suites/bad.yaml").write_text("template: none\n")
    assert "fixtures/suites/bad.yaml cannot be read, so its cases are not kept out" in said(
        here.open("finetune", new="1")
    )


def test_start_asks_for_what_the_form_says(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Tuning, bool]] = []
    monkeypatch.setattr(plan, "start_training", lambda _, tuning, *, again: started.append((tuning, again)))
    tab = here.open("finetune", new="1")
    tab.text_input(key="training-name").set_value("mine").run()
    for key, value in {"rank": 4, "rate": 0.002, "passes": 3, "batch": 5, "held-out": 25.0, "seed": 9}.items():
        tab.number_input(key=f"training-{key}").set_value(value).run()
    group = next(box for box in tab.selectbox if box.label == "Keep rows together by")
    assert group.value == ""
    group.set_value("q").run()
    press(tab, "training-start")
    recipe = Recipe(rank=4, alpha=8.0, learning_rate=0.002, epochs=3, batch=5, held_out=0.25, seed=9)
    assert started == [(replace(TUNING, name="mine", group="q", recipe=recipe), False)]
    assert tab.query_params["training"] == "mine"


def test_a_running_training_has_step_time_left_curve_and_stop(here: Desk) -> None:
    keep_curve(here.session.workspace)
    with running(here):
        listed = said(here.open("finetune"))
        assert "Step 7 of at most 20, loss 1.50 · about 42 s left" in listed
        tab = here.open("finetune", training="tiny-t")
        text = all_said(tab)
        assert "Step 7 of at most 20, loss 1.50 · about 42 s left" in text
        assert "Held-out rows before training: loss 5.00, 0 of 3 right." in text
        assert len(tab.get("vega_lite_chart") or tab.get("arrow_vega_lite_chart")) == 1
        press(tab, "training-stop")
        assert "Stopping after this step" in said(tab)
        assert (folder_of(here.session.workspace) / "stop").exists()
        new = here.open("finetune", new="1")
        assert "tiny-t is being trained now" in said(new)
        assert "training-start" not in keys_of(new)
    ended = here.open("finetune", training="tiny-t")
    assert "It was interrupted after step 7 of at most 20" in said(ended)


@pytest.mark.parametrize("phase", ["preparing", "writing"])
def test_before_the_first_step_and_after_the_last_the_page_says_what_is_done(here: Desk, phase: str) -> None:
    words = {"preparing": "the base model are read", "writing": "Writing the adapter"}
    with running(here, replace(STATE, phase=phase)):  # type: ignore[arg-type]  # one of the phases
        assert words[phase] in said(here.open("finetune", training="tiny-t"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phase": "training"}, "It was interrupted after step 7 of at most 20"),
        ({"phase": "preparing", "step": 0}, "It was interrupted before its first step"),
        ({"phase": "stopped"}, "It was stopped after step 7 of at most 20"),
        ({"phase": "failed", "error": HOSTILE, "hint": "do this"}, f"It failed after step 7 of at most 20: {HOSTILE}"),
    ],
)
def test_what_did_not_end_says_why_and_goes_on(
    here: Desk, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    started: list[tuple[Tuning, bool]] = []
    monkeypatch.setattr(one, "start_training", lambda _, tuning, *, again: started.append((tuning, again)))
    write_state(folder_of(here.session.workspace), replace(STATE, **changes))
    listed = here.open("finetune")
    assert "Step" not in said(listed)
    press(listed, "open-training-tiny-t")
    assert listed.query_params["training"] == "tiny-t"
    tab = here.open("finetune", training="tiny-t")
    assert words in all_said(tab)
    assert changes.get("hint", "") in said(tab)
    assert not [body for body in (*bodies(tab), *bodies(listed)) if "<img" in body]
    press(press(tab, "training-continue"), "training-again")
    assert started == [(TUNING, False), (TUNING, True)]


def test_a_start_that_fails_is_said_where_it_was_pressed(here: Desk) -> None:
    write_state(folder_of(here.session.workspace), replace(STATE, phase="stopped"))
    (here.session.workspace.root / "promptlab.yaml").write_text(
        "models: {tiny: {backend: llama, path: tiny.gguf}, tiny-t: {backend: llama, path: tiny.gguf}}\n"
    )
    tab = press(here.open("finetune", training="tiny-t"), "training-continue")
    text = said(tab)
    assert "promptlab.yaml has another model `tiny-t`" in text or "training needs torch" in text


def test_settings_of_a_stopped_training_fill_the_form(here: Desk) -> None:
    # The template had an input `customer` then: the choice is shown, and the plan refuses it.
    tuning = replace(TUNING, name="mine", group="customer", recipe=Recipe(rank=3, alpha=6.0, epochs=2))
    write_state(folder_of(here.session.workspace, "mine"), replace(STATE, tuning=tuning, phase="failed"))
    tab = here.open("finetune", new="1", again="mine")
    values = {str(field.key).rpartition("-")[2]: field.value for field in (*tab.text_input, *tab.number_input)}
    assert (values["name"], values["rank"], values["passes"]) == ("mine", 3, 2)
    assert [box.value for box in tab.selectbox if box.label == "Keep rows together by"] == ["customer"]
    assert "the template has no input `customer`" in said(tab)


def test_a_finished_training_has_its_numbers_and_opens_the_workbench(here: Desk) -> None:
    keep_record(here.session.workspace)
    listed = said(here.open("finetune"))
    assert "2 of 3 held-out answers right; loss from 4.00 to 0.57; 7 steps in 3.1 minutes." in listed
    tab = here.open("finetune", training="tiny-t")
    text = all_said(tab)
    assert "2 of 3 held-out answers right, 0 before training; loss from 4.00 to 0.57; 7 steps in 3.1 minutes." in text
    for fact in ("models/adapters/tiny-t.gguf", "9 of pool p.jsonl, 3 held out, 1 left out", "1.9 GB at most", "4.000"):
        assert fact in text
    assert "stopped early" in text
    assert "labelled" not in text
    press(tab, "training-ask")
    draft = here.session.drafts.load(TEMPLATE)
    assert draft.columns is not None
    assert [column.model for column in draft.columns] == ["tiny", "tiny-t"]
    assert draft.without == ("examples",)
    assert "Continue on the page Workbench" in all_said(tab)


@pytest.mark.parametrize("since", ["it was trained", "today"])
def test_a_labelled_adapter_says_what_its_label_means(here: Desk, since: str) -> None:
    keep_record(here.session.workspace, label="internal" if since != "today" else "public", sources=[POOL])
    if since == "today":  # its text got a label after the training
        file = here.session.workspace.root / "promptlab.yaml"
        file.write_text(file.read_text().replace(f"{POOL}: public", f"{POOL}: internal"))
    assert "Labelled internal." in said(here.open("finetune"))
    text = said(here.open("finetune", training="tiny-t"))
    assert "This adapter is labelled internal" in text
    assert "its answers are labelled at least internal" in text


@pytest.mark.parametrize("gone", ["adapter", "model", "template"])
def test_what_is_gone_since_is_said_and_not_offered(here: Desk, gone: str) -> None:
    keep_record(here.session.workspace)
    root = here.session.workspace.root
    if gone == "adapter":
        (root / "models/adapters/tiny-t.gguf").unlink()
    elif gone == "template":
        (root / TEMPLATE).unlink()
    else:
        (root / "promptlab.yaml").write_text("models: {tiny: {backend: llama, path: tiny.gguf}}\n")
    tab = here.open("finetune", training="tiny-t")
    words = {
        "adapter": "The file of the adapter is missing",
        "model": "promptlab.yaml has no model tiny-t any more",
        "template": "is not there any more",
    }
    assert words[gone] in said(tab)
    assert "training-ask" not in keys_of(tab)
    assert "2 of 3 held-out answers right" in said(tab)


def test_a_name_of_before_says_what_start_does(here: Desk) -> None:
    keep_record(here.session.workspace)
    assert "There is an adapter tiny-t already" in said(here.open("finetune", new="1"))
    (folder_of(here.session.workspace) / "record.json").unlink()
    (folder_of(here.session.workspace) / "checkpoint.pt").write_bytes(b"")
    write_state(folder_of(here.session.workspace), replace(STATE, phase="stopped", identity="other"))
    tab = here.open("finetune", new="1")
    assert "with other rows or settings, which has not ended" in said(tab)
    planned = here.session.trainings.plan(
        here.session.workspace, TUNING, catalogue=here.session.catalogue, store=here.session.store
    )
    write_state(folder_of(here.session.workspace), replace(STATE, phase="stopped", identity=planned.identity))
    tab = here.open("finetune", new="1")
    assert "This training was begun already, and stopped after step 7" in said(tab)
    assert [button.label for button in tab.button if button.key == "training-start"] == ["Continue"]


def test_an_address_of_no_training_says_so(here: Desk) -> None:
    assert "No training of the name nothing" in said(here.open("finetune", training="nothing"))
    assert "No training of the name ../up" in said(here.open("finetune", training="../up"))
    assert find_training(here.session.workspace, "nothing") is None


def test_measure_it_opens_the_question_with_both_models(here: Desk) -> None:
    keep_record(here.session.workspace)
    tab = here.open("experiments", new="1", kind="finetune", template=TEMPLATE, base="tiny", tuned="tiny-t")
    assert not tab.exception
    assert tab.radio[0].value == "finetune"
    chosen = {str(field.key).rpartition("-")[2]: field.value for field in tab.text_input}
    assert (chosen["base"], chosen["tuned"]) == ("tiny", "tiny-t")
