"""The options of a kind as the fields of a form, read from its pydantic model: an own kind has a form, too.

for field in form_fields(kind_named("shots")):
    print(field.label, field.form, field.default)    # "Largest number of examples" "whole" None
option_value(field, "0, 1, 2, 4")                    # what was typed, as the value of the option
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from promptlab.errors import ExperimentError
from promptlab.experiments._find_kind import kind_names
from promptlab.experiments._kinds import Kind

Form = Literal[
    "flag", "whole", "decimal", "choice", "several", "numbers", "lines", "documents", "texts", "text", "yaml"
]
"""What a field takes: a switch, a whole number, any number, one of `choices`, several of them, numbers with commas, a
line for each text, paths of documents, a text for each of `choices`, a text, or anything as YAML."""


@dataclass(frozen=True)
class FormField:
    """An option as a field: its label, what it takes, and its usual value. `optional` fields may be empty."""

    name: str
    label: str
    form: Form
    default: Any
    help: str = ""
    choices: Mapping[Any, str] | None = None
    least: float | None = None
    most: float | None = None
    optional: bool = False
    whole: bool = False
    """Of `numbers`: True if each is a whole number."""
    rare: bool = False


_SECTIONS = {
    "instructions": "instructions",
    "output_format": "output format",
    "context": "documents",
    "examples": "examples",
}
_WORDS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("ablate", "mode"): ("How the parts are taken apart", ""),
    ("ablate", "sections"): ("Parts to look at", "All parts that the template has, if none is chosen."),
    ("ablate", "primary"): ("The part that matters most", "Named beforehand, it shares its error with no other part."),
    ("ablate", "instead"): ("Another text to compare with", "Compared with the present text of that part."),
    ("shots", "most"): ("Largest number of examples", "As many as the pool has room for, at most 8, if it is empty."),
    ("shots", "ks"): ("Numbers of examples", "With commas, such as 0, 1, 2, 4. Instead of the largest number."),
    ("shots", "draws"): ("Draws of each number", "Different choices of equally many examples: how much is luck?"),
    ("order", "orders"): ("Number of orders", "The order of the template is one of them."),
    ("order", "k"): ("Number of examples", "That of the template, if it is empty."),
    ("examples", "method"): ("How", ""),
    ("examples", "k"): ("Number of examples", "That of the template, if it is empty."),
    ("examples", "orders"): ("Orders for the Shapley value", "More orders take longer and give narrower intervals."),
    ("book", "decoys"): ("Documents without the answers", "They stand in for the right one, and around it."),
    ("book", "places"): ("Places for the right document", "0 for none; needs one decoy fewer than there are places."),
    ("book", "plant"): ("Plant a wrong fact in the document", "Does it trust the page or its memory?"),
    ("book", "wrong"): ("Wrong answers to plant", "By case, such as `case-1: Spain`. Else that of another case."),
    ("layout", "layouts"): ("Layouts to compare", "All, if none is chosen."),
    ("layout", "own"): ("Own layouts", "By name, as Jinja with message tags."),
    ("format", "key"): ("Key of the answer in the JSON", ""),
    ("format", "explain"): ("Let it explain before it answers, too", ""),
    ("format", "asked"): ("Ask for JSON in words only, too", "Shows how often the model keeps to it by itself."),
    ("format", "words"): ("What the prompt says of the form", ""),
    ("wording", "instead"): ("Other wordings of the instructions", "A blank line between two of them."),
    ("wording", "surface"): ("Small changes of form, too", "Upper and lower case, separators, politeness."),
    ("models", "chance"): ("Rate of right answers by guessing", "From 0 to 1, such as 0.25 of four choices."),
    ("params", "temperature"): ("Temperatures", "With commas; the first is what the others are compared with."),
    ("params", "top_p"): ("Values of top-p", "With commas."),
    ("params", "min_p"): ("Values of min-p", "With commas."),
    ("params", "max_tokens"): ("Values of max tokens", "With commas."),
    ("grid", "kinds"): ("Questions to cross", "Two or more, each as it usually asks."),
}
_CHOICES: Mapping[str, str] = {
    "drop": "leave out one part at a time",
    "alone": "each part alone",
    "grid": "every combination",
    "leave-one-out": "leave out one example at a time",
    "shapley": "Shapley value: what each adds, over many orders",
    **_SECTIONS,
}
_RARE = {
    *(("ablate", name) for name in ("sections", "instead")),
    *(("shots", name) for name in ("ks",)),
    *(("book", name) for name in ("wrong",)),
    *(("layout", name) for name in ("own",)),
    *(("params", name) for name in ("top_p", "min_p", "max_tokens")),
    *(("format", name) for name in ("key", "words")),
}
_FORMS: Mapping[tuple[str, str], Form] = {
    ("book", "decoys"): "documents",
    ("wording", "instead"): "lines",
    ("grid", "kinds"): "several",
}


def form_fields(kind: Kind) -> tuple[FormField, ...]:
    """The fields of a kind, in the order of its options."""
    return tuple(_field(kind.name, name, info) for name, info in kind.options.model_fields.items())


def _field(kind: str, name: str, info: FieldInfo) -> FormField:
    label, help_text = _WORDS.get((kind, name), (name.replace("_", " ").capitalize(), info.description or ""))
    form, choices, optional = _form_of(info.annotation)
    form = _FORMS.get((kind, name), form)
    if (kind, name) == ("layout", "layouts"):
        from promptlab.experiments._layout import LAYOUTS

        form, choices = "several", {layout: layout for layout in LAYOUTS}
    if (kind, name) == ("grid", "kinds"):
        choices = {other: other for other in kind_names() if other != "grid"}
    limits = info.metadata
    return FormField(
        name,
        label,
        form,
        info.get_default(call_default_factory=True) if not info.is_required() else None,
        help_text,
        choices,
        least=next((float(one.ge) for one in limits if isinstance(one, Ge)), None),  # type: ignore[arg-type]  # a number
        most=next((float(one.le) for one in limits if isinstance(one, Le)), None),  # type: ignore[arg-type]  # a number
        optional=optional,
        whole=form == "numbers" and int in get_args(_without_none(info.annotation)),
        rare=(kind, name) in _RARE,
    )


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _form_of(annotation: Any) -> tuple[Form, Mapping[Any, str] | None, bool]:
    """What a field of this type takes, its choices, and whether it may be empty."""
    inner = _without_none(annotation)
    optional, parts = inner is not annotation, get_args(inner)
    simple: Mapping[Any, Form] = {bool: "flag", int: "whole", float: "decimal", str: "text"}
    if inner in simple:
        return simple[inner], None, optional
    origin = get_origin(inner)
    if origin is Literal:
        return "choice", _named(parts), optional
    if origin is tuple and get_origin(parts[0]) is Literal:
        return "several", _named(get_args(parts[0])), True
    if origin is tuple and parts[0] in (int, float):
        return "numbers", None, True
    if origin is tuple and parts[0] is str:
        return "lines", None, True
    if parts and get_origin(parts[0]) is Literal and parts[1] is str:
        return "texts", _named(get_args(parts[0])), True
    return "yaml", None, True


def _named(values: Sequence[Any]) -> dict[Any, str]:
    """Choices with their words. No section can be left out but those that are listed."""
    return {value: _CHOICES.get(str(value), str(value)) for value in values if value not in ("input", "layout")}


def option_value(field: FormField, entered: Any) -> Any:
    """What was entered, as the value of the option. Raises `ExperimentError` if it cannot be one."""
    if field.form == "numbers":
        return _numbers(field, str(entered or ""))
    if field.form == "yaml":
        return _from_yaml(field, str(entered or ""))
    if field.form == "lines":
        return _lines(field, str(entered or ""))
    if field.form == "texts":
        return {name: text for name, text in (entered or {}).items() if text.strip()}
    if field.form == "several" and field.name == "kinds":
        return {name: {} for name in entered or ()}
    if field.form in ("several", "documents"):
        return tuple(entered or ()) or field.default
    return field.default if entered is None and not field.optional else entered


def _numbers(field: FormField, text: str) -> Any:
    read = int if field.whole else float
    try:
        numbers = tuple(read(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError as exc:
        kind = "whole numbers" if field.whole else "numbers"
        hint = f"write {kind} with commas, such as {'0, 1, 2' if field.whole else '0, 0.7'}"
        raise ExperimentError(f"{field.label}: {text!r} is no list of numbers", field=field.name, hint=hint) from exc
    return numbers or (None if field.default is None else ())


def _lines(field: FormField, text: str) -> Any:
    """A tuple of the paragraphs, or for named texts a mapping with a number for each."""
    paragraphs = ["\n".join(lines) for lines in _paragraphs(text.splitlines())]
    if isinstance(field.default, Mapping):
        return {f"wording {number}": f"{text}\n" for number, text in enumerate(paragraphs, 1)}
    return tuple(paragraphs) or field.default


def _paragraphs(lines: Sequence[str]) -> list[list[str]]:
    found: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def _from_yaml(field: FormField, text: str) -> Any:
    if not text.strip():
        return field.default
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        problem = str(exc).splitlines()[0]
        raise ExperimentError(f"{field.label}: this is no YAML: {problem}", field=field.name) from exc


def entered_of(field: FormField, value: Any) -> Any:
    """The value of an option as a form shows it: the opposite of `option_value`."""
    if field.form == "numbers":
        return ", ".join(f"{number:g}" for number in value or ())
    if field.form == "yaml":
        return yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True) if value else ""
    if field.form == "lines":
        return "\n\n".join(
            text.rstrip("\n") for text in (value.values() if isinstance(value, Mapping) else value or ())
        )
    if field.form in ("several", "documents"):
        return list(value or ())
    return dict(value or {}) if field.form == "texts" else value


def changed_options(kind: Kind, values: Mapping[str, Any]) -> dict[str, Any]:
    """The options among `values` that are not as usual: what the file of the experiment says."""
    usual = {field.name: field.default for field in form_fields(kind)}
    return {name: value for name, value in values.items() if value != usual[name] and value not in ((), None, {})}


__all__ = ["Form", "FormField", "changed_options", "entered_of", "form_fields", "option_value"]
