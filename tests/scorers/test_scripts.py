"""Words of scripts without spaces: the library that divides them, and what is said where it is missing."""

from __future__ import annotations

import sys

import pytest

from promptlab.errors import NotJudged
from promptlab.scorers import _scripts
from promptlab.scorers._registry import contains


def test_positions_are_those_of_python_also_after_an_emoji() -> None:
    assert {0, 1, 3, 4} <= _scripts._boundaries("😀京都に")


def test_without_the_library_such_answers_are_not_judged_and_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _scripts._boundaries.cache_clear()
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(NotJudged, match="icu4py") as caught:
        contains()("冠军是法国队。", "法国")
    assert "promptlab[scorers]" in caught.value.hint
    assert contains()("法国", "法国").value == 1
    assert contains()("It is France.", "France").value == 1


def test_a_lone_surrogate_in_an_answer_is_no_crash() -> None:
    assert contains()("\ud800 我在京都", "京都").value == 1
