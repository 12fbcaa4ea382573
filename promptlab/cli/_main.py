"""The command line. A command reads its options, calls one function of the library and prints the result.

Nothing heavy is imported before a command needs it, so `promptlab --help` answers at once. Exit status: 0
when all went well, 1 when something failed, 2 for a wrong command line, 130 after Ctrl-C.
"""

from __future__ import annotations

import gc
import json
import os
import sys

import click

from promptlab import __version__
from promptlab.cli import _terminal as terminal
from promptlab.cli import compare as cli_compare
from promptlab.cli import documents as cli_documents
from promptlab.cli import examples as cli_examples
from promptlab.cli import experiment as cli_experiment
from promptlab.cli import export as cli_export
from promptlab.cli import finetune as cli_finetune
from promptlab.cli import import_ as cli_formats
from promptlab.cli import ledger as cli_ledger
from promptlab.cli import models as cli_models
from promptlab.cli import quantize as cli_quantize
from promptlab.cli import runs as cli_runs
from promptlab.cli import serve as cli_serve
from promptlab.cli import shelf as cli_shelf
from promptlab.cli import size as cli_size
from promptlab.cli import start as cli_start
from promptlab.cli import suite as cli_suite
from promptlab.cli import templates as cli_templates
from promptlab.cli import trust as cli_trust
from promptlab.cli import vote as cli_vote
from promptlab.errors import PromptlabError


@click.group(
    cls=cli_trust.TrustingGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="promptlab")
def cli() -> None:
    """Find out what each part of a prompt does.

    For each model, beside the others, and whether it still works.
    Run it inside a workspace: a folder with a promptlab.yaml, or any folder below one. With --trust, what
    the workspace asks for is on for this run (see: promptlab trust).
    """


@cli.command()
def schema() -> None:
    """Print the JSON Schema of template files, for editors."""
    from promptlab import templates

    click.echo(json.dumps(templates.file_schema(), indent=2))


cli.add_command(cli_start.init)
cli.add_command(cli_start.app)
cli.add_command(cli_compare.compare)
cli.add_command(cli_compare.render)
cli.add_command(cli_models.models)
cli.add_command(cli_size.size)
cli.add_command(cli_quantize.quantize)
cli.add_command(cli_runs.runs)
cli.add_command(cli_templates.templates)
cli.add_command(cli_formats.import_)
cli.add_command(cli_export.export)
cli.add_command(cli_documents.documents)
cli.add_command(cli_examples.examples)
cli.add_command(cli_suite.suite)
cli.add_command(cli_experiment.experiment)
cli.add_command(cli_vote.vote)
cli.add_command(cli_vote.judge)
cli.add_command(cli_finetune.finetune)
cli.add_command(cli_serve.serve)
cli.add_command(cli_ledger.ledger)
cli.add_command(cli_trust.trust)
cli.add_command(cli_shelf.find)
cli_shelf.add_commands(cli_templates.templates, "template")
cli_shelf.add_commands(cli_documents.documents, "document")
cli_shelf.add_commands(cli_examples.examples, "pool")


def main() -> None:
    """Entry point: our own errors become a line, everything else keeps its traceback."""
    terminal.accept_any_text()
    # What the imports made, half a million objects, would be looked through again and again while a suite runs.
    gc.set_threshold(20_000, 20, 50)
    try:
        cli(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as exc:
        click.echo(exc.format_message())
        sys.exit(2)
    except click.ClickException as exc:
        exc.show()
        sys.exit(exc.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone (`| head`); what it wanted it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except PromptlabError as exc:
        click.echo(f"promptlab: {terminal.printable(str(exc))}", err=True)
        sys.exit(1)
