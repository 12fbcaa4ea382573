"""Who names a file: templates, suites, files of cases, pools and promptlab.yaml; and their texts with another name.

    edits = renamed_references(workspace, "documents/plan.md", "documents/plan-2026.md")
    edits["templates/brief.yaml"].after        # only the characters of the path differ

Only values that name files are changed. A new text is read again and must say the same but for the name.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from promptlab import examples, templates
from promptlab._util.csv_rows import CsvRows
from promptlab._util.rows import BadRow, json_rows, kind_of, lines_of
from promptlab._yaml import CannotSplice, edit_yaml, parse_yaml
from promptlab.errors import InputError, PromptlabError, ShelfError
from promptlab.shelf._kinds import RULES
from promptlab.workspace import COPIED_FROM, Workspace

SUITES = "fixtures/suites"
_ENDINGS = (".yaml", ".yml", ".jsonl", ".csv", ".tsv")
Renamer = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A file whose text changes."""

    path: str
    before: str
    after: str


def files_that_name(workspace: Workspace, path: str) -> list[str]:
    """The templates, suites, files of cases and pools that name the file at `path`, sorted. A file that cannot be read
    is in the list if the path stands in it: it may name it."""
    users = []
    for file in _texts(workspace, path):
        try:
            if _data_of(file.path, file.before, path, path + "\0") is not None:
                users.append(file.path)
        except (PromptlabError, BadRow, ValueError):
            if path in file.before:
                users.append(file.path)
    return sorted(users)


def renamed_references(workspace: Workspace, old: str, new: str) -> dict[str, TextEdit]:
    """The files that name `old`, with the texts in which they name `new`. Raises `ShelfError` if one cannot be changed
    in place: its place must then be changed by hand first."""
    edits = {}
    for file in _texts(workspace, old):
        try:
            after = renamed_text(file.path, file.before, old, new)
        except (PromptlabError, BadRow, CannotSplice, ValueError) as exc:
            if old not in file.before:
                continue
            hint = f"change `{old}` there by hand, or mend the file, and try again"
            raise ShelfError(f"{file.path} names `{old}` and cannot be changed in place: {exc}", hint=hint) from exc
        if after is not None:
            edits[file.path] = TextEdit(file.path, file.before, after)
    return edits


def _texts(workspace: Workspace, old: str) -> Iterator[TextEdit]:
    """The files that may name `old`: a quick look at their bytes, before they are parsed."""
    stem = PurePosixPath(old).stem.encode("utf-8", "surrogatepass")
    for path in sorted(_candidates(workspace)):
        try:
            data = workspace.resolve(path).read_bytes()
            # A name may be written with escapes, such as `\u00e9`.
            if path != old and (stem in data or b"\\" in data):
                text = data.decode("utf-8")
                yield TextEdit(path, text, text)
        except (PromptlabError, OSError, UnicodeDecodeError):
            continue  # what cannot be read names nothing that could be used


def _candidates(workspace: Workspace) -> set[str]:
    """Every file that may name another one."""
    names = {*templates.template_paths(workspace), *examples.pool_paths(workspace)}
    folder = workspace.root / SUITES
    suites = {workspace.relative(file) for file in folder.rglob("*") if file.suffix in _ENDINGS and file.is_file()}
    for path in suites | set(templates.template_paths(workspace)):
        if path.endswith((".yaml", ".yml")):
            names |= _files_named(workspace, path)
    return {name for name in names | suites if PurePosixPath(name).suffix.lower() in _ENDINGS}


def _files_named(workspace: Workspace, path: str) -> set[str]:
    """Files of cases of a suite, and the pool of a template, wherever they are."""
    try:
        text = workspace.resolve(path).read_bytes().decode("utf-8")
        if "file" not in text and "pool" not in text:
            return set()
        data = parse_yaml(text, shown=path, error=InputError).data
    except (PromptlabError, OSError, UnicodeDecodeError):
        return set()
    if not isinstance(data, Mapping):
        return set()
    shots, cases = data.get("examples"), data.get("cases")
    named = [shots.get("pool")] if isinstance(shots, Mapping) else []
    named += [case.get("file") for case in cases if isinstance(case, Mapping)] if isinstance(cases, list) else []
    return {posixpath.normpath(name) for name in named if isinstance(name, str) and name}


def renamed_text(path: str, text: str, old: str, new: str) -> str | None:
    """`text`, the content of the file at `path`, with `new` for `old`; None if it does not name it."""
    kind = kind_of(path)
    wanted = _data_of(path, text, old, new)
    if wanted is None:
        return None
    if kind == "yaml":
        before = parse_yaml(text, shown=path, error=InputError).data
        after = _yaml_text(text, before, wanted)
        same = bool(parse_yaml(after, shown=path, error=InputError).data == wanted)
    else:
        after = (_jsonl_text if kind == "jsonl" else _csv_text)(text, path, old, new)
        same = _rows(path, after) == wanted
    if not same:
        raise CannotSplice("the result would say something else")
    return after


def _data_of(path: str, text: str, old: str, new: str) -> Any:
    """What the text says with `new` for `old`; None if that changes nothing."""
    rename = renamer(old, new)
    if kind_of(path) == "csv":
        before = _rows(path, text)
        after = [_row(row, rename, _csv_changed(path)) for row in before]
    else:
        before = parse_yaml(text, shown=path, error=InputError).data if kind_of(path) == "yaml" else _rows(path, text)
        after = with_name(before, rename)
    return None if after == before else after


def renamer(old: str, new: str) -> Renamer:
    """A function that gives `new` for a value that names `old`, and any other value as it is."""
    bare_old, bare_new = _bare(old), _bare(new)

    def rename(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if posixpath.normpath(value) == old:
            return new
        # A suite may call a template `triage`.
        return (bare_new or new) if bare_old and value == bare_old else value

    return rename


def _bare(path: str) -> str:
    pure = PurePosixPath(path)
    ok = pure.parent.as_posix() == templates.TEMPLATES_FOLDER and pure.suffix == ".yaml"
    return pure.stem if ok and "." not in pure.stem else ""


def with_name(data: Any, rename: Renamer) -> Any:
    """The data of a template, of a suite, or the rows of a pool or of cases, with its names of files renamed."""
    if isinstance(data, list):
        return [_row(row, rename, _ROW_KEYS) for row in data]
    if not isinstance(data, Mapping):
        return data
    new = dict(data)
    for key, change in _CHANGES.items():
        if key in new:
            new[key] = change(new[key], rename)
    return new


def _context(value: Any, rename: Renamer) -> Any:
    entries = value if isinstance(value, list) else []
    return [_in(e, ("path",), rename) if isinstance(e, Mapping) else rename(e) for e in entries] if entries else value


def _in(value: Any, keys: Iterable[str], rename: Renamer) -> Any:
    """A mapping with the values of `keys` renamed."""
    if not isinstance(value, Mapping):
        return value
    return {key: rename(item) if key in keys else item for key, item in value.items()}


def _variants(value: Any, rename: Renamer) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _in(variant, ("template",), rename) for name, variant in value.items()}


def _scorers(value: Any, rename: Renamer) -> Any:
    """Scorers with their options: a judge may have a template of its own."""
    if not isinstance(value, list):
        return value
    return [
        {name: _in(options, ("template",), rename) for name, options in scorer.items()}
        if isinstance(scorer, Mapping)
        else scorer
        for scorer in value
    ]


def _row(row: Any, rename: Renamer, keys: Collection[str]) -> Any:
    """A row with the values of those of its `keys` that name files renamed. Any other column is an input."""
    if not isinstance(row, Mapping):
        return row
    return {key: _ROW_CHANGES[key](value, rename) if key in keys else value for key, value in row.items()}


def _documents(value: Any, rename: Renamer) -> Any:
    if isinstance(value, str):  # a cell of a CSV file
        return ";".join(rename(part) if rename(part) != part else part for part in value.split(";"))
    return [rename(path) for path in value] if isinstance(value, list) else value


def _places(value: Any, rename: Renamer) -> Any:
    if isinstance(value, str):  # a cell of a CSV file
        places = json.loads(value) if value.strip() else []
        new = _places(places, rename)
        return value if new == places else json.dumps(new, ensure_ascii=False)
    if not isinstance(value, list):
        return value
    return [[rename(p[0]), *p[1:]] if isinstance(p, list) and p else rename(p) for p in value]


_ROW_CHANGES: Mapping[str, Callable[[Any, Renamer], Any]] = {
    "file": lambda value, rename: rename(value),
    "documents": _documents,
    "scorers": _scorers,
    COPIED_FROM: _places,
}
_ROW_KEYS = ("documents", "scorers", COPIED_FROM)
_CHANGES: Mapping[str, Callable[[Any, Renamer], Any]] = {
    "context": _context,
    "examples": lambda value, rename: _in(value, ("pool",), rename),
    "template": lambda value, rename: rename(value),
    "variants": _variants,
    "scorers": _scorers,
    "cases": lambda value, rename: (
        [_row(row, rename, tuple(_ROW_CHANGES)) for row in value] if isinstance(value, list) else value
    ),
}


# Texts


def _yaml_text(text: str, before: Any, wanted: Any) -> str:
    if isinstance(before, Mapping):
        return edit_yaml(text, before, wanted, in_place=True)
    # A list may stand below a key without being indented.
    head = "rows:\n"
    if text.startswith(("\ufeff", "%", "---")):
        raise CannotSplice("it is a list after a mark at the beginning of the file")
    return edit_yaml(head + text, {"rows": before}, {"rows": wanted}, in_place=True).removeprefix(head)


def _rows(path: str, text: str) -> list[Any]:
    if kind_of(path) == "jsonl":
        return [row.data for row in json_rows(lines_of(text))]
    return [row.data for row in _csv_rows(path, text)]


def _csv_rows(path: str, text: str) -> CsvRows:
    return CsvRows(lines_of(text), path, known=_csv_keys(path), exact=False)


def _csv_keys(path: str) -> tuple[str, ...]:
    """The columns that name files. In a pool a column `documents` is an input."""
    is_pool = any(PurePosixPath(path).is_relative_to(folder) for folder in RULES["pool"].folders)
    return ("id", "label", COPIED_FROM) if is_pool else ("id", "label", "documents", COPIED_FROM)


def _csv_changed(path: str) -> tuple[str, ...]:
    return tuple(key for key in _csv_keys(path) if key in _ROW_CHANGES)


def _jsonl_text(text: str, _path: str, old: str, new: str) -> str:
    parts, end, rename = list[str](), 0, renamer(old, new)
    for row in json_rows(lines_of(text)):
        wanted = _row(row.data, rename, _ROW_KEYS)
        if wanted == row.data:
            continue
        line = text[row.start : row.end]
        parts += [text[end : row.start], _jsonl_line(line, row.data, wanted, new, rename)]
        end = row.end
    return "".join([*parts, text[end:]])


def _jsonl_line(line: str, before: Any, wanted: Any, new: str, rename: Renamer) -> str:
    """The line with every string that names the file replaced; if another value says the same, only the values of the
    keys that name files are."""
    keys = [key for key in wanted if wanted[key] != before[key]]
    content = line.rstrip("\r\n")
    for key in keys:
        start = _value_start(content, key)
        _, end = json.JSONDecoder().raw_decode(content, start)
        content = content[:start] + _strings_replaced(content[start:end], new, rename) + content[end:]
    return content + line[len(line.rstrip("\r\n")) :]


def _value_start(line: str, key: str) -> int:
    """Where the value of the outermost `key` of a JSON object begins."""
    decoder, at = json.JSONDecoder(), line.index("{") + 1
    while True:
        while line[at] in " \t,":
            at += 1
        name, at = decoder.raw_decode(line, at)
        at = line.index(":", at) + 1
        while line[at] in " \t":
            at += 1
        if name == key:
            return at
        _, at = decoder.raw_decode(line, at)


def _strings_replaced(written: str, new: str, rename: Renamer) -> str:
    """JSON with the strings that name the file replaced; the space between them stays."""
    done, at, decoder = list[str](), 0, json.JSONDecoder()
    while (quote := written.find('"', at)) >= 0:
        text, end = decoder.raw_decode(written, quote)
        name = json.dumps(new, ensure_ascii=False) if rename(text) == new != text else written[quote:end]
        done += [written[at:quote], name]
        at = end
    return "".join([*done, written[at:]])


def _csv_text(text: str, path: str, old: str, new: str) -> str:
    """Only the cells of columns that name files are written anew; all other characters stay."""
    rows, rename = _csv_rows(path, text), renamer(old, new)
    parts, end = list[str](), 0
    for row in rows:
        wanted = _row(row.data, rename, _csv_changed(path))
        if wanted == row.data:
            continue
        line = text[row.start : row.end]
        for key in [key for key in wanted if wanted[key] != row.data[key]]:
            start, stop = _cells(line, rows.delimiter)[rows.header.index(key)]
            line = line[:start] + _cell(wanted[key], rows.delimiter) + line[stop:]
        parts += [text[end : row.start], line]
        end = row.end
    return "".join([*parts, text[end:]])


def _cell(value: str, delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow([value])
    return out.getvalue()


def _cells(line: str, delimiter: str) -> Sequence[tuple[int, int]]:
    """Where each cell of a record begins and ends, quotes included."""
    places, start, quoted, content = list[tuple[int, int]](), 0, False, line.rstrip("\r\n")
    for at, char in enumerate(content):
        if char == '"':
            quoted = not quoted
        elif char == delimiter and not quoted:
            places.append((start, at))
            start = at + 1
    return [*places, (start, len(content))]


__all__ = ["TextEdit", "files_that_name", "renamed_references", "renamed_text", "renamer", "with_name"]
