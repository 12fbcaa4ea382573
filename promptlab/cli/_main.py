"""The command line. It reads words, calls one library function, and prints what came back.

Nothing heavy is imported before a command needs it, so `promptlab --help` answers at once. Exit status: 0
when all went well, 1 when something failed, 2 for a wrong command line, 130 after Ctrl-C.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from promptlab import __version__
from promptlab.cli import (
    _terminal as terminal,
)
from promptlab.cli import (
    documents as cli_documents,
)
from promptlab.cli import (
    examples as cli_examples,
)
from promptlab.cli import (
    export as cli_export,
)
from promptlab.cli import (
    import_ as cli_formats,
)
from promptlab.cli import (
    ledger as cli_ledger,
)
from promptlab.cli import (
    models as cli_models,
)
from promptlab.cli import (
    serve as cli_serve,
)
from promptlab.cli import (
    suite as cli_suite,
)
from promptlab.cli import (
    templates as cli_templates,
)
from promptlab.cli import (
    trust as cli_trust,
)
from promptlab.errors import InputError, ModelNotFound, PromptlabError, WorkspaceError

if TYPE_CHECKING:
    from promptlab.models import Catalogue
    from promptlab.types import Given, Label, Result, Section, Template
    from promptlab.workspace import Workspace


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


def _inputs(
    workspace: Workspace, template: Template, pairs: Sequence[str], files: Sequence[str], *, samples: bool
) -> Given:
    """Inputs from `name=value` and `name=path` words. A path is that of a file from the current folder."""
    from promptlab import templates
    from promptlab.types import Given, Place, highest

    texts = dict(_split(pair, "--set") for pair in pairs)
    labels: list[Label] = []
    places: dict[str, tuple[Place, ...]] = {}
    for name, path in (_split(file, "--set-file") for file in files):
        try:
            texts[name] = Path(path).read_bytes().decode("utf-8")
            labels.append(workspace.label_of(str(Path(path).absolute())))
            places[name] = tuple(Place(known) for known in workspace.names_of(Path(path)))
        except (OSError, ValueError) as exc:
            raise InputError(f"input `{name}` cannot be read from `{path}`: {exc}") from exc
    found = templates.sample_inputs(template) if samples else {}
    try:
        return Given({**found, **templates.inputs_from_text(template, texts)}, highest(labels), places)
    except InputError as exc:
        raise _wrong_words(exc) from exc


def _wrong_words(exc: PromptlabError) -> click.UsageError:
    """A word of the command line that names nothing is a wrong command line, as an unknown option is."""
    return click.UsageError(str(exc))


def _switches(names: Sequence[str]) -> tuple[Section, ...]:
    from promptlab import runs as plans

    try:
        return plans.sections_to_leave_out(names)
    except InputError as exc:
        raise _wrong_words(exc) from exc


def _known(catalogue: Catalogue, names: Sequence[str]) -> list[str]:
    """The models named, each once; all of the catalogue when none is."""
    for name in names:
        try:
            catalogue.entry(name)
        except ModelNotFound as exc:
            raise _wrong_words(exc) from exc
    found = list(dict.fromkeys(names)) or catalogue.names()
    if not found:
        raise WorkspaceError("there is no model to ask", file="promptlab.yaml", hint="add one under `models:`")
    return found


def _split(pair: str, option: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"write it as {option} name=value, not {pair!r}", param_hint=option)
    return name, value


def _template_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--without",
            multiple=True,
            metavar="SECTION",
            help="Leave a section out: instructions, output_format, context or examples. May be repeated.",
        ),
        click.option(
            "--set-file", "files", multiple=True, metavar="NAME=PATH", help="Take an input's value from a text file."
        ),
        click.option("--set", "pairs", multiple=True, metavar="NAME=VALUE", help="Set an input of the template."),
        click.argument("template"),
    ):
        command = option(command)
    return command


@cli.command()
@_template_options
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="A model to ask; may be repeated. All of them unless given.",
)
@click.option("--temperature", type=click.FloatRange(min=0), metavar="X", help="Instead of the template's.")
@click.option(
    "--max-tokens", type=click.IntRange(min=1), metavar="N", help="Most new tokens, instead of the template's."
)
@click.option("--seed", type=int, metavar="N", help="For sampling at a temperature above 0.")
@click.option(
    "--reasoning-effort", metavar="WORD", help="How long a thinking model may think: none, low, high, as it knows it."
)
@click.option("--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="Ask each model this many times.")
@click.option(
    "--numerics",
    type=click.Choice(["fast", "portable"]),
    default="fast",
    show_default=True,
    help="The CPU code of local models: the best for this processor, or one with the same text on every processor.",
)
@click.option("--expect", metavar="TEXT", help="The right answer; each answer is scored against it.")
@click.option(
    "--scorer",
    type=click.Choice(["exact", "contains"]),
    default="contains",
    show_default=True,
    help="How it is scored.",
)
@click.option("--fresh", is_flag=True, help="Ask again even when the store has the answer.")
@click.option(
    "--explain", is_flag=True, help="Say, on standard error, why the store does or does not have each answer."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def compare(
    template: str,
    pairs: tuple[str, ...],
    files: tuple[str, ...],
    without: tuple[str, ...],
    models: tuple[str, ...],
    temperature: float | None,
    max_tokens: int | None,
    seed: int | None,
    reasoning_effort: str | None,
    repeat: int,
    numerics: Literal["fast", "portable"],
    expect: str | None,
    scorer: str,
    fresh: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Ask several models one prompt and print their answers.

    They come in the order of the models. A word that names no section, input or model is a wrong command line
    (exit status 2); an answer that failed makes the status 1, and the others are still printed.
    """
    from promptlab import runs as plans
    from promptlab import runs as report
    from promptlab import scorers, templates
    from promptlab.models import Catalogue
    from promptlab.runs import Store, request_of, start_run
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    loaded = templates.load(workspace, template)
    catalogue = Catalogue(workspace, numerics=numerics)
    given = _inputs(workspace, loaded, pairs, files, samples=False)
    trials = plans.plan_comparison(
        workspace,
        loaded,
        given,
        _known(catalogue, models),
        without=_switches(without),
        params=loaded.params.with_(
            temperature=temperature, max_tokens=max_tokens, seed=seed, reasoning_effort=reasoning_effort or None
        ),
        repeats=repeat,
        expected=expect,
    )
    # What is wrong with the prompt itself is said once, and not by each model.
    request_of(trials[0])
    store = Store.of(workspace)
    if explain:
        for trial in trials:
            _explain(trial, catalogue, store)
    run = start_run(
        trials,
        catalogue=catalogue,
        store=store,
        title=f"compare {loaded.name}",
        fresh=fresh,
        scorers=[scorers.BY_NAME[scorer]()] if expect is not None else (),
    )

    def show(result: Result) -> None:
        click.echo(
            _line(report.result_as_json(result))
            if as_json
            else terminal.printable(report.result_as_text(result)) + "\n"
        )

    with contextlib.closing(store), contextlib.closing(catalogue):
        failed = terminal.follow(run, show)
    if run.cancelled:
        sys.exit(130)
    sys.exit(1 if failed else 0)


def _line(data: Any) -> str:
    """`data` as one line of JSON, in ASCII: whatever the terminal, the reader gets every character."""
    return json.dumps(data, default=str)


def _explain(trial: Any, catalogue: Any, store: Any) -> None:
    from promptlab.runs import explain, request_of

    try:
        explanation = explain(store, request_of(trial), catalogue.backend(trial.model).fingerprint)
        click.echo(f"{trial.model}: {explanation.sentence}", err=True)
    except PromptlabError as exc:
        click.echo(f"{trial.model}: {exc}", err=True)


@cli.command()
@_template_options
@click.option(
    "-m", "--model", required=True, metavar="NAME", help="The model whose chat template and tokenizer to use."
)
@click.option("--json", "as_json", is_flag=True, help="Messages, spans and tokens as one JSON object.")
def render(
    template: str, pairs: tuple[str, ...], files: tuple[str, ...], without: tuple[str, ...], model: str, as_json: bool
) -> None:
    """Show what a model would get, and the tokens of it.

    Asks nothing. Inputs that are not set take their samples.
    """
    from promptlab import runs as plans
    from promptlab import templates
    from promptlab.models import Catalogue
    from promptlab.runs import refuse_if_too_long, request_of
    from promptlab.types import SECTIONS
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    loaded = templates.load(workspace, template)
    catalogue = Catalogue(workspace)
    given = _inputs(workspace, loaded, pairs, files, samples=True)
    (trial,) = plans.plan_comparison(workspace, loaded, given, _known(catalogue, [model]), without=_switches(without))
    request = request_of(trial)
    sent = catalogue.backend(model).as_sent(request)
    budget = sent.budget
    if as_json:
        click.echo(
            json.dumps(
                {
                    "model": model,
                    "messages": request.body()["messages"],
                    "spans": [
                        {
                            "message": s.message,
                            "start": s.start,
                            "end": s.end,
                            "section": s.section,
                            "source": s.source,
                            "label": s.label,
                        }
                        for s in request.prompt.spans
                    ],
                    "raw": None if sent.body is not None else "".join(p.text for p in sent.pieces),
                    "body": sent.body,
                    "tokens": {
                        "prompt": budget.prompt,
                        "by_section": dict(budget.by_section),
                        "by_source": dict(budget.by_source),
                        "window": budget.window,
                        "max_tokens": budget.room,
                        "exact": budget.exact,
                        "fits": budget.fits,
                    },
                }
            )
        )
    else:
        for message in request.messages:
            click.echo(f"── {message.role}\n{terminal.printable(message.content)}")
        about = "" if budget.exact else "about "
        window = f" of a window of {budget.window:,}" if budget.window else ""
        click.echo(f"\n── {model}: {about}{budget.prompt:,} tokens and up to {budget.room:,} new{window}")
        for section in SECTIONS:
            if count := budget.by_section.get(section):
                click.echo(f"{count:>8,}  {section.replace('_', ' ')}")
    catalogue.close()
    refuse_if_too_long(model, budget)


@cli.group()
def models() -> None:
    """The models of this workspace's catalogue."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models_list(as_json: bool) -> None:
    """List every model: whether it is ready, and what it is.

    If not ready, why not; its window, clearance, size on disk, and whether a GPU helps.
    """
    from dataclasses import asdict

    from promptlab.models import Catalogue
    from promptlab.workspace import Workspace, unmatched

    workspace = Workspace.find()
    catalogue = Catalogue(workspace)
    for pattern in unmatched(workspace):
        click.echo(f"warning: the label pattern `{terminal.printable(pattern)}` is about no file", err=True)
    rows = [catalogue.status(name) for name in catalogue.names()]
    if as_json:
        for row in rows:
            click.echo(_line(asdict(row)))
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
    from promptlab.models import NOT_PORTABLE, NUMERICS, PORTABLE_HINT, Catalogue, candidates
    from promptlab.workspace import Workspace

    catalogue = Catalogue(Workspace.find())
    for name in names or catalogue.embedded():
        click.echo(f"{name}: {catalogue.prepare(name)}")
        click.echo(f"{name}: sha256 {catalogue.digest(name)}")
        for numerics in NUMERICS:
            if numerics == "portable" and not candidates(numerics):
                click.echo(f"{name}: {NOT_PORTABLE}; {PORTABLE_HINT}")
                continue
            code = catalogue.with_numerics(numerics).try_out(name, lambda text: click.echo(f"{text} ...", err=True))
            click.echo(f"{name}: {numerics} answers come from the CPU code {code}")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of template files, for editors."""
    from promptlab import templates

    click.echo(json.dumps(templates.file_schema(), indent=2))


@cli.group()
def runs() -> None:
    """The run history."""


@runs.command("list")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Most runs to list."
)
@click.option("--text", help="Only runs with this text in a title, message or answer.")
@click.option("--template", metavar="PATH", help="Only runs of this template file.")
@click.option("-m", "--model", metavar="NAME", help="Only runs that asked this model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def runs_list(limit: int, text: str | None, template: str | None, model: str | None, as_json: bool) -> None:
    """List runs, newest first."""
    from dataclasses import asdict

    store = _store()
    for info in store.runs(limit=limit, text=text, template=template, model=model):
        if as_json:
            click.echo(_line(asdict(info)))
            continue
        state = f"{info.done} of {info.total}" + (f", {info.failed} failed" if info.failed else "")
        parts = (info.id[:8], info.created[:19], info.title, ", ".join(info.models), state)
        click.echo(terminal.printable("  ".join(parts)))
    store.close()


@runs.command("show")
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the exact messages.")
def runs_show(run_id: str, as_json: bool) -> None:
    """Print the answers of a run.

    The beginning of its id is enough.
    """
    from promptlab import runs as report

    store = _store()
    for result in store.results(store.run(run_id).id):
        if as_json:
            request = result.request.body() if result.request else None
            click.echo(_line({**report.result_as_json(result), "request": request}))
        else:
            click.echo(terminal.printable(report.result_as_text(result)) + "\n")
    store.close()


def _store() -> Any:
    from promptlab.runs import Store
    from promptlab.workspace import Workspace

    return Store.of(Workspace.find())


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="[8501, or the next one free]")
def app(port: int | None) -> None:
    """Open the workbench in a browser, on 127.0.0.1."""
    from importlib.util import find_spec

    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    if find_spec("streamlit") is None:
        raise PromptlabError("the workbench needs Streamlit", hint="pip install 'promptlab[ui]'")
    os.chdir(workspace.root)
    from promptlab.ui import run

    run(port)


models.add_command(cli_models.check)
models.add_command(cli_models.build)
cli.add_command(cli_templates.templates)
cli.add_command(cli_formats.import_)
cli.add_command(cli_export.export)
cli.add_command(cli_documents.documents)
cli.add_command(cli_examples.examples)
cli.add_command(cli_suite.suite)
cli.add_command(cli_serve.serve)
cli.add_command(cli_ledger.ledger)
cli.add_command(cli_trust.trust)


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
