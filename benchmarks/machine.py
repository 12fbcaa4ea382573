"""What a figure was measured on: a figure without its machine says nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

LIBRARIES = ("openai", "httpx2", "sqlalchemy", "jinja2", "llama-cpp-python")


def facts() -> dict[str, str]:
    """Processor, cores this process may use, memory, system, Python, libraries, and the day (UTC)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _of_proc("/proc/cpuinfo", "model name") or platform.processor() or "unknown",
        "cores": str(cores),
        "memory": _of_proc("/proc/meminfo", "MemTotal") or "unknown",
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        **{name: _version(name) for name in LIBRARIES},
    }


def described() -> str:
    """The facts in one paragraph."""
    return ", ".join(f"{key} {value}" for key, value in facts().items())


def _of_proc(path: str, key: str) -> str:
    file = Path(path)
    if not file.exists():
        return ""
    found = [line.partition(":")[2] for line in file.read_text().splitlines() if line.startswith(key)]
    return " ".join(found[0].split()) if found else ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
