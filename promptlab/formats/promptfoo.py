"""promptfoo configurations, both ways: prompts, providers, tests and asserts.

    prompts: [{label: triage, raw: "Sort this ticket: {{ ticket }}"}]
    providers: ["openai:chat:gpt-4o-mini"]
    tests: [{vars: {ticket: "It burns."}, assert: [{type: equals, value: urgent}]}]

An export keeps the template's own file under `metadata.promptlab`; an import takes it from there as long as
the prompt beside it is still the one that was exported. Hooks in JavaScript or Python are named, never run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab._yaml import dump
from promptlab.errors import FormatError
from promptlab.formats import _embedded as kept
from promptlab.formats import _exported_address as exported_address
from promptlab.formats._export import Outward
from promptlab.formats._source import Fields, Imported, Places, Source, beside, read_bytes, read_source, slug, text_of
from promptlab.formats._syntax import from_nunjucks, joined
from promptlab.formats._template_builder import PARAMS, ROLES, Draft, param
from promptlab.formats.promptfoo_tests import CODE, CODE_ENDINGS, RUN_SETTING, Tests, is_file
from promptlab.models import api_address, is_api_version
from promptlab.types import Role
from promptlab.workspace import OpenAIModel


def read(path: Path, shown: str, places: Places) -> Imported:
    """A promptfoo configuration. Raises `FormatError` when it is none."""
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not {"prompts", "tests", "providers"} & source.data.keys():
        raise FormatError("not a promptfoo configuration: no `prompts`, `providers` or `tests`", file=shown, line=1)
    return _Config(source, places).imported()


class _Config:
    def __init__(self, source: Source, places: Places) -> None:
        self.source, self.places = source, places
        stem = source.path.stem
        self.name = slug(source.path.parent.name if stem.startswith("promptfooconfig") else stem, "promptfoo")
        self.made = Imported(self.name, read_bytes(source.path, source.shown))
        self.report = self.made.report
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
            self.made.add(f"{self.places.pools}/{self.name}.jsonl", pool, "pool")
        return self.made

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
                # An old form: a mapping of files to labels.
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
                    words = joined(n for n in notes if n)
                    self.report.add(name, "translated" if words else "taken", line, words)
            except FormatError as exc:
                reason = f"{exc.what}; {exc.hint}" if exc.hint else exc.what
                self.report.add(name, "not understood", line, reason)

    def texts(self, entry: Any) -> list[tuple[str, str, str]]:
        """Label, text and a note for each prompt that an entry stands for."""
        label = ""
        if isinstance(entry, Mapping):
            label = str(entry.get("label") or entry.get("id") or "")
            if "function" in entry:
                raise FormatError(CODE)
            raw = entry.get("raw")
            if raw is None:
                raw = entry.get("id") or entry.get("file")
            extra = sorted(set(entry) - {"id", "label", "raw", "file", "display"})
            found = self.texts(raw) if isinstance(raw, str) else []
            if not found:
                raise FormatError("there is no text in it")
            left = f"without {', '.join(extra)}" if extra else ""
            return [(label or name, text, joined(n for n in (note, left) if n)) for name, text, note in found]
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
            matched = sorted(p for p in self.source.path.parent.glob(name) if beside(self.source.path, str(p)))
            if not matched:
                raise FormatError(f"no file matches `{name}` in the folder of the configuration")
            return [made for p in matched for made in self.file(str(p.relative_to(self.source.path.parent)))]
        full = beside(self.source.path, name)
        if full is None:
            raise FormatError(f"there is no `{name}` inside the folder of the configuration")
        text = text_of(full, name)
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
        """Add the template of one prompt; gives notes on what was changed."""
        name = slug(label, self.name)
        folder = f"{self.places.templates}/{self.name}/" if count > 1 else f"{self.places.templates}/"
        messages, notes = _messages(text)
        seen = kept.Seen(messages, self.schema, sample)
        own = kept.template(self.kept.get(label), seen, f"{folder}{name}.yaml", self.places.home)
        if own.text is not None:
            self.made.add(f"{folder}{name}.yaml", own.text)
            return []
        draft = Draft(self.description, params=dict(self.params), schema=self.schema)
        draft.inputs = {key: {"sample": value} for key, value in sample.items() if not is_file(value)}
        draft.inputs = {draft.own_name(key): spec for key, spec in list(draft.inputs.items())} if draft.inputs else {}
        declared = set(draft.inputs)
        changed = []
        for role, content in messages:
            made = from_nunjucks(content)
            notes += made.notes
            changed.append((role, made.text))
        draft.inputs, known = {}, draft.inputs
        draft.messages(changed)
        for key in draft.inputs:
            if key in declared:
                draft.inputs[key] = {**known[key]}
        self.made.add(f"{folder}{name}.yaml", draft.text(f"{folder}{name}.yaml"))
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
        if params and all(found == params[0] for found in params):
            self.params = params[0]
        elif params:
            self.report.add(key, "not understood", self.source.line((key,)), "sampling parameters differ by provider")

    def provider(self, entry: Any, at: tuple[str | int, ...], params: list[dict[str, Any]]) -> None:
        name, line = ".".join(map(str, at)), self.source.line(at)
        config: Any = {}
        if isinstance(entry, Mapping) and "id" not in entry and len(entry) == 1:
            ((identifier, rest),) = entry.items()
            config = rest.get("config", {}) if isinstance(rest, Mapping) else {}
        elif isinstance(entry, Mapping):
            identifier, config = str(entry.get("id", "")), entry.get("config") or {}
        else:
            identifier = str(entry)
        config = config if isinstance(config, Mapping) else {}
        match = re.fullmatch(r"openai:(?:(?:chat|responses|completion):)?([\w.:/-]+)", str(identifier))
        if match is None:
            code = str(identifier).startswith(("file://", "python:", "exec:", "javascript:"))
            self.report.add(
                name, "not understood", line, f"`{identifier}`: {CODE if code else 'not an OpenAI-compatible API'}"
            )
            return
        model: dict[str, Any] = {"backend": "openai", "model": match[1]}
        found: dict[str, Any] = {}
        for field, value in config.items():
            where, row = f"{name}.config.{field}", self.source.line((*at, "config", field))
            own = param(field, value)
            if own is not None:
                found[own[0]] = own[1]
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
        if "model" not in model:  # without its address it would be OpenAI's, which is somebody else
            params.append(found)
            self.report.add(name, "not understood", line, "where it is asked is not known")
            return
        if "base_url" not in model:
            model.setdefault("api_key_env", "OPENAI_API_KEY")
        OpenAIModel.model_validate(model)
        params.append(found)
        own_name = slug(match[1].replace(":", "-"))
        self.made.models[own_name] = model
        self.report.add(name, "translated", line, f"a line for promptlab.yaml: {own_name}")


def _is_prompt_object(value: Any) -> bool:
    return isinstance(value, Mapping) and bool({"raw", "label", "id"} & value.keys())


def _schema_of(value: Any) -> Any:
    inner = value.get("json_schema") if isinstance(value, Mapping) else None
    return inner.get("schema", inner) if isinstance(inner, Mapping) else None


def _messages(text: str) -> tuple[list[tuple[Role, str]], list[str]]:
    """The messages of a prompt: JSON chat messages, or all of it as one user turn."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return [("user", text)], []
    if not isinstance(data, list) or not all(isinstance(m, Mapping) and "role" in m for m in data):
        return [("user", text)], []
    found: list[tuple[Role, str]] = []
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
        found.append((role, content))
    return found, notes


def write(exports: Sequence[Outward], models: Mapping[str, OpenAIModel]) -> str:
    """A promptfoo configuration of templates and of the models to ask, as YAML."""
    prompts: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    ours: dict[str, Any] = {}
    for export in exports:
        template = export.template
        raw = json.dumps(
            [{"role": role, "content": text} for role, text in export.messages], ensure_ascii=False, indent=2
        )
        prompts.append({"id": template.name, "label": template.name, "raw": raw})
        ours[template.name] = export.kept
        if export.variables and all(export.variables != test["vars"] for test in tests):
            tests.append({"vars": dict(export.variables)})
    data: dict[str, Any] = {
        "description": exports[0].template.description or "exported from promptlab",
        "prompts": prompts,
        "providers": [_provider(name, model, exports) for name, model in models.items()],
        "tests": tests or [{"vars": {}}],
        "metadata": {"promptlab": ours},
    }
    notes = dict.fromkeys(note for name, model in models.items() for note in _notes(name, model))
    return "".join(f"# {note}\n" for note in notes) + dump(data)


def _provider(name: str, model: OpenAIModel, exports: Sequence[Outward]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    params = exports[0].template.params
    for field in dict.fromkeys(PARAMS.values()):
        value = getattr(params, field)
        if value not in (None, ()):
            config[field] = list(value) if isinstance(value, tuple) else value
    if exports[0].template.schema:
        schema = {"name": "answer", "schema": json.loads(exports[0].template.schema)}
        config["response_format"] = {"type": "json_schema", "json_schema": schema}
    if model.base_url:
        at = api_address(name, model)
        asked = exported_address.of(name, at, key_env=model.api_key_env or "")
        query = [at.version] if at.version else []
        query += [f"{{{{env.{asked.query_env}}}}}"] if asked.query_env else []
        config["apiBaseUrl"] = f"{at.base}?{'&'.join(query)}" if query else at.base
        if asked.login_env:
            config["headers"] = {"Authorization": f"Basic {{{{env.{asked.login_env}_BASE64}}}}"}
    if model.api_key_env:
        config["apiKeyEnvar"] = model.api_key_env
    elif model.base_url:  # otherwise promptfoo refuses to ask a server that wants no key
        config["apiKeyRequired"] = False
    return {"id": f"openai:chat:{model.model}", "config": config}


def _notes(name: str, model: OpenAIModel) -> list[str]:
    if not model.base_url:
        return []
    asked = exported_address.of(name, api_address(name, model), key_env=model.api_key_env or "")
    return [
        note.replace("_LOGIN", "_LOGIN_BASE64").replace("user:password", "base64 of user:password")
        for note in asked.notes
    ]


def _imported_url(value: str) -> tuple[str, str]:
    """The `base_url` for an address of a promptfoo configuration, and what was left out of it. "" where what matters
    comes from promptfoo's environment."""
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
