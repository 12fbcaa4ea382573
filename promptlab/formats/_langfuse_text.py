"""Texts of Langfuse as Jinja. A value stands where its Python SDK finds `{{ name }}`; everything else is text.

text_of_langfuse('{"name": {{user-name}}}', own_name).text    # '{"name": {{ user_name }}}'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from promptlab.templates import escape_jinja

_NAME = re.compile(r"[^\W\d][\w.-]*|\d[\w.-]*")
COMPOSED = re.compile(r"@@@langfusePrompt:(?P<what>[^@]*)@@@")
"""A tag that Langfuse's server replaces by another prompt."""


@dataclass
class JinjaText:
    """A text as Jinja, the names of its variables in Langfuse, and notes on what is text here."""

    text: str
    variables: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """The text in pieces: plain text with None, or `{{ … }}` with what is between the braces.

    As `TemplateParser` of Langfuse's Python SDK does: from two opening braces to the next two closing ones.
    """
    at = 0
    while True:
        start = text.find("{{", at)
        end = text.find("}}", start) if start >= 0 else -1
        if end < 0:
            yield text[at:], None
            return
        yield text[at:start], None
        yield text[start : end + 2], text[start + 2 : end].strip()
        at = end + 2


def variables(text: str) -> list[str]:
    """The names of the variables in `text`, in order."""
    return [name for _, name in pieces(text) if name is not None and _NAME.fullmatch(name)]


def text_of_langfuse(text: str, own_name: Callable[[str], str]) -> JinjaText:
    """A text of Langfuse as Jinja. `own_name` gives the name of the input for a variable."""
    jinja = JinjaText("")
    parts: list[str] = []
    plain = ""
    for piece, name in pieces(text):
        if name is not None and _NAME.fullmatch(name):
            own = own_name(name)
            parts += [escape_jinja(plain), f"{{{{ {own} }}}}"]
            plain = ""
            jinja.variables.append(name)
            continue
        if name is not None:
            jinja.notes.append(f"`{piece}` is text here, as in Langfuse's Python SDK; its JavaScript SDK runs Mustache")
        plain += piece
    jinja.text = "".join([*parts, escape_jinja(plain)])
    jinja.notes = list(dict.fromkeys(jinja.notes))
    return jinja


def composed(text: str, texts: Mapping[str, str], notes: list[str], depth: int = 5) -> str:
    """`text` with the prompts that it refers to, as far as they are in the same file (`texts`, by name)."""

    def other(match: re.Match[str]) -> str:
        what = dict(part.partition("=")[::2] for part in match["what"].split("|"))
        inner = texts.get(what.get("name", ""))
        if inner is None or depth == 0:
            notes.append(f"`{match[0]}` stands for another prompt, which is not in this file; here it is text")
            return match[0]
        notes.append(f"`{match[0]}` is replaced by that prompt, as it is in this file")
        return composed(inner, texts, notes, depth - 1)

    return COMPOSED.sub(other, text)
