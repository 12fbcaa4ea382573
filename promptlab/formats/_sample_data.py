"""Makes a row of sample data for a template, so that it can be previewed and checked before there is real data.

The types of its variables are inferred from the way it uses them (`formats/_infer_types.py`). If the template does not
render with the inferred values, other values are tried in a fixed order. The same template always gets the same row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.formats._infer_types import LIST_LENGTH, infer_shapes
from promptlab.templates import InputSpec, RenderLimits, Template

MAX_TRIES = 300
LIMITS = RenderLimits(output=1_000_000, made=4_000_000, steps=50_000)
"""Limits of one try, so that a template that takes very long cannot take 300 times as long."""
STOPPED = "stopped"
RICH = "One, two and three. Four: five; six\n\nseven - eight | nine = ten / eleven_twelve (2021-01-02)\tthirteen"


@dataclass(frozen=True)
class SampleRow:
    """Values by input. `problem` is the reason if the template does not render with any values that were tried."""

    values: dict[str, Any]
    problem: str = ""


def sample_row(template: Template, given: Mapping[str, Any] = {}) -> SampleRow:
    """A row with which `template` renders. Values in `given` are not changed."""
    inferred = infer_shapes(template)
    values = {name: given.get(name, inferred[name].value(name)) for name in template.inputs}
    problem = _problem(template, values)
    tries = MAX_TRIES
    if problem and not problem.startswith(STOPPED):
        for name in template.inputs:
            if name in given:
                continue
            for other in _others(name):
                if tries <= 0:
                    break
                tries -= 1
                if not _problem(template, {**values, name: other}):
                    return SampleRow({**values, name: other})
        for one, two in _pairs([name for name in template.inputs if name not in given]):
            for first in _others(one):
                for second in _others(two):
                    if tries <= 0:
                        return SampleRow(values, problem)
                    tries -= 1
                    changed = {**values, one: first, two: second}
                    if not _problem(template, changed):
                        return SampleRow(changed)
    return SampleRow(values, problem)


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    return ((one, two) for number, one in enumerate(names) for two in names[number + 1 :])


def _others(name: str) -> list[Any]:
    """Values to try if the inferred value does not work."""
    text = f"made {name}"
    return [
        text,
        RICH,
        0,
        1,
        "0",
        "1",
        [text] * LIST_LENGTH,
        [RICH] * LIST_LENGTH,
        [0] * LIST_LENGTH,
        [[text] * LIST_LENGTH] * LIST_LENGTH,
        {"text": [text], "0": text, "1": text},
        [],
        "",
        True,
        2000,
        "2021-01-02T03:04:05",
    ]


def _problem(template: Template, values: Mapping[str, Any]) -> str:
    """The reason why the template does not render with `values`; empty if it does."""
    inputs = {name: InputSpec(input_type_of(value)) for name, value in values.items()}
    try:
        templates.render(replace(template, inputs=inputs, context=(), examples=None), values, limits=LIMITS)
    except TemplateError as exc:
        return exc.what
    return ""


def input_type_of(value: Any) -> Literal["string", "number", "boolean", "list", "object"]:
    """The input type of `value`."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        return "list"
    return "object" if isinstance(value, Mapping) else "string"
