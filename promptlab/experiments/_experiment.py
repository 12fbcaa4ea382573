"""An experiment: what varies, on which cases, for which models.

    # experiments/world-cup-ablate.yaml
    kind: ablate
    template: world-cup
    cases: fixtures/suites/world-cup.yaml     # a suite, or a file of cases
    models: [gemma-3-270m, smollm2-135m]
    options: {primary: context}

The file holds all that is needed to make the experiment again; `seed` decides everything that is drawn by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promptlab._util.files import write_new
from promptlab._yaml import PlainData, parse_yaml, read_text, validation_problem
from promptlab.errors import ExperimentError, nearest
from promptlab.workspace import Workspace

FOLDER = "experiments"
ENDINGS = (".yaml", ".yml")


class _File(BaseModel):
    model_config = ConfigDict(title="promptlab experiment", extra="forbid")

    kind: str
    template: str
    cases: str
    models: tuple[str, ...] = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)
    scorers: tuple[str | dict[str, Any], ...] | None = None
    repeats: int = Field(1, ge=1, le=1000)
    limit: int | None = Field(None, ge=2)
    margin: float = Field(0.05, gt=0, lt=1)
    screen: int | None = Field(None, ge=2)
    looks: int = Field(1, ge=1, le=20)
    seed: int = 0
    numerics: Literal["fast", "portable"] = "portable"
    description: str = ""


@dataclass(frozen=True)
class Experiment:
    """An experiment file, parsed.

    `cases` is the path of a suite or of a file of cases. `scorers` are as in a suite, None for those of the suite.
    `limit` is a number of cases, drawn by `seed`. `margin` is the difference that counts as none (0.05 is 5 points).
    `screen` cases choose which arms are asked on the fresh rest. The experiment may stop at each of `looks` looks.
    """

    name: str
    kind: str
    template: str
    cases: str
    models: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    scorers: tuple[str | Mapping[str, Any], ...] | None = None
    repeats: int = 1
    limit: int | None = None
    margin: float = 0.05
    screen: int | None = None
    looks: int = 1
    seed: int = 0
    numerics: Literal["fast", "portable"] = "portable"
    description: str = ""

    @property
    def path(self) -> str:
        """The path of its file in the workspace, whether or not there is one yet."""
        return f"{FOLDER}/{self.name}.yaml"

    def as_yaml(self) -> str:
        """The text of its file, without what is as usual."""
        usual = Experiment(self.name, self.kind, self.template, self.cases, self.models)
        data = {
            name: _plain(value)
            for name in _File.model_fields
            if (value := getattr(self, name)) != getattr(usual, name) or name in ("kind", "template", "cases", "models")
        }
        return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def load_experiment(workspace: Workspace, name: str) -> Experiment:
    """The experiment `name`: a path in the workspace, or a bare name such as `world-cup-ablate`.

    Raises `ExperimentError` with file, line and field.
    """
    bare = "/" not in name and not name.endswith(ENDINGS)
    shown = f"{FOLDER}/{name}.yaml" if bare else name
    full = workspace.resolve(shown)
    if not full.is_file():
        known = [PurePosixPath(path).stem if bare else path for path in experiment_paths(workspace)]
        raise ExperimentError("there is no such experiment", file=shown, hint=nearest(name, known))
    shown = workspace.relative(full)
    file = parse_yaml(read_text(full, shown=shown, error=ExperimentError), shown=shown, error=ExperimentError)
    if not isinstance(file.data, Mapping):
        raise ExperimentError("an experiment must be a mapping with keys such as `kind`", file=shown, line=1)
    data = PlainData(file, ExperimentError, "an experiment").convert(file.data, ())
    try:
        parsed = _File.model_validate(data)
    except ValidationError as exc:
        problem = validation_problem(exc, file, lambda _: list(_File.model_fields))
        raise ExperimentError(
            problem.message, file=shown, line=problem.line, field=problem.field, hint=problem.hint
        ) from exc
    return Experiment(PurePosixPath(shown).stem, **dict(parsed))


def experiment_paths(workspace: Workspace) -> list[str]:
    """The paths of the workspace's experiments, sorted."""
    folder = workspace.root / FOLDER
    found = [path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file()]
    return sorted(workspace.relative(path) for path in found)


def save_experiment(workspace: Workspace, experiment: Experiment) -> bool:
    """Write the file of `experiment`; False if it is there already and says the same. A description may differ.

    Raises `ExperimentError` if the file is of another experiment: what was asked under a name stays what it was.
    """
    path = workspace.resolve(experiment.path)
    if write_new(path, experiment.as_yaml().encode("utf-8")):
        return True
    there = load_experiment(workspace, experiment.path)
    if replace(there, description="").as_yaml() != replace(experiment, description="").as_yaml():
        raise ExperimentError(
            f"{experiment.path} is another experiment", hint="give this one another name, or delete that file"
        )
    return False


def named(experiment: Experiment) -> Experiment:
    """`experiment` with the name that it gets if none is given: `world-cup-ablate`."""
    return replace(experiment, name=experiment.name or f"{PurePosixPath(experiment.template).stem}-{experiment.kind}")
