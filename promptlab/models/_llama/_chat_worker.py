"""The process that renders chat templates. They come with model files of any source, and Jinja itself limits neither
time nor memory; see `promptlab._util.bounded_worker`.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from promptlab._util import bounded_worker

FIXED_DATE = datetime(2024, 7, 26)
"""The date for chat templates that write today's date, so that a prompt is the same tomorrow. Llama 3 templates use
this one when they are given none."""


class Generation(Extension):
    """`{% generation %}...{% endgeneration %}` of the transformers library, which marks the assistant's text for
    training. Here it renders the text inside."""

    tags = {"generation"}  # noqa: RUF012  # so jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(value: Any, indent: int | None = None, separators: Any = None, *, ensure_ascii: bool = False) -> str:
    """The `tojson` filter that chat templates expect. Jinja's own escapes characters for web pages."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators)


class _Refused(Exception):
    pass


class _Part(dict[str, str]):
    """A part of a message's content. A template that prints it directly would show a Python dict to the model, so
    that is refused."""

    def __str__(self) -> str:
        raise _Refused("it prints contents as lists")

    __repr__ = __str__


class _Parts(list[_Part]):
    """A message's content as a list of parts; see `_Part`."""

    def __str__(self) -> str:
        raise _Refused("it prints contents as lists")

    __repr__ = __str__


def _refuse(message: str) -> NoReturn:
    raise _Refused(message)


@lru_cache(maxsize=32)
def _compiled(source: str) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = FIXED_DATE.strftime
    return environment.from_string(source)


def _message(data: dict[str, Any]) -> dict[str, Any]:
    content = data["content"]
    return data if isinstance(content, str) else {**data, "content": _Parts(map(_Part, content))}


def rendered(question: dict[str, Any]) -> dict[str, Any]:
    """The answer of the process: `text`, or a reason: `refused` by the template, `failed`, `invalid` Jinja, `large`."""
    try:
        template = _compiled(question["source"])
    except MemoryError:
        return {"large": True}
    except Exception as exc:  # errors of Jinja, and of Python about the code that Jinja generated
        return {"invalid": str(exc)}
    try:
        text = template.render(**{**question["values"], "messages": [*map(_message, question["values"]["messages"])]})
    except _Refused as exc:
        return {"refused": str(exc)}
    except MemoryError:
        return {"large": True}
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as exc:
        return {"failed": str(exc)}
    except RecursionError:
        return {"failed": "a macro or a loop calls itself too deeply"}
    return {"text": text} if len(text) <= question["most"] else {"large": True}


if __name__ == "__main__":
    bounded_worker.serve(rendered)
