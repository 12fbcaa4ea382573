"""Installs the tools that tests compare promptlab with (requirements/oracles.toml), and runs programs with them.

    python tools/oracles.py        # install what is missing; `make test` does it

Each tool is in `.venv/oracles/NAME`. Its dependencies are there, too, if it says so; else those that it needs are
named, or are in promptlab's environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(sys.prefix) / "oracles"


def wanted() -> dict[str, list[str]]:
    """What pip installs for each tool."""
    tools = tomllib.loads((ROOT / "requirements" / "oracles.toml").read_text(encoding="utf-8"))
    return {
        name: [*([] if tool.get("dependencies") else ["--no-deps"]), *tool["packages"]] for name, tool in tools.items()
    }


def installed(name: str) -> bool:
    """True if the tool is there, in the versions that are wanted."""
    mark = FOLDER / name / ".packages"
    return mark.is_file() and mark.read_text(encoding="utf-8") == "\n".join(wanted()[name])


def install(name: str) -> None:
    """Install a tool. Raises `CalledProcessError` if pip cannot."""
    packages = wanted()[name]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(FOLDER / name)]
    subprocess.run([*pip, *packages], check=True)
    (FOLDER / name / ".packages").write_text("\n".join(packages), encoding="utf-8")


def run(name: str, program: str, *arguments: str, timeout: float = 120) -> str:
    """What a Python program prints in which the tool can be imported. Raises `CalledProcessError` if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(FOLDER / name), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, timeout=timeout)
    return done.stdout.decode("utf-8")


def main() -> None:
    """Install what is missing. A tool that cannot be installed is named, and its tests are skipped."""
    for tool in wanted():
        if installed(tool):
            continue
        try:
            install(tool)
        except subprocess.CalledProcessError as exc:
            print(f"{tool} could not be installed ({exc}); the tests beside it are skipped.", file=sys.stderr)


if __name__ == "__main__":
    main()
