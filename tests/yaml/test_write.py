"""The YAML writer: what it writes reads back as the same value, with our reader and with others."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml import _values as yaml_values
from promptlab._yaml import _write as yaml_write
from promptlab._yaml._write import EDIT_STYLE, EXPORT_STYLE, BlockMapping, QuotedText, Style

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["\tx\ny\n", "\n\nx\n", " x\n  y", "a\n\n", "\n", "no", "5", "1e5", "2022-12-18", "x: y", "# c", "a #b", "-", "? x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read(text: str) -> Any:
    return yaml_values.value_of(yaml_nodes.compose(text))


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), st.sampled_from((EDIT_STYLE, EXPORT_STYLE)))
def test_what_is_written_reads_back_as_the_same_value(data: dict[str, Any], style: Style) -> None:
    rows = [row for key, value in data.items() for row in yaml_write.entry_block(key, value, 0, style=style).rows]
    text = "".join(row + "\n" for row in rows)
    assert yaml_values.written_alike(read(text), data)
    assert yaml_values.written_alike(read(yaml_write.yaml_inline(data, style=style)), data)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_an_export_reads_back_with_other_readers(data: dict[str, Any]) -> None:
    text = yaml_write.dump_yaml(data)
    assert YAML(typ="safe", pure=True).load(text) == data
    assert yaml.safe_load(text) == data  # YAML 1.1


@pytest.mark.parametrize(
    ("value", "edit", "export"),
    [
        ("plain words, and more", "plain words, and more", '"plain words, and more"'),
        ("no", '"no"', '"no"'),
        (1e-7, "1.0e-07", "1.0e-07"),
        (math.inf, ".inf", ".inf"),
        ("a\nb\n", "|\n  a\n  b", "|\n  a\n  b"),
        ("\na\n", "|\n\n  a", "|2\n\n  a"),
        ("\ta\n", "|2\n  \ta", "|2\n  \ta"),
        ("a\n\n", "|+\n  a\n", "|+\n  a\n"),
        ([{"a": 1, "b": [2]}], "[{a: 1, b: [2]}]", "\n  - a: 1\n    b: [2]"),
        ([{"a": "x\ny\n"}], "\n  -\n    a: |\n      x\n      y", '\n  - {a: "x\\ny\\n"}'),
        ({"a": {}}, "\n  a: {}", "{a: {}}"),
        (["\x07\x85"], '["\\u0007\\x85"]', '["\\u0007\\x85"]'),
        (QuotedText("x"), '"x"', '"x"'),
        (BlockMapping({"a": 1}), "\n  a: 1", "\n  a: 1"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_each_style_has_its_form(value: Any, edit: str, export: str) -> None:
    for style, form in ((EDIT_STYLE, edit), (EXPORT_STYLE, export)):
        block = yaml_write.entry_block("k", value, 0, style=style)
        assert "\n".join(block.rows) == "k:" + (form if form.startswith("\n") else f" {form}")


def test_not_a_number_is_written_as_yaml_has_it() -> None:
    assert math.isnan(read(yaml_write.dump_yaml({"k": math.nan}))["k"])
