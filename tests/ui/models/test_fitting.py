"""Will it fit, on the Models page; and the memory of a local model on its card."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from promptlab.models import Measured
from promptlab.sizing import expected_soon
from promptlab.workspace._workspace import Workspace
from tests.gguf_made import tiny
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]


def test_the_example_of_seventy_billion_parameters_is_answered(desk: Desks) -> None:
    tab = desk().open("models")
    tab.text_input(key="fit-target").set_value("Llama-2-70b")
    tab.selectbox(key="fit-train").set_value("qlora")
    next(button for button in tab.button if button.label == "Will it fit?").click()
    tab.run(timeout=60)
    assert not tab.exception
    words = " ".join(said(tab).split())
    assert "Llama-2-70b at F16 takes 139.56 GB" in words
    assert "weights 137.96 GB 128.48 GiB" in words
    assert "A100 80GB 80.00 GB one is not enough, 2 are, 8.400 GB left on each" in words
    assert "H200 141.00 GB one is only just enough" in words
    assert "total 139.56 GB 129.97 GiB 139.56 GB" in words
    assert "T4 2.3 tokens/s on 11 in turn" in words
    assert "Q8_0 73.29 GB 8.50" in words
    assert "trained parameters" in words
    assert len(tab.get("vega_lite_chart") or tab.get("arrow_vega_lite_chart")) == 1


@pytest.mark.parametrize(
    ("target", "words"), [("", "Name a model"), ("no-such-model", "no family"), ("/nowhere/m.gguf", "there is no file")]
)
def test_what_cannot_be_sized_is_said_and_the_page_stays(desk: Desks, target: str, words: str) -> None:
    tab = desk().open("models")
    tab.text_input(key="fit-target").set_value(target)
    next(button for button in tab.button if button.label == "Will it fit?").click()
    tab.run(timeout=60)
    assert not tab.exception
    assert words in said(tab)
    assert "takes" not in said(tab)
    assert tab.text_input(key="fit-target").value == target


def test_a_card_has_the_expected_memory_and_what_was_measured(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    pytest.importorskip("llama_cpp")
    where = make_workspace("models:\n  tiny: {backend: llama, path: tiny.gguf, n_ctx: 512}\n")
    tiny(where.root / "tiny.gguf")
    open_desk = desk(where)
    tab = open_desk.open("models")
    soon = expected_soon(open_desk.session.catalogue, "tiny")
    assert soon.result(60).weights > 100_000
    tab.run()
    words = " ".join(said(tab).split())
    assert "Memory expected:" in words
    assert "Memory measured: not yet" in words
    assert "Speed of writing: at most" in words
    assert "by the memory bandwidth of" in words
    open_desk.session.catalogue.note_measured("tiny", Measured("2026-11-29T07:00:00+00:00", None, 9.0, 40.0))
    tab.run()
    words = " ".join(said(tab).split())
    assert "measured 40.0 tokens/s, bound by computing" in words
