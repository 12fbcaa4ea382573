"""Templates, requests and answers as files of other tools: what `promptlab export` writes.

    job = ExportJob(workspace, ["world-cup"], models={"gpt": entry})
    made = job.made("promptfoo")
    made.text, made.label, made.notes      # the file, the highest label of what it holds, and what was lost

Requests, and files to train with, pass the privacy gate.
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
from promptlab.formats import promptfoo, prompty
from promptlab.formats._export import Outward, outward
from promptlab.formats._source import rows_of
from promptlab.runs import Store
from promptlab.types import LABELS, Given, Label, Place, Prompt, Request, Section, Template, highest
from promptlab.workspace import Labels, OpenAIModel, Workspace, check_gate, label_of_prompt

TRAINING = "a file to train with"


@dataclass(frozen=True)
class Exported:
    """The text of a file, the highest label of what it holds, and what there is to say of it, a line each."""

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
    """One export. `models` are API models by their names; `texts` are values of inputs as a person types them, those
    not given take their samples. `rows` is a file with a row for each request, `run_id` a run whose answers are taken,
    those from `min_score` on; `clearance` is the highest label that may go into a file to train with."""

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

    def made(self, format_: str) -> Exported:
        """The file in `format_`, one of `formats.EXPORTS`.

        Raises `FormatError` for what the format cannot express, and `GateRefused` for text above the clearance.
        """
        makers: Mapping[str, Callable[[], str]] = {
            "promptfoo": self._promptfoo,
            "prompty": self._prompty,
            "openai-batch": self._batch,
            "openai-finetune": self._training,
        }
        if format_ == "openai-preferences" or (format_ == "openai-finetune" and self._run_id):
            text = self._of_run(format_)
        else:
            text = makers[format_]() if format_ in makers else self._request(format_)
        return Exported(text, self._label, tuple(self._notes))

    def _given(self, template: Template) -> dict[str, Any]:
        return {**templates.sample_inputs(template), **templates.inputs_from_text(template, self._texts)}

    def _outwards(self) -> list[Outward]:
        found = []
        for name in self._names:
            template = templates.load(self._workspace, name)
            inputs = self._given(template)
            filled = templates.materials(self._workspace, template, inputs)
            found.append(outward(template, documents=filled.documents, shots=filled.shots, inputs=inputs))
        return found

    def _say(self, exports: Sequence[Outward]) -> None:
        self._label = highest([self._label, *(one.label for one in exports)])
        for one in exports:
            self._notes.append(f"{one.template.path}: its text is {one.label}")
            self._notes += [f"  {entry}" for entry in one.report.entries]

    def _promptfoo(self) -> str:
        exports = self._outwards()
        text = promptfoo.write(exports, self._models)
        self._say(exports)
        if not self._models:
            self._notes.append("  there is no provider in it: name models with -m")
        return text

    def _prompty(self) -> str:
        exports = self._outwards()
        text = prompty.write(exports[0])
        self._say(exports)
        return text

    def _request(self, format_: str) -> str:
        ((model, entry),) = self._models.items()
        ((_, request, _),) = self._requests(model, use_rows=False)
        self._gate(request.prompt, model, entry.clearance)
        how = {"openai": openai_chat.as_json, "python": openai_chat.as_python, "curl": openai_chat.as_curl}
        return how[format_](request, entry)

    def _batch(self) -> str:
        ((model, entry),) = self._models.items()
        found = []
        for name, request, _ in self._requests(model):
            self._gate(request.prompt, model, entry.clearance)
            found.append((openai_chat.custom_id(name), request))
        return openai_chat.batch(found, entry)

    def _training(self) -> str:
        found = []
        for name, request, answer in self._requests("training", shots=False):
            self._gate(request.prompt, TRAINING, self._clearance)
            if not answer:
                raise FormatError(f"row `{name}` has no `output`", hint="training needs the answer wanted of every row")
            found.append((request, answer))
        return openai_chat.training(found)

    def _of_run(self, format_: str) -> str:
        with closing(Store.of(self._workspace)) as store:
            results = store.results(store.run(self._run_id or "").id)
        scored = [r for r in results if r.request and r.completion and r.scores]
        for result in scored:
            assert result.request
            self._gate(result.request.prompt, TRAINING, self._clearance)
        if format_ == "openai-preferences":
            text = openai_chat.preferences(scored)
            reason = "no two answers to the same messages have different scores"
        else:
            good = [r for r in scored if all(score.value >= self._min_score for score in r.scores)]
            text = openai_chat.training((r.request, r.text) for r in good if r.request)
            reason = f"no answer has scores of {self._min_score:g} or more"
        if not text:
            raise FormatError(reason, hint="score a run with `promptlab compare … --expect TEXT`")
        return text

    def _gate(self, prompt: Prompt, target: str, clearance: Label) -> None:
        today = Labels(self._workspace).today(prompt)
        check_gate(today, model=target, clearance=clearance)
        self._label = highest([self._label, label_of_prompt(today)])

    def _requests(self, model: str, *, shots: bool = True, use_rows: bool = True) -> Iterator[tuple[str, Request, str]]:
        """Name, request and wanted answer of each row; without rows one request of the samples."""
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
            found = examples.load_pool(self._workspace, template.examples.pool)
            return [
                _Row(e.id, templates.inputs_from_text(template, _own(template, e.inputs)), e.output, e.label, e.places)
                for e in found
            ]
        labels, file = Labels(self._workspace), str(self._rows.absolute())
        label = labels.of_path(file)
        made = []
        for number, (_, row) in enumerate(rows_of(self._rows, str(self._rows)), 1):
            values = row["inputs"] if isinstance(row.get("inputs"), dict) else row
            texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in _own(template, values).items()}
            output = row.get("output", row.get("target", ""))
            name = str(row.get("id") or number)
            place = Place(file, str(row.get("id") or ""))
            own = highest([_with_own(label, row.get("label")), labels.of(place)])
            made.append(_Row(name, templates.inputs_from_text(template, texts), str(output), own, (place,)))
        return made


def _own(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of inputs that the template declares."""
    return {name: value for name, value in values.items() if name in template.inputs}


def _with_own(label: Label, own: Any) -> Label:
    """The stricter of the file's label and the one a row names."""
    return highest([label, own]) if own in LABELS else label
