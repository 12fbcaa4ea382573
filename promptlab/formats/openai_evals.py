"""Imports evals of OpenAI: saved JSON of the platform, and samples and registry files of the open-source evals.

    {"object": "eval", "data_source_config": {...}, "testing_criteria": [{"type": "string_check", ...}],
     "runs": [{"data_source": {"input_messages": {"type": "template", "template": [...]}, "source": {...}}}]}

Rows become the cases of a suite. Graders that mean the same as a scorer here become one; the others are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._openai_messages import messages_of, names_in_text, with_inputs
from promptlab.formats._openai_suite import graded, write_suite
from promptlab.formats._report import Imported
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.formats.openai_evals_registry import read_registry
from promptlab.formats.promptfoo_asserts import combined

_CONFIG = {"schema": "the shape of the rows", "item_schema": "the shape of the rows"}


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import an eval. Raises `FormatError` if the file has neither a run with messages nor samples."""
    if path.suffix.lower() in (".jsonl", ".yaml", ".yml"):
        return read_registry(path, shown, places)
    source = source_of(read_source_text(path, shown), path.with_suffix(".json"), shown)
    data = source.data if isinstance(source.data, Mapping) else {}
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, data)
    fields.named.update(("runs", "data", "data_source", "testing_criteria", "data_source_config"))
    runs = list(_runs(data))
    if not runs:
        hint = "save a run with its `data_source` too: the eval alone has no prompt"
        raise FormatError("no run with `input_messages`", file=shown, line=1, hint=hint)
    for at, run in runs:
        _run(Fields(source, imported.report, run, at), data, imported, places, several=len(runs) > 1)
    if isinstance(data.get("data_source_config"), Mapping):
        config = fields.inside("data_source_config")
        for key, note in _CONFIG.items():
            config.translate(key, note)
        config.say("type", "taken")
        config.say("include_sample_schema", "taken")
        config.rest()
    for key in ("id", "object", "created_at", "name", "metadata"):
        fields.drop(key, "kept in the original")
    fields.rest()
    return imported


def _runs(data: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The data sources of all runs in the file, each with its place."""
    if isinstance(data.get("data_source"), Mapping):
        yield ("data_source",), data["data_source"]
    for key in ("runs", "data"):
        listed = data.get(key)
        for number, run in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(run, Mapping) and isinstance(run.get("data_source"), Mapping):
                yield (key, number, "data_source"), run["data_source"]


def _run(fields: Fields, data: Mapping[str, Any], imported: Imported, places: ImportFolders, *, several: bool) -> None:
    given = fields.data.get("input_messages")
    items = given.get("template") if isinstance(given, Mapping) else None
    if not isinstance(items, list):
        fields.drop("input_messages", "no template of messages")
        return
    texts, notes, lost = messages_of(items)
    draft = Draft(f"{data.get('name') or imported.name} (an eval of OpenAI)")
    names: dict[str, str] = {}

    def own_name(name: str) -> str | None:
        if not name.startswith("item."):
            return None
        names[name] = draft.own_name(name.removeprefix("item."))
        return names[name]

    messages = [(role, with_inputs(text, own_name)) for role, text in texts]
    others = [n for _, text in texts for n in names_in_text(text) if not n.startswith("item.")]
    lost += [f"`{{{{{name}}}}}` is text here" for name in dict.fromkeys(others)]
    draft.messages(messages)
    rows = _rows(fields)
    inputs = [{own: _at(row, name) for name, own in names.items()} for row in rows]
    for own, value in (inputs[0] if inputs else {}).items():
        draft.inputs[own].update(sample=value, type=input_type_of(value))
    if any(not isinstance(value, str) for row in inputs for value in row.values()):
        lost.append("values that are no text print as JSON here")
    notes += ["`{{item.x}}` is the input `x`"] if names else []
    fields.say(
        "input_messages", "not understood" if lost else "translated" if notes else "taken", join_notes([*lost, *notes])
    )
    _settings(fields, draft, imported)
    name = slug(imported.name + ("-" + "-".join(str(p) for p in fields.at[1:-1]) if several else ""))
    target = f"{places.templates}/{name}.yaml"
    target = imported.add(target, draft.text(target))
    scorers = _graders(fields, data, rows)
    cases = [(row, *own) for row, own in zip(inputs, scorers, strict=True)]
    write_suite(imported, places, name, target, cases)


def _settings(fields: Fields, draft: Draft, imported: Imported) -> None:
    model = fields.data.get("model")
    if isinstance(model, str) and model:
        imported.models[slug(model)] = {"backend": "openai", "model": model, "api_key_env": "OPENAI_API_KEY"}
        fields.translate("model", f"a line for promptlab.yaml: {slug(model)}")
    if isinstance(fields.data.get("sampling_params"), Mapping):
        inner = fields.inside("sampling_params")
        for key, value in inner.data.items():
            own = template_param("max_tokens" if key == "max_completions_tokens" else key, value)
            if own:
                draft.params[own[0]] = own[1]
                inner.translate(key, f"`{own[0]}`")
        inner.rest()
    fields.say("type", "taken")
    fields.rest()


def _rows(fields: Fields) -> list[Mapping[str, Any]]:
    """The rows of a run, as far as they are in the file."""
    given = fields.data.get("source")
    content = given.get("content") if isinstance(given, Mapping) else None
    if not isinstance(content, list):
        fields.drop("source", "its rows are kept by OpenAI; nothing is fetched")
        return []
    fields.translate("source", "the cases of the suite; stored answers (`sample`) are left out")
    return [row for row in content if isinstance(row, Mapping) and isinstance(row.get("item"), Mapping)]


def _at(row: Mapping[str, Any], name: str) -> Any:
    """The value of `item.a.b` in a row, empty if there is none."""
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else value


def _graders(
    fields: Fields, data: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[list[Any], str | None]]:
    """The scorers and the expected answer of each row."""
    listed = data.get("testing_criteria")
    source, report = fields.source, fields.report
    per_row: list[list[Any]] = [[] for _ in rows]
    for number, grader in enumerate(listed if isinstance(listed, list) else []):
        line = source.line(("testing_criteria", number))
        what = grader if isinstance(grader, Mapping) else {}
        made = [graded(what, partial(_at, row)) for row in rows]
        note = next((one.note for one in made if not one.scorers), made[0].note if made else "no rows to score")
        kept = bool(made) and all(one.scorers for one in made)
        report.add(f"testing_criteria.{number}", "translated" if kept else "not understood", line, note)
        for own, one in zip(per_row, made, strict=True):
            own += [one] if kept else []
    return [combined(own) for own in per_row]
