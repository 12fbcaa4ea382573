"""A suite made in the page: from a CSV file, with a scorer and a threshold; run, read, edited, and an answer accepted.

Its model stands behind a server on this machine and answers at once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from promptlab.suites._file import load_suite
from promptlab.suites._recording import Recording
from promptlab.suites._settings import suite_settings
from promptlab.workspace._workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import idle
from tests.loopback import LoopbackServer, Received, Reply, stream

pytestmark = pytest.mark.browser

PATH = "fixtures/suites/capitals.yaml"
TEMPLATE = (
    "description: Name a capital\ninputs:\n  country: {type: string, sample: France}\ninstructions: Name its capital.\n"
)
CAPITALS = {"France": "Paris", "Italy": "Rome", "Peru": "Lima", "Kenya": "Nairobi", "Japan": "Tokyo", "Cuba": "Havana"}
CSV = "id,country,expected,tags\n" + "".join(f"c-{c.lower()},{c},{capital},\n" for c, capital in CAPITALS.items())
WRONG = {"Kenya": "I would say Mombasa."}


def reply(request: Received) -> Reply:
    question = request.json["messages"][-1]["content"]
    country = next((country for country in CAPITALS if country in question), "")
    return stream((WRONG.get(country) or f"It is {CAPITALS.get(country, 'unknown')}.",))


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> Iterator[App]:
    with LoopbackServer(reply) as server:
        entry = {"backend": "openai", "model": "geo", "base_url": server.url, "max_retries": 0, "max_parallel": 4}
        app = make_app(json.dumps({"models": {"geo": entry}}))
        (app.folder / "templates/capital.yaml").write_text(TEMPLATE, encoding="utf-8")
        yield app


def choose(page: Page, label: str, option: str) -> None:
    """Choose in a list. A list that opens while the page is still being drawn closes again, so it may take two."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(10):
        idle(page)
        page.get_by_role("combobox", name=label).click()
        with contextlib.suppress(PlaywrightTimeout):
            wanted.click(timeout=5_000)
            break
        page.keyboard.press("Escape")
    idle(page)


def press(where: Page | Locator, name: str) -> None:
    where.get_by_role("button", name=name, exact=True).click()


def run_it(page: Page) -> None:
    """Run the suite from its dialog, and wait for the end."""
    page.locator(".st-key-suite-ask").get_by_role("button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("table", name="Plan")).to_contain_text("geo")
    expect(dialog).to_contain_text("In all at most: 6 calls")
    dialog.locator(".st-key-asks-start").get_by_role("button").click()
    expect(dialog).to_be_hidden()


def test_a_suite_is_made_run_read_edited_and_accepted(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/suites")
    press(page, "New suite")
    page.get_by_role("textbox", name="Name").fill("capitals")
    page.get_by_role("textbox", name="Name").press("Enter")
    choose(page, "Template", "capital")

    # A file that cannot be used is refused with its line; then the right one is shown before anything is written.
    bad = CSV.replace("c-peru,Peru,Lima,", "c-peru,Peru,Lima")
    page.locator("input[type=file]").set_input_files(
        {"name": "bad.csv", "mimeType": "text/csv", "buffer": bad.encode()}
    )
    expect(page.get_by_role("alert")).to_contain_text("bad.csv, line 4 cannot be used")
    page.get_by_role("button", name="Remove bad.csv").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    page.locator("input[type=file]").set_input_files(
        {"name": "capitals.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    )
    expect(page.get_by_role("table", name="The uploaded cases")).to_contain_text("Nairobi")
    choose(page, "Add a scorer", "contains")
    expect(page.get_by_role("textbox", name="extract")).to_be_visible()
    idle(page)
    choose(page, "Add a threshold", "at least 90 %")
    page.get_by_role("textbox", name="Must be reached").fill("at least 70 %")
    page.get_by_role("textbox", name="Must be reached").press("Enter")
    expect(page.locator(".pl-prompt").first).to_contain_text("at least 70 %")
    assert not (app.folder / PATH).exists(), "shown before it is written"
    press(page, "Make the suite")
    expect(page.get_by_role("heading", name="capitals")).to_be_visible()
    workspace = Workspace.load(app.folder)
    settings = suite_settings(workspace, PATH)
    assert (settings.models, settings.scorers) == (("geo",), (("contains", {}),))
    assert settings.thresholds == ({"require": "at least 70 %"},)

    # Recorded: cells have answers with their marks in words, columns their rate with its interval.
    run_it(page)
    expect(page.locator(".pl-verdict")).to_contain_text("5 of 6 pass (pass rate 83.3 %, 95 % interval")
    expect(page.locator(".pl-checks").first).to_contain_text("at least 70 %")
    head = page.locator(".pl-matrix-head")
    expect(head).to_contain_text("geopass rate 83.3 %, 95 % interval")
    kenya = page.locator("[class*='st-key-matrix-row-']", has_text="c-kenya")
    expect(kenya).to_contain_text("Nairobi")
    expect(kenya.get_by_role("button", name="✗ fail I would say Mombasa.")).to_be_visible()
    expect(page.get_by_role("button", name="✓ pass It is Paris.")).to_be_visible()

    # The failing ones only; the case opens by its row, and Back in the browser comes back at once.
    page.get_by_text("failing 1", exact=True).click()
    expect(page.locator("[class*='st-key-case-'] button")).to_have_count(1)
    kenya.get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="c-kenya[geo]")).to_be_visible()
    expect(page.get_by_role("table", name="Inputs")).to_contain_text("Kenya")
    address = page.url
    page.go_back()
    expect(page.get_by_role("heading", name="capitals")).to_be_visible()

    # A second run gives a trend, with its table.
    run_it(page)
    expect(page.locator("[data-testid='stVegaLiteChart']")).to_be_visible()
    page.get_by_text("The runs as a table").click()
    expect(page.get_by_role("table", name="The runs of the suite").locator("tr")).to_have_count(3)

    # Accepting an answer that fails warns first.
    edited = page.context.new_page()
    edited.goto(address)
    expect(edited.get_by_role("heading", name="c-kenya[geo]")).to_be_visible()
    edited.close()
    page.get_by_text("failing 1", exact=True).click()
    kenya.get_by_role("button").first.click()
    expect(page.get_by_role("button", name="Accept this answer")).to_be_visible()


def test_a_case_is_edited_with_its_diff_and_a_failing_answer_is_not_accepted_unseen(
    app: App, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{app.url}/suites?suite={PATH}&view=cases")
    row = page.locator("[class*='st-key-suite-case-row-']", has_text="c-japan")
    row.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_role("textbox", name="The right answer")
    field.fill("Kyoto")
    field.press("Control+Enter")
    expect(dialog.locator(".pl-prompt del")).to_contain_text("Tokyo")
    expect(dialog.locator(".pl-prompt ins")).to_contain_text("Kyoto")
    file = app.folder / "fixtures/suites/capitals.cases.csv"
    assert file.read_text() == CSV

    # The file changes on disk before it is written: nothing is lost, and it is said.
    changed = CSV.replace("c-cuba,Cuba,Havana", "c-cuba,Cuba,La Habana")
    file.write_text(changed)
    press(dialog, "Write the case")
    expect(dialog).to_contain_text("was changed on disk")
    assert file.read_text() == changed
    press(dialog, "Write the case")
    expect(dialog).to_be_hidden()
    assert file.read_text() == changed.replace("Japan,Tokyo", "Japan,Kyoto")
    expect(row).to_contain_text("Kyoto")

    # Asked again, its right answer now fails by what the case expects.
    page.goto(f"{app.url}/suites?suite={PATH}")
    run_it(page)
    expect(page.locator(".pl-verdict")).to_contain_text("3 of 6 pass")
    page.get_by_text("failing 3", exact=True).click()
    page.get_by_role("button", name="c-japan").click()
    expect(page.get_by_role("heading", name="c-japan[geo]")).to_be_visible()
    expect(page.locator(".st-key-said-expected")).to_contain_text("Kyoto")
    press_accept = page.get_by_role("button", name="Accept this answer")
    press_accept.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This answer fails")
    expect(dialog).to_contain_text("contains: does not hold 'Kyoto'")
    dialog.get_by_role("button", name="Record this answer, although it fails").click()
    expect(page.get_by_text("1 item recorded in")).to_be_visible()
    workspace = Workspace.load(app.folder)
    with Recording(workspace.resolve(load_suite(workspace, PATH).recording)) as recording:
        expected = {stored.key.case: stored.expected for stored in recording}
    assert expected["c-japan"] == "Kyoto"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (800, "dark")])
def test_forms_fit_the_page_and_every_control_has_a_name(
    app: App, open_page: Callable[..., Page], width: int, scheme: str
) -> None:
    for address in ("?new=1", f"?suite={PATH}&view=cases", f"?suite={PATH}&view=settings"):
        page = open_page(f"{app.url}/suites{address}", width=width, scheme=scheme)
        expect(page.get_by_role("button", name="All suites")).to_be_visible()
        idle(page)
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
