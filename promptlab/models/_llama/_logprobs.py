"""Log probabilities of the chosen token and of its alternatives.

They are computed from one row of logits at a time, so that nothing as large as the vocabulary is kept. They are the
model's own probabilities, before temperature, penalties and grammar.
"""

from __future__ import annotations

from typing import Any

from promptlab.models._llama._vocabulary import TokenTable


def logprobs_of(lib: Any, context: Any, index: int, token: int, alternatives: int, table: TokenTable) -> dict[str, Any]:
    """The natural log probabilities of `token` and of the most likely `alternatives`, most likely first."""
    import numpy as np

    row = np.ctypeslib.as_array(lib.llama_get_logits_ith(context, index), shape=(table.size,))
    top = float(row.max())
    total = top + float(np.log(np.exp(row - top, dtype=np.float64).sum()))
    likeliest: list[int] = []
    if alternatives:
        best = np.argpartition(row, -alternatives)[-alternatives:]
        likeliest = [int(token_id) for token_id in best[np.lexsort((best, -row[best]))]]  # equal ones by their id
    return {
        **_entry(token, float(row[token]) - total, table),
        "top": [_entry(token_id, float(row[token_id]) - total, table) for token_id in likeliest],
    }


def _entry(token: int, logprob: float, table: TokenTable) -> dict[str, Any]:
    piece = table.piece(token)
    return {"token": piece.decode("utf-8", "replace"), "bytes": list(piece), "logprob": round(logprob, 6)}
