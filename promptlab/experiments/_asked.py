"""What was asked, as the run history has it: the prompts as they were sent, when, by which version, of which model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from promptlab.experiments._observations import Observation
from promptlab.experiments._outcome import Outcome
from promptlab.runs import Store
from promptlab.types import Request, Result


@dataclass(frozen=True)
class Asked:
    """The requests behind the observations of an experiment, by the id of the answer."""

    results: Mapping[str, Result] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """The versions that asked, several separated by commas; the git revision is among them."""

    def request(self, one: Observation) -> Request | None:
        """The request that was sent for `one`; None if the history no longer has it."""
        result = self.results.get(one.result)
        return result.request if result else None

    @property
    def dates(self) -> tuple[str, str] | None:
        """The days of the first and the last answer; an answer from the history has the day when it was given."""
        times = sorted((r.answered_at or r.created)[:10] for r in self.results.values() if r.answered_at or r.created)
        return (times[0], times[-1]) if times else None

    def fingerprints(self, model: str) -> tuple[str, ...]:
        """What the engine or server said of itself when `model` answered, such as the hash of the model's file."""
        every = (r.completion.fingerprint for r in self.results.values() if r.model == model and r.completion)
        return tuple(sorted({name for name in every if name}))


def asked_by(outcome: Outcome, store: Store) -> Asked:
    """What the history has of the answers of `outcome`."""
    runs = dict.fromkeys(one.store_run for one in _every(outcome) if one.store_run)
    wanted = {one.result for one in _every(outcome)}
    results, versions = dict[str, Result](), dict[str, set[str]]()
    for run in runs:
        origin = store.run(run).origin
        for name, version in {**origin.versions, "git revision": origin.git_revision[:12]}.items():
            versions.setdefault(name, set()).add(version)
        results |= {result.id: result for result in store.results(run) if result.id in wanted}
    return Asked(results, {name: ", ".join(sorted(found)) for name, found in versions.items() if any(found)})


def _every(outcome: Outcome) -> Iterator[Observation]:
    for seen in (outcome.screened, outcome.seen):
        if seen is not None:
            yield from seen.every


def prompt_text(request: Request) -> str:
    """The messages of a request as one text, each under its role."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in request.messages)
