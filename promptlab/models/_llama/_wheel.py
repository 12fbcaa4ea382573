"""Building and installing llama-cpp-python with CPU code for several kinds of processors.

    python promptlab/models/_llama/_wheel.py requirements/constraints.txt  # what `make setup` runs
    promptlab models build                                                 # the same, where promptlab is installed

The wheel has llama.cpp once and its CPU code for each of `VARIANTS`; one variant is loaded at run time
(_cpu_variants.py). The wheel stays in the cache folder under a hash of everything that it was built from; pip's own
cache would mix up wheels that were built with different options. The options in `CMAKE_ARGS`, if set, replace ours; on
systems other than Linux the package's defaults apply.

This file imports only the standard library, because it runs before promptlab's dependencies are installed.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

REQUIREMENT = "llama-cpp-python==0.3.36"
"""The version that is built if no constraints file pins another one."""
VARIANTS = {
    "x86_64": ("x64", "haswell", "icelake"),
    "aarch64": ("armv8.0_1", "armv8.2_2", "armv8.6_1"),
}
"""Names that llama.cpp gives to its CPU code, slowest first. x64 runs on any 64-bit x86 processor; haswell needs AVX2,
which Intel and AMD processors have had since 2013 and 2015; icelake needs AVX-512 with VNNI. None has AMX code."""
INCLUDE = Path(__file__).with_name("llama.cmake")
NOTE = "promptlab-build.json"
"""The file beside llama.cpp's libraries that records what they were built from."""


def machine() -> str | None:
    """The key of `VARIANTS` for this machine; None if llama-cpp-python is built with its own defaults."""
    name = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return name if sys.platform == "linux" and name in VARIANTS else None


def options() -> list[str]:
    """The options for CMake: those of `CMAKE_ARGS` if it is set, otherwise ours for this machine."""
    own, name = os.environ.get("CMAKE_ARGS", ""), machine()
    if own.strip() or name is None:
        return shlex.split(own)
    return [
        "-DLLAVA_BUILD=OFF",
        "-DGGML_NATIVE=OFF",
        "-DGGML_BACKEND_DL=ON",
        "-DGGML_CPU_ALL_VARIANTS=ON",
        f"-DPROMPTLAB_CPU_VARIANTS={';'.join(VARIANTS[name])}",
        f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={INCLUDE}",
        "-DCMAKE_INSTALL_BINDIR=llama_cpp/lib",
    ]


def key(requirement: str) -> str:
    """A hash of everything that decides the content of the wheel, except the compiler."""
    shown = [option.replace(str(INCLUDE.parent), "") for option in options()]
    parts = [requirement, platform.machine(), sys.platform, *shown, INCLUDE.read_text("utf-8")]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """The folder for built wheels."""
    own, shared = os.environ.get("PROMPTLAB_CACHE"), os.environ.get("XDG_CACHE_HOME")
    base = Path(own) if own else Path(shared or Path.home() / ".cache") / "promptlab"
    return base / "llama"


def libraries() -> Path | None:
    """The folder of llama.cpp's libraries in the installed package; None if it is not installed."""
    try:
        files = metadata.files("llama-cpp-python") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).parent / "lib" for file in files if file.name == "llama_cpp.py"), None)


def installed() -> str:
    """The `key` of the installed build; empty if it was built in another way, or is not installed."""
    folder = libraries()
    try:
        return str(json.loads((folder / NOTE).read_text("utf-8"))["key"]) if folder else ""
    except (OSError, ValueError, KeyError):
        return ""


def wheel(requirement: str) -> Path:
    """The wheel, built if it is not in the cache folder yet. Raises `CalledProcessError` if the build fails."""
    folder = cache_folder() / key(requirement)
    wheels = sorted(folder.glob("*.whl"))
    if wheels:
        return wheels[0]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as half:
        _pip(
            *("wheel", "--no-deps", "--no-binary", "llama-cpp-python", "--no-cache-dir", "--wheel-dir", half),
            requirement,
            CMAKE_ARGS=shlex.join(options()),
        )
        folder.mkdir(exist_ok=True)
        for path in Path(half).glob("*.whl"):
            path.replace(folder / path.name)
    return sorted(folder.glob("*.whl"))[0]


def _pip(*words: str, **env: str) -> None:
    subprocess.run([sys.executable, "-P", "-m", "pip", *words, "--quiet"], check=True, env={**os.environ, **env})


def install(requirement: str = REQUIREMENT) -> bool:
    """Install the build for this machine unless it is installed already; True if it was installed now.

    Raises `CalledProcessError` if pip fails; pip's messages are on standard error.
    """
    wanted = key(requirement)
    if installed() == wanted:
        return False
    # Without its dependencies: these are pinned and installed with the rest of promptlab's.
    _pip("install", "--no-deps", "--force-reinstall", str(wheel(requirement)))
    folder = libraries()
    assert folder, "it was installed just now"
    (folder / NOTE).write_text(json.dumps({"key": wanted, "options": options()}), "utf-8")
    return True


def pinned(constraints: Path) -> str:
    """The requirement that a constraints file pins. Raises `SystemExit` if it pins none."""
    match = re.search(r"^llama[-_]cpp[-_]python==(\S+)", constraints.read_text("utf-8"), re.MULTILINE | re.IGNORECASE)
    if not match:
        raise SystemExit(f"{constraints} pins no version of llama-cpp-python")
    return f"llama-cpp-python=={match[1]}"


if __name__ == "__main__":
    install(*(pinned(Path(path)) for path in sys.argv[1:2]))
