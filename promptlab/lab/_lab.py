"""`Lab`: a workspace with its models, its history and its suites, opened when they are needed.

with promptlab.open() as lab:
    lab.models()                                              # ready or not, and why
    lab.render("world-cup", {"question": "Who won?"}).spans   # asks no model
    run = lab.compare("world-cup", {"question": "Who won?"}, models=["gemma-3-270m"])
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from promptlab import documents, examples, runs, scorers, suites, templates
from promptlab.errors import InputError, WorkspaceError, nearest
from promptlab.lab._experiment import ExperimentResults, PlannedExperiment
from promptlab.lab._experiment import plan as plan_experiment
from promptlab.lab._inputs import given
from promptlab.lab._opened import Opened
from promptlab.lab._run_results import RunResults
from promptlab.lab._suite import Suite
from promptlab.runs import Given
from promptlab.templates import Template
from promptlab.types import Document, Example, Params, Prompt, Request, Scorer
from promptlab.workspace import Workspace

if TYPE_CHECKING:
    from promptlab.experiments import Progress
    from promptlab.models import AsSent, Backend, Budget, ModelStatus
    from promptlab.runs import Run, RunInfo, Trial
    from promptlab.sizing import Sizing
    from promptlab.templates import TemplateProblem

Inputs = Mapping[str, Any] | Given
ScorerLike = str | Mapping[str, Any] | Callable[[str, Any], Any]
"""A scorer as a suite names it, or a function: (answer, expected) -> a bool, a number from 0 to 1, or a `Score`."""


@dataclass(frozen=True)
class Preview:
    """What a model would get, and the tokens of it."""

    model: str
    request: Request
    sent: AsSent

    @property
    def prompt(self) -> Prompt:
        return self.request.prompt

    @property
    def tokens(self) -> Budget:
        """Tokens by section, against the model's context window."""
        return self.sent.budget


class Lab(Opened):
    """A workspace, opened. Safe to use from several threads.

    `models` are backends by name, beside the models of promptlab.yaml or in their place. Requests to them go through
    the gate too: give a backend a `clearance` to limit the text that it may see.
    """

    # What the workspace has

    def templates(self) -> list[str]:
        """Paths of the templates."""
        return templates.template_paths(self.workspace)

    def template(self, name: str) -> Template:
        """The template `name`: a path in the workspace, or a bare name such as `world-cup`."""
        return templates.load(self.workspace, name)

    def check(self, template: str) -> tuple[TemplateProblem, ...]:
        """What is wrong with a template: nothing if it parses, and renders with its samples."""
        bare = "/" not in template and not template.endswith((".yaml", ".yml"))
        path = f"{templates.TEMPLATES_FOLDER}/{template}.yaml" if bare else template
        if not self.workspace.resolve(path).is_file():
            raise InputError(f"there is no template `{template}`", hint=nearest(path, self.templates()))
        return templates.check_template(self.workspace, path)

    def models(self) -> list[ModelStatus]:
        """Every model: if it is ready, and if not, why. Loads none."""
        self.check_open()
        return [self.catalogue.status(name) for name in self.catalogue.names()]

    def size(
        self,
        model: str,
        *,
        context: int | None = None,
        parallel: int = 1,
        kv_type: str = "f16",
        quant: str | None = None,
        gpus: Sequence[str] | None = None,
        train: str | None = None,
        rank: int | None = None,
        short_windows: bool = False,
    ) -> Sizing:
        """The memory of a model, and where it fits; loads nothing.

        Args:
            model: a model of the workspace, a GGUF file, its address, a config.json, or a name such as Llama-3.1-8B.
            context: tokens of one text; as promptlab.yaml says, or 8,192, unless given.
            parallel: texts at a time, each with its own context.
            kv_type: the numbers of the KV cache.
            quant: a file type to size, such as Q4_K_M.
            gpus: cards by name or size (`24GB`); six usual ones unless given.
            train: lora, qlora or full, for the memory of training too.
            rank: the rank of the adapter, with `train`; 16 unless given, and 8 for promptlab's own training.
            short_windows: layers with a sliding window keep only that window.

        Raises:
            InputError: the model or a value cannot be used.
            ModelNotReady: a model of the workspace is no local one, or has no file.
            EngineFailed: llama.cpp refuses the file.
        """
        from promptlab.sizing import USUAL_CARDS, Asked, size

        self.check_open()
        cards = USUAL_CARDS if gpus is None else gpus
        asked = Asked(context, parallel, kv_type, quant, cards, train, not short_windows, rank)
        kept = self.catalogue.measured(model) if model in self.catalogue.names() else None
        return size(model, self.catalogue, asked=asked, measured=kept.writing if kept else None)

    def quantize(self, model: str, to: str | Sequence[str], *, requantize: bool = False) -> list[str]:
        """Make quantisations of a local model, and add them to promptlab.yaml; the names of their entries.

        Args:
            model: a local model of the workspace.
            to: file types, such as Q4_0 or Q8_0.
            requantize: also if the file is quantised already; the result then has the errors of both.

        Raises:
            InputError: there is no such file type, or the file is quantised already.
            ModelNotReady: the model is no local one, or has no file.
            EngineFailed: llama.cpp refuses the file.
            NotWritten: the disk has too little room, or cannot be written.
        """
        from promptlab.models import plan_quantise, quantise

        self.check_open()
        plan = plan_quantise(self.catalogue, model, [to] if isinstance(to, str) else to, requantise=requantize)
        self.follow(quantise(plan))
        return [item.name for item in plan.items]

    def documents(self) -> list[str]:
        """Paths of the context documents."""
        return documents.document_paths(self.workspace)

    def document(self, path: str) -> Document:
        """A context document as text, with its label."""
        return documents.read_document(self.workspace, path)

    def examples(self, pool: str) -> list[Example]:
        """The worked examples of a pool."""
        return list(examples.load_pool(self.workspace, pool))

    def suites(self) -> list[str]:
        """Paths of the suites."""
        return suites.suite_paths(self.workspace)

    def suite(self, name: str) -> Suite:
        """The suite `name`: a path in the workspace, or a bare name such as `world-cup`."""
        self.check_open()
        return Suite(self, suites.load_suite(self.workspace, name))

    # Prompts

    def render(
        self, template: str | Template, inputs: Inputs | None = None, *, without: str | Collection[str] = ()
    ) -> Prompt:
        """The prompt, with its spans. Inputs that are not given take their samples. Asks no model."""
        (trial,) = self._trials(template, inputs, [""], without=without, samples=True)
        return runs.request_of(trial).prompt

    def preview(
        self, template: str | Template, inputs: Inputs | None = None, *, model: str, without: str | Collection[str] = ()
    ) -> Preview:
        """What `model` would get, and its tokens. Inputs that are not given take their samples. Asks no model."""
        (trial,) = self._trials(template, inputs, self._known([model]), without=without, samples=True)
        request = runs.request_of(trial)
        return Preview(model, request, self.catalogue.backend(model).as_sent(request))

    # Asking

    def compare(
        self,
        template: str | Template,
        inputs: Inputs | None = None,
        *,
        models: str | Sequence[str] | None = None,
        without: str | Collection[str] = (),
        params: Mapping[str, Any] | Params | None = None,
        repeats: int = 1,
        fresh: bool = False,
        expected: Any = None,
        scorers: Sequence[ScorerLike] | ScorerLike | None = None,
    ) -> RunResults:
        """Ask several models one prompt. Returns at once; the results come as the models answer.

        Args:
            template: a path, a bare name such as `world-cup`, or a template.
            inputs: values by name; a `pathlib.Path` stands for the text of a file, and has the file's label.
            models: names; all models of the workspace unless given.
            without: sections to leave out: instructions, output_format, context, examples.
            params: changes to the template's parameters, such as `{"temperature": 0.7}`.
            repeats: how often each model is asked.
            fresh: ask again although the history has the answer. At a temperature above 0 without a seed that is always
                done: every answer is a new draw.
            expected: the right answer; each answer is scored against it.
            scorers: how: names as in a suite, or functions. `contains` unless given.

        Raises:
            InputError: a value is wrong, such as an unknown input or section.
            ModelNotFound: there is no such model.
        """
        trials = self.plan(
            template, inputs, models=models, without=without, params=params, repeats=repeats, expected=expected
        )
        title = f"compare {trials[0].template.name}"
        run = self.start(trials, title=title, fresh=fresh, scorers=self._scorers(scorers, expected))
        results = RunResults.following(run, title)
        self.watch(results)
        return results

    def plan(
        self,
        template: str | Template,
        inputs: Inputs | None = None,
        *,
        models: str | Sequence[str] | None = None,
        without: str | Collection[str] = (),
        params: Mapping[str, Any] | Params | None = None,
        repeats: int = 1,
        expected: Any = None,
    ) -> list[Trial]:
        """What `compare` asks, not asked yet. A prompt that cannot be rendered is an error here, once, and not one of
        each model."""
        trials = self._trials(
            template, inputs, self._known(models), without=without, params=params, repeats=repeats, expected=expected
        )
        runs.request_of(trials[0])
        return trials

    def explain(self, trial: Trial) -> str:
        """Why the history has, or does not have, the answer to `trial`, in a sentence."""
        fingerprint = self.catalogue.backend(trial.model).fingerprint
        return runs.explain(self.store, runs.request_of(trial), fingerprint).sentence

    def start(self, trials: Sequence[Trial], *, title: str, fresh: bool = False, scorers: Sequence[Scorer] = ()) -> Run:
        """Start asking `trials`; gives the run with its events, for one listener. `compare` is the usual way."""
        self.check_open()
        return runs.start_run(
            trials,
            catalogue=self.catalogue,
            store=self.store,
            title=title,
            fresh=fresh,
            scorers=scorers,
        )

    def _trials(
        self,
        template: str | Template,
        inputs: Inputs | None,
        models: Sequence[str],
        *,
        without: str | Collection[str] = (),
        params: Mapping[str, Any] | Params | None = None,
        repeats: int = 1,
        expected: Any = None,
        samples: bool = False,
    ) -> list[Trial]:
        self.check_open()
        loaded = self.template(template) if isinstance(template, str) else template
        values = inputs if isinstance(inputs, Given) else given(self.workspace, loaded, inputs or {}, samples=samples)
        if repeats < 1:
            raise InputError(f"`repeats` should be 1 or more, not {repeats}")
        return runs.plan_comparison(
            self.workspace,
            loaded,
            values,
            models,
            without=runs.sections_to_leave_out([without] if isinstance(without, str) else without),
            params=params if isinstance(params, Params) else templates.params_with(loaded.params, params or {}),
            repeats=repeats,
            expected=expected,
        )

    def _known(self, names: str | Sequence[str] | None) -> list[str]:
        """The models named, each once; all of the workspace if none is."""
        wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names or ()))
        for name in wanted:
            self.catalogue.entry(name)
        if names is not None and not wanted:
            raise InputError("no model is named", hint=f"known: {', '.join(self.catalogue.names())}")
        wanted = wanted or self.catalogue.names()
        if not wanted:
            raise WorkspaceError("there is no model to ask", file="promptlab.yaml", hint="add one under `models:`")
        return wanted

    def _scorers(self, wanted: Sequence[ScorerLike] | ScorerLike | None, expected: Any) -> list[Scorer]:
        if wanted is None:
            return [] if expected is None else [self._scorer("contains", expected)]
        if expected is None:
            raise InputError("scorers need something to compare an answer with", hint="give `expected`")
        every = [wanted] if callable(wanted) or isinstance(wanted, str | Mapping) else list(wanted)
        return [scorers.from_function(one) if callable(one) else self._scorer(one, expected) for one in every]

    def _scorer(self, named: str | Mapping[str, Any], expected: Any) -> Scorer:
        spec = scorers.scorer_spec(named)
        if spec.name in scorers.MODEL_SCORERS:
            raise InputError(
                f"`{spec.name}` asks a model, which only a suite can do", hint="put the question in a suite"
            )
        scorers.check_expected(spec, expected)
        return scorers.build_scorer(spec, self.workspace)

    # Experiments

    def experiment(
        self,
        kind: str,
        template: str = "",
        *,
        max_cost: float | None = None,
        again: bool = False,
        progress: Callable[[Progress], None] | None = None,
        **rest: Any,
    ) -> ExperimentResults:
        """Measure what a part of the prompt does: plan, ask, and give the effects. `kind` is what varies, such as
        `ablate`; or the name of an experiment of this workspace, and then nothing else is needed.

        Args:
            kind: ablate, shots, order, examples, book, layout, format, wording, models, params, grid, or an own kind.
            template: a path, or a bare name such as `world-cup`.
            max_cost: at most this many US dollars.
            again: ask everything again, even what was answered before.
            progress: called after each answer.
            rest: as for `plan_experiment`.
        """
        return self.plan_experiment(kind, template, **rest).run(max_cost=max_cost, again=again, progress=progress)

    def plan_experiment(self, kind: str, template: str = "", **rest: Any) -> PlannedExperiment:
        """What `experiment` asks, and what that takes. Nothing is asked.

        Args:
            kind: as for `experiment`.
            template: a path, or a bare name.
            rest: `cases` (a suite, or a file of cases), `models`, `scorers`, `options` of the kind, and `name`,
                `limit`, `repeats`, `margin`, `screen`, `looks`, `seed`, as in the file of an experiment.
        """
        return plan_experiment(self, kind, template, **rest)

    # The history

    def runs(
        self, *, limit: int = 20, text: str | None = None, template: str | None = None, model: str | None = None
    ) -> list[RunInfo]:
        """Runs, newest first: with `text` in a title, message or answer, of one template file, of one model."""
        self.check_open()
        return self.store.runs(limit=limit, text=text, template=template, model=model)

    def run(self, run_id: str) -> RunResults:
        """A run of the history; the beginning of its id is enough."""
        self.check_open()
        info = self.store.run(run_id)
        return RunResults.stored(info, self.store.results(info.id))


def open(
    folder: str | Path | None = None,
    *,
    models: Mapping[str, Backend] | None = None,
    numerics: Literal["fast", "portable"] = "fast",
) -> Lab:
    """Open the workspace of `folder` (the current folder): the nearest folder upwards with a promptlab.yaml.

    `models` are backends by name, beside the models of promptlab.yaml or in their place. `numerics` is the CPU code of
    local models: `fast` is the best for this processor, `portable` gives the same text on every processor.

    Raises `WorkspaceError` if there is no workspace, or its promptlab.yaml is wrong.
    """
    return Lab(Workspace.find(None if folder is None else Path(folder)), models=models, numerics=numerics)
