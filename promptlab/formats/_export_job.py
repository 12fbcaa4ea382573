"""Exports templates, requests and answers as files of other tools, for `promptlab export`.

    job = ExportJob(workspace, ["world-cup"], models={"gpt": entry})
    exported = job.export("promptfoo")
    exported.text, exported.label, exported.notes      # the file, its highest label, and what was lost

Requests and files for training pass the privacy gate.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab import examples, runs, templates
from promptlab.errors import FormatError
from promptlab.formats import openai as openai_chat
from promptlab.formats._export import PortablePrompt, make_portable
from promptlab.formats._source import read_rows
from promptlab.formats._write_prompts import PROMPT_FORMATS, write_prompts
from promptlab.formats.code import request_as_curl, request_as_python
from promptlab.runs import Given, Rating, Store, Vote
from promptlab.templates import Template
from promptlab.types import LABELS, Label, Place, Prompt, Request, Result, Section, canonical_json, highest
from promptlab.workspace import Labels, OpenAIModel, Workspace, check_gate, label_of_prompt

TRAINING = "a file to train with"


@dataclass(frozen=True)
class Exported:
    """The text of a file, the highest label of its content, and notes for the user, a line each."""

    text: str
    label: Label
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    name: str
    inputs: Mapping[str, Any]
    output: str
    label: Label
    places: tuple[Place, ...] = ()


class ExportJob:
    """One export.

    `models` are API models by name. `texts` are values of inputs as the user types them; other inputs use their
    samples. `rows` is a file with one row for each request. `run_id` is a run whose answers with a score of at least
    `min_score` are exported. `clearance` is the highest label that may go into a file for training.
    """

    def __init__(
        self,
        workspace: Workspace,
        names: Sequence[str],
        *,
        models: Mapping[str, OpenAIModel] = {},
        texts: Mapping[str, str] = {},
        rows: Path | None = None,
        run_id: str | None = None,
        min_score: float = 1.0,
        clearance: Label = "public",
    ) -> None:
        self._workspace, self._names, self._models, self._texts = workspace, names, models, texts
        self._rows, self._run_id, self._min_score, self._clearance = rows, run_id, min_score, clearance
        self._label: Label = "public"
        self._notes: list[str] = []

    def export(self, format_: str) -> Exported:
        """The file in `format_`, one of `EXPORT_FORMATS`.

        Raises `FormatError` for anything the format cannot express, and `GateRefused` if a label is above the
        clearance.
        """
        makers: Mapping[str, Callable[[], str]] = {
            "openai-batch": self._batch,
            "openai-finetune": self._training,
        }
        if format_ == "openai-preferences" or (format_ == "openai-finetune" and self._run_id):
            text = self._of_run(format_)
        elif format_ in PROMPT_FORMATS:
            text = self._prompts(format_)
        else:
            text = makers[format_]() if format_ in makers else self._request(format_)
        return Exported(text, self._label, tuple(self._notes))

    def _given(self, template: Template) -> dict[str, Any]:
        return {**templates.sample_inputs(template), **templates.inputs_from_text(template, self._texts)}

    def _portable_prompts(self) -> list[PortablePrompt]:
        prompts = []
        for name in self._names:
            template = templates.load(self._workspace, name)
            inputs = self._given(template)
            materials = templates.load_materials(self._workspace, template, inputs)
            prompts.append(make_portable(template, documents=materials.documents, shots=materials.shots, inputs=inputs))
        return prompts

    def _note(self, exports: Sequence[PortablePrompt]) -> None:
        self._label = highest([self._label, *(prompt.label for prompt in exports)])
        for prompt in exports:
            self._notes.append(f"{prompt.template.path}: its text is {prompt.label}")
            self._notes += [f"  {entry}" for entry in prompt.report.entries]

    def _prompts(self, format_: str) -> str:
        exports = self._portable_prompts()
        text = write_prompts(exports, format_, self._models)
        self._note(exports)
        if format_ == "promptfoo" and not self._models:
            self._notes.append("  there is no provider in it: name models with -m")
        return text

    def _request(self, format_: str) -> str:
        ((model, entry),) = self._models.items()
        ((_, request, _),) = self._requests(model, use_rows=False)
        self._gate(request.prompt, model, entry.clearance)
        how = {
            "openai": openai_chat.request_as_json,
            "python": request_as_python,
            "curl": request_as_curl,
        }
        return how[format_](request, entry)

    def _batch(self) -> str:
        ((model, entry),) = self._models.items()
        requests = []
        for name, request, _ in self._requests(model):
            self._gate(request.prompt, model, entry.clearance)
            requests.append((openai_chat.batch_custom_id(name), request))
        return openai_chat.batch_file(requests, entry)

    def _training(self) -> str:
        pairs = []
        for name, request, answer in self._requests("training", shots=False):
            self._gate(request.prompt, TRAINING, self._clearance)
            if not answer:
                raise FormatError(
                    f"row `{name}` has no `output`", hint="training needs the expected answer of every row"
                )
            pairs.append((request, answer))
        return openai_chat.finetuning_file(pairs)

    def _of_run(self, format_: str) -> str:
        with closing(Store.of(self._workspace)) as store:
            run_ids = [store.run(self._run_id).id] if self._run_id else store.ratings.rated_runs()
            results = [result for run_id in run_ids for result in store.results(run_id)]
            ratings = store.ratings.of(result.id for result in results)
            votes = store.votes.of(r.id for r in results) if self._run_id else store.votes.every()
            voted = store.results_with(side for vote in votes for side in (vote.left, vote.right))
        if format_ == "openai-preferences" and (ratings or votes or not self._run_id):
            return self._of_people(results, ratings, voted, votes)
        scored = [r for r in results if r.request and r.completion and r.scores]
        for result in scored:
            assert result.request
            self._gate(result.request.prompt, TRAINING, self._clearance)
        if format_ == "openai-preferences":
            text = openai_chat.preference_file(scored)
            reason = "no two answers to the same messages have different scores"
        else:
            good = [r for r in scored if all(s.value is not None and s.value >= self._min_score for s in r.scores)]
            text = openai_chat.finetuning_file((r.request, r.text) for r in good if r.request)
            reason = f"no answer has scores of {self._min_score:g} or more"
        if not text:
            raise FormatError(reason, hint="score a run with `promptlab compare … --expect TEXT`")
        return text

    def _of_votes(self, voted: Mapping[str, Result], votes: Sequence[Vote]) -> str:
        """The pairs that people made by blind votes."""
        for result in voted.values():
            if result.request:
                self._gate(result.request.prompt, TRAINING, self._clearance)
        text, different = openai_chat.voted_preferences(voted, votes)
        if different:
            self._notes.append(f"{different} voted pairs are left out: their answers are to different messages")
        return text

    def _of_people(
        self,
        results: Sequence[Result],
        ratings: Mapping[str, Rating],
        voted: Mapping[str, Result],
        votes: Sequence[Vote],
    ) -> str:
        """The pairs that people made by their ratings and votes; and, of one run, those of its scores for the other
        messages."""
        rated = [result for result in results if result.request and result.completion and result.id in ratings]
        scored = [r for r in results if r.request and r.completion and r.scores] if self._run_id else []
        for result in (*rated, *scored):
            assert result.request
            self._gate(result.request.prompt, TRAINING, self._clearance)
        text = _once(openai_chat.rated_preferences(rated, ratings) + self._of_votes(voted, votes))
        known = {canonical_json(r.request.body()["messages"]) for r in (*rated, *voted.values()) if r.request}
        rest = [r for r in scored if r.request and canonical_json(r.request.body()["messages"]) not in known]
        text += openai_chat.preference_file(rest)
        if not text:
            what = "no answer is corrected, and no two answers to the same messages are rated good and bad, or voted on"
            raise FormatError(what, hint="rate answers on the workbench, or compare them with `promptlab vote`")
        return text

    def _gate(self, prompt: Prompt, target: str, clearance: Label) -> None:
        today = Labels(self._workspace).today(prompt)
        check_gate(today, model=target, clearance=clearance)
        self._label = highest([self._label, label_of_prompt(today)])

    def _requests(self, model: str, *, shots: bool = True, use_rows: bool = True) -> Iterator[tuple[str, Request, str]]:
        """The name, request and expected answer of each row; without rows one request with the samples."""
        template = templates.load(self._workspace, self._names[0])
        without: tuple[Section, ...] = () if shots else ("examples",)
        fixed = self._given(template)
        for row in self._inputs(template) if use_rows else [_Row("1", {}, "", "public")]:
            given = Given({**fixed, **row.inputs}, row.label, {"": row.places})
            (trial,) = runs.plan_comparison(self._workspace, template, given, [model], without=without)
            yield row.name, runs.request_of(trial), row.output

    def _inputs(self, template: Template) -> list[_Row]:
        if self._rows is None and template.examples is None:
            return [_Row("1", {}, "", "public")]
        if self._rows is None:
            assert template.examples
            pool = examples.load_pool(self._workspace, template.examples.pool)
            return [
                _Row(e.id, templates.inputs_from_text(template, _own(template, e.inputs)), e.output, e.label, e.places)
                for e in pool
            ]
        labels, file = Labels(self._workspace), str(self._rows.absolute())
        label = labels.of_path(file)
        result = []
        for number, (_, row) in enumerate(read_rows(self._rows, str(self._rows)), 1):
            values = row["inputs"] if isinstance(row.get("inputs"), dict) else row
            texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in _own(template, values).items()}
            output = row.get("output", row.get("target", ""))
            name = str(row.get("id") or number)
            place = Place(file, str(row.get("id") or ""))
            own = highest([_with_own(label, row.get("label")), labels.of(place)])
            result.append(_Row(name, templates.inputs_from_text(template, texts), str(output), own, (place,)))
        return result


def _once(lines: str) -> str:
    """Each of `lines` once: a rating and a vote may prefer the same answer."""
    return "".join(dict.fromkeys(line + "\n" for line in lines.split("\n") if line))


def _own(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the inputs that the template declares."""
    return {name: value for name, value in values.items() if name in template.inputs}


def _with_own(label: Label, own: Any) -> Label:
    """The stricter of the label of the file and the label that a row names."""
    return highest([label, own]) if own in LABELS else label
