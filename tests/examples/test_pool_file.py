"""Files of examples: what is read from each format, what is refused with which line, and rows that are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import ExampleError
from promptlab.examples import _pool_file as pool_files
from promptlab.examples._edit import delete_examples, edit_example
from promptlab.examples._pool_file import PoolText, parse, written
from promptlab.types import Example, Place
from promptlab.workspace._workspace import Workspace

Read = tuple[str, dict[str, str], str, tuple[str, ...], str, tuple[Place, ...]]


def read(text: str | bytes, shown: str, label: Any = "public") -> PoolText:
    return parse(text if isinstance(text, bytes) else text.encode(), shown, label)


def as_tuple(example: Example) -> Read:
    # Examples compare without their origins.
    return example.id, dict(example.inputs), example.output, example.tags, example.label, example.origins


GOOD: dict[str, Any] = {"id": "a", "inputs": {"q": "x"}, "output": "o"}
GOOD_LINE = json.dumps(GOOD)


# Reading: the same two examples in every format

FIRST: Read = ("a", {"q": 'x "y"', "p": "1\n2"}, "Köln", ("t", "u"), "internal", (Place("d.md"), Place("e", "r")))
SECOND: Read = ("b", {"q": " z ", "p": ""}, "7", (), "public", ())
JSONL = [
    '{"id": "a", "inputs": {"q": "x \\"y\\"", "p": "1\\n2"}, "output": "K\\u00f6ln", "tags": ["t", "u"], '
    '"label": "internal", "copied_from": ["d.md", ["e", "r"]]}',
    '{"output":"7","inputs":{"q":" z ","p":""},"id":"b","copied_from":null,"tags":[]}',
]
CSV = [
    "id,q,p,output,tags,label,copied_from",
    'a,"x ""y""","1\n2",Köln,t; u;,internal,"[""d.md"", [""e"", ""r""]]"',
    "b, z ,,7,,,",
]
TSV = [
    "label\toutput\tid\tp\tq\ttags\tcopied_from",
    'internal\tKöln\ta\t"1\n2"\t"x ""y"""\t t;u\t"[""d.md"", [""e"", ""r""]]"',
    "\t7\tb\t\t z \t;\t",
]
YAML = [
    '# two\n- id: a\n  inputs:\n    q: x "y"\n    p: |-\n      1\n      2\n  output: Köln\n  tags: [t, u]\n'
    "  label: internal\n  copied_from: [d.md, [e, r]]",
    "- {id: b, inputs: {q: ' z ', p: ''}, output: '7'}",
]
FORMATS = {"p.jsonl": JSONL, "p": JSONL, "p.csv": CSV, "P.CSV": CSV, "p.tsv": TSV, "p.yaml": YAML, "p.yml": YAML}


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "byte order mark"])
@pytest.mark.parametrize("blank", ["", "\n", "  \n\n"], ids=["no blank lines", "a blank line", "blank lines"])
@pytest.mark.parametrize("last", ["", "\n"], ids=["no last newline", "last newline"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_same_examples_are_read_from_every_format(name: str, last: str, blank: str, mark: str) -> None:
    text = f"{mark}{blank}" + f"\n{blank}".join(FORMATS[name]) + last
    pool = read(text, name)
    assert [as_tuple(row.example) for row in pool.rows] == [FIRST, SECOND]
    assert pool.text == text
    lines = text.split("\n")
    starts = ("a,", "internal\t") if FORMATS[name] in (CSV, TSV) else ('{"id": "a"', "- id: a")
    assert [lines[row.line - 1].removeprefix(mark).startswith(starts) for row in pool.rows] == [True, False]
    assert {row.example.pool for row in pool.rows} == {name}


@pytest.mark.parametrize("name", FORMATS)
def test_line_ends_of_windows_are_read_as_those_of_unix(name: str) -> None:
    text = "\n".join(FORMATS[name]).replace("\n", "\r\n")
    pool = read(text, name)
    # A line break inside a cell of CSV is part of the text; YAML normalises it.
    first = ("a", {"q": 'x "y"', "p": "1\r\n2"}, *FIRST[2:]) if FORMATS[name] in (CSV, TSV) else FIRST
    assert [as_tuple(row.example) for row in pool.rows] == [first, SECOND]
    assert pool.newline == "\r\n"


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.tsv"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_places_of_rows_are_those_of_their_text(name: str, newline: str) -> None:
    records = FORMATS[name]
    text = "\ufeff" + f"{newline}{newline}".join(records)
    rows = read(text, name).rows
    assert [text[row.start : row.end].removeprefix("\ufeff") for row in rows] == [records[-2] + newline, records[-1]]
    assert [row.line for row in rows] == [text[: row.start].count("\n") + 1 for row in rows]


@pytest.mark.parametrize(
    ("own", "file", "label"),
    [
        ("", "public", "public"),
        ("", "confidential", "confidential"),
        ("internal", "public", "internal"),
        ("internal", "confidential", "confidential"),
        ("public", "internal", "internal"),
    ],
)
@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.yaml"])
def test_the_label_is_the_higher_of_row_and_file(name: str, own: str, file: Any, label: str) -> None:
    data = {"id": "a", "inputs": {"q": "x"}, "output": "o", **({"label": own} if own else {})}
    text = {
        "p.jsonl": json.dumps(data),
        "p.csv": f"id,q,output,label\na,x,o,{own}\n",
        "p.yaml": f"- {json.dumps(data)}\n",
    }[name]
    assert [row.example.label for row in read(text, name, file).rows] == [label]


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.tsv", "p.yaml"])
@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "\ufeff\n \n"])
def test_an_empty_file_has_no_rows(name: str, text: str) -> None:
    assert read(text, name).rows == ()


def test_an_empty_value_that_means_none_is_none() -> None:
    values: tuple[Any, ...] = (None, "", [], "[]")
    texts = [json.dumps({**GOOD, "id": str(n), "copied_from": value}) for n, value in enumerate(values)]
    assert [row.example.origins for row in read("\n".join(texts), "p.jsonl").rows] == [()] * 4


# Refusals, each with its line and field


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


WRONG_TYPES: dict[str, tuple[Any, ...]] = {
    "id": ("", None, 3, True, ["x"], {"x": "y"}),
    "output": ("", None, 3, True, ["x"], {"x": "y"}),
    "inputs": ({}, [], ["q"], "x", None, 3),
    "tags": ("x", None, 3, {}, [1], [None], [["x"]]),
    "label": ("", "secret", "Public", None, 3, [], ["public"], {}),
    "copied_from": ("d.md", "{}", "[[[", 3, 0, False, {}, {"d": 1}, [3], [None], [[]], [["a", "b", "c"]], [["a", 1]]),
}
NOT_TEXTS: tuple[Any, ...] = (None, 3, 0.5, True, ["x"], {})
WRONG_KEYS: list[tuple[Any, str]] = [
    *((without(key), key) for key in GOOD),
    *(({**GOOD, key: "x"}, key) for key in ("ouput", "ID", "")),
    *(({**GOOD, key: value}, key) for key, values in WRONG_TYPES.items() for value in values),
    *(({**GOOD, "inputs": {"p": "x", "q": value}}, "inputs.q") for value in NOT_TEXTS),
]


@pytest.mark.parametrize(("data", "field"), WRONG_KEYS, ids=lambda value: json.dumps(value)[-40:])
@pytest.mark.parametrize("name", ["p.jsonl", "p.yaml"])
def test_a_wrong_key_or_type_is_refused_with_its_line(name: str, data: Any, field: str) -> None:
    item = "- " if name == "p.yaml" else ""
    rows = [f"{item}{json.dumps(row)}" for row in ({**GOOD, "id": "first"}, data, {**GOOD, "id": "last"})]
    text = f"\n{rows[0]}\n\n{rows[1]}\n{rows[2]}"
    with pytest.raises(ExampleError) as caught:
        read(text, name)
    assert (caught.value.file, caught.value.line, caught.value.field) == (name, 4, field)


@pytest.mark.parametrize("value", ["[]", "3", "null", "true", '"text"', f"[{GOOD_LINE}]"])
@pytest.mark.parametrize("name", ["p.jsonl", "p.yaml"])
def test_a_row_that_is_no_object_is_refused_with_its_line(name: str, value: str) -> None:
    item = "- " if name == "p.yaml" else ""
    with pytest.raises(ExampleError) as caught:
        read(f"{item}{GOOD_LINE}\n{item}{value}\n", name)
    assert caught.value.line == 2
    assert ("line" in caught.value.hint) == (name == "p.jsonl"), "only JSONL has one example a line"


HEAD = "id,q,output,tags,label,copied_from\n"

WRONG_TABLES: list[tuple[str, str, int, str]] = [
    ("p.csv", HEAD + "a,x,o,,,\n,x,o,,,\n", 3, "id"),
    ("p.csv", HEAD + 'a,"x\ny\nz",o,,,\nb,x,,,,\n', 5, "output"),
    ("p.csv", HEAD + "a,x,o,,Internal,\n", 2, "label"),
    ("p.csv", HEAD + "a,x,o,, internal,\n", 2, "label"),
    ("p.csv", HEAD + "a,x,o,,,d.md\n", 2, "copied_from"),
    ("p.csv", HEAD + "a,x,o,,,{}\n", 2, "copied_from"),
    ("p.csv", HEAD + f"a,x,o,,,{'[' * 100_000}\n", 2, "copied_from"),
    ("p.csv", HEAD + "a,x,o,,\n", 2, ""),
    ("p.csv", HEAD + "a,x,o,,,,\n", 2, ""),
    ("p.csv", HEAD + 'a,"x"y,o,,,\n', 2, ""),
    ("p.csv", HEAD + '\n\na,"x,o,,,\n', 4, ""),
    ("p.csv", "id,q,output\ra,x,o\r", 1, ""),
    ("p.csv", "\n\nid,q\n", 3, "output"),
    ("p.csv", "key,q,output\n", 1, "id"),
    ("p.tsv", "id,q,output\na,x,o\n", 1, "id"),
    ("p.csv", "id,q,output,id\n", 1, "id"),
    ("p.csv", "id,q, q ,output\n", 1, "q"),
    ("p.csv", "id,q,,output\n", 1, ""),
    ("p.csv", "id,output,tags,label\na,o,,\n", 2, "inputs"),
]


@pytest.mark.parametrize(("name", "text", "line", "field"), WRONG_TABLES, ids=lambda value: repr(value)[-30:])
def test_a_wrong_table_is_refused_with_its_line(name: str, text: str, line: int, field: str) -> None:
    with pytest.raises(ExampleError) as caught:
        read(text, name)
    assert (caught.value.file, caught.value.line, caught.value.field) == (name, line, field)


@pytest.mark.parametrize(
    ("name", "first", "again"),
    [
        ("p.jsonl", GOOD_LINE, GOOD_LINE),
        ("p.jsonl", GOOD_LINE, '{"id": "\\u0061", "inputs": {"q": "y"}, "output": "p"}'),
        ("p.csv", "id,q,output\na,x,o", "a,y,p"),
        ("p.tsv", "id\tq\toutput\na\tx\to", '"a"\ty\tp'),
        ("p.yaml", f"- {GOOD_LINE}", "- {id: a, inputs: {q: y}, output: p}"),
    ],
)
def test_an_id_that_is_there_twice_is_refused_with_both_lines(name: str, first: str, again: str) -> None:
    with pytest.raises(ExampleError) as caught:
        read(f"{first}\n\n{again}\n", name)
    line = first.count("\n") + 1
    assert (caught.value.line, caught.value.field) == (line + 2, "id")
    assert f"line {line} " in caught.value.what


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.tsv", "p.yaml"])
@pytest.mark.parametrize(
    ("raw", "line"),
    [(b"\xff", 1), ("id".encode("utf-16"), 1), (b"\n\n# \xe4\n", 3), (b"\r\n\xed\xa0\x80", 2), (b"\n\n\n\xc3", 4)],
)
def test_what_is_not_utf8_is_refused_with_its_line(name: str, raw: bytes, line: int) -> None:
    with pytest.raises(ExampleError) as caught:
        read(raw, name)
    assert (caught.value.file, caught.value.line) == (name, line)


@pytest.mark.parametrize(("name", "size"), [("p.yaml", 1_000_000), ("p.jsonl", 256_000_000), ("p.csv", 256_000_000)])
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path, name: str, size: int) -> None:
    file = tmp_path / name
    with file.open("wb") as stream:
        stream.truncate(size + 1)  # a file with a hole takes no space
    with pytest.raises(ExampleError, match=f"{size // 1_000_000} MB"):
        pool_files.read_bytes(file, name)
    if size == pool_files.MAX_YAML_BYTES:
        with file.open("r+b") as stream:
            stream.truncate(size)
        assert len(pool_files.read_bytes(file, name)) == size


# Writing

FULL = Example(
    "a", {"q": 'x "y", z', "p": "1\n2\r\n3\r"}, " o\t", ("t", "u v"), "internal", (Place("d"), Place("e", "r"))
)


@pytest.mark.parametrize("name", ["p.jsonl", "p.csv", "p.tsv"])
@pytest.mark.parametrize(
    "example",
    [
        FULL,
        replace(FULL, origins=()),
        replace(FULL, tags=(), label="public"),
        Example("\ufeff", {"q": "\ufeff", "p": "#"}, "\0"),
        Example("'", {"q": "\u2028\x85\x1c", "p": "=1+1"}, '"'),
        Example(",", {"q": ";", "p": "\t"}, "\\n"),
    ],
    ids=lambda example: repr(example.id),
)
def test_a_written_example_is_read_as_it_was(name: str, example: Example) -> None:
    header = () if name == "p.jsonl" else pool_files.new_header(FULL)
    empty = PoolText("", (), header, "\t" if name == "p.tsv" else ",")
    head = f"{pool_files.header_line(empty.header, empty, name)}\n" if empty.header else ""
    line = written(example, empty, name)
    (row,) = read(f"{head}{line}\n", name).rows
    assert as_tuple(row.example) == as_tuple(example)


@pytest.mark.parametrize(
    ("name", "header", "example"),
    [
        ("p.yaml", (), FULL),
        ("p.csv", ("id", "q", "output"), Example("a", {"q": "x", "p": "y"}, "o")),
        ("p.csv", ("id", "q", "output"), Example("a", {"q": "x"}, "o", ("t",))),
        ("p.csv", ("id", "q", "output"), Example("a", {"q": "x"}, "o", label="internal")),
        ("p.csv", ("id", "q", "output"), Example("a", {"q": "x"}, "o", origins=(Place("d"),))),
        ("p.csv", ("id", "q", "output"), Example("a", {"q": "\ud800"}, "o")),
        ("p.tsv", ("id", "q", "output"), Example("a", {"q": "x"}, "\udfff")),
    ],
)
def test_a_file_that_cannot_hold_an_example_says_so(name: str, header: tuple[str, ...], example: Example) -> None:
    with pytest.raises(ExampleError) as caught:
        written(example, PoolText("", (), header), name)
    assert caught.value.file == name
    assert caught.value.hint


def test_half_of_a_character_is_kept_in_jsonl() -> None:
    example = Example("a", {"q": "\ud83d"}, "\udc4d")
    line = written(example, PoolText("", ()), "p.jsonl")
    assert as_tuple(read(line, "p.jsonl").rows[0].example) == as_tuple(example)


# A change of one row leaves all other bytes as they were

CELL = st.lists(st.sampled_from([*"aä \"',;:#|{}[]-\\\t\u2028\u00a0\n\0", "\r\n"]), max_size=6).map("".join)
FILLED = CELL.filter(lambda text: bool(text.strip()))
GAPS = st.sampled_from(["", "\n", "\r\n", " \n", "\t \r\n"])


def records(name: str, rows: Sequence[tuple[str, str]], loose: bool) -> list[str]:
    """One record for each (input, output), written as another program may write it."""
    if name == "p.jsonl":
        data = [{"output": out, "id": f"e{n}", "inputs": {"q": q}} for n, (q, out) in enumerate(rows)]
        return [json.dumps(row, ensure_ascii=loose, separators=(" ,  ", " : ") if loose else None) for row in data]
    delimiter = "\t" if name == "p.tsv" else ","

    def cell(text: str) -> str:
        quoted = loose or any(c in text for c in '\t,"\r\n')
        return '"' + text.replace('"', '""') + '"' if quoted else text

    return [delimiter.join(map(cell, (f"e{n}", q, out, ""))) for n, (q, out) in enumerate(rows)]


@given(
    name=st.sampled_from(["p.jsonl", "p.csv", "p.tsv"]),
    rows=st.lists(st.tuples(CELL, FILLED), min_size=1, max_size=4),
    new=st.tuples(CELL, FILLED),
    newline=st.sampled_from(["\n", "\r\n"]),
    loose=st.booleans(),
    mark=st.booleans(),
    ended=st.booleans(),
    data=st.data(),
)
def test_a_changed_or_deleted_row_leaves_the_other_bytes_alone(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    rows: list[tuple[str, str]],
    new: tuple[str, str],
    newline: str,
    loose: bool,
    mark: bool,
    ended: bool,
    data: st.DataObject,
) -> None:
    root = tmp_path_factory.mktemp("pool")
    (root / "promptlab.yaml").write_text("models: {}\n")
    here, file = Workspace(root, {}, {}), root / name
    head = "" if name == "p.jsonl" else ("id\tq\toutput\ttags" if name == "p.tsv" else "id,q,output,tags") + newline
    parts = [("\ufeff" if mark else "") + head]
    for record in records(name, rows, loose):
        parts += [data.draw(GAPS), record, newline]
    if not ended:
        parts.pop()
    number = data.draw(st.integers(0, len(rows) - 1))
    record_at = 2 + 3 * number
    before, after = "".join(parts[:record_at]), "".join(parts[record_at + 1 :])
    file.write_bytes("".join(parts).encode())
    assert [as_tuple(row.example) for row in read(file.read_bytes(), name).rows] == [
        as_tuple(Example(f"e{n}", {"q": q}, out)) for n, (q, out) in enumerate(rows)
    ]

    changed = Example(f"e{number}", {"q": new[0]}, new[1])
    edit_example(here, name, changed.id, changed)
    raw = file.read_bytes()
    assert raw.startswith(before.encode())
    assert raw.endswith(after.encode())
    (line,) = read(head + raw[len(before.encode()) : len(raw) - len(after.encode())].decode(), name).rows
    assert as_tuple(line.example) == as_tuple(changed)

    delete_examples(here, name, changed.id)
    rest = after[len(newline) :] if after else ""
    assert file.read_bytes().decode() == before + rest
