"""Writes the gallery of experiments, docs/experiments: the report and the picture of each, and the page of all.

    .venv/bin/python tools/gallery.py              # from the stored answers; no model is asked
    .venv/bin/python tools/gallery.py --ask        # ask what is not stored yet
    .venv/bin/python tools/gallery.py --ask NAME   # of one experiment

One report alone: `promptlab experiment NAME --html docs/experiments/NAME.html --picture docs/experiments/NAME.svg`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import promptlab
from promptlab import experiments as x
from promptlab.models import model_facts

if TYPE_CHECKING:
    from promptlab.lab import Lab

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/experiments"
HEAD = """\
# A gallery of experiments

Each picture and each report here was written by promptlab, from the file in [`experiments/`](../../experiments) that
is named beside it, with the two embedded models on two CPU cores (Intel Xeon with AMX; `numerics: portable`, which
gives the same text on every processor with AVX2). The inputs are in [`fixtures/`](../../fixtures/README.md). All of it
again: `.venv/bin/python tools/gallery.py --ask`, which asks only what is not stored yet. What the kinds and the words
mean is in [docs/experiments.md](../experiments.md).

The reports are single HTML files without script: download one and open it in a browser.

## What two small models cannot show

Two sizes are no emergence curve: two points have a line through them whatever the models do, and these two differ in
family, training and quantisation, too. A score at the level of guessing says nothing of what a larger model would do
with the same prompt. That happened: both answer multiple-choice questions as if they guessed, so `shots`, `order` and
`wording` are shown on sums and facts, where an effect can show at all; they were chosen for that after the first
answers were seen. The effects hold for these models, these prompts and cases like these. For a sweep over sizes or
quantisations name your own GGUF files in `promptlab.yaml`, and all of them in the experiment.
"""

TICKETS = """\
## Would fine-tuning beat the prompt?

`finetune`: a small model trained on 48 tickets of a made-up ferry line, against the same model with the best prompts.

![The effects with their intervals](finetune-tickets.svg)

[The comparison](finetune-tickets.md), [the report](finetune-tickets.html), the workspace
[`fixtures/finetune`](../../fixtures/finetune). In that folder, after `make finetune`:

    promptlab finetune tickets --data examples/tickets.jsonl --base smollm2-135m --suite tickets \
      --shot-numbers 8,24 --report finetune-tickets.md
"""


def main(words: Sequence[str]) -> int:
    ask, wanted = "--ask" in words, [word for word in words if not word.startswith("-")]
    parts, missing = [HEAD], 0
    with promptlab.open(ROOT) as lab:
        for path in x.experiment_paths(lab.workspace):
            experiment = x.load_experiment(lab.workspace, path)
            outcome = _outcome(lab, experiment, ask and (not wanted or experiment.name in wanted))
            if outcome.state != "finished":
                print(
                    f"{experiment.name}: {outcome.done} of {outcome.total} answers are there; left out", file=sys.stderr
                )
                missing += 1
                continue
            parts.append(_written(lab, outcome))
            print(experiment.name)
    parts.append(TICKETS)
    (FOLDER / "README.md").write_text("\n".join(parts), encoding="utf-8")
    return 1 if missing else 0


def _outcome(lab: Lab, experiment: x.Experiment, ask: bool) -> x.Outcome:
    planned = x.plan_experiment(lab.workspace, experiment)
    tools = x.Tools(lab.catalogue, lab.store, lab.suite_log)
    if not ask:
        return x.read_outcome(planned, tools)
    running = x.Running(planned, tools)
    for _ in running:
        pass
    return running.so_far


def _written(lab: Lab, outcome: x.Outcome) -> str:
    """Write report and picture; returns the section of the page."""
    experiment = outcome.planned.experiment
    facts = model_facts(lab.catalogue, experiment.models)
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = experiment.name
    (FOLDER / f"{name}.html").write_text(x.html_report(outcome, facts=facts, store=lab.store), encoding="utf-8")
    picture = x.pictures_of(outcome, facts=facts)[0]
    (FOLDER / f"{name}.svg").write_text(x.as_svg(picture.chart, alt=picture.sentence), encoding="utf-8")
    alt = picture.title if picture.sentence == x.sentence(outcome.effects) else picture.sentence
    notes = "".join(f"\n{note}\n" for note in outcome.notes)
    return f"""\
## {experiment.description}

`{experiment.kind}`: {x.kind_named(experiment.kind).answers}

![{alt}]({name}.svg)

{x.sentence(outcome.effects)}
{notes}
{len(outcome.seen.every):,} answers. [The report]({name}.html), [the experiment](../../experiments/{name}.yaml):

    promptlab experiment {name} --html docs/experiments/{name}.html --picture docs/experiments/{name}.svg
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
