"""A server's word for the end of an answer has one meaning, whatever its spelling."""

from __future__ import annotations

import pytest

from promptlab.models._openai._finish import FINISH, finish_reason


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "stop"),
        ("END_TURN", "stop"),
        (" stop sequence ", "stop"),
        ("FINISH_REASON_MAX_TOKENS", "length"),
        ("max-tokens", "length"),
        ("SAFETY", "content_filter"),
        ("tool_use", "tool_calls"),
        ("banana", "unknown"),
        ("", "unknown"),
        ("cancelled", None),
        ("Internal Error", None),
        ("OOM", None),
        ("timed out", None),
    ],
)
def test_words_of_servers(word: str, reason: str | None) -> None:
    assert finish_reason(word) == reason


def test_no_known_word_counts_as_a_failure() -> None:
    assert {word: finish_reason(word) for word in FINISH} == dict(FINISH)
