"""The tests of a promptfoo configuration, with their variables as promptfoo takes them apart.

    defaultTest: {vars: {language: English}}
    tests:
      - {vars: {country: [Peru, Chile]}, assert: [{type: icontains, value: "{{country}}"}]}
      - file://cases/*.yaml

A list of texts makes a test of each; a list of anything else is one value. Files are read inside the folder of the
configuration only, code is named and never run.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport
from promptlab.formats._source import Fields, Path_, Source, file_beside, read_bytes, read_source, read_source_text
from promptlab.formats.promptfoo_csv import csv_tests
from promptlab.formats.promptfoo_prompts import CODE, CODE_ENDINGS
from promptlab.formats.promptfoo_values import is_date, spelled

MAX_CASES = 20_000
RUN_SETTING = "a setting of a run; promptlab takes it on the command line"


@dataclass(frozen=True)
class Assertion:
    """An assertion as it is written, with the name and the line under which it is reported."""

    value: Any
    name: str
    line: int | None


@dataclass
class TestCase:
    """One test: its variables, assertions and options. `name` and `line` are its place, for the report."""

    name: str
    line: int | None
    variables: dict[str, Any]
    assertions: list[Assertion] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    threshold: Any = None
    output: Any = None


class TestReader:
    """Reads the tests of a configuration and reports their fields."""

    def __init__(self, source: Source, report: ConversionReport, fields: Fields) -> None:
        self.source, self.report, self.fields = source, report, fields
        self.default = TestCase("defaultTest", None, {})

    def cases(self) -> list[TestCase]:
        """Every test, taken apart, with what `defaultTest` gives it. Without tests, one without variables."""
        self._default_test()
        raw = [*self._listed("tests"), *self._scenarios()]
        if not raw and not self.fields.data.get("tests") and not self.fields.data.get("scenarios"):
            raw = [TestCase("tests", None, {})]
        merged = [self._merged(case) for case in raw]
        return list(itertools.islice((one for case in merged for one in self._taken_apart(case)), MAX_CASES))

    def _default_test(self) -> None:
        given = self.fields.data.get("defaultTest")
        if given is None:
            return
        source, line = self.source, self.fields.line("defaultTest")
        at: Path_ = ("defaultTest",)
        fields = self.fields.inside("defaultTest")
        if isinstance(given, str):
            full = file_beside(self.source.path, given)
            if full is None or full.suffix not in (".yaml", ".yml", ".json"):
                self.fields.drop("defaultTest", "a file that is not read")
                return
            source = read_source(full, given)
            self.fields.translate("defaultTest", f"read from {given}")
            given, at = source.data, ()
            fields = Fields(source, ConversionReport(), given)
        if isinstance(given, Mapping):
            fields.translate("vars", "values each test has unless it says otherwise")
            self.default = self._test(given, fields, "defaultTest", line, (source, (*at, "assert")))

    # the entries of `tests`

    def _listed(self, key: str) -> list[TestCase]:
        given = self.fields.data.get(key)
        if given is None:
            return []
        self.fields.named.add(key)
        listed = given if isinstance(given, list) else [given]
        cases: list[TestCase] = []
        for number, test in enumerate(listed):
            at: Path_ = (key, number) if isinstance(given, list) else (key,)
            cases += self._entry(test, at)
        return cases

    def _entry(self, test: Any, at: Path_) -> list[TestCase]:
        name, line = ".".join(map(str, at)), self.source.line(at)
        if isinstance(test, Mapping) and isinstance(test.get("path"), str) and "vars" not in test:
            test = test["path"]
        if isinstance(test, str):
            try:
                rows = [row for path in self._files(test) for row in self._rows(path, name)]
            except FormatError as exc:
                place = f" (line {exc.line})" if exc.line else ""
                self.report.add(name, "not understood", line, f"{exc.what}{place}")
                return []
            self.report.add(name, "translated", line, f"{len(rows)} tests read from {test}")
            return rows
        if not isinstance(test, Mapping):
            self.report.add(name, "not understood", line, "neither a test nor a file of tests")
            return []
        fields = Fields(self.source, self.report, test, at)
        before = len(self.report.entries)
        case = self._test(test, fields, name, line, (self.source, (*at, "assert")))
        if len(self.report.entries) == before:
            self.report.add(name, "taken", line)
        return [case]

    def _test(
        self, test: Mapping[str, Any], fields: Fields, name: str, line: int | None, asserts: tuple[Source, Path_]
    ) -> TestCase:
        """The test in a mapping; its fields are reported."""
        case = TestCase(name, line, self._variables(test.get("vars"), fields, fields.source.path))
        case.description = str(fields.take("description") or "")
        options = test.get("options")
        if isinstance(options, Mapping):
            self._options(options, fields.inside("options"), case)
        given = test.get("assert")
        fields.named |= {"assert", "assertScoringFunction"} if isinstance(given, list) else {"assert"}
        source, at = asserts
        for number, assertion in enumerate(given if isinstance(given, list) else []):
            place = (*at, number)
            case.assertions.append(Assertion(assertion, f"{name}.assert.{number}", source.line(place)))
        case.threshold = test.get("threshold")
        fields.drop("threshold", "a mean of scores; here every scorer must pass, so its assertions are not taken over")
        case.output = fields.drop("providerOutput", "a stored answer; promptlab records answers itself")
        fields.drop("metadata", "kept in the original")
        if isinstance(test.get("prompts"), list):
            case.options["prompts"] = fields.translate("prompts", "a case of these templates only")
        if "assertScoringFunction" in test:
            fields.drop("assertScoringFunction", CODE)
        fields.rest("kept in the original")
        return case

    def _options(self, options: Mapping[str, Any], fields: Fields, case: TestCase) -> None:
        for key in ("prefix", "suffix"):
            if isinstance(options.get(key), str):
                case.options[key] = options[key]
                fields.translate(key, f"text {'before' if key == 'prefix' else 'behind'} the prompt")
        if "disableVarExpansion" in options:
            case.options["disableVarExpansion"] = bool(options["disableVarExpansion"])
            fields.take("disableVarExpansion")
        if options.get("disableDefaultAsserts") is True:
            case.options["disableDefaultAsserts"] = True
            fields.take("disableDefaultAsserts")
        case.options |= {"provider": options["provider"]} if "provider" in options else {}
        for key in ("transform", "transformVars", "postprocess"):
            fields.drop(key, CODE)
            case.options |= {key: options[key]} if key in options else {}
        fields.rest(RUN_SETTING)

    def _variables(self, given: Any, fields: Fields, path: Path) -> dict[str, Any]:
        """The variables of a test: a mapping, or the files that hold it."""
        if isinstance(given, str | list):
            values: dict[str, Any] = {}
            names = [given] if isinstance(given, str) else [one for one in given if isinstance(one, str)]
            try:
                for file in [file for name in names for file in self._files(name, path)]:
                    read = read_source(file, file.name)
                    values |= (
                        {k: spelled(v, read) for k, v in read.data.items()} if isinstance(read.data, Mapping) else {}
                    )
            except FormatError as exc:
                fields.drop("vars", exc.what)
                return {}
            fields.translate("vars", f"read from {', '.join(names)}")
            return values
        if given is not None and not isinstance(given, Mapping):
            fields.drop("vars", "neither a mapping nor a file")
            return {}
        fields.take("vars")
        for key, value in (given or {}).items():
            if isinstance(value, str) and is_date(value, fields.source):
                note = f"`{key}` is a date, which promptfoo prints as [object Object]; here it is its text"
                fields.report.add(f"{fields.name('vars')}.{key}", "not understood", fields.line("vars"), note)
        return {key: spelled(value, fields.source) for key, value in (given or {}).items()}

    # files

    def _files(self, reference: str, path: Path | None = None) -> list[Path]:
        """The files that a reference or a pattern names."""
        name = reference.removeprefix("file://")
        if re.sub(r":\w+$", "", name).endswith(CODE_ENDINGS):
            raise FormatError(f"{reference}: {CODE}")
        if ":" in name:
            raise FormatError("a remote reference; nothing is fetched")
        beside = path or self.source.path
        if re.search(r"[*?\[{]", name):
            try:
                found = sorted(beside.parent.glob(name))
            except (ValueError, NotImplementedError) as exc:
                raise FormatError(f"`{name}` is no pattern inside the folder of the configuration") from exc
            files = [file for one in found if (file := file_beside(beside, str(one)))]
            if not files:
                raise FormatError(f"no file matches `{name}` in the folder of the configuration")
            return files
        full = file_beside(beside, name)
        if full is None:
            raise FormatError("there is no such file inside the folder of the configuration")
        return [full]

    def _rows(self, path: Path, entry: str) -> Iterator[TestCase]:
        """The tests in a file. A row of a YAML file is a test, one of a CSV file a row of variables."""
        shown = path.name
        if path.suffix == ".csv":
            for row in csv_tests(read_source_text(path, shown), shown, self.report, entry):
                case = TestCase(f"{entry} ({shown})", row.line, row.variables, options=row.options)
                case.assertions = [Assertion(one, f"{shown}.{name}", row.line) for name, one in row.assertions]
                case.description, case.threshold = row.description, row.threshold
                yield case
            return
        if path.suffix == ".jsonl":
            yield from self._json_lines(path, entry)
            return
        if path.suffix not in (".yaml", ".yml", ".json"):
            raise FormatError(f"tests in {path.suffix or 'such'} files are not read")
        source = read_source(path, shown)
        listed = source.data if isinstance(source.data, list) else [source.data]
        for number, row in enumerate(listed):
            at: Path_ = (number,) if isinstance(source.data, list) else ()
            yield self._row(row, source, at, f"{entry} ({shown})")

    def _row(self, row: Any, source: Source, at: Path_, name: str) -> TestCase:
        if not isinstance(row, Mapping):
            raise FormatError("a row that is no test", line=source.line(at))
        own = ConversionReport()
        case = self._test(row, Fields(source, own, row, at), name, source.line(at), (source, (*at, "assert")))
        for one in own.of("not understood"):
            field_ = one.field.removeprefix(".".join(map(str, at))).strip(".")
            self.report.add(f"{name}.{field_}", one.what, one.line, one.note)
        case.assertions = [Assertion(a.value, f"{name}.assert", a.line) for a in case.assertions]
        return case

    def _json_lines(self, path: Path, entry: str) -> Iterator[TestCase]:
        for number, line in enumerate(read_bytes(path, path.name).decode("utf-8", "replace").split("\n"), 1):
            if not line.strip():
                continue
            try:
                data = json.loads(line)
            except ValueError as exc:
                raise FormatError("not JSON", line=number) from exc
            yield self._row(data, Source(path, path.name, line, data, lines={(): number}), (), f"{entry} ({path.name})")

    # scenarios, defaults, lists

    def _scenarios(self) -> Iterator[TestCase]:
        given = self.fields.data.get("scenarios")
        if given is None:
            return
        if not isinstance(given, list) or not all(
            isinstance(s, Mapping) and isinstance(s.get("config"), list) for s in given
        ):
            self.fields.drop("scenarios", "in files or in a form that is not read")
            return
        self.fields.translate("scenarios", "each of their tests with each of their values")
        for number, scenario in enumerate(given):
            tests = scenario.get("tests")
            entries = [{}] if tests is None else tests if isinstance(tests, list) else [tests]
            cases = [
                case for n, test in enumerate(entries) for case in self._entry(test, ("scenarios", number, "tests", n))
            ]
            for part, data in enumerate(scenario["config"]):
                for before in self._entry(data, ("scenarios", number, "config", part)):
                    yield from (_both(before, case) for case in cases)

    def _merged(self, case: TestCase) -> TestCase:
        default = self.default
        own = [] if case.options.get("disableDefaultAsserts") else default.assertions
        return TestCase(
            case.name, case.line, {**default.variables, **case.variables}, [*own, *case.assertions],
            {**default.options, **case.options}, case.description,
            default.threshold if case.threshold is None else case.threshold,
        )  # fmt: skip

    def _taken_apart(self, case: TestCase) -> Iterator[TestCase]:
        """The tests that promptfoo makes of one with lists or patterns of files in its variables."""
        if case.options.get("disableVarExpansion"):
            combinations: Sequence[Mapping[str, Any]] = [case.variables]
        else:
            choices = [[(key, one) for one in self._choices(value)] for key, value in case.variables.items()]
            combinations = [dict(pairs) for pairs in itertools.islice(itertools.product(*choices), MAX_CASES)]
        if len(combinations) > 1:
            where = f"{case.name}.vars"
            self.report.add(where, "translated", case.line, "one case for each combination of listed values")
        for values in combinations:
            yield TestCase(
                case.name, case.line, dict(values), case.assertions, case.options, case.description, case.threshold
            )

    def _choices(self, value: Any) -> list[Any]:
        if isinstance(value, list) and value and isinstance(value[0], str):
            return value
        if isinstance(value, str) and value.startswith("file://") and re.search(r"[*?\[{]", value):
            try:
                found = self._files(value)
            except FormatError:
                return [value]
            return [f"file://{path.relative_to(self.source.path.parent.resolve()).as_posix()}" for path in found]
        return [value]


def _both(before: TestCase, case: TestCase) -> TestCase:
    return TestCase(
        case.name, case.line, {**before.variables, **case.variables}, [*before.assertions, *case.assertions],
        {**before.options, **case.options}, case.description or before.description, case.threshold,
    )  # fmt: skip
