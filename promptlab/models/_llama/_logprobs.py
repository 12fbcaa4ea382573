"""How likely the model found a token, and what it might have written instead.

Taken from one row of logits at a time, so nothing as large as the vocabulary is kept. They are the model's own
probabilities, before temperature, penalties and grammar.
"""

from __future__ import annotations

from typing import Any

from promptlab.models._llama._vocabulary import TokenTable


def logprobs_of(lib: Any, context: Any, index: int, token: int, alternatives: int, table: TokenTable) -> dict[str, Any]:
    """Natural logarithms of probabilities: of `token`, and of the `alternatives` likeliest, the likeliest first."""
    import numpy as np

    row = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), shape=(table.size,))
    top = float(row.max())
    total = top + float(np.log(np.exp(row - top, dtype=np.float64).sum()))
    likeliest: list[int] = []
    if alternatives:
        found = np.argpartition(row, -alternatives)[-alternatives:]
        likeliest = [int(one) for one in found[np.lexsort((found, -row[found]))]]
    return {
        **_entry(token, float(row[token]) - total, table),
        "top": [_entry(one, float(row[one]) - total, table) for one in likeliest],
    }


def _entry(token: int, logprob: float, table: TokenTable) -> dict[str, Any]:
    piece = table.piece(token)
    return {"token": piece.decode("utf-8", "replace"), "bytes": list(piece), "logprob": round(logprob, 6)}
