"""`wording`: how fragile is the prompt?"""

from __future__ import annotations

import re
from collections.abc import Mapping

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes

_JINJA = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)


class WordingOptions(Options):
    """`instead` are paraphrases of the instructions by name. `surface` adds small changes that should not matter: upper
    and lower case, a colon, politeness."""

    instead: Mapping[str, str] = {}
    surface: bool = True


@kind("wording", "how fragile is it?", WordingOptions)
def plan(material: Material, options: WordingOptions) -> Design:
    """The instructions as they are, against paraphrases and small changes of their form."""
    own = material.template.instructions
    if not own.strip():
        raise ExperimentError(
            f"{material.template.path} has no instructions to word otherwise", hint="add `instructions` to the template"
        )
    texts = {**(_surface(own) if options.surface else {}), **options.instead}
    base = Arm("as written", Variant("as written"), {"wording": "as written"})
    arms = [base]
    for name, text in texts.items():
        if text != own:
            template = apply_changes(material.template, {"instructions": text})
            arms.append(Arm(name, Variant(name, template=template), {"wording": name}))
    if len(arms) == 1:
        raise ExperimentError("there is no other wording to try", hint="give some under `instead`", field="instead")
    contrasts = tuple(Contrast(arm.name, (arm.name,), (base.name,), f"the wording “{arm.name}”") for arm in arms[1:])
    return Design(tuple(arms), contrasts, ("wording",))


def _surface(text: str) -> dict[str, str]:
    """Small changes of form. What Jinja puts in stays as it is."""
    end = text[len(text.rstrip()) :]
    body = text.rstrip()
    return {
        "upper case": _outside_jinja(text, str.upper),
        "lower case": _outside_jinja(text, str.lower),
        "a colon at the end": f"{body.rstrip('.')}:{end}",
        "please": f"Please {_first_lower(body)}{end}",
        "a blank line after": f"{body}\n\n",
    }


def _outside_jinja(text: str, change: object) -> str:
    assert callable(change)
    parts = _JINJA.split(text)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def _first_lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
