"""What a server's message holds: its text, its thinking, and parts of other kinds.

    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]},
                 {"type": "text", "text": "Uruguay"}]}
    {"reasoning_content": "Let me see."}       vLLM, DeepSeek      {"reasoning": "Let me see."}       OpenRouter, vLLM

Servers have as many forms for thinking as there are servers; which keys it stands under is in `THINKING`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

THINKING = ("reasoning_content", "reasoning", "reasoning_text", "thinking", "reasoning_details", "thinking_blocks")
"""Keys of a message that hold thinking. Some servers send it under two of them: the first with words counts."""

_BESIDE = ("tool_calls", "function_call", "audio", "images")
"""Keys beside `content` that hold what is no text."""
_MORE = frozenset({*THINKING, *_BESIDE, "refusal"})
_TEXT = frozenset({"text", "output_text", "input_text", "refusal", ""})
_THINKS = ("thinking", "reasoning", "thought", "redacted_thinking")
_WORDS = ("text", "thinking", "reasoning", "content", "summary", "refusal", "value")
_DEEPEST = 6


class Said(NamedTuple):
    """One message, or a piece of one. `other` names the kinds of parts that are neither text nor thinking."""

    text: str = ""
    thinking: str = ""
    other: tuple[str, ...] = ()
    refused: bool = False


def said(message: Mapping[str, Any]) -> Said:
    """What `message` says. Raises `ValueError`, naming the field, where one has a shape that nobody sends."""
    content = message.get("content")
    if isinstance(content, str) and _MORE.isdisjoint(message):  # nearly every piece of an answer
        return Said(content)
    text, thinking, other, refused = _content(content)
    refusal = message.get("refusal")
    if refusal is not None and not isinstance(refusal, str):
        raise ValueError("`refusal` is no text")
    # A refusal comes in place of the answer; it is what the model said, so it is shown as such.
    own = next((words for key in THINKING if (words := _words(message.get(key)))), "")
    beside = tuple(key for key in _BESIDE if message.get(key))
    return Said(text + (refusal or ""), own + thinking, other + beside, refused or bool(refusal))


def _content(content: object) -> tuple[str, str, tuple[str, ...], bool]:
    if content is None or isinstance(content, str):
        return content or "", "", (), False
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        raise ValueError("`content` is no text")
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
    """The words in `value`, whatever it wraps them in; what is encrypted or no text has none."""
    if isinstance(value, str):
        return value
    if depth > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(_words(one, depth + 1) for one in value)
    if isinstance(value, dict):
        return next((words for key in _WORDS if (words := _words(value.get(key), depth + 1))), "")
    return ""
