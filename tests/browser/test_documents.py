"""Documents in a browser: a file really uploaded, read, labelled, and found in the workspace's folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app import App
from tests.documents.test_documents import docx, pdf

pytestmark = pytest.mark.browser

CATALOGUE = """\
# kept as it is
models:
  here: {backend: openai, model: m, base_url: "http://127.0.0.1:9/v1", clearance: confidential}
  outside: {backend: openai, model: m, base_url: "http://127.0.0.1:9/v1"}
"""
DROP = """([name, text]) => {
    const data = new DataTransfer();
    data.items.add(new File([text], name, {type: "text/markdown"}));
    const zone = document.querySelector("[data-testid=stFileUploaderDropzone]");
    for (const kind of ["dragenter", "dragover", "drop"]) {
        zone.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
    }
}"""


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> App:
    return make_app(CATALOGUE)


def test_a_document_is_uploaded_read_labelled_and_refused_when_bad(
    app: App, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "minutes.docx").write_bytes(docx())
    (tmp_path / "locked.pdf").write_bytes(pdf("secret", password="x"))
    page = open_page(f"{app.url}/documents")
    page.locator("input[type=file]").set_input_files([tmp_path / "minutes.docx", tmp_path / "locked.pdf"])
    expect(page.get_by_role("alert")).to_contain_text("Not added: locked.pdf")
    expect(page.get_by_role("alert")).to_contain_text("eeds a password.")
    row = page.locator("[class*='st-key-doc-']", has_text="minutes.docx")
    expect(row).to_contain_text("confidential")
    uploads = app.folder / "documents/uploads"
    assert [file.name for file in uploads.iterdir()] == ["minutes.docx"]
    assert (uploads / "minutes.docx").read_bytes() == (tmp_path / "minutes.docx").read_bytes()

    row.get_by_role("button", name="Open").click()
    expect(page.locator(".pl-prompt")).to_contain_text("# Final")
    expect(page.locator(".st-key-document-label")).to_contain_text(
        "Only here may read it; it is never sent to outside."
    )
    page.get_by_role("button", name="Label: confidential").click()
    page.get_by_text("Public", exact=True).click()
    page.get_by_label("Why may more models read it?").fill("they are published")
    page.get_by_role("button", name="Set the label").click()
    expect(page.get_by_role("button", name="Label: public")).to_be_visible()
    expect(page.locator(".st-key-document-label")).to_contain_text("Every model may read it: here and outside.")
    expect(page.get_by_role("button", name="Set the label")).to_be_hidden()
    assert (app.folder / "promptlab.yaml").read_text().startswith(CATALOGUE)
    assert '"documents/uploads/minutes.docx": public' in (app.folder / "promptlab.yaml").read_text()

    page.reload()
    expect(page.get_by_role("button", name="Label: public")).to_be_visible()


def test_a_file_past_the_limit_is_marked_and_never_sent(
    app: App, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    (tmp_path / "large.pdf").write_bytes(b"%PDF-" + b"x" * 60_000_000)
    page = open_page(f"{app.url}/documents")
    page.locator("input[type=file]").set_input_files(tmp_path / "large.pdf")
    expect(page.locator("[data-testid=stFileUploader]")).to_contain_text("60.0MB")
    expect(page.locator(".stMain")).to_contain_text("Larger files are rejected")
    expect(page.locator("[class*='st-key-doc-']", has_text="large.pdf")).to_have_count(0)
    assert not list(app.folder.rglob("large*.pdf"))


def test_a_file_can_be_dropped_and_its_passages_looked_at(app: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{app.url}/documents")
    expect(page.locator("[data-testid=stFileUploaderDropzone]")).to_be_visible()
    # Dropped while the page is still being drawn, a file may meet a zone that nobody listens to any more.
    expect(page.locator("[class*='st-key-doc-']").first).to_be_visible()
    expect(page.locator(".stApp")).to_have_attribute("data-test-script-state", "notRunning")
    text = "# Cup\n\nAbout it.\n\n## Final\n\nArgentina beat France.\n\n## Host\n\nQatar was the host country.\n"
    page.evaluate(DROP, ["dropped.md", text])
    row = page.locator("[class*='st-key-doc-']", has_text="dropped.md")
    row.get_by_role("button", name="Open").click()
    page.get_by_text("Passages", exact=True).click()
    page.get_by_role("textbox", name="Question").fill("Which country was the host?")
    page.keyboard.press("Enter")
    expect(page.locator(".pl-prompt mark")).to_contain_text("Qatar was the host country.")
    expect(page.locator(".pl-gap").first).to_contain_text("left out: Cup, Final")
    expect(page.locator(".pl-barline")).to_contain_text(re.compile(r"1 of 3 passages · \d+ % of the document"))
    page.get_by_text("Show omitted text too").click()
    expect(page.locator(".pl-out").first).to_contain_text("Argentina beat France.")


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_wider_than_the_page_and_every_control_has_a_name(
    app: App, open_page: Callable[..., Page], width: int
) -> None:
    (app.folder / "documents").mkdir(exist_ok=True)
    long = f"documents/{'a-long-name-' * 12}.md"
    (app.folder / long).write_text("unbroken" * 400)
    for address in ("", "?document=fixtures/documents/world-cup-2022.md", f"?document={long}"):
        page = open_page(f"{app.url}/documents{address}", width=width)
        expect(page.locator(".pl-prompt, .pl-doc").first).to_be_visible()
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
