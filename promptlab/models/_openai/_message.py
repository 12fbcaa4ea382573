"""The parts of a server's message: text, thinking, and parts of other kinds.

    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]},
                 {"type": "text", "text": "Uruguay"}]}
    {"reasoning_content": "Let me see."}       vLLM, DeepSeek      {"reasoning": "Let me see."}       OpenRouter, vLLM

Every server has its own form for thinking; `THINKING` lists the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

THINKING = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks")
"""Keys of a message that hold thinking. Some servers send it under two of them; the first that has text counts."""

_BESIDE = ("tool_calls", "function_call", "audio", "images")
"""Keys beside `content` that hold something other than text."""
_MORE = frozenset({*THINKING, *_BESIDE, "refusal"})
_TEXT = frozenset({"text", "output_text", "input_text", "refusal", ""})
_THINKS = ("thinking", "reasoning", "thought", "redacted_thinking")
_WORDS = ("text", "thinking", "reasoning", "content", "summary", "refusal", "value")
_DEEPEST = 6


class MessageParts(NamedTuple):
    """The parts of a message, or of a piece of one. `other` has the types of parts that are neither text nor thinking.
    `refused` is True if the text is a refusal."""

    text: str = ""
    thinking: str = ""
    other: tuple[str, ...] = ()
    refused: bool = False


def parts_of_message(message: Mapping[str, Any]) -> MessageParts:
    """The parts of `message`. Raises `ValueError` with the field's name if its shape is unknown."""
    content = message.get("content")
    if isinstance(content, str) and _MORE.isdisjoint(message):  # nearly every piece of an answer
        return MessageParts(content)
    text, thinking, other, refused = _content(content)
    refusal = message.get("refusal")
    if refusal is not None and not isinstance(refusal, str):
        raise ValueError("`refusal` is not text")
    # A refusal takes the place of the answer, so it is shown as the answer.
    thoughts = next((words for key in THINKING if (words := _words(message.get(key)))), "")
    beside = tuple(key for key in _BESIDE if message.get(key))
    return MessageParts(text + (refusal or ""), thoughts + thinking, other + beside, refused or bool(refusal))


def _content(content: object) -> tuple[str, str, tuple[str, ...], bool]:
    if content is None or isinstance(content, str):
        return content or "", "", (), False
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise ValueError("`content` is not text")
    text, thinking, other, refused = "", "", [], False
    for part in content:
        if isinstance(part, str):
            text += part
            continue
        if not isinstance(part, dict):
            raise ValueError("a part of `content` is neither text nor an object")
        kind = part.get("type")
        kind = kind if isinstance(kind, str) else ""
        if kind.startswith(_THINKS):
            thinking += _words(part)
        elif kind in _TEXT and (kind or _words(part)):
            text += _words(part)
            refused = refused or kind == "refusal"
        else:
            other.append(kind or "without a type")
    return text, thinking, tuple(other), refused


def _words(value: object, depth: int = 0) -> str:
    """The text in `value`, however deep it is nested; empty if it is encrypted or not text."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(_words(part, depth + 1) for part in value)
    if isinstance(value, dict):
        return next((words for key in _WORDS if (words := _words(value.get(key), depth + 1))), "")
    return ""
