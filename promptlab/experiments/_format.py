"""`format`: what does structure cost?"""

from __future__ import annotations

import json

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes, escape_jinja

IN_WORDS = "JSON in words"


class FormatOptions(Options):
    """`key` is the key of the answer in the JSON. With `explain`, a third way lets the model explain before it answers;
    with `asked`, another asks for JSON in words only, so that nothing makes the model keep to it. `words` is what the
    prompt says of the form, "" for nothing."""

    key: str = Field("answer", min_length=1)
    explain: bool = True
    asked: bool = False
    words: str = "Reply as JSON."


@kind("format", "what does structure cost?", FormatOptions)
def plan(material: Material, options: FormatOptions) -> Design:
    """Free text, a JSON schema, and a schema with an explanation before the answer. Scorers see the answer only."""
    if material.template.schema is not None:
        raise ExperimentError(f"{material.template.path} has a schema already", hint="use a template of free text")
    plain = json.dumps(_schema([options.key]))
    free = Arm("free text", Variant("free text"), {"format": "free text"}, schema=plain)
    arms = [free]
    for name, keys in (("schema", [options.key]), ("schema with explanation", ["explanation", options.key])):
        if name == "schema" or options.explain:
            arms.append(_arm(material, options, name, keys))
    if options.asked:
        arms.append(_in_words(material, options, plain))
    words = {
        IN_WORDS: "JSON asked for in words",
        "schema": "a JSON schema",
        "schema with explanation": "a JSON schema with an explanation",
    }
    contrasts = tuple(Contrast(arm.name, (arm.name,), (free.name,), words[arm.name]) for arm in arms[1:])
    if options.asked:
        forced = Contrast(
            f"schema, not {IN_WORDS}", ("schema",), (IN_WORDS,), "a schema instead of JSON asked for in words"
        )
        contrasts += (forced,)
    return Design(tuple(arms), contrasts, ("format",), notes=(f"Scored is the text under `{options.key}`.",))


def _arm(material: Material, options: FormatOptions, name: str, keys: list[str]) -> Arm:
    schema = _schema(keys)
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


def _in_words(material: Material, options: FormatOptions, schema: str) -> Arm:
    """The same JSON, asked for in the prompt only."""
    own = material.template.output_format.rstrip("\n")
    said = f'{options.words or "Reply as JSON."} Its only key is "{options.key}".'
    text = "\n".join(part for part in (own, escape_jinja(said)) if part) + "\n"
    template = apply_changes(material.template, {"output_format": text})
    params = {"max_tokens": material.template.params.max_tokens + 32, "stop": ()}
    variant = Variant(IN_WORDS, params=params, template=template, key=options.key)
    return Arm(IN_WORDS, variant, {"format": IN_WORDS}, schema=schema)


def _schema(keys: list[str]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": keys,
        "additionalProperties": False,
    }
