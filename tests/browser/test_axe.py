"""axe-core finds nothing serious on any page that an empty page of Streamlit does not have, too."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from promptlab.finetune._lock import hold_training
from promptlab.finetune._state import write_state
from promptlab.runs import Vote
from tests.browser.app import App
from tests.browser.conftest import idle, press_run, settled
from tests.browser.desk import CUP
from tests.browser.test_votes import runs_of
from tests.finetune.trained import STATE, folder_of, keep_record, workspace_with_pool
from tests.loopback import LoopbackServer, Received, Reply, stream
from tests.places import ROOT

AXE = ROOT / ".node/node_modules/axe-core/axe.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: make oracles"),
]
SUITE = """\
template: templates/summary.yaml
models: [fast]
scorers: [contains]
cases:
- {id: one, inputs: {sentences: 1}, expected: heard}
"""
EXPERIMENT = """\
kind: ablate
template: templates/summary.yaml
cases: fixtures/suites/small.yaml
models: [fast]
"""
RUN_AXE = """async () => {
    const found = await axe.run(document, {resultTypes: ["violations"]});
    return found.violations
        .filter(v => ["serious", "critical"].includes(v.impact))
        .flatMap(v => v.nodes.map(n => [v.id, n.html.slice(0, 300), n.target.join(" ").slice(0, 200),
            (n.failureSummary || "").slice(0, 300)]));
}"""
WORLD = "fixtures/documents/world-cup-2022.md"
Finding = tuple[str, str, str, str]


def reply(request: Received) -> Reply:
    return stream(("heard: ", request.json["messages"][-1]["content"][:200]))


def click(role: Any, name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role(role, name=name, exact=True).first.click()
        idle(page)

    return act


def search(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.get_by_role("textbox", name="Search templates").fill("world")
    expect(page.locator("[class*='st-key-hit-open-']").first).to_be_visible()


def keys(page: Page) -> None:
    page.locator(".st-key-keys button").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def ask(page: Page) -> None:
    press_run(page)
    settled(page)


def rename(page: Page) -> None:
    click("button", "More")(page)
    click("button", "Rename")(page)
    page.get_by_role("textbox", name="New name").fill("another")
    page.keyboard.press("Tab")
    expect(page.locator(".pl-plan").first).to_be_visible()


def measure(page: Page) -> None:
    """Ask the experiment, if no page before has."""
    if page.get_by_role("button", name="Start", exact=True).count():
        page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".pl-effect:not(.pl-head)").first).to_be_visible()
    idle(page)


def open_more(page: Page) -> None:
    page.get_by_text("More choices: rank").click()
    expect(page.get_by_label("Passes at most", exact=True)).to_be_visible()


Pages = dict[str, tuple[str, tuple[Callable[[Page], None], ...]]]
PAGES: Pages = {
    "workbench with answers": ("/?template=templates/summary.yaml", (ask,)),
    "templates": ("/templates", ()),
    "a template": ("/templates?template=templates/world-cup.yaml", ()),
    "a template with an error": ("/templates?template=templates/broken.yaml", ()),
    "documents": ("/documents", ()),
    "a document": (f"/documents?document={WORLD}", ()),
    "the label menu": (f"/documents?document={WORLD}", (click("button", "Label: public"),)),
    "examples": ("/examples", ()),
    "a pool": ("/examples?pool=fixtures/examples/world-cup.jsonl", ()),
    "suites": ("/suites", ()),
    "a suite": ("/suites?suite=fixtures/suites/small.yaml", ()),
    "a case": ("/suites?suite=fixtures/suites/world-cup.yaml&item=winner[article-gemma-3-270m]", ()),
    "experiments": ("/experiments", ()),
    "a new experiment": ("/experiments?new=1&template=templates/summary.yaml", ()),
    "an experiment": ("/experiments?experiment=experiments/small.yaml", (measure,)),
    "cases that changed": ("/experiments?experiment=experiments/small.yaml&effect=instructions&model=fast", ()),
    "votes": ("/votes", ()),
    "a vote": ("VOTED", ()),
    "results of a vote": ("VOTED&view=results", ()),
    "runs": ("/runs", ()),
    "ledger": ("/ledger", ()),
    "models": ("/models", ()),
    "search": ("/models", (search,)),
    "keys": ("/models", (keys,)),
    "the menu of a file": (f"/documents?document={WORLD}", (click("button", "More"),)),
    "rename": (f"/documents?document={WORLD}", (rename,)),
    "delete": (f"/documents?document={WORLD}", (click("button", "More"), click("button", "Delete"))),
    "a new template": ("/templates", (click("button", "New template"),)),
}


TUNING_PAGES: Pages = {
    "adapters": ("/finetune", ()),
    "a new adapter": ("/finetune?new=1", (open_more,)),
    "an adapter": ("/finetune?training=tiny-t", ()),
    "a training that runs": ("/finetune?training=running", ()),
    "a training that failed": ("/finetune?training=failed", ()),
}


@pytest.fixture(scope="module")
def app(make_app: Callable[..., App]) -> Iterator[App]:
    with LoopbackServer(reply) as server:
        made = make_app(
            f'models:\n  fast: {{backend: openai, model: m, base_url: "{server.url}", clearance: confidential}}\n'
        )
        (made.folder / "fixtures/suites/small.yaml").write_text(SUITE)
        (made.folder / "experiments").mkdir()
        (made.folder / "experiments/small.yaml").write_text(EXPERIMENT)
        (made.folder / "templates/broken.yaml").write_text("inputs: [\n")
        (made.folder / "templates/old").mkdir()
        (made.folder / "templates/old/note.yaml").write_text("user: hi\n")
        (made.folder / "templates/desk.yaml").write_text(CUP)
        VOTED.append(voted_on(made))
        yield made


VOTED: list[str] = []
"""The address of a ballot in the app."""


def voted_on(app: App) -> str:
    """The address of a ballot on which somebody has voted."""
    url, store = runs_of(app, "Argentina", "France")
    first, second = (store.results(run.id)[0] for run in store.runs(limit=2))
    store.votes.cast(Vote("Ann", first.id, second.id, "left"))
    store.close()
    return url.removeprefix(app.url)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, app: App) -> Iterator[str]:
    """The address of an empty page of Streamlit, with one of the widgets that it cannot be blamed on us for."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "empty.py").write_text("import streamlit as st\nst.title('Empty')\n")
    port = app.port + 1
    words = [sys.executable, "-m", "streamlit", "run", "empty.py", "--server.port", str(port)]
    words += ["--server.headless", "true", "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def findings(page: Page) -> list[Finding]:
    page.evaluate(AXE.read_text())
    return [tuple(found) for found in page.evaluate(RUN_AXE)]


@pytest.fixture(scope="module")
def floor(empty: str, chromium: Any) -> set[str]:
    """The rules that the empty page breaks."""
    page = chromium.new_page()
    page.goto(empty)
    page.wait_for_selector("h1")
    rules = {found[0] for found in findings(page)}
    page.close()
    return rules


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (800, "light"), (800, "dark")])
def test_no_page_has_a_serious_fault(
    app: App, open_page: Callable[..., Page], floor: set[str], width: int, scheme: str
) -> None:
    faults = faults_of(app, open_page, floor, PAGES, width=width, scheme=scheme)
    assert faults == {}, json.dumps(faults, indent=1)


def faults_of(
    app: App, open_page: Callable[..., Page], floor: set[str], pages: Pages, *, width: int, scheme: str
) -> dict[str, list[Finding]]:
    """What is wrong on each of `pages`; nothing for a page without a fault."""
    faults: dict[str, list[Finding]] = {}
    for name, (address, steps) in pages.items():
        page = open_page(f"{app.url}{address.replace('VOTED', VOTED[0])}", width=width, scheme=scheme)
        idle(page)
        for step in steps:
            step(page)
        page.wait_for_timeout(300)  # a dialog fades in; half faded, its contrast is low
        if ours := [found for found in findings(page) if found[0] not in floor and not known(found)]:
            faults[name] = ours
        page.context.close()
    return faults


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with a local model, an adapter that was trained, and trainings that run and that failed."""
    folder = tmp_path_factory.mktemp("tuning")
    space = workspace_with_pool(folder, label="internal")
    keep_record(space, label="internal")
    write_state(folder_of(space, "failed"), replace(STATE, phase="failed", error="no rows", hint="add some"))
    running_folder = folder_of(space, "running")
    write_state(running_folder, STATE)
    (running_folder / "curve.jsonl").write_bytes((folder_of(space) / "curve.jsonl").read_bytes())
    made = App(folder).start()
    with hold_training(running_folder):
        yield made
    made.kill()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (800, "light"), (800, "dark")])
def test_fine_tuning_has_no_serious_fault(
    tuning: App, open_page: Callable[..., Page], floor: set[str], width: int, scheme: str
) -> None:
    faults = faults_of(tuning, open_page, floor, TUNING_PAGES, width=width, scheme=scheme)
    assert faults == {}, json.dumps(faults, indent=1)


STREAMLIT_S: dict[str, str] = {}
"""What Streamlit's own widgets break on any page: a rule, and a part of the node."""


def known(found: Finding) -> bool:
    return any(found[0] == rule and part in found[1] for rule, part in STREAMLIT_S.items())
