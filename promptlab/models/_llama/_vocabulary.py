"""The vocabulary of a model: its tokens as bytes, and text as tokens.

    vocab = Vocab(Path("model.gguf"))           # opens the vocabulary without the weights
    vocab.tokenize(b"Who won?")                 # [1, 12375, ...]

A `Vocab` opens in a tenth to half a second, may be used from any thread, and serves everything that needs tokens but no
answer: previews, token counts, prompts.
"""

from __future__ import annotations

import ctypes
import re
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from promptlab.errors import EngineFailed
from promptlab.models._llama._library import library, log_lines, reason

CONTROL, UNKNOWN, USER_DEFINED = 1 << 3, 1 << 0, 1 << 4
LSTRIP, RSTRIP = 1 << 7, 1 << 8
LINE = re.compile(rb"[^\n]*\n+|[^\n]+")
MAX_LINES, MAX_LINE = 1_024, 2_048
"""How many lines of text are cached with their tokens, and how many bytes such a line may have."""


class TokenTable:
    """The tokens of a model as bytes. `model` is its native handle."""

    def __init__(self, model: Any) -> None:
        self._lib = lib = library()
        self._model = model
        self._vocab = lib.llama_model_get_vocab(model)
        self.size = int(lib.llama_vocab_n_tokens(self._vocab))
        self._pieces: dict[int, bytes] = {}
        self._text_pieces: dict[int, bytes] = {}

    def is_end(self, token: int) -> bool:
        """True if the token ends an answer."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    def piece(self, token: int) -> bytes:
        """The bytes of a token, also of a control token."""
        piece = self._pieces.get(token)
        if piece is None:
            piece = self._pieces[token] = self._read_piece(token, special=True)
        return piece

    def text_piece(self, token: int) -> bytes:
        """The bytes that a token adds to an answer: none if it is a control token."""
        piece = self._text_pieces.get(token)
        if piece is None:
            piece = self._text_pieces[token] = self._read_piece(token, special=False)
        return piece

    def text_pieces(self) -> list[bytes]:
        """The bytes that each token of the vocabulary adds to an answer. They are not cached."""
        room = 1 << 12
        buffer, read, vocab = ctypes.create_string_buffer(room), self._lib.llama_token_to_piece, self._vocab
        lengths = ((token, read(vocab, token, buffer, room, 0, False)) for token in range(self.size))
        return [buffer.raw[:length] if length >= 0 else self.text_piece(token) for token, length in lengths]

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length  # the buffer was too small


class _Tables(NamedTuple):
    """Facts about the whole vocabulary: control tokens by text, control tokens that swallow the white space after them,
    user-defined tokens, the bytes of the longest token, and True if no token goes on behind a line break."""

    controls: dict[str, int]
    rstrip: frozenset[int]
    user: frozenset[int]
    longest: int
    lines_end: bool


class Vocab(TokenTable):
    """Tokens of one model file, without its weights.

    Raises:
        EngineFailed: llama.cpp cannot read the file.
    """

    def __init__(self, path: Path) -> None:
        lib = library()
        params = lib.llama_model_default_params()
        params.vocab_only = True
        params.n_gpu_layers = 0
        with log_lines() as lines:
            model = lib.llama_model_load_from_file(str(path).encode(), params)
        if not model:
            raise EngineFailed(
                f"{path.name} cannot be read as a model: {reason(lines) or 'llama.cpp refuses it'}",
                hint="is it a complete GGUF file, and new enough a llama-cpp-python for its architecture?",
            )
        super().__init__(model)
        self.bos = int(lib.llama_vocab_bos(self._vocab))
        self.eos = int(lib.llama_vocab_eos(self._vocab))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self._vocab)) and self.bos >= 0
        self._tokens_of_line = lru_cache(MAX_LINES)(partial(_tokens, lib, self._vocab))

    def meta(self, key: str) -> str | None:
        """A value of the file's metadata, as text; None if it has none."""
        size = 1 << 10
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._lib.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if length < 0:
                return None
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    @cached_property
    def trained_window(self) -> int | None:
        """The context window that the model was trained with, in tokens; None if the file does not say."""
        value = self.meta(f"{self.meta('general.architecture')}.context_length")
        return int(value) if value and value.isdigit() else None

    @cached_property
    def chat_template(self) -> str | None:
        """The chat template in the file; None if it has none."""
        text = self._lib.llama_model_chat_template(self._model, None)
        return text.decode("utf-8", "replace") if text else None

    @cached_property
    def _tables(self) -> _Tables:
        get_attr, get_text, vocab = self._lib.llama_vocab_get_attr, self._lib.llama_vocab_get_text, self._vocab
        controls: dict[str, int] = {}
        rstrip: set[int] = set()
        user: set[int] = set()
        longest, lines_end = 1, True
        for token in range(self.size):
            attr, text = get_attr(vocab, token), get_text(vocab, token) or b""
            longest = max(longest, len(text))
            if b"\n" in text.rstrip(b"\n") or attr & (LSTRIP | RSTRIP):
                lines_end = False
            if attr & (CONTROL | UNKNOWN) and text:
                controls[text.decode("utf-8", "replace")] = token
                if attr & RSTRIP:
                    rstrip.add(token)
            elif attr & USER_DEFINED:
                user.add(token)
        return _Tables(controls, frozenset(rstrip), frozenset(user), longest, lines_end)

    @property
    def controls(self) -> dict[str, int]:
        """Control tokens by their text."""
        return self._tables.controls

    @property
    def swallow_space(self) -> frozenset[int]:
        """Control tokens that swallow the white space after them."""
        return self._tables.rstrip

    @property
    def longest(self) -> int:
        """Upper bound for the bytes of one token."""
        return self._tables.longest

    @cached_property
    def guarded(self) -> frozenset[int]:
        """Tokens that content must never become: control tokens, tokens that end an answer, and tokens that look like
        control tokens but are declared ordinary in some files (`<start_of_image>`, `<|im_start|>`)."""
        tokens = set(self.controls.values())
        tokens.update(t for t in (self.bos, self.eos, self._lib.llama_vocab_eot(self._vocab)) if t >= 0)
        for token in self._tables.user:
            text = self.piece(token)
            if text[:1] in (b"<", b"[") and (text[1:2] == b"|" or b"_of_" in text or text.strip(b"<>[]|").isupper()):
                tokens.add(token)
        return frozenset(tokens)

    def tokenize(self, text: bytes, *, special: bool = False) -> list[int]:
        """The tokens of UTF-8 `text`, without any added. Control tokens in it are recognised only if `special`.

        If the vocabulary allows it, each line is tokenised on its own and cached: most lines of a prompt were in the
        prompt before it.
        """
        if special or not self._lines_stand_alone:
            return _tokens(self._lib, self._vocab, text, special=special)
        tokens: list[int] = []
        for line in LINE.findall(text):
            tokens += self._tokens_of_line(line) if len(line) <= MAX_LINE else _tokens(self._lib, self._vocab, line)
        return tokens

    @cached_property
    def _lines_stand_alone(self) -> bool:
        """True if tokenising a text line by line gives the same tokens as tokenising it at once.

        That holds for SentencePiece if no token goes on behind a line break, because it joins two pieces only into one
        that the vocabulary has, and if nothing is added at the start of a text. Other vocabularies split a text by
        rules that look ahead.
        """
        lib, vocab = self._lib, self._vocab
        return (
            int(lib.llama_vocab_type(vocab)) == lib.LLAMA_VOCAB_TYPE_SPM
            and self.meta("tokenizer.ggml.add_space_prefix") == "false"
            and self._tables.lines_end
        )

    def count(self, text: bytes) -> int:
        """The number of tokens of UTF-8 `text`."""
        return -int(self._lib.llama_tokenize(self._vocab, text, len(text), None, 0, False, False)) if text else 0

    def __del__(self) -> None:
        model = getattr(self, "_model", None)
        if model:
            self._lib.llama_model_free(model)


def _tokens(lib: Any, vocab: Any, text: bytes, *, special: bool = False) -> list[int]:
    if not text:
        return []
    room = len(text) // 3 + 16
    while True:
        buffer = (ctypes.c_int32 * room)()
        count = lib.llama_tokenize(vocab, text, len(text), buffer, room, False, special)
        if count >= 0:
            return list(buffer[:count])
        room = -count  # the buffer was too small
