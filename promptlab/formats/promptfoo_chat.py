"""Chats that promptfoo has as text: JSON or YAML with tags in it, such as a loop over earlier turns.

    [
      {"role": "system", "content": "You are a clerk."},
      {% for m in history %}{"role": "{{ m.role }}", "content": {{ m.text | dump }}},{% endfor %}
      {"role": "user", "content": "{{ question }}"}
    ]

The tags are replaced by marks, what is between them is read as JSON or YAML, and the messages get their tags back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from promptlab._yaml import parse_yaml
from promptlab.errors import FormatError
from promptlab.formats._js_values import UNDEFINED, NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_jinja import JinjaWriter
from promptlab.formats._nunjucks_lexer import Piece
from promptlab.formats._nunjucks_operators import inner, literal
from promptlab.formats._nunjucks_parse import Branch, Comment, For, If, Node, Print, Set, Text
from promptlab.formats._source import plain_data
from promptlab.formats._template_builder import ROLES
from promptlab.formats.promptfoo_render import content_text, is_chat

MARK = re.compile("\ue000(\\d+)\ue001")


@dataclass(eq=False)
class MessageNode:
    """A message: its role, a word or an expression that is printed, and the nodes of its text."""

    role: str | Print
    content: list[Node]


def chat_nodes(nodes: Sequence[Node], raw: str) -> list[Any] | None:
    """The nodes of a chat with `MessageNode`s in place of text; None if the text is no chat."""
    start = raw.lstrip()
    if start.startswith("- role:") or re.match(r"(\{%.*?%\}\s*)+- role:", start):
        return _Reader("yaml").read(nodes)
    if re.match(r"(\{%.*?%\}\s*)*\[\s*(\{%.*?%\}\s*)*\{\s*\"", start) and re.search(r'"role"\s*:', raw):
        return _Reader("json").read(nodes)
    return None


def dumped_chat(nodes: Sequence[Node], seen: dict[Expr, list[Any]]) -> list[Any] | None:
    """The nodes of a chat that is one list of messages, `{{ messages | dump }}`; None if the text is none."""
    shown = [node for node in nodes if not isinstance(node, Text) or node.text.strip()]
    if len(shown) != 1 or not isinstance(shown[0], Print) or shown[0].value.op != "filter":
        return None
    filtered = shown[0].value
    chats = seen.get(filtered.args[0], [])
    if filtered.value[0] != "dump" or not chats or not all(is_chat(chat) for chat in chats):
        return None
    piece = Piece("tag", "{%  %}", shown[0].piece.line)
    parts: list[Print] = []
    for key in ("role", "content"):
        part = Expr("get", (Expr("name", value="message"), Expr("lit", value=key)))
        seen[part.args[0]] = [message for chat in chats for message in chat]
        seen[part] = [message.get(key, UNDEFINED) for chat in chats for message in chat]
        parts.append(Print(Piece("print", "{{  }}", piece.line), part))
    return [For(piece, ("message",), filtered.args[0], [MessageNode(parts[0], [parts[1]])], piece)]  # type: ignore[list-item]  # the chat writer writes it


class _Reader:
    def __init__(self, syntax: str) -> None:
        self.syntax = syntax
        self.marked: list[Node] = []
        self.text = ""

    def read(self, nodes: Sequence[Node]) -> list[Any]:
        out: list[Any] = []
        for node in nodes:
            if isinstance(node, Text):
                self.text += node.text
            elif isinstance(node, Comment):
                continue
            elif isinstance(node, If | For | Set) and self._is_between(node):
                out += self._flush()
                out.append(self._around(node))
            else:
                self._mark(node)
        return [*out, *self._flush()]

    def _is_between(self, node: Node) -> bool:
        """True if the tag stands between messages, and not in the text of one."""
        if self.syntax == "json":
            return not _in_string(self.text)
        return isinstance(node, Set) or "role:" in "".join(_all_text(node))

    def _around(self, node: If | For | Set) -> Any:
        if isinstance(node, Set):
            return node
        if isinstance(node, For):
            other = node.otherwise
            return replace(
                node,
                body=self.read(node.body),
                otherwise=replace(other, body=self.read(other.body)) if other else None,
            )
        return replace(node, branches=[replace(branch, body=self.read(branch.body)) for branch in node.branches])

    def _mark(self, node: Node) -> None:
        mark = f"\ue000{len(self.marked)}\ue001"
        if self.syntax == "json" and not _in_string(self.text):
            if not isinstance(node, Print) or node.value.op != "filter" or node.value.value[0] != "dump":
                raise NotModelled(f"line {_line(node)}: a value of the JSON that is not written by `dump`")
            node = replace(node, value=node.value.args[0])
            mark = f'"{mark}"'
        elif self.syntax == "json":
            node = _unescaped(node)
        self.marked.append(node)
        self.text += mark

    def _flush(self) -> list[MessageNode]:
        text, self.text = self.text, ""
        return [self._message(message) for message in (_json(text) if self.syntax == "json" else _yaml(text))]

    def _message(self, message: Any) -> MessageNode:
        if not isinstance(message, Mapping) or "role" not in message:
            raise NotModelled("a part of the chat that is no message with a role")
        extra = sorted(set(message) - {"role", "content", "parts"})
        if extra:
            raise NotModelled(f"a message with `{extra[0]}`")
        role = self._nodes(str(message["role"]))
        if len(role) == 1 and isinstance(role[0], Print):
            return MessageNode(role[0], self._nodes(content_text(message)))
        word = message["role"]
        if word not in ROLES:
            raise NotModelled(f"a message with the role `{word}`")
        return MessageNode(ROLES[word], self._nodes(content_text(message)))

    def _nodes(self, text: str) -> list[Node]:
        nodes: list[Node] = []
        at = 0
        for match in MARK.finditer(text):
            if match.start() > at:
                nodes.append(_text(text[at : match.start()]))
            nodes.append(self.marked[int(match[1])])
            at = match.end()
        return [*nodes, _text(text[at:])] if at < len(text) else nodes


def _text(text: str) -> Text:
    return Text(text, text, 0)


def _line(node: Any) -> int:
    return int(node.piece.line) if hasattr(node, "piece") else 0


def _in_string(text: str) -> bool:
    return bool(len(re.findall(r'"', re.sub(r"\\.", "", text, flags=re.DOTALL))) % 2)


def _json(text: str) -> list[Any]:
    """The messages in a part of a JSON list, which may begin or end in the middle of the list."""
    bare = text.strip().strip(",").strip()
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", bare, flags=re.DOTALL)
    if bare.startswith("["):
        bare = bare[1:]
        if outside.count("[") <= outside.count("]"):
            bare = bare.removesuffix("]")
    elif outside.count("]") > outside.count("["):
        bare = bare.removesuffix("]")
    bare = bare.strip().strip(",").strip()
    try:
        messages = json.loads(f"[{bare}]")
    except ValueError as exc:
        raise NotModelled("its JSON cannot be read with the tags in it") from exc
    return list(messages)


def _yaml(text: str) -> list[Any]:
    if not text.strip():
        return []
    try:
        messages = plain_data(parse_yaml(text, shown="prompt", error=FormatError).data, "prompt")
    except FormatError as exc:
        raise NotModelled("its YAML cannot be read with the tags in it") from exc
    if not isinstance(messages, list):
        raise NotModelled("its YAML is no list of messages")
    return messages


def _all_text(node: Any) -> list[str]:
    if isinstance(node, Text):
        return [node.source]
    bodies = [branch.body for branch in node.branches] if isinstance(node, If) else [getattr(node, "body", [])]
    return [text for body in bodies for inside in body for text in _all_text(inside)]


def _unescaped(node: Any) -> Any:
    """The node with its texts as the JSON around it means them."""
    if isinstance(node, Text):
        try:
            text = str(json.loads(f'"{node.text}"', strict=False))
        except ValueError as exc:
            raise NotModelled("text in the JSON that is not valid there") from exc
        return Text(text, text, node.line, node.raw)
    if isinstance(node, If):
        return replace(node, branches=[_unescaped(branch) for branch in node.branches])
    if isinstance(node, Branch | For):
        return replace(node, body=[_unescaped(inside) for inside in node.body])
    return node


class ChatWriter(JinjaWriter):
    """Writes a chat as a layout with message tags."""

    def _node(self, node: Any) -> str:
        if not isinstance(node, MessageNode):
            return super()._node(node)
        for part in node.content:
            if isinstance(part, Print) and self.kinds(part.value) - {"str", "num", "bool", "undef"}:
                raise NotModelled("a message whose text is a list, an object or null")
        content = self.text(node.content)
        if isinstance(node.role, str):
            return f"{{% {node.role} %}}{content}{{% end{node.role} %}}\n"
        role = inner(self.value(node.role.value))
        self.note("a role that a value gives becomes a choice of message tags")
        parts = []
        for number, own in enumerate(("system", "user", "assistant")):
            names = ", ".join(literal(word) for word, role_ in ROLES.items() if role_ == own)
            parts.append(
                f"{{% {'elif' if number else 'if'} {role} in [{names}] %}}{{% {own} %}}{content}{{% end{own} %}}"
            )
        # A role that is none of them is text outside of the messages, which is an error.
        return "".join(parts) + f"{{% else %}}{{{{ {role} }}}}{{% endif %}}\n"
