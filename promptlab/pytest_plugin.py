"""`pytest --promptlab fixtures/suites`: every case of every suite a test, replayed without any model.

A suite file is collected as a file, and each of its items, `winner[article-gemma-3-270m]`, as a test: `-k`, `-x`,
`--lf` and xdist work as with any other. A test fails when the prompt is no longer the recorded one, when nothing is
recorded, or when today's scorers are not content with the recorded answer where they were, and shows why.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from promptlab.recording import Recording
    from promptlab.suite import Item, Suite
    from promptlab.suite_entry import Entry
    from promptlab.suite_items import Fill
    from promptlab.thresholds import Threshold
    from promptlab.workspace import Workspace


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("promptlab")
    group.addoption(
        "--promptlab",
        action="append",
        default=[],
        metavar="PATH",
        help="replay the suites in PATH, a suite file or a folder of them: every case is a test, and no model is asked",
    )
    parser.addini("promptlab", type="paths", default=[], help="suites to replay with every run of pytest")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promptlab: a case of a promptlab suite")
    for path in _folders(config):
        if not path.exists():
            raise pytest.UsageError(f"--promptlab: there is no {path}")
        if str(path) not in config.args:
            config.args.append(str(path))


def _folders(config: pytest.Config) -> list[Path]:
    given = [Path(config.invocation_params.dir, path) for path in config.getoption("--promptlab")]
    return [path.resolve() for path in [*given, *config.getini("promptlab")]]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Suites are the YAML files in the folders that `--promptlab` names, but for the files of cases beside them."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    wanted = _folders(parent.config)
    if not any(file_path == folder or folder in file_path.parents for folder in wanted):
        return None
    return SuiteFile.from_parent(parent, path=file_path)


class SuiteFile(pytest.File):
    """A suite; opens its workspace, which is the nearest folder upwards with a promptlab.yaml."""

    def collect(self) -> Iterator[CaseItem | ThresholdItem]:
        from promptlab import suite_file
        from promptlab.recording import Recording
        from promptlab.suite_items import Fill, items
        from promptlab.workspace import Workspace

        self.workspace: Workspace = Workspace.find(self.path.parent)
        self.suite: Suite = suite_file.load(self.workspace, str(self.path))
        self.fill: Fill = Fill(self.workspace, self.suite)
        self.recording: Recording = Recording(self.workspace.resolve(self.suite.recording), shown=self.suite.recording)
        for one in items(self.workspace, self.suite):
            yield CaseItem.from_parent(self, name=one.key.id, item=one)
        for threshold in self.suite.thresholds:
            about = f" ({threshold.about})" if threshold.about else ""
            yield ThresholdItem.from_parent(self, name=f"{threshold.text}{about}", threshold=threshold)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Ours as the sentence that it is."""
        return _said(excinfo) or super().repr_failure(excinfo)


def _said(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    from promptlab.errors import PromptlabError

    return str(excinfo.value) if isinstance(excinfo.value, Failed | PromptlabError) else ""


class Failed(Exception):
    """A case that does not hold; what there is to see."""


class CaseItem(pytest.Item):
    """One item of a suite."""

    def __init__(self, *, item: Item, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.add_marker("promptlab")
        for tag in item.case.tags:
            self.extra_keyword_matches.add(tag)

    def runtest(self) -> None:
        """Replay the item."""
        from promptlab.suite_entry import FAILING, in_words

        entry = self._entry()
        if entry.outcome in FAILING:
            raise Failed(in_words(entry.masked()))

    def _entry(self) -> Entry:
        from promptlab.replay import replay_item
        from promptlab.suite_entry import of_replay

        parent = self.parent
        assert isinstance(parent, SuiteFile)
        found = replay_item(parent.fill, self.item, parent.recording)
        return of_replay(found, parent.suite.specs_of(self.item.case))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, instead of a traceback."""
        return _said(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is written."""
        _, _, line = self.item.case.place.rpartition(":")
        return self.path, int(line) - 1 if line.isdigit() else None, self.name


class ThresholdItem(pytest.Item):
    """A threshold of a suite, held against the recorded answers."""

    def __init__(self, *, threshold: Threshold, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.add_marker("promptlab")

    def runtest(self) -> None:
        """Count the recorded passes. A margin has nothing to be compared with here, and holds."""
        from promptlab.suite_summary import recorded_outcomes
        from promptlab.thresholds import check

        parent = self.parent
        assert isinstance(parent, SuiteFile)
        if self.threshold.kind == "margin":
            pytest.skip("a margin compares new answers with the recorded ones; replay has none")
        found = check(self.threshold, recorded_outcomes(parent.workspace, parent.suite))
        if not found.met:
            raise Failed(f"{self.name}: {found.said}" + ("" if found.met is False else "; it cannot be told yet"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence."""
        return _said(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The suite's file."""
        return self.path, None, self.name
