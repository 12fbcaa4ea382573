"""Whether the YAML reader (PyYAML and a resolver of our own) gives what ruamel.yaml gives, and how long each takes.

    python -m benchmarks.yaml_readers [--made N] [--seed S] [--quick] [--json]

Every YAML file of this repository, and of ../shared where that is there, is read by both: values, order of keys, and
the place of every node (line, column, index) are compared. `--made` adds N texts put together at random from pieces
of YAML. Each difference has a reason that is named here, or is "unexplained"; then the exit code is 1.

ruamel.yaml is what promptlab read YAML with until November 2026. It is a tool of this comparison now.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import TaggedScalar as RuamelTagged
from ruamel.yaml.nodes import MappingNode as RuamelMapping
from ruamel.yaml.nodes import SequenceNode as RuamelSequence
from yaml.nodes import MappingNode, SequenceNode

from benchmarks import machine
from promptlab._yaml import _bounds as yaml_bounds
from promptlab._yaml import _nodes as yaml_nodes
from promptlab._yaml import _values as yaml_values

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
REFUSED = "refused"
PLACES = "places of nodes"
UNKNOWN = "unexplained"


def ours(text: str) -> Any:
    """The value of `text` by our reader; `(REFUSED, why)` where it reads none."""
    try:
        return plain(yaml_values.value_of(yaml_nodes.compose(text)))
    except (yaml_nodes.NotYaml, yaml_bounds.Excess) as exc:
        return (REFUSED, exc.message)


def theirs(text: str) -> Any:
    """The value of `text` by ruamel.yaml, as promptlab took it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(YAML(typ="rt").load(text))
        except Exception as exc:  # it trips over some files
            return (REFUSED, " ".join(str(exc).split())[:200])


def plain(value: Any) -> Any:
    """Both readers' values in one form that tells 1, 1.0 and true apart, and one order of keys from another."""
    if isinstance(value, yaml_values.TaggedScalar):
        return ("tagged", value.tag, value.text)
    if isinstance(value, RuamelTagged):
        return ("tagged", str(value.tag.value), str(value.value))
    if isinstance(value, dict):
        return ("map", [(plain(key), plain(inner)) for key, inner in value.items()])
    if isinstance(value, list | tuple):
        return ("list", [plain(inner) for inner in value])
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):
        if isinstance(value, kind):
            return (kind.__name__, repr(kind(value)))
    return ("date", value.isoformat()) if isinstance(value, date) else ("other", str(value))


def our_places(text: str) -> list[Any]:
    """Kind, value and marks of each of our nodes, in order of the text."""
    root = yaml_nodes.compose(text)
    return [] if root is None else list(_walk(root, MappingNode, SequenceNode))


def their_places(text: str) -> list[Any]:
    """Kind, value and marks of each node of ruamel.yaml, in order of the text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root = YAML(typ="rt").compose(text)
    return [] if root is None else list(_walk(root, RuamelMapping, RuamelSequence))


def _walk(node: Any, mapping: Any, sequence: Any) -> Iterator[Any]:
    node = yaml_nodes.target(node)  # as ruamel.yaml has it
    start, end = node.start_mark, node.end_mark
    if isinstance(node, mapping | sequence):
        kind = "map" if isinstance(node, mapping) else "list"
        # A block ends where the next thing begins, on which the readers differ; nothing of ours asks for it.
        yield (kind, bool(node.flow_style), start.line, start.column, start.index, node.flow_style and end.index)
        for inner in node.value:
            for part in inner if isinstance(inner, tuple) else (inner,):
                yield from _walk(part, mapping, sequence)
    elif start.index == end.index:
        yield ("nothing",)
    else:
        # `\a` is a mark that ruamel.yaml leaves in folded blocks.
        yield (
            "scalar",
            node.value.replace("\a", ""),
            node.style or "",
            start.line,
            start.column,
            start.index,
            end.index,
        )


def files() -> list[Path]:
    """The YAML files that are compared."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout
    found = [ROOT / name for name in listed.splitlines() if name.endswith((".yaml", ".yml"))]
    for folder in ("corpora", "cases"):
        found += [path for ending in ("yaml", "yml") for path in sorted((SHARED / folder).rglob(f"*.{ending}"))]
    return found


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each file that is text at all, and of the front matter of each .prompty file."""
    for path in files():
        try:
            yield str(path), path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
    for path in sorted(SHARED.rglob("*.prompty")):
        front = re.match(r"---\r?\n(.*?)\r?\n---", path.read_bytes().decode("utf-8", "replace"), re.DOTALL)
        if front:
            yield str(path), front[1]


PIECES = (
    *("a", "b", "key", "x y", "'q'", '"d"', '"\\u00e9\\n"', "'it''s'", "1", "-1", "0x1F", "0o17", "1.5", "1e3", ".5"),
    *("true", "no", "null", "~", "2024-05-01", "1:20", "who?", "a:b", "http://x/y?z=1&w", "a#b", "#c", " #c", "\u00e9"),
    *("\U0001f600", ": ", ":\n", ":", "- ", "? ", ", ", ",", "[", "]", "{", "}", "\n", "\n", "\n  ", "\n    ", "\n\n"),
    *("|\n  ", "|-\n  ", ">\n  ", ">-\n  ", "|2\n  ", "&x ", "*x", "!t ", "!!str ", "<<: ", "<<", "\t", " ", "\r\n"),
    *("---\n", "...\n", "\ufeff", "%", "@", "\\", "=", "&", "*", "!", "|", ">", '"', "'", "a: 1\n", "b: [1, 2]\n"),
)


def made(number: int, seed: int) -> Iterator[tuple[str, str]]:
    """`number` texts put together at random."""
    chance = random.Random(seed)
    for count in range(number):
        yield f"made {count}", "".join(chance.choices(PIECES, k=chance.randint(2, 14)))


_REASONS: tuple[tuple[str, str], ...] = (
    (r"[\x85\u2028\u2029]", "a line separator: a character like others in YAML 1.2"),
    (r"(?m)^%YAML 1\.1", "a file of YAML 1.1: words that mean another thing there are refused"),
    (r"(?m)^%", "a directive that libyaml does not know is refused"),
    (r"\t", "a tab between tokens, which YAML 1.2 allows"),
    (r"[|>][-+0-9]*#", "a comment right behind `|`"),
    (r"\?", "a question mark"),
    (r"[&*][^\s,\[\]{}]*[^\w\s,\[\]{}-]", "the name of an anchor with other characters: refused"),
    (r"(?m)(^|[-?:,\[{])[ ]*:(\s|$)", "a key without a name"),
    (r"\A\s*(?:&x |![a-z!]* )?[|>][-+0-9]*( #.*)?\r?\n", "a block as the whole text, with no indentation"),
    (r"\n *\n +", "a block that begins with blank lines"),
    (r"&[^\x00-\x7f]", "the name of an anchor with other letters"),
    (r"\ufeff", "a byte order mark in the middle of a text"),
    (r"(?m)^(---|\.\.\.)", "a second document, or the end of one"),
    (r"&\w+ *(true|false)", "a boolean with an anchor, which ruamel.yaml gives as 1 or 0"),
    (r"(^|\s)[-+]?\.\d+e\d", "an exponent behind a number that begins with a point"),
    (r"!", "a tag"),
)


def reason(text: str, mine: Any, other: Any) -> str:
    """Why the two differ, as far as we know; "" where they do not."""
    if mine == other:
        return ""
    refused = [is_refused(mine), is_refused(other)]
    if all(refused):
        return ""
    if not any(refused) and _without_dates(other) == _without_dates(mine):
        return "a date, a number or a word of the core schema: text"
    if refused[1] and "overlap in comment" in other[1]:
        return "ruamel.yaml trips over a comment"
    for pattern, words in _REASONS:
        if re.search(pattern, text):
            return f"{words} ({'refused by ours' if refused[0] else 'refused by ruamel' if refused[1] else 'values'})"
    return UNKNOWN


def is_refused(value: Any) -> bool:
    """Whether `value` is that of a reader which refused the text."""
    return isinstance(value, tuple) and value[:1] == (REFUSED,)


def _without_dates(value: Any) -> Any:
    if isinstance(value, tuple) and value[0] in ("map", "list"):
        return (value[0], [_without_dates(inner) for inner in value[1]])
    if isinstance(value, tuple) and value[0] == "date":
        return ("str", repr(value[1]))
    if isinstance(value, tuple) and value[0] == "tagged" and value[1].startswith(yaml_nodes.TAG):
        return ("str", repr(value[2]))
    return tuple(map(_without_dates, value)) if isinstance(value, tuple) else value


def compare(pairs: Iterator[tuple[str, str]]) -> dict[str, Any]:
    """Both readers on all of `pairs`: counts, seconds, and the differences by reason."""
    found: dict[str, Any] = {"texts": 0, "equal": 0, "places_equal": 0, "ours_s": 0.0, "ruamel_s": 0.0}
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for name, text in pairs:
        begun = time.perf_counter()
        mine = ours(text)
        middle = time.perf_counter()
        other = theirs(text)
        found["ours_s"] += middle - begun
        found["ruamel_s"] += time.perf_counter() - middle
        found["texts"] += 1
        why = reason(text, mine, other)
        # ruamel.yaml counts no byte order mark as a column, and has a node behind `!` begin there.
        if not why and not is_refused(mine) and "\ufeff" not in text[1:] and "!" not in text:
            same = our_places(text) == their_places(text)
            found["places_equal"] += same
            why = "" if same else PLACES
        if why:
            reasons[why] += 1
            examples.setdefault(why, name if len(text) > 80 else repr(text))
        else:
            found["equal"] += 1
    return {**found, "reasons": dict(reasons), "examples": examples}


def main() -> None:
    """Read the words of the command line, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--made", type=int, default=20_000, help="so many texts made at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="500 texts made at random")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = {"files": compare(texts()), "made": compare(made(500 if options.quick else options.made, options.seed))}
    if options.json:
        sys.stdout.write(json.dumps({**found, "machine": machine.facts()}) + "\n")
    else:
        for name, part in found.items():
            sys.stdout.write(f"{name}: {part['texts']} texts, {part['equal']} equal, ")
            sys.stdout.write(f"ours {part['ours_s']:.2f} s, ruamel.yaml {part['ruamel_s']:.2f} s\n")
            for why, count in part["reasons"].items():
                sys.stdout.write(f"  {count:6} {why}, such as {part['examples'][why]}\n")
        sys.stdout.write(machine.described() + "\n")
    sys.exit(any({UNKNOWN, PLACES} & part["reasons"].keys() for part in found.values()))


if __name__ == "__main__":
    main()
