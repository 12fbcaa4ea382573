"""The HTML report of a suite: a single file that can be sent to others.

It loads nothing from the network and has no script, and its content security policy forbids both. MarkupSafe escapes
every text in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from promptlab._util.text import clipped
from promptlab.runs import TextChange, text_changes
from promptlab.suites._report_item import KEPT_WORDS, MAX_SHOWN, ReportItem
from promptlab.suites._scores import score_names
from promptlab.suites._summary import Summary, threshold_line, threshold_sign
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


def item(entry: ReportItem) -> str:
    """One item, folded unless it failed."""
    kind = {"passed": "good", "changed": "open", "not judged": "open"}.get(entry.outcome, "bad")
    sign = {"passed": "✓", "changed": "~", "not judged": "?"}.get(entry.outcome, "✗")
    parts = [Markup("<p>{}</p>").format(cause) for cause in entry.causes]
    if entry.prompt:
        parts.append(_changes("Prompt", entry.prompt))
    if entry.was is not None and entry.answer is not None and entry.was != entry.answer:
        parts.append(_changes("Answer", text_changes(entry.was, entry.answer)))
    elif entry.answer is not None:
        parts.append(Markup("<pre>{}</pre>").format(clipped(entry.answer, MAX_SHOWN)))
    return _ITEM.format(
        opened=Markup(" open") if entry.outcome in ("failed", "not judged", "error") else "",
        kind=kind,
        sign=sign,
        id=entry.key.id,
        verdict=entry.verdict,
        said=f" {entry.said}" if entry.said else "",
        parts=Markup("").join(parts),
        scores=Markup("").join(map(_score, entry.scores, score_names(entry.scores))),
    )


_ITEM = Markup(
    "<details{opened}><summary><b class={kind}>{sign}</b> {id} <span class={kind}>{verdict}</span>{said}</summary>"
    "{parts}<ul class=checks>{scores}</ul></details>\n"
)


def _score(score: Score, name: str) -> Markup:
    kind = {"✓": "good", "✗": "bad"}.get(score.mark, "open")
    return Markup("<li class={}>{} {} {}: {}</li>").format(kind, score.mark, name, score.shown, score.reason)


def _changes(what: str, changes: Sequence[TextChange]) -> Markup:
    """The changes from the recorded prompt or answer to the new one."""
    return Markup("<p>{}, recorded to new:</p><pre>{}</pre>").format(what, Markup("").join(map(_change, changes)))


def _change(change: TextChange) -> Markup:
    if change.kind == "same":
        words = change.text.split(" ")
        cut = len(words) > 2 * KEPT_WORDS + 4
        return escape(" ".join([*words[:KEPT_WORDS], "…", *words[-KEPT_WORDS:]]) if cut else change.text)
    tags = {"gone": Markup('<del title="{}">{}</del>'), "new": Markup('<ins title="{}">{}</ins>')}
    return tags[change.kind].format(change.section, clipped(change.text, MAX_SHOWN))


def head(summary: Summary) -> str:
    """The page down to its first item."""
    row = Markup("<tr><td>{}</td><td class=n>{}</td><td class=n>{}</td><td class=n>{:.1f} to {:.1f} %</td></tr>")
    rows = (
        row.format(cell.name, cell.passed, cell.of, 100 * cell.interval.low, 100 * cell.interval.high)
        for cell in summary.cells
    )
    line = Markup("<li class={}>{} {}</li>")
    checks = (
        line.format(_CLASS[check.met], threshold_sign(check.met), threshold_line(check)) for check in summary.checks
    )
    return _HEAD.format(
        suite=summary.suite,
        css=Markup(_CSS),
        sentence=summary.sentence,
        rows=Markup("").join(rows),
        checks=Markup("").join(checks),
    )


_HEAD = Markup(
    "<!doctype html><html lang=en><meta charset=utf-8><title>{suite}</title>"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    "<style>{css}</style><h1>Suite {suite}</h1><p class=lead>{sentence}</p>"
    "<table><tr><th>variant and model<th class=n>passed<th class=n>of<th class=n>interval (95 %)</tr>"
    "{rows}</table><ul class=checks>{checks}</ul><h2>Items</h2>"
)


FOOT = "</html>\n"
