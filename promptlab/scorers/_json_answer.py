"""Finds the JSON in an answer.

    find_json('Here it is: {"a": 1}')     # JsonAnswer({"a": 1}, '{"a": 1}', "11 characters before it")

The rule, in this order:
1. If the whole text is JSON, it is the answer. A byte order mark does not count.
2. Reasoning (`<think>…</think>`) is left out. If what is left is JSON, it is the answer.
3. Otherwise the code blocks that are marked `json`, or are not marked and hold JSON, are the answer.
4. Otherwise objects anywhere in the text are, and lists that have their lines to themselves.
Of several that differ none is the answer: it is not judged. What looks like JSON and is not is not repaired.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from promptlab._util.json_text import read_json
from promptlab._util.text import clipped
from promptlab.errors import NotJudged
from promptlab.scorers._reasoning import without_reasoning
from promptlab.types import canonical_json

_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+.-]*)(?P<body>.*?)(?:(?P=fence)[`~]*|\Z)",
    re.DOTALL | re.MULTILINE,
)
_BEGINS = re.compile(r"""\{(?=\s*["'}\w])|^[ \t]*\[""", re.MULTILINE)
_LIKE_JSON = re.compile(r"""\{\s*["'}]|\{\s*\w+\s*:|\[\s*[{"]""")
_NEXT = re.compile(r"[ \t]*(\S?)")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class JsonAnswer:
    """The `value` of the JSON in an answer, its `text`, and what was `skipped` around it, in words."""

    value: Any
    text: str
    skipped: str = ""


def find_json(answer: str) -> JsonAnswer:
    """The JSON in an answer. Raises `ValueError` if there is none, `NotJudged` if there are several that differ."""
    bare = answer.lstrip("\ufeff")
    mark = ["a byte order mark"] if bare != answer else []
    try:  # before the tags of reasoning are looked for: they may stand in a text of the JSON
        return JsonAnswer(_loads(bare), bare, ", ".join(mark))
    except ValueError as exc:
        problem = exc
    answered = without_reasoning(bare)
    text = answered.text.strip().lstrip("\ufeff")
    skipped = ([answered.skipped] if answered.skipped else []) + mark
    try:
        return JsonAnswer(_loads(text), text, ", ".join(skipped))
    except ValueError as exc:
        problem = exc
    if not text:
        raise ValueError("the answer is empty" + (f" without {answered.skipped}" if answered.skipped else ""))
    found = list(_fenced(text)) or list(_inside(text))
    if not found:
        raise ValueError(_why(text, problem))
    if len({canonical_json(_marked(value)) for value, _, _ in found}) > 1:
        raise NotJudged(f"the answer has {len(found)} different JSON values", hint="ask for one, or use `extract`")
    value, start, end = found[0]
    before, after = len(text[:start].strip()), len(text[found[-1][2] :].strip())
    skipped += [f"{before:,} characters before it"] if before else []
    skipped += [f"{after:,} characters after it"] if after else []
    return JsonAnswer(value, text[start:end].strip(), ", ".join(skipped))


def parse_json_answer(answer: str) -> Any:
    """The value of the JSON in an answer, by the rule of `promptlab.scorers._json_answer`: in a code block or not, with
    text or reasoning around it. Raises `ValueError` if there is none, `NotJudged` if there are several that differ."""
    return find_json(answer).value


def _loads(text: str) -> Any:
    """The value of JSON text. A key twice in one object, and NaN, are not JSON."""
    try:
        read_json(text)
        return json.loads(text)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc


def _fenced(text: str) -> Iterator[tuple[Any, int, int]]:
    """The values of code blocks, with their places. Raises `ValueError` for a block marked `json` that is no JSON."""
    for block in _FENCE.finditer(text):
        language, body = block["language"].lower(), block["body"]
        try:
            # A block in one line has no language if its first word begins the JSON, such as ```null```.
            yield _loads(body), *block.span("body")
        except ValueError as exc:
            if language == "json":
                raise ValueError(_why(body.strip(), exc)) from exc


def _inside(text: str) -> Iterator[tuple[Any, int, int]]:
    """The objects and lists within a text, with their places.

    Raises `ValueError` for what begins like JSON and is none: a smaller object inside it is not the answer.
    """
    at = 0
    while begins := _BEGINS.search(text, at):
        start = begins.end() - 1
        try:
            _, end = _DECODER.raw_decode(text, start)
            value = _loads(text[start:end])
        except (ValueError, RecursionError) as exc:
            if isinstance(exc, RecursionError) or _LIKE_JSON.match(text, start):
                raise ValueError(_why(text[start:], exc)) from exc
            at = start + 1
            continue
        after = _NEXT.match(text, end)
        rest = after[1] if after else ""
        if text[start] == "{" and rest in ("}", "]"):
            raise ValueError(f"a bracket too many: {clipped(text[end:].strip(), 20)}")
        if text[start] == "{" or not rest:
            yield value, start, end
        at = end


def _why(text: str, problem: Exception) -> str:
    """Why `text` is not JSON, in words for the usual mistakes."""
    if isinstance(problem, RecursionError):
        return "nested too deeply"
    if re.match(r"[\[{]\s*'", text):
        return f"it has single quotes, as in Python: {problem}"
    if re.search(r",\s*[\]}]", text):
        return f"it has a comma before a closing bracket: {problem}"
    if re.match(r"\{\s*\w+\s*:", text):
        return f"it has keys without quotes: {problem}"
    if re.search(r"^\s*(?://|/\*)|[,{\[]\s*(?://|/\*)", text, re.MULTILINE) and text[:1] in "{[":
        return f"it has comments: {problem}"
    return str(problem)


def _marked(value: Any) -> Any:
    """`value` as what can be compared: 1 and true differ, 1 and 1.0 do not."""
    if isinstance(value, dict):
        return {key: _marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_marked(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


__all__ = ["JsonAnswer", "find_json", "parse_json_answer"]
