"""Shows a run on a terminal: answers as they come, a progress bar, and Ctrl-C; prints text safely."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from promptlab._util.text import printable

if TYPE_CHECKING:
    from promptlab.runs import Run
    from promptlab.types import Result


def name(text: str) -> str:
    """A name on one line of the terminal."""
    return printable(text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t"))


def accept_any_text() -> None:
    """Print characters that the encoding of the terminal lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def follow(run: Run, show: Callable[[Result], None]) -> bool:
    """Show results in the order of the trials as they come, with a progress bar on a terminal. True if any failed,
    or was not judged.

    Ctrl-C stops the run and shows the results so far; a second one exits at once.
    """
    from promptlab.types import Phase, Result

    ended: dict[int, Result] = {}
    shown, failed = 0, False
    with _interruptible(run), _Progress(run) as progress:
        for event in run:
            if isinstance(event.step, Phase):
                progress.phase(run.trials[event.index].model, event.step)
            if not isinstance(event.step, Result):
                continue
            ended[event.index] = event.step
            failed = failed or not event.step.ok or bool(event.step.not_judged)
            progress.done()
            with progress.paused():
                while shown in ended:
                    show(ended.pop(shown))
                    shown += 1
    return failed


@contextlib.contextmanager
def _interruptible(run: Run) -> Iterator[None]:
    """Let the first Ctrl-C stop the run: as a signal, since an exception could fall between an event and its line."""

    def stop(_signal: int, _frame: object) -> None:
        if run.cancelled:
            raise KeyboardInterrupt
        run.cancel()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except BaseException:
        run.cancel()  # no one reads the output any more: a closed pipe, or a second Ctrl-C
        raise
    finally:
        signal.signal(signal.SIGINT, before)


class _Progress:
    """A progress bar on standard error, if that is a terminal."""

    def __init__(self, run: Run) -> None:
        self._total = len(run.trials)
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar:
            self._bar.stop()

    def done(self) -> None:
        if self._bar:
            self._bar.advance(self._task)

    def phase(self, model: str, phase: Any) -> None:
        if self._bar:
            read = f" {phase.done:,} of {phase.total:,} tokens" if phase.total else ""
            text = f"{model}: {phase.name}{read} {phase.detail}".rstrip()
            self._bar.update(self._task, description=printable(text))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the bar while an answer is printed."""
        if self._bar:
            self._bar.stop()
        yield
        if self._bar:
            self._bar.start()


__all__ = ["accept_any_text", "follow", "name", "printable"]
