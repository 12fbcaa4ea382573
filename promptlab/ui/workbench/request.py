"""What the widgets of the workbench mean, as one typed value that is worked out before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from promptlab import runs
from promptlab.errors import PromptlabError
from promptlab.models import AsSent, ModelStatus
from promptlab.runs import AskedRequest, Given, Trial, asked_requests, describe_changes, with_prompt
from promptlab.templates import Template
from promptlab.types import Example, Params, Prompt, Request, Section
from promptlab.ui.state.drafts import Draft
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session


@dataclass(frozen=True)
class Bench:
    """A template with its edits, inputs and switches.

    `trial` is what is asked, without a model. `prompt` has the labels of today. Both are None if the prompt cannot be
    rendered, and `problem` says why.
    """

    opened: Opened
    statuses: tuple[ModelStatus, ...]
    models: tuple[str, ...]
    without: tuple[Section, ...]
    given: Given
    trial: Trial | None = None
    prompt: Prompt | None = None
    problem: PromptlabError | None = None

    @property
    def file(self) -> Template:
        """The template without the draft's edits."""
        return self.opened.original

    @property
    def template(self) -> Template:
        """The template with the draft's edits."""
        return self.opened.template

    @property
    def draft(self) -> Draft:
        return self.opened.draft

    @property
    def params(self) -> Params:
        return self.template.params

    @property
    def ready(self) -> list[str]:
        return [s.name for s in self.statuses if s.ready]

    @property
    def unready(self) -> list[ModelStatus]:
        return [s for s in self.statuses if not s.ready]

    @property
    def counted_by(self) -> str | None:
        """The model that counts the tokens: the chosen one, else the first that will be asked."""
        candidates = [self.draft.counted_by, *self.models, *self.ready]
        return next((name for name in candidates if name in self.ready), None)

    def request(self, model: str) -> Request | None:
        """The request that `model` would get."""
        return None if self.prompt is None else Request(model, self.prompt, self.params, self.template.schema)

    @property
    def shots(self) -> tuple[Example, ...]:
        """The examples in the prompt."""
        return self.trial.shots if self.trial else ()

    def trials(self) -> list[Trial]:
        """What Run asks: the prompt that is shown, once for each model."""
        return [replace(self.trial, model=model) for model in self.models] if self.trial else []


def read(session: Session, opened: Opened) -> Bench:
    """What the widgets mean. A problem with documents, examples, inputs or the rendering is in `Bench.problem`."""
    statuses = session.statuses
    ready = [s.name for s in statuses if s.ready]
    draft, template = opened.draft, opened.template
    models = tuple(ready if draft.models is None else (m for m in ready if m in draft.models))
    without = draft.switched_off()
    given = Given.typed({})
    trial: Trial | None = None
    prompt: Prompt | None = None
    problem: PromptlabError | None = next((p for p in opened.problems if p.field not in without), None)
    try:
        given = draft.given(template)
        trial = runs.plan_question(session.workspace, template, given, without=without)
        if problem is None:
            rendered = session.prompts.of(trial)
            trial = with_prompt(trial, rendered)
            prompt = session.labels.today(rendered)
    except PromptlabError as exc:
        problem = problem or exc
    return Bench(opened, statuses, models, without, given, trial, prompt, problem)


def title_of(session: Session, trials: list[Trial]) -> str:
    """The title of a run of `trials`: what it changes from the last run of the same template."""
    try:
        after = [AskedRequest(runs.request_of(trial), trial.without) for trial in trials]
    except PromptlabError:
        return describe_changes([], [])
    for run in session.store.runs(template=trials[0].template.path, limit=5):
        if before := asked_requests(session.results(run)):
            return describe_changes(before, after)
    return describe_changes([], after)


def as_sent(session: Session, request: Request) -> AsSent:
    """What the request's model would get, with the tokens of each section.

    Raises `PromptlabError` if that is not known: the model is not ready, or its chat template refuses the messages.
    """
    return session.sent.get(session.catalogue.backend(request.model), request)
