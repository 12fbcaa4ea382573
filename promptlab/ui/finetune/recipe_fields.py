"""The fields of the settings of a training, which are usually left as they are."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from promptlab.finetune import Recipe


def draw(usual: Recipe, key: str) -> Recipe:
    """Draw the fields, which begin as `usual` has them; their keys begin with `key`."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        rank, rate = _size_and_rate(usual, key)
        passes = st.number_input(
            "Passes at most",
            1,
            max(1000, usual.epochs),
            usual.epochs,
            key=f"{key}-passes",
            help=f"It stops earlier if the held-out rows get no better in {usual.patience} passes.",
            width=160,
        )
        batch = st.number_input("Rows in a step", 1, max(1024, usual.batch), usual.batch, key=f"{key}-batch", width=160)
    held_out, seed = _by_chance(usual, key)
    return replace(
        usual,
        rank=rank,
        alpha=usual.alpha / usual.rank * rank,
        learning_rate=rate,
        epochs=int(passes),
        batch=int(batch),
        held_out=held_out,
        seed=seed,
    )


def _size_and_rate(usual: Recipe, key: str) -> tuple[int, float]:
    rank = st.number_input("Rank", 1, 256, usual.rank, key=f"{key}-rank", help="The size of the adapter.", width=140)
    rate = st.number_input(
        "Learning rate",
        min_value=min(0.000001, usual.learning_rate),
        max_value=1.0,
        value=usual.learning_rate,
        step=0.0001,
        format="%.6f",
        key=f"{key}-rate",
        help="How far each step goes. Lower it if the loss jumps.",
        width=170,
    )
    return int(rank), float(rate)


def _by_chance(usual: Recipe, key: str) -> tuple[float, int]:
    """The share of rows that are held out, and the seed."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        held_out = st.number_input(
            "Held out (percent)",
            0.0,
            90.0,
            100 * usual.held_out,
            step=2.5,
            key=f"{key}-held-out",
            help="Rows that are not trained on, to see when more training does not help.",
            width=170,
        )
        seed = st.number_input(
            "Seed", None, None, usual.seed, key=f"{key}-seed", help="Decides all that is drawn by chance.", width=140
        )
    return round(float(held_out) / 100, 6), int(seed)


__all__ = ["draw"]
