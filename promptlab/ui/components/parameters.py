"""The widgets of a template's parameters, shared by the workbench and the form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from promptlab.ui.components.bound_fields import Fields


@dataclass(frozen=True)
class _Number:
    """A parameter that is a number from `low` to `high`."""

    name: str
    label: str
    low: float
    high: float
    step: float
    placeholder: str | None = None
    format: str | None = None
    help: str | None = None


_LEFT = (
    _Number("temperature", "Temperature", 0.0, 5.0, 0.1, format="%.2f"),
    _Number("seed", "Seed", 0, 2**31 - 1, 1, "none"),
    _Number("top_p", "Top p", 0.01, 1.0, 0.05, "default"),
    _Number("repeat_penalty", "Repeat penalty", 0.01, 5.0, 0.05, "default"),
    _Number("presence_penalty", "Presence penalty", -2.0, 2.0, 0.1, "default"),
)
_RIGHT = (
    _Number("max_tokens", "Max tokens", 1, 1_000_000, 16),
    _Number("top_k", "Top k", 0, 1_000_000, 1, "default"),
    _Number("min_p", "Min p", 0.0, 1.0, 0.05, "default"),
    _Number("frequency_penalty", "Frequency penalty", -2.0, 2.0, 0.1, "default"),
    _Number(
        "logprobs",
        "Alternatives",
        0,
        20,
        1,
        "none",
        help="Return the log probability of each token and of this many alternatives (logprobs).",
    ),
)


def draw(fields: Fields) -> None:
    """Every parameter, bound to the draft."""
    for column, numbers in zip(st.columns(2), (_LEFT, _RIGHT), strict=True):
        with column:
            _draw_numbers(fields, numbers)
    st.text_input(
        "Reasoning effort",
        placeholder="default",
        help="How much a thinking model may think. The server defines the values: none, low, medium, high.",
        **fields.bind("param-reasoning_effort"),
    )
    st.text_area(
        "Stop strings",
        height=80,
        help="One per line; \\\\n stands for a line break.",
        **fields.bind("param-stop"),
    )


def _draw_numbers(fields: Fields, numbers: Sequence[_Number]) -> None:
    for number in numbers:
        st.number_input(
            number.label,
            number.low,
            number.high,
            step=number.step,
            placeholder=number.placeholder,
            format=number.format,
            help=number.help,
            **fields.bind(f"param-{number.name}"),
        )


def own_number(fields: Fields, name: str, field: str, base: float | None) -> None:
    """A number of a column of the workbench, bound to `field`. An empty one takes the prompt's value, `base`."""
    number = next(number for number in (*_LEFT, *_RIGHT) if number.name == name)
    st.number_input(
        number.label,
        number.low,
        number.high,
        value=None,
        step=number.step,
        placeholder="default" if base is None else f"{base:g}",
        format=number.format,
        **fields.appearing(field),
    )
