"""Rows as a table: HTML for notebooks, a pandas DataFrame on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from promptlab._util.text import printable
from promptlab.errors import PromptlabError

if TYPE_CHECKING:
    import pandas
    from jinja2 import Template

KINDS = {
    **dict.fromkeys(("repeat", "prompt_tokens", "new_tokens"), "Int64"),
    **dict.fromkeys(("score", "seconds"), "float64"),
    "passed": "boolean",
}
"""Types of the columns that may be empty: without them a column of whole numbers with a gap becomes one of floats."""
MOST_ROWS = 200
"""Rows that a notebook shows; a longer table says how many there are."""

# Each cell's text comes from a model or a file. Jinja escapes it, and `bdi` keeps its writing
# direction from spreading.
_TABLE = """\
<table class="promptlab"><caption style="text-align:left;white-space:pre-wrap">{{ caption }}</caption>
<thead><tr>{% for name in names %}<th style="text-align:left">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{%- for row in rows %}
<tr>{% for name in names %}<td style="text-align:left;vertical-align:top;white-space:pre-wrap"><bdi>
{{- row[name] }}</bdi></td>{% endfor %}</tr>
{%- endfor %}
</tbody></table>
{%- if more %}
<p>and {{ more }} more rows</p>
{%- endif %}
"""


@cache
def _template() -> Template:
    from jinja2 import Environment

    return Environment(autoescape=True).from_string(_TABLE)


def html(caption: str, rows: Sequence[Mapping[str, str]]) -> str:
    """A table of `rows`, without the columns that are empty in all of them."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    shown = [{name: printable(row[name]) for name in names} for row in rows[:MOST_ROWS]]
    more = max(0, len(rows) - MOST_ROWS)
    return _template().render(caption=printable(caption), names=names, rows=shown, more=more)


def frame(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """A DataFrame of `rows`. Raises `PromptlabError`, which says what to install, if pandas is missing."""
    try:
        import pandas
    except ImportError as exc:
        raise PromptlabError(
            "a table of results needs pandas, which is missing", hint="pip install 'promptlab[notebook]'"
        ) from exc
    table = pandas.DataFrame(list(rows))
    return table.astype({name: kind for name, kind in KINDS.items() if name in table})
