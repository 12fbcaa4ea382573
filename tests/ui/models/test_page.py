"""Every model says whether it is ready, and what to do when it is not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.models._as_sent import Held
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._cpu_choice import CpuChoices
from promptlab.models._scripted import ScriptedBackend
from promptlab.ui.models.page import _prefix_cache
from promptlab.workspace._workspace import Workspace
from tests.gguf_made import tiny
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]
CATALOGUE = """\
models:
  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY, window: 128000}
  ours: {backend: openai, model: llama, base_url: "http://127.0.0.1:9/v1", clearance: internal}
  lost: {backend: llama, path: models/none.gguf}
"""


def test_models_say_what_they_are_and_what_to_do(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    tab = desk(make_workspace(CATALOGUE), alpha=ScriptedBackend("alpha", window=4096)).open("models")
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "gpt not ready Test Edit Remove What to do set OPENAI_API_KEY" in words
    assert "Context window 128,000 tokens May read public text only" in words
    assert "Key from OPENAI_API_KEY, which is not set" in words
    assert "ours not tried Test Edit Remove Not tried llama at http://127.0.0.1:9/v1" in words
    assert "Address http://127.0.0.1:9/v1" in words
    assert "Price: unknown" in words
    assert "May read public and internal text" in words
    assert "lost not ready" in words
    assert "models/none.gguf of lost does not exist" in words
    assert "alpha not tried" in words
    assert "Context window 4,096 tokens" in words


def test_an_address_is_shown_without_user_password_and_query(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    url = "http://ada:the-password@127.0.0.1:9/v1?sig=the-signature"
    tab = desk(make_workspace(f'models:\n  ours: {{backend: openai, model: m, base_url: "{url}"}}\n')).open("models")
    assert not tab.exception
    assert "Address http://127.0.0.1:9/v1" in " ".join(said(tab).split())
    assert "the-" not in said(tab)


def test_an_empty_catalogue_says_how_to_begin(desk: Desks) -> None:
    tab = desk().open("models")
    assert not tab.exception
    assert "No models yet" in said(tab)
    assert "none in promptlab.yaml" in " ".join(e.proto.body for e in tab.sidebar.get("html"))


def test_preparing_what_cannot_be_prepared_says_why(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    tab = desk(make_workspace(CATALOGUE)).open("models")
    tab.button(key="prepare-lost").click().run()
    assert not tab.exception
    assert "does not exist" in said(tab)


class Reader(ScriptedBackend):
    """Stands for a local model that has read two prompts."""

    held = Held(2, 28_000_000, 1, 14_000_000)

    def prefixes_held(self) -> Held:
        return self.held

    def forget_prefixes(self) -> None:
        self.held = Held(0, 0, 0, 0)


def test_what_a_local_model_keeps_read_is_shown_and_can_be_forgotten(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    workspace = make_workspace("models:\n  mine: {backend: llama, path: mine.gguf}\n")
    (workspace.root / "mine.gguf").write_bytes(b"GGUF")
    sitting = desk(workspace)
    sitting.session.catalogue._backends["mine"] = Reader("mine")
    tab = sitting.open("models")
    assert not tab.exception
    assert "Prefix cache 2 states in memory, 28 MB; 1 file on disk, 14 MB" in " ".join(said(tab).split())
    tab.button(key="forget-mine").click().run()
    assert not tab.exception
    assert "Prefix cache 0 states in memory, 0 MB; 0 files on disk, 0 MB" in " ".join(said(tab).split())
    assert not [one for one in tab.button if one.key == "forget-mine"]


def test_prompts_kept_where_answers_are_written_together_are_said_to_be_in_the_window() -> None:
    assert _prefix_cache(Held(1, 0, 0, 0), batching=True) == "1 prompt in the KV cache"
    assert _prefix_cache(None, batching=True) == "known once the file is ready"


def test_a_local_model_is_not_called_ready_before_it_was_tried_on_this_processor(
    desk: Desks, make_workspace: Callable[..., Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = "import json, sys; sys.stdin.buffer.read(); print(json.dumps({'read': 667, 'why': ''}))"
    tried = CpuChoices(tmp_path / "tried.json", (sys.executable, "-c", ends))
    monkeypatch.setattr(
        LlamaBackend.__init__, "__kwdefaults__", {**LlamaBackend.__init__.__kwdefaults__, "tried": tried}
    )
    model = tiny(tmp_path / "work/models/tiny.gguf")
    tab = desk(make_workspace(f"models:\n  small: {{backend: llama, path: {model}}}\n")).open("models")
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "small not tried" in words
    assert "CPU code known once it was tried" in words
    tab.button(key="try-small").click().run()
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "small works" in words
    assert "tried on this processor" in words
    assert not [button for button in tab.button if button.key == "try-small"]
