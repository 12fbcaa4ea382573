"""Does a prompt fit its model's context window? One that does not is refused; nothing is ever cut.

check_window(request, backend)      # raises `WindowExceeded`, with the tokens of each section
"""

from __future__ import annotations

from promptlab.errors import WindowExceeded
from promptlab.models import Backend, Budget
from promptlab.types import SECTIONS, Prompt, Request


def check_window(request: Request, backend: Backend) -> None:
    """Raise `WindowExceeded`, with the tokens of each section, if the request does not fit the context window."""
    if backend.window is None or _surely_fits(request.prompt, backend.window - request.params.max_tokens):
        return
    refuse_if_too_long(request.model, backend.as_sent(request).budget)


def refuse_if_too_long(model: str, budget: Budget) -> None:
    """Raise `WindowExceeded`, with the tokens of each section, if the budget does not fit."""
    if not budget.fits:
        raise WindowExceeded(_too_long(model, budget), hint=_what_to_shorten(budget))


def _surely_fits(prompt: Prompt, room: int) -> bool:
    """True if the prompt fits even with a token for each byte, so that it need not be tokenised.

    For each message 256 tokens are added, for the text of the chat template. If that is too few, the backend refuses.
    """
    characters = sum(len(m.content) + 256 for m in prompt.messages)
    return 4 * characters <= room


def _too_long(model: str, budget: Budget) -> str:
    about = "" if budget.exact else "about "
    parts = ", ".join(f"{s.replace('_', ' ')} {budget.by_section[s]:,}" for s in SECTIONS if budget.by_section.get(s))
    return (
        f"the prompt does not fit {model}: {about}{budget.prompt:,} tokens and {budget.room:,} for the answer, "
        f"and its window is {budget.window:,} ({parts})"
    )


def _what_to_shorten(budget: Budget) -> str:
    over = budget.prompt + budget.room - (budget.window or 0)
    largest = max(budget.by_section, key=lambda s: budget.by_section[s])
    return f"shorten the {largest.replace('_', ' ')} by {over:,} tokens, or lower max_tokens; nothing was sent or cut"
