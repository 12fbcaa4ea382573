"""Chat templates: from messages to the one string that a model reads, in fragments of known source.

    <|im_start|>system      text of the template
    Answer briefly.         content of a message
    <|im_end|>              text of the template again

To tell the two apart, the template is rendered twice, once with random placeholders for the contents. So no document
can pass its own text off as text of the template.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from promptlab._util import bounded_worker
from promptlab.errors import ModelNotReady, RequestRejected
from promptlab.models._llama._chat_worker import FIXED_DATE
from promptlab.types import Message

PLAIN_TRANSCRIPT = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content | trim }}{{ '\\n\\n' }}"
    "{% elif m.role == 'user' %}{{ 'Question: ' }}{{ m.content | trim }}{{ '\\nAnswer:' }}"
    "{% else %}{{ ' ' }}{{ m.content | trim }}{{ '\\n\\n' }}"
    "{% endif %}{% endfor %}"
)
"""The chat template for base models, which know no turns. There is no space after `Answer:`: the first token of the
answer usually begins with one, and after a space the model would choose a different token."""

PLAIN_STOPS = ("\n\nQuestion:", "\nQuestion:")
"""Stop strings for base models: after an answer they go on and invent the next question."""

BASE_MODELS = frozenset({"a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"})
"""SHA-256 of files that are known base models. Without a chat template in the catalogue they get the transcript."""

SECONDS = 2.0
"""Processor time for one rendering."""
MEMORY = 1_000_000_000
"""Bytes of memory for the process that renders chat templates."""
MOST = 24_000_000
"""The most characters that a rendered prompt may have."""

RENDERING = "2"
"""The version of the rendering, part of the fingerprint: to be raised if the same template and messages give another
text than before."""


_worker = bounded_worker.Worker("promptlab.models._llama._chat_worker", memory=MEMORY)


class _Unbounded(RequestRejected):
    pass


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of the rendered prompt. `message` is the index of the message that it comes from, -1 for the template's
    own text; `start` is its position in the content of that message; `token` is the id if it is a control token."""

    text: str
    message: int = -1
    start: int = 0
    token: int | None = None


class ChatTemplate:
    """A chat template and its stop strings. `origin` says where it comes from, for messages."""

    def __init__(self, source: str, *, origin: str, model: str, bos: str = "", eos: str = "") -> None:
        self.source, self.origin = source, origin
        self._model, self._bos, self._eos = model, bos, eos
        self.stops = PLAIN_STOPS if source == PLAIN_TRANSCRIPT else ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()

    def lay_out(self, messages: Sequence[Message]) -> list[Fragment]:
        """The rendered prompt in fragments: text of the template, and contents with their position.

        Raises:
            ModelNotReady: the template is not valid Jinja.
            RequestRejected: the template refuses these messages or rewrites their text.
        """
        for number, message in enumerate(messages):
            _check_text(number, message)
        try:
            return self._laid_out(messages)
        except _Unbounded:
            raise
        except RequestRejected:
            # Some templates accept contents only as lists of parts.
            with contextlib.suppress(RequestRejected):
                return self._laid_out(messages, in_parts=True)
            raise

    def _laid_out(self, messages: Sequence[Message], *, in_parts: bool = False) -> list[Fragment]:
        real = self._render(messages, in_parts=in_parts)
        marks = [f"x{secrets.token_hex(12)}x" if m.content else "" for m in messages]
        marked = [replace(m, content=mark) for m, mark in zip(messages, marks, strict=True)]
        skeleton = self._render(marked, in_parts=in_parts)
        return self._fill(messages, [m for m in marks if m], marks, skeleton, real)

    @cached_property
    def lead(self) -> str:
        """The white space that the template writes between the start of the assistant's turn and the answer."""
        mark = f"x{secrets.token_hex(12)}x"
        question = [Message("user", "a")]
        try:
            prompt = self._render(question)
            whole = self._render([*question, Message("assistant", mark)], prompt_for_answer=False)
        except (RequestRejected, ModelNotReady):
            return ""
        between = whole.partition(mark)[0].removeprefix(prompt)
        return between if between.isspace() and whole.startswith(prompt) else ""

    @cached_property
    def tail(self) -> str:
        """What the template writes after an answer, to its end; "" if that cannot be told."""
        mark = f"x{secrets.token_hex(12)}x"
        try:
            whole = self._render([Message("user", "a"), Message("assistant", mark)], prompt_for_answer=False)
        except (RequestRejected, ModelNotReady):
            return ""
        return whole.partition(mark)[2]

    def _render(self, messages: Sequence[Message], *, prompt_for_answer: bool = True, in_parts: bool = False) -> str:
        """The prompt, with the variables that llama.cpp gives a template: no tools, thinking enabled, a fixed date."""
        values: dict[str, Any] = {"add_generation_prompt": True} if prompt_for_answer else {}
        values |= {
            "messages": [
                m.as_data() | ({"content": [{"type": "text", "text": m.content}]} if in_parts else {}) for m in messages
            ],
            **{"bos_token": self._bos, "eos_token": self._eos, "enable_thinking": True},
            **{"datetime": f"{FIXED_DATE:%b %d %Y}", "date_string": f"{FIXED_DATE:%d %b %Y}"},
        }
        answer = _worker.ask({"source": self.source, "values": values, "most": MOST}, seconds=SECONDS)
        if answer is None or "large" in answer:
            raise _Unbounded(
                f"the chat template of {self._model} ({self.origin}) was stopped: it takes more than {SECONDS:g} s, "
                f"{MEMORY // 1_000_000:,} MB or {MOST:,} characters; does it have an endless loop or macro?",
                hint="set `chat_template` of the model in promptlab.yaml",
            )
        if "invalid" in answer:
            raise ModelNotReady(
                f"the chat template of {self._model} ({self.origin}) is not valid Jinja: {answer['invalid']}",
                hint="set `chat_template` of the model in promptlab.yaml",
            )
        if "refused" in answer:
            raise RequestRejected(
                f"the chat template of {self._model} ({self.origin}) refuses these messages: {answer['refused']}",
                hint="change the template's layout, or set `chat_template` of the model in promptlab.yaml",
            )
        if "failed" in answer:
            raise RequestRejected(
                f"the chat template of {self._model} ({self.origin}) fails on these messages: {answer['failed']}",
                hint="set `chat_template` of the model in promptlab.yaml",
            )
        return str(answer["text"])

    def _fill(
        self, messages: Sequence[Message], used: list[str], marks: list[str], skeleton: str, real: str
    ) -> list[Fragment]:
        parts = re.split("(" + "|".join(used) + ")", skeleton) if used else [skeleton]
        lost = [str(n + 1) for n, mark in enumerate(marks) if mark and mark not in parts]
        if lost:
            raise RequestRejected(
                f"the chat template of {self._model} ({self.origin}) leaves out message {', '.join(lost)}",
                hint="change the template's layout, or set `chat_template` of the model in promptlab.yaml",
            )
        fragments: list[Fragment] = []
        at = 0
        for index, part in enumerate(parts):
            if index % 2 == 0:
                if not real.startswith(part, at):
                    raise self._cannot_follow()
                fragments.append(Fragment(part))
                at += len(part)
                continue
            number = marks.index(part)
            after = parts[index + 1]
            start, content = self._content_at(messages[number].content, real, at, after)
            fragments.append(Fragment(content, number, start))
            at += len(content)
        if at != len(real):
            raise self._cannot_follow()
        return [f for f in fragments if f.text]

    def _content_at(self, content: str, real: str, at: int, after: str) -> tuple[int, str]:
        """The content as the template wrote it: unchanged, or without white space at one or both ends."""
        left = len(content) - len(content.lstrip())
        for start, shown in (
            (0, content),
            (left, content.strip()),
            (left, content.lstrip()),
            (0, content.rstrip()),
        ):
            if real.startswith(shown, at) and real.startswith(after, at + len(shown)):
                return start, shown
        raise self._cannot_follow()

    def _cannot_follow(self) -> RequestRejected:
        return RequestRejected(
            f"the chat template of {self._model} ({self.origin}) rewrites the text of these messages, "
            "so control tokens cannot be told apart from text",
            hint="set a simpler `chat_template` of the model in promptlab.yaml",
        )


def _check_text(number: int, message: Message) -> None:
    try:
        message.content.encode()
    except UnicodeEncodeError as exc:
        raise RequestRejected(
            f"message {number + 1} ({message.role}) contains half a character (the lone surrogate "
            f"U+{ord(exc.object[exc.start]):04X}) at position {exc.start}, which no model can read",
            hint="remove it from the input or document that it comes from",
        ) from exc


__all__ = ["BASE_MODELS", "PLAIN_STOPS", "PLAIN_TRANSCRIPT", "ChatTemplate", "Fragment"]
