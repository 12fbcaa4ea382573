"""The YAML editor: what is asked for changes, and nothing else of the text does."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab._yaml import _edit as yaml_edit
from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml._edit import edit_yaml
from promptlab._yaml._nodes import NotYaml
from promptlab._yaml._positions import CannotSplice
from promptlab._yaml._values import value_of, written_alike

GONE = object()


def read(text: str) -> Any:
    return value_of(yaml_nodes.compose(text))


def with_value(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """`data` with `value` at `path`; `GONE` takes a key out, a new key goes to the end."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(data, list):
        items = [with_value(one, rest, value) if n == first else one for n, one in enumerate(data)]
        return [one for one in items if one is not GONE] + ([value] if first == len(data) else [])
    new = with_value(data[first], rest, value) if first in data else value
    pairs = {key: new if key == first else one for key, one in data.items()} | {first: new}
    return {key: one for key, one in pairs.items() if one is not GONE}


EDITS: dict[str, tuple[str, tuple[Any, ...], Any, str]] = {
    "plain, comment kept": ("a: 1  # one\nb: 2\n", ("a",), 7, "a: 7  # one\nb: 2\n"),
    "single quotes stay": ("a: 'x'\n", ("a",), "it's", "a: 'it''s'\n"),
    "double quotes stay": ('a: "x"\n', ("a",), "y", 'a: "y"\n'),
    "a word that means something gets quotes": ("a: x\n", ("a",), "no", 'a: "no"\n'),
    "a number as text": ("a: x\n", ("a",), "5", 'a: "5"\n'),
    "a date as text": ("a: x\n", ("a",), "2022-12-18", 'a: "2022-12-18"\n'),
    "null": ("a: x\nb: 1\n", ("a",), None, "a: null\nb: 1\n"),
    "a value for a key without one": ("a:\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
    "a value for a key without one, comment": ("a:  # say\nb: 1\n", ("a",), "x", "a: x  # say\nb: 1\n"),
    "a quoted key": ("'a b': 1\n", ("a b",), 2, "'a b': 2\n"),
    "space before the colon": ("a : 1\n", ("a",), 2, "a : 2\n"),
    "no newline at the end": ("b: 1\na: x", ("a",), "z", "b: 1\na: z"),
    "CRLF": ("a: x\r\nb: 1\r\n", ("a",), "z", "a: z\r\nb: 1\r\n"),
    "a byte order mark": ("\ufeffa: x\nb: 1\n", ("a",), "z", "\ufeffa: z\nb: 1\n"),
    "an emoji before it": ("\U0001f600: 1\na: x # \U0001f600\n", ("a",), "z", "\U0001f600: 1\na: z # \U0001f600\n"),
    "a line separator before it": ("b: p\u2028q\na: x\n", ("a",), "z", "b: p\u2028q\na: z\n"),
    "literal block": ("a: |\n  x\n  y\nb: 1\n", ("a",), "x\nz\n", "a: |\n  x\n  z\nb: 1\n"),
    "literal block, CRLF": ("a: |\r\n  x\r\nb: 1\r\n", ("a",), "p\nq\n", "a: |\r\n  p\r\n  q\r\nb: 1\r\n"),
    "literal block, comment": ("a: | # say\n  x\nb: 1\n", ("a",), "y\n", "a: | # say\n  y\nb: 1\n"),
    "literal block without a last newline": ("a: |-\n  x\nb: 1\n", ("a",), "y", "a: |-\n  y\nb: 1\n"),
    "literal block at the end of the file": ("b: 1\na: |\n  x\n", ("a",), "y\n", "b: 1\na: |\n  y\n"),
    "blank lines behind a block stay": ("a: |\n  x\n\n\nb: 1\n", ("a",), "y\n", "a: |\n  y\n\n\nb: 1\n"),
    "a text that begins with a blank": ("a: |\n  x\nb: 1\n", ("a",), " y\n", "a: |2\n   y\nb: 1\n"),
    "a text that begins with a tab": ("a: |\n  x\nb: 1\n", ("a",), "\ty\n", "a: |2\n  \ty\nb: 1\n"),
    "folded becomes literal": ("a: >\n  x\n  y\nb: 1\n", ("a",), "z\n", "a: |\n  z\nb: 1\n"),
    "plain of several lines": ("a: x\n  y\nb: 1\n", ("a",), "z", "a: z\nb: 1\n"),
    "inside a mapping": ("m:\n  a: 1\n  b: 2 # two\n", ("m", "b"), 3, "m:\n  a: 1\n  b: 3 # two\n"),
    "inside a flow mapping": ("m: {a: 1, b: x}\n", ("m", "a"), 2, "m: {a: 2, b: x}\n"),
    "a text with a comma in a flow": ("m: {a: x, b: 1}\n", ("m", "a"), "y, z", 'm: {a: "y, z", b: 1}\n'),
    "an empty value in a flow": ("m: {a: , b: 1}\n", ("m", "a"), "z", "m: {a: z , b: 1}\n"),
    "a flow over several lines": (
        "m: {\n  a: 1, # one\n  b: 2\n}\n",
        ("m", "b"),
        3,
        "m: {\n  a: 1, # one\n  b: 3\n}\n",
    ),
    "JSON": ('{"a": 1, "b": "x"}\n', ("b",), "y", '{"a": 1, "b": "y"}\n'),
    "an item of a list": ("l:\n- a # one\n- b\n", ("l", 0), "c", "l:\n- c # one\n- b\n"),
    "an item of a flow list": ("l: [a, 'b c']\n", ("l", 0), "d", "l: [d, 'b c']\n"),
    "a key of a mapping in a list": ("l:\n  - a: 1\n    b: 2\n", ("l", 0, "b"), 3, "l:\n  - a: 1\n    b: 3\n"),
    "a new item": ("l:\n  - a\n  # more\nb: 1\n", ("l", 1), "c", "l:\n  - a\n  - c\n  # more\nb: 1\n"),
    "an item goes": ("l:\n  - a\n  - b # two\n  - c\n", ("l", 1), GONE, "l:\n  - a\n  - c\n"),
    "a key goes": ("a: 1\nb: 2 # two\n# three\nc: 3\n", ("b",), GONE, "a: 1\n# three\nc: 3\n"),
    "the last key goes": ("a: 1\nb: |\n  x\n", ("b",), GONE, "a: 1\n"),
    "the last key goes, no newline": ("a: 1\nb: x", ("b",), GONE, "a: 1"),
    "a flow key goes": ("m: {a: 1, b: 2}\n", ("m", "b"), GONE, "m: {a: 1}\n"),
    "the first flow key goes": ("m: {a: 1, b: 2}\n", ("m", "a"), GONE, "m: {b: 2}\n"),
    "a new key": ("a: 1 # one\n", ("b",), "x", "a: 1 # one\nb: x\n"),
    "a new key, no newline at the end": ("a: 1", ("b",), "x", "a: 1\nb: x\n"),
    "a new key behind a block": ("a: |\n  x\n", ("b",), 1, "a: |\n  x\nb: 1\n"),
    "a new key behind a block without newline": ("a: |\n  x", ("b",), 1, "a: |-\n  x\nb: 1\n"),
    "a new key, CRLF": ("a: 1\r\n", ("b",), "x", "a: 1\r\nb: x\r\n"),
    "a new key in a flow": ("m: {a: 1}\n", ("m", "b"), [1, 2], "m: {a: 1, b: [1, 2]}\n"),
    "a new key in a mapping": ("m:\n    a: 1\nc: 2\n", ("m", "b"), 3, "m:\n    a: 1\n    b: 3\nc: 2\n"),
    "a mapping for a scalar": ("a: x\nb: 1\n", ("a",), {"p": 1, "q": [2]}, "a:\n  p: 1\n  q: [2]\nb: 1\n"),
    "a scalar for a mapping": ("a:\n  p: 1\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
    "a text for a list": ("a:\n- p\n- q\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
    "an anchor nothing asks for": ("a: 1\nb: &x 2\n", ("a",), 3, "a: 3\nb: &x 2\n"),
    "beside an alias": ("a: &x {p: 1}\nb: *x\nc: 1\n", ("c",), 2, "a: &x {p: 1}\nb: *x\nc: 2\n"),
    "a document marker": ("---\na: 1\n...\n", ("a",), 2, "---\na: 2\n...\n"),
    "a key goes behind a block that keeps blank lines": (
        "a: |+\n  x\nb: 1\n\nc: 2\n",
        ("b",),
        GONE,
        "a: |+\n  x\nc: 2\n",
    ),
    "a new key behind a folded block without newline": ("a: >\n  x", ("b",), 1, "a: >-\n  x\nb: 1\n"),
    "a new key before an indented comment": ("a: 1\n    # c\n", ("b",), "x\ny\n", 'a: 1\nb: "x\\ny\\n"\n    # c\n'),
    "an item that ends in blank lines": ("l:\n- x\n\nb: 1\n", ("l", 0), "y\n\n", "l:\n- |+\n  y\n\nb: 1\n"),
    "an item of a list in a list": ("l: [[a, 'b'], c]\n", ("l", 0, 0), "d", "l: [[d, 'b'], c]\n"),
    "an item beside an alias": ("a: &x 1\nl: [b, *x]\n", ("l", 0), "c", "a: &x 1\nl: [c, *x]\n"),
    "a block with an anchor": ("a: &x |\n  y\nb: 1\n", ("a",), "z\n", "a: |\n  z\nb: 1\n"),
    "a mapping in a list behind its dash": ("l:\n- # c\n  k: 1\n", ("l", 0, "k"), 2, "l:\n- # c\n  k: 2\n"),
    "the first key": ("# nothing yet", (), {"a": 1, "b": "x\ny\n"}, "# nothing yet\na: 1\nb: |\n  x\n  y\n"),
    "the first key of an empty file": ("", (), {"a": 1}, "a: 1\n"),
    "nothing": ("a: 1 # one\n", ("a",), 1, "a: 1 # one\n"),
}


@pytest.mark.parametrize(("text", "path", "value", "after"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_what_it_says_and_nothing_else(
    text: str, path: tuple[Any, ...], value: Any, after: str
) -> None:
    old = read(text) or {}
    new = with_value(old, path, value)
    found = edit_yaml(text, old, new)
    assert found == after
    assert written_alike(read(found), new)


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: &x {p: 1}\nb: *x\n", ("b", "p"), 2),
        ("a: &x {p: 1}\nb: *x\n", ("a", "p"), 2),
        ("a: &x {p: 1}\nb: {<<: *x, q: 2}\n", ("b", "q"), 3),
        ("? a\n: 1\n", ("a",), 2),
        ("- a\n", (0,), "b"),
        ("5\n", (), 6),
        ("a: 1\rb: 2\r", ("a",), 2),
        ("a: 1\n", ("a",), GONE),
    ],
    ids=lambda value: "GONE" if value is GONE else repr(value)[:40],
)
def test_what_cannot_be_changed_in_place_is_refused(text: str, path: tuple[Any, ...], value: Any) -> None:
    old = read(text)
    try:
        found = edit_yaml(text, old, with_value(old, path, value))
    except CannotSplice:
        return
    # Where a part cannot be changed alone, all that holds it may be written anew.
    assert written_alike(read(found), with_value(old, path, value))


# A document made at random, in every form that people write


class Made:
    """YAML text. Comments are numbered, so that each can be told from the others."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.comments = self.anchors = 0
        self.rows: list[str] = []
        self.mapping(0, 0)
        newline = self.one_of("\n", "\n", "\r\n")
        text = self.one_of("", "", "\ufeff", "# head\n", "---\n") + "\n".join(self.rows)
        self.text = (text + self.one_of("\n", "\n", "", "\n\n# end\n")).replace("\n", newline)

    def one_of(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def comment(self) -> str:
        self.comments += 1
        return str(self.one_of("", "", "", f" # c{self.comments}", f"   #c{self.comments} \u2028\U0001f600: x"))

    def key(self, number: int) -> str:
        word = self.one_of("k", "name", "two words", "\u00e9", "no", "on", "k-1", "\U0001f600") + str(number)
        return str(self.one_of(word, f"'{word}'", f'"{word}"'))

    def flow(self, depth: int) -> str:
        """A scalar, or a collection in brackets."""
        if depth == 0 or self.chance.random() < 0.4:
            return str(self.one_of(*SOURCES))
        many = range(self.chance.randint(0, 3))
        joint = self.one_of(", ", " , ")
        if self.chance.random() < 0.5:
            return "[" + joint.join(self.flow(depth - 1) for _ in many) + "]"
        return "{" + joint.join(f"{self.key(n)}: {self.flow(depth - 1)}" for n in many) + "}"

    def put(self, head: str, column: int, depth: int) -> None:
        """A value behind `head`, which ends in a colon, or in a dash, at `column`."""
        kind = self.chance.random()
        gap = self.one_of(" ", " ", "  ")
        if self.chance.random() < 0.06:
            self.anchors += 1
            gap += f"&a{self.anchors} "
        in_mapping = head.endswith(":")
        if kind < 0.2:
            texts = ("x", "y: z", "# no comment", "", "  in", "-", "tab\tx")
            rows = ["first", *(self.one_of(*texts) for _ in range(self.chance.randint(0, 3))), "last"]
            margin = " " * (column + self.chance.randint(1, 3))
            self.rows.append(f"{head}{gap}{self.one_of('|', '|-', '|+', '>', '>-')}{self.comment()}")
            self.rows += [margin + row if row else "" for row in rows]
        elif kind < 0.35 and depth < 2:
            self.rows.append(head + self.comment())
            if self.chance.random() < 0.5:
                self.mapping(column + self.chance.randint(1, 3), depth + 1)
            else:
                self.listing(column + (self.chance.randint(0, 2) if in_mapping else 2), depth + 1)
        elif kind < 0.4 and in_mapping:
            self.rows.append(head + self.comment())
        elif kind < 0.43 and self.anchors and "&" not in gap:
            self.rows.append(f"{head} *a{self.chance.randint(1, self.anchors)}{self.comment()}")
        elif kind < 0.46:
            self.rows += [f"{head}{gap}several", f"{' ' * (column + 2)}lines{self.comment()}"]
        else:
            self.rows.append(f"{head}{gap}{self.flow(2)}{self.comment()}")

    def between(self, column: int) -> None:
        if self.chance.random() < 0.25:
            self.comments += 1
            comment = f"{' ' * column}# c{self.comments}"
            self.rows += self.one_of([""], [comment], ["", comment])

    def mapping(self, column: int, depth: int) -> None:
        for number in range(self.chance.randint(1, 4)):
            self.put(f"{' ' * column}{self.key(number)}:", column, depth)
            self.between(column)

    def listing(self, column: int, depth: int) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.put(f"{' ' * column}-", column, depth)
            self.between(column)


SOURCES = (
    *("5", "-1.50", "true", "no", "null", "x", "it's", "'a ''b'''", '"c\\n\\u00e9"', "''", "2022-12-18"),
    *("who?", "a:b#c", '"x # y"', "\U0001f600 z", "http://x/y?z=1"),
)

NEW = (
    *(
        "y",
        "no",
        "5",
        "",
        " x ",
        "a: b",
        "# c",
        'it\'s "so"',
        "one\ntwo\n",
        "one\n\n",
        "\n",
        "\ttab\nx",
        "  in\nout",
        "x\r\n",
    ),
    *(
        7,
        -0.5,
        True,
        None,
        [1, "a, b"],
        [],
        {},
        {"p": "q", "r": [1]},
        {"deep": {"er": "x\ny\n"}},
        "\u2028",
        "\x85\x07",
        "\U0001f600",
    ),
)


def made_at_random(chance: random.Random) -> tuple[str, Any]:
    """A text and what it says; aliases in it may name nothing, then there is another."""
    while True:
        text = Made(chance).text
        try:
            return text, read(text)
        except NotYaml:
            assert "*a" in text


def paths(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from paths(value, (*path, key))


def sources(text: str) -> dict[tuple[Any, ...], str]:
    """The characters of each scalar of `text`, by its path."""
    found: dict[tuple[Any, ...], str] = {}

    def visit(node: Any, path: tuple[Any, ...]) -> None:
        if isinstance(node, yaml_nodes.AliasNode) or isinstance(node.value, str):
            source = text[node.start_mark.index : node.end_mark.index].rstrip()
            # The header of a block at the end of a file changes where a line has to follow it.
            found[path] = re.sub(r"^([|>])[-+]?", r"\1", source)
            return
        for number, inner in enumerate(node.value):
            key, value = (inner[0].value, inner[1]) if isinstance(inner, tuple) else (number, inner)
            visit(value, (*path, key))

    visit(yaml_nodes.compose(text), ())
    return found


@settings(max_examples=600, deadline=None)
@given(st.integers(0, 2**32))
def test_one_value_changes_and_everything_else_stays_to_the_byte(seed: int) -> None:
    chance = random.Random(seed)
    text, old = made_at_random(chance)
    path = chance.choice(list(paths(old)))
    value = chance.choice((*NEW, GONE, "key"))
    if value == "key":
        path, value = (*path[:-1], "new key" if isinstance(path[-1], str) else path[-1]), chance.choice(NEW)
    new = with_value(old, path, value)
    try:
        after = edit_yaml(text, old, new)
    except CannotSplice:
        only_key = value is GONE and len(old) == 1  # a file keeps one of its keys
        assert only_key or "*a" in text, (text, path, value)
        return
    assert written_alike(read(after), new), (text, path, value, after)
    if isinstance(path[-1], str) and value is not GONE:  # else the numbers of the others may have moved
        before, now = sources(text), sources(after)
        for key, source in before.items():
            if key[: len(path)] != path and key[0] != path[0]:
                assert now[key] == source, (text, path, value, after)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_all_before_and_behind_the_changed_value_is_the_same_text(seed: int) -> None:
    chance = random.Random(seed)
    text, old = made_at_random(chance)
    key = chance.choice(list(old))
    new = with_value(old, (key,), chance.choice(("z", 7, None, "one\ntwo\n", [1], {"p": 1})))
    try:
        after = edit_yaml(text, old, new)
    except CannotSplice:
        assert "*a" in text
        return
    assert written_alike(read(after), new)
    root = yaml_nodes.compose(text)
    assert root is not None
    names = [name for name, _ in root.value]
    number = next(n for n, name in enumerate(names) if name.value == key)
    assert after.startswith(text[: names[number].end_mark.index])
    if number + 1 < len(names):
        assert after.endswith(text[names[number + 1].start_mark.index :])


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_several_edits_at_once_say_what_is_asked_for_or_are_refused(seed: int) -> None:
    chance = random.Random(seed)
    text, old = made_at_random(chance)
    new = old
    for _ in range(3):
        new = with_value(new, chance.choice([*paths(new), (next(iter(new), "k"),)]), chance.choice(NEW))
    try:
        after = edit_yaml(text, old, new)
    except CannotSplice:  # the result is read back before it is given away
        return
    assert written_alike(read(after), new)


def test_the_module_says_what_it_does() -> None:
    assert yaml_edit.edit_yaml("a: 1  # one\nb: 2\n", {"a": 1, "b": 2}, {"a": 1, "b": 3}) == "a: 1  # one\nb: 3\n"
