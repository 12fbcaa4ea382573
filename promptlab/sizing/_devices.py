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
OWN_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(TB|GB?|GiB?|MiB|MB)", re.IGNORECASE)
UNITS = {"t": 1e12, "g": 1e9, "gi": 1 << 30, "mi": 1 << 20, "m": 1e6}
SMI = ("nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits")
SECONDS = 10
MAKERS = frozenset(
    {"nvidia", "geforce", "tesla", "amd", "instinct", "radeon", "generation", "server", "edition", "gpu"}
)
"""Words of a card's name that tell nothing about it."""
FORMS = frozenset({"sxm", "pcie", "nvl"})
MAY_BE_LEFT_OUT = FORMS | {"rtx", "blackwell"}
"""Words that a user may leave out. Not `Ti`, `S` or `Ada`: a card without them is another one."""
NEAR = 0.1
"""How far the memory of a card may be from that of the card with its name."""


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

    @property
    def bandwidth(self) -> float | None:
        """Bytes a second, if a card of this name and size is known."""
        near = [each for each in _named(self.name) if abs(each.bytes - self.bytes) <= NEAR * self.bytes]
        return near[0].bandwidth if len(near) == 1 else None


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
        size = int(float(own[1]) * UNITS[own[2].lower().removesuffix("b")])
        if not 0 < size < 1 << 50:
            raise InputError(f"`{name}` is no size of a card", hint="write it as 24GB")
        return Device(f"a card with {name.strip()}", size)
    near = _named(name)
    if len(near) == 1:
        return near[0]
    if near:
        raise InputError(f"`{name}` may be several cards", hint=f"name one: {', '.join(each.name for each in near)}")
    several = re.fullmatch(r"\d+\s*[x×*]\s*(.+)|(.+?)\s*[x×*]\s*\d+", name.strip(), re.IGNORECASE)
    if several and _named(several[1] or several[2]):
        raise InputError(
            f"`{name}` is more than one card",
            hint=f"name one, {several[1] or several[2]}: the answer says how many are needed",
        )
    hint = nearest(name, devices()) if not name.strip().isdigit() else ""
    raise InputError(
        f"`{name}` is no card that is known here", hint=f"{hint} or give its size: --gpu 24GB".lstrip(" or")
    )


def _named(name: str) -> list[Device]:
    """The cards that `name` may mean: the one of just this name, or all whose name has more words that may be left
    out."""
    wanted = _words(name)
    near = [each for each in devices().values() if _may_mean(wanted, each)]
    return [each for each in near if _words(each.name) == wanted] or near


def _may_mean(wanted: frozenset[str], card: Device) -> bool:
    own = _words(card.name)
    memory = f"{card.bytes // 1_000_000_000}gb"
    further, missing = wanted - own - {memory, memory.removesuffix("gb")}, own - wanted
    if further <= FORMS and not (further and own & FORMS):
        left_out = all(word in MAY_BE_LEFT_OUT or word == memory for word in missing)
        return left_out and any(word[-1:].isdigit() or word[:1].isdigit() or len(word) > 2 for word in wanted & own)
    return False


def _words(name: str) -> frozenset[str]:
    """The words of a card's name: `NVIDIA A100-SXM4-80GB` has a100, sxm and 80gb."""
    text = re.sub(r"\bhbm3\b|sxm\d", "sxm", name.lower())  # nvidia-smi's "H100 80GB HBM3" is the one in a socket
    text = re.sub(r"(rtx|gtx)(?=\d)|(?<=\d)(?=(?:ti|super|sxm|nvl|pcie)\b)", r"\1 ", text)
    text = re.sub(r"\b(\d+) ?gb?\b", r"\1gb", text)
    return frozenset(re.findall(r"[^\s_()-]+", text)) - MAKERS


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
