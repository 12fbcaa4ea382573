"""Installs what training needs into promptlab's environment: torch, transformers, peft and gguf; and llama.cpp's own
converter of adapters for the tests beside it.

    python tools/finetune_libraries.py            # the CPU build of torch, if pip finds one; else it says what to do
    python tools/finetune_libraries.py --cuda     # whatever build pip takes, with gigabytes of libraries for GPUs

A torch that is installed already is kept. The index's own build of torch for Linux is the CUDA one, so pip is asked
first which file it would take.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import llama_converter  # a script's own folder is where Python looks first

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"


def pip(*words: str) -> str:
    """What pip prints. Raises `CalledProcessError` if it fails."""
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--constraint", str(CONSTRAINTS)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def takes_cuda() -> bool:
    """True if pip would install libraries of NVIDIA with torch."""
    report = json.loads(pip("install", "--dry-run", "--report", "-", "torch"))
    return any(one["metadata"]["name"].lower().startswith("nvidia") for one in report["install"])


def main() -> None:
    """Install what is missing. Without a CPU build of torch only say so: nothing else needs it."""
    if find_spec("torch") is None and "--cuda" not in sys.argv and takes_cuda():
        print("pip would take torch with gigabytes of CUDA libraries, so it was not installed.", file=sys.stderr)
        print("docs/finetune.md says how to take the CPU build; make finetune CUDA=1 takes this one.", file=sys.stderr)
        return
    if any(find_spec(name) is None for name in ("torch", "transformers", "peft", "gguf")):
        pip("install", "--editable", f"{ROOT}[finetune]")
    llama_converter.main()


if __name__ == "__main__":
    main()
