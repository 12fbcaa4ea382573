"""Examples in a browser: an answer corrected, kept as an example, found in its pool, and sent as a shot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.browser.conftest import choose, idle, newest, press_run, settled
from tests.loopback import LoopbackServer, stream

pytestmark = pytest.mark.browser

POOL = "fixtures/examples/world-cup.jsonl"
RIGHT = "Argentina, on penalties"


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        running.default = stream("France", usage=(9, 0, 3))
        yield running


def test_an_answer_is_corrected_kept_and_becomes_a_shot(
    make_app: Callable[..., App], open_page: Callable[..., Page], server: LoopbackServer
) -> None:
    app = make_app(
        f'models:\n  scripted: {{backend: openai, model: m, base_url: "{server.url}"}}\n', OPENAI_API_KEY="k"
    )
    pool = app.folder / POOL
    before = pool.read_text()
    page = open_page(app.url)
    press_run(page)
    settled(page)
    card = newest(page, "scripted")
    expect(card).to_contain_text("France")

    choose(card, page, "Add as example")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Answer")).to_have_value("France")
    dialog.get_by_role("textbox", name="Answer").fill(RIGHT)
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_contain_text("Added to world-cup.jsonl, as answer-")
    assert pool.read_text().startswith(before)
    added = json.loads(pool.read_text().splitlines()[-1])
    assert added["output"] == RIGHT

    dialog.get_by_role("link", name="Open the pool").click()
    expect(page.get_by_role("textbox", name="Search")).to_be_visible()
    idle(page)
    page.get_by_role("textbox", name="Search").fill("on penalties")
    page.keyboard.press("Enter")
    idle(page)  # while the page is drawn, it may have one row for a moment
    rows = page.locator(".pl-example")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(RIGHT)

    page.get_by_text("Try a selection", exact=True).click()
    page.get_by_role("textbox", name="question").fill(f"{added['inputs']['question']} And how?")
    page.keyboard.press("Control+Enter")
    page.get_by_role("combobox", name="Select").click()
    page.get_by_role("option", name="most like the input").click()
    page.get_by_role("button", name="Use this selection in world-cup").click()
    expect(page.locator(".pl-table").first).to_contain_text(RIGHT)
    page.get_by_role("link", name="Open world-cup on the workbench").click()

    page.locator("[class*='st-key-input-question'] textarea").fill(f"{added['inputs']['question']} And how?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".st-key-section-examples")).to_contain_text(RIGHT)
    press_run(page)
    settled(page)
    sent = server.requests[-1].json["messages"]
    assert {"role": "assistant", "content": RIGHT} in sent


def test_a_run_is_opened_on_the_workbench_again(
    make_app: Callable[..., App], open_page: Callable[..., Page], server: LoopbackServer
) -> None:
    app = make_app(
        f'models:\n  scripted: {{backend: openai, model: m, base_url: "{server.url}"}}\n', OPENAI_API_KEY="k"
    )
    page = open_page(app.url)
    question = page.locator("[class*='st-key-input-question'] textarea")
    question.fill("Who scored first?")
    page.keyboard.press("Control+Enter")
    press_run(page)
    settled(page)
    question.fill("Another question, half typed")
    question.blur()
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")

    page.get_by_role("link", name="Runs").click()
    page.locator("[class*='st-key-open-'] button").first.click()
    page.get_by_role("button", name="Open in workbench").click()
    expect(page.get_by_role("dialog")).to_contain_text("Other inputs.")
    page.get_by_role("button", name="Replace", exact=True).click()
    expect(page.locator("[class*='st-key-input-question'] textarea")).to_have_value("Who scored first?")
