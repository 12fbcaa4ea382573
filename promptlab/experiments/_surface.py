"""Small changes of the form of instructions: case, separators, politeness. None of them may change what is said.

What Jinja puts in stays as it is, and so does text whose case has a meaning: quotations, code, addresses, tags, names
such as `max_tokens` and units such as kWh. A change that would not be clean English for a text is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from promptlab.experiments._jinja_parts import JINJA

_AS_IS = re.compile(
    r"""```.*?```|`[^`\n]*`|"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|(?<!\w)'[^'\n]+'(?!\w)"""
    r"""|<[^<>\n]+>|\{[^{}]*\}|\w+://\S+|\S+@\S+|\b\w*_\w+\b|\b\w*[^\W\d_A-Z][A-Z]\w*\b|\\\S+|\S+/\S+""",
    re.DOTALL,
)
"""Text whose letters are not to be changed."""
_SHORT_FORM = re.compile(r"\b[A-Z][A-Z0-9]+\b")
"""JSON, USA, MW: in lower case they may be other words."""
_LABEL = re.compile(r"^([A-Z][\w ]{0,30}): (?=\S|\Z)", re.MULTILINE)
# fmt: off
_VERBS = frozenset(
    [
        "add", "analyse", "analyze", "answer", "ask", "calculate", "check", "choose", "cite", "classify",
        "compare", "complete", "compute", "consider", "continue", "convert", "correct", "count", "create",
        "decide", "define", "describe", "determine", "do", "don't", "draft", "estimate", "evaluate",
        "explain", "extract", "fill", "find", "fix", "follow", "format", "generate", "give", "help",
        "identify", "ignore", "include", "infer", "judge", "keep", "label", "list", "look", "make", "mark",
        "match", "name", "note", "output", "pick", "predict", "produce", "provide", "put", "quote", "rank",
        "rate", "read", "recommend", "reply", "report", "respond", "return", "review", "rewrite", "say",
        "select", "show", "solve", "sort", "state", "suggest", "summarise", "summarize", "tell", "think",
        "translate", "turn", "use", "verify", "work", "write",
    ]
)
# fmt: on
"""Verbs that instructions begin with: "Answer the question." """
_POLITE = re.compile(r"\bplease\b|\bthank", re.IGNORECASE)


def surface(text: str) -> dict[str, str]:
    """The changes of `text` by name; those that leave it as it is, or do not fit it, are left out."""
    body = text.rstrip()
    end = text[len(body) :]
    changed = {
        "upper case": _letters(body, str.upper),
        "lower case": _letters(body, str.lower, (_SHORT_FORM,)),
        "a colon at the end": _colon(body),
        "a dash after labels": _between(body, lambda part: _LABEL.sub(r"\1 - ", part)),
        "blank lines between lines": _blank_lines(body),
        "please": _please(body),
        "thank you": f"{body} Thank you." if body[-1:] in (".", "!") and not _POLITE.search(body) else body,
    }
    return {name: new + end for name, new in changed.items() if new != body}


def _between(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` made to what stands between the parts that Jinja puts in."""
    parts = JINJA.split(text)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def _letters(text: str, change: Callable[[str], str], more: tuple[re.Pattern[str], ...] = ()) -> str:
    """`text` with the case of its letters changed, apart from what must stay as it is."""
    kept = [match.span() for pattern in (JINJA, _AS_IS, *more) for match in pattern.finditer(text)]
    done, at = [], 0
    for start, stop in sorted(kept):
        if stop <= at:
            continue
        done += [change(text[at : max(at, start)]), text[max(at, start) : stop]]
        at = stop
    return "".join([*done, change(text[at:])])


def _colon(body: str) -> str:
    """A colon in the place of the last full stop, or behind a last word. Nothing else can end with one."""
    if re.search(r"[^\W_]\.$", body) and "." not in body.split()[-1][:-1]:
        return f"{body[:-1]}:"
    return f"{body}:" if body[-1:].isalnum() else body


def _blank_lines(body: str) -> str:
    """A blank line between two lines that are sentences; lists, code and Jinja's blocks stay together."""
    if "```" in body or "{%" in body:
        return body
    return re.sub(r"([.!?:])\n(?=[A-Z])", r"\1\n\n", body)


def _please(body: str) -> str:
    """With "Please" before a request; without it, if it begins so."""
    first, _, rest = body.partition(" ")
    if first == "Please" and rest[:1].isalpha():
        return rest[:1].upper() + rest[1:]
    fits = first.lower() in _VERBS and first[:1].isupper() and first[1:].islower() and not _POLITE.search(body)
    return f"Please {body[:1].lower()}{body[1:]}" if fits else body


__all__ = ["surface"]
