"""A local model in the browser, for benchmarks/browser.py: does the page stay alive, and how soon is the first word?"""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.browser_pages import IDLE, Measured
from tests.browser.app import App, copy_workspace

RUNNABLE = f"() => {IDLE} && document.querySelector('.st-key-run button:not([disabled])')"
WATCH = """
window.drawn = [performance.now()];
new MutationObserver(() => window.drawn.push(performance.now())).observe(
  document.querySelector('.stMain'), {subtree: true, childList: true, attributes: true, characterData: true});
"""
ANSWERED = "() => document.querySelector('[class*=st-key-row-] [class*=st-key-said-]')"


class Local(Measured):
    """The app of the checkout `tree` in a new workspace, with the sample template and one local model."""

    def __init__(self, browser: Browser, tree: Path, folder: Path, model: str, *, ahead: bool) -> None:
        folder.mkdir()
        copy_workspace(folder)
        env = {"PYTHONPATH": str(tree), "PROMPTLAB_READ_AHEAD": "on" if ahead else "off"}
        super().__init__(browser, App(folder, env))
        self.frames: list[float] = []
        self.page.on("websocket", lambda socket: socket.on("framereceived", lambda _: self.frames.append(time.time())))
        self.opened("/", "document.querySelector('.st-key-run button:not([disabled])')")
        for pill in self.page.locator("[class*=st-key-models-] button").all():
            if (pill.inner_text() != model) == (pill.get_attribute("aria-checked") == "true"):
                pill.click()
                self.page.wait_for_function(f"() => {IDLE}")

    def press_run(self) -> dict[str, float]:
        """Press Run; seconds until the first word, and the longest times without an update of the page."""
        self.page.wait_for_function(RUNNABLE)
        self.page.evaluate(WATCH)
        self.frames.clear()
        began = time.time()
        self.page.locator(".st-key-run button").click()
        self.page.wait_for_function(ANSWERED, polling=20)
        first = time.time() - began
        drawn = [t / 1000 for t in self.page.evaluate("[...window.drawn, performance.now()]")]
        frames = [began, *self.frames, began + first]
        return {
            "run to first word, s": first,
            "longest without a change of the page, s": max(b - a for a, b in pairwise(drawn)),
            "longest without a message to the page, s": max(b - a for a, b in pairwise(frames)),
        }


def measure(browser: Browser, tree: Path, folder: Path, model: str) -> dict[str, Any]:
    """The figures of `model` on the app of `tree`: a first run in a new process, and one after reading ahead."""
    found: dict[str, Any] = {}
    for ahead in (False, True):
        app = Local(browser, tree, folder.with_name(f"{folder.name}-{ahead}"), model, ahead=ahead)
        try:
            line = app.page.locator(".st-key-read-ahead-line")
            if ahead:
                if not line.count():
                    break  # this tree reads nothing ahead
                began = time.time()
                app.page.wait_for_function(
                    f"() => /{model}: [0-9,]+ tokens read ahead/.test("
                    "document.querySelector('.st-key-read-ahead-line')?.textContent)"
                )
                found["read ahead in, s"] = time.time() - began
            word = "read ahead" if ahead else "cold"
            found |= {f"{word}: {name}": value for name, value in app.press_run().items()}
        finally:
            app.close()
    return found
