"""Every kind with awkward material: an error that says what to do, or a right outcome. Never a verdict from nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab.errors import BackendError, ExperimentError, PromptlabError
from promptlab.experiments import headline, html_report, kind_names, report_data, report_lines
from promptlab.models import ScriptedBackend
from tests.experiments.bench import able, asked, experiment, workspace
from tests.experiments.test_kinds import OPTIONS

SAID = ("helps", "hurts", "equivalent")
CASES = 3
Change = Callable[[Path], None]


def text(path: Path, old: str, new: str) -> None:
    there = path.read_text()
    assert old in there
    path.write_text(there.replace(old, new))


def rows(folder: Path, change: Callable[[list[dict[str, object]]], object], name: str = "cases.jsonl") -> None:
    found = [json.loads(line) for line in (folder / name).read_text().splitlines()]
    change(found)
    (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))


def template(old: str, new: str) -> Change:
    return lambda folder: text(folder / "templates/t.yaml", old, new)


def layout(folder: Path) -> None:
    plain = "{% system %}{{ instructions }}{% endsystem %}{% user %}{{ user }}{% enduser %}"
    with (folder / "templates/t.yaml").open("a") as file:
        file.write(f"layout: {json.dumps(plain)}\n")


def umlauts(folder: Path) -> None:
    text(folder / "templates/t.yaml", "Answer the question.", "Beantworte die Frage: «größer» 東京 🙂")
    rows(folder, lambda found: found[0].update(id="fälle-東京"))


def changed_rows(change: Callable[[list[dict[str, object]]], object], name: str = "cases.jsonl") -> Change:
    return lambda folder: rows(folder, change, name)


def empty_document(folder: Path) -> None:
    (folder / "docs/page.md").write_text("")


AWKWARD: dict[str, Change] = {
    "no instructions": template("  Answer the question.", "  "),
    "no document": template("context: [docs/page.md]\n", ""),
    "no examples": template("examples: {pool: pool.jsonl, k: 3, select: first}\n", ""),
    "an empty document": empty_document,
    "no place for documents": layout,
    "no expected answer": changed_rows(lambda found: [row.pop("expected") for row in found]),
    "one expected answer missing": changed_rows(lambda found: found[0].pop("expected")),
    "one case": changed_rows(lambda found: found.__delitem__(slice(1, None))),
    "no case": changed_rows(list.clear),
    "a case twice": changed_rows(lambda found: found[1].update(id="c0")),
    "an example that is a case": changed_rows(
        lambda found: found[0].update(inputs={"question": "What is 0?"}, output="word-0"), "pool.jsonl"
    ),
    "not ASCII": umlauts,
}


@pytest.mark.parametrize("name", kind_names())
@pytest.mark.parametrize("awkward", AWKWARD)
def test_it_is_refused_or_right(tmp_path: Path, awkward: str, name: str) -> None:
    """Three cases and models whose answers never depend on the prompt can show nothing."""
    space = workspace(tmp_path, CASES)
    AWKWARD[awkward](tmp_path)
    wanted = experiment(name, ("m", "n"), options=OPTIONS.get(name, {}))
    refused: PromptlabError | None = None
    try:
        outcome = asked(space, wanted, able(lambda _: 1.0, "m"), able(lambda _: 1.0, "n"))
    except PromptlabError as exc:
        refused = exc
    if refused is not None:
        assert getattr(refused, "file", "") or getattr(refused, "field", "") or refused.hint, str(refused)
        return
    assert not {effect.verdict for effect in outcome.effects} & set(SAID), headline(outcome)
    for effect in outcome.effects:
        assert effect.cases + sum(effect.left_out.values()) == len(outcome.seen.cases)
    judged = [one for one in outcome.seen.every if one.score is not None]
    if awkward == "no expected answer":
        assert not judged
    if awkward == "one expected answer missing":
        assert "c0" not in {one.case for one in judged}
    assert list(report_lines(outcome))
    assert report_data(outcome)["effects"] is not None
    assert html_report(outcome)


@pytest.mark.parametrize("name", kind_names())
def test_a_model_that_fails_has_no_verdict(tmp_path: Path, name: str) -> None:
    """Thirty answers that are missing are nothing, and not thirty wrong ones."""
    space = workspace(tmp_path, 30)
    broken = ScriptedBackend("n", lambda _: (_ for _ in ()).throw(BackendError("it is down")))
    outcome = asked(space, experiment(name, ("m", "n"), options=OPTIONS.get(name, {})), able(lambda _: 1.0), broken)
    own = [effect for effect in outcome.effects if effect.model == "n"]
    assert own
    assert {effect.cases for effect in own} == {0}
    assert not {effect.verdict for effect in own} & set(SAID)


@pytest.mark.parametrize("name", kind_names())
def test_a_confidential_document_is_refused_and_never_counted(tmp_path: Path, name: str) -> None:
    """The gate refuses; what is refused is left out, and the report says how many and why."""
    space = workspace(tmp_path, CASES)
    (tmp_path / "promptlab.yaml").write_text("models: {}\nlabels:\n  docs/page.md: confidential\n")
    models = tuple(ScriptedBackend(each, lambda _: "word-1", clearance="public") for each in ("m", "n"))
    wanted = experiment(name, ("m", "n"), options=OPTIONS.get(name, {}))
    outcome = asked(space, wanted, *models)
    sent = [message.content for model in models for request in model.history for message in request.messages]
    assert not [content for content in sent if "Number 1 is word-1" in content]
    unasked = [one for one in outcome.seen.every if one.score is None]
    assert unasked
    assert all(one.why_not for one in unasked)
    assert not {effect.verdict for effect in outcome.effects} & set(SAID)
    assert any("left out of" in line for line in report_lines(outcome))


def test_an_error_names_what_is_missing(tmp_path: Path) -> None:
    space = workspace(tmp_path, CASES)
    AWKWARD["no examples"](tmp_path)
    with pytest.raises(ExperimentError, match="no worked examples"):
        asked(space, experiment("shots"), able(lambda _: 1.0))
