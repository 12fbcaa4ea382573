"""Reports of a suite, for machines and for people: JUnit XML, JSON, Markdown and a single HTML file.

Items are written as they come, so that memory stays flat. The head of a report stands above the items but is written
last, because it has their numbers.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import IO, get_args
from xml.etree.ElementTree import Comment, Element, SubElement, indent, tostring

from promptlab._util.files import writing
from promptlab.suites import _report_html as suite_html
from promptlab.suites._report_item import FAILING, UNJUDGED, Outcome, ReportItem, item_as_text, item_data
from promptlab.suites._summary import Summary, summary_as_text, summary_data, threshold_line, threshold_sign


class _Spooled(ABC):
    """The base of all writers: items go to a temporary file, from which the report is made at the end."""

    def __init__(self, path: Path, *, show_labelled: bool = False) -> None:
        self._path, self._show = path, show_labelled
        self._body: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogatepass", newline="")  # noqa: SIM115
        self._counts: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)

    def add(self, entry: ReportItem) -> None:
        """Add an item."""
        self._counts[entry.outcome] += 1
        self._body.write(self._item(entry if self._show else entry.masked()))

    def finish(self, summary: Summary) -> None:
        """Write the report, whole or not at all. Raises `OSError`."""
        with self._body, writing(self._path) as file:
            file.write(self._head(summary).encode("utf-8", "replace"))
            self._body.seek(0)
            shutil.copyfileobj(_Encoding(self._body), file)
            file.write(self._foot(summary).encode("utf-8", "replace"))

    @abstractmethod
    def _item(self, entry: ReportItem) -> str:
        """The text of an item; "" if the report leaves it out."""

    @abstractmethod
    def _head(self, summary: Summary) -> str:
        """The text before the items."""

    @abstractmethod
    def _foot(self, summary: Summary) -> str:
        """The text after the items."""


class _Encoding:
    """A text file that is read as bytes. Characters that UTF-8 cannot encode become question marks."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size).encode("utf-8", "replace")


class Junit(_Spooled):
    """JUnit XML for CI servers: a test case for each item, with the class name `variant.model`."""

    def _item(self, entry: ReportItem) -> str:
        name = ".".join(part for part in (entry.key.variant, entry.key.model) if part)
        case = Element("testcase", classname=_line(name), name=_line(entry.key.id))
        if entry.seconds is not None:
            case.set("time", f"{entry.seconds:.3f}")
        if entry.outcome in FAILING:
            tag = "error" if entry.outcome in UNJUDGED else "failure"
            kind = entry.outcome if entry.outcome == "not judged" else entry.verdict
            bad = SubElement(case, tag, message=_line(entry.said), type=_line(kind))
            bad.text = _xml(item_as_text(entry))
        elif entry.cut:
            SubElement(case, "system-out").text = _xml(entry.cut)
        return f"  {tostring(case, encoding='unicode')}\n"

    def _frame(self, summary: Summary) -> tuple[str, str]:
        """The XML before and after the items, which are written one by one."""
        counts = self._counts
        failures, errors = counts["failed"] + counts["changed"], sum(counts[outcome] for outcome in UNJUDGED)
        sizes = {"tests": str(sum(counts.values())), "failures": str(failures), "errors": str(errors)}
        suites = Element("testsuites", sizes)
        suite = SubElement(suites, "testsuite", {"name": _line(summary.suite), **sizes})
        here = Comment("items")
        suite.append(here)
        SubElement(suite, "system-out").text = _xml(summary_as_text(summary))
        indent(suites, " ")
        before, _, behind = tostring(suites, encoding="unicode").partition("<!--items-->")
        return f'<?xml version="1.0" encoding="utf-8"?>\n{before.rstrip()}\n', f"{behind.lstrip(chr(10))}\n"

    def _head(self, summary: Summary) -> str:
        return self._frame(summary)[0]

    def _foot(self, summary: Summary) -> str:
        return self._frame(summary)[1]


class Json(_Spooled):
    """One JSON object: the summary, and a list with one item on each line."""

    def __init__(self, path: Path, *, show_labelled: bool = False) -> None:
        super().__init__(path, show_labelled=show_labelled)
        self._first = True

    def _item(self, entry: ReportItem) -> str:
        comma, self._first = "" if self._first else ",\n", False
        return comma + json.dumps(item_data(entry), ensure_ascii=False)

    def _head(self, summary: Summary) -> str:
        data = json.dumps(summary_data(summary), ensure_ascii=False, indent=1)
        return f'{data.rstrip()[:-1].rstrip()},\n "items": [\n'

    def _foot(self, _summary: Summary) -> str:
        return "\n]}\n"


class Markdown(_Spooled):
    """A summary for a pull request: the sentence, the table, the thresholds, and every item that needs a look."""

    def _item(self, entry: ReportItem) -> str:
        if entry.outcome not in FAILING:
            return f"- {_md(entry.key.id)}: {_md(entry.said)}\n\n" if entry.cut else ""
        body = item_as_text(entry)
        fence = "`" * (3 + max((len(run) for run in re.findall("`+", body)), default=0))
        head = f"{_md(entry.key.id)}: {_md(entry.said or entry.verdict)}"
        return f"<details><summary>{head}</summary>\n\n{fence}\n{body}\n{fence}\n\n</details>\n\n"

    def _head(self, summary: Summary) -> str:
        lines = [f"## Suite {_md(summary.suite)}", "", _md(summary.sentence), ""]
        lines += ["| variant and model | passed | of | interval (95 %) |", "|---|---:|---:|---|"]
        for cell in summary.cells:
            low, high = 100 * cell.interval.low, 100 * cell.interval.high
            lines.append(f"| {_md(cell.name)} | {cell.passed} | {cell.of} | {low:.1f} to {high:.1f} % |")
        lines += ["", *(f"- {threshold_sign(check.met)} {_md(threshold_line(check))}" for check in summary.checks), ""]
        return "\n".join(lines) + "\n"

    def _foot(self, _summary: Summary) -> str:
        return ""


class Html(_Spooled):
    """A single HTML file; see `suites/_report_html.py`."""

    def _item(self, entry: ReportItem) -> str:
        return suite_html.item(entry)

    def _head(self, summary: Summary) -> str:
        return suite_html.head(summary)

    def _foot(self, _summary: Summary) -> str:
        return suite_html.FOOT


WRITERS: Mapping[str, type[_Spooled]] = {"junit": Junit, "json": Json, "markdown": Markdown, "html": Html}


def report_writers(paths: Mapping[str, Path], *, show_labelled: bool = False) -> list[_Spooled]:
    """The writers of the reports asked for, by kind (see `WRITERS`)."""
    return [WRITERS[kind](path, show_labelled=show_labelled) for kind, path in paths.items()]


def _md(text: str) -> str:
    """`text` on one line, escaped so that Markdown shows it as it is."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return "".join("\\" + character if character in "\\`*_{}[]()#|!~" else character for character in plain)


_NO_XML = re.compile("[^\\t\\n\\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _xml(text: str) -> str:
    """`text` without the characters that are not allowed in XML, not even escaped."""
    return _NO_XML.sub("\ufffd", text)


def _line(text: str) -> str:
    return _xml(" ".join(text.split()))
