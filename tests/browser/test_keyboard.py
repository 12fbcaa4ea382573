"""The main journey with the keyboard alone: from opening the page to an answer, and to a saved template."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser.app import App
from tests.browser.conftest import idle, newest, settled
from tests.loopback import LoopbackServer, Received, Reply, stream

pytestmark = pytest.mark.browser

TEMPLATE = """\
inputs:
  question: {sample: Who won?}
instructions: |
  Answer briefly.
"""
MOST_TABS = 150
NAME = """() => {
    const e = document.activeElement, labels = [...(e.labels || [])].map(l => l.innerText).join(" ");
    const text = ["A", "BUTTON"].includes(e.tagName) ? e.innerText : "";  // not all that is in the focused page
    return (e.getAttribute("aria-label") || labels || text).trim();
}"""


def reply(request: Received) -> Reply:
    return stream(("heard: ", request.json["messages"][-1]["content"][-200:]))


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> Iterator[App]:
    with LoopbackServer(reply) as server:
        made = make_app(
            f'models:\n  fast: {{backend: openai, model: m, base_url: "{server.url}", clearance: confidential}}\n'
        )
        (made.folder / "templates/small.yaml").write_text(TEMPLATE)
        for words in (
            ("init", "-q"),
            ("config", "user.name", "Ada"),
            ("config", "user.email", "ada@example.org"),
            ("add", "templates"),
            ("commit", "-qm", "First"),
        ):
            subprocess.run(["git", "-C", str(made.folder), *words], check=True, capture_output=True)
        yield made


def tab_to(page: Page, name: str, *, shift: bool = False) -> None:
    """Press Tab until the control called `name` has the focus."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Shift+Tab" if shift else "Tab")
        seen.append(page.evaluate(NAME))
        if name in seen[-1]:
            return
    raise AssertionError(f"`{name}` was never reached: {seen}")


def test_a_question_is_asked_and_a_template_saved_without_a_mouse(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(app.url)
    idle(page)
    # To the template, by the search.
    page.keyboard.press("Control+k")
    expect(page.get_by_role("textbox", name="Search templates")).to_be_focused()
    page.keyboard.type("small")
    expect(page.locator("[class*='st-key-hit-open-'] button").first).to_contain_text("small")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{app.url}/templates?template=templates%2Fsmall.yaml")
    idle(page)
    # Its text is changed, and saved as a version.
    tab_to(page, "What the model should do")
    page.keyboard.press("Control+End")
    page.keyboard.type(" With one name.")
    page.keyboard.press("Control+Enter")
    save = page.get_by_role("button", name="Save to git")
    expect(save).to_be_enabled()
    idle(page)
    tab_to(page, "Save to git", shift=True)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    tab_to(page, "Save")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    assert "With one name." in (app.folder / "templates/small.yaml").read_text()
    log = subprocess.run(["git", "-C", str(app.folder), "log", "--format=%s"], capture_output=True, check=True)
    assert len(log.stdout.splitlines()) == 2
    # And asked.
    tab_to(page, "Open in workbench", shift=True)
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-run button")).to_be_enabled()
    idle(page)
    page.keyboard.press("Control+Enter")
    expect(newest(page, "fast")).to_contain_text("heard: Who won?")
    settled(page)


def test_every_key_of_the_list_works(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/templates")
    idle(page)
    for key in ("?", "F1"):
        dialog = page.get_by_role("dialog")
        for _ in range(10):  # the page hears keys once its listener has been loaded
            page.locator("body").press(key)
            with contextlib.suppress(PlaywrightTimeout):
                dialog.wait_for(timeout=5_000)
                break
        expect(dialog).to_contain_text("Search everything")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        idle(page)
    # In a text field a question mark is a question mark.
    page.get_by_role("textbox", name="Search").focus()
    page.keyboard.type("why?")
    expect(page.get_by_role("textbox", name="Search")).to_have_value("why?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_list_and_the_menu_of_a_file_are_used_without_a_mouse(app: App, open_page: Callable[..., Page]) -> None:
    (app.folder / "documents").mkdir(exist_ok=True)
    (app.folder / "documents/plan.md").write_text("The plan.\n")
    page = open_page(f"{app.url}/documents")
    idle(page)
    tab_to(page, "Open plan.md")
    page.keyboard.press("Enter")
    expect(page.locator(".pl-prompt")).to_contain_text("The plan.")
    idle(page)
    tab_to(page, "More")
    page.keyboard.press("Enter")
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "Delete this document")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-file-done-line")).to_contain_text("documents/plan.md was deleted")
    assert not (app.folder / "documents/plan.md").exists()
    idle(page)
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-file-done-line")).to_contain_text("documents/plan.md is back")
    assert (app.folder / "documents/plan.md").read_text() == "The plan.\n"
