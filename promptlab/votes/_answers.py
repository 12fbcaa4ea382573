"""The answers that can be compared: of runs of the history, of a suite's last run, of the arms of an experiment.

An answer is comparable with another if both were given to the same question: the same case of a suite, or the same
inputs. What is no whole answer, because it failed or was stopped, is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from promptlab import suites
from promptlab.errors import InputError, PromptlabError, StoreError, nearest
from promptlab.runs import RunInfo, Store, shown_inputs
from promptlab.suites import SuiteLog, SuiteRun
from promptlab.types import Result, Score, canonical_json
from promptlab.workspace import Workspace

EXPERIMENTS = "experiments"


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those that are compared: a model, a variant, a version of a template. `id` names it in an address."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a contender to the question `case`. `question` is its text for people, `scores` are those of
    scorers and judges."""

    result: Result
    contender: Contender
    case: str
    question: str
    scores: tuple[Score, ...] = ()

    @property
    def text(self) -> str:
        return self.result.text

    @property
    def cut(self) -> bool:
        """True if it was cut off at max tokens."""
        return bool(self.result.completion and self.result.completion.finish_reason == "length")


@dataclass(frozen=True)
class Answers:
    """Answers with what they are of, and notes on what was left out."""

    title: str
    answers: tuple[Answer, ...]
    notes: tuple[str, ...] = ()

    @property
    def contenders(self) -> tuple[Contender, ...]:
        return tuple(dict.fromkeys(answer.contender for answer in self.answers))


@dataclass(frozen=True)
class Sources:
    """Where answers are read from."""

    workspace: Workspace
    store: Store
    log: SuiteLog


def answers_of(sources: Sources, names: Sequence[str]) -> Answers:
    """The answers of all `names`: each the id of a run or of a suite run, or the name of a suite or an experiment,
    whose last answers are meant.

    Raises `InputError` for a name of nothing.
    """
    if not names:
        raise InputError("name what to compare", hint="give two runs, a suite or an experiment")
    parts = [_one(sources, name) for name in dict.fromkeys(names)]
    answers = _named_apart([answer for part in parts for answer in part.answers])
    title = " against ".join(part.title for part in parts)
    return Answers(title, tuple(answers), tuple(note for part in parts for note in part.notes))


def _one(sources: Sources, name: str) -> Answers:
    runs, path = _suite_runs(sources, name)
    if runs or path:
        return _of_suite_runs(sources, *newest_asking(sources, name))
    try:
        return _of_run(sources, sources.store.run(name))
    except StoreError as exc:
        known = [*suites.suite_paths(sources.workspace), *_experiment_names(sources.workspace)]
        hint = f"`promptlab runs` lists runs; {nearest(name, known)}"
        raise InputError(f"there is no run, suite or experiment `{name}`: {exc.message}", hint=hint) from exc


# Suites and experiments


def _suite_runs(sources: Sources, name: str) -> tuple[list[SuiteRun], str]:
    """The suite runs that `name` means, newest first, and the path of the suite or experiment if it is one."""
    path = _path_of(sources.workspace, name)
    if path:
        runs = [run for run in sources.log.runs(path, limit=100) if run.verb != "replay" and run.done]
        return (runs if path.startswith(f"{EXPERIMENTS}/") else runs[:1]), path
    try:
        run = sources.log.run(name)
    except PromptlabError:
        return [], ""
    if run.verb == "replay":
        raise InputError(f"the suite run {name} is a replay, which asks for no answers", hint="name a rerun")
    return [run], run.suite


def _path_of(workspace: Workspace, name: str) -> str:
    """The path of the suite or the experiment `name`, "" if there is none."""
    paths = [*suites.suite_paths(workspace), *experiment_paths(workspace)]
    stems = {path: path.rpartition("/")[2].rpartition(".")[0] for path in paths}
    if name in paths:
        return name
    return next((path for path in paths if stems[path] == name), "")


def experiment_paths(workspace: Workspace) -> list[str]:
    """The paths of the experiments of the workspace."""
    folder = workspace.root / EXPERIMENTS
    return sorted(f"{EXPERIMENTS}/{file.name}" for file in folder.glob("*.y*ml")) if folder.is_dir() else []


def _experiment_names(workspace: Workspace) -> list[str]:
    return [path.rpartition("/")[2].rpartition(".")[0] for path in experiment_paths(workspace)]


def newest_asking(sources: Sources, name: str) -> tuple[list[SuiteRun], str]:
    """The suite runs that hold the last answers of `name`, and the path of its suite or experiment.

    An experiment asks in stages, a suite run each, with other cases in each: an older run that asked some of the same
    cases belongs to an earlier asking. Raises `InputError` if there are no answers.
    """
    runs, path = _suite_runs(sources, name)
    if not runs:
        known = [*suites.suite_paths(sources.workspace), *_experiment_names(sources.workspace)]
        what = f"{path} has no answers yet" if path else f"there is no suite, experiment or suite run `{name}`"
        hint = "run it first; a replay asks for no answers" if path else nearest(name, known)
        raise InputError(what, hint=hint)
    newest: list[SuiteRun] = []
    taken: set[str] = set()
    for run in runs:
        cases = {row.key.case for row in sources.log.every_row(run)}
        if cases & taken:
            break
        taken |= cases
        newest.append(run)
    return newest, path


def _of_suite_runs(sources: Sources, runs: Sequence[SuiteRun], path: str) -> Answers:
    answers: list[Answer] = []
    left_out: Counter[str] = Counter()
    for run in runs:
        rows = list(sources.log.every_row(run))
        results = sources.store.results_with(row.result for row in rows if row.result)
        for row in rows:
            result = results.get(row.result)
            if why := why_not_whole(result):
                left_out[why] += 1
                continue
            assert result is not None  # else it is not whole
            key, judged = row.key, map(suites.score_of, row.details.judged)
            name = " · ".join(part for part in (key.variant, key.model) if part)
            contender = Contender(f"{key.variant}/{key.model}", name)
            scores = (*result.scores, *judged)
            answers.append(Answer(result, contender, key.case, _question(result, key.case), scores))
    return Answers(path, tuple(answers), tuple(_left_out(left_out, path)))


# Runs of the history


def _of_run(sources: Sources, run: RunInfo) -> Answers:
    if run.made_for.kind:
        of = f" of {run.made_for.path}" if run.made_for.path else ""
        raise InputError(f"run {run.id[:8]} is a part of a suite run{of}", hint="name the suite instead")
    if run.deleted:
        raise InputError(f"run {run.id[:8]} is deleted", hint="bring it back on the page Runs")
    answers: list[Answer] = []
    left_out: Counter[str] = Counter()
    for result in sources.store.results(run.id):
        case = _case_of(result, run)
        why = why_not_whole(result) or ("" if case else "inputs that cannot be read back from the prompt")
        if why:
            left_out[why] += 1
            continue
        answers.append(Answer(result, _contender(result, run), case, _question(result, result.case), result.scores))
    return Answers(run.heading, tuple(answers), tuple(_left_out(left_out, f"run {run.id[:8]}")))


def _contender(result: Result, run: RunInfo) -> Contender:
    cell = result.cell
    parts = [result.model]
    if cell and cell.heading:
        parts.append(cell.heading)
    parts += [f"without {section.replace('_', ' ')}" for section in result.without]
    column = cell.column if cell else 0
    return Contender(f"{run.id[:8]}/{column}/{'/'.join(parts)}", " · ".join(parts))


def _case_of(result: Result, run: RunInfo) -> str:
    """What the question is known by: its case, or its inputs, or for a template without inputs the template. ""
    if it cannot be said."""
    if result.case:
        return result.case
    inputs = shown_inputs(result)
    if inputs:
        return canonical_json(inputs)
    prompt = result.request.prompt if result.request else None
    if prompt is None or any(source.section == "input" for source in prompt.sources):
        return canonical_json(dict(result.cell.inputs)) if result.cell and result.cell.inputs else ""
    return f"template {run.template}"


# What both share


def why_not_whole(result: Result | None) -> str:
    """Why nobody can be asked about this answer; "" for a whole one."""
    if result is None:
        return "an answer that is not in the history"
    if result.completion is None:
        return "an error"
    reason = result.completion.finish_reason
    if reason in ("stopped", "content_filter", "tool_calls"):
        return f"an answer that ended early ({reason.replace('_', ' ')})"
    return "" if result.text.strip() else "an empty answer"


def _left_out(counts: Counter[str], what: str) -> Iterator[str]:
    for why, count in counts.items():
        yield f"{what}: {count} left out, with {why}"


def _question(result: Result, case: str) -> str:
    """The question as people read it: the inputs, or the last message of the prompt."""
    inputs = shown_inputs(result)
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    if inputs:
        return "\n".join(f"{name}: {value}" for name, value in inputs.items())
    messages = result.request.messages if result.request else ()
    return messages[-1].content if messages else case


def _named_apart(answers: Sequence[Answer]) -> Iterable[Answer]:
    """The answers, with contenders of the same name told apart by the beginning of their ids."""
    names = Counter(contender.name for contender in {answer.contender for answer in answers})
    for answer in answers:
        own = answer.contender
        if names[own.name] < 2:
            yield answer
            continue
        contender = Contender(own.id, f"{own.name} ({own.id.partition('/')[0] or 'no variant'})")
        yield Answer(answer.result, contender, answer.case, answer.question, answer.scores)
