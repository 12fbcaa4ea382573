"""Makes a run of the history of answers that another tool asked for.

    run = ForeignRun("promptfoo", "0.121.20", "two prompts", "2026-11-28T22:45:45+00:00", answers)
    add_run(imported, run, places)       # a record, a template that asks the questions again, and the run
    store_run(workspace, run)            # when the files are written

The run says which tool asked. Models have the names that the tool gives them, and there is no fingerprint of a model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from promptlab import templates
from promptlab._util.git import blob_id
from promptlab._yaml import dump_yaml
from promptlab.errors import PromptlabError, StoreError
from promptlab.formats._foreign_run import ForeignAnswer, ForeignRun
from promptlab.formats._report import Imported
from promptlab.formats._workspace_view import ImportFolders
from promptlab.runs import RunInfo, Store
from promptlab.templates import Template
from promptlab.types import (
    Completion,
    Label,
    Message,
    Origin,
    Params,
    Place,
    Prompt,
    Request,
    Result,
    Source,
    Span,
    Timings,
    sha256,
)
from promptlab.workspace import Workspace

SYSTEM, QUESTION = "system", "question"
TEMPLATE = {"instructions": "{{ system }}", "user": "{{ question }}"}
SHAPES = (["user"], ["system", "user"])
"""The roles of messages that the template of an imported run can ask again."""


def add_run(imported: Imported, run: ForeignRun, places: ImportFolders) -> None:
    """Add the run, its record (whose label is that of all its texts), and a template that asks its questions again."""
    imported.name = f"{imported.name}-{run.id[:8]}"  # many runs are in files of one name, such as results.json
    record = imported.add(f"{places.pools}/{imported.name}.run.jsonl", run.lines(), "document")
    has_system = any(answer.messages[:1] and answer.messages[0].role == "system" for answer in run.answers)
    inputs: dict[str, Any] = {SYSTEM: {"default": ""}} if has_system else {}
    inputs[QUESTION] = {"sample": "What is the capital of France?"}
    data: dict[str, Any] = {"description": f"Questions asked by {run.tool}: {run.title}", "inputs": inputs}
    data |= TEMPLATE if has_system else {"user": TEMPLATE["user"]}
    text = dump_yaml(data)
    path = imported.add(f"{places.templates}/{imported.name}.yaml", text)
    run = replace(run, record=record, template=path, template_text=text)
    template = templates.parse(text, path=path)
    others = sum(_inputs(answer, template) is None for answer in run.answers)
    if others:
        note = f"{others} of {len(run.answers)} conversations cannot be asked again with the template, nor be cases"
        imported.report.add("conversations", "translated", None, note)
    imported.runs.append(run)


def store_run(workspace: Workspace, run: ForeignRun) -> bool:
    """Write `run` to the history of `workspace`. False if it was there already."""
    template = templates.parse(run.template_text, path=run.template)
    label = workspace.label_of(run.record)
    source = f"{run.tool} {run.version}".strip()
    origin = Origin(run.template, blob_id(run.template_text), versions={"asked by": source})
    with closing(Store.of(workspace)) as store:
        try:
            store.run(run.id)
        except StoreError:
            pass
        else:
            return False
        store.begin(RunInfo(run.id, run.created, run.shown_title, run.template, len(run.answers), origin))
        store.add(
            (number, result, f"asked by {source}") for number, result in enumerate(_results(run, template, label))
        )
    return True


def _results(run: ForeignRun, template: Template, label: Label) -> list[Result]:
    seen: Counter[tuple[str, tuple[Message, ...]]] = Counter()
    results = []
    for number, answer in enumerate(run.answers):
        asked = (answer.model, answer.messages)
        request = _request(run, answer, template, label, repeat=seen[asked])
        seen[asked] += 1
        results.append(_result(run, number, answer, request))
    return results


def _result(run: ForeignRun, number: int, answer: ForeignAnswer, request: Request) -> Result:
    source = f"{run.tool} {run.version}".strip()
    unknown = [name for name in ("temperature", "max_tokens") if name not in answer.known]
    warning = f"answered in {source}, not by promptlab"
    if unknown:
        warning += f"; the file does not say {' and '.join(unknown)}: those shown are promptlab's defaults"
    if answer.seconds is None:
        warning += "; the time of 0 s stands for a time that is not known"
    completion = None
    if answer.text is not None and not answer.error:
        completion = Completion(
            answer.text,
            answer.finish_reason,
            answer.usage,
            Timings(total=answer.seconds or 0.0),
            details={**answer.details, "asked_by": source, "not_known": unknown, "warnings": [warning]},
            thinking=answer.thinking,
        )
    return Result(
        id=sha256(f"{run.id} {number}")[:32],
        run_id=run.id,
        model=answer.model,
        request=request,
        # No backend has this fingerprint, so the answer is never taken for one of a model of the workspace.
        request_id=request.key(f"asked by {source}"),
        completion=completion,
        error="" if completion else answer.error or "no answer",
        error_kind="" if completion else "BackendError",
        hint="" if completion else warning,
        cached=answer.cached,
        partial="" if completion else answer.text or "",
        scores=answer.scores if completion else (),
        case=answer.case,
        created=run.created,
    )


def _request(run: ForeignRun, answer: ForeignAnswer, template: Template, label: Label, *, repeat: int) -> Request:
    """The request, with the place of the record in all its sources."""
    places = (Place(run.record),)
    inputs = _inputs(answer, template)
    names = {"system": SYSTEM, "user": QUESTION} if inputs is not None else {}
    spans = [
        Span(number, 0, len(m.content), "input" if names else "layout", names.get(m.role, run.record), label)
        for number, m in enumerate(answer.messages)
        if m.content
    ]
    sources = [Source("input", name, label, sha256(value), places) for name, value in (inputs or {}).items()]
    sources = sources or [Source("layout", run.record, label, places=places)]
    prompt = Prompt(answer.messages, tuple(spans), tuple(sources))
    return Request(answer.model, prompt, Params().with_(**answer.known), answer.schema, repeat)


def _inputs(answer: ForeignAnswer, template: Template) -> dict[str, str] | None:
    """The inputs with which `template` makes the same messages; None if none do."""
    if [message.role for message in answer.messages] not in SHAPES:
        return None
    inputs = {(SYSTEM if m.role == "system" else QUESTION): m.content for m in answer.messages}
    try:
        rendered = templates.render(template, inputs).messages
    except PromptlabError:
        return None
    return inputs if rendered == answer.messages else None


def messages_from(turns: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Pairs of role and text as messages."""
    return tuple(Message(role, text) for role, text in turns)  # type: ignore[arg-type]  # roles are checked before
