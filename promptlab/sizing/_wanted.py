"""What a model shall do, as far as its memory depends on it."""

from __future__ import annotations

from dataclasses import dataclass

from promptlab.errors import InputError
from promptlab.models import KV_TYPES

BATCH = 512
"""Tokens that llama.cpp reads at once, on a GPU."""
MOST_CONTEXT = 1 << 28
MOST_PARALLEL = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """`context` tokens for each of `parallel` texts, kept in numbers of `kv_type`. With `whole_context`, layers with a
    sliding window keep every token too, as promptlab loads them, so that any prefix can be continued. `batch` tokens
    are read at once. `flash` is False without flash attention. promptlab's own engines keep `room` cells more than the
    context, and have a number of `own_sequences` (0: one for each text)."""

    context: int
    parallel: int = 1
    kv_type: str = "f16"
    whole_context: bool = True
    batch: int = BATCH
    flash: bool = True
    room: int = 0
    own_sequences: int = 0

    def __post_init__(self) -> None:
        for what, value, most in (
            ("context", self.context, MOST_CONTEXT),
            ("parallel", self.parallel, MOST_PARALLEL),
            ("batch", self.batch, 1 << 16),
        ):
            if not 1 <= value <= most:
                raise InputError(f"`{what}` is {value:,}", hint=f"give a number from 1 to {most:,}")
        if self.kv_type not in KV_TYPES:
            raise InputError(f"`{self.kv_type}` is no type of a KV cache", hint=f"choose one of {', '.join(KV_TYPES)}")
        if self.kv_type not in ("f32", "f16", "bf16") and not self.flash:
            raise InputError(
                f"a KV cache of the type {self.kv_type} needs flash attention", hint="leave flash attention on"
            )

    @property
    def cells(self) -> int:
        """Tokens that the KV cache has room for."""
        return self.context * self.parallel + self.room

    @property
    def sequences(self) -> int:
        """How many sequences share the cells."""
        return self.own_sequences or self.parallel

    @property
    def tokens_at_once(self) -> int:
        """The tokens of the largest batch: what is read, and one token for each text."""
        return max(self.batch, 32) + (self.sequences if self.sequences > 1 else 0)


__all__ = ["BATCH", "Wanted"]
