"""Exports templates, requests and answers as files of other tools, for `promptlab export`.

    job = ExportJob(workspace, ["world-cup"], models={"gpt": entry})
    exported = job.export("promptfoo")
    exported.text, exported.label, exported.notes      # the file, its highest label, and what was lost

Requests and files for training pass the privacy gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab import runs, templates
from promptlab.errors import FormatError, PromptlabError
from promptlab.formats import openai as openai_chat
from promptlab.formats._export import PortablePrompt, make_portable
from promptlab.formats._export_rows import ExportRow, rows_of_file, rows_of_pool
from promptlab.formats._write_prompts import PROMPT_FORMATS, write_prompts
from promptlab.formats.code import request_as_curl, request_as_python
from promptlab.formats.trainers import PAIR_FORMATS, TRAINERS, in_shape
from promptlab.runs import Given, Rating, Store, Vote
from promptlab.templates import Template
from promptlab.types import Label, Prompt, Request, Result, Section, canonical_json, highest
from promptlab.workspace import Labels, OpenAIModel, Workspace, check_gate, label_of_prompt

TRAINING = "a file to train with"


@dataclass(frozen=True)
class Exported:
    """The text of a file, the highest label of its content, and notes for the user, a line each."""

    text: str
    label: Label
    notes: tuple[str, ...] = ()


class ExportJob:
    """One export.

    `models` are API models by name. `texts` are values of inputs as the user types them; other inputs use their
    samples. `rows` is a file with one row for each request. `run_id` is a run whose answers with a score of at least
    `min_score` are exported. `clearance` is the highest label that may go into a file for training. `data` are rows to
    train on, instead of those of a file or a pool, with `notes` about them. `guard` says of
    the inputs of questions why each must not be trained on, as a clause; such rows and answers are left out.
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
        data: Sequence[ExportRow] | None = None,
        notes: Sequence[str] = (),
        guard: Callable[[Sequence[Mapping[str, Any]]], Sequence[str]] = lambda rows: [""] * len(rows),
    ) -> None:
        self._workspace, self._names, self._models, self._texts = workspace, names, models, texts
        self._rows, self._run_id, self._min_score, self._clearance = rows, run_id, min_score, clearance
        self._data, self._guard = data, guard
        self._label: Label = "public"
        self._notes = list(notes)
        self._left_out: list[str] = []

    def export(self, format_: str) -> Exported:
        """The file in `format_`, one of `EXPORT_FORMATS`.

        Raises `FormatError` for anything the format cannot express, and `GateRefused` if a label is above the
        clearance.
        """
        rows = TRAINERS.get(format_, format_)
        if rows in PAIR_FORMATS or (rows == "openai-finetune" and self._run_id):
            text = self._of_run(rows)
        elif rows == "openai-finetune":
            text = self._training()
        elif rows in PROMPT_FORMATS:
            text = self._prompts(rows)
        else:
            text = self._batch() if rows == "openai-batch" else self._request(rows)
        if format_ in TRAINERS:
            text = in_shape(text, format_)
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
        template = templates.load(self._workspace, self._names[0])
        ((_, request),) = self._requests_of(template, [ExportRow("1", {}, "", "public")], model)
        self._gate(request.prompt, model, entry.clearance)
        how = {
            "openai": openai_chat.request_as_json,
            "python": request_as_python,
            "curl": request_as_curl,
        }
        return how[format_](request, entry)

    def _batch(self) -> str:
        ((model, entry),) = self._models.items()
        template = templates.load(self._workspace, self._names[0])
        requests = []
        for name, request in self._requests_of(template, self._inputs(template), model):
            self._gate(request.prompt, model, entry.clearance)
            requests.append((openai_chat.batch_custom_id(name), request))
        return openai_chat.batch_file(requests, entry)

    def _training(self) -> str:
        template = templates.load(self._workspace, self._names[0])
        rows = []
        every = self._inputs(template)
        for row, why in zip(every, self._guard([row.inputs for row in every]), strict=True):
            if not row.output:
                raise FormatError(
                    f"row `{row.name}` has no `output`", hint="training needs the expected answer of every row"
                )
            if why:
                self._leave_out(f"{row.name} is", why)
            else:
                rows.append(row)
        if not rows:
            raise FormatError("no row is left to train on", hint=self._no_row())
        pairs = []
        for row, (_, request) in zip(rows, self._requests_of(template, rows, "training", ("examples",)), strict=True):
            self._gate(request.prompt, TRAINING, self._clearance)
            pairs.append((request, row.output))
        return openai_chat.finetuning_file(pairs)

    def _of_run(self, format_: str) -> str:
        with closing(Store.of(self._workspace)) as store:
            run_ids = [store.run(self._run_id).id] if self._run_id else store.ratings.rated_runs()
            results = self._trainable(result for run_id in run_ids for result in store.results(run_id))
            ratings = store.ratings.of(result.id for result in results)
            votes = store.votes.of(r.id for r in results) if self._run_id else store.votes.every()
            sides = store.results_with(side for vote in votes for side in (vote.left, vote.right))
        voted = {result.id: result for result in self._trainable(sides.values())}
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
            hint = self._no_row() or "score a run with `promptlab compare … --expect TEXT`"
            raise FormatError(reason, hint=hint)
        return text

    def _no_row(self) -> str:
        """What to do if everything was left out."""
        return f"{self._left_out[0]}; --with-test-cases exports test cases, too" if self._left_out else ""

    def _leave_out(self, what: str, why: str) -> None:
        note = f"{what} left out: {why}"
        if note not in self._left_out:
            self._left_out.append(note)
            self._notes.append(note)

    def _trainable(self, results: Iterable[Result]) -> list[Result]:
        """The answers to questions that may be trained on. What is left out is noted once for each question."""
        kept = []
        every = [result for result in results if result.request]
        for result, why in zip(every, self._guard([_inputs_of(result) for result in every]), strict=True):
            if why:
                self._leave_out("answers to a question are", why)
            else:
                kept.append(result)
        return kept

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
            hint = self._no_row() or "rate answers on the workbench, or compare them with `promptlab vote`"
            raise FormatError(what, hint=hint)
        return text

    def _gate(self, prompt: Prompt, target: str, clearance: Label) -> None:
        today = Labels(self._workspace).today(prompt)
        check_gate(today, model=target, clearance=clearance)
        self._label = highest([self._label, label_of_prompt(today)])

    def _requests_of(
        self, template: Template, rows: Sequence[ExportRow], model: str, without: tuple[Section, ...] = ()
    ) -> Iterator[tuple[str, Request]]:
        """The name and the request of each row, without the sections `without`."""
        fixed = self._given(template)
        for row in rows:
            given = Given({**fixed, **row.inputs}, row.label, {"": row.places})
            (trial,) = runs.plan_comparison(self._workspace, template, given, [model], without=without)
            yield row.name, runs.request_of(trial)

    def _inputs(self, template: Template) -> list[ExportRow]:
        """The rows: those that are given, of a file, of the template's pool, or one with the samples."""
        if self._data is not None:
            return list(self._data)
        if self._rows is not None:
            return rows_of_file(self._workspace, template, self._rows)
        if template.examples is not None:
            return rows_of_pool(self._workspace, template, template.examples.pool)
        return [ExportRow("1", {}, "", "public")]


def _inputs_of(result: Result) -> Mapping[str, str]:
    """The inputs of a result; its messages if they cannot be read back."""
    try:
        return runs.inputs_of_result(result)
    except PromptlabError:
        return {"": "\n".join(m.content for m in result.request.messages) if result.request else ""}


def _once(lines: str) -> str:
    """Each of `lines` once: a rating and a vote may prefer the same answer."""
    return "".join(dict.fromkeys(line + "\n" for line in lines.split("\n") if line))
