"""`ablate`: what does each part of the prompt add?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Literal

from pydantic import Field

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes
from promptlab.types import Section

WORDS: Mapping[Section, str] = {
    "instructions": "the instructions",
    "output_format": "the output format",
    "context": "the article",
    "examples": "the examples",
}


class AblateOptions(Options):
    """`mode`: `drop` leaves out each section, `alone` leaves out all but one, `grid` asks every combination.

    `instead` gives another text for instructions or output format, which is compared with the present one.
    """

    mode: Literal["drop", "alone", "grid"] = "drop"
    sections: tuple[Section, ...] | None = None
    instead: Mapping[Literal["instructions", "output_format"], str] = Field(default_factory=dict)
    primary: Section | None = None


@kind("ablate", "what does each part add?", AblateOptions)
def plan(material: Material, options: AblateOptions) -> Design:
    """The whole prompt, and the prompt without each part, with each part alone, or with every combination."""
    sections = _sections(material, options)
    every = sections == material.sections
    if options.mode == "grid":
        return _grid(sections, options, every)
    whole = _arm(sections, sections, every)
    arms, contrasts = [whole], list[Contrast]()
    if options.mode == "drop":
        for section in sections:
            without = _arm([other for other in sections if other != section], sections, every)
            arms.append(without)
            contrasts.append(_contrast(section, (whole,), (without,), options))
    else:
        none = _arm([], sections, every)
        arms.append(none)
        for section in sections:
            alone = _arm([section], sections, every)
            if alone.name != whole.name:
                arms.append(alone)
            contrasts.append(_contrast(section, (alone,), (none,), options))
    for name, text in options.instead.items():
        template = apply_changes(material.template, {name: text})
        other = Arm(f"other {name}", Variant(f"other {name}", template=template), {**whole.levels, name: "other"})
        arms.append(other)
        contrasts.append(
            Contrast(
                other.name,
                (other.name,),
                (whole.name,),
                f"the other {name.replace('_', ' ')}",
                plural=name == "instructions",
            )
        )
    return Design(tuple(arms), tuple(contrasts), tuple(sections))


def _sections(material: Material, options: AblateOptions) -> tuple[Section, ...]:
    there = material.sections
    for section in options.sections or ():
        if section not in there:
            raise ExperimentError(f"{material.template.path} has no section `{section}`", field="sections")
    sections = there if options.sections is None else tuple(s for s in there if s in options.sections)
    if not sections:
        raise ExperimentError(
            f"{material.template.path} has no section that can be left out",
            hint="add instructions, an output format, a document or examples",
        )
    if options.primary is not None and options.primary not in sections:
        raise ExperimentError(f"the section `{options.primary}` is not varied", field="primary")
    return sections


def _arm(on: list[Section] | tuple[Section, ...], sections: tuple[Section, ...], whole: bool) -> Arm:
    """The prompt with the sections `on`. `whole` says that `sections` are all that the prompt has; if they are not, an
    arm is named after what it lacks, because other sections are in it as well."""
    off = tuple(section for section in sections if section not in on)
    if not off:
        name = "whole prompt"
    elif len(off) == 1 or not whole:
        name = f"without {' and '.join(off)}"
    elif not on:
        name = "question only"
    else:
        name = f"only {' and '.join(on)}"
    return Arm(name, Variant(name, off), {section: "on" if section in on else "off" for section in sections})


def _contrast(section: Section, after: tuple[Arm, ...], before: tuple[Arm, ...], options: AblateOptions) -> Contrast:
    names = tuple(arm.name for arm in after), tuple(arm.name for arm in before)
    plural = section in ("instructions", "examples")
    return Contrast(section, *names, WORDS[section], section == options.primary, plural)


def _grid(sections: tuple[Section, ...], options: AblateOptions, every: bool) -> Design:
    """Every combination. The effect of a section is its mean effect over all combinations of the others."""
    arms = [
        _arm([section for section, there in zip(sections, on, strict=True) if there], sections, every)
        for on in product((True, False), repeat=len(sections))
    ]
    contrasts = [
        _contrast(
            section,
            tuple(arm for arm in arms if arm.levels[section] == "on"),
            tuple(arm for arm in arms if arm.levels[section] == "off"),
            options,
        )
        for section in sections
    ]
    return Design(tuple(arms), tuple(contrasts), tuple(sections))
