"""Makes a grammar from a JSON Schema. llguidance uses it to make a local model's answer follow the schema.

    grammar_of('{"type": "object", "properties": {"due": {"type": "string", "format": "date"}}}')

llguidance gets a copy of the schema with the keywords that it supports (_grammar_schema.py). The copy allows at least
the answers that the schema allows; keywords that were left out are listed in `Grammar.wider`. So the whole answer is
validated with the schema itself afterwards (_util/json_schema.py).

In two ways the grammar is stricter. If `type: object` lists its properties and says nothing about others, only these
are allowed (`Grammar.only_named`), because small models go on adding others; `additionalProperties: true` allows them.
And a number with limits has one spelling: 100, not 1e2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from promptlab._util.json_schema import problem_of
from promptlab._util.json_schema_refs import pointer_part
from promptlab.errors import RequestRejected
from promptlab.models._llama._grammar_schema import WiderSchema, compile_grammar

MOST_ROUNDS = 40
"""How many keywords are left out, one after the other, before the schema is refused."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar as `text` for llguidance. `wider` lists the keywords that it does not enforce, such as "`not` at
    #/properties/x"; `only_named` the places of objects that get no properties other than the named ones."""

    text: str
    wider: tuple[str, ...] = ()
    only_named: tuple[str, ...] = ()


@lru_cache(maxsize=64)
def grammar_of(schema: str) -> Grammar:
    """The grammar for a JSON Schema, given as JSON text.

    Raises:
        RequestRejected: it is no JSON Schema, no JSON is valid under it, or llguidance does not support it. The message
            has the keyword and its place.
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
        copy = WiderSchema(parsed, frozenset(dropped))
        text, error = compile_grammar(copy.build())
        if not error:
            wider = tuple(f"`{key}` at {at}" for at, key in dict.fromkeys([*copy.wider, *dropped]))
            return Grammar(text, wider, tuple(dict.fromkeys(copy.only_named)))
        if error.startswith("Unsatisfiable"):
            raise RequestRejected(
                f"no JSON is valid under the schema: {_first_line(error)}", hint="fix the template's schema"
            )
        candidate = next(copy.unsupported(), None)
        if candidate is None or candidate in dropped:
            break
        dropped[candidate] = None
    at, key = next(iter(dropped), ("#", next(iter(parsed), "true") if isinstance(parsed, dict) else "true"))
    raise RequestRejected(
        f"the schema cannot be enforced on a local model: `{key}` at {at}: {_first_line(error)}",
        hint="simplify the schema, or choose a model behind an API",
    )


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0][:200]


__all__ = ["Grammar", "grammar_of"]
