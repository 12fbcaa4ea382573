"""A scorer that is ready to use: it knows its spec, and if a pass of it can be trusted on a part of an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from promptlab.errors import PromptlabError
from promptlab.scorers._text import alternatives
from promptlab.types import Score, Scorer, ScorerSpec

MAY_FOLLOW = ("s", "0", "th", "'s", "-x", ".5", ",5", ",000", " 000", "000", "/2", "%", "#", "++", ".js")
"""What may follow the last character of an answer that was cut off. If one of these turns a pass into a fail, the
answer was cut off too early to tell."""


@dataclass(frozen=True)
class ReadyScorer:
    """A scorer with its `spec`. Its scores carry the id of the spec."""

    spec: ScorerSpec
    compare: Scorer

    def __call__(self, answer: str, expected: Any) -> Score:
        return replace(self.compare(answer, expected), spec=self.spec.id)

    def pass_stays(self, answer: str, expected: Any) -> bool:
        """True if a pass on `answer`, the beginning of a longer one, stays a pass whatever follows.

        This is so if the scorer looks for something that stands in the answer, and it stands there before the last
        word, which may go on.
        """
        searches = _SEARCHES.get(self.spec.name)
        if searches is None or "extract" in self.spec.values or not searches(self.spec, expected):
            return False
        whole_words = re.sub(r"\S+\Z", "", answer)
        tried = (whole_words, *(f"{answer}{more}" for more in MAY_FOLLOW))
        try:
            return bool(whole_words) and all(self.compare(text, expected).value == 1 for text in tried)
        except PromptlabError:
            return False


def _always(_spec: ScorerSpec, _expected: Any) -> bool:
    return True


def _plain_search(spec: ScorerSpec, expected: Any) -> bool:
    """True if a pattern looks for something in the answer, and never at its end or at what does not follow."""
    options = spec.values
    if options.get("whole"):
        return False
    patterns = [str(options["pattern"])] if options.get("pattern") else alternatives(expected)
    return not any(_LOOKS_AHEAD.search(_ESCAPED.sub("", pattern)) for pattern in patterns)


_ESCAPED = re.compile(r"\\[^Zz]", re.DOTALL)
"""An escaped character, such as a dollar sign that stands for itself."""
_LOOKS_AHEAD = re.compile(r"\$|\\[Zz]|\(\?[=!<(]")
"""The end of a line or of the text, looking ahead or behind, and conditions."""

_SEARCHES: dict[str, Callable[[ScorerSpec, Any], bool]] = {
    "contains": _always,
    "best_subspan_em": _always,
    "regex": _plain_search,
}
"""Scorers that pass if something stands in the answer, and when they do. All others look at the answer as a whole: more
text could turn their pass into a fail."""
