"""Messages of OpenAI's platform as Jinja. It cannot be run here, so what has `{{name}}` in it is *translated*."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from promptlab.formats._template_builder import ROLES
from promptlab.formats.openai import message_text
from promptlab.templates import escape_jinja
from promptlab.types import Role

_MARK = re.compile(r"\{\{\s*(?P<name>[^\W\d][\w.-]*)\s*\}\}")


def names_in_text(text: str) -> list[str]:
    """The names in two braces."""
    return [match["name"] for match in _MARK.finditer(text)]


def with_inputs(text: str, own_name: Callable[[str], str | None]) -> str:
    """`text` as Jinja. `own_name` gives the name of the input for a name in braces; None: it stays text."""
    parts, plain, at = [], "", 0
    for match in _MARK.finditer(text):
        own = own_name(match["name"])
        if own is None:
            continue
        plain = text[at : match.start()]
        parts += [escape_jinja(plain), f"{{{{ {own} }}}}"]
        at = match.end()
    return "".join([*parts, escape_jinja(text[at:])])


def messages_of(items: Any) -> tuple[list[tuple[Role, str]], list[str], list[str]]:
    """Role and text of each message, notes on what was changed, and notes on what was lost."""
    messages: list[tuple[Role, str]] = []
    notes: list[str] = []
    lost: list[str] = []
    for number, item in enumerate(items if isinstance(items, list) else [], 1):
        message = item if isinstance(item, Mapping) else {}
        role = ROLES.get(str(message.get("role")))
        content = message.get("content")
        if isinstance(content, Mapping):
            content = [content]
        text, left_out = message_text(content)
        if role is None or not text or left_out:
            lost.append(f"message {number} has parts that are no text of the system, the user or the assistant")
        if role is None or not text:
            continue
        if isinstance(content, list) and len(content) > 1:
            notes.append(f"message {number} has several texts, which are lines here")
        if role != message["role"]:
            notes.append(f"the role `{message['role']}` is `{role}` here")
        messages.append((role, text))
    return messages, notes, lost
