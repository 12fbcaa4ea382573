"""The parts the formats share: YAML that reads back, made rows, translations of text, files beside a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promptlab._yaml import _write as yaml_write
from promptlab.errors import FormatError, TemplateError
from promptlab.formats import _sample_data as made_data
from promptlab.formats._report import ConversionReport
from promptlab.formats._source import file_beside, slug
from promptlab.formats._syntax import from_dollars
from promptlab.formats._template_builder import Draft
from promptlab.formats.promptsource import rewrite_growing_lists
from promptlab.templates import _load as templates

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(data=st.dictionaries(texts, values, min_size=1, max_size=4))
def test_written_yaml_reads_back_as_the_same_value(data: dict[str, Any]) -> None:
    assert YAML(typ="safe", pure=True).load(yaml_write.dump_yaml(data)) == data


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a\nb\n", "k: |\n  a\n  b\n"),
        ("a\nb", "k: |-\n  a\n  b\n"),
        ("a\n\n", "k: |+\n  a\n\n"),
        (" a\nb\n", "k: |2\n   a\n  b\n"),
        ("plain words", "k: plain words\n"),
        ("yes", 'k: "yes"\n'),
        ("a: b", 'k: "a: b"\n'),
        ("\r\n", 'k: "\\r\\n"\n'),
        ("\x00\x85\u2028", 'k: "\\u0000\\x85\\u2028"\n'),
    ],
)
def test_texts_are_written_as_people_would(text: str, written: str) -> None:
    assert yaml_write.dump_yaml({"k": text}) == written
    assert YAML(typ="safe", pure=True).load(written) == {"k": text}


USES = [
    ("{{ x }}", "string"),
    ("{{ x[0] }}{{ x[2] }}", "list"),
    ("{{ x['a'] }}{{ x.b }}", "object"),
    ("{{ ['a', 'b'][x] }}", "number"),
    ("{% for y in x %}{{ y.a[1] }}{% endfor %}", "list"),
    ("{{ {'p': 1, 'q': 2}[x] }}", "string"),
    ("{{ {0: 'p'}[x] }}", "number"),
    ("{{ x | join(', ') }}", "list"),
    ("{{ x - 1 }}", "number"),
    ("{{ x.split('/')[1] }}", "string"),
    ("{{ x[:x.index('<')] }}", "string"),
    ("{% for a, b in zip(x, x) %}{{ a.t }}{{ b }}{% endfor %}", "list"),
    ("{% for k, v in x.items() %}{{ k }}{{ v }}{% endfor %}", "object"),
    ("{% set y = x %}{{ y['text'][0] }}", "object"),
    ("{{ x.text[x.label.index(x.key)] }}", "object"),
    ("{{ x | int + 1 }}", "string"),
    ("{% if x > 3 %}a{% endif %}", "number"),
    ("{{ x | upper }}", "string"),
]


@pytest.mark.parametrize(("text", "kind"), USES, ids=[text for text, _ in USES])
def test_a_made_row_fits_how_a_variable_is_used(text: str, kind: str) -> None:
    draft = Draft()
    draft.messages([("user", text)])
    made = templates.parse(draft.text("t.yaml"), path="t.yaml")
    assert made.inputs["x"].type == kind
    templates.render(made, templates.sample_inputs(made))
    assert draft.text("t.yaml") == made.source, "the same row each time"


def test_a_template_that_no_made_row_fits_is_refused_with_the_reason() -> None:
    draft = Draft()
    draft.messages([("user", '{{ x[0] + 1 }}{{ x[0] + "a" }}')])
    with pytest.raises(FormatError, match="str"):
        draft.text("t.yaml")


def test_a_method_that_values_lack_is_refused_even_where_no_made_row_comes_to_it() -> None:
    with pytest.raises(FormatError, match="append"):
        Draft().messages([("user", "{% if x == 77 %}{{ y.append(1) }}{% endif %}")])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (
            "{% set f = [] %}{% for a in x %}{{ f.append(a) or '' }}{% endfor %}{{ f|join }} f 'f' {{ 'f' }}",
            "{% set f = namespace(list=[]) %}{% for a in x %}{% set f.list = f.list + [a] %}{% endfor %}"
            "{{ f.list|join }} f 'f' {{ 'f' }}",
        ),
        (
            '{% set n = namespace(f=[]) %}{{- n.f.append("f") | default("", True) -}}',
            '{% set n = namespace(f=[]) %}{%- set n.f = n.f + ["f"] -%}',
        ),
        ("{{ f.append(1) }}", "{{ f.append(1) }}"),
    ],
)
def test_a_growing_list_is_set_anew(text: str, made: str) -> None:
    assert rewrite_growing_lists(text) == made


def test_a_growing_list_prints_what_it_printed() -> None:
    text = rewrite_growing_lists('{% set f = [] %}{% for a in x %}{{ f.append(a) or "" }}{% endfor %}{{ f|join }}')
    assert render(text, x=["a", "b"]) == "ab"


def test_a_template_that_never_ends_is_not_tried_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    real = templates.render

    def counted(*args: Any, **named: Any) -> Any:
        tries.append(1)
        return real(*args, **named)

    monkeypatch.setattr("promptlab.templates.render", counted)
    text = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}{{ x }}"
    template = templates.parse(f"inputs: [x]\nuser: '{text}'\n", path="t.yaml")
    assert made_data.sample_row(template).problem.startswith("stopped")
    assert len(tries) == 1


def test_dollars_mark_variables() -> None:
    assert from_dollars("$a ${b} $$c $1 {{ d }}").text == '{{ a }} {{ b }} $c $1 {{ "{" }}{ d }}'


@pytest.mark.parametrize("name", ["../out.txt", "/etc/hostname", "link.txt", "sub", "no.txt", "a\0b"])
def test_no_file_outside_of_the_folder_is_read(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "out.txt").write_text("x", encoding="utf-8")
    (home / "link.txt").symlink_to(tmp_path / "out.txt")
    (home / "in.txt").write_text("x", encoding="utf-8")
    assert file_beside(home / "config.yaml", name) is None
    assert file_beside(home / "config.yaml", f"file://{name}") is None
    assert file_beside(home / "config.yaml", "file://in.txt") == home / "in.txt"


@pytest.mark.parametrize(
    ("name", "made"),
    [("../../x", "x"), ("", "prompt"), ("a b/c", "a-b-c"), (".hidden", "hidden"), ("...", "prompt"), ("é", "é")],
)
def test_a_name_becomes_a_file_name(name: str, made: str) -> None:
    assert slug(name) == made


def test_a_field_is_named_once_with_the_worse_of_two_words() -> None:
    report = ConversionReport()
    report.add("a", "taken", 3)
    report.add("a", "not understood", None, "why")
    report.add("a", "translated", None, "how")
    (entry,) = report.entries
    assert (entry.what, entry.line, entry.note) == ("not understood", 3, "why; how")


def render(text: str, **inputs: Any) -> str:
    kinds = "".join(f"  {name}: {{type: list}}\n" for name in inputs)
    template = templates.parse(f"inputs:\n{kinds}user: '{text}'\n", path="t.yaml")
    return templates.render(template, inputs).messages[0].content


def test_choice_is_the_same_each_time_and_one_of_the_items() -> None:
    items = ["a", "b", "c"]
    assert len({render("{{ x|choice }}", x=items) for _ in range(3)}) == 1
    assert {render("{{ x|choice }}", x=[*items, str(n)]) for n in range(40)} > set(items)
    with pytest.raises(TemplateError, match="at least one"):
        render("{{ x|choice }}", x=[])


def test_most_frequent_and_zip() -> None:
    assert render("{{ x|most_frequent|join }}", x=["b", "a", "b", "a", "c"]) == "ba"
    assert render("{{ x|most_frequent }}", x=[]) == "[]"
    assert render("{% for a, b in zip(x, y) %}{{ a }}{{ b }};{% endfor %}", x=["a", "b"], y=["c"]) == "ac;"


@pytest.mark.parametrize(
    "text", ["!{{ zip(x, range(9))|first|first }}!", "!{{ x|choice }}!", "!{{ x|most_frequent|first }}!"]
)
def test_text_keeps_its_origin_through_zip_and_the_choosing_filters(text: str) -> None:
    template = templates.parse(f"inputs:\n  x: {{type: list}}\nuser: '{text}'\n", path="t.yaml")
    prompt = templates.render(template, {"x": ["abc"]}, label="confidential")
    assert [(span.source, part) for span, part in prompt.texts() if "abc" in part] == [("x", "abc")]
