"""Rows in a browser: fold, name, pin, delete and undo, rate and correct, keep, export; and a suite run as one line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs._plans import plan_comparison
from promptlab.runs._run_info import MadeFor
from promptlab.runs._runner import start_run
from promptlab.runs._store import Store
from promptlab.runs._trial import Given
from promptlab.templates import load
from promptlab.workspace._workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import choose, idle, press_run, run_button, settled, titles
from tests.loopback import LoopbackServer, Received, Reply, stream

pytestmark = pytest.mark.browser
BENCH = "/?template=templates/world-cup.yaml"


def reply(request: Received) -> Reply:
    question = request.json["messages"][-1]["content"]
    return stream(("=heard ", question) if request.json["model"] == "good" else ("France",))


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> Iterator[App]:
    with LoopbackServer(reply) as server:
        entries = {
            name: {
                "backend": "openai",
                "model": name,
                "base_url": server.url,
                "max_retries": 0,
                "clearance": "confidential",
                "price_in": 1.0,
                "price_out": 2.0,
            }
            for name in ("good", "other")
        }
        yield make_app(json.dumps({"models": entries}))


def row(page: Page, number: int = 0) -> Locator:
    """A row with its head, from the top."""
    return page.locator("[class*='st-key-row-']").nth(number)


def ask(page: Page, question: str) -> None:
    expect(run_button(page)).to_be_enabled()  # the page is drawn, and takes what is typed
    idle(page)
    field = page.get_by_role("textbox", name="Question")
    field.fill(question)
    field.press("Tab")
    idle(page)
    press_run(page)
    settled(page)


def test_rows_are_folded_named_pinned_deleted_rated_kept_and_exported(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(app.url + BENCH)
    ask(page, "Who won?")
    ask(page, "Who lost?")
    expect(row(page)).to_contain_text("Who lost?")
    expect(row(page, 1)).to_contain_text("Who won?")
    expect(page.locator("[class*='st-key-said-'] code")).to_have_count(2)  # the older row is folded
    page.get_by_role("button", name="Unfold first run").click()
    expect(page.locator("[class*='st-key-said-'] code")).to_have_count(4)
    page.get_by_role("button", name="Fold first run").click()
    expect(page.locator("[class*='st-key-said-'] code")).to_have_count(2)

    _name_and_pin(page)
    _delete_and_undo(page)
    _correct_and_keep(app, page)
    _export(page)


def _name_and_pin(page: Page) -> None:
    choose(row(page, 1), page, "Name")
    page.get_by_role("textbox", name="Name").fill("the first try")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row(page, 1)).to_contain_text("the first try")
    idle(page)
    choose(row(page, 1), page, "Pin to the top")
    expect(row(page)).to_contain_text("the first try")
    assert titles(page)[0] == "the first try"


def _delete_and_undo(page: Page) -> None:
    choose(row(page), page, "Delete")
    expect(page.get_by_text("Deleted: the first try")).to_be_visible()
    assert titles(page) == ["question changed"]
    page.get_by_role("button", name="Undo").click()
    expect(row(page)).to_contain_text("the first try")
    idle(page)


def _correct_and_keep(app: App, page: Page) -> None:
    card = page.locator("[class*='st-key-answer-']").filter(has=page.locator(".pl-model", has_text="other"))
    card.get_by_role("button", name="Bad answer").click()
    expect(card).to_contain_text("Rated bad")
    idle(page)
    card.get_by_role("button", name="Comment or correct").click()
    page.get_by_role("textbox", name="Right answer").fill("Argentina")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(card).to_contain_text("right: Argentina")
    idle(page)
    choose(card, page, "Keep as a test")
    expect(page.get_by_role("textbox", name="What the answer must contain")).to_have_value("Argentina")
    page.get_by_role("dialog").get_by_role("combobox").click()
    page.get_by_role("option", name="a new suite").click()
    idle(page)
    page.get_by_role("textbox", name="Name of the new suite").fill("kept-here")
    page.get_by_role("textbox", name="Name of the new suite").press("Tab")
    idle(page)
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("Added to kept-here")).to_be_visible()
    lines = (app.folder / "fixtures/suites/kept-here.kept.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["expected"] for line in lines] == ["Argentina"]
    page.get_by_role("button", name="Close", exact=True).last.click()
    idle(page)


def _export(page: Page) -> None:
    page.locator(".st-key-export-shown").get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    found = {(entry["input: question"], entry["model"]): entry for entry in rows}
    assert set(found) == {(asked, model) for asked in ("Who won?", "Who lost?") for model in ("good", "other")}
    assert found["Who won?", "good"]["answer"].startswith("'=heard"), "no spreadsheet takes it for a formula"
    assert found["Who lost?", "other"]["corrected"] == "Argentina"
    assert found["Who won?", "other"]["name"] == "the first try"


def test_a_run_of_200_answers_of_a_suite_is_one_line(app: App, open_page: Callable[..., Page]) -> None:
    where = Workspace.load(app.folder)
    trials = plan_comparison(where, load(where, "summary"), Given.typed({}), ["many"])
    store = Store.of(where)
    start_run(
        trials * 200,
        catalogue=Catalogue(where, {}, extra={"many": ScriptedBackend("many", lambda _: "word " * 50)}),
        store=store,
        title="suite rerun world-cup",
        made_for=MadeFor("suite", "fixtures/suites/world-cup.yaml", "b"),
    ).wait()
    store.close()
    page = open_page(f"{app.url}/?template=templates/summary.yaml")
    expect(page.locator(".pl-rowhead")).to_have_text([re.compile("suite world-cup, 200 answers")])
    idle(page)
    assert page.locator("[class*='st-key-answer-']").count() == 0
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight") < 2_000


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_question_and_run_stay_in_view_while_answers_scroll(
    app: App, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(app.url + BENCH, width=width, height=500)
    if page.locator(".pl-rowhead").count() < 2:
        ask(page, "Who won?")
        ask(page, "Who lost?")
    idle(page)
    page.mouse.move(width - 300, 450)
    page.mouse.wheel(0, 2_000)
    page.wait_for_timeout(500)
    for place in (page.locator(".st-key-run button"), page.get_by_role("textbox", name="Question")):
        expect(place).to_be_in_viewport()


def test_run_is_on_the_first_screen_at_800_pixels(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(app.url + BENCH, width=800)
    expect(page.locator(".st-key-run button")).to_be_in_viewport()
