"""What changed between two rows of answers, in a few words: "− context", "k 2 → 0", "temperature 0 → 0.7".

The changes are found in the requests themselves, so they include those of a changed file or pool of examples. The
second half compares two texts word by word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Any, Literal

from promptlab._util.text import value_in_words
from promptlab.runs._request_changes import RequestChanges, request_changes
from promptlab.types import SECTIONS, SWITCHABLE, Params, Request, Result, Section

FIRST = "first run"
SAME = "the same again"


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A request, and the sections that were left out of its prompt."""

    request: Request
    without: tuple[Section, ...] = ()


def asked_requests(results: Sequence[Result]) -> list[AskedRequest]:
    """The requests of `results`. Results that failed before there was a request are left out."""
    return [AskedRequest(r.request, r.without) for r in results if r.request is not None]


def describe_changes(before: Sequence[AskedRequest], after: Sequence[AskedRequest]) -> str:
    """The changes from the row `before` to the row `after`, the most important first, separated by commas.

    The prompts of a model that both rows asked are compared, or the first prompts if there is no such model.
    """
    if not before or not after:
        return FIRST
    return ", ".join([*_prompt(*_pair(before, after)), *_models(before, after)]) or SAME


def _pair(before: Sequence[AskedRequest], after: Sequence[AskedRequest]) -> tuple[AskedRequest, AskedRequest]:
    earlier: dict[str, AskedRequest] = {}
    for one in before:
        earlier.setdefault(one.request.model, one)
    for one in after:
        if one.request.model in earlier:
            return earlier[one.request.model], one
    return before[0], after[0]


def _models(before: Sequence[AskedRequest], after: Sequence[AskedRequest]) -> list[str]:
    old = list(dict.fromkeys(a.request.model for a in before))
    new = list(dict.fromkeys(a.request.model for a in after))
    return [f"+ {name}" for name in new if name not in old] + [f"− {name}" for name in old if name not in new]


def _prompt(old: AskedRequest, new: AskedRequest) -> list[str]:
    texts_old, texts_new = _texts(old.request), _texts(new.request)
    found: list[str] = []
    explained: set[Section] = set()
    for section in SWITCHABLE:
        was_off, is_off = section in old.without, section in new.without
        if was_off != is_off:
            found.append(f"{'−' if is_off else '+'} {section.replace('_', ' ')}")
        if was_off or is_off:
            explained.add(section)
    for section in SECTIONS:
        if section in explained or section == "layout" or texts_old[section] == texts_new[section]:
            continue
        found.append(_edit(section, texts_old[section], texts_new[section]))
    changed = request_changes(old.request, new.request)
    found += _params(changed)
    if changed.schema:
        found.append(_came_or_went("schema", old.request.schema, new.request.schema))
    # The text between the sections changes with them, so it is named only if nothing else changed.
    if not found and changed.prompt:
        found.append("layout edited")
    return found


Parts = Mapping[str, str]


def _texts(request: Request) -> dict[Section, Parts]:
    """Text by section and source, in the order of the prompt."""
    found: dict[Section, dict[str, str]] = {section: {} for section in SECTIONS}
    for span, text in request.prompt.texts():
        part = found[span.section]
        part[span.source] = part.get(span.source, "") + text
    return dict(found)


def _edit(section: Section, old: Parts, new: Parts) -> str:
    if section == "context":
        return _context(old, new)
    if section == "examples":
        shots_old, shots_new = [s for s in old if s], [s for s in new if s]
        if len(shots_old) != len(shots_new):
            return f"k {len(shots_old)} → {len(shots_new)}"
        return "other examples" if set(shots_old) != set(shots_new) else "examples edited"
    if section == "input":
        names = [name for name in {**old, **new} if name and old.get(name) != new.get(name)]
        return f"{', '.join(names) or 'input'} changed"
    name = section.replace("_", " ")
    return _came_or_went(name, "".join(old.values()).strip(), "".join(new.values()).strip())


def _context(old: Parts, new: Parts) -> str:
    def name(path: str) -> str:
        return path.rpartition("/")[2] or "text"

    came = [f"+ {name(path)}" for path in new if path not in old]
    went = [f"− {name(path)}" for path in old if path not in new]
    edited = [f"{name(path)} edited" for path in new if path in old and old[path] != new[path]]
    return ", ".join([*came, *went, *edited])


def _came_or_went(name: str, old: str | None, new: str | None) -> str:
    if not old or not new:
        return f"{'+' if new else '−'} {name}"
    return f"{name} edited"


def _params(changed: RequestChanges) -> list[str]:
    return [
        f"{one.name.replace('_', ' ')} {_value(one.name, one.before)} → {_value(one.name, one.after)}"
        for one in sorted(changed.params, key=lambda one: _ORDER.index(one.name))
    ]


_ORDER = [field.name for field in fields(Params)]


def _value(name: str, value: Any) -> str:
    return value_in_words(() if name == "stop" and value is None else value)


# Two texts, word by word


@dataclass(frozen=True, slots=True)
class TextChange:
    """A stretch of text that both texts have (`same`), or only the first (`gone`) or the second (`new`)."""

    kind: Literal["same", "gone", "new"]
    text: str
    section: Section = "layout"


def prompt_changes(before: Request, after: Request) -> list[TextChange]:
    """The changes from one prompt to the other, each with its section. Roles are not compared."""
    return _changes(_words(before), _words(after))


def changed_sections(before: Request, after: Request) -> tuple[Section, ...]:
    """The sections in which two prompts differ; `layout`, the text between them, only if no other section differs."""
    touched = {change.section for change in prompt_changes(before, after) if change.kind != "same"}
    inner = tuple(section for section in SECTIONS if section in touched and section != "layout")
    return inner or (("layout",) if touched else ())


def text_changes(before: str, after: str) -> list[TextChange]:
    """The changes from one text to the other."""
    return _changes(_split(before, "layout"), _split(after, "layout"))


_Word = tuple[str, Section]
_WORDS = re.compile(r"\n|[^\s]+[^\S\n]*|[^\S\n]+")
MOST_WORDS = 3_000
"""Longer stretches are compared by lines and not by words, because the time grows with the square of the words."""


def _split(text: str, section: Section) -> list[_Word]:
    return [(word, section) for word in _WORDS.findall(text)]


def _words(request: Request) -> list[_Word]:
    if not request.prompt.spans:
        return [word for m in request.messages for word in [*_split(m.content, "layout"), ("\n", "layout")]]
    found: list[_Word] = []
    message = 0
    for span, text in request.prompt.texts():
        if span.message != message:
            found.append(("\n", "layout"))
            message = span.message
        found += _split(text, span.section)
    return found


def _changes(before: list[_Word], after: list[_Word]) -> list[TextChange]:
    found: list[TextChange] = []
    old, new = _lines(before), _lines(after)
    for kind, a, b in _blocks([_text(line) for line in old], [_text(line) for line in new]):
        gone = [word for line in old[a] for word in line]
        came = [word for line in new[b] for word in line]
        if kind == "equal" or not gone or not came or max(len(gone), len(came)) > MOST_WORDS:
            _add(found, kind == "equal", gone, came)
            continue
        for inner, c, d in _blocks([word for word, _ in gone], [word for word, _ in came]):
            _add(found, inner == "equal", gone[c], came[d])
    return found


def _blocks(old: list[str], new: list[str]) -> Iterator[tuple[str, slice, slice]]:
    # The `autojunk` heuristic ignores frequent words, and would show every "the" of an article as a change.
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield kind, slice(a, b), slice(c, d)


def _lines(words: list[_Word]) -> list[list[_Word]]:
    lines: list[list[_Word]] = [[]]
    for word in words:
        lines[-1].append(word)
        if word[0] == "\n":
            lines.append([])
    return [line for line in lines if line]


def _text(line: list[_Word]) -> str:
    return "".join(word for word, _ in line)


def _add(found: list[TextChange], same: bool, gone: list[_Word], came: list[_Word]) -> None:
    sides: list[tuple[Literal["same", "gone", "new"], list[_Word]]] = (
        [("same", came)] if same else [("gone", gone), ("new", came)]
    )
    for kind, words in sides:
        for text, section in words:
            last = found[-1] if found else None
            if last and (last.kind, last.section) == (kind, section):
                found[-1] = TextChange(kind, last.text + text, section)
            else:
                found.append(TextChange(kind, text, section))
