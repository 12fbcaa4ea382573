"""Imports foreign files into a workspace: guess the format, read the file, and write the result with the original.

    format_ = guess_format("promptfooconfig.yaml", content)             # "promptfoo"
    imported = read_import(format_, "promptfooconfig.yaml", content)    # nothing is written yet
    write_import(workspace, imported, "promptfooconfig.yaml", ImportFolders())

The command line and the browser both use it.
"""

from __future__ import annotations

import codecs
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from promptlab._util import disk_errors as faults
from promptlab._util import transaction as all_or_none
from promptlab._util.files import write_atomically
from promptlab._yaml import MAX_BYTES
from promptlab.errors import FormatError, InputError
from promptlab.formats._foreign_fields import MAX_RUN_BYTES
from promptlab.formats._registry import reader_for
from promptlab.formats._report import Imported
from promptlab.formats._run_import import store_run
from promptlab.formats._without_keys import without_keys
from promptlab.formats._workspace_view import ImportFolders
from promptlab.workspace import Workspace

SNIFFED_CHARACTERS = 200_000
"""The most characters of a file that are searched to guess its format."""

_KEY = r"(?m)(?:^[ \t]*|[{{,][ \t]*)[\"']?{}[\"']?[ \t]*:"
_FRONT = r"\A\ufeff?---[ \t]*\r?\n[\s\S]*?^---[ \t]*\r?$"
_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("dotprompt", (f"(?m){_FRONT}", r"\{\{\s*(?:role\s+[\"']|history\b|media\s|#(?:each|if|unless|with)\b)")),
    ("prompty", (f"(?m){_FRONT}", r"(?mi)^[ \t]*#?[ \t]*(?:system|user|assistant|developer)[ \t]*:[ \t]*\r?$")),
    ("promptsource", (r"!Template\b",)),
    ("promptfoo-results", (r"[\"']results[\"']\s*:\s*\{", r"[\"'](?:evalId|promptIdx|gradingResult)[\"']\s*:")),
    ("inspect-log", (r"[\"']eval[\"']\s*:\s*\{", r"[\"'](?:eval_id|task_id)[\"']\s*:")),
    ("chainforge", (_KEY.format("nodes"), _KEY.format("edges"), r"[\"'](?:prompt|textfields|evaluator)[\"']")),
    ("openai-evals", (_KEY.format("(?:testing_criteria|input_messages)"), _KEY.format("data_source(?:_config)?"))),
    ("openai-evals", (_KEY.format("class") + r"[ \t]*[\"']?evals\.", _KEY.format("samples_jsonl"))),
    ("openai-evals", (r"[\"']input[\"']\s*:", r"[\"']ideal[\"']\s*:")),
    ("openai-prompt", (r"[\"']pmpt_", _KEY.format("(?:messages|instructions)"))),
    ("prompt-flow", (_KEY.format("nodes"), _KEY.format("outputs"), r"\$\{")),
    ("github-models", (_KEY.format("messages"), _KEY.format("(?:modelParameters|testData|evaluators|responseFormat)"))),
    ("lm-eval", (_KEY.format("doc_to_text"),)),
    ("lm-eval", (_KEY.format("dataset_path"), _KEY.format("task"))),
    ("promptfoo", (_KEY.format("providers"),)),
    ("promptfoo", (_KEY.format("prompts"), _KEY.format("tests"))),
    ("openai", (r"[\"']messages[\"']\s*:", r"[\"']role[\"']\s*:", r"[\"']model[\"']\s*:")),
    ("langfuse", (r"[\"']prompt[\"']\s*:", r"[\"'](?:labels|version|config|type)[\"']\s*:")),
    ("openai", (r"[\"']messages[\"']\s*:", r"[\"']role[\"']\s*:")),
    ("inspect", (r"[\"']input[\"']\s*:",)),
    ("llm", (r"(?m)^(?:prompt|system)[ \t]*:",)),
)
"""Patterns that identify a format. The first format whose patterns are all in the text is chosen."""

_BY_ENDING = {".prompty": "prompty", ".prompt": "dotprompt", ".cforge": "chainforge"}

RUN_FORMATS = ("promptfoo-results", "inspect-log")
"""Formats that hold answers. Their files may be larger than those of prompts."""

IMPORT_ENDINGS = (".yaml", ".yml", ".json", ".jsonl", ".csv", *_BY_ENDING, ".eval", ".txt", ".md")
"""Endings of files that can be imported."""


def guess_format(name: str, content: bytes) -> str | None:
    """The most likely format of the file `name`; None if there is no sign of any."""
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    if PurePosixPath(name.replace("\\", "/")).name == "flow.dag.yaml":
        return "prompt-flow"
    if name.lower().endswith((".prompt.yml", ".prompt.yaml")):
        return "github-models"
    if ending == ".eval":
        return "inspect-log"
    if ending == ".csv":
        return "inspect"
    if ending not in IMPORT_ENDINGS:
        return None
    text = content[:SNIFFED_CHARACTERS].decode("utf-8", "replace")
    for format_, patterns in _SIGNS:
        if all(re.search(pattern, text) for pattern in patterns):
            return format_
    return "inspect" if ending == ".jsonl" else None


def read_import(
    format_: str,
    name: str,
    content: bytes,
    places: ImportFolders | None = None,
    *,
    beside: Mapping[str, bytes] | None = None,
) -> Imported:
    """Import the file `name` with this content; nothing is written.

    `beside` are other files by name; those that the file refers to are read. Raises `FormatError` if the file does not
    have the format.
    """
    base = _base(name)
    most = MAX_RUN_BYTES if format_ in RUN_FORMATS else MAX_BYTES
    if len(content) > most:
        hint = "is this the file you meant?"
        raise FormatError(f"larger than {most // 1_000_000} MB", file=base, hint=hint)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError("UTF-16 text", file=base, hint="save the file as UTF-8")
    if b"\0" in content[:SNIFFED_CHARACTERS] and format_ != "inspect-log":
        raise FormatError("not a text file", file=base, hint="prompts of other tools are YAML, JSON, CSV or text")
    with tempfile.TemporaryDirectory(prefix="promptlab-") as outer:
        # Some formats name their result after the folder of the file, so the folder always has the same name.
        folder = Path(outer) / "import"
        folder.mkdir()
        for file, text in {**{_base(n): c for n, c in (beside or {}).items()}, base: content}.items():
            try:
                (folder / file).write_bytes(text)
            except (OSError, ValueError) as exc:
                if file != base:
                    continue
                raise FormatError("a file with this name cannot be saved", file=base, hint="rename it") from exc
        return reader_for(format_)(folder / base, base, places or ImportFolders())


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name or "file"


def files_to_write(imported: Imported, name: str, places: ImportFolders) -> dict[str, bytes]:
    """The files that an import writes, by path: the results, and the source without its API keys.

    The source goes into the folder of the templates, if they are all in one. It is left out if a key cannot be removed
    for certain.
    """
    if not imported.files:
        return {}
    folders = {str(PurePosixPath(file.path).parent) for file in imported.files if file.kind == "template"}
    folder = folders.pop() if len(folders) == 1 else places.templates
    files = {file.path: file.text.encode("utf-8", "surrogatepass") for file in imported.files}
    original = without_keys(imported.original)
    if not original:
        return files
    return files | {f"{folder}/{_base(name)}.original": original}


def conflicting_paths(workspace: Workspace, wanted: dict[str, bytes]) -> list[str]:
    """The paths of `wanted` at which another file exists already."""
    return [path for path, content in wanted.items() if _differs(workspace.resolve(path), content)]


def _differs(full: Path, content: bytes) -> bool:
    try:
        return full.exists() and (not full.is_file() or full.read_bytes() != content)
    except OSError:
        return True


def write_import(
    workspace: Workspace, imported: Imported, name: str, places: ImportFolders, *, force: bool = False
) -> list[str]:
    """Write all files of an import, or none; returns their paths.

    Raises `FormatError` if one of them exists with other content and `force` is not set, and `InputError` if a file
    cannot be written.
    """
    wanted = files_to_write(imported, name, places)
    for path in conflicting_paths(workspace, wanted):
        if not force or not workspace.resolve(path).is_file():
            raise FormatError(f"`{path}` exists already and differs", file=name, hint="--force overwrites it")
    try:
        changed = {path: content for path, content in wanted.items() if _is_new(workspace.resolve(path), content)}
        if changed:
            all_or_none.write(workspace.root, changed)
    except OSError as exc:
        raise InputError(f"cannot be written: {exc.strerror}", file=name, hint=faults.advice(exc)) from exc
    for run in imported.runs:
        store_run(workspace, run)
    return list(wanted)


def _is_new(full: Path, content: bytes) -> bool:
    return not full.exists() or full.read_bytes() != content


def write_file(path: Path, content: bytes, shown: str) -> None:
    """Write a file whole or not at all; `InputError` names it as `shown`."""
    try:
        write_atomically(path, content)
    except OSError as exc:
        raise InputError(f"cannot be written: {exc.strerror}", file=shown, hint=faults.advice(exc)) from exc
