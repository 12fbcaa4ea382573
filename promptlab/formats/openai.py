"""OpenAI's formats: request bodies (import and export), files for the Batch API, and files for training.

    {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Who won?"}], "temperature": 0.0}

No key is ever written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab import models
from promptlab.errors import FormatError
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.models import Endpoint, api_address
from promptlab.runs import Rating, Vote
from promptlab.templates import escape_jinja
from promptlab.types import Request, Result, Role
from promptlab.workspace import OpenAIModel

QUESTION = "question"


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a request body (chat completions, or responses with `input`). Raises `FormatError` if it is not one."""
    source = source_of(read_source_text(path, shown), path.with_suffix(".json"), shown)
    imported = Imported(slug(path.stem, "request"), read_bytes(path, shown))
    imported.add(
        f"{places.templates}/{imported.name}.yaml",
        _template(source, imported, f"{places.templates}/{imported.name}.yaml"),
    )
    return imported


def template_from_request(text: str, path: str) -> str:
    """The template file for a pasted request body. Raises `FormatError` if it is not one."""
    source = source_of(text, Path("request.json"), "the request")
    return _template(source, Imported("request", text.encode()), path)


def _template(source: Source, imported: Imported, path: str) -> str:
    data = source.data
    if isinstance(data, Mapping) and isinstance(data.get("body"), Mapping) and "custom_id" in data:
        raise FormatError("a line of a batch, not a request", file=source.shown, hint="import its `body`")
    if not isinstance(data, Mapping) or not {"messages", "input"} & data.keys():
        raise FormatError("not a request: neither `messages` nor `input`", file=source.shown, line=1)
    fields = Fields(source, imported.report, data)
    draft = Draft("imported request")
    turns = _turns(fields)
    # The last user turn becomes an input; its text is the sample.
    last = turns.pop() if turns and turns[-1][0] == "user" else None
    messages = [(role, escape_jinja(text)) for role, text in turns]
    if last is not None:
        draft.inputs = {QUESTION: {"sample": last[1]}}
        messages.append(("user", f"{{{{ {QUESTION} }}}}"))
    draft.messages(messages)
    set_parameters(fields, draft)
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        name = slug(model)
        imported.models[name] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
        fields.translate("model", f"a line for promptlab.yaml: {name}")
    for key in ("stream", "stream_options", "n", "store", "user", "metadata", "service_tier", "background"):
        fields.drop(key, "how a request is sent, not what it asks")
    fields.drop("prompt", "a prompt kept by OpenAI; nothing is fetched")
    for key in ("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"):
        fields.drop(key, "promptlab has no tools")
    fields.rest()
    return draft.text(path)


def _turns(fields: Fields) -> list[tuple[Role, str]]:
    key = "messages" if "messages" in fields else "input"
    given = fields.data.get(key)
    fields.named.add(key)
    turns: list[tuple[Role, str]] = []
    system = fields.take("instructions")
    if isinstance(system, str) and system:
        turns.append(("system", system))
    if isinstance(given, str):
        fields.translate(key, f"the sample of the input `{QUESTION}`")
        return [*turns, ("user", given)]
    for number, message in enumerate(given if isinstance(given, list) else []):
        name, line = f"{key}.{number}", fields.source.line((key, number))
        role = ROLES.get(str(message.get("role"))) if isinstance(message, Mapping) else None
        text, notes = message_text(message.get("content")) if isinstance(message, Mapping) else ("", [])
        if role is None or not text:
            fields.report.add(name, "not understood", line, "no text of the system, the user or the assistant")
            continue
        notes += [f"the role `{message['role']}` is `{role}` here"] if role != message["role"] else []
        notes += [f"without {k}" for k in sorted(set(message) - {"role", "content", "type"})]
        fields.report.add(name, "translated" if notes else "taken", line, join_notes(notes))
        turns.append((role, text))
    return turns


def message_text(value: Any) -> tuple[str, list[str]]:
    """The text of a message's content, and notes on what was left out."""
    if isinstance(value, str):
        return value, []
    parts = value if isinstance(value, list) else []
    kinds = ("text", "input_text", "output_text")
    texts = [
        p["text"] for p in parts if isinstance(p, Mapping) and p.get("type") in kinds and isinstance(p.get("text"), str)
    ]
    notes = [f"{len(parts) - len(texts)} parts that are no text are left out"] if len(texts) < len(parts) else []
    return "\n".join(texts), notes


def set_parameters(fields: Fields, draft: Draft) -> None:
    """Take the sampling parameters and the schema of a request body."""
    for key in list(fields.data):
        own = template_param(key, fields.data[key])
        if own and own[0] not in draft.params:
            draft.params[own[0]] = own[1]
            fields.say(key, "taken" if key == own[0] else "translated", "" if key == own[0] else f"`{own[0]}` here")
    shape = fields.data.get("response_format")
    where = "response_format"
    if isinstance(fields.data.get("text"), Mapping):
        shape, where = fields.data["text"].get("format"), "text"
    inner = shape.get("json_schema", shape) if isinstance(shape, Mapping) else {}
    if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
        draft.schema = dict(inner["schema"])
        fields.translate(where, "`schema` of the template")


def request_body(request: Request, entry: OpenAIModel) -> dict[str, Any]:
    """The request as JSON data, without streaming. Raises `RequestRejected` if the model does not support it."""
    at = api_address(request.model, entry)
    can = models.api_capabilities(request.model, entry, official=at.official)
    body = models.openai_request_body(request, entry, can, Endpoint(request.model, entry.model, at.base))
    return {key: value for key, value in body.items() if key not in ("stream", "stream_options")}


def request_as_json(request: Request, entry: OpenAIModel) -> str:
    """The request's body as JSON."""
    return json_text(request_body(request, entry)) + "\n"


def batch_file(requests: Iterable[tuple[str, Request]], entry: OpenAIModel) -> str:
    """A file for the Batch API: one request a line, each with its id."""
    lines = []
    for name, request in requests:
        row = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": request_body(request, entry)}
        lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def finetuning_file(pairs: Iterable[tuple[Request, str]]) -> str:
    """A file for chat fine-tuning: a line for each request, with its messages and the expected answer."""
    return "".join(
        _line({"messages": [*_messages(request), {"role": "assistant", "content": answer}]})
        for request, answer in pairs
    )


def preference_file(results: Sequence[Result]) -> str:
    """A file for preference training: for the same messages the answer with the best score, and that with the worst.

    If all answers have the same score there is no pair.
    """
    groups: dict[str, list[tuple[float, str, Request]]] = {}
    for result in results:
        value = result.score  # None if a scorer could not judge the answer: it is neither better nor worse
        if result.completion and result.request and value is not None and result.text:
            key = json.dumps(_messages(result.request))
            groups.setdefault(key, []).append((value, result.text, result.request))
    lines = []
    for answers in groups.values():
        best, worst = max(answers, key=lambda a: a[0]), min(answers, key=lambda a: a[0])
        if best[0] > worst[0]:
            lines.append(_preference(best[2], best[1], worst[1]))
    return "".join(lines)


def rated_preferences(results: Sequence[Result], ratings: Mapping[str, Rating]) -> str:
    """Lines of a file for preference training, from what people said of `results`.

    A corrected answer is preferred to the answer it corrects. For the same messages an answer that is rated good is
    preferred to each that is rated bad and has no correction of its own; where none is rated good, a correction of
    another answer is. `ratings` are by the id of the result.
    """
    groups: dict[str, list[tuple[Request, str, Rating]]] = {}
    for result in results:
        rating = ratings.get(result.id)
        if result.completion and result.request and rating:
            groups.setdefault(json.dumps(_messages(result.request)), []).append((result.request, result.text, rating))
    lines: dict[str, None] = {}  # the same pair may come from several runs
    for answers in groups.values():
        good = [text for _, text, rating in answers if rating.verdict == "good" and text]
        corrections = [rating.corrected for _, _, rating in answers if rating.corrected]
        for request, text, rating in answers:
            better = rating.corrected or next(iter([*good, *corrections]), "") * (rating.verdict == "bad")
            if better and text and better != text:
                lines[_preference(request, better, text)] = None
    return "".join(lines)


def voted_preferences(results: Mapping[str, Result], votes: Iterable[Vote]) -> tuple[str, int]:
    """Lines of a file for preference training, from blind votes; and how many pairs of answers are left out, because
    they answer different messages.

    Of each two answers the one that more people prefer is preferred; there is no line if equally many prefer each.
    `results` are by their ids.
    """
    balance: dict[tuple[str, str], int] = {}
    for vote in votes:
        if vote.preferred and vote.left in results and vote.right in results:
            one, other = sorted((vote.left, vote.right))
            balance[one, other] = balance.get((one, other), 0) + (1 if vote.preferred == one else -1)
    lines: dict[str, None] = {}
    different = 0
    for (one, other), more in balance.items():
        better, worse = (results[one], results[other]) if more > 0 else (results[other], results[one])
        if not more or not (better.request and worse.request and better.text and worse.text):
            continue
        if better.text == worse.text:
            continue
        if _messages(better.request) != _messages(worse.request):
            different += 1
            continue
        lines[_preference(better.request, better.text, worse.text)] = None
    return "".join(lines), different


def _preference(request: Request, better: str, worse: str) -> str:
    row = {
        "input": {"messages": _messages(request), "tools": [], "parallel_tool_calls": True},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
    }
    return _line(row)


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in request.messages]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)


def batch_custom_id(name: str) -> str:
    """`name` with only letters, digits, dashes, dots and underscores."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name) or "row"
