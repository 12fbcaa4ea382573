"""Tests of a promptfoo configuration: their variables, and the answers that their asserts expect."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport
from promptlab.formats._source import Fields, Source, file_beside, pool_line, read_rows, read_source_text, slug
from promptlab.formats._syntax import join_notes

MAX_CASES = 1_000
RUN_SETTING = "a setting of a run; promptlab takes it on the command line"
CODE = "code; never run"
CODE_ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".py", ".sh", ".rb")


@dataclass
class Tests:
    """Reads tests as cases and reports their fields. `schema` is that of an `is-json` assert."""

    source: Source
    report: ConversionReport
    fields: Fields
    schema: dict[str, Any] | None = None

    def default_test(self) -> dict[str, Any]:
        """The default values of each test."""
        given = self.fields.data.get("defaultTest")
        if given is None:
            return {}
        inner = self.fields.inside("defaultTest")
        if not isinstance(given, Mapping):
            self.fields.drop("defaultTest", "kept elsewhere; nothing is fetched")
            return {}
        inner.translate("vars", "values each test has unless it says otherwise")
        self.asserts(given.get("assert"), ("defaultTest", "assert"))
        inner.named.add("assert")
        inner.rest(RUN_SETTING)
        return {
            "vars": dict(given["vars"]) if isinstance(given.get("vars"), Mapping) else {},
            "assert": given.get("assert") or [],
        }

    def asserts(self, given: Any, at: tuple[str | int, ...]) -> tuple[str, list[str]]:
        """The answer that the asserts expect, and tags with the kind of comparison; every assert is reported."""
        output, tags = "", []
        for number, one in enumerate(given if isinstance(given, list) else []):
            where, line = ".".join(map(str, (*at, number))), self.source.line((*at, number))
            kind, value = (str(one.get("type", "")), one.get("value")) if isinstance(one, Mapping) else ("", None)
            if (
                kind in ("equals", "contains", "icontains", "starts-with")
                and isinstance(value, str | int | float)
                and value != ""
            ):
                if not output:
                    output, tags = str(value), [] if kind == "equals" else [kind]
                    self.report.add(where, "translated", line, "the output of an example")
                else:
                    self.report.add(where, "not understood", line, "an example has one output")
            elif kind == "is-json" and isinstance(value, Mapping):
                self.schema = self.schema or dict(value)
                self.report.add(where, "translated", line, "`schema` of the template")
            elif kind in ("javascript", "python", "ruby"):
                self.report.add(where, "not understood", line, CODE)
            else:
                self.report.add(where, "not understood", line, f"`{kind}` is no check that promptlab has here")
        return output, tags

    def cases(self, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The variables, output, tags and name of each case."""
        given = self.fields.data.get("tests")
        if given is None:
            return []
        self.fields.named.add("tests")
        listed = given if isinstance(given, list) else [given]
        cases: list[dict[str, Any]] = []
        for number, test in enumerate(listed):
            at = ("tests", number) if isinstance(given, list) else ("tests",)
            name, line = ".".join(map(str, at)), self.source.line(at)
            if isinstance(test, str):
                try:
                    cases += self.rows(test)
                    self.report.add(name, "translated", line, f"rows read from {test}")
                except FormatError as exc:
                    self.report.add(name, "not understood", line, exc.what)
            elif isinstance(test, Mapping):
                cases += self.case(test, at, defaults)
            else:
                self.report.add(name, "not understood", line, "neither a test nor a file of tests")
        return cases

    def rows(self, reference: str) -> list[dict[str, Any]]:
        """The cases in a file of tests."""
        if reference.endswith(CODE_ENDINGS) or ":" in reference.removeprefix("file://"):
            raise FormatError(
                f"{reference}: {CODE}" if "://" not in reference else "a remote reference; nothing is fetched"
            )
        full = file_beside(self.source.path, reference)
        if full is None:
            raise FormatError("there is no such file inside the folder of the configuration")
        cases = []
        for _, row in read_rows(full, reference):
            values = row.get("vars", {k: v for k, v in row.items() if not k.startswith("__")})
            expected = str(row.get("__expected") or row.get("__expected1") or "")
            kind, colon, value = expected.partition(":")
            output = value.strip() if colon and kind in ("equals", "contains", "icontains", "starts-with") else expected
            if re.match(r"(fn|eval|javascript|python|file|llm-rubric|grade|similar)\b.*:", expected):
                output = ""
            cases.append(
                {"vars": values if isinstance(values, Mapping) else {}, "output": output, "tags": [], "name": ""}
            )
        return cases

    def case(
        self, test: Mapping[str, Any], at: tuple[str | int, ...], defaults: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        fields = Fields(self.source, self.report, test, at)
        values = {**defaults.get("vars", {}), **(test["vars"] if isinstance(test.get("vars"), Mapping) else {})}
        notes = []
        for key, value in values.items():
            if is_file(value):
                full = file_beside(self.source.path, value)
                if full is None or full.suffix not in (".txt", ".md"):
                    notes.append(f"`{key}`: `{value}` is not read")
                    values = {k: v for k, v in values.items() if k != key}
                else:
                    values = {**values, key: read_source_text(full, value)}
                    notes.append(f"`{key}` read from {value}")
        fields.say("vars", "translated" if notes else "taken", join_notes(notes))
        name = str(fields.take("description") or "")
        before = len(self.report.entries)
        output, tags = self.asserts(test.get("assert"), (*at, "assert"))
        if not output:
            output, tags = _output(defaults.get("assert"))
        fields.named.add("assert")
        fields.rest("kept in the original")
        if len(self.report.entries) == before and "vars" not in test:
            self.report.add(".".join(map(str, at)), "taken", self.source.line(at))
        lists = {key: value for key, value in values.items() if isinstance(value, list)}
        combinations = [
            dict(zip(lists, one, strict=True))
            for one in itertools.islice(itertools.product(*lists.values()), MAX_CASES)
        ]
        if lists:
            self.report.add(
                fields.name("vars"), "translated", fields.line("vars"), "one case for each combination of listed values"
            )
        return [{"vars": {**values, **one}, "output": output, "tags": tags, "name": name} for one in combinations]

    @staticmethod
    def pool(cases: Sequence[Mapping[str, Any]]) -> str:
        """The cases with an expected answer, as a pool of examples."""
        lines, names = [], set()
        for number, case in enumerate(cases, 1):
            inputs = {str(k): v for k, v in case["vars"].items() if v is not None}
            if not case["output"] or not inputs:
                continue
            name = slug(case["name"], str(number))
            name = name if name not in names else f"{name}-{number}"
            names.add(name)
            lines.append(pool_line(number, inputs, case["output"], case["tags"], name))
        return "".join(lines)


def _output(given: Any) -> tuple[str, list[str]]:
    for one in given if isinstance(given, list) else []:
        if isinstance(one, Mapping) and one.get("type") == "equals" and isinstance(one.get("value"), str):
            return one["value"], []
    return "", []


def is_file(value: Any) -> bool:
    """True if the value of a variable names a file."""
    return isinstance(value, str) and value.startswith("file://")
