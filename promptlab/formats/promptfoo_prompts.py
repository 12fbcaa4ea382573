"""The prompts of a promptfoo configuration: texts, files of every kind, patterns, and the old form with labels.

    prompts: [file://prompts/*.txt, {label: triage, raw: "Sort this ticket: {{ ticket }}"}]

A file of text holds several prompts between lines of three dashes. Code is named and never run.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats import _js_values as js
from promptlab.formats._source import Path_, Source, file_beside, read_bytes, source_of

CODE = "code; never run"
CODE_ENDINGS = (
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".mts",
    ".cts",
    ".py",
    ".sh",
    ".rb",
    ".go",
    ".bash",
    ".exe",
    ".bat",
    ".pl",
)
_ENDINGS = r"txt|md|json|jsonl|yaml|yml|j2|js|mjs|cjs|ts|mts|cts|py|csv|sh|rb|go"


@dataclass(frozen=True)
class FoundPrompt:
    """A prompt with its label, its text as promptfoo has it, and what is to be said about it."""

    label: str
    raw: str
    note: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Settings that override those of the providers."""
    names: tuple[str, ...] = ()
    """The label and the id in the configuration, by which a test can choose its prompts."""

    def is_chosen(self, choices: Any) -> bool:
        """True if `prompts` of a test has the prompt: its label or id, or the beginning of one with a star."""
        if not isinstance(choices, list):
            return True
        names = (self.label, *self.names)
        for choice in map(str, choices):
            start = choice[:-1] if choice.endswith("*") else f"{choice}:"
            if any(name == choice or name.startswith(start) for name in names):
                return True
        return False


@dataclass(frozen=True)
class PromptEntry:
    """One entry of `prompts`, with its place in the configuration."""

    at: Path_
    value: Any


def entries_of(given: Any) -> list[PromptEntry]:
    """The entries of `prompts`, which may be one text, one mapping, a list, or a mapping of files to labels."""
    if isinstance(given, Mapping) and not {"raw", "label", "id", "file", "function"} & given.keys():
        return [PromptEntry(("prompts", str(k)), {"id": str(k), "label": str(v)}) for k, v in given.items()]
    if isinstance(given, list):
        return [PromptEntry(("prompts", number), entry) for number, entry in enumerate(given)]
    return [PromptEntry(("prompts",), given)]


class PromptReader:
    """Reads the prompts of entries; `name` is that of a prompt without a label."""

    def __init__(self, source: Source, name: str) -> None:
        self.source, self.name = source, name
        self.folder = source.path.parent

    def read(self, entry: Any) -> list[FoundPrompt]:
        """The prompts of an entry. Raises `FormatError` with the reason if there are none."""
        if isinstance(entry, Mapping):
            return self._object(entry)
        if not isinstance(entry, str):
            raise FormatError("neither a text nor a mapping")
        return self._text(entry, "")

    def _object(self, entry: Mapping[str, Any]) -> list[FoundPrompt]:
        if "function" in entry:
            raise FormatError(CODE)
        label = str(entry.get("label") or entry.get("id") or "")
        raw = entry.get("raw")
        if raw is None:
            raw = entry.get("id") or entry.get("file")
        if not isinstance(raw, str) or not raw:
            raise FormatError("there is no text in it")
        extra = sorted(set(entry) - {"id", "label", "raw", "file", "display", "config"})
        left = f"without {', '.join(extra)}" if extra else ""
        found = self._text(raw, label)
        alone = label if len(found) == 1 else ""
        config = entry["config"] if isinstance(entry.get("config"), Mapping) else {}
        names = tuple(str(entry[key]) for key in ("label", "id") if entry.get(key))
        return [
            FoundPrompt(alone or one.label, one.raw, "; ".join(filter(None, (one.note, left))), config, names)
            for one in found
        ]

    def _text(self, entry: str, label: str) -> list[FoundPrompt]:
        if entry.startswith("exec:"):
            raise FormatError(CODE)
        if re.match(r"[a-z][a-z0-9+.-]*://", entry) and not entry.startswith("file://"):
            raise FormatError("a remote reference; nothing is fetched")
        name = entry.removeprefix("file://")
        one_line = "\n" not in entry and "{" not in entry and len(entry) <= 300
        named = entry.startswith("file://") or (
            one_line and (re.search(rf"\.({_ENDINGS})(:\w+)?$", entry) or ("*" in entry and self._matching(name)))
        )
        if not named:
            return [FoundPrompt(label or self.name, entry)]
        return list(self._file(name))

    def _matching(self, pattern: str) -> list[Path]:
        try:
            paths = sorted(self.folder.glob(pattern))
        except (ValueError, OSError, NotImplementedError):
            return []
        return [path for path in paths if file_beside(self.source.path, str(path))]

    def _file(self, name: str) -> Iterator[FoundPrompt]:
        bare = re.sub(r":\w+$", "", name)
        if bare.endswith(CODE_ENDINGS):
            raise FormatError(f"`{name}` is {CODE}")
        if re.search(r"[*?\[]", name) and not (self.folder / name).is_file():
            matched = self._matching(name)
            if not matched:
                raise FormatError(f"no file matches `{name}` in the folder of the configuration")
            for path in matched:
                if path.suffix not in CODE_ENDINGS:
                    yield from self._file(path.relative_to(self.folder).as_posix())
            return
        full = file_beside(self.source.path, name)
        if full is None:
            raise FormatError(f"there is no `{name}` inside the folder of the configuration")
        note, stem = f"read from {name}", full.stem
        texts = list(_texts_of(full, name))
        if not texts:
            raise FormatError(f"there is no prompt in `{name}`")
        for number, (label, text) in enumerate(texts, 1):
            yield FoundPrompt(label or (f"{stem}-{number}" if len(texts) > 1 else stem), text, note)


def _texts_of(full: Path, name: str) -> Iterator[tuple[str, str]]:
    """The label and text of each prompt in a file, as promptfoo reads it."""
    try:
        text = read_bytes(full, name).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise FormatError(f"`{name}` is not UTF-8 text") from exc
    if full.suffix == ".txt":
        lines = re.split(r"\r?\n", text)
        parts: list[list[str]] = [[]]
        for line in lines:
            if line.strip() == "---":
                parts.append([])
            else:
                parts[-1].append(line)
        yield from (("", part) for lines in parts if (part := "\n".join(lines).strip().strip("\ufeff").strip()))
    elif full.suffix in (".md", ".j2"):
        yield "", text
    elif full.suffix == ".jsonl":
        yield from (("", line) for line in re.split(r"\r?\n", text) if line)
    elif full.suffix == ".csv":
        yield from _csv_prompts(text, name)
    elif full.suffix in (".json", ".yaml", ".yml"):
        yield "", _data_text(full, name, text)
    else:
        raise FormatError(f"`{name}`: prompts in {full.suffix or 'such'} files are not read")


def _data_text(full: Path, name: str, text: str) -> str:
    """The text of a JSON or YAML file as promptfoo has it: JSON without blanks if it can be read, else as it is."""
    try:
        data = json.loads(text) if full.suffix == ".json" else source_of(text, full, name).data
    except (ValueError, RecursionError, FormatError):
        return text
    if '"file://' in json.dumps(data, default=str):
        raise FormatError(f"`{name}` takes in other files, which is not read")
    try:
        return str(js.json_text(js.js_value(data)))
    except js.NotModelled as exc:
        raise FormatError(f"`{name}`: {exc}") from exc


def _csv_prompts(text: str, name: str) -> Iterator[tuple[str, str]]:
    if "," not in text:
        lines = [line for line in re.split(r"\r?\n", text.removeprefix("\ufeff")) if line.strip()]
        start = 1 if lines and lines[0].lower().strip() == "prompt" else 0
        yield from (("", line) for line in lines[start:])
        return
    try:
        for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True, skipinitialspace=True):
            bare = {(key or "").strip(): (value or "").strip() for key, value in row.items() if isinstance(value, str)}
            if bare.get("prompt"):
                yield bare.get("label", ""), bare["prompt"]
    except csv.Error as exc:
        raise FormatError(f"`{name}` is not CSV: {exc}") from exc
