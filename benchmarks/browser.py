"""What the workbench costs the person who uses it, measured in Chromium.

    python -m benchmarks.browser [--against REVISION] [--model NAME] [--rounds N] [--quick] [--json]

The same actions on the app of this tree, on the app of another git revision (from a worktree of it), and on an empty
Streamlit page, which is the floor: nothing that Streamlit draws can be faster. The rounds take turns, so all of them
meet the same machine. Times are taken in the page: from the event to the frame that shows its effect.

With `--model` a local model is asked as well, in a workspace of its own: how long the page stays without an update
while the model reads, and how soon the first word is there with the beginning of the prompt read ahead and without.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks import browser_model, machine
from benchmarks.browser_pages import EmptyPage, Workbench
from tests.browser.app import chromium_of_the_system
from tests.loopback import LoopbackServer

ROOT = Path(__file__).parent.parent
GOALS = {"first page": 2.0, "switch": 0.2, "pill": 0.2, "keystroke to preview": 0.2, "two versions": 0.7}
"""The most seconds that an action should take; a page of the app should take `A_PAGE`."""
A_PAGE = 0.8


@contextlib.contextmanager
def worktree(revision: str, folder: Path) -> Iterator[Path]:
    """A checkout of `revision` in `folder`."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--detach", "--quiet", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def measure(browser: Browser, trees: dict[str, Path], rounds: int, folder: Path) -> dict[str, dict[str, list[float]]]:
    """The seconds of every action, by tree and action. The trees take turns."""
    seconds: dict[str, dict[str, list[float]]] = {name: {} for name in (*trees, "empty page")}
    with LoopbackServer() as server, contextlib.ExitStack() as opened:
        pages = {
            name: opened.enter_context(contextlib.closing(Workbench(browser, tree, folder / f"ws-{name}", server.url)))
            for name, tree in trees.items()
        }
        pages["empty page"] = opened.enter_context(contextlib.closing(EmptyPage(browser, folder / "empty")))
        for name, page in pages.items():
            seconds[name]["first page"] = [page.open_first()]
        for page in pages.values():
            page.prepare()
        for _ in range(rounds):
            for name, page in pages.items():
                for action, took in page.round():
                    seconds[name].setdefault(action, []).append(took)
    return seconds


def medians(seconds: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, float]]:
    return {name: {action: statistics.median(took) for action, took in by.items()} for name, by in seconds.items()}


def printed(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{machine.described()}; load {os.getloadavg()[0]:.1f}")
    columns = list(figures["seconds"])
    print(f"\n{'seconds, medians':28}" + "".join(f"{name[:14]:>15}" for name in columns) + f"{'goal':>8}")
    for action in figures["seconds"][columns[0]]:
        cells = "".join(
            f"{figures['seconds'][name][action]:15.2f}" if action in figures["seconds"][name] else f"{'':15}"
            for name in columns
        )
        print(f"{action:28}{cells}{GOALS.get(action, A_PAGE):8.1f}")
    for name, found in figures.get("model", {}).items():
        print(f"\n{name}")
        for key, value in found.items():
            print(f"  {key:44} {value:8.2f}" if isinstance(value, float) else f"  {key:44} {value:>8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default="", help="a git revision to compare with")
    parser.add_argument("--model", default="", help="a local model of promptlab.yaml that is asked, too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one round: tries the road, measures nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as opened:
        folder = Path(name)
        trees = {"now": ROOT}
        if options.against:
            trees["before"] = opened.enter_context(worktree(options.against, folder / "tree"))
        browser = opened.enter_context(chromium_of_the_system())
        seconds = measure(browser, trees, 1 if options.quick else options.rounds, folder)
        figures: dict[str, Any] = {"seconds": medians(seconds), "load": os.getloadavg()[0]}
        if options.model:
            figures["model"] = {
                name: browser_model.measure(browser, tree, folder / f"model-{name}", options.model)
                for name, tree in trees.items()
            }
    if options.json:
        json.dump({"machine": machine.facts(), **figures}, sys.stdout)
        print()
    else:
        printed(figures)


if __name__ == "__main__":
    main()
