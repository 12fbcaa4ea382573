"""A benchmark of a local model on this machine: memory, speed beside plain llama-cpp-python, and repeatability.

    report = benchmark(catalogue, "smollm2-135m")
    report.speed.reading_ratios       # (1.03, 1.02, 1.04): promptlab's prefill is a little faster here
    report.sameness.differing         # (): every text was the same

The prompts are made up here, so nothing of the workspace is read. The model is opened a second time without the prefix
cache of the workspace, which is neither used nor changed.

    _benchmark_prompts.py   what is asked               _benchmark_figures.py   what the figures are
    _benchmark_measure.py   asking and counting         _benchmark_report.py    the figures as lines of text
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from promptlab.errors import EngineFailed, ModelNotReady, PromptlabError, RequestRejected
from promptlab.models._benchmark_figures import Concurrency, Missing, ModelFacts, Repeatability, Report
from promptlab.models._benchmark_measure import Measurement, Say, answer, measure_concurrency
from promptlab.models._benchmark_prompts import (
    QUICK_BENCHMARK,
    USUAL_BENCHMARK,
    BenchmarkSize,
    ask_for_list,
    fitted,
    rows_beyond,
    short_ones,
)
from promptlab.models._catalogue import Catalogue
from promptlab.models._resident_memory import resident_memory
from promptlab.workspace import LlamaModel, OpenAIModel, Workspace

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend
    from promptlab.models._llama._reference import Reference

MEMORY = "how much memory it took"
Figure = TypeVar("Figure")


def benchmark(
    catalogue: Catalogue, name: str, *, size: BenchmarkSize = USUAL_BENCHMARK, say: Say = lambda _text: None
) -> Report:
    """Load the model `name` and measure it.

    Raises:
        ModelNotFound: there is no such model.
        ModelNotReady: it is not a local model, or its file does not exist.
        EngineFailed: it does not load, or does not answer.
    """
    entry = catalogue.entry(name)
    if not isinstance(entry, LlamaModel):
        what = f"{entry.model} behind an API" if isinstance(entry, OpenAIModel) else "not a file on this machine"
        raise ModelNotReady(
            f"{name} is {what}, and only local models are checked",
            hint=f"ask it: promptlab compare TEMPLATE -m {name}",
        )
    # In the exact mode first: its texts are what the mode with several answers at once is compared with.
    changes: dict[str, Any] = {"throughput": 0} if entry.throughput else {}
    missing: list[Missing] = []
    changes |= _template(catalogue, name, entry, missing)
    with open_model(catalogue.workspace, name, entry, **changes) as backend:
        fitting = _fitting_size(backend, size, missing)
        facts = _facts(backend, name, say, fitting, missing)
        with _plain(backend, entry) as (plain, why):
            measurement = Measurement(backend, plain, fitting, say, missing)
            speed = _tried("how fast it is", lambda: measurement.speed(why), missing)
            sameness = _tried("whether the same request gets the same text", measurement.repeatability, missing)
            behind = _behind_window(measurement, missing)
        texts = _exact_texts(backend, name, fitting, say, missing) if entry.throughput else None
    several = None
    if texts:
        with open_model(catalogue.workspace, name, entry, **{**changes, "throughput": entry.throughput}) as backend:
            several = _tried("many at once", lambda: _concurrency(backend, name, fitting, texts, say), missing)
    return Report(facts, speed, sameness, several, behind, tuple(missing))


def _tried(what: str, figure: Callable[[], Figure], missing: list[Missing]) -> Figure | None:
    """A figure. If it cannot be measured, the reason goes into `missing`, and the others are measured all the same."""
    try:
        return figure()
    except PromptlabError as exc:
        missing.append(Missing(what, exc.message))
        return None


def _template(catalogue: Catalogue, name: str, entry: LlamaModel, missing: list[Missing]) -> dict[str, Any]:
    """Changes to the entry that make it possible to ask the model: a plain transcript if its own chat template cannot
    be used."""
    from promptlab.models._llama._chat_template import PLAIN_TRANSCRIPT

    with open_model(catalogue.workspace, name, entry) as backend:
        try:
            backend.as_sent(ask_for_list(name, BenchmarkSize(rows=1, write=1), 0))
        except (ModelNotReady, RequestRejected) as exc:
            missing.append(Missing("its own chat template", f"{exc.message}; tried with a plain transcript"))
            return {"chat_template": PLAIN_TRANSCRIPT}
    return {}


def _fitting_size(backend: LlamaBackend, size: BenchmarkSize, missing: list[Missing]) -> BenchmarkSize:
    fitting = fitted(backend, size)
    if fitting != size:
        missing.append(
            Missing("the usual length", f"its window has {backend.window:,} tokens; asked with shorter text")
        )
    return fitting


def _exact_texts(
    backend: LlamaBackend, name: str, size: BenchmarkSize, say: Say, missing: list[Missing]
) -> list[str] | None:
    requests = short_ones(name, size)
    say(f"asking {len(requests)} short prompts in the exact mode")
    return _tried("many at once", lambda: [answer(backend, request).text for request in requests], missing)


def _concurrency(backend: LlamaBackend, name: str, size: BenchmarkSize, texts: Sequence[str], say: Say) -> Concurrency:
    say("the same one by one and all at once")
    answer(backend, ask_for_list(name, fitted(backend, QUICK_BENCHMARK), 0))  # loads it
    return measure_concurrency(backend, short_ones(name, size), texts)


def _behind_window(measurement: Measurement, missing: list[Missing]) -> Repeatability | None:
    """Repeatability behind a text longer than the sliding window; None for a model without one."""
    window = measurement.backend.sliding_window
    if not window:
        return None
    what = f"the same behind a text longer than its sliding window of {window:,} tokens"
    rows = rows_beyond(measurement.backend, window, measurement.size)
    if rows is None:
        missing.append(Missing(what, f"its window has {measurement.backend.window:,} tokens, too few for such a text"))
        return None
    longer = replace(measurement, size=replace(measurement.size, rows=rows))
    return _tried(what, longer.repeatability, missing)


@contextmanager
def open_model(workspace: Workspace, name: str, entry: LlamaModel, **changes: Any) -> Iterator[LlamaBackend]:
    """The local model of `entry` with `changes`, opened beside the catalogue's own and with an empty prefix cache."""
    from promptlab.models._llama._backend import LlamaBackend

    changed = entry.model_copy(update={"keep_prefixes": "never", **changes})
    own = Catalogue(Workspace(workspace.root, {name: changed}, {}))
    try:
        backend = own.backend(name)
        assert isinstance(backend, LlamaBackend)
        yield backend
    finally:
        own.close()


@contextmanager
def _plain(backend: LlamaBackend, entry: LlamaModel) -> Iterator[tuple[Reference | None, str]]:
    from promptlab.models._llama._reference import Reference, opening_of

    why, plain = "", None
    if entry.lora:
        why = "the model has a LoRA, which plain llama-cpp-python does not get here"
    else:
        try:
            plain = Reference(opening_of(backend))
        except EngineFailed as exc:
            why = exc.message
    if plain is None:
        yield None, why
        return
    with plain:
        yield plain, ""


def _facts(backend: LlamaBackend, name: str, say: Say, size: BenchmarkSize, missing: list[Missing]) -> ModelFacts:
    from promptlab.models._llama._reference import opening_of

    say(f"loading {backend.path.name}")
    backend.forget_prefixes()  # also waits for models that are being unloaded
    before = resident_memory()
    answer(backend, ask_for_list(name, replace(QUICK_BENCHMARK, rows=min(QUICK_BENCHMARK.rows, size.rows), write=1), 0))
    after = resident_memory()
    if before is None or after is None:
        missing.append(Missing(MEMORY, "this system does not say how much memory a process holds"))
    return ModelFacts(
        name=name,
        file=str(backend.path),
        file_bytes=backend.file_bytes,
        window=backend.window,
        chat_template=_template_source(backend),
        device=backend.gpu,
        threads=opening_of(backend).n_threads,
        memory_bytes=None if before is None or after is None else after - before,
        expected_bytes=backend.size,
        loaded=backend.memory,
    )


def _template_source(backend: LlamaBackend) -> str:
    from promptlab.models._llama._chat_template import PLAIN_TRANSCRIPT

    template = backend.chat_template
    in_place = template.source == PLAIN_TRANSCRIPT and backend.entry.chat_template is not None
    return "a plain transcript in place of its own" if in_place else template.origin


__all__ = ["benchmark", "open_model"]
