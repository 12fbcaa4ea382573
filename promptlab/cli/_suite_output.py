"""The output of `promptlab suite`: progress, items, the summary, and reports."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab._util import disk_errors as faults
from promptlab.cli import _terminal as terminal
from promptlab.cli._common import print_line
from promptlab.errors import InputError

if TYPE_CHECKING:
    from promptlab.suites import ReportItem, Suite, Summary

SHOWN = 40
"""At most this many items are printed in full; the others are counted."""


class Progress:
    """A progress bar with the time left, on a terminal only."""

    def __init__(self, total: int, name: str) -> None:
        self._shown = sys.stderr.isatty()
        self._bar: Any = click.progressbar(length=total, label=name, file=sys.stderr, show_pos=True)

    def __enter__(self) -> Progress:
        if self._shown:
            self._bar.__enter__()
        return self

    def step(self) -> None:
        """Count one more item as done."""
        if self._shown:
            self._bar.update(1)

    def __exit__(self, *exc: Any) -> None:
        if self._shown:
            self._bar.__exit__(*exc)


def report_paths(to: Mapping[str, Any], found: Suite, *, several: bool) -> dict[str, Path]:
    """The paths of the reports. With several suites each file name has the name of the suite."""
    paths = {kind: to.get(f"to_{kind}") for kind in ("junit", "json", "markdown", "html")}
    return {
        kind: Path(path).with_stem(f"{Path(path).stem}-{found.name}") if several else Path(path)
        for kind, path in paths.items()
        if path
    }


class Output:
    """Prints the failing items, writes the reports, and counts."""

    def __init__(self, found: Suite, paths: Mapping[str, Path], show: bool) -> None:
        from promptlab.suites import report_writers

        self._suite, self._show = found, show
        self._writers = report_writers(paths, show_labelled=show)
        self._paths = paths
        self.failing = self.errors = 0

    def add(self, entry: ReportItem) -> None:
        """Add an item."""
        from promptlab.suites import FAILING, UNJUDGED

        for writer in self._writers:
            writer.add(entry)
        if entry.outcome in FAILING:
            self.failing += 1
            self.errors += entry.outcome in UNJUDGED
            if self.failing <= SHOWN:
                print_entry(entry, self._show)

    def finish(self, summary: Summary) -> None:
        """Write the reports and print the summary. Raises `InputError` if a report cannot be written."""
        from promptlab.suites import summary_as_text

        for writer, path in zip(self._writers, self._paths.values(), strict=True):
            try:
                writer.finish(summary)
            except OSError as exc:
                said = f"the report cannot be written: {exc.strerror or exc}"
                raise InputError(said, file=str(path), hint=faults.advice(exc)) from exc
        if self.failing > SHOWN:
            print_line(f"… and {self.failing - SHOWN} more")
        print_line(f"{self._suite.name}: {summary_as_text(summary)}")


def print_entry(entry: ReportItem, show: bool) -> None:
    """Print an item; text with a label is masked unless `show`."""
    from promptlab.suites import item_as_text

    click.echo(terminal.printable(item_as_text(entry if show else entry.masked())))
    click.echo()
