"""The tokens of a chat prompt for each section, by OpenAI's own encodings. The API is not asked.

A token belongs to the section its first character is in, so the sections add up to the whole.
"""

from __future__ import annotations

import functools
import re
import threading
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from promptlab.models._as_sent import Budget
from promptlab.types import Prompt, Section, Span

# Every message costs three tokens and its role, and the answer begins with three more. OpenAI documents this for the
# models in `_COUNTED`. For others it is an estimate, and `exact` is False.
PER_MESSAGE, OPENING = 4, 3
_COUNTED = re.compile(r"(gpt-4o|gpt-4-|gpt-4$|gpt-3\.5-turbo)")
_CL100K = re.compile(r"(gpt-4-|gpt-4$|gpt-3\.5)")
_WINDOWS = (
    (re.compile(r"gpt-4o(-mini)?(-\d{4}.*)?$"), 128_000),
    (re.compile(r"gpt-4\.1(-mini|-nano)?(-\d{4}.*)?$"), 1_047_576),
    (re.compile(r"gpt-3\.5-turbo(-0125|-1106)?$"), 16_385),
)
LONG = 200_000


def known_window(model: str) -> int | None:
    """The window of a model of OpenAI's own API, for the few models whose size is certain."""
    return next((size for pattern, size in _WINDOWS if pattern.match(model)), None)


def encoding_name(model: str, chosen: str | None) -> str:
    """`cl100k_base` or `o200k_base`: the one of the catalogue entry, else the model's own."""
    return f"{chosen}_base" if chosen else "cl100k_base" if _CL100K.match(model) else "o200k_base"


def is_counted(model: str) -> bool:
    """True if our count of a chat prompt is known to be the API's own count."""
    return _COUNTED.match(model) is not None


def budget(prompt: Prompt, *, encoding: str, schema: str, window: int | None, room: int, exact: bool) -> Budget:
    """Count `prompt` by section and source. With a schema the count is an estimate: the server puts it into the prompt
    in a way that is not documented."""
    by_section: Counter[Section] = Counter()
    by_source: Counter[str] = Counter()
    by_section["layout"] = OPENING + PER_MESSAGE * len(prompt.messages)
    for number, message in enumerate(prompt.messages):
        spans = [s for s in prompt.spans if s.message == number]
        spans = spans or [Span(number, 0, len(message.content), "layout")]
        count = _count_long if len(message.content) > LONG else _count
        exact = exact and count is _count
        for span, tokens in zip(spans, count(encoding, message.content, tuple(s.end for s in spans)), strict=True):
            by_section[span.section] += tokens
            if span.source:
                by_source[span.source] += tokens
    if schema:
        by_section["layout"] += len(_encode(encoding, schema))
        exact = False
    return Budget(by_section.total(), dict(by_section), dict(by_source), window, room, exact)


def count(prompt: Prompt, encoding: str) -> int:
    """The tokens of the messages' texts alone, without those that `budget` adds for each message."""
    texts = [message.content for message in prompt.messages]
    counts = [(_count_long if len(text) > LONG else _count)(encoding, text, (len(text),)) for text in texts]
    return sum(map(sum, counts))


_encodings: dict[str, Any] = {}
_loading = threading.Lock()


def _encoding(name: str) -> Any:
    with _loading:
        if name not in _encodings:
            with warnings.catch_warnings():
                # bpe_openai 0.1 opens its data by a function that Python 3.11 calls deprecated.
                warnings.simplefilter("ignore", DeprecationWarning)
                import bpe_openai

                _encodings[name] = bpe_openai.get_encoding(name)
        return _encodings[name]


def _encode(encoding: str, text: str) -> list[int]:
    # As plain text: the name of a control token inside a document must not become that token.
    tokens: list[int] = _encoding(encoding).encode_ordinary(text)
    return tokens


@functools.lru_cache(maxsize=128)
def _count(encoding: str, text: str, ends: Sequence[int]) -> tuple[int, ...]:
    """The tokens that start in each part of `text`; the parts end at `ends`. Cached, since the same document comes
    often."""
    tokens = _encode(encoding, text)
    if len(ends) == 1:
        return (len(tokens),)
    sizes = [len(piece) for piece in _encoding(encoding).decode_tokens_bytes(tokens)]
    starts = [0, *accumulate(sizes)][:-1]
    parts = [text[a:b] for a, b in zip((0, *ends), ends, strict=False)]
    limits = list(accumulate(len(part.encode("utf-8", "replace")) for part in parts))
    counts, part = [0] * len(ends), 0
    for start in starts:
        while part < len(limits) - 1 and start >= limits[part]:
            part += 1
        counts[part] += 1
    return tuple(counts)


def _count_long(encoding: str, text: str, ends: Sequence[int]) -> tuple[int, ...]:
    """As `_count`, in pieces. Each cut may add or lose a token, but there is no long list of tokens and no long
    wait."""
    counts = []
    for start, end in zip((0, *ends), ends, strict=False):
        pieces = (text[at : min(at + LONG, end)] for at in range(start, end, LONG))
        counts.append(sum(len(_encode(encoding, piece)) for piece in pieces))
    return tuple(counts)
