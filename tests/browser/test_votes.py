"""A blind vote in the browser: by keys over several pairs, reloaded in between, to the results."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from promptlab.models import Catalogue, ScriptedBackend
from promptlab.runs import Given, Store, plan_comparison, start_run
from promptlab.templates import load
from promptlab.workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import idle
from tests.browser.desk import CUP

pytestmark = pytest.mark.browser
QUESTIONS = [f"Who won the cup of {year}?" for year in range(1990, 2000)]
LONG = "a very long answer that goes on and on " * 40


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    made = make_app("models: {}\n")
    (made.folder / "templates/desk.yaml").write_text(CUP, encoding="utf-8")
    return made


def runs_of(app: App, *answers: str) -> tuple[str, Store]:
    """A run of a model for each of `answers`, which all give to every question; the address of their ballot."""
    workspace = Workspace.load(app.folder)
    ids = []
    with closing(Store.of(workspace)) as store:
        for number, answer in enumerate(answers):
            name = f"model-{number}-{answer[:6].lower()}"
            backend = ScriptedBackend(name, answer)
            template = load(workspace, "desk")
            trials = [
                trial
                for question in QUESTIONS
                for trial in plan_comparison(workspace, template, Given({"question": question}), [name])
            ]
            run = start_run(trials, catalogue=Catalogue(workspace, {}, extra={name: backend}), store=store)
            run.wait()
            ids.append(run.id[:12])
    return f"{app.url}/votes?of={quote(chr(10).join(ids))}", Store.of(workspace)


def voted(page: Page, count: int) -> None:
    expect(page.get_by_text(f"{count} of {len(QUESTIONS)} voted")).to_be_visible()
    idle(page)
    page.wait_for_timeout(600)  # a pair must have stood there for a moment


def test_votes_by_keys_a_reload_and_the_results(app: App, open_page: Callable[..., Page]) -> None:
    url, store = runs_of(app, "Argentina", "France")
    page = open_page(f"{url}&voter=Ann")
    sides = page.locator(".pl-vote-answer")
    for count in range(len(QUESTIONS)):
        voted(page, count)
        assert "model-" not in page.locator(".stMain").inner_text()
        if count == 3:
            page.keyboard.press("ArrowDown")
        else:
            left = sides.first.inner_text() == "Argentina"
            page.keyboard.press("ArrowLeft" if left else "ArrowRight")
        if count == 5:
            voted(page, 6)
            page.reload()
            expect(page.get_by_label("Your name")).to_have_value("Ann")
            voted(page, 6)
            page.keyboard.press("u")
            voted(page, 5)
            page.keyboard.press("ArrowLeft" if sides.first.inner_text() == "Argentina" else "ArrowRight")
    expect(page.get_by_text(f"You have voted on all {len(QUESTIONS)} pairs")).to_be_visible()
    page.get_by_role("button", name="Show the results").click()
    expect(page.locator(".pl-vote-sentence")).to_contain_text("model-0-argent is preferred to model-1-france in 95.0 %")
    expect(page.locator(".pl-vote-dot")).to_have_count(2)
    with closing(store):
        assert [vote.choice for vote in store.votes.every()].count("tie") == 1
        assert [vote.voter for vote in store.votes.every()].count("Ann") == len(QUESTIONS)
    page.reload()
    expect(page.locator(".pl-vote-sentence")).to_be_visible()


def test_a_double_press_is_one_vote(app: App, open_page: Callable[..., Page]) -> None:
    url, store = runs_of(app, "Brazil", "Spain")
    page = open_page(f"{url}&voter=Ben")
    voted(page, 0)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.down("ArrowRight")  # held
    page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")
    idle(page)
    page.wait_for_timeout(1_500)
    voted(page, 1)
    page.locator("[class*='st-key-vote-left-'] button").dblclick()
    page.wait_for_timeout(1_500)
    voted(page, 2)
    with closing(store):
        assert [vote.voter for vote in store.votes.every()].count("Ben") == 2


@pytest.mark.parametrize("width", [800, 1280])
def test_two_answers_fit_beside_or_below_each_other(app: App, open_page: Callable[..., Page], width: int) -> None:
    url, store = runs_of(app, LONG, f"{LONG} <script>alert(1)</script>")
    store.close()
    page = open_page(f"{url}&voter=Cat", width=width)
    voted(page, 0)
    boxes = [page.locator(f".st-key-votes-side-{letter}").bounding_box() for letter in "AB"]
    first, second = boxes
    assert first
    assert second
    beside = width > 900
    assert (second["x"] > first["x"] + first["width"] - 1) is beside
    assert (second["y"] > first["y"] + first["height"] - 1) is not beside
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    expect(page.locator(".pl-vote-letter")).to_have_text([re.compile("^A"), re.compile("^B")])
