"""The widgets of a template's parameters, shared by the workbench and the form."""

from __future__ import annotations

import streamlit as st

from promptlab.ui.components.bound_fields import Fields


def draw(fields: Fields) -> None:
    """Every parameter, bound to the draft."""
    left, right = st.columns(2)
    with left:
        st.number_input("Temperature", 0.0, 5.0, step=0.1, format="%.2f", **fields.bind("param-temperature"))
        st.number_input("Seed", 0, 2**31 - 1, step=1, placeholder="none", **fields.bind("param-seed"))
        st.number_input("Top p", 0.01, 1.0, step=0.05, placeholder="default", **fields.bind("param-top_p"))
        st.number_input(
            "Repeat penalty", 0.01, 5.0, step=0.05, placeholder="default", **fields.bind("param-repeat_penalty")
        )
        st.number_input(
            "Presence penalty", -2.0, 2.0, step=0.1, placeholder="default", **fields.bind("param-presence_penalty")
        )
    with right:
        st.number_input("Max tokens", 1, 1_000_000, step=16, **fields.bind("param-max_tokens"))
        st.number_input("Top k", 0, 1_000_000, step=1, placeholder="default", **fields.bind("param-top_k"))
        st.number_input("Min p", 0.0, 1.0, step=0.05, placeholder="default", **fields.bind("param-min_p"))
        st.number_input(
            "Frequency penalty",
            -2.0,
            2.0,
            step=0.1,
            placeholder="default",
            **fields.bind("param-frequency_penalty"),
        )
        st.number_input(
            "Alternatives",
            0,
            20,
            step=1,
            placeholder="none",
            help="Return the log probability of each token and of this many alternatives (logprobs).",
            **fields.bind("param-logprobs"),
        )
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
