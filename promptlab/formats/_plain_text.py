"""The messages of a portable prompt as the texts of a tool without Jinja, with that tool's marks for variables.

marked_messages(export, "{{%s}}", find=names_in_text)    # [("user", "About {{topic}}.")]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from promptlab.formats._export import PortablePrompt
from promptlab.types import Role


def marked_messages(
    export: PortablePrompt, form: str, *, find: Callable[[str], Iterable[str]]
) -> list[tuple[Role, str]]:
    """Role and text of each message; a variable is `form` with its name for `%s`.

    `find` gives the names of the variables that the tool finds in a text. If it finds others than were written, because
    some text looks like a variable, the report says so.
    """
    names = "|".join(map(re.escape, export.variables))
    printed = re.compile(r"\{\{ (?:\"(?P<brace>\{)\"" + (f"|(?P<name>{names})" if names else "") + r") \}\}")
    messages: list[tuple[Role, str]] = []
    for number, (role, jinja) in enumerate(export.messages, 1):
        written: Counter[str] = Counter()

        def plain(match: re.Match[str], written: Counter[str] = written) -> str:
            if match["brace"]:
                return "{"
            written[match["name"]] += 1
            return form % match["name"]

        text = printed.sub(plain, jinja)
        others = Counter(find(text)) - written
        for name in others:
            mark = form % name
            note = f"`{mark}` in message {number} is text here; there it reads like a variable"
            replaced = name in export.variables
            export.report.add(f"message {number}", "not understood" if replaced else "translated", None, note)
        if written - Counter(find(text)):
            note = f"braces beside a variable in message {number} keep the tool from finding it"
            export.report.add(f"message {number}", "not understood", None, note)
        messages.append((role, text))
    return messages
