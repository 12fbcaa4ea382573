"""The items of a suite, which of them are asked, and the trial of each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from promptlab import runs, scorers
from promptlab.errors import NotJudged, SuiteError, nearest
from promptlab.runs import Recalled, Trial
from promptlab.scorers import ReadyScorer
from promptlab.suites import _case_file as case_files
from promptlab.suites import _judge as judging
from promptlab.suites._judge_reply import judge_scores
from promptlab.suites._recorded_item import RecordedItem, label_of_trial
from promptlab.suites._recording import Recording
from promptlab.suites._suite import Case, Item, ItemKey, Suite, Variant
from promptlab.suites._suite_run import ItemRow, Verb
from promptlab.templates import MaterialsReader, Template
from promptlab.types import Label, Params, Place, Prompt, Result, Score, Scorer, ScorerSpec, Section
from promptlab.workspace import Workspace

if TYPE_CHECKING:  # a replay loads no database
    from promptlab.suites._log import SuiteLog

KEPT_SCORERS = 256
"""Sets of scorers that are kept, ready to use."""


def suite_items(
    workspace: Workspace, suite: Suite, *, models: Sequence[str] | None = None, wanted: Collection[str] = ()
) -> Iterator[Item]:
    """The items of a suite, in order, for its models or for `models`. Cases are read while the caller iterates.

    `wanted` are ids of items or cases; if it is empty, all items are given. Raises `SuiteError` at the first case that
    is wrong or has the id of an earlier one, and at the end if an id in `wanted` is not in the suite, or if there is no
    case at all: a suite that checks nothing must not look like one that passes.
    """
    asked = suite.models if models is None else tuple(models)
    unmet = set(wanted)
    known: list[str] = []
    case = None
    for case in case_files.read(workspace, suite):
        for variant in suite.variants:
            for model in asked:
                for repeat in range(suite.repeats):
                    key = ItemKey(case.id, variant.name, model, repeat)
                    if not wanted or key.id in wanted or case.id in wanted:
                        unmet -= {key.id, case.id}
                        yield Item(key, case, variant)
        if unmet:
            known.append(case.id)
    if case is None:
        raise SuiteError("the suite has no cases", file=suite.path, field="cases", hint="add one under `cases`")
    for name in sorted(unmet):
        raise SuiteError(f"there is no case or item `{name}`", file=suite.path, hint=nearest(name, known))


class TrialMaker:
    """Turns the items of a suite into trials. Each document and pool is read once.

    It keeps the documents in memory, and not the suite.
    """

    def __init__(self, workspace: Workspace, suite: Suite) -> None:
        self._workspace, self.suite = workspace, suite
        self.label_of = cache(
            workspace.label_of
        )  # follows links on disk, and is asked for the same few paths every time
        self._filler = MaterialsReader(workspace)
        self._case: Case | None = None
        self._asked: dict[tuple[int, tuple[Section, ...], int], Trial] = {}
        self._params: dict[int, Params] = {}
        self._judge_templates: dict[str | None, Template] = {}
        self._scorers: dict[tuple[tuple[ScorerSpec, ...], str | None, str], tuple[Scorer, ...]] = {}

    def trial(self, item: Item, *, rendered: bool = True) -> Trial:
        """The trial of `item`, with its prompt if `rendered`. Raises what reading documents, pools and scorers
        raises."""
        case, variant = item.case, item.variant
        asked = self._asked_by(case, variant)
        if rendered and asked.rendered is None:
            asked = self._asked[self._key(variant)] = runs.with_rendered_prompt(asked)
        return replace(
            asked,
            model=item.key.model,
            params=self._params_of(variant),
            repeat=item.key.repeat,
            scorers=self.scorers(case, variant),
            judge_cut=self.suite.judge_cut_answers,
        )

    def _params_of(self, variant: Variant) -> Params:
        if id(variant) not in self._params:
            self._params[id(variant)] = self.suite.params_of(variant)
        return self._params[id(variant)]

    def label(self, item: Item) -> Label:
        """The strictest label of all that goes into the prompt of `item`. Nothing is rendered for it."""
        return label_of_trial(self.label_of, self._asked_by(item.case, item.variant))

    def _key(self, variant: Variant) -> tuple[int, tuple[Section, ...], int]:
        return id(variant.template or self.suite.template), variant.without, id(variant.fill) if variant.fill else 0

    def _asked_by(self, case: Case, variant: Variant) -> Trial:
        """The trial of a case in a variant, without a model. Models and repeats share it, and so do variants that
        differ only in parameters. Items of a case follow each other, so only the trials of the last case are kept."""
        if case is not self._case:
            self._case, self._asked = case, {}
        key = self._key(variant)
        if key not in self._asked:
            self._asked[key] = self._filled(case, variant)
        return self._asked[key]

    def _filled(self, case: Case, variant: Variant) -> Trial:
        template = variant.template or self.suite.template
        if case.documents is not None:
            template = replace(template, context=case.documents, passages={})
        filled = self._filler.materials(template, case.inputs, without=variant.without, item=case.id)
        if variant.fill:
            filled = variant.fill(case, filled)
        return Trial(
            template=template,
            inputs=case.inputs,
            model="",
            documents=filled.documents,
            shots=filled.shots,
            without=variant.without,
            case=case.id,
            expected=case.expected,
            label=case.label,
            places={"": case.places},
        )

    def judge_specs(self, case: Case) -> list[ScorerSpec]:
        """The judges of a case, in the order of `judges`."""
        return [spec for spec in self.suite.specs_of(case) if spec.name == judging.NAME]

    def scores_of_recorded(self, item: Item, stored: RecordedItem) -> tuple[Score, ...]:
        """Today's scores of the recorded answer. Judges are not asked again: their recorded replies count."""
        case, judge_cut = item.case, self.suite.judge_cut_answers
        own = self.scorers(case, item.variant)
        scores = runs.score_answer(own, stored.completion, case.expected, request=stored.request, judge_cut=judge_cut)
        specs = self.suite.specs_of(case)
        of_judges = judge_scores(specs, stored.judged, stored.completion, stored.request, judge_cut=judge_cut)
        return (*scores, *of_judges)

    def rescored(self, item: Item, result: Result) -> Result:
        """An earlier result of `item` with today's scores: the right answer of the case may have been mended."""
        if result.completion is None:
            return result
        scores = runs.score_answer(
            self.scorers(item.case, item.variant),
            result.completion,
            item.case.expected,
            request=result.request,
            judge_cut=self.suite.judge_cut_answers,
        )
        return replace(result, scores=scores, expected=item.case.expected)

    def judges(self, item: Item, prompt: Prompt, answer: str) -> list[Trial]:
        """The trials that ask the judges of `item` about `answer` to `prompt`; empty if it has no judge."""
        case = item.case
        return [
            judging.trial(
                *(spec, self._judge_template(spec)),
                prompt=prompt,
                question=case.inputs,
                expected=case.expected,
                answer=answer,
                label=case.label,
                places=case.places,
                case=item.key.id,
            )
            for spec in self.judge_specs(case)
        ]

    def _judge_template(self, spec: ScorerSpec) -> Template:
        """The template of a judge, which is read once."""
        path = spec.values.get("template")
        if path not in self._judge_templates:
            self._judge_templates[path] = judging.template_of(spec, self._workspace)
        return self._judge_templates[path]

    def scorers(self, case: Case, variant: Variant) -> tuple[Scorer, ...]:
        """The scorers of a case that ask no model, ready to use."""
        template = variant.template or self.suite.template
        key = (self.suite.specs_of(case), template.schema, variant.key)
        if key not in self._scorers:
            if len(self._scorers) >= KEPT_SCORERS:  # every case has other scorers of its own
                self._scorers.clear()
            self._scorers[key] = tuple(
                # Its scores are named after the spec in the suite, not after the one with the template's schema.
                _of_key(
                    replace(scorers.build_scorer(_with_schema(spec, template.schema), self._workspace), spec=spec),
                    variant.key,
                )
                for spec in key[0]
                if spec.name not in scorers.MODEL_SCORERS
            )
        return self._scorers[key]


def _of_key(scorer: ReadyScorer, key: str) -> ReadyScorer:
    """`scorer` for the text under `key` of an answer in JSON. Without one, the answer is wrong: it gave no answer."""
    if not key:
        return scorer
    compare = scorer.compare

    def compare_part(answer: str, expected: Any) -> Score:
        try:
            data = scorers.parse_json_answer(answer)
        except NotJudged:
            raise
        except ValueError as exc:
            return Score(scorer.spec.name, 0.0, "", f"no JSON: {exc}")
        if not isinstance(data, dict) or key not in data:
            return Score(scorer.spec.name, 0.0, "", f"the JSON has no `{key}`")
        value = data[key]
        return compare(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), expected)

    return replace(scorer, compare=compare_part)


def _with_schema(spec: ScorerSpec, schema: str | None) -> ScorerSpec:
    """The scorer `json_schema` without a schema of its own takes the template's."""
    if spec.name != "json_schema" or schema is None or "schema" in spec.values:
        return spec
    return scorers.scorer_spec({spec.name: {**spec.values, "schema": json.loads(schema)}})


Prompts = Literal["stored", "current"]
"""What a rerun sends: the recorded prompts, or prompts rendered from the templates of today."""


@dataclass(frozen=True)
class AskOptions:
    """What to ask of a suite. `only` are ids of items or cases, `limit` is a number of items; if `models` is None, the
    suite's are asked.

    `max_cost` (US dollars) and `max_tokens` (of prompts and answers together) are never passed: the most that an item
    can take is set aside before it is asked.
    """

    prompts: Prompts = "current"
    models: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()
    only_failed: bool = False
    limit: int | None = None
    max_cost: float | None = None
    max_tokens: int | None = None

    def identity(self) -> dict[str, Any]:
        """The options that must be equal for a run to be resumed. Limits may differ."""
        return {
            "prompts": self.prompts,
            "models": list(self.models) if self.models is not None else None,
            "only": sorted(self.only),
            "only_failed": self.only_failed,
        }


def chosen(
    workspace: Workspace, suite: Suite, *, verb: Verb, options: AskOptions, log: SuiteLog
) -> Iterator[tuple[int, Item]]:
    """The items to ask, each with its position in the suite."""
    failed = _failed(log, suite, verb) if options.only_failed else None
    models = None if options.models is None else tuple(dict.fromkeys(options.models))
    every = suite_items(workspace, suite, models=models, wanted=options.only)
    found = ((position, item) for position, item in enumerate(every) if failed is None or item.key in failed)
    return islice(found, options.limit)


def _failed(log: SuiteLog, suite: Suite, verb: Verb) -> set[ItemKey]:
    """The items that did not pass, or have no answer or no score, in the newest run of this verb. An unfinished run
    that asked only failed items itself is skipped: it is the run that is resumed."""
    for run in log.runs(suite.path, verb=verb):
        if run.done and not (run.options.get("only_failed") and run.state != "finished"):
            return {row.key for row in log.every_row(run) if _needs_a_look(row)}
    raise SuiteError("there is no earlier run to take the failed ones of", file=suite.path)


def _needs_a_look(row: ItemRow) -> bool:
    # An answer that no scorer judges neither passed nor failed.
    return row.passed is False or (row.passed is None and row.verdict == "cannot tell")


def recorded_of(suite: Suite, key: ItemKey, recorded: Recording | None) -> RecordedItem | None:
    """The recorded item of a key; for a model that is not in the suite, that of the suite's first model."""
    if recorded is None:
        return None
    return recorded.find(key if key.model in suite.models else key._replace(model=suite.models[0]))


def trial_of(fill: TrialMaker, item: Item, stored: RecordedItem | None, prompts: Prompts) -> Trial:
    """The trial to ask for `item`. Raises `SuiteError` if a recorded prompt should be sent and there is none."""
    trial = replace(fill.trial(item, rendered=prompts == "current"), case=item.key.id)
    if prompts == "current":
        return trial
    if stored is None:
        hint = "`promptlab suite record` asks it, or rerun with `--prompts current`"
        raise SuiteError(f"nothing is recorded of {item.key.id}", file=fill.suite.recording, hint=hint)
    return replace(trial, request=recalled(fill.suite, stored), without=stored.without)


@dataclass(frozen=True, slots=True)
class PlannedAsk:
    """An item that would be asked, its trial, and the item as it was recorded."""

    item: Item
    trial: Trial
    stored: RecordedItem | None


def planned_asks(
    fill: TrialMaker,
    workspace: Workspace,
    suite: Suite,
    *,
    verb: Verb,
    options: AskOptions,
    log: SuiteLog,
    look_up: bool,
) -> Iterator[PlannedAsk]:
    """What would be asked. If recorded prompts should be sent, items without one are left out. Without `look_up`, and
    if today's prompts are sent, the recording is not read."""
    path = workspace.resolve(suite.recording)
    read = path.is_file() and (look_up or options.prompts == "stored")
    recorded = Recording(path, shown=suite.recording) if read else None
    try:
        for _, item in chosen(workspace, suite, verb=verb, options=options, log=log):
            stored = recorded_of(suite, item.key, recorded)
            if stored or options.prompts == "current":
                yield PlannedAsk(item, trial_of(fill, item, stored, options.prompts), stored)
    finally:
        if recorded:
            recorded.close()


def recalled(suite: Suite, stored: RecordedItem) -> Recalled:
    """The recorded request, to be sent again."""
    return Recalled(stored.request, (Place(suite.recording),), stored.label)
