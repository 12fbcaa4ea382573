"""The page Models in a browser: an API is added, refused, mended, used and removed; the file has the lines shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from promptlab.workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import idle
from tests.loopback import LoopbackServer, Received, Reply, status

pytestmark = pytest.mark.browser

FILE = """\
# What this team asks.
models:
  other: {backend: openai, model: x, base_url: "http://127.0.0.1:9/v1"}  # never there
labels:
  "private/**": confidential
"""
RIGHT = "right-key-0123456789"


class Locked(LoopbackServer):
    """A server that lets in who has the right key."""

    def reply_to(self, request: Received) -> Reply:
        if request.headers.get("authorization") != f"Bearer {RIGHT}":
            return status(401, "Incorrect API key provided")
        return super().reply_to(request)


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with Locked(models=("llama-3", "qwen")) as running:
        yield running


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    return make_app(FILE, WRONG_API_KEY="wrong-key-0123456789", RIGHT_API_KEY=RIGHT)


def on_disk(app: App) -> str:
    return (app.folder / "promptlab.yaml").read_text()


def press(page: Page, name: str, within: Locator | None = None) -> None:
    # With a help text Streamlit draws a button twice, for wide screens and for narrow ones.
    (within or page.locator(".stMain")).get_by_role("button", name=name, exact=True).first.click()
    idle(page)


def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")
    idle(page)
    expect(field).to_have_value(text)


def test_an_api_is_added_refused_mended_used_and_removed(
    app: App, server: LoopbackServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/models?add=server")
    form, bar = page.locator(".st-key-model-form"), page.locator(".stSidebar .pl-models")
    expect(form).to_be_visible()

    # a key variable that is not set is said at once, and the wrong key is refused in words
    fill(page, "Name", "ours")
    fill(page, "Key variable", "UNSET_API_KEY")
    expect(form).to_contain_text("UNSET_API_KEY is not set")
    fill(page, "Key variable", "WRONG_API_KEY")
    fill(page, "Address", server.url)
    press(page, "Get the list of models")
    expect(form).to_contain_text("does not accept the key")

    # the list of models, with the right key
    fill(page, "Key variable", "RIGHT_API_KEY")
    press(page, "Get the list of models")
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="qwen").click()
    fill(page, "Key variable", "WRONG_API_KEY")

    # the change is shown, and written as it was shown
    expect(page.locator(".st-key-model-diff")).to_contain_text("model: qwen")
    assert on_disk(app) == FILE
    press(page, "Write to promptlab.yaml")
    expect(page.locator(".stMain")).to_contain_text("ours was added")
    rows = ["  ours:", "    backend: openai", "    model: qwen", f'    base_url: "{server.url}"']
    wrong = FILE.replace("labels", "\n".join([*rows, "    api_key_env: WRONG_API_KEY", "labels"]))
    assert on_disk(app) == wrong
    expect(bar).to_contain_text("not tried")

    # 401 is not green
    card = page.locator(".st-key-row-model-ours")
    press(page, "Test", card)
    expect(card).to_contain_text("401: the key was refused")
    expect(bar.locator("li", has_text="ours")).to_contain_text("401: the key was refused")
    expect(bar.get_by_role("img", name="failed")).to_have_count(1)

    # another key variable: not tried again, then right
    press(page, "Edit", card)
    fill(page, "Key variable", "RIGHT_API_KEY")
    press(page, "Write to promptlab.yaml")
    expect(page.locator(".stMain")).to_contain_text("ours was changed")
    assert on_disk(app) == wrong.replace("WRONG", "RIGHT")
    expect(card).to_contain_text("Not tried")
    press(page, "Test", card)
    expect(card).to_contain_text("answered in")
    expect(bar.locator("li", has_text="ours").get_by_role("img", name="works")).to_have_count(1)

    # it is still so after a restart, and no key is in any file
    app.kill()
    app.start()
    page = open_page(f"{app.url}/models")
    expect(page.locator(".stSidebar .pl-models li", has_text="ours")).to_contain_text(re.compile(r"tried \d\d:\d\d · "))
    files = [path for path in app.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"key-0123456789" in path.read_bytes()]

    # removed: the file is what it was
    press(page, "Remove", page.locator(".st-key-row-model-ours"))
    press(page, "Remove from promptlab.yaml")
    expect(page.locator(".stMain")).to_contain_text("ours was removed")
    assert on_disk(app) == FILE
    assert list(Workspace.load(app.folder).models) == ["other"]


def test_a_file_that_changed_on_disk_is_not_overwritten(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/models?add=openai")
    fill(page, "Name", "gpt")
    fill(page, "Model", "gpt-4o-mini")
    expect(page.locator(".st-key-model-diff")).to_contain_text("gpt-4o-mini")
    theirs = FILE.replace("never there", "theirs")
    (app.folder / "promptlab.yaml").write_text(theirs)
    press(page, "Write to promptlab.yaml")
    expect(page.locator(".stMain")).to_contain_text("nothing was written")
    assert on_disk(app) == theirs
    press(page, "Write to promptlab.yaml")
    expect(page.locator(".stMain")).to_contain_text("gpt was added")
    assert "theirs" in on_disk(app)
    expect(page.locator(".st-key-row-model-gpt")).to_contain_text("list price of 2026-10-12")


@pytest.mark.parametrize("width", [800, 1280])
def test_the_form_is_worked_with_the_keyboard_alone(app: App, open_page: Callable[..., Page], width: int) -> None:
    (app.folder / "promptlab.yaml").write_text(FILE)
    page = open_page(f"{app.url}/models", width=width)
    page.locator(".st-key-model-add button").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-model-form")).to_be_visible()
    idle(page)
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("typed")
    page.keyboard.press("Tab")
    page.get_by_label("Model", exact=True).focus()
    page.keyboard.type("gpt-4o-mini")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-model-diff")).to_contain_text("typed: {backend: openai, model: gpt-4o-mini")
    page.get_by_role("button", name="Write to promptlab.yaml").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".stMain")).to_contain_text("typed was added")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
