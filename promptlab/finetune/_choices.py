"""What a training can be made of: base models, sources of rows, and suites to keep out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promptlab import examples, suites
from promptlab.errors import PromptlabError
from promptlab.workspace import LlamaModel, Workspace


@dataclass(frozen=True)
class TuningChoices:
    """What the workspace has. `suites` are paths with the template that each asks, `broken` paths of suites that cannot
    be read, with the reason. `not_bases` are models that no adapter is trained for, with the reason as a clause."""

    bases: tuple[str, ...]
    not_bases: Mapping[str, str]
    pools: tuple[str, ...]
    suites: Mapping[str, str]
    broken: Mapping[str, str]

    def suites_of(self, template: str) -> list[str]:
        """The suites that ask `template`."""
        return [path for path, asked in self.suites.items() if asked == template]


def tuning_choices(workspace: Workspace) -> TuningChoices:
    """Everything that a training can be made of."""
    bases, others = [], {}
    for name, entry in workspace.models.items():
        if not isinstance(entry, LlamaModel):
            others[name] = "runs on a server"
        elif entry.lora:
            others[name] = "has an adapter already"
        else:
            bases.append(name)
    asked, broken = {}, {}
    for path in suites.suite_paths(workspace):
        try:
            asked[path] = suites.load_suite(workspace, path).template.path
        except PromptlabError as exc:
            broken[path] = exc.message
    return TuningChoices(tuple(bases), others, tuple(examples.pool_paths(workspace)), asked, broken)


__all__ = ["TuningChoices", "tuning_choices"]
