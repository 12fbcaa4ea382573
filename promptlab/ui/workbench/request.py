"""What the widgets of the workbench mean, as one typed value that is worked out before anything is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from promptlab import runs, templates
from promptlab.errors import PromptlabError
from promptlab.models import AsSent, ModelStatus
from promptlab.runs import (
    AskedRequest,
    Column,
    Given,
    TableRow,
    Trial,
    asked_requests,
    describe_changes,
    describe_table,
    with_prompt,
)
from promptlab.templates import Template
from promptlab.types import Example, Params, Prompt, Request, Section
from promptlab.ui.state.drafts import ColumnChoice, Draft
from promptlab.ui.state.open_template import Opened
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import several_inputs, template_versions


@dataclass(frozen=True)
class BenchColumn:
    """A column as it is chosen, and what it asks with; `problem` says why it cannot be asked."""

    choice: ColumnChoice
    column: Column | None
    problem: PromptlabError | None = None


@dataclass(frozen=True)
class Bench:
    """A template with its edits, inputs and switches.

    `trial` is what is asked of this draft, without a model. `prompt` has the labels of today. Both are None if the
    prompt cannot be rendered, and `problem` says why. If only a text on the screen is not valid, they are the last
    valid ones; Run refuses as long as there is a `problem`. `rows` are the inputs if several are asked; then `trial`
    has the first of them.
    """

    session: Session
    opened: Opened
    statuses: tuple[ModelStatus, ...]
    columns: tuple[BenchColumn, ...]
    without: tuple[Section, ...]
    given: Given
    rows: tuple[TableRow, ...] | None = None
    trial: Trial | None = None
    prompt: Prompt | None = None
    problem: PromptlabError | None = None
    rows_problem: PromptlabError | None = None

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
    def models(self) -> tuple[str, ...]:
        """The models of the columns, each once."""
        return tuple(dict.fromkeys(column.choice.model for column in self.columns))

    @property
    def repeats(self) -> int:
        return min(max(self.draft.repeats, 1), runs.MOST_DRAWS)

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

    @property
    def asked(self) -> list[Column]:
        """What Run asks with: the columns without those that ask the same as an earlier one."""
        return runs.different_columns([each.column for each in self.columns if each.column])

    @property
    def needs_draft(self) -> bool:
        """True if a column asks this draft, so that its problems stand in the way of Run."""
        return any(not each.choice.version for each in self.columns)

    @property
    def blocked(self) -> bool:
        """True if something that the screen shows cannot be asked."""
        of_draft = self.problem is not None and (self.needs_draft or self.trial is None)
        return of_draft or self.rows_problem is not None or any(each.problem for each in self.columns)

    @property
    def requests(self) -> int:
        """How many requests Run makes."""
        rows = len(self.rows) if self.rows is not None else 1
        return rows * sum(runs.draws_of(column.params, self.repeats) for column in self.asked)

    def first_trials(self) -> list[Trial]:
        """The prompt that is shown, once for each model that gets it from this draft. Nothing is read for it."""
        if self.trial is None:
            return []
        asked = dict.fromkeys(each.choice.model for each in self.columns if each.column and not each.choice.version)
        return [replace(self.trial, model=model) for model in asked]

    def trials(self) -> list[Trial]:
        """What Run asks: the shown prompt, for each column, row and answer. Nothing while a part of it cannot be
        asked. Raises `InputError` if that is too much, and what reading the documents raises."""
        if self.trial is None or self.blocked:
            return []
        return runs.plan_table(
            self.session.workspace,
            self.asked,
            [TableRow(self.given)] if self.rows is None else self.rows,
            repeats=self.repeats,
            without=self.without,
            prompts=self.session.prompts,
        )


def read(session: Session, opened: Opened) -> Bench:
    """What the widgets mean. A problem with documents, examples, inputs or the rendering is in `Bench.problem`."""
    statuses = session.statuses
    draft, template = opened.draft, opened.template
    without = draft.switched_off()
    given = Given.typed({})
    rows: tuple[TableRow, ...] | None = None
    trial: Trial | None = None
    prompt: Prompt | None = None
    problem: PromptlabError | None = next((p for p in opened.problems if p.field not in without), None)
    rows_problem: PromptlabError | None = None
    try:
        given = draft.given(template)
        try:
            rows = several_inputs.read(session, opened, given)
        except PromptlabError as exc:
            rows, rows_problem = (), exc
        shown = rows[0].given if rows else given
        trial = runs.plan_question(session.workspace, template, shown, without=without)
        rendered = session.prompts.of(trial)
        trial = with_prompt(trial, rendered)
        prompt = session.labels.today(rendered)
    except PromptlabError as exc:
        problem = problem or exc
    columns = _columns(session, opened, given if not rows else rows[0].given)
    return Bench(session, opened, statuses, columns, without, given, rows, trial, prompt, problem, rows_problem)


def _columns(session: Session, opened: Opened, given: Given) -> tuple[BenchColumn, ...]:
    choices = opened.draft.columns_for([status.name for status in session.statuses if status.ready])
    versions = any(choice.version for choice in choices)
    return tuple(_column(session, opened, choice, given, versions=versions) for choice in choices)


def _column(session: Session, opened: Opened, choice: ColumnChoice, given: Given, *, versions: bool) -> BenchColumn:
    name = template_versions.name_of(choice.version) if versions else ""
    try:
        template = template_versions.template_of(session, opened, choice.version)
        params = templates.params_with(template.params, choice.params)
        if choice.version:  # its problems are not those of the draft, which the editor shows
            values = {key: value for key, value in given.values.items() if key in template.inputs}
            own = Given(values, given.label, given.places)
            without = opened.draft.switched_off()
            session.prompts.of(runs.plan_question(session.workspace, template, own, without=without))
    except PromptlabError as exc:
        return BenchColumn(choice, None, exc)
    return BenchColumn(choice, Column(choice.model, template, params, heading(choice.params, name)))


def heading(params: Mapping[str, Any], version: str) -> str:
    """What a column asks differently, in words."""
    return runs.column_heading(params, version)


def title_of(session: Session, trials: list[Trial]) -> str:
    """The title of a run of `trials`: what it changes from the last run of the same template."""
    return describe_table(trials, _changes(session, trials))


def _changes(session: Session, trials: list[Trial]) -> str:
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


__all__ = ["Bench", "BenchColumn", "as_sent", "heading", "read", "title_of"]
