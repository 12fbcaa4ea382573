"""Unpacks llama.cpp's own converter of adapters, which tests compare promptlab's with: `make finetune` does it.

    python tools/llama_converter.py        # .venv/oracles/llama.cpp/convert_lora_to_gguf.py and what it imports

It is in the source package of llama-cpp-python, of which only some Python files are kept (2 MB). PROMPTLAB_LLAMA_CPP
names a folder of llama.cpp that is there already.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(sys.prefix) / "oracles" / "llama.cpp"
SCRIPT = "convert_lora_to_gguf.py"
NEEDED = re.compile(rf"[^/]+/vendor/llama\.cpp/({SCRIPT}|(?:conversion|gguf-py/gguf)/[^/]+\.py)")


def wanted() -> str:
    """The requirement: the version of llama-cpp-python that promptlab pins."""
    lines = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("llama_cpp_python=="))


def script() -> Path | None:
    """The converter; None if it is not there, or is of another version."""
    own = os.environ.get("PROMPTLAB_LLAMA_CPP")
    folder = Path(own) if own else FOLDER
    mark = folder / ".package"
    right = bool(own) or (mark.is_file() and mark.read_text(encoding="utf-8") == wanted())
    return folder / SCRIPT if right and (folder / SCRIPT).is_file() else None


def install() -> None:
    """Download the source package and unpack the converter. Raises `CalledProcessError` if pip cannot."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--dest", folder]
        subprocess.run([*pip, "--no-binary", "llama-cpp-python", wanted()], check=True)
        shutil.rmtree(FOLDER, ignore_errors=True)
        (package,) = Path(folder).glob("*.tar.gz")
        unpack(package)
    (FOLDER / ".package").write_text(wanted(), encoding="utf-8")


def unpack(package: Path) -> None:
    """Write the needed files of the source package into the folder."""
    with tarfile.open(package) as archive:
        for member in archive:
            needed = NEEDED.fullmatch(member.name)
            if needed and (file := archive.extractfile(member)) is not None:
                target = FOLDER / needed[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read())


def main() -> None:
    """Unpack the converter if it is not there. Without it only say so: the tests beside it are skipped."""
    if script() is not None:
        return
    try:
        install()
    except (subprocess.CalledProcessError, OSError, tarfile.TarError) as exc:
        print(
            f"llama.cpp's converter could not be downloaded ({exc}); the tests beside it are skipped.", file=sys.stderr
        )


if __name__ == "__main__":
    main()
