"""Counts of what a converter leaves out, as sentences.

counts = Counts()
counts.add("picture", "is left out", 3)
counts.sentences()                                  # ["3 pictures are left out"]
"""

from __future__ import annotations

from collections import Counter

_PLURAL_VERBS = {"is": "are", "has": "have", "was": "were"}


class Counts:
    """How often each thing occurred, in the order of its first occurrence."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, noun: str, predicate: str, times: int = 1) -> None:
        """Count `times` more of `noun`, such as "picture"; `predicate` begins with a verb in the singular."""
        if times:
            self._counts[(noun, predicate)] += times

    def sentences(self) -> list[str]:
        """One sentence for each thing counted, without a full stop."""
        return [_sentence(noun, predicate, times) for (noun, predicate), times in self._counts.items()]


def _sentence(noun: str, predicate: str, times: int) -> str:
    if times == 1:
        return f"1 {noun} {predicate}"
    verb, _, rest = predicate.partition(" ")
    words = noun.split(" ")
    # "cell with a comment": the plural is that of the first words, before "of", "with" or "for"
    at = next((number for number, word in enumerate(words) if word in ("of", "with", "for", "without")), len(words)) - 1
    words[at] = _plural(words[at])
    return f"{times:,} {' '.join(words)} {_PLURAL_VERBS.get(verb, verb)} {rest}".rstrip()


def _plural(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")
