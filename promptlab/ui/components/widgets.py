"""Small building blocks of pages. Text from a document, a model or a person is always shown as plain text.

Streamlit renders Markdown in labels and HTML in `st.html`. So untrusted text goes through `escape` before it becomes
HTML, and through `plain` before it becomes a label.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from promptlab.models import Budget, Piece
from promptlab.types import SECTIONS, Prompt, Section

SECTION_NAMES: Mapping[Section, str] = {
    "instructions": "Instructions",
    "output_format": "Output format",
    "context": "Context",
    "examples": "Examples",
    "input": "Input",
    "layout": "Layout",
}

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|$~:@^=])")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Invisible control characters and marks that reorder text: both hide what a prompt really says.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """`text` as it can be sent to a browser: a lone surrogate becomes U+FFFD and NUL becomes its symbol."""
    return _SURROGATES.sub("\ufffd", text).replace("\x00", "\u2400")


def escape(text: str) -> str:
    """`text` as HTML that shows exactly this text, with reordering marks written out as `spell_bidi` does."""
    return html.escape(spell_bidi(shown(text)), quote=True)


def plain(text: str) -> str:
    """`text` as Markdown that shows exactly this text on one line, for labels."""
    return _MARKDOWN.sub(r"\\\1", " ".join(spell_bidi(shown(text)).split()))


def option(text: str) -> str:
    """`text` on one line for the options of a selectbox, which are no Markdown."""
    return " ".join(spell_bidi(shown(text)).split())


def spell_bidi(text: str) -> str:
    """`text` with the marks that reorder the characters after them written out: [U+202E]."""
    return _BIDI.sub(lambda mark: f"[U+{ord(mark.group()):04X}]", text)


def literal(text: str) -> str:
    """`text` as HTML in which invisible and reordering characters are written out."""
    done, at = [], 0
    for odd in _INVISIBLE.finditer(text):
        if odd.group() == "\r" and text[odd.end() : odd.end() + 1] == "\n":
            continue
        done += [escape(text[at : odd.start()]), f'<span class="pl-odd">U+{ord(odd.group()):04X}</span>']
        at = odd.end()
    return "".join([*done, escape(text[at:])])


def markup(body: str) -> None:
    """Put HTML on the page; only for HTML that this package made."""
    st.html(body)


def note(kind: str, title: str, *more: str) -> None:
    """A note with a title; `kind` is info, warn or bad. Title and lines are plain text."""
    role = ' role="alert"' if kind == "bad" else ""
    rest = "".join(f"<div>{escape(line)}</div>" for line in more if line)
    markup(f'<div class="pl-note pl-{kind}"{role}><b>{escape(title)}</b>{rest}</div>')


def small(text: str) -> None:
    """A line of secondary text."""
    markup(f'<div class="pl-small">{escape(text)}</div>')


def chip(text: str, kind: str = "") -> str:
    """A chip, as HTML: a short word in a rounded border."""
    return f'<span class="pl-chip{f" pl-{kind}" if kind else ""}">{escape(text)}</span>'


def mono(text: str, *, key: str) -> None:
    """A text in a monospaced, wrapped, scrolling block with a button that copies it."""
    with st.container(key=key):
        st.code(shown(text), language=None, wrap_lines=True)


# Prompts and their sections


def legend(sections: Iterable[Section]) -> str:
    """The legend: the sections with their colours, as HTML."""
    present = set(sections)
    items = [
        f'<span class="pl-{s}"><span class="pl-dot"></span>{SECTION_NAMES[s]}</span>'
        for s in SECTIONS
        if s in present and s != "layout"
    ]
    return f'<div class="pl-legend">{"".join(items)}</div>'


def _marked(section: Section, source: str, text: str) -> str:
    title = SECTION_NAMES[section] + (f": {source}" if source else "")
    return f'<mark class="pl-{section}" title="{escape(title)}">{literal(text)}</mark>'


def messages_html(prompt: Prompt) -> str:
    """The messages one after another, each character in the colour of its section."""
    parts = []
    for number, message in enumerate(prompt.messages):
        spans = [s for s in prompt.spans if s.message == number]
        text = "".join(_marked(s.section, s.source, message.content[s.start : s.end]) for s in spans)
        # A request of another backend or of an old history may have no spans; it is shown without colours.
        body = text if spans else literal(message.content)
        parts.append(
            f'<div class="pl-role">{escape(message.role)}</div><pre class="pl-prompt" tabindex="0">{body}</pre>'
        )
    return legend(s.section for s in prompt.spans) + "".join(parts)


def pieces_html(pieces: Sequence[Piece]) -> str:
    """The string that a local model reads, with its control tokens marked."""
    body = "".join(
        f'<span class="pl-control" title="control token">{literal(p.text)}</span>'
        if p.control
        else _marked(p.section, p.source, p.text)
        for p in pieces
    )
    return f'{legend(p.section for p in pieces)}<pre class="pl-prompt" tabindex="0">{body}</pre>'


# Tokens


def share_of_window(budget: Budget) -> float:
    """The share of the context window that prompt and answer take; 0 if the window is not known."""
    return (budget.prompt + budget.room) / budget.window if budget.window else 0.0


def largest(budget: Budget) -> Section:
    """The section with the most tokens, the first one to shorten."""
    return max((s for s in budget.by_section if s != "layout"), key=lambda s: budget.by_section[s], default="layout")


def bar_html(budget: Budget) -> str:
    """A bar that shows how much of the window each section takes, in the colours of the sections."""
    whole = max(budget.window or 0, budget.prompt + budget.room) or 1
    parts = [
        f'<span class="pl-{s}" style="width:{100 * budget.by_section[s] / whole:.2f}%" '
        f'title="{SECTION_NAMES[s]}: {budget.by_section[s]:,} tokens"></span>'
        for s in SECTIONS
        if budget.by_section.get(s)
    ]
    room = (
        f'<span class="pl-room" style="width:{100 * budget.room / whole:.2f}%" title="reserved for the answer"></span>'
    )
    about = "" if budget.exact else "about "
    window = f" of {budget.window:,}" if budget.window else ""
    label = f"{about}{budget.prompt:,}{window} tokens"
    return (
        f'<div class="pl-bar" role="img" aria-label="{escape(label)}">{"".join(parts)}{room}</div>'
        f'<div class="pl-barline"><span class="pl-num">{escape(label)}</span>'
        f'<span class="pl-num">{budget.room:,} reserved for the answer</span></div>'
    )


def warn_of_window(model: str, budget: Budget) -> None:
    """Warn if the window is nearly full or too small, and name what to shorten."""
    if not budget.window or share_of_window(budget) < 0.85:
        return
    section = largest(budget)
    name, answer_is_largest = SECTION_NAMES[section].lower(), budget.room > budget.by_section.get(section, 0)
    if budget.fits:
        left = budget.window - budget.prompt - budget.room
        biggest = "Max tokens reserves the largest part" if answer_is_largest else f"The largest part is: {name}"
        note("warn", f"The context window of {model} is nearly full", f"{left:,} tokens are left. {biggest}.")
    else:
        over = budget.prompt + budget.room - budget.window
        fix = f"lower max tokens, or shorten: {name}" if answer_is_largest else f"shorten: {name}, or lower max tokens"
        note("bad", f"Too long for {model}; it will not be sent", f"{over:,} tokens too many. To fix it, {fix}.")


def _share(count: int, whole: int) -> str:
    return f"{100 * count / whole:.0f} %" if 200 * count >= whole else "&lt; 1 %"


def budget_table(budget: Budget, names: Mapping[Section, Sequence[str]] | None = None) -> str:
    """Tokens by section, and within a section by document, example or input, as an HTML table."""
    whole = budget.prompt or 1
    about = "" if budget.exact else "~"
    rows = []
    for section in SECTIONS:
        count = budget.by_section.get(section, 0)
        if not count:
            continue
        sources = [s for s in (names or {}).get(section, ()) if s in budget.by_source]
        row_class = ' class="pl-open"' if sources else ""
        rows.append(
            f'<tr{row_class}><td class="pl-{section}"><span class="pl-dot"></span>{SECTION_NAMES[section]}</td>'
            f'<td class="pl-n">{about}{count:,}</td><td class="pl-n">{_share(count, whole)}</td></tr>'
        )
        rows += [
            f'<tr class="pl-sub{"" if source == sources[-1] else " pl-open"}"><td>{escape(source)}</td>'
            f'<td class="pl-n">{about}{budget.by_source[source]:,}</td><td></td></tr>'
            for source in sources
        ]
    rows.append(f'<tr><th>Prompt</th><th class="pl-n">{about}{budget.prompt:,}</th><th></th></tr>')
    rows.append(f'<tr><td>Reserved for the answer</td><td class="pl-n">{budget.room:,}</td><td></td></tr>')
    if budget.window:
        rows.append(f'<tr><td>Window</td><td class="pl-n">{budget.window:,}</td><td></td></tr>')
    head = '<tr><th>Section</th><th class="pl-n">Tokens</th><th class="pl-n">Share</th></tr>'
    return f'<table class="pl-table">{head}{"".join(rows)}</table>'


# Numbers, times and tables


def clock(created: str) -> str:
    """A recorded time in local form: only the time if it is today, otherwise date and time."""
    try:
        time = datetime.fromisoformat(created).astimezone()
    except ValueError:
        return created
    is_today = time.date() == datetime.now().astimezone().date()
    return time.strftime("%H:%M:%S") if is_today else time.strftime("%-d %b %Y, %H:%M")


def size(count: int | None) -> str:
    """Bytes as MB."""
    return "–" if count is None else f"{count / 1_000_000:,.0f} MB"


def version_line(what: str, *facts: str) -> None:
    """One version in a list: `what` is HTML that this package made; the facts below it are plain text."""
    below = " · ".join(escape(fact) for fact in facts if fact)
    markup(f'<div class="pl-version">{what}<div class="pl-small pl-num">{below}</div></div>')


def facts_table(rows: Iterable[tuple[str, Any]]) -> str:
    """Names and values as an HTML table; rows with an empty value are left out."""
    cells = [
        f'<tr><th scope="row" class="pl-key">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in rows
        if value not in ("", None)
    ]
    return f'<table class="pl-table">{"".join(cells)}</table>'
