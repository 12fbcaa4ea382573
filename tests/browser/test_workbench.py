"""The workbench in a browser, its models behind a server on this machine that does as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from promptlab.ui.components.theme import DARK, LIGHT
from promptlab.ui.state.drafts import Drafts
from tests.browser.app import App
from tests.browser.conftest import choose, newest, press_run, run_button, settled, titles
from tests.loopback import LoopbackServer, Received, Reply, status, stream, trickle

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> "
    "![x](http://evil.example/x.png) $a^2$ **bold** <b>tag</b>"
)


def reply(request: Received) -> Reply:
    """What a model of this name always does."""
    match request.json["model"]:
        case "locked":
            return status(401, "Incorrect API key provided", error_code="invalid_api_key")
        case "down":
            return status(500, "the engine is on fire")
        case "slow":
            return trickle("word ", gap=0.03)
        case "hostile":
            return stream(HOSTILE)
        case _:
            question = request.json["messages"][-1]["content"]
            return stream(("heard: ", question), gap=0.2)


MODELS = ("good", "locked", "down", "slow", "hostile")


@dataclass
class Place:
    app: App
    server: LoopbackServer
    made: int = 0

    def choose(self, *models: str, **draft: Any) -> str:
        """The address of a fresh copy of the template that asks `models`; `draft` is what is changed in it."""
        self.made += 1
        text = (self.app.folder / "templates/world-cup.yaml").read_text(encoding="utf-8")
        path = f"templates/copy-{self.made}.yaml"
        (self.app.folder / path).write_text(text, encoding="utf-8")
        Drafts(self.app.folder / ".promptlab" / "drafts").change(path, models=models, **draft)
        return f"{self.app.url}/?template={path}"


@pytest.fixture(scope="module")
def place(make_app: Callable[..., App]) -> Iterator[Place]:
    with LoopbackServer(reply) as server:
        entries = {
            name: {"backend": "openai", "model": name, "base_url": server.url, "max_retries": 0, "window": 8192}
            for name in MODELS
        }
        entries["gpt"] = {"backend": "openai", "model": "gpt-4o-mini", "api_key_env": "OPENAI_API_KEY"}
        yield Place(make_app(json.dumps({"models": entries})), server)


def test_each_column_shows_its_own_error_and_the_others_go_on(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("good", "locked", "down"))
    press_run(page)
    settled(page)
    expect(newest(page, "good").locator("code")).to_have_text("heard: Who won the 2022 World Cup in football?")
    for name, words in {"locked": "401", "down": "500"}.items():
        expect(newest(page, name)).to_contain_text("failed")
        expect(newest(page, name).get_by_role("alert")).to_contain_text(words)
    expect(page.locator("[class*='st-key-row-']").first).to_contain_text("set OPENAI_API_KEY")


def test_the_keyboard_alone_is_enough(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("good"))
    expect(run_button(page)).to_be_enabled()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.st-key-run') !== null"):
            break
    else:
        raise AssertionError("Tab never reached Run")
    page.keyboard.press("Enter")
    expect(newest(page, "good").locator("code")).to_contain_text("heard: Who won")
    settled(page)

    # Ctrl+Enter in the question takes what was just typed.
    page.get_by_role("textbox", name="Question").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Who lost?")
    page.keyboard.press("Control+Enter")
    expect(newest(page, "good").locator("code")).to_have_text("heard: Who lost?")
    settled(page)
    assert titles(page)[0] == "question changed"


def test_a_double_click_on_run_asks_once(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("good", inputs={"question": "Who asked twice?"}))
    expect(run_button(page)).to_be_enabled()
    before = place.server.count
    run_button(page).dblclick()
    expect(newest(page, "good").locator("code")).to_have_text("heard: Who asked twice?")
    settled(page)
    assert place.server.count == before + 1
    assert titles(page) == ["first run"]


def test_stop_keeps_the_text_and_a_reload_finds_it(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("slow"))
    press_run(page)
    code = newest(page, "slow").locator("code")
    expect(code).to_contain_text("word word word")
    page.reload()
    expect(code).to_contain_text("word word word word")
    expect(run_button(page)).to_be_disabled()
    page.locator(".st-key-stop button").click()
    settled(page)
    expect(newest(page, "slow")).to_contain_text("stopped by you")
    kept = code.inner_text()
    page.reload()
    expect(code).to_have_text(kept)


def test_typing_goes_on_while_an_answer_streams(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("slow"))
    press_run(page)
    page.get_by_role("textbox", name="Question").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Who came third, and how often did the ball go round?", delay=40)
    expect(page.get_by_role("textbox", name="Question")).to_have_value(
        "Who came third, and how often did the ball go round?"
    )
    page.locator(".st-key-stop button").click()
    settled(page)
    page.reload()
    expect(page.get_by_role("textbox", name="Question")).to_have_value(
        "Who came third, and how often did the ball go round?"
    )


def test_hostile_text_stays_text(place: Place, open_page: Callable[..., Page]) -> None:
    document = place.app.folder / "fixtures/documents/world-cup-2022.md"
    article = document.read_text(encoding="utf-8")
    page = open_page(place.choose("hostile"))
    try:
        document.write_text(HOSTILE, encoding="utf-8")
        press_run(page)
        settled(page)
        expect(newest(page, "hostile").locator("code")).to_have_text(HOSTILE)
        choose(newest(page, "hostile"), page, "What was sent")
        expect(page.locator(".pl-prompt").first).to_contain_text(HOSTILE)
        page.get_by_text("Preview", exact=True).click()
        expect(page.locator(".pl-prompt").first).to_contain_text(HOSTILE)
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src='x']").count() == 0
    finally:
        document.write_text(article, encoding="utf-8")


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (1000, True), (800, False)])
def test_prompt_and_answers_stand_side_by_side_where_there_is_room(
    place: Place, open_page: Callable[..., Page], width: int, beside: bool
) -> None:
    page = open_page(place.choose("good"), width=width)
    prompt = page.locator(".st-key-section-instructions").bounding_box()
    question = page.get_by_role("textbox", name="Question").bounding_box()
    assert prompt
    assert question
    assert (question["x"] > prompt["x"] + prompt["width"]) == beside
    assert (question["y"] > prompt["y"] + prompt["height"]) != beside
    assert page.evaluate(
        "document.querySelector('.stMain').scrollWidth <= document.querySelector('.stMain').clientWidth"
    )


@pytest.mark.parametrize(("scheme", "palette"), [("light", LIGHT), ("dark", DARK)], ids=["light", "dark"])
def test_the_theme_follows_the_system(
    place: Place, open_page: Callable[..., Page], scheme: str, palette: object
) -> None:
    page = open_page(f"{place.app.url}/models", scheme=scheme)
    chip = page.locator(".pl-chip.pl-good").first
    expect(chip).to_be_visible()
    red, green, blue = (int(getattr(palette, "good")[i : i + 2], 16) for i in (1, 3, 5))  # noqa: B009
    expect(chip).to_have_css("color", f"rgb({red}, {green}, {blue})")


def test_every_control_has_a_name(place: Place, open_page: Callable[..., Page]) -> None:
    page = open_page(place.choose("good"))
    expect(run_button(page)).to_be_enabled()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('.stMain button, .stMain input, .stMain textarea, .stMain [role=tab]')]
            .filter(e => e.offsetParent !== null)
            .filter(e => !(e.getAttribute('aria-label') || e.innerText || e.getAttribute('title')
                || e.getAttribute('aria-labelledby') || e.labels?.length || e.closest('label')))
            .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
