"""How quickly the list of templates answers, with 2,000 of them in git.

    python -m benchmarks.authoring [--quick] [--json]

A repository of made templates is written to a folder of its own, in many commits. Then the list is asked for: the
first time ever; again in the same process; in a new one, which finds what the first remembered; after one file was
edited; and after one commit. Each list is checked for its length and for the change it must show.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import machine
from promptlab.templates._index import TemplateEntry, TemplateIndex
from promptlab.versions import _save as shelf
from promptlab.workspace._workspace import Workspace

TEMPLATE = """\
description: Answer question number {number}
inputs:
  question: {{type: string, sample: Who won?}}
# What it should do.
instructions: |
  Answer the question of kind {number} from the article, in a sentence.

  Say so when the article does not tell.
output_format: |
  Reply with one sentence.
params: {{temperature: 0, max_tokens: 64}}
"""


def make(root: Path, count: int, commits: int) -> Workspace:
    """A workspace with `count` templates, in git, written in `commits` commits."""
    (root / "templates").mkdir(parents=True)
    (root / "promptlab.yaml").write_text('models: {}\nlabels: {"templates/private/**": confidential}\n')
    _git(root, "init", "-q")
    _git(root, "config", "user.name", "Ada")
    _git(root, "config", "user.email", "ada@example.org")
    for commit in range(commits):
        for number in range(commit, count, commits):
            (root / f"templates/number {number:04}.yaml").write_text(TEMPLATE.format(number=number))
        _git(root, "add", ".")
        _git(root, "commit", "-qm", f"Commit {commit}")
    return Workspace.load(root)


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(root), "-c", "commit.gpgSign=false", *words], check=True, capture_output=True)


def measure(count: int, commits: int, repeats: int) -> dict[str, Any]:
    """Seconds of each way to ask for the list; the slowest of `repeats` where it is asked more than once."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = make(Path(folder) / "work", count, commits)
        found: dict[str, Any] = {"templates": count, "commits": commits}
        listing = TemplateIndex(workspace)
        found["first_s"], entries = _timed(listing)
        assert (len(entries), {entry.state for entry in entries}) == (count, {"saved"})
        found["again_s"] = max(_timed(listing)[0] for _ in range(repeats))
        found["new_process_s"] = max(_timed(TemplateIndex(workspace))[0] for _ in range(repeats))
        one = entries[0]
        text = TEMPLATE.format(number=0).replace("number 0", "number none")
        (workspace.root / one.path).write_text(text)
        found["after_an_edit_s"], entries = _timed(listing)
        assert (entries[0].description, entries[0].state) == ("Answer question number none", "changed")
        shelf.save_template(workspace, one.path, text, "Edit", base=text)
        found["after_a_commit_s"], entries = _timed(listing)
        last = entries[0].last
        assert last
        assert (last.subject, entries[0].state) == ("Edit", "saved")
        return found


def _timed(listing: TemplateIndex) -> tuple[float, list[TemplateEntry]]:
    begun = time.perf_counter()
    entries = listing.entries()
    return time.perf_counter() - begun, entries


def main() -> None:
    """Read the words of the command line, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="100 templates")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    count, commits = (100, 5) if options.quick else (2000, 200)
    found = {"list": measure(count, commits, 5), "machine": machine.facts()}
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
        return
    for name, value in found["list"].items():
        sys.stdout.write(f"{name:20} {value if isinstance(value, int) else format(value, '.3f')}\n")
    sys.stdout.write(machine.described() + "\n")


if __name__ == "__main__":
    main()
