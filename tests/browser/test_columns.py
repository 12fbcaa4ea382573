"""What Run asks, in a browser: several answers, three temperatures, the saved version, several inputs."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page, expect

from promptlab.ui.state.drafts import Drafts
from tests.browser.app import App
from tests.browser.conftest import idle, press_run, run_button, settled, titles
from tests.loopback import LoopbackServer, Received, Reply, stream

pytestmark = pytest.mark.browser

DRAWN = ("Argentina", "France", "Argentina ", "Argentina", "France")


@dataclass
class Place:
    app: App
    server: LoopbackServer
    made: Iterator[int] = field(default_factory=itertools.count)

    def template(self) -> str:
        """A fresh copy of the template, so that each test has rows of its own."""
        text = (self.app.folder / "templates/world-cup.yaml").read_text(encoding="utf-8")
        path = f"templates/table-{next(self.made)}.yaml"
        (self.app.folder / path).write_text(text, encoding="utf-8")
        return path

    def edit(self, path: str, **values: object) -> None:
        source = (self.app.folder / path).read_text(encoding="utf-8")
        named = {name.replace("__", "."): value for name, value in values.items()}
        Drafts(self.app.folder / ".promptlab/drafts").edit(path, source, named)

    def url(self, path: str) -> str:
        return f"{self.app.url}/?template={path}"

    def temperatures(self, since: int) -> list[float]:
        return sorted(request.json["temperature"] for request in self.server.requests[since:])


@pytest.fixture(scope="module")
def place(make_app: Callable[..., App]) -> Iterator[Place]:
    drawn = itertools.count()

    def reply(request: Received) -> Reply:
        """At a temperature another answer each time, as an API gives; else the first words of the prompt."""
        if request.json["temperature"] > 0:
            return stream(DRAWN[next(drawn) % 5], latency=0.2)
        return stream(request.json["messages"][0]["content"].partition("\n")[0], latency=0.2)

    with LoopbackServer(reply) as server:
        entry = {"backend": "openai", "model": "m", "base_url": server.url, "max_retries": 0, "window": 8192}
        yield Place(make_app(json.dumps({"models": {"api": entry}})), server)


def lines(page: Page, row: int = 0) -> list[str]:
    """The lines of the spread in a row of answers."""
    found = page.locator("[class*='st-key-row-']").nth(row).locator("ul.pl-spread li")
    return [" ".join(text.split()) for text in found.all_inner_texts()]


def answers(page: Page, count: int) -> None:
    box = page.get_by_role("spinbutton", name="Answers")
    box.fill(str(count))
    box.press("Enter")
    idle(page)


def compare(page: Page, words: str) -> None:
    page.locator(".st-key-bench-compare").get_by_role("button", name="Compare").click()
    page.get_by_role("button", name=words).first.click()
    idle(page)
    page.keyboard.press("Escape")


def heads(page: Page) -> Locator:
    """The heads of the answers of the newest row."""
    return page.locator("[class*='st-key-row-']").first.locator(".pl-model")


def test_five_answers_at_temperature_1_are_a_spread_and_the_next_run_asks_five_more(
    place: Place, open_page: Callable[..., Page]
) -> None:
    path = place.template()
    place.edit(path, params__temperature=1.0)
    page = open_page(place.url(path))
    answers(page, 5)
    expect(page.locator(".st-key-bench-ask")).to_contain_text("Run asks 5 times")
    before = place.server.count
    press_run(page)
    settled(page)
    expect(page.locator("ul.pl-spread li")).to_have_count(2)
    assert lines(page) == ["3 × Argentina", "2 × France"]
    assert place.server.count == before + 5
    assert page.locator("[class*='st-key-answer-']").count() == 0, "no cards"

    press_run(page)
    settled(page)
    assert place.server.count == before + 10
    folded = page.locator("[class*='st-key-row-']").nth(1)
    expect(folded.locator(".pl-folded")).to_contain_text("3 × Argentina")
    folded.get_by_role("button", name="Unfold").click()
    expect(page.locator("ul.pl-spread")).to_have_count(2)
    assert [lines(page, row) for row in (0, 1)] == [["3 × Argentina", "2 × France"]] * 2
    expect(page.locator(".stMain")).not_to_contain_text("answered before, ")

    page.get_by_text("Each answer (5)").first.click()
    expect(page.locator("[class*='st-key-answer-'] code").first).to_contain_text(re.compile("Argentina|France"))
    page.reload()
    expect(page.locator(".pl-rowhead")).to_have_count(2)
    expect(page.locator("ul.pl-spread")).to_have_count(1)  # only the newest row is open then
    assert lines(page) == ["3 × Argentina", "2 × France"]


def test_one_press_sets_three_temperatures_and_a_pencil_changes_one(
    place: Place, open_page: Callable[..., Page]
) -> None:
    page = open_page(place.url(place.template()))
    before = place.server.count
    compare(page, "This prompt at three temperatures")
    press_run(page)
    settled(page)
    assert place.temperatures(before) == [0, 0.7, 1]
    expect(heads(page)).to_have_count(3)
    assert titles(page)[0] == "temperature 0, 0.7 and 1"

    page.get_by_role("button", name="api · temperature 0.7").click()
    temperature = page.get_by_role("spinbutton", name="Temperature", exact=True).last
    expect(temperature).to_have_value("0.70")
    temperature.fill("0.3")
    temperature.press("Enter")
    expect(page.get_by_role("button", name="api · temperature 0.3")).to_be_visible()
    page.keyboard.press("Escape")
    idle(page)
    before = place.server.count
    press_run(page)
    settled(page)
    assert place.temperatures(before) == [0.3, 1], "at temperature 0 the stored answer stands, the others are drawn"
    expect(page.locator("[class*='st-key-row-']").first).to_contain_text("answered before, ")


def test_the_draft_stands_beside_the_saved_version_after_one_press(
    place: Place, open_page: Callable[..., Page]
) -> None:
    path = place.template()
    place.edit(path, instructions="Be brief.\n")
    page = open_page(place.url(path))
    compare(page, "This draft with the saved version")
    press_run(page)
    settled(page)
    expect(heads(page)).to_have_count(2)
    row = page.locator("[class*='st-key-row-']").first
    expect(row.locator("code")).to_have_text(["Be brief.", "Answer the question from the article."])
    expect(heads(page).first).to_contain_text("this draft")
    expect(heads(page).last).to_contain_text("saved version")


def test_cells_of_a_spreadsheet_are_the_rows_of_a_table(place: Place, open_page: Callable[..., Page]) -> None:
    path = place.template()
    page = open_page(place.url(path))
    page.locator("[class*='st-key-several'] label").first.click()
    box = page.get_by_role("textbox", name="Inputs", exact=True)
    box.fill("question\texpected\nWho won?\tAnswer the question\nWho lost?\tFrance\nWho hosted it?\t\n")
    box.press("Control+Enter")
    expect(page.locator(".st-key-bench-ask")).to_contain_text("3 inputs: question · 2 with the right answer")
    before = place.server.count
    press_run(page)
    settled(page)
    table = page.locator("table.pl-grid")
    expect(table.locator("tbody tr")).to_have_count(3)
    assert place.server.count == before + 3
    expect(table.get_by_role("img", name="right")).to_have_count(1)
    expect(table.get_by_role("img", name="wrong")).to_have_count(1)
    expect(table.locator("tfoot")).to_contain_text("1 of 2 right")
    assert page.evaluate(
        "document.querySelector('.stMain').scrollWidth <= document.querySelector('.stMain').clientWidth"
    )


@pytest.mark.parametrize("width", [800, 1280, 1920])
def test_the_question_the_columns_and_run_are_one_block(
    place: Place, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(place.url(place.template()), width=width)
    expect(run_button(page)).to_be_enabled()
    idle(page)
    block = page.locator(".st-key-bench-ask")
    for part in (
        page.get_by_role("textbox", name="Question"),
        page.get_by_role("spinbutton", name="Answers"),
        page.locator(".st-key-column-add button").first,
        run_button(page),
    ):
        expect(part).to_be_visible()
        inner, outer = part.bounding_box(), block.bounding_box()
        assert inner
        assert outer
        assert outer["y"] <= inner["y"]
        assert inner["y"] + inner["height"] <= outer["y"] + outer["height"] + 1
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1
    size = block.bounding_box()
    assert size
    assert size["height"] < 300
