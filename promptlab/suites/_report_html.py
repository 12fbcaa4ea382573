"""The HTML report of a suite: one file to look at and to pass on.

It loads nothing from anywhere, holds no script and forbids both; everything a model or a document said is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from promptlab._util.text import clipped
from promptlab.runs import Change, text_changes
from promptlab.suites._report_item import KEPT_WORDS, MAX_SHOWN, Entry
from promptlab.suites._summary import Summary, mark, threshold_line
from promptlab.types import Score

_CLASS: Mapping[bool | None, str] = {True: "good", False: "bad", None: "open"}
_CSS = """
:root { color-scheme: light dark; --ink: #1a1d21; --paper: #fff; --line: #d8dce1; --soft: #f3f5f7;
  --good: #0a6b3d; --bad: #a8231b; --open: #7a5200 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #14171a; --line: #343a41; --soft: #1e2327;
  --good: #5cc98f; --bad: #ff8a80; --open: #e3b04b } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem;
  margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse }
td, th { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left }
.n { text-align: right; font-variant-numeric: tabular-nums }
.lead { font-size: 1.15rem }
.checks { list-style: none; padding: 0 }
.good { color: var(--good) } .bad { color: var(--bad) } .open { color: var(--open) }
details { border-bottom: 1px solid var(--line); padding: .4rem 0 }
summary { cursor: pointer }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere }
del { color: var(--bad) } ins { color: var(--good) }
"""


def item(entry: Entry) -> str:
    """One item, folded unless it failed."""
    kind = "good" if entry.outcome == "passed" else "open" if entry.outcome == "changed" else "bad"
    sign = {"good": "✓", "bad": "✗", "open": "~"}[kind]
    opened = " open" if entry.outcome in ("failed", "error") else ""
    parts = [f"<p>{_h(cause)}</p>" for cause in entry.causes]
    if entry.prompt:
        parts.append(f"<p>Prompt, recorded to new:</p><pre>{_html_changes(entry.prompt)}</pre>")
    if entry.was is not None and entry.answer is not None and entry.was != entry.answer:
        parts.append(
            f"<p>Answer, recorded to new:</p><pre>{_html_changes(text_changes(entry.was, entry.answer))}</pre>"
        )
    elif entry.answer is not None:
        parts.append(f"<pre>{_h(clipped(entry.answer, MAX_SHOWN))}</pre>")
    scores = "".join(_score(score) for score in entry.scores)
    said = f" {_h(entry.said)}" if entry.said else ""
    head = f"<b class={kind}>{sign}</b> {_h(entry.key.id)} <span class={kind}>{_h(entry.verdict)}</span>{said}"
    return f"<details{opened}><summary>{head}</summary>{''.join(parts)}<ul class=checks>{scores}</ul></details>\n"


def _score(score: Score) -> str:
    kind = "good" if score.value >= 1 else "open" if score.value > 0 else "bad"
    return f"<li class={kind}>{_h(score.scorer)} {score.value:g}: {_h(score.reason)}</li>"


def _html_changes(changes: Sequence[Change]) -> str:
    tags = {"gone": "del", "new": "ins"}
    parts = []
    for change in changes:
        if change.kind == "same":
            words = change.text.split(" ")
            cut = len(words) > 2 * KEPT_WORDS + 4
            text = " ".join([*words[:KEPT_WORDS], "…", *words[-KEPT_WORDS:]]) if cut else change.text
            parts.append(_h(text))
        else:
            tag = tags[change.kind]
            parts.append(f'<{tag} title="{_h(change.section)}">{_h(clipped(change.text, MAX_SHOWN))}</{tag}>')
    return "".join(parts)


def _h(text: str) -> str:
    return html.escape(text, quote=True)


def head(summary: Summary) -> str:
    """The page down to its first item."""
    rows = "".join(
        f"<tr><td>{_h(cell.name)}</td><td class=n>{cell.passed}</td><td class=n>{cell.of}</td>"
        f"<td class=n>{100 * cell.interval.low:.1f} to {100 * cell.interval.high:.1f} %</td></tr>"
        for cell in summary.cells
    )
    checks = "".join(
        f"<li class={_CLASS[check.met]}>{mark(check.met)} {_h(threshold_line(check))}</li>" for check in summary.checks
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_h(summary.suite)}</title>"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_CSS}</style><h1>Suite {_h(summary.suite)}</h1><p class=lead>{_h(summary.sentence)}</p>"
        "<table><tr><th>variant and model<th class=n>passed<th class=n>of<th class=n>interval (95 %)</tr>"
        f"{rows}</table>"
        f"<ul class=checks>{checks}</ul><h2>Items</h2>"
    )


FOOT = "</html>\n"
