"""Shared fixtures: a small workspace on disk, and a house of scripted models to ask in it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import Script, ScriptedBackend
from promptlab.runs import _plans as plans
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.runs._trial import Given, Trial
from promptlab.templates import _load as templates
from promptlab.templates._template import Template
from promptlab.types import Result
from promptlab.workspace._workspace import Workspace

# A busy machine makes tests slow, not wrong.
settings.register_profile(
    "promptlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
# By hand, for longer and from another seed each time: make properties
settings.register_profile("long", parent=settings.get_profile("promptlab"), max_examples=2_000, derandomize=False)
settings.load_profile("promptlab")


# A run in the background of a shell ignores Ctrl-C, and so would every process that it starts; some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TEMPLATE = """\
description: Answer a question from an article
inputs:
  question: {type: string, sample: Who won?}
instructions: |
  Answer the question from the article.
output_format: |
  Reply with the name only.
context: [fixtures/documents/cup.md]
examples: {pool: fixtures/examples/cup.jsonl, k: 1, select: first}
params: {temperature: 0, max_tokens: 16}
"""

POOL = [
    {"id": "host", "inputs": {"question": "Who hosted it?"}, "output": "Qatar"},
    {"id": "second", "inputs": {"question": "Who came second?"}, "output": "France"},
]

CATALOGUE = "models: {}\n"


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workspaces of tests are their own; test_trust.py looks at those that nobody trusts yet."""
    monkeypatch.setenv("PROMPTLAB_TRUST", "1")


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """Writes a workspace into `tmp_path`: what promptlab.yaml says, and files (path -> text) beside the usual ones."""

    def make(catalogue: str = CATALOGUE, files: Mapping[str, str] = {}, *, folder: str = "work") -> Workspace:
        root = tmp_path / folder
        usual = {
            "promptlab.yaml": catalogue,
            "templates/cup.yaml": TEMPLATE,
            "fixtures/documents/cup.md": "Argentina beat France in the final. Qatar was the host.\n",
            "fixtures/examples/cup.jsonl": "".join(json.dumps(line) + "\n" for line in POOL),
        }
        for path, text in {**usual, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode("utf-8", "surrogatepass"))
        return Workspace.load(root)

    return make


@pytest.fixture
def workspace(make_workspace: Callable[..., Workspace]) -> Workspace:
    """The usual workspace, with an empty catalogue."""
    return make_workspace()


@dataclass
class House:
    """A workspace with scripted models and a history; `ask` takes trials down the whole road."""

    workspace: Workspace
    store: Store
    models: dict[str, ScriptedBackend] = field(default_factory=dict)

    def model(self, name: str, script: Script = ("ok",), **options: Any) -> ScriptedBackend:
        """Add a scripted model."""
        self.models[name] = ScriptedBackend(name, script, **options)
        return self.models[name]

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.workspace, {}, extra=self.models)

    def template(self, **changes: str) -> Template:
        """The usual template with other YAML for some keys."""
        text = TEMPLATE
        for key, value in changes.items():
            text = re.sub(rf"^{key}:.*\n(?:  .*\n)*", "", text, flags=re.MULTILINE) + f"{key}: {value}\n"
        return templates.parse(text, path="templates/cup.yaml")

    def trials(
        self, *models: str, question: str = "Who won?", template: Template | None = None, **rest: Any
    ) -> list[Trial]:
        """The usual question to `models` (all of them unless named)."""
        return plans.plan_comparison(
            self.workspace,
            template or self.template(),
            Given({"question": question}, rest.pop("label", "public"), rest.pop("places", {})),
            models or list(self.models),
            **rest,
        )

    def start(self, trials: list[Trial], **options: Any) -> runner.Run:
        return runner.start_run(trials, catalogue=self.catalogue, store=self.store, **options)

    def ask(self, trials: list[Trial], **options: Any) -> list[Result]:
        """Ask, wait, and give the results in the order of the trials."""
        return self.start(trials, **options).wait()


@pytest.fixture
def house(workspace: Workspace) -> Iterator[House]:
    """The usual workspace, a history, and no model yet."""
    store = Store(workspace.state / "runs.sqlite")
    yield House(workspace, store)
    store.close()
