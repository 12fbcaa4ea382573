"""The widgets of a template's parameters, shared by the workbench and the form."""

from __future__ import annotations

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


_NUMBERS = (
    _Number("temperature", "Temperature", 0.0, 5.0, 0.1, format="%.2f"),
    _Number("max_tokens", "Max tokens", 1, 1_000_000, 16),
    _Number("seed", "Seed", 0, 2**31 - 1, 1, "none"),
    _Number("top_p", "Top p", 0.01, 1.0, 0.05, "default"),
    _Number("top_k", "Top k", 0, 1_000_000, 1, "default"),
    _Number("min_p", "Min p", 0.0, 1.0, 0.05, "default"),
    _Number("repeat_penalty", "Repeat penalty", 0.01, 5.0, 0.05, "default"),
    _Number("presence_penalty", "Presence pen.", -2.0, 2.0, 0.1, "default", help="Presence penalty"),
    _Number("frequency_penalty", "Frequency pen.", -2.0, 2.0, 0.1, "default", help="Frequency penalty"),
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
WIDTH = 128
"""Pixels of a parameter, so that three stand side by side in the left half of the workbench."""


def draw(fields: Fields) -> None:
    """Every parameter, bound to the draft."""
    with st.container(horizontal=True, gap="small", key="parameters"):
        for number in _NUMBERS:
            st.number_input(
                number.label,
                number.low,
                number.high,
                step=number.step,
                placeholder=number.placeholder,
                format=number.format,
                help=number.help,
                width=WIDTH,
                **fields.bind(f"param-{number.name}"),
            )
        st.text_input(
            "Reasoning effort",
            placeholder="default",
            help="How much a thinking model may think. The server defines the values: none, low, medium, high.",
            width=WIDTH,
            **fields.bind("param-reasoning_effort"),
        )
    st.text_area(
        "Stop strings",
        height=68,
        help="One per line; \\\\n stands for a line break.",
        **fields.bind("param-stop"),
    )
