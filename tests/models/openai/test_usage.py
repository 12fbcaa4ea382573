"""Token counts and log-probabilities of a reply; a number that makes no sense counts as missing."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.models._openai._usage import logprobs_of, usage_of
from promptlab.types import Usage


@pytest.mark.parametrize(
    ("value", "usage"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3}, Usage(9, None, 3)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}}, Usage(1, 8, None)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 80}}, Usage(0, 9, None)),
        ({"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 4}}, Usage(None, None, 5, 4)),
        ({"completion_tokens": 5, "reasoning_tokens": 4}, Usage(None, None, 5, 4)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage(None, None, None)),
        ({"prompt_tokens": "9", "prompt_tokens_details": 7}, Usage(None, None, None)),
        ([9, 3], None),
        (None, None),
    ],
    ids=str,
)
def test_counts(value: Any, usage: Usage | None) -> None:
    assert usage_of(value) == usage


def test_log_probabilities_keep_their_alternatives_and_leave_out_what_has_another_form() -> None:
    good = {"token": "é", "logprob": -1, "bytes": [195, 169]}
    odd = [None, 7, {"token": 7, "logprob": -1}, {"token": "a"}, {"token": "a", "logprob": "-1"}]
    content = [{**good, "top_logprobs": [{**good, "bytes": None}, *odd]}, *odd]
    entry = {"token": "é", "bytes": [195, 169], "logprob": -1.0}
    assert logprobs_of({"content": content}) == [{**entry, "top": [entry]}]
    assert logprobs_of({"content": None}) == logprobs_of(None) == []
