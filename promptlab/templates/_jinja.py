"""The Jinja of templates: message tags, tracing and limits, and the standard layout.

`compile_text` turns the text of a section or a layout into a `Compiled`; `Compiled.run` gives its messages
as `Traced` text. Message tags become boundary objects in the stream of output, which no text can imitate:

    {% system %}{{ instructions }}{% endsystem %}{% user %}{{ user }}{% enduser %}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any, ClassVar

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Joiner, Namespace, pass_context

from promptlab.errors import nearest
from promptlab.templates._jinja_rewrite import LayoutProblem, MessageCheck, Rewrite, aliases, text_outside_messages
from promptlab.templates._sandbox import (
    ALLOWED_ATTRIBUTES,
    FILTERS,
    HIDDEN,
    Ticking,
    add,
    charge_result,
    modulo,
    multiply,
    power,
    sliced,
    text_method,
    zipped,
)
from promptlab.templates._tracked_text import (
    METER,
    Overrun,
    TextOrigin,
    TrackedText,
    concat,
    kind_of,
    strictest_origin,
    to_text,
)
from promptlab.types import Role

STANDARD_LAYOUT = """\
{% system -%}
{{ [[instructions, output_format]|lines, documents|map(attribute="text")|paragraphs]|paragraphs }}
{%- endsystem %}
{% for example in examples %}
{% user %}{{ example.user }}{% enduser %}
{% assistant %}{{ example.output }}{% endassistant %}
{% endfor %}
{% user %}{{ user }}{% enduser %}
"""
"""The layout of a template that has none of its own: one system message with instructions, output format and
documents, a pair of turns for each shot, and the question. One blank line stands before each document."""

ROLES: tuple[Role, ...] = ("system", "user", "assistant")


MAX_TAGS = 5_000
MAX_TAG_TEXT = 100_000


class Part:
    """A document or an example as a layout sees it; `fields` are the attributes it may read."""

    fields: ClassVar[tuple[str, ...]] = ()


class Boundary(str):
    """Where a message begins or ends: an empty chunk of output that is told by its type."""

    __slots__ = ("opens", "role")
    role: Role
    opens: bool

    def __new__(cls, role: Role, opens: bool) -> Boundary:
        self = super().__new__(cls, "")
        self.role, self.opens = role, opens
        return self

    def __str__(self) -> str:
        return self


class MessageTags(Extension):
    """`{% system %}`, `{% user %}` and `{% assistant %}`, each up to its end tag."""

    tags: ClassVar[set[str]] = set(ROLES)  # type: ignore[misc]  # Jinja reads it from the class

    def parse(self, parser: Parser) -> list[nodes.Node]:
        token = next(parser.stream)
        body = parser.parse_statements((f"name:end{token.value}",), drop_needle=True)
        opens = nodes.Output([nodes.EnvironmentAttribute(f"open_{token.value}")], lineno=token.lineno)
        closes = nodes.Output([nodes.EnvironmentAttribute(f"close_{token.value}")], lineno=token.lineno)
        return [opens, *body, closes]


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja as templates get it: what `sandbox` lists and nothing else, under the meter."""

    concat = staticmethod(concat)  # macros and blocks join what they print with this
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            optimized=False,
            cache_size=0,
            extensions=[MessageTags],
        )
        self.globals = {"dict": dict, "joiner": Joiner, "namespace": Namespace, "range": safe_range, "zip": zipped}
        self.filters = {**FILTERS, **_INNER}
        self.binop_table.update({"+": add, "*": multiply, "**": power, "%": modulo})
        for role in ROLES:
            setattr(self, f"open_{role}", Boundary(role, True))
            setattr(self, f"close_{role}", Boundary(role, False))

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if str(name).startswith(HIDDEN):
            raise LayoutProblem(f"there is no filter `{name}`")
        return super().call_filter(name, *args, **kwargs)

    def getattr(self, obj: Any, attribute: str) -> Any:
        known: Iterable[str] = ()
        if isinstance(obj, str):
            found = text_method(obj, attribute)
            if found is not None:
                return found
        elif isinstance(obj, Part):
            known = obj.fields
            if attribute in known:
                return getattr(obj, attribute)
        elif isinstance(obj, Namespace):
            return super().getattr(obj, attribute)
        else:
            known = next((names for kind, names in ALLOWED_ATTRIBUTES.items() if isinstance(obj, kind)), ())
            if attribute in known:
                return getattr(obj, attribute)
            if isinstance(obj, dict):
                if attribute in obj:
                    return obj[attribute]
                known = [key for key in obj if isinstance(key, str)]
        return self._lacks(obj, attribute, known)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Part | Namespace) and isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, str | list | tuple | dict | range):
            try:
                return obj[argument]
            except (TypeError, LookupError):
                pass
        return self._lacks(obj, argument, ())

    def _lacks(self, obj: Any, name: Any, known: Iterable[str]) -> Any:
        if isinstance(obj, Undefined):
            obj._fail_with_undefined_error()  # the first thing that was missing is the one to name
        hint = f"; {nearest(str(name), known)}" if known else ""
        return self.undefined(f"the {kind_of(obj)} has no `{str(name)[:60]}`{hint}", obj=obj, name=str(name))

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        meter = METER.get()
        meter.tick()
        meter.weigh(args)
        for name, value in kwargs.items():
            if name not in ("_loop_vars", "_block_vars", "caller"):
                meter.weigh(value)
        result = super().call(context, function, *args, **kwargs)
        return result if isinstance(result, TrackedText) else charge_result(result)


@pass_context
def _printed(_context: Context, value: Any, names: tuple[str, ...]) -> str:
    """What an expression prints. Untraced text takes the origin of the names it was made from, if they have one."""
    text = value if isinstance(value, TrackedText) else to_text(value)
    if isinstance(text, TrackedText):
        return text
    meter = METER.get()
    meter.charge(len(text))
    found = strictest_origin(meter.origins[name] for name in names if name in meter.origins)
    return TrackedText.of(text, found or meter.default)


def _hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    # Taking the context keeps Jinja from working it out while it compiles.
    return pass_context(lambda _context, *args: function(*args))


def _timed(value: Any) -> Any:
    METER.get().check_time()
    return value


_INNER = {
    f"{HIDDEN}printed": _printed,
    f"{HIDDEN}joined": _hidden(concat),
    f"{HIDDEN}made": _hidden(lambda value: METER.get().weigh(value)),
    f"{HIDDEN}sliced": _hidden(lambda value, *bounds: charge_result(sliced(value, *bounds), value)),
    f"{HIDDEN}ticking": _hidden(Ticking),
    f"{HIDDEN}timed": _hidden(_timed),
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A text ready to run. `names` are the variables it needs; `messages` says whether it has message tags."""

    template: Template
    names: frozenset[str]
    messages: bool

    def run(
        self, variables: Mapping[str, Any], origins: Mapping[str, TextOrigin], default: TextOrigin
    ) -> list[tuple[Role | None, TrackedText]]:
        """Each message's role and text, in order; without message tags all the text with role None.

        Runs under the meter of the caller. Anything that goes wrong is a `LayoutProblem` with its line.
        """
        meter = METER.get()
        meter.origins, meter.default = origins, default
        try:
            return self._messages(dict(variables), meter.limits.output)
        except LayoutProblem as exc:
            exc.line = exc.line or self._line(exc.__traceback__)
            raise
        except Overrun as exc:
            raise LayoutProblem(str(exc), self._line(exc.__traceback__)) from exc
        except RecursionError as exc:
            raise LayoutProblem("a macro or a loop calls itself too deeply", self._line(exc.__traceback__)) from exc
        except MemoryError as exc:
            raise LayoutProblem("it needs more memory than there is", self._line(exc.__traceback__)) from exc
        except Exception as exc:  # a sandboxed author's mistake can raise anything; the cause is kept
            message = exc.message if isinstance(exc, TemplateError) else str(exc)
            raise LayoutProblem(_plain(message or "") or type(exc).__name__, self._line(exc.__traceback__)) from exc

    def _messages(self, variables: dict[str, Any], limit: int) -> list[tuple[Role | None, TrackedText]]:
        found: list[tuple[Role | None, TrackedText]] = []
        role: Role | None = None
        chunks: list[Any] = []
        written = 0
        stream: Any = self.template.root_render_func(self.template.new_context(variables))
        for chunk in stream:
            if type(chunk) is Boundary:
                if chunk.opens:
                    role, chunks = chunk.role, []
                else:
                    found.append((role, concat(chunks)))
                    role = None
                continue
            text = chunk if isinstance(chunk, str) else to_text(chunk)
            written += len(text)
            if written > limit:
                raise Overrun(f"stopped: the prompt is longer than {limit:,} characters")
            if self.messages and role is None:
                if text.strip():
                    raise text_outside_messages(text, self.template.get_corresponding_lineno(stream.gi_frame.f_lineno))
            else:
                METER.get().tick()
                chunks.append(text)
        if not self.messages:
            found.append((None, concat(chunks)))
        return found

    def _line(self, trace: TracebackType | None) -> int | None:
        """The line of the text that was running: the innermost frame of the compiled template."""
        line = None
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self.template:
                line = self.template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


def _plain(message: str) -> str:
    """A message of Python or Jinja in the words of someone who writes a template."""
    message = re.sub(r"\b(?:sync_)?do_(\w+\(\))", r"\1", message)
    message = re.sub(r"[\w.]+\.<locals>\.[\w<>]+\(\)|<lambda>\(\)", "the filter", message)
    return (
        message.replace("TrackedText.", "").replace("'TrackedText'", "text").replace("StrictUndefined", "missing value")
    )


JINJA_ENVIRONMENT = TemplateEnvironment()


@lru_cache(maxsize=1024)
def compile_text(text: str, *, layout: bool = False) -> Compiled:
    """Compile `text`; message tags are for layouts only. A mistake is a `LayoutProblem` with its line."""
    try:
        _check_size(text)
        stand_in, source = _keep_returns(text)
        tree = JINJA_ENVIRONMENT.parse(source)
        for data in tree.find_all(nodes.TemplateData) if stand_in else ():
            data.data = data.data.replace(stand_in, "\r")
        messages = MessageCheck(tree).any
        if messages and not layout:
            raise LayoutProblem("message tags belong into the `layout`")
        rewritten = Rewrite(JINJA_ENVIRONMENT, aliases(tree)).visit(tree)
        names = frozenset(meta.find_undeclared_variables(rewritten)) - set(JINJA_ENVIRONMENT.globals)
        code = JINJA_ENVIRONMENT.compile(rewritten)
        return Compiled(Template.from_code(JINJA_ENVIRONMENT, code, dict(JINJA_ENVIRONMENT.globals)), names, messages)
    except TemplateSyntaxError as exc:
        raise LayoutProblem(exc.message or "not valid Jinja", exc.lineno) from exc
    except LayoutProblem:
        raise
    except RecursionError as exc:
        raise LayoutProblem("nested too deeply") from exc
    except Exception as exc:  # Python refuses some code that Jinja makes, e.g. with too many nested loops
        raise LayoutProblem(f"cannot be compiled: {exc}") from exc


def _tags(text: str) -> Iterator[tuple[int, int]]:
    """Where the tags of `text` begin and end, as far as they have an end."""
    at = 0
    while (start := text.find("{", at)) >= 0:
        closing = _CLOSING.get(text[start : start + 2])
        if closing is None:
            at = start + 1
            continue
        end = text.find(closing, start + 2)
        if end < 0:
            return
        at = end + 2
        yield start, at


_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}


def _check_size(text: str) -> None:
    """Compiling takes time for every tag, and no prompt needs this many."""
    written = 0
    for number, (start, end) in enumerate(_tags(text), 1):
        written += end - start
        if number > MAX_TAGS or written > MAX_TAG_TEXT:
            line = text.count("\n", 0, start) + 1
            raise LayoutProblem(f"more than {MAX_TAGS:,} tags, or {MAX_TAG_TEXT:,} characters in tags", line)


def _keep_returns(text: str) -> tuple[str, str]:
    """Jinja turns carriage returns into newlines; outside of tags a stand-in that the text lacks keeps them."""
    if "\r" not in text:
        return "", text
    stand_in = next(chr(code) for code in range(0xE000, 0x110000) if chr(code) not in text)
    parts, at = [], 0
    for start, end in _tags(text):
        parts += [text[at:start].replace("\r", stand_in), text[start:end]]
        at = end
    return stand_in, "".join([*parts, text[at:].replace("\r", stand_in)])
