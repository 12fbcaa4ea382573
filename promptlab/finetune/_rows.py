"""The rows that an adapter is trained on: questions with their right answers, from where people keep them.

rows_of_pool(workspace, template, "fixtures/examples/tickets.jsonl")
rows_of_suite(workspace, "tickets-train")              # cases with one expected answer
rows_of_ratings(workspace, store, template)            # answers that people called good, or corrected
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab import examples, runs, suites, templates
from promptlab.errors import FinetuneError, PromptlabError
from promptlab.finetune._leakage import LeakageGuard, groups_of, plain
from promptlab.runs import Store
from promptlab.templates import Template
from promptlab.types import Label, Place, canonical_json
from promptlab.workspace import Workspace

RATINGS = "ratings"
"""The word for answers that people rated, in place of the path of a pool."""
SUITE = "suite:"
"""Before the name of a suite whose cases are trained on."""


@dataclass(frozen=True)
class DataRow:
    """A question with its right answer. `id` names it in messages; `places` are the files that it came from."""

    id: str
    inputs: Mapping[str, Any]
    answer: str
    label: Label = "public"
    places: tuple[Place, ...] = ()

    @property
    def text(self) -> str:
        """The text of the inputs, by which rows are compared."""
        return text_of(self.inputs)


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


def text_of(inputs: Mapping[str, Any]) -> str:
    """The text of inputs: what is no text as JSON."""
    return "\n".join(v if isinstance(v, str) else canonical_json(v) for v in inputs.values())


def read_rows(
    workspace: Workspace, template: Template, source: str, store: Store | None, tag: str = ""
) -> list[DataRow]:
    """The rows of `source`: the path of a pool, `suite:NAME`, or `ratings`. With `tag` only rows that have it.

    Raises `FinetuneError` if there are none.
    """
    if source == RATINGS:
        if store is None:
            raise FinetuneError("ratings are in the run history, which is not open")
        rows = rows_of_ratings(workspace, store, template)
    elif source.startswith(SUITE):
        rows = rows_of_suite(workspace, source.removeprefix(SUITE), tag)
    else:
        rows = rows_of_pool(workspace, template, source, tag)
    if not rows:
        raise FinetuneError(
            f"there is nothing to train on in {source}", hint="see docs/finetune.md for where rows come from"
        )
    return rows


def rows_of_pool(workspace: Workspace, template: Template, path: str, tag: str = "") -> list[DataRow]:
    """The examples of a pool, with the inputs that the template declares."""
    return [
        DataRow(one.id, _inputs(template, one.inputs), one.output, one.label, one.places)
        for one in examples.load_pool(workspace, path)
        if not tag or tag in one.tags
    ]


def rows_of_suite(workspace: Workspace, name: str, tag: str = "") -> list[DataRow]:
    """The cases of a suite that expect one text or number."""
    return [
        DataRow(case.id, dict(case.inputs), str(case.expected), case.label, case.places)
        for case in cases_of(workspace, name)
        if isinstance(case.expected, str | int | float) and (not tag or tag in case.tags)
    ]


def rows_of_ratings(workspace: Workspace, store: Store, template: Template) -> list[DataRow]:
    """The answers to this template that people called good, or the corrections; the newest rating of a question."""
    rows: dict[str, DataRow] = {}
    for run_id in store.ratings.rated_runs():
        if store.run(run_id).template != template.path:
            continue
        results = list(store.results(run_id))
        for result_id, rating in store.ratings.of(result.id for result in results).items():
            result = next(one for one in results if one.id == result_id)
            answer = (
                rating.corrected if rating.corrected is not None else result.text if rating.verdict == "good" else ""
            )
            if not answer.strip() or not result.request:
                continue
            try:
                inputs = templates.inputs_from_text(template, runs.inputs_of_result(result))
            except PromptlabError:  # the template changed since, so that the question cannot be read back
                continue
            label = runs.label_of_result(workspace, result)
            rows[plain(text_of(inputs))] = DataRow(f"answer {result_id[:8]}", inputs, answer, label)
    return list(rows.values())


def cases_of(workspace: Workspace, name: str) -> tuple[suites.Case, ...]:
    """The cases of a suite, each once."""
    suite = suites.load_suite(workspace, name)
    seen: dict[str, suites.Case] = {}
    for item in suites.suite_items(workspace, suite):
        seen.setdefault(item.case.id, item.case)
    return tuple(seen.values())


def guard_of(
    workspace: Workspace, template: Template, names: Sequence[str], source: str, overlap: float
) -> LeakageGuard:
    """The guard with the cases of the suites `names`; without names, of every suite that asks this template, except
    the one that is trained on."""
    paths = list(names)
    if not paths:
        own = suites.load_suite(workspace, source.removeprefix(SUITE)).path if source.startswith(SUITE) else ""
        paths += [
            path
            for path in suites.suite_paths(workspace)
            if path != own and suites.load_suite(workspace, path).template.path == template.path
        ]
    return LeakageGuard(
        ((f"{name}/{case.id}", text_of(case.inputs)) for name in paths for case in cases_of(workspace, name)),
        overlap=overlap,
    )


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
    groups = groups_of([row.text for row in kept], overlap=overlap)
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
        why = guard.problem(row.text)
        if not row.answer.strip():
            why = "its answer is empty"
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
    return {**templates.sample_inputs(template), **templates.inputs_from_text(template, own)}


__all__ = ["RATINGS", "SUITE", "DataRow", "Dropped", "Split", "guard_of", "read_rows", "split_rows", "text_of"]
