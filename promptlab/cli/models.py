"""Commands about local models: trying one on this machine, and building llama.cpp."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import here
from promptlab.errors import ModelNotReady


@click.command()
@click.argument("name")
@click.option("--quick", is_flag=True, help="Few tokens and one round: whether it works, not how fast.")
@click.option("--json", "as_json", is_flag=True, help="The whole report as one JSON object.")
def check(name: str, quick: bool, as_json: bool) -> None:
    """Load a local model, and try it beside llama-cpp-python.

    Says what was opened and on which device, how much memory that took, how many tokens a second it reads and
    writes beside llama-cpp-python by itself with the same tokens, and whether the same request gets the same text
    every time. Asks with made-up text and leaves what is kept read of your prompts alone. The status is 1 where texts
    that should be the same were not.
    """
    from promptlab import models
    from promptlab.models import Catalogue

    def say(text: str) -> None:
        click.echo(f"{name}: {text}", err=True)

    size = models.QUICK_BENCHMARK if quick else models.USUAL_BENCHMARK
    report = models.benchmark(Catalogue(here()), name, size=size, say=say)
    if as_json:
        click.echo(json.dumps({**asdict(report), "ok": report.ok}))
    else:
        click.echo(terminal.printable("\n".join(models.benchmark_lines(report))))
    sys.exit(0 if report.ok else 1)


@click.command()
def build() -> None:
    """Build llama.cpp for every kind of processor.

    And install it, as the package llama-cpp-python.

    Takes some four processor minutes, a C++ compiler and the package's source from your package index; what was built
    before comes from the cache folder. Options of your own in CMAKE_ARGS are taken instead. Afterwards the models are
    tried with: promptlab models prepare.
    """
    import subprocess

    from promptlab import models

    click.echo("building llama-cpp-python; this takes a few minutes ...", err=True)
    try:
        done = models.install_llama()
    except subprocess.CalledProcessError as exc:
        raise ModelNotReady(
            "llama-cpp-python could not be built", hint="pip's own words are above; is a C++ compiler installed?"
        ) from exc
    click.echo(f"llama-cpp-python {'was built and installed' if done else 'is installed as it should be'}")
