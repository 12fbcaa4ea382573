"""`promptlab export`: templates, requests and answers as files of other tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab import terminal
from promptlab.errors import FormatError
from promptlab.formats import EXPORTS

if TYPE_CHECKING:
    from promptlab.types import Label, Place, Prompt, Request, Section, Template
    from promptlab.workspace import OpenAIModel, Workspace


@click.command("export", short_help="Write templates as files of other tools.")
@click.argument("format_", metavar="FORMAT", type=click.Choice(list(EXPORTS)))
@click.argument("names", metavar="TEMPLATE...", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Write to a file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="An API model of the workspace.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input; unset ones take their samples."
)
@click.option(
    "--rows",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows for openai-batch and openai-finetune: a pool, or CSV, JSON or JSONL with a column for each input.",
)
@click.option("--run", "run_id", metavar="ID", help="Answers of a run, for openai-finetune and openai-preferences.")
@click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="X",
    help="Of a run, answers from this score on.",
)
@click.option(
    "--clearance",
    type=click.Choice(["public", "internal", "confidential"]),
    default="public",
    show_default=True,
    help="The highest label that may go into a file to train with.",
)
def export(
    format_: str,
    names: tuple[str, ...],
    output: str | None,
    force: bool,
    models: tuple[str, ...],
    pairs: tuple[str, ...],
    rows: Path | None,
    run_id: str | None,
    min_score: float,
    clearance: Label,
) -> None:
    """Write templates in the format of another tool.

    FORMAT is promptfoo, prompty, openai (a request body), python or curl (one request, without a key),
    openai-batch, openai-finetune or openai-preferences. What was translated or lost goes to standard error.
    Requests and files to train with pass the privacy gate: text above the clearance of the model, or above
    --clearance, is refused.
    """
    from promptlab.formats.bringing import write_file
    from promptlab.labels import check_copy
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    job = _Export(workspace, names, models, pairs, rows, run_id, min_score, clearance)
    text = job.made(format_)
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as exc:
        raise FormatError("the text holds half a character (a lone surrogate), which UTF-8 cannot carry") from exc
    if output is None:
        click.echo(content, nl=False)
        return
    path = Path(output)
    check_copy(workspace, job.highest, path.absolute())
    if path.exists() and not force:
        raise FormatError("is there already", file=output, hint="--force overwrites it")
    write_file(path, content, output)
    click.echo(f"written: {output}", err=True)


class _Export:
    def __init__(
        self,
        workspace: Workspace,
        names: Sequence[str],
        models: Sequence[str],
        pairs: Sequence[str],
        rows: Path | None,
        run_id: str | None,
        min_score: float,
        clearance: Label,
    ) -> None:
        self.workspace, self.names, self.models, self.pairs = workspace, names, models, pairs
        self.rows, self.run_id, self.min_score, self.clearance = rows, run_id, min_score, clearance
        self.highest: Label = "public"
        """The highest label of what the file holds."""

    def made(self, format_: str) -> str:
        """The file's text."""
        if format_ == "openai-preferences" or (format_ == "openai-finetune" and self.run_id):
            if self.run_id is None:
                raise click.UsageError("openai-preferences takes answers of a run: --run ID")
            return self.of_run(format_)
        if not self.names:
            raise click.UsageError("name a template")
        if format_ == "promptfoo":
            return self.promptfoo()
        if len(self.names) > 1:
            raise click.UsageError(f"{format_} holds one template")
        makers: Mapping[str, Callable[[], str]] = {
            "prompty": self.prompty,
            "openai-batch": self.batch,
            "openai-finetune": self.training,
        }
        return makers[format_]() if format_ in makers else self.request(format_)

    def given(self, template: Template) -> dict[str, Any]:
        from promptlab import templates

        texts = {}
        for pair in self.pairs:
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise click.BadParameter(f"write it as --set name=value, not {pair!r}", param_hint="--set")
            texts[name] = value
        return templates.inputs_from_text(template, texts)

    def outwards(self) -> list[Any]:
        from promptlab import plans, templates
        from promptlab.formats.outward import outward

        found = []
        for name in self.names:
            template = templates.load(self.workspace, name)
            inputs = {**templates.sample_inputs(template), **self.given(template)}
            filled = plans.materials(self.workspace, template, inputs)
            found.append(outward(template, documents=filled.documents, shots=filled.shots, inputs=inputs))
        return found

    def say(self, exports: Sequence[Any]) -> None:
        from promptlab.types import highest

        self.highest = highest([self.highest, *(one.label for one in exports)])
        for one in exports:
            click.echo(f"{one.template.path}: its text is {one.label}", err=True)
            for entry in one.report.entries:
                click.echo(f"  {terminal.printable(str(entry))}", err=True)

    def promptfoo(self) -> str:
        from promptlab.formats import promptfoo

        exports = self.outwards()
        text = promptfoo.write(exports, {name: self.entry(name) for name in self.models})
        self.say(exports)
        if not self.models:
            click.echo("  there is no provider in it: name models with -m", err=True)
        return text

    def prompty(self) -> str:
        from promptlab.formats import prompty

        exports = self.outwards()
        text = prompty.write(exports[0])
        self.say(exports)
        return text

    def entry(self, name: str) -> OpenAIModel:
        from promptlab.errors import nearest
        from promptlab.workspace import OpenAIModel

        known = {key: model for key, model in self.workspace.models.items() if isinstance(model, OpenAIModel)}
        if name not in known:
            raise click.UsageError(f"there is no API model `{name}` in promptlab.yaml; {nearest(name, known)}")
        return known[name]

    def one_model(self) -> tuple[str, OpenAIModel]:
        if len(self.models) != 1:
            raise click.UsageError("name one API model with -m")
        return self.models[0], self.entry(self.models[0])

    def request(self, format_: str) -> str:
        from promptlab.formats import openai_chat

        model, entry = self.one_model()
        ((_, request, _),) = self.requests(model, use_rows=False)
        self.gate(request.prompt, model, entry.clearance)
        how = {"openai": openai_chat.as_json, "python": openai_chat.as_python, "curl": openai_chat.as_curl}
        return how[format_](request, entry)

    def batch(self) -> str:
        from promptlab.formats import openai_chat

        model, entry = self.one_model()
        found = []
        for name, request, _ in self.requests(model):
            self.gate(request.prompt, model, entry.clearance)
            found.append((openai_chat.custom_id(name), request))
        return openai_chat.batch(found, entry)

    def training(self) -> str:
        from promptlab.formats import openai_chat

        found = []
        for name, request, answer in self.requests("training", shots=False):
            self.gate(request.prompt, "a file to train with", self.clearance)
            if not answer:
                raise FormatError(f"row `{name}` has no `output`", hint="training needs the answer wanted of every row")
            found.append((request, answer))
        return openai_chat.training(found)

    def of_run(self, format_: str) -> str:
        from contextlib import closing

        from promptlab.formats import openai_chat
        from promptlab.store import Store

        with closing(Store.of(self.workspace)) as store:
            results = store.results(store.run(self.run_id or "").id)
        scored = [r for r in results if r.request and r.completion and r.scores]
        for result in scored:
            assert result.request
            self.gate(result.request.prompt, "a file to train with", self.clearance)
        if format_ == "openai-preferences":
            text = openai_chat.preferences(scored)
            reason = "no two answers to the same messages have different scores"
        else:
            good = [r for r in scored if all(score.value >= self.min_score for score in r.scores)]
            text = openai_chat.training((r.request, r.text) for r in good if r.request)
            reason = f"no answer has scores of {self.min_score:g} or more"
        if not text:
            raise FormatError(reason, hint="score a run with `promptlab compare … --expect TEXT`")
        return text

    def gate(self, prompt: Prompt, target: str, clearance: Label) -> None:
        from promptlab import privacy
        from promptlab.labels_now import Labels
        from promptlab.types import highest

        today = Labels(self.workspace).today(prompt)
        privacy.check(today, model=target, clearance=clearance)
        self.highest = highest([self.highest, privacy.label_of(today)])

    def requests(self, model: str, *, shots: bool = True, use_rows: bool = True) -> Iterator[tuple[str, Request, str]]:
        """Name, request and wanted answer of each row; without rows one request of the samples."""
        from promptlab import plans, runner, templates
        from promptlab.types import Given

        template = templates.load(self.workspace, self.names[0])
        without: tuple[Section, ...] = () if shots else ("examples",)
        fixed = {**templates.sample_inputs(template), **self.given(template)}
        for row in self.inputs(template) if use_rows else [_Row("1", {}, "", "public")]:
            inputs = {**fixed, **row.inputs}
            given = Given(inputs, row.label, {"": row.places})
            (trial,) = plans.compare(self.workspace, template, given, [model], without=without)
            yield row.name, runner.request_of(trial), row.output

    def inputs(self, template: Template) -> list[_Row]:
        from promptlab import examples, templates
        from promptlab.formats.common import rows_of
        from promptlab.labels_now import Labels
        from promptlab.types import Place, highest

        if self.rows is None and template.examples is None:
            return [_Row("1", {}, "", "public")]
        if self.rows is None:
            assert template.examples
            found = examples.load_pool(self.workspace, template.examples.pool)
            return [
                _Row(e.id, templates.inputs_from_text(template, _own(template, e.inputs)), e.output, e.label, e.places)
                for e in found
            ]
        labels, file = Labels(self.workspace), str(self.rows.absolute())
        label = labels.of_path(file)
        made = []
        for number, (_, row) in enumerate(rows_of(self.rows, str(self.rows)), 1):
            values = row["inputs"] if isinstance(row.get("inputs"), dict) else row
            texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in _own(template, values).items()}
            output = row.get("output", row.get("target", ""))
            name = str(row.get("id") or number)
            place = Place(file, str(row.get("id") or ""))
            own = highest([highest_of(label, row.get("label")), labels.of(place)])
            made.append(_Row(name, templates.inputs_from_text(template, texts), str(output), own, (place,)))
        return made


def _own(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of inputs that the template declares."""
    return {name: value for name, value in values.items() if name in template.inputs}


def highest_of(label: Label, own: Any) -> Label:
    """The stricter of the file's label and the one a row names."""
    from promptlab.types import LABELS, highest

    return highest([label, own]) if own in LABELS else label


@dataclass(frozen=True)
class _Row:
    name: str
    inputs: Mapping[str, Any]
    output: str
    label: Label
    places: tuple[Place, ...] = ()
