"""The results of a run, one for each trial: of a run under way, or of the history.

run = lab.compare("world-cup", {"question": "Who won?"})
for result in run:                 # in the order of the models, each as soon as it is there
    print(result.model, result.text, result.error)
run.to_pandas()
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from promptlab._util.text import clipped
from promptlab.lab import _tables as tables
from promptlab.runs import duration_text
from promptlab.types import Result

if TYPE_CHECKING:
    import pandas

    from promptlab.runs import Run, RunInfo

SHOWN = 200
"""Characters of an answer in `repr`."""


class RunResults(Sequence[Result]):
    """Results in the order of the trials. Reading one that is not there yet waits for it.

    A failed question is a result with an `error`; the others are not affected by it. Ctrl-C while waiting stops the
    run.
    """

    def __init__(self, run_id: str, title: str, total: int) -> None:
        self.id, self.title = run_id, title
        self._total = total
        self._ended: dict[int, Result] = {}
        self._changed = threading.Condition()
        self._over = False
        self._fault: BaseException | None = None
        self._cancel: Callable[[], None] = lambda: None

    @classmethod
    def following(cls, run: Run, title: str) -> RunResults:
        """Of a run under way, which this listens to from now on."""
        found = cls(run.id, title, len(run.trials))
        found._cancel = run.cancel
        threading.Thread(target=found._listen, args=(run,), name=f"results-{run.id[:8]}", daemon=True).start()
        return found

    @classmethod
    def stored(cls, info: RunInfo, results: Sequence[Result]) -> RunResults:
        """Of a run of the history: those of its trials that ended."""
        found = cls(info.id, info.title, len(results))
        found._ended, found._over = dict(enumerate(results)), True
        return found

    def _listen(self, run: Run) -> None:
        fault: BaseException | None = None
        try:
            for event in run:
                if isinstance(event.step, Result):
                    with self._changed:
                        self._ended[event.index] = event.step
                        self._changed.notify_all()
        except BaseException as exc:  # the thread that waits for the results raises it
            fault = exc
        with self._changed:
            self._over, self._fault = True, fault
            self._changed.notify_all()

    # Waiting

    @property
    def done(self) -> bool:
        """True if every trial has its result."""
        return self._over

    def cancel(self) -> None:
        """Stop the answers under way and ask nothing more. Each trial still gets its result."""
        self._cancel()

    def wait(self) -> RunResults:
        """Wait for all results. Raises `StoreError` if they could not be written to the history."""
        self._until(lambda: False)
        return self

    def join(self) -> None:
        """Wait for the end, however it ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._over)

    def _until(self, ready: Callable[[], bool]) -> None:
        try:
            with self._changed:
                self._changed.wait_for(lambda: ready() or self._over)
        except KeyboardInterrupt:
            self.cancel()
            raise
        if not ready() and self._fault is not None:
            raise self._fault

    def _get(self, index: int) -> Result:
        self._until(lambda: index in self._ended)
        return self._ended[index]

    # As a sequence

    def __len__(self) -> int:
        return self._total

    def __iter__(self) -> Iterator[Result]:
        """Each result, in the order of the trials, as soon as it is there."""
        for index in range(self._total):
            yield self._get(index)
        self.wait()

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        places = range(self._total)[index]  # raises IndexError as a list does
        return [self._get(place) for place in places] if isinstance(places, range) else self._get(places)

    @property
    def errors(self) -> list[Result]:
        """The results that failed."""
        return [result for result in self if result.error]

    # As tables

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each result. `text` is None if it failed; then `error` says why."""
        return tables.frame([_row(result) for result in self])

    def __repr__(self) -> str:
        ended = [result for _, result in sorted(self._ended.copy().items())]
        lines = [f"<RunResults {self.id[:8]}: {self.title!r}, {len(ended)} of {self._total} ended>"]
        lines += [f"  {result.model}: {_short(result)}" for result in ended]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """A table for notebooks; waits for the results."""
        return tables.html(f"{self.title}, run {self.id[:8]}", [_shown(result) for result in self])


def _short(result: Result) -> str:
    # As `repr` writes a text: its control characters steer no terminal.
    if result.error:
        return f"failed, {result.error_kind}: {clipped(result.error, SHOWN)!r}"
    return repr(clipped(result.text, SHOWN)) + (" (stored)" if result.cached else "")


def _row(result: Result) -> dict[str, Any]:
    done = result.completion
    row = {
        "model": result.model,
        "repeat": result.request.repeat if result.request else None,
        "without": ", ".join(result.without),
        "text": done.text if done else None,
        "score": result.score,
        "error": f"{result.error_kind}: {result.error}" if result.error else None,
        "finish_reason": done.finish_reason if done else None,
        "cached": result.cached,
        "prompt_tokens": result.tokens.prompt,
        "new_tokens": result.tokens.written,
        "seconds": result.seconds,
    }
    row["not_judged"] = result.not_judged or None
    names = Counter(score.scorer for score in result.scores)
    each = {
        f"score_{score.spec if names[score.scorer] > 1 and score.spec else score.scorer}": score.value
        for score in result.scores
    }
    return {**row, **each} if len(each) > 1 else row


def _shown(result: Result) -> dict[str, str]:
    done = result.completion
    return {
        "model": result.model,
        "answer": f"failed, {result.error_kind}: {result.error}" if result.error else result.text,
        "score": "not judged" if result.not_judged else "" if result.score is None else f"{result.score:.2g}",
        "tokens": "" if result.tokens.prompt is None else f"{result.tokens.prompt:,} + {result.tokens.written or 0:,}",
        "time": "stored" if result.cached else duration_text(result.seconds) if done else "",
        "end": "" if done is None or done.finish_reason == "stop" else done.finish_reason,
    }
