"""The check of the expected values of cases, when they are read: before anything is asked and paid for.

    check_expected(scorer_spec("numeric"), "about ten")     # InputError: `numeric` needs a number to compare with

A scorer that cannot read what is expected cannot judge any answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from promptlab.errors import InputError, NotJudged, nearest
from promptlab.scorers._registry import FACTORIES, MODEL_SCORERS
from promptlab.scorers._text import alternatives, normalise, normalise_squad
from promptlab.types import Scorer, ScorerSpec


def check_expected(spec: ScorerSpec, expected: Any) -> None:
    """Raise `InputError` if the scorer of `spec` cannot compare an answer with `expected`."""
    if spec.name in MODEL_SCORERS or spec.name == "python":
        return  # they may do without, and may take anything
    check = _CHECKS.get(spec.name, _by_trying)
    check(_options(spec.options), expected, spec)


@lru_cache(maxsize=256)
def _options(options: str) -> Mapping[str, Any]:
    values: dict[str, Any] = json.loads(options)
    return values


def _by_trying(_options: Mapping[str, Any], expected: Any, spec: ScorerSpec) -> None:
    """Score an empty answer: a scorer that cannot read `expected` says so."""
    if isinstance(expected, float) and not math.isfinite(expected):
        raise InputError(f"`{spec.name}` cannot compare an answer with {expected!r}")
    try:
        _scorer(spec.name, spec.options)("", expected)
    except NotJudged:
        pass  # about the answer
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as exc:
        raise InputError(f"`{spec.name}` cannot read {expected!r}: {exc}") from exc


@lru_cache(maxsize=256)
def _scorer(name: str, options: str) -> Scorer:
    values = json.loads(options)
    for everywhere in ("extract", "at_least"):
        values.pop(everywhere, None)
    return FACTORIES[name](**values)


def _texts(_options: Mapping[str, Any], expected: Any, spec: ScorerSpec) -> None:
    for text in alternatives(expected):
        if not text.strip():
            raise InputError(f"`{spec.name}` cannot look for an empty text", hint="give what the answer should say")


def _any_text(_options: Mapping[str, Any], expected: Any, _spec: ScorerSpec) -> None:
    alternatives(expected)


def _squad_texts(options: Mapping[str, Any], expected: Any, spec: ScorerSpec) -> None:
    _texts(options, expected, spec)
    for text in alternatives(expected):
        if not normalise_squad(text):
            raise InputError(f"`{spec.name}` leaves out articles and punctuation, and nothing is left of {text!r}")


def _chosen(options: Mapping[str, Any], expected: Any, _spec: ScorerSpec) -> None:
    """`one_of`: what is expected is among the choices."""
    wanted, among = alternatives(expected), options.get("among")
    if among is None:
        return
    plain = {_plain(choice) for choice in among}
    for text in wanted:
        if _plain(text) not in plain:
            raise InputError(f"{text!r} is not among the choices of `one_of`", hint=nearest(text, among))


def _plain(text: str) -> str:
    return normalise(text) or text.strip()


def _patterns(options: Mapping[str, Any], expected: Any, spec: ScorerSpec) -> None:
    if not options.get("pattern"):
        _texts(options, expected, spec)
        _by_trying(options, expected, spec)


def _schema(options: Mapping[str, Any], expected: Any, spec: ScorerSpec) -> None:
    if options.get("schema") is None:
        _by_trying(options, expected, spec)


_CHECKS: Mapping[str, Callable[[Mapping[str, Any], Any, ScorerSpec], None]] = {
    "exact": _any_text,
    "contains": _any_text,
    "regex": _patterns,
    "one_of": _chosen,
    "json_schema": _schema,
    "best_subspan_em": _squad_texts,
    "chrf": _texts,
    "similarity": _texts,
}
"""The checks of scorers that have one of their own. Any other scorer is tried on an empty answer."""
