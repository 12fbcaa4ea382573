"""Answers of the run history as cases of a suite: those of a whole run, or one answer that is kept as a test."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any

from promptlab import runs, templates
from promptlab._util.files import write_atomically
from promptlab.errors import PromptlabError, SuiteError
from promptlab.runs import Rating, RunInfo, Store
from promptlab.scorers import build_scorer, scorer_spec
from promptlab.suites import _case_file as case_files
from promptlab.suites import _file as suite_file
from promptlab.suites import _lock as suite_lock
from promptlab.suites._annotations import Mark, add_mark, answer_id
from promptlab.suites._items import suite_items
from promptlab.suites._recorded_item import RecordedItem, check_labels
from promptlab.suites._recording import Recording, write
from promptlab.suites._suite import FOLDER, CaseFile, ItemKey, Suite, recording_of, stem_of
from promptlab.types import Completion, Label, Params, Place, Result, Section, canonical_json, sha256
from promptlab.workspace import COPIED_FROM, Labels, Workspace, places_as_data, places_of_prompt

NO_RATINGS: Mapping[str, Rating] = {}
_Way = tuple[tuple[Section, ...], Params]
"""Sections left out, and parameters."""


@dataclass(frozen=True)
class KeptAnswers:
    """What was added: the suite's path, the ids of new cases, the number of recorded answers. `left_out` has a reason
    for each answer that was not added."""

    suite: str
    cases: tuple[str, ...]
    recorded: int
    left_out: tuple[str, ...] = ()


def keep_run(
    workspace: Workspace, store: Store, run_id: str, suite: str, *, models: Collection[str] = ()
) -> KeptAnswers:
    """Add the answers of a run to `suite`, a path or a bare name. A suite that does not exist is made.

    Raises `SuiteError` if the suite asks with another template, and `GateRefused` if its recording has a lower label
    than the answers; then nothing is written.
    """
    run = store.run(run_id)
    results = [result for result in store.results(run.id) if not models or result.model in models]
    ratings = store.ratings.of(result.id for result in results)
    return keep_answers(workspace, store, run, results, suite, ratings=ratings)


def keep_answers(
    workspace: Workspace,
    store: Store,
    run: RunInfo,
    results: Sequence[Result],
    suite: str,
    *,
    expected: Any = None,
    ratings: Mapping[str, Rating] = NO_RATINGS,
    by: str = "",
) -> KeptAnswers:
    """Add `results` of `run` to a suite.

    `expected` is the right answer, which new answers must contain (the scorer `contains`). Without it the cases have no
    scorer, and new answers are only compared with the recorded ones. A question that is a case already is not added
    again.

    `ratings` are what people said of the results, by their ids: a corrected answer is expected where `expected` is not
    given, and good and bad become marks of the suite, made `by` a person.
    """
    path = _path(workspace, suite)
    right = {result.id: expected for result in results}
    if expected is None:
        right |= {id: rating.corrected for id, rating in ratings.items() if rating.corrected is not None}
    with suite_lock.hold_suite(workspace, path, "keep"):
        kept, items = _keep(workspace, store, run, results, path, right)
    for result, key in items:
        rating = ratings.get(result.id)
        if rating and rating.verdict:
            answer, is_good = answer_id(result.text), rating.verdict == "good"
            mark = Mark(key.case, key.variant, key.model, answer, is_good, by, rating.comment)
            add_mark(workspace, path, mark)
    return kept


def _keep(
    workspace: Workspace,
    store: Store,
    run: RunInfo,
    results: Sequence[Result],
    path: str,
    right: Mapping[str, Any],
) -> tuple[KeptAnswers, list[tuple[Result, ItemKey]]]:
    """What was kept, and the item of each kept result. `right` are the expected answers by the id of the result."""
    old = suite_file.load_suite(workspace, path) if workspace.resolve(path).is_file() else None
    if old and old.template.path != run.template:
        message = f"the suite asks with {old.template.path}, but the answer was asked with {run.template}"
        raise SuiteError(message, file=path, field="template", hint="keep it in another suite")
    left_out: list[str] = []
    ways = _Ways(workspace, old, run.template, results)
    usable = [(r, dict(inputs)) for r in results if (inputs := _inputs(r, old, ways, left_out)) is not None]
    if not usable:
        raise SuiteError("there is no whole answer to keep", file=path, hint="; ".join(left_out))
    known = _known(workspace, old)
    lines: dict[str, dict[str, Any]] = {}
    stored: dict[ItemKey, RecordedItem] = {}
    items: list[tuple[Result, ItemKey]] = []
    expected_of = _expected_answers(usable, right)
    for result, inputs in usable:
        asked = canonical_json(inputs)
        expected = expected_of.get(asked)
        if asked not in known:
            label = runs.label_of_result(workspace, result)
            known[asked] = _fresh_id(inputs, {*known.values()}, label)
            origins = places_of_prompt(result.request.prompt if result.request else None)
            lines[known[asked]] = _case_line(known[asked], inputs, expected, label, origins)
        key = ItemKey(known[asked], ways.of(result) or "", result.model)
        if key in stored:
            left_out.append(f"{result.model}: another answer to `{key.case}` was added already")
        else:
            stored[key] = _stored(workspace, store, run, result, inputs, key, expected)
            items.append((result, key))
    _check_labels(workspace, path, stored.values())
    if lines:
        models = list(dict.fromkeys(result.model for result, _ in usable))
        _write_cases(workspace, path, old, run, models, ways, list(lines.values()))
    _record(workspace, suite_file.load_suite(workspace, path), stored)
    return KeptAnswers(path, tuple(lines), len(stored), tuple(left_out)), items


def _expected_answers(usable: Sequence[tuple[Result, Mapping[str, Any]]], right: Mapping[str, Any]) -> dict[str, Any]:
    """The expected answer of each case, by its inputs: a case may be asked to several models, and only one of the
    answers be corrected."""
    expected: dict[str, Any] = {}
    for result, inputs in usable:
        if right.get(result.id) is not None:
            expected.setdefault(canonical_json(dict(inputs)), right[result.id])
    return expected


class _Ways:
    """The variants of a suite, by how they ask: the sections that they leave out, and their parameters.

    A new suite gets a variant for each way in which its results were asked.
    """

    def __init__(self, workspace: Workspace, old: Suite | None, template: str, results: Sequence[Result]) -> None:
        self._params = old.template.params if old else templates.load(workspace, template).params
        self._names: dict[_Way, str] = {}
        for variant in old.variants if old else ():
            if variant.template is None or (old and variant.template.path == old.template.path):
                self._names.setdefault((variant.without, old.params_of(variant) if old else Params()), variant.name)
        if old is None:
            ways = dict.fromkeys(_way(result) for result in results if result.request and result.completion)
            plain = len(ways) == 1 and ((), self._params) in ways
            for way in ways:
                self._names[way] = "" if plain else self._fresh(way)

    def of(self, result: Result) -> str | None:
        """The name of the variant that asks as `result` was asked; None if the suite has none."""
        return self._names.get(_way(result)) if result.request else None

    def _fresh(self, way: _Way) -> str:
        if way == ((), self._params):
            return "whole"
        parts = [f"no-{section.replace('_', '-')}" for section in way[0]]
        parts += [f"{name.replace('_', '-')}-{value}" for name, value in self._changed(way).items()]
        base = re.sub(r"[^\w.-]+", "-", "-".join(parts)).strip("-") or "other"
        return next(name for n in count(1) if (name := base if n == 1 else f"{base}-{n}") not in self._names.values())

    def _changed(self, way: _Way) -> dict[str, Any]:
        new, usual = asdict(way[1]), asdict(self._params)
        return {name: value for name, value in new.items() if value != usual[name]}

    def in_words(self, result: Result) -> str:
        """How the result was asked, in words."""
        parts = [f"without {section.replace('_', ' ')}" for section in result.without]
        changed = self._changed(_way(result))
        parts += [f"{name.replace('_', ' ')} {value}" for name, value in changed.items()]
        return ", ".join(parts) or "with everything, and the template's parameters"

    def as_yaml(self) -> str:
        """The key `variants` of a new suite, as YAML; "" if it needs none."""
        if set(self._names.values()) == {""}:
            return ""
        lines = [
            f"  {json.dumps(name)}: {json.dumps({'without': list(way[0]), 'params': self._changed(way)})}\n"
            for way, name in self._names.items()
        ]
        return "variants:\n" + "".join(lines)


def _way(result: Result) -> _Way:
    assert result.request is not None, "only whole answers are kept"
    return (result.without, result.request.params)


def _path(workspace: Workspace, suite: str) -> str:
    named = "/" in suite or suite.endswith(suite_file.ENDINGS)
    if not named and not re.fullmatch(r"[\w.-]+", suite):
        raise SuiteError(f"`{suite}` cannot be the name of a suite", hint="use letters, digits, dots and hyphens")
    return workspace.relative(workspace.resolve(suite if named else f"{FOLDER}/{suite}.yaml"))


def _inputs(result: Result, old: Suite | None, ways: _Ways, left_out: list[str]) -> Mapping[str, Any] | None:
    """The inputs of a result; None if it cannot be kept, and then the reason is added to `left_out`."""
    done = result.completion
    why = ""
    if done is None or result.request is None or done.finish_reason == "stopped":
        why = result.error or "it has no whole answer"
    elif held_back := runs.why_not_judgeable(done, result.request, judge_cut=True):
        why = held_back
    elif old and result.model not in old.models:
        why = f"the suite asks {', '.join(old.models)}"
    elif ways.of(result) is None:
        why = f"no variant of the suite asks {ways.in_words(result)}"
    else:
        try:
            return runs.inputs_of_result(result)
        except PromptlabError as exc:
            why = exc.message
    left_out.append(f"{result.model}: {why}")
    return None


def _known(workspace: Workspace, old: Suite | None) -> dict[str, str]:
    """The ids of the suite's cases, by their inputs."""
    return {canonical_json(dict(c.inputs)): c.id for c in case_files.read(workspace, old)} if old else {}


def _fresh_id(inputs: Mapping[str, Any], taken: Collection[str], label: Label) -> str:
    """A new id, made of the first words of the question. If the question is not public, the id is made of a hash,
    because reports and file names show ids."""
    words = re.findall(r"[a-z0-9]+", " ".join(map(str, inputs.values())).lower())[:6]
    base = "-".join(words) if label == "public" else ""
    base = base or f"case-{sha256(canonical_json(dict(inputs)))[:8]}"
    return next(name for n in count(1) if (name := base if n == 1 else f"{base}-{n}") not in taken)


def _case_line(
    id: str, inputs: Mapping[str, Any], expected: Any, label: Label, origins: Sequence[Place]
) -> dict[str, Any]:
    line: dict[str, Any] = {"id": id, "inputs": dict(inputs)}
    line |= {"scorers": []} if expected is None else {"expected": expected, "scorers": ["contains"]}
    line |= {} if label == "public" else {"label": label}
    return {**line, COPIED_FROM: places_as_data(origins)} if origins else line


def _stored(
    workspace: Workspace,
    store: Store,
    run: RunInfo,
    result: Result,
    inputs: Mapping[str, Any],
    key: ItemKey,
    expected: Any,
) -> RecordedItem:
    request, done = result.request, result.completion
    assert request is not None, "only whole answers are kept"
    assert done is not None, "only whole answers are kept"
    contains = build_scorer(scorer_spec("contains"), workspace)
    scores = () if expected is None else runs.score_answer([contains], done, expected, request=request)
    return RecordedItem(
        key=key,
        request=replace(request, repeat=0),
        request_key=replace(request, repeat=0).key(store.fingerprint(result.request_id)),
        backend=store.fingerprint(result.request_id),
        completion=Completion(done.text, done.finish_reason, done.usage, fingerprint=done.fingerprint),
        scores=scores,
        inputs=inputs,
        expected=expected,
        label=runs.label_of_result(workspace, result),
        without=result.without,
        template=run.template,
        blob=run.origin.template_blob,
    )


def _check_labels(workspace: Workspace, path: str, stored: Iterable[RecordedItem]) -> None:
    recording = recording_of(path)
    labels = Labels(workspace)
    for item in stored:
        check_labels(labels, recording, item)


def _write_cases(
    workspace: Workspace,
    path: str,
    old: Suite | None,
    run: RunInfo,
    models: Sequence[str],
    ways: _Ways,
    lines: Sequence[Mapping[str, Any]],
) -> None:
    """Add the lines to the suite's file of kept cases, and add that file to the suite."""
    cases = f"{FOLDER}/{stem_of(path)}.kept.jsonl"
    line = f"  - file: {cases}\n"
    if old is None:
        quoted = json.dumps([*models], ensure_ascii=False)
        text = f"template: {json.dumps(run.template, ensure_ascii=False)}\nmodels: {quoted}\n"
        text += f"{ways.as_yaml()}cases:\n{line}"
    elif any(isinstance(entry, CaseFile) and entry.path == cases for entry in old.entries):
        text = old.source
    else:
        text = old.source + ("" if old.source.endswith("\n") else "\n") + line
    full = workspace.resolve(cases)
    before = full.read_bytes() if full.is_file() else b""
    hint = f"add `- file: {cases}` under `cases`"
    try:
        suite = suite_file.parse_suite(workspace, text, path=path)
    except SuiteError as exc:
        raise SuiteError(f"the kept cases cannot be added: {exc.what}", file=path, line=exc.line, hint=hint) from exc
    if not any(isinstance(entry, CaseFile) and entry.path == cases for entry in suite.entries):
        raise SuiteError("the kept cases cannot be added after its last line", file=path, hint=hint)
    added = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode("utf-8", "surrogatepass")
    write_atomically(full, before + (b"\n" if before and not before.endswith(b"\n") else b"") + added)
    if old is None or text != old.source:
        write_atomically(workspace.resolve(path), text.encode("utf-8"))


def _record(workspace: Workspace, suite: Suite, new: Mapping[ItemKey, RecordedItem]) -> None:
    """Write the recording with the new answers in their places. Other items keep their recorded answers."""

    def lines() -> Iterator[RecordedItem]:
        path = workspace.resolve(suite.recording)
        if not path.is_file():
            yield from (new[item.key] for item in suite_items(workspace, suite) if item.key in new)
            return
        with Recording(path, shown=suite.recording) as recording:
            for item in suite_items(workspace, suite):
                stored = new.get(item.key) or recording.find(item.key)
                if stored:
                    yield stored

    write(workspace.resolve(suite.recording), lines())
