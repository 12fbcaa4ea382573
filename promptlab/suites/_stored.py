"""The answers that earlier, perhaps interrupted, runs of a suite have, judged as of today. No model is asked.

stored = StoredAnswers(workspace, suite, options=AskOptions(), store=store, log=log)
for answered in stored:                 # as `Asking` gives them, without the items that have no answer
    print(answered.item.key.id, answered.result.completion.text)
print(stored.missing, "have none")
"""

from __future__ import annotations

from collections.abc import Iterator

from promptlab._util.git import blob_id
from promptlab.errors import PromptlabError
from promptlab.runs import Store
from promptlab.suites._ask import is_answer_to
from promptlab.suites._baseline import RunAnswers
from promptlab.suites._items import AskOptions, TrialMaker, chosen, trial_of
from promptlab.suites._log import SuiteLog
from promptlab.suites._outcome import Answered, Ended, failed_result, with_verdict
from promptlab.suites._suite import Item, ItemKey, Suite
from promptlab.suites._suite_run import SuiteRun, Verb
from promptlab.types import Result
from promptlab.workspace import Workspace


class StoredAnswers:
    """What the newest run of the suite as it is now has answered. Iterate it, then `missing` and `other_prompts` say
    how many items have no answer, and how many have one only to another prompt than today's, which is left out."""

    def __init__(
        self,
        workspace: Workspace,
        suite: Suite,
        *,
        options: AskOptions,
        store: Store,
        log: SuiteLog,
        verb: Verb = "rerun",
    ) -> None:
        self._workspace, self._suite, self._options = workspace, suite, options
        self._store, self._log, self._verb = store, log, verb
        self.missing = self.other_prompts = 0

    def run(self) -> SuiteRun | None:
        """The run that has the answers, None if there is none."""
        identity = {**self._options.identity(), "suite": blob_id(self._suite.source)}
        runs = self._log.runs(self._suite.path, verb=self._verb, limit=1_000)
        return next((run for run in runs if run.identity == identity), None)

    def __iter__(self) -> Iterator[Answered]:
        run = self.run()
        fill = TrialMaker(self._workspace, self._suite)
        every = chosen(self._workspace, self._suite, verb=self._verb, options=self._options, log=self._log)
        if run is None:
            self.missing = sum(1 for _ in every)
            return
        answers = RunAnswers(self._store, self._log, run)
        errors = {row.key: row.details.error for row in self._log.every_row(run) if row.details.error}
        for position, item in every:
            answered = self._answered(fill, answers, errors.get(item.key, ""), position, item)
            if answered is None:
                self.missing += 1
            else:
                yield answered

    def _answered(
        self, fill: TrialMaker, answers: RunAnswers, error: str, position: int, item: Item
    ) -> Answered | None:
        try:
            trial = trial_of(fill, item, None, "current")
        except PromptlabError as exc:
            return with_verdict(fill, Ended(position, item, None, failed_result(item, exc)), ())
        result: Result | None = answers.get(item.key)
        if result is not None and is_answer_to(result, trial):
            ended = Ended(position, item, None, fill.rescored(item, result), fingerprint=answers.fingerprint(result))
            return with_verdict(fill, ended, answers.judged(item.key))
        if result is not None:
            self.other_prompts += 1
            return None
        if not error:
            return None
        return with_verdict(fill, Ended(position, item, None, _failed(item.key, error)), ())


def _failed(key: ItemKey, error: str) -> Result:
    return Result("", "", key.model, None, "", error=error, case=key.id)


__all__ = ["StoredAnswers"]
