"""The price of tokens, from what promptlab.yaml says of a model."""

from __future__ import annotations

from promptlab.models._catalogue import Catalogue
from promptlab.workspace import OpenAIModel


def price(catalogue: Catalogue, model: str, prompt: int, new: int) -> float | None:
    """The price in US dollars of `prompt` and `new` tokens; None if no price is known.

    Raises `ModelNotFound` if the catalogue has no such model.
    """
    entry = catalogue.entry(model)
    if not isinstance(entry, OpenAIModel) or (entry.price_in is None and entry.price_out is None):
        return None
    return (prompt * (entry.price_in or 0.0) + new * (entry.price_out or 0.0)) / 1_000_000
