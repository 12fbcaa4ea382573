"""Where a model may run: graphics cards by name, and this machine with its memory and its cards.

    device("A100 80GB").bytes        # 80_000_000_000
    this_machine().memory            # bytes of memory in all, and what is free by the limits of the container too

An "80 GB" card is counted as 80 × 10^9 bytes. Cards report more (an H100 80GB has 81,559 MiB by nvidia-smi), and the
driver needs some, so this is on the safe side. Where a source says what nvidia-smi reports, that is taken.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from promptlab.errors import InputError, nearest
from promptlab.models import free_memory

LIST = Path(__file__).with_name("gpus.toml")
OWN_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(GB|GiB|MiB)", re.IGNORECASE)
UNITS = {"gb": 1e9, "gib": 1 << 30, "mib": 1 << 20}
SMI = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
SECONDS = 10


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of card by `name` with `bytes` of memory and a `bandwidth` in bytes a second (None if not known)."""

    name: str
    bytes: int
    bandwidth: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class FoundCard:
    """A card of this machine, as nvidia-smi reports it: bytes in all, and bytes that are free."""

    name: str
    bytes: int
    free: int


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine: bytes of `memory`, how many of them are `free` (by the limits of its container too), and its
    `cards`. None where the system does not say."""

    memory: int | None
    free: int | None
    cards: tuple[FoundCard, ...] = ()


@cache
def devices() -> Mapping[str, Device]:
    """All cards that are known by name."""
    rows = tomllib.loads(LIST.read_text("utf-8"))["gpus"]
    return {
        row["name"]: Device(
            row["name"],
            row.get("bytes", row["gb"] * 1_000_000_000),
            row["gbps"] * 1e9 if "gbps" in row else None,
            row["source"],
        )
        for row in rows
    }


def device(name: str) -> Device:
    """The card `name`, or a card of a size such as `24GB`.

    Raises:
        InputError: there is none, or several have this name; the hint names them.
    """
    own = OWN_SIZE.fullmatch(name.strip())
    if own:
        size = int(float(own[1]) * UNITS[own[2].lower()])
        if not 0 < size < 1 << 50:
            raise InputError(f"`{name}` is no size of a card", hint="write it as 24GB")
        return Device(f"a card with {name.strip()}", size)
    wanted = _bare(name)
    exact = [each for each in devices().values() if _bare(each.name) == wanted]
    near = exact or [each for each in devices().values() if wanted and wanted in _bare(each.name)]
    if len(near) == 1:
        return near[0]
    if near:
        raise InputError(f"`{name}` may be several cards", hint=f"name one: {', '.join(each.name for each in near)}")
    raise InputError(
        f"`{name}` is no card that is known here",
        hint=f"{nearest(name, devices()) or 'give its size'}, or give its size: --gpu 24GB",
    )


def _bare(name: str) -> str:
    return re.sub(r"nvidia|geforce|tesla|[\s_-]", "", name.lower())


def this_machine(meminfo: Path = Path("/proc/meminfo")) -> Machine:
    """The memory and the cards of this machine."""
    try:
        found = re.search(r"MemTotal:\s+(\d+) kB", meminfo.read_text("ascii", "replace"))
    except OSError:
        found = None
    return Machine(int(found[1]) * 1024 if found else None, free_memory(), found_cards())


def found_cards() -> tuple[FoundCard, ...]:
    """The cards that nvidia-smi reports; none if it is not there."""
    if shutil.which(SMI[0]) is None:
        return ()
    try:
        done = subprocess.run(SMI, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return cards_in(done.stdout) if done.returncode == 0 else ()


def cards_in(text: str) -> tuple[FoundCard, ...]:
    """The cards in the output of nvidia-smi; a line that is no card is left out."""
    cards = []
    for line in text.splitlines():
        name, *sizes = (part.strip() for part in line.rsplit(",", 2))
        if len(sizes) == 2 and all(size.isdigit() for size in sizes):
            total, free = (int(size) << 20 for size in sizes)
            cards.append(FoundCard(name, total, free))
    return tuple(cards)


__all__ = ["Device", "FoundCard", "Machine", "cards_in", "device", "devices", "found_cards", "this_machine"]
