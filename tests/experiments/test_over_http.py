"""An experiment on an API over real HTTP, with an effect that is known: found in spite of errors, held to a limit of
money, and gone on with without asking anything twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.types import sha256
from tests.experiments.bench import workspace
from tests.loopback import LoopbackServer, Received, Reply, status, stream

CASES, WITHOUT, WITH = 60, 0.3, 0.9
NAME = "t-ablate"
ASK = ["experiment", "ablate", "t", "--cases", "cases.jsonl", "-m", "m", "--scorer", "exact", "--json", "--yes"]
ASK += ["--option", "sections=[context]"]


def reply(request: Received) -> Reply:
    """Right with probability 0.9 with the page and 0.3 without it; a hash of both decides, so it is repeatable."""
    *before, last = (message["content"] for message in request.json["messages"])
    number = "".join(ch for ch in last if ch.isdigit())
    there = any("Number 1 is word-1." in text for text in before)
    luck = int(sha256(f"{there} {last}")[:8], 16) / 16**8
    return stream(f"word-{number}" if luck < (WITH if there else WITHOUT) else "nothing", usage=tokens_of(request))


def tokens_of(request: Received) -> tuple[int, int, int]:
    """What the server says it read and wrote: four characters are about a token."""
    return sum(len(message["content"]) for message in request.json["messages"]) // 4, 0, 4


def paid(server: LoopbackServer) -> float:
    read = [tokens_of(request) for request in server.requests if request.path.endswith("/chat/completions")]
    return sum(prompt * 1000 + new * 2000 for prompt, _, new in read) / 1e6


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    workspace(tmp_path, CASES)
    monkeypatch.chdir(tmp_path)
    with LoopbackServer(reply) as running:
        (tmp_path / "promptlab.yaml").write_text(
            f"models:\n  m: {{backend: openai, model: x, base_url: {running.url!r}, window: 9000, "
            "clearance: confidential, max_parallel: 1, price_in: 1000, price_out: 2000}\n"
        )
        yield running


def report(*words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(cli, [*words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return dict(json.loads(done.stdout))


def answered(server: LoopbackServer) -> Counter[bytes]:
    """How often each prompt was sent."""
    return Counter(request.body for request in server.requests if request.path.endswith("/chat/completions"))


def test_a_known_effect_is_found_in_spite_of_errors(server: LoopbackServer) -> None:
    server.plan(status(429, "slow down", retry_after="1"), reply, status(500, "it broke"))
    found = report(*ASK)
    (effect,) = found["effects"]
    assert (found["state"], effect["verdict"], effect["cases"], effect["left_out"]) == ("finished", "helps", CASES, 0)
    assert effect["low"] < WITH - WITHOUT < effect["high"]
    assert effect["high"] - effect["low"] < 0.4, "an interval that holds everything says nothing"
    scores = {row["arm"]: row["score"] for row in found["arms"]}
    assert scores["whole prompt"] - scores["without context"] == pytest.approx(effect["difference"])
    sent = answered(server)
    assert len(sent) == 2 * CASES
    assert sum(sent.values()) == 2 * CASES + 2, "the two that failed are sent again, and nothing else"
    assert report("experiment", NAME, "--stored", "--json") == found
    assert sum(answered(server).values()) == 2 * CASES + 2


def test_a_limit_of_money_gives_no_verdict_and_a_higher_one_goes_on(server: LoopbackServer) -> None:
    limit = 15.0
    short = report(*ASK, "--max-cost", f"{limit}", code=1)
    asked = sum(answered(server).values())
    assert limit / 2 < paid(server) <= limit, "the limit is used, and held"
    assert 0 < asked < 2 * CASES
    assert (short["state"], short["done"], short["total"]) == ("stopped", asked, 2 * CASES)
    assert "limit" in short["stopped"]
    assert {effect["verdict"] for effect in short["effects"]} == {"cannot tell yet"}
    assert " adds " not in short["sentence"]
    again = report("experiment", NAME, "--json", "--yes", "--max-cost", "1000")
    sent = answered(server)
    assert (len(sent), set(sent.values())) == (2 * CASES, {1}), "nothing is asked twice"
    assert again["state"] == "finished"
    assert again["effects"][0]["verdict"] == "helps"


def test_a_limit_below_one_answer_asks_nothing(server: LoopbackServer) -> None:
    found = report(*ASK, "--max-cost", "0.01", code=1)
    assert not answered(server)
    assert (found["state"], found["done"], found["effects"][0]["verdict"]) == ("stopped", 0, "cannot tell yet")
