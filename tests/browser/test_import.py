"""Prompts of other tools in a browser: really dropped, looked at, imported, and opened as templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.browser.test_documents import DROP
from tests.formats.test_imports import PROMPTFOO, PROMPTSOURCE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    return make_app("models: {}\n")


def test_files_of_other_tools_are_dropped_looked_at_imported_and_opened(
    app: App, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    for name, text in (("promptfooconfig.yaml", PROMPTFOO), ("templates.yaml", PROMPTSOURCE), ("bad.yaml", "a: [\n")):
        (tmp_path / name).write_text(text)
    page = open_page(f"{app.url}/templates")
    page.get_by_role("button", name="Import", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    expect(dialog.get_by_text("This file cannot be read")).to_be_visible()
    expect(dialog.get_by_text("not understood").first).to_be_visible()
    assert not (app.folder / "templates/imported").exists()

    dialog.get_by_role("button", name="Import all 2").click()
    expect(dialog.locator("[role=status]", has_text="was imported")).to_have_count(2)
    imported = app.folder / "templates/imported"
    assert (imported / "movies-small/templates.yaml.original").read_text() == PROMPTSOURCE
    dialog.get_by_role("link", name="is-it-good.yaml").first.click()
    expect(page.get_by_role("heading", name="imported/movies-small/is-it-good")).to_be_visible()
    expect(page.locator(".st-key-form-preview")).to_contain_text("Good? No or Yes")


def test_a_file_dropped_onto_the_dialog_is_read(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/templates")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("dialog").locator("[data-testid=stFileUploaderDropzone]")).to_be_visible()
    page.evaluate(DROP.replace("text/markdown", "text/yaml"), ["poet.yaml", "prompt: Write about $input.\n"])
    expect(page.get_by_role("dialog").get_by_text("templates/imported/poet.yaml", exact=True)).to_be_visible()
