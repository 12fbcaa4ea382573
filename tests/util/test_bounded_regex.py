"""Regular expressions of files: what they find is what the usual engines find, and none goes on for ever."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import regress
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab._util import bounded_regex as patterns
from promptlab._util import json_schema
from promptlab._util.bounded_regex import TooSlow, ecma_matches, search
from promptlab.errors import InputError, PromptlabError
from promptlab.models import _structured_output as structured
from promptlab.scorers import _registry as scorers
from promptlab.scorers._registry import FACTORIES
from promptlab.types import Completion, canonical_json
from promptlab.workspace._workspace import Workspace

pytestmark = pytest.mark.usefixtures("soon")
ENDLESS = "^(a+)+$"
LONG = "a" * 40 + "b"
TEXTS = (
    "",
    "a",
    "It had 172 goals.\nArgentina won 3-3.",
    "Écoute ÉCOUTE ß ſ K",
    "aaab\r\nB",
    "x\ud800y",
    "日本 12 円",
    "\0",
)
ORDINARY = (
    *(
        "a",
        "",
        r"\d+",
        r"(\d+) goals",
        "^Argentina",
        r"won\b.*$",
        r"(?i)argentina",
        r"(?P<n>\d)-(?P=n)",
        "(?<=a)b",
        "a(?!a)",
    ),
    *(
        "é",
        r"\w+",
        "[^a]",
        r"(a)|b",
        "(?:a|b)+",
        r"a{2,3}",
        r"\s",
        ".",
        r"\Z",
        "(?s).+",
        "(?x) a b",
        "[\u00c0-\u024f]",
        "ß",
    ),
)


@pytest.fixture
def soon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no end is stopped sooner than for people."""
    if "find" not in request.node.name:
        monkeypatch.setattr(patterns, "SECONDS", 0.05)


@pytest.mark.parametrize("pattern", ORDINARY)
def test_what_ecma_matches_is_what_re_finds(pattern: str) -> None:
    for text in TEXTS:
        for flags in (0, re.MULTILINE, re.IGNORECASE | re.MULTILINE):
            compiled = re.compile(pattern, flags)
            last = [*compiled.finditer(text)][-1:]
            for how, theirs in (
                ("search", compiled.search(text)),
                ("fullmatch", compiled.fullmatch(text)),
                ("last", last[0] if last else None),
            ):
                ours = search(pattern, text, flags=flags, how=how)  # type: ignore[arg-type]  # one of three words
                wanted = theirs and (theirs[0], theirs[1] if compiled.groups else None)
                assert (ours and (ours.text, ours.group)) == wanted, (text, flags, how)


@given(st.from_regex(r"[ab(|)*+?.\\d^$\[\]-]{0,8}", fullmatch=True), st.text("ab1\n", max_size=12))
@settings(max_examples=300, deadline=None)
def test_made_up_expressions_find_the_same(pattern: str, text: str) -> None:
    try:
        theirs = re.compile(pattern, re.MULTILINE).search(text)
    except (re.error, FutureWarning):
        return
    ours = search(pattern, text, flags=re.MULTILINE)
    assert (ours and ours.text) == (theirs and theirs[0])


@pytest.mark.parametrize("pattern", ["a", r"\d+", "^a", r"\p{L}+", "(a)\\1", "(?<n>a)", "[^a]"])
def test_ecma_finds_what_regress_finds(pattern: str) -> None:
    for text in TEXTS:
        if "\ud800" not in text:
            assert ecma_matches(pattern, text, "u") is (regress.Regex(pattern, "u").find(text) is not None)


def scored(name: str, options: dict[str, Any], expected: Any, answer: str = LONG) -> Callable[[Workspace], Any]:
    return lambda workspace: scorers.build_scorer(scorers.scorer_spec({name: options}), workspace)(answer, expected)


QUOTED = f'"{LONG}"'
NAMED = f'{{"{LONG}": 1}}'
SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "pattern": ({"type": "string", "pattern": ENDLESS}, QUOTED),
    "patternProperties": ({"type": "object", "patternProperties": {ENDLESS: {"type": "string"}}}, NAMED),
    "propertyNames": ({"type": "object", "propertyNames": {"pattern": ENDLESS}}, NAMED),
    "additionalProperties": (
        {"type": "object", "patternProperties": {ENDLESS: {}}, "additionalProperties": False},
        NAMED,
    ),
    "inside": ({"anyOf": [{"items": {"pattern": ENDLESS}}, {"type": "null"}]}, f"[{QUOTED}]"),
}
PLACES: dict[str, Callable[[Workspace], Any]] = {
    "regex: its pattern": scored("regex", {"pattern": ENDLESS}, "x"),
    "regex: the whole answer": scored("regex", {"pattern": ENDLESS, "whole": True}, "x"),
    "regex: what is expected": scored("regex", {}, ENDLESS),
    "regex: one of several expected": scored("regex", {}, ["nothing", ENDLESS]),
    **{
        f"extract of {name}": scored(name, {"extract": ENDLESS}, "x")
        for name in FACTORIES
        if name not in ("python", "json_schema", "json_fields", "similarity", "chrf")
    },
    **{
        f"json_schema: {keyword}": scored("json_schema", {"schema": schema}, None, answer)
        for keyword, (schema, answer) in SCHEMAS.items()
    },
    "json_schema: what is expected": scored("json_schema", {}, *SCHEMAS["pattern"]),
}
"""Every place where a pattern of a file meets an answer, and the answer is then not judged."""


@pytest.mark.parametrize("place", PLACES)
def test_an_expression_without_end_leaves_the_answer_unjudged(place: str, workspace: Workspace) -> None:
    with pytest.raises(PromptlabError, match="takes too long"):
        PLACES[place](workspace)


@pytest.mark.parametrize("keyword", SCHEMAS)
def test_an_answer_that_a_pattern_does_not_judge_is_not_called_valid(keyword: str) -> None:
    schema, answer = SCHEMAS[keyword]
    found = json_schema.validate(canonical_json(schema), answer)
    assert not found.valid
    assert "takes too long" in found.why
    done = structured.with_schema_verdict(Completion(text=answer, finish_reason="stop"), canonical_json(schema))
    assert done.details["schema"]["valid"] is False


def test_a_schema_whose_own_values_meet_an_endless_pattern_is_refused() -> None:
    problem = json_schema.problem_of({"enum": [LONG], "pattern": ENDLESS})
    assert problem
    assert "takes too long" in problem.message


def test_the_next_expression_is_answered_after_one_without_end() -> None:
    with pytest.raises(TooSlow):
        search(ENDLESS, LONG)
    assert search("b", LONG) == patterns.Match("b", None)


@pytest.mark.parametrize("pattern", ["(", "(" * 5000 + ")" * 5000, "a{9999999999999}", None, 3])
def test_what_is_no_expression_is_an_error_in_words(pattern: Any, workspace: Workspace) -> None:
    with pytest.raises(InputError):
        scorers.build_scorer(scorers.scorer_spec({"regex": {"pattern": pattern}}), workspace)("x", pattern)


def test_ctrl_c_is_heard_while_an_expression_runs(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = (
        "import pathlib\nfrom promptlab._util import bounded_regex as patterns\npatterns.search('a', 'a')\n"
        f"pathlib.Path({str(ready)!r}).touch()\npatterns.SECONDS = 60\npatterns.search('^(a+)+$', 'a' * 40 + 'b')\n"
    )
    running = subprocess.Popen([sys.executable, "-P", "-c", program], env=os.environ, stderr=subprocess.PIPE)
    while not ready.exists():
        assert running.poll() is None, "the program ended before it was ready"
        time.sleep(0.02)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode != 0
    assert b"KeyboardInterrupt" in said
