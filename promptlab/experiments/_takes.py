"""What asking an experiment takes, worked out before anything is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from promptlab import suites
from promptlab.errors import PromptlabError
from promptlab.experiments._plan import Planned
from promptlab.experiments._reading import readings
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import AskOptions, Estimate, ModelEstimate, SuiteLog, TrialMaker, suite_items
from promptlab.types import LABELS


@dataclass(frozen=True)
class Takes:
    """What asking everything takes.

    `read` are the tokens that a local model must read if it reads each shared beginning once. The minutes of
    `estimate` are those of these tokens, since that is about what a local model does
    (`benchmarks/experiments_tokens.py`). A server may bill every prompt in full, so tokens and price of `estimate`
    do. `refused` counts the answers that the gate will refuse, by model and label of the prompt; `unchanged` are
    arms that ask the same as another.
    """

    estimate: Estimate
    read: Mapping[str, int]
    refused: Mapping[tuple[str, str], int]
    unchanged: Mapping[str, str]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will not be as one may think."""
        refused = (
            f"{model}: {count:,} answers will be refused: their prompts are {label}, and the model may not see that"
            for (model, label), count in sorted(self.refused.items())
        )
        unchanged = (
            f"“{arm}” asks exactly what “{other}” asks: it changes nothing in the prompt"
            for arm, other in self.unchanged.items()
        )
        return (*refused, *unchanged)


def what_it_takes(planned: Planned, catalogue: Catalogue, store: Store, log: SuiteLog) -> Takes:
    """What asking all of `planned` takes. It renders every prompt, and asks no model."""
    workspace, suite = planned.material.workspace, planned.stage(planned.design, planned.material.cases)
    found = suites.estimate_suite(
        workspace, suite, verb="rerun", options=AskOptions(), catalogue=catalogue, store=store, log=log
    )
    read = {each.model: each.distinct for each in readings(workspace, suite, catalogue)}
    models = tuple(_shared_once(one, read, catalogue, store) for one in found.models)
    return Takes(replace(found, models=models), read, _refused(planned, catalogue), planned.unchanged())


def _shared_once(one: ModelEstimate, read: Mapping[str, int], catalogue: Catalogue, store: Store) -> ModelEstimate:
    if one.role != "answer" or one.minutes is None or one.model not in read:
        return one
    return replace(one, minutes=suites.local_minutes(catalogue, store, one.model, read[one.model], one.new))


def _refused(planned: Planned, catalogue: Catalogue) -> Counter[tuple[str, str]]:
    suite = planned.stage(planned.design, planned.material.cases)
    maker = TrialMaker(planned.material.workspace, suite)
    counts: Counter[tuple[str, str]] = Counter()
    for item in suite_items(planned.material.workspace, suite):
        try:
            label, clearance = maker.label(item), catalogue.clearance(item.key.model)
        except PromptlabError:
            continue  # it ends with this error when it is asked
        if LABELS.index(label) > LABELS.index(clearance):
            counts[item.key.model, label] += 1
    return counts
