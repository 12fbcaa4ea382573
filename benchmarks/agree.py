"""Whether promptlab's exact mode writes what plain llama-cpp-python writes, and where not, why.

    python -m benchmarks.agree                       # 100 prompts on each embedded model: ten minutes
    python -m benchmarks.agree --model gemma-3-270m
    python -m benchmarks.agree --quick --json        # 8 prompts on smollm2-135m

Both get the same tokens, threads, window and attention, and write 24 tokens at temperature 0. promptlab asks in a mixed
order and reads on from what it has read; plain llama-cpp-python, in a process of its own, reads every prompt from its
first token. Each difference is traced to its cause, and only one of them may be there:

- `tokens`: the two read different tokens;
- `batch shape`: plain llama-cpp-python writes promptlab's text once it reads in promptlab's groups, whole
  multiples of 4 tokens, at least 8: how many tokens are computed together changes how llama.cpp rounds;
- `sampling`: it does not, but where the texts part its two best logits are closer to each other than reading in
  groups moves them (each may move, so twice as far counts);
- `unexplained`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from benchmarks import machine
from benchmarks.overhead import LOCAL_MODELS, ROOT
from promptlab._yaml import _read as yamlfile
from promptlab.documents import _read as documents
from promptlab.errors import InputError
from promptlab.examples import _pool as examples
from promptlab.models._benchmark import open_model
from promptlab.models._benchmark_figures import first_difference
from promptlab.models._benchmark_measure import answer
from promptlab.models._benchmark_prompts import WORDS, made_text
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._reference import Reference, Written, opening_of, texts_of, tokens_of
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel, Workspace

ARTICLE = "fixtures/documents/world-cup-2022.md"
POOL = "fixtures/examples/world-cup.jsonl"
FACTS = "fixtures/facts/world-cup-2022.yaml"
LONGEST = 300
"""Tokens of a prompt."""
SHARED = 160
"""About how many of them thirty prompts begin with."""
SEED = 6

Cause = Literal["tokens", "batch shape", "sampling", "unexplained"]
Kind = Literal["question", "sentences", "made", "shared beginning"]


@dataclass(frozen=True)
class Asked:
    """A prompt: what kind it is, and the request."""

    kind: Kind
    request: Request


@dataclass(frozen=True)
class Difference:
    """Two texts that are not the same. `tokens` are those of the prompt, `at` is the number, from 1, of the first token
    that differs. `gap` is between plain llama-cpp-python's two best logits there, and `moved` the most that any logit
    changes when it reads in promptlab's groups."""

    kind: Kind
    tokens: int
    at: int
    cause: Cause
    gap: float
    moved: float
    promptlab: str
    plain: str


@dataclass(frozen=True)
class Agreement:
    """Of one model: how many texts were equal, and the others. `shortest` to `longest` are tokens of a prompt, `read`
    and `reused` those that promptlab read and found read. `load` is that of the machine before and after, `seconds` all
    of it by the clock."""

    model: str
    prompts: int
    equal: int
    shortest: int
    longest: int
    read: int
    reused: int
    written: int
    causes: dict[str, int]
    differences: tuple[Difference, ...]
    seconds: float
    load: tuple[float, float]


# What is asked


def prompts(backend: LlamaBackend, workspace: Workspace, *, each: Sequence[int], max_tokens: int) -> list[Asked]:
    """As many questions, runs of sentences, made texts and prompts with a shared beginning as `each` says, mixed."""
    groups = yamlfile.read_yaml(workspace.root / FACTS, shown=FACTS, error=InputError).data["groups"]
    teams = [team for group in groups.values() for team in group]
    pool = [
        *(one.inputs["question"] for one in examples.load_pool(workspace, POOL)),
        *(f"How many points did {team} win in its group?" for team in teams),
    ]
    text = documents.read_document(workspace, ARTICLE).text
    sentences = [" ".join(one.split()) for one in re.split(r"(?<=[.!?])\s+|\n\n+", text) if len(one.split()) > 3]
    params = Params(max_tokens=max_tokens)

    def request(words: str) -> Request:
        return Request(backend.name, Prompt((Message("user", words),)), params)

    def fits(words: str, most: int) -> bool:
        return len(tokens_of(backend, request(words))) <= most

    def joined(start: int, wanted: int, most: int) -> str:
        """Sentences from number `start` on, `wanted` of them where so many fit."""
        found = ""
        for number in range(start, start + wanted):
            longer = f"{found} {sentences[number % len(sentences)]}".strip()
            if found and not fits(longer, most):
                break
            found = longer
        while not fits(found, most):
            found = found.rpartition(" ")[0]
        return found

    beginning = joined(0, len(sentences), SHARED)
    questions, runs, made, shared = each
    rows = [made_text(1 + 27 * number // made, number) for number in range(made)]
    asked = [
        *(Asked("question", request(pool[n])) for n in range(questions)),
        *(Asked("sentences", request(joined(3 * n, 1 + n % 15, LONGEST))) for n in range(runs)),
        Asked("made", request(WORDS[0])),
        *(Asked("made", request(f"Which number comes last?\n{text}")) for text in rows[1:]),
        *(Asked("shared beginning", request(f"{beginning}\n\n{pool[n]}")) for n in range(shared)),
    ]
    assert len({one.request.messages for one in asked}) == len(asked), "every prompt is another"
    random.Random(SEED).shuffle(asked)
    return asked


# What came of it


def agreement(name: str, *, each: Sequence[int], max_tokens: int) -> Agreement:
    """Ask the model `name` both ways."""
    started, load = time.perf_counter(), os.getloadavg()[0]
    workspace = Workspace.load(ROOT)
    entry = workspace.models[name]
    assert isinstance(entry, LlamaModel)
    found: list[Difference] = []
    answers: list[Completion] = []
    lengths: list[int] = []
    with open_model(workspace, name, entry, n_ctx=4096) as backend, Reference(opening_of(backend)) as plain:
        for one in prompts(backend, workspace, each=each, max_tokens=max_tokens):
            tokens = tokens_of(backend, one.request)
            ours, own = answer(backend, one.request), plain.write(tokens, max_tokens)
            answers.append(ours)
            lengths.append(len(tokens))
            if texts_of(backend, one.request.params, own.tokens)[-1] != ours.text:
                found.append(traced(backend, plain, one, tokens, ours, own))
                print(f"  {name}: {described(found[-1])}", file=sys.stderr)
    return Agreement(
        model=name,
        prompts=len(answers),
        equal=len(answers) - len(found),
        shortest=min(lengths),
        longest=max(lengths),
        read=sum(one.usage.read or 0 for one in answers),
        reused=sum(one.usage.reused or 0 for one in answers),
        written=sum(one.usage.written or 0 for one in answers),
        causes=dict(Counter(one.cause for one in found)),
        differences=tuple(found),
        seconds=round(time.perf_counter() - started, 1),
        load=(round(load, 1), round(os.getloadavg()[0], 1)),
    )


def traced(
    backend: LlamaBackend, plain: Reference, one: Asked, tokens: Sequence[int], ours: Completion, own: Written
) -> Difference:
    """Why the two texts differ."""
    params = one.request.params
    grown = texts_of(backend, params, own.tokens)
    at = first_difference(ours.text, grown) or 1
    cut = plain.write(tokens, params.max_tokens, our_cuts=True)
    # By the ids where they are known to be promptlab's, since texts may part later than tokens do.
    same = texts_of(backend, params, cut.tokens)[-1] == ours.text
    if same:
        at = next((n for n, (a, b) in enumerate(zip(own.tokens, cut.tokens, strict=False), 1) if a != b), at)
    margin = plain.margin(tokens, own.tokens[: at - 1])
    return Difference(
        *(one.kind, len(tokens), at),
        cause=cause(ours.usage.prompt == len(tokens), same, margin.gap, margin.moved),
        gap=margin.gap,
        moved=margin.moved,
        promptlab=ours.text,
        plain=grown[-1],
    )


def cause(same_tokens: bool, same_in_our_cuts: bool, gap: float, moved: float) -> Cause:
    """The first that holds."""
    if not same_tokens:
        return "tokens"
    if same_in_our_cuts:
        return "batch shape"
    return "sampling" if gap <= 2 * moved else "unexplained"


def described(one: Difference) -> str:
    """A difference as a line."""
    return (
        f"{one.cause}: {one.kind} of {one.tokens} tokens, from token {one.at} on; two best {one.gap:.3f} apart, "
        f"reading in groups moves logits by up to {one.moved:.3f}; {one.promptlab!r} against {one.plain!r}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=LOCAL_MODELS, help="one of them only")
    parser.add_argument("--write", type=int, default=24, help="tokens of an answer")
    parser.add_argument("--quick", action="store_true", help="8 prompts on smollm2-135m")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    each = (2, 2, 2, 2) if options.quick else (20, 30, 20, 30)
    models = [options.model] if options.model else ["smollm2-135m"] if options.quick else list(LOCAL_MODELS)
    found = [agreement(name, each=each, max_tokens=options.write) for name in models]
    if options.json:
        json.dump({"machine": machine.facts(), "models": [asdict(one) for one in found]}, sys.stdout)
        print()
        return
    print(machine.described())
    for one in found:
        print(f"\n{one.model}: {one.equal} of {one.prompts} texts equal, {one.written} tokens written after prompts of")
        print(f"  {one.shortest} to {one.longest} tokens; promptlab read {one.read} and reused {one.reused}")
        print(
            f"  causes {one.causes or 'none'}; {one.seconds:.0f} s, load {one.load[0]} before and {one.load[1]} after"
        )
        for difference in one.differences:
            print(f"  {described(difference)}")


if __name__ == "__main__":
    main()
