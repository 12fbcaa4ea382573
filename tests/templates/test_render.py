"""Rendering: which source each character of a prompt is from, and what a render refuses.

Each source has letters of its own here, so that a character alone tells where it came from.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.errors import TemplateError
from promptlab.templates import _load as templates
from promptlab.templates._jinja import STANDARD_LAYOUT
from promptlab.templates._limits import RenderLimits as Limits
from promptlab.templates._render import render
from promptlab.templates._template import Template
from promptlab.types import SWITCHABLE, Document, Example, Place, Prompt, Section, canonical_json, sha256

Provenance = tuple[str, str, str]
"""Section, source and label of a character."""


def parse(text: str) -> Template:
    return templates.parse(text, path="templates/t.yaml")


def provenances(prompt: Prompt) -> list[list[Provenance]]:
    """Section, source and label of each character of each message. Fails unless each is in exactly one span."""
    of_messages: list[list[list[Provenance]]] = [[[] for _ in message.content] for message in prompt.messages]
    for span in prompt.spans:
        assert 0 <= span.start < span.end <= len(prompt.messages[span.message].content)
        for at in range(span.start, span.end):
            of_messages[span.message][at].append((span.section, span.source, span.label))
    assert all(len(spans) == 1 for message in of_messages for spans in message)
    return [[spans[0] for spans in message] for message in of_messages]


def pieces(prompt: Prompt) -> list[tuple[str, str, str]]:
    """Section, source and text of each span."""
    return [(span.section, span.source, text) for span, text in prompt.texts()]


def contents(prompt: Prompt) -> list[str]:
    return [message.content for message in prompt.messages]


# Every character has one source, the right one

LETTERS: dict[str, Provenance] = {
    "ai\n": ("instructions", "", "public"),
    "bo ": ("output_format", "", "public"),
    "cd{": ("context", "one.md", "internal"),
    "ef}": ("context", "two.md", "confidential"),
    "gh%": ("examples", "first", "public"),
    "jk#": ("examples", "second", "internal"),
    "qr'": ("input", "question", "internal"),
    "tu\t": ("input", "tone", "internal"),
    "xy": ("layout", "", "public"),
    "vw": ("input", "", "internal"),
}
OWNERS = {letter: owner for letters, owner in LETTERS.items() for letter in letters if letter.isalpha()}
LAYOUTS = [
    None,
    "{% user %}x{{ instructions }}y{% enduser %}{% assistant %}{{ user }}{% endassistant %}",
    "{% for d in documents %}{% system %}x{{ d.text }}y{% endsystem %}{% endfor %}{% user %}{{ tone }}{% enduser %}",
    "xy{{ output_format }}{% for e in examples %}{{ e.output ~ 'x' ~ e.user }}{% endfor %}y{{ question }}",
    "{% macro m(t) %}x{{ t }}y{% endmacro %}{{ m(question) }}{% for d in documents %}{{ m(d.text) }}{% endfor %}"
    "{{ m(tone)[1:] }}",
    "{% set b %}{{ user }}x{{ instructions }}{% endset %}{{ b }}{{ b|trim }}{{ [b, tone]|join('y') }}",
    "{% filter upper|lower %}{{ question }}x{{ examples|map(attribute='output')|join('y') }}{% endfilter %}",
    "{{ (question ~ 'xy' ~ tone)[::-1] }}{{ (instructions ~ question)[1:-1] }}{{ user.split('r')|join('x') }}",
]


def letters(number: int) -> st.SearchStrategy[str]:
    return st.text(list(LETTERS)[number], min_size=1, max_size=6)


@given(
    texts=st.tuples(*map(letters, range(8))),
    layout=st.sampled_from(LAYOUTS),
    own_user=st.booleans(),
    without=st.sets(st.sampled_from(SWITCHABLE)),
)
@settings(max_examples=300)
def test_each_character_is_in_one_span_of_its_own_source(
    texts: tuple[str, ...],
    layout: str | None,
    own_user: bool,
    without: set[Section],
) -> None:
    instructions, output_format, one, two, first, second, question, tone = texts
    template = replace(
        parse("inputs: [question, tone]"),
        instructions=instructions,
        output_format=output_format,
        layout=layout,
        user="vw{{ question }}w{{ tone }}v" if own_user else "{{ tone }}{{ question }}",
    )
    prompt = render(
        template,
        {"question": question, "tone": tone},
        documents=[Document("one.md", one, "internal"), Document("two.md", two, "confidential")],
        shots=[
            Example("first", {"question": first, "tone": first}, first),
            Example("second", {"question": second, "tone": second}, second, label="internal"),
        ],
        without=without,
        label="internal",
    )
    for message, owners in zip(prompt.messages, provenances(prompt), strict=True):
        for letter, owner in zip(message.content, owners, strict=True):
            if letter in "vw":  # text of `user` is of the question or of the example that it is written for
                assert owner in {OWNERS[letter], OWNERS["g"], OWNERS["j"]}
            elif letter in OWNERS:
                assert owner == OWNERS[letter]
    assert not {span.section for span in prompt.spans} & without


EVERYTHING = """\
inputs:
  question: {sample: Who?}
  tone: {default: dry}
instructions: "I {{ tone }} I"
output_format: "O {{ schema }}"
user: "U {{ question }}"
schema: {type: string}
"""
DOCUMENTS = (Document("d/one.md", "# Title\nD1", "internal"), Document("two.md", "D2", "confidential"))
SHOTS = (Example("s1", {"question": "Q1"}, "A1"), Example("s2", {"question": "Q2"}, "A2", label="internal"))

SPANS: list[tuple[str, list[tuple[str, str, str, str]]]] = [
    ("{{ documents[0].title }}", [("context", "d/one.md", "internal", "Title")]),
    ("{{ documents[1].title }}", [("context", "two.md", "confidential", "two.md")]),
    ("{{ documents[0].path[:2] }}", [("context", "d/one.md", "internal", "d/")]),
    ("{{ examples[1].id }}", [("examples", "s2", "internal", "s2")]),
    ("{{ examples[1].inputs.question }}", [("examples", "s2", "internal", "Q2")]),
    ("{{ examples[1].inputs.tone }}", [("examples", "s2", "internal", "dry")]),
    ("{{ examples[1].user }}", [("examples", "s2", "internal", "U Q2")]),
    ("{{ schema }}", [("output_format", "", "public", '{"type":"string"}')]),
    ("{{ output_format[:4] }}", [("output_format", "", "public", 'O {"')]),
    ("{{ instructions[:3] }}", [("instructions", "", "public", "I "), ("input", "tone", "confidential", "d")]),
    ("{{ user }}", [("input", "", "confidential", "U "), ("input", "question", "confidential", "x")]),
    ("{{ tone|length }}", [("input", "tone", "confidential", "3")]),
    # What is made of several takes the highest label of them.
    ("{{ documents|length }}", [("context", "", "confidential", "2")]),
    ("{{ examples|length }}", [("examples", "", "internal", "2")]),
    ("{{ documents|map(attribute='path')|list }}", [("context", "two.md", "confidential", '["d/one.md", "two.md"]')]),
    ("{{ 1 + 1 }}", [("layout", "", "public", "2")]),
]


@pytest.mark.parametrize(("layout", "spans"), SPANS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_span_has_section_source_and_label_of_its_text(layout: str, spans: list[tuple[str, str, str, str]]) -> None:
    template = replace(parse(EVERYTHING), layout=layout)
    prompt = render(template, {"question": "x"}, documents=DOCUMENTS, shots=SHOTS, label="confidential")
    assert [(s.section, s.source, s.label, text) for s, text in prompt.texts()] == spans


@pytest.mark.parametrize("user", [None, "{{ q|length }}{{ n }}", "q={{ q }};{{ schema|length }}"])
def test_a_turn_of_an_example_is_of_the_example_and_that_of_the_question_of_the_inputs(user: str | None) -> None:
    template = replace(parse("inputs: {q: , n: {type: number}}\nschema: {type: object}"), user=user)
    inputs: Any = {"q": "Q", "n": 7}
    prompt = render(template, inputs, shots=[Example("s", inputs, "A", label="internal")])
    owners = provenances(prompt)
    of_schema = {owner for owner in owners[0] if owner[0] == "output_format"}
    assert prompt.messages[0].content == prompt.messages[2].content
    assert set(owners[0]) - of_schema == {("examples", "s", "internal")}
    assert {(section, label) for section, _, label in set(owners[2]) - of_schema} == {("input", "public")}
    assert bool(of_schema) == (user is not None and "schema" in user)


@pytest.mark.parametrize("label", ["public", "internal", "confidential"])
def test_the_label_given_is_that_of_the_inputs_and_of_nothing_else(label: Any) -> None:
    prompt = render(parse(EVERYTHING), {"question": "x"}, documents=DOCUMENTS, shots=SHOTS, label=label)
    assert {span.label for span in prompt.spans if span.section == "input"} == {label}
    assert {(span.source, span.label) for span in prompt.spans if span.section in ("context", "examples")} == {
        ("d/one.md", "internal"),
        ("two.md", "confidential"),
        ("s1", "public"),
        ("s2", "internal"),
    }
    assert {s.label for s in prompt.spans if s.section in ("instructions", "output_format", "layout")} == {"public"}


def test_a_source_has_the_hash_and_the_places_of_what_was_handed_in() -> None:
    template = parse("inputs: {q: , n: {type: list}}")
    document = Document("d.md:1-9", "D", file="d.md")
    shot = Example("s", {"q": "Q", "n": "2"}, "A", origins=(Place("e.md"),), pool="p.jsonl")
    places = {"": (Place("cases.jsonl", "c1"),), "q": (Place("q.md"),)}
    prompt = render(template, {"q": "x", "n": [1]}, documents=[document], shots=[shot], places=places)
    body = canonical_json({"id": "s", "inputs": {"q": "Q", "n": "2"}, "output": "A"})
    assert [(s.section, s.name, s.sha256, s.places) for s in prompt.sources] == [
        ("layout", "templates/t.yaml", template.sha256, (Place("templates/t.yaml"),)),
        ("context", "d.md:1-9", sha256("D"), (Place("d.md"),)),
        ("examples", "s", sha256(body), (Place("p.jsonl", "s"), Place("e.md"))),
        ("input", "q", sha256("x"), (Place("cases.jsonl", "c1"), Place("q.md"))),
        ("input", "n", sha256("[1]"), (Place("cases.jsonl", "c1"),)),
    ]


# Sections that are switched off

MARKS = {"instructions": "I", "output_format": "O", "context": "D", "examples": "A"}
SIMPLE = parse("inputs: [q]\ninstructions: I\noutput_format: O")
OPEN_LAYOUT = (
    "[{{ instructions }}|{{ output_format }}|{{ documents|map(attribute='text')|join }}|"
    "{{ examples|map(attribute='output')|join }}|{{ q }}]"
)


@pytest.mark.parametrize("layout", [None, OPEN_LAYOUT, f"{{% user %}}{OPEN_LAYOUT}{{% enduser %}}"])
@pytest.mark.parametrize(
    "without", [c for n in range(5) for c in itertools.combinations(SWITCHABLE, n)], ids=lambda c: "+".join(c) or "none"
)
def test_exactly_the_sections_switched_off_are_missing(without: Collection[Section], layout: str | None) -> None:
    shots = [Example("s", {"q": "A"}, "A")]
    prompt = render(
        replace(SIMPLE, layout=layout), {"q": "x"}, documents=[Document("d", "D")], shots=shots, without=without
    )
    on = set(SWITCHABLE) - set(without)
    assert {span.section for span in prompt.spans} - {"layout", "input"} == on
    assert {source.section for source in prompt.sources} == {"layout", "input"} | (on & {"context", "examples"})
    provenances(prompt)
    if layout is None:
        system = "\n".join(MARKS[part] for part in ("instructions", "output_format") if part in on)
        system = "\n\n".join(part for part in (system, "D" if "context" in on else "") if part)
        turns = ["A", "A"] if "examples" in on else []
        assert contents(prompt) == [*([system] if system else []), *turns, "x"]
    else:
        assert contents(prompt) == ["[" + "|".join(MARKS[s] if s in on else "" for s in SWITCHABLE) + "|x]"]


def test_a_section_switched_off_asks_for_no_variables() -> None:
    template = replace(parse("inputs: [q]"), instructions="{{ nowhere }}", output_format="{{ elsewhere }}")
    prompt = render(template, {"q": "x"}, without=["instructions", "output_format"])
    assert contents(prompt) == ["x"]
    with pytest.raises(TemplateError, match="elsewhere") as caught:
        render(template, {"q": "x"}, without=["instructions"])
    assert "nowhere" not in str(caught.value)


@pytest.mark.parametrize("section", ["layout", "input", "user", "context ", "contexts"])
def test_what_cannot_be_switched_off_is_refused(section: Any) -> None:
    with pytest.raises(TemplateError, match="cannot be left out") as caught:
        render(SIMPLE, {"q": "x"}, without=["context", section])
    assert caught.value.file == "templates/t.yaml"


# Values are never rendered

JINJA = "{{ tone }}{% if 1 %}{{ user }}{% endif %}{# c #}{% raw %}{{ 7*7 }}{% enduser %}{{ '"


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("instructions: '{{ question }}'", "{{ instructions }}"),
        ("user: '{{ question }}'", "{{ user }}"),
        ("instructions: '{{ question }}'\noutput_format: x", "{% set a = instructions %}{{ a ~ '' }}"),
        ("user: '{% set a %}{{ question }}{% endset %}{{ a }}'", "{% user %}{{ user }}{% enduser %}"),
        ("user: '{% macro m(x) %}{{ x }}{% endmacro %}{{ m(question) }}'", "{{ user }}"),
        ("user: '{% for x in [question] %}{{ x }}{% endfor %}'", "{{ user }}"),
        ("user: '{{ [question]|join }}'", "{{ user }}"),
        ("user: '{{ question|string|default(1) }}'", "{{ user }}"),
        ("user: '{{ \"%s\"|format(question) }}'", "{{ user }}"),
        ("user: '{{ {question: 1}|list|first }}'", "{{ user }}"),
    ],
)
@pytest.mark.parametrize("way", ["given", "default"])
def test_an_input_passes_every_road_as_it_is(text: str, layout: str, way: str) -> None:
    inputs = {"question": {"default": JINJA} if way == "default" else {}, "tone": {"default": "T"}}
    template = replace(parse(f"inputs: {json.dumps(inputs)}\n{text}"), layout=layout)
    prompt = render(template, {"question": JINJA} if way == "given" else {})
    assert pieces(prompt) == [("input", "question", JINJA)]


@pytest.mark.parametrize(
    ("layout", "section"),
    [
        ("{{ documents[0].text }}", "context"),
        ("{{ documents[0].path }}", "context"),
        ("{{ documents[0].title }}", "context"),
        ("{{ examples[0].id }}", "examples"),
        ("{{ examples[0].output }}", "examples"),
        ("{{ examples[0].user }}", "examples"),
        ("{{ examples[0].inputs.question }}", "examples"),
        ("{{ schema }}", "output_format"),
        ("{{ output_format }}", "output_format"),
    ],
)
def test_other_values_pass_as_they_are(layout: str, section: str) -> None:
    schema = json.dumps({"title": JINJA})
    template = replace(
        parse("inputs: [question, tone]\nuser: '{{ question }}'\noutput_format: '{{ schema }}'"),
        layout=layout,
        schema=schema,
    )
    prompt = render(
        template,
        {"question": "x", "tone": "T"},
        documents=[Document(JINJA, JINJA if "title" not in layout else f"# {JINJA}\n")],
        shots=[Example(JINJA, {"question": JINJA, "tone": "T"}, JINJA)],
    )
    assert contents(prompt) == [schema if section == "output_format" else JINJA]
    assert {span.section for span in prompt.spans} == {section}


def test_keys_and_items_of_data_pass_as_they_are() -> None:
    template = parse(
        "inputs: {x: {type: object}}\nuser: '{% for k, v in x|items %}{{ k }}{{ v[0] }}{% endfor %}{{ x }}'"
    )
    prompt = render(template, {"x": {JINJA: [JINJA]}})
    assert contents(prompt) == [JINJA * 2 + json.dumps({JINJA: [JINJA]}, ensure_ascii=False)]
    assert {(span.section, span.source) for span in prompt.spans} == {("input", "x")}


# Whitespace

BYTES = [
    "",
    "a",
    "\n",
    " a \n",
    "\n\na\n\n",
    "a\r\nb\r\n",
    "a\rb",
    "\ta\t",
    "a \n ",
    "\u00a0a\u2028\x85",
    "\ufeffa",
    "a\0",
]


@pytest.mark.parametrize("text", BYTES, ids=repr)
@pytest.mark.parametrize("field", ["instructions", "output_format", "user", "layout"])
def test_a_text_keeps_its_whitespace_to_the_byte(field: str, text: str) -> None:
    layout = text if field == "layout" else f"{{{{ {field} }}}}"
    written: Any
    for written in (text, text + "{# tag #}", "{{ '' }}" + text, f"{{% raw %}}{text}{{% endraw %}}"):
        template = replace(SIMPLE, **{"layout": layout, field: written})
        assert "".join(contents(render(template, {"q": "x"}))) == text


@given(st.text(st.characters(exclude_characters="{"), max_size=40), st.sampled_from(["instructions", "user"]))
def test_a_text_with_a_tag_renders_as_it_does_without(text: str, field: str) -> None:
    def rendered(written: Any) -> list[str]:
        return contents(render(replace(SIMPLE, layout=f"{{{{ {field} }}}}", **{field: written}), {"q": "x"}))

    assert rendered(text) == rendered(text + "{# a tag #}") == ([text] if text else [])


@pytest.mark.parametrize("text", [text for text in BYTES if text], ids=repr)
def test_values_keep_their_whitespace_in_the_standard_layout(text: str) -> None:
    shots = [Example("s", {"q": text}, text)]
    prompt = render(parse("inputs: [q]"), {"q": text}, documents=[Document("d", text)], shots=shots)
    assert [(m.role, m.content) for m in prompt.messages] == [
        ("system", text),
        ("user", text),
        ("assistant", text),
        ("user", text),
    ]


# What is missing, in one error

MISSING: list[tuple[str, dict[str, Any], list[str]]] = [
    ("inputs: [a, b, c]", {}, ["a", "b", "c"]),
    ("inputs: [a, b, c]", {"b": "x"}, ["a", "c"]),
    ("inputs: [a, b]", {"a": None, "b": "x"}, ["a"]),
    ("inputs: {a: {default: x}, b: {sample: y}}", {}, ["b"]),
    ("inputs: {a: {default: x}}", {"a": None}, ["a"]),
    ("inputs: [a]\ninstructions: '{{ a }}{{ a }}'\nuser: '{{ a }}'", {}, ["a"]),
    ("inputs: {a: {type: list}, b: {type: boolean}, c: {type: number}}", {}, ["a", "b", "c"]),
]


@pytest.mark.parametrize(("text", "inputs", "names"), MISSING)
def test_all_that_is_missing_is_named_once_in_one_error(text: str, inputs: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        render(parse("description: d\n" + text), inputs)
    assert (caught.value.file, caught.value.line) == ("templates/t.yaml", 2)
    assert caught.value.what.split("`")[1::2] == names


@pytest.mark.parametrize(
    ("kind", "value"), [("string", ""), ("number", 0), ("boolean", False), ("list", []), ("object", {})]
)
def test_an_empty_value_is_not_missing(kind: str, value: Any) -> None:
    prompt = render(parse(f"inputs: {{a: {{type: {kind}}}}}\nuser: 'v{{{{ a }}}}'"), {"a": value})
    assert contents(prompt) == ["v" + (value if value == "" else json.dumps(value))]


def test_undeclared_variables_of_all_texts_are_in_the_same_error() -> None:
    fields: dict[str, Any] = {
        "instructions": "{{ f }}",
        "output_format": "{{ g }}",
        "user": "{{ h }}{{ f }}",
        "layout": "{{ k }}{{ g }}",
    }
    with pytest.raises(TemplateError) as caught:
        render(replace(parse("inputs: [a]"), **fields), {})
    assert caught.value.what.split("`")[1::2] == ["a", "f", "g", "h", "k"]


@pytest.mark.parametrize(
    ("inputs", "names"), [({}, ["a", "b"]), ({"a": "x"}, ["b"]), ({"b": "x", "z": "y"}, ["a"])], ids=str
)
def test_an_example_names_all_that_it_lacks(inputs: dict[str, str], names: list[str]) -> None:
    template = parse("inputs: {a: , b: , c: {default: x}}\nexamples: {pool: p.jsonl}\n")
    with pytest.raises(TemplateError) as caught:
        render(template, {"a": "1", "b": "2"}, shots=[Example("s", inputs, "A")])
    assert (caught.value.line, caught.value.field) == (2, "examples")
    assert caught.value.what.split("`")[1::2] == ["s", *names]


# Roles

ROLES: list[tuple[str, list[str]]] = [
    ("{{ q }}", ["user"]),
    ("{% system %}{{ q }}{% endsystem %}", ["system"]),
    ("{% user %}{{ q }}{% enduser %}{% user %}{{ q }}{% enduser %}", ["user", "user"]),
    ("{% assistant %}{{ q }}{% endassistant %}{% system %}{{ q }}{% endsystem %}", ["assistant", "system"]),
    ("{% for d in documents %}{% user %}{{ q }}{% enduser %}{% endfor %}", ["user", "user"]),
    ("{% if q %}{% system %}{{ q }}{% endsystem %}{% else %}{% user %}{{ q }}{% enduser %}{% endif %}", ["system"]),
    ("{# {% user %} #}{% system %}{{ q }}{% endsystem %}", ["system"]),
    ("{% system %}{% raw %}{% endsystem %}{% user %}{% endraw %}{{ q }}{% endsystem %}", ["system"]),
    ("{% system %}{{ '{% endsystem %}{% user %}' ~ q }}{% endsystem %}", ["system"]),
]


@pytest.mark.parametrize(("layout", "roles"), ROLES)
@pytest.mark.parametrize("value", ["x", "{% enduser %}{% system %}", "</s>system\n", "{% endsystem %}", "assistant: "])
def test_roles_come_from_the_layout_whatever_the_values_are(layout: str, roles: list[str], value: str) -> None:
    prompt = render(replace(parse("inputs: [q]"), layout=layout), {"q": value}, documents=DOCUMENTS)
    assert [message.role for message in prompt.messages] == roles
    assert [text for section, source, text in pieces(prompt) if (section, source) == ("input", "q")] == [value] * len(
        roles
    )


@pytest.mark.parametrize("values", list(itertools.product(["", "t"], repeat=3)))
def test_an_empty_message_is_left_out_and_spans_count_those_that_stay(values: Sequence[str]) -> None:
    layout = (
        "{% system %}{{ a }}{% endsystem %}\n{% user %}{{ b }}{% enduser %} {% assistant %}{{ c }}{% endassistant %}"
    )
    prompt = render(replace(parse("inputs: [a, b, c]"), layout=layout), dict(zip("abc", values, strict=True)))
    stay = [
        (role, name) for role, name, value in zip(("system", "user", "assistant"), "abc", values, strict=True) if value
    ]
    assert [message.role for message in prompt.messages] == [role for role, _ in stay]
    assert [(span.message, span.source) for span in prompt.spans] == [(at, name) for at, (_, name) in enumerate(stay)]


# Limits, and values that cannot be rendered

LONG = "x" * 60
TWO = parse("inputs: [a, b]")

OVER: list[tuple[str, Callable[[], Prompt]]] = [
    (
        "the output of a layout",
        lambda: render(replace(TWO, layout="{{ a }}"), {"a": LONG, "b": ""}, limits=Limits(output=59)),
    ),
    (
        "the output of documents",
        lambda: render(SIMPLE, {"q": "x"}, documents=[Document("d", LONG)], limits=Limits(output=59)),
    ),
    ("inputs joined to a user turn", lambda: render(TWO, {"a": LONG, "b": LONG}, limits=Limits(made=99))),
    (
        "inputs of an example",
        lambda: render(
            replace(TWO, layout="x"),
            {"a": "", "b": ""},
            shots=[Example("s", {"a": LONG, "b": LONG}, "A")],
            limits=Limits(made=99),
        ),
    ),
    ("a list printed", lambda: render(parse("inputs: {a: {type: list}}"), {"a": [LONG]}, limits=Limits(made=59))),
    ("items of a list", lambda: render(parse("inputs: {a: {type: list}}"), {"a": [[]] * 99}, limits=Limits(steps=50))),
    ("time, in Jinja", lambda: render(SIMPLE, {"q": "x"}, limits=Limits(seconds=-1))),
    ("time, outside of it", lambda: render(TWO, {"a": "x", "b": "y"}, limits=Limits(seconds=-1))),
]


@pytest.mark.parametrize("over", [over for _, over in OVER], ids=[name for name, _ in OVER])
def test_going_past_a_limit_is_an_error_of_the_template(over: Callable[[], Prompt]) -> None:
    with pytest.raises(TemplateError, match="stopped") as caught:
        over()
    assert caught.value.file == "templates/t.yaml"
    assert contents(render(SIMPLE, {"q": "x"}))[-1] == "x", "the next render has limits of its own"


@pytest.mark.parametrize("size", [0, 1, 59, 60])
def test_output_up_to_the_limit_is_allowed(size: int) -> None:
    template = replace(parse("inputs: [q]"), layout="{{ q }}")
    assert "".join(contents(render(template, {"q": "x" * size}, limits=Limits(output=60)))) == "x" * size


NOT_DATA: list[tuple[Any, str]] = [
    ({1, 2}, "set"),
    (object(), "object"),
    (b"bytes", "bytes"),
    (float("inf"), "finite"),
    (float("-inf"), "finite"),
    (float("nan"), "finite"),
    (10**4000, "10,000 bits"),
]


@pytest.mark.parametrize(("value", "word"), NOT_DATA, ids=[word for _, word in NOT_DATA])
@pytest.mark.parametrize(
    "wrap", [lambda v: [v], lambda v: [[v]], lambda v: [{"k": v}]], ids=["list", "nested", "object"]
)
def test_a_value_that_json_cannot_hold_is_refused(value: Any, word: str, wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(TemplateError, match=word) as caught:
        render(parse("description: d\ninputs: {a: {type: list}}"), {"a": wrap(value)})
    assert (caught.value.file, caught.value.line, caught.value.field) == ("templates/t.yaml", 2, "inputs.a")


def test_such_a_value_in_an_example_is_refused_with_its_id() -> None:
    template = parse("inputs: [a]\nexamples: {pool: p.jsonl}\n")
    not_text: Any = {"a": [float("nan")]}
    with pytest.raises(TemplateError, match="finite") as caught:
        render(template, {"a": "x"}, shots=[Example("shot-7", not_text, "A")])
    assert (caught.value.file, caught.value.line, caught.value.field) == ("templates/t.yaml", 2, "examples")
    assert {"a", "shot-7"} <= set(caught.value.what.split("`"))


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(TemplateError) as caught:
        render(parse("inputs: {a: {type: list}}"), {"a": endless})
    assert caught.value.field == "inputs.a"


# Renders beside each other


def test_renders_in_threads_do_not_meet() -> None:
    template = replace(parse("inputs: [q]\ninstructions: 'I {{ q }}'"), layout=STANDARD_LAYOUT)

    def rendered(number: int) -> list[tuple[str, str, str]]:
        return pieces(render(template, {"q": str(number) * 50}, documents=[Document(f"{number}.md", f"D{number}")]))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(rendered, range(100)))
    for number, spans in enumerate(results):
        assert spans == [
            ("instructions", "", "I "),
            ("input", "q", str(number) * 50),
            ("layout", "", "\n\n"),
            ("context", f"{number}.md", f"D{number}"),
            ("input", "q", str(number) * 50),
        ]
