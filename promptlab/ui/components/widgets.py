"""Small pieces of page. Everything here that came from a document, a model or a person is shown as text.

Streamlit renders Markdown in labels and HTML in `st.html`; text of unknown origin therefore goes through
`escape` before it becomes HTML, and through `plain` before it becomes a label. Nothing else writes either.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from promptlab.types import SECTIONS, Budget, Piece, Prompt, Section

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
# Controls that cannot be seen, and marks that reorder what is seen: both hide what a prompt really says.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    """`text` as a browser can be sent it: a lone surrogate becomes U+FFFD, NUL its picture, all else stays."""
    return _SURROGATES.sub("\ufffd", text).replace("\x00", "\u2400")


def escape(text: str) -> str:
    """`text` as HTML that shows exactly that text, but for what `unturned` writes out."""
    return html.escape(unturned(shown(text)), quote=True)


def plain(text: str) -> str:
    """`text` as Markdown that shows exactly that text on one line, for labels."""
    return _MARKDOWN.sub(r"\\\1", " ".join(unturned(shown(text)).split()))


def unturned(text: str) -> str:
    """`text` with what would turn the order of the characters after it around written out: [U+202E]."""
    return _TURNS.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


def literal(text: str) -> str:
    """`text` as HTML in which unseen and reordering characters are written out."""
    done, at = [], 0
    for odd in _ODD.finditer(text):
        if odd.group() == "\r" and text[odd.end() : odd.end() + 1] == "\n":
            continue
        done += [escape(text[at : odd.start()]), f'<span class="pl-odd">U+{ord(odd.group()):04X}</span>']
        at = odd.end()
    return "".join([*done, escape(text[at:])])


def markup(body: str) -> None:
    """Put HTML made in this package on the page."""
    st.html(body)


def note(kind: str, title: str, *more: str) -> None:
    """A remark with a title; `kind` is info, warn or bad. All of it is plain text."""
    role = ' role="alert"' if kind == "bad" else ""
    rest = "".join(f"<div>{escape(line)}</div>" for line in more if line)
    markup(f'<div class="pl-note pl-{kind}"{role}><b>{escape(title)}</b>{rest}</div>')


def small(text: str) -> None:
    """A line of secondary text."""
    markup(f'<div class="pl-small">{escape(text)}</div>')


def chip(text: str, kind: str = "") -> str:
    """A small mark, as HTML."""
    return f'<span class="pl-chip{f" pl-{kind}" if kind else ""}">{escape(text)}</span>'


def mono(text: str, *, key: str) -> None:
    """A text with a button that copies it: monospaced, wrapped, scrolling when long."""
    with st.container(key=key):
        st.code(shown(text), language=None, wrap_lines=True)


# Prompts and their sections


def legend(sections: Iterable[Section]) -> str:
    """The sections with their colours, as HTML."""
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
        # A request without spans, as a foreign backend or an old history may give, is shown all the same.
        body = text if spans else literal(message.content)
        parts.append(
            f'<div class="pl-role">{escape(message.role)}</div><pre class="pl-prompt" tabindex="0">{body}</pre>'
        )
    return legend(s.section for s in prompt.spans) + "".join(parts)


def pieces_html(pieces: Sequence[Piece]) -> str:
    """The string a local model reads, its control tokens set apart."""
    body = "".join(
        f'<span class="pl-control" title="control token">{literal(p.text)}</span>'
        if p.control
        else _marked(p.section, p.source, p.text)
        for p in pieces
    )
    return f'{legend(p.section for p in pieces)}<pre class="pl-prompt" tabindex="0">{body}</pre>'


# Tokens


def share_of_window(budget: Budget) -> float:
    """How much of the window prompt and answer take; 0 where the window is not known."""
    return (budget.prompt + budget.room) / budget.window if budget.window else 0.0


def largest(budget: Budget) -> Section:
    """The section one would shorten first."""
    return max((s for s in budget.by_section if s != "layout"), key=lambda s: budget.by_section[s], default="layout")


def bar_html(budget: Budget) -> str:
    """The prompt against the window, as a bar in the colours of its sections."""
    whole = max(budget.window or 0, budget.prompt + budget.room) or 1
    parts = [
        f'<span class="pl-{s}" style="width:{100 * budget.by_section[s] / whole:.2f}%" '
        f'title="{SECTION_NAMES[s]}: {budget.by_section[s]:,} tokens"></span>'
        for s in SECTIONS
        if budget.by_section.get(s)
    ]
    room = f'<span class="pl-room" style="width:{100 * budget.room / whole:.2f}%" title="kept for the answer"></span>'
    about = "" if budget.exact else "about "
    window = f" of {budget.window:,}" if budget.window else ""
    said = f"{about}{budget.prompt:,}{window} tokens"
    return (
        f'<div class="pl-bar" role="img" aria-label="{escape(said)}">{"".join(parts)}{room}</div>'
        f'<div class="pl-barline"><span class="pl-num">{escape(said)}</span>'
        f'<span class="pl-num">{budget.room:,} more kept for the answer</span></div>'
    )


def warn_of_window(model: str, budget: Budget) -> None:
    """Say so when the window is nearly full, or too small, and which section to shorten."""
    if not budget.window or share_of_window(budget) < 0.85:
        return
    section = largest(budget)
    name, answer = SECTION_NAMES[section].lower(), budget.room > budget.by_section.get(section, 0)
    if budget.fits:
        left = budget.window - budget.prompt - budget.room
        most = "max tokens keeps the most of it free for the answer" if answer else f"the {name} takes the most"
        note("warn", f"The window of {model} is nearly full", f"{left:,} tokens are left; {most}.")
    else:
        over = budget.prompt + budget.room - budget.window
        what = f"lower max tokens, or shorten the {name}" if answer else f"shorten the {name}, or lower max tokens"
        note(
            "bad", f"This does not fit {model}, and will not be sent to it", f"It is {over:,} tokens too long: {what}."
        )


def _share(count: int, whole: int) -> str:
    return f"{100 * count / whole:.0f} %" if 200 * count >= whole else "&lt; 1 %"


def budget_table(budget: Budget, names: Mapping[Section, Sequence[str]] | None = None) -> str:
    """Tokens by section, and within it by document, example or input, as an HTML table."""
    whole = budget.prompt or 1
    about = "" if budget.exact else "~"
    rows = []
    for section in SECTIONS:
        count = budget.by_section.get(section, 0)
        if not count:
            continue
        sources = [s for s in (names or {}).get(section, ()) if s in budget.by_source]
        opens = ' class="pl-open"' if sources else ""
        rows.append(
            f'<tr{opens}><td class="pl-{section}"><span class="pl-dot"></span>{SECTION_NAMES[section]}</td>'
            f'<td class="pl-n">{about}{count:,}</td><td class="pl-n">{_share(count, whole)}</td></tr>'
        )
        rows += [
            f'<tr class="pl-sub{"" if source == sources[-1] else " pl-open"}"><td>{escape(source)}</td>'
            f'<td class="pl-n">{about}{budget.by_source[source]:,}</td><td></td></tr>'
            for source in sources
        ]
    rows.append(f'<tr><th>Prompt</th><th class="pl-n">{about}{budget.prompt:,}</th><th></th></tr>')
    rows.append(f'<tr><td>Kept for the answer</td><td class="pl-n">{budget.room:,}</td><td></td></tr>')
    if budget.window:
        rows.append(f'<tr><td>Window</td><td class="pl-n">{budget.window:,}</td><td></td></tr>')
    head = '<tr><th>Section</th><th class="pl-n">Tokens</th><th class="pl-n">Share</th></tr>'
    return f'<table class="pl-table">{head}{"".join(rows)}</table>'


# Numbers, times and tables


def clock(created: str) -> str:
    """A recorded time as people here read it: the hour today, the date as well on other days."""
    try:
        then = datetime.fromisoformat(created).astimezone()
    except ValueError:
        return created
    same_day = then.date() == datetime.now().astimezone().date()
    return then.strftime("%H:%M:%S") if same_day else then.strftime("%-d %b %Y, %H:%M")


def size(count: int | None) -> str:
    """Bytes in MB."""
    return "–" if count is None else f"{count / 1_000_000:,.0f} MB"


def version_line(what: str, *facts: str) -> None:
    """One version in a list: `what` is HTML made in this package, the facts below it are plain text."""
    below = " · ".join(escape(fact) for fact in facts if fact)
    markup(f'<div class="pl-version">{what}<div class="pl-small pl-num">{below}</div></div>')


def facts_table(rows: Iterable[tuple[str, Any]]) -> str:
    """Names and values as an HTML table; empty values are left out."""
    cells = [
        f'<tr><th scope="row" class="pl-key">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in rows
        if value not in ("", None)
    ]
    return f'<table class="pl-table">{"".join(cells)}</table>'
