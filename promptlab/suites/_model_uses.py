"""Which suites name a model: to ask it, or as a judge. Asked before a model is removed from promptlab.yaml."""

from __future__ import annotations

from dataclasses import dataclass

from promptlab.errors import PromptlabError
from promptlab.suites import _case_file as case_files
from promptlab.suites._file import load_suite, suite_paths
from promptlab.suites._judge_reply import NAME
from promptlab.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A suite that names a model. `how` says what for: "asks it", "judges with it"; or why the suite cannot be read."""

    suite: str
    how: str


def uses_of_model(workspace: Workspace, name: str) -> list[ModelUse]:
    """The suites that name the model `name`, their cases included. A suite that cannot be read is listed with the
    reason, because it may name the model."""
    uses = []
    for path in suite_paths(workspace):
        try:
            suite = load_suite(workspace, path)
            judges = [
                *suite.scorers,
                *(spec for case in case_files.read(workspace, suite) for spec in case.scorers or ()),
            ]
        except PromptlabError as exc:
            uses.append(ModelUse(path, f"cannot be read: {exc.message}"))
            continue
        ways = ["asks it"] if name in suite.models else []
        if any(spec.name == NAME and spec.values.get("model") == name for spec in judges):
            ways.append("judges with it")
        if ways:
            uses.append(ModelUse(path, " and ".join(ways)))
    return uses


__all__ = ["ModelUse", "uses_of_model"]
