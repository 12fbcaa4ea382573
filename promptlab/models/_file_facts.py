"""What a GGUF file says of its model: parameters, file type, licence, and what it was quantised from.

    facts = read_file_facts([Path("smollm2-135m-q8_0.gguf")])
    facts.parameters, facts.file_type     # 134,515,008, "Q8_0"
    facts.quantised_from                  # "Q4_1": promptlab made it from a file that was quantised already

A file type is a wish: llama.cpp gives a matrix whose rows are no whole blocks of that type another one. So `numbers`
tells what the weights really are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from promptlab.models._ggml import TYPES, bytes_of
from promptlab.models._gguf import Head, read_head

NAMES = {
    **{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S"},
    **{12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS"},
    **{20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M"},
    **{28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE"},
    **{39: "NVFP4", 40: "Q1_0", 41: "Q2_0"},
}
"""File types by their number in `general.file_type`. A test holds them against llama.cpp."""
EXACT = frozenset({"F32", "F16", "BF16", "F64"})
"""Number types that are not quantised."""
FROM, FROM_SHA256 = "promptlab.quantised_from", "promptlab.quantised_from_sha256"
"""Keys that `promptlab quantize` writes into a file: the file type and the digest of the file it was made from."""
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts of a model's file. `numbers` are the shares of the parameters by number type, the largest first; `bits` are
    bits of weights for each parameter, None if a number type is unknown. `licence` is "" if the file does not say.

    `quantised_from` is the file type that the file was made from by promptlab, "" if it was not."""

    parameters: int
    bytes: int
    file_type: str
    numbers: tuple[tuple[str, float], ...]
    bits: float | None
    licence: str
    quantised_from: str = ""
    quantised_from_sha256: str = ""

    @property
    def is_quantised(self) -> bool:
        """True if any weights have lost precision already."""
        return any(name not in EXACT for name, _ in self.numbers)

    @property
    def was_requantised(self) -> bool:
        """True if it was made from a file that was quantised already, so that its errors are those of both."""
        return bool(self.quantised_from) and self.quantised_from not in EXACT

    @property
    def type_words(self) -> str:
        """The file type, what the weights really are, and what it was made from."""
        shares = [f"{100 * share:.0f} % {name}" for name, share in self.numbers[:_MOST_NAMED] if share >= 0.005]
        bits = f", {self.bits:.2f} bits a parameter" if self.bits else ""
        made = f"; {self.origin_words}" if self.quantised_from else ""
        return f"{self.file_type or 'file type unknown'} ({', '.join(shares)}{bits}){made}"

    @property
    def origin_words(self) -> str:
        """What the file was quantised from; "" if promptlab did not make it."""
        return f"{'re' if self.was_requantised else ''}quantised from {self.quantised_from}" * bool(self.quantised_from)


def read_file_facts(paths: Sequence[Path]) -> FileFacts:
    """The facts of a model in the files `paths`, the parts of one model in order.

    Raises:
        NotGGUF: a file is none.
        OSError: a file cannot be read.
    """
    return file_facts([read_head(path) for path in paths], sum(path.stat().st_size for path in paths))


def file_facts(heads: Sequence[Head], size: int) -> FileFacts:
    """The facts in the heads of a model's files, which have `size` bytes together."""
    counts: Counter[str] = Counter()
    weights: int | None = 0
    for tensor in (tensor for head in heads for tensor in head.tensors):
        kind = TYPES.get(tensor.kind)
        counts[kind.name if kind else f"type {tensor.kind}"] += prod(tensor.sizes)
        length = bytes_of(tensor.kind, tensor.sizes)
        weights = None if weights is None or length is None else weights + length
    total, meta = counts.total(), heads[0].meta
    numbers = tuple((name, count / total) for name, count in counts.most_common()) if total else ()
    return FileFacts(
        total,
        size,
        _file_type(meta.get("general.file_type"), numbers),
        numbers,
        8 * weights / total if weights and total else None,
        str(meta.get("general.license", "")),
        str(meta.get(FROM, "")),
        str(meta.get(FROM_SHA256, "")),
    )


def _file_type(number: object, numbers: Sequence[tuple[str, float]]) -> str:
    """The file type by its number. A file without one is called after the type of most of its weights."""
    if isinstance(number, int) and number in NAMES:
        return NAMES[number]
    return numbers[0][0] if numbers else ""


__all__ = ["EXACT", "FROM", "FROM_SHA256", "NAMES", "FileFacts", "file_facts", "read_file_facts"]
