"""The scorer `gsm8k`: grade-school mathematics, exactly as the task `gsm8k` of lm-evaluation-harness counts.

    gsm8k()("48 + 24 = 72\\n#### 72", "#### 72")                  # 1
    gsm8k(match="flexible")("So she sold 72.", 72)                 # 1: the last number

The numbers are compared as texts, as there: 72.0 is not 72. The scorer `numeric` compares values.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from promptlab.errors import InputError
from promptlab.types import Score, Scorer

_STRICT = re.compile(r"#### (-?[0-9.,]+)")
_FLEXIBLE = re.compile(r"-?[$0-9.,]{2,}|-?[0-9]+")
_LAST_MARK = re.compile(r".*#### ", re.DOTALL)


def gsm8k(*, match: Literal["strict", "flexible"] = "strict") -> Scorer:
    """1 if the number in the answer is the expected one, as in lm-evaluation-harness (Cobbe et al., arXiv 2110.14168).

    `strict` takes the number behind the first `#### `, and `flexible` the last number. Commas, dollar signs and a last
    full stop do not count. What is expected is a number, or the text of the data set with `#### ` before the number.
    """
    if match not in ("strict", "flexible"):
        raise InputError(f"`match` is strict or flexible, not {match!r}")

    def score(answer: str, expected: Any) -> Score:
        wanted = _wanted(expected)
        numbers = (_STRICT if match == "strict" else _FLEXIBLE).findall(answer)
        if not numbers:
            missing = "there is no number behind #### " if match == "strict" else "there is no number"
            return Score("gsm8k", 0.0, "", missing.strip())
        number = (numbers[0] if match == "strict" else numbers[-1]).strip()
        right = _plain(number) in wanted
        reason = f"{number} is {'' if right else 'not '}{' or '.join(wanted)}"
        return Score("gsm8k", float(right), number, reason)

    return score


def _plain(text: str) -> str:
    """A number as it is compared."""
    return re.sub(r"\.$", "", _LAST_MARK.sub("", re.sub(r"[,$]", "", text))).lower()


def _wanted(expected: Any) -> list[str]:
    """The expected numbers as they are compared. Raises `InputError` if one is no number."""
    wanted = []
    for number in expected if isinstance(expected, list | tuple) and expected else [expected]:
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        text = _plain(str(number)) if isinstance(number, str | int | float) and not isinstance(number, bool) else ""
        if not re.fullmatch(r"-?(?:\d+\.?\d*|\.\d+)", text):
            raise InputError(f"`gsm8k` needs a number, or a text that ends with `#### ` and a number, not {number!r}")
        wanted.append(text)
    return wanted


__all__ = ["gsm8k"]
