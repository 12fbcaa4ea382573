"""Writes Handlebars of dotprompt as Jinja that prints the same, and its `{{role}}` tags as messages.

    writer = Writer(Scopes(draft.own_name, schema))
    writer.messages(parse_handlebars('{{role "system"}}Be kind.{{role "user"}}{{q}}'))

What cannot be said in Jinja raises `FormatError` with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from promptlab.errors import FormatError
from promptlab.formats._handlebars_nodes import Block, Node, Note, Print, Text
from promptlab.formats._handlebars_values import HELPERS, Scope, Scopes, Value, is_path
from promptlab.formats._template_builder import ROLES
from promptlab.templates import escape_jinja
from promptlab.types import Role

_ROLE = re.compile(r"role\s+(?:\"(?P<two>[^\"]*)\"|'(?P<one>[^']*)'|(?P<path>[^\s\"']+))\Z")
_CALL = re.compile(r"(?P<name>[\w.@/\[\]-]+)(?:\s+(?P<rest>.*))?\Z", re.DOTALL)
_BLOCK_NAMES = re.compile(r"\s+as\s+\|(?P<names>[^|]*)\|\Z")
_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|(\S+)")
_LITERAL = re.compile(r"with\s+\"(?P<text>[^\"]+)\"\Z")
HISTORY = "history"


@dataclass
class Message:
    """A message: its role (or the Jinja of one), and its text in Jinja; `raw` is Jinja between messages."""

    role: Role | None
    text: str
    dynamic: str = ""
    raw: bool = False


@dataclass
class Writer:
    """Writes nodes. `used` are names that loops must not take."""

    scopes: Scopes
    used: set[str] = field(default_factory=set)

    # text

    def text(self, nodes: Sequence[Node]) -> str:
        """The Jinja of nodes without role tags."""
        parts: list[str] = []
        plain = ""
        for node in nodes:
            if isinstance(node, Text):
                plain += node.text
            elif isinstance(node, Print):
                parts += [escape_jinja(plain), self._print(node)]
                plain = ""
            elif isinstance(node, Block):
                parts += [escape_jinja(plain), self._block(node, self.text)]
                plain = ""
        return "".join([*parts, escape_jinja(plain)])

    def _print(self, node: Print) -> str:
        if is_path(node.code):
            return self.scopes.printed(node.code, node.line)
        match = _CALL.match(node.code)
        if match and match["name"] == "json" and match["rest"] and is_path(match["rest"]):
            value = self.scopes.value(match["rest"], node.line)
            if value.type == "string":
                return f"{{{{ {value.jinja}|tojson }}}}"
            raise FormatError(f"`{{{{{node.code}}}}}` writes JSON of what is no text in another form", line=node.line)
        name = match["name"] if match else node.code[:30]
        what = "is a helper of dotprompt that has no place here" if name in HELPERS else "calls a helper"
        raise FormatError(f"`{{{{{node.code}}}}}` {what}", line=node.line)

    def _block(self, node: Block, write: Callable[[Sequence[Node]], str]) -> str:
        match = _CALL.match(node.code)
        name, rest = (match["name"], (match["rest"] or "").strip()) if match else ("", "")
        otherwise = "" if node.inverse is None else write(node.inverse)
        if name in ("if", "unless", "ifEquals", "unlessEquals"):
            test = self._test(name, rest, node.line)
            other = f"{{% else %}}{otherwise}" if node.inverse is not None else ""
            return f"{{% if {test} %}}{write(node.program)}{other}{{% endif %}}"
        literal = _LITERAL.match(node.code)
        if literal and [getattr(inner, "code", "") for inner in node.program] == ["this"]:
            return escape_jinja(literal["text"])
        names: list[str] = []
        if parameters := _BLOCK_NAMES.search(" " + rest):
            names, rest = parameters["names"].split(), (" " + rest)[: parameters.start()].strip()
        if name not in ("each", "with") or not is_path(rest):
            raise FormatError(f"`{{{{#{node.code}}}}}` is a block that is not known here", line=node.line)
        other = f"{{% else %}}{otherwise}" if node.inverse is not None else ""
        if name == "with":
            value = self.scopes.value(rest, node.line)
            test = self.scopes.condition(rest, node.line)
            if not value.type:
                test = f"({test} is mapping or {test})" if " is mapping" not in test else test
            self.scopes.stack.append(Scope(value, names=dict.fromkeys(names[:1], value)))
            text = write(node.program)
            self.scopes.stack.pop()
            return f"{{% if {test} %}}{text}{other}{{% endif %}}"
        head, scope = self._loop(rest, names, node.line)
        self.scopes.stack.append(scope)
        text = write(node.program)
        self.scopes.stack.pop()
        return f"{head}{text}{other}{{% endfor %}}"

    def _loop(self, path: str, names: Sequence[str], line: int) -> tuple[str, Scope]:
        value = self.scopes.value(path, line)
        if value.type in ("string", "number", "integer", "boolean"):
            raise FormatError(f"`{{{{#each {path}}}}}` goes over what the schema says is no list", line=line)
        items = value.schema.get("items") if value.type != "object" else value.schema.get("additionalProperties")
        item = Value(self._free("item"), items if isinstance(items, dict) else {})
        key = self._free("key") if value.type == "object" else ""
        code = f"{value.jinja}|default({'{}' if key else '[]'})" if value.missing else value.jinja
        of = f"({code}).items()" if key and value.missing else f"{code}.items()" if key else code
        head = f"{{% for {key + ', ' if key else ''}{item.jinja} in {of} %}}"
        own = dict(
            zip(names, (item, Value(key or "loop.index0", {"type": "string" if key else "integer"})), strict=False)
        )
        return head, Scope(item, True, key, own)

    def _free(self, base: str) -> str:
        number, name = 2, base
        while name in self.used:
            name, number = f"{base}_{number}", number + 1
        self.used.add(name)
        return name

    def _test(self, name: str, rest: str, line: int) -> str:
        if name in ("if", "unless"):
            if not is_path(rest):
                raise FormatError(f"`{{{{#{name} {rest}}}}}` is a condition that is not known here", line=line)
            test = self.scopes.condition(rest, line)
            return test if name == "if" else f"not ({test})"
        words = list(_WORD.finditer(rest))
        if len(words) != 2:
            raise FormatError(f"`{{{{#{name} {rest}}}}}` needs two values", line=line)
        sides = []
        for word in words:
            text = word[1] if word[1] is not None else word[2]
            if text is not None:
                sides.append(Value(_quoted(text), {"type": "string"}))
            elif re.fullmatch(r"-?\d+|true|false", word[3]):
                sides.append(Value(word[3], {"type": "boolean" if word[3] in ("true", "false") else "integer"}))
            else:
                sides.append(self.scopes.value(word[3], line))
        kinds = {side.type.replace("number", "integer") for side in sides} - {""}
        if len(kinds) > 1 or kinds & {"object", "array"}:
            raise FormatError(f"`{{{{#{name} {rest}}}}}` compares values of two kinds", line=line)
        first, second = (f'{side.jinja}|default("")' if side.missing else side.jinja for side in sides)
        return f"{first} {'==' if name == 'ifEquals' else '!='} {second}"

    # messages

    def messages(self, nodes: Sequence[Node]) -> list[Message]:
        """The messages of a prompt, with Jinja between them where role tags are in blocks."""
        messages = self._messages(nodes, Message("user", ""), "")
        return [m for m in messages if m.raw or m.text.strip(_SPACES)]

    def _messages(self, nodes: Sequence[Node], start: Message | None, tail: str) -> list[Message]:
        """The messages of `nodes`. Text before the first role tag is part of `start`; None: there may be none.

        `tail` is white space after the block of these nodes, which is part of their last message.
        """
        done: list[Message] = []
        now = start
        for number, node in enumerate(nodes):
            if isinstance(node, Print) and _is_helper(node.code, "role"):
                done += [now] if now else []
                now = self._role(node)
            elif isinstance(node, Print) and node.code == HISTORY:
                done += [now] if now else []
                done.append(Message(None, _history(self.scopes.own_name(HISTORY)), raw=True))
                now = Message("assistant", "")
            elif isinstance(node, Block) and has_roles(node):
                after = nodes[number + 1] if number + 1 < len(nodes) else None
                space = after.text if isinstance(after, Text) and not after.text.strip(_SPACES) else ""
                if now is not None and space and now.text and node.inverse is None:
                    now.text += self._if_nothing(node, space)
                elif space and now is None and done:
                    raise FormatError("white space after a block with role tags belongs to no message", line=node.line)
                done += [now] if now else []
                now = None
                done.append(Message(None, self._role_block(node, space), raw=True))
            elif now is None:
                if not isinstance(node, Note) and (not isinstance(node, Text) or node.text.strip(_SPACES)):
                    raise FormatError(
                        "text after a block with role tags, or before one in it, has no role", line=node.line
                    )
                before = nodes[number - 1] if number else None
                if isinstance(node, Text) and node.text and not (isinstance(before, Block) and has_roles(before)):
                    raise FormatError("white space before a role tag in a block belongs to no message", line=node.line)
            else:
                now.text += self.text([node])
        if tail:
            if now is None:
                raise FormatError("white space after nested blocks with role tags belongs to no message")
            now.text += tail
        return [*done, now] if now else done

    def _role_block(self, node: Block, space: str) -> str:
        name = node.code.split()[0]
        escaped = escape_jinja(space)
        tail = f"{{% if loop.last %}}{escaped}{{% endif %}}" if name == "each" and space else escaped

        def write(nodes: Sequence[Node]) -> str:
            inner = tail if nodes is node.program else escaped
            if nodes is node.inverse and node.chained and isinstance(nodes[0], Block) and has_roles(nodes[0]):
                return self._role_block(nodes[0], space)
            return as_layout([m for m in self._messages(nodes, None, inner) if m.raw or m.text.strip(_SPACES)])

        return self._block(node, write)

    def _if_nothing(self, node: Block, space: str) -> str:
        """White space that ends the message before a block if nothing in the block is sent."""
        name, _, rest = node.code.partition(" ")
        if name == "each":
            value = self.scopes.value(_BLOCK_NAMES.sub("", rest).strip(), node.line)
            code = f"{value.jinja}|default([])" if value.missing else value.jinja
            return f"{{% if not {code} %}}{escape_jinja(space)}{{% endif %}}"
        if name == "with":
            return f"{{% if not {self.scopes.condition(rest.strip(), node.line)} %}}{escape_jinja(space)}{{% endif %}}"
        return f"{{% if not ({self._test(name, rest.strip(), node.line)}) %}}{escape_jinja(space)}{{% endif %}}"

    def _role(self, node: Print) -> Message:
        match = _ROLE.match(node.code)
        if match is None:
            raise FormatError(f"`{{{{{node.code}}}}}` is no role", line=node.line)
        if match["path"]:
            return Message(None, "", dynamic=self.scopes.value(match["path"], node.line).jinja)
        word = match["two"] if match["two"] is not None else match["one"]
        role = ROLES.get(word) if word in ("system", "user", "model", "assistant") else None
        if role is None:
            raise FormatError(f"the role `{word}` is none of the system, the user and the model", line=node.line)
        return Message(role, "")


_SPACES = " \t\n\r\v\f\u00a0\ufeff\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""The white space of JavaScript."""


def trimmed(text: str) -> str:
    """`text` without white space at its ends, as JavaScript's `trim` does it."""
    return text.strip(_SPACES)


def has_roles(node: Node) -> bool:
    """True if a block has role or history tags."""
    if isinstance(node, Print):
        return _is_helper(node.code, "role") or node.code == HISTORY
    return isinstance(node, Block) and any(has_roles(inner) for inner in (*node.program, *(node.inverse or ())))


def _is_helper(code: str, name: str) -> bool:
    return code == name or code.startswith((name + " ", name + "\n"))


def as_layout(messages: Sequence[Message]) -> str:
    """The messages as a layout with message tags."""
    return "".join(m.text if m.raw else _tags(m) for m in messages)


def _tags(message: Message) -> str:
    if not message.dynamic:
        return f"{{% {message.role} %}}{message.text}{{% end{message.role} %}}"
    turns = {role: f"{{% {role} %}}{message.text}{{% end{role} %}}" for role in ("system", "assistant", "user")}
    role = message.dynamic
    return (
        f'{{% if {role} == "system" %}}{turns["system"]}{{% elif {role} in ["model", "assistant"] %}}'
        f"{turns['assistant']}{{% else %}}{turns['user']}{{% endif %}}"
    )


def _history(name: str) -> str:
    """The messages of the list `name`."""
    return (
        f'{{% for message in {name} %}}{{% if message.role == "system" %}}{{% system %}}{{{{ message.content }}}}'
        '{% endsystem %}{% elif message.role in ["model", "assistant"] %}{% assistant %}{{ message.content }}'
        "{% endassistant %}{% else %}{% user %}{{ message.content }}{% enduser %}{% endif %}{% endfor %}"
    )


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
