"""A request and its right answer as the tokens that the model would read and write, to train it on.

The prompt is what `complete` sends, to the token. The answer is what the model should write after it: the white space
of the chat template, the text, and the token that ends an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from promptlab.models._llama._chat_template import ChatTemplate, Fragment
from promptlab.models._llama._tokenize import encode, split_controls
from promptlab.models._llama._vocabulary import Vocab


class AnswerTokens(NamedTuple):
    """The tokens of a prompt, and those of the answer to it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]


def answer_tokens(vocab: Vocab, template: ChatTemplate, fragments: Sequence[Fragment], answer: str) -> AnswerTokens:
    """The tokens to train on. The answer is tokenised alone, because a model that answers begins a token of its own."""
    prompt = encode(vocab, fragments).tokens
    text = Fragment(template.lead + answer, message=0)  # as content, so that no text of it becomes a control token
    written = encode(vocab, [text]).tokens
    if vocab.adds_bos and written[:1] == (vocab.bos,):
        written = written[1:]
    return AnswerTokens(prompt, (*written, end_token(vocab, template)))


def end_token(vocab: Vocab, template: ChatTemplate) -> int:
    """The token that ends an answer: the first one in what the template writes after it, else that of the model."""
    for fragment in split_controls(vocab, [Fragment(template.tail)] if template.tail else []):
        if fragment.token is not None and vocab.is_end(fragment.token):
            return fragment.token
    return vocab.eos


__all__ = ["AnswerTokens", "answer_tokens", "end_token"]
