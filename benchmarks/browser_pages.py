"""The pages that benchmarks/browser.py measures, and what is done on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.app import App
from tests.places import ROOT

PAGES = ("templates", "documents", "examples", "suites", "runs", "models")
VERSIONS = 4
FIRST = "/?template=templates/world-cup.yaml"
"""The address of the workbench with the sample, also where a first-run page would stand."""
IDLE = "document.querySelector('.stApp')?.getAttribute('data-test-script-state') === 'notRunning'"
TIMER = """
window.timed = (act, done) => new Promise(resolve => {
  let ran = false, began;
  const check = (changes) => {
    const state = document.querySelector('.stApp')?.getAttribute('data-test-script-state');
    ran ||= state === 'running' || (changes ?? []).some(each => each.attributeName === 'data-test-script-state');
    if (!done(ran && state === 'notRunning')) return;
    watching.disconnect();
    clearInterval(looking);
    requestAnimationFrame(() => resolve((performance.now() - began) / 1000));
  };
  const watching = new MutationObserver(changes => check(changes));
  watching.observe(document.documentElement,
    {subtree: true, childList: true, attributes: true, characterData: true});
  const looking = setInterval(check, 20);  // `done` may look at more than the page's elements
  began = performance.now();
  act();
  check();
});
"""
"""`timed(act, done)` does something and resolves to the seconds until the page shows it. `done` is told whether the
script ran since and has ended."""
EMPTY = """
import streamlit as st

def home():
    st.toggle("Switch", key="switch")
    st.html(f"<div class='shown'>{st.session_state['switch']}</div>")
    st.pills("Pill", ["one", "two"], selection_mode="multi", key="pill")
    st.text_area("Text", key="text")
    st.html(f"<div class='typed'>{st.session_state['text']}</div>")

def other():
    st.title("Other")

st.navigation([st.Page(home, title="Home", default=True), st.Page(other, title="Other", url_path="other")]).run()
"""


class Measured:
    """An app in a process of its own, and one tab of it. `messages` counts what the last action sent to the page."""

    def __init__(self, browser: Browser, app: App) -> None:
        self.app = app.start()
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        self.page: Page = context.new_page()
        self.page.set_default_timeout(120_000)
        self.page.add_init_script(TIMER)
        self.number = self.received = self.messages = 0
        self.page.on("websocket", lambda socket: socket.on("framereceived", self._count))

    def timed(self, act: str, done: str, argument: Any = None) -> float:
        """Seconds from `act` until `done` is true; both are JavaScript, `it` is the argument, `ended` whether the
        script has run and ended."""
        before = self.received
        call = f"it => timed(() => {{ {act} }}, ended => {{ return {done}; }})"
        took = float(self.page.evaluate(call, argument))
        self.messages = self.received - before
        return took

    def _count(self, _frame: object) -> None:
        self.received += 1

    def opened(self, address: str, ready: str) -> float:
        """Seconds from going to an address until the page is drawn."""
        self.page.goto(f"{self.app.url}{address}", wait_until="commit")
        self.page.wait_for_function(f"() => {ready} && {IDLE}")
        return float(self.page.evaluate("performance.now() / 1000"))

    def typed(self, box: str, shown: str) -> float:
        """Type one more word into a text area and leave it; seconds until `shown` has the word."""
        self.number += 1
        word = f"w{self.number}x"
        self.page.locator(box).first.click()
        self.page.keyboard.type(f" {word}")
        act = "document.activeElement.blur()"
        return self.timed(act, f"document.querySelector({shown!r})?.textContent.includes(it)", word)

    def close(self) -> None:
        self.page.context.close()
        self.app.kill()


class EmptyPage(Measured):
    """A Streamlit app with one switch, one pill and one text."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        folder.mkdir()
        (folder / "app.py").write_text(EMPTY, encoding="utf-8")
        super().__init__(browser, StreamlitApp(folder))

    def open_first(self) -> float:
        return self.opened("/", "document.querySelector('.typed')")

    def prepare(self) -> None:
        pass

    def round(self) -> Iterator[tuple[str, float]]:
        """Each action once, with its seconds."""
        before = self.page.locator(".shown").inner_text()
        act = "document.querySelector('.st-key-switch input').click()"
        yield "switch", self.timed(act, "document.querySelector('.shown')?.textContent !== it", before)
        yield "pill", self.timed("document.querySelector('.st-key-pill button').click()", "ended")
        yield "keystroke to preview", self.typed(".st-key-text textarea", ".typed")
        yield "page templates", self.timed(_link("other"), "ended && document.querySelector('h1')")
        self.timed(_link(""), "ended && document.querySelector('.typed')")


class StreamlitApp(App):
    """`streamlit run` of app.py in a folder."""

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)),
            *("--server.address", "127.0.0.1", "--server.headless", "true", "--server.fileWatcherType", "none"),
            *("--browser.gatherUsageStats", "false"),
        ]


class Workbench(Measured):
    """The app of the checkout `tree`, in a new workspace with two models behind the server at `url`."""

    def __init__(self, browser: Browser, tree: Path, folder: Path, url: str) -> None:
        folder.mkdir()
        for name in ("templates", "fixtures"):
            shutil.copytree(ROOT / name, folder / name)
        entry = f'{{backend: openai, model: m, base_url: "{url}", window: 8192}}'
        (folder / "promptlab.yaml").write_text(f"models:\n  alpha: {entry}\n  beta: {entry}\n", encoding="utf-8")
        _commit_versions(folder)
        super().__init__(browser, App(folder, {"PYTHONPATH": str(tree)}))

    def open_first(self) -> float:
        return self.opened(FIRST, "document.querySelector('.st-key-run button:not([disabled])')")

    def prepare(self) -> None:
        """Make a history of three runs, and have every page drawn once."""
        for _ in range(3):
            self._type()
            self.page.locator(".st-key-run button").click()
            self.page.wait_for_function(f"() => {IDLE} && document.querySelector('.st-key-run button:not([disabled])')")
            self.page.wait_for_timeout(1_500)
        for name in PAGES:
            self.timed(_link(name), "ended")
        self.timed(_link(""), "ended")

    def _type(self) -> None:
        self.number += 1
        self.page.get_by_role("textbox", name="Question").first.fill(f"Who won number {self.number}?")
        self.page.wait_for_timeout(500)  # the text is sent by itself, perhaps before anything could wait for the run
        self.page.wait_for_function(f"() => {IDLE}")

    def round(self) -> Iterator[tuple[str, float]]:
        """Each action once, with its seconds."""
        size = ".st-key-section-output-format .pl-size"
        before = self.page.locator(size).first.inner_text()
        act = "document.querySelector('.st-key-section-output-format input[type=checkbox]').click()"
        shown = f"(s => s && s !== it)(document.querySelector({size!r})?.textContent)"
        yield "switch", self.timed(act, shown, before)
        self.page.wait_for_function(f"() => {IDLE}")
        yield (
            "pill",
            self.timed("document.querySelector('[class*=st-key-shown-as] button:nth-of-type(2)').click()", "ended"),
        )
        self.page.locator(".st-key-bench-views").get_by_text("Preview", exact=True).click()
        self.page.wait_for_function(f"() => {IDLE} && document.querySelector('[data-testid=stTabs]')")
        yield "keystroke to preview", self.typed("[class*=st-key-input-question] textarea", "[data-testid=stTabs]")
        self.page.wait_for_function(f"() => {IDLE}")
        self.page.locator(".st-key-bench-views").get_by_text("Answers", exact=True).click()
        self.page.wait_for_function(f"() => {IDLE} && !document.querySelector('[data-testid=stTabs]')")
        for name in PAGES:
            yield f"page {name}", self.timed(_link(name), "ended")
        yield "page workbench", self.timed(_link(""), "ended && document.querySelector('.st-key-run')")
        yield "two versions", self._two_versions()
        self.page.goto(self.app.url)
        self.page.wait_for_function(f"() => {IDLE} && document.querySelector('.st-key-run button')")

    def _two_versions(self) -> float:
        """Seconds from choosing the second of two versions until their difference is drawn."""
        self.page.goto(f"{self.app.url}/templates?template=templates/world-cup.yaml")
        boxes = "[class*=st-key-version-] input[type=checkbox]"
        self.page.wait_for_function(f"() => {IDLE} && document.querySelectorAll({boxes!r}).length > 2")
        self.timed(f"document.querySelectorAll({boxes!r})[0].click()", "ended")
        act = f"document.querySelectorAll({boxes!r})[2].click()"
        return self.timed(act, "ended && document.querySelector('.st-key-comparison')")


def _link(name: str) -> str:
    return f"""[...document.querySelectorAll('[data-testid=stSidebarNavLink]')]
      .find(a => new URL(a.href).pathname === '/{name}').click()"""


def _commit_versions(folder: Path) -> None:
    """Put the workspace into git, with some versions of a template."""
    git = ["git", "-C", str(folder), "-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
    path = folder / "templates/world-cup.yaml"
    subprocess.run([*git, "init", "--quiet"], check=True, env=environment)
    for number in range(VERSIONS):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("Answer", "Please answer" if number % 2 else "Answer now", 1), encoding="utf-8")
        subprocess.run([*git, "add", "."], check=True, env=environment)
        subprocess.run([*git, "commit", "--quiet", "-m", f"version {number}"], check=True, env=environment)
