"""Writes the tables of fields in docs/serve.md from the tables that the program reads bodies with.

python tools/serve_docs.py          # a test fails when the page is not what this writes
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from promptlab.server._fields import OPENAI, OTHERS, UNWANTED, Body, Labels, NoEffect

PAGE = Path(__file__).parent.parent / "docs/serve.md"
BEGIN, END = "<!-- fields: made by tools/serve_docs.py -->\n", "<!-- end of fields -->\n"


def written(page: str) -> str:
    """`page` with its tables made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "".join(f"{line}\n" for line in tables()) + END + after


def tables() -> Iterator[str]:
    """The lines of all tables."""
    yield from ("**Honoured:**", "", "| field | takes |", "|---|---|")
    for name, field in Body.model_fields.items():
        if name not in Labels.model_fields:
            yield f"| `{name}` | {field.description} |"
    yield from ("", "**Labels**, which change no answer:", "", "| field | takes |", "|---|---|")
    for name, field in Labels.model_fields.items():
        yield f"| `{name}` | {field.description} |"
    yield from ("", "**Not offered here.** A value that has no effect is accepted, any other is refused:", "")
    yield from _only(OPENAI)
    yield from ("", "The same for fields that clients of other servers add:", "")
    yield from _only(OTHERS)


def _only(fields: Mapping[str, NoEffect]) -> Iterator[str]:
    yield from ("| field | taken | what to do instead |", "|---|---|---|")
    for name, only in fields.items():
        taken = ", ".join(f"`{json.dumps(value)}`" for value in only.values)
        if name in UNWANTED:
            taken += f", and any list with `{UNWANTED[name]}: none`"
        hint = "" if only.hint == "leave it out" else only.hint
        yield f"| `{name}` | {taken} | {hint} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
