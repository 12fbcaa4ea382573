"""Made-up suites whose true difference is known: the changes of their cases, for thousands of suites at once.

A case has one or several answers before and after. `alike` says how far the answers to a case agree: "identical" (the
case decides all), "independent" (only the quality of the case is shared) or "between" (each answer is, with probability
one half, the one that the case shares). The truth is the mean change over all cases that there could be.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Kind = Literal["binary", "F1-like", "skewed", "jitter", "ties"]
Alike = Literal["identical", "independent", "between"]

KINDS: tuple[Kind, ...] = ("binary", "F1-like", "skewed", "jitter", "ties")
ALIKE: tuple[Alike, ...] = ("identical", "independent", "between")

MEAN = 0.75
"""Mean quality of the cases, from Beta(3, 1)."""


def changes(
    rng: np.random.Generator, kind: Kind, truth: float, suites: int, cases: int, answers: int, alike: Alike
) -> Numbers:
    """The mean change of every case, one row per suite. `truth` is 0 or below."""
    old, new = _pairs(rng, kind, truth, (suites, cases, answers + 1))
    return _shared(rng, new - old, alike).mean(axis=2)


def rates(rng: np.random.Generator, truth: float, suites: int, cases: int, answers: int, alike: Alike) -> Numbers:
    """The share of passing answers of every case, for a true pass rate. Cases differ in how hard they are."""
    quality = rng.beta(2 * truth, 2 * (1 - truth), (suites, cases, 1))
    passes = (rng.random((suites, cases, answers + 1)) < quality).astype(float)
    return _shared(rng, passes, alike).mean(axis=2)


def _shared(rng: np.random.Generator, values: Numbers, alike: Alike) -> Numbers:
    """The last axis has one answer that the case shares and then one of its own for each answer. Choose among them."""
    own = values[:, :, 1:]
    if alike == "independent":
        return own
    shared = np.broadcast_to(values[:, :, :1], own.shape)
    return shared if alike == "identical" else np.where(rng.random(own.shape) < 0.5, shared, own)


def _pairs(rng: np.random.Generator, kind: Kind, truth: float, shape: tuple[int, int, int]) -> tuple[Numbers, Numbers]:
    """Scores before and after."""
    quality = rng.beta(3, 1, (shape[0], shape[1], 1))
    if kind == "binary":
        lower = quality * (1 + truth / MEAN)
        return (rng.random(shape) < quality).astype(float), (rng.random(shape) < lower).astype(float)
    if kind == "F1-like":
        return _f1(rng, quality, shape), _f1(rng, quality * (1 + truth / MEAN), shape)
    if kind == "ties":
        # Marks from 0 to 4; seven answers of ten get the same mark again.
        old = rng.binomial(4, np.broadcast_to(quality, shape)) / 4
        fresh = rng.binomial(4, np.broadcast_to(quality * (1 + truth / (0.3 * MEAN)), shape)) / 4
        return old, np.where(rng.random(shape) < 0.7, old, fresh)
    return _jitter(rng, truth, shape) if kind == "jitter" else _skewed(rng, truth, shape)


def _f1(rng: np.random.Generator, quality: Numbers, shape: tuple[int, int, int]) -> Numbers:
    """Half of the answers are all right or all wrong, and the others anything in between."""
    quality = np.broadcast_to(quality, shape)
    whole = (rng.random(shape) < quality).astype(float)
    return np.where(rng.random(shape) < 0.5, whole, rng.beta(4 * quality + 1e-9, 4 * (1 - quality) + 1e-9))


def _skewed(rng: np.random.Generator, truth: float, shape: tuple[int, int, int]) -> tuple[Numbers, Numbers]:
    """A few answers break, and what is not seen to break counts most: the worst there can be for an interval."""
    if truth:
        old = np.ones(shape)
        return old, np.where(rng.random(shape) < -truth, 0.0, old)
    # One answer in twenty breaks, and all others get a little better, so that the mean stays.
    old = np.full(shape, 0.9)
    return old, np.where(rng.random(shape) < 0.05, 0.0, 0.9 + 0.9 * 0.05 / 0.95)


def _jitter(rng: np.random.Generator, truth: float, shape: tuple[int, int, int]) -> tuple[Numbers, Numbers]:
    """As skewed, but every score also moves by up to four points, so that there seems to be a spread to go by."""
    breaks, gain = (-truth / 0.9, 0.0) if truth else (0.05, 0.9 * 0.05 / 0.95)
    moved = 0.9 + gain + rng.uniform(-0.04, 0.04, shape)
    return np.full(shape, 0.9), np.where(rng.random(shape) < breaks, 0.0, moved)
