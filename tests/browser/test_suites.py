"""A suite in a browser: replayed, asked again with a reload in the middle, narrowed to what got worse, and accepted.

Its models stand behind a server on this machine; what they know changes between the recording and the rerun.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from promptlab.models._catalogue import Catalogue
from promptlab.runs._store import Store
from promptlab.suites import _annotations as marks
from promptlab.suites import _file as suite_file
from promptlab.suites._ask import Asking
from promptlab.suites._baseline import RunAnswers, write_recording
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._recording import Recording
from promptlab.workspace._workspace import Workspace
from tests.browser.app import App
from tests.loopback import LoopbackServer, Received, Reply, stream

pytestmark = pytest.mark.browser

PATH = "fixtures/suites/cup.yaml"
CASES = 40
SUITE = """\
description: Who won, asked over and over
messages: [{role: user, content: "{{ question }}"}]
models: [steady, moody]
scorers: [contains]
thresholds: [at least 90 %, not worse by more than 5 points at 95 %]
cases:
""" + "".join(
    f"  - {{id: cup-{n:02}, inputs: {{question: Who won cup {n}?}}, expected: Argentina}}\n" for n in range(CASES)
)


@dataclass
class World:
    """What the models say. `moody` forgets the questions of `forgotten`, and takes `gap` seconds to say so."""

    forgotten: tuple[str, ...] = ()
    gap: float = 0.0
    asked: list[str] = field(default_factory=list)

    def reply(self, request: Received) -> Reply:
        model, question = request.json["model"], request.json["messages"][-1]["content"]
        self.asked.append(f"{model}: {question}")
        wrong = model == "moody" and any(f"cup {n}?" in question for n in self.forgotten)
        return stream(("France, ", "I think.") if wrong else ("It was ", "Argentina."), gap=self.gap)


def record(folder: Path) -> None:
    """Make the recording as the command line would."""
    workspace = Workspace.load(folder)
    store, log = Store(workspace.state / "runs.sqlite"), SuiteLog(workspace.state / "suites.sqlite")
    suite, catalogue = suite_file.load_suite(workspace, PATH), Catalogue(workspace)
    asking = Asking(
        workspace, suite, verb="record", options=AskOptions(), catalogue=catalogue, store=store, log=log, resume=False
    )
    assert len(list(asking)) == 2 * CASES
    assert write_recording(workspace, suite, RunAnswers(store, log, asking.run)) == 2 * CASES
    catalogue.close()
    store.close()
    log.close()


@pytest.fixture(scope="module")
def place(make_app: Callable[..., App]) -> Iterator[tuple[App, World]]:
    world = World()
    with LoopbackServer(world.reply) as server:
        entries = {
            name: {"backend": "openai", "model": name, "base_url": server.url, "max_retries": 0, "max_parallel": 4}
            for name in ("steady", "moody")
        }
        app = make_app(json.dumps({"models": entries}))
        (app.folder / PATH).write_text(SUITE, encoding="utf-8")
        record(app.folder)
        yield app, world


def stands(page: Page) -> None:
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")


def recorded(folder: Path) -> dict[str, str]:
    workspace = Workspace.load(folder)
    with Recording(workspace.resolve(suite_file.load_suite(workspace, PATH).recording)) as recording:
        return {one.key.id: one.completion.text for one in recording}


def answers_of_the_newest_run(folder: Path) -> int:
    """How many answers the history has of the run that was asked last."""
    store = Store(folder / ".promptlab" / "runs.sqlite")
    try:
        return sum(result.completion is not None for result in store.results(store.runs(limit=1)[0].id))
    finally:
        store.close()


def test_from_a_replay_to_an_accepted_answer(place: tuple[App, World], open_page: Callable[..., Page]) -> None:
    app, world = place
    page = open_page(f"{app.url}/suites")
    row = page.locator("[class*='st-key-suite-row-']", has_text="Who won, asked over and over")
    expect(row).to_contain_text("80 of 80 pass")
    row.get_by_role("button", name="Open").click()

    # A replay asks nobody.
    world.asked.clear()
    page.locator(".st-key-suite-replay").get_by_role("button").click()
    expect(page.locator(".pl-verdict")).to_contain_text("Every prompt is as recorded.")
    assert world.asked == []

    # A rerun shows its plan first; a reload in its middle finds it at work.
    world.forgotten, world.gap = ("7", "11", "23"), 0.15
    page.locator(".st-key-suite-ask").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("table", name="Plan").locator("tr", has_text="moody")).to_contain_text("40")
    expect(dialog).to_contain_text("In all at most: 80 calls")
    assert world.asked == []
    dialog.get_by_role("button", name="Rerun", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("of 80")
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("of 80")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("status")).to_be_hidden()
    expect(page.locator(".pl-verdict")).to_contain_text("0 better and 3 worse than recorded")
    assert len(world.asked) == 2 * CASES, "nothing is asked twice"

    # Only what got worse; one of them opened.
    page.get_by_text("worse 3", exact=True).click()
    expect(page.locator("[class*='st-key-matrix-row-']")).to_have_count(3)
    page.locator("[class*='st-key-cell-bad-']").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="cup-07[moody]")).to_be_visible()
    expect(page.locator(".pl-prompt del")).to_contain_text("It was Argentina.")
    expect(page.locator(".pl-prompt ins")).to_contain_text("France, I think.")

    # Marked bad with a name, then accepted.
    name = page.get_by_role("textbox", name="Your name (for marks)")
    if name.is_visible():
        name.fill("Ann")
        name.press("Enter")
        stands(page)
    marked = page.locator(".st-key-marks-new").get_by_text("marked bad")
    for _ in range(5):  # a click that lands while the name is taken is lost
        with contextlib.suppress(PlaywrightTimeout):
            page.locator(".st-key-mark-new-bad").get_by_role("button").click(timeout=10_000)
        with contextlib.suppress(PlaywrightTimeout):
            marked.wait_for(timeout=20_000)
            break
    expect(marked).to_be_visible()
    (mark,) = marks.load_marks(Workspace.load(app.folder), PATH).values()
    assert (mark.case, mark.model, mark.good) == ("cup-07", "moody", False)
    page.get_by_role("button", name="Accept this answer").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 answer would be recorded")
    assert recorded(app.folder)["cup-07[moody]"] == "It was Argentina."
    page.get_by_role("button", name="Record this answer").click()
    expect(page.get_by_text("1 item recorded in")).to_be_visible()
    assert recorded(app.folder)["cup-07[moody]"] == "France, I think."
    assert recorded(app.folder)["cup-11[moody]"] == "It was Argentina."

    # Back: the filter is as it was.
    page.locator(".st-key-case-back").get_by_role("button").click()
    expect(page.locator("[class*='st-key-matrix-row-']")).to_have_count(3)


def test_a_killed_process_is_taken_up_and_asks_only_what_is_left(
    place: tuple[App, World], open_page: Callable[..., Page]
) -> None:
    app, world = place
    world.forgotten, world.gap = (), 0.3
    world.asked.clear()
    page = open_page(f"{app.url}/suites?suite={PATH}")
    page.locator(".st-key-suite-ask").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Rerun current prompts", exact=True).click()
    expect(dialog).to_contain_text("In all at most: 80 calls")
    dialog.get_by_role("button", name="Rerun", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("same")
    app.kill()
    had = answers_of_the_newest_run(app.folder)
    assert 0 < had < 2 * CASES
    world.asked.clear()
    app.start()
    page = open_page(f"{app.url}/suites?suite={PATH}")
    expect(page.get_by_text("Rerun was interrupted")).to_be_visible()
    world.gap = 0.0
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Rerun was interrupted")).to_be_hidden()
    expect(page.locator(".pl-verdict")).to_contain_text("80 of 80 pass")
    assert len(world.asked) == 2 * CASES - had


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_wider_than_the_page_and_every_control_has_a_name(
    place: tuple[App, World], open_page: Callable[..., Page], width: int
) -> None:
    app, _ = place
    for address in ("", f"?suite={PATH}", "?suite=fixtures/suites/world-cup.yaml"):
        page = open_page(f"{app.url}/suites{address}", width=width)
        expect(page.locator(".pl-suite, .st-key-suite-ask").first).to_be_visible()
        stands(page)
        assert page.evaluate(
            "document.querySelector('.stMain').scrollWidth <= document.querySelector('.stMain').clientWidth"
        )
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('.stMain button, .stMain input, .stMain textarea')]
                .filter(e => e.offsetParent !== null)
                .filter(e => !(e.getAttribute('aria-label') || e.innerText || e.getAttribute('title')
                    || e.getAttribute('aria-labelledby') || e.labels?.length || e.closest('label')))
                .map(e => e.outerHTML.slice(0, 200))"""
        )
        assert nameless == []
