"""A limit of cost is kept with known prices only: an unknown price is not 0, and a list price is said with its date."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.errors import SuiteError
from promptlab.models import Catalogue
from promptlab.runs import Store
from promptlab.suites import (
    Asking,
    AskOptions,
    ModelUse,
    SuiteLog,
    estimate_suite,
    list_price_note,
    load_suite,
    uses_of_model,
)
from promptlab.workspace import Workspace
from tests.loopback import LoopbackServer

SUITE = """\
template: cup
models: [{models}]
scorers: [{scorers}]
cases:
  - {{id: a, inputs: {{q: Who won?}}, expected: Argentina}}
"""


def opened(folder: Path, url: str, *, models: str, scorers: str = "contains") -> tuple[Catalogue, Store, SuiteLog]:
    (folder / "promptlab.yaml").write_text(
        "models:\n"
        f'  priced: {{backend: openai, model: m, base_url: "{url}", price_in: 1, price_out: 1}}\n'
        f'  half: {{backend: openai, model: m, base_url: "{url}", price_in: 1}}\n'
        f'  unknown: {{backend: openai, model: m, base_url: "{url}"}}\n'
        "  listed: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}\n"
    )
    for name, text in (
        ("templates/cup.yaml", "inputs: {q: {}}\n"),
        ("fixtures/suites/s.yaml", SUITE.format(models=models, scorers=scorers)),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    workspace = Workspace.load(folder)
    return Catalogue(workspace, {"OPENAI_API_KEY": "a-key-0123456789"}), Store.of(workspace), SuiteLog.of(workspace)


CASES = [
    ("priced", "contains", ""),
    ("unknown", "contains", "`unknown`"),
    ("half", "contains", "`half`"),
    ("priced, unknown", "contains", "`unknown`"),
    ("priced", "{judge: {model: unknown}}", "`unknown`"),
    ("priced", "{judge: {model: priced}}", ""),
]


@pytest.mark.parametrize(("models", "scorers", "refused"), CASES)
def test_a_limit_of_cost_needs_every_price(tmp_path: Path, models: str, scorers: str, refused: str) -> None:
    with LoopbackServer() as server:
        catalogue, store, log = opened(tmp_path, server.url, models=models, scorers=scorers)
        suite = load_suite(catalogue.workspace, "s")

        def start(options: AskOptions) -> Asking:
            return Asking(
                catalogue.workspace, suite, verb="record", options=options, catalogue=catalogue, store=store, log=log
            )

        try:
            if refused:
                with pytest.raises(SuiteError, match=f"price of {refused} is not known"):
                    start(AskOptions(max_cost=1.0))
                assert server.count == 0
                list(start(AskOptions(max_tokens=100_000)))
            else:
                asking = start(AskOptions(max_cost=1.0))
                list(asking)
                assert 0 < asking.spent.cost < 1
            assert server.count
        finally:
            catalogue.close()
            store.close()
            log.close()


def test_an_estimate_and_a_limit_say_the_date_of_a_list_price(tmp_path: Path) -> None:
    catalogue, store, log = opened(tmp_path, "http://127.0.0.1:9/v1", models="priced, listed")
    suite = load_suite(catalogue.workspace, "s")
    estimate = estimate_suite(
        catalogue.workspace, suite, verb="record", options=AskOptions(), catalogue=catalogue, store=store, log=log
    )
    lines = {one.model: one.said for one in estimate.models}
    assert "(list price of 2026-10-12)" in lines["listed"]
    assert "list price" not in lines["priced"]
    assert list_price_note(catalogue, ["priced"]) == ""
    assert list_price_note(catalogue, ["priced", "listed"]).startswith("listed: list price of 2026-10-12")
    store.close()
    log.close()
    catalogue.close()


def test_the_suites_that_name_a_model_are_found(tmp_path: Path) -> None:
    catalogue, store, log = opened(
        tmp_path, "http://127.0.0.1:9/v1", models="priced, half", scorers="{judge: {model: half}}"
    )
    folder = tmp_path / "fixtures/suites"
    (folder / "broken.yaml").write_text("template: none\n")
    case = "{id: a, inputs: {q: x}, expected: y, scorers: [{judge: {model: listed}}]}"
    (folder / "own.yaml").write_text(f"template: cup\nmodels: [priced]\nscorers: [contains]\ncases: [{case}]\n")
    uses = {name: uses_of_model(catalogue.workspace, name) for name in ("half", "listed", "unknown")}
    for found in uses.values():
        assert [use.suite for use in found if use.how.startswith("cannot be read")] == ["fixtures/suites/broken.yaml"]
    named = {name: [use for use in found if not use.how.startswith("cannot")] for name, found in uses.items()}
    assert named == {
        "half": [ModelUse("fixtures/suites/s.yaml", "asks it and judges with it")],
        "listed": [ModelUse("fixtures/suites/own.yaml", "judges with it")],
        "unknown": [],
    }
    store.close()
    log.close()
    catalogue.close()
