"""The process that renders chat templates. They come with models from anywhere, and Jinja bounds neither time nor
memory; see `promptlab._util.bounded_worker`.
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
"""The day that chat templates asking for today get, so that a prompt is the same tomorrow. It is the
one Llama 3 templates use when they are not told the date."""


class Generation(Extension):
    """`{% generation %}…{% endgeneration %}` of the transformers library, which marks what an assistant wrote for
    training: the text inside, as it stands."""

    tags = {"generation"}  # noqa: RUF012  # so jinja2 declares it

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(value: Any, indent: int | None = None, separators: Any = None, *, ensure_ascii: bool = False) -> str:
    """JSON as chat templates mean it: every character as it is, where Jinja's own would escape for web pages."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators)


class _Refused(Exception):
    pass


class _Part(dict[str, str]):
    """A part of a message's content. A template that prints it as it is would show Python's own writing."""

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
    """`text`, or what became of it: `refused` by the template, `failed`, not `valid` Jinja, too `large`."""
    try:
        template = _compiled(question["source"])
    except MemoryError:
        return {"large": True}
    except Exception as exc:  # Jinja's errors, and Python's of code that Jinja made
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
