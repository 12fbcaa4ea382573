"""A suite from Python: its cases, and the same verbs as on the command line.

suite = lab.suite("world-cup")
suite.replay().failing             # asks no model: what is no longer as it was recorded
suite.rerun(limit=20).summary.sentence
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from promptlab import suites
from promptlab.lab._opened import Opened
from promptlab.lab._suite_history import SuiteHistory
from promptlab.lab._suite_results import ItemResult, SuiteResults
from promptlab.workspace import Labels

if TYPE_CHECKING:
    from promptlab.suites import Asking, Case, Estimate, ItemKey, Renamed, SuiteRun, Verb
    from promptlab.suites import Suite as SuiteFile


@dataclass(frozen=True)
class _Wanted:
    """What is asked of a suite, and for how much; None is without a limit."""

    models: Sequence[str] | None = None
    only: Sequence[str] = ()
    limit: int | None = None
    max_cost: float | None = None
    max_tokens: int | None = None
    prompts: Literal["stored", "current"] = "current"
    only_failed: bool = False

    def options(self) -> suites.AskOptions:
        return suites.AskOptions(
            prompts=self.prompts,
            models=None if self.models is None else tuple(self.models),
            only=tuple(self.only),
            only_failed=self.only_failed,
            limit=self.limit,
            max_cost=self.max_cost,
            max_tokens=self.max_tokens,
        )


class Suite:
    """A suite of a lab. `file` is the suite file as it was last read."""

    def __init__(self, lab: Opened, file: SuiteFile) -> None:
        self._lab = lab
        self.file = file

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def description(self) -> str:
        return self.file.description

    @property
    def models(self) -> tuple[str, ...]:
        return self.file.models

    @property
    def cases(self) -> list[Case]:
        """The cases, in the order of the file."""
        every = suites.suite_items(self._lab.workspace, self.file)
        return list({item.key.case: item.case for item in every}.values())

    @property
    def is_recorded(self) -> bool:
        """True if the suite has a recording."""
        return self._lab.workspace.resolve(self.file.recording).is_file()

    def __repr__(self) -> str:
        recorded = "" if self.is_recorded else ", not recorded"
        return f"<Suite {self.path!r}, models {', '.join(self.models)}{recorded}>"

    # Verbs

    def replay(self, *, only: Sequence[str] = ()) -> SuiteResults:
        """Render every case and compare it with the recorded prompt, and score the recorded answers again. Asks no
        model. `only` names cases or items.

        Raises `InputError` if nothing is recorded, or a case is wrong.
        """
        file, labels = self._read(), Labels(self._lab.workspace)
        results, outcomes = [], []
        for one in suites.replay_suite(self._lab.workspace, file, only=_names(only)):
            outcome = suites.outcome_of_replay(one)
            judged = one.status != "unexpected"
            results.append(ItemResult.of(suites.report_item_of_replay(one, labels), outcome if judged else None))
            if judged:
                outcomes.append(outcome)
        summary = suites.summarise_outcomes(
            file, outcomes, workspace=self._lab.workspace, replayed=True, partial=bool(only)
        )
        return SuiteResults("replay", summary, results)

    def record(
        self,
        *,
        models: Sequence[str] | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        fresh: bool = False,
        wait: bool = False,
    ) -> SuiteResults:
        """Ask the models, and write prompts and answers into the recording. An item without an answer keeps what was
        recorded of it.

        An interrupted run is continued, unless `fresh`. `wait` waits for another process that works on the suite.

        Raises `SuiteBusy` if another process does, and `GateRefused` if the recording is labelled lower than what it
        would hold.
        """
        wanted = _Wanted(models, _names(only), limit, max_cost, max_tokens)
        return self._ask("record", wanted, fresh=fresh, wait=wait)

    def rerun(
        self,
        *,
        prompts: Literal["stored", "current"] = "stored",
        only_failed: bool = False,
        models: Sequence[str] | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        fresh: bool = False,
        wait: bool = False,
    ) -> SuiteResults:
        """Ask again, and compare each answer with the recorded one. `stored` sends the recorded prompts, `current`
        what the templates make of the cases today.

        An interrupted run is continued, unless `fresh`. `wait` waits for another process that works on the suite.
        """
        wanted = _Wanted(models, _names(only), limit, max_cost, max_tokens, prompts, only_failed)
        return self._ask("rerun", wanted, fresh=fresh, wait=wait)

    def runs(self) -> list[SuiteRun]:
        """What the suite was asked so far, newest first."""
        return list(self._lab.suite_log.runs(self.path))

    def history(self, *, verb: Verb | None = None, limit: int = 50) -> SuiteHistory:
        """The pass rate of each run, newest first, with its interval and what the run took; with `verb` (`record`,
        `rerun` or `replay`) only those runs."""
        lab = self._lab
        points = suites.suite_history(
            self._read(), log=lab.suite_log, store=lab.store, catalogue=lab.catalogue, verb=verb, limit=limit
        )
        return SuiteHistory(self.name, points)

    def estimate(
        self,
        verb: Literal["record", "rerun"] = "record",
        *,
        prompts: Literal["stored", "current"] | None = None,
        only_failed: bool = False,
        models: Sequence[str] | None = None,
        only: Sequence[str] = (),
        limit: int | None = None,
    ) -> Estimate:
        """What `record` or `rerun` would take, judges included; no model is asked. Its `max_tokens` and `max_cost` are
        limits with which everything is asked. A rerun sends stored prompts unless `prompts` says otherwise."""
        sent = prompts or ("stored" if verb == "rerun" else "current")
        wanted = _Wanted(models, _names(only), limit, prompts=sent, only_failed=only_failed)
        lab = self._lab
        return suites.estimate_suite(
            *(lab.workspace, self._read()),
            verb=verb,
            options=wanted.options(),
            catalogue=lab.catalogue,
            store=lab.store,
            log=lab.suite_log,
        )

    def rename_case(self, old: str, new: str) -> Renamed:
        """Call the case `old` `new`, in its file, the recording, the marks and the history."""
        lab = self._lab
        return suites.rename_case(lab.workspace, self.path, old, new, log=lab.suite_log, store=lab.store)

    def prune(self) -> list[ItemKey]:
        """Remove recorded items that are no longer in the suite; returns them."""
        return suites.prune_recording(self._lab.workspace, self._read())

    def _read(self) -> SuiteFile:
        self.file = suites.load_suite(self._lab.workspace, self.path)
        return self.file

    def _ask(self, verb: Literal["record", "rerun"], wanted: _Wanted, *, fresh: bool, wait: bool) -> SuiteResults:
        lab = self._lab
        finished = frozenset(run.id for run in self.runs() if run.state == "finished")
        with suites.hold_suite(lab.workspace, self.path, verb, wait=wait):
            asking = suites.Asking(
                lab.workspace,
                self._read(),
                verb=verb,
                options=wanted.options(),
                catalogue=lab.catalogue,
                store=lab.store,
                log=lab.suite_log,
                resume=not fresh,
                finished_before=finished,
            )
            results = self._followed(asking)
            if verb == "record":
                asking.write_recording()
        return results

    def _followed(self, asking: Asking) -> SuiteResults:
        labels = Labels(self._lab.workspace)
        results, outcomes = [], []
        try:
            for one in asking:
                outcomes.append(suites.outcome_of_answer(one))
                results.append(ItemResult.of(suites.report_item_of_answer(one, labels), outcomes[-1]))
        except BaseException:
            asking.stop()  # Ctrl-C, for example; what was answered is kept, and the same call continues there
            raise
        replayed = asking.verb == "record"  # there is nothing to compare with what is being recorded
        summary = suites.summarise_outcomes(
            self.file, outcomes, workspace=self._lab.workspace, replayed=replayed, partial=asking.partial
        )
        return SuiteResults(asking.verb, summary, results, stopped=asking.out_of)


def _names(only: Any) -> tuple[str, ...]:
    return (only,) if isinstance(only, str) else tuple(only)
