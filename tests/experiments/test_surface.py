"""Small changes of form: what each makes of a text, and what none may change."""

from __future__ import annotations

import pytest

from promptlab.experiments._jinja_parts import jinja_parts
from promptlab.experiments._surface import surface

CHANGES = [
    ("Answer it.", "upper case", "ANSWER IT."),
    ("Answer {{ team|upper }} as JSON.", "lower case", "answer {{ team|upper }} as JSON."),
    ("Say {{ a|default('x }} y') }} now.", "upper case", "SAY {{ a|default('x }} y') }} NOW."),
    ("Answer it.", "a colon at the end", "Answer it:"),
    ("Answer it", "a colon at the end", "Answer it:"),
    ("What is it?", "a colon at the end", None),
    ("Do this:", "a colon at the end", None),
    ("Think...", "a colon at the end", None),
    ("About {{ team }}", "a colon at the end", None),
    ("Names, places, etc., e.g.", "a colon at the end", None),
    ("Question: {{ q }}\nAnswer: short", "a dash after labels", "Question - {{ q }}\nAnswer - short"),
    ("{{ q|default('A: b') }}", "a dash after labels", None),
    ("See https://x.org: there.", "a dash after labels", None),
    ("Read it.\nAnswer it.", "blank lines between lines", "Read it.\n\nAnswer it."),
    ("Do:\n- one\n- two", "blank lines between lines", None),
    ("{% if a %}\nOne.\nTwo.{% endif %}", "blank lines between lines", None),
    ("Answer it.", "please", "Please answer it."),
    ("Please answer it.", "please", "Answer it."),
    ("You are a judge.", "please", None),
    ("What is it?", "please", None),
    ("{{ team }} plays.", "please", None),
    ("Answer it.", "thank you", "Answer it. Thank you."),
    ("Please answer it.", "thank you", None),
    ("The text:", "thank you", None),
]


@pytest.mark.parametrize(("text", "name", "changed"), CHANGES)
def test_each_change(text: str, name: str, changed: str | None) -> None:
    assert surface(f"{text}\n").get(name) == (None if changed is None else f"{changed}\n")


KEPT = [
    "`Yes`", '"I don\'t know"', "“Not known”", "https://Example.org/Page", "<Answer>", '{"Answer": "Yes"}',
    "max_Tokens",
    "kWh", "camelCase", "a/B", "Me@Example.org", "{{ Team }}",
    "{% if Team %}a{% endif %}",
]  # fmt: skip


@pytest.mark.parametrize("part", KEPT)
@pytest.mark.parametrize("name", ["upper case", "lower case"])
def test_text_whose_case_has_a_meaning_stays(part: str, name: str) -> None:
    changed = surface(f"Reply with {part} or Nothing Else.\n")[name]
    if part.startswith("{%"):
        assert jinja_parts(changed) == jinja_parts(part)
    else:
        assert part in changed
    assert "Reply" not in changed


def test_no_change_touches_jinja() -> None:
    for text, _, _ in CHANGES:
        for changed in surface(text).values():
            assert jinja_parts(changed) == jinja_parts(text)
