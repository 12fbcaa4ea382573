"""Writes docs/cli.md from the commands' own help, so that the page says what the program does.

python tools/cli_docs.py            # a test fails when the page is not what this writes
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from promptlab.cli._main import cli
from promptlab.runs._report import FIELDS

PAGE = Path(__file__).parent.parent / "docs/cli.md"

HEAD = """\
# The command line

Made from the commands' own help by `tools/cli_docs.py`; change the help in `promptlab/cli/` instead.

Run `promptlab` inside a workspace: a folder with a `promptlab.yaml`, or any folder below one. Answers go to standard
output, everything else to standard error. On a terminal a progress bar stands there, in a pipe there is none.

| exit status | meaning |
|---|---|
| 0 | all went well: with `compare`, every answer came |
| 1 | something failed; with `compare`, at least one answer did, and the others were printed |
| 2 | a wrong command line: an unknown option, section, input or model |
| 130 | Ctrl-C. `compare` stops every answer and prints what had arrived; a second Ctrl-C leaves at once |

A document above a model's clearance is one of the failures: nothing of the prompt is sent to that model, and the
others answer. A file given with `--set-file` counts with the label `promptlab.yaml` has for it.

## The lines of `compare --json`

One JSON object a line, in ASCII. `runs show --json` prints the same with `request`, what was sent.

| field | holds |
|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = "".join(f"| `{name}` | {words} |\n" for name, words in FIELDS.items())
    return HEAD + rows + "".join(f"\n{part}" for part in _commands(cli, ("promptlab",)))


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], (*words, name))
        return
    context = click.Context(command, info_name=" ".join(words))
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    text = inspect.cleandoc(command.help or "")
    yield f"## `{' '.join(words)}`\n\n    {usage}\n\n{text}\n\n{_options(command, context)}"


def _options(command: click.Command, context: click.Context) -> str:
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option) and "--help" not in record[0]:
            name, words = (" ".join(text.split()).replace("|", "\\|") for text in record)
            rows.append(f"| `{name}` | {words} |\n")
    return "| option | |\n|---|---|\n" + "".join(rows) if rows else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} written\n")
