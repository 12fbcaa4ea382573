"""Task files of lm-evaluation-harness: Jinja for the question, the answer and the choices.

    task: capitals
    doc_to_text: "Q: What is the capital of {{country}}?\\nA:"
    doc_to_target: "{{capital}}"
    generation_kwargs: {until: ["\\n"], max_gen_toks: 16}

`!function` is reported and never run. `include` is followed only inside the folder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._python_prints import NOTE, python_prints, values_by_foreign_name
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, Tagged, file_beside, read_bytes, read_source, slug
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, share_a_row, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.types import Role

CODE = "code; never run"
DATA = "where the rows come from; nothing is fetched"
SCORING = "how answers are scored; promptlab's scorers are chosen on the command line"
MAX_INCLUDES = 8
TEXTS = ("doc_to_text", "doc_to_target", "doc_to_choice", "description")


def _task(path: Path, shown: str) -> Source:
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not {"task", "doc_to_text", "include"} & source.data.keys():
        raise FormatError("not a task of lm-evaluation-harness: no `task` and no `doc_to_text`", file=shown, line=1)
    return source


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a task. Raises `FormatError` if the file has no `doc_to_text`, or if that is code."""
    source = _task(path, shown)
    imported = Imported(
        slug(str(source.data.get("task") if isinstance(source.data.get("task"), str) else path.stem)),
        read_bytes(path, shown),
    )
    fields = Fields(source, imported.report, source.data)
    inherited = _included(fields, source, 0)
    data: dict[str, Any] = {**inherited, **source.data}
    _names(fields)
    _generation(fields, draft := Draft(f"{imported.name} (a task of lm-evaluation-harness)"), data)
    target = f"{places.templates}/{imported.name}.yaml"
    question = _text(fields, data, "doc_to_text")
    if question is None:
        raise FormatError(
            "there is no question: `doc_to_text` is code or missing",
            file=shown,
            line=source.line(("doc_to_text",)),
        )
    messages: list[tuple[Role, str]] = []
    description = _text(fields, data, "description")
    choices = data.get("doc_to_choice")
    prefix = _choices(fields, choices)
    try:
        if description and description.strip():
            messages.append(("system", description))
        messages.append(
            ("user", prefix + question if "doc_to_choice" in question or "choices" in question else question)
        )
        draft.messages(messages)
        answer = _answer(fields, data, imported, prefix)
        share_a_row([draft, answer] if answer else [draft], target)
        imported.add(target, draft.text(target))
        if answer:
            place = f"{places.templates}/{imported.name}.target.yaml"
            imported.add(place, answer.text(place))
    except FormatError as exc:
        line = source.line(("doc_to_text",))
        raise FormatError(exc.what, file=shown, line=line, field="doc_to_text", hint=exc.hint) from exc
    _report_values(imported, draft, answer)
    fields.rest()
    return imported


def _report_values(imported: Imported, draft: Draft, answer: Draft | None) -> None:
    """Report columns with another name here, and texts that print a value otherwise."""
    for field, written in (("doc_to_text", draft), ("doc_to_target", answer)):
        texts = (written.instructions, written.user or "") if written else ()
        if written and any(python_prints(text, values_by_foreign_name(written)) for text in texts):
            imported.report.add(field, "translated", None, NOTE)
    for old, new in draft.renamed.items():
        imported.report.add(f"variable {old}", "translated", None, f"the input `{new}` here")


def _included(fields: Fields, source: Source, depth: int) -> dict[str, Any]:
    """The keys of the file that `include` names, if it is inside the folder."""
    name = source.data.get("include")
    if not isinstance(name, str):
        return {}
    full = file_beside(source.path, name)
    if full is None or depth >= MAX_INCLUDES:
        fields.drop("include", f"`{name}` is not inside the folder of the file")
        return {}
    other = read_source(full, name)
    if not isinstance(other.data, Mapping):
        fields.drop("include", f"`{name}` is not a mapping")
        return {}
    fields.translate("include", f"read from {name}: {', '.join(map(str, other.data))}")
    inner = _included(Fields(other, fields.report, other.data, (name,)), other, depth + 1)
    return {**inner, **{key: value for key, value in other.data.items() if key != "include"}}


def _names(fields: Fields) -> None:
    fields.translate("task", "the name of the file")
    for key in ("task_alias", "tag", "group", "metadata"):
        fields.drop(key, "kept in the original")
    for key in (
        "dataset_path",
        "dataset_name",
        "dataset_kwargs",
        "custom_dataset",
        "training_split",
        "validation_split",
        "test_split",
        "fewshot_split",
    ):
        fields.drop(key, DATA)
    for key in ("process_docs", "process_results", "custom_dataset"):
        fields.drop(key, CODE)
    for key in ("metric_list", "filter_list", "output_type", "should_decontaminate", "doc_to_decontamination_query"):
        fields.drop(key, SCORING)
    for key in ("num_fewshot", "fewshot_config", "fewshot_delimiter", "target_delimiter", "gen_prefix"):
        fields.drop(key, "shots come from a pool of examples here, as turns: set `examples`")
    for key in ("repeats", "use_prompt"):
        fields.drop(
            key,
            "a setting of a run" if key == "repeats" else "a prompt of PromptSource by name; import its templates.yaml",
        )


def _generation(fields: Fields, draft: Draft, data: Mapping[str, Any]) -> None:
    given = data.get("generation_kwargs")
    if not isinstance(given, Mapping):
        return
    inner = fields.inside("generation_kwargs")
    for key, value in given.items():
        own = template_param(key, value)
        if own:
            draft.params[own[0]] = own[1]
            inner.say(key, "taken" if own[0] == key else "translated", "" if own[0] == key else f"`{own[0]}` here")
    inner.rest()


def _text(fields: Fields, data: Mapping[str, Any], key: str) -> str | None:
    """The Jinja text at `key`; a single word is the name of a column."""
    value = data.get(key)
    if isinstance(value, Tagged):
        fields.drop(key, CODE)
        return None
    if not isinstance(value, str | int):
        fields.drop(key, "not a text")
        return None
    text = str(value)
    if key != "description" and re.fullmatch(r"[A-Za-z_]\w*", text):
        fields.translate(key, f"the column `{text}`")
        return f"{{{{ {text} }}}}"
    fields.take(key)
    return text


def _choices(fields: Fields, choices: Any) -> str:
    """Jinja that sets `doc_to_choice`."""
    if choices is None:
        return ""
    if isinstance(choices, list) and all(isinstance(one, str | int | float) for one in choices):
        fields.translate("doc_to_choice", "a list that the template of the answer sets")
        quoted = ", ".join('"' + str(one).replace("\\", "\\\\").replace('"', '\\"') + '"' for one in choices)
        return f"{{% set doc_to_choice = [{quoted}] %}}"
    if isinstance(choices, str) and not isinstance(choices, Tagged):
        match = re.fullmatch(r"\s*\{\{(.*)\}\}\s*", choices, re.DOTALL)
        expression = match[1].strip() if match else choices if choices.isidentifier() else ""
        if expression and "{{" not in expression:
            fields.translate("doc_to_choice", "a list that the template of the answer sets")
            return f"{{% set doc_to_choice = {expression} %}}"
    fields.drop("doc_to_choice", CODE if isinstance(choices, Tagged) else "neither a list nor one expression")
    return ""


def _answer(fields: Fields, data: Mapping[str, Any], imported: Imported, prefix: str) -> Draft | None:
    """The template of the expected answer; None if it is code or missing."""
    value = _text(fields, data, "doc_to_target")
    if value is None:
        return None
    draft = Draft(f"{imported.name}: the answer wanted")
    notes = ["a template of its own"]
    if prefix and re.fullmatch(r"\d+", value):
        value = f"{prefix}{{{{ doc_to_choice[{value}] }}}}"
    elif prefix and re.fullmatch(r"\{\{[^{}]*\}\}", value):
        # A number is the index of the choice, a text is the choice itself.
        chosen = "{{ doc_to_choice[doc_to_target] if doc_to_target is number else doc_to_target }}"
        value = f"{prefix}{{% set doc_to_target = {value[2:-2].strip()} %}}{chosen}"
        notes.append("a number stands for the choice in that place")
    try:
        draft.messages([("user", value)])
    except FormatError as exc:
        fields.drop("doc_to_target", exc.what)
        return None
    fields.say("doc_to_target", "translated", join_notes(notes))
    return draft
