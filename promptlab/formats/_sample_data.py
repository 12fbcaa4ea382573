"""A row of made data for a template, so that it can be seen and checked before there is any real row.

The types of its variables are inferred from how it uses them (`_infer_types.py`). If that is not enough, other values
are tried, in a fixed order. The same template always gets the same row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from promptlab import templates
from promptlab.errors import TemplateError
from promptlab.formats._infer_types import LIST_LENGTH, shapes
from promptlab.templates import Limits
from promptlab.types import InputSpec, Template

MAX_TRIES = 300
LIMITS = Limits(output=1_000_000, made=4_000_000, steps=50_000)
"""Of one try: whoever hands us a template that takes long for made data does not make us wait for it 300 times."""
STOPPED = "stopped"
RICH = "One, two and three. Four: five; six\n\nseven - eight | nine = ten / eleven_twelve (2021-01-02)\tthirteen"


@dataclass(frozen=True)
class Row:
    """Values by input; `problem` is the reason when the template renders with none that were tried."""

    values: dict[str, Any]
    problem: str = ""


def row(template: Template, given: Mapping[str, Any] = {}) -> Row:
    """A row with which `template` renders; values in `given` stay as they are."""
    found = shapes(template)
    values = {name: given.get(name, found[name].value(name)) for name in template.inputs}
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
                    return Row({**values, name: other})
        for one, two in _pairs([name for name in template.inputs if name not in given]):
            for first in _others(one):
                for second in _others(two):
                    if tries <= 0:
                        return Row(values, problem)
                    tries -= 1
                    changed = {**values, one: first, two: second}
                    if not _problem(template, changed):
                        return Row(changed)
    return Row(values, problem)


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    return ((one, two) for number, one in enumerate(names) for two in names[number + 1 :])


def _others(name: str) -> list[Any]:
    """Values to try where the shape that was read does not do."""
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
    """Why the template does not render with `values`; empty when it does."""
    inputs = {name: InputSpec(type_of(value)) for name, value in values.items()}
    try:
        templates.render(replace(template, inputs=inputs, context=(), examples=None), values, limits=LIMITS)
    except TemplateError as exc:
        return exc.what
    return ""


def type_of(value: Any) -> Literal["string", "number", "boolean", "list", "object"]:
    """The input type `value` is of."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list | tuple):
        return "list"
    return "object" if isinstance(value, Mapping) else "string"
