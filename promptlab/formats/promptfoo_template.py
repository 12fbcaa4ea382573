"""Makes a template of one prompt of promptfoo, and compares it with what promptfoo makes of the same prompt and tests.

    built = build_template(PromptSpec("greeting", "Dear {{name}},"), [{"name": "Ada"}], draft, path)
    built.text            # the template file
    built.inputs[0]       # {"name": "Ada"}: the inputs of the first test
    built.problems        # the tests that do not render the same, with the reason

Every test is rendered twice, as promptfoo does (`promptfoo_render`) and as a template; the messages must be the same to
the character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab import templates
from promptlab.errors import FormatError, TemplateError
from promptlab.formats import _js_values as js
from promptlab.formats._js_values import UNDEFINED, NotModelled
from promptlab.formats._nunjucks_expressions import Expr
from promptlab.formats._nunjucks_jinja import JinjaWriter, Variables
from promptlab.formats._nunjucks_parse import Node
from promptlab.formats._nunjucks_usage import usage
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._template_builder import ROLES, Draft
from promptlab.formats.promptfoo_chat import ChatWriter, chat_nodes, dumped_chat
from promptlab.formats.promptfoo_render import PromptText, Rendered, content_text, is_chat
from promptlab.templates import JINJA_ENVIRONMENT
from promptlab.types import Role

MAX_COMPARED = 3_000


@dataclass(frozen=True)
class PromptSpec:
    """A prompt as the configuration has it: its name, its text, and the variables of the environment."""

    name: str
    raw: str
    env: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class BuiltTemplate:
    """A template file, the inputs of each test, and what is to be said about both."""

    text: str
    inputs: list[dict[str, Any] | None]
    notes: list[str]
    problems: dict[int, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    messages: list[tuple[Role, str]] = field(default_factory=list)


def build_template(spec: PromptSpec, cases: Sequence[Mapping[str, Any]], draft: Draft, path: str) -> BuiltTemplate:
    """The template of a prompt. Raises `FormatError` if no test renders the same, or if it cannot be translated."""
    try:
        return _Builder(spec, cases, draft, path).built()
    except NotModelled as exc:
        raise FormatError(str(exc)) from exc


class _Builder:
    def __init__(self, spec: PromptSpec, cases: Sequence[Mapping[str, Any]], draft: Draft, path: str) -> None:
        self.spec, self.draft, self.path = spec, draft, path
        self.cases = [js.js_value(case) for case in cases][:MAX_COMPARED] or [{}]
        self.prompt = PromptText(spec.raw)
        self.seen: dict[Expr, list[Any]] = {}
        self.problems: dict[int, str] = {}
        self.renamed: dict[str, str] = {}
        self.environment: dict[str, str] = {}
        self.notes: list[str] = []

    def built(self) -> BuiltTemplate:
        rendered = [self._rendered(number, case) for number, case in enumerate(self.cases)]
        if not any(each and each.messages is not None for each in rendered):
            raise NotModelled(next(iter(self.problems.values())))
        nodes = [*self.prompt.nodes, *(node for inner in self.prompt.inner.values() for node in inner)]
        self.usage = usage(nodes, {name for case in self.cases for name in case})
        self._plan(rendered)
        messages = self._messages()
        text = self.draft.text(self.path)
        inputs = [None if each is None else self._inputs(each.variables) for each in rendered]
        self._compare(text, rendered, inputs)
        if self.renamed:
            self.notes += [f"`{old}` is the input `{new}` here" for old, new in self.renamed.items()]
        unset = [name for name in self.kinds if self.kinds[name] == {"undef"}]
        return BuiltTemplate(text, inputs, self.notes, self.problems, unset, messages)

    def _rendered(self, number: int, case: Mapping[str, Any]) -> Rendered | None:
        try:
            made = self.prompt.rendered(case, self.spec.env, self.seen)
        except NotModelled as exc:
            self.problems[number] = str(exc)
            return None
        if made.messages is None:
            self.problems[number] = f"{made.problem}: promptlab has messages of text"
        return made

    # variables

    def _plan(self, rendered: Sequence[Rendered | None]) -> None:
        """Decide the type of each variable, the value that stands for a missing one, and its name as an input."""
        rows = [each.variables for each in rendered if each is not None]
        self.values = {name: [row.get(name, UNDEFINED) for row in rows] for name in sorted(self.usage.free)}
        self.kinds: dict[str, set[str]] = {}
        self.empty: dict[str, Any] = {}
        self.convert: dict[str, Callable[[Any], Any]] = {}
        for name, values in self.values.items():
            kinds = {js.kind_of(value) for value in values} or {"undef"}
            known = kinds - {"undef", "null"}
            missing = kinds - known
            if len(known) > 1 or (missing and known & {"num", "bool"}):
                if known & {"list", "obj"} and name in self.usage.worked:
                    raise NotModelled(
                        f"`{name}` has values of different kinds in the tests: {', '.join(sorted(known))}"
                    )
                self.convert[name] = js.js_text
                kinds = {"str"} | missing
                self.notes.append(f"the values of `{name}` are text here, because they differ in kind")
            if missing:
                otherwise = self.usage.empty.get(name, "") if not known else {"list": [], "obj": {}}.get(min(known), "")
                self.empty[name] = otherwise
            self.kinds[name] = kinds
        for name in self.usage.free:
            self.draft.inputs[self._own(name)] = self._input(name)

    def _input(self, name: str) -> dict[str, Any]:
        first = next((value for value in self.values[name] if value is not None and value is not UNDEFINED), None)
        empty = self.empty.get(name)
        sample = None if first is None else self._value(name, first)
        spec: dict[str, Any] = {"type": input_type_of(empty if sample is None else sample)}
        known = {} if sample is None else {"sample": sample}
        return spec | known | ({"default": empty, "unset": True} if name in self.empty else {})

    def _value(self, name: str, value: Any) -> Any:
        if value is None or value is UNDEFINED:
            return self.empty[name]
        if name in self.convert:
            return self.convert[name](value)
        _check_numbers(name, value)
        return value

    def _own(self, name: str) -> str:
        if name in self.renamed:
            return self.renamed[name]
        if name in JINJA_ENVIRONMENT.globals:  # an input of this name would hide a function of Jinja
            own = f"{name}_value"
            while own in self.usage.free:
                own += "_"
        else:
            own = self.draft.own_name(name)
        if own != name:
            self.renamed[name] = own
        return own

    def _of_environment(self, name: str) -> str:
        own = f"env_{re.sub(r'[^0-9A-Za-z_]', '_', name)}"
        value = self.spec.env.get(name, "")
        if not isinstance(value, str):
            raise NotModelled(f"the environment variable `{name}` is no text")
        self.draft.inputs[own] = {"type": "string", "default": value, "unset": True}
        if name not in self.environment:
            self.environment[name] = own
            self.notes.append(f"the environment variable `{name}` is the input `{own}`, empty unless you set it")
        return own

    def _inputs(self, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a test; those that it does not set are left to their default."""
        given = {name: variables.get(name, UNDEFINED) for name in self.usage.free}
        return {
            self._own(name): self._value(name, value)
            for name, value in sorted(given.items())
            if value is not None and value is not UNDEFINED
        }

    # messages

    def _writer(self, writer: type[JinjaWriter]) -> JinjaWriter:
        return writer(self.seen, Variables(self.kinds, self.empty, self._own, self._of_environment))

    def _messages(self) -> list[tuple[Role, str]]:
        """Set the messages of the draft."""
        if self.prompt.is_json and is_chat(self.prompt.data):
            return self._set([(role, self._written(nodes)) for role, nodes in self._chat_of_json()])
        if self.prompt.is_json:
            raise NotModelled("JSON that is no list of messages")
        chat = None if self.prompt.wrapped else chat_nodes(self.prompt.nodes, self.spec.raw)
        chat = chat if chat is not None or self.prompt.wrapped else dumped_chat(self.prompt.nodes, self.seen)
        if chat is None:
            return self._set([("user", self._written(self.prompt.nodes))])
        chat_writer = self._writer(ChatWriter)
        layout = chat_writer.whole(chat)
        self._say(chat_writer)
        plain = re.findall(r"\{% (system|user|assistant) %\}(.*?)\{% end\1 %\}\n", layout, flags=re.DOTALL)
        if "".join(f"{{% {role} %}}{text}{{% end{role} %}}\n" for role, text in plain) == layout:
            return self._set([(ROLES[role], text) for role, text in plain])
        self.notes.append("a chat with tags between its messages is a layout")
        self.draft.layout = layout
        return []

    def _chat_of_json(self) -> list[tuple[Role, list[Node]]]:
        chat: list[tuple[Role, list[Node]]] = []
        for message in self.prompt.data:
            extra = sorted(set(message) - {"role", "content", "parts"})
            role = ROLES.get(str(message["role"]))
            if role is None or extra:
                raise NotModelled(f"a message with `{extra[0]}`" if extra else f"the role `{message['role']}`")
            if role != message["role"]:
                self.notes.append(f"the role `{message['role']}` is `{role}` here")
            if not isinstance(message.get("content"), str):
                self.notes.append("a message of one part of text is text here")
            chat.append((role, self.prompt.inner[content_text(message)]))
        if len(chat) > 1 and any(usage(nodes).bound for _, nodes in chat):
            self.notes.append("names that a message sets are known in the later ones here")
        return chat

    def _written(self, nodes: list[Node]) -> str:
        writer = self._writer(JinjaWriter)
        text = writer.whole(nodes)
        self._say(writer)
        return text

    def _say(self, writer: JinjaWriter) -> None:
        self.notes += [note for note in writer.notes if note not in self.notes]
        if writer.unreached:
            lines = ", ".join(str(line) for line in sorted(set(writer.unreached)))
            self.notes.append(f"not compared, because no test gets there: line {lines} of the prompt")

    def _set(self, messages: list[tuple[Role, str]]) -> list[tuple[Role, str]]:
        given = dict(self.draft.inputs)
        self.draft.messages(messages)
        self.draft.inputs = {name: given.get(name, spec) for name, spec in self.draft.inputs.items()}
        return messages

    # comparing

    def _compare(self, text: str, rendered: Sequence[Rendered | None], inputs: Sequence[dict[str, Any] | None]) -> None:
        template = templates.parse(text, path=self.path)
        defaults = {name: spec.default for name, spec in template.inputs.items() if spec.default is not None}
        compared = 0
        for number, (made, values) in enumerate(zip(rendered, inputs, strict=True)):
            if made is None or made.messages is None or values is None:
                continue
            own = {**defaults, **{name: value for name, value in values.items() if name in template.inputs}}
            try:
                prompt = templates.render(template, own)
            except TemplateError as exc:
                self.problems[number] = f"it does not render: {exc.what}"
                continue
            if [(message.role, message.content) for message in prompt.messages] == made.messages:
                compared += 1
            else:
                empty = any(not text for _, text in made.messages)
                why = "a message is empty, which promptlab leaves out" if empty else "it would render differently here"
                self.problems[number] = why
        if not compared:
            raise NotModelled(next(iter(self.problems.values()), "it cannot be compared"))


def _check_numbers(name: str, value: Any) -> None:
    """Refuse a number that JavaScript prints in another way than Python."""
    if isinstance(value, list | Mapping):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _check_numbers(name, inner)
    elif isinstance(value, float) and repr(value) != js.number_text(value):
        raise NotModelled(f"`{name}` is the number {js.number_text(value)}, which prints differently here")
