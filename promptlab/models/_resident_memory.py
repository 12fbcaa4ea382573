"""How much memory this process and its child processes hold, by Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path


def resident_memory(proc: Path = Path("/proc"), pid: int | None = None) -> int | None:
    """Resident bytes of the process `pid` (this one by default) and all processes below it; None if the system does not
    say."""
    root = os.getpid() if pid is None else pid
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for status in proc.glob("[0-9]*/status"):
        try:
            text = status.read_text("utf-8", "replace")
        except OSError:  # it has ended meanwhile
            continue
        fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        number = int(status.parent.name)
        parents[number] = int(fields.get("PPid", "0"))
        resident[number] = int(fields.get("VmRSS", "0").split()[0]) * 1024
    if root not in resident:
        return None
    family, before = {root}, 0
    while len(family) > before:
        before = len(family)
        family |= {number for number, parent in parents.items() if parent in family}
    return sum(resident[number] for number in family)


def own_pages(status: Path = Path("/proc/self/status")) -> tuple[int, int] | None:
    """Bytes of anonymous and of file-backed pages that this process holds; None if the system does not say."""
    try:
        lines = status.read_text("utf-8", "replace").splitlines()
        pairs = [line.split(":", 1) for line in lines if line.startswith(("RssAnon:", "RssFile:"))]
        fields = {name: value.split()[0] for name, value in pairs}
        return int(fields["RssAnon"]) * 1024, int(fields["RssFile"]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return None


__all__ = ["own_pages", "resident_memory"]
