"""Which items of a suite are asked, and what each of them is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

from promptlab.errors import SuiteError
from promptlab.suites._items import Fill, items
from promptlab.suites._log import Row, SuiteLog, Verb
from promptlab.suites._recording import Recording, Stored
from promptlab.suites._suite import Item, Key, Suite
from promptlab.types import Place, Recalled, Trial
from promptlab.workspace import Workspace

Prompts = Literal["stored", "current"]
"""What a rerun sends: the recorded prompts again, or today's template rendered anew."""


@dataclass(frozen=True)
class Options:
    """What is asked of a suite. `only` are ids of items or cases, `models` None the suite's, `limit` counts items.

    `max_cost` (US dollars) and `max_tokens` (prompt and new ones together) are never passed: what an item may cost at
    most is set aside before it is asked.
    """

    prompts: Prompts = "current"
    models: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    only_failed: bool = False
    limit: int | None = None
    max_cost: float | None = None
    max_tokens: int | None = None

    def identity(self) -> dict[str, Any]:
        """What two runs must share for the one to go on with the other; limits may be other ones."""
        return {
            "prompts": self.prompts,
            "models": list(self.models) if self.models is not None else None,
            "only": sorted(self.only),
            "only_failed": self.only_failed,
        }


def chosen(
    workspace: Workspace, suite: Suite, *, verb: Verb, options: Options, log: SuiteLog
) -> Iterator[tuple[int, Item]]:
    """The items that are asked, each with its position in the suite."""
    failed = _failed(log, suite, verb) if options.only_failed else None
    models = None if options.models is None else tuple(dict.fromkeys(options.models))
    every = items(workspace, suite, models=models, wanted=options.only)
    found = ((position, item) for position, item in enumerate(every) if failed is None or item.key in failed)
    return islice(found, options.limit)


def _failed(log: SuiteLog, suite: Suite, verb: Verb) -> set[Key]:
    """Items that did not pass, or have no answer or no score, in the newest run of this verb. One that takes the
    failed ones itself and has not ended is passed over: it is the one that goes on."""
    for run in log.runs(suite.path, verb=verb):
        if run.done and not (run.options.get("only_failed") and run.state != "finished"):
            return {row.key for row in log.every_row(run) if _needs_a_look(row)}
    raise SuiteError("there is no earlier run to take the failed ones of", file=suite.path)


def _needs_a_look(row: Row) -> bool:
    # An answer that no scorer judges neither passed nor failed.
    return row.passed is False or (row.passed is None and row.verdict == "cannot tell")


def recorded_of(suite: Suite, key: Key, recorded: Recording | None) -> Stored | None:
    """What is recorded of an item; for a model that is not in the suite, what its first model was asked and said."""
    if recorded is None:
        return None
    return recorded.find(key if key.model in suite.models else key._replace(model=suite.models[0]))


def trial_of(fill: Fill, item: Item, stored: Stored | None, prompts: Prompts) -> Trial:
    """What is asked for `item`. Raises `SuiteError` where a recorded prompt is to be sent and there is none."""
    trial = replace(fill.trial(item, rendered=prompts == "current"), case=item.key.id)
    if prompts == "current":
        return trial
    if stored is None:
        hint = "`promptlab suite record` asks it, or rerun with `--prompts current`"
        raise SuiteError(f"nothing is recorded of {item.key.id}", file=fill.suite.recording, hint=hint)
    return replace(trial, request=recalled(fill.suite, stored), without=stored.without)


def trials(workspace: Workspace, suite: Suite, *, verb: Verb, options: Options, log: SuiteLog) -> Iterator[Trial]:
    """What would be asked; nothing is written down. Items without a recorded prompt are left out of a rerun of them."""
    fill = Fill(workspace, suite)
    path = workspace.resolve(suite.recording)
    recorded = Recording(path, shown=suite.recording) if path.is_file() else None
    try:
        for _, item in chosen(workspace, suite, verb=verb, options=options, log=log):
            stored = recorded_of(suite, item.key, recorded)
            if stored or options.prompts == "current":
                yield trial_of(fill, item, stored, options.prompts)
    finally:
        if recorded:
            recorded.close()


def recalled(suite: Suite, stored: Stored) -> Recalled:
    """The stored request, to be asked again."""
    return Recalled(stored.request, (Place(suite.recording),), stored.label)
