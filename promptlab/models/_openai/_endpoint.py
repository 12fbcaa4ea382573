"""The endpoint of a request, as error messages name it, and the masking of secrets in what they quote."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

LONGEST_QUOTE = 300


@dataclass(frozen=True)
class Endpoint:
    """A model at an address, with what error messages need to know of it. `url` and `proxy` (the proxy from the
    environment that requests go through) are shown, so they hold no user, password or query."""

    name: str
    model: str
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    key_env: str = ""
    proxy: str = ""
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    total_timeout: float = 300.0

    def message(self, what: str) -> str:
        """`what` as an error message that begins with the model and its address."""
        return f"{self.name} ({self.model} at {self.url}): {what}"

    def quote(self, text: object) -> str:
        """Text from the server for a message: with secrets masked, on one line, and not too long."""
        words = " ".join(mask(str(text), self.secrets).split())
        return words if len(words) <= LONGEST_QUOTE else words[:LONGEST_QUOTE] + "…"


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` without the secrets, and without anything that looks like a key."""
    for secret in secrets:
        text = spellings(secret).sub("***", text)
    text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s\"',}]+", r"\1 ***", text)
    return re.sub(r"\bsk-[\w*.…-]{3,}", "sk-***", text)


@lru_cache(maxsize=256)
def spellings(secret: str) -> re.Pattern[str]:
    """A pattern for `secret` in every spelling: as it is, percent-encoded in part or whole, as in a form, in JSON or
    HTML. A server may quote it in any of them."""

    def of_character(char: str) -> str:
        forms = {re.escape(char), re.escape(html.escape(char)), rf"\\u{ord(char):04x}"}
        forms.add("".join(f"%(?:25)?{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")))
        forms |= {r"\+"} if char == " " else {r"\\/"} if char == "/" else set()
        return f"(?:{'|'.join(sorted(forms, key=len, reverse=True))})"

    return re.compile(
        "".join(re.escape(c) if c.isascii() and c.isalnum() else f"(?i:{of_character(c)})" for c in secret)
    )


__all__ = ["Endpoint", "mask", "spellings"]
