"""Cases that a model was trained on: it may pass them because it knows them, so they say nothing of other questions."""

from __future__ import annotations

from collections.abc import Iterable

from promptlab import templates
from promptlab._util.same_question import hash_of_question
from promptlab.models import training_record
from promptlab.suites import _case_file as case_files
from promptlab.suites._suite import Suite
from promptlab.workspace import Workspace


def trained_cases(workspace: Workspace, suite: Suite, models: Iterable[str]) -> frozenset[tuple[str, str]]:
    """The pairs of a case and a model of `models` that was trained on it, by the records of the trainings in this
    workspace. The cases are read only if a model was trained here.

    Raises `SuiteError` if a case cannot be read.
    """
    records = {model: record for model in models if (record := training_record(workspace, model))}
    if not records:
        return frozenset()
    known = {model: frozenset(record["trained_on"]) for model, record in records.items()}
    asked = {
        case.id: hash_of_question(templates.with_defaults(suite.template, case.inputs))
        for case in case_files.read(workspace, suite)
    }
    return frozenset((case, model) for case, own in asked.items() for model in known if own in known[model])


__all__ = ["trained_cases"]
