"""`promptlab suite`: what each verb prints, writes, asks, and exits with."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from promptlab.cli import _main as cli
from promptlab.cli import suite as cli_suite
from promptlab.lab import Lab
from tests.suites.making import SUITE, SuiteHouse, knows, suites

__all__ = ["suites"]


@dataclass
class Done:
    """What a command left: its exit status and what it wrote."""

    exit_code: int
    output: str


Suite = Callable[..., Done]


@pytest.fixture
def suite(suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Suite:
    """`promptlab suite …` in the workspace, with its scripted models."""
    monkeypatch.chdir(suites.workspace.root)
    monkeypatch.setattr(cli_suite, "opened", lambda: Lab(suites.workspace, catalogue=suites.house.catalogue))

    def run(*arguments: str, input: str = "") -> Done:
        monkeypatch.setattr(sys, "argv", ["promptlab", "suite", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(input))
        code = 0
        try:
            cli.main()
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 0
        written = capsys.readouterr()
        return Done(code, written.out + written.err)

    return run


def asked(suites: SuiteHouse) -> int:
    return sum(len(model.history) for model in suites.house.models.values())


def edit_the_template(suites: SuiteHouse) -> None:
    template = suites.workspace.root / "templates/cup.yaml"
    template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))


# record


def test_record_asks_stores_and_says_how_many(suites: SuiteHouse, suite: Suite) -> None:
    done = suite("record", "facts")
    assert done.exit_code == 0, done.output
    assert "3 of 6 pass" in done.output
    assert done.output.endswith("6 items recorded in fixtures/recordings/facts.jsonl\n")
    assert len(suites.stored()) == 6


def test_record_with_an_item_that_failed_exits_with_1_and_keeps_the_rest(suites: SuiteHouse, suite: Suite) -> None:
    suites.house.model("bad", [RuntimeError("broken")])
    done = suite("record", "facts")
    assert done.exit_code == 1
    assert "3 items recorded" in done.output
    assert "winner[bad]: cannot tell" in done.output


def test_record_that_ran_into_a_limit_says_so_and_exits_with_1(suites: SuiteHouse, suite: Suite) -> None:
    done = suite("record", "facts", "--max-tokens", "120")
    assert done.exit_code == 1
    assert "the next item may take the run past 120 tokens" in done.output
    before = asked(suites)
    done = suite("record", "facts", "--max-tokens", "10000")
    assert done.exit_code == 0
    assert "taking up an interrupted record" in done.output
    assert (asked(suites), len(suites.stored())) == (6, 6)
    assert 0 < before < 6


def test_a_dry_run_with_nothing_to_ask_says_so(suites: SuiteHouse, suite: Suite) -> None:
    done = suite("rerun", "facts", "--dry-run")
    assert done.output == "facts: nothing to ask; a rerun sends what is recorded, unless with --prompts current\n"
    assert asked(suites) == 0


def test_a_dry_run_says_calls_and_tokens_and_asks_nobody(suites: SuiteHouse, suite: Suite) -> None:
    done = suite("record", "facts", "--dry-run")
    assert done.exit_code == 0
    good, bad, total = done.output.splitlines()
    assert good.startswith("good: 3 calls, ")
    assert "prompt tokens, at most 48 new ones" in good
    assert bad.startswith("bad: 3 calls")
    assert total.startswith("in all at most: 6 calls, ")
    assert asked(suites) == 0
    assert suites.log.runs(suites.path) == []


# replay


def test_replay_of_what_was_recorded_exits_with_0_and_asks_nobody(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    before = asked(suites)
    done = suite("replay", "facts")
    assert (done.exit_code, asked(suites)) == (0, before), done.output
    assert "facts: 3 of 6 pass" in done.output
    assert "nothing is recorded" not in done.output


@pytest.mark.parametrize("suites_named", [(), ("facts",), ("fixtures/suites/facts.yaml",)])
def test_drift_exits_with_1_and_shows_the_section(
    suites: SuiteHouse, suite: Suite, suites_named: tuple[str, ...]
) -> None:
    suites.record()
    edit_the_template(suites)
    done = suite("replay", *suites_named)
    assert done.exit_code == 1
    assert "winner[good]: drifted, instructions edited" in done.output
    assert "+ [instructions] Please." in done.output


def test_a_threshold_that_is_not_met_exits_with_1_and_one_that_cannot_be_told_with_3(
    suites: SuiteHouse, suite: Suite
) -> None:
    suites.record()
    suites.write(SUITE.replace("at least 50 %", "at least 4 of 6"))
    done = suite("replay", "facts")
    assert done.exit_code == 1
    assert "✗ at least 4 of 6: 3 of 6 passed" in done.output
    suites.write(SUITE.replace("at least 50 %", "at least 30 % at 95 %"))
    done = suite("replay", "facts")
    assert done.exit_code == 3
    assert "? at least 30 % at 95 %" in done.output
    assert "cases more would settle it" in done.output


def test_thresholds_are_not_held_against_a_part_of_a_suite(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.write(SUITE.replace("at least 50 %", "at least 3 of 6"))
    done = suite("replay", "facts", "--case", "winner")
    assert done.exit_code == 0, done.output
    assert "thresholds are not checked" in done.output


def test_a_case_that_nobody_knows_exits_with_an_error_and_not_with_0(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    done = suite("replay", "facts", "--case", "winnr")
    assert done.exit_code not in (0, 3)
    assert "there is no case or item `winnr`" in done.output
    assert "did you mean `winner`?" in done.output


def test_a_miss_is_an_error_with_the_nearest_stored_request(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.write(SUITE + "  - {id: winners, inputs: {question: Who won it all?}, expected: Argentina}\n")
    before = asked(suites)
    done = suite("replay", "facts")
    assert done.exit_code == 1
    assert "winners[good]: missing, nothing is recorded; the nearest is winner[good]" in done.output
    assert asked(suites) == before


def test_a_damaged_recording_is_said_with_file_and_line(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    path = suites.workspace.resolve(suites.suite.recording)
    path.write_text(path.read_text().replace("In Qatar.", "In Peru."))
    before = path.read_bytes()
    for verb in ("replay", "rerun", "record"):
        done = suite(verb, "facts")
        assert done.exit_code not in (0, 3), verb
        assert "fixtures/recordings/facts.jsonl:3" in done.output, done.output
    assert path.read_bytes() == before


def test_reports_are_written_and_a_folder_that_is_missing_is_made(
    suites: SuiteHouse, suite: Suite, tmp_path: Path
) -> None:
    suites.record()
    out = tmp_path / "out/deep"
    flags = [f"--{kind}={out}/r.{kind}" for kind in ("junit", "json", "markdown", "html")]
    assert suite("replay", "facts", *flags).exit_code == 0
    assert ET.parse(out / "r.junit").getroot()[0].get("tests") == "6"
    assert json.loads((out / "r.json").read_text())["passed"] == 3
    assert (out / "r.markdown").read_text().startswith("## Suite facts\n")
    assert (out / "r.html").read_text().startswith("<!doctype html>")


def test_of_several_suites_each_has_a_report(suites: SuiteHouse, suite: Suite, tmp_path: Path) -> None:
    suites.record()
    suites.write(SUITE, "fixtures/suites/other.yaml")
    (suites.workspace.root / "fixtures/recordings/other.jsonl").write_bytes(
        suites.workspace.resolve(suites.suite.recording).read_bytes()
    )
    assert suite("replay", "--json", str(tmp_path / "r.json")).exit_code == 0
    assert {path.name for path in tmp_path.glob("*.json")} == {"r-facts.json", "r-other.json"}


def test_labelled_text_is_masked_on_the_terminal_unless_asked_for(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    (suites.workspace.root / "promptlab.yaml").write_text('models: {}\nlabels: {"fixtures/documents/**": internal}\n')
    edit_the_template(suites)
    done = suite("replay", "facts")
    assert "Argentina" not in done.output
    assert "[internal: 14 characters]" in done.output
    assert "Argentina did." in suite("replay", "facts", "--show-labelled").output


def test_escapes_of_a_model_do_not_reach_the_terminal(suites: SuiteHouse, suite: Suite) -> None:
    suites.house.model("good", "\x1b[2J\x1b]0;owned\x07Argentina")
    suites.record()
    edit_the_template(suites)
    assert "\x1b" not in suite("replay", "facts").output


# rerun and accept


def test_rerun_of_the_same_answers_exits_with_0(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    done = suite("rerun", "facts")
    assert done.exit_code == 0, done.output
    assert "no difference seen in 3 cases" in done.output


def test_rerun_that_is_worse_exits_by_its_thresholds(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.house.model("good", lambda r: "Peru" if "Where" in r.messages[-1].content else knows(r))
    done = suite("rerun", "facts")
    assert "host[good]: worse, passed, and does not any more" in done.output
    assert "cause: sampling: nothing changed" in done.output
    assert done.exit_code == 1  # 2 of 6 are not 50 %
    suites.write(SUITE.replace("thresholds: [at least 50 %]\n", "thresholds: [at least 30 %]\n"))
    assert suite("rerun", "facts").exit_code == 0
    suites.write(SUITE.replace("thresholds: [at least 50 %]\n", ""))
    assert suite("rerun", "facts").exit_code == 1


def test_rerun_of_another_model_holds_it_against_the_recorded_answers(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.house.model("new", "Argentina, Qatar, 172")
    done = suite("rerun", "facts", "-m", "new")
    assert "3 of 3 pass" in done.output
    assert done.exit_code == 0, done.output


def test_accept_shows_asks_and_takes_over(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.house.model("good", lambda r: "Argentina, 4-2" if "Who won" in r.messages[-1].content else knows(r))
    suite("rerun", "facts")
    before = suites.stored()
    done = suite("accept", "facts", input="n\n")
    assert "winner[good]: accepts" in done.output
    assert "+ [layout] Argentina" in done.output or "Argentina, 4-2" in done.output
    assert suites.stored() == before
    assert suite("accept", "facts", "winner", input="y\n").exit_code == 0
    first, *others = suites.stored()
    assert first.completion.text == "Argentina, 4-2"
    assert others == before[1:]
    assert "nothing to accept" in suite("accept", "facts").output


def test_accept_of_a_case_that_nobody_knows_is_an_error(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suite("rerun", "facts")
    done = suite("accept", "facts", "winnr")
    assert done.exit_code != 0
    assert "there is no case or item `winnr`" in done.output


def test_several_suites_have_their_p_adjusted(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.write(SUITE, "fixtures/suites/other.yaml")
    suite("record", "other")
    suites.house.model("good", "Peru")
    done = suite("rerun", "facts", "other", "--json", "report.json")
    for name in ("facts", "other"):
        data = json.loads((suites.workspace.root / f"report-{name}.json").read_text())
        found = data["comparison"]
        assert 0.5 < found["p"] < found["adjusted_p"] == 1.0
        assert found["confidence"] == pytest.approx(1 - 0.05 * found["p"])
        line = next(line for line in done.output.splitlines() if line.startswith(f"{name}: "))
        assert line == f"{name}: {data['sentence']}"
        assert "p = 1 adjusted for 2 suites)" in line
        assert "cannot be told from chance yet among 2 suites" in line


def test_of_several_suites_those_that_ended_before_an_error_are_reported(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    done = suite("rerun", "facts", "nowhere", "--json", "report.json")
    assert done.exit_code != 0
    assert "facts: 3 of 6 pass" in done.output
    assert (suites.workspace.root / "report-facts.json").is_file()


def test_causes_are_found_within_the_calls_allowed(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.house.model("good", lambda r: knows(r) if r.params.temperature < 0.5 else "Peru")
    edit_the_template(suites)
    suites.write(SUITE + "params: {temperature: 0.9}\n")
    done = suite("rerun", "facts", "--prompts", "current", "--find-causes", "100")
    assert "cause: parameters: temperature 0.0 → 0.9" in done.output
    assert "cause: prompt" not in done.output.split("host[good]")[1].split("✗")[0]


# list, runs, import-run


def test_list_shows_what_is_recorded_and_what_is_wrong(suites: SuiteHouse, suite: Suite) -> None:
    (suites.workspace.root / "fixtures/suites/broken.yaml").write_text("template: cup\nmodels: []\ncases: []\n")
    done = suite("list")
    assert done.exit_code == 0
    assert "fixtures/suites/facts.yaml  good, bad  (not recorded)  Facts of the final" in done.output
    assert "fixtures/suites/broken.yaml" in done.output
    lines = [json.loads(line) for line in suite("list", "--json").output.splitlines()]
    assert [line["path"] for line in lines] == ["fixtures/suites/broken.yaml", "fixtures/suites/facts.yaml"]
    assert "problem" in lines[0]
    assert lines[1]["recorded"] is False


def test_runs_lists_what_was_asked(suite: Suite) -> None:
    suite("record", "facts")
    suite("rerun", "facts")
    first, second = suite("runs", "facts").output.splitlines()
    assert "rerun  finished  6/6  6 same" in first
    assert "record  finished  6/6" in second


def test_import_run_makes_cases_that_replay(suites: SuiteHouse, suite: Suite) -> None:
    run = suites.house.start(suites.house.trials("good", question="Who won the cup?"))
    run.wait()
    done = suite("import-run", run.id, "--suite", "kept")
    assert done.exit_code == 0, done.output
    assert "1 cases added to fixtures/suites/kept.yaml, 1 answers to its recording" in done.output
    done = suite("replay", "kept")
    assert done.exit_code == 0, done.output
    assert "1 have no scorer" in done.output


def test_thresholds_that_are_met_do_not_hide_what_is_not_judged(suites: SuiteHouse, suite: Suite) -> None:
    suites.write(SUITE.replace("[good, bad]", "[good]"))
    assert suite("record", "facts").exit_code == 0
    suites.house.model("good", lambda r: RuntimeError("down") if "Where" in r.messages[-1].content else knows(r))
    done = suite("rerun", "facts")
    assert "✓ at least 50 %" in done.output
    assert "1 have no answer" in done.output
    assert done.exit_code == 3


# rename, prune, history


def test_rename_says_what_follows_and_replay_is_content(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    done = suite("rename", "facts", "winner", "champion", "--dry-run")
    assert (done.exit_code, "2 recorded items" in done.output) == (0, True)
    assert "id: winner" in (suites.workspace.root / suites.path).read_text()
    done = suite("rename", "facts", "winner", "champion")
    assert done.exit_code == 0, done.output
    assert suite("replay", "facts", "--case", "champion").exit_code == 0
    assert suite("replay", "facts").exit_code == 0
    assert suite("rename", "facts", "nobody", "somebody").exit_code == 1


def test_what_left_the_suite_fails_a_replay_until_it_is_pruned(suites: SuiteHouse, suite: Suite) -> None:
    suites.record()
    suites.write(SUITE.replace("[good, bad]", "[good]"))
    done = suite("replay", "facts")
    assert done.exit_code == 1
    assert "suite prune facts" in done.output
    done = suite("prune", "facts", "--dry-run")
    assert done.output.splitlines() == ["winner[bad]", "host[bad]", "goals[bad]"]
    assert suite("prune", "facts", input="n\n").exit_code == 130
    assert len(suites.stored()) == 6
    assert suite("prune", "facts", "--yes").exit_code == 0
    assert len(suites.stored()) == 3
    assert suite("replay", "facts").exit_code == 0
    assert "nothing to remove" in suite("prune", "facts").output


def test_history_is_a_table_or_json(suites: SuiteHouse, suite: Suite) -> None:
    assert suite("history", "facts").output == "facts has no runs yet\n"
    suites.record()
    suites.rerun()
    lines = suite("history", "facts").output.splitlines()
    assert [line.split()[3] for line in lines[1:]] == ["rerun", "record"]
    assert all("3 of 6" in line for line in lines[1:])
    data = [json.loads(line) for line in suite("history", "facts", "--json").output.splitlines()]
    assert [(one["verb"], one["passed"], one["judged"], one["rate"]) for one in data] == [
        ("rerun", 3, 6, 0.5),
        ("record", 3, 6, 0.5),
    ]
    assert suite("history", "facts", "--verb", "record", "--json").output.count("\n") == 1


@pytest.mark.parametrize("verb", ["replay", "record", "rerun", "prune"])
def test_a_suite_without_a_case_is_an_error(suites: SuiteHouse, suite: Suite, verb: str) -> None:
    suites.record()
    suites.write("template: cup\nmodels: [good]\ncases: []\n")
    done = suite(verb, "facts", *(["--yes"] if verb == "prune" else []))
    assert done.exit_code == 1
    assert "the suite has no cases" in done.output
    assert len(suites.stored()) == 6
