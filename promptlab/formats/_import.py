"""Bringing foreign files into a workspace: guess what a file is, read it, and write what it became beside its original.

    format_ = guess("promptfooconfig.yaml", content)             # "promptfoo"
    imported = read(format_, "promptfooconfig.yaml", content)    # nothing is written yet
    write(workspace, imported, "promptfooconfig.yaml", Places())

The command line and the browser both go through here.
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
from promptlab.formats._registry import reader_for
from promptlab.formats._source import Imported, ImportFolders
from promptlab.formats._without_keys import without_keys
from promptlab.workspace import Workspace

SNIFFED_CHARACTERS = 200_000
"""Characters of a file that a guess looks at."""

_KEY = r"(?m)^[ \t]*[\"']?{}[\"']?[ \t]*:"
_SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("promptsource", (r"!Template\b",)),
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
"""What tells a format by its text: the first whose patterns are all in it."""

IMPORT_ENDINGS = (".yaml", ".yml", ".json", ".jsonl", ".csv", ".prompty", ".txt", ".md")
"""Of files that can be one of the formats at all."""


def guess_format(name: str, content: bytes) -> str | None:
    """The format that a file called `name` most likely has; None where nothing speaks for any."""
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    if ending == ".prompty":
        return "prompty"
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
    """What the file `name` with this content becomes; nothing is written. `beside` are the files that came with it, by
    name: those it refers to are read.

    Raises `FormatError` where it is not of the format.
    """
    base = _base(name)
    if len(content) > MAX_BYTES:
        hint = "is this the file you meant?"
        raise FormatError(f"larger than {MAX_BYTES // 1_000_000} MB", file=base, hint=hint)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FormatError("UTF-16 text", file=base, hint="save the file as UTF-8")
    if b"\0" in content[:SNIFFED_CHARACTERS]:
        raise FormatError("not a text file", file=base, hint="prompts of other tools are YAML, JSON, CSV or text")
    with tempfile.TemporaryDirectory(prefix="promptlab-") as outer:
        # Some formats name what they make after the folder of the file; this one has the same name every time.
        folder = Path(outer) / "import"
        folder.mkdir()
        for other, text in {**{_base(n): c for n, c in (beside or {}).items()}, base: content}.items():
            try:
                (folder / other).write_bytes(text)
            except (OSError, ValueError) as exc:
                if other != base:
                    continue
                raise FormatError("a file of this name cannot be kept", file=base, hint="rename it") from exc
        return reader_for(format_)(folder / base, base, places or ImportFolders())


def _base(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name or "file"


def files_to_write(imported: Imported, name: str, places: ImportFolders) -> dict[str, bytes]:
    """Every file that the import writes, by its path: what was made of the source, and the source itself without its
    keys, which goes into the folder that the templates have to themselves, where they have one. A source out of which
    a key cannot be taken for sure is not kept."""
    if not imported.files:
        return {}
    folders = {str(PurePosixPath(file.path).parent) for file in imported.files if file.kind == "template"}
    folder = folders.pop() if len(folders) == 1 else places.templates
    made = {file.path: file.text.encode("utf-8", "surrogatepass") for file in imported.files}
    original = without_keys(imported.original)
    if original is None:
        return made
    return made | {f"{folder}/{_base(name)}.original": original}


def conflicting_paths(workspace: Workspace, wanted: dict[str, bytes]) -> list[str]:
    """The paths of `wanted` at which something else is already."""
    return [path for path, content in wanted.items() if _differs(workspace.resolve(path), content)]


def _differs(full: Path, content: bytes) -> bool:
    try:
        return full.exists() and (not full.is_file() or full.read_bytes() != content)
    except OSError:
        return True


def write_import(
    workspace: Workspace, imported: Imported, name: str, places: ImportFolders, *, force: bool = False
) -> list[str]:
    """Write what was imported from `name` and the original, all or none; the paths. Nothing is written where one of the
    files is in the way, unless `force` replaces it.

    Raises `FormatError` for what is in the way, `InputError` where a file cannot be written.
    """
    wanted = files_to_write(imported, name, places)
    for path in conflicting_paths(workspace, wanted):
        if not force or not workspace.resolve(path).is_file():
            raise FormatError(f"`{path}` is there already and differs", file=name, hint="--force overwrites it")
    try:
        changed = {path: content for path, content in wanted.items() if _is_new(workspace.resolve(path), content)}
        if changed:
            all_or_none.write(workspace.root, changed)
    except OSError as exc:
        raise InputError(f"cannot be written: {exc.strerror}", file=name, hint=faults.advice(exc)) from exc
    return list(wanted)


def _is_new(full: Path, content: bytes) -> bool:
    return not full.exists() or full.read_bytes() != content


def write_file(path: Path, content: bytes, shown: str) -> None:
    """Write a file whole or not at all; `InputError` names it as `shown`."""
    try:
        write_atomically(path, content)
    except OSError as exc:
        raise InputError(f"cannot be written: {exc.strerror}", file=shown, hint=faults.advice(exc)) from exc
