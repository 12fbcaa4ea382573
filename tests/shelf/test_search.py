"""One search: names before texts, all kinds, and never longer than it may take."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from promptlab.runs._store import Store
from promptlab.shelf import search_workspace
from promptlab.workspace._workspace import Workspace
from tests.conftest import House

FILES = {
    "templates/deep/cup-short.yaml": "description: short\nuser: hi\n",
    "templates/other.yaml": "description: About the CUP of tea\nuser: hi\n",
    "documents/tea.md": "Nothing here.\nA cup, at last.\n",
    "documents/picture.pdf": "%PDF-\0cup",
    "fixtures/suites/cup.yaml": "template: cup\nmodels: [m]\ncases: []\n",
}
CATALOGUE = 'models:\n  cup-model: {backend: openai, model: m, base_url: "http://127.0.0.1:9/v1"}\n'


def test_names_come_before_texts_and_every_kind_is_found(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace(CATALOGUE, FILES)
    with contextlib.closing(Store.of(workspace)) as store:
        house = House(workspace, store)
        house.model("m", ["The cup is Argentina's."])
        house.ask(house.trials("m"))
        found = search_workspace(workspace, "Cup", store=store)
    assert found.complete
    places = [(hit.kind, hit.place) for hit in found.hits if hit.kind != "run"]
    assert places == [
        ("template", "templates/cup.yaml"),
        ("template", "templates/deep/cup-short.yaml"),
        ("template", "templates/other.yaml"),
        ("document", "fixtures/documents/cup.md"),
        ("document", "documents/tea.md"),
        ("pool", "fixtures/examples/cup.jsonl"),
        ("suite", "fixtures/suites/cup.yaml"),
        ("model", "cup-model"),
    ]
    assert [hit.excerpt for hit in found.hits if hit.place == "documents/tea.md"] == ["A cup, at last."]
    assert sum(hit.kind == "run" for hit in found.hits) == 1


@pytest.mark.parametrize("words", ["", "  ", "zebra", "cup zebra"])
def test_nothing_is_found_for_nothing(words: str, workspace: Workspace) -> None:
    assert search_workspace(workspace, words).hits == ()


def test_a_search_out_of_time_says_so_and_still_gives_the_names(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace(files=FILES)
    found = search_workspace(workspace, "cup", seconds=-1)
    assert not found.complete
    assert ("document", "fixtures/documents/cup.md") in [(hit.kind, hit.place) for hit in found.hits]
    assert "documents/tea.md" not in [hit.place for hit in found.hits]


def test_many_hits_of_one_kind_leave_room_for_the_others(make_workspace: Callable[..., Workspace]) -> None:
    many = {f"templates/many/cup-{number:04}.yaml": "user: hi\n" for number in range(300)}
    hits = search_workspace(make_workspace(files=many), "cup").hits
    assert sum(hit.kind == "template" for hit in hits) == 8
    assert {"document", "pool"} <= {hit.kind for hit in hits}
