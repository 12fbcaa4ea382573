"""`wording`: how fragile is the prompt?"""

from __future__ import annotations

from collections.abc import Mapping

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.experiments._surface import surface
from promptlab.suites import Variant
from promptlab.templates import apply_changes


class WordingOptions(Options):
    """`instead` are paraphrases of the instructions by name. `surface` adds small changes that should not matter: upper
    and lower case, separators, politeness. Those that do not fit the text are left out."""

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
    texts = {**(surface(own) if options.surface else {}), **options.instead}
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
