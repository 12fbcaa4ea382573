"""Nunjucks beside the real one: what is run here, and the Jinja that is written, print what Nunjucks 3.2.4 prints.

`nunjucks_table.json` holds what Nunjucks printed (null: it fails). Where `make node` installed Nunjucks, it is asked
again.
"""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from promptlab import templates
from promptlab.errors import FormatError, TemplateError
from promptlab.formats._js_values import UNDEFINED, NotModelled, js_text, js_value, number_text
from promptlab.formats._nunjucks_parse import parse_nunjucks
from promptlab.formats._nunjucks_run import Run
from promptlab.formats._template_builder import Draft
from promptlab.formats.promptfoo_render import is_partial
from promptlab.formats.promptfoo_template import PromptSpec, build_template

TABLE = json.loads((Path(__file__).parent / "nunjucks_table.json").read_text(encoding="utf-8"))
VARIABLES, ROWS = TABLE["variables"], TABLE["rows"]
NODE_MODULES = Path(__file__).parents[2] / ".node" / "node_modules"
TRANSLATED_AT_LEAST = 190


def run(text: str, variables: dict[str, Any]) -> str | None:
    """What is printed here; None if it is not modelled, or fails as in Nunjucks."""
    try:
        return Run(js_value(copy.deepcopy(variables))).text(parse_nunjucks(text))
    except NotModelled:
        return None


@pytest.mark.parametrize(("text", "printed"), ROWS, ids=[text for text, _ in ROWS])
def test_a_text_prints_what_nunjucks_prints_or_is_refused(text: str, printed: str | None) -> None:
    ours = run(text, VARIABLES)
    assert ours is None or ours == printed


def test_few_texts_that_nunjucks_prints_are_refused() -> None:
    refused = [text for text, printed in ROWS if printed is not None and run(text, VARIABLES) is None]
    assert len(refused) <= 12, refused


def jinja(text: str, variables: dict[str, Any]) -> tuple[str, templates.Template] | None:
    """The Jinja of a text and what it prints; None if it is refused."""
    try:
        built = build_template(PromptSpec("p", text), [variables], Draft(), "p.yaml")
    except FormatError:
        return None
    template = templates.parse(built.text, path="p.yaml")
    inputs = {**{n: s.default for n, s in template.inputs.items() if s.default is not None}, **(built.inputs[0] or {})}
    messages = templates.render(template, inputs).messages
    return (messages[0].content if messages else ""), template


@pytest.mark.parametrize(("text", "printed"), ROWS, ids=[text for text, _ in ROWS])
def test_the_jinja_of_a_text_prints_the_same_or_the_text_is_refused(text: str, printed: str | None) -> None:
    # The dots keep a message from being empty, and show white space at the ends.
    if is_partial(f".{text}.") or printed is None:
        return
    made = jinja(f".{text}.", VARIABLES)
    assert made is None or made[0] == f".{printed}."


def test_most_texts_of_the_table_become_jinja() -> None:
    made = [text for text, printed in ROWS if printed is not None and jinja(f".{text}.", VARIABLES) is not None]
    assert len(made) >= TRANSLATED_AT_LEAST


OTHER_VALUES: list[dict[str, Any]] = [
    {
        "n": 4,
        "f": 0.5,
        "s": "O'neil-smith\tx",
        "e": "q",
        "z": 3,
        "t": False,
        "fa": "",
        "l": ["zz", "B"],
        "nl": [10, 9, 2],
    },
    {"n": 0, "f": -2.5, "s": "a b  c", "l": ["x"], "nl": [7], "t": True, "el": ["q", 1, True], "eo": {"k": 1}},
    {"s": "one two three four", "html": "&<>", "ml": "a\nb\n\nc", "o": {"z": 1.5, "y": 2}, "ob2": {"3": "x", "a": "q"}},
    {"lo": [{"k": "b", "v": 2.5, "x": ""}], "ll": [["q", 2]], "num": "7", "zip": "12", "n": 9, "f": 10.25},
]


@pytest.mark.parametrize("changed", OTHER_VALUES, ids=str)
def test_the_jinja_prints_the_same_with_values_that_no_test_had(changed: dict[str, Any]) -> None:
    """A template that was made with one set of values prints the same as Nunjucks with others of the same types."""
    other = js_value({**VARIABLES, **changed})
    compared = 0
    for text, printed in ROWS:
        made = None if printed is None or is_partial(text) else jinja(f".{text}.", VARIABLES)
        expected = None if made is None else run(f".{text}.", other)
        if made is None or expected is None:
            continue
        names = {name: name.removesuffix("_value") for name in made[1].inputs}
        defaults = {name: spec.default for name, spec in made[1].inputs.items()}
        values = {name: other.get(plain, UNDEFINED) for name, plain in names.items()}
        inputs = {n: defaults[n] if v is UNDEFINED or v is None else v for n, v in values.items()}
        try:
            messages = templates.render(made[1], inputs).messages
        except TemplateError:
            continue  # an error is no silent difference
        assert messages[0].content == expected, text
        compared += 1
    assert compared > 150


def nunjucks(texts: list[str], variables: dict[str, Any]) -> list[str | None]:
    """What the real Nunjucks prints."""
    program = (
        "const nj = require('nunjucks'), env = nj.configure({autoescape: false});"
        "const d = JSON.parse(require('fs').readFileSync(0));"
        "console.log(JSON.stringify(d.t.map(t => {"
        "try { return env.renderString(t, JSON.parse(JSON.stringify(d.v))) } catch (e) { return null } })));"
    )
    asked = json.dumps({"t": texts, "v": variables})
    node = str(shutil.which("node"))
    done = subprocess.run(
        [node, "-e", program], input=asked, capture_output=True, text=True, cwd=NODE_MODULES.parent, check=True
    )
    answers: list[str | None] = json.loads(done.stdout)
    return answers


@pytest.mark.skipif(
    not (NODE_MODULES / "nunjucks").is_dir() or shutil.which("node") is None, reason="needs node and `make node`"
)
def test_the_table_is_what_nunjucks_prints() -> None:
    assert nunjucks([text for text, _ in ROWS], VARIABLES) == [printed for _, printed in ROWS]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (12345678901234567890, "12345678901234567000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (-0.0, "0"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (123.456, "123.456"),
        (1e16, "10000000000000000"),
        (-1234567.5, "-1234567.5"),
    ],
)
def test_a_number_has_the_text_of_javascript(value: float, text: str) -> None:
    assert number_text(value) == text


def test_values_have_the_text_of_javascript() -> None:
    assert js_text([1, None, ["a", True], {}]) == "1,,a,true,[object Object]"
    assert list(js_value({"b": 1, 2: "x", "10": "y", 1.0: 5.0})) == ["2", "10", "b", "1.0"]


PARTIAL = [
    ("{{ a\n}}", True),
    ("{{ a }} {{", True),
    ("{# two\nlines #}", True),
    ("{% if a %}{{ a }}{% endif %}", False),
    ("{{ a }}\n{% if b %}\n{% endif %}", False),
    ("{% raw %}{{{% endraw %}", False),
    ("plain { text", False),
]


@pytest.mark.parametrize(("text", "partial"), PARTIAL)
def test_a_tag_that_does_not_end_on_its_line_makes_the_whole_prompt_raw(text: str, partial: bool) -> None:
    assert is_partial(text) is partial
