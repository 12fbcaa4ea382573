"""How well JSON Schemas are held to: the official JSON-Schema-Test-Suite, other people's schemas, the time per token.

    python -m benchmarks.json_schema                 # the suite, where ../shared/corpora has it
    python -m benchmarks.json_schema --model gemma-3-270m --model smollm2-135m      # the cost of a token, too

A valid instance counts as writable where the grammar lets a model write it with its keys in some order and its whole
numbers without a point: the value is what counts. An invalid one counts as accepted where it can be written and the
verdict on it is "valid". `format` is checked here; the suite's main part holds it to be a comment, and its instances
that have another format count as not writable all the same.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from promptlab._util.json_schema import validate
from promptlab.errors import PromptlabError
from promptlab.models._llama._grammar import Grammar, grammar_of

SUITE = Path(__file__).parents[2] / "shared" / "corpora" / "json-schema" / "tests"
COMMON = frozenset(
    {"type", "properties", "required", "enum", "const", "items", "prefixItems", "minItems", "maxItems", "minLength"}
    | {"maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf"}
    | {"oneOf", "allOf", "ref", "defs", "additionalProperties", "additionalItems", "format"}
)
"""The suite's files of the keywords that people use."""
SEVEN = "http://json-schema.org/draft-07/schema#"


@dataclass
class Found:
    """Counts. `refusals` are the words for schemas that have no grammar."""

    schemas: int = 0
    built: int = 0
    wider: int = 0
    valid: int = 0
    unwritable: int = 0
    invalid: int = 0
    accepted: int = 0
    refusals: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        return (
            f"| {name} | {self.built} of {self.schemas} | {self.wider} | {self.unwritable} of {self.valid} "
            f"| {self.accepted} of {self.invalid} |"
        )


@cache
def _bytes() -> Any:
    from llguidance import LLTokenizer

    return LLTokenizer("byte")


def can_be_written(grammar: Grammar, value: Any) -> bool:
    """Whether a model may write `value`, in some order of its keys."""
    from llguidance import LLMatcher

    for one in itertools.islice(_orders(_plain(value)), 300):
        data = list(json.dumps(one, ensure_ascii=False).replace("\x7f", "\\u007f").encode())
        matcher = LLMatcher(_bytes(), grammar.text)
        if matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting():
            return True
    return False


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _orders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for keys in itertools.islice(itertools.permutations(value), 120):
            ways = (list(itertools.islice(_orders(value[key]), 4)) for key in keys)
            yield from (dict(zip(keys, inner, strict=True)) for inner in itertools.product(*ways))
    elif isinstance(value, list):
        ways = (list(itertools.islice(_orders(one), 3)) for one in value)
        yield from (list(inner) for inner in itertools.product(*ways))
    else:
        yield value


def of_the_suite(keywords: frozenset[str] | None) -> Found:
    """Drafts 2020-12 and 7; the files of `keywords`, or all. Schemas that need other files are left out."""
    found = Found()
    for draft in ("draft2020-12", "draft7"):
        for file in sorted((SUITE / draft).glob("*.json")):
            if keywords is not None and file.stem not in keywords:
                continue
            for group in json.loads(file.read_text(encoding="utf-8")):
                text = json.dumps(group)
                if "remotes" not in text and "localhost:1234" not in json.dumps(group["schema"]):
                    schema = group["schema"]
                    if draft == "draft7" and isinstance(schema, dict):
                        schema = {"$schema": SEVEN, **schema}
                    _count(found, schema, group["tests"], f"{draft}/{file.stem}: {group['description']}")
    return found


def _count(found: Found, schema: Any, instances: list[dict[str, Any]], name: str) -> None:
    text = json.dumps(schema)
    found.schemas += 1
    grammar = None
    try:
        grammar = grammar_of(text)
        found.built += 1
        found.wider += bool(grammar.wider)
    except PromptlabError as exc:
        found.refusals.append(f"{name}: {exc.message}")
    for one in instances:
        writable = grammar is not None and can_be_written(grammar, one["data"])
        if one["valid"]:
            found.valid += 1
            if not writable:
                found.unwritable += 1
                found.missed.append(f"{name}: {one['description']}")
        else:
            found.invalid += 1
            found.accepted += writable and validate(text, json.dumps(one["data"])).valid


QUESTION = "Describe the match of the final of the 2022 world cup in football: Argentina beat France 4-2 on penalties."
MATCH = json.dumps(
    {
        "type": "object",
        "properties": {
            "day": {"type": "string", "format": "date"},
            "teams": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            "goals": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 20}, "maxItems": 2},
            "stage": {"enum": ["group", "semi-final", "final"]},
            "story": {"type": "string", "maxLength": 400},
        },
        "required": ["day", "teams", "goals", "stage", "story"],
        "additionalProperties": False,
    }
)


def of_a_token(model: str, rounds: int) -> str:
    """What the mask costs, in this process, beside a token of `model` on this machine."""
    from promptlab.models._catalogue import Catalogue
    from promptlab.models._llama._backend import LlamaBackend, usable_cores
    from promptlab.models._llama._exact_engine import ExactEngine
    from promptlab.models._llama._generation import Answer
    from promptlab.models._llama._settings import Settings
    from promptlab.models._llama._token_masks import GrammarState
    from promptlab.types import Message, Params, Prompt, Request
    from promptlab.workspace._workspace import Workspace

    catalogue = Catalogue(Workspace.find(), os.environ)
    backend = catalogue.backend(model)
    assert isinstance(backend, LlamaBackend)
    request = Request(model, Prompt((Message("user", QUESTION),)), Params(max_tokens=96), MATCH)
    settings = Settings(backend.path, "benchmark", 2048, usable_cores())
    spent = {"choosing": 0.0, "masks": 0.0, "tokens": 0.0}
    choose, mask, accept = Answer.choose, GrammarState.mask, GrammarState.accept

    def timed(name: str, call: Any) -> Any:
        def run(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return call(*given, **named)
            finally:
                spent[name] += time.perf_counter() - started
                spent["tokens"] += name == "choosing"

        return run

    from promptlab.models._llama._generation import Task
    from promptlab.models._llama._reference import tokens_of

    rows = {}
    for schema in (None, MATCH):
        engine = ExactEngine(settings, stopping=lambda: False)
        grammar = grammar_of(schema).text if schema else None
        task = Task(settings, tokens_of(backend, request), request.params, 0, grammar=grammar)
        started = time.perf_counter()
        if schema:
            engine.loaded.token_masks(engine._table)
        opening = time.perf_counter() - started
        engine.answer(task, _Nobody())  # its rules and its pieces are there from then on
        Answer.choose, GrammarState.mask = timed("choosing", choose), timed("masks", mask)  # type: ignore[method-assign]
        GrammarState.accept = timed("masks", accept)  # type: ignore[method-assign]
        spent.update(dict.fromkeys(spent, 0.0))
        started = time.perf_counter()
        for _ in range(rounds):
            done = engine.answer(task, _Nobody())
        whole = time.perf_counter() - started
        Answer.choose, GrammarState.mask, GrammarState.accept = choose, mask, accept  # type: ignore[method-assign]
        rows[schema] = (whole, dict(spent), opening, done)
        engine.close()
    catalogue.close()
    (_, free, _, _), (whole, held, opening, done) = rows[None], rows[MATCH]
    each = whole / held["tokens"]
    more = held["choosing"] / held["tokens"] - free["choosing"] / free["tokens"]
    judged = validate(MATCH, done.text)
    return (
        f"| {model} | {opening:.2f} s | {1000 * each:.1f} ms | {1000 * free['choosing'] / free['tokens']:.2f} ms "
        f"| {1000 * held['choosing'] / held['tokens']:.2f} ms | {1000 * held['masks'] / held['tokens']:.2f} ms "
        f"| {100 * more / each:.1f} % | {'valid' if judged.valid else judged.words} |"
    )


class _Nobody:
    """Someone who asks and does not listen."""

    stopping = False

    def __init__(self) -> None:
        import ctypes

        self.abort_flag = ctypes.create_string_buffer(2)

    def emit(self, step: object) -> None:
        del step

    def loading(self, what: str | None) -> None:
        del what

    def begin(self) -> None:
        return


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", default=[], help="a local model of promptlab.yaml")
    parser.add_argument("--rounds", type=int, default=5, help="answers of each kind that are timed")
    parser.add_argument("--missed", action="store_true", help="name every instance and schema that is missed")
    given = parser.parse_args()
    if SUITE.exists():
        print("| suite | schemas with a grammar | of them wider | valid, not writable | invalid, accepted |")
        print("|---|---|---|---|---|")
        for name, keywords in (("common keywords", COMMON), ("every keyword", None)):
            found = of_the_suite(keywords)
            print(found.row(name))
            if given.missed:
                print("\n".join([*found.refusals, *found.missed]))
    else:
        print(f"the suite is not there: {SUITE}")
    if given.model:
        print("\n| model | rules, once | a token | choosing, free | choosing, held | of it masks | more | answer |")
        print("|---|---|---|---|---|---|---|---|")
        for model in given.model:
            print(of_a_token(model, given.rounds))


if __name__ == "__main__":
    main()
