"""One template in two tabs: each sends what is on its own screen, and no text is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.browser.conftest import idle
from tests.browser.desk import Bench, area, bench_with, typed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def bench(make_app: Callable[..., App]) -> Iterator[Bench]:
    with bench_with(make_app) as made:
        yield made


def bar(page: Page) -> str:
    line = page.locator(".st-key-line-elsewhere .pl-note")
    expect(line).to_be_visible()
    return line.inner_text()


def test_run_sends_the_text_on_its_own_screen_and_both_texts_can_be_merged(
    bench: Bench, open_page: Callable[..., Page]
) -> None:
    name = bench.template()
    one, two = open_page(bench.url(name)), open_page(bench.url(name))
    typed(one, area(one, "instructions"), "AAA take the facts.")
    expect(area(two, "instructions")).to_have_value("Answer from the facts.\n")
    typed(two, area(two, "instructions"), "CCC only the winner.")

    assert "AAA take the facts." in bench.run(one)
    expect(area(one, "instructions")).to_have_value("AAA take the facts.")
    assert "CCC only the winner." in bench.run(two)
    expect(area(two, "instructions")).to_have_value("CCC only the winner.")

    # A reload keeps the text of this tab too.
    two.reload()
    expect(area(two, "instructions")).to_have_value("CCC only the winner.")
    assert "instructions" in bar(two)
    two.get_by_role("button", name="Show both").click()
    dialog = two.get_by_role("dialog")
    expect(dialog).to_contain_text("AAA take the facts.")
    expect(dialog).to_contain_text("CCC only the winner.")
    dialog.get_by_text("the other tab's", exact=True).click()
    dialog.get_by_role("button", name="Use the merged text").click()
    expect(area(two, "instructions")).to_have_value("AAA take the facts.")
    expect(two.get_by_role("dialog")).to_have_count(0)
    two.get_by_role("button", name="Undo").click()
    expect(area(two, "instructions")).to_have_value("CCC only the winner.")


def test_changes_of_different_fields_reach_the_same_draft(bench: Bench, open_page: Callable[..., Page]) -> None:
    name = bench.template()
    one, two = open_page(bench.url(name)), open_page(bench.url(name))
    typed(one, area(one, "instructions"), "AAA take the facts.")
    typed(two, area(two, "output-format"), "In one word.")
    sent = bench.run(two)
    assert "Answer from the facts." in sent
    assert "In one word." in sent
    two.get_by_role("button", name="Show it here").click()
    expect(area(two, "instructions")).to_have_value("AAA take the facts.")
    expect(area(two, "output-format")).to_have_value("In one word.")
    expect(two.locator(".st-key-line-elsewhere")).to_have_count(0)


def test_a_file_that_an_editor_changed_is_shown_when_the_person_says_so(
    bench: Bench, open_page: Callable[..., Page]
) -> None:
    name = bench.template()
    page = open_page(bench.url(name))
    file = bench.app.folder / f"templates/{name}.yaml"
    file.write_text(file.read_text().replace("Answer from the facts.", "DDD from an editor."))
    assert "Answer from the facts." in bench.run(page)
    assert "changed on disk" in bar(page)
    page.get_by_role("button", name="Show the file").click()
    expect(area(page, "instructions")).to_have_value("DDD from an editor.\n")
    assert "DDD from an editor." in bench.run(page)


def test_reset_can_be_undone(bench: Bench, open_page: Callable[..., Page]) -> None:
    page = open_page(bench.url(bench.template()))
    typed(page, area(page, "instructions"), "Mine.")
    page.get_by_role("button", name="Reset").first.click()
    expect(area(page, "instructions")).to_have_value("Answer from the facts.\n")
    page.get_by_role("button", name="Undo").click()
    expect(area(page, "instructions")).to_have_value("Mine.")
    idle(page)
    page.reload()
    expect(area(page, "instructions")).to_have_value("Mine.")
