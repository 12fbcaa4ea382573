"""Will it fit, in a browser: the example of 70 billion parameters, with its bars, and an error that leaves the form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.browser.conftest import idle

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    return make_app("models: {}\n")


def test_a_model_is_sized_by_its_name_and_drawn_against_cards(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/models", width=800, scheme="dark")
    page.get_by_test_id("stExpander").get_by_text("Will it fit?").first.click()
    idle(page)
    field = page.get_by_label("Model, file, address or name", exact=True)
    field.fill("Llama-2-70c")
    field.press("Enter")
    expect(page.get_by_text("did you mean `Llama-2-70b`?")).to_be_visible(timeout=60_000)
    field.fill("Llama-2-70b")
    page.get_by_role("button", name="Will it fit?", exact=True).last.click()
    expect(page.get_by_text("Llama-2-70b at F16 takes 139.56 GB")).to_be_visible(timeout=60_000)
    fits = page.get_by_role("table", name="Where it fits")
    expect(fits.get_by_role("row").filter(has_text="A100 80GB")).to_contain_text("one is not enough, 2 are")
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
