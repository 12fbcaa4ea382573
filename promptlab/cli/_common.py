"""What the command groups about templates share: words read, lines printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from promptlab.cli import _terminal as terminal
from promptlab.errors import InputError, PromptlabError

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.templates import Problem
    from promptlab.versions import TextChange
    from promptlab.workspace import Workspace

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def here() -> Workspace:
    """The workspace of the current folder."""
    from promptlab.workspace import Workspace

    return Workspace.find()


def opened(*, numerics: Literal["fast", "portable"] = "fast") -> Lab:
    """The workspace of the current folder, opened; to be used in a `with`."""
    from promptlab import lab

    return lab.open(numerics=numerics)


def located(template: str) -> tuple[Workspace, str]:
    """The workspace, and the path in it that TEMPLATE means."""
    from promptlab import versions

    workspace = here()
    return workspace, versions.template_path(workspace, template)


def text_of_file(workspace: Workspace, path: str) -> str:
    """The file's text; one that is not there is an error with the nearest name."""
    from promptlab import templates, versions
    from promptlab.errors import TemplateError, nearest

    text = versions.text_on_disk(workspace, path)
    if text is None:
        raise TemplateError("there is no such template", file=path, hint=nearest(path, templates.names(workspace)))
    return text


def read(source: str) -> str:
    """The text of a file, or of standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"cannot be read: {exc}", file=source) from exc


def changes(pairs: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    """Fields and their new values as the command line gives them."""
    from promptlab.templates import TEXTS

    found: dict[str, Any] = {}
    for option, pair in [*(("--set", one) for one in pairs), *(("--set-file", one) for one in files)]:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"write it as {option} field=value, not {pair!r}", param_hint=option)
        if option == "--set-file":
            value = read(value)
        is_text = name in (*TEXTS, "description") or name.startswith("inputs.")
        found[name] = None if value == "null" else value if is_text and not _is_json(name, value) else _value(value)
    return found


def _is_json(name: str, value: str) -> bool:
    """A sample of an input may be of any type; what is written as JSON is meant as such."""
    return name.startswith("inputs.") and value[:1] in tuple('[{"-0123456789') and _value(value) != value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def problem_line(path: str, problem: Problem) -> str:
    """A problem with its place, for people."""
    path = terminal.name(path)
    place = f"{path}:{problem.line}" if problem.line else path
    said = ": ".join(part for part in (place, problem.field, problem.message) if part)
    return terminal.printable(f"{said}\n  {problem.hint}" if problem.hint else said)


def print_changes(changes: Sequence[TextChange]) -> None:
    """Coloured on a terminal; elsewhere with git's marks for words, [-removed-] and {+added+}."""
    pieces = []
    for change in changes:
        text = terminal.printable(change.text)
        if change.kind == "same":
            pieces.append(text)
        elif sys.stdout.isatty():
            pieces.append(click.style(text, fg="red" if change.kind == "removed" else "green", underline=True))
        else:
            pieces.append(f"[-{text}-]" if change.kind == "removed" else f"{{+{text}+}}")
    click.echo("".join(pieces), nl=not "".join(pieces).endswith("\n"))


def wrong_words(exc: PromptlabError) -> click.UsageError:
    """A word of the command line that names nothing is a wrong command line, as an unknown option is."""
    return click.UsageError(str(exc))


def print_line(text: str) -> None:
    """Print text that may have come from anywhere."""
    click.echo(terminal.printable(text))


def print_json(data: Any) -> None:
    """Print one line of JSON, in ASCII."""
    click.echo(json.dumps(data, default=str))
