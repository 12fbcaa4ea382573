"""Compiles the Jinja of templates, and runs it; the standard layout.

`compile_text` turns the text of a section or a layout into a `Compiled`; `Compiled.run` returns its messages
as `TrackedText`. Message tags become boundary objects in the output stream, which no text can imitate:

    {% system %}{{ instructions }}{% endsystem %}{% user %}{{ user }}{% enduser %}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, meta, nodes

from promptlab.templates._jinja_environment import JINJA_ENVIRONMENT, Boundary
from promptlab.templates._jinja_rewrite import LayoutProblem, MessageCheck, Rewrite, aliases, text_outside_messages
from promptlab.templates._limits import METER, Overrun
from promptlab.templates._text_origin import TextOrigin
from promptlab.templates._tracked_text import TrackedText, concat, to_text
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
"""The layout of templates without their own: a system message with the instructions, the output format and the
documents, two turns for each shot, and the question. A blank line separates the documents."""


MAX_TAGS = 5_000
MAX_TAG_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled text. `names` are the variables it needs; `messages` is True if it has message tags."""

    template: Template
    names: frozenset[str]
    messages: bool

    def run(
        self, variables: Mapping[str, Any], origins: Mapping[str, TextOrigin], default: TextOrigin
    ) -> list[tuple[Role | None, TrackedText]]:
        """The role and text of each message, in order. Without message tags: the whole text with the role None.

        It runs under the meter of the caller. All errors are raised as `LayoutProblem` with the line.
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
            raise LayoutProblem("it needs more memory than this machine has", self._line(exc.__traceback__)) from exc
        except Exception as exc:  # mistakes in a template can raise any error; the cause is kept
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
        """The line of the template text that raised: that of the innermost frame of the compiled template."""
        line = None
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self.template:
                line = self.template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


def _plain(message: str) -> str:
    """An error message of Python or Jinja, without names that only programmers know."""
    message = re.sub(r"\b(?:sync_)?do_(\w+\(\))", r"\1", message)
    message = re.sub(r"[\w.]+\.<locals>\.[\w<>]+\(\)|<lambda>\(\)", "the filter", message)
    return (
        message.replace("TrackedText.", "").replace("'TrackedText'", "text").replace("StrictUndefined", "missing value")
    )


@lru_cache(maxsize=1024)
def compile_text(text: str, *, layout: bool = False) -> Compiled:
    """Compile `text`; only layouts may have message tags. Raises `LayoutProblem` with the line of a mistake."""
    try:
        _check_size(text)
        stand_in, source = _keep_returns(text)
        tree = JINJA_ENVIRONMENT.parse(source)
        if stand_in:
            _put_returns_back(tree, stand_in)
        messages = MessageCheck(tree).any
        if messages and not layout:
            raise LayoutProblem("message tags are only allowed in the `layout`")
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
    except Exception as exc:  # Python refuses some code that Jinja generates, such as too many nested loops
        raise LayoutProblem(f"cannot be compiled: {exc}") from exc


def _tags(text: str) -> Iterator[tuple[int, int]]:
    """The start and end of each tag of `text`; a tag without an end is skipped."""
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
    """Refuse a text with too many tags: each takes time to compile, and no prompt needs so many."""
    written = 0
    for number, (start, end) in enumerate(_tags(text), 1):
        written += end - start
        if number > MAX_TAGS or written > MAX_TAG_TEXT:
            line = text.count("\n", 0, start) + 1
            raise LayoutProblem(f"more than {MAX_TAGS:,} tags, or {MAX_TAG_TEXT:,} characters in tags", line)


def _keep_returns(text: str) -> tuple[str, str]:
    """Replace carriage returns, which Jinja would turn into newlines, with a white space that the text does not have.

    In code it is white space, as a carriage return is. In text and in strings it is put back after parsing. Returns the
    stand-in and the text. Raises `LayoutProblem` if the text has every white space that there is.
    """
    if "\r" not in text:
        return "", text
    stand_in = next((space for space in _SPACES if space not in text), None)
    if stand_in is None:
        raise LayoutProblem("it has carriage returns and every other white space, so the returns cannot be kept")
    return stand_in, text.replace("\r", stand_in)


def _put_returns_back(tree: nodes.Template, stand_in: str) -> None:
    for data in tree.find_all(nodes.TemplateData):
        data.data = data.data.replace(stand_in, "\r")
    for constant in tree.find_all(nodes.Const):
        if isinstance(constant.value, str):
            constant.value = constant.value.replace(stand_in, "\r")


_SPACES = "\x0b\x0c\x1c\x1d\x1e\x1f\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u205f"
