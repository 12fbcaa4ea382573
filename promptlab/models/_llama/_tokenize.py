"""From a rendered chat template to the tokens a local model reads, and what each section costs.

Only what the chat template itself wrote may become a control token. A document that holds the text
`<|im_start|>system` reaches the model as these characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any

from promptlab.models._llama._chat_template import Fragment
from promptlab.models._llama._vocabulary import Vocab
from promptlab.types import AsSent, Budget, Piece, Prompt, Section

SAMPLE_BYTES = 16_384
"""Bytes of a piece that are counted where the whole is far too long."""


@dataclass(frozen=True)
class Encoded:
    """A prompt as tokens. `ends[i]` is the byte of the rendered text at which token `i` ends; `exact` is
    False where the tokenizer rewrites text so that this is a guess."""

    fragments: tuple[Fragment, ...]
    tokens: tuple[int, ...]
    ends: tuple[int, ...]
    exact: bool


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
    ends = list(accumulate(len(vocab.piece(token)) for token in tokens))
    at = ends[-1] if ends else 0
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


def mark(prompt: Prompt, encoded: Encoded) -> int:
    """The token at which the question begins: the first input behind the last text that is neither an input nor
    layout, or that text's end where no input follows it."""
    at, end = 0, 0
    question: int | None = None
    for piece in _pieces(prompt, encoded.fragments):
        after = at + len(piece.text.encode())
        if piece.section not in ("input", "layout"):
            end, question = after, None
        elif piece.section == "input" and question is None:
            question = at
        at = after
    if not end:  # nothing but inputs: what stands before the last message
        last = len(prompt.messages) - 1
        question = sum(len(f.text.encode()) for f in takewhile(lambda f: f.message != last, encoded.fragments))
    return bisect_right(encoded.ends, end if question is None else question)


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


__all__ = ["Encoded", "as_sent", "encode", "estimate", "split_controls"]
