"""Reading ahead for the page that is open: the stable beginning of its prompt, for the models that are chosen.

    session.ahead.want(trials)          # after the page is drawn; returns at once, and changes nothing the second time
    session.ahead.progress()            # (Progress("gemma-3-270m", "reading", 1792, 2512), …)

One thread reads for one model after the other. Whatever a person asks goes first (promptlab/runs/_read_ahead.py). It is
off if the environment variable PROMPTLAB_READ_AHEAD is `off`, or if it was switched off on the workbench; a file in
`.promptlab` remembers that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from promptlab import runs
from promptlab._util.files import write_atomically
from promptlab.errors import PromptlabError
from promptlab.models import Catalogue
from promptlab.runs import Trial
from promptlab.types import Completion

log = logging.getLogger(__name__)

VARIABLE = "PROMPTLAB_READ_AHEAD"
OFF = frozenset({"off", "0", "no", "false"})
SWITCH = "read-ahead-off"
"""The file in `.promptlab` that is there while it is switched off."""

State = Literal["waiting", "loading", "reading", "read", "not read"]


@dataclass(frozen=True)
class Progress:
    """How far the beginning of a prompt is read for a model: `done` of `total` tokens; `note` says why it is not."""

    model: str
    state: State = "waiting"
    done: int = 0
    total: int = 0
    note: str = ""

    @property
    def busy(self) -> bool:
        """True if there is more to read."""
        return self.state in ("waiting", "loading", "reading")


@dataclass
class _Wanted:
    """A trial whose beginning, `text`, is to be read."""

    trial: Trial
    text: object
    progress: Progress
    cancel: threading.Event = field(default_factory=threading.Event)


class ReadAhead:
    """The reading ahead of a workspace. Safe to use from any thread; `want` decides what is read from then on."""

    def __init__(self, catalogue: Catalogue, state: Path, env: Mapping[str, str] | None = None) -> None:
        self._catalogue, self._switch = catalogue, state / SWITCH
        self._env: Mapping[str, str] = os.environ if env is None else env
        self._changed = threading.Condition()
        self._wanted: list[_Wanted] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def allowed(self) -> bool:
        """False if the environment switches it off."""
        return self._env.get(VARIABLE, "").strip().lower() not in OFF

    @property
    def on(self) -> bool:
        """True if it is allowed and not switched off."""
        return self.allowed and not self._switch.exists()

    def switch(self, on: bool) -> None:
        """Switch it on or off for this workspace. What is being read stops."""
        with contextlib.suppress(OSError):  # on a disk that cannot be written it stays as it is, and the page shows so
            if on:
                self._switch.unlink(missing_ok=True)
            else:
                write_atomically(self._switch, b"")
        if not on:
            self.want(())

    def want(self, trials: Sequence[Trial]) -> None:
        """Read the beginning of these trials, which differ in their models. What has the same beginning as before is
        left as it is, read or being read; everything else that was wanted is given up."""
        wanted = [_of(trial) for trial in trials] if self.on else []
        with self._changed:
            before = {(w.trial.model, w.text): w for w in self._wanted}
            kept = [before.pop((w.trial.model, w.text), w) for w in wanted]
            for old in before.values():
                old.cancel.set()
            self._wanted = kept
            if any(w.progress.busy for w in kept) and not self._closing:
                self._start()
            self._changed.notify_all()

    def progress(self) -> tuple[Progress, ...]:
        """How far it is, for each model that is wanted."""
        with self._changed:
            return tuple(w.progress for w in self._wanted)

    @property
    def busy(self) -> bool:
        """True if there is more to read."""
        return any(progress.busy for progress in self.progress())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until everything wanted is read. False if it was not after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(w.progress.busy for w in self._wanted), timeout)

    def close(self) -> None:
        """Give up what is being read and read nothing more."""
        with self._changed:
            self._closing = True
            for wanted in self._wanted:
                wanted.cancel.set()
            self._wanted = []
            self._changed.notify_all()
        if self._thread:
            self._thread.join(5)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (wanted := self._next()) is not None:
            try:
                self._read(wanted)
            except PromptlabError as exc:  # Run will show it in full
                self._note(wanted, replace(wanted.progress, state="not read", note=exc.message))
            except Exception as exc:
                log.exception("reading ahead for %s failed", wanted.trial.model)
                self._note(wanted, replace(wanted.progress, state="not read", note=f"unexpected {type(exc).__name__}"))

    def _next(self) -> _Wanted | None:
        """The next that is to be read. Waits for one; None at the end."""
        with self._changed:
            while not self._closing:
                for wanted in self._wanted:
                    if wanted.progress.busy:
                        return wanted
                self._changed.wait()
        return None

    def _read(self, wanted: _Wanted) -> None:
        for step in runs.read_ahead(wanted.trial, self._catalogue, wanted.cancel):
            if isinstance(step, Completion):
                self._note(wanted, _ended(wanted.progress, step))
                return
            if step.name == "reading":
                self._note(wanted, replace(wanted.progress, state="reading", done=step.done, total=step.total))
            elif not wanted.progress.total:
                self._note(wanted, replace(wanted.progress, state="loading"))

    def _note(self, wanted: _Wanted, progress: Progress) -> None:
        with self._changed:
            wanted.progress = progress
            self._changed.notify_all()


def _of(trial: Trial) -> _Wanted:
    prompt = trial.prompt
    text: object = prompt and runs.stable_text(trial, prompt)
    return _Wanted(trial, text, Progress(trial.model))


def _ended(progress: Progress, done: Completion) -> Progress:
    read = done.usage.prompt or 0
    if done.finish_reason == "stopped":
        return replace(progress, state="not read", note="given up")
    if note := str(done.details.get("note", "")):
        return replace(progress, state="not read", note=note)
    return replace(progress, state="read", done=read, total=read)


__all__ = ["VARIABLE", "Progress", "ReadAhead"]
