r"""Regular expressions that come from files, run in a child process with a time limit.

    search(r"(\d+) goals", "It had 172 goals.")      # Match("172 goals", "172")
    search("^(a+)+$", "a" * 40 + "b")                # raises TooSlow after SECONDS

Some expressions need exponential time on some texts, and Python cannot be interrupted by Ctrl-C while `re` is
matching. The engines are Python's own `re`, and `regress` for ECMA 262. The child process stays alive for the next
expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from promptlab._util import bounded_worker
from promptlab._util.text import clipped
from promptlab.errors import InputError

SECONDS = 1.0
"""Processor time that one expression gets for one text."""
How = Literal["search", "fullmatch", "last"]


class TooSlow(InputError):
    """A regular expression took too long on a text."""


@dataclass(frozen=True, slots=True)
class Match:
    """A match: its whole text and its first group. `group` is None if there is no group or it matched nothing."""

    text: str
    group: str | None


_worker = bounded_worker.Worker("promptlab._util.bounded_regex")


def search(pattern: str, text: str, *, flags: int = 0, how: How = "search") -> Match | None:
    """A match of Python's `re`: the first one, one of the whole text, or the last one. Raises `TooSlow`."""
    parts = _ask({"engine": "re", "pattern": pattern, "text": text, "flags": int(flags), "how": how})
    return None if parts is None else Match(*parts)


def ecma_matches(pattern: str, text: str, flags: str) -> bool:
    """True if the ECMA 262 expression matches somewhere in `text`. Raises `TooSlow`."""
    return bool(_ask({"engine": "ecma", "pattern": pattern, "text": text, "flags": flags}))


def is_ecma(pattern: str, flags: str) -> bool:
    """True if `pattern` is a valid ECMA 262 expression. Raises `TooSlow`."""
    return bool(_ask({"engine": "ecma", "pattern": pattern, "text": None, "flags": flags}))


def _ask(question: dict[str, Any]) -> Any:
    answer = _worker.ask(question, seconds=SECONDS)
    if answer is None:
        raise TooSlow(
            f"the regular expression {clipped(repr(question['pattern']), 100)} takes too long on a text of "
            f"{len(question['text'] or ''):,} characters; it was stopped after {SECONDS:g} s",
            hint="write it without repetition inside repetition, such as `a+` for `(a+)+`",
        )
    return answer["match"]


def _match(question: dict[str, Any]) -> Any:
    """The answer of the child process: True or False for ECMA 262, the parts of a `Match` or None for `re`."""
    if question["engine"] == "ecma":
        import regress

        try:
            ecma = regress.Regex(question["pattern"], question["flags"])
        except regress.RegressError:
            return False
        return question["text"] is None or ecma.find(question["text"]) is not None
    expression = re.compile(question["pattern"], question["flags"])
    if question["how"] == "last":
        match = None
        for match in expression.finditer(question["text"]):  # noqa: B007  # keeps the last match
            pass
    else:
        match = getattr(expression, question["how"])(question["text"])
    return match and [match[0], match[1] if expression.groups else None]


if __name__ == "__main__":
    bounded_worker.serve(lambda question: {"match": _match(question)})
