"""Assertions of promptfoo as scorers, where a scorer here passes the same answers; the others are named.

    scorers_of({"type": "icontains", "value": "Lima"}, {}, judges).scorers    # [{"regex": {"pattern": "Lima", …}}]

promptfoo compares raw text: `contains` finds part of a word, and `equals` every blank. A test compares the scorers with
promptfoo's own results on a table of answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab._util.json_schema import problem_of
from promptlab._yaml import parse_yaml
from promptlab.errors import FormatError
from promptlab.formats import _js_values as js
from promptlab.formats._js_regex import python_pattern
from promptlab.formats._js_values import NotModelled
from promptlab.formats._nunjucks_parse import parse_nunjucks
from promptlab.formats._nunjucks_run import Run
from promptlab.formats._source import plain_data
from promptlab.formats.promptfoo_csv import comma_values
from promptlab.formats.promptfoo_prompts import CODE


@dataclass(frozen=True)
class AsScorers:
    """The scorers of an assertion; none if it is not taken over, and then `note` says why.

    `answer` is the right answer, if the assertion names one.
    """

    scorers: list[Any] = field(default_factory=list)
    note: str = ""
    answer: str | None = None


_NAMED = {
    "cost": "a limit on the price; promptlab reports the price of a run, and `--max-cost` stops it",
    "latency": "a limit on the time; promptlab reports times and has no threshold for them",
    "levenshtein": "counts changed characters, which no scorer here does; `chrf` compares texts in another way",
    "similar": "compares by embeddings of an API; `similarity` here uses word vectors and gives other numbers",
    "contains-json": "finds JSON inside of text; `json_schema` needs the whole answer to be JSON",
    "select-best": "compares the answers with each other",
    "moderation": "asks a moderation model",
}


def scorers_of(assertion: Any, variables: Mapping[str, Any], judges: Mapping[str, str]) -> AsScorers:
    """The scorers of an assertion in a test with these variables. `judges` has the models by their id in promptfoo."""
    if not isinstance(assertion, Mapping):
        return AsScorers(note="no assertion")
    kind = str(assertion.get("type", ""))
    bare = kind.removeprefix("not-")
    if kind in ("javascript", "python", "ruby", "webhook") or bare in ("javascript", "python", "ruby"):
        return AsScorers(note=CODE)
    if kind == "assert-set":
        return AsScorers(note="a set of assertions with a score of its own")
    if "transform" in assertion:
        return AsScorers(note=f"`transform`: {CODE}")
    if assertion.get("weight") == 0:
        return AsScorers(note="has the weight 0, so it never fails")
    try:
        value = _rendered(assertion.get("value"), variables)
        if bare == "llm-rubric" and bare == kind:
            return _judged(value, assertion, judges)
        return _compared(bare, value, inverse=kind != bare)
    except NotModelled as exc:
        return AsScorers(note=str(exc))


def _rendered(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with the variables of the test in it, as promptfoo renders it."""
    if isinstance(value, list):
        return [_rendered(one, variables) for one in value]
    if not isinstance(value, str):
        return js.js_value(value) if not isinstance(value, Mapping) else value
    if value.startswith("file://"):
        raise NotModelled("its value is in a file, which is not read")
    return Run(variables).text(parse_nunjucks(value)) if "{" in value else value


def _judged(value: Any, assertion: Mapping[str, Any], judges: Mapping[str, str]) -> AsScorers:
    provider = assertion.get("provider")
    identifier = provider.get("id") if isinstance(provider, Mapping) else provider
    model = judges.get(str(identifier)) if identifier else None
    if model is None or not isinstance(value, str):
        return AsScorers(note="a model judges it: add `judge: {model: …, question: …}` with one of your models")
    return AsScorers(
        [{"judge": {"model": model, "question": value}}], f"the judge `{model}`, with promptlab's own prompt"
    )


def _compared(kind: str, value: Any, *, inverse: bool) -> AsScorers:
    """An assertion that compares the text of the answer."""
    ignore = kind.startswith("i") and kind[1:].startswith("contains")
    name = kind[1:] if ignore else kind
    if kind == "equals":
        return _equals(value, inverse)
    if name in ("contains", "starts-with", "regex"):
        pattern = _pattern(name, value)
        answer = None
    elif name in ("contains-any", "contains-all"):
        texts = _texts(value)
        if name == "contains-all":
            each = [rf"(?=[\s\S]*{re.escape(text)})" for text in texts]
            pattern = rf"\A{''.join(each)}"
        else:
            pattern = "|".join(map(re.escape, texts))
        answer = None
    elif kind == "is-json" and not inverse:
        return _json(value)
    else:
        shown = f"not-{kind}" if inverse else kind
        return AsScorers(note=_NAMED.get(kind, f"`{shown}` is no check that promptlab has"))
    return AsScorers([_regex(pattern, ignore=ignore, inverse=inverse)], "a regular expression", answer)


def _regex(pattern: str, *, ignore: bool = False, inverse: bool = False) -> dict[str, Any]:
    if inverse:
        pattern = rf"\A(?![\s\S]*?(?:{pattern}))"
    return {"regex": {"pattern": pattern, "ignore_case": True} if ignore else {"pattern": pattern}}


def _pattern(name: str, value: Any) -> str:
    if not (isinstance(value, str) or js.is_number(value)) or value == "":
        raise NotModelled(f"`{name}` without a text")
    text = js.js_text(value)
    if name == "regex":
        return python_pattern(text)
    return (r"\A" if name == "starts-with" else "") + re.escape(text)


def _texts(value: Any) -> list[str]:
    texts = comma_values(value) if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) or js.is_number(t) for t in texts):
        raise NotModelled("a list of texts is missing")
    if "" in texts:
        raise NotModelled("an empty text is in every answer")
    return [js.js_text(text) for text in texts]


def _equals(value: Any, inverse: bool) -> AsScorers:
    if isinstance(value, Mapping | list):
        return AsScorers(note="compares JSON whose every value is equal; `json_fields` compares texts more loosely")
    text = js.js_text(value)
    if inverse:
        return AsScorers([_regex(rf"\A{re.escape(text)}\Z", inverse=True)], "a regular expression")
    return AsScorers([{"exact": {"normalised": False}}], "`exact`, not normalised", text)


def _json(value: Any) -> AsScorers:
    """`is-json`: JSON as a whole, without a code fence, which `json_schema` alone would take."""
    if isinstance(value, str) and value.strip():
        try:
            value = plain_data(parse_yaml(value, shown="schema", error=FormatError).data, "schema")
        except FormatError as exc:
            raise NotModelled("a schema that is no YAML") from exc
    if value not in (None, "") and not isinstance(value, Mapping):
        raise NotModelled("a schema that is no mapping")
    schema = dict(value) if isinstance(value, Mapping) else {}
    if problem_of(schema) is not None:
        raise NotModelled("a schema that promptlab does not take")
    bare = {"regex": {"pattern": r"""\A\s*[\[{"0-9tfn-]"""}}
    return AsScorers([bare, {"json_schema": {"schema": schema}}], "`json_schema`, and no code fence around it")


def combined(found: Sequence[AsScorers]) -> tuple[list[Any], str | None]:
    """The scorers of all assertions of a test, and the expected answer. Of two answers, the later is a pattern."""
    scorers: list[Any] = []
    expected: str | None = None
    for one in found:
        if one.answer is not None and expected is not None and one.answer != expected:
            scorers.append({"regex": {"pattern": re.escape(one.answer), "whole": True}})
            continue
        expected = one.answer if one.answer is not None else expected
        scorers += [scorer for scorer in one.scorers if scorer not in scorers]
    return scorers, expected
