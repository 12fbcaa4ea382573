"""A local model held to a grammar token by token, in both modes, on the embedded models."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from llguidance import LLMatcher, LLParserLimits

from promptlab._util.json_schema import validate
from promptlab.errors import EngineFailed
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._grammar import grammar_of
from promptlab.models._llama._host import Engines
from promptlab.models._llama._library import library
from promptlab.models._llama._token_masks import GrammarState, TokenMasks
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]
BOTH = pytest.mark.parametrize("name", ["gemma", "smollm2"])

INVOICE = json.dumps(
    {
        "type": "object",
        "properties": {
            "due": {"type": "string", "format": "date"},
            "account": {"type": "integer"},
            "id": {"type": "string", "format": "uuid"},
        },
        "required": ["due", "account", "id"],
        "additionalProperties": False,
    }
)
COPY = Prompt(
    (
        Message(
            "user",
            'Copy as JSON: due 2022-12-31, account 12345678901234567890, id "0E37DF36-F698-11E6-8DD4-CB9CED3DF976".',
        ),
    )
)


def asked(backend: LlamaBackend, schema: str | None, prompt: Prompt = COPY, **params: object) -> Completion:
    request = Request("m", prompt, Params(max_tokens=90).with_(**params), schema)
    *_, done = backend.complete(request, threading.Event())
    assert isinstance(done, Completion)
    return done


def test_what_stood_in_the_text_comes_out_as_it_was(local: dict[str, LlamaBackend]) -> None:
    """The old grammar ended months at the 28th, integers at 15 digits, and had lower-case UUIDs only."""
    done = asked(local["smollm2"], INVOICE)
    assert done.finish_reason == "stop"
    assert json.loads(done.text) == {
        "due": "2022-12-31",
        "account": 12345678901234567890,
        "id": "0E37DF36-F698-11E6-8DD4-CB9CED3DF976",
    }
    assert list(json.loads(done.text)) == ["due", "account", "id"]


@BOTH
def test_one_by_one_and_together_answers_are_valid_and_repeatable(local: dict[str, LlamaBackend], name: str) -> None:
    like = local[name]
    schema = json.dumps(
        {"type": "array", "items": {"enum": ["Argentina", "France", 2022]}, "minItems": 2, "maxItems": 3}
    )
    prompts = [Prompt((Message("user", f"Who played the final of {year}?"),)) for year in (2018, 2022)]
    alone = [asked(like, schema, prompt) for prompt in prompts]
    assert [asked(like, schema, prompt).text for prompt in prompts] == [one.text for one in alone]
    entry = LlamaModel(backend="llama", path="x", n_ctx=1024, throughput=2)
    many = LlamaBackend(name, like.path, entry, like.sha256, host=Engines())
    try:
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(lambda prompt: asked(many, schema, prompt), prompts))
    finally:
        many.close()
    for one in (*alone, *together):
        assert one.finish_reason == "stop"
        assert validate(schema, one.text).valid, one.text


@BOTH
def test_chance_stays_within_the_schema(local: dict[str, LlamaBackend], name: str) -> None:
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 12},
                         "c": {"type": "string", "pattern": "^[A-Z]{3}$"}}, "required": ["n", "c"],
                         "additionalProperties": False})  # fmt: skip
    texts = [
        asked(local[name], schema, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=seed).text for seed in (1, 2, 3)
    ]
    assert [text for text in texts if not validate(schema, text).valid] == []
    assert len(set(texts)) > 1
    again = asked(local[name], schema, temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=1).text
    assert again == texts[0]


@BOTH
def test_logprobs_are_those_of_the_model_and_not_of_the_grammar(local: dict[str, LlamaBackend], name: str) -> None:
    free = asked(local[name], None, max_tokens=1, logprobs=5).details["logprobs"][0]
    held = asked(local[name], '{"type": "object"}', max_tokens=1, logprobs=5).details["logprobs"][0]
    assert held["top"] == free["top"]
    assert held["token"].startswith("{")
    assert held["logprob"] <= held["top"][0]["logprob"] <= 0
    assert np.isfinite(held["logprob"])


def test_the_token_taken_is_the_likeliest_of_those_that_the_grammar_allows(local: dict[str, LlamaBackend]) -> None:
    """Tried beside llguidance's check of every single token. Where only one text can follow, it leaves the one token
    that a tokenizer would take for it, out of several ways to spell it."""
    vocab = local["smollm2"].vocab
    held = TokenMasks(library(), vocab._vocab, vocab).start(grammar_of(INVOICE).text)
    random = np.random.default_rng(7)
    for token in vocab.tokenize(b'{"due": "2022-12-31", "account": 12'):
        said = random.normal(size=vocab.size).astype(np.float32)
        allowed = [one for one in range(vocab.size) if held._matcher.validate_tokens([one])]
        masked = said.copy()
        held.mask(masked)
        left = [int(one) for one in np.flatnonzero(np.isfinite(masked))]
        if left != allowed:
            assert len(left) == 1
            assert all(vocab.piece(left[0]).startswith(vocab.piece(one)) for one in allowed)
        assert int(masked.argmax()) == max(left, key=lambda one: said[one])
        assert token in allowed
        held.accept(token)
    assert not held.complete
    with pytest.raises(EngineFailed):
        held.accept(vocab.tokenize(b"x")[0])


@BOTH
def test_no_token_that_ends_an_answer_or_adds_nothing_is_written_into_it(
    local: dict[str, LlamaBackend], name: str
) -> None:
    vocab = local[name].vocab
    held = TokenMasks(library(), vocab._vocab, vocab).start(grammar_of('{"type": "string"}').text)
    held.accept(vocab.tokenize(b'"')[0])
    logits = np.zeros(vocab.size, dtype=np.float32)
    held.mask(logits)
    open_to = np.flatnonzero(np.isfinite(logits))
    assert len(open_to) > vocab.size / 2
    assert [one for one in open_to if vocab.is_end(int(one)) or not vocab.text_piece(int(one))] == []
    held.accept(vocab.tokenize(b'"')[0])
    assert held.complete


def test_an_answer_whose_schema_becomes_too_much_takes_no_other_with_it(
    local: dict[str, LlamaBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is set so low that llguidance's first mask is above it, for one of two answers written together."""
    like = local["smollm2"]
    entry = LlamaModel(backend="llama", path="x", n_ctx=1024, throughput=2)
    many = LlamaBackend("m", like.path, entry, like.sha256, host=Engines())
    hold = TokenMasks.start

    def little(rules: TokenMasks, grammar: str) -> GrammarState:
        if "too_much" not in grammar:
            return hold(rules, grammar)
        limits = LLParserLimits(step_max_items=1, step_lexer_fuel=1)
        return GrammarState(LLMatcher(rules._tokenizer, grammar, log_level=0, limits=limits), rules._size)

    monkeypatch.setattr(TokenMasks, "start", little)
    schemas = ['{"enum": ["too_much", "or not"]}', '{"enum": ["yes", "no"]}']

    def told(schema: str) -> str:
        try:
            return asked(many, schema).text
        except EngineFailed as exc:
            return exc.message

    try:
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(told, schemas)
    finally:
        many.close()
    assert "too large" in first
    assert second in ('"yes"', '"no"')
