"""`promptlab models`: the catalogue, trying a local model on this machine, and building llama.cpp."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import opened, print_json
from promptlab.errors import ModelNotReady


@click.group()
def models() -> None:
    """The models of this workspace's catalogue."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models_list(as_json: bool) -> None:
    """List every model: whether it is ready, and what it is.

    If not ready, why not; its window, clearance, size on disk, and whether a GPU helps.
    """
    from promptlab.workspace import unmatched_patterns

    with opened() as lab:
        for pattern in unmatched_patterns(lab.workspace):
            click.echo(f"warning: the label pattern `{terminal.printable(pattern)}` is about no file", err=True)
        rows = lab.models()
    if as_json:
        for row in rows:
            print_json(asdict(row))
        return
    if not rows:
        click.echo("promptlab.yaml names no models; add one under `models:`")
    for row in rows:
        window = f"{row.window:,} tokens" if row.window else "window unknown"
        size = f"{row.size_bytes / 1e6:,.0f} MB" if row.size_bytes else ""
        facts = [row.backend, window, f"clearance {row.clearance}", size, row.gpu]
        state = "not ready" if not row.ready else "ready" if row.tried else "not tried"
        click.echo(f"{state:9}  {row.name}  ({', '.join(f for f in facts if f)})")
        if row.reason:
            click.echo(f"           {row.reason}")


@models.command("prepare")
@click.argument("names", nargs=-1)
def models_prepare(names: tuple[str, ...]) -> None:
    """Put the embedded models' files together, and try them.

    Verifies the files, and has each model read and write a little on this processor, with the code for everyday
    answers and with the portable code that suites ask. Prints the `sha256` to write into promptlab.yaml, which of a
    split model stands for all its parts. Needed once; the models NAMES, or all that come with promptlab.
    """
    from promptlab.models import NOT_PORTABLE, NUMERICS, PORTABLE_HINT, cpu_variants_to_try

    catalogue = opened().catalogue
    for name in names or catalogue.embedded():
        click.echo(f"{name}: {catalogue.prepare(name)}")
        click.echo(f"{name}: sha256 {catalogue.digest(name)}")
        for numerics in NUMERICS:
            if numerics == "portable" and not cpu_variants_to_try(numerics):
                click.echo(f"{name}: {NOT_PORTABLE}; {PORTABLE_HINT}")
                continue
            code = catalogue.with_numerics(numerics).try_out(name, lambda text: click.echo(f"{text} ...", err=True))
            click.echo(f"{name}: {numerics} answers come from the CPU code {code}")


@models.command()
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
    from promptlab import models as catalogue

    def say(text: str) -> None:
        click.echo(f"{name}: {text}", err=True)

    size = catalogue.QUICK_BENCHMARK if quick else catalogue.USUAL_BENCHMARK
    report = catalogue.benchmark(opened().catalogue, name, size=size, say=say)
    if as_json:
        click.echo(json.dumps({**asdict(report), "ok": report.ok}))
    else:
        click.echo(terminal.printable("\n".join(catalogue.benchmark_lines(report))))
    sys.exit(0 if report.ok else 1)


@models.command()
def build() -> None:
    """Build llama.cpp for every kind of processor.

    And install it, as the package llama-cpp-python.

    Takes some four processor minutes, a C++ compiler and the package's source from your package index; what was built
    before comes from the cache folder. Options of your own in CMAKE_ARGS are taken instead. Afterwards the models are
    tried with: promptlab models prepare.
    """
    import subprocess

    from promptlab.models import install_llama

    click.echo("building llama-cpp-python; this takes a few minutes ...", err=True)
    try:
        done = install_llama()
    except subprocess.CalledProcessError as exc:
        raise ModelNotReady(
            "llama-cpp-python could not be built", hint="pip's own words are above; is a C++ compiler installed?"
        ) from exc
    click.echo(f"llama-cpp-python {'was built and installed' if done else 'is installed as it should be'}")
