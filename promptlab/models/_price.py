"""The price of tokens: what promptlab.yaml says of a model, else the list price of the model at its provider.

    price(catalogue, "gpt", prompt=2_000, new=40)      # 0.000324, in US dollars; None if the price is not known
    price_of(catalogue, "gpt").source                  # "list price of 2026-10-12", or "price in promptlab.yaml"

An unknown price is never taken for 0. List prices are in `list_prices.toml`, which says where they come from. They are
used for models at the provider's own address only, and found by the whole name of the model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from promptlab.models._catalogue import Catalogue
from promptlab.models._openai._config import OFFICIAL
from promptlab.workspace import OpenAIModel

LIST = Path(__file__).with_name("list_prices.toml")
SAME_PRICE = frozenset(
    {"logit_bias", "metadata", "prompt_cache_key", "safety_identifier", "store", "user", "verbosity"}
)
"""Fields of `extra_body` that do not change what a token costs. Another one, such as `service_tier`, may."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens; None if it is not known. `cached` is for prompt tokens that the server took from
    its prompt cache; if it is None they cost as much as the others. `listed` is the date of a list price."""

    prompt: float | None
    new: float | None
    cached: float | None = None
    listed: date | None = None

    def of(self, prompt: int, new: int, cached: int = 0) -> float | None:
        """The price of `prompt` tokens, of which `cached` came from the server's cache, and `new` tokens. None if a
        price is missing for which there are tokens."""
        cheaper = 0 if self.cached is None else min(cached, prompt)
        parts = ((prompt - cheaper, self.prompt), (cheaper, self.cached), (new, self.new))
        if any(tokens and each is None for tokens, each in parts):
            return None
        return sum(tokens * each for tokens, each in parts if each is not None) / 1_000_000

    @property
    def words(self) -> str:
        """The price for people: `$0.15 in, $0.6 out a million tokens (list price of 2026-10-12)`."""
        known = (("in", self.prompt), ("cached", self.cached), ("out", self.new))
        figures = ", ".join(f"${each:,.10g} {what}" for what, each in known if each is not None)
        return f"{figures} a million tokens ({self.source})"

    @property
    def source(self) -> str:
        """Where the price comes from, in words."""
        return f"list price of {self.listed.isoformat()}" if self.listed else "price in promptlab.yaml"


def price(catalogue: Catalogue, model: str, prompt: int, new: int, cached: int = 0) -> float | None:
    """The price in US dollars of `prompt` and `new` tokens; None if it is not known. Thinking counts as new tokens.
    `cached` is the part of the prompt that the server took from its prompt cache.

    Raises `ModelNotFound` if the catalogue has no such model.
    """
    each = price_of(catalogue, model)
    return None if each is None else each.of(prompt, new, cached)


def price_of(catalogue: Catalogue, model: str) -> Price | None:
    """What tokens of `model` cost each; None for a local model, and if no price is known.

    Raises `ModelNotFound` if the catalogue has no such model.
    """
    entry = catalogue.entry(model)
    return price_of_entry(entry) if isinstance(entry, OpenAIModel) else None


def price_of_entry(entry: OpenAIModel) -> Price | None:
    """The price in an entry of promptlab.yaml, else the list price; None if neither is known."""
    if entry.price_in is not None or entry.price_out is not None or entry.price_cached is not None:
        return Price(entry.price_in, entry.price_out, entry.price_cached)
    if entry.api_version is not None or not SAME_PRICE.issuperset(entry.extra_body):
        return None
    try:
        url = urlsplit(entry.base_url or OFFICIAL)
        own = url.scheme == "https" and url.port in (None, 443) and not url.query and url.path.rstrip("/") == "/v1"
    except ValueError:  # not an address; asking says so
        return None
    return _list_prices().get((url.hostname or "", entry.model)) if own else None


@cache
def _list_prices() -> Mapping[tuple[str, str], Price]:
    """The list prices, by the provider's host and the name of the model."""
    return {
        (provider["host"], name): Price(each["in"], each["out"], each.get("cached"), provider["date"])
        for provider in tomllib.loads(LIST.read_text("utf-8"))["provider"]
        for name, each in provider["prices"].items()
    }


__all__ = ["Price", "price", "price_of", "price_of_entry"]
