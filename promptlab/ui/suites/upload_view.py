"""An uploaded file of cases: which files are taken, a preview of what they hold, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence

from promptlab.errors import InputError, PromptlabError
from promptlab.suites import Case
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.suites.wording import as_text

PREVIEWED = 5
FILE_TYPES = ["csv", "tsv", "jsonl", "yaml", "yml"]
FILE_HELP = (
    "CSV, TSV, JSONL or YAML. A column id names each case, a column expected has the right answer, and every other "
    "column is an input of the template. Columns tags, documents and label may be there too."
)


def preview(cases: Sequence[Case], name: str) -> None:
    """The first cases of an uploaded file, and how many there are."""
    small(f"{name}: {len(cases):,} cases. " + (f"The first {PREVIEWED}:" if len(cases) > PREVIEWED else ""))
    names = list(dict.fromkeys(name for case in cases[:PREVIEWED] for name in case.inputs))
    heads = "".join(f"<th>{escape(head)}</th>" for head in ("id", *names, "expected", "tags"))
    rows = "".join(
        f"<tr><td>{escape(case.id)}</td>"
        + "".join(f"<td>{escape(as_text(case.inputs.get(name, ''))[:200])}</td>" for name in names)
        + f"<td>{escape('' if case.expected is None else as_text(case.expected)[:200])}</td>"
        f"<td>{escape(', '.join(case.tags))}</td></tr>"
        for case in cases[:PREVIEWED]
    )
    markup(
        f'<div class="pl-wide"><table class="pl-table" aria-label="The uploaded cases"><tr>{heads}</tr>{rows}'
        "</table></div>"
    )


def problem(exc: PromptlabError, name: str) -> None:
    """Say what is wrong with an uploaded file, with its line."""
    line = f", line {exc.line}" if isinstance(exc, InputError) and exc.line else ""
    note("bad", f"{name}{line} cannot be used", exc.what if isinstance(exc, InputError) else exc.message, exc.hint)
