"""The gate: what is labelled above a model's clearance is refused, whichever way it came in."""

from __future__ import annotations

import itertools

import pytest

from promptlab.errors import GateRefused
from promptlab.types import LABELS, Label, Message, Prompt, Section, Source, Span
from promptlab.workspace import _gate as privacy


def prompt(*, spans: tuple[Span, ...] = (), sources: tuple[Source, ...] = ()) -> Prompt:
    return Prompt((Message("user", "x" * 10),), spans, sources)


@pytest.mark.parametrize(("label", "clearance"), list(itertools.product(LABELS, LABELS)))
@pytest.mark.parametrize("place", ["span", "source"])
def test_text_goes_to_models_cleared_for_it_and_to_no_other(label: Label, clearance: Label, place: str) -> None:
    held = (
        prompt(spans=(Span(0, 0, 10, "context", "a.md", label),))
        if place == "span"
        else prompt(sources=(Source("context", "a.md", label),))
    )
    assert privacy.label_of_prompt(held) == label
    if LABELS.index(label) <= LABELS.index(clearance):
        privacy.check_gate(held, model="gpt", clearance=clearance)
    else:
        with pytest.raises(GateRefused, match=rf"not sent to gpt: .*context `a\.md` \({label}\)"):
            privacy.check_gate(held, model="gpt", clearance=clearance)


def test_a_prompt_of_nothing_is_public() -> None:
    assert privacy.label_of_prompt(Prompt(())) == "public"
    privacy.check_gate(Prompt(()), model="gpt", clearance="public")


@pytest.mark.parametrize("section", ["instructions", "output_format", "context", "examples", "input", "layout"])
def test_every_section_is_looked_at(section: Section) -> None:
    with pytest.raises(GateRefused, match=section.replace("_", " ")):
        privacy.check_gate(prompt(spans=(Span(0, 3, 4, section, "", "internal"),)), model="gpt", clearance="public")


def test_one_character_of_a_label_is_enough() -> None:
    spans = (Span(0, 0, 9, "context", "a.md"), Span(0, 9, 10, "context", "b.md", "confidential"))
    with pytest.raises(GateRefused):
        privacy.check_gate(prompt(spans=spans), model="gpt", clearance="internal")


def test_the_error_names_every_part_once_and_nothing_that_may_go() -> None:
    held = prompt(
        spans=(
            Span(0, 0, 2, "context", "", "confidential"),
            Span(0, 2, 4, "context", "secret.md", "confidential"),
            Span(0, 4, 6, "context", "open.md"),
            Span(0, 6, 8, "output_format", "", "internal"),
        ),
        sources=(Source("context", "secret.md", "confidential"), Source("input", "question", "internal")),
    )
    with pytest.raises(GateRefused) as caught:
        privacy.check_gate(held, model="gpt", clearance="public")
    assert caught.value.message == (
        "not sent to gpt: it may see public text only, and the prompt contains context `secret.md` (confidential), "
        "input `question` (internal), output format (internal)"
    )
    assert "raise `clearance` of gpt in promptlab.yaml" in caught.value.hint
    with pytest.raises(GateRefused, match=r"may see text up to `internal`, .* contains context `secret\.md`"):
        privacy.check_gate(held, model="gpt", clearance="internal")
