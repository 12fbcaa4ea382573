"""The turns of the body of a `.prompty` file, as messages or as a layout.

    turns = read_turns("system:\nBe kind.\n\nuser:\n{{ question }}", version=1)
    turns.messages   # [("system", "Be kind."), ("user", "{{ question }}")]
    turns.layout     # None; with role lines in loops or conditions: a layout with message tags

Prompty renders the body first and splits it at role lines afterwards, so a role line may stand in a loop or a
condition, and may print its role (`{{ item.role }}:`). Such a body becomes a layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from promptlab.errors import FormatError
from promptlab.formats._role_lines import (
    EDGES,
    PROMPT_FLOW,
    ROLE_NAMES,
    TOOLS,
    Block,
    Node,
    Note,
    Part,
    as_tree,
    read_parts,
    with_role_lines,
)
from promptlab.types import Role


@dataclass
class Turns:
    """The turns of a body: `messages`, or a `layout` if role lines stand in loops or conditions.

    `notes` has the differences to what prompty makes of the body, each with its line (from 1).
    """

    messages: list[tuple[Role, str]] = field(default_factory=list)
    layout: str | None = None
    notes: list[Note] = field(default_factory=list)


def read_turns(body: str, *, version: int, threads: Sequence[str] = ()) -> Turns:
    """The turns of `body`, for prompty 1 or 2. `threads` are the inputs of version 2 that hold earlier messages.

    Raises `FormatError` with the line, counted in the body, if it is not Jinja, or its turns cannot be told.
    """
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    turns = Turns()
    parts = list(with_role_lines(read_parts(body, trim=version == PROMPT_FLOW), version, turns.notes, threads))
    if not any(part.kind == "role" for part in parts):
        content = _stripped("".join(part.source for part in parts), version)
        if content:
            turns.messages = [("user", content)]
            turns.notes.append(
                (1, f"{TOOLS[version]} sends a body without role lines as the system message; here it is the user turn")
            )
            _edge_notes(turns, parts, version)
        return turns
    tree, rest = as_tree(parts)
    if rest:
        raise FormatError("a block tag has no opening tag", line=rest[0].line)
    writer = _Writer(turns, version, threads)
    writer.level(tree, outermost=True)
    if not writer.needs_layout:
        turns.messages = [(role, text) for role, text in writer.plain if text]
    else:
        turns.layout = "".join(writer.texts)
    return turns


def _has_role(node: Node, threads: Sequence[str]) -> bool:
    if isinstance(node, Part):
        return node.kind == "role" or (node.kind == "print" and node.name in threads)
    return any(_has_role(inner, threads) for _, content in node.branches for inner in content)


def _source(node: Node) -> str:
    if isinstance(node, Part):
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

    def level(self, nodes: Sequence[Node], *, outermost: bool = False) -> None:
        """Write the nodes of one level. Text in front of the first role line of the body is the system message."""
        role: Part | None = Part("role", "", 1, "system") if outermost else None
        self.outermost = outermost
        content: list[Node] = []
        for node in nodes:
            if isinstance(node, Part) and node.kind == "role":
                self.message(role, content)
                role, content = node, []
            elif isinstance(node, Part) and node.kind == "print" and node.name in self.threads:
                self.message(role, content)
                content = []
                self.thread(node)
            elif isinstance(node, Block) and _has_role(node, self.threads):
                self.message(role, content)
                role, content = None, []
                self.block(node)
            else:
                content.append(node)
        self.message(role, content)

    def block(self, block: Block) -> None:
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

    def message(self, role: Part | None, content: Sequence[Node]) -> None:
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
        if any(isinstance(node, Block) or (in_layout and node.kind == "print") for node in edges):
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

    def _outside(self, content: Sequence[Node], text: str) -> None:
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

    def _printed_role(self, role: Part, text: str) -> None:
        """A message whose role is printed. A role that prompty does not know stays text, in a user turn."""
        self.needs_layout = True
        which = f"({role.name})|string|lower|trim"
        for number, (name, own) in enumerate(ROLE_NAMES[self.version].items()):
            if own is None:
                continue
            word = "elif" if number else "if"
            self.texts.append(f'{{% {word} {which} == "{name}" %}}{{% {own} %}}{text}{{% end{own} %}}')
        self.texts.append(f"{{% else %}}{{% user %}}{role.source}{text}{{% enduser %}}{{% endif %}}\n")

    def thread(self, node: Part) -> None:
        """The earlier messages in an input of the kind `thread`."""
        self.needs_layout = True
        self.texts.append(f"{{% for message in {node.name} %}}")
        self._printed_role(Part("role", "", node.line, "message.role", printed=True), "{{ message.content }}")
        self.texts.append("{% endfor %}\n")


def _only_statements(content: Sequence[Node]) -> bool:
    return all(
        isinstance(node, Part) and (node.kind == "statement" or (node.kind == "text" and not node.source.strip()))
        for node in content
    )


def _edge(content: Sequence[Node]) -> Node | None:
    """The first node that makes text."""
    for node in content:
        if isinstance(node, Block) or node.kind == "print" or (node.kind == "text" and node.source.strip()):
            return node
    return None


def _edge_notes(turns: Turns, content: Sequence[Node], version: int) -> None:
    for node in (_edge(content), _edge(content[::-1])):
        if isinstance(node, Part) and node.kind == "print":
            stripped = "newlines" if version == 2 else "white space"
            note = f"{TOOLS[version]} removes it from the ends of a message"
            turns.notes.append((node.line, f"{stripped} at the ends of {node.source} stays; {note}"))


__all__ = ["PROMPT_FLOW", "Turns", "read_turns"]
