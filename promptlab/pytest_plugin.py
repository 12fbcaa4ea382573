"""`pytest --promptlab fixtures/suites`: every case of every suite a test, replayed without any model.

A suite file is collected as a file, and each of its items, `winner[article-gemma-3-270m]`, as a test: `-k`, `-x`,
`--lf` and xdist work as with any other. A test fails when the prompt is no longer the recorded one, when nothing is
recorded, or when today's scorers are not content with the recorded answer where they were, and shows why. A recorded
item that is no longer in the suite is a test that fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from promptlab.suites import Item, ItemKey, Recording, ReportItem, Suite, Threshold, TrialMaker
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
    group.addoption(
        "--promptlab-trust",
        action="store_true",
        help="trust the workspaces of these suites with what they ask for, as `promptlab trust` lists it",
    )
    parser.addini("promptlab", type="paths", default=[], help="suites to replay with every run of pytest")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promptlab: a case of a promptlab suite")
    if config.getoption("--promptlab-trust"):
        from promptlab import workspace

        opened = contextlib.ExitStack()
        opened.enter_context(workspace.trust_everything())
        config.add_cleanup(opened.close)
    given, written = _folders(config)
    for path in [*given, *written]:
        if not path.exists():
            raise pytest.UsageError(f"--promptlab: there is no {path}")
    # Whoever names tests on the command line wants these: the suites of the configuration join a whole run only.
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    for path in given if named else [*given, *written]:
        if not any(_leads_into(config, argument, path) for argument in config.args):
            config.args.append(str(path))


def _leads_into(config: pytest.Config, argument: str, folder: Path) -> bool:
    """Whether an argument of pytest names the folder itself, or something in it, such as one case of a suite."""
    named = Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()
    return named == folder or folder in named.parents


def _folders(config: pytest.Config) -> tuple[list[Path], list[Path]]:
    """Where suites are: as the command line says, and as the configuration does."""
    given = [Path(config.invocation_params.dir, path).resolve() for path in config.getoption("--promptlab")]
    return given, [path.resolve() for path in config.getini("promptlab")]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Suites are the YAML files in the folders that `--promptlab` names, but for the files of cases beside them."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    given, written = _folders(parent.config)
    if not any(file_path == folder or folder in file_path.parents for folder in [*given, *written]):
        return None
    from promptlab.suites import is_case_file

    if is_case_file(file_path):
        return None
    return SuiteFile.from_parent(parent, path=file_path)


class SuiteFile(pytest.File):
    """A suite; opens its workspace, which is the nearest folder upwards with a promptlab.yaml."""

    def collect(self) -> Iterator[pytest.Item | CaseGroup]:
        from promptlab import lab
        from promptlab.suites import Recording, TrialMaker, suite_items

        opened = lab.open(self.path.parent)  # a replay uses neither models nor history, so nothing needs closing
        self.workspace: Workspace = opened.workspace
        self.suite: Suite = opened.suite(str(self.path)).file
        self.fill: TrialMaker = TrialMaker(self.workspace, self.suite)
        self.recording: Recording | None = None
        with Recording(self._recorded, shown=self.suite.recording) as recording:  # an error if there is none
            left = dict.fromkeys(recording.keys())
        names = set()
        for one in suite_items(self.workspace, self.suite):
            left.pop(one.key, None)
            names.add(one.key.id)
            yield self._node(CaseItem, one.key.id, item=one)
        for key in left:
            name = f"{key.id} (recorded)" if key.id in names else key.id
            yield self._node(LeftItem, name, key=key)
        for threshold in self.suite.thresholds:
            about = f" ({threshold.about})" if threshold.about else ""
            name = f"{threshold.text}{about}"
            yield ThresholdItem.from_parent(self, name=name, nodeid=f"{self.nodeid}::{name}", threshold=threshold)

    def _node(self, kind: type[CaseItem | LeftItem], id: str, **rest: Any) -> pytest.Item | CaseGroup:
        """The test of the item `id`. pytest splits what is named on its command line at each `::` before the first
        bracket, so an item whose case has one stands in a group for each part."""
        case, bracket, inside = id.partition("[")
        *groups, name = case.split("::")
        parent: pytest.Collector = self
        outermost: CaseGroup | None = None
        for group in groups:
            inner = CaseGroup.from_parent(parent, name=group, nodeid=f"{parent.nodeid}::{group}")
            if isinstance(parent, CaseGroup):
                parent.only = inner
            outermost, parent = outermost or inner, inner
        # The node id as text: pytest 9.2 takes an id that it makes itself for another one than the id it reads from
        # its cache, where the name has brackets, and `--lf` finds nothing.
        item = kind.from_parent(parent, name=f"{name}{bracket}{inside}", nodeid=f"{self.nodeid}::{id}", **rest)
        if isinstance(parent, CaseGroup):
            parent.only = item
        return outermost or item

    @property
    def _recorded(self) -> Path:
        return self.workspace.resolve(self.suite.recording)

    def opened(self) -> Recording:
        """The recording, open as long as cases of the suite are run one after another."""
        from promptlab.suites import Recording

        if self.recording is None:
            self.recording = Recording(self._recorded, shown=self.suite.recording)
        return self.recording

    def teardown(self) -> None:
        """Let go of the recording."""
        if self.recording is not None:
            self.recording.close()
            self.recording = None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Ours as the sentence that it is."""
        return _said(excinfo) or super().repr_failure(excinfo)


class CaseGroup(pytest.Collector):
    """A part of a case's id before a `::`, with what follows it."""

    only: pytest.Item | CaseGroup

    def collect(self) -> Iterator[pytest.Item | CaseGroup]:
        """What follows."""
        yield self.only


def _suite_of(node: pytest.Item) -> SuiteFile:
    found = node.getparent(SuiteFile)
    assert isinstance(found, SuiteFile), "every item stands in a suite"
    return found


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
        from promptlab.suites import FAILING, item_as_text

        entry = self._entry()
        if entry.outcome in FAILING:
            raise Failed(item_as_text(entry.masked()))

    def _entry(self) -> ReportItem:
        from promptlab.suites import replay_item, report_item_of_replay
        from promptlab.workspace import Labels

        parent = _suite_of(self)
        found = replay_item(parent.fill, self.item, parent.opened())
        return report_item_of_replay(found, Labels(parent.workspace))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What differs, instead of a traceback."""
        return _said(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is written."""
        file, _, line = self.item.case.place.rpartition(":")
        parent = _suite_of(self)
        return parent.workspace.root / file, int(line) - 1 if line.isdigit() else None, self.name


class LeftItem(pytest.Item):
    """A recorded item that is no longer in the suite. It fails: a test that is gone would look like one that passes."""

    def __init__(self, *, key: ItemKey, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.key = key
        self.add_marker("promptlab")

    def runtest(self) -> None:
        """Say that it left the suite, and what to do."""
        from promptlab.suites import item_as_text, replay_left_item, report_item_of_replay
        from promptlab.workspace import Labels

        parent = _suite_of(self)
        stored = parent.opened().look(self.key)
        assert stored is not None, "its key was read from the recording"
        entry = report_item_of_replay(replay_left_item(parent.suite, stored), Labels(parent.workspace))
        raise Failed(item_as_text(entry.masked()))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence, instead of a traceback."""
        return _said(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The suite's file."""
        return self.path, None, self.name


class ThresholdItem(pytest.Item):
    """A threshold of a suite, checked on the recorded answers."""

    def __init__(self, *, threshold: Threshold, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = threshold
        self.add_marker("promptlab")

    def runtest(self) -> None:
        """Count the recorded passes. What compares has nothing to be compared with here, and is skipped."""
        from promptlab.suites import check_threshold, recorded_outcomes

        parent = _suite_of(self)
        if self.threshold.compares:
            pytest.skip("it compares new answers with the recorded ones; replay has none")
        found = check_threshold(self.threshold, recorded_outcomes(parent.workspace, parent.suite))
        if not found.met:
            raise Failed(f"{self.name}: {found.said}" + ("" if found.met is False else "; it cannot be told yet"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The sentence."""
        return _said(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The suite's file."""
        return self.path, None, self.name
