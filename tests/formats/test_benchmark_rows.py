"""The rows of benchmarks/formats.py: no tool's files differ without a word in the report."""

from __future__ import annotations

import argparse

import pytest

from benchmarks.formats import TOOLS, Tally, compare


@pytest.mark.parametrize("name", [name for name in TOOLS if name != "promptfoo"])
def test_no_file_differs_without_a_word(name: str) -> None:
    tally = Tally()
    for case in TOOLS[name].cases(argparse.Namespace()):
        compare(TOOLS[name], case, tally)
    if not tally.files:
        pytest.skip(f"{name} is not installed: make oracles node")
    assert tally.silent == []
    assert tally.equal + len(tally.named) == tally.files
    assert tally.equal >= tally.files // 2
