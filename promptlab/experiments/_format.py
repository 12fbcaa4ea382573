"""`format`: what does structure cost?"""

from __future__ import annotations

import json

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes


class FormatOptions(Options):
    """`key` is the key of the answer in the JSON. With `explain`, a third way lets the model explain before it answers.
    `words` is what the prompt says of the form, "" for nothing."""

    key: str = Field("answer", min_length=1)
    explain: bool = True
    words: str = "Reply as JSON."


@kind("format", "what does structure cost?", FormatOptions)
def plan(material: Material, options: FormatOptions) -> Design:
    """Free text, a JSON schema, and a schema with an explanation before the answer. Scorers see the answer only."""
    if material.template.schema is not None:
        raise ExperimentError(f"{material.template.path} has a schema already", hint="use a template of free text")
    free = Arm("free text", Variant("free text"), {"format": "free text"})
    arms = [free]
    for name, keys in (("schema", [options.key]), ("schema with explanation", ["explanation", options.key])):
        if name == "schema" or options.explain:
            arms.append(_arm(material, options, name, keys))
    words = {"schema": "a JSON schema", "schema with explanation": "a JSON schema with an explanation"}
    contrasts = tuple(Contrast(arm.name, (arm.name,), (free.name,), words[arm.name]) for arm in arms[1:])
    return Design(tuple(arms), contrasts, ("format",), notes=(f"Scored is the text under `{options.key}`.",))


def _arm(material: Material, options: FormatOptions, name: str, keys: list[str]) -> Arm:
    schema = {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
        "additionalProperties": False,
    }
    changes: dict[str, object] = {"schema": schema}
    if options.words:
        own = material.template.output_format.rstrip("\n")
        changes["output_format"] = "\n".join(part for part in (own, options.words) if part) + "\n"
    template = apply_changes(material.template, changes)
    params = {"max_tokens": material.template.params.max_tokens + 32 * len(keys), "stop": ()}
    return Arm(
        name,
        Variant(name, params=params, template=template, key=options.key),
        {"format": name, "schema": json.dumps(schema)},
    )
