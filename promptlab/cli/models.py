"""`promptlab models`: the catalogue, trying a model, and building llama.cpp."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from promptlab.cli import _model_edits as edits
from promptlab.cli import _terminal as terminal
from promptlab.cli._common import opened, print_json
from promptlab.errors import ModelNotReady, PromptlabError
from promptlab.types import Completion

if TYPE_CHECKING:
    from promptlab.lab import Lab
    from promptlab.models import FileFacts, ModelStatus, Price


@click.group()
def models() -> None:
    """The models of this workspace's catalogue."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models_list(as_json: bool) -> None:
    """List all models and tell if they work.

    With the last real result and its time, or the reason if one is not ready; its window, clearance, price, size on
    disk, and if a GPU helps. Asks no model.
    """
    from promptlab.models import price_of
    from promptlab.workspace import unmatched_patterns

    with opened() as lab:
        for pattern in unmatched_patterns(lab.workspace):
            click.echo(f"warning: the label pattern `{terminal.printable(pattern)}` matches no file", err=True)
        rows = lab.models()
        prices = {row.name: price_of(lab.catalogue, row.name) for row in rows}
    if as_json:
        for row in rows:
            each = prices[row.name]
            print_json({**asdict(row), "works": row.works, "price": None if each is None else asdict(each)})
        return
    if not rows:
        click.echo("promptlab.yaml names no models; add one under `models:`")
    for row in rows:
        window = f"{row.window:,} tokens" if row.window else "window unknown"
        size = f"{row.size_bytes / 1e6:,.0f} MB" if row.size_bytes else ""
        each = prices[row.name]
        facts = [row.backend, window, f"clearance {row.clearance}", size, row.gpu, each.words if each else ""]
        state = {True: "works", False: "fails" if row.ready else "not ready", None: "not tried"}[row.works]
        click.echo(f"{state:9}  {row.name}  ({', '.join(f for f in facts if f)})")
        for line in dict.fromkeys((row.words, row.reason)):
            if line and line != state:
                click.echo(terminal.printable(f"           {line}"))


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(name: str, as_json: bool) -> None:
    """Show one model, and the memory it takes.

    Of a local model: what it is expected to take, as llama.cpp plans it without loading, and how fast memory bandwidth
    lets it write, beside what was measured when `promptlab models check` loaded it. Loads nothing.
    """
    from promptlab.models import facts_of_file, price_of
    from promptlab.sizing import expected_memory, expected_speed, expected_speed_words, memory_lines

    with opened() as lab:
        status = lab.catalogue.status(name)
        measured = lab.catalogue.measured(name)
        local = status.backend == "llama" and status.file is not None
        need = expected_memory(lab.catalogue, name) if local else None
        speed = expected_speed(lab.catalogue, name) if local else None
        file = facts_of_file(status)
        each = price_of(lab.catalogue, name)
    if as_json:
        expected = None if need is None else {**asdict(need), "total": need.total}
        contents = None if file is None else {**asdict(file), "was_requantised": file.was_requantised}
        parts = {"contents": contents, "expected": expected, "measured": measured and asdict(measured)}
        fast = speed and {**asdict(speed), "bound": speed.bound}
        print_json({**asdict(status), "works": status.works, **parts, "speed": fast})
        return
    click.echo(terminal.printable(name))
    for what, words in _facts(status, file, each):
        if words:
            click.echo(terminal.printable(f"  {what:14} {words}"))
    for line in memory_lines(need, measured) if need else ():
        click.echo(terminal.printable(f"  {line}"))
    if speed:
        click.echo(terminal.printable(f"  {'speed':14} {expected_speed_words(speed)}"))


def _facts(status: ModelStatus, file: FileFacts | None, price: Price | None) -> list[tuple[str, str]]:
    """The facts of one model by name; those without words are not known."""
    return [
        (
            "runs",
            {"llama": "on this machine", "openai": "on a server"}.get(status.backend, "as a backend of a program"),
        ),
        ("state", status.words),
        ("window", f"{status.window:,} tokens" if status.window else "unknown"),
        ("clearance", status.clearance),
        ("file", status.file or ""),
        ("size on disk", f"{status.size_bytes / 1e6:,.0f} MB" if status.size_bytes else ""),
        ("parameters", f"{file.parameters:,}" if file else ""),
        ("file type", file.type_words if file else ""),
        ("licence", (file.licence or "the file names none") if file else ""),
        ("price", price.words if price else ""),
    ]


@models.command("prepare")
@click.argument("names", nargs=-1)
def models_prepare(names: tuple[str, ...]) -> None:
    """Join the files of embedded models, and try the models.

    Verifies the files, and lets each model answer a short prompt on this processor: with the fast code, and with the
    portable code that suites use. Prints the `sha256` for promptlab.yaml; for a split model it covers all parts.
    Needed once. NAMES are the models; without names all that come with promptlab.
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
@click.argument("names", nargs=-1)
@click.option("--template", "templates", multiple=True, help="A template, by name or path; all of them unless given.")
def warm(names: tuple[str, ...], templates: tuple[str, ...]) -> None:
    """Read templates ahead, for local models.

    What stays the same whatever the inputs are, such as a long document, is read once and kept in the prefix cache on
    disk, so that the first answer begins at once. Only public text is kept. Nothing is asked. NAMES are the models;
    without names all that come with promptlab. What was read before is not read again.
    """
    import threading

    from promptlab import runs

    with opened() as lab:
        for path in templates or lab.templates():
            try:
                for trial in runs.sample_trials(lab.workspace, names or lab.catalogue.embedded(), [path]):
                    *_, done = runs.read_ahead(trial, lab.catalogue, threading.Event())
                    assert isinstance(done, Completion), "the last step is the end"
                    click.echo(terminal.printable(f"{trial.model}: {trial.template.name}: {_read(done)}"))
            except PromptlabError as exc:  # one bad template stops no other
                click.echo(terminal.printable(f"{path}: not read: {exc.message}"))


def _read(done: Completion) -> str:
    read, reused = done.usage.read or 0, done.usage.reused or 0
    if note := done.details.get("note", "" if read or reused else "it begins with an input, or is short"):
        return f"not read: {note}"
    return f"{read:,} tokens read, {reused:,} before"


@models.command()
@click.argument("name")
@click.option("--quick", is_flag=True, help="Few tokens and one round: tests if it works, not how fast.")
@click.option("--json", "as_json", is_flag=True, help="The whole report as one JSON object.")
def check(name: str, quick: bool, as_json: bool) -> None:
    """Ask an API one tiny question, or measure a local model.

    An API is really asked, through the gate and with a line in the ledger; the result is that of `models list`
    afterwards, and the exit status is 1 if it failed. Of a local model it prints the device, the memory it takes, the
    speed of prefill and decoding next to that of llama-cpp-python with the same tokens, and if the same request gives
    the same text every time. It uses generated text, and leaves the prefix cache of your prompts alone. The exit status
    is 1 if texts differ that should be the same.
    """
    from promptlab.workspace import LlamaModel

    with opened() as lab:
        if isinstance(lab.catalogue.entry(name), LlamaModel):
            ok = _measured(lab, name, quick=quick, as_json=as_json)
        else:
            ok = _asked(lab, name, as_json=as_json)
    sys.exit(0 if ok else 1)


def _measured(lab: Lab, name: str, *, quick: bool, as_json: bool) -> bool:
    """Measure a local model; true if its texts are the same every time."""
    from promptlab import models as catalogue

    def say(text: str) -> None:
        click.echo(f"{name}: {text}", err=True)

    size = catalogue.QUICK_BENCHMARK if quick else catalogue.USUAL_BENCHMARK
    report = catalogue.benchmark(lab.catalogue, name, size=size, say=say)
    rate = report.speed.promptlab if report.speed else None
    at = datetime.now(UTC).isoformat()
    lab.catalogue.note_measured(
        name,
        catalogue.Measured(at, report.facts.loaded, rate.reading if rate else None, rate.writing if rate else None),
    )
    if as_json:
        click.echo(json.dumps({**asdict(report), "ok": report.ok}))
    else:
        click.echo(terminal.printable("\n".join(catalogue.benchmark_lines(report))))
    return report.ok


def _asked(lab: Lab, name: str, *, as_json: bool) -> bool:
    """Ask an API one tiny question; true if it answered."""
    from promptlab.runs import result_as_json, trial_of_model

    (result,) = lab.start([trial_of_model(name)], title=f"test of {name}", fresh=True).wait()
    status = lab.catalogue.status(name)
    if as_json:
        print_json({**result_as_json(result, lab.catalogue), "ok": result.ok})
        return result.ok
    click.echo(terminal.printable(f"{name}: {status.words if status.last else result.error}"))
    if result.error:
        click.echo(terminal.printable("\n".join(f"  {line}" for line in (result.error, result.hint) if line)))
    return result.ok


@models.command()
def build() -> None:
    """Build llama.cpp for all processors, and install it.

    It is installed as the package llama-cpp-python. This takes about four processor minutes, and needs a C++ compiler
    and the source of the package from your package index. An earlier build is taken from the cache folder. Your own
    options in CMAKE_ARGS replace the usual ones. Try the models afterwards with: promptlab models prepare.
    """
    import subprocess

    from promptlab.models import install_llama

    click.echo("building llama-cpp-python; this takes a few minutes ...", err=True)
    try:
        done = install_llama()
    except subprocess.CalledProcessError as exc:
        raise ModelNotReady(
            "llama-cpp-python could not be built", hint="see the output of pip above; is a C++ compiler installed?"
        ) from exc
    click.echo(f"llama-cpp-python {'was built and installed' if done else 'is installed as it should be'}")


for _command in (edits.add, edits.remove, edits.offered):
    models.add_command(_command)
