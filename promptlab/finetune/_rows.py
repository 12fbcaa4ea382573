"""The rows that an adapter is trained on: questions with their right answers, from where people keep them.

rows_of_pool(workspace, template, "fixtures/examples/tickets.jsonl")
rows_of_suite(workspace, template, "tickets-train")              # cases with one expected answer
rows_of_ratings(workspace, store, template)            # answers that people called good, or corrected
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from promptlab import examples, runs, suites, templates
from promptlab._util.same_question import plain, text_of
from promptlab.errors import FinetuneError, PromptlabError, nearest
from promptlab.finetune._leakage import LeakageGuard, groups_of
from promptlab.runs import Rating, Store
from promptlab.templates import Template
from promptlab.types import Label, Place, Result, canonical_json
from promptlab.workspace import Workspace

RATINGS = "ratings"
"""The word for answers that people rated, in place of the path of a pool."""
SUITE = "suite:"
"""Before the name of a suite whose cases are trained on."""


@dataclass(frozen=True)
class DataRow:
    """A question with its right answer. `id` names it in messages; `places` are the files that it came from. Rows are
    compared by the inputs `compared`, or by all. Rows of one `group`, if it is not "", are on one side. `missing` are
    inputs that the template needs and the row has not."""

    id: str
    inputs: Mapping[str, Any]
    answer: str
    label: Label = "public"
    places: tuple[Place, ...] = ()
    compared: tuple[str, ...] | None = None
    group: str = ""
    missing: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text of the inputs by which rows are compared."""
        return text_of(self.inputs, self.compared)


@dataclass(frozen=True)
class Dropped:
    """A row that is not trained on, and why, as a clause."""

    id: str
    why: str


@dataclass(frozen=True)
class Split:
    """The rows to train on, those that are held out, and those that were dropped."""

    train: tuple[DataRow, ...]
    held_out: tuple[DataRow, ...]
    dropped: tuple[Dropped, ...] = field(default=())

    @property
    def every(self) -> tuple[DataRow, ...]:
        return (*self.train, *self.held_out)

    @property
    def dropped_by_reason(self) -> dict[str, list[str]]:
        """The ids of the dropped rows by the reason, without the name of the test case."""
        reasons: dict[str, list[str]] = {}
        for dropped in self.dropped:
            reasons.setdefault(dropped.why.partition(" the test case")[0], []).append(dropped.id)
        return reasons


def read_rows(
    workspace: Workspace, template: Template, source: str, store: Store | None, tag: str = "", group: str = ""
) -> list[DataRow]:
    """The rows of `source`: the path of a pool, `suite:NAME`, or `ratings`. With `tag` only rows that have it. Rows
    with the same value of the input `group` are one group.

    Raises `FinetuneError` if there are none, or no input `group`.
    """
    if group and group not in template.inputs:
        raise FinetuneError(f"the template has no input `{group}`", hint=nearest(group, template.inputs), field="group")
    if source == RATINGS:
        if store is None:
            raise FinetuneError("ratings are in the run history, which is not open")
        rows = rows_of_ratings(workspace, store, template)
    elif source.startswith(SUITE):
        rows = rows_of_suite(workspace, template, source.removeprefix(SUITE), tag)
    else:
        rows = rows_of_pool(workspace, template, source, tag)
    if not rows:
        raise FinetuneError(
            f"there is nothing to train on in {source}", hint="see docs/finetune.md for where rows come from"
        )
    names = inputs_that_differ(template, rows)
    return [
        replace(
            row,
            compared=names,
            group=plain(text_of(row.inputs, [group])) if group else "",
            missing=tuple(name for name in template.inputs if name not in row.inputs),
        )
        for row in rows
    ]


def inputs_that_differ(template: Template, rows: Sequence[DataRow]) -> tuple[str, ...]:
    """The inputs by which rows can be told apart. One with the same value in every row, such as the one article that
    all questions are about, would make every row nearly the same as every test case."""
    values = {name: {canonical_json(row.inputs.get(name)) for row in rows} for name in template.inputs}
    return tuple(name for name, seen in values.items() if len(seen) > 1) or tuple(template.inputs)


def rows_of_pool(workspace: Workspace, template: Template, path: str, tag: str = "") -> list[DataRow]:
    """The examples of a pool, with the inputs that the template declares."""
    return [
        DataRow(one.id, _inputs(template, one.inputs), one.output, one.label, one.places)
        for one in examples.load_pool(workspace, path)
        if not tag or tag in one.tags
    ]


def rows_of_suite(workspace: Workspace, template: Template, name: str, tag: str = "") -> list[DataRow]:
    """The cases of a suite that expect one text or number."""
    return [
        DataRow(case.id, templates.with_defaults(template, case.inputs), str(case.expected), case.label, case.places)
        for case in suites.suite_cases(workspace, suites.load_suite(workspace, name))
        if isinstance(case.expected, str | int | float) and (not tag or tag in case.tags)
    ]


def rows_of_ratings(workspace: Workspace, store: Store, template: Template) -> list[DataRow]:
    """The answers to this template that people called good, or the corrections; of a question the newest rating."""
    rows: dict[str, tuple[str, DataRow]] = {}
    for run_id in store.ratings.rated_runs():
        if store.run(run_id).template != template.path:
            continue
        results = {result.id: result for result in store.results(run_id)}
        for result_id, rating in store.ratings.of(results).items():
            row = _rated_row(workspace, template, results[result_id], rating)
            if row is None:
                continue
            key = plain(row.text)
            if key not in rows or rows[key][0] < rating.created:
                rows[key] = rating.created, row
    return [row for _, row in rows.values()]


def _rated_row(workspace: Workspace, template: Template, result: Result, rating: Rating) -> DataRow | None:
    """The right answer to the question of `result` by its rating; None if the rating has none, or if the template
    changed since, so that the question cannot be read back."""
    answer = result.text if rating.verdict == "good" else ""
    if rating.corrected is not None:
        answer = rating.corrected
    if not answer.strip() or not result.request:
        return None
    try:
        inputs = templates.inputs_from_text(template, runs.inputs_of_result(result))
    except PromptlabError:
        return None
    return DataRow(f"answer {result.id[:8]}", inputs, answer, runs.label_of_result(workspace, result))


def cases_not_trained_on(
    workspace: Workspace, template: str, names: Sequence[str], source: str
) -> dict[str, dict[str, Any]]:
    """The inputs of test cases, by the suite and the id. They are of the suites `names`; without names, of every suite
    that asks the template at the path `template`, or of every suite if that is "". A suite that is the `source` of the
    rows is left out then."""
    found = [suites.load_suite(workspace, name) for name in names or suites.suite_paths(workspace)]
    if not names:
        own = suites.load_suite(workspace, source.removeprefix(SUITE)).path if source.startswith(SUITE) else ""
        found = [suite for suite in found if suite.path != own and template in ("", suite.template.path)]
    return {
        f"{suite.path}/{case.id}": templates.with_defaults(suite.template, case.inputs)
        for suite in found
        for case in suites.suite_cases(workspace, suite)
    }


def text_of_case(inputs: Mapping[str, Any], compared: Iterable[str] | None) -> str:
    """The text by which a case is compared with rows: of its inputs `compared`; of all, if it is of another template,
    whose inputs have other names."""
    return text_of(inputs, compared) or text_of(inputs)


def guard_of(
    workspace: Workspace,
    template: Template,
    rows: Sequence[DataRow],
    *,
    names: Sequence[str],
    source: str,
    overlap: float,
    group: str = "",
) -> LeakageGuard:
    """The guard of `rows` with the cases of the suites `names`; without names, of every suite that asks this template,
    except the one that is trained on."""
    compared = rows[0].compared
    cases = cases_not_trained_on(workspace, template.path, names, source)
    texts = [(name, text_of_case(inputs, compared)) for name, inputs in cases.items()]
    groups = {plain(text_of(inputs, [group])): name for name, inputs in cases.items()} if group else {}
    return LeakageGuard(texts, overlap=overlap, groups=groups)


def split_rows(rows: Iterable[DataRow], guard: LeakageGuard, *, held_out: float, seed: int, overlap: float) -> Split:
    """Drop what must not be trained on, and hold out a share of the rest. Rows that are nearly the same are in one
    group, and a group is on one side.

    Raises `FinetuneError` if no row is left.
    """
    kept, dropped = _usable(rows, guard)
    if not kept:
        why = dropped[0].why if dropped else "there are none"
        raise FinetuneError(
            f"no row is left to train on: {why}", hint="use other data, or other suites to keep out (--suite)"
        )
    groups = groups_of([row.text for row in kept], [row.group for row in kept], overlap=overlap)
    wanted = round(len(kept) * held_out)
    random.Random(f"held out/{seed}").shuffle(groups)
    out: set[int] = set()
    for group in groups:
        if len(out) + len(group) <= wanted and len(out) + len(group) < len(kept):
            out |= set(group)
    train = tuple(row for number, row in enumerate(kept) if number not in out)
    return Split(train, tuple(kept[number] for number in sorted(out)), tuple(dropped))


def _usable(rows: Iterable[DataRow], guard: LeakageGuard) -> tuple[list[DataRow], list[Dropped]]:
    """The rows that may be trained on, and the others with the reason."""
    every = list(rows)
    answers: dict[str, set[str]] = {}
    for row in every:
        answers.setdefault(plain(row.text), set()).add(row.answer.strip())
    kept: list[DataRow] = []
    dropped: list[Dropped] = []
    seen: set[str] = set()
    for row in every:
        own = plain(row.text)
        why = guard.problem(row.text, row.group)
        if not row.answer.strip():
            why = "its answer is empty"
        elif row.missing:
            why = f"it has no `{row.missing[0]}`, which the template needs"
        elif not why and len(answers[own]) > 1:
            why = "the same question has different answers"
        elif not why and own in seen:
            why = "the same row is there already"
        if why:
            dropped.append(Dropped(row.id, why))
        else:
            seen.add(own)
            kept.append(row)
    return kept, dropped


def _inputs(template: Template, texts: Mapping[str, str]) -> dict[str, Any]:
    own = {name: value for name, value in texts.items() if name in template.inputs}
    return templates.with_defaults(template, templates.inputs_from_text(template, own))


__all__ = ["RATINGS", "SUITE", "DataRow", "Dropped", "Split", "guard_of", "read_rows", "split_rows"]
