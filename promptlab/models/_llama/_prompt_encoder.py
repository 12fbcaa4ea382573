"""Turns messages into the tokens of one model: its chat template, then its vocabulary.

encoder = PromptEncoder("smollm2-135m", path, entry, sha256, open_vocab=lambda: Vocab(path))
encoder.as_sent(request)                                # the string in pieces, with token counts
encoder.encode(request, encoder.fragments(request))     # the tokens
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from cachetools import LRUCache

from promptlab.errors import ModelNotReady
from promptlab.models._as_sent import AsSent
from promptlab.models._llama._chat_template import BASE_MODELS, PLAIN_TRANSCRIPT, ChatTemplate, Fragment
from promptlab.models._llama._tokenize import Encoded, as_sent, encode, estimate, split_controls
from promptlab.models._llama._vocabulary import Vocab
from promptlab.types import Message, Request
from promptlab.workspace import LlamaModel

ENCODED_PROMPTS = 8
"""How many prompts are remembered with their tokens: the runner counts the tokens of a prompt and then asks it."""


class PromptEncoder:
    """The prompt side of a model, without its weights. `open_vocab` opens the vocabulary on first use. May be shared
    between threads."""

    def __init__(
        self, name: str, path: Path, entry: LlamaModel, sha256: str, *, open_vocab: Callable[[], Vocab]
    ) -> None:
        self.name, self.path, self.entry, self.sha256 = name, path, entry, sha256
        self._open_vocab = open_vocab
        self._vocab_lock, self._encoded_lock = threading.Lock(), threading.Lock()
        self._encoded_prompts: LRUCache[tuple[Message, ...], Encoded] = LRUCache(ENCODED_PROMPTS)

    @property
    def vocab(self) -> Vocab:
        """The vocabulary of the model, opened on first use."""
        with self._vocab_lock:
            return self._vocab

    @cached_property
    def _vocab(self) -> Vocab:
        return self._open_vocab()

    @cached_property
    def window(self) -> int | None:
        """The context window in tokens: `n_ctx` of the catalogue, at most the window of the model's training."""
        trained = self.vocab.trained_window
        return min(self.entry.n_ctx, trained) if trained else self.entry.n_ctx

    @property
    def is_base(self) -> bool:
        """True if it is a known base model without a chat template in the catalogue."""
        return self.entry.chat_template is None and self.sha256 in BASE_MODELS

    @cached_property
    def chat_template(self) -> ChatTemplate:
        """The chat template of the catalogue, the plain transcript if the model is a known base model, or the template
        in the model file.

        Raises:
            ModelNotReady: there is no chat template.
        """
        vocab = self.vocab
        bos, eos = (vocab.piece(t).decode("utf-8", "replace") if t >= 0 else "" for t in (vocab.bos, vocab.eos))
        if self.entry.chat_template is not None:
            source, origin = self.entry.chat_template, "from the catalogue"
        elif self.is_base:
            source, origin = PLAIN_TRANSCRIPT, "plain transcript (base model)"
        elif vocab.chat_template is not None:
            source, origin = vocab.chat_template, "from the model file"
        else:
            raise ModelNotReady(
                f"{self.name} has no chat template: {self.path.name} contains none, which is usual for base models",
                hint="set `chat_template` (Jinja) and `stop` of the model in promptlab.yaml; see docs/models.md",
            )
        return ChatTemplate(source, origin=origin, model=self.name, bos=bos, eos=eos)

    def as_sent(self, request: Request) -> AsSent:
        """The exact string that the model reads, in pieces, with token counts by section.

        Raises:
            ModelNotReady: llama-cpp-python or a chat template is missing.
            RequestRejected: the chat template refuses these messages, or their text is not valid Unicode.
        """
        fragments = self.fragments(request)
        room = request.params.max_tokens
        if self.is_far_too_long(fragments):
            return estimate(self.vocab, request.prompt, fragments, window=self.window, room=room)
        return as_sent(request.prompt, self.encode(request, fragments), window=self.window, room=room)

    def fragments(self, request: Request) -> list[Fragment]:
        """The rendered prompt in fragments, split at control tokens."""
        return split_controls(self.vocab, self.chat_template.lay_out(request.messages))

    def is_far_too_long(self, fragments: Sequence[Fragment]) -> bool:
        """True if the text cannot fit even with the longest tokens. This saves tokenising ten megabytes in vain."""
        return sum(len(f.text) for f in fragments) > (self.window or 0) * self.vocab.longest

    def encode(self, request: Request, fragments: Sequence[Fragment]) -> Encoded:
        """The tokens of the prompt. The last few prompts are remembered."""
        with self._encoded_lock:
            encoded = self._encoded_prompts.get(request.messages)
        if encoded is None:
            encoded = encode(self.vocab, fragments)
            with self._encoded_lock:
                self._encoded_prompts[request.messages] = encoded
        return encoded
