"""The turns of the body of a `.prompty` file, as messages or as a layout.

    turns = read_turns("system:\nBe kind.\n\nuser:\n{{ question }}", version=1)
    turns.messages   # [("system", "Be kind."), ("user", "{{ question }}")]
    turns.layout     # None; with role lines in loops or conditions: a layout with message tags

Prompty renders the body first and splits it at role lines afterwards, so a role line may stand in a loop or a
condition, and may print its role (`{{ item.role }}:`). Such a body becomes a layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jinja2 import TemplateSyntaxError

from promptlab.errors import FormatError
from promptlab.templates import JINJA_ENVIRONMENT
from promptlab.types import Role

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


@dataclass
class Turns:
    """The turns of a body: `messages`, or a `layout` if role lines stand in loops or conditions.

    `notes` has the differences to what prompty makes of the body, each with its line (from 1).
    """

    messages: list[tuple[Role, str]] = field(default_factory=list)
    layout: str | None = None
    notes: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
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
class _Block:
    """A block: its opening tag and content, each further branch with its content, and its end tag."""

    branches: list[tuple[_Part, list[_Node]]]
    end: _Part

    @property
    def line(self) -> int:
        return self.branches[0][0].line


_Node = _Part | _Block


def read_turns(body: str, *, version: int, threads: Sequence[str] = ()) -> Turns:
    """The turns of `body`, for prompty 1 or 2. `threads` are the inputs of version 2 that hold earlier messages.

    Raises `FormatError` with the line, counted in the body, if it is not Jinja, or its turns cannot be told.
    """
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    turns = Turns()
    parts = list(_with_roles(_parts(body, trim=version == PROMPT_FLOW), version, turns, threads))
    if not any(part.kind == "role" for part in parts):
        content = _stripped("".join(part.source for part in parts), version)
        if content:
            turns.messages = [("user", content)]
            turns.notes.append(
                (1, f"{TOOLS[version]} sends a body without role lines as the system message; here it is the user turn")
            )
            _edge_notes(turns, parts, version)
        return turns
    tree, rest = _tree(parts)
    if rest:
        raise FormatError("a block tag has no opening tag", line=rest[0].line)
    writer = _Writer(turns, version, threads)
    writer.level(tree, outermost=True)
    if not writer.needs_layout:
        turns.messages = [(role, text) for role, text in writer.plain if text]
    else:
        turns.layout = "".join(writer.texts)
    return turns


def _parts(body: str, *, trim: bool) -> Iterator[_Part]:
    """The body in pieces, each with its source. White space control is applied; with `trim`, that of `trim_blocks`."""
    environment = JINJA_ENVIRONMENT.overlay(trim_blocks=True) if trim else JINJA_ENVIRONMENT
    source: list[str] = []
    words: list[str] = []
    line = 1
    try:
        for at, token, value in environment.lex(body):
            if token == "data" and not source:
                yield _Part("text", value, at)
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
                    yield _Part("print", text, line, "".join(words))
                else:
                    yield _Part("text" if kind == "text" else "statement", text, line, "raw" if kind == "text" else "")
                source = []
    except TemplateSyntaxError as exc:
        raise FormatError(f"not Jinja: {exc.message}", line=exc.lineno) from exc


def _tag(text: str, words: list[str], line: int) -> _Part:
    name = words[0] if words else ""
    if name in _BLOCKS or (name == "set" and "=" not in words):
        return _Part("open", text, line, name)
    if name in ("else", "elif"):
        return _Part("branch", text, line, name)
    return _Part("end" if name.startswith("end") else "statement", text, line, name)


def _with_roles(parts: Iterable[_Part], version: int, turns: Turns, threads: Sequence[str]) -> Iterator[_Part]:
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
                    yield _Part("role", part.source + colon[0], part.line, part.name, printed=True)
                    every[at] = _Part("text", following.source[colon.end() :], following.line, following.name)
                    continue
                note = f"in {TOOLS[version]} it begins a turn if it prints a role"
                turns.notes.append((part.line, f"a line `{part.source}:` is text here; {note}"))
            fresh = False
        elif part.kind == "text" and part.name != "raw":
            last = at == len(every)
            yield from _split_text(part, fresh, last, version, turns)
            fresh = _fresh_after(part.source, fresh)
            continue
        elif part.kind == "text":
            if _ROLE_LINE.search(part.source):
                turns.notes.append(
                    (part.line, f"a role line inside `raw` is text here; in {TOOLS[version]} it begins a turn")
                )
            fresh = _fresh_after(part.source, fresh)
        yield part


def _fresh_after(text: str, fresh: bool) -> bool:
    line = text.rpartition("\n")
    return not line[2].strip() and (bool(line[1]) or fresh)


def _split_text(part: _Part, fresh: bool, last: bool, version: int, turns: Turns) -> Iterator[_Part]:
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
            turns.notes.append((line, note))
            continue
        yield _Part("text", part.source[at : match.start()], part.line)
        yield _Part("role", match[0], line, role, attributes=attributes)
        at = match.end()
    yield _Part("text", part.source[at:], part.line + part.source.count("\n", 0, at))


def _tree(parts: list[_Part]) -> tuple[list[_Node], list[_Part]]:
    """The parts with blocks as nodes, and what is left after the first tag that ends an outer block."""
    nodes: list[_Node] = []
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
            inner, parts = _tree(parts)
            branches.append((tag, inner))
            if not parts:
                raise FormatError(f"`{part.source}` has no end", line=part.line)
            tag, parts = parts[0], parts[1:]
            if tag.kind == "end":
                break
        nodes.append(_Block(branches, tag))
    return nodes, []


def _has_role(node: _Node, threads: Sequence[str]) -> bool:
    if isinstance(node, _Part):
        return node.kind == "role" or (node.kind == "print" and node.name in threads)
    return any(_has_role(inner, threads) for _, content in node.branches for inner in content)


def _source(node: _Node) -> str:
    if isinstance(node, _Part):
        return node.source
    inner = "".join(tag.source + "".join(map(_source, content)) for tag, content in node.branches)
    return inner + node.end.source


def _stripped(text: str, version: int) -> str:
    return text.strip(EDGES[version])


class _Writer:
    """Writes the turns of a tree: `texts` are the pieces of a layout, `plain` the messages if none is needed."""

    def __init__(self, turns: Turns, version: int, threads: Sequence[str]) -> None:
        self.turns, self.version, self.threads = turns, version, threads
        self.texts: list[str] = []
        self.plain: list[tuple[Role, str]] = []
        self.needs_layout = False
        self.outermost = True

    def level(self, nodes: Sequence[_Node], *, outermost: bool = False) -> None:
        """Write the nodes of one level. Text in front of the first role line of the body is the system message."""
        role: _Part | None = _Part("role", "", 1, "system") if outermost else None
        self.outermost = outermost
        content: list[_Node] = []
        for node in nodes:
            if isinstance(node, _Part) and node.kind == "role":
                self.message(role, content)
                role, content = node, []
            elif isinstance(node, _Part) and node.kind == "print" and node.name in self.threads:
                self.message(role, content)
                content = []
                self.thread(node)
            elif isinstance(node, _Block) and _has_role(node, self.threads):
                self.message(role, content)
                role, content = None, []
                self.block(node)
            else:
                content.append(node)
        self.message(role, content)

    def block(self, block: _Block) -> None:
        """A loop or condition with role lines in it."""
        first = block.branches[0][0]
        if first.name not in ("for", "if"):
            raise FormatError(f"a role line inside `{first.name}` cannot become a turn", line=first.line)
        self.needs_layout = True
        outermost = self.outermost
        for tag, content in block.branches:
            self.texts.append(tag.source)
            self.level(content)
        self.outermost = outermost
        self.texts.append(block.end.source)

    def message(self, role: _Part | None, content: Sequence[_Node]) -> None:
        """One message with this content."""
        source = "".join(map(_source, content))
        text = _stripped(source, self.version)
        if role is None:
            self._outside(content, text)
            return
        if role.attributes:
            self.turns.notes.append((role.line, f"the attributes {role.attributes} of a turn are left out"))
        if not text:
            if role.source:
                self.turns.notes.append((role.line, "an empty message is left out"))
            return
        edges = [node for node in (_edge(content), _edge(content[::-1])) if node]
        in_layout = role.printed or not self.outermost
        if any(isinstance(node, _Block) or (in_layout and node.kind == "print") for node in edges):
            strip = "trim" if self.version == 1 else 'trim("\\n")'
            text = f"{{% filter {strip} %}}{text}{{% endfilter %}}"
        else:
            _edge_notes(self.turns, content, self.version)
        if role.printed:
            self._printed_role(role, text)
            return
        own = ROLE_NAMES[self.version][role.name]
        if own is None:
            self.turns.notes.append((role.line, f"a turn of the role `{role.name}` is left out"))
            return
        if own != role.name:
            self.turns.notes.append((role.line, f"the role `{role.name}` is `{own}` here"))
        self.plain.append((own, text))
        self.texts.append(f"{{% {own} %}}{text}{{% end{own} %}}\n")

    def _outside(self, content: Sequence[_Node], text: str) -> None:
        """Content outside of every message: statements and white space only."""
        if _only_statements(content):
            self.texts.append(text)
            return
        begun = next(node for node in content if _source(node).strip() and not _only_statements([node]))
        source = _source(begun)
        line = begun.line + source[: len(source) - len(source.lstrip())].count("\n")
        raise FormatError(
            "a turn goes on across the beginning or end of a loop or condition, which a layout cannot say",
            line=line,
            hint="end the turn inside the block, or begin a new turn with a role line after it",
        )

    def _printed_role(self, role: _Part, text: str) -> None:
        """A message whose role is printed. A role that prompty does not know stays text, in a user turn."""
        self.needs_layout = True
        which = f"({role.name})|string|lower|trim"
        for number, (name, own) in enumerate(ROLE_NAMES[self.version].items()):
            if own is None:
                continue
            word = "elif" if number else "if"
            self.texts.append(f'{{% {word} {which} == "{name}" %}}{{% {own} %}}{text}{{% end{own} %}}')
        self.texts.append(f"{{% else %}}{{% user %}}{role.source}{text}{{% enduser %}}{{% endif %}}\n")

    def thread(self, node: _Part) -> None:
        """The earlier messages in an input of the kind `thread`."""
        self.needs_layout = True
        self.texts.append(f"{{% for message in {node.name} %}}")
        self._printed_role(_Part("role", "", node.line, "message.role", printed=True), "{{ message.content }}")
        self.texts.append("{% endfor %}\n")


def _only_statements(content: Sequence[_Node]) -> bool:
    return all(
        isinstance(node, _Part) and (node.kind == "statement" or (node.kind == "text" and not node.source.strip()))
        for node in content
    )


def _edge(content: Sequence[_Node]) -> _Node | None:
    """The first node that makes text."""
    for node in content:
        if isinstance(node, _Block) or node.kind == "print" or (node.kind == "text" and node.source.strip()):
            return node
    return None


def _edge_notes(turns: Turns, content: Sequence[_Node], version: int) -> None:
    for node in (_edge(content), _edge(content[::-1])):
        if isinstance(node, _Part) and node.kind == "print":
            stripped = "newlines" if version == 2 else "white space"
            note = f"{TOOLS[version]} removes it from the ends of a message"
            turns.notes.append((node.line, f"{stripped} at the ends of {node.source} stays; {note}"))


__all__ = ["EDGES", "ROLE_NAMES", "Turns", "read_turns"]
