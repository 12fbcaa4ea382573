"""`promptlab models add`, `remove` and `offered`: what the page Models does, on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import here, opened
from promptlab.errors import WorkspaceError

if TYPE_CHECKING:
    from promptlab.workspace import ModelsEdit

_server_options = (
    click.option(
        "--base-url", metavar="URL", help="The server, such as http://127.0.0.1:8000/v1. OpenAI unless given."
    ),
    click.option("--key-env", "api_key_env", metavar="VAR", help="The environment variable that holds the key."),
)


def _on_server(command: Any) -> Any:
    for option in reversed(_server_options):
        command = option(command)
    return command


@click.command()
@click.argument("name")
@click.option("--model", metavar="MODEL", help="The model's name on its server; for Azure the deployment.")
@_on_server
@click.option("--api-version", metavar="VERSION", help="The version of Azure's API, such as 2024-10-21.")
@click.option("--path", metavar="FILE", help="A GGUF file on this machine, instead of a server.")
@click.option("--package", metavar="PACKAGE", help="An installed package with a model, instead of a server.")
@click.option("--repo", metavar="REPO", help="A repository of Hugging Face; with --file.")
@click.option("--file", metavar="FILE", help="The GGUF file of that repository.")
@click.option("--clearance", type=click.Choice(["public", "internal", "confidential"]), help="The text it may get.")
@click.option("--window", type=click.IntRange(min=1), metavar="N", help="Its context window in tokens.")
@click.option("--parallel", "max_parallel", type=click.IntRange(min=1), metavar="N", help="Most requests in flight.")
@click.option("--price-in", type=click.FloatRange(min=0), metavar="X", help="US dollars per million prompt tokens.")
@click.option("--price-cached", type=click.FloatRange(min=0), metavar="X", help="The same, for cached prompt tokens.")
@click.option("--price-out", type=click.FloatRange(min=0), metavar="X", help="US dollars per million new tokens.")
@click.option("--dry-run", is_flag=True, help="Print the change and write nothing.")
def add(name: str, dry_run: bool, **settings: Any) -> None:
    """Add a model to promptlab.yaml, and print the change.

    NAME is what you will call it. A key is never written: it stays in an environment variable, whose name is. Nothing
    is asked; try the model afterwards with: promptlab models check NAME.
    """
    from promptlab.models import check_new_entry
    from promptlab.workspace import model_trust_problem, plan_model

    local = any(settings[key] for key in ("path", "package", "repo"))
    window = settings.pop("window")
    values = {"backend": "llama" if local else "openai", **settings, "n_ctx" if local else "window": window}
    workspace = here()
    edit = plan_model(workspace, name, values)
    check_new_entry(edit.workspace, name)
    _finish(edit, dry_run=dry_run)
    if not dry_run and model_trust_problem(edit.workspace, name, edit.workspace.models[name]) is not None:
        click.echo("it is off until you trust this workspace with it: promptlab trust", err=True)


@click.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Also if suites name it.")
@click.option("--dry-run", is_flag=True, help="Print the change and write nothing.")
def remove(name: str, force: bool, dry_run: bool) -> None:
    """Remove a model from promptlab.yaml, and print the change.

    Refused if a suite names the model: its runs would fail. Recorded answers and the history stay. The file of a local
    model is not deleted.
    """
    from promptlab.suites import uses_of_model
    from promptlab.workspace import plan_removal

    workspace = here()
    edit = plan_removal(workspace, name)
    uses = uses_of_model(workspace, name)
    for use in uses:
        click.echo(terminal.printable(f"{use.suite}: {use.how}"), err=True)
    if uses and not force and not dry_run:
        raise WorkspaceError(
            f"`{name}` is named by {len(uses)} suite{'' if len(uses) == 1 else 's'}",
            hint="change those, or remove the model anyway with --force",
        )
    _finish(edit, dry_run=dry_run)


@click.command()
@_on_server
def offered(base_url: str | None, api_key_env: str | None) -> None:
    """List the models that a server offers.

    One name a line, as `promptlab models add --model` takes it.
    """
    from promptlab.workspace import entry_of_server

    entry = entry_of_server(base_url, api_key_env)
    with opened() as lab:
        for name in lab.catalogue.offered_by(entry):
            click.echo(terminal.printable(name))


def _finish(edit: ModelsEdit, *, dry_run: bool) -> None:
    from promptlab.workspace import write_models_edit

    click.echo(terminal.printable(edit.diff))
    if not dry_run:
        write_models_edit(edit)
