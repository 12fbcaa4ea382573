"""The open-source evals of OpenAI: JSONL samples (`input`, `ideal`), and the registry YAML that names them.

    test-match.s1:
      class: evals.elsuite.basic.match:Match
      args: {samples_jsonl: test_match.jsonl}

Messages that all samples share are text of the template; the others are inputs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._openai_messages import messages_of
from promptlab.formats._openai_suite import write_suite
from promptlab.formats._report import Imported
from promptlab.formats._source import file_beside, pool_line, read_bytes, read_rows, read_source, slug
from promptlab.formats._template_builder import Draft
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import escape_jinja
from promptlab.types import Role

Messages = list[tuple[Role, str]]
_CLASSES = {"match:Match": r"\A(?:{})", "includes:Includes": "{}"}
"""Classes of the evals that a regular expression with the right answers means the same as."""


def read_registry(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a registry file, or samples alone. Raises `FormatError` if there are no samples."""
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    if path.suffix.lower() == ".jsonl":
        _samples(path, shown, imported, places, imported.name, "", {})
        return imported
    source = read_source(path, shown)
    for key, entry in (source.data if isinstance(source.data, Mapping) else {}).items():
        args = entry.get("args") if isinstance(entry, Mapping) else None
        line = source.line((key,))
        if not isinstance(entry, Mapping) or "class" not in entry:
            imported.report.add(key, "not understood", line, "names versions and metrics of an eval")
            continue
        given = args.get("samples_jsonl") if isinstance(args, Mapping) else None
        beside = (file_beside(path, str(given)) or file_beside(path, PurePosixPath(str(given)).name)) if given else None
        if beside is None:
            imported.report.add(key, "not understood", line, f"its samples `{given}` are not beside the file")
            continue
        _samples(beside, beside.name, imported, places, slug(key), str(entry["class"]), dict(args or {}))
    if not imported.files:
        raise FormatError("no eval whose samples are beside this file", file=shown, line=1)
    return imported


def _samples(
    path: Path, shown: str, imported: Imported, places: ImportFolders, name: str, kind: str, args: dict[str, Any]
) -> None:
    rows: list[tuple[int, Messages, list[str]]] = []
    for line, row in read_rows(path, shown):
        given = row.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        texts, notes, lost = messages_of(items)
        ideal = row.get("ideal")
        answers = [ideal] if isinstance(ideal, str) else [a for a in ideal or [] if isinstance(a, str)]
        where = f"{shown}, line {line}"
        if not texts or lost:
            imported.report.add(where, "not understood", line, "; ".join(lost) or "no `input`")
            continue
        others = [key for key in row if key not in ("input", "ideal")]
        if others or notes:
            words = "; ".join([*notes, *(f"without `{key}`" for key in others)])
            imported.report.add(where, "not understood" if others else "translated", line, words)
        rows.append((line, texts, answers))
    if not rows:
        raise FormatError("no sample with an `input`", file=shown, line=1)
    draft = Draft(f"{name} (an eval of OpenAI)")
    inputs = _template(draft, [texts for _, texts, _ in rows])
    imported.report.add(f"{name}.input", "translated", None, "what the samples share is text, the rest are inputs")
    for own, value in inputs[0].items():
        draft.inputs[own]["sample"] = value
    target = f"{places.templates}/{name}.yaml"
    target = imported.add(target, draft.text(target))
    scorers = _scorers(imported, name, kind, args, [answers for _, _, answers in rows])
    cases = [
        (own, scorer, answers[0] if answers and scorer else None)
        for own, scorer, (_, _, answers) in zip(inputs, scorers, rows, strict=True)
    ]
    write_suite(imported, places, name, target, cases)
    lines = [
        pool_line(n, own, answers[0])
        for n, (own, (_, _, answers)) in enumerate(zip(inputs, rows, strict=True), 1)
        if answers
    ]
    if lines:
        imported.add(f"{places.pools}/{name}.jsonl", "".join(lines), "pool")


def _template(draft: Draft, samples: Sequence[Messages]) -> list[dict[str, Any]]:
    """Set the messages of the template; returns the inputs of each sample."""
    roles = {tuple(role for role, _ in messages) for messages in samples}
    if len(roles) > 1:
        name = draft.own_name("messages")
        draft.inputs[name]["type"] = "list"
        branches = "".join(
            f'{{% {word} message.role == "{role}" %}}{{% {role} %}}{{{{ message.content }}}}{{% end{role} %}}'
            for word, role in (("if", "system"), ("elif", "assistant"), ("elif", "user"))
        )
        draft.set_layout(f"{{% for message in {name} %}}{branches}{{% endif %}}{{% endfor %}}")
        return [{name: [{"role": r, "content": t} for r, t in messages]} for messages in samples]
    inputs: list[dict[str, Any]] = [{} for _ in samples]
    texts: Messages = []
    for number, (role, text) in enumerate(samples[0]):
        if all(messages[number][1] == text for messages in samples) and len(samples) > 1:
            texts.append((role, escape_jinja(text)))
            continue
        last = number == len(samples[0]) - 1
        name = draft.own_name("question" if last and role == "user" else f"{role}_{number + 1}")
        texts.append((role, f"{{{{ {name} }}}}"))
        for own, messages in zip(inputs, samples, strict=True):
            own[name] = messages[number][1]
    draft.messages(texts)
    return inputs


def _scorers(
    imported: Imported, name: str, kind: str, args: Mapping[str, Any], answers: Sequence[list[str]]
) -> list[list[Any]]:
    """The scorers of each sample."""
    pattern = next((p for ending, p in _CLASSES.items() if kind.endswith(ending)), None)
    unknown = sorted(set(args) - {"samples_jsonl", "ignore_case"})
    if pattern is None or unknown or not all(all(listed) and listed for listed in answers):
        note = f"`{kind}` is no check that promptlab has" if kind else "the samples do not say how they are scored"
        if unknown:
            note = f"has {', '.join(f'`{key}`' for key in unknown)}, which is not known here"
        imported.report.add(f"{name}.class", "not understood", None, note)
        return [[] for _ in answers]
    ignore = {"ignore_case": True} if args.get("ignore_case") and "includes" in kind else {}
    imported.report.add(f"{name}.class", "translated", None, "`regex`")
    return [[{"regex": {"pattern": pattern.format("|".join(map(re.escape, listed))), **ignore}}] for listed in answers]
