"""The lines of a recording: an item as JSON and back, and the seal that ends each line.

A long text that is not an input has a line of its own before its first use. Items name it by its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, get_args

from promptlab.suites._judge_reply import Judged
from promptlab.suites._recorded_item import RecordedItem
from promptlab.suites._suite import ItemKey
from promptlab.types import (
    LABELS,
    SECTIONS,
    Completion,
    FinishReason,
    Message,
    Params,
    Prompt,
    Request,
    Score,
    Source,
    Span,
    Usage,
    sha256,
)

LONG = 300
"""A text with more characters than this has a line of its own, unless it is an input."""


SEALED = 16
"""Hex digits of a seal. It protects against accidents, not against intent: it can be computed by hand."""


_SEAL = b', "seal": "'


FINISH_REASONS = get_args(FinishReason)


def sealed(line: bytes) -> bytes:
    """`line`, a JSON object, with its hash as the last member."""
    if line.startswith(b'{"text": '):  # has its hash already
        return line + b"\n"
    return line[:-1] + _SEAL + hashlib.sha256(line[:-1]).hexdigest()[:SEALED].encode() + b'"}\n'


def has_seal(line: bytes) -> bool:
    """True if the line has a seal. Raises `ValueError` if the seal belongs to another text."""
    content, seal, rest = line.rstrip().rpartition(_SEAL)
    if not seal:
        return False
    if rest != hashlib.sha256(content).hexdigest()[:SEALED].encode() + b'"}':
        raise ValueError("the line was changed: its seal belongs to another text")
    return True


def lines_of(one: RecordedItem, known: set[bytes]) -> Iterator[dict[str, Any]]:
    """The lines of an item: its long texts that are not `known` yet, then the item. Adds their hashes to `known`."""
    messages: list[dict[str, Any]] = [{"role": m.role, "pieces": []} for m in one.request.prompt.messages]
    yield from _pieces(one.request.prompt, messages, known)
    yield _item(one, messages)


def _pieces(prompt: Prompt, messages: list[dict[str, Any]], known: set[bytes]) -> Iterator[dict[str, Any]]:
    """Fill `messages` with the pieces of `prompt`. Yields the long texts that are not `known` yet."""
    spans = prompt.spans or tuple(Span(n, 0, len(m.content), "layout") for n, m in enumerate(prompt.messages))
    for span in spans:
        text: Any = prompt.messages[span.message].content[span.start : span.end]
        if len(text) > LONG and span.section != "input":
            digest = sha256(text)
            if bytes.fromhex(digest) not in known:
                known.add(bytes.fromhex(digest))
                yield {"text": text, "sha256": digest}
            text = {"sha256": digest}
        piece = [span.section, span.source, text]
        messages[span.message]["pieces"].append(piece if span.label == "public" else [*piece, span.label])


def _item(one: RecordedItem, messages: list[dict[str, Any]]) -> dict[str, Any]:
    done, prompt = one.completion, one.request.prompt
    body = one.request.body()
    return {
        "case": one.key.case,
        "variant": one.key.variant,
        "model": one.key.model,
        "repeat": one.key.repeat,
        "answer": {
            "text": done.text,
            "finish_reason": done.finish_reason,
            "usage": done.usage.as_dict(),
            "fingerprint": done.fingerprint,
        },
        "scores": [[s.scorer, s.value, s.answer, s.reason, *([s.spec] if s.spec else [])] for s in one.scores],
        **({"judged": [j.as_data() for j in one.judged]} if one.judged else {}),
        "inputs": dict(one.inputs),
        "expected": one.expected,
        "tags": list(one.tags),
        "label": one.label,
        "without": list(one.without),
        "messages": messages,
        "params": body["params"],
        "schema": one.request.schema,
        "sources": [
            [s.section, s.name, s.label, s.sha256, *([] if s.places is None else [s.places])] for s in prompt.sources
        ],
        "template": one.template,
        "blob": one.blob,
        "backend": one.backend,
        "key": one.request_key,
    }


def _check_known(word: str, known: Iterable[str]) -> None:
    if word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")


def item_from(data: Mapping[str, Any], text_of: Callable[[str], str]) -> RecordedItem:
    """The item that a line holds, decoded from JSON. `text_of` gives the text with a hash, if the line names one.

    Raises `ValueError`, `KeyError` or `TypeError` if it is no such line.
    """
    messages: list[Message] = []
    spans: list[Span] = []
    for number, message in enumerate(data["messages"]):
        texts: list[str] = []
        start = 0
        for section, source, piece, *label in message["pieces"]:
            text = piece if isinstance(piece, str) else text_of(piece["sha256"])
            _check_known(section, SECTIONS)
            spans.append(Span(number, start, start + len(text), section, source, *label))
            texts.append(text)
            start += len(text)
        messages.append(Message(message["role"], "".join(texts)))
    sources = tuple(Source.of(*source) for source in data["sources"])
    params = {**data["params"], "stop": tuple(data["params"].get("stop", ()))}
    done = data["answer"]
    _check_known(done["finish_reason"], FINISH_REASONS)
    _check_known(data["label"], LABELS)
    key = ItemKey(data["case"], data["variant"], data["model"], data["repeat"])
    prompt = Prompt(tuple(messages), tuple(spans), sources)
    return RecordedItem(
        key=key,
        request=Request(key.model, prompt, Params(**params), data["schema"], key.repeat),
        request_key=data["key"],
        backend=data["backend"],
        completion=Completion(
            done["text"], done["finish_reason"], Usage(**done["usage"]), fingerprint=done["fingerprint"]
        ),
        scores=tuple(Score(*score) for score in data["scores"]),
        judged=tuple(Judged(**one) for one in data.get("judged", ())),
        inputs=data["inputs"],
        expected=data["expected"],
        tags=tuple(data["tags"]),
        label=data["label"],
        without=tuple(data["without"]),
        template=data["template"],
        blob=data["blob"],
    )
