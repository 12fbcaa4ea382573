"""A browser that loads the code of a kind of widget late still shows what the page filled in, and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.app import App
from tests.browser.conftest import idle

pytestmark = pytest.mark.browser
CUP = "fixtures/documents/world-cup-2022.md"
WIDGETS = ("TextArea", "TextInput", "Checkbox", "NumberInput", "Selectbox", "Multiselect", "ButtonGroup", "Radio")
VALUES = """() => [...document.querySelectorAll(".stMain input, .stMain textarea, .stMain [role=radio]")].map(e => [
    e.ariaLabel ?? e.labels?.[0]?.innerText ?? e.innerText,
    e.type === "checkbox" ? e.checked : e.value,
    e.ariaChecked,
])"""


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    return make_app()


def _hold(page: Page, *kinds: str) -> tuple[list[Route], Callable[[], None]]:
    """Hold back the code of these kinds of widgets: the requests that wait for it, and what lets them through."""
    held: list[Route] = []
    released = False

    def take(route: Route) -> None:
        if released:
            route.continue_()
        else:
            held.append(route)

    def release() -> None:
        nonlocal released
        released = True
        for route in held:
            route.continue_()

    page.route(re.compile(rf"/static/js/({'|'.join(kinds)})\.[^/]*\.js"), take)
    return held, release


def test_passages_keep_how_they_are_chosen(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/documents?document={CUP}")
    expect(page.get_by_text("Passages", exact=True)).to_be_visible()
    held, release = _hold(page, "NumberInput")
    page.get_by_text("Passages", exact=True).click()
    page.get_by_role("textbox", name="Question").fill("Which country was the host?")
    page.keyboard.press("Enter")
    expect(page.locator(".pl-barline")).to_contain_text("3 of ")
    idle(page)
    assert held
    release()
    expect(page.get_by_role("spinbutton", name="Passages")).to_have_value("3")
    page.get_by_text("Show omitted text too").click()
    expect(page.locator(".pl-out").first).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Passages")).to_have_value("3")
    expect(page.locator(".pl-barline")).to_contain_text("3 of ")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "templates?template=templates/world-cup.yaml",
        "examples?pool=fixtures/examples/world-cup.jsonl",
        f"documents?document={CUP}",
        "models?edit=gemma-3-270m",
        "finetune?new=templates/world-cup.yaml",
        "experiments?new=templates/world-cup.yaml",
        "suites?suite=fixtures/suites/world-cup.yaml",
    ],
)
def test_a_page_shows_the_same_as_in_a_fast_browser(app: App, open_page: Callable[..., Page], address: str) -> None:
    page = open_page(f"{app.url}/{address}")
    _until(page, lambda: len(page.evaluate(VALUES)) > 1)
    idle(page)
    page.wait_for_timeout(1000)
    fast = page.evaluate(VALUES)
    assert len(fast) > 1
    page.goto("about:blank")
    held, release = _hold(page, *WIDGETS)
    page.goto(f"{app.url}/{address}")
    _until(page, lambda: held)
    assert held
    idle(page)
    _run_again(page)
    release()
    _until(page, lambda: page.evaluate(VALUES) == fast)
    assert page.evaluate(VALUES) == fast
    _run_again(page)
    assert page.evaluate(VALUES) == fast


def _run_again(page: Page) -> None:
    """Have Streamlit draw the page once more, by its own key."""
    page.keyboard.press("r")
    page.wait_for_timeout(1000)
    idle(page)


def _until(page: Page, condition: Callable[[], object]) -> None:
    """Wait for a while; the assertion after it says what is wrong."""
    for _ in range(40):
        if condition():
            return
        page.wait_for_timeout(500)
