"""A workspace, opened from Python. The command line, the browser and the pytest plugin open it in the same way.

    with promptlab.open() as lab:
        run = lab.compare("world-cup", {"question": "Who won?"}, models=["gemma-3-270m"])
        for result in run:
            print(result.model, result.text)
        lab.suite("world-cup").replay().failing

Users import these names from `promptlab` itself; see docs/python.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.lab._experiment import ExperimentResults, PlannedExperiment
    from promptlab.lab._inputs import given
    from promptlab.lab._lab import Lab, Preview, open
    from promptlab.lab._run_results import RunResults
    from promptlab.lab._start import (
        HELLO,
        WORLD_CUP,
        Here,
        NewWorkspace,
        add_sample,
        find_or_start,
        is_untouched,
        start_workspace,
    )
    from promptlab.lab._suite import Suite
    from promptlab.lab._suite_results import ItemResult, SuiteResults

__all__ = [
    "HELLO",
    "WORLD_CUP",
    "ExperimentResults",
    "Here",
    "ItemResult",
    "Lab",
    "NewWorkspace",
    "PlannedExperiment",
    "Preview",
    "RunResults",
    "Suite",
    "SuiteResults",
    "add_sample",
    "find_or_start",
    "given",
    "is_untouched",
    "open",
    "start_workspace",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
