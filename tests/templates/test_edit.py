"""Edits of template files: what was asked for is there, and nothing else has changed."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import TemplateError
from promptlab.examples._choice import ShotChoice
from promptlab.templates import _edit as template_edit
from promptlab.templates._edit import KEYS, edit_template, template_fields
from promptlab.templates._parse import parse
from promptlab.templates._template import InputSpec, Template
from promptlab.types import Params
from tests.conftest import TEMPLATE
from tests.places import ROOT

PATH = "templates/t.yaml"

LONG = """\
# What this is for, at the top.
description: 'Answer it''s question'   # single quotes

inputs:
  # The question itself.
  question: {type: string, sample: "Who won?"}   # a sample
  count:
    type: number
    sample: 3

instructions: |
  Answer the question.

    Indented.


# About the format.
output_format: "Reply: {{ question }}"
user: |-
  {{ question }} {{ count }}
context:
  - fixtures/documents/cup.md   # the article
  # another one
  - "fixtures/documents/b.md"

examples:
  pool: fixtures/examples/cup.jsonl
  k: 1   # one is enough
schema:
  type: object
  properties:
    # who it was
    winner: {type: string}
    stage:
      type: string
      enum: [final, semi-final]
  required: [winner]
params:
  temperature: 0
  stop: ["\\n"]
# The end.
"""

JSON = json.dumps(
    {
        "description": "d",
        "inputs": {"question": {"type": "string"}, "count": {"type": "number"}},
        "instructions": "Answer.\n",
        "context": ["a.md", "b.md"],
        "examples": {"pool": "p.jsonl", "k": 2},
        "params": {"temperature": 0, "max_tokens": 5},
    },
    indent=2,
)

SOURCES = {
    "long": LONG,
    "no last newline": LONG.removesuffix("\n# The end.\n"),
    "windows": LONG.replace("\n", "\r\n"),
    "usual": TEMPLATE,
    "json": JSON,
    "one line": '{"inputs": ["question", "count"], "instructions": "x"}',
    "block at the end": "inputs: [question, count]\nuser: x # here\ninstructions: |\n  No last newline",
    "kept newlines": "inputs: [question, count]\ninstructions: |+\n  a\n\n\nuser: b\n",
    "folded": "inputs:\n- question\n- count\ninstructions: >\n  a\n  b\n\ncontext:\n- a.md\n- b.md\nparams:\n",
    "nothing yet": "description:   # to do\ninputs: {question: , count: {type: number}}\ninstructions:\nparams: {}\n",
    "byte order mark": "\ufeffdescription: a\ninputs: {question: {}, count: {}}\n",
    "document marks": "%YAML 1.2\n---\ninputs: {question: {}, count: {}}\ndescription: a\n...\n",
    **{f.name: f.read_text(encoding="utf-8") for f in sorted((ROOT / "templates").glob("*.yaml"))},
}


def meaning(template: Template) -> dict[str, Any]:
    return {**template_fields(template), "schema": template.schema}


def hunks(before: str, after: str) -> int:
    """How many hunks a diff of the two has, with three lines around each as git shows them."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(True), after.splitlines(True), autojunk=False)
    return sum(1 for group in matcher.get_grouped_opcodes(3) if any(tag != "equal" for tag, *_ in group))


CHARACTERS = st.one_of(
    st.sampled_from([*"\n\n\n  \t#:-'\"|>&*!%@`,[]?~\\", "\r", "\x00", "\x85", "\u2028", "\ufeff", "\x7f", "é", "😀"]),
    st.characters(exclude_categories=("Cs",), exclude_characters="{}"),
)
TEXT = st.text(CHARACTERS, max_size=30)
WORDS = st.sampled_from(
    ["Answer briefly.\n", "a\n\nb", "  lead\n", "x: y # z", "", "\n", "\n\n", " ", "---\n", "a\n\n\n"]
)
ANY_TEXT = TEXT | WORDS
PATHS = st.lists(st.text(CHARACTERS, min_size=1, max_size=8) | st.sampled_from(["a.md", "b.md", "c.md"]), max_size=4)
SAMPLES = st.none() | ANY_TEXT
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "description": ANY_TEXT,
    "instructions": ANY_TEXT,
    "output_format": ANY_TEXT,
    "user": st.none() | ANY_TEXT,
    "layout": st.none() | st.builds(lambda t: f"{{% user %}}{t}{{% enduser %}}", ANY_TEXT),
    "context": PATHS,
    "examples": st.none()
    | st.builds(
        ShotChoice,
        st.sampled_from(["p.jsonl", "fixtures/examples/cup.jsonl", "a b: c.jsonl"]),
        st.integers(0, 5),
        st.sampled_from(["first", "random"]),
        st.integers(-3, 3),
    ),
    "schema": st.none()
    | st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(
                st.sampled_from(["winner", "b c", "$x", "yes", "stage"]), st.just({"type": "string"})
            ),
            "title": ANY_TEXT,
            "required": st.lists(st.sampled_from(["winner", "b c"]), unique=True),
            "additionalProperties": st.booleans(),
        },
    ).filter(
        lambda one: (
            one.get("additionalProperties", True) or set(one.get("required", ())) <= set(one.get("properties", ()))
        )
    ),
    "params": st.builds(
        Params,
        temperature=st.sampled_from([0.0, 0.7, 1.0]),
        max_tokens=st.integers(1, 999),
        top_p=st.none() | st.sampled_from([0.5, 1.0]),
        seed=st.none() | st.integers(0, 9),
        stop=st.lists(st.text(CHARACTERS, min_size=1, max_size=4), max_size=3).map(tuple),
    ),
    "inputs": st.fixed_dictionaries(
        {
            "question": st.builds(InputSpec, st.just("string"), SAMPLES, SAMPLES, ANY_TEXT),
            "count": st.builds(InputSpec, st.just("number"), st.none() | st.integers(-9, 9) | st.just(0.5)),
        },
        optional={"more": st.builds(InputSpec, st.just("list"), st.lists(st.integers(0, 9), max_size=3))},
    ),
}
ONE_CHANGE = st.sampled_from(sorted(CHANGES)).flatmap(lambda key: st.tuples(st.just(key), CHANGES[key]))


def test_every_field_of_a_template_can_be_changed() -> None:
    assert sorted(CHANGES) == sorted(KEYS)
    assert set(KEYS) | {"name", "path", "label", "source", "lines", "passages"} == set(Template.__dataclass_fields__)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_saving_what_is_there_changes_no_byte(source: str) -> None:
    template = parse(source, path=PATH)
    assert edit_template(source, {}, path=PATH) == source
    assert edit_template(source, template_fields(template), path=PATH) == source
    for key, value in template_fields(template).items():
        assert edit_template(source, {key: value}, path=PATH) == source


def expected(key: str, value: Any) -> Any:
    if key == "context":
        return tuple(value)
    if key == "schema":
        return None if value is None else json.dumps(value, separators=(",", ":"))
    return value


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@settings(max_examples=10)
@given(change=ONE_CHANGE)
def test_a_change_is_read_back_and_nothing_else_differs(source: str, change: tuple[str, Any]) -> None:
    key, value = change
    before = parse(source, path=PATH)
    if key == "inputs":  # the texts of the file may use those there are
        value = {**before.inputs, **value}
    made = edit_template(source, {key: value}, path=PATH)
    after = parse(made, path=PATH)
    assert meaning(after) == {**meaning(before), key: expected(key, value)}
    if meaning(after) == meaning(before):
        assert made == source
    if source.count("\n") > 3:
        parts = key in ("inputs", "schema")  # of which several may have changed
        assert parts or hunks(source, made) <= 1
    # The same edit again finds nothing to do, and the way back has the meaning there was.
    assert edit_template(made, {key: value}, path=PATH) == made
    assert meaning(parse(edit_template(made, {key: template_fields(before)[key]}, path=PATH), path=PATH)) == meaning(
        before
    )


COMMENTS = [line for line in LONG.splitlines() if line.lstrip().startswith("#")]


@settings(max_examples=10)
@given(change=ONE_CHANGE)
def test_comments_outside_the_changed_field_stay(change: tuple[str, Any]) -> None:
    key, value = change
    made = edit_template(LONG, {key: value}, path=PATH).splitlines()
    inside = {"inputs": "  # The question itself.", "context": "  # another one", "schema": "    # who it was"}.get(key)
    assert [c for c in COMMENTS if c != inside] == [line for line in made if line in COMMENTS and line != inside]


@settings(max_examples=40)
@given(st.fixed_dictionaries({}, optional=CHANGES))
def test_a_new_file_says_what_it_was_made_of(values: dict[str, Any]) -> None:
    values = {"inputs": {"question": InputSpec()}, **values}
    template = parse(template_edit.new_template(values, path=PATH), path=PATH)
    empty = meaning(Template("t", PATH))
    assert meaning(template) == {**empty, **{key: expected(key, value) for key, value in values.items()}}


TABLE = [
    ("description: a # c\n", {"description": "b"}, "description: b # c\n"),
    ("description:   'a'\n", {"description": "b's"}, "description:   'b''s'\n"),
    ('description: "a"\n', {"description": "b"}, 'description: "b"\n'),
    ("description: a\n", {"description": "yes"}, 'description: "yes"\n'),
    (
        "instructions: |\n  a\n\n# c\nuser: b\n",
        {"instructions": "c\nd\n"},
        "instructions: |\n  c\n  d\n\n# c\nuser: b\n",
    ),
    ("instructions: |\n  a\n\nuser: b\n", {"instructions": "c"}, "instructions: |-\n  c\n\nuser: b\n"),
    ("instructions: |\n  a\n\nuser: b\n", {"instructions": "c\n\n"}, "instructions: |+\n  c\n\nuser: b\n"),
    ("instructions: |  # why\n  a\n", {"instructions": " c\n"}, "instructions: |2  # why\n   c\n"),
    ("instructions: |\n  a\n", {"instructions": "c\r\n"}, 'instructions: "c\\r\\n"\n'),
    ("instructions: a\n", {"instructions": "a\nb"}, "instructions: |-\n  a\n  b\n"),
    (
        "description: a\nparams: {seed: 1}\n",
        {"instructions": "x\n"},
        "description: a\ninstructions: |\n  x\nparams: {seed: 1}\n",
    ),
    ("description: a\nuser: b\n", {"description": None}, "user: b\n"),
    ("# head\ndescription: a\n", {"description": ""}, "# head\ndescription: null\n"),
    ("params: {seed: 1}\n", {"params.temperature": 0.5}, "params: {seed: 1, temperature: 0.5}\n"),
    ("params: {seed: 1, top_k: 2}\n", {"params.seed": None}, "params: {top_k: 2}\n"),
    ("params:\n  seed: 1 # c\n  top_k: 2\n", {"params.seed": 4}, "params:\n  seed: 4 # c\n  top_k: 2\n"),
    ("params: {temperature: 0}\n", {"params.temperature": 1.0}, "params: {temperature: 1}\n"),
    ("params: {stop: x}\n", {"params.stop": ["z"]}, "params: {stop: z}\n"),
    ("context: [a.md]\n", {"context": ["a.md", "b.md"]}, "context: [a.md, b.md]\n"),
    ("context:\n- a.md # c\n", {"context": ["a.md", "b.md"]}, "context:\n- a.md # c\n- b.md\n"),
    ("context:\n  - a.md # c\n  - b.md\n", {"context": ["a.md"]}, "context:\n  - a.md # c\n"),
    ("inputs: [a]\n", {"inputs.b": {}}, "inputs: [a, b]\n"),
    ("inputs: {a: {sample: x}}\n", {"inputs.a.sample": "z"}, "inputs: {a: {sample: z}}\n"),
    (
        "inputs:\n  a:\n    sample: x # c\n",
        {"inputs.a.default": "z"},
        "inputs:\n  a:\n    sample: x # c\n    default: z\n",
    ),
    ("examples: {pool: p, k: 2}\n", {"examples.k": 3}, "examples: {pool: p, k: 3}\n"),
    ("user: a\n", {"examples": {"pool": "p.jsonl"}}, "user: a\nexamples: {pool: p.jsonl, k: 2}\n"),
    (
        "schema:\n  type: object\n",
        {"schema": {"type": "object", "title": "T"}},
        "schema:\n  type: object\n  title: T\n",
    ),
]


@pytest.mark.parametrize(("before", "changes", "after"), TABLE)
def test_a_change_is_written_as_a_person_would(before: str, changes: dict[str, Any], after: str) -> None:
    assert edit_template(before, changes, path=PATH) == after
    assert edit_template(before.replace("\n", "\r\n"), changes, path=PATH) == after.replace("\n", "\r\n")


def test_a_new_file_is_laid_out_as_people_write_them() -> None:
    values = {
        "description": "Answer: a question",
        "inputs": {"question": {"sample": "Who won?"}},
        "instructions": "Answer.\n",
        "params": {"temperature": 0.0},
    }
    assert template_edit.new_template(values, path=PATH) == (
        'description: "Answer: a question"\ninputs:\n  question: {sample: Who won?}\ninstructions: |\n  Answer.\n'
    )
    assert parse(template_edit.new_template({}, path=PATH), path=PATH).instructions == ""


@pytest.mark.parametrize(
    ("source", "changes", "message"),
    [
        ("user: a\n", {"users": "b"}, r"there is no field `users`\n  did you mean `user`"),
        ("user: a\n", {"params.temp": 1}, r"there is no field `params.temp`"),
        ("user: a\n", {"user.x": 1}, r"there is no field `user.x`"),
        ("user: a\n", {"inputs.a.sampel": 1}, r"did you mean `inputs.a.sample`"),
        ("user: a\n", {"user": 3}, "should be text"),
        ("user: a\n", {"user": "{{ b }}"}, "which no input declares"),
        ("user: a\n", {"user": "{{"}, "t.yaml: user: "),
        ("user: a\n", {"params.temperature": -1}, "should be greater than or equal to 0"),
        ("user: a\n", {"params": 3}, "should be a mapping"),
        ("user: a\n", {"schema": "{"}, "not JSON"),
        ("user: a\n", {"schema": {"type": "thing"}}, "not a JSON Schema"),
        ("user: a\n", {"context": [1]}, "should be a list of paths"),
        ("user: a\n", {"examples": {"k": 1}}, "`pool` is missing"),
        ("users: a\n", {"user": "b"}, "unknown key `users`"),
        ("user: &a x\ndescription: *a\n", {"user": "b"}, "cannot be changed in place .an alias"),
    ],
)
def test_what_cannot_be_done_is_an_error_that_says_why(source: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        edit_template(source, changes, path=PATH)


def test_an_anchor_elsewhere_is_no_hindrance() -> None:
    source = "user: &a x\ndescription: *a\ninstructions: b\n"
    assert edit_template(source, {"instructions": "c"}, path=PATH) == source.replace("b\n", "c\n")


def test_several_changes_at_once_are_all_made() -> None:
    before = parse(LONG, path=PATH)
    changes = {"description": "New", "instructions": "Other\n", "params.seed": 3, "context": [], "layout": None}
    after = parse(edit_template(LONG, changes, path=PATH), path=PATH)
    wanted = replace(
        before, description="New", instructions="Other\n", context=(), params=replace(before.params, seed=3)
    )
    assert meaning(after) == meaning(wanted)


def test_what_is_taken_of_a_document_stays_with_it() -> None:
    source = "context:\n  - a.md\n  - path: b.md  # long\n    passages: {by: bm25, n: 2}\n"
    changed = edit_template(source, {"context": ["b.md", "c.md"]}, path=PATH)
    assert parse(changed, path=PATH).context == ("b.md", "c.md")
    assert parse(changed, path=PATH).passages == parse(source, path=PATH).passages
    assert edit_template(source, {"context": ["a.md", "b.md"]}, path=PATH) == source
    whole = edit_template(source, {"context": ["a.md", {"path": "b.md"}]}, path=PATH)
    assert whole == "context:\n  - a.md\n  - b.md\n"
    fewer = [{"path": "a.md", "passages": {"by": "range", "lines": [1, 9]}}, "b.md"]
    made = edit_template(source, {"context": fewer}, path=PATH)
    assert (parse(made, path=PATH).passages["a.md"].end, len(parse(made, path=PATH).passages)) == (9, 2)
    assert "# long" in made
