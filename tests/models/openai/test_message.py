"""Text, thinking and other parts are separated, in every form that servers send."""

from __future__ import annotations

from typing import Any

import pytest

from promptlab.models._openai._message import MessageParts, parts_of_message

TEXT = {"type": "text", "text": "Uruguay"}


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "Uruguay"}, MessageParts("Uruguay")),
        ({"content": None}, MessageParts()),
        ({"content": TEXT}, MessageParts("Uruguay")),
        ({"content": [TEXT, "!"]}, MessageParts("Uruguay!")),
        ({"content": "a", "reasoning_content": "b"}, MessageParts("a", "b")),
        ({"content": "a", "reasoning": "", "thinking": "b"}, MessageParts("a", "b")),
        ({"content": "a", "reasoning": "b", "reasoning_content": "b"}, MessageParts("a", "b")),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "b"}]}, TEXT]},
            MessageParts("Uruguay", "b"),
        ),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "b"}]}, MessageParts("", "b")),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "b"}]}, MessageParts()),
        ({"content": None, "refusal": "No."}, MessageParts("No.", refused=True)),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, MessageParts("No.", refused=True)),
        ({"content": [{"type": "image_url"}, TEXT]}, MessageParts("Uruguay", other=("image_url",))),
        ({"content": [{}]}, MessageParts(other=("without a type",))),
        ({"content": None, "tool_calls": [{"id": "1"}]}, MessageParts(other=("tool_calls",))),
    ],
    ids=str,
)
def test_parts(message: dict[str, Any], parts: MessageParts) -> None:
    assert parts_of_message(message) == parts


@pytest.mark.parametrize(
    ("message", "field"),
    [({"content": 7}, "`content`"), ({"content": [7]}, "`content`"), ({"content": "a", "refusal": 7}, "`refusal`")],
    ids=str,
)
def test_an_unknown_shape_names_its_field(message: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        parts_of_message(message)
