"""Tests of promptfoo in a CSV file: columns are variables, and columns that begin with two underscores say more.

    ticket,__expected,__description,__prefix
    My parcel is late,not-contains: sorry,late,

`__expected` is an assertion in a short form (`contains: x`, `similar(0.8): x`, `javascript: …`); without a form it is
an answer that must be equal.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._report import ConversionReport

_TYPES = (
    "answer-relevance|bleu|classifier|contains|contains-all|contains-any|contains-html|contains-json|contains-sql|"
    "contains-xml|context-faithfulness|context-recall|context-relevance|conversation-relevance|cost|equals|factuality|"
    "finish-reason|g-eval|gleu|guardrails|icontains|icontains-all|icontains-any|is-html|is-json|is-refusal|is-sql|"
    "is-valid-function-call|is-valid-openai-function-call|is-valid-openai-tools-call|is-xml|javascript|latency|"
    "levenshtein|llm-rubric|meteor|model-graded-closedqa|model-graded-factuality|moderation|perplexity|"
    "perplexity-score|pi|python|regex|rouge-n|ruby|search-rubric|similar|similar:cosine|similar:dot|"
    "similar:euclidean|skill-used|starts-with|tool-call-f1|trace-error-spans|trace-span-count|trace-span-duration|"
    "trajectory:goal-success|trajectory:step-count|trajectory:tool-args-match|trajectory:tool-sequence|"
    "trajectory:tool-used|webhook|word-count|agent-rubric"
)
_SHORT = re.compile(rf"(not-)?({_TYPES})(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?", re.DOTALL)
_LISTS = ("contains-all", "contains-any", "icontains-all", "icontains-any")
_CODE = re.compile(r"(?:javascript|fn|eval):|file://.*\.(?:js|mjs|cjs|ts)\b")
_THRESHOLDS = (
    "answer-relevance", "classifier", "context-faithfulness", "context-recall", "context-relevance", "cost", "latency",
    "levenshtein", "perplexity-score", "perplexity", "rouge-n", "similar", "starts-with",
)  # fmt: skip


@dataclass
class CsvTest:
    """One row: its variables, assertions with the name of their column, and options."""

    line: int
    variables: dict[str, Any] = field(default_factory=dict)
    assertions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    threshold: Any = None


def csv_tests(text: str, shown: str, report: ConversionReport, entry: str) -> Iterator[CsvTest]:
    """The rows of a CSV file of tests. A row that promptfoo refuses is reported; the others are read."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, report, f"{entry} ({shown})")
        for row in reader:
            if len(row) != len(header):
                note = f"{len(row)} columns instead of {len(header)}: promptfoo refuses the file"
                report.add(f"{entry} ({shown}).line {reader.line_num}", "not understood", reader.line_num, note)
                continue
            yield _row(dict(zip(header, row, strict=True)), reader.line_num)
    except csv.Error as exc:
        raise FormatError(f"not CSV: {exc}", line=reader.line_num) from exc


def _check_header(header: list[str], report: ConversionReport, name: str) -> None:
    notes = {
        "__metric": "the name of a metric",
        "__threshold": "a mean of scores; here every scorer must pass",
        "__providerOutput": "a stored answer; promptlab records answers itself",
        "__metadata": "needs a key, such as `__metadata:category`",
    }
    for column in header:
        if column in ("__prefix", "__suffix"):
            where = "before" if column == "__prefix" else "behind"
            report.add(f"{name}.{column}", "translated", 1, f"text {where} the prompt")
        elif column == "__description":
            report.add(f"{name}.{column}", "translated", 1, "the id of the case")
        elif column in notes or column.startswith(("__metadata:", "__config:")):
            report.add(f"{name}.{column}", "not understood", 1, notes.get(column, "kept in the original"))
        elif not column:
            report.add(f"{name}.column {header.index(column) + 1}", "not understood", 1, "a column without a name")


def _row(row: dict[str, str], line: int) -> CsvTest:
    test = CsvTest(line)
    for key, value in row.items():
        if key.startswith("__expected"):
            if value.strip():
                test.assertions.append((key, short_assertion(value.strip())))
        elif key in ("__prefix", "__suffix"):
            if value:
                test.options[key.removeprefix("__")] = value
        elif key == "__description":
            test.description = value
        elif key == "__threshold":
            test.threshold = value.strip() or None
        elif key and not key.startswith(("__metadata", "__config:")) and key not in ("__metric", "__providerOutput"):
            test.variables[key] = value
    return test


def short_assertion(text: str) -> dict[str, Any]:
    """The assertion that a short form stands for, as promptfoo reads it."""
    if _CODE.match(text):
        return {"type": "javascript", "value": text}
    if text.startswith(("grade:", "llm-rubric:")):
        return {"type": "llm-rubric", "value": text.partition(":")[2]}
    if text.startswith("python:") or (text.startswith("file://") and re.search(r"\.py(:|$)", text)):
        return {"type": "python", "value": text}
    match = _SHORT.fullmatch(text)
    if match is None:
        return {"type": "equals", "value": text}
    kind, value = f"{match[1] or ''}{match[2]}", match[4]
    if match[2] in _LISTS:
        return {"type": kind, "value": comma_values(value) if value else value}
    if match[2] in ("contains-json", "is-json"):
        return {"type": kind, "value": value}
    short: dict[str, Any] = {"type": kind, "value": None if value is None else value.strip()}
    if match[2] in _THRESHOLDS:
        short["threshold"] = float(match[3]) if match[3] else 0.8 if match[2] == "similar" else 0.75
    return short


def comma_values(text: str) -> list[str]:
    """Values between commas; one in quotes may hold commas, and a quote that is doubled or after a backslash."""
    values, at = [], 0
    while at < len(text):
        if text[at] in " \t\r\n,":
            at += 1
            continue
        quoted = re.compile(r'"((?:\\["\\]|""|[^"])*)"\s*').match(text, at)
        if quoted:
            values.append(re.sub(r'\\(["\\])|"(")', lambda match: match[1] or match[2], quoted[1]))
            at = quoted.end()
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            values.append(text[at:end].strip())
            at = end
    return values
