"""Results of promptfoo as JSON (`promptfoo eval -o results.json`), as a run of the history.

    {"evalId": …, "config": …, "results": {"version": 3, "timestamp": …, "results": [{"prompt": {"raw": …}, "provider":
     {"id": "openai:gpt-4o-mini"}, "response": {"output": …}, "latencyMs": 812, "gradingResult": …}, …]}}

promptfoo writes the reason of a failed assertion to `error`; only with the failure reason 2 was there no answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._foreign_fields import FieldTable, json_of, report_fields, run_bytes, utc_time, without_keys_in
from promptlab.formats._foreign_run import ForeignAnswer, ForeignRun
from promptlab.formats._js_values import NotModelled
from promptlab.formats._report import ConversionReport, Imported
from promptlab.formats._run_import import add_run, messages_from
from promptlab.formats._source import slug
from promptlab.formats._template_builder import template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.promptfoo_render import messages_of
from promptlab.types import FinishReason, Score, Usage

_ROW = "results.results.*"
_SAME = "also in another field"
FIELDS: FieldTable = {
    "evalId": ("not understood", "the run has an id of its own, made of its content"),
    "config.description": ("translated", "the title of the run"),
    "config.providers": ("translated", "sampling parameters that a provider names"),
    "config": ("not understood", "import the configuration with `promptlab import promptfoo`"),
    "metadata.promptfooVersion": ("translated", "the tool that asked"),
    "results.timestamp": ("translated", "the time of the run"),
    "results.version": ("taken", ""),
    "results.stats": ("not understood", "the run counts its answers"),
    "results.prompts": ("not understood", "the texts as sent are in each result"),
    f"{_ROW}.prompt": ("translated", "the messages that promptfoo sent; a chat in JSON or YAML is several"),
    f"{_ROW}.provider": ("translated", "the name of the model: its label, else its id"),
    f"{_ROW}.response.output": ("taken", ""),
    f"{_ROW}.response.error": ("translated", "the error of an answer"),
    f"{_ROW}.response.tokenUsage": ("translated", "tokens of the prompt, of the answer and of thinking"),
    f"{_ROW}.response.cached": ("translated", "an answer from a store, without a time"),
    f"{_ROW}.response.finishReason": ("taken", ""),
    f"{_ROW}.response.cost": ("translated", "`cost` in the details of the answer"),
    f"{_ROW}.response.raw": ("not understood", "the output is taken"),
    f"{_ROW}.response.latencyMs": ("not understood", _SAME),
    f"{_ROW}.error": ("translated", "the error of an answer; the reason of a failed assertion is at its score"),
    f"{_ROW}.failureReason": ("translated", "2 is an error, 1 a failed assertion"),
    f"{_ROW}.latencyMs": ("translated", "seconds"),
    f"{_ROW}.cost": ("translated", "`cost` in the details of the answer"),
    f"{_ROW}.gradingResult": ("translated", "a score for each assertion, named `promptfoo:` and its type"),
    f"{_ROW}.testCase": ("translated", "its description, else the number of the test, is the case"),
    f"{_ROW}.testIdx": ("translated", "the case"),
    f"{_ROW}.tokenUsage": ("not understood", "with those of graders; the tokens of the answer are taken"),
    f"{_ROW}.vars": ("not understood", "they are in the messages already"),
    f"{_ROW}.success": ("not understood", "the scores say it"),
    f"{_ROW}.score": ("not understood", "the scores of the assertions are taken"),
    f"{_ROW}.namedScores": ("not understood", "the scores of the assertions are taken"),
    f"{_ROW}.promptId": ("not understood", "the messages are taken"),
    f"{_ROW}.promptIdx": ("not understood", "the messages are taken"),
    f"{_ROW}.id": ("not understood", "each answer has an id of its own"),
    f"{_ROW}.metadata": ("not understood", "promptlab has nothing like it"),
}
FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
}
AN_ERROR = 2


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import results. Raises `FormatError` if they are none of promptfoo, or no answer can be imported."""
    imported = Imported(slug(path.stem), b"")
    report = imported.report
    data = without_keys_in(json_of(run_bytes(path, shown), shown), shown, report)
    results = data.get("results") if isinstance(data, Mapping) else None
    rows = results.get("results") if isinstance(results, Mapping) else None
    if not isinstance(rows, list) or not isinstance(results, Mapping):
        hint = "make them with: promptfoo eval -o results.json"
        raise FormatError("not results of promptfoo: no list at `results.results`", file=shown, hint=hint)
    config = _mapping(data.get("config"))
    params = _params_of_providers(config)
    answers = []
    for number, row in enumerate(rows):
        answer = _answer(row, number, params, report)
        if answer:
            answers.append(answer)
    report_fields(report, {key: value for key, value in data.items() if key != "config"}, FIELDS)
    given = config.get("providers")
    providers = given if isinstance(given, list) else [given]
    if any("transform" in provider for provider in providers if isinstance(provider, Mapping)):
        report.add("config.providers.transform", "translated", None, "its answers are what `transform` made of them")
    for key in config:
        report.add(f"config.{key}", *_config_outcome(key))
    if not answers:
        raise FormatError("no answer in it can be imported", file=shown, hint="; ".join(map(str, report.entries[:3])))
    version = str(_mapping(data.get("metadata")).get("promptfooVersion") or "")
    title = str(config.get("description") or path.stem)
    add_run(
        imported, ForeignRun("promptfoo", version, title, utc_time(results.get("timestamp")), tuple(answers)), places
    )
    return imported


def _config_outcome(key: str) -> tuple[Any, None, str]:
    what, note = FIELDS.get(f"config.{key}", FIELDS["config"])
    return what, None, note


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _params_of_providers(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The `config` of each provider by the name that its results have; a name of two providers is left out."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    providers = config.get("providers")
    for provider in providers if isinstance(providers, list) else [providers]:
        if isinstance(provider, str):
            found.setdefault(provider, []).append({})
        elif isinstance(provider, Mapping):
            name = str(provider.get("label") or provider.get("id") or "")
            found.setdefault(name, []).append(_mapping(provider.get("config")))
    return {name: configs[0] for name, configs in found.items() if len(configs) == 1}


def _answer(
    row: Any, number: int, params: Mapping[str, Mapping[str, Any]], report: ConversionReport
) -> ForeignAnswer | None:
    where = f"results.results.{number}"
    raw = _mapping(_mapping(row).get("prompt")).get("raw")
    if not isinstance(raw, str):
        report.add(where, "not understood", None, "it has no prompt, so the answer is left out")
        return None
    try:
        messages = messages_from(messages_of(raw))
    except NotModelled as exc:
        report.add(where, "not understood", None, f"{exc}, so the answer is left out")
        return None
    response = _mapping(row.get("response"))
    failed = row.get("failureReason") == AN_ERROR or bool(response.get("error"))
    output = response.get("output")
    failed = failed or output is None  # older versions have no `failureReason`
    if output is not None and not isinstance(output, str):
        report.add(f"{where}.response.output", "translated", None, "an object, as JSON text")
        output = json.dumps(output, ensure_ascii=False)
    model = _model(row.get("provider"))
    test = _mapping(row.get("testCase"))
    options = (_mapping(test.get("options")), _mapping(row.get("provider")))
    if any(key in option for key in ("transform", "postprocess") for option in options):
        note = "what promptfoo made of the answer with `transform`, not what the model wrote"
        report.add(f"{where}.response.output", "translated", None, note)
    latency = row.get("latencyMs")
    cost = row.get("cost", response.get("cost"))
    return ForeignAnswer(
        model=model,
        messages=messages,
        text=output,
        error=str(response.get("error") or row.get("error") or "promptfoo has no answer") if failed else "",
        finish_reason=FINISH.get(str(response.get("finishReason")), "unknown"),
        known=_known(params.get(model, {}), _mapping(_mapping(row.get("prompt")).get("config"))),
        usage=_usage(_mapping(response.get("tokenUsage"))),
        seconds=latency / 1000 if isinstance(latency, int | float) else None,
        cached=response.get("cached") is True,
        details={} if cost is None else {"cost": cost},
        scores=tuple(_scores(_mapping(row.get("gradingResult")), where, report)),
        case=str(test.get("description") or f"test {row.get('testIdx', number)}"),
    )


def _model(provider: Any) -> str:
    if isinstance(provider, Mapping):
        return str(provider.get("label") or provider.get("id") or "unknown")
    return str(provider or "unknown")


def _known(*configs: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for config in configs:
        known |= dict(own for key, value in config.items() if (own := template_param(key, value)))
    return known


def _usage(tokens: Mapping[str, Any]) -> Usage:
    """`cached` of promptfoo counts answers from its own store; tokens of the prefix cache are in the details."""
    details = _mapping(tokens.get("completionDetails"))
    prompt, written = tokens.get("prompt"), tokens.get("completion")
    reused, thinking = details.get("cacheReadInputTokens"), details.get("reasoning")
    reused = reused if isinstance(reused, int) and isinstance(prompt, int) and 0 < reused <= prompt else None
    return Usage(
        read=prompt - (reused or 0) if isinstance(prompt, int) else None,
        reused=reused,
        written=written if isinstance(written, int) else None,
        thinking=thinking if isinstance(thinking, int) and thinking else None,
    )


def _scores(grading: Mapping[str, Any], where: str, report: ConversionReport) -> list[Score]:
    scores = []
    for number, part in enumerate(grading.get("componentResults") or []):
        assertion = _mapping(_mapping(part).get("assertion"))
        name = str(assertion.get("metric") or assertion.get("type") or "assertion")
        value = _mapping(part).get("score")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            note = f"the score of `{name}` is {value!r}, and scores are from 0 to 1 here"
            report.add(f"{where}.gradingResult.componentResults.{number}", "not understood", None, note)
            continue
        passed = "passed" if part.get("pass") else "failed"
        scores.append(Score(f"promptfoo:{name}", float(value), "", f"{passed}: {part.get('reason') or ''}"))
    return scores
