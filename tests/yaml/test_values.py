"""What a YAML text means: the scalars of the 1.2 core schema, merge keys, tags, and what YAML 1.1 has otherwise."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from benchmarks import yaml_readers
from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml._bounds import MAX_DEPTH, MAX_KEYS, MAX_VALUES, Excess
from promptlab._yaml._nodes import NotYaml, compose
from promptlab._yaml._values import TaggedList, TaggedMap, TaggedScalar, value_of

SCALARS: tuple[tuple[str, Any], ...] = (
    *(("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"), ("none", "none")),
    *(("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)),
    *(("tRue", "tRue"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("N", "N")),
    *(("0", 0), ("-0", 0), ("7", 7), ("+7", 7), ("-19", -19), ("017", 17), ("08", 8), ("1_000", 1000), ("1__0", 10)),
    *(("0o17", 15), ("-0o17", -15), ("0o8", "0o8"), ("0x1F", 31), ("-0x1f", -31), ("0x", "0x"), ("0xG", "0xG")),
    *(("0b101", 5), ("0b2", "0b2"), ("+", "+"), ("-_", "-_"), ("_1", "_1"), ("+_1", "+_1")),
    *(("1.5", 1.5), ("-1.50", -1.5), (".5", 0.5), ("-.5", -0.5), ("1.", 1.0), ("1e3", 1000.0), ("12e-1", 1.2)),
    *((".5e3", 500.0), ("1.5E+2", 150.0), ("1_0.5", 10.5), ("1e", "1e"), (".", "."), ("1.2.3", "1.2.3"), ("e3", "e3")),
    *((".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("-.nan", "-.nan")),
    *(("2022-12-18", "2022-12-18"), ("2022-12-18 15:00:00", "2022-12-18 15:00:00"), ("1:20", "1:20"), ("=", "=")),
    *(("<<", "<<"), ("a:b", "a:b"), ("a#b", "a#b"), ("who?", "who?"), ("http://x/y?a=1", "http://x/y?a=1")),
    *(
        ("'5'", "5"),
        ('"true"', "true"),
        ("'~'", "~"),
        ('"\\/\\x41\\u00e9\\U0001F600"', "/A\u00e9\U0001f600"),
        ("''", ""),
    ),
    *(("!!str 5", "5"), ("!!str", ""), ("! 5", "5"), ("!!int '5'", 5), ("!!float 5", 5.0), ("!!bool 'true'", True)),
    *(("!!null ''", None), ("!x 5", TaggedScalar("5", "!x")), ("!!timestamp 2022-12-18", TaggedScalar)),
)


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("form", ["{}", "a: {}", "[{}]", "{{a: {}}}"])
def test_a_scalar_is_what_the_core_schema_says(text: str, value: Any, form: str) -> None:
    if text in ("", "!!str"):  # nothing, which has no form of its own in brackets
        form = "a: {}"
    data = value_of(compose(form.format(text)))
    for _ in range(form != "{}"):
        data = data["a"] if isinstance(data, dict) else data[0]
    if value is TaggedScalar:
        assert isinstance(data, TaggedScalar)
    else:
        assert repr(data) == repr(value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(value_of(compose(".nan")))


COLLECTIONS: tuple[tuple[str, Any], ...] = (
    ("", None),
    ("# nothing\n", None),
    ("---\n...\n", None),
    ("{a: 1, b: [x, {c: }]}", {"a": 1, "b": ["x", {"c": None}]}),
    ("- a\n-\n- - b\n  - c\n", ["a", None, ["b", "c"]]),
    ("a: &x {p: 1, q: 2}\nb: *x\n", {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}}),
    ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
    ("a: &x {p: 1, q: 2}\nb: {q: 3, <<: *x, r: 4}\n", {"a": {"p": 1, "q": 2}, "b": {"q": 3, "r": 4, "p": 1}}),
    ("{<<: [{a: 1}, {a: 2, d: 4}], b: 2}", {"b": 2, "a": 1, "d": 4}),
    ("{'<<': {a: 1}}", {"<<": {"a": 1}}),
    ("{1: a, 2.5: b, ~: c, false: d}", {1: "a", 2.5: "b", None: "c", False: "d"}),
    ("{[a, b]: c}", {("a", "b"): "c"}),
    ("{a:b, c: d}", {"a:b": None, "c": "d"}),
    ('{"a":b}', {"a": "b"}),
    ("? a\n: b\n? c\n", {"a": "b", "c": None}),
    ("a: b # c\n\nd: 'e' # f\n", {"a": "b", "d": "e"}),
    ("a: >\n  x\n  y\n\n  z\n", {"a": "x y\nz\n"}),
    ("a: |+\n  x\n\n\nb: |-\n  y\n\nc: |2\n    z\n", {"a": "x\n\n\n", "b": "y", "c": "  z\n"}),
    ("a: x\r\nb: |\r\n  y\r\n  z\r\n", {"a": "x", "b": "y\nz\n"}),
    ("\ufeffa: b\n", {"a": "b"}),
    ("%YAML 1.2\n---\na: no\n", {"a": "no"}),
    ("%YAML 1.1\n---\na: b\nn: 5\nc: 'no'\n", {"a": "b", "n": 5, "c": "no"}),
    # YAML 1.1 takes these for line breaks, 1.2 does not: they stay what they are.
    ("a: x\x85y\n", {"a": "x\x85y"}),
    ("a: |\n  x\u2028y\n  z\n", {"a": "x\u2028y\nz\n"}),
    ("a: 'x\u2029 y'\nb: \"\\N\\L\\P\"\n", {"a": "x\u2029 y", "b": "\x85\u2028\u2029"}),
    ('a: "\x85"\nb: "\\uE000\\ue001"\n', {"a": "\x85", "b": "\ue000\ue001"}),
    ("a: x\ufeffy\nb: |\n  \ufeffz\n", {"a": "x\ufeffy", "b": "\ufeffz\n"}),
    # A tab as the first of a literal block.
    ("a: |\n  \tx\n  y\nb: |-\n\n  \t\tz\n", {"a": "\tx\ny\n", "b": "\n\t\tz"}),
    ("\ufeffa: |\n  \tx\n", {"a": "\tx\n"}),
    ("- |\n  \tx\n" * 5_000, ["\tx\n"] * 5_000),
    ("a: 'x |\n  \ty'\nb: |\n  \tz\n", {"a": "x | y", "b": "\tz\n"}),
    ("a: !t &x 1\nb: *x\n", {"a": TaggedScalar("1", "!t"), "b": TaggedScalar("1", "!t")}),
    ("a:\tb\nc: d\t# e\n", {"a": "b", "c": "d"}),
    ("a: \U0001f600 b\n\U0001f600: c\n", {"a": "\U0001f600 b", "\U0001f600": "c"}),
)


@pytest.mark.parametrize(("text", "value"), COLLECTIONS, ids=lambda value: repr(value)[:30])
def test_a_text_means_what_yaml_1_2_says(text: str, value: Any) -> None:
    assert repr(value_of(compose(text))) == repr(value)


REFUSED: tuple[tuple[str, int | None, str], ...] = (
    ("a: [1, 2", 1, "',' or ']'"),
    ("a: {b: 1", 1, "',' or '}'"),
    ("\ufeffa:\n  {b: 1", 2, "',' or '}'"),
    ("a: 1\rb: [\r", 3, ""),
    ("a: 'x\nb: 1", 2, "unexpected end of stream"),
    ("a: 1\n b: 2\n", 2, "mapping values are not allowed"),
    ("a: 'x\nb: 1\n", 3, "unexpected end of stream"),
    ("a:\n\t- b\n", 2, "cannot start any token"),
    ("a: @b\n", 1, "cannot start any token"),
    ('a: "\\q"\n', 1, "escape"),
    ('a: "\\uD83D\\uDE00"\n', 1, "Unicode"),
    ("a: 1\nb: 2\na: 3\n", 3, 'duplicate key "a", which line 1 has'),
    ("{a: 1, 'a': 2}", 1, "duplicate key"),
    ("{1: a, true: b}", 1, "duplicate key"),
    ("{<<: {a: 1}, <<: {b: 2}}", 1, "duplicate merge key"),
    ("<<: word\n", 1, "for merging"),
    ("a:\n  <<: [5]\n", 2, "for merging"),
    ("? {a: b}\n: c\n", 1, "a mapping cannot be a key"),
    ("a: *nowhere\n", 1, "undefined alias"),
    ("a: 1\n---\nb: 2\n", 2, "another document"),
    ("a\n---\nb", 2, "another document"),
    ("%YAML 1.3\n---\na: b\n", 1, ""),
    ("%YAML 1.1\n---\na: 1\nb: no\n", 4, "in YAML 1.1"),
    ("%YAML 1.1\n---\na: 1:20\n", 3, "in YAML 1.1"),
    ("a: 1\nb: \x07\n", 2, "U+0007"),
    ("a: \x7f\n", 1, "U+007F"),
    ("a: \ud83d\n", 1, "U+D83D"),
    ("a: !!int x\n", 1, "is no !!int"),
    ("a: !!bool yes\n", 1, "is no !!bool"),
    ("a: !!omap [b: 1]\n", 1, "!!omap"),
    ("a: !!map [b]\n", 1, "!!map"),
    ("a: " + "9" * 5000, 1, "too many digits"),
    ("a: &x:y 1\n", 1, "name of an anchor"),
    ("a: &x 1\n*x: 2\n", 2, "name of an anchor"),
    ("a: !t &x:y 1\n", 1, "name of an anchor"),
    ("\ufeffa: &x:y 1\n", 1, "name of an anchor"),
    ("a: >\n  \tx\n  y\n", 1, "tab"),
    ("a:\n  b:\n    c: |\n  \td: x\n", 4, ""),
    ("b: |\n\tc: x\n", 2, "tab"),
)


@pytest.mark.parametrize(("text", "line", "what"), REFUSED, ids=lambda value: repr(value)[:30])
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int | None, what: str) -> None:
    with pytest.raises(NotYaml) as caught:
        value_of(compose(text))
    assert what in caught.value.message
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x: &x {<<: *x}\n", 1, "`*x`"),
        ("a: 1\nb: " + "[" * (MAX_DEPTH + 1), 2, "nested too deeply"),
        ("- " * 60_000 + "x", 1, "nested too deeply"),
        ("".join(f"k{n}: v\n" for n in range(MAX_KEYS + 1)), MAX_KEYS + 1, "5,000 keys"),
        (
            "a0: &a0 [1,1,1,1,1,1,1,1,1]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 9)),
            6,
            "alias",
        ),
        ("#\n" * 100_001, 100_001, "100,000 lines"),
        ("[" + "a," * (MAX_VALUES + 1) + "]", 1, "100,000 values"),
    ],
    ids=["itself", "deep", "deep blocks", "keys", "aliases", "lines", "values"],
)
def test_what_would_take_long_is_refused(text: str, line: int, what: str) -> None:
    with pytest.raises(Excess) as caught:
        compose(text)
    assert what in caught.value.message
    assert caught.value.line == line


def test_what_a_tag_stands_before_is_kept_with_the_tag() -> None:
    data = value_of(compose("a: !T {x: 1}\nb: !L [y]\nc: !!python/object/apply:os.system ['touch pwned']\n"))
    assert data == {"a": {"x": 1}, "b": ["y"], "c": ["touch pwned"]}
    assert isinstance(data["a"], TaggedMap)
    assert isinstance(data["b"], TaggedList)
    assert (data["a"].tag, data["b"].tag) == ("!T", "!L")
    assert data["c"].tag == "tag:yaml.org,2002:python/object/apply:os.system"


@pytest.mark.parametrize("before", ["", "\ufeff", "# \U0001f600\u2028\x85\n", "\ufeff# \r\n"])
def test_marks_count_characters_of_the_text(before: str) -> None:
    text = before + "\U0001f600\u00e9: [ \u2028, 'b' ]\nc:\n  - |\n    d\u2028e\n"
    root = compose(text)
    assert root is not None
    (first, items), (second, block) = root.value
    for node, source in (
        (first, "\U0001f600\u00e9"),
        (items, "[ \u2028, 'b' ]"),
        (items.value[1], "'b'"),
        (second, "c"),
    ):
        assert text[node.start_mark.index : node.end_mark.index] == source
        line_start = max(text.rfind("\n", 0, node.start_mark.index) + 1, text.startswith("\ufeff"))
        assert node.start_mark.column == node.start_mark.index - line_start
        assert node.start_mark.line == text.count("\n", 0, node.start_mark.index)
    assert text[block.value[0].start_mark.index :] == "|\n    d\u2028e\n"


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")
def test_the_parser_without_libyaml_gives_the_same_or_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text for text, _ in COLLECTIONS] + [text for text, *_ in REFUSED] + [f"a: {text}" for text, _ in SCALARS]
    texts += [text for _, text in yaml_readers.texts() if len(text) < 20_000]
    with_libyaml = [yaml_readers.ours(text) for text in texts]
    monkeypatch.setattr(yaml_nodes, "loader", lambda: yaml.SafeLoader)
    for text, value in zip(texts, with_libyaml, strict=True):
        pure = yaml_readers.ours(text)
        if yaml_readers.is_refused(pure) != yaml_readers.is_refused(value):
            assert "\t" in text  # only libyaml takes a tab between tokens, only the other one takes `>` and a tab
        elif not yaml_readers.is_refused(pure):
            assert pure == value, text
