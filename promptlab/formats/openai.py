"""OpenAI's shapes: a request as JSON, Python or curl, files of the Batch API, and files to train with.

    {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Who won?"}], "temperature": 0.0}

No key is ever written: Python and curl read it from the environment variable that the catalogue names, and user,
password and query of a `base_url` from variables that a comment names.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from promptlab import models
from promptlab.errors import FormatError
from promptlab.formats import _exported_address as exported_address
from promptlab.formats._source import Fields, Imported, Places, Source, read_bytes, slug, source_of, text_of
from promptlab.formats._syntax import joined
from promptlab.formats._template_builder import ROLES, Draft, param
from promptlab.models import Endpoint, api_address, api_key_header
from promptlab.templates import literal
from promptlab.types import Request, Result, Role
from promptlab.workspace import OpenAIModel

QUESTION = "question"


def read(path: Path, shown: str, places: Places) -> Imported:
    """A request body (chat completions, or responses with `input`). Raises `FormatError` when it is none."""
    source = source_of(text_of(path, shown), path.with_suffix(".json"), shown)
    made = Imported(slug(path.stem, "request"), read_bytes(path, shown))
    made.add(f"{places.templates}/{made.name}.yaml", _template(source, made, f"{places.templates}/{made.name}.yaml"))
    return made


def template_text(text: str, path: str) -> str:
    """The template file for a pasted request body. Raises `FormatError` when it is none."""
    source = source_of(text, Path("request.json"), "the request")
    return _template(source, Imported("request", text.encode()), path)


def _template(source: Source, made: Imported, path: str) -> str:
    data = source.data
    if isinstance(data, Mapping) and isinstance(data.get("body"), Mapping) and "custom_id" in data:
        raise FormatError("a line of a batch, not a request", file=source.shown, hint="import its `body`")
    if not isinstance(data, Mapping) or not {"messages", "input"} & data.keys():
        raise FormatError("not a request: neither `messages` nor `input`", file=source.shown, line=1)
    fields = Fields(source, made.report, data)
    draft = Draft("imported request")
    turns = _turns(fields)
    # The last question becomes an input, with what was asked as its sample.
    last = turns.pop() if turns and turns[-1][0] == "user" else None
    messages = [(role, literal(text)) for role, text in turns]
    if last is not None:
        draft.inputs = {QUESTION: {"sample": last[1]}}
        messages.append(("user", f"{{{{ {QUESTION} }}}}"))
    draft.messages(messages)
    _parameters(fields, draft)
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        name = slug(model)
        made.models[name] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
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
        text, notes = content(message.get("content")) if isinstance(message, Mapping) else ("", [])
        if role is None or not text:
            fields.report.add(name, "not understood", line, "no text of the system, the user or the assistant")
            continue
        notes += [f"the role `{message['role']}` is `{role}` here"] if role != message["role"] else []
        notes += [f"without {k}" for k in sorted(set(message) - {"role", "content", "type"})]
        fields.report.add(name, "translated" if notes else "taken", line, joined(notes))
        turns.append((role, text))
    return turns


def content(value: Any) -> tuple[str, list[str]]:
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


def _parameters(fields: Fields, draft: Draft) -> None:
    for key in list(fields.data):
        own = param(key, fields.data[key])
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


def body(request: Request, entry: OpenAIModel) -> dict[str, Any]:
    """The request as JSON data, without streaming. Raises `RequestRejected` for what this model cannot be asked."""
    at = api_address(request.model, entry)
    can = models.api_capabilities(request.model, entry, official=at.official)
    made = models.openai_request_body(request, entry, can, Endpoint(request.model, entry.model, at.base))
    return {key: value for key, value in made.items() if key not in ("stream", "stream_options")}


def as_json(request: Request, entry: OpenAIModel) -> str:
    """The request's body as JSON."""
    return _json(body(request, entry)) + "\n"


def as_python(request: Request, entry: OpenAIModel) -> str:
    """A Python program that asks it through the `openai` package."""
    made = body(request, entry)
    own = {
        "top_k",
        "min_p",
        "repeat_penalty",
        "repetition_penalty",
        *entry.extra_body,
        *chain(*entry.reasoning.values()),
    }
    extra = {key: made.pop(key) for key in list(made) if key in own}
    env = _key_env(entry)
    key = f'os.environ["{env}"]' if env else '"none"'
    at = api_address(request.model, entry)
    asked = exported_address.of(request.model, at, key_env=env)
    base = f", base_url={at.base!r}" if entry.base_url or at.azure else ""
    query = [repr(dict(parse_qsl(at.version)))[1:-1]] if at.version else []
    query += [f'**dict(parse_qsl(os.environ["{asked.query_env}"], True))'] if asked.query_env else []
    base += f", default_query={{{', '.join(query)}}}" if query else ""
    if env and api_key_header(entry, at) == "api-key":
        base += f', default_headers={{"api-key": {key}}}'
    elif asked.login_env:
        login = f'base64.b64encode(os.environ["{asked.login_env}"].encode()).decode()'
        base += f', default_headers={{"Authorization": "Basic " + {login}}}'
    imports = ["base64"] if asked.login_env else []
    imports += ["os"] if env or asked.login_env or asked.query_env else []
    lines = [*(f"import {name}" for name in imports)]
    lines += ["from urllib.parse import parse_qsl"] if asked.query_env else []
    lines += [*([""] if lines else []), "from openai import OpenAI", "", *(f"# {line}" for line in asked.notes)]
    lines += [f"client = OpenAI(api_key={key}{base})", "completion = client.chat.completions.create("]
    lines += [f"    {name}={value!r}," for name, value in made.items()]
    lines += [f"    extra_body={extra!r}," if extra else "", ")", "print(completion.choices[0].message.content)"]
    return "\n".join(line for number, line in enumerate(lines) if line or not lines[number - 1].endswith(",")) + "\n"


def as_curl(request: Request, entry: OpenAIModel) -> str:
    """A curl command for a POSIX shell that asks it."""
    at = api_address(request.model, entry)
    env = _key_env(entry)
    asked = exported_address.of(request.model, at, key_env=env)
    url = shlex.quote(f"{at.base}/chat/completions" + (f"?{at.version}" if at.version else ""))
    if asked.query_env:
        url = f'--globoff {url}"{"&" if at.version else "?"}${{{asked.query_env}:?}}"'
    head = [f"curl {url}", "-H 'Content-Type: application/json'"]
    if env:
        plain = api_key_header(entry, at) == "api-key"
        head.append(f'-H "api-key: ${env}"' if plain else f'-H "Authorization: Bearer ${env}"')
    elif asked.login_env:
        head.append(f'--user "${{{asked.login_env}:?}}"')
    command = " \\\n  ".join([*head, f"--data-binary {shlex.quote(_json(body(request, entry)))}"]) + "\n"
    return "".join(f"# {line}\n" for line in asked.notes) + command


def _key_env(entry: OpenAIModel) -> str:
    return entry.api_key_env or ("" if entry.base_url else "OPENAI_API_KEY")


def batch(requests: Iterable[tuple[str, Request]], entry: OpenAIModel) -> str:
    """A file for the Batch API: one request a line, each under its id."""
    lines = []
    for name, request in requests:
        row = {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body(request, entry)}
        lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def training(pairs: Iterable[tuple[Request, str]]) -> str:
    """A file for chat fine-tuning: the messages of each request and the answer wanted, a line each."""
    return "".join(
        _line({"messages": [*_messages(request), {"role": "assistant", "content": answer}]})
        for request, answer in pairs
    )


def preferences(results: Sequence[Result]) -> str:
    """A file for preference training: of answers to the same messages, the best-scored above the worst.

    Only scores tell answers apart here, and answers with the same score make no pair.
    """
    groups: dict[str, list[tuple[float, str, Request]]] = {}
    for result in results:
        if result.completion and result.request and result.scores and result.text:
            value = sum(score.value for score in result.scores) / len(result.scores)
            key = json.dumps(_messages(result.request))
            groups.setdefault(key, []).append((value, result.text, result.request))
    lines = []
    for answers in groups.values():
        best, worst = max(answers, key=lambda a: a[0]), min(answers, key=lambda a: a[0])
        if best[0] > worst[0]:
            row = {
                "input": {"messages": _messages(best[2]), "tools": [], "parallel_tool_calls": True},
                "preferred_output": [{"role": "assistant", "content": best[1]}],
                "non_preferred_output": [{"role": "assistant", "content": worst[1]}],
            }
            lines.append(_line(row))
    return "".join(lines)


def _messages(request: Request) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in request.messages]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)


def custom_id(name: str) -> str:
    """`name` with nothing in it but letters, digits, dashes, dots and underscores."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name) or "row"
