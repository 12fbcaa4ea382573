"""Prompts of trials, each rendered once: trials that differ in model, parameters or repeat share one.

    prompts = Prompts()
    trials = [prompts.rendered(trial) for trial in trials]      # two models, one render
    trials[0].prompt is trials[1].prompt                        # True

Only text and its spans are kept. The current labels of its sources are looked up when a prompt is used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from cachetools import LRUCache

from promptlab.errors import PromptlabError
from promptlab.runs._trial import Rendered, Trial
from promptlab.templates import render
from promptlab.types import Prompt

KEPT = 32
"""How many prompts are cached: enough for the variants of a case, or for a few clicks on a page."""


def prompt_of(trial: Trial) -> Prompt:
    """The prompt of a trial that sends no stored request. Raises `TemplateError` if it cannot be rendered."""
    return trial.prompt or render(
        trial.template,
        trial.inputs,
        documents=trial.documents,
        shots=trial.shots,
        without=trial.without,
        label=trial.label,
        places=trial.places,
    )


class PromptCache:
    """A cache of the prompts that were rendered last. Safe to use from several threads."""

    def __init__(self, kept: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[str, Prompt] = LRUCache(kept)

    def of(self, trial: Trial) -> Prompt:
        """The prompt of `trial`, from the cache if it was rendered before. Raises `TemplateError` if it cannot be
        rendered; errors are not cached."""
        # By `repr` and not by equality: 1, 1.0 and True are equal, and files of origin are left out of comparisons.
        key = repr(trial.rendered_from)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = prompt_of(trial)
            with self._lock:
                self._known[key] = known
        return known

    def rendered(self, trial: Trial) -> Trial:
        """`trial` with its prompt, as `rendered` gives it."""
        return with_rendered_prompt(trial, self.of)


def with_rendered_prompt(trial: Trial, render_prompt: Callable[[Trial], Prompt] = prompt_of) -> Trial:
    """`trial` with its prompt. A trial that cannot be rendered is returned as it is: asking it gives the error."""
    if trial.request is not None or trial.prompt is not None:
        return trial
    try:
        return with_prompt(trial, render_prompt(trial))
    except PromptlabError:
        return trial


def with_prompt(trial: Trial, prompt: Prompt) -> Trial:
    """`trial` with `prompt`, which was rendered from it."""
    return replace(trial, rendered=Rendered(prompt, trial.rendered_from))
