"""Imports promptfoo configurations: prompts, providers, tests and assertions.

    prompts: [{label: triage, raw: "Sort this ticket: {{ ticket }}"}]
    providers: ["openai:chat:gpt-4o-mini"]
    tests: [{vars: {ticket: "It burns."}, assert: [{type: equals, value: urgent}]}]

Each prompt becomes a template, the tests a suite. Every prompt is rendered with every test, as promptfoo does it and as
a template here: a prompt is "taken" or "translated" if the messages are the same to the character, and what differs is
"not understood". A template that an export embedded under `metadata.promptlab` is used if the prompt was not changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats import _embedded as kept
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, read_bytes, read_source, slug
from promptlab.formats._template_builder import Draft
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.promptfoo_models import ProviderReader, own_settings
from promptlab.formats.promptfoo_prompts import CODE, FoundPrompt, PromptReader, entries_of
from promptlab.formats.promptfoo_suite import ImportedCase, SuiteWriter
from promptlab.formats.promptfoo_template import BuiltTemplate, PromptSpec, build_template
from promptlab.formats.promptfoo_tests import RUN_SETTING, TestCase, TestReader
from promptlab.formats.promptfoo_values import read_variables


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a promptfoo configuration. Raises `FormatError` if it is not one."""
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not {"prompts", "tests", "providers"} & source.data.keys():
        raise FormatError("not a promptfoo configuration: no `prompts`, `providers` or `tests`", file=shown, line=1)
    return _Config(source, places).imported()


def config_name(path: Path) -> str:
    """The name of what is imported: the folder's for promptfooconfig.yaml, with what the file's name has more, else the
    file's. Two configurations in one folder have different names."""
    stem = path.stem
    if path.suffix != ".yaml" and path.with_suffix(".yaml").is_file():
        stem += path.suffix
    if not stem.startswith("promptfooconfig"):
        return slug(stem, "promptfoo")
    return slug(f"{path.parent.name}{stem.removeprefix('promptfooconfig')}", "promptfoo")


class _Config:
    def __init__(self, source: Source, places: ImportFolders) -> None:
        self.source, self.places = source, places
        self.name = config_name(source.path)
        self.result = Imported(self.name, read_bytes(source.path, source.shown))
        self.report = self.result.report
        self.fields = Fields(source, self.report, source.data)

    def imported(self) -> Imported:
        fields = self.fields
        self.description = str(fields.take("description") or "")
        self.providers = ProviderReader(self.source, fields, self.result)
        self.providers.read()
        env = fields.data.get("env")
        self.env: Mapping[str, Any] = env if isinstance(env, Mapping) else {}
        tests = TestReader(self.source, self.report, fields)
        self.cases = self._cases(tests)
        self._prompts()
        self._others()
        SuiteWriter(self.result, self.places, self.name, self.providers.judges).write(self.description, self.cases)
        return self.result

    def _cases(self, tests: TestReader) -> list[ImportedCase]:
        """The tests whose variables can be read."""
        cases: list[ImportedCase] = []
        for test in tests.cases():
            try:
                variables = read_variables(test.variables, self.source)
                self._name_environment(test, variables)
                cases.append(ImportedCase(test, variables))
            except FormatError as exc:
                self.report.add(f"{test.name}.vars", "not understood", test.line, exc.what)
        return cases

    def _name_environment(self, test: TestCase, variables: Mapping[str, Any]) -> None:
        """Report values that name an environment variable which the configuration does not set."""
        for key, value in variables.items():
            for name in re.findall(r"\{\{[^}]*\benv\.(\w+)", value) if isinstance(value, str) else ():
                if name not in self.env:
                    note = f"the environment variable `{name}` is in it, which is taken as empty"
                    self.report.add(f"{test.name}.vars.{key}", "not understood", test.line, note)

    def _others(self) -> None:
        fields = self.fields
        if "metadata" in fields:
            inner = fields.inside("metadata")
            inner.say("promptlab", "taken", "the template files of an export")
            inner.rest()
        for key in ("evaluateOptions", "commandLineOptions", "outputPath", "sharing", "writeLatestResults"):
            fields.drop(key, RUN_SETTING)
        for key in ("nunjucksFilters", "extensions"):
            fields.drop(key, CODE)
        fields.drop("env", "environment variables are not taken over")
        fields.say("$schema", "taken", "names the format")
        fields.rest()

    # prompts

    def _prompts(self) -> None:
        if self.fields.data.get("prompts") is None:
            return
        self.fields.named.add("prompts")
        ours = self.fields.data.get("metadata")
        self.kept = ours.get("promptlab", {}) if isinstance(ours, Mapping) else {}
        reader = PromptReader(self.source, self.name)
        found: list[tuple[str, int | None, FoundPrompt]] = []
        for entry in entries_of(self.fields.data["prompts"]):
            name, line = ".".join(map(str, entry.at)), self.source.line(entry.at)
            try:
                found += [(name, line, prompt) for prompt in reader.read(entry.value)]
            except FormatError as exc:
                self.report.add(name, "not understood", line, f"{exc.what}; {exc.hint}" if exc.hint else exc.what)
        for name, line, prompt in found:
            several = sum(other == name for other, _, _ in found) > 1
            try:
                notes = self._template(prompt, several=len(found) > 1, name=name, line=line)
                words = "; ".join(dict.fromkeys(note for note in (prompt.note, *notes) if note))
                self.report.add(name, "translated" if words else "taken", line, words)
            except FormatError as exc:
                reason = f"{exc.what}; {exc.hint}" if exc.hint else exc.what
                where = f"`{prompt.label}`: " if several else ""
                self.report.add(f"{name} ({prompt.label})" if several else name, "not understood", line, where + reason)

    def _template(self, prompt: FoundPrompt, *, several: bool, name: str, line: int | None) -> list[str]:
        """Add the template of one prompt. Returns notes on what was changed."""
        cases = [case for case in self.cases if prompt.is_chosen(case.test.options.get("prompts"))]
        raw, variables = self._around(prompt.raw, cases)
        slugged = slug(prompt.label, self.name)
        alone = not several and slugged == self.name  # else another configuration may have a prompt of this name
        folder = f"{self.places.templates}/" if alone else f"{self.places.templates}/{self.name}/"
        path = f"{folder}{slugged}.yaml"
        params, schema, lost = own_settings(prompt.config)
        schema = schema or self.providers.schema
        draft = Draft(self.description, params={**self.providers.params, **params}, schema=schema)
        spec = PromptSpec(prompt.label, raw, self.env)
        problem = self._embedded(prompt, spec, variables, path, schema)
        if problem is None:
            return []
        built = build_template(spec, variables, draft, path)
        added = self.result.add(path, built.text)
        self._use(built, added, cases)
        self._name_problems(built, name, line, prompt.label, cases)
        left = [f"without {', '.join(lost)} of its `config`"] if lost else []
        return [*built.notes, *left, *([problem] if problem else [])]

    def _embedded(
        self,
        prompt: FoundPrompt,
        spec: PromptSpec,
        variables: list[dict[str, Any]],
        path: str,
        schema: dict[str, Any] | None,
    ) -> str | None:
        """None if the template that an export embedded was added, else what is to be said about it."""
        entry = self.kept.get(prompt.label)
        if entry is None:
            return ""
        try:
            shown = build_template(spec, variables, Draft(), path).messages
        except FormatError:
            shown = []
        values = {name: _of_one(value) for name, value in variables[0].items()} if variables else {}
        seen = kept.ShownPrompt(shown, schema, values)
        own = kept.embedded_template(entry, seen, path, self.places.home)
        if own.text is None:
            return own.problem
        self.result.add(path, own.text)
        return None

    def _around(self, raw: str, cases: Sequence[ImportedCase]) -> tuple[str, list[dict[str, Any]]]:
        """The prompt with the text that tests put before and behind it, and the variables of each test."""
        pairs = [(str(c.test.options.get("prefix") or ""), str(c.test.options.get("suffix") or "")) for c in cases]
        variables = [dict(case.variables) for case in cases]
        for position, word in ((0, "prefix"), (1, "suffix")):
            texts = [pair[position] for pair in pairs]
            if not any(texts):
                continue
            if len(set(texts)) == 1:
                raw = texts[0] + raw if word == "prefix" else raw + texts[0]
                continue
            if any("{" in text for text in texts):
                raise FormatError(f"`{word}` differs by test and has tags in it")
            name = f"prompt_{word}"
            raw = f"{{{{ {name} }}}}{raw}" if word == "prefix" else f"{raw}{{{{ {name} }}}}"
            for values, text in zip(variables, texts, strict=True):
                values[name] = text
        return raw, variables

    def _use(self, built: BuiltTemplate, path: str, cases: Sequence[ImportedCase]) -> None:
        """Give the cases their inputs for this template."""
        for case, inputs in zip(cases, built.inputs, strict=False):
            case.add(path, inputs)

    def _name_problems(
        self, built: BuiltTemplate, name: str, line: int | None, label: str, cases: Sequence[ImportedCase]
    ) -> None:
        for variable in built.unset:
            note = "no test gives it a value, so it is empty here, as in promptfoo"
            if variable == "_conversation":
                note = "promptfoo puts the earlier turns of the run there; here it is an empty list unless you give one"
                self.report.add(f"{name} ({label})._conversation", "not understood", line, note)
            else:
                self.report.add(f"variable {variable}", "translated", line, note)
        for number, problem in built.problems.items():
            if number < len(cases):
                test = cases[number].test
                where = f"{test.name} with {name}"
                self.report.add(where, "not understood", test.line or line, f"{problem}, so this case is left out")
                cases[number].problem = True


def _of_one(value: Any) -> Any:
    """The text of a list of one, as exports write values that promptfoo would change."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
