"""Reports: nothing that a model says breaks them, and nothing labelled is in them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.runs._difference import TextChange
from promptlab.suites import _report_html as suite_html
from promptlab.suites._report import WRITERS, report_writers
from promptlab.suites._report_item import (
    ReportItem,
    item_as_text,
    item_data,
    report_item_of_answer,
    report_item_of_replay,
)
from promptlab.suites._suite import ItemKey
from promptlab.suites._summary import outcome_of_answer, summarise_outcomes
from promptlab.types import Score
from promptlab.workspace._current_labels import Labels
from promptlab.workspace._workspace import Workspace
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

HOSTILE = (
    '</pre></details><script src="https://evil.example/x.js">alert(1)</script><img src=x onerror=alert(1)>'
    "]]> & \" ' ``` \x00\x1b[31m \ud800 | a | b |\n\n# Heading\n[link](https://evil.example) ![](https://evil.example/i)"
)
ENTRIES = [
    ReportItem(ItemKey("winner", "v", "m"), "passed", "same", "", answer="Argentina", seconds=1.25),
    ReportItem(
        ItemKey("host<b>", "v", "m", 2),
        "failed",
        "worse",
        HOSTILE,
        causes=(HOSTILE,),
        answer=HOSTILE,
        was="was " + HOSTILE,
        scores=(Score("contains", 0.0, HOSTILE, HOSTILE),),
        prompt=(
            TextChange("gone", HOSTILE, "context"),
            TextChange("same", HOSTILE, "context"),
            TextChange("new", "x", "context"),
        ),
    ),
    ReportItem(ItemKey("goals", "v", "m"), "error", "cannot tell", "no answer: " + HOSTILE, error="BackendError"),
    ReportItem(ItemKey("x", "v", "m"), "changed", "drifted", "context edited", answer=HOSTILE),
]


@pytest.fixture
def reports(suites: SuiteHouse, tmp_path: Path) -> dict[str, str]:
    """Each report on the entries, as text."""
    return written(suites, tmp_path, ENTRIES)


def written(suites: SuiteHouse, folder: Path, entries: list[ReportItem], *, show: bool = False) -> dict[str, str]:
    paths = {kind: folder / f"report.{kind}" for kind in WRITERS}
    summary = summarise_outcomes(suites.suite, [])
    for writer in report_writers(paths, show_labelled=show):
        for entry in entries:
            writer.add(entry)
        writer.finish(summary)
    return {kind: path.read_text(encoding="utf-8") for kind, path in paths.items()}


class Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_html_has_no_script_and_no_address_whatever_a_model_says(reports: dict[str, str]) -> None:
    found = Tags(reports["html"])
    assert not {"script", "img", "link", "iframe", "object", "a", "form", "base"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name in ("src", "href", "style") or name.startswith("on")]
    assert "url(" not in reports["html"]
    assert "default-src 'none'" in reports["html"]
    assert found.tags.count("details") == len(ENTRIES)
    assert "alert(1)" in reports["html"]  # as text


def test_junit_parses_and_counts(reports: dict[str, str]) -> None:
    suite = ET.fromstring(reports["junit"])[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        "facts",
        "4",
        "2",
        "1",
    )
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [entry.key.id for entry in ENTRIES]
    assert cases[0].get("classname") == "v.m"
    assert cases[0].get("time") == "1.250"
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"], ["failure"]]
    failure = cases[1][0]
    assert failure.get("type") == "worse"
    assert "<script" in (failure.text or "")  # as text
    assert "\x00" not in (failure.text or "")


def test_json_is_one_object_with_the_summary_and_every_item(reports: dict[str, str]) -> None:
    data = json.loads(reports["json"])
    assert data["suite"] == "facts"
    assert [item["id"] for item in data["items"]] == [entry.key.id for entry in ENTRIES]
    assert [item["outcome"] for item in data["items"]] == [entry.outcome for entry in ENTRIES]
    assert data["items"][1]["scores"][0]["value"] == 0


def test_markdown_holds_hostile_text_in_fences_and_escapes_the_rest(reports: dict[str, str]) -> None:
    text = reports["markdown"]
    fences = re.findall(r"^(`{4,})$", text, re.MULTILINE)  # longer than the longest inside
    assert len(fences) == 2 * 3
    outside = re.sub(r"^(`{4,})$.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in outside
    assert "](https" not in outside
    assert "# Heading" not in outside.replace("\\# Heading", "")
    assert outside.count("<details>") == 3  # what passed is not in it


def test_a_report_of_nothing_is_whole_as_well(suites: SuiteHouse, tmp_path: Path) -> None:
    found = written(suites, tmp_path, [])
    assert json.loads(found["json"])["items"] == []
    assert ET.fromstring(found["junit"])[0].get("tests") == "0"


@given(st.text(st.characters(codec=None), max_size=60))
def test_any_text_leaves_every_report_readable(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    entry = ReportItem(
        ItemKey(text, text, text), "failed", "worse", text, (text,), text, text + "x", (Score("c", 0, text, text),)
    )
    for kind, writer in WRITERS.items():
        path = tmp_path_factory.mktemp("r") / kind
        one = writer(path)
        one.add(entry)
        one.finish(EMPTY)
        if kind == "junit":
            ET.fromstring(path.read_text())
        if kind == "json":
            assert len(json.loads(path.read_text())["items"]) == 1
        if kind == "html":
            assert Tags(path.read_text()).tags.count("details") == 1


class _Bare:
    name = "facts"
    thresholds = ()


EMPTY = summarise_outcomes(_Bare(), [])  # type: ignore[arg-type]  # all that a summary of nothing needs


# What is labelled


SECRET = "Zaphod"


def test_labelled_text_is_in_no_report_unless_somebody_asks(suites: SuiteHouse, tmp_path: Path) -> None:
    secret = ReportItem(
        ItemKey("winner", "", "m"),
        "error",
        "cannot tell",
        f"input `n` is no number: {SECRET}",
        causes=("prompt: context",),
        answer=SECRET,
        was=f"{SECRET}!",
        scores=(Score("contains", 0.0, SECRET, f"does not hold '{SECRET}'"),),
        was_scores=(Score("contains", 1.0, SECRET, f"holds '{SECRET}'"),),
        prompt=(TextChange("gone", SECRET, "context"), TextChange("same", SECRET, "context")),
        label="internal",
        error="TemplateError",
    )
    masked = written(suites, tmp_path, [secret])
    for kind, text in masked.items():
        assert SECRET not in text, kind
        assert "TemplateError" in text
        assert "winner" in text
    shown = written(suites, tmp_path, [secret], show=True)
    assert all(SECRET in text for text in shown.values())
    public = replace(secret, label="public")
    assert public.masked() == public


def test_the_reason_why_an_item_is_not_judged_is_masked_with_the_item(suites: SuiteHouse, tmp_path: Path) -> None:
    score = Score("contains", None, SECRET, f"cannot tell {SECRET}", f'contains {{"extract":"{SECRET}"}}')
    secret = ReportItem(
        ItemKey("winner", "", "m"),
        "not judged",
        "cannot tell",
        f"not judged: contains: cannot tell {SECRET}",
        answer=SECRET,
        scores=(score, score),
        label="internal",
        not_judged=f"contains: cannot tell {SECRET}",
    )
    for kind, text in written(suites, tmp_path, [secret]).items():
        assert SECRET not in text, kind
        assert "not judged" in text
    assert all(SECRET in text for text in written(suites, tmp_path, [secret], show=True).values())


def test_a_pass_of_a_cut_answer_is_marked_in_every_report(suites: SuiteHouse, tmp_path: Path) -> None:
    cut = "cut off at 32 tokens (max_tokens)"
    entry = ReportItem(ItemKey("winner", "", "m"), "passed", "same", f"the same answer; {cut}", answer="A", cut=cut)
    for kind, text in written(suites, tmp_path, [entry]).items():
        assert cut in text.replace("\\", ""), kind
    junit = ET.fromstring(written(suites, tmp_path, [entry])["junit"])
    assert (junit.get("failures"), junit.get("errors")) == ("0", "0")


def confidential(suites: SuiteHouse, text: str) -> None:
    """The suite with the label on its first case, and room for it in the recording."""
    root = suites.workspace.root
    (root / "promptlab.yaml").write_text('models: {}\nlabels: {"fixtures/recordings/**": confidential}\n')
    suites.house.workspace = Workspace.load(root)
    suites.write(text)


LABELLED = SUITE.replace("Who won the cup?", f"Who won the cup for {SECRET}?").replace(
    "tags: [final]", "label: confidential"
)


def test_a_labelled_case_is_masked_on_every_road(suites: SuiteHouse) -> None:
    confidential(suites, LABELLED)
    suites.house.model("good", lambda r: f"{SECRET} did" if SECRET in str(r) else "172")
    suites.record()
    suites.house.model("good", lambda r: f"not {SECRET}" if SECRET in str(r) else "172")
    answered = [report_item_of_answer(one, Labels(suites.workspace)) for one in suites.rerun()]
    replayed = [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    # Again, with another question, with none that is recorded, and with one that cannot be rendered.
    suites.write(LABELLED.replace("Who won", "Whoever won"))
    replayed += [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    suites.write(LABELLED.replace("id: winner", "id: champion"))
    replayed += [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    suites.write(LABELLED.replace("question: Who", "nobody: Who"))
    replayed += [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    mine = [entry for entry in [*answered, *replayed] if entry.key.case in ("winner", "champion")]
    assert {entry.label for entry in mine} == {"confidential"}
    assert {entry.verdict for entry in mine} >= {"same", "drifted", "missing", "unexpected", "broken"}
    for entry in [*answered, *replayed]:
        assert SECRET not in item_as_text(entry.masked()), entry.verdict
        assert SECRET not in json.dumps(item_data(entry.masked()))


def test_a_label_given_later_masks_what_was_recorded_before(suites: SuiteHouse) -> None:
    suites.write(SUITE.replace("expected: Argentina", f"expected: {SECRET}"))
    suites.record()
    confidential(suites, SUITE.replace("expected: Argentina, tags: [final]", f"expected: {SECRET}, label: internal"))
    entry = next(report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay())
    assert entry.label == "internal"
    assert SECRET in item_as_text(entry)
    assert SECRET not in item_as_text(entry.masked())


def test_the_nearest_of_a_miss_is_masked_where_it_is_labelled(suites: SuiteHouse) -> None:
    confidential(suites, LABELLED)
    suites.record()
    suites.write(LABELLED + "  - {id: winners, inputs: {question: Who won it all?}, expected: Argentina}\n")
    entry = next(
        report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay() if one.key.case == "winners"
    )
    assert entry.label == "confidential"
    assert SECRET in item_as_text(entry)
    assert SECRET not in item_as_text(entry.masked())


# What an item comes to


def test_what_is_recorded_as_wrong_passes_and_what_became_wrong_does_not(suites: SuiteHouse) -> None:
    suites.record()
    entries = [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    assert [(entry.key.id, entry.outcome, entry.said) for entry in entries[:2]] == [
        ("winner[good]", "passed", ""),
        ("winner[bad]", "passed", "recorded as wrong"),
    ]
    suites.write(SUITE.replace("expected: Argentina", "expected: France"))
    entries = [report_item_of_replay(one, Labels(suites.workspace)) for one in suites.replay()]
    assert [entry.outcome for entry in entries[:2]] == ["failed", "passed"]


def test_an_answer_that_no_scorer_judges_is_in_no_rate_and_fails_nothing(suites: SuiteHouse) -> None:
    suites.write(SUITE.replace("scorers: [contains]\n", "").replace("thresholds: [at least 50 %]\n", ""))
    found = suites.record()
    summary = summarise_outcomes(suites.suite, map(outcome_of_answer, found))
    assert (summary.items, summary.passed, summary.unanswered, summary.unscored) == (2, 1, 0, 4)
    assert summary.exit_status == 0
    assert summary.sentence.startswith("1 of 2 pass (")
    assert ", 4 have no scorer" in summary.sentence
    nothing = summarise_outcomes(
        suites.suite, [outcome_of_answer(one) for one in found if one.item.key.case != "goals"]
    )
    assert nothing.sentence == "4 have no scorer."


def test_of_a_part_of_the_suite_thresholds_say_nothing(suites: SuiteHouse) -> None:
    found = suites.record()
    suites.write(SUITE.replace("at least 50 %", "at least 3 of 6"))
    assert summarise_outcomes(suites.suite, map(outcome_of_answer, found)).exit_status == 0
    part = [outcome_of_answer(one) for one in found if one.item.key.case == "winner"]
    assert summarise_outcomes(suites.suite, part).exit_status == 1
    assert summarise_outcomes(suites.suite, part, partial=True).exit_status == 0


def test_what_a_report_leaves_out_of_a_long_text_is_counted() -> None:
    entry = ReportItem(ItemKey("c", "", "m"), "failed", "worse", "", answer="x" * 4_100)
    for text in (item_as_text(entry), suite_html.item(entry)):
        assert "… and 100 characters more" in text
        assert "x" * 4_001 not in text
