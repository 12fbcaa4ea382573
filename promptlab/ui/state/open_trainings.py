"""The plans of trainings. A plan turns every row into tokens, so it is kept until a file that it reads changes."""

from __future__ import annotations

from collections.abc import Hashable

from promptlab import suites
from promptlab._util.files import file_stamp
from promptlab.errors import PromptlabError
from promptlab.finetune import RATINGS, SUITE, PlannedTuning, Tuning, expected_bytes, plan_tuning, tuning_choices
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import CaseFile
from promptlab.templates import load as load_template
from promptlab.ui.state.kept import Kept
from promptlab.workspace import FILE, Workspace


class OpenTrainings:
    """The plans of a workspace, in this process. Safe to use from several threads."""

    def __init__(self) -> None:
        self._kept = Kept(most=16)

    def plan(self, workspace: Workspace, tuning: Tuning, *, catalogue: Catalogue, store: Store) -> PlannedTuning:
        """The plan of `tuning`. Raises as `plan_tuning` does."""

        def make() -> PlannedTuning:
            return plan_tuning(workspace, catalogue, tuning, store)

        if tuning.data == RATINGS:  # a rating is no file
            return make()
        return self._kept.get((tuning, catalogue, _stamps(workspace, tuning)), make)

    def memory(self, planned: PlannedTuning) -> int:
        """About the most memory that the training will have, in bytes."""
        return self._kept.get(("memory", planned.identity), lambda: expected_bytes(planned))


def _stamps(workspace: Workspace, tuning: Tuning) -> Hashable:
    """What changes when a file changes that the plan reads."""
    template = load_template(workspace, tuning.template)
    paths = {FILE, template.path, *map(str, template.context)}
    if template.examples is not None:
        paths.add(template.examples.pool)
    if not tuning.data.startswith(SUITE):
        paths.add(tuning.data)
    for path in tuning_choices(workspace).suites:
        paths.add(path)
        try:
            entries = suites.load_suite(workspace, path).entries
        except PromptlabError:  # it changed just now: the plan will say what is wrong
            continue
        paths |= {entry.path for entry in entries if isinstance(entry, CaseFile)}
    model = workspace.models.get(tuning.base)
    return repr(model), tuple((path, file_stamp(workspace.root / path)) for path in sorted(paths))


__all__ = ["OpenTrainings"]
