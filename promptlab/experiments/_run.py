"""Asking an experiment: stages of cases, each asked by the machinery of suites, and the effects after each.

A stage is a suite with one variant for each arm. It is in the suite log before anything is asked, so an experiment that
was killed goes on where it stopped, and no answer is asked for twice.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from promptlab import stats
from promptlab.experiments import _stages as stages
from promptlab.experiments._design import Design
from promptlab.experiments._effects import NO_CHANGE, Effect, effects_of
from promptlab.experiments._observations import Observation, Observations
from promptlab.experiments._outcome import Outcome, State
from promptlab.experiments._plan import Planned
from promptlab.experiments._seen import observed
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import Answered, Asking, AskOptions, Case, StoredAnswers, SuiteLog
from promptlab.workspace import Labels


@dataclass(frozen=True)
class Progress:
    """How far an experiment is: `done` of `total` answers of the stage `stage`."""

    stage: str
    done: int
    total: int
    running: Running

    @property
    def seen(self) -> Observations:
        """What was seen in the stage until now."""
        return self.running.so_far.seen


@dataclass(frozen=True)
class Tools:
    """What an experiment is asked with."""

    catalogue: Catalogue
    store: Store
    log: SuiteLog
    max_cost: float | None = None
    again: bool = False


class Running:
    """An experiment that is being asked. Iterate it for its progress; then `outcome` is there, and until then `so_far`.

    `stop` ends it soon; asked again, it goes on. `so_far` may be read from another thread. With `stored`, no model is
    asked: the answers are those that an earlier run has.
    """

    def __init__(self, planned: Planned, tools: Tools, *, stored: bool = False) -> None:
        self.planned, self._tools, self._stored = planned, tools, stored
        self.outcome: Outcome | None = None
        self._asking: Asking | None = None
        self._halted = ""
        self._spent = 0.0
        self._at = _At(planned.design)

    def stop(self) -> None:
        """Break off running answers and end."""
        self._halted = "it was stopped by hand"
        if self._asking:
            self._asking.stop()

    @property
    def resumed(self) -> int:
        """How many answers of the present stage an earlier run had given."""
        return self._asking.resumed if self._asking else 0

    @property
    def so_far(self) -> Outcome:
        """What came of it until now: the outcome if it has ended, else one in the state "asking"."""
        if self.outcome is not None:
            return self.outcome
        return self._unfinished("asking")

    def __iter__(self) -> Iterator[Progress]:
        planned, experiment = self.planned, self.planned.experiment
        cases = list(planned.material.cases)
        if experiment.screen:
            first, cases = stages.split(cases, experiment.screen, experiment.seed)
            screened = yield from self._ask("screening", planned.design, first)
            if not self._at.whole:
                self.outcome = self._unfinished("stopped")
                return
            design, note = stages.survivors(planned.design, screened, experiment.models, experiment.margin)
            self._at = _At(design, screened=screened, notes=(note,))
        yield from self._looks(cases)

    def _looks(self, cases: Sequence[Case]) -> Generator[Progress, None, None]:
        """Ask `cases`, and look at the effects as often as the experiment says. What a look has settled stays so."""
        experiment, at = self.planned.experiment, self._at
        parts = stages.parts(cases, experiment.looks, experiment.seed)
        ends = [sum(map(len, parts[: number + 1])) for number in range(len(parts))]
        shares = tuple(end / len(cases) for end in ends)
        seen, effects, early = Observations(()), tuple[Effect, ...](), ""
        for number, part in enumerate(parts):
            stage = "asking" if len(parts) == 1 else f"look {number + 1} of {len(parts)}"
            seen += yield from self._ask(stage, at.design, part)
            if not at.whole:  # this look was not reached as it was planned
                self.outcome = self._unfinished("stopped")
                return
            look = stats.Look(shares, number)
            found = effects_of(at.design, seen, experiment.models, margin=experiment.margin, look=look)
            effects = tuple(at.settled.get(_key(effect), effect) for effect in found)
            # That nothing was changed until now settles nothing: in cases that are still to come it may be otherwise.
            at.settled |= {_key(e): e for e in effects if e.verdict not in ("cannot tell yet", NO_CHANGE)}
            if look.last or not effects:
                continue
            if early := _why_early(effects, f"after {ends[number]} of {len(cases)} cases"):
                break
        self.outcome = self._outcome("finished", seen, effects, early)

    def _unfinished(self, state: State) -> Outcome:
        at, experiment = self._at, self.planned.experiment
        seen = at.seen
        effects = effects_of(at.design, seen, experiment.models, margin=experiment.margin)
        return self._outcome(state, seen, without_verdicts(effects, at.settled), self._halted)

    def _outcome(self, state: State, seen: Observations, effects: tuple[Effect, ...], stopped: str) -> Outcome:
        at = self._at
        return Outcome(
            *(self.planned, at.design, seen, effects, at.screened),
            stopped,
            (*self.planned.design.notes, *at.notes),
            state != "finished",
            *(state, at.stage, at.done, at.total),
        )

    def _ask(self, stage: str, design: Design, cases: Sequence[Case]) -> Generator[Progress, None, Observations]:
        """Ask `cases` in every arm of `design`; what an earlier run has answered is not asked again. Returns what was
        seen in this stage."""
        at = self._at
        at.begin(stage, len(self.planned.experiment.models) * self.planned.experiment.repeats * len(cases))
        labels = Labels(self.planned.material.workspace)
        own = self.planned.material.template
        schemas = {arm.name: arm.schema or (arm.variant.template or own).schema for arm in design.arms}
        for answered in self._read(design, cases) if self._stored else self._asked(design, cases):
            at.rows[answered.position] = observed(answered, labels, schemas[answered.item.key.variant])
            yield Progress(stage, at.done, at.total, self)
        if not at.whole and not self._halted:
            self._halted = f"{at.total - at.done:,} of {at.total:,} answers are not there"
        return Observations(tuple(at.rows[position] for position in sorted(at.rows)))

    def _asked(self, design: Design, cases: Sequence[Case]) -> Iterator[Answered]:
        tools = self._tools
        left = None if tools.max_cost is None else max(0.0, tools.max_cost - self._spent)
        asking = Asking(
            self.planned.material.workspace,
            self.planned.stage(design, cases),
            verb="rerun",
            options=AskOptions(max_cost=left),  # the limit is one for all stages
            catalogue=tools.catalogue,
            store=tools.store,
            log=tools.log,
            resume=not tools.again,
            finished_before=(),  # a finished run is gone on with, too: answers to the same prompts are not asked again
        )
        self._asking = asking
        if self._halted:  # it was stopped while this stage was prepared
            asking.stop()
        yield from asking
        self._asking = None
        self._spent += asking.spent.cost
        if asking.out_of and not self._halted:
            self._halted = f"the limit of ${tools.max_cost:g} was reached; with a higher one it goes on"

    def _read(self, design: Design, cases: Sequence[Case]) -> Iterator[Answered]:
        stored = StoredAnswers(
            self.planned.material.workspace,
            self.planned.stage(design, cases),
            options=AskOptions(),
            store=self._tools.store,
            log=self._tools.log,
        )
        yield from stored
        if stored.other_prompts:
            missing = self._at.total - self._at.done
            self._halted = f"{missing:,} of {self._at.total:,} answers are not there, or were given to other prompts"


class _At:
    """Where an experiment is: what was seen in the stages that count together, and the answers of the present one."""

    def __init__(self, design: Design, screened: Observations | None = None, notes: tuple[str, ...] = ()) -> None:
        self.design, self.screened, self.notes = design, screened, notes
        self.stage, self.total = "", 0
        self.settled: dict[tuple[str, str], Effect] = {}
        self._seen: tuple[tuple[Observation, ...], dict[int, Observation]] = (), {}

    def begin(self, stage: str, each_arm: int) -> None:
        """Begin the stage `stage`, in which each arm is asked for `each_arm` answers."""
        self.stage, self.total = stage, each_arm * len(self.design.arms)
        self._seen = self.seen.every, {}

    @property
    def rows(self) -> dict[int, Observation]:
        """The answers of the stage by their place in it."""
        return self._seen[1]

    @property
    def done(self) -> int:
        return len(self.rows)

    @property
    def whole(self) -> bool:
        """True if every planned answer of the stage has ended, be it with an error."""
        return self.done == self.total

    @property
    def seen(self) -> Observations:
        before, rows = self._seen
        rows = rows.copy()  # another thread may add to them
        return Observations((*before, *(rows[position] for position in sorted(rows))))


def read_outcome(planned: Planned, tools: Tools) -> Outcome:
    """The outcome of `planned` from the answers that are stored; no model is asked. What is missing is left out: then
    its state is "stopped", and it says how much there is of the stage that is not whole."""
    running = Running(planned, tools, stored=True)
    for _ in running:
        pass
    return running.so_far


def _why_early(effects: Sequence[Effect], after: str) -> str:
    """Why the experiment may end at this look, "" if it goes on."""
    open_ones = [effect for effect in effects if effect.verdict == "cannot tell yet"]
    if not open_ones:
        return f"everything was settled {after}"
    if all(effect.hopeless for effect in open_ones):
        return f"{after} the rest was not likely to make anything clearer"
    return ""


def without_verdicts(effects: Iterable[Effect], settled: Mapping[tuple[str, str], Effect]) -> tuple[Effect, ...]:
    """`effects` that were looked at when no look was planned: without a verdict, but for those that are `settled`."""
    return tuple(settled.get(_key(effect)) or replace(effect, verdict="cannot tell yet") for effect in effects)


def _key(effect: Effect) -> tuple[str, str]:
    return effect.contrast.name, effect.model
