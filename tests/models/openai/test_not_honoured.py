"""What was asked for and not given is said on the answer; what was given raises no false alarm."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._openai import _tokens as openai_tokens
from promptlab.models._openai._not_honoured import CUT
from promptlab.types import Message, Params, Prompt, Request
from tests.loopback import LoopbackServer, Reply, delta, events, stream
from tests.models.asking import Made

ASK = Request("loop", Prompt((Message("user", "Who won?"),)), Params(max_tokens=64))
OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
SCHEMA = replace(ASK, schema=json.dumps(OBJECT))
UNLIKELY = {"choices": [{"delta": {"content": "a"}, "logprobs": None}]}
LIKELY = {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"token": "a", "logprob": -0.1}]}}]}
WORDS = (
    "the cup was won by Uruguay in Montevideo, ",
    "los jugadores del torneo ",
    "大会の優勝国は",
    "победитель турнира ",
)


def asked(**params: Any) -> Request:
    return replace(ASK, params=replace(ASK.params, **params))


def long(words: str, tokens: int) -> Request:
    """A prompt of about so many tokens."""
    size = openai_tokens.count(Prompt((Message("user", words * 100),)), "o200k_base") / 100
    return replace(ASK, prompt=Prompt((Message("user", words * round(tokens / size)),)))


@pytest.mark.parametrize(
    ("ask", "reply", "words"),
    [
        (SCHEMA, stream("It was Uruguay."), "seems to ignore `response_format`"),
        (SCHEMA, stream('{"a": "b'), "seems to ignore `response_format`"),
        (SCHEMA, stream('{"a": "b', finish="length"), "cut off at max_tokens"),
        (SCHEMA, stream("<think>x</think>It was"), "seems to ignore `response_format`"),
        (ASK, stream("Let me see.</think>\n\nUruguay"), "may be thinking"),
        (asked(logprobs=2), stream("Uruguay"), "how likely the tokens were"),
        (asked(logprobs=2), events(UNLIKELY, delta(finish="stop")), "how likely the tokens were"),
        (asked(stop=("\n", "guay")), stream("Uruguay"), "'guay' is in the answer"),
        (asked(max_tokens=8), stream("Uruguay", usage=(9, 0, 300)), "300 tokens were written though max_tokens is 8"),
        (long(WORDS[0], 9_000), stream("Uruguay", usage=(4_096, 0, 3)), "the server counted 4,096 tokens"),
        (long(WORDS[0], 9_000), stream("Uruguay", usage=(2_048, 2_000, 3)), "the server counted 2,048 tokens"),
        (long(WORDS[3], 9_000), stream("Uruguay", usage=(2_048, 0, 3)), "the server counted 2,048 tokens"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(
    server: LoopbackServer, make: Callable[..., Made], ask: Request, reply: Reply, words: str
) -> None:
    server.plan(reply)
    (said,) = make().answer(ask).details["warnings"]
    assert words in said


@pytest.mark.parametrize(
    ("ask", "reply"),
    [
        (ASK, stream("It was Uruguay.")),
        (SCHEMA, stream('{"a": "b"}')),
        (SCHEMA, stream('<think>x</think>{"a": "b"}')),
        (ASK, stream("Close it with `<think>a</think>`")),
        (SCHEMA, stream("", usage=None)),
        (SCHEMA, events({"choices": [{"delta": {"refusal": "I cannot."}, "finish_reason": "stop"}]})),
        (SCHEMA, stream("{", finish="content_filter")),
        (asked(logprobs=0), events(LIKELY, delta(finish="stop"))),
        (asked(logprobs=0), stream("")),
        (asked(stop=("\n",)), stream("Uruguay")),
        (asked(max_tokens=8), stream("Uruguay", usage=(9, 0, 9))),
        (asked(max_tokens=8), stream("Uruguay", usage=None)),
        (ASK, stream("Uruguay", usage=(1, 0, 3))),
        *((long(words, 3_000), stream("Uruguay", usage=(n, 0, 3))) for words in WORDS for n in (1_800, 3_000, 6_000)),
    ],
)
def test_what_was_given_raises_no_alarm(
    server: LoopbackServer, make: Callable[..., Made], ask: Request, reply: Reply
) -> None:
    server.plan(reply)
    assert "warnings" not in make().answer(ask).details


def test_a_prompt_is_counted_only_where_the_server_may_have_cut_it(
    server: LoopbackServer, make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, ask = make(), long(WORDS[0], 9_000)
    counted: list[str] = []
    monkeypatch.setattr(openai_tokens, "count", lambda *_: counted.append("") or 10_000)
    server.plan(stream("Uruguay", usage=(9_000, 0, 3)), stream("Uruguay", usage=(4_000, 0, 3)))
    made.answer(ask)
    assert not counted
    made.answer(ask)
    assert counted


KINDS = {
    "en": "All human beings are born free and equal in dignity and rights. ",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. ",
    "es": "Todos los seres humanos nacen libres e iguales en dignidad y derechos. ",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. ",
    "zh": "人人生而自由,在尊严和权利上一律平等。",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. ",
    "ar": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. ",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। ",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ",
    "table": "| Uruguay        | 1930           | Montevideo     |\n",
    "json": '{\n        "name": "value",\n        "items": [\n            1.5\n        ]\n    },\n',
    "rule": "=" * 80 + "\n" + "-" * 80 + "\nchapter\n",
    "dots": "chapter one " + "." * 60 + " 12\n",
    "spaces": "a" + " " * 40 + "b\n",
    "emoji": "😀🎉🚀👩‍👩‍👧‍👦",
    "digits": "3141592653589793238462643383279502884197",
}


@pytest.mark.model
@pytest.mark.parametrize("kind", KINDS)
def test_no_vocabulary_here_reads_a_text_in_so_few_tokens(local: dict[str, LlamaBackend], kind: str) -> None:
    prompt = Prompt((Message("user", KINDS[kind] * 30),))
    ours = openai_tokens.count(prompt, "o200k_base")
    theirs = [openai_tokens.count(prompt, "cl100k_base")]
    theirs += [local[name].as_sent(Request(name, prompt)).budget.prompt for name in ("gemma", "smollm2")]
    assert min(theirs) > CUT * 1.1 * ours


def test_stopping_an_answer_raises_no_alarm(server: LoopbackServer, make: Callable[..., Made]) -> None:
    cancel, steps = threading.Event(), []
    server.plan((*events(delta("It was"), end=False), "hang"))
    for step in make().backend.complete(SCHEMA, cancel):
        cancel.set()
        steps.append(step)
    assert "warnings" not in steps[-1].details  # type: ignore[union-attr]  # the last step is a Completion
