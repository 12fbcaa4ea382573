r"""Regular expressions of files, on texts of models: each runs in a process of its own with bounded time.

    search(r"(\d+) goals", "It had 172 goals.")      # Found("172 goals", "172")
    search("^(a+)+$", "a" * 40 + "b")                # raises TooSlow after SECONDS

Some expressions take for ever on some texts, and Python hears no Ctrl-C while one runs. The engines are the usual
ones, Python's `re` and `regress` for ECMA 262, so what is found is what they find. The process stays for the next one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from promptlab._util import bounded_worker as bounded
from promptlab._util.text import clipped
from promptlab.errors import InputError

SECONDS = 1.0
"""Processor time for one expression on one text."""
How = Literal["search", "fullmatch", "last"]


class TooSlow(InputError):
    """A regular expression that did not come to an end on a text."""


@dataclass(frozen=True, slots=True)
class Found:
    """A match: all of it, and its first group; None where it has none, or the group had no part in it."""

    text: str
    group: str | None


_worker = bounded.Worker("promptlab._util.bounded_regex")


def search(pattern: str, text: str, *, flags: int = 0, how: How = "search") -> Found | None:
    """What `re` finds: the first match, one of the whole text, or the last of several. Raises `TooSlow`."""
    said = _asked({"engine": "re", "pattern": pattern, "text": text, "flags": int(flags), "how": how})
    return None if said is None else Found(*said)


def is_found(pattern: str, text: str, flags: str) -> bool:
    """Whether `regress` finds the expression of ECMA 262 in `text`. Raises `TooSlow`."""
    return bool(_asked({"engine": "ecma", "pattern": pattern, "text": text, "flags": flags}))


def is_ecma(pattern: str, flags: str) -> bool:
    """Whether `regress` can read the expression. Raises `TooSlow`."""
    return bool(_asked({"engine": "ecma", "pattern": pattern, "text": None, "flags": flags}))


def _asked(question: dict[str, Any]) -> Any:
    said = _worker.ask(question, seconds=SECONDS)
    if said is None:
        raise TooSlow(
            f"the regular expression {clipped(repr(question['pattern']), 100)} comes to no end on a text of "
            f"{len(question['text'] or ''):,} characters; it was stopped after {SECONDS:g} s",
            hint="write it without repetition inside repetition, such as `a+` for `(a+)+`",
        )
    return said["found"]


def _found(asked: dict[str, Any]) -> Any:
    if asked["engine"] == "ecma":
        import regress

        try:
            ecma = regress.Regex(asked["pattern"], asked["flags"])
        except regress.RegressError:
            return False
        return asked["text"] is None or ecma.find(asked["text"]) is not None
    expression = re.compile(asked["pattern"], asked["flags"])
    if asked["how"] == "last":
        found = None
        for found in expression.finditer(asked["text"]):  # noqa: B007  # the last one stays
            pass
    else:
        found = getattr(expression, asked["how"])(asked["text"])
    return found and [found[0], found[1] if expression.groups else None]


if __name__ == "__main__":
    bounded.serve(lambda question: {"found": _found(question)})
