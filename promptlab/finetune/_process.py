"""Training in a process of its own: torch keeps gigabytes until its process ends, so no other process trains.

    start_training(workspace, tuning)        # returns once the process has the lock; files say how far it is
    find_training(workspace, tuning.model)   # see _state.py

`python -m promptlab.finetune._process` reads what is wanted as JSON from its standard input, and writes one line to its
standard output once it has begun. It goes on when the process that started it ends; `request_stop` stops it.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

from promptlab._util import disk_errors, state_folder, subprocesses
from promptlab.errors import FinetuneError, PromptlabError
from promptlab.finetune._extras import require_libraries
from promptlab.finetune._plan import plan_tuning
from promptlab.finetune._rows import RATINGS
from promptlab.finetune._state import tuning_from_data
from promptlab.finetune._tuning import Tuning, check_name
from promptlab.finetune._watch import watch_training
from promptlab.models import Catalogue, training_folder
from promptlab.runs import Store
from promptlab.workspace import Workspace

log = logging.getLogger(__name__)
LOG = "log.txt"
"""What the process printed, in the folder of the training."""


def start_training(workspace: Workspace, tuning: Tuning, *, again: bool = False) -> None:
    """Start a process that trains, or goes on at the checkpoint; with `again` it begins anew. Returns once it holds the
    lock.

    Raises:
        ModelNotReady: a library is missing.
        FinetuneError: the name cannot be used, another process trains it, or the process cannot be started.
    """
    require_libraries()
    check_name(workspace, tuning)
    folder = training_folder(workspace, tuning.model)
    asked = {"root": str(workspace.root), "tuning": asdict(tuning), "again": again}
    try:
        state_folder.make_room(folder)
        # Added to, since another process may write to it; the new one empties it when it has the lock.
        handle = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as output:
            child = subprocess.Popen(
                subprocesses.command("promptlab.finetune._process"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=subprocesses.environment(),
                start_new_session=True,  # Ctrl-C in the terminal of the app is not meant for it
            )
    except OSError as exc:
        raise FinetuneError(
            f"the training cannot be started: {exc.strerror or exc}", hint=disk_errors.advice(exc)
        ) from exc
    reply = _begun(child, asked, folder)
    threading.Thread(target=child.wait, name="training-end", daemon=True).start()  # so that no zombie stays
    if "failed" in reply:
        raise FinetuneError(reply["failed"], hint=reply["hint"])


def _begun(child: subprocess.Popen[bytes], asked: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the process says when it has begun."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        with child.stdout, child.stdin:
            child.stdin.write(json.dumps(asked).encode() + b"\n")
            child.stdin.flush()
            reply: dict[str, Any] = json.loads(child.stdout.readline())
    except (OSError, ValueError):
        raise FinetuneError(
            f"the process that trains ended at once (exit status {child.wait()})", hint=f"see {folder / LOG}"
        ) from None
    return reply


def main() -> None:
    """Read what is wanted, train, and leave the state in the folder of the training."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # prints of libraries go to the log
    asked = json.loads(sys.stdin.readline())
    subprocesses.stand_back()
    begun = False
    try:
        workspace, tuning = Workspace.load(Path(asked["root"])), tuning_from_data(asked["tuning"])
        with watch_training(workspace, tuning) as watched:
            os.ftruncate(2, 0)
            begun = True
            _say(out)
            _train(workspace, tuning, watched, again=bool(asked["again"]))
    except PromptlabError as exc:
        if not begun:
            _say(out, failed=exc.message, hint=exc.hint)
        raise SystemExit(1) from None
    except Exception:
        log.exception("the training failed")
        raise SystemExit(1) from None


def _train(workspace: Workspace, tuning: Tuning, watched: Any, *, again: bool) -> None:
    catalogue = Catalogue(workspace)
    store = Store.of(workspace) if tuning.data == RATINGS else None
    try:
        for _ in watched.train(plan_tuning(workspace, catalogue, tuning, store), again=again):
            pass
    finally:
        catalogue.close()
        if store is not None:
            store.close()


def _say(out: Any, **words: str) -> None:
    json.dump(words, out)
    out.write("\n")
    out.close()


if __name__ == "__main__":
    main()


__all__ = ["start_training"]
