"""The labels that rows name: of pools and case files in every format."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptlab.errors import InputError
from promptlab.types import Place
from promptlab.workspace import parse_places, places_as_data
from promptlab.workspace._row_labels import RowLabel, read_row_labels

PLAN = Place("documents/plan.md")
HOST = Place("examples/cup.jsonl", "host")


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ([], ()),
        ("", ()),
        (["documents/plan.md"], (PLAN,)),
        ([["documents/plan.md"], ["examples/cup.jsonl", "host"]], (PLAN, HOST)),
        ('["documents/plan.md", ["examples/cup.jsonl", "host"]]', (PLAN, HOST)),
    ],
)
def test_places_are_read(value: object, places: tuple[Place, ...]) -> None:
    assert parse_places(value) == places


@pytest.mark.parametrize("value", [3, {"a": 1}, "no json", [3], [[]], [["a", "b", "c"]], [["a", 1]], '"text"'])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError):  # JSON errors are ValueErrors with other words
        parse_places(value)


def test_places_are_written_once_and_read_back() -> None:
    data = places_as_data([PLAN, HOST, PLAN])
    assert data == ["documents/plan.md", ["examples/cup.jsonl", "host"]]
    assert parse_places(data) == (PLAN, HOST)


ROWS = {
    "a.jsonl": '{"id": "plain"}\n\n{"id": "host", "label": "internal", "copied_from": ["documents/plan.md"]}\n3\n',
    "a.csv": 'id,label,copied_from\nplain,,\nhost,internal,"[""documents/plan.md""]"\n',
    "a.tsv": 'id\tlabel\tcopied_from\nplain\t\t\nhost\tinternal\t["documents/plan.md"]\n',
    "b.csv": 'sep=;\nID;Label;Copied_From\nplain;;\nhost;internal;"[""documents/plan.md""]"\n',
    "c.csv": 'id;label;copied_from\nplain;;\nhost;internal;"[""documents/plan.md""]"\n',
    "a.yaml": "- id: plain\n- {id: host, label: internal, copied_from: [documents/plan.md]}\n",
    "suite.yaml": "cases:\n- id: plain\n- {id: host, label: internal, copied_from: [documents/plan.md]}\n",
}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte order mark"])
def test_the_rows_of_every_format_are_read(tmp_path: Path, name: str, mark: str) -> None:
    file = tmp_path / name
    file.write_text(mark + ROWS[name], encoding="utf-8")
    rows = read_row_labels(file, name)
    assert rows.ids == {"plain", "host"}
    assert rows.labelled == {"host": RowLabel("internal", (PLAN,))}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"id": "a", "label": "secret"}'),
        ("a.jsonl", '{"id": "a", "copied_from": 3}'),
        ("a.jsonl", "{"),
        ("a.yaml", "- {id: a, label: secret}"),
        ("a.yaml", "- {"),
    ],
)
def test_rows_that_cannot_be_read_are_an_error(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises((ValueError, InputError)):
        read_row_labels(file, name)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": "a", "label": "internal"}\n', encoding="utf-8")
    assert read_row_labels(file, "a.jsonl").labelled["a"].label == "internal"
    file.write_text('{"id": "a", "label": "confidential"}\n', encoding="utf-8")
    assert read_row_labels(file, "a.jsonl").labelled["a"].label == "confidential"


def test_a_cell_that_nests_without_end_is_no_list_of_places() -> None:
    with pytest.raises(ValueError, match="too deeply"):
        parse_places("[" * 100_000)


def test_an_input_called_label_in_other_letters_is_no_label(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,Label\na,spam\nb,internal\n")
    rows = read_row_labels(file, "a.csv")
    assert rows.ids == {"a", "b"}
    assert rows.labelled == {"b": RowLabel("internal", ())}, "the stricter reading"


def test_a_header_that_could_be_read_in_two_ways_gives_no_labels(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,a;id\nx,y;z\n")
    with pytest.raises(ValueError, match="comma and with the semicolon"):
        read_row_labels(file, "a.csv")
