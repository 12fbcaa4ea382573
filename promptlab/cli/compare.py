"""`promptlab compare` and `promptlab render`: one prompt for several models, asked or only shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from promptlab.cli import _terminal as terminal
from promptlab.cli._common import opened, print_json, wrong_words
from promptlab.errors import InputError, ModelNotFound, PromptlabError, TemplateError

if TYPE_CHECKING:
    from promptlab.lab import Lab, Preview
    from promptlab.runs import Given, Run, Trial
    from promptlab.templates import Template
    from promptlab.types import Result, Section


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


@dataclass(frozen=True)
class Options:
    """The options of `promptlab compare`, named as click names them."""

    template: str
    pairs: tuple[str, ...]
    files: tuple[str, ...]
    without: tuple[str, ...]
    models: tuple[str, ...]
    temperature: float | None
    max_tokens: int | None
    seed: int | None
    reasoning_effort: str | None
    repeat: int
    numerics: Literal["fast", "portable"]
    expect: str | None
    scorer: str
    fresh: bool
    explain: bool
    as_json: bool


@click.command()
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
@click.option("--fresh", is_flag=True, help="Ask again even if the answer is stored.")
@click.option("--explain", is_flag=True, help="Print to standard error why each answer is stored or not.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def compare(**words: Any) -> None:
    """Ask several models one prompt and print their answers.

    They come in the order of the models. An unknown section, input or model is a wrong command line (exit status
    2). If an answer fails or cannot be judged, the status is 1, and the other answers are still printed.
    """
    options = Options(**words)
    with opened(numerics=options.numerics) as lab:
        run = _started(lab, options)
        failed = terminal.follow(run, lambda result: _print_result(lab, result, as_json=options.as_json))
    if run.cancelled:
        sys.exit(130)
    sys.exit(1 if failed else 0)


def _started(lab: Lab, options: Options) -> Run:
    from promptlab import scorers

    template = lab.template(options.template)
    trials = lab.plan(
        template,
        _inputs(lab, template, options.pairs, options.files, samples=False),
        models=_known(lab, options.models),
        without=_switches(options.without),
        params=template.params.with_(
            temperature=options.temperature,
            max_tokens=options.max_tokens,
            seed=options.seed,
            reasoning_effort=options.reasoning_effort or None,
        ),
        repeats=options.repeat,
        expected=options.expect,
    )
    if options.explain:
        for trial in trials:
            _explain(lab, trial)
    judges = []
    if options.expect is not None:
        spec = scorers.scorer_spec(options.scorer)
        try:
            scorers.check_expected(spec, options.expect)
        except InputError as exc:
            raise wrong_words(exc) from exc
        judges.append(scorers.build_scorer(spec, lab.workspace))
    return lab.start(trials, title=f"compare {template.name}", fresh=options.fresh, scorers=judges)


def _print_result(lab: Lab, result: Result, *, as_json: bool) -> None:
    from promptlab import runs

    if as_json:
        print_json(runs.result_as_json(result, lab.catalogue))
    else:
        click.echo(terminal.printable(runs.result_as_text(result, lab.catalogue)) + "\n")


def _explain(lab: Lab, trial: Trial) -> None:
    try:
        click.echo(f"{trial.model}: {lab.explain(trial)}", err=True)
    except PromptlabError as exc:
        click.echo(f"{trial.model}: {exc}", err=True)


@click.command()
@_template_options
@click.option(
    "-m", "--model", required=True, metavar="NAME", help="The model whose chat template and tokenizer to use."
)
@click.option("--json", "as_json", is_flag=True, help="Messages, spans and tokens as one JSON object.")
def render(
    template: str, pairs: tuple[str, ...], files: tuple[str, ...], without: tuple[str, ...], model: str, as_json: bool
) -> None:
    """Show the prompt that a model would get, and its tokens.

    Asks no model. Inputs that are not set take their samples.
    """
    from promptlab.runs import refuse_if_too_long

    with opened() as lab:
        loaded = lab.template(template)
        given = _inputs(lab, loaded, pairs, files, samples=True)
        _known(lab, [model])
        preview = lab.preview(loaded, given, model=model, without=_switches(without))
        if as_json:
            print_json(_preview_data(preview))
        else:
            _print_preview(preview)
    refuse_if_too_long(model, preview.tokens)


def _preview_data(preview: Preview) -> dict[str, Any]:
    request, sent, budget = preview.request, preview.sent, preview.tokens
    return {
        "model": preview.model,
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


def _print_preview(preview: Preview) -> None:
    from promptlab.types import SECTIONS

    for message in preview.request.messages:
        click.echo(f"── {message.role}\n{terminal.printable(message.content)}")
    budget = preview.tokens
    about = "" if budget.exact else "about "
    window = f" of a window of {budget.window:,}" if budget.window else ""
    click.echo(f"\n── {preview.model}: {about}{budget.prompt:,} tokens and up to {budget.room:,} new{window}")
    for section in SECTIONS:
        if count := budget.by_section.get(section):
            click.echo(f"{count:>8,}  {section.replace('_', ' ')}")


# Words of the command line as values


def _inputs(lab: Lab, template: Template, pairs: Sequence[str], files: Sequence[str], *, samples: bool) -> Given:
    """Inputs from `name=value` and `name=path` words. A path is that of a file from the current folder."""
    from promptlab.lab import given

    texts = dict(_split(pair, "--set") for pair in pairs)
    paths = {name: Path(path) for name, path in (_split(file, "--set-file") for file in files)}
    try:
        return given(lab.workspace, template, paths, texts=texts, samples=samples)
    except TemplateError as exc:
        raise wrong_words(exc) from exc


def _switches(names: Sequence[str]) -> tuple[Section, ...]:
    from promptlab import runs

    try:
        return runs.sections_to_leave_out(names)
    except InputError as exc:
        raise wrong_words(exc) from exc


def _known(lab: Lab, names: Sequence[str]) -> Sequence[str] | None:
    """The models named; None, which is all of the workspace, when none is."""
    for name in names:
        try:
            lab.catalogue.entry(name)
        except ModelNotFound as exc:
            raise wrong_words(exc) from exc
    return names or None


def _split(pair: str, option: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise click.BadParameter(f"write it as {option} name=value, not {pair!r}", param_hint=option)
    return name, value
