"""From a JSON Schema to a grammar that a local model's answer must follow, for llguidance.

    grammar_of('{"type": "object", "properties": {"due": {"type": "string", "format": "date"}}}')

A copy of the schema is made that llguidance can hold, and it makes the grammar. The copy allows all that the schema
allows, each object's named properties in their order, and may allow more: what llguidance cannot hold is left out of
it and named in `Grammar.wider`. The whole answer is judged by the schema itself afterwards (_util/json_schema.py).

In two things it allows less, and says so. An object of `type: object` that names its properties and says nothing of
others has those only, since small models add more without end (`Grammar.only_named`); `additionalProperties: true`
allows them. A number has one spelling where the schema limits it: 100, not 1e2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from promptlab._util.json_schema import problem_of
from promptlab._util.json_schema_refs import pointer_part
from promptlab.errors import RequestRejected
from promptlab.models._llama._grammar_schema import Copy, compile_grammar

MOST_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class Grammar:
    """What llguidance takes, as text; what of the schema it does not hold, "`not` at #/properties/x"; and the places of
    objects that have no other properties than those named."""

    text: str
    wider: tuple[str, ...] = ()
    only_named: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def grammar_of(schema: str) -> Grammar:
    """The grammar for JSON Schema `schema` (JSON text).

    Raises:
        RequestRejected: it is no JSON Schema, no JSON is valid under it, or it cannot be held; names keyword and place.
        ModelNotReady: llguidance is not installed.
    """
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError) as exc:
        raise RequestRejected(f"the schema is not JSON: {exc}") from exc
    problem = problem_of(parsed)
    if problem:
        at = "#" + "".join(f"/{pointer_part(part)}" for part in problem.path)
        raise RequestRejected(f"the schema at {at}: {problem.message}", hint="fix the template's schema")
    dropped: dict[tuple[str, str], None] = {}
    for _ in range(MOST_ROUNDS):
        wide = Copy(parsed, frozenset(dropped))
        copy = wide.copy()
        text, wrong = compile_grammar(copy)
        if not wrong:
            wider = tuple(f"`{key}` at {at}" for at, key in dict.fromkeys([*wide.wider, *dropped]))
            return Grammar(text, wider, tuple(dict.fromkeys(wide.only_named)))
        if wrong.startswith("Unsatisfiable"):
            raise RequestRejected(
                f"no JSON is valid under the schema: {_line(wrong)}", hint="fix the template's schema"
            )
        found = next(wide.too_much(), None)
        if found is None or found in dropped:
            break
        dropped[found] = None
    at, key = next(iter(dropped), ("#", next(iter(parsed), "true") if isinstance(parsed, dict) else "true"))
    raise RequestRejected(
        f"the schema asks for more than a local model can be held to: `{key}` at {at}: {_line(wrong)}",
        hint="simplify the schema, or ask a model behind an API",
    )


def _line(text: str) -> str:
    return text.strip().split("\n")[0][:200]


__all__ = ["Grammar", "grammar_of"]
