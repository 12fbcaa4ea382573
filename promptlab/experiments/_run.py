"""Asking an experiment: stages of cases, each asked by the machinery of suites, and the effects after each.

A stage is a suite with one variant for each arm. It is in the suite log before anything is asked, so an experiment that
was killed goes on where it stopped, and no answer is asked for twice.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from promptlab import stats
from promptlab.errors import ExperimentError
from promptlab.experiments._design import Design
from promptlab.experiments._effects import Effect, effects_of
from promptlab.experiments._observations import Observation, Observations
from promptlab.experiments._plan import Planned
from promptlab.experiments._random import shuffled
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import Answered, Asking, AskOptions, Case, SuiteLog

KEPT_AFTER_SCREEN = 3
"""So many contrasts, beside the primary one, are confirmed on fresh cases."""


@dataclass(frozen=True)
class Progress:
    """How far an experiment is: `done` of `total` answers of the stage `stage`, and what was seen in it so far."""

    stage: str
    done: int
    total: int
    seen: Observations


@dataclass(frozen=True)
class Outcome:
    """What came of an experiment. `seen` is what the effects are computed from, `screened` what chose the arms.

    `design` has the arms that were asked to the end. `stopped` says why not all cases were asked, "" if they were.
    """

    planned: Planned
    design: Design
    seen: Observations
    effects: tuple[Effect, ...]
    screened: Observations | None = None
    stopped: str = ""
    notes: tuple[str, ...] = ()
    incomplete: bool = False
    """True if it was stopped, or a limit was reached, before the answer was clear."""


@dataclass(frozen=True)
class Tools:
    """What an experiment is asked with."""

    catalogue: Catalogue
    store: Store
    log: SuiteLog
    max_cost: float | None = None
    again: bool = False


class Running:
    """An experiment that is being asked. Iterate it for its progress; then `outcome` is there.

    `stop` ends it soon; asked again, it goes on.
    """

    def __init__(self, planned: Planned, tools: Tools) -> None:
        self.planned, self._tools = planned, tools
        self.outcome: Outcome | None = None
        self._asking: Asking | None = None
        self._halted = ""
        self._settled = False

    def stop(self) -> None:
        """Break off running answers and end."""
        self._halted = "it was stopped"
        if self._asking:
            self._asking.stop()

    def __iter__(self) -> Iterator[Progress]:
        planned, experiment = self.planned, self.planned.experiment
        design, cases = planned.design, list(planned.material.cases)
        notes = list(design.notes)
        screened: Observations | None = None
        if experiment.screen:
            first, cases = _split(cases, experiment.screen, experiment.seed)
            screened = yield from self._ask("screening", design, first)
            design, note = _survivors(design, screened, experiment.models, experiment.margin)
            notes.append(note)
        seen, effects = yield from self._looks(design, cases)
        incomplete = bool(self._halted) and not self._settled
        self.outcome = Outcome(planned, design, seen, effects, screened, self._halted, tuple(notes), incomplete)

    def _looks(
        self, design: Design, cases: Sequence[Case]
    ) -> Generator[Progress, None, tuple[Observations, tuple[Effect, ...]]]:
        """Ask `cases`, and look at the effects as often as the experiment says. What a look has settled stays so."""
        experiment = self.planned.experiment
        seen, settled = Observations(()), dict[tuple[str, str], Effect]()
        effects: tuple[Effect, ...] = ()
        parts = _parts(cases, experiment.looks, experiment.seed)
        ends = [sum(map(len, parts[: number + 1])) for number in range(len(parts))]
        shares = tuple(end / len(cases) for end in ends)
        for number, part in enumerate(parts):
            if self._halted:
                break
            stage = "asking" if len(parts) == 1 else f"look {number + 1} of {len(parts)}"
            seen += yield from self._ask(stage, design, part)
            look = stats.Look(shares, number)
            found = effects_of(design, seen, experiment.models, margin=experiment.margin, look=look)
            effects = tuple(settled.get(_key(effect), effect) for effect in found)
            settled |= {_key(effect): effect for effect in effects if effect.verdict != "cannot tell yet"}
            if self._halted or look.last or not effects:
                continue
            after = f"after {ends[number]} of {len(cases)} cases"
            if len(settled) == len(effects):
                self._settled, self._halted = True, f"everything was settled {after}"
            elif all(effect.hopeless for effect in effects if effect.verdict == "cannot tell yet"):
                self._settled, self._halted = True, f"{after} the rest was not likely to make anything clearer"
        return seen, effects

    def _ask(self, stage: str, design: Design, cases: Sequence[Case]) -> Generator[Progress, None, Observations]:
        """Ask `cases` in every arm; what an earlier, interrupted run has answered is not asked again."""
        tools, suite = self._tools, self.planned.stage(design, cases)
        asking = Asking(
            self.planned.material.workspace,
            suite,
            verb="rerun",
            options=AskOptions(max_cost=tools.max_cost),
            catalogue=tools.catalogue,
            store=tools.store,
            log=tools.log,
            resume=not tools.again,
            finished_before=(),  # a finished run is gone on with, too: answers to the same prompts are not asked again
        )
        self._asking = asking
        rows: dict[int, Observation] = {}
        for answered in asking:
            rows[answered.position] = _seen(answered)
            yield Progress(stage, len(rows), asking.total, Observations(tuple(rows.values())))
        if asking.out_of:
            self._halted = f"the limit was reached: {asking.out_of}"
        self._asking = None
        return Observations(tuple(rows[position] for position in sorted(rows)))


def _seen(answered: Answered) -> Observation:
    key, verdict, result = answered.item.key, answered.verdict, answered.result
    score = None if verdict.passed is None else verdict.score
    why = "" if score is not None else result.error or verdict.not_judged or "it has no score"
    return Observation(
        *(key.case, key.variant, key.model, key.repeat),
        score,
        verdict.passed,
        why,
        result.id,
        result.run_id,
        result.text,
    )


def _key(effect: Effect) -> tuple[str, str]:
    return effect.contrast.name, effect.model


def _split(cases: Sequence[Case], first: int, seed: int) -> tuple[list[Case], list[Case]]:
    """Cases for screening, drawn by the seed, and the fresh rest."""
    if first >= len(cases) - 1:
        raise ExperimentError(
            f"screening on {first} of {len(cases)} cases leaves none to confirm on", field="screen", hint="lower it"
        )
    chosen = set(shuffled([case.id for case in cases], seed, 1)[:first])
    return [case for case in cases if case.id in chosen], [case for case in cases if case.id not in chosen]


def _survivors(design: Design, screened: Observations, models: Sequence[str], margin: float) -> tuple[Design, str]:
    """The design with the contrasts that are worth confirming: the primary ones, and the largest of the others."""
    effects = effects_of(design, screened, models, margin=margin)
    largest: dict[str, float] = {}
    for effect in effects:
        if not effect.contrast.primary:
            name = effect.contrast.name
            largest[name] = max(largest.get(name, 0.0), abs(effect.difference))
    kept = set(sorted(largest, key=lambda name: -largest[name])[:KEPT_AFTER_SCREEN])
    contrasts = [c for c in design.contrasts if c.primary or c.name in kept]
    arms = {name for contrast in contrasts for name in (*contrast.after, *contrast.before)}
    survivors = design.only([arm.name for arm in design.arms if arm.name in arms])
    survivors = replace(survivors, contrasts=tuple(contrasts))
    dropped = len(design.contrasts) - len(contrasts)
    note = f"{len(design.contrasts)} comparisons were screened on {len(screened.cases)} cases; the {len(contrasts)} "
    note += "largest were confirmed on fresh cases." if dropped else "comparisons were all confirmed on fresh cases."
    return survivors, note


def _parts(cases: Sequence[Case], looks: int, seed: int) -> list[list[Case]]:
    """`cases` in `looks` parts of about the same size, drawn by the seed; each part in the order of the file."""
    if not cases:
        raise ExperimentError("there are no cases to ask")
    order = shuffled([case.id for case in cases], seed, 2)
    looks = min(looks, len(cases))
    part = {name: number * looks // len(cases) for number, name in enumerate(order)}
    return [[case for case in cases if part[case.id] == number] for number in range(looks)]
