"""Pages run without a browser: scripted models in a small workspace, and what a page says as plain text."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state.session_state import SessionState
from streamlit.testing.v1 import AppTest

from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import Script, ScriptedBackend
from promptlab.ui.components import live_text
from promptlab.ui.state import session
from promptlab.workspace._workspace import Workspace

ROUTES = Path(session.__file__).parents[1] / "routes"


def text_of(body: str) -> str:
    """What a person reads of HTML made by the pages."""
    body = re.sub(r"<style>.*?</style>", "", body, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", body))


@dataclass
class Desk:
    """Somebody at the workbench. `open` is a new tab; what it says is read with `said`."""

    session: session.Session
    models: dict[str, ScriptedBackend]
    tabs: list[AppTest] = field(default_factory=list)

    def open(self, page: str = "workbench", **query: str) -> AppTest:
        tab = AppTest.from_file(ROUTES / f"{page}.py", default_timeout=20)
        for name, value in query.items():
            tab.query_params[name] = value
        self.tabs.append(tab)
        return tab.run()

    def run(self, tab: AppTest) -> AppTest:
        """Press Run, and look again when every answer is there."""
        tab.button(key="run").click().run()
        return self.settle(tab)

    def settle(self, tab: AppTest) -> AppTest:
        for job in self.session.jobs.running():
            assert job.wait(20), "a scripted run did not end"
        return tab.run()

    def until(self, condition: Callable[[], object], what: str) -> None:
        for _ in range(2000):
            if condition():
                return
            time.sleep(0.005)
        raise AssertionError(f"never came: {what}")


def said(tab: AppTest) -> str:
    """All text of the page's main part, HTML and code alike, in its order."""
    return "\n".join(part for part in map(_said, tab.main) if part)


def choose(tab: AppTest, action: str, *, number: int = 0) -> AppTest:
    """Choose `action` in a menu of the page: in the first one that offers it, or in a later one."""
    menu = [each for each in tab.menu_button if action in each.options][number]
    menu.click(action).run()
    assert not tab.exception
    return tab


def bodies(tab: AppTest) -> list[str]:
    """The raw HTML the pages put on the page, without the style sheet and the app's own two scripts."""
    own = ("<style>", live_text.SCRIPT, '<script>if (location.search === "") history.replaceState(')
    return [e.proto.body for e in tab.main.get("html") if not e.proto.body.startswith(own)]


def _said(element: Any) -> str:
    if element.type == "html":
        return text_of(element.proto.body)
    for name in ("value", "label"):
        value = getattr(element, name, None)
        if isinstance(value, str) and value:
            return value
    return ""


@pytest.fixture
def desk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """Makes a desk in a workspace (the usual one) with models by name: a script, or a scripted backend."""
    st.cache_resource.clear()
    opened: list[session.Session] = []

    def make(where: Workspace = workspace, **models: Script | ScriptedBackend) -> Desk:
        backends = {
            name.replace("_", "-"): m if isinstance(m, ScriptedBackend) else ScriptedBackend(name, m)
            for name, m in models.items()
        }
        monkeypatch.chdir(where.root)
        for old in opened:
            session.close_session(old)
        opened.append(session.open_session(where, Catalogue(where, {}, extra=backends)))
        return Desk(opened[-1], backends)

    yield make
    for one in opened:
        session.close_session(one)


@pytest.fixture(autouse=True)
def filled_widgets(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Every widget that the page fills through the session state must have `persist_state`: see `Fields.bind`.

    The keys of those without are collected here, and there must be none in the end.
    """
    set_by_page, found = set[str](), set[str]()
    set_item, register = SessionState.__setitem__, SessionState.register_widget

    def setting(state: SessionState, key: str, value: Any) -> None:
        set_item(state, key, value)
        if get_script_run_ctx(suppress_warning=True) is not None:  # None: the test itself sets it
            set_by_page.add(key)

    def registering(state: SessionState, metadata: Any, user_key: str | None) -> Any:
        result = register(state, metadata, user_key)
        if user_key in set_by_page and metadata.persist_state is None:
            found.update([user_key] if result.value != metadata.deserializer(None) else [])
        return result

    monkeypatch.setattr(SessionState, "__setitem__", setting)
    monkeypatch.setattr(SessionState, "register_widget", registering)
    yield found
    assert not found, "filled by the page, and lost if the browser draws them late: give them persist_state"
