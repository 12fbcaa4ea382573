"""Imports promptfoo configurations: prompts, providers, tests and asserts.

    prompts: [{label: triage, raw: "Sort this ticket: {{ ticket }}"}]
    providers: ["openai:chat:gpt-4o-mini"]
    tests: [{vars: {ticket: "It burns."}, assert: [{type: equals, value: urgent}]}]

A template that an export embedded under `metadata.promptlab` is used if the prompt was not changed since. Hooks in
JavaScript or Python are reported, never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats import _embedded as kept
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, file_beside, read_bytes, read_source, read_source_text, slug
from promptlab.formats._syntax import from_nunjucks, join_notes
from promptlab.formats._template_builder import ROLES, Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.promptfoo_tests import CODE, CODE_ENDINGS, RUN_SETTING, Tests, is_file
from promptlab.models import is_api_version
from promptlab.types import Role
from promptlab.workspace import OpenAIModel


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a promptfoo configuration. Raises `FormatError` if it is not one."""
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not {"prompts", "tests", "providers"} & source.data.keys():
        raise FormatError("not a promptfoo configuration: no `prompts`, `providers` or `tests`", file=shown, line=1)
    return _Config(source, places).imported()


class _Config:
    def __init__(self, source: Source, places: ImportFolders) -> None:
        self.source, self.places = source, places
        stem = source.path.stem
        self.name = slug(source.path.parent.name if stem.startswith("promptfooconfig") else stem, "promptfoo")
        self.result = Imported(self.name, read_bytes(source.path, source.shown))
        self.report = self.result.report
        self.fields = Fields(source, self.report, source.data)
        self.schema: dict[str, Any] | None = None

    def imported(self) -> Imported:
        fields = self.fields
        self.description = str(fields.take("description") or "")
        self.params: dict[str, Any] = {}
        self.providers()
        tests = Tests(self.source, self.report, fields, self.schema)
        defaults = tests.default_test()
        cases = tests.cases(defaults)
        self.schema = tests.schema
        sample = dict(cases[0]["vars"]) if cases else dict(defaults.get("vars") or {})
        pool = tests.pool(cases)
        ours = fields.data.get("metadata")
        self.kept = ours.get("promptlab", {}) if isinstance(ours, Mapping) else {}
        if "metadata" in fields:
            inner = fields.inside("metadata")
            inner.say("promptlab", "taken", "the template files of an export")
            inner.rest()
        self.prompts(sample)
        for key in ("evaluateOptions", "commandLineOptions", "outputPath", "sharing", "writeLatestResults"):
            fields.drop(key, RUN_SETTING)
        for key in ("nunjucksFilters", "extensions"):
            fields.drop(key, CODE)
        fields.drop("env", "environment variables are not taken over")
        fields.drop("scenarios", "kept in the original; scenarios multiply tests, which promptlab does not do")
        fields.say("$schema", "taken", "names the format")
        fields.rest()
        if pool:
            self.result.add(f"{self.places.pools}/{self.name}.jsonl", pool, "pool")
        return self.result

    # prompts

    def prompts(self, sample: Mapping[str, Any]) -> None:
        given = self.fields.data.get("prompts")
        if given is None:
            return
        self.fields.named.add("prompts")
        entries: list[tuple[tuple[str | int, ...], Any]] = []
        if isinstance(given, str | Mapping) and not _is_prompt_object(given):
            pairs = given.items() if isinstance(given, Mapping) else [("", given)]
            for key, label in pairs:
                # The old form: a mapping of files to labels.
                entry = {"id": str(key), "label": str(label)} if key else label
                entries.append((("prompts", str(key)) if key else ("prompts",), entry))
        else:
            listed = given if isinstance(given, list) else [given]
            entries = [(("prompts", number), entry) for number, entry in enumerate(listed)]
        for at, entry in entries:
            name, line = ".".join(map(str, at)), self.source.line(at)
            try:
                for label, text, note in self.texts(entry):
                    notes = [note, *self.template(label, text, sample, len(entries))]
                    words = join_notes(n for n in notes if n)
                    self.report.add(name, "translated" if words else "taken", line, words)
            except FormatError as exc:
                reason = f"{exc.what}; {exc.hint}" if exc.hint else exc.what
                self.report.add(name, "not understood", line, reason)

    def texts(self, entry: Any) -> list[tuple[str, str, str]]:
        """The label, text and a note for each prompt of an entry."""
        label = ""
        if isinstance(entry, Mapping):
            label = str(entry.get("label") or entry.get("id") or "")
            if "function" in entry:
                raise FormatError(CODE)
            raw = entry.get("raw")
            if raw is None:
                raw = entry.get("id") or entry.get("file")
            extra = sorted(set(entry) - {"id", "label", "raw", "file", "display"})
            texts = self.texts(raw) if isinstance(raw, str) else []
            if not texts:
                raise FormatError("there is no text in it")
            left = f"without {', '.join(extra)}" if extra else ""
            return [(label or name, text, join_notes(n for n in (note, left) if n)) for name, text, note in texts]
        if not isinstance(entry, str):
            raise FormatError("neither a text nor a mapping")
        if entry.startswith("exec:"):
            raise FormatError(CODE)
        if re.match(r"[a-z][a-z0-9+.-]*://", entry) and not entry.startswith("file://"):
            raise FormatError("a remote reference; nothing is fetched")
        named = entry.startswith("file://") or re.fullmatch(
            r"[^\n{}]{1,200}\.(txt|md|json|yaml|yml|j2|js|mjs|cjs|ts|py|csv|jsonl)", entry
        )
        if not named:
            return [(label or self.name, entry, "")]
        return self.file(entry)

    def file(self, reference: str) -> list[tuple[str, str, str]]:
        name = reference.removeprefix("file://")
        if ":" in Path(name).name or name.endswith(CODE_ENDINGS):
            raise FormatError(f"`{name}` is {CODE}")
        if "*" in name:
            matched = sorted(p for p in self.source.path.parent.glob(name) if file_beside(self.source.path, str(p)))
            if not matched:
                raise FormatError(f"no file matches `{name}` in the folder of the configuration")
            return [prompt for p in matched for prompt in self.file(str(p.relative_to(self.source.path.parent)))]
        full = file_beside(self.source.path, name)
        if full is None:
            raise FormatError(f"there is no `{name}` inside the folder of the configuration")
        text = read_source_text(full, name)
        stem = full.stem
        if full.suffix in (".txt", ".md", ".j2"):
            parts = [part for part in re.split(r"^---\s*$", text, flags=re.MULTILINE) if part.strip()]
            parts = parts if full.suffix == ".txt" else [text]
            number = len(parts) > 1
            return [
                (f"{stem}-{n}" if number else stem, part.strip(), f"read from {name}")
                for n, part in enumerate(parts, 1)
            ]
        if full.suffix in (".json", ".yaml", ".yml"):
            data = read_source(full, name).data
            return [(stem, json.dumps(data), f"read from {name}")]
        raise FormatError(f"`{name}`: prompts in {full.suffix} files are not read")

    def template(self, label: str, text: str, sample: Mapping[str, Any], count: int) -> list[str]:
        """Add the template of one prompt. Returns notes on what was changed."""
        name = slug(label, self.name)
        folder = f"{self.places.templates}/{self.name}/" if count > 1 else f"{self.places.templates}/"
        messages, notes = _messages(text)
        seen = kept.ShownPrompt(messages, self.schema, sample)
        own = kept.embedded_template(self.kept.get(label), seen, f"{folder}{name}.yaml", self.places.home)
        if own.text is not None:
            self.result.add(f"{folder}{name}.yaml", own.text)
            return []
        draft = Draft(self.description, params=dict(self.params), schema=self.schema)
        draft.inputs = {key: {"sample": value} for key, value in sample.items() if not is_file(value)}
        draft.inputs = {draft.own_name(key): spec for key, spec in list(draft.inputs.items())} if draft.inputs else {}
        declared = set(draft.inputs)
        changed = []
        for role, content in messages:
            translated = from_nunjucks(content)
            notes += translated.notes
            changed.append((role, translated.text))
        draft.inputs, known = {}, draft.inputs
        draft.messages(changed)
        for key in draft.inputs:
            if key in declared:
                draft.inputs[key] = {**known[key]}
        self.result.add(f"{folder}{name}.yaml", draft.text(f"{folder}{name}.yaml"))
        notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items() if new in draft.inputs]
        return [*notes, *([own.problem] if own.problem else [])]

    # providers

    def providers(self) -> None:
        given = self.fields.data.get("providers", self.fields.data.get("targets"))
        key = "providers" if "providers" in self.fields.data else "targets"
        if given is None:
            return
        self.fields.named.add(key)
        listed = given if isinstance(given, list) else [given]
        params: list[dict[str, Any]] = []
        for number, entry in enumerate(listed):
            at = (key, number) if isinstance(given, list) else (key,)
            self.provider(entry, at, params)
        if params and all(each == params[0] for each in params):
            self.params = params[0]
        elif params:
            self.report.add(key, "not understood", self.source.line((key,)), "sampling parameters differ by provider")

    def provider(self, entry: Any, at: tuple[str | int, ...], params: list[dict[str, Any]]) -> None:
        name, line = ".".join(map(str, at)), self.source.line(at)
        identifier, config = _identifier_and_config(entry)
        match = re.fullmatch(r"openai:(?:(?:chat|responses|completion):)?([\w.:/-]+)", identifier)
        if match is None:
            code = identifier.startswith(("file://", "python:", "exec:", "javascript:"))
            self.report.add(
                name, "not understood", line, f"`{identifier}`: {CODE if code else 'not an OpenAI-compatible API'}"
            )
            return
        model: dict[str, Any] = {"backend": "openai", "model": match[1]}
        sampling: dict[str, Any] = {}
        for field, value in config.items():
            self.setting(field, value, (*at, "config", field), model, sampling)
        if "model" not in model:  # without its address the model would be asked at OpenAI, which is another server
            params.append(sampling)
            self.report.add(name, "not understood", line, "the address of its server is not known")
            return
        if "base_url" not in model:
            model.setdefault("api_key_env", "OPENAI_API_KEY")
        OpenAIModel.model_validate(model)
        params.append(sampling)
        own_name = slug(match[1].replace(":", "-"))
        self.result.models[own_name] = model
        self.report.add(name, "translated", line, f"a line for promptlab.yaml: {own_name}")

    def setting(
        self, field: str, value: Any, at: tuple[str | int, ...], model: dict[str, Any], sampling: dict[str, Any]
    ) -> None:
        """Put one setting of a provider into `model` or `sampling`, and report it."""
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
            model.pop("model")
        elif field == "apiKeyRequired" and value is False:
            self.report.add(where, "taken", row)
        elif field == "apiKey":
            self.report.add(where, "not understood", row, "keys are not taken over; name an environment variable")
        elif field == "response_format" and isinstance(_schema_of(value), dict):
            self.schema = _schema_of(value)
            self.report.add(where, "translated", row, "`schema` of the template")
        else:
            self.report.add(where, "not understood", row, "promptlab has nothing like it")


def _identifier_and_config(entry: Any) -> tuple[str, Mapping[str, Any]]:
    """The id and the settings of a provider, which is a text or one of two kinds of mapping."""
    config: Any = {}
    if isinstance(entry, Mapping) and "id" not in entry and len(entry) == 1:
        ((identifier, rest),) = entry.items()
        config = rest.get("config", {}) if isinstance(rest, Mapping) else {}
    elif isinstance(entry, Mapping):
        identifier, config = entry.get("id", ""), entry.get("config")
    else:
        identifier = entry
    return str(identifier), config if isinstance(config, Mapping) else {}


def _is_prompt_object(value: Any) -> bool:
    return isinstance(value, Mapping) and bool({"raw", "label", "id"} & value.keys())


def _schema_of(value: Any) -> Any:
    inner = value.get("json_schema") if isinstance(value, Mapping) else None
    return inner.get("schema", inner) if isinstance(inner, Mapping) else None


def _messages(text: str) -> tuple[list[tuple[Role, str]], list[str]]:
    """The messages of a prompt: JSON chat messages, else the whole text as one user turn."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return [("user", text)], []
    if not isinstance(data, list) or not all(isinstance(m, Mapping) and "role" in m for m in data):
        return [("user", text)], []
    messages: list[tuple[Role, str]] = []
    notes: list[str] = []
    for number, message in enumerate(data):
        role = ROLES.get(str(message["role"]))
        content = message.get("content")
        if isinstance(content, list):
            texts = [
                part.get("text", "") for part in content if isinstance(part, Mapping) and part.get("type") == "text"
            ]
            if len(texts) < len(content):
                notes.append(f"message {number + 1}: parts that are no text are left out")
            content = "\n".join(texts)
        if role is None or not isinstance(content, str):
            notes.append(f"message {number + 1} ({message['role']}) is left out")
            continue
        if role != message["role"]:
            notes.append(f"the role `{message['role']}` is `{role}` here")
        messages.append((role, content))
    return messages, notes


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
