"""Providers of promptfoo as lines for promptlab.yaml: chat models of OpenAI's API and of servers that speak it.

    providers: [{id: "openai:chat:local-model", config: {apiBaseUrl: "http://127.0.0.1:8000/v1", temperature: 0}}]

Embeddings, images, assistants and the like are no chat models and are named. Keys are never taken over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from promptlab.errors import FormatError
from promptlab.formats._promptfoo_schema import unplaced
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Path_, Source, file_beside, read_source, slug
from promptlab.formats._template_builder import template_param
from promptlab.formats.promptfoo_prompts import CODE
from promptlab.models import is_api_version
from promptlab.workspace import OpenAIModel

_CHAT = ("chat", "responses", "completion")
_KINDS = {
    "embedding": "an embedding model",
    "embeddings": "an embedding model",
    "image": "an image model",
    "assistant": "an assistant of OpenAI",
    "moderation": "a moderation model",
    "realtime": "a realtime model",
    "transcription": "a model of speech",
    "speech": "a model of speech",
    "video": "a video model",
    "agents": "an agent in code",
    "chatkit": "an agent of OpenAI",
    "codex-sdk": "an agent in code",
    "codex-app-server": "an agent in code",
}


class ProviderReader:
    """Reads providers into `result.models`. `params` and `schema` are those that all of them share; `judges` has the
    name of each model by its id in promptfoo."""

    def __init__(self, source: Source, fields: Fields, result: Imported) -> None:
        self.source, self.fields, self.result = source, fields, result
        self.report = result.report
        self.params: dict[str, Any] = {}
        self.schema: dict[str, Any] | None = None
        self.judges: dict[str, str] = {}
        self._all_params: list[dict[str, Any]] = []
        self._schemas: list[Any] = []

    def read(self) -> None:
        """Read `providers` or `targets`."""
        key = "providers" if "providers" in self.fields.data else "targets"
        given = self.fields.data.get(key)
        if given is None:
            return
        self.fields.named.add(key)
        for number, entry in enumerate(given if isinstance(given, list) else [given]):
            self._provider(entry, (key, number) if isinstance(given, list) else (key,))
        if self._all_params and all(each == self._all_params[0] for each in self._all_params):
            self.params = self._all_params[0]
        elif self._all_params:
            self.report.add(key, "not understood", self.source.line((key,)), "sampling parameters differ by provider")
        if self._schemas and all(each == self._schemas[0] for each in self._schemas):
            self.schema = self._schemas[0]
        elif any(self._schemas):
            note = "`response_format` differs by provider, so no template has a schema"
            self.report.add(key, "not understood", self.source.line((key,)), note)

    def _provider(self, entry: Any, at: Path_) -> None:
        name, line = ".".join(map(str, at)), self.source.line(at)
        identifier, config, label = _parts(entry)
        if identifier.startswith("file://") and identifier.endswith((".yaml", ".yml", ".json")):
            self._file(identifier, at)
            return
        problem, model_name = _chat_model(identifier)
        if problem:
            self.report.add(name, "not understood", line, f"`{identifier}`: {problem}")
            return
        model: dict[str, Any] = {"backend": "openai", "model": model_name}
        sampling: dict[str, Any] = {}
        schemas: list[Any] = []
        for field, value in config.items():
            self._setting(field, value, (*at, "config", field), model, sampling, schemas)
        self._all_params.append(sampling)
        self._schemas.append(schemas[0] if schemas else None)
        for field in (
            sorted(set(entry) - {"id", "config", "label"}) if isinstance(entry, Mapping) and "id" in entry else ()
        ):
            self.report.add(f"{name}.{field}", "not understood", self.source.line((*at, field)), "kept in the original")
        if "model" not in model:  # without its address the model would be asked at OpenAI, which is another server
            self.report.add(name, "not understood", line, "the address of its server is not known")
            return
        if "base_url" not in model:
            model.setdefault("api_key_env", "OPENAI_API_KEY")
        try:
            OpenAIModel.model_validate(model)
        except ValidationError as exc:
            reason = exc.errors()[0]["msg"].removeprefix("Value error, ")
            self.report.add(name, "not understood", line, f"promptlab does not take this model: {reason}")
            return
        own_name = self._name(label or model_name, model_name, model)
        self.result.models[own_name] = model
        self.judges.setdefault(identifier, own_name)
        self.report.add(name, "translated", line, f"a line for promptlab.yaml: {own_name}")

    def _file(self, reference: str, at: Path_) -> None:
        """Read the providers in a file of them."""
        name, line = ".".join(map(str, at)), self.source.line(at)
        full = file_beside(self.source.path, reference)
        try:
            data = None if full is None else read_source(full, reference).data
        except FormatError as exc:
            self.report.add(name, "not understood", line, exc.what)
            return
        listed = data if isinstance(data, list) else [data]
        entries = [one for one in listed if isinstance(one, Mapping) and isinstance(one.get("id"), str)]
        if len(entries) < len(listed):
            self.report.add(name, "not understood", line, f"`{reference}` is no file of providers that is here")
            return
        for one in entries:
            if not one["id"].startswith("file://"):
                self._provider(one, at)

    def _name(self, wanted: str, model_name: str, model: Mapping[str, Any]) -> str:
        """A name for the model; another model of the same name keeps its own line."""
        plain = slug(model_name.replace(":", "-"))
        if self.result.models.get(plain, model) == model:
            return plain
        own, number = slug(wanted.replace(":", "-")), 2
        free = own
        while self.result.models.get(free, model) != model:
            free, number = f"{own}-{number}", number + 1
        return free

    def _setting(
        self, field: str, value: Any, at: Path_, model: dict[str, Any], sampling: dict[str, Any], schemas: list[Any]
    ) -> None:
        """Put one setting of a provider into `model`, `sampling` or `schemas`, and report it."""
        where, row = ".".join(map(str, at)), self.source.line(at)
        own = template_param(field, value)
        if own is not None:
            sampling[own[0]] = own[1]
            self.report.add(where, "taken", row)
        elif field == "apiBaseUrl" and isinstance(value, str) and _imported_url(value)[0]:
            model["base_url"], left = _imported_url(value)
            note = f"`base_url` of the model, without {left}: add them there yourself" if left else ""
            self.report.add(where, "translated", row, note or "`base_url` of the model")
        elif field == "apiKeyEnvar" and isinstance(value, str) and value.isidentifier():
            model["api_key_env"] = value
            self.report.add(where, "translated", row, "`api_key_env` of the model")
        elif field in ("apiBaseUrl", "apiHost"):
            note = "an address from promptfoo's environment: give the model a `base_url`, so no line is made of it"
            self.report.add(where, "not understood", row, note)
            model.pop("model", None)
        elif field == "apiKeyRequired" and value is False:
            self.report.add(where, "taken", row)
        elif field == "apiKey":
            self.report.add(where, "not understood", row, "keys are not taken over; name an environment variable")
        elif field == "response_format" and isinstance(schema_of(value), dict):
            schemas.append(schema_of(value))
            self.report.add(where, "translated", row, "`schema` of the template")
        else:
            self.report.add(where, "not understood", row, "promptlab has nothing like it")


def own_settings(config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None, list[str]]:
    """The sampling parameters and the schema that a prompt has of its own, and the settings that are lost."""
    params: dict[str, Any] = {}
    schema: dict[str, Any] | None = None
    lost = []
    for field, value in config.items():
        own = template_param(field, value)
        if own is not None:
            params[own[0]] = own[1]
        elif field == "response_format" and isinstance(schema_of(value), dict):
            schema = unplaced(schema_of(value))
        else:
            lost.append(field)
    return params, schema, lost


def _chat_model(identifier: str) -> tuple[str, str]:
    """The reason why a provider is no model here, or the name of its model."""
    if identifier.startswith(("file://", "python:", "exec:", "javascript:", "golang:")):
        return CODE, ""
    if not identifier.startswith("openai:"):
        return "not an OpenAI-compatible API", ""
    kind, colon, rest = identifier.removeprefix("openai:").partition(":")
    if kind in _KINDS:
        return f"{_KINDS[kind]}, no chat model", ""
    name = rest if colon and kind in _CHAT else f"{kind}{colon}{rest}"
    if colon and kind not in _CHAT and kind != "ft" and not kind.startswith(("gpt", "o1", "o3", "o4", "chatgpt")):
        return f"`openai:{kind}` is no kind of chat model that is known here", ""
    if not re.fullmatch(r"[\w.:/-]+", name):
        return "no name of a model", ""
    if re.match(r"(text-embedding|dall-e|gpt-image|whisper|tts|omni-moderation|sora)", name):
        return "no chat model", ""
    return "", name


def _parts(entry: Any) -> tuple[str, Mapping[str, Any], str]:
    """The id, the settings and the label of a provider, which is a text or one of two kinds of mapping."""
    config: Any = {}
    label = ""
    if isinstance(entry, Mapping) and "id" not in entry and len(entry) == 1:
        ((identifier, rest),) = entry.items()
        config = rest.get("config", {}) if isinstance(rest, Mapping) else {}
        label = str(rest.get("label") or "") if isinstance(rest, Mapping) else ""
    elif isinstance(entry, Mapping):
        identifier, config, label = entry.get("id", ""), entry.get("config"), str(entry.get("label") or "")
    else:
        identifier = entry
    return str(identifier), config if isinstance(config, Mapping) else {}, label


def schema_of(value: Any) -> Any:
    """The JSON schema in a `response_format`; None if it has none."""
    inner = value.get("json_schema") if isinstance(value, Mapping) else None
    return inner.get("schema", inner) if isinstance(inner, Mapping) else None


def _imported_url(value: str) -> tuple[str, str]:
    """The `base_url` for an address of a promptfoo configuration, and what was left out of it.

    Both are "" if the address depends on environment variables of promptfoo.
    """
    plain = value.partition("#")[0]
    head, mark, query = plain.partition("?")
    scheme, _, rest = head.partition("://")
    login, _, host = rest.rpartition("@")
    base = f"{scheme}://{host}".removesuffix("/chat/completions")
    parts = query.split("&")
    version = "&".join(part for part in parts if is_api_version(part))
    left = [what for what, there in (("user and password", login), ("the query", mark and version != query)) if there]
    if "{" in base or not host:
        return "", ""
    return base + (f"?{version}" if version else ""), " and ".join(left)
