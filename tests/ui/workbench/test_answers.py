"""What a card says of an answer."""

from __future__ import annotations

import math

from promptlab.types import Completion
from promptlab.ui.workbench.answers import _first_token


def token(text: str, probability: float) -> dict[str, object]:
    return {"token": text, "bytes": [*text.encode()], "logprob": math.log(probability)}


def test_what_the_answer_might_have_begun_with_is_said_with_spaces_to_see() -> None:
    top = [token(" Argentina", 0.61), token("\n", 0.2), token("", 0.004)]
    done = Completion("Argentina", details={"logprobs": [{**top[0], "top": top}, {**top[1], "top": []}]})
    assert _first_token(done) == "First token: ␣Argentina 61% · ↵ 20% · (nothing) 0%"


def test_nothing_is_said_where_nobody_asked() -> None:
    assert _first_token(Completion("Argentina")) == ""
    assert _first_token(Completion("Argentina", details={"logprobs": [{**token("A", 0.5), "top": []}]})) == ""
    assert _first_token(Completion("", details={"logprobs": []})) == ""
