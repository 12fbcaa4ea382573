"""From nothing to a first answer in a browser, in an empty folder and in somebody's project; every page as the first
one by its address; and Back, which goes back in one press."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from promptlab.ui.warm import PAGES
from tests.browser.app import App, copy_workspace
from tests.browser.conftest import idle, press_run, run_button
from tests.loopback import LoopbackServer, stream
from tests.places import SHARED

pytestmark = pytest.mark.browser

MINE = "user: '{{ question }}'\ninputs: {question: {type: string, sample: Who?}}\n"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Starts the app in a folder, which need not be a workspace."""
    apps: list[App] = []

    def starting(folder: Path | None = None, **env: str) -> App:
        app = App(folder or tmp_path / "my prompts ü", {"PROMPTLAB_TRUST": "", "HOME": str(tmp_path), **env})
        # The home folder of the test has no model files, so those of the machine are used.
        app.env.setdefault("PROMPTLAB_CACHE", str(Path.home() / ".cache/promptlab"))
        app.folder.mkdir(exist_ok=True)
        apps.append(app)
        return app.start()

    yield starting
    for app in apps:
        app.kill()


def test_an_empty_folder_leads_to_a_first_answer_of_an_embedded_model(
    start: Callable[..., App], open_page: Callable[..., Page]
) -> None:
    app = start()
    assert "Made a workspace in" in app.log
    page = open_page(app.url)
    expect(page.locator("[class*='st-key-way-']")).to_have_count(4)
    expect(page.locator(".st-key-trust")).to_have_count(0)
    page.get_by_role("button", name="Open a short sample").click()
    expect(page.get_by_role("textbox", name="Question")).to_have_value("What is the capital of France?")
    press_run(page)
    expect(page.locator("[class*='st-key-answer-']", has_text=re.compile("Paris|France|capital")).first).to_be_visible()
    expect(run_button(page)).to_be_enabled()
    page.goto(app.url)  # there is a run now: the workbench takes the place of the first page
    expect(run_button(page)).to_be_visible()
    expect(page.locator(".pl-welcome")).to_have_count(0)


def test_the_sample_is_written_and_opened_with_one_press_and_back_shows_the_four_ways(
    start: Callable[..., App], open_page: Callable[..., Page]
) -> None:
    app = start()
    page = open_page(app.url)
    page.get_by_role("button", name="Open the sample").click()
    expect(page.get_by_role("textbox", name="Question")).to_have_value("Who won the 2022 World Cup in football?")
    assert (app.folder / "fixtures/documents/world-cup-2022.md").is_file()
    page.go_back()
    expect(page.locator(".pl-welcome")).to_be_visible()


def test_a_project_of_somebody_keeps_its_files_and_gets_a_first_answer(
    start: Callable[..., App], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    with LoopbackServer(stream("Argentina")) as server:
        folder = tmp_path / "project"
        files = {
            ".gitignore": "*.pyc\n",
            "templates/deployment.yaml": "kind: {{ .Values.kind }}\n",
            "templates/world-cup.yaml": f"description: ours\n{MINE}",
            "eval.yaml": "scorers: [{python: {function: checks:f}}]\n",
            "queue.py": "open('RAN', 'w')\n",
            "streamlit.py": "open('RAN', 'w')\n",
            "sitecustomize.py": "open('RAN', 'w')\n",
            ".streamlit/config.toml": "[server]\nport = 1\n",
            "promptlab.yaml": f'models:\n  loop: {{backend: openai, model: loop-1, base_url: "{server.url}"}}\n',
        }
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        app = start(folder)
        page = open_page(app.url)
        expect(page.locator(".st-key-trust")).to_contain_text("checks:f")
        page.get_by_role("textbox", name="Question").fill("Who won?")
        press_run(page)
        expect(page.locator("[class*='st-key-answer-']", has_text="Argentina").first).to_be_visible()
        assert {path: (folder / path).read_text() for path in files} == files
        assert not (folder / "RAN").exists()


def test_a_template_is_written_from_the_first_page(start: Callable[..., App], open_page: Callable[..., Page]) -> None:
    app = start()
    page = open_page(app.url)
    page.get_by_role("button", name="New template").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("triage")
    dialog.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile("template=templates%2Ftriage.yaml"))
    expect(run_button(page)).to_be_visible()


def test_an_api_is_added_and_prompts_are_imported_from_the_first_page(
    start: Callable[..., App], open_page: Callable[..., Page]
) -> None:
    app = start()
    page = open_page(app.url)
    expect(page.get_by_role("link", name="Add an API")).to_have_attribute("href", re.compile(r"models\?add=openai"))
    page.get_by_role("button", name="Import", exact=True).click()
    dialog = page.get_by_role("dialog")
    case = SHARED / "cases/ui/import/support.prompt.yml"
    if case.is_file():
        dialog.locator("input[type=file]").set_input_files(case)
        expect(dialog).to_contain_text("GitHub Models")
        expect(dialog.get_by_role("button", name="Import", exact=True)).to_be_enabled()


@pytest.mark.parametrize("broken", ["models: {a: [\n", "modells: {}\n"])
def test_a_broken_promptlab_yaml_is_explained_and_read_again_once_mended(
    broken: str, start: Callable[..., App], chromium: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "promptlab.yaml").write_text(broken)
    app = start(folder)
    page = chromium.new_page()  # `open_page` waits for the models, which cannot be shown here
    page.goto(app.url)
    expect(page.get_by_text("promptlab.yaml cannot be read")).to_be_visible()
    assert (folder / "promptlab.yaml").read_text() == broken
    (folder / "promptlab.yaml").write_text("models: {}\n")
    page.get_by_role("button", name="Read it again").click()
    expect(page.locator(".pl-welcome")).to_be_visible()
    page.context.close()


# Addresses


TITLES = [
    "Workbench",
    "Templates",
    "Documents",
    "Examples",
    "Suites",
    "Experiments",
    "Fine-tuning",
    "Votes",
    "Runs",
    "Ledger",
    "Models",
]
ADDRESSES = [
    *(f"/{page}" if page != "workbench" else "/" for page in PAGES),
    "/?template=templates%2Fsummary.yaml",
    "/templates?template=templates%2Fsummary.yaml",
    "/documents?document=fixtures%2Fdocuments%2Fworld-cup-2022.md",
    "/examples?pool=fixtures%2Fexamples%2Fworld-cup.jsonl",
    "/suites?suite=fixtures%2Fsuites%2Fworld-cup.yaml",
    "/experiments?new=1&template=templates%2Fsummary.yaml",
    "/votes",
    "/runs?run=000000000000",
    "/models?add=openai",
]

WATCH = """
window.navs = [];
new MutationObserver(() => {
  const links = [...document.querySelectorAll("[data-testid=stSidebarNav] a span:last-child")].map(a => a.textContent);
  const seen = JSON.stringify(links);
  if (links.length && seen !== window.navs.at(-1)) window.navs.push(seen);
}).observe(document, {childList: true, subtree: true, characterData: true});
"""


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_first_page_after_a_start_has_the_right_side_bar_by_any_address(
    address: str, chromium: Browser, tmp_path: Path
) -> None:
    app = App(copy_workspace(tmp_path, "models: {}\n")).start()
    page = chromium.new_page()
    try:
        page.add_init_script(WATCH)
        page.goto(f"{app.url}{address}", wait_until="commit")
        expect(page.locator(".stSidebar .pl-models")).to_be_visible()
        idle(page)
        links = page.locator("[data-testid=stSidebarNav] a")
        assert [link.inner_text().split("\n")[-1] for link in links.all()] == TITLES
        navs = page.evaluate("window.navs")
        assert len(navs) == 1, navs
    finally:
        page.context.close()
        app.kill()


# Back


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with LoopbackServer(stream("Argentina")) as server:
        folder = copy_workspace(
            tmp_path_factory.mktemp("back"),
            f'models:\n  loop: {{backend: openai, model: loop-1, base_url: "{server.url}"}}\n',
        )
        shutil.rmtree(folder / "fixtures/suites")
        (folder / "fixtures/suites").mkdir()
        (folder / "fixtures/suites/small.yaml").write_text(
            "template: world-cup\nmodels: [loop]\nscorers: [contains]\n"
            "cases:\n  - {id: winner, inputs: {question: Who won?}, expected: Argentina}\n"
        )
        record = [sys.executable, "-P", "-m", "promptlab.cli", "suite", "record", "small"]
        subprocess.run(record, cwd=folder, check=True, capture_output=True)
        app = App(folder).start()
        yield app
        app.kill()


def side_bar(title: str) -> Callable[[Page], None]:
    return lambda page: page.locator("[data-testid=stSidebarNav] a", has_text=title).click()


def button(key: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f"[class*='st-key-{key}'] button").first.click()


def choose_summary(page: Page) -> None:
    page.locator(".st-key-bench-template input").click()
    page.get_by_role("option", name="summary").click()


JOURNEYS: dict[str, list[tuple[str, Callable[[Page], None]]]] = {
    "/": [("template=templates%2Fsummary.yaml", choose_summary), ("/templates", side_bar("Templates"))],
    "/templates": [
        ("template=", button("open-template")),
        ("/?template=", lambda page: page.get_by_role("link", name="Open in workbench").click()),
        ("/templates?template=", lambda page: page.get_by_role("link", name="Edit the whole template").click()),
        ("/templates", button("templates-all")),
    ],
    "/documents": [("document=", button("open-doc")), ("/documents", button("documents-all"))],
    "/examples": [("pool=", button("open-pool"))],
    "/suites": [("suite=", button("open-suite")), ("item=", button("cell-")), ("/runs", side_bar("Runs"))],
    "/experiments": [("new=1", button("experiment-new")), ("/experiments", button("experiments-all"))],
    "/finetune": [("new=1", button("training-new")), ("/finetune", button("trainings-all"))],
    "/votes": [("/experiments", side_bar("Experiments")), ("/votes", side_bar("Votes"))],
    "/models": [("/runs", side_bar("Runs")), ("/", side_bar("Workbench")), ("/ledger", side_bar("Ledger"))],
}


SEEN = """
() => {
  const main = document.querySelector(".stMain");
  const texts = selector => [...main.querySelectorAll(selector)].map(e => e.value ?? e.innerText);
  return JSON.stringify([texts("h1, h2, h3"), texts("input[type=text], input:not([type]), textarea"),
    texts("[class*='st-key-open-'] button, [class*='st-key-cell-'] button")]);
}
"""


def seen(page: Page) -> str:
    """What the page is about: its headings, the values of its fields, and its list. Other parts change by themselves,
    such as what is read ahead."""
    before = ""
    while True:  # the page is drawn part by part, and its fields may come after it is idle
        idle(page)
        page.wait_for_timeout(1_000)
        now = str(page.evaluate(SEEN))
        if now == before:
            return now
        before = now


def wait_until(page: Page, text: str) -> None:
    """Wait until the page shows `text` again."""
    for _ in range(60):
        if (shown := seen(page)) == text:
            return
    assert shown == text


@pytest.mark.parametrize("first", JOURNEYS)
def test_back_goes_back_in_one_press(first: str, bench: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{bench.url}{first}")
    text = seen(page)
    before = [(page.url, text)]
    for expected, click in JOURNEYS[first]:
        click(page)
        expect(page).to_have_url(re.compile(re.escape(expected)))
        text = seen(page)
        before.append((page.url, text))
    for url, text in reversed(before[:-1]):
        page.go_back()
        expect(page).to_have_url(url)
        wait_until(page, text)


def test_a_search_is_still_there_after_back(bench: App, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{bench.url}/templates")
    search = page.locator(".st-key-templates-text input")
    search.press_sequentially("summ")
    expect(page.locator("[class*='st-key-open-template']")).to_have_count(1)
    page.locator("[class*='st-key-open-template'] button").first.click()
    page.get_by_role("link", name="Open in workbench").click()
    expect(page).to_have_url(re.compile(r"/\?template="))
    page.go_back()
    page.go_back()
    expect(search).to_have_value("summ")
    expect(page.locator("[class*='st-key-open-template']")).to_have_count(1)
