"""What each tab of the browser shows of a draft.

A template has one draft, which all tabs share. A tab keeps a `View`: the draft as its screen shows it. What the tab
runs, saves or exports is its view, so another tab never changes what this one sends. A change goes from the view into
the shared draft too, unless another tab changed the same place meanwhile. Then this tab goes on with a draft of its
own, until a person has looked at both.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from pydantic import BaseModel, ConfigDict
from streamlit.runtime.scriptrunner import get_script_run_ctx

from promptlab.types import SWITCHABLE
from promptlab.ui.state.drafts import Draft

_TAB = "tab-of-drafts"
_ABSENT = object()
Part = tuple[str, ...]


class OwnDraft(BaseModel):
    """The draft of one tab, kept in a file until somebody has looked at it. `base` is what both drafts began as."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    draft: Draft
    base: Draft
    changed: str = ""


@dataclass
class View:
    """What a tab shows of a template: its draft, and the text of the file; None if there is no file.

    `own` is the id of the tab's own draft, "" while its changes go to the shared one. `base` is what both began as.
    """

    draft: Draft
    file: str | None
    own: str = ""
    base: Draft | None = None

    def part_ways(self, base: Draft) -> None:
        self.own, self.base = uuid.uuid4().hex[:8], base


@dataclass
class Tab:
    """The views of one tab by the path of the template, and the page and template that it shows."""

    views: dict[str, View] = field(default_factory=dict)
    place: tuple[str, str] = ("", "")

    def leave(self, place: tuple[str, str] = ("", "")) -> None:
        """Forget what is not on the screen any more, except drafts of this tab's own."""
        if place != self.place:
            self.place = place
            self.views = {path: view for path, view in self.views.items() if view.own}


def this_tab() -> Tab | None:
    """The tab whose page is being drawn; None outside of a page."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    if _TAB not in st.session_state:
        st.session_state[_TAB] = Tab()
    tab: Tab = st.session_state[_TAB]
    return tab


def same_content(a: Draft, b: Draft) -> bool:
    """True if the two drafts show the same on the screen."""
    return _parts(a) == _parts(b) and a.base == b.base


def carry_over(before: Draft, after: Draft, shared: Draft) -> Draft | None:
    """`shared` with the changes from `before` to `after`; None if it was changed in the same place meanwhile."""
    old, new, theirs = _parts(before), _parts(after), _parts(shared)
    result = dict(theirs)
    for part in old.keys() | new.keys():
        wanted, present = new.get(part, _ABSENT), theirs.get(part, _ABSENT)
        if old.get(part, _ABSENT) == wanted or present == wanted:
            continue
        if any(_differ(old, theirs, other) for other in {*old, *theirs, part} if _overlap(part, other)):
            return None
        if wanted is _ABSENT:
            del result[part]
        else:
            result[part] = wanted
    bases = {base for base in (after.base, shared.base) if base is not None}
    draft = _from_parts(shared, result)
    if not draft.edited:
        return draft.model_copy(update={"base": None})
    return None if len(bases) > 1 else draft.model_copy(update={"base": next(iter(bases), None)})


def differences(a: Draft, b: Draft) -> list[Part]:
    """The parts in which two drafts differ, such as `("inputs", "question")`."""
    left, right = _parts(a), _parts(b)
    return sorted(part for part in left.keys() | right.keys() if _differ(left, right, part))


def settings_of_both(base: Draft, ours: Draft, theirs: Draft) -> dict[str, Any]:
    """The inputs, switches and models of `ours`, and those of `theirs` where only they were changed."""
    old, own, other = _parts(base), _parts(ours), _parts(theirs)
    result = dict(own)
    for part in old.keys() | own.keys() | other.keys():
        if part[0] in _TEMPLATE or _differ(old, own, part):
            continue
        if part in other:
            result[part] = other[part]
        else:
            result.pop(part, None)
    draft = _from_parts(ours, result)
    return {name: getattr(draft, name) for name in Draft.model_fields if name not in (*_TEMPLATE, *_NOT_SHOWN)}


_TEMPLATE = ("changes", "text", "valid")
_NOT_SHOWN = ("template", "revision", "base")


def _parts(draft: Draft) -> dict[Part, Any]:
    """Everything that a draft holds, in parts that two tabs can change without getting into each other's way."""
    parts: dict[Part, Any] = {}
    for name, value in draft.model_dump(exclude={*_NOT_SHOWN, "valid"}).items():
        if name == "without":
            parts |= {(name, section): True for section in value}
        elif isinstance(value, Mapping):
            parts |= {(name, str(key)): inner for key, inner in value.items()}
        elif value is not None:
            parts[(name,)] = value
    return parts


def _from_parts(draft: Draft, parts: Mapping[Part, Any]) -> Draft:
    fields: dict[str, Any] = {}
    for name, spec in Draft.model_fields.items():
        if name in (*_NOT_SHOWN, "valid"):
            fields[name] = getattr(draft, name)
        elif name == "without":
            fields[name] = tuple(section for section in SWITCHABLE if (name, section) in parts)
        elif isinstance(spec.default, Mapping):
            fields[name] = {part[1]: value for part, value in parts.items() if part[0] == name}
        else:
            fields[name] = parts.get((name,), spec.default)
    return Draft.model_validate(fields)


def _differ(a: Mapping[Part, Any], b: Mapping[Part, Any], part: Part) -> bool:
    return bool(a.get(part, _ABSENT) != b.get(part, _ABSENT))


def _overlap(a: Part, b: Part) -> bool:
    """True if a change of `a` and one of `b` could be in each other's way: `inputs` and `inputs.question`."""
    if a == b:
        return True
    if not {a[0], b[0]} <= {"changes", "text"}:
        return False
    if a[0] != b[0]:
        return True  # the whole text, and a change that is made to it
    return f"{a[1]}.".startswith(f"{b[1]}.") or f"{b[1]}.".startswith(f"{a[1]}.")


def words_for(parts: Iterable[Part]) -> list[str]:
    """What differs, in the words of the page."""
    words = {
        "text": "the whole text", "without": "switches", "models": "models", "counted_by": "the model that counts",
        "fresh": "Ask afresh",
    }  # fmt: skip
    named: list[str] = []
    for part in parts:
        if part[0] == "changes":
            key, _, inner = part[1].partition(".")
            word = {"params": inner, "examples": "examples", "inputs": "the list of inputs"}.get(key, key)
        elif part[0] in ("inputs", "origins"):
            word = part[1]
        else:
            word = words.get(part[0], part[0])
        named.append(word.replace("_", " "))
    return list(dict.fromkeys(named))


__all__ = [
    "OwnDraft",
    "Tab",
    "View",
    "carry_over",
    "differences",
    "same_content",
    "settings_of_both",
    "this_tab",
    "words_for",
]
