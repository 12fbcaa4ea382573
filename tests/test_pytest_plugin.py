"""The pytest plugin, in somebody else's repository where promptlab is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.suites.making import SUITE, SuiteHouse, suites

__all__ = ["suites"]

ALL = [
    *("winner[good]", "winner[bad]", "host[good]", "host[bad]", "goals[good]", "goals[bad]"),
    "at least 50 %",
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as an installer leaves it: its modules, and its entry points beside them."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "promptlab", site / "promptlab", ignore=shutil.ignore_patterns("__pycache__", "ui"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = site / "promptlab-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: promptlab\nVersion: 0\n")
    entries = "".join(f"{name} = {place}\n" for name, place in project["entry-points"]["pytest11"].items())
    (info / "entry_points.txt").write_text(f"[pytest11]\n{entries}")
    return site


class Repository:
    """Somebody's repository with a recorded suite and a test of its own."""

    def __init__(self, suites: SuiteHouse, site: Path) -> None:
        self.suites, self.root, self._site = suites, suites.workspace.root, site
        (self.root / "tests").mkdir()
        (self.root / "tests/test_own.py").write_text("def test_of_theirs():\n    pass\n")

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([str(self._site), os.environ.get("PYTHONPATH", "")])
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | {"PYTHONPATH": path}
        command = [sys.executable, "-m", "pytest", "-v", "-W", "error", "-p", "no:randomly", *arguments]
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)

    def outcomes(self, *arguments: str) -> dict[str, str]:
        """What became of each test, by its name."""
        return outcomes(self.pytest(*arguments).stdout)

    def edit_template(self) -> None:
        template = self.root / "templates/cup.yaml"
        template.write_text(template.read_text().replace("instructions: |\n  ", "instructions: |\n  Please. ", 1))


def outcomes(output: str) -> dict[str, str]:
    found = re.findall(
        r"^(?:\[gw\d\].*?(PASSED|FAILED|ERROR|SKIPPED) )?\S+::(.*?)(?: (PASSED|FAILED|ERROR|SKIPPED).*)?$",
        output,
        re.MULTILINE,
    )
    return {name.strip(): (before or after).lower() for before, name, after in found if before or after}


@pytest.fixture
def theirs(suites: SuiteHouse, installed: Path) -> Repository:
    suites.record()
    return Repository(suites, installed)


def test_every_case_is_a_test_with_a_readable_name(theirs: Repository) -> None:
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    assert outcomes(done.stdout) == dict.fromkeys(ALL, "passed"), done.stdout + done.stderr
    assert done.returncode == 0


def test_three_lines_of_configuration_are_enough(theirs: Repository) -> None:
    (theirs.root / "pytest.ini").write_text("[pytest]\ntestpaths = tests\npromptlab = fixtures/suites\n")
    assert theirs.outcomes() == dict.fromkeys(["test_of_theirs", *ALL], "passed")
    # Whoever names a test wants that one.
    assert theirs.outcomes("tests/test_own.py") == {"test_of_theirs": "passed"}
    assert theirs.outcomes("fixtures/suites/facts.yaml::winner[good]") == {"winner[good]": "passed"}


def test_without_the_option_nothing_is_collected_and_nothing_of_ours_is_loaded(theirs: Repository) -> None:
    (theirs.root / "tests/test_own.py").write_text(
        "import sys\ndef test_of_theirs():\n    assert 'promptlab.suites._suite' not in sys.modules\n"
    )
    assert theirs.outcomes() == {"test_of_theirs": "passed"}


def test_the_folder_within_the_whole_is_collected_once(theirs: Repository) -> None:
    done = theirs.pytest("--promptlab", "fixtures/suites")
    assert outcomes(done.stdout) == dict.fromkeys(["test_of_theirs", *ALL], "passed")
    assert f"{len(ALL) + 1} passed" in done.stdout


def test_k_chooses_by_case_model_and_tag(theirs: Repository) -> None:
    def chosen(words: str) -> list[str]:
        return list(theirs.outcomes("--promptlab", "fixtures/suites", "-k", words, "fixtures/suites"))

    assert chosen("winner") == ["winner[good]", "winner[bad]"]
    assert chosen("host and bad") == ["host[bad]"]
    assert chosen("final") == ["winner[good]", "winner[bad]"]


def test_x_stops_at_the_first_and_lf_takes_the_failed_ones(theirs: Repository) -> None:
    # What is recorded as right, and is not by today's scorer, fails; what was recorded as wrong does not.
    theirs.suites.write(SUITE.replace("expected: Qatar", "expected: France"))
    first = theirs.outcomes("--promptlab", "fixtures/suites", "fixtures/suites", "-x")
    assert first == {"winner[good]": "passed", "winner[bad]": "passed", "host[good]": "failed"}
    every = theirs.outcomes("--promptlab", "fixtures/suites", "fixtures/suites")
    # The threshold is checked with today's scorers, too, as `promptlab suite replay` does.
    failed = {name: outcome for name, outcome in every.items() if outcome == "failed"}
    assert list(failed) == ["host[good]", "at least 50 %"]
    assert theirs.outcomes("--promptlab", "fixtures/suites", "fixtures/suites", "--lf") == failed


def test_a_failure_shows_the_prompt_diff_with_its_section_the_answer_and_the_scores(theirs: Repository) -> None:
    theirs.edit_template()
    said = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites", "-k", "winner and good").stdout
    assert "winner[good]: drifted, instructions edited" in said
    assert "+ [instructions] Please." in said
    assert "Argentina did." in said
    assert "✓ contains 1: holds 'Argentina'" in said
    assert "Traceback" not in said


def test_a_labelled_case_shows_no_text_of_its_own(theirs: Repository) -> None:
    (theirs.root / "promptlab.yaml").write_text(
        'models: {}\nlabels: {"fixtures/recordings/**": confidential, "fixtures/documents/**": confidential}\n'
    )
    theirs.edit_template()
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites", "-k", "winner and good")
    assert "winner[good]: drifted, instructions edited" in done.stdout
    assert "[confidential: 14 characters]" in done.stdout
    for text in ("Argentina", "Please", "Who won"):
        assert text not in done.stdout + done.stderr


def test_what_is_not_recorded_fails_and_never_asks(theirs: Repository) -> None:
    theirs.suites.write(SUITE + "  - {id: winners, inputs: {question: Who won it all?}, expected: Argentina}\n")
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites", "-k", "winners and good")
    assert outcomes(done.stdout) == {"winners[good]": "failed"}
    assert "nothing is recorded; the nearest is winner[good]" in done.stdout


def test_a_threshold_that_is_not_met_fails_with_its_count(theirs: Repository) -> None:
    theirs.suites.write(SUITE.replace("at least 50 %", "at least 4 of 6"))
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    assert [name for name, outcome in outcomes(done.stdout).items() if outcome == "failed"] == ["at least 4 of 6"]
    assert "at least 4 of 6: 3 of 6 passed" in done.stdout


def test_a_suite_that_is_wrong_is_said_with_file_and_line(theirs: Repository) -> None:
    theirs.suites.workspace.resolve("fixtures/suites/facts.yaml").write_text(SUITE.replace("scorers:", "scorer:", 1))
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    assert done.returncode == 2
    assert "fixtures/suites/facts.yaml:5" in done.stdout
    assert "did you mean `scorers`?" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_suite_without_a_recording_says_how_to_make_one(theirs: Repository) -> None:
    theirs.suites.workspace.resolve("fixtures/recordings/facts.jsonl").unlink()
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    assert done.returncode == 2
    assert "`promptlab suite record` makes it" in done.stdout


def test_a_yaml_file_of_cases_beside_a_suite_is_no_suite(theirs: Repository) -> None:
    (theirs.root / "fixtures/suites/more.yaml").write_text(
        "# more\n- {id: second, inputs: {question: Who won?}, expected: Argentina}\n"
    )
    assert theirs.outcomes("--promptlab", "fixtures/suites", "fixtures/suites") == dict.fromkeys(ALL, "passed")


def test_a_folder_that_is_not_there_is_a_wrong_command_line(theirs: Repository) -> None:
    done = theirs.pytest("--promptlab", "fixtures/suite")
    assert done.returncode == 4
    assert "--promptlab: there is no" in done.stderr


@pytest.mark.skipif(not importlib.util.find_spec("xdist"), reason="pytest-xdist is not installed")
def test_workers_share_the_cases(theirs: Repository) -> None:
    (theirs.root / "pytest.ini").write_text("[pytest]\ntestpaths = tests\npromptlab = fixtures/suites\n")
    assert theirs.outcomes("-n", "2") == dict.fromkeys(["test_of_theirs", *ALL], "passed")


def test_a_recorded_item_that_left_the_suite_is_a_test_that_fails(theirs: Repository) -> None:
    left = SUITE.replace("[good, bad]", "[good]").replace("id: host", "id: place")
    theirs.suites.write(left)
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites")
    found = outcomes(done.stdout)
    assert done.returncode == 1
    assert {name for name, outcome in found.items() if outcome == "failed"} == {
        *("place[good]", "host[good]"),
        *("winner[bad]", "host[bad]", "goals[bad]"),
    }
    assert "suite prune facts" in done.stdout
    assert "suite rename facts host NEW" in done.stdout
    alone = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites/facts.yaml::goals[bad]")
    assert (alone.returncode, outcomes(alone.stdout)) == (1, {"goals[bad]": "failed"})


ODD = [
    "a::b",
    "a::b::c",
    "tests/x.py::test_y",
    "a/b c",
    "a'b",
    "it's 100 %",
    "naïve 日本 🏆",
    "x" * 200,
    "a&b<c>",
    "..",
    "/",
]
"""Ids of cases that a test name, a path or an address could take for more than a name."""


def test_odd_ids_are_found_failed_and_named_one_by_one(suites: SuiteHouse, installed: Path) -> None:
    import json

    lines = [{"id": id, "inputs": {"question": "Who won?"}, "expected": "Argentina"} for id in ODD]
    suites.write("template: cup\nmodels: [good]\nscorers: [contains]\ncases: [{file: odd.jsonl}]\n")
    (suites.workspace.root / "odd.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    suites.record()
    theirs = Repository(suites, installed)
    done = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites", "--junit-xml", "out.xml")
    assert f"{len(ODD)} passed" in done.stdout, done.stdout
    names = [
        f"fixtures/suites/facts.yaml::{id}[good]" for id in ("a::b", "tests/x.py::test_y", "a/b c", "naïve 日本 🏆")
    ]
    some = theirs.pytest("--promptlab", "fixtures/suites", *names)
    assert f"{len(names)} passed" in some.stdout, some.stdout + some.stderr
    theirs.edit_template()
    theirs.pytest("--promptlab", "fixtures/suites", *names)
    again = theirs.pytest("--promptlab", "fixtures/suites", "fixtures/suites", "--lf")
    assert f"{len(names)} failed" in again.stdout, again.stdout[-3000:]
    assert "passed" not in again.stdout
