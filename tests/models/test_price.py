"""A price is known, with its source and date, or it is unknown: never a guess, and never 0."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from promptlab.models import Catalogue, ScriptedBackend, price, price_of
from promptlab.models._price import LIST
from promptlab.workspace import Workspace

LISTED = date(2026, 10, 12)


def catalogue_of(folder: Path, entry: str) -> Catalogue:
    (folder / "promptlab.yaml").write_text(f"models:\n  m: {entry}\n")
    return Catalogue(Workspace.load(folder), {}, extra={"extra": ScriptedBackend("extra", ["x"])})


# An entry, its price for 1,000,000 prompt tokens of which half were cached, and 1,000,000 new ones, and its date.
ENTRIES: list[tuple[str, float | None, date | None]] = [
    ("{backend: openai, model: gpt-4o-mini}", 0.7125, LISTED),
    ("{backend: openai, model: gpt-4o-mini-2024-07-18}", 0.7125, LISTED),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://api.openai.com/v1"}', 0.7125, LISTED),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://api.openai.com/v1/"}', 0.7125, LISTED),
    ("{backend: openai, model: gpt-4o-2024-05-13}", 20.0, LISTED),
    ("{backend: openai, model: gpt-4o-mini, extra_body: {user: ada}}", 0.7125, LISTED),
    ('{backend: openai, model: claude-sonnet-5, base_url: "https://api.anthropic.com/v1/"}', 11.1, date(2026, 10, 14)),
    # no name is matched by a guess
    ("{backend: openai, model: gpt-4o-mini-2024-07}", None, None),
    ("{backend: openai, model: gpt-4o-mini-2031-01-01}", None, None),
    ("{backend: openai, model: GPT-4o-mini}", None, None),
    ('{backend: openai, model: "ft:gpt-4o-mini-2024-07-18:us:x:y"}', None, None),
    ("{backend: openai, model: gpt-4o-audio-preview}", None, None),
    # another server, another region, another tier: another price
    ('{backend: openai, model: gpt-4o-mini, base_url: "http://127.0.0.1:9/v1"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://eu.api.openai.com/v1"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://api.openai.com.evil.org/v1"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "http://api.openai.com/v1"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://api.openai.com:8443/v1"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://api.openai.com/v2"}', None, None),
    ('{backend: openai, model: gpt-4o-mini, base_url: "https://[::1"}', None, None),
    ('{backend: openai, model: gpt-4o, base_url: "https://x.openai.azure.com", api_version: "2024-10-21"}', None, None),
    ('{backend: openai, model: gpt-4o, base_url: "https://x.openai.azure.com/openai/v1"}', None, None),
    ("{backend: openai, model: claude-sonnet-5}", None, None),
    ("{backend: openai, model: gpt-4o-mini, extra_body: {service_tier: priority}}", None, None),
    # promptlab.yaml wins, and what it leaves out is not taken from the list
    ("{backend: openai, model: gpt-4o-mini, price_in: 1, price_out: 2}", 3.0, None),
    ("{backend: openai, model: gpt-4o-mini, price_in: 1, price_cached: 0.5, price_out: 2}", 2.75, None),
    ("{backend: openai, model: gpt-4o-mini, price_in: 0, price_out: 0}", 0.0, None),
    ("{backend: openai, model: gpt-4o-mini, price_in: 1}", None, None),
    ("{backend: openai, model: gpt-4o-mini, price_out: 1}", None, None),
    ("{backend: llama, path: a.gguf}", None, None),
]


@pytest.mark.parametrize(("entry", "dollars", "listed"), ENTRIES)
def test_a_price_is_that_of_this_model_at_this_address(
    tmp_path: Path, entry: str, dollars: float | None, listed: date | None
) -> None:
    catalogue = catalogue_of(tmp_path, entry)
    cost = price(catalogue, "m", 1_000_000, 1_000_000, 500_000)
    assert cost == (None if dollars is None else pytest.approx(dollars))
    each = price_of(catalogue, "m")
    assert (each.listed if each else None) == listed
    if each and each.listed:
        assert each.source == f"list price of {each.listed.isoformat()}"


def test_a_backend_of_the_program_has_no_price(tmp_path: Path) -> None:
    assert price(catalogue_of(tmp_path, "{backend: llama, path: a.gguf}"), "extra", 1, 1) is None


def test_cached_tokens_without_a_price_of_their_own_cost_what_others_do(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, "{backend: openai, model: x, price_in: 2, price_out: 0}")
    assert price(catalogue, "m", 1_000_000, 0, 1_000_000) == pytest.approx(2.0)
    assert price(catalogue, "m", 1_000_000, 0, 2_000_000) == pytest.approx(2.0)


def test_every_list_price_makes_sense_and_has_a_date_and_a_page() -> None:
    for provider in tomllib.loads(LIST.read_text())["provider"]:
        assert isinstance(provider["date"], date)
        assert provider["page"].startswith("https://")
        for each in provider["prices"].values():
            assert 0 < each.get("cached", each["in"]) <= each["in"] <= each["out"]
            assert set(each) <= {"in", "cached", "out"}
