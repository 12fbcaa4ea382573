"""A model's thinking, kept apart from its answer.

    <think>
    The user wants the winner of the cup.
    </think>

    Argentina

Local models, and servers that do not separate it themselves, write thinking into the answer like this. A tag counts
only at the very start of an answer, or if the chat template has opened it: a text that only mentions `<think>` is
unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping

from promptlab.types import FinishReason, Usage

TAGS: Mapping[str, str] = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}
"""The tags that open and close thinking in current models."""
_LONGEST = max(map(len, TAGS))


def thinking_opened_by(prompt: str) -> str:
    """The closing tag to expect in the answer, if `prompt` ends with an opening one; else ""."""
    tail = prompt[-_LONGEST - 16 :].rstrip()
    return next((close for tag, close in TAGS.items() if tail.endswith(tag)), "")


class ThinkingSplitter:
    """Takes an answer piece by piece and separates thinking from text. `close` is the tag that ends thinking which the
    prompt has opened; without it, an answer has thinking only if it begins with an opening tag.

    `feed` and `finish` return what is certain now: (thinking, text). White space around both is removed, also the lines
    between them. An answer without thinking is unchanged to the byte.
    """

    def __init__(self, close: str = "") -> None:
        self._close = close
        self._held = ""
        self._begun = False  # a character other than white space has come, in the thinking or in the text
        self._answering = False

    @property
    def answering(self) -> bool:
        """True if all that still comes is text."""
        return self._answering and self._begun

    @property
    def thinking(self) -> bool:
        """True if the next piece is thinking."""
        return bool(self._close) and not self._answering

    def feed(self, piece: str) -> tuple[str, str]:
        """Take `piece`, and return what is certain now."""
        if self.answering:
            return "", piece
        self._held += piece
        if not self._close and not self._answering:
            start = self._held.lstrip()
            tag = next((tag for tag in TAGS if start.startswith(tag)), None)
            if tag is None:
                if any(tag.startswith(start) for tag in TAGS):
                    return "", ""  # it may still become one
                return "", self._rest()
            self._close, self._held = TAGS[tag], start.removeprefix(tag)
        if self.thinking:
            return self._think()
        return "", self._text()

    def finish(self) -> tuple[str, str]:
        """The rest, once the answer has ended."""
        if self.thinking:
            rest, self._held = self._held.rstrip(), ""
            return (rest if self._begun else rest.lstrip()), ""
        if self._close:
            self._held = ""  # white space after the thinking, and no answer
        return "", self._rest()

    def _think(self) -> tuple[str, str]:
        if not self._begun:
            self._held = self._held.lstrip()
            self._begun = bool(self._held)
        at = self._held.find(self._close)
        if at >= 0:
            thought, self._held = self._held[:at].rstrip(), self._held[at + len(self._close) :]
            self._answering, self._begun = True, False
            return thought, self._text()
        certain = len(self._held) - _beginning(self._held, self._close)
        certain = len(self._held[:certain].rstrip())  # white space before the closing tag is left out
        thought, self._held = self._held[:certain], self._held[certain:]
        return thought, ""

    def _text(self) -> str:
        self._held = self._held.lstrip()
        return self._rest() if self._held else ""

    def _rest(self) -> str:
        self._answering = self._begun = True
        rest, self._held = self._held, ""
        return rest


def _beginning(text: str, tag: str) -> int:
    """The number of characters at the end of `text` that may be the beginning of `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)


def explain_empty_answer(text: str, thinking: str, usage: Usage, finish: FinishReason) -> str:
    """Why an answer is empty though the model wrote tokens: all of them were thinking. Else ""."""
    if text or not (thinking or usage.thinking) or finish not in ("stop", "length", "unknown"):
        return ""
    if finish != "length":
        return "the model thought and then ended without an answer"
    if usage.written is None:
        return "all that was written went into thinking: raise max_tokens"
    spent = usage.written if usage.thinking is None else usage.thinking
    return f"{spent:,} of {usage.written:,} tokens went into thinking: raise max_tokens"


__all__ = ["TAGS", "ThinkingSplitter", "explain_empty_answer", "thinking_opened_by"]
