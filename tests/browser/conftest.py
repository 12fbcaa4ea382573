"""The real app in a process of its own, on a copy of the workspace, driven through Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.app import App, chromium_of_the_system, copy_workspace

PATIENCE = 280_000  # milliseconds; a loaded machine reads an article slowly

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def make_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., App]]:
    """Starts the app on a copy of this workspace's templates and fixtures; `catalogue` replaces promptlab.yaml."""
    made: list[App] = []

    def make(catalogue: str | None = None, **env: str) -> App:
        made.append(App(copy_workspace(tmp_path_factory.mktemp("workspace"), catalogue), env))
        return made[-1].start()

    yield make
    for app in made:
        app.kill()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with chromium_of_the_system() as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a tab. In the end every tab must have asked nobody but this machine, and run no foreign script."""
    contexts, hosts, failures = [], set[str](), list[str]()

    def open_it(url: str, *, width: int = 1280, scheme: str = "light", height: int = 900) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
        contexts.append(context)
        page = context.new_page()
        # The script of a component comes as a blob, which the page itself has made.
        page.on("request", lambda request: hosts.add(urlsplit(request.url.removeprefix("blob:")).hostname or "?"))
        page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname or socket.url[:20]))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        expect(page.locator(".stSidebar .pl-models")).to_be_visible()
        expect(page.locator(".st-key-search button")).to_be_visible()  # a key pressed before is heard by nobody
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert {host for host in hosts if not host.startswith("data:")} <= {"127.0.0.1"}
    assert failures == []


def run_button(page: Page) -> Locator:
    return page.locator(".st-key-run button")


def press_run(page: Page) -> None:
    """Press Run once it can be pressed, and wait until the page took it."""
    rows = page.locator(".pl-rowhead").count()
    expect(run_button(page)).to_be_enabled()
    run_button(page).click()
    page.wait_for_function("n => document.querySelectorAll('.pl-rowhead').length > n", arg=rows)


def settled(page: Page) -> None:
    """Wait until every answer of the run has ended."""
    expect(run_button(page)).to_be_enabled()
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def titles(page: Page) -> list[str]:
    return page.locator(".pl-rowhead b").all_inner_texts()


def newest(page: Page, model: str) -> Locator:
    """The column of `model` in the newest row."""
    row = page.locator("[class*='st-key-row-']").first
    return row.locator("[class*='st-key-answer-']").filter(has=page.locator(".pl-model", has_text=model))


def choose(place: Locator, page: Page, action: str) -> None:
    """Choose `action` in the menu of a row's head or of an answer's card."""
    place.locator("[class*='st-key-icon-menu-'] button").first.click()
    page.get_by_role("menuitem", name=action).click()
    idle(page)


def idle(page: Page) -> None:
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")
