"""Whether a model trusts the page or its memory: what it says where a wrong fact was planted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from promptlab import scorers
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._planted import Planted
from promptlab.types import ScorerSpec


def page_or_memory(outcome: Outcome) -> list[dict[str, Any]]:
    """For each model: how often it said what the page says, the truth, or neither, by whether it knew the truth without
    the page. Empty if nothing was planted. An answer that says both counts as neither."""
    material, options = outcome.planned.material, outcome.planned.experiment.options
    if "planted" not in {arm.name for arm in outcome.design.arms}:
        return []
    planted, cases = Planted(material.cases, options.get("wrong") or {}), {case.id: case for case in material.cases}
    says = scorers.build_scorer(ScorerSpec("contains"), material.workspace)
    rows = []
    for model in outcome.planned.experiment.models:
        counts: Counter[tuple[str, str]] = Counter()
        for case in outcome.seen.cases:
            closed = outcome.seen.score(case, ("closed book",), model)
            for one in outcome.seen.by_cell.get((case, "planted", model), ()):
                if one.score is None or closed is None:
                    continue
                page = says(one.text, planted.wrong(cases[case])).value == 1
                said = "neither" if page == bool(one.passed) else "the page" if page else "its memory"
                counts["knew it" if closed == 1 else "did not know it", said] += 1
        for knew in ("knew it", "did not know it"):
            total = sum(counts[knew, said] for said in ("the page", "its memory", "neither"))
            for said in ("the page", "its memory", "neither"):
                share = counts[knew, said] / total if total else 0.0
                rows.append({"model": model, "knew": knew, "said": said, "count": counts[knew, said], "share": share})
    return rows
