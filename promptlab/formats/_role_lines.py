"""The body of a `.prompty` file or of a node of a prompt flow in pieces: text, Jinja tags, blocks, and role lines.

notes: list[Note] = []
parts = with_role_lines(read_parts("user:\n{{ q }}", trim=False), 1, notes, ())
tree, rest = as_tree(list(parts))    # blocks as nodes; `rest` begins with a tag that ends a block that is not open
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import TemplateSyntaxError

from promptlab.errors import FormatError
from promptlab.templates import JINJA_ENVIRONMENT
from promptlab.types import Role

Note = tuple[int, str]
"""The line of the body (from 1), and what is different there."""

PROMPT_FLOW = 3
"""The "version" of prompt flow: role lines as in prompty 1, and Jinja with `trim_blocks`."""

TOOLS: Mapping[int, str] = {1: "prompty", 2: "prompty", PROMPT_FLOW: "prompt flow"}

ROLE_NAMES: Mapping[int, Mapping[str, Role | None]] = {
    1: {"system": "system", "user": "user", "assistant": "assistant", "function": None},
    2: {"system": "system", "user": "user", "assistant": "assistant", "developer": "system"},
    PROMPT_FLOW: {"system": "system", "user": "user", "assistant": "assistant", "function": None, "tool": None},
}
"""The roles that each version of prompty knows, and the role here; None if there is none."""

EDGES: Mapping[int, str | None] = {1: None, 2: "\n", PROMPT_FLOW: None}
"""What each version strips from the ends of a message (the argument of `str.strip`)."""

_ATTRIBUTES = r"(?P<attributes>\[[^\]\n]*\])?"
_ROLE_LINE = re.compile(
    rf"^[ \t]*#?[ \t]*(?P<role>system|user|assistant|developer|function|tool){_ATTRIBUTES}[ \t]*:[ \t]*(?:\n|\Z)",
    re.I | re.M,
)
_COLON = re.compile(r"[ \t]*:[ \t]*(?:\n|\Z)")
_ROLE_EXPRESSION = re.compile(r"(?:^|[.\[\"'])role[\"'\]]*(?:\s*\|\s*(?:lower|trim|string))*$", re.I)
_BLOCKS = ("for", "if", "filter", "call", "macro", "with", "autoescape", "block")


@dataclass(frozen=True)
class Part:
    """A piece of the body: text, a printed expression, a statement, the tag of a block, or a role line.

    `source` is its Jinja text. `name` is the expression, the first word of a tag, or the role. `printed` is true for a
    role that is printed by an expression.
    """

    kind: Literal["text", "print", "statement", "open", "branch", "end", "role"]
    source: str
    line: int
    name: str = ""
    printed: bool = False
    attributes: str = ""


@dataclass
class Block:
    """A block: its opening tag and content, each further branch with its content, and its end tag."""

    branches: list[tuple[Part, list[Node]]]
    end: Part

    @property
    def line(self) -> int:
        return self.branches[0][0].line


Node = Part | Block


def read_parts(body: str, *, trim: bool) -> Iterator[Part]:
    """The body in pieces, each with its source. White space control is applied; with `trim`, that of `trim_blocks`."""
    environment = JINJA_ENVIRONMENT.overlay(trim_blocks=True) if trim else JINJA_ENVIRONMENT
    source: list[str] = []
    words: list[str] = []
    line = 1
    try:
        for at, token, value in environment.lex(body):
            if token == "data" and not source:
                yield Part("text", value, at)
                continue
            if not source:
                line, words = at, []
            source.append(value)
            if token not in ("block_begin", "block_end", "variable_begin", "variable_end", "whitespace"):
                words.append(value)
            if token in ("variable_end", "block_end", "comment_end", "raw_end"):
                text = "".join(source)
                if trim and token != "variable_end":
                    text = text.removesuffix("\n")
                kind = {"variable_end": "print", "comment_end": "statement", "raw_end": "text"}.get(token, "tag")
                if kind == "tag":
                    yield _tag(text, words, line)
                elif kind == "print":
                    yield Part("print", text, line, "".join(words))
                else:
                    yield Part("text" if kind == "text" else "statement", text, line, "raw" if kind == "text" else "")
                source = []
    except TemplateSyntaxError as exc:
        raise FormatError(f"not Jinja: {exc.message}", line=exc.lineno) from exc


def _tag(text: str, words: list[str], line: int) -> Part:
    name = words[0] if words else ""
    if name in _BLOCKS or (name == "set" and "=" not in words):
        return Part("open", text, line, name)
    if name in ("else", "elif"):
        return Part("branch", text, line, name)
    return Part("end" if name.startswith("end") else "statement", text, line, name)


def with_role_lines(parts: Iterable[Part], version: int, notes: list[Note], threads: Sequence[str]) -> Iterator[Part]:
    """`parts` with the role lines as parts of their own."""
    every = list(parts)
    fresh = True  # at the beginning of a line, as far as the text in front is known
    at = 0
    while at < len(every):
        part = every[at]
        at += 1
        if part.kind == "print":
            following = every[at] if at < len(every) else None
            colon = _COLON.match(following.source) if following and following.kind == "text" else None
            if colon and not colon[0].endswith("\n") and not (version == 2 and at == len(every) - 1):
                colon = None
            if fresh and colon and following and part.name not in threads:
                if _ROLE_EXPRESSION.search(part.name):
                    yield Part("role", part.source + colon[0], part.line, part.name, printed=True)
                    every[at] = Part("text", following.source[colon.end() :], following.line, following.name)
                    continue
                note = f"in {TOOLS[version]} it begins a turn if it prints a role"
                notes.append((part.line, f"a line `{part.source}:` is text here; {note}"))
            fresh = False
        elif part.kind == "text" and part.name != "raw":
            last = at == len(every)
            yield from _split_text(part, fresh, last, version, notes)
            fresh = _fresh_after(part.source, fresh)
            continue
        elif part.kind == "text":
            if _ROLE_LINE.search(part.source):
                notes.append(
                    (part.line, f"a role line inside `raw` is text here; in {TOOLS[version]} it begins a turn")
                )
            fresh = _fresh_after(part.source, fresh)
        yield part


def _fresh_after(text: str, fresh: bool) -> bool:
    line = text.rpartition("\n")
    return not line[2].strip() and (bool(line[1]) or fresh)


def _split_text(part: Part, fresh: bool, last: bool, version: int, notes: list[Note]) -> Iterator[Part]:
    """A text as texts and role lines."""
    at = 0
    for match in _ROLE_LINE.finditer(part.source):
        begins = match.start() > 0 or fresh
        ends = match[0].endswith("\n") or (last and version == 2)
        if not begins or not ends:
            continue
        line = part.line + part.source.count("\n", 0, match.start())
        role = match["role"].lower()
        attributes = match["attributes"] or ""
        if role not in ROLE_NAMES[version] or (attributes and version == 1):
            tool = f"{TOOLS[version]} {version}" if version != PROMPT_FLOW else TOOLS[version]
            note = f"`{match[0].strip()}` is text, as in {tool}; other versions begin a turn there"
            notes.append((line, note))
            continue
        yield Part("text", part.source[at : match.start()], part.line)
        yield Part("role", match[0], line, role, attributes=attributes)
        at = match.end()
    yield Part("text", part.source[at:], part.line + part.source.count("\n", 0, at))


def as_tree(parts: list[Part]) -> tuple[list[Node], list[Part]]:
    """The parts with blocks as nodes, and what is left after the first tag that ends an outer block."""
    nodes: list[Node] = []
    while parts:
        part, parts = parts[0], parts[1:]
        if part.kind in ("branch", "end"):
            return nodes, [part, *parts]
        if part.kind != "open":
            nodes.append(part)
            continue
        branches = []
        tag = part
        while True:
            inner, parts = as_tree(parts)
            branches.append((tag, inner))
            if not parts:
                raise FormatError(f"`{part.source}` has no end", line=part.line)
            tag, parts = parts[0], parts[1:]
            if tag.kind == "end":
                break
        nodes.append(Block(branches, tag))
    return nodes, []
