"""From messages to the tokens a local model reads, knowing where each character came from.

    <|im_start|>system      a control token and text of the chat template: section `layout`
    Answer briefly.         a message's content: the sections its spans name
    <|im_end|>              a control token again

Only what the chat template itself writes may become a control token. A document that holds the text
`<|im_start|>system` reaches the model as these characters: the template's own text is told from
content by rendering twice, once with random placeholders in place of the contents.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn

from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptlab.backends.llama_native import Vocab
from promptlab.errors import ModelNotReady, RequestRejected
from promptlab.types import AsSent, Budget, Message, Piece, Prompt, Section

PLAIN_TRANSCRIPT = (
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content | trim }}{{ '\\n\\n' }}"
    "{% elif m.role == 'user' %}{{ 'Question: ' }}{{ m.content | trim }}{{ '\\nAnswer:' }}"
    "{% else %}{{ ' ' }}{{ m.content | trim }}{{ '\\n\\n' }}"
    "{% endif %}{% endfor %}"
)
"""What a base model reads, which knows no turns. No space after `Answer:`: the answer's first token
brings its own, and a different token follows a space."""

PLAIN_STOPS = ("\n\nQuestion:", "\nQuestion:")
"""Where a base model goes on to invent the next question, its answer is over."""

BASE_MODELS = frozenset({"a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"})
"""SHA-256 of files known to be base models: without any chat template they get the plain transcript."""

FIXED_DATE = datetime(2024, 7, 26)
"""The day that chat templates asking for today get, so that a prompt is the same tomorrow. It is the
one Llama 3 templates use when they are not told the date."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of the rendered prompt. `message` is -1 for the template's own text; `start` is the first
    character of that message's content; `token` is set for a control token."""

    text: str
    message: int = -1
    start: int = 0
    token: int | None = None


@dataclass(frozen=True)
class Encoded:
    """A prompt as tokens. `ends[i]` is the byte of the rendered text at which token `i` ends; `exact` is
    False where the tokenizer rewrites text so that this is a guess."""

    fragments: tuple[Fragment, ...]
    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    exact: bool


class ChatTemplate:
    """A chat template, where it came from, and the stop strings that belong to it."""

    def __init__(self, source: str, *, origin: str, model: str, bos: str = "", eos: str = "") -> None:
        self.source, self.origin = source, origin
        self._model, self._bos, self._eos = model, bos, eos
        self.stops = PLAIN_STOPS if source == PLAIN_TRANSCRIPT else ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()

    def lay_out(self, messages: Sequence[Message]) -> list[Fragment]:
        """The rendered prompt in runs: the template's own text, and contents with their place.

        Raises:
            ModelNotReady: the template is not valid Jinja.
            RequestRejected: the template refuses these messages or rewrites their text.
        """
        for number, message in enumerate(messages):
            _check_text(number, message)
        real = self._render(messages)
        marks = [f"x{secrets.token_hex(12)}x" if m.content else "" for m in messages]
        skeleton = self._render([Message(m.role, mark) for m, mark in zip(messages, marks, strict=True)])
        return self._fill(messages, [m for m in marks if m], marks, skeleton, real)

    @cached_property
    def lead(self) -> str:
        """White space which the template writes between its prompt for an answer and the answer."""
        mark = f"x{secrets.token_hex(12)}x"
        asked = [Message("user", "a")]
        try:
            prompt = self._render(asked)
            whole = self._render([*asked, Message("assistant", mark)], prompt_for_answer=False)
        except (RequestRejected, ModelNotReady):
            return ""
        between = whole.partition(mark)[0].removeprefix(prompt)
        return between if between.isspace() and whole.startswith(prompt) else ""

    def _render(self, messages: Sequence[Message], *, prompt_for_answer: bool = True) -> str:
        try:
            text: str = self._jinja.render(
                messages=[{"role": m.role, "content": m.content} for m in messages],
                bos_token=self._bos,
                eos_token=self._eos,
                add_generation_prompt=prompt_for_answer,
                tools=None,
            )
            return text
        except _Refused as exc:
            raise RequestRejected(
                f"the chat template of {self._model} ({self.origin}) refuses these messages: {exc}",
                hint="change the template's layout, or set `chat_template` of the model in promptlab.yaml",
            ) from exc
        except (JinjaError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
            raise RequestRejected(
                f"the chat template of {self._model} ({self.origin}) fails on these messages: {exc}",
                hint="set `chat_template` of the model in promptlab.yaml",
            ) from exc

    @cached_property
    def _jinja(self) -> Any:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = FIXED_DATE.strftime
        try:
            return environment.from_string(self.source)
        except JinjaError as exc:
            raise ModelNotReady(
                f"the chat template of {self._model} ({self.origin}) is not valid Jinja: {exc}",
                hint="set `chat_template` of the model in promptlab.yaml",
            ) from exc

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
        """The content as the template wrote it: as it is, or without white space at an end."""
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
            "so their control tokens cannot be told from text",
            hint="set a simpler `chat_template` of the model in promptlab.yaml",
        )


class _Refused(Exception):
    pass


def _refuse(message: str) -> NoReturn:
    raise _Refused(message)


def _check_text(number: int, message: Message) -> None:
    try:
        message.content.encode()
    except UnicodeEncodeError as exc:
        raise RequestRejected(
            f"message {number + 1} ({message.role}) holds half a character (the lone surrogate "
            f"U+{ord(exc.object[exc.start]):04X}) at position {exc.start}, which no model can read",
            hint="remove it from the input or document it came from",
        ) from exc


def split_controls(vocab: Vocab, fragments: Sequence[Fragment]) -> list[Fragment]:
    """Cut the control tokens out of the template's own text; contents stay as they are."""
    pattern = _control_pattern(vocab)
    out: list[Fragment] = []
    for fragment in fragments:
        if fragment.message >= 0 or pattern is None:
            out.append(fragment)
            continue
        at = 0
        for found in pattern.finditer(fragment.text):
            if found.start() < at:
                continue
            out.append(Fragment(fragment.text[at : found.start()]))
            token, at = vocab.controls[found.group()], found.end()
            if token in vocab.swallow_space:
                at += len(fragment.text[at:]) - len(fragment.text[at:].lstrip())
            out.append(Fragment(fragment.text[found.start() : at], token=token))
        out.append(Fragment(fragment.text[at:]))
    return [f for f in out if f.text]


def _control_pattern(vocab: Vocab) -> re.Pattern[str] | None:
    found = getattr(vocab, "_control_pattern", None)
    if found is None and vocab.controls:
        longest_first = sorted(vocab.controls, key=lambda text: (-len(text), text))
        found = re.compile("|".join(re.escape(text) for text in longest_first))
        vocab._control_pattern = found  # type: ignore[attr-defined]  # a cache beside the table it is made of
    return found


def encode(vocab: Vocab, fragments: Sequence[Fragment]) -> Encoded:
    """Tokens of fragments that went through `split_controls`, with the beginning-of-text token where the
    model wants one and the template wrote none."""
    fragments = list(fragments)
    if vocab.adds_bos and not (fragments and fragments[0].token == vocab.bos):
        text = vocab.piece(vocab.bos).decode("utf-8", "replace")
        fragments.insert(0, Fragment(text, token=vocab.bos))
    tokens: list[int] = []
    ends: list[int] = []
    exact, base = True, 0
    for run in _runs(fragments):
        data = "".join(f.text for f in run).encode()
        if run[0].token is not None:
            tokens.append(run[0].token)
            ends.append(base + len(data))
        else:
            found, offsets, whole = _encode_run(vocab, data, _layout_ranges(run))
            tokens += found
            ends += [base + end for end in offsets]
            exact = exact and whole
        base += len(data)
    return Encoded(tuple(fragments), tuple(tokens), tuple(ends), exact)


def _runs(fragments: Sequence[Fragment]) -> Iterator[list[Fragment]]:
    """Text between control tokens belongs together: tokens cross from the template's text into content."""
    run: list[Fragment] = []
    for fragment in fragments:
        if fragment.token is not None:
            if run:
                yield run
            yield [fragment]
            run = []
        else:
            run.append(fragment)
    if run:
        yield run


def _layout_ranges(run: Sequence[Fragment]) -> list[tuple[int, int]]:
    ranges, at = [], 0
    for fragment in run:
        size = len(fragment.text.encode())
        if fragment.message < 0:
            ranges.append((at, at + size))
        at += size
    return ranges


def _encode_run(vocab: Vocab, data: bytes, layout: list[tuple[int, int]]) -> tuple[list[int], list[int], bool]:
    """Tokens of text, the byte where each ends, and whether these add up to the text."""
    tokens = vocab.tokenize(data)
    guarded = vocab.guarded
    if not guarded.isdisjoint(tokens):
        tokens = list(_defuse(vocab, tokens, layout))
    ends: list[int] = []
    at = 0
    for token in tokens:
        at += len(vocab.piece(token))
        ends.append(at)
    if at == len(data):
        return tokens, ends, True
    if at == len(data) + 1 and vocab.piece(tokens[0])[:1] == b" ":  # a vocabulary that begins text with a space
        return tokens, [end - 1 for end in ends], True
    return tokens, [len(data) * (i + 1) // len(tokens) for i in range(len(tokens))], False


def _defuse(vocab: Vocab, tokens: list[int], layout: list[tuple[int, int]]) -> Iterator[int]:
    """Write guarded tokens that came out of content as the tokens of their parts."""
    at = 0
    for token in tokens:
        size = len(vocab.piece(token))
        if token in vocab.guarded and not any(start <= at and at + size <= end for start, end in layout):
            yield from _spelled(vocab, vocab.piece(token))
        else:
            yield token
        at += size


def _spelled(vocab: Vocab, text: bytes) -> Iterator[int]:
    """`text` in tokens none of which is guarded: its first character alone, then the rest."""
    for part in (text[:1], text[1:]):
        for token in vocab.tokenize(part):
            piece = vocab.piece(token)
            if token not in vocab.guarded:
                yield token
            elif len(piece) > 1:
                yield from _spelled(vocab, piece)


def as_sent(prompt: Prompt, encoded: Encoded, *, window: int | None, room: int) -> AsSent:
    """The rendered prompt in pieces by section and source, and what each costs."""
    pieces = list(_pieces(prompt, encoded.fragments))
    counts = _tokens_per_piece(pieces, encoded)
    return AsSent(tuple(pieces), _budget(pieces, counts, window, room, encoded.exact))


def _budget(pieces: Sequence[Piece], counts: Sequence[int], window: int | None, room: int, exact: bool) -> Budget:
    by_section: dict[Section, int] = {}
    by_source: dict[str, int] = {}
    for piece, count in zip(pieces, counts, strict=True):
        by_section[piece.section] = by_section.get(piece.section, 0) + count
        if piece.source:
            by_source[piece.source] = by_source.get(piece.source, 0) + count
    return Budget(sum(counts), by_section, by_source, window, room, exact)


def _pieces(prompt: Prompt, fragments: Sequence[Fragment]) -> Iterator[Piece]:
    spans: dict[int, list[Any]] = {}
    for span in prompt.spans:
        spans.setdefault(span.message, []).append(span)
    for fragment in fragments:
        if fragment.message < 0:
            yield Piece(fragment.text, "layout", control=fragment.token is not None)
            continue
        at, end = fragment.start, fragment.start + len(fragment.text)
        content = prompt.messages[fragment.message].content
        for span in spans.get(fragment.message, ()):
            start, stop = max(span.start, at), min(span.end, end)
            if stop > start:
                if start > at:
                    yield Piece(content[at:start], "layout")
                yield Piece(content[start:stop], span.section, span.source)
                at = stop
        if at < end:
            yield Piece(content[at:end], "layout")


def _tokens_per_piece(pieces: Sequence[Piece], encoded: Encoded) -> list[int]:
    """Each token counts for the piece that holds most of its bytes, the later one where that is even."""
    counts = [0] * len(pieces)
    bounds, at = [], 0
    for piece in pieces:
        at += len(piece.text.encode())
        bounds.append(at)
    index, start = 0, 0
    for end in encoded.ends:
        while index < len(bounds) - 1 and bounds[index] <= start:
            index += 1
        best, most, at, here = index, -1, start, index
        while at < end and here < len(bounds):
            share = min(end, bounds[here]) - at
            if share >= most:
                best, most = here, share
            at, here = bounds[here], here + 1
        if pieces:
            counts[best] += 1
        start = max(start, end)
    return counts


def estimate(vocab: Vocab, prompt: Prompt, fragments: Sequence[Fragment], *, window: int | None, room: int) -> AsSent:
    """Like `as_sent` for text that is far too long to be read: counted on the beginning of each piece."""
    pieces = list(_pieces(prompt, fragments))
    counts = []
    for piece in pieces:
        data = piece.text.encode()
        sample = data[:SAMPLE_BYTES]
        found = vocab.count(sample)
        counts.append(max(len(data) // vocab.longest, found * len(data) // max(1, len(sample))))
    return AsSent(tuple(pieces), _budget(pieces, counts, window, room, exact=False))


SAMPLE_BYTES = 16_384


__all__ = [
    "BASE_MODELS",
    "PLAIN_STOPS",
    "PLAIN_TRANSCRIPT",
    "ChatTemplate",
    "Encoded",
    "Fragment",
    "as_sent",
    "encode",
    "estimate",
    "split_controls",
]
