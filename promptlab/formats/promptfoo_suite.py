"""Writes the tests of a promptfoo configuration as a suite, and the right answers among them as a pool of examples."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from promptlab import templates
from promptlab._yaml import dump_yaml
from promptlab.formats._report import ConversionReport, Imported
from promptlab.formats._source import pool_line, slug
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.promptfoo_asserts import AsScorers, combined, scorers_of
from promptlab.formats.promptfoo_tests import Assertion, TestCase

NO_MODEL = "choose-a-model"
INLINE_CASES = 50


@dataclass
class ImportedCase:
    """A test with its variables, and its inputs for the templates that were made."""

    test: TestCase
    variables: dict[str, Any]
    inputs: dict[str, Any] = field(default_factory=dict)
    templates: list[str] = field(default_factory=list)
    problem: bool = False
    differs: bool = False

    def add(self, path: str, inputs: Mapping[str, Any] | None) -> None:
        """Note the inputs of the template at `path`."""
        if inputs is None:
            return
        if any(name in self.inputs and self.inputs[name] != value for name, value in inputs.items()):
            self.differs = True
        self.inputs = {**inputs, **self.inputs}
        self.templates.append(path)


class SuiteWriter:
    """Adds the suite and the pool of a configuration to the result of its import."""

    def __init__(self, result: Imported, places: ImportFolders, name: str, judges: Mapping[str, str]) -> None:
        self.result, self.places, self.name, self.judges = result, places, name, judges
        self.report: ConversionReport = result.report

    def write(self, description: str, cases: Sequence[ImportedCase]) -> None:
        """Report every assertion, and add the files."""
        found = [self._scorers(case) for case in cases]
        made = any(file.kind == "template" for file in self.result.files)
        usable = [(c, a) for c, a in zip(cases, found, strict=True) if c.templates and not c.problem and not c.differs]
        for case in cases:
            if case.differs:
                note = "its values differ from prompt to prompt, so this case is left out"
                self.report.add(f"{case.test.name}.vars", "not understood", case.test.line, note)
        if made and (len(usable) > 1 or any(answers for _, answers in usable)):
            self._suites(description, usable)
        pool = _pool(usable)
        if pool:
            self.result.add(f"{self.places.pools}/{self.name}.jsonl", pool, "pool")

    def _scorers(self, case: ImportedCase) -> list[AsScorers]:
        found = []
        for assertion in case.test.assertions:
            value = assertion.value
            if isinstance(value, Mapping) and "provider" not in value and "provider" in case.test.options:
                value = {**value, "provider": case.test.options["provider"]}
            if case.test.threshold is not None:
                one = AsScorers(note="counts towards the test's `threshold`, a mean of scores")
            elif any(key in case.test.options for key in ("transform", "postprocess")):
                one = AsScorers(note="is about an answer that code changed")
            else:
                one = scorers_of(value, case.variables, self.judges)
            self._say(assertion, one)
            if one.scorers:
                found.append(one)
        return found

    def _say(self, assertion: Assertion, one: AsScorers) -> None:
        name = assertion.name
        if not name.rpartition(".")[2].isdigit():  # from a file: one entry for each kind
            kind = assertion.value.get("type") if isinstance(assertion.value, Mapping) else "assertion"
            name = f"{name}.{kind}"
        self.report.add(name, "translated" if one.scorers else "not understood", assertion.line, one.note)

    def _suites(self, description: str, cases: Sequence[tuple[ImportedCase, list[AsScorers]]]) -> None:
        """A suite for the templates with the same inputs: all templates of a suite get the inputs of every case."""
        groups: dict[frozenset[str], list[str]] = {}
        for file in self.result.files:
            if file.kind == "template":
                groups.setdefault(frozenset(templates.parse(file.text, path=file.path).inputs), []).append(file.path)
        written = [self._suite(description, names, paths, cases) for names, paths in groups.items()]
        if len(written) > 1:
            note = f"one for the templates with the same variables: {', '.join(written)}"
            self.report.add("suites", "translated", None, note)
        if not self.result.models:
            note = f"no provider came over: put the names of your models in {', '.join(written)}"
            self.report.add("models of the suite", "not understood", None, note)

    def _suite(
        self,
        description: str,
        inputs: frozenset[str],
        paths: Sequence[str],
        cases: Sequence[tuple[ImportedCase, list[AsScorers]]],
    ) -> str:
        """Add the suite of the templates at `paths`. Returns its path."""
        names: dict[str, int] = {}
        rows = [_row(case, inputs, found, names) for case, found in cases]
        data: dict[str, Any] = {"description": description} if description else {}
        data |= {"template": paths[0], "models": list(self.result.models) or [NO_MODEL]}
        if len(paths) > 1:
            data["variants"] = {_variant(path, paths): {"template": path} for path in paths}
        if len(rows) <= INLINE_CASES:
            data["cases"] = rows
        else:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            data["cases"] = [{"file": self.result.add(f"{self.places.suites}/{self.name}.jsonl", text, "suite")}]
        head = "" if self.result.models else "# models: none of promptfoo's providers is a model here; name your own\n"
        return self.result.add(f"{self.places.suites}/{self.name}.yaml", head + dump_yaml(data), "suite")


def _variant(path: str, paths: Sequence[str]) -> str:
    stem = PurePosixPath(path).stem
    return stem if sum(PurePosixPath(other).stem == stem for other in paths) == 1 else slug(path)


def _row(
    case: ImportedCase, inputs: frozenset[str], found: Sequence[AsScorers], names: dict[str, int]
) -> dict[str, Any]:
    scorers, expected = combined(found)
    name = slug(case.test.description, "case").replace("#", "-")[:60]
    names[name] = names.get(name, 0) + 1
    own = f"{name}-{names[name]}" if names[name] > 1 or name == "case" else name
    while own != name and own in names:
        names[name] += 1
        own = f"{name}-{names[name]}"
    names.setdefault(own, 1)
    row: dict[str, Any] = {"id": own, "inputs": {n: value for n, value in case.inputs.items() if n in inputs}}
    if expected is not None:
        row["expected"] = expected
    if scorers:
        row["scorers"] = scorers
    return row


def _pool(cases: Sequence[tuple[ImportedCase, list[AsScorers]]]) -> str:
    """The cases with a right answer, as a pool of examples."""
    lines, names = [], set()
    for number, (case, found) in enumerate(cases, 1):
        answer = combined(found)[1]
        if not answer or not case.inputs:
            continue
        name = slug(case.test.description, str(number))
        name = name if name not in names else f"{name}-{number}"
        names.add(name)
        lines.append(pool_line(number, case.inputs, answer, (), name))
    return "".join(lines)
