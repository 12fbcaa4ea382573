"""Word search: BM25 scores over an inverted index, in plain Python.

    index = Index(["Who won the final?", "Who was the host?"])
    index.scores("the host country")       # one score for each text; 0 if it shares no word with the question

The weight of each word in each text is computed when the index is built, so a query only adds numbers. The same texts
and the same question always give the same scores. Texts with equal scores keep their order.
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
"""The most index entries that one question visits. Rare words are visited first, so a very long question leaves out
its commonest words, which carry the least information."""

# Chinese, Japanese, Thai and Lao put no spaces between words, so each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff]|[^\W_]+")


def normal(text: str) -> str:
    """`text` with case, spacing and character width normalised, for comparing two texts."""
    if text.isascii():
        return " ".join(text.casefold().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(text: str) -> list[str]:
    """The words of `text`, normalised, in order."""
    return _WORD.findall(normal(text))


class Index:
    """An inverted index of `texts`. Building it takes time in proportion to the texts; a query takes far less."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.size = len(texts)
        counts = [Counter(words(text)) for text in texts]
        lengths = [count.total() for count in counts]
        mean = sum(lengths) / self.size if self.size else 0.0
        postings: dict[str, tuple[array[int], array[float]]] = {}
        for number, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            norm = K1 * (1 - B + B * length / mean) if mean else 0.0
            for word, times in count.items():
                places, weights = postings.setdefault(word, (array("I"), array("d")))
                places.append(number)
                weights.append(times * (K1 + 1) / (times + norm))
        self._postings = postings

    def scores(self, question: str) -> list[float]:
        """The BM25 score of each text for `question`. A word that the question repeats counts once."""
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
        # Rounded, so that a floating-point error in the last bit never decides the order.
        return [round(score, 6) if score else 0.0 for score in scores]


def best(scores: Sequence[float], count: int) -> list[int]:
    """The positions of the `count` highest scores, highest first. Equal scores keep their order."""
    return heapq.nsmallest(count, range(len(scores)), key=lambda number: (-scores[number], number))
