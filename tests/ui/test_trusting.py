"""The press that trusts a workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.workspace import _trust as trust
from promptlab.workspace._workspace import Workspace
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]
CATALOGUE = """\
models:
  far: {backend: openai, model: x, base_url: "https://models.example.org/v1", api_key_env: FAR_API_KEY}
"""


@pytest.fixture(autouse=True)
def stranger(trusted: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: ARG001  # after it
    monkeypatch.delenv("PROMPTLAB_TRUST", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("page", ["workbench", "suites", "models"])
def test_what_is_asked_for_is_listed_until_the_press(
    desk: Desks, make_workspace: Callable[..., Workspace], page: str
) -> None:
    workspace = make_workspace(CATALOGUE)
    tab = desk(workspace).open(page)
    assert not tab.exception
    assert "`far` sends prompts to https://models.example.org" in said(tab)
    assert "FAR_API_KEY" in said(tab)
    tab.button(key="trust-it").click().run()
    assert not tab.exception
    assert trust.missing_permissions(workspace) == ()
    assert "until you trust" not in said(tab)


def test_a_workspace_that_asks_for_nothing_is_not_asked_about(desk: Desks) -> None:
    tab = desk(alpha=("ok",)).open("workbench")
    assert not tab.exception
    assert [button.key for button in tab.button if button.key == "trust-it"] == []
