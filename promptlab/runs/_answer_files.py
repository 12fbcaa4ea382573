"""Answers of runs as files: CSV for spreadsheets, JSON for programs, Markdown for people.

answers = read_answers(store, [run], workspace, catalogue)
file = write_answers(answers, "csv")
file.text, file.label, file.notes              # the label is the highest of all text in the file
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.errors import ExampleError, PromptlabError
from promptlab.models import Catalogue
from promptlab.runs._cost import cost_of
from promptlab.runs._rating import Rating
from promptlab.runs._report import result_as_json
from promptlab.runs._result_to_example import inputs_of_result, label_of_result
from promptlab.runs._run_info import RunInfo
from promptlab.runs._store import Store
from promptlab.types import Label, Result, highest
from promptlab.workspace import Workspace

AnswerFormat = Literal["csv", "json", "markdown"]
ANSWER_FORMATS: Mapping[AnswerFormat, str] = {"csv": "answers.csv", "json": "answers.json", "markdown": "answers.md"}
"""The formats, each with the usual name of its file."""

# What a spreadsheet takes for a formula, also behind white space, and in the wide letters of East Asian keyboards.
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_INPUT = "input: "


@dataclass(frozen=True)
class Answer:
    """A result with all that a file says of it. `inputs` is empty if they cannot be read back from the prompt."""

    run: RunInfo
    result: Result
    inputs: Mapping[str, str]
    label: Label
    rating: Rating
    cost: float | None


@dataclass(frozen=True)
class AnswerFile:
    """The text of a file, the highest label of its content, and notes on what is written otherwise than it is."""

    text: str
    label: Label
    notes: tuple[str, ...] = ()

    @property
    def content(self) -> bytes:
        """The text as UTF-8. Half a character (a lone surrogate), which UTF-8 has no bytes for, is written as an
        escape."""
        return self.text.encode("utf-8", "backslashreplace")


def shown_inputs(result: Result) -> dict[str, str]:
    """The inputs of a result, for showing: empty if they cannot be read back from its prompt."""
    try:
        return inputs_of_result(result)
    except ExampleError:
        return {}


def read_answers(store: Store, runs: Iterable[RunInfo], workspace: Workspace, catalogue: Catalogue) -> Iterator[Answer]:
    """All answers of these runs, with their ratings and costs, read a run at a time."""
    for info in runs:
        for run_id in info.ids:
            results = store.results(run_id)
            ratings = store.ratings.of(result.id for result in results)
            for result in results:
                yield Answer(
                    run=info,
                    result=result,
                    inputs=shown_inputs(result),
                    label=label_of_result(workspace, result),
                    rating=ratings.get(result.id, Rating(result.id)),
                    cost=cost_of(result, catalogue),
                )


def write_answers(answers: Iterable[Answer], format_: AnswerFormat) -> AnswerFile:
    """A file with `answers`. Raises `PromptlabError` if there are none."""
    chosen = list(answers)
    if not chosen:
        raise PromptlabError("there is no answer to export", hint="choose a run with answers")
    writers: Mapping[AnswerFormat, Callable[[Sequence[Answer]], tuple[str, tuple[str, ...]]]] = {
        "csv": _csv,
        "json": _json,
        "markdown": _markdown,
    }
    text, notes = writers[format_](chosen)
    if any("\ud800" <= character <= "\udfff" for character in text):
        notes = (*notes, "Half characters (lone surrogates) are written as escapes: UTF-8 has no bytes for them.")
    return AnswerFile(text, highest([answer.label for answer in chosen]), notes)


def _fields(answer: Answer) -> dict[str, Any]:
    """What a file says of an answer, but for its inputs."""
    run, result, rating = answer.run, answer.result, answer.rating
    done, usage = result.completion, result.tokens
    return {
        "run": result.run_id,
        "name": run.name or run.title,
        "time": result.created,
        "template": run.template,
        "model": result.model,
        "case": result.case,
        "repeat": result.request.repeat if result.request else None,
        "expected": result.expected,
        "answer": result.text,
        "finish_reason": done.finish_reason if done else "",
        "error": result.error,
        "score": result.score,
        "rating": rating.verdict,
        "comment": rating.comment,
        "corrected": rating.corrected,
        "from_history": result.cached,
        "prompt_tokens": usage.prompt,
        "new_tokens": usage.written,
        "seconds": round(done.timings.total, 4) if done and not result.cached else None,
        "cost_usd": answer.cost,
        "label": answer.label,
    }


def _csv(answers: Sequence[Answer]) -> tuple[str, tuple[str, ...]]:
    names = list(dict.fromkeys(name for answer in answers for name in answer.inputs))
    safe = _SafeCells()
    out = io.StringIO(newline="")
    # Everything in quotes: a text with the separator of another country stays one cell.
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    first = list(_fields(answers[0]))
    writer.writerow([safe.text(f"{_INPUT}{name}") for name in names] + first)
    for answer in answers:
        cells = [safe.text(answer.inputs.get(name, "")) for name in names]
        writer.writerow([*cells, *map(safe.cell, _fields(answer).values())])
    notes: tuple[str, ...] = ()
    if safe.changed:
        notes = (
            f"{safe.changed} cell{'s' if safe.changed > 1 else ''} would be taken for a formula by a spreadsheet and "
            "begin with an apostrophe (') here. The JSON file has the exact text.",
        )
    # The mark tells Excel that the file is UTF-8; what promptlab reads may have it.
    return "\ufeff" + out.getvalue(), notes


class _SafeCells:
    """Makes cells of values, and counts those that were changed so that no spreadsheet executes them."""

    def __init__(self) -> None:
        self.changed = 0

    def cell(self, value: Any) -> Any:
        if value is None:
            return ""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
        return self.text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))

    def text(self, text: str) -> str:
        if _FORMULA.match(text):
            self.changed += 1
            return f"'{text}"
        return text


def _json(answers: Sequence[Answer]) -> tuple[str, tuple[str, ...]]:
    rows = []
    for answer in answers:
        fields = _fields(answer)
        named = {"inputs": dict(answer.inputs), **fields}
        extra = {name: value for name, value in result_as_json(answer.result).items() if name not in ("text", *named)}
        rows.append({**named, **extra})
    return json.dumps(rows, ensure_ascii=False, indent=2, default=str) + "\n", ()


def _markdown(answers: Sequence[Answer]) -> tuple[str, tuple[str, ...]]:
    parts = ["# Answers\n"]
    run = ""
    for answer in answers:
        if answer.run.id != run:
            run = answer.run.id
            parts.append(f"## {_line(answer.run.heading)}\n\n{_line(answer.run.template)}, {answer.run.created}\n")
        parts.append(_markdown_of(answer))
    return "\n".join(parts), ()


def _markdown_of(answer: Answer) -> str:
    fields = _fields(answer)
    lines = [f"### {_line(answer.result.model)}\n"]
    for name, value in answer.inputs.items():
        lines.append(f"{_line(name)}:\n\n{_fenced(value)}\n")
    for name in ("expected", "answer", "error", "corrected", "comment"):
        value = fields[name]
        if value not in ("", None) or (name == "answer" and answer.result.ok):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            lines.append(f"{name}:\n\n{_fenced(text)}\n")
    facts = {
        name.replace("_", " "): fields[name]
        for name in ("case", "rating", "score", "finish_reason", "prompt_tokens", "new_tokens", "seconds", "cost_usd")
    }
    facts["label"] = answer.label
    known = [f"{name} {_line(str(value))}" for name, value in facts.items() if value not in ("", None)]
    return "\n".join([*lines, f"{', '.join(known)}\n"])


def _line(text: str) -> str:
    """`text` as one line of Markdown that shows exactly this text."""
    return re.sub(r"([\\`*_{}\[\]()<>#|~$!&])", r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> str:
    """`text` as a block of code, with a fence that no line of it can end."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}\n{text}\n{fence}"
