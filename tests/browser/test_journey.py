"""The main job with the real models: open, run, take the article away, stop, reload, restart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from promptlab.runs._store import Store
from tests.browser.app import App
from tests.browser.conftest import choose, newest, press_run, run_button, settled, titles

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(900)]


def history(folder: Path) -> list[tuple[str, str]]:
    """Every answer in the history: model and text, newest run first."""
    store = Store(folder / ".promptlab" / "runs.sqlite")
    try:
        return [(r.model, r.text) for run in store.runs() for r in store.results(run.id)]
    finally:
        store.close()


def test_the_main_job(make_app: Callable[..., App], open_page: Callable[..., Page]) -> None:
    app = make_app(PROMPTLAB_READ_AHEAD="off")  # so that there is something to read when Run is pressed
    page = open_page(app.url)

    # The template is filled in, and nothing has been asked.
    expect(page.get_by_text("Nothing asked yet")).to_be_visible()
    expect(page.get_by_role("textbox", name="Question")).to_have_value("Who won the 2022 World Cup in football?")
    expect(page.get_by_text("world-cup-2022.md")).to_be_visible()
    expect(page.get_by_text("set OPENAI_API_KEY").first).to_be_visible()

    # One press, and both answer; one says that it reads, the other that it waits.
    press_run(page)
    expect(page.get_by_text("Reading the prompt:").first).to_be_visible()
    expect(
        page.get_by_text("gemma-3-270m is answering").or_(page.get_by_text("smollm2-135m is answering"))
    ).to_be_visible()
    expect(newest(page, "gemma-3-270m").locator("code")).to_contain_text("Argentina")
    settled(page)
    expect(newest(page, "gemma-3-270m")).to_contain_text(" tok")
    expect(newest(page, "smollm2-135m").locator("code")).not_to_be_empty()

    # Without the article gemma is wrong; the new row stands above the old one.
    page.locator("[class*='st-key-switch-context'] label").click()
    expect(page.get_by_text("world-cup-2022.md")).to_be_hidden()
    press_run(page)
    settled(page)
    assert titles(page) == ["− context", "first run"]
    expect(newest(page, "gemma-3-270m").locator("code")).not_to_contain_text("Argentina")
    expect(page.locator(".pl-folded", has_text="Argentina")).to_be_visible()

    # A long answer is stopped, and what had arrived is kept.
    page.goto(f"{app.url}/?template=templates/summary.yaml")
    press_run(page)
    writing = newest(page, "gemma-3-270m").locator("code")
    expect(writing).to_contain_text(" ")
    page.wait_for_function("() => document.querySelector('[class*=st-key-said-] code')?.innerText.length > 40")
    page.locator(".st-key-stop button").click()
    settled(page)
    expect(newest(page, "gemma-3-270m")).to_contain_text("stopped by you")
    kept = writing.inner_text()
    assert len(kept) > 40

    # A reload and a second tab find everything and start nothing.
    asked = history(app.folder)
    page.reload()
    expect(newest(page, "gemma-3-270m").locator("code")).to_have_text(kept)
    other = open_page(app.url)
    expect(other.locator(".pl-rowhead").first).to_be_visible()
    assert titles(other) == ["− context", "first run"]
    expect(other.get_by_text("world-cup-2022.md")).to_be_hidden()
    expect(run_button(other)).to_be_enabled()
    assert history(app.folder) == asked
    assert len(asked) == 6

    # After a crash everything can be opened again, with the exact messages.
    app.kill()
    app.start()
    page = open_page(f"{app.url}/runs")
    expect(page.locator(".pl-rowhead")).to_have_count(3)
    # Not the button of that name which the list of models has: it is there before the runs are.
    page.get_by_test_id("stButton").get_by_role("button", name="Open", exact=True).last.click()
    expect(page.locator("code", has_text="Argentina")).to_be_visible()
    choose(page.locator("[class*='st-key-answer-']").first, page, "What was sent")
    expect(page.locator(".pl-prompt").first).to_contain_text("Answer the question from the article.")
    assert history(app.folder) == asked
