"""Template files and what they render to."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab._yaml._read import parse_yaml
from promptlab.documents._choice import PassageChoice
from promptlab.errors import TemplateError
from promptlab.examples import _pool as examples
from promptlab.examples._choice import ShotChoice
from promptlab.templates import _edit as template_edit
from promptlab.templates import _load as templates
from promptlab.templates._check import check_template
from promptlab.templates._jinja import STANDARD_LAYOUT
from promptlab.templates._jinja_environment import JINJA_ENVIRONMENT
from promptlab.templates._limits import RenderLimits
from promptlab.templates._materials import render_with_samples
from promptlab.templates._parse import LAYOUT_NAMES
from promptlab.templates._sandbox import ALLOWED_TEXT_METHODS, FILTERS
from promptlab.templates._template import Template
from promptlab.types import SECTIONS, Document, Example, Params, Prompt
from promptlab.workspace._gate import label_of_prompt
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT

FULL = """\
# a comment
description: Answer a question
inputs:
  question: {type: string, sample: Who won?}
  tone: {default: dry}
instructions: |
  Answer the question.
output_format: |
  Reply in a {{ tone }} tone.
user: |-
  {{ question }}
context: [a.md, b.md]
examples: {pool: pool.jsonl, k: 3, select: random, seed: 7}
schema: {type: object, properties: {z: {type: string}, a: {type: number}}}
params: {temperature: 0.5, max_tokens: 12, top_p: 0.9, seed: 4, stop: ["\\n"]}
"""
DOCUMENTS = (Document("a.md", "# Title\nFirst.\n", "internal"), Document("b.md", "Second."))
SHOTS = (Example("one", {"question": "Q1"}, "A1"), Example("two", {"question": "Q2"}, "A2", label="confidential"))


def parse(text: str) -> Template:
    return templates.parse(text, path="templates/t.yaml")


def plain(template: Template, **inputs: Any) -> str:
    """The rendered messages as one text, for short comparisons."""
    return "|".join(f"{m.role}:{m.content}" for m in templates.render(template, inputs).messages)


def tiles(prompt: Prompt) -> bool:
    """Whether the spans cover each message from its first character to its last, in order."""
    at = dict.fromkeys(range(len(prompt.messages)), 0)
    order = [span.message for span in prompt.spans]
    for span in prompt.spans:
        if span.start != at[span.message] or span.end <= span.start:
            return False
        at[span.message] = span.end
    return order == sorted(order) and all(at[n] == len(m.content) for n, m in enumerate(prompt.messages))


def test_a_file_becomes_a_template() -> None:
    template = parse(FULL)
    assert template.name == "t"
    assert template.instructions == "Answer the question.\n"
    assert template.user == "{{ question }}"
    assert template.inputs["question"].sample == "Who won?"
    assert template.inputs["tone"].default == "dry"
    assert template.context == ("a.md", "b.md")
    assert template.examples == ShotChoice("pool.jsonl", 3, "random", 7)
    assert template.params == Params(temperature=0.5, max_tokens=12, top_p=0.9, seed=4, stop=("\n",))
    assert template.source == FULL
    assert template.layout is None


def test_lines_say_where_each_text_begins() -> None:
    lines = parse(FULL).lines
    rows = FULL.split("\n")
    assert rows[lines["instructions"] - 1] == "  Answer the question."
    assert rows[lines["user"] - 1] == "  {{ question }}"
    assert rows[lines["description"] - 1].startswith("description")


def test_a_schema_keeps_the_order_of_its_keys() -> None:
    schema = parse(FULL).schema
    assert schema is not None
    assert list(json.loads(schema)["properties"]) == ["z", "a"]
    assert parse('schema: \'{"type": "object"}\'').schema == '{"type":"object"}'


def test_inputs_can_be_a_bare_list() -> None:
    assert list(parse("inputs: [a, b]\nuser: '{{ a }}{{ b }}'").inputs) == ["a", "b"]
    assert list(parse("inputs:\n  a:\n  b: {type: number}\n").inputs) == ["a", "b"]


def test_an_empty_value_is_an_empty_section() -> None:
    assert parse("instructions:\ncontext:\nexamples:\nparams:\n") == replace(
        Template("t", "templates/t.yaml"),
        source="instructions:\ncontext:\nexamples:\nparams:\n",
        lines=parse("instructions:\ncontext:\nexamples:\nparams:\n").lines,
    )


WRONG = [
    ("context: [{path: a.md, pasages: {by: bm25}}]", 1, "context.0.pasages", "did you mean `passages`?"),
    (
        "context:\n  - a.md\n  - path: b.md\n    passages: {by: bm25, m: 3}",
        4,
        "context.1.passages.m",
        "unknown key `m`",
    ),
    ("context: [{passages: {by: bm25}}]", 1, "context.0.path", "`path` is missing"),
    ("context: [3]", 1, "context.0", "should be a mapping"),
    ("context: [{path: a.md, passages: {by: magic}}]", 1, "context.0.passages.by", "'heading', 'range' or 'bm25'"),
    ("context: [{path: a.md, passages: {by: heading}}]", 1, "context.0.passages", "`headings` is missing"),
    (
        "context: [{path: a.md, passages: {by: bm25, lines: [1, 2]}}]",
        1,
        "context.0.passages",
        "no meaning with `by: bm25`",
    ),
    ("context: [{path: a.md, passages: {by: range}}]", 1, "context.0.passages", "exactly one of"),
    ("context: [{path: a.md, passages: {by: range, lines: [3, 2]}}]", 1, "context.0.passages", "counted from 1"),
    ("context: [{path: a.md, passages: {by: bm25, n: 0}}]", 1, "context.0.passages.n", "greater than or equal to 1"),
    ("context: [a.md, {path: a.md, passages: {by: bm25}}]", 1, "context.1", "is there twice"),
    (
        "inputs: [question]\ncontext:\n  - path: a.md\n    passages: {by: bm25, query: [qestion]}",
        4,
        "context.0.passages.query",
        "did you mean `question`?",
    ),
    ("", 1, "", "a template is a mapping"),
    ("- a\n- b", 1, "", "a template is a mapping"),
    ("a: [", 1, "", "not valid YAML"),
    ("instructions: a\n\tb: c", 2, "", "not valid YAML"),
    ("description: x\ninstruction: y", 2, "instruction", "did you mean `instructions`?"),
    ("inputs:\n  q:\n    sampel: x", 3, "inputs.q.sampel", "did you mean `sample`?"),
    ("examples:\n  pool: p\n  kk: 2", 3, "examples.kk", "did you mean `k`?"),
    ("params:\n  temprature: 1", 2, "params.temprature", "did you mean `temperature`?"),
    ("examples: {k: 2}", 1, "examples.pool", "`pool` is missing"),
    ("instructions: 3", 1, "instructions", "valid string"),
    ("instructions: [a]", 1, "instructions", "valid string"),
    ("context: a.md", 1, "context", "list"),
    ("context: [a.md, '']", 1, "context.1", "at least 1 character"),
    ("inputs: 3", 1, "inputs", "should be a mapping"),
    ("inputs: [a, 3]", 1, "inputs.1", "names"),
    ("inputs:\n  q: {type: text}", 2, "inputs.q.type", "'string', 'number'"),
    ("inputs:\n  q: {type: number, sample: three}", 2, "inputs.q.sample", "should be a number, not str"),
    ("inputs:\n  q: {type: number, sample: true}", 2, "inputs.q.sample", "should be a number, not bool"),
    ("inputs:\n  q: {default: 3}", 2, "inputs.q.default", "should be a string, not int"),
    ("inputs: {class-name: }", 1, "inputs.class-name", "cannot be the name"),
    ("inputs: {_x: }", 1, "inputs._x", "cannot be the name"),
    ("inputs:\n  documents:", 2, "inputs.documents", "means something else"),
    ("inputs:\n  for:", 2, "inputs.for", "means something else"),
    ("params: {temperature: -1}", 1, "params.temperature", "greater than or equal to 0"),
    ("params: {temperature: .inf}", 1, "params.temperature", "finite"),
    ("params: {temperature: '1'}", 1, "params.temperature", "valid number"),
    ("params: {temperature: true}", 1, "params.temperature", "valid number"),
    ("params: {max_tokens: 0}", 1, "params.max_tokens", "greater than or equal to 1"),
    ("params: {max_tokens: 1.5}", 1, "params.max_tokens", "integer"),
    ("params: {top_p: 0}", 1, "params.top_p", "greater than 0"),
    ("params: {min_p: 2}", 1, "params.min_p", "less than or equal to 1"),
    ("params:\n  stop: ['', a]", 2, "params.stop.0", "at least 1 character"),
    ("examples: {pool: p, k: -1}", 1, "examples.k", "greater than or equal to 0"),
    ("examples: {pool: p, select: best}", 1, "examples.select", "'similar' or 'diverse'"),
    ("schema:\n  type: objekt", 2, "schema.type", "not a JSON Schema"),
    ("schema: '{'", 1, "schema", "not JSON"),
    ("schema: '3'", 1, "schema", "should be a mapping"),
    ("3: x", 1, "", "the key 3 should be text"),
    ("inputs:\n  q: !!python/object:os.system {}", 2, "inputs.q", "the tag"),
    ("description: x\ndescription: y", None, "", "duplicate key"),
    ("instructions: |\n  one\n  {{ nmae }}\ninputs: [name]", 3, "instructions", "did you mean `name`?"),
    ("instructions: |\n  one\n  two {{ }}", 3, "instructions", "Expected an expression"),
    ("instructions: |\n\n\n  one\n  {% if %}", 5, "instructions", "Expected an expression"),
    ("instructions: |-  # keep\n  one\n  {% if x %}", 3, "instructions", "Unexpected end of template"),
    ("instructions: >\n  one\n  two {{ }}", 1, "instructions", "Expected an expression"),
    ("instructions: '{{ documents }}'", 1, "instructions", "uses `documents`, which no input declares"),
    ("user: '{{ a }} {{ b }}'", 1, "user", "uses `a`, `b`, which no input declares"),
    ("instructions: |\n  {% user %}x{% enduser %}", 2, "instructions", "`layout`"),
    ("layout: |\n  {% user %}x{% enduser %}\n  y", 3, "layout", "outside of the messages"),
    ("layout: |\n  {{ question|uper }}\ninputs: [question]", 2, "layout", "did you mean `upper`?"),
    ("layout: '{{ shots }}'", 1, "layout", "uses `shots`"),
    ("layout: '{% include \"x\" %}'", 1, "layout", "include"),
]


@pytest.mark.parametrize(("text", "line", "field", "words"), WRONG)
def test_a_wrong_file_is_refused_with_file_line_and_field(text: str, line: int | None, field: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert caught.value.file == "templates/t.yaml"
    assert line is None or caught.value.line == line
    assert not field or caught.value.field == field
    assert words in str(caught.value)


def test_aliases_that_multiply_are_refused() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(TemplateError, match="aliases"):
        parse("\n".join(rows))
    with pytest.raises(TemplateError, match="nested too deeply"):
        parse("schema: " + "[" * 60 + "]" * 60)


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_parsing_any_text_gives_a_template_or_a_template_error(text: str) -> None:
    with contextlib.suppress(TemplateError):
        assert isinstance(parse(text), Template)


@given(
    st.lists(
        st.sampled_from(
            ["{{", "}}", "{%", "%}", "{#", "#}", " if ", "x", "endif", "for", "in", "|", "(", "'", "\n", "user", "-"]
        ),
        max_size=20,
    )
)
@settings(max_examples=150, deadline=None)
def test_parsing_any_layout_gives_a_template_or_a_template_error(words: list[str]) -> None:
    text = f"inputs: [x]\nlayout: {json.dumps(''.join(words))}"
    with contextlib.suppress(TemplateError):
        assert tiles(templates.render(parse(text), {"x": "v"}))


def test_the_standard_layout_puts_stable_text_first() -> None:
    prompt = templates.render(parse(FULL), {"question": "Who won?"}, documents=DOCUMENTS, shots=SHOTS)
    assert [(m.role, m.content) for m in prompt.messages] == [
        ("system", "Answer the question.\nReply in a dry tone.\n\n# Title\nFirst.\n\nSecond."),
        ("user", "Q1"),
        ("assistant", "A1"),
        ("user", "Q2"),
        ("assistant", "A2"),
        ("user", "Who won?"),
    ]
    assert tiles(prompt)
    assert [(span.section, span.source, span.label, text) for span, text in prompt.texts()] == [
        ("instructions", "", "public", "Answer the question.\n"),
        ("output_format", "", "public", "Reply in a "),
        ("input", "tone", "public", "dry"),
        ("output_format", "", "public", " tone.\n"),
        ("layout", "", "public", "\n"),
        ("context", "a.md", "internal", "# Title\nFirst.\n"),
        ("layout", "", "public", "\n"),
        ("context", "b.md", "public", "Second."),
        ("examples", "one", "public", "Q1"),
        ("examples", "one", "public", "A1"),
        ("examples", "two", "confidential", "Q2"),
        ("examples", "two", "confidential", "A2"),
        ("input", "question", "public", "Who won?"),
    ]


def test_sources_name_everything_handed_in_with_its_label() -> None:
    prompt = templates.render(
        parse(FULL + "layout: nothing of it\n"), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS, label="internal"
    )
    assert [m.content for m in prompt.messages] == ["nothing of it"]
    assert [(s.section, s.name, s.label) for s in prompt.sources] == [
        ("layout", "templates/t.yaml", "public"),
        ("context", "a.md", "internal"),
        ("context", "b.md", "public"),
        ("examples", "one", "public"),
        ("examples", "two", "confidential"),
        ("input", "question", "internal"),
        ("input", "tone", "internal"),
    ]
    assert prompt.sources[1].sha256 == DOCUMENTS[0].sha256


@pytest.mark.parametrize("section", ["instructions", "output_format", "context", "examples"])
def test_a_section_left_out_is_in_no_message_and_no_source(section: Any) -> None:
    everything = templates.render(parse(FULL), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS)
    less = templates.render(parse(FULL), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS, without=[section])
    gone = {s.section for s in everything.spans} - {s.section for s in less.spans}
    assert gone - {"layout"} == {section}
    assert section not in {s.section for s in less.sources}
    assert tiles(less)


def test_only_switchable_sections_can_be_left_out() -> None:
    with pytest.raises(TemplateError, match="`input` cannot be left out"):
        templates.render(parse(FULL), {"question": "x"}, without=["input"])


@pytest.mark.parametrize(
    ("text", "inputs", "rendered"),
    [
        ("inputs: [q]", {"q": " as it is\n"}, "user: as it is\n"),
        ("inputs: [a, b]", {"a": "1", "b": "2\n3"}, "user:a: 1\nb: 2\n3"),
        ("inputs: {n: {type: number}}", {"n": 1.5}, "user:1.5"),
        ("inputs: {n: {type: boolean}}", {"n": True}, "user:true"),
        ("inputs: {n: {type: list}}", {"n": [1, "a", None]}, 'user:[1, "a", null]'),
        ("inputs: {n: {type: object}}", {"n": {"ä": 1}}, 'user:{"ä": 1}'),
        ("inputs: {n: {type: list}}\nuser: '{% for x in n %}-{{ x.k }}{% endfor %}'", {"n": [{"k": "v"}]}, "user:-v"),
        ("instructions: hello", {}, "system:hello"),
        ("instructions: |\n  a\n\noutput_format: b", {}, "system:a\nb"),
        ("instructions: |+\n  a\n\noutput_format: b", {}, "system:a\n\nb"),
        ("inputs: [q]\nlayout: '{{ q }}!'", {"q": "x"}, "user:x!"),
        ("inputs: [q]\ninstructions: 'i'\nlayout: '{{ instructions }}{{ user }}'", {"q": "x"}, "user:ix"),
        ("inputs: [q]\nlayout: '{% assistant %}{{ q }}{% endassistant %}'", {"q": "x"}, "assistant:x"),
        ("layout: '{% user %}{% enduser %}{% system %}s{% endsystem %}'", {}, "system:s"),
        ("schema: {type: object}\noutput_format: 'As {{ schema }}'", {}, 'system:As {"type":"object"}'),
    ],
)
def test_rendering(text: str, inputs: dict[str, Any], rendered: str) -> None:
    assert plain(parse(text), **inputs) == rendered


def test_a_value_without_text_keeps_its_origin() -> None:
    prompt = templates.render(parse("inputs: {n: {type: number}}\nuser: 'n={{ n }}'"), {"n": 3})
    assert [(s.section, s.source, text) for s, text in prompt.texts()] == [("input", "", "n="), ("input", "n", "3")]


def test_an_input_inside_the_instructions_is_a_span_of_its_own() -> None:
    prompt = templates.render(parse("inputs: [who]\ninstructions: 'You are {{ who }}.'"), {"who": "a poet"})
    assert [(s.section, s.source, text) for s, text in prompt.texts()][:3] == [
        ("instructions", "", "You are "),
        ("input", "who", "a poet"),
        ("instructions", "", "."),
    ]


def test_the_user_text_is_the_same_for_the_question_and_the_examples() -> None:
    template = parse("inputs: [question]\nuser: 'Q: {{ question|trim }}'")
    prompt = templates.render(template, {"question": " x "}, shots=SHOTS[:1])
    assert [(s.section, s.source, text) for s, text in prompt.texts()] == [
        ("examples", "one", "Q: Q1"),
        ("examples", "one", "A1"),
        ("input", "", "Q: "),
        ("input", "question", "x"),
    ]


def test_a_layout_reads_documents_and_examples_by_their_fields() -> None:
    layout = (
        "{% for d in documents %}{{ d.path }}={{ d.title }};{% endfor %}"
        "{% for e in examples %}{{ e.id }}:{{ e.inputs.question }}>{{ e.output }};{% endfor %}{{ question }}"
    )
    template = parse(f"inputs: [question]\nlayout: {json.dumps(layout)}")
    prompt = templates.render(template, {"question": "x"}, documents=DOCUMENTS, shots=SHOTS)
    assert prompt.messages[0].content == "a.md=Title;b.md=b.md;one:Q1>A1;two:Q2>A2;x"
    assert tiles(prompt)


@pytest.mark.parametrize(
    ("text", "title"),
    [("a\n## Two words ##\n# b", "Two words"), ("no heading", "d.md"), ("#hash\n#  \n# x", "x"), ("# a\r\nb", "a")],
)
def test_the_title_is_the_first_heading_or_the_file(text: str, title: str) -> None:
    template = parse("layout: '{{ documents[0].title }}'")
    assert templates.render(template, {}, documents=[Document("x/d.md", text)]).messages[0].content == title


def test_every_missing_variable_is_named_in_one_error() -> None:
    template = replace(parse("description: x\ninputs: [ticket, tone, q]"), instructions="{{ a }}", layout="{{ b }}")
    with pytest.raises(TemplateError) as caught:
        templates.render(template, {"q": "x"})
    assert "missing `ticket`, `tone`, `a`, `b`" in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("templates/t.yaml", 2)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"q": 3, "n": 1}, "the input `q` should be a string, not int"),
        ({"q": "x", "n": "1"}, "the input `n` should be a number, not str"),
        ({"q": "x", "n": float("nan")}, "the input `n` should be a finite number"),
        ({"q": "x", "n": 1, "qq": "y"}, "there is no input `qq`"),
        ({"q": "x", "n": 1, "list": [{1, 2}]}, "the input `list` holds a set"),
        ({"q": "x", "n": 1, "list": {}}, "the input `list` should be a list, not dict"),
    ],
)
def test_a_wrong_input_is_named(inputs: dict[str, Any], words: str) -> None:
    template = parse("inputs: {q: , n: {type: number}, list: {type: list, default: []}}")
    with pytest.raises(TemplateError, match=words.replace("(", r"\(")) as caught:
        templates.render(template, inputs)
    assert caught.value.file == "templates/t.yaml"


def test_an_example_that_lacks_an_input_is_named() -> None:
    with pytest.raises(TemplateError, match="example `one` lacks `tone`"):
        templates.render(parse("inputs: [question, tone]"), {"question": "x", "tone": "y"}, shots=SHOTS)


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("inputs: [q]\ninstructions: |\n  a\n  {{ q.nope }}\n", 4, "instructions", "no `nope`"),
        ("inputs: [q]\nuser: |\n  {{ q / 2 }}\n", 3, "user", "unsupported operand"),
        ("layout: |\n  a\n  {{ documents[3].text }}\n", 3, "layout", "no `3`"),
        ("layout: |\n  {{ documents }}{% for d in [1] %}{{ d.text }}{% endfor %}\n", 2, "layout", ""),
        ("layout: |\n\n  {{ 'A' * 10**9 }}\n", 3, "layout", "stopped"),
        (
            "instructions: |\n  {% for a in range(9999) %}\n  {% for a in range(9999) %}{% endfor %}{% endfor %}",
            3,
            "instructions",
            "stopped",
        ),
    ],
)
def test_a_mistake_while_rendering_names_file_line_and_field(text: str, line: int, field: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.render(parse(text), {"q": "x"} if "[q]" in text else {}, limits=RenderLimits(steps=50_000))
    assert (caught.value.file, caught.value.line, caught.value.field) == ("templates/t.yaml", line, field)
    assert words in str(caught.value)


def test_what_was_lent_comes_back_unchanged() -> None:
    inputs = {"items": [{"k": ["v"]}]}
    templates.render(parse("inputs: {items: {type: list}}\nuser: '{{ items }}'"), inputs)
    assert inputs == {"items": [{"k": ["v"]}]}
    assert type(inputs["items"][0]["k"][0]) is str


def test_messages_are_plain_text() -> None:
    prompt = templates.render(parse(FULL), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS)
    assert {type(m.content) for m in prompt.messages} == {str}
    assert {type(s.source) for s in prompt.spans} == {str}


def test_two_renders_are_the_same() -> None:
    first = templates.render(parse(FULL), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS)
    assert first == templates.render(parse(FULL), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS)


words = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


@given(instructions=words, output_format=words, question=words, document=words, shot=words, output=words)
@settings(max_examples=200, deadline=None)
def test_spans_tile_every_message_and_values_come_out_verbatim(
    instructions: str, output_format: str, question: str, document: str, shot: str, output: str
) -> None:
    # Braces of the section texts would be Jinja; those of values must come through.
    texts = [text.replace("{", "(") for text in (instructions, output_format)]
    template = replace(parse("inputs: [question]"), instructions=texts[0], output_format=texts[1])
    prompt = templates.render(
        template,
        {"question": question},
        documents=[Document("d.md", document, "internal")],
        shots=[Example("e", {"question": shot}, output)],
    )
    assert tiles(prompt)
    for section, parts in {
        "instructions": [texts[0]],
        "output_format": [texts[1]],
        "context": [document],
        "examples": [shot, output],
        "input": [question],
    }.items():
        assert [text for span, text in prompt.texts() if span.section == section] == [part for part in parts if part]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**6), 10**6) | words,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=8,
    )
)
@settings(max_examples=100, deadline=None)
def test_data_prints_as_the_same_json(value: Any) -> None:
    template = parse("inputs: {x: {type: list}}\nuser: '{{ x }}'")
    prompt = templates.render(template, {"x": [value]})
    assert json.loads(prompt.messages[0].content) == [value]
    assert tiles(prompt)


def workspace(tmp_path: Path, **files: str) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    (tmp_path / "templates").mkdir()
    for name, text in files.items():
        (tmp_path / "templates" / f"{name}.yaml").write_text(text)
    return Workspace.load(tmp_path)


def test_a_template_is_found_by_name_path_and_absolute_path(tmp_path: Path) -> None:
    here = workspace(tmp_path, triage="description: x")
    for path in ("triage", "templates/triage.yaml", str(tmp_path / "templates/triage.yaml")):
        assert templates.load(here, path).path == "templates/triage.yaml"
    assert templates.template_paths(here) == ["templates/triage.yaml"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("triag", "did you mean `triage`?"),
        ("templates/triage.yml", "did you mean `templates/triage.yaml`?"),
        ("../outside.yaml", "leads out of the workspace"),
        ("a\0b.yaml", "null byte"),
        ("templates/", "there is no such template"),
        ("", "there is no such template"),
    ],
)
def test_a_template_that_is_not_there_is_an_error_with_the_nearest(tmp_path: Path, path: str, words: str) -> None:
    with pytest.raises(TemplateError, match=words.replace("?", r"\?")):
        templates.load(workspace(tmp_path, triage="description: x"), path)


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        ("description: x\ncontext: [templates/a.yam]", 2, "context.0", "did you mean `templates/a.yaml`?"),
        ("context:\n  - templates/a.yaml\n  - nowhere/b.md", 3, "context.1", "no file `nowhere/b.md`"),
        ("context: [../x.md]", 1, "context.0", "leads out"),
        ("examples:\n  pool: p.jsonl", 2, "examples.pool", "no file `p.jsonl`"),
    ],
)
def test_files_a_template_names_must_be_there(tmp_path: Path, text: str, line: int, field: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.load(workspace(tmp_path, a=text), "a")
    assert (caught.value.line, caught.value.field) == (line, field)
    assert words in str(caught.value)


def test_no_templates_folder_means_no_templates(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    assert templates.template_paths(Workspace.load(tmp_path)) == []


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "3", "3"),
        ("number", "3", 3),
        ("number", "0.5", 0.5),
        ("boolean", "true", True),
        ("list", '["a"]', ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
    ],
)
def test_typed_text_becomes_a_value(kind: str, text: str, value: Any) -> None:
    template = parse(f"inputs: {{x: {{type: {kind}}}}}")
    assert templates.inputs_from_text(template, {"x": text}) == {"x": value}


@pytest.mark.parametrize(
    ("kind", "text"), [("number", "three"), ("number", "true"), ("list", "{}"), ("boolean", "yes")]
)
def test_typed_text_that_does_not_fit_is_refused(kind: str, text: str) -> None:
    with pytest.raises(TemplateError, match="x"):
        templates.inputs_from_text(parse(f"inputs: {{x: {{type: {kind}}}}}"), {"x": text})


def test_samples_and_defaults_fill_a_preview() -> None:
    template = parse("inputs: {a: {sample: s, default: d}, b: {default: d}, c: }")
    assert templates.sample_inputs(template) == {"a": "s", "b": "d"}


def test_the_file_schema_is_valid_and_describes_every_key() -> None:
    schema = templates.file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    objects = [schema, *schema["$defs"].values()]
    for part in objects:
        for name, key in part["properties"].items():
            assert key.get("description"), f"{part['title']}.{name} has no description"


@pytest.mark.parametrize(
    "text",
    [FULL, "inputs: [a, b]", "inputs: {a: }", "params: {stop: x}", "schema: '{}'", "user: null\nlayout: null"],
)
def test_the_file_schema_accepts_what_parse_accepts(text: str) -> None:
    parse(text)
    data = parse_yaml(text, shown="t", error=TemplateError).data
    jsonschema.validate(json.loads(json.dumps(data)), templates.file_schema())


@pytest.mark.parametrize("text", ["instruction: x", "params: {max_tokens: 0}", "inputs: {a: {typ: x}}", "context: x"])
def test_the_file_schema_refuses_what_parse_refuses(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(text)
    data = parse_yaml(text, shown="t", error=TemplateError).data
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(json.dumps(data)), templates.file_schema())


HERE = Workspace.load(ROOT)


def test_the_repository_has_its_first_template() -> None:
    assert "templates/world-cup.yaml" in templates.template_paths(HERE)


@pytest.mark.parametrize("path", templates.template_paths(HERE))
def test_every_template_of_the_repository_renders_with_its_samples(path: str) -> None:
    template = templates.load(HERE, path)
    assert template.description, "say what it is for"
    inputs = templates.sample_inputs(template)
    assert inputs.keys() == template.inputs.keys()
    assert check_template(HERE, path) == ()
    prompt = render_with_samples(HERE, template)
    assert tiles(prompt)
    assert {span.section for span in prompt.spans} <= set(SECTIONS)
    assert prompt.messages[-1].role == "user"


DOC = (ROOT / "docs/templates.md").read_text(encoding="utf-8")


def listed(start: str) -> list[str]:
    """The words in backticks of the paragraph that begins with `start`, up to its first full stop."""
    paragraph = DOC.split(f"\n{start}", 1)[1].split("\n\n")[0]
    return re.findall(r"`(\w+)`", re.split(r"`\.", paragraph)[0] + "`")


def block(start: str, page: str = "templates") -> str:
    """The indented block of a page that begins with `start`, without its indent."""
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    rows = f"    {start}{text.split(f'    {start}', 1)[1]}".split("\n")
    found = itertools.takewhile(lambda row: not row or row.startswith("    "), rows)
    return "\n".join(row[4:] for row in found).strip("\n") + "\n"


def test_the_page_documents_every_key_in_order() -> None:
    keys = re.findall(r"^\| `(\w+)` \|", DOC.split("## Inputs")[0], re.MULTILINE)
    schema = templates.file_schema()
    assert keys == list(schema["properties"])
    for key, part in (("params", "_Params"), ("examples", "_Examples")):
        row = next(row for row in DOC.split("\n") if row.startswith(f"| `{key}`"))
        assert re.findall(r"`(\w+)`", row)[1:] == list(schema["$defs"][part]["properties"])


def test_the_page_lists_what_templates_may_use() -> None:
    assert listed("Filters:") == list(FILTERS)
    assert listed("Methods of text:") == sorted(ALLOWED_TEXT_METHODS)
    assert listed("Functions:") == sorted(JINJA_ENVIRONMENT.globals)
    names = re.findall(r"^\| `(\w+)` \|", DOC.split("## Your own layout")[1], re.MULTILINE)
    assert tuple(names) == LAYOUT_NAMES


def test_the_page_shows_the_standard_layout() -> None:
    assert block("{% system -%}") == STANDARD_LAYOUT


def test_the_page_states_the_limits() -> None:
    limits = RenderLimits()
    for value in (limits.output, limits.made, limits.steps):
        assert f"{value // 1_000_000} million" in " ".join(DOC.split())
    assert f"{limits.seconds:g} seconds" in DOC


def test_the_examples_of_the_page_are_accepted(tmp_path: Path) -> None:
    assert parse(block("# templates/world-cup.yaml")).examples == ShotChoice("fixtures/examples/world-cup.jsonl", 2)
    here = workspace(tmp_path)
    (tmp_path / "p.jsonl").write_text(block('{"id"', "examples"))
    assert examples.load_pool(here, "p.jsonl")[0].tags == ("short",)
    choice = parse(block("examples: {", "examples")).examples
    assert choice == ShotChoice("fixtures/examples/world-cup.jsonl", 4, "similar", order="similar_last")
    assert [c.by for c in parse(block("inputs: [question]", "documents")).passages.values()] == [
        "bm25",
        "heading",
        "range",
    ]


def test_a_labelled_template_file_labels_what_is_rendered_from_it(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "promptlab.yaml").write_text('labels: {"templates/secret*": confidential}\n')
    (tmp_path / "templates" / "secret-sauce.yaml").write_text("instructions: Ask nicely.\n")
    template = templates.load(Workspace.load(tmp_path), "secret-sauce")
    assert label_of_prompt(templates.render(template, {})) == "confidential"


def entry(choice: PassageChoice | None) -> str | dict[str, Any]:
    return template_edit.context_entry("b.md", choice)


def test_all_of_a_document_is_taken_again_by_an_entry_without_passages() -> None:
    source = "context:\n  - path: b.md\n    passages: {by: bm25}\n"
    assert not parse(template_edit.edit_template(source, {"context": [entry(None)]}, path="t.yaml")).passages


def test_passages_of_one_document_are_changed_and_the_others_stay() -> None:
    source = "context:\n  - a.md  # all of it\n  - {path: b.md, passages: {by: bm25}}\n"
    half = PassageChoice("range", start=2, end=9)
    context = template_edit.context_with_passages(parse(source), "b.md", half)
    edited = template_edit.edit_template(source, {"context": context}, path="t.yaml")
    assert parse(edited).passages == {"b.md": half}
    assert edited.startswith("context:\n  - a.md  # all of it\n")
    # What is taken back is no change any more, and taking all of what the file takes in part is one.
    assert template_edit.context_with_passages(parse(edited), "b.md", None, original=parse(source)) == [
        "a.md",
        {"path": "b.md"},
    ]
    plain = parse("context: [a.md, b.md]\n")
    assert template_edit.context_with_passages(parse(source), "b.md", None, original=plain) == ["a.md", "b.md"]
    context = template_edit.context_with_passages(parse(source), "a.md", half)
    assert parse(template_edit.edit_template(source, {"context": context}, path="t.yaml")).passages == {
        "a.md": half,
        "b.md": PassageChoice("bm25"),
    }


@pytest.mark.parametrize(
    ("written", "choice"),
    [
        ("{by: bm25}", PassageChoice("bm25")),
        (
            "{by: bm25, n: 2, query: [question], max_characters: 900}",
            PassageChoice("bm25", n=2, query=("question",), max_characters=900),
        ),
        ("{by: bm25, n: 1, max_tokens: 300}", PassageChoice("bm25", n=1, max_tokens=300)),
        ("{by: heading, headings: [Final]}", PassageChoice("heading", ("Final",))),
        ("{by: range, words: [2, 9]}", PassageChoice("range", unit="words", start=2, end=9)),
    ],
)
def test_a_document_may_be_taken_in_passages(written: str, choice: PassageChoice) -> None:
    template = parse(f"inputs: [question]\ncontext:\n  - a.md\n  - path: b.md\n    passages: {written}\n")
    assert template.context == ("a.md", "b.md")
    assert template.passages == {"b.md": choice}
    assert parse(
        template_edit.new_template({"inputs": ["question"], "context": [entry(choice)]}, path="t.yaml")
    ).passages == {"b.md": choice}
    jsonschema.Draft202012Validator(templates.file_schema()).validate({"context": ["a.md", {"path": "b.md"}]})


def test_the_ways_to_choose_shots_are_read() -> None:
    template = parse("examples: {pool: p, k: 3, select: balanced, order: similar_last, balance: tag, seed: 4}")
    assert template.examples == ShotChoice("p", 3, "balanced", 4, "similar_last", "tag")
