"""`promptlab trust`: shows and grants the permissions of a workspace; `--trust` grants them for one command."""

from __future__ import annotations

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import here


@click.command()
@click.option("--show", is_flag=True, help="Only show what the workspace asks for.")
@click.option("--forget", "take_back", is_flag=True, help="Stop trusting it.")
def trust(show: bool, take_back: bool) -> None:
    """Allow this workspace what it asks for.

    A workspace may run functions of its own as scorers, and send prompts and keys to hosts that its
    promptlab.yaml names. These are off until you trust the workspace. OpenAI with OPENAI_API_KEY, servers on this
    machine and local models need no trust. The answer is saved for you, by the path and owner of the workspace. If the
    workspace asks for more later, you are asked again.

    In CI: promptlab --trust COMMAND, or PROMPTLAB_TRUST=1 in the environment.
    """
    from promptlab.workspace import (
        forget_trust,
        missing_permissions,
        requested_permissions,
        trust_file,
        trust_workspace,
    )

    workspace = here()
    if take_back:
        was = forget_trust(workspace)
        click.echo(f"{terminal.printable(str(workspace.root))} is {'no longer' if was else 'not'} trusted")
        return
    wanted = requested_permissions(workspace)
    lacking = {ask.id for ask in missing_permissions(workspace)}
    for ask in wanted:
        click.echo(terminal.printable(f"{'off  ' if ask.id in lacking else 'on   '}{ask.words}"))
    if not wanted:
        click.echo("this workspace asks for nothing")
    elif show:
        return
    else:
        trust_workspace(workspace, wanted)
        click.echo(f"trusted; saved in {terminal.printable(str(trust_file()))}")


class TrustingGroup(click.Group):
    """The commands; `--trust` may be anywhere before a `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        if "--trust" in args[:end]:
            from promptlab.workspace import trust_everything

            ctx.with_resource(trust_everything())
            args = [word for word in args[:end] if word != "--trust"] + args[end:]
        return super().parse_args(ctx, args)


__all__ = ["TrustingGroup", "trust"]
