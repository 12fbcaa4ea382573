"""Inputs that follow the texts of a template: `{{ team }}` typed in a text makes the input `team`.

    edit = edit_text(original, values, "instructions", "About {{ team }}.", before="About.")
    edit.fields          # {"instructions": "About {{ team }}.", "inputs.team": {}, "user": "{{ question }}"}
    edit.renamed         # {}; {"team": "club"} if only this name was changed in the text

`values` are all fields as `field_values` gives them. Names of loops, macros and `set`, and names that layouts know,
are no inputs. A text that is not valid Jinja (yet) changes no input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from promptlab.templates._inputs import is_input_name, is_renamed_text, rename_input
from promptlab.templates._jinja import compile_text
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.templates._parse import LAYOUT_NAMES, SECTION_NAMES, TEXT_FIELDS
from promptlab.templates._template import InputSpec, Template

_BARE = asdict(InputSpec())


@dataclass(frozen=True)
class TextEdit:
    """The changed fields, as `edit_template` takes them, and the new names of inputs by their old ones."""

    fields: Mapping[str, Any]
    renamed: Mapping[str, str] = field(default_factory=dict)


def edit_text(original: Template, values: Mapping[str, Any], name: str, text: str, *, before: str) -> TextEdit:
    """The text field `name` set to `text`, with the inputs that it makes, renames and removes.

    `before` is the last valid text of the field, `original` the template of the file. An input that was described, or
    has a type, a sample or a default, is never removed here (see `unused_inputs`).
    """
    used, known = _used({**values, name: text}), values["inputs"]
    if used is None:
        return TextEdit({name: text})
    added = [variable for variable in used if variable not in known and is_input_name(variable)]
    gone = [old for old in known if old not in used and old in (_names(name, before) or ())]
    if len(added) == len(gone) == 1 and is_renamed_text(before, text, gone[0], added[0]):
        fields = {**rename_input({**values, name: text}, gone[0], added[0]), name: text}
        return TextEdit(fields, {gone[0]: added[0]})
    # A template without a user turn of its own sends all its inputs as the question.
    all_asked = values["user"] is None and name != "user"
    removed = [old for old in gone if dict(known[old]) == _BARE and not (all_asked and old in original.inputs)]
    inputs: dict[str, Any] = {f"inputs.{variable}": {} for variable in added}
    inputs |= dict.fromkeys(f"inputs.{old}" for old in removed)
    fields = {name: text, **inputs}
    if inputs and name != "user":
        fields |= _same_turn(original, values, added, [old for old in known if old not in removed])
    return TextEdit(fields)


def _same_turn(
    original: Template, values: Mapping[str, Any], added: Iterable[str], left: Collection[str]
) -> dict[str, Any]:
    """The change that keeps the question as it is when inputs come and go. `left` are the known ones that stay."""
    user = values["user"]
    if user is None and added and left:
        return {"user": standard_user_turn(left)}
    if original.user is None and not added and set(left) == set(original.inputs) and user == standard_user_turn(left):
        return {"user": None}
    return {}


def standard_user_turn(names: Collection[str]) -> str:
    """The text of the user turn that a template without one has."""
    if len(names) == 1:
        return "".join(f"{{{{ {name} }}}}" for name in names)
    return "\n".join(f"{name}: {{{{ {name} }}}}" for name in names)


def unused_inputs(template: Template) -> tuple[str, ...]:
    """The inputs that stand nowhere in the prompt. Empty while a text is not valid Jinja."""
    if template.user is None:
        return ()
    used = _used({name: getattr(template, name) for name in TEXT_FIELDS})
    queried = {name for choice in template.passages.values() for name in choice.query}
    return () if used is None else tuple(name for name in template.inputs if name not in {*used, *queried})


def text_inputs(template: Template, name: str) -> tuple[str, ...]:
    """The inputs that the text field `name` uses, in their order; none while it is not valid Jinja."""
    names = _names(name, getattr(template, name) or "") or ()
    return tuple(known for known in template.inputs if known in names)


def is_valid_text(name: str, text: Any, inputs: Collection[str]) -> bool:
    """True if `text` can be the text field `name` of a template with these inputs."""
    if not isinstance(text, str):
        return text is None
    names = _names(name, text)
    return names is not None and names <= set(inputs)


def _used(values: Mapping[str, Any]) -> dict[str, None] | None:
    """The variables of all texts, in order; None if a text is not valid Jinja."""
    used: dict[str, None] = {}
    for name in TEXT_FIELDS:
        text = values[name] or ""
        names = _names(name, text)
        if names is None:
            return None
        used |= dict.fromkeys(sorted(names, key=lambda variable: (text.find(variable), variable)))
    for entry in values.get("context") or ():
        passages = entry.get("passages") if isinstance(entry, Mapping) else None
        used |= dict.fromkeys((passages or {}).get("query") or ())
    return used


def _names(name: str, text: str) -> frozenset[str] | None:
    """The variables of `text` that could be inputs; None if it is not valid Jinja."""
    if "{" not in text:
        return frozenset()
    try:
        compiled = compile_text(text, layout=name == "layout")
    except LayoutProblem:
        return None
    return compiled.names - set(LAYOUT_NAMES if name == "layout" else SECTION_NAMES)


__all__ = ["TextEdit", "edit_text", "is_valid_text", "standard_user_turn", "text_inputs", "unused_inputs"]
