"""From a rendered chat template to tokens, and the token counts of each section.

Only the chat template's own text may become control tokens. If a document contains the text `<|im_start|>system`, the
model gets it as ordinary characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any

from promptlab.models._as_sent import AsSent, Budget, Piece
from promptlab.models._llama._batching import PIECE, WORTH
from promptlab.models._llama._chat_template import Fragment
from promptlab.models._llama._vocabulary import Vocab
from promptlab.types import Prompt, Section

SAMPLE_BYTES = 16_384
"""How many bytes of a piece are tokenised to estimate the tokens of a prompt that is far too long."""


@dataclass(frozen=True)
class Encoded:
    """A prompt as tokens. `ends[i]` is the byte of the rendered text at which token `i` ends. `exact` is False if the
    tokenizer rewrites text, so that the ends are estimates."""

    fragments: tuple[Fragment, ...]
    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    exact: bool


def split_controls(vocab: Vocab, fragments: Sequence[Fragment]) -> list[Fragment]:
    """Split the template's own text at control tokens. Contents stay as they are."""
    begins = _control_begins(vocab)
    parts: list[Fragment] = []
    for fragment in fragments:
        if fragment.message >= 0 or begins is None:
            parts.append(fragment)
            continue
        at = 0
        for match in begins.at.finditer(fragment.text):
            text = begins.longest(vocab, fragment.text, match.start()) if match.start() >= at else None
            if text is None:
                continue
            parts.append(Fragment(fragment.text[at : match.start()]))
            token, at = vocab.controls[text], match.start() + len(text)
            if token in vocab.swallow_space:
                at += len(fragment.text[at:]) - len(fragment.text[at:].lstrip())
            parts.append(Fragment(fragment.text[match.start() : at], token=token))
        parts.append(Fragment(fragment.text[at:]))
    return [part for part in parts if part.text]


@dataclass(frozen=True)
class _ControlBegins:
    """Where control tokens may begin in a text, and how long they are. A pattern with all 6,000 of a model's takes
    more than half a second to compile, just when the first page is drawn."""

    at: re.Pattern[str]
    lengths: tuple[int, ...]

    def longest(self, vocab: Vocab, text: str, start: int) -> str | None:
        """The longest control token that stands in `text` at `start`."""
        pieces = (text[start : start + length] for length in self.lengths)
        return next((piece for piece in pieces if piece in vocab.controls), None)


def _control_begins(vocab: Vocab) -> _ControlBegins | None:
    begins: _ControlBegins | None = getattr(vocab, "_control_begins", None)
    if begins is None and vocab.controls:
        firsts = "".join(sorted({re.escape(text[0]) for text in vocab.controls}))
        lengths = tuple(sorted({len(text) for text in vocab.controls}, reverse=True))
        begins = _ControlBegins(re.compile(f"[{firsts}]"), lengths)
        vocab._control_begins = begins  # type: ignore[attr-defined]  # cached as long as the vocabulary lives
    return begins


def encode(vocab: Vocab, fragments: Sequence[Fragment]) -> Encoded:
    """The tokens of fragments from `split_controls`. If the model wants a beginning-of-text token and the template
    wrote none, it is added."""
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
            run_tokens, offsets, whole = _encode_run(vocab, data, _layout_ranges(run))
            tokens += run_tokens
            ends += [base + end for end in offsets]
            exact = exact and whole
        base += len(data)
    return Encoded(tuple(fragments), tuple(tokens), tuple(ends), exact)


def _runs(fragments: Sequence[Fragment]) -> Iterator[list[Fragment]]:
    """Groups of fragments to tokenise together: a control token, or all text between two of them, because tokens may
    cross from the template's text into content."""
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
    """The tokens of text, the byte at which each ends, and True if these ends are exact."""
    tokens = vocab.tokenize(data)
    guarded = vocab.guarded
    if not guarded.isdisjoint(tokens):
        tokens = list(_defuse(vocab, tokens, layout))
    ends = list(accumulate(len(vocab.piece(token)) for token in tokens))
    at = ends[-1] if ends else 0
    if at == len(data):
        return tokens, ends, True
    if at == len(data) + 1 and vocab.piece(tokens[0])[:1] == b" ":  # the vocabulary adds a space before text
        return tokens, [end - 1 for end in ends], True
    return tokens, [len(data) * (i + 1) // len(tokens) for i in range(len(tokens))], False


def _defuse(vocab: Vocab, tokens: list[int], layout: list[tuple[int, int]]) -> Iterator[int]:
    """Replace guarded tokens that come from content by the tokens of their parts."""
    at = 0
    for token in tokens:
        size = len(vocab.piece(token))
        if token in vocab.guarded and not any(start <= at and at + size <= end for start, end in layout):
            yield from _spelled(vocab, vocab.piece(token))
        else:
            yield token
        at += size


def _spelled(vocab: Vocab, text: bytes) -> Iterator[int]:
    """`text` in tokens that are not guarded: its first character alone, then the rest."""
    for part in (text[:1], text[1:]):
        for token in vocab.tokenize(part):
            piece = vocab.piece(token)
            if token not in vocab.guarded:
                yield token
            elif len(piece) > 1:
                yield from _spelled(vocab, piece)


def as_sent(prompt: Prompt, encoded: Encoded, *, window: int | None, room: int) -> AsSent:
    """The rendered prompt in pieces by section and source, with the token counts."""
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
    """The tokens of each piece. A token counts for the piece with most of its bytes; of two equal ones, the later."""
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


def mark(prompt: Prompt, encoded: Encoded) -> int:
    """The token at which the question begins: the first input after the last text that is neither input nor layout.
    If no input follows that text, it is the end of that text."""
    at, end = 0, 0
    question: int | None = None
    for piece in _pieces(prompt, encoded.fragments):
        after = at + len(piece.text.encode())
        if piece.section not in ("input", "layout"):
            end, question = after, None
        elif piece.section == "input" and question is None:
            question = at
        at = after
    if not end:  # there are only inputs: the question is the last message
        last = len(prompt.messages) - 1
        question = sum(len(f.text.encode()) for f in takewhile(lambda f: f.message != last, encoded.fragments))
    return bisect_right(encoded.ends, end if question is None else question)


def stable(prompt: Prompt, encoded: Encoded, varies: Collection[str] = ()) -> int:
    """How many tokens stand before the first text that depends on an input: an input itself, or one of the sources
    `varies`."""
    at = 0
    for piece in _pieces(prompt, encoded.fragments):
        if piece.section == "input" or piece.source in varies:
            break
        at += len(piece.text.encode())
    return bisect_right(encoded.ends, at)


def ahead(tokens: int, question: int, total: int) -> int:
    """How many of the `tokens` that are the same for all inputs are read ahead, of a prompt of `total` tokens whose
    question begins at `question`: up to the question, where a state is saved, or else whole pieces."""
    count = tokens if tokens == question < total else min(tokens, total - 1) // PIECE * PIECE
    return count if count >= WORTH else 0


def estimate(vocab: Vocab, prompt: Prompt, fragments: Sequence[Fragment], *, window: int | None, room: int) -> AsSent:
    """Like `as_sent`, for text that is far too long: the counts are estimated from the beginning of each piece."""
    pieces = list(_pieces(prompt, fragments))
    counts = []
    for piece in pieces:
        data = piece.text.encode()
        sample = data[:SAMPLE_BYTES]
        sample_tokens = vocab.count(sample)
        counts.append(max(len(data) // vocab.longest, sample_tokens * len(data) // max(1, len(sample))))
    return AsSent(tuple(pieces), _budget(pieces, counts, window, room, exact=False))


__all__ = ["Encoded", "ahead", "as_sent", "encode", "estimate", "split_controls", "stable"]
