"""A fast model behind a server on this machine that remembers what it was asked, and the template that asks it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.app import App
from tests.browser.conftest import idle, run_button
from tests.loopback import LoopbackServer, stream

CUP = """\
# A small template of the tests.
inputs:
  question: {sample: Who won?}
instructions: |
  Answer from the facts.
output_format: |
  Reply with the name only.
user: "{{ question }}"
"""


@dataclass
class Bench:
    """A running app, and the server that its only model asks."""

    app: App
    server: LoopbackServer
    made: int = 0

    def template(self, text: str = CUP) -> str:
        """The name of a new template with this text."""
        self.made += 1
        (self.app.folder / f"templates/desk-{self.made}.yaml").write_text(text, encoding="utf-8")
        return f"desk-{self.made}"

    def url(self, name: str, page: str = "") -> str:
        return f"{self.app.url}/{page}?template=templates/{name}.yaml"

    def asked(self) -> list[dict[str, Any]]:
        """The bodies of the requests, oldest first."""
        return [request.json for request in self.server.requests if request.method == "POST"]

    def run(self, page: Page) -> str:
        """Press Run, and return all text that the model was sent."""
        before = len(self.asked())
        expect(run_button(page)).to_be_enabled()
        run_button(page).click()
        return self.sent(page, before)

    def sent(self, page: Page, before: int) -> str:
        """The text of the request number `before`, once it arrived and was answered."""
        for _ in range(1200):
            if len(self.asked()) > before:
                break
            page.wait_for_timeout(50)
        assert len(self.asked()) == before + 1
        expect(run_button(page)).to_be_enabled()
        idle(page)
        return "\n".join(message["content"] for message in self.asked()[before]["messages"])


@contextmanager
def bench_with(make_app: Callable[..., App]) -> Iterator[Bench]:
    with LoopbackServer(lambda _: stream("Argentina")) as server:
        model = {"backend": "openai", "model": "quick", "base_url": server.url, "window": 8192}
        yield Bench(make_app(json.dumps({"models": {"quick": model}})), server)


def area(page: Page, section: str) -> Locator:
    """The text area of a section on the workbench."""
    return page.locator(f".st-key-section-{section} textarea").first


def typed(page: Page, field: Locator, text: str) -> None:
    """Type `text` into a field in the place of what it has, and leave it."""
    field.click()
    field.press("Control+A")
    page.keyboard.type(text)
    field.press("Tab")
    idle(page)
