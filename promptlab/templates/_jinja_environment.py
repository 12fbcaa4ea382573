"""The Jinja environment of templates: message tags, and the filters, functions and attributes that are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Joiner, Namespace, pass_context

from promptlab.errors import nearest
from promptlab.templates._jinja_rewrite import LayoutProblem
from promptlab.templates._limits import METER
from promptlab.templates._operators import Ticking, add, charge_result, modulo, multiply, power, sliced
from promptlab.templates._sandbox import ALLOWED_ATTRIBUTES, FILTERS, HIDDEN, text_method, zipped
from promptlab.templates._text_origin import strictest_origin
from promptlab.templates._tracked_text import TrackedText, concat, kind_of, to_text
from promptlab.types import Role

ROLES: tuple[Role, ...] = ("system", "user", "assistant")


class Part:
    """A document or an example as layouts see it; `fields` are the attributes that they may read."""

    fields: ClassVar[tuple[str, ...]] = ()


class Boundary(str):
    """The start or end of a message: an empty chunk of output, recognised by its type."""

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
    """The block tags `{% system %}`, `{% user %}` and `{% assistant %}`, each with its end tag."""

    tags: ClassVar[set[str]] = set(ROLES)  # type: ignore[misc]  # Jinja reads it from the class

    def parse(self, parser: Parser) -> list[nodes.Node]:
        token = next(parser.stream)
        body = parser.parse_statements((f"name:end{token.value}",), drop_needle=True)
        opens = nodes.Output([nodes.EnvironmentAttribute(f"open_{token.value}")], lineno=token.lineno)
        closes = nodes.Output([nodes.EnvironmentAttribute(f"close_{token.value}")], lineno=token.lineno)
        return [opens, *body, closes]


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """The Jinja of templates: only what `_sandbox` allows, counted by the meter."""

    concat = staticmethod(concat)  # macros and blocks join their output with it
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
            method = text_method(obj, attribute)
            if method is not None:
                return method
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
            obj._fail_with_undefined_error()  # name the first value that was missing
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
    """The text that an expression prints. Text without an origin gets that of the variables it was made from."""
    text = value if isinstance(value, TrackedText) else to_text(value)
    if isinstance(text, TrackedText):
        return text
    meter = METER.get()
    meter.charge(len(text))
    origin = strictest_origin(meter.origins[name] for name in names if name in meter.origins)
    return TrackedText.of(text, origin or meter.default)


def _hidden(function: Callable[..., Any]) -> Callable[..., Any]:
    # A filter that takes the context is not run by Jinja while it compiles.
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


JINJA_ENVIRONMENT = TemplateEnvironment()
