"""An experiment in a browser: from "Measure this" through a reload, Stop and Continue to the picture and a case.

The model stands behind a server on this machine: it knows every answer if the article is in the prompt, and none
without it, so the effect of the article is known.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.app import App
from tests.browser.conftest import idle
from tests.loopback import LoopbackServer, Received, Reply, stream
from tests.places import ROOT

pytestmark = pytest.mark.browser

CASES = [json.loads(line) for line in (ROOT / "fixtures/suites/world-cup.jsonl").read_text().splitlines()]
TEMPLATE = "templates/world-cup.yaml"
FILE = "experiments/world-cup-ablate.yaml"


def right_answer(question: str) -> str:
    """The answer to the question of a case, "" for one that is no case."""
    for case in CASES:
        if case["inputs"]["question"] in question:
            expected = case["expected"]
            return str(expected[0] if isinstance(expected, list) else expected)
    return ""


@dataclass
class World:
    """What the model says; it waits `gap` seconds before each of its two words."""

    gap: float = 0.0
    asked: list[str] = field(default_factory=list)

    def reply(self, request: Received) -> Reply:
        messages = request.json["messages"]
        question, whole = messages[-1]["content"], "".join(message["content"] for message in messages)
        self.asked.append(whole)
        knows = len(whole) > 4_000  # the article is there
        return stream(("It was ", f"{right_answer(question)}." if knows else "unknown."), gap=self.gap)


@pytest.fixture(scope="module")
def place(make_app: Callable[..., App]) -> Iterator[tuple[App, World]]:
    world = World()
    with LoopbackServer(world.reply) as server:
        entry = {"backend": "openai", "model": "m", "base_url": server.url, "max_retries": 0, "max_parallel": 4}
        app = make_app(json.dumps({"models": {"steady": {**entry, "window": 8192, "clearance": "internal"}}}))
        yield app, world


def lead(page: Page) -> str:
    return page.locator(".pl-lead").inner_text()


def test_from_measure_this_to_the_picture_and_a_case(place: tuple[App, World], open_page: Callable[..., Page]) -> None:
    app, world = place
    world.gap = 0.4
    page = open_page(f"{app.url}/?template={TEMPLATE}")
    page.get_by_role("link", name="Measure this").click()
    expect(page.locator(".pl-count")).to_have_text("300 answers")
    expect(page.get_by_text("60 cases × 5 ways to ask × 1 model")).to_be_visible()
    assert world.asked == [], "the plan asks nobody"
    idle(page)
    page.get_by_role("button", name="Start", exact=True).press("Enter")

    # It grows while one watches, without a verdict; a reload and another tab show the same one.
    expect(page.locator(".pl-lead")).to_contain_text("No verdict before the end")
    expect(page.locator(".stVegaLiteChart")).to_be_visible()
    page.reload()
    expect(page.get_by_role("status")).to_contain_text("of 300 answers")
    other = open_page(page.url)
    expect(other.get_by_role("status")).to_contain_text("of 300 answers")
    other.context.close()

    # Stopped, it keeps what was answered; Continue asks the rest only.
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Not finished:", exact=False).first).to_be_visible()
    kept = len(world.asked)
    assert kept < 300
    world.gap = 0.0
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.locator(".pl-lead")).to_contain_text("The article adds ")
    expect(page.locator("[class*='st-key-effect-row-']")).to_have_count(4)
    assert 300 <= len(world.asked) <= 300 + 8, "only what was broken off is asked again"
    assert lead(page).startswith("The article adds ")

    # From the picture to the cases, to one case, to the stored run.
    row = page.locator("[class*='st-key-effect-row-']").filter(has_text="context (primary)")
    expect(row).to_contain_text("helps")
    row.get_by_role("button").click()
    expect(page.locator("[class*='st-key-flip-row-']").first).to_contain_text("unknown")
    page.get_by_role("button", name="Open", exact=True).first.click()
    expect(page.get_by_text("From the prompt before to the prompt after.")).to_be_visible()
    expect(page.locator(".pl-prompt ins").first).to_be_visible()
    page.go_back()
    expect(page.locator("[class*='st-key-flip-row-']").first).to_be_visible()
    page.get_by_role("button", name="Back to world-cup-ablate").click()
    expect(page.locator(".pl-lead")).to_contain_text("The article adds ")
    page.get_by_role("button", name="All experiments").click()
    expect(page.locator(".pl-experiment")).to_contain_text("The article adds ")


def measured(place: tuple[App, World], open_page: Callable[..., Page]) -> Page:
    """The page of the experiment. It is asked first if no test before has: a test that is tried again stands alone."""
    app, world = place
    if not (app.folder / FILE).is_file():
        world.gap = 0.0
        page = open_page(f"{app.url}/?template={TEMPLATE}")
        page.get_by_role("link", name="Measure this").click()
        expect(page.locator(".pl-count")).to_have_text("300 answers")
        idle(page)
        page.get_by_role("button", name="Start", exact=True).press("Enter")
        expect(page.locator(".pl-lead")).to_contain_text("The article adds ")
        page.context.close()
    page = open_page(f"{app.url}/experiments?experiment={FILE}")
    expect(page.locator(".pl-lead")).to_contain_text("The article adds ")
    return page


def test_a_press_on_a_point_opens_the_cases_of_its_effect(
    place: tuple[App, World], open_page: Callable[..., Page]
) -> None:
    page = measured(place, open_page)
    picture = page.locator(".st-key-experiment-picture-effects-press")
    points = picture.locator(".points_marks path")  # the layer that takes presses; its marks have no names
    label = picture.locator(".role-axis-label text").filter(has_text="context").first
    for _ in range(2):  # also after the way back
        expect(points).to_have_count(4)
        idle(page)
        _press(page, label, points)
        assert parse_qs(urlsplit(page.url).query) == {
            "experiment": [FILE],
            "effect": ["context"],
            "model": ["steady"],
        }
        page.go_back()


def _press(page: Page, label: Locator, points: Locator) -> None:
    """Press the point in the row of `label`, once more where the picture moved in the same moment, as a person does."""
    flipped = page.locator("[class*='st-key-flip-row-']").first
    for _ in range(3):
        page.mouse.click(*_beside(label, points))
        with contextlib.suppress(AssertionError):
            expect(flipped).to_be_visible(timeout=30_000)
            return
    expect(flipped).to_be_visible(timeout=1)


def _beside(label: Locator, points: Locator) -> tuple[float, float]:
    """The middle of the point in the row of `label`."""
    boxes = [box for box in (point.bounding_box() for point in [label, *points.all()]) if box]
    row, *middles = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes)
    return min(middles, key=lambda middle: abs(middle[1] - row[1]))


def test_the_files_can_be_taken_away(place: tuple[App, World], open_page: Callable[..., Page]) -> None:
    page = measured(place, open_page)
    idle(page)
    page.get_by_text("Files: report, picture, all answers").click()
    starts = {"Report (HTML)": b"<!doctype html>", "Picture (SVG)": b"<svg", "Picture (PNG)": b"\x89PNG"}
    starts |= {"Answers (Parquet)": b"PAR1"}
    for label, start in {**starts, "Answers (CSV)": b""}.items():
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        content = download.value.path().read_bytes()
        assert content.startswith(start), label
        if label == "Answers (CSV)":
            assert len(content.splitlines()) == 301


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_at_800_pixels(
    place: tuple[App, World], open_page: Callable[..., Page], scheme: str
) -> None:
    measured(place, open_page).context.close()
    address = f"/experiments?experiment={FILE}"
    for path in ("/experiments", "/experiments?new=1", address, f"{address}&effect=context&model=steady"):
        page = open_page(f"{place[0].url}{path}", width=800, scheme=scheme)
        idle(page)
        assert page.evaluate("(main => main.scrollWidth - main.clientWidth)(document.querySelector('.stMain'))") <= 0, (
            path
        )
        page.context.close()
