"""`promptlab ledger`: the texts that left this machine, and a check that the ledger is complete."""

from __future__ import annotations

import sys
from typing import Any

import click

from promptlab.cli._common import as_json_option, here, print_json, print_line


@click.group()
def ledger() -> None:
    """What left this machine, to whom, and why it was allowed."""


@ledger.command("show")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="The most lines to print."
)
@click.option("--all", "every", is_flag=True, help="Print all lines.")
@as_json_option
def show(limit: int, every: bool, as_json: bool) -> None:
    """Print the lines of the ledger, newest first.

    There is a line for each request to an API, including retries, judges and servers on this machine, and for each
    label that was lowered, with the person and the reason. Answers from the history have no line: nothing left.
    """
    from promptlab import workspace

    found = workspace.newest_ledger_entries(here().state, None if every else limit)
    for entry in found:
        if as_json:
            print_json(entry)
        else:
            print_line(said(entry))
    if not found and not as_json:
        print_line("Nothing has left this machine, according to this ledger.")


def said(entry: dict[str, Any]) -> str:
    """An entry as a line for the terminal."""
    when = str(entry.get("at", ""))[:19]
    if entry["kind"] == "sent":
        again = f", try {entry['attempt']}" if entry["attempt"] > 1 else ""
        masked = f", {entry['masked']} parts masked" if entry.get("masked") else ""
        via = f" by way of {entry['via']}" if entry.get("via") else ""
        what = (
            f"sent {entry['bytes']:,} bytes to {entry['model']} ({entry['asked']}) at {entry['host']}{via}{again}: "
            f"{entry['label']} text, it may see {entry['clearance']}{masked}; {entry['template'] or 'no template'}, "
            f"request {str(entry['request'])[:12]}"
        )
    elif entry["kind"] == "lowered":
        what = f"{entry['who']} lowered {entry['path']} from {entry['was']} to {entry['label']}: {entry['reason']}"
    elif entry["kind"] == "served":
        what = f"served {entry['model']} to other machines at {entry['host']}"
    else:
        what = f"found {entry.get('bytes', 0)} bytes of an incomplete line, whose request was never sent"
    return f"{entry['line']:>6}  {when}  {what}"


@ledger.command("verify")
@click.option("--head", default="", metavar="HASH", help="A hash that an earlier verify printed.")
@as_json_option
def verify(head: str, as_json: bool) -> None:
    """Check the hash chain of the ledger.

    Prints the first line that does not fit the line before it; the exit status is then 1. An incomplete line, left by a
    process that died, is reported but is not an error: its request was never sent. Save the printed hash elsewhere and
    give it with --head later: only so a verify can notice that lines at the end were deleted.
    """
    from promptlab import workspace

    found = workspace.verify_ledger(here().state, head=head)
    if as_json:
        problem = found.problem
        print_json(
            {
                "ok": problem is None,
                "lines": found.lines,
                "head": found.head,
                "torn": list(found.torn),
                "counts": found.counts,
                "line": problem.line if problem else None,
                "problem": problem.what if problem else None,
            }
        )
    else:
        for number in found.torn:
            print_line(f"line {number} is incomplete: the process died, and its request was never sent")
        if found.problem is None:
            print_line(f"{found.lines} lines, the chain of hashes is intact; the hash of the last line is {found.head}")
        else:
            print_line(f"line {found.problem.line} {found.problem.what}")
    sys.exit(0 if found.problem is None else 1)


__all__ = ["ledger", "said"]
