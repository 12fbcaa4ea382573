"""The leakage guard: rows to train on that are test cases, or nearly so, are left out; alike rows stay together.

    guard = LeakageGuard([("tickets/c-07", "Where is my order 5521?")])
    guard.problem("Where is my order 5522?")          # "nearly the same as the test case tickets/c-07 (overlap 0.83)"

Two texts are the same if they are without case, spacing and punctuation (`_util/same_question.py`). They are nearly the
same if they share enough runs of five characters: the share is taken of the shorter text, so a question inside a longer
one counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from promptlab._util.same_question import plain

RUN = 5
"""The length of the runs of characters that are compared."""
OVERLAP = 0.7
"""The share of common runs from which on two texts are nearly the same."""


def runs_of(text: str) -> frozenset[str]:
    """The runs of characters in `text`, which is plain."""
    return frozenset(text[at : at + RUN] for at in range(max(1, len(text) - RUN + 1))) if text else frozenset()


class _Texts:
    """Texts that others are compared with. Only those with a common run are looked at."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.plain: dict[str, int] = {}
        self._sizes: list[int] = []
        self._by_run: dict[str, list[int]] = defaultdict(list)

    def add(self, name: str, text: str) -> int:
        number, own = len(self.names), runs_of(text)
        self.names.append(name)
        self.plain.setdefault(text, number)
        self._sizes.append(len(own))
        for run in own:
            self._by_run[run].append(number)
        return number

    def alike(self, text: str, overlap: float) -> list[tuple[int, float]]:
        """The numbers of the texts that are nearly the same as `text`, with the overlap."""
        own = runs_of(text)
        common = Counter(number for run in own for number in self._by_run.get(run, ()))
        shares = ((number, count / min(len(own), self._sizes[number])) for number, count in common.items())
        return [(number, share) for number, share in shares if share >= overlap]


class LeakageGuard:
    """Test cases, as pairs of a name and the text of their inputs. `groups` has the name of a case by its group, whose
    rows are not trained on either."""

    def __init__(
        self, cases: Iterable[tuple[str, str]], *, overlap: float = OVERLAP, groups: Mapping[str, str] = {}
    ) -> None:
        self._overlap, self._texts, self._groups = overlap, _Texts(), groups
        for name, text in cases:
            self._texts.add(name, plain(text))

    @property
    def cases(self) -> int:
        return len(self._texts.names)

    def problem(self, text: str, group: str = "") -> str:
        """Why a row with this text and group must not be trained on, as a clause; "" if it may be."""
        if group and group in self._groups:
            return f"of the same group as the test case {self._groups[group]}"
        own = plain(text)
        if own in self._texts.plain:
            return f"the same as the test case {self._texts.names[self._texts.plain[own]]}"
        alike = self._texts.alike(own, self._overlap)
        if not alike:
            return ""
        number, share = max(alike, key=lambda found: (found[1], -found[0]))
        return f"nearly the same as the test case {self._texts.names[number]} (overlap {share:.2f})"


def groups_of(texts: Sequence[str], groups: Sequence[str] = (), *, overlap: float = OVERLAP) -> list[list[int]]:
    """The numbers of `texts` in groups: texts that are nearly the same as another one of a group are in it, and those
    with the same word in `groups`, if it is not ""."""
    parent = list(range(len(texts)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    known = _Texts()
    for number, text in enumerate(map(plain, texts)):
        for other, _ in known.alike(text, overlap):
            parent[root(number)] = root(other)
        known.add("", text)
    first: dict[str, int] = {}
    for number, group in enumerate(groups):
        if group:
            parent[root(number)] = root(first.setdefault(group, number))
    found: dict[int, list[int]] = defaultdict(list)
    for number in range(len(texts)):
        found[root(number)].append(number)
    return sorted(found.values())


__all__ = ["OVERLAP", "LeakageGuard", "groups_of"]
