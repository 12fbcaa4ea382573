"""One schema on all its roads, on schemas and values made up by hypothesis: whatever is valid under it can be written
by a local model, and the copy for strict mode means the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.json_schema import can_be_written
from promptlab._util.json_schema import problem_of, validate
from promptlab.errors import RequestRejected
from promptlab.models._llama._grammar import grammar_of
from promptlab.models._openai._schema import sent

TEXTS = {
    "date": ("2022-12-31", "2024-02-29"),
    "date-time": ("2022-12-31T23:59:59.1234567Z", "2022-10-31t00:00:00+01:00"),
    "uuid": ("0E37DF36-F698-11E6-8DD4-CB9CED3DF976",),
    "email": ("a@b.co", '"x y"@b.co'),
    "ipv6": ("::1", "::ffff:1.2.3.4"),
}
PATTERNS = {"^[a-z]+$": ("abc",), "a": ("xay", "a\n"), r"^\d{2,4}$": ("1234",), "^(x|y)z?": ("xz\n",)}
NUMBERS = (0, 1, -5, 7, 10**7, 12345678901234567890, 7.5, 0.01, 19.99, 0.07)

scalars = st.one_of(
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string"}]),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more}, *[st.integers(0, 3)] * 2
    ),
    st.sampled_from(sorted(TEXTS)).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(sorted(PATTERNS)).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.sampled_from([0, -5, 0.5]),
            "exclusiveMaximum": st.sampled_from([100, 10.5, 10**19, 2**70]),
            "multipleOf": st.sampled_from([1, 0.5, 0.01, 7]),
        },
    ),
    st.lists(st.sampled_from(["a", 1, 2.5, None, True, [1], {"a": 1}, 'é"']), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
)


def _compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.dictionaries(st.sampled_from(["a", "b", 'c"é']), inner, max_size=3)
    objects = st.builds(
        lambda properties, required, others: {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name in required],
            **others,
        },
        some,
        st.sets(st.sampled_from(["a", "b", 'c"é'])),
        st.sampled_from([{}, {"additionalProperties": False}, {"additionalProperties": {"type": "integer"}}]),
    )
    lists = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 2), "prefixItems": st.lists(inner, min_size=1, max_size=2)},
    )
    joined = st.builds(
        lambda key, options: {key: options},
        st.sampled_from(["anyOf", "oneOf", "allOf"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    return st.one_of(objects, lists, joined)


schemas = st.recursive(scalars, _compound, max_leaves=8)


def value_of(schema: Any, data: st.DataObject) -> Any:
    """A value that has a good chance to be valid under `schema`."""

    def one(values: Any) -> Any:
        return data.draw(st.sampled_from(list(values)))

    if "enum" in schema:
        return one(schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return value_of(one(schema[key]), data)
    if "allOf" in schema:
        values = [value_of(part, data) for part in schema["allOf"]]
        made: dict[str, Any] = {}
        for value in values:
            made = {**value, **made} if isinstance(value, dict) else made
        return made or values[0]
    kind = schema["type"]
    if kind == "string":
        if "format" in schema or "pattern" in schema:
            return one(TEXTS.get(schema.get("format", ""), ()) or PATTERNS[schema["pattern"]])
        return "".join(data.draw(st.lists(st.sampled_from('aé"\\\n😀 z'), min_size=2, max_size=3)))
    if kind in ("integer", "number"):
        return one(n for n in NUMBERS if kind == "number" or isinstance(n, int))
    if kind == "array":
        first, count = schema.get("prefixItems", []), data.draw(st.integers(schema.get("minItems", 0), 3))
        return [value_of(first[n] if n < len(first) else schema["items"], data) for n in range(count)]
    if kind == "object":
        required = schema["required"]
        names = [name for name in schema["properties"] if name in required or data.draw(st.booleans())]
        found = {name: value_of(schema["properties"][name], data) for name in names}
        return {**found, "zz": 1} if data.draw(st.booleans()) else found
    return None if kind == "null" else True


@settings(max_examples=200)
@given(schemas, st.data())
def test_what_is_valid_can_be_written_and_sent_or_the_words_say_what_cannot(schema: Any, data: st.DataObject) -> None:
    text = json.dumps(schema)
    values = [value_of(schema, data) for _ in range(3)]
    valid = [value for value in values if validate(text, json.dumps(value)).valid]
    if problem_of(schema):
        assert valid == []
        return
    try:
        grammar = grammar_of(text)
    except RequestRejected:  # llguidance finds more that is empty: two patterns that exclude each other
        assert valid == []
        return
    request = sent(text)
    copy = json.dumps(request.schema)
    for value in values:
        answer = json.dumps(value)
        if value in valid:
            assert can_be_written(grammar, value) or ("zz" in answer and grammar.only_named), answer
            assert validate(copy, answer).valid or request.words, answer
        elif request.strict:
            assert not validate(copy, answer).valid, answer
