"""Scorers of overlap: of two lists (`list_f1`), and of two texts (`chrf`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from promptlab.errors import InputError
from promptlab.scorers._lists import key, named_items
from promptlab.scorers._text import alternatives
from promptlab.types import Score, Scorer


def list_f1() -> Scorer:
    """F1 of the list in the answer against the expected list: the harmonic mean of precision (the share of named items
    that are right) and recall (the share of right items that are named). Order is ignored, and so is what `exact`
    ignores. An item that is named twice is right once.

    A list is JSON, lines, or items separated by commas, semicolons and "and".
    """

    def score(answer: str, expected: Any) -> Score:
        items = _items_expected(expected)
        wanted = Counter(filter(None, map(key, items)))
        if not wanted:
            raise InputError("`list_f1` needs a list to compare with")
        named = Counter(filter(None, map(key, named_items(answer, items))))
        hits = (named & wanted).total()
        value = 2 * hits / (named.total() + wanted.total())
        missing, extra = wanted - named, named - wanted
        reason = f"{hits} of {wanted.total()} found"
        reason += f", missing {_some(missing)}" if missing else ""
        reason += f", not asked for {_some(extra)}" if extra else ""
        return Score("list_f1", value, json.dumps(sorted(named.elements()), ensure_ascii=False), reason)

    return score


def _items_expected(expected: Any) -> list[str]:
    if isinstance(expected, list | tuple):
        return [str(item) for item in expected]
    return named_items(str(expected), []) if expected is not None else []


def _some(items: Iterable[str]) -> str:
    names = sorted(items)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def chrf() -> Scorer:
    """chrF2 of sacrebleu, from 0 to 1: the F score of character n-grams up to 6, recall weighted twice (Popović 2015).

    If there are several expected texts, the nearest one counts.
    """
    try:
        from sacrebleu.metrics import CHRF
    except ImportError as exc:
        raise InputError("`chrf` needs sacrebleu", hint="pip install 'promptlab[scorers]'") from exc
    metric = CHRF()

    def score(answer: str, expected: Any) -> Score:
        value = metric.sentence_score(answer, alternatives(expected)).score / 100
        return Score("chrf", min(1.0, value), answer.strip(), f"chrF {100 * value:.1f} of 100")

    return score
