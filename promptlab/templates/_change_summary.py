"""A short summary of what changed between two versions of a template. It is the default commit message.

commit_message("templates/cup.yaml", old_text, new_text)          # "Instructions edited, temperature 0 → 0.7"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from promptlab._util.text import value_in_words
from promptlab.errors import PromptlabError
from promptlab.examples import ShotChoice
from promptlab.templates._parse import parse
from promptlab.templates._template import Template
from promptlab.types import Params

MAX_NAMED = 4
"""At most this many changes are named; the others are counted."""
_TEXTS = ("instructions", "output_format", "user", "schema", "layout", "description")


def commit_message(path: str, old: str | None, new: str) -> str:
    """One line for the history; `old` is None if the template is new."""
    name = Path(path).stem
    try:
        after = parse(new, path=path)
        if old is None:
            return f"Add {name}: {' '.join(after.description.split())}" if after.description else f"Add {name}"
        changes = list(describe_changes(parse(old, path=path), after))
    except PromptlabError:
        return f"Add {name}" if old is None else f"Change {name}"
    if not changes:
        return f"Comments and form of {name}"
    more = [f"{len(changes) - MAX_NAMED} more"] if len(changes) > MAX_NAMED else []
    line = ", ".join([*changes[:MAX_NAMED], *more])
    return line[:1].upper() + line[1:]


def describe_changes(old: Template, new: Template) -> Iterator[str]:
    """Each difference in a few words, the most important first."""
    for name in _TEXTS[:4]:
        yield from _text(name, getattr(old, name), getattr(new, name))
    yield from _came_and_went("", old.context, new.context)
    if old.passages != new.passages and old.context == new.context:
        yield "other passages"
    yield from _shots(old.examples, new.examples)
    yield from _came_and_went("input ", tuple(old.inputs), tuple(new.inputs))
    edited = [name for name in new.inputs if name in old.inputs and old.inputs[name] != new.inputs[name]]
    yield from (f"input {name} edited" for name in edited)
    for param in fields(Params):
        before, after = getattr(old.params, param.name), getattr(new.params, param.name)
        if before != after:
            yield f"{param.name.replace('_', ' ')} {value_in_words(before)} → {value_in_words(after)}"
    for name in _TEXTS[4:]:
        yield from _text(name, getattr(old, name), getattr(new, name))


def _text(name: str, old: str | None, new: str | None) -> Iterator[str]:
    if (old or "") == (new or ""):
        return
    word = {"user": "user turn"}.get(name, name.replace("_", " "))
    yield f"{'+' if new else '−'} {word}" if not old or not new else f"{word} edited"


def _came_and_went(kind: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    yield from (f"+ {kind}{name.rpartition('/')[2]}" for name in new if name not in old)
    yield from (f"− {kind}{name.rpartition('/')[2]}" for name in old if name not in new)
    if old != new and sorted(old) == sorted(new):
        yield f"order of {kind.strip() or 'document'}s"


def _shots(old: ShotChoice | None, new: ShotChoice | None) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"{'−' if new is None else '+'} examples"
    elif old != new:
        same_but_k = all(getattr(old, f.name) == getattr(new, f.name) for f in fields(ShotChoice) if f.name != "k")
        yield f"k {old.k} → {new.k}" if same_but_k else "other examples"


__all__ = ["commit_message", "describe_changes"]
