"""How alike texts are in their words: BM25 over an inverted index, in plain Python.

    index = Index(["Who won the final?", "Who was the host?"])
    index.scores("the host country")       # one score a text, 0 where no word is shared

The weight of a word in a text is worked out when the index is made, so a question only adds numbers up. The
same texts and question give the same scores in the same order; equal scores keep the order of the texts.
"""

from __future__ import annotations

import heapq
import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Sequence

K1 = 1.5
B = 0.75
MAX_VISITS = 1_500_000
"""Most entries of the index one question looks at. The rarest words come first, so that a long question leaves
out the commonest, which say least."""

# Scripts without spaces between words: there each character is one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff]|[^\W_]+")


def normal(text: str) -> str:
    """`text` without what does not count when two texts are compared: case, spacing, width of characters."""
    if text.isascii():
        return " ".join(text.casefold().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words of `text`, normalised, in order."""
    return _WORD.findall(normal(text))


class Index:
    """Texts to be compared with questions. Making it takes time in proportion to the texts, a question far less."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        counts = [Counter(words(text)) for text in texts]
        lengths = [count.total() for count in counts]
        mean = sum(lengths) / self.size if self.size else 0.0
        found: dict[str, tuple[array[int], array[float]]] = {}
        for number, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            norm = K1 * (1 - B + B * length / mean) if mean else 0.0
            for word, times in count.items():
                places, weights = found.setdefault(word, (array("I"), array("d")))
                places.append(number)
                weights.append(times * (K1 + 1) / (times + norm))
        self._postings = found

    def scores(self, question: str) -> list[float]:
        """How well each text answers to the words of `question`; a word counts once, however often it is there."""
        scores = [0.0] * self.size
        known = [word for word in dict.fromkeys(words(question)) if word in self._postings]
        known.sort(key=lambda word: (len(self._postings[word][0]), word))
        visits = 0
        for word in known:
            places, weights = self._postings[word]
            visits += len(places)
            if visits > MAX_VISITS and visits > len(places):
                break
            rarity = math.log(1 + (self.size - len(places) + 0.5) / (len(places) + 0.5))
            for place, weight in zip(places, weights, strict=True):
                scores[place] += rarity * weight
        # Rounded, so that the last bit of a sum never decides.
        return [round(score, 6) if score else 0.0 for score in scores]


def best(scores: Sequence[float], count: int) -> list[int]:
    """The positions of the `count` highest scores, highest first, equal ones in their order."""
    return heapq.nsmallest(count, range(len(scores)), key=lambda number: (-scores[number], number))
