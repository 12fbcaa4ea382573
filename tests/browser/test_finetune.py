"""Fine-tuning in a browser, with a tiny model: from the form to the plan, through a reload, Stop and Continue to the
adapter, and beside its base in the workbench. Skipped where torch is not installed (`make finetune`)."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from promptlab.finetune import find_training
from promptlab.workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import idle, press_run, settled
from tests.finetune.test_data import workspace

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_spec("torch") is None or find_spec("peft") is None, reason="make finetune"),
]
MODEL = "tiny-t"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder: Path = tmp_path_factory.mktemp("finetune")
    workspace(folder)
    (folder / "examples").mkdir()
    (folder / "pool.jsonl").rename(folder / "examples/p.jsonl")
    (folder / "promptlab.yaml").write_text(
        "models:\n  tiny: {backend: llama, path: tiny.gguf, n_ctx: 512}\nlabels: {examples/p.jsonl: internal}\n"
    )
    app = App(folder).start()
    yield app
    app.kill()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def fill(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")
    idle(page)


def steps_of(folder: Path) -> int:
    training = find_training(Workspace.load(folder), MODEL)
    assert training is not None
    assert training.state is not None
    return training.state.step


def test_from_the_form_to_two_columns_in_the_workbench(place: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{place.url}/finetune")
    expect(page.get_by_text("No adapter was trained here yet")).to_be_visible()
    button(page, "New adapter").click()
    expect(page.locator(".pl-count")).to_have_text("10 rows to train on")
    expect(page.get_by_text("1 row will not be trained on")).to_be_visible()
    expect(page.get_by_text("The adapter will be labelled internal")).to_be_visible()

    # A training without end: nothing is held out, so nothing stops it early.
    page.get_by_text("More choices: rank").click()
    fill(page, "Passes at most", "1000")
    fill(page, "Held out (percent)", "0")
    expect(page.get_by_text("at most 2,000: 1,000 passes of 2 steps")).to_be_visible()
    button(page, "Start").click()
    expect(page.get_by_role("status")).to_contain_text("of at most 2,000")
    expect(page.locator(".stVegaLiteChart")).to_be_visible()
    expect(page.get_by_role("table", name="Losses by step")).to_be_visible()
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("of at most 2,000")
    other = open_page(f"{place.url}/finetune")
    expect(other.locator(".pl-training")).to_contain_text("of at most 2,000")

    button(page, "Stop").click()
    expect(page.get_by_text("It was stopped after step")).to_be_visible()
    expect(other.locator(".pl-training")).to_contain_text("stopped")
    other.context.close()
    stopped = steps_of(place.folder)
    button(page, "Continue").click()
    expect(page.get_by_role("status")).to_contain_text("of at most 2,000")
    button(page, "Stop").click()
    expect(page.get_by_text("It was stopped after step")).to_be_visible()
    assert steps_of(place.folder) > stopped

    # Its settings fill a new form; the short training ends, and opens in the workbench.
    button(page, "Change the settings").click()
    page.get_by_text("More choices: rank").click()
    fill(page, "Passes at most", "3")
    fill(page, "Held out (percent)", "25")
    expect(page.get_by_text("Start begins anew")).to_be_visible()
    button(page, "Start").click()
    expect(page.locator(".pl-lead")).to_contain_text("held-out answers right")
    expect(page.get_by_text("This adapter is labelled internal")).to_be_visible()
    expect(page.locator(".stVegaLiteChart")).to_be_visible()
    idle(page)
    button(page, "Ask it beside its base").click()
    columns = [page.locator(f"[class*='st-key-column-{number}-']") for number in range(3)]
    expect(columns[1]).to_contain_text(MODEL)
    expect(columns[0]).to_contain_text("tiny")
    expect(columns[2]).to_have_count(0)
    idle(page)
    press_run(page)
    settled(page)
    expect(
        page.locator("[class*='st-key-answer-']").filter(has=page.locator(".pl-model", has_text=MODEL))
    ).to_be_visible()


def test_killed_in_the_middle_it_is_interrupted_and_the_app_may_end_meanwhile(
    place: App, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{place.url}/finetune?new=1")
    fill(page, "Name of the new model", "killed")
    page.get_by_text("More choices: rank").click()
    fill(page, "Passes at most", "1000")
    fill(page, "Held out (percent)", "0")
    button(page, "Start").click()
    expect(page.get_by_role("status")).to_contain_text("of at most 2,000")
    place.kill()
    place.start()
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("of at most 2,000")
    training = find_training(Workspace.load(place.folder), "killed")
    assert training is not None
    assert training.is_running, "it outlives the app"
    assert training.state is not None
    os.kill(training.state.pid, signal.SIGKILL)
    expect(page.get_by_text("It was interrupted after step")).to_be_visible()
    expect(button(page, "Continue")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_800_pixels(place: App, open_page: Callable[..., Page], scheme: str) -> None:
    for path in ("/finetune", "/finetune?new=1", f"/finetune?training={MODEL}", "/finetune?training=killed"):
        page = open_page(f"{place.url}{path}", width=800, scheme=scheme)
        idle(page)
        too_wide = page.evaluate("(main => main.scrollWidth - main.clientWidth)(document.querySelector('.stMain'))")
        assert too_wide <= 0, path
        page.context.close()
