"""Logs of Inspect (`.eval`, a zip file, or `.json`), as a run of the history.

    {"eval": {"task": "capitals", "model": "openai/gpt-4o-mini"}, "samples": [{"id": "fr", "epoch": 1, "messages": […],
     "output": …, "scores": {"match": {"value": "C"}}, "events": [{"event": "model", "input": […], "config": …}]}]}

The messages are the input of the request whose answer is the output of the sample; other requests are of solvers and
graders. Nothing of Inspect
is needed to read them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._foreign_fields import (
    MAX_RUN_BYTES,
    FieldTable,
    json_of,
    report_fields,
    run_bytes,
    utc_time,
    without_keys_in,
)
from promptlab.formats._foreign_run import ForeignAnswer, ForeignRun
from promptlab.formats._js_values import NotModelled
from promptlab.formats._report import ConversionReport, Imported
from promptlab.formats._run_import import add_run, messages_from
from promptlab.formats._source import slug
from promptlab.formats._template_builder import ROLES, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.types import FinishReason, Score, Usage

FIELDS: FieldTable = {
    "version": ("taken", ""),
    "status": ("translated", "answers of a log that is not `success` are imported, too"),
    "eval.task": ("translated", "the title of the run"),
    "eval.created": ("translated", "the time of the run"),
    "eval.model": ("translated", "the model of samples that have no request"),
    "eval.packages": ("translated", "the version of Inspect"),
    "plan": ("not understood", "solvers are code; the messages are those that they made"),
    "results": ("not understood", "the run counts its own scores"),
    "samples.*.id": ("translated", "the case"),
    "samples.*.epoch": ("translated", "the repeat of the request"),
    "samples.*.events": ("translated", "the messages, parameters and time of the request that was answered"),
    "samples.*.events_data": ("translated", "the messages of the requests"),
    "samples.*.messages": ("translated", "where no request is in the events: the messages before the answer"),
    "samples.*.output": ("translated", "the answer, its end and its tokens"),
    "samples.*.scores": (
        "translated",
        "a score for each value, named `inspect:` and the scorer; C is 1, P 0.5, I and N 0",
    ),
    "samples.*.error": ("translated", "the message of the error"),
    "samples.*.attachments": ("translated", "long texts, put back into the messages"),
    "samples.*.input": ("not understood", "it is in the messages already"),
    "samples.*.target": ("not understood", "the scores were made with it; a suite needs it as `expected`"),
    "samples.*.total_time": ("not understood", "the time of the request is taken"),
    "samples.*.working_time": ("not understood", "the time of the request is taken"),
}
FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
}
GRADES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""What Inspect counts for correct, partly correct, incorrect and no answer."""
STOP_SEQS = "stop_seqs"
ATTACHMENT = "attachment://"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a log. Raises `FormatError` if it is none of Inspect, or no answer can be imported."""
    imported = Imported(slug(path.stem), b"")
    report = imported.report
    content = run_bytes(path, shown)
    log = _zipped(content, shown) if content.startswith(b"PK") else json_of(content, shown)
    if not isinstance(log, Mapping) or not isinstance(log.get("eval"), Mapping):
        raise FormatError("not a log of Inspect: it has no `eval`", file=shown, hint="take a file of the folder `logs`")
    samples = log.get("samples")
    if not isinstance(samples, list) or not samples:
        raise FormatError("a log without samples", file=shown, hint="Inspect wrote it with log_samples=False")
    report_fields(report, log, FIELDS)
    log = without_keys_in({**log, "samples": [_with_request(sample) for sample in samples]}, shown, report)
    about = log["eval"]
    answers = []
    for number, sample in enumerate(log["samples"]):
        answer = _answer(sample, f"samples.{number}", str(about.get("model") or "unknown"), report)
        if answer:
            answers.append(answer)
    if not answers:
        lost = [str(entry) for entry in report.of("not understood") if entry.field.startswith("samples.0")]
        raise FormatError("no answer in it can be imported", file=shown, hint="; ".join(lost))
    version = str(_mapping(about.get("packages")).get("inspect_ai") or "")
    title = str(about.get("task") or path.stem)
    add_run(imported, ForeignRun("inspect", version, title, utc_time(about.get("created")), tuple(answers)), places)
    return imported


def _zipped(content: bytes, shown: str) -> dict[str, Any]:
    """The log in a zip file: its header, and its samples in the order of the summaries."""
    from backports.zstd import ZstdError, zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if sum(info.file_size for info in archive.infolist()) > 20 * MAX_RUN_BYTES:
                raise FormatError("the log is too large when it is unpacked", file=shown)
            if "header.json" not in names:
                hint = "the evaluation has not ended; run `inspect log recover`, or wait for its end"
                raise FormatError("a log without `header.json`", file=shown, hint=hint)
            log: dict[str, Any] = json.loads(archive.read("header.json"))
            samples = [name for name in names if name.startswith("samples/") and name.endswith(".json")]
            log["samples"] = [json.loads(archive.read(name)) for name in samples]
    except (zipfile.BadZipFile, ZstdError, NotImplementedError, ValueError, KeyError) as exc:
        raise FormatError(f"not a log of Inspect: {exc}", file=shown) from exc
    return log


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _with_request(sample: Any) -> dict[str, Any]:
    """What the run needs of a sample; `asked` is the request that was answered, with its messages."""
    sample = _mapping(sample)
    keys = ("id", "epoch", "messages", "output", "scores", "error")
    small: dict[str, Any] = {key: sample[key] for key in keys if key in sample}
    requests = [e for e in sample.get("events") or [] if _mapping(e).get("event") == "model"]
    event = _answered(requests, _mapping(sample.get("output")))
    if event is not None:
        pool = _mapping(sample.get("events_data")).get("messages") or []
        messages = list(event.get("input") or [])
        for start, end in event.get("input_refs") or []:
            messages += pool[start:end]
        keys = ("model", "config", "output", "error", "tools", "working_time")
        small["asked"] = {"messages": messages, **{key: event[key] for key in keys if key in event}}
    small["requests"] = len(requests)
    return _attached(small, _mapping(sample.get("attachments")))  # type: ignore[no-any-return]  # a dict stays a dict


def _answered(requests: Sequence[Mapping[str, Any]], output: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The request whose answer is the output of the sample, since others may be of a grader. Without an output, the
    last one, which failed."""
    own = _answer_id(output)
    if not output.get("choices"):
        return requests[-1] if requests else None
    answered = [event for event in requests if own and _answer_id(_mapping(event.get("output"))) == own]
    return answered[-1] if answered else None


def _answer_id(output: Mapping[str, Any]) -> Any:
    return _mapping(_mapping(next(iter(output.get("choices") or []), None)).get("message")).get("id")


def _attached(value: Any, texts: Mapping[str, Any]) -> Any:
    """`value` with long texts, which Inspect keeps apart, put back."""
    if isinstance(value, str) and value.startswith(ATTACHMENT):
        return texts.get(value.removeprefix(ATTACHMENT), value)
    if isinstance(value, Mapping):
        return {key: _attached(inner, texts) for key, inner in value.items()}
    return [_attached(inner, texts) for inner in value] if isinstance(value, list) else value


def _answer(sample: Mapping[str, Any], where: str, model: str, report: ConversionReport) -> ForeignAnswer | None:
    asked = _mapping(sample.get("asked"))
    try:
        messages = messages_from(_messages(sample, asked))
    except NotModelled as exc:
        report.add(where, "not understood", None, f"{exc}, so the answer is left out")
        return None
    if sample["requests"] > 1:
        note = (
            f"of {sample['requests']} requests only that whose answer is the output; others are of solvers and graders"
        )
        report.add(f"{where}.events", "translated", None, note)
    if sample["requests"] and not asked:
        note = "no request gave the output; the messages are those before it, and parameters are not known"
        report.add(f"{where}.events", "translated", None, note)
    output = _mapping(sample.get("output")) or _mapping(asked.get("output"))
    choice = _mapping(next(iter(output.get("choices") or []), None))
    text, thinking = _text(_mapping(choice.get("message")).get("content"))
    error = _mapping(sample.get("error")).get("message") or asked.get("error") or output.get("error")
    if text is None and not error:
        error = "the answer has parts that are no text" if choice else "there is no answer"
        report.add(f"{where}.output", "not understood", None, str(error))
    seconds = output.get("time", asked.get("working_time"))
    return ForeignAnswer(
        model=str(asked.get("model") or model),
        messages=messages,
        text=text,
        thinking=thinking,
        error=str(error or ""),
        finish_reason=FINISH.get(str(choice.get("stop_reason")), "unknown"),
        known=_known(_mapping(asked.get("config")), report),
        usage=_usage(_mapping(output.get("usage"))),
        seconds=seconds if isinstance(seconds, int | float) else None,
        scores=tuple(_scores(_mapping(sample.get("scores")), where, report)),
        case=str(sample.get("id", "")),
    )


def _messages(sample: Mapping[str, Any], asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The messages of the request; without one, those before the answer. Raises `NotModelled`."""
    if asked.get("tools"):
        raise NotModelled("a request with tools")
    given = asked.get("messages") or list(sample.get("messages") or [])
    if not asked and given and _mapping(given[-1]).get("role") == "assistant":
        given = given[:-1]
    if not given:
        raise NotModelled("no messages")
    return [_message(_mapping(message)) for message in given]


def _message(message: Mapping[str, Any]) -> tuple[str, str]:
    role = ROLES.get(str(message.get("role")))
    if role is None or message.get("tool_calls"):
        raise NotModelled("a message of a tool")
    text, thinking = _text(message.get("content"))
    if text is None or thinking:
        raise NotModelled("a message with several parts, or with parts that are no text")
    return role, text


def _text(content: Any) -> tuple[str | None, str]:
    """The text of a content and its thinking; None if there are several texts, or parts that are no text."""
    if isinstance(content, str):
        return content, ""
    parts: Sequence[Any] = content if isinstance(content, list) else [None]
    texts = [p["text"] for p in parts if _mapping(p).get("type") == "text" and isinstance(p.get("text"), str)]
    thoughts = [str(p.get("reasoning") or "") for p in parts if _mapping(p).get("type") == "reasoning"]
    whole = len(texts) + len(thoughts) == len(parts) and len(texts) == 1
    return (texts[0] if whole else None), "\n".join(thoughts)


def _known(config: Mapping[str, Any], report: ConversionReport) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, value in config.items():
        own = template_param("stop" if key == STOP_SEQS else key, value)
        if own:
            known[own[0]] = own[1]
        elif value is not None:
            report.add(f"samples.*.events.config.{key}", "not understood", None, "no sampling parameter of promptlab")
    return known


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Inspect counts tokens of the prompt apart: new ones, and those written to and read from the prefix cache."""
    names = ("input_tokens", "input_tokens_cache_write", "input_tokens_cache_read", "output_tokens", "reasoning_tokens")
    new, stored, reused, written, thinking = (v if isinstance(v := usage.get(n), int) else None for n in names)
    return Usage(None if new is None else new + (stored or 0), reused, written, thinking or None)


def _scores(scores: Mapping[str, Any], where: str, report: ConversionReport) -> list[Score]:
    found = []
    for name, score in scores.items():
        value = _mapping(score).get("value")
        values = value.items() if isinstance(value, Mapping) else [("", value)]
        for key, single in values:
            full = f"inspect:{name}.{key}" if key else f"inspect:{name}"
            number = _number(single)
            if number is None:
                note = f"the value {json.dumps(single)[:80]} is no score from 0 to 1"
                report.add(f"{where}.scores.{full.removeprefix('inspect:')}", "not understood", None, note)
                continue
            answer, reason = score.get("answer"), score.get("explanation")
            found.append(Score(full, number, str(answer or ""), f"{json.dumps(single)}: {reason or ''}".rstrip(": ")))
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return GRADES.get(value)
    if isinstance(value, bool | int | float) and 0 <= value <= 1:
        return float(value)
    return None
