"""The command line, Python, the page and the files say the same numbers of one experiment that is asked once."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import promptlab
from promptlab.cli._main import cli
from promptlab.experiments import Outcome, arm_lines, effect_lines, points_words
from promptlab.ui.experiments.effect_table import table_html
from promptlab.ui.state.open_experiments import OpenExperiments
from promptlab.ui.state.open_suites import OpenSuites
from tests.experiments.bench import workspace
from tests.experiments.test_over_http import reply
from tests.loopback import LoopbackServer

ASK: dict[str, Any] = {"cases": "cases.jsonl", "models": ["m"], "scorers": "exact"}
OPTIONS = {"sections": ["context", "instructions"], "primary": "context"}


def cells(html: str) -> list[list[str]]:
    """The texts of the rows of every table in a page."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, flags=re.S)
    found = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, flags=re.S) for row in rows]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in found]


@pytest.mark.parametrize("more", [{}, {"looks": 2}, {"screen": 12}], ids=["whole", "looks", "screened"])
def test_all_say_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    space = workspace(tmp_path, 40)
    monkeypatch.chdir(tmp_path)
    with LoopbackServer(reply) as server:
        (tmp_path / "promptlab.yaml").write_text(
            f"models:\n  m: {{backend: openai, model: x, base_url: {server.url!r}, window: 9000, "
            "clearance: confidential}\n"
        )
        with promptlab.open(tmp_path) as lab:
            result = lab.experiment("ablate", "t", options=OPTIONS, **ASK, **more)
            sent = server.count
            pages = OpenExperiments(OpenSuites(space))
            page = pages.outcome(result.outcome.planned, catalogue=lab.catalogue, store=lab.store)
            frame = result.effects_frame()
            pages.close()
        done = CliRunner().invoke(
            cli, ["experiment", "t-ablate", "--stored", "--json", "--csv", "a.csv", "--html", "a.html"]
        )
        assert done.exit_code == 0, done.output
        assert server.count == sent, "reports ask nothing"
    data = json.loads(done.stdout)
    assert data["sentence"] == result.sentence
    for name in ("difference", "low", "high", "p", "adjusted_p", "cases", "better", "worse", "verdict"):
        stored = [row[name] for row in data["effects"]]
        assert stored == list(frame[name])
    for outcome in (page, result.outcome):
        assert [(e.difference, e.interval.low, e.interval.high, e.verdict, e.cases) for e in outcome.effects] == [
            (row["difference"], row["low"], row["high"], row["verdict"], row["cases"]) for row in data["effects"]
        ]
    report = (tmp_path / "a.html").read_text()
    rows = cells(report)
    assert all(line in rows for line in effect_lines(page))
    assert cells(table_html(arm_lines(page), "scores")) == arm_lines(page)
    for effect in page.effects:
        points, interval = points_words(effect)
        assert any(interval in row and points.removeprefix("+") in row for row in rows)
    assert all(f"{part}." in unescape(report) for part in data["sentence"].rstrip(".").split(". "))
    _csv_has_the_numbers((tmp_path / "a.csv").read_text(), page)


def _csv_has_the_numbers(text: str, outcome: Outcome) -> None:
    """The effects computed anew from the rows of the file."""
    scores = {
        (row["arm"], row["case"]): float(row["score"])
        for row in csv.DictReader(io.StringIO(text))
        if row["stage"] == "asked"
    }
    for effect in outcome.effects:
        (after,), (before,) = effect.contrast.after, effect.contrast.before
        both = [case for arm, case in scores if arm == after and (before, case) in scores]
        changes = [scores[after, case] - scores[before, case] for case in both]
        assert len(changes) == effect.cases
        assert sum(changes) / len(changes) == pytest.approx(effect.difference)
        assert sum(change > 0 for change in changes) == len(effect.better)
