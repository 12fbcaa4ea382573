"""`{{ team }}` typed in a section makes an input there and then; what is typed is what Run sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.browser.conftest import idle, run_button
from tests.browser.desk import Bench, area, bench_with

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def bench(make_app: Callable[..., App]) -> Iterator[Bench]:
    with bench_with(make_app) as made:
        yield made


def write(page: Page, section: str, text: str) -> None:
    """Type `text` at the end of a section, and stay in the field."""
    area(page, section).click()
    area(page, section).press("Control+End")
    page.keyboard.type(text, delay=15)


def test_a_name_in_a_text_becomes_an_input_is_renamed_and_goes(bench: Bench, open_page: Callable[..., Page]) -> None:
    name = bench.template()
    page = open_page(bench.url(name))
    here, beside = page.get_by_label("Input team"), page.get_by_role("textbox", name="Team", exact=True)
    write(page, "instructions", "Think of {{ team }}.")
    expect(here).to_be_in_viewport()
    expect(here).to_have_value("")
    expect(beside).to_be_visible()
    here.click()
    page.keyboard.type("Ajax")
    expect(beside).to_have_value("Ajax")
    sent = bench.run(page)
    assert "Think of Ajax." in sent
    assert sent.endswith("Who won?"), "the question stays as it was"

    # Another name in the text: the field keeps its value.
    area(page, "instructions").click()
    area(page, "instructions").press("Control+End")
    for _ in range(len("team }}.")):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Control+Shift+ArrowRight")
    page.keyboard.type("club ", delay=60)
    expect(page.get_by_label("Input club")).to_have_value("Ajax")
    expect(here).to_have_count(0)
    idle(page)
    # Another value: the same prompt would be answered from the history.
    page.get_by_label("Input club").click()
    page.keyboard.press("End")
    page.keyboard.type(" again")
    expect(page.get_by_role("textbox", name="Club", exact=True)).to_have_value("Ajax again")
    assert "Think of Ajax again." in bench.run(page)

    # Gone from the text: the field goes, and the file has no input more than before.
    area(page, "instructions").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Answer.", delay=15)
    expect(page.get_by_label("Input club")).to_have_count(0)
    idle(page)
    assert "Answer." in bench.run(page)
    assert (bench.app.folder / f"templates/{name}.yaml").read_text().count("question") == 2


def test_half_a_tag_keeps_the_last_valid_prompt_and_run_refuses(bench: Bench, open_page: Callable[..., Page]) -> None:
    page = open_page(bench.url(bench.template()))
    write(page, "instructions", "Be brief.")
    page.get_by_text("Preview", exact=True).click()
    expect(page.locator(".pl-prompt").first).to_contain_text("Be brief.")
    write(page, "instructions", " {{ te")
    expect(page.get_by_role("alert").filter(has_text="Run waits")).to_be_visible()
    expect(run_button(page)).to_be_disabled()
    expect(page.locator(".pl-prompt").first).to_contain_text("Be brief.")
    before = len(bench.asked())
    page.keyboard.press("Control+Enter")
    idle(page)
    assert len(bench.asked()) == before
    page.keyboard.type("am }}")
    expect(page.get_by_label("Input team")).to_be_visible()
    expect(run_button(page)).to_be_enabled()


def test_what_is_typed_and_not_left_is_there_after_a_reload(bench: Bench, open_page: Callable[..., Page]) -> None:
    page = open_page(bench.url(bench.template()))
    write(page, "instructions", "Still typing")
    page.get_by_text("changed", exact=True).first.wait_for()
    page.reload()
    expect(area(page, "instructions")).to_have_value("Answer from the facts.\nStill typing")
    page.get_by_role("textbox", name="Question").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("Who lost?")
    page.wait_for_timeout(1500)
    page.reload()
    expect(page.get_by_role("textbox", name="Question")).to_have_value("Who lost?")


@pytest.mark.parametrize("section", ["instructions", "output-format"])
def test_control_enter_sends_what_is_on_the_screen(bench: Bench, open_page: Callable[..., Page], section: str) -> None:
    page = open_page(bench.url(bench.template()))
    expect(run_button(page)).to_be_enabled()
    before = len(bench.asked())
    write(page, section, "The very last word")
    page.keyboard.press("Control+Enter")
    assert "The very last word" in bench.sent(page, before)
