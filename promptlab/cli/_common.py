"""Shared by the commands: the workspace, reading of option values, and printing."""

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
    from promptlab.templates import TemplateProblem
    from promptlab.versions import TextChange
    from promptlab.workspace import Workspace

as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def here() -> Workspace:
    """The workspace of the current folder. A rename that was interrupted is finished."""
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    if any((workspace.state / "moves").glob("*.json")):
        from promptlab.shelf import finish_renames

        for renamed in finish_renames(workspace):
            click.echo(f"finished what was interrupted: {renamed.said}", err=True)
    return workspace


def opened(*, numerics: Literal["fast", "portable"] = "fast") -> Lab:
    """The workspace of the current folder, opened; use it in a `with`."""
    from promptlab import lab

    return lab.open(numerics=numerics)


def located(template: str) -> tuple[Workspace, str]:
    """The workspace, and the path in it of TEMPLATE."""
    from promptlab import versions

    workspace = here()
    return workspace, versions.template_path(workspace, template)


def text_of_file(workspace: Workspace, path: str) -> str:
    """The text of the file. If it is missing, the error names the nearest template."""
    from promptlab import templates, versions
    from promptlab.errors import TemplateError, nearest

    text = versions.text_on_disk(workspace, path)
    if text is None:
        raise TemplateError(
            "there is no such template", file=path, hint=nearest(path, templates.template_paths(workspace))
        )
    return text


def read(source: str) -> str:
    """The text of a file, or of standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"cannot be read: {exc}", file=source) from exc


def changes(pairs: Sequence[str], files: Sequence[str]) -> dict[str, Any]:
    """The fields and new values of --set and --set-file."""
    from promptlab.templates import TEXT_FIELDS

    values: dict[str, Any] = {}
    for option, pair in [*(("--set", pair) for pair in pairs), *(("--set-file", pair) for pair in files)]:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"write it as {option} field=value, not {pair!r}", param_hint=option)
        if option == "--set-file":
            value = read(value)
        is_text = name in (*TEXT_FIELDS, "description") or name.startswith("inputs.")
        values[name] = None if value == "null" else value if is_text and not _is_json(name, value) else _value(value)
    return values


def _is_json(name: str, value: str) -> bool:
    """True if `value` is JSON for an attribute of an input, such as a sample: these may have any type."""
    return name.startswith("inputs.") and value[:1] in tuple('[{"-0123456789') and _value(value) != value


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def problem_line(path: str, problem: TemplateProblem) -> str:
    """A problem with its place, as lines for the terminal."""
    path = terminal.name(path)
    place = f"{path}:{problem.line}" if problem.line else path
    line = ": ".join(part for part in (place, problem.field, problem.message) if part)
    return terminal.printable(f"{line}\n  {problem.hint}" if problem.hint else line)


def print_changes(changes: Sequence[TextChange]) -> None:
    """Print changes: coloured on a terminal, else with the marks of git, [-removed-] and {+added+}."""
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
    """A usage error for a name that does not exist, as for an unknown option."""
    return click.UsageError(str(exc))


def print_line(text: str) -> None:
    """Print text, with control characters escaped."""
    click.echo(terminal.printable(text))


def print_json(data: Any) -> None:
    """Print one line of JSON, in ASCII."""
    click.echo(json.dumps(data, default=str))
