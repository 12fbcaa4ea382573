r"""Prompt texts of ChainForge as Jinja: `{x}` is a variable, `\{` a brace, `{=x}` a setting, `{#x}` a value of the row.

text_of_chainforge("Hi {name}, \\{so\\}", {"name"}, str).text    # "Hi {{ name }}, {so}"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from promptlab.templates import escape_jinja

_LINE_END = re.compile(r"[ \t]*\n")
_PLAIN_NAME = re.compile(r"[=#]?[^\W\d][\w .-]*")


@dataclass
class PromptText:
    """A text as Jinja, the names that became inputs, the settings that vanish from it, and notes."""

    text: str
    names: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """The text in pieces: plain text with None, or `{name}` with its name.

    As `extractTemplateVars` of ChainForge does: from a brace without a backslash to the next closing one on its line.
    """
    previous, start, at = "", -1, 0
    for number, character in enumerate(template):
        if previous != "\\":
            if start < 0 and character == "{":
                start = number
            elif start >= 0 and character == "\n":
                start = -1
            elif start >= 0 and character == "}":
                if start + 1 < number:
                    yield template[at:start], None
                    yield template[start : number + 1], template[start + 1 : number]
                    at = number + 1
                start = -1
        previous = character
    yield template[at:], None


def variables(template: str) -> list[str]:
    """The names of the variables in a text, in order."""
    return [name for _, name in pieces(template) if name is not None]


def filled(template: str, name: str, value: str) -> str:
    """The text with `value` for the variable `name`."""
    return "".join(value if found == name else piece for piece, found in pieces(template))


def unescaped(text: str) -> str:
    """`text` without the backslashes before braces."""
    return text.replace("\\{", "{").replace("\\}", "}")


def text_of_chainforge(template: str, fed: Container[str], own_name: Callable[[str], str]) -> PromptText:
    """A text as Jinja. Names in `fed` have values; others become inputs if they read like names, else they are text."""
    prompt = PromptText("")
    parts: list[str] = []
    plain, vanished = "", False
    for piece, name in pieces(template):
        if name is None:
            plain += _LINE_END.sub("", piece, count=1) if vanished and _LINE_END.match(piece) else piece
            vanished = False
        elif name.startswith("=") and (name in fed or _PLAIN_NAME.fullmatch(name)):
            prompt.settings.append(name)
            vanished = True
        elif (name in fed and not name.startswith("__")) or _PLAIN_NAME.fullmatch(name):
            prompt.names.append(name)
            parts += [escape_jinja(unescaped(plain)), f"{{{{ {own_name(name.removeprefix('#'))} }}}}"]
            plain, vanished = "", False
        else:
            prompt.notes.append(f"`{piece}` is text: nothing gives it a value")
            plain += piece
    prompt.text = "".join([*parts, escape_jinja(unescaped(plain))])
    return prompt
