"""The command line. It reads words, calls one library function, and prints what came back.

Nothing heavy is imported before a command needs it, so `promptlab --help` answers at once. Exit status: 0
when all went well, 1 when something failed, 2 for a wrong command line, 130 after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab import __version__
from promptlab.errors import InputError, PromptlabError

if TYPE_CHECKING:
    from promptlab.runner import Run
    from promptlab.types import Result, Template


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="promptlab")
def cli() -> None:
    """Find out what each part of a prompt does, for each model, and whether it still works.

    Run it inside a workspace: a folder with a promptlab.yaml, or any folder below one.
    """


def _inputs(template: Template, pairs: Sequence[str], files: Sequence[str], *, samples: bool) -> dict[str, Any]:
    """Inputs from `name=value` and `name=path` words."""
    from promptlab import templates

    texts = dict(_split(pair, "--set") for pair in pairs)
    for name, path in (_split(file, "--set-file") for file in files):
        try:
            texts[name] = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise InputError(f"input `{name}` cannot be read from `{path}`: {exc}") from exc
    found = templates.sample_inputs(template) if samples else {}
    return {**found, **templates.inputs_from_text(template, texts)}


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
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="A model to ask; may be repeated. [all]")
@click.option("--temperature", type=click.FloatRange(min=0), help="Instead of the template's.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Most new tokens, instead of the template's.")
@click.option("--seed", type=int, help="For sampling at a temperature above 0.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, help="Ask each model this many times.")
@click.option("--expect", metavar="TEXT", help="The right answer; each answer is scored against it.")
@click.option("--scorer", type=click.Choice(["exact", "contains"]), default="contains", show_default=True)
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
    repeat: int,
    expect: str | None,
    scorer: str,
    fresh: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Ask several models the same prompt and print their answers, in the order of the models."""
    from promptlab import plans, report, runner, scorers, templates
    from promptlab.models import Catalogue
    from promptlab.store import Store
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    loaded = templates.load(workspace, template)
    catalogue = Catalogue(workspace)
    for name in models:
        catalogue.entry(name)
    trials = plans.compare(
        workspace,
        loaded,
        _inputs(loaded, pairs, files, samples=False),
        models or catalogue.names(),
        without=plans.switches(without),
        params=loaded.params.with_(temperature=temperature, max_tokens=max_tokens, seed=seed),
        repeats=repeat,
        expected=expect,
    )
    store = Store(workspace.state / "runs.sqlite")
    if explain:
        for trial in trials:
            _explain(trial, catalogue, store)
    run = runner.start(
        trials,
        catalogue=catalogue,
        store=store,
        title=f"compare {loaded.name}",
        fresh=fresh,
        scorers=[scorers.BY_NAME[scorer]()] if expect is not None else (),
    )

    def show(result: Result) -> None:
        click.echo(json.dumps(report.as_json(result), ensure_ascii=True) if as_json else report.as_text(result))
        if not as_json:
            click.echo()

    failed = _follow(run, show)
    catalogue.close()
    store.close()
    if run.cancelled:
        sys.exit(130)
    sys.exit(1 if failed else 0)


def _explain(trial: Any, catalogue: Any, store: Any) -> None:
    from promptlab import runner

    try:
        found = store.explain(runner.request_of(trial), catalogue.backend(trial.model).fingerprint)
        click.echo(f"{trial.model}: {found.sentence}", err=True)
    except PromptlabError as exc:
        click.echo(f"{trial.model}: {exc.message}", err=True)


def _follow(run: Run, show: Callable[[Result], None]) -> bool:
    """Show results in the order of the trials as they come, with a progress bar on a terminal; whether any failed.

    Ctrl-C stops the run, and what it has is still shown; a second one leaves at once.
    """
    from promptlab.types import Phase, Result

    ended: dict[int, Result] = {}
    shown, failed = 0, False

    def flush() -> None:
        nonlocal shown, failed
        while shown in ended:
            result = ended[shown]
            failed = failed or not result.ok
            show(result)
            shown += 1

    with _Progress(run) as progress:
        while True:
            try:
                for event in run:
                    if isinstance(event.step, Result):
                        ended[event.index] = event.step
                        progress.done()
                        with progress.paused():
                            flush()
                    elif isinstance(event.step, Phase):
                        progress.phase(run.trials[event.index].model, event.step)
                break
            except KeyboardInterrupt:
                if run.cancelled:
                    raise
                run.cancel()
    return failed


class _Progress:
    """A progress bar on standard error when that is a terminal; nothing otherwise."""

    def __init__(self, run: Run) -> None:
        self._total = len(run.trials)
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.description}", markup=False),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._bar:
            self._bar.stop()

    def done(self) -> None:
        if self._bar:
            self._bar.advance(self._task)

    def phase(self, model: str, phase: Any) -> None:
        if self._bar:
            read = f" {phase.done:,} of {phase.total:,} tokens" if phase.total else ""
            self._bar.update(self._task, description=f"{model}: {phase.name}{read} {phase.detail}".rstrip())

    def paused(self) -> _Paused:
        return _Paused(self._bar)


class _Paused:
    """Takes the bar off the screen while an answer is printed."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def __enter__(self) -> None:
        if self._bar:
            self._bar.stop()

    def __exit__(self, *_exc: object) -> None:
        if self._bar:
            self._bar.start()


@cli.command()
@_template_options
@click.option(
    "-m", "--model", required=True, metavar="NAME", help="The model whose chat template and tokenizer to use."
)
@click.option("--json", "as_json", is_flag=True, help="Messages, spans and tokens as one JSON object.")
def render(
    template: str, pairs: tuple[str, ...], files: tuple[str, ...], without: tuple[str, ...], model: str, as_json: bool
) -> None:
    """Show what a model would get, and the tokens of each section; asks nothing. Inputs not set take their samples."""
    from promptlab import plans, runner, templates
    from promptlab.models import Catalogue
    from promptlab.types import SECTIONS
    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    loaded = templates.load(workspace, template)
    inputs = _inputs(loaded, pairs, files, samples=True)
    (trial,) = plans.compare(workspace, loaded, inputs, [model], without=plans.switches(without))
    catalogue = Catalogue(workspace)
    request = runner.request_of(trial)
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
            click.echo(f"── {message.role}\n{message.content}")
        about = "" if budget.exact else "about "
        window = f" of a window of {budget.window:,}" if budget.window else ""
        click.echo(f"\n── {model}: {about}{budget.prompt:,} tokens and up to {budget.room:,} new{window}")
        for section in SECTIONS:
            if count := budget.by_section.get(section):
                click.echo(f"{count:>8,}  {section.replace('_', ' ')}")
    catalogue.close()
    runner.refuse_if_over(model, budget)


@cli.group()
def models() -> None:
    """The models of this workspace's catalogue."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def models_list(as_json: bool) -> None:
    """Every model: ready or not and why, window, clearance, size on disk, GPU or not."""
    from dataclasses import asdict

    from promptlab.models import Catalogue
    from promptlab.workspace import Workspace

    catalogue = Catalogue(Workspace.find())
    rows = [catalogue.status(name) for name in catalogue.names()]
    if as_json:
        for row in rows:
            click.echo(json.dumps(asdict(row), default=str))
        return
    if not rows:
        click.echo("promptlab.yaml names no models; add one under `models:`")
    for row in rows:
        window = f"{row.window:,} tokens" if row.window else "window unknown"
        size = f"{row.size_bytes / 1e6:,.0f} MB" if row.size_bytes else ""
        facts = [row.backend, window, f"clearance {row.clearance}", size, row.gpu]
        click.echo(f"{'ready    ' if row.ready else 'not ready'}  {row.name}  ({', '.join(f for f in facts if f)})")
        if row.reason:
            click.echo(f"           {row.reason}")


@models.command("prepare")
@click.argument("names", nargs=-1)
def models_prepare(names: tuple[str, ...]) -> None:
    """Make the embedded models ready: put their files together and verify them. Done once; NAMES or all."""
    from promptlab.models import Catalogue
    from promptlab.workspace import Workspace

    catalogue = Catalogue(Workspace.find())
    for name in names or catalogue.embedded():
        click.echo(f"{name}: {catalogue.prepare(name)}")


@cli.command()
def schema() -> None:
    """Print the JSON Schema of a template file, for editors."""
    from promptlab import templates

    click.echo(json.dumps(templates.file_schema(), indent=2))


@cli.group()
def runs() -> None:
    """The run history."""


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--text", help="Only runs with this text in a title, message or answer.")
@click.option("--template", help="Only runs of this template file.")
@click.option("-m", "--model", help="Only runs that asked this model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def runs_list(limit: int, text: str | None, template: str | None, model: str | None, as_json: bool) -> None:
    """Runs, newest first."""
    from dataclasses import asdict

    store = _store()
    for info in store.runs(limit=limit, text=text, template=template, model=model):
        if as_json:
            click.echo(json.dumps(asdict(info)))
            continue
        state = f"{info.done} of {info.total}" + (f", {info.failed} failed" if info.failed else "")
        click.echo(f"{info.id[:8]}  {info.created[:19]}  {info.title}  {', '.join(info.models)}  {state}")
    store.close()


@runs.command("show")
@click.argument("run_id")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the exact messages.")
def runs_show(run_id: str, as_json: bool) -> None:
    """The answers of a run; the beginning of its id is enough."""
    from promptlab import report

    store = _store()
    for result in store.results(store.run(run_id).id):
        if as_json:
            request = result.request.body() if result.request else None
            click.echo(json.dumps({**report.as_json(result), "request": request}))
        else:
            click.echo(report.as_text(result) + "\n")
    store.close()


def _store() -> Any:
    from promptlab.store import Store
    from promptlab.workspace import Workspace

    return Store(Workspace.find().state / "runs.sqlite")


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="[8501, or the next one free]")
def app(port: int | None) -> None:
    """Open the workbench on 127.0.0.1 and print its address."""
    from importlib.util import find_spec

    from promptlab.workspace import Workspace

    workspace = Workspace.find()
    if find_spec("streamlit") is None:
        raise PromptlabError("the workbench needs Streamlit", hint="pip install 'promptlab[ui]'")
    os.chdir(workspace.root)
    from promptlab.ui import serve

    serve.run(port)


def main() -> None:
    """Entry point: our own errors become a line, everything else keeps its traceback."""
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
        click.echo(f"promptlab: {exc}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
