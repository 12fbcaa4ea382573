"""Make the pictures of the README with the real models: `python -m tools.screenshots`, about a minute.

The app runs on a copy of the workspace, so the history of this one does not show. The pictures go to docs/images/.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.app import App, chromium_of_the_system, copy_workspace
from tests.places import ROOT

IMAGES = ROOT / "docs" / "images"
PATIENCE = 300_000  # milliseconds


def ask(page: Page) -> None:
    """Press Run and wait for every answer."""
    rows = page.locator(".pl-rowhead").count()
    page.locator(".st-key-run button:enabled").click()
    page.wait_for_function("n => document.querySelectorAll('.pl-rowhead').length > n", arg=rows)
    page.locator(".st-key-run button:enabled").wait_for()


def take(page: Page, name: str) -> None:
    """Photograph the window with nothing under the pointer."""
    page.mouse.move(640, 2)
    page.locator(".stApp[data-test-script-state='notRunning']").wait_for()
    page.wait_for_timeout(600)  # the transitions of buttons and tabs
    page.screenshot(path=IMAGES / name)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium_of_the_system() as browser:
        # The folder's name is in the picture.
        work = Path(folder) / "promptlab"
        work.mkdir()
        app = App(copy_workspace(work)).start()
        try:
            context = browser.new_context(viewport={"width": 1280, "height": 860}, device_scale_factor=2)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(app.url)
            ask(page)
            page.locator("[class*='st-key-switch-context'] label").click()
            page.get_by_text("world-cup-2022.md").wait_for(state="hidden")
            ask(page)
            take(page, "workbench.png")
            page.emulate_media(color_scheme="dark")
            page.reload()
            page.locator(".pl-rowhead").first.wait_for()
            take(page, "workbench-dark.png")
            page.emulate_media(color_scheme="light")
            page.reload()
            page.locator("[class*='st-key-switch-context'] label").click()
            page.get_by_text("world-cup-2022.md").first.wait_for()
            page.locator(".st-key-bench-views").get_by_text("Preview", exact=True).click()
            page.locator(".pl-prompt").wait_for()
            take(page, "preview.png")
        finally:
            app.kill()


if __name__ == "__main__":
    main()
