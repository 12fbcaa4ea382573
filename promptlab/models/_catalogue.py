"""The catalogue: from a name in promptlab.yaml to a backend that can be asked.

    catalogue = Catalogue(Workspace.find())
    catalogue.status("gemma-3-270m")     # ready or not and why, window, size, GPU; loads no weights
    catalogue.backend("gemma-3-270m")    # the object that answers; the same one every time

Vendor libraries are imported here late, when a model that needs one is asked for, and where one is
missing the error says which extra to install.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from promptlab.errors import ModelNotFound, ModelNotReady, PromptlabError, nearest
from promptlab.models._backend import Backend, Tries
from promptlab.models._file_parts import Contents, digest_of_parts, model_files, names_of_parts
from promptlab.models._files import PACKAGES, ModelFiles, Package, Progress, cache_folder, parts_of
from promptlab.models._llama._cpu_variants import Numerics
from promptlab.types import Held, Label
from promptlab.workspace import Ledger, LlamaModel, OpenAIModel, Workspace, problem

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend

NOT_TRIED = "not tried on this processor yet; its first answer does that"
Downloader = Callable[[str, str], Path]
"""Takes a Hugging Face repository and a file in it; returns the file's path on this machine."""


@dataclass(frozen=True)
class ModelStatus:
    """A model as a list shows it. `reason` says why it is not ready and what to do. `tried` is False while a local
    model has not been tried on this processor, and `cpu` the CPU code that was found to run there. `gpu` is in words
    and empty for an API; `file`, `size_bytes` and `sha256` are None if there is no file yet. Of a split model, `file`
    is the first of `files` parts, the size that of all, and `sha256` that of the list of their digests, as
    promptlab.yaml means it."""

    name: str
    backend: Literal["llama", "openai", "extra"]
    ready: bool
    reason: str
    window: int | None
    clearance: Label
    size_bytes: int | None = None
    file: str | None = None
    gpu: str = ""
    loaded: bool = False
    held: Held | None = None
    tried: bool = True
    cpu: str = ""
    files: int = 1
    sha256: str | None = None


class Catalogue:
    """The models of a workspace. Safe to share between threads.

    `env` is where keys and the cache folder are looked up. `extra` adds ready-made backends by name, or
    replaces catalogue entries: scripted ones for tests and demos, with their own `clearance` if they have one.
    `download` fetches a file from Hugging Face; None uses huggingface_hub.
    """

    def __init__(
        self,
        workspace: Workspace,
        env: Mapping[str, str] | None = None,
        *,
        extra: Mapping[str, Backend] | None = None,
        download: Downloader | None = None,
        numerics: Numerics = "fast",
    ) -> None:
        self.workspace = workspace
        self._env: Mapping[str, str] = os.environ if env is None else env
        self._extra = dict(extra or {})
        self._download = download or _hub_download
        self._files = ModelFiles(cache_folder(self._env))
        self._ledger = Ledger(workspace.state)
        self._backends: dict[str, Backend] = {}
        self._contents: dict[str, Contents] = {}
        self._locks = {name: threading.RLock() for name in self.workspace.models}
        self._numerics: Numerics = numerics
        self._others: dict[Numerics, Catalogue] = {numerics: self}

    def with_numerics(self, numerics: Numerics) -> Catalogue:
        """The same models, where local ones compute with other code unless promptlab.yaml says which. It belongs to
        this catalogue: it follows promptlab.yaml and is closed with it."""
        if numerics not in self._others:
            other = type(self)(self.workspace, self._env, extra=self._extra, download=self._download, numerics=numerics)
            other._others = self._others
            self._others[numerics] = other
        return self._others[numerics]

    def names(self) -> list[str]:
        """Every model, in the order of promptlab.yaml."""
        return list(dict.fromkeys([*self.workspace.models, *self._extra]))

    def embedded(self) -> list[str]:
        """Those that come with promptlab's own packages."""
        return [n for n, e in self.workspace.models.items() if isinstance(e, LlamaModel) and e.package in PACKAGES]

    def entry(self, name: str) -> LlamaModel | OpenAIModel | None:
        """What promptlab.yaml says of the model; None for an extra backend.

        Raises:
            ModelNotFound: neither has it; the hint names the nearest.
        """
        if name in self._extra:
            return None
        if name not in self.workspace.models:
            raise ModelNotFound(f"there is no model `{name}` in promptlab.yaml", hint=nearest(name, self.names()))
        return self.workspace.models[name]

    def clearance(self, name: str) -> Label:
        """The highest label of text the model may see. An extra backend that does not say may see public text only:
        it may send what it gets anywhere."""
        entry = self.entry(name)
        if entry is not None:
            return entry.clearance
        label: Label = getattr(self._extra[name], "clearance", "public")
        return label

    def backend(self, name: str) -> Backend:
        """The model's backend, made on first use, and again when the bytes of any of its files are others than before.
        An embedded model's file is put together if need be. One of an API without its key counts and shows what it
        would send, and refuses when it is asked.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it cannot answer now; says what to do.
        """
        entry = self.entry(name)
        if entry is None:
            return self._extra[name]
        with self._locks[name]:
            if name in self._backends and self._files_changed(name):
                self._let_go(self._backends.pop(name))
            if name not in self._backends:
                made = self._made(name, entry)
                if getattr(made, "not_ready", None) is not None:
                    return made  # not kept: the key may be there the next time
                self._backends[name] = made
            return self._backends[name]

    def status(self, name: str) -> ModelStatus:
        """How the model stands. Loads no weights, downloads nothing, and is quick after the first time.

        Raises:
            ModelNotFound: there is no such model.
        """
        entry = self.entry(name)
        clearance = self.clearance(name)
        if entry is None:
            return ModelStatus(name, "extra", True, "", self._extra[name].window, clearance)
        if isinstance(entry, OpenAIModel):
            try:
                backend = self.backend(name)
                missing: PromptlabError | None = getattr(backend, "not_ready", None)
                if missing is not None:
                    raise missing
                return ModelStatus(name, "openai", True, "", backend.window, clearance)
            except PromptlabError as exc:
                return ModelStatus(name, "openai", False, exc.hint or exc.message, entry.window, clearance)
        return self._llama_status(name, entry)

    def forget_prefixes(self, name: str) -> None:
        """Let go of all that a local model keeps read of earlier prompts, in memory and on disk.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: its file is not there.
        """
        backend = self.backend(name)
        forget = getattr(backend, "forget_prefixes", None)  # local models have it
        if forget is not None:
            forget()

    def prepare(self, name: str, progress: Progress | None = None) -> Path:
        """The model's verified file, or its first part: an embedded one is put together, one of the hub downloaded.
        `progress` is called with bytes done and in all.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it has no file, or it cannot be made.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            raise ModelNotReady(f"{name} is no local model; there is nothing to prepare")
        with self._locks[name]:
            if entry.package is not None:
                return self._files.prepare(self._package(entry.package), progress)
            if entry.repo and entry.file and self._downloaded(entry.repo, entry.file) is None:
                path = self._fetch(name, entry.repo, entry.file)
            else:
                path = self._file(name, entry)
            found = model_files(path).paths
            self._verified(name, entry, path, [self._files.digest(one, progress) for one in found])
            return path

    def try_out(self, name: str, say: Callable[[str], None] = lambda _text: None) -> str:
        """Try a local model on this processor, again if it could not run before; the name of the CPU code that answers.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it cannot run here; says what to do.
            EngineFailed: it does not load.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            raise ModelNotReady(f"{name} is no local model; there is nothing to try")
        with self._locks[name]:
            backend = self.backend(name)
        assert isinstance(backend, Tries), "a local model's backend is tried"
        return str(backend.ready(say, again=True))

    def digest(self, name: str) -> str | None:
        """The SHA-256 of a local model's bytes, all parts of a split one, as `sha256` in promptlab.yaml means it; None
        where its file was not read yet, or there is none.

        Raises:
            ModelNotFound: there is no such model.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            return None
        try:
            if entry.package is not None:
                ready = self._files.ready(self._package(entry.package))
                return self._files.known_digest(ready) if ready else None
            known = [self._files.known_digest(path) for path in model_files(self._file(name, entry)).paths]
        except ModelNotReady:
            return None
        return digest_of_parts([one for one in known if one]) if all(known) else None

    def follow(self, workspace: Workspace) -> None:
        """Take over what promptlab.yaml says now. A model whose entry is the same stays as it is, loaded or not."""
        for catalogue in self._others.values():
            catalogue._follow(workspace)

    def _follow(self, workspace: Workspace) -> None:
        old, scanned = self.workspace.models, self.workspace.scan
        for name in workspace.models:
            self._locks.setdefault(name, threading.RLock())
        self.workspace = workspace

        def changed(name: str) -> bool:
            entry = workspace.models.get(name)
            return entry != old.get(name) or (isinstance(entry, OpenAIModel) and workspace.scan != scanned)

        for name in filter(changed, list(self._backends)):
            with self._locks[name]:
                if name in self._backends:
                    self._let_go(self._backends.pop(name))

    def close(self) -> None:
        """Let go of loaded models and connections."""
        for catalogue in self._others.values():
            for name in list(catalogue._backends):
                self._let_go(catalogue._backends.pop(name))
            catalogue._ledger.close()

    @staticmethod
    def _let_go(backend: Backend) -> None:
        close = getattr(backend, "close", None)
        if close:
            close()

    def _files_changed(self, name: str) -> bool:
        contents = self._contents.get(name)
        return contents is not None and contents.changed() is not None

    def _made(self, name: str, entry: LlamaModel | OpenAIModel) -> Backend:
        return self._llama(name, entry) if isinstance(entry, LlamaModel) else self._openai(name, entry)

    def _openai(self, name: str, entry: OpenAIModel) -> Backend:
        key = self._env.get(entry.api_key_env, "") if entry.api_key_env else ""
        _need("openai", "models behind an API", "openai")
        from promptlab.models._openai._backend import OpenAIBackend
        from promptlab.models._openai._outgoing import Outgoing

        others = [e.api_key_env for e in self.workspace.models.values() if isinstance(e, OpenAIModel) and e.api_key_env]
        keys = tuple(sorted({value for name in others if (value := self._env.get(name, "").strip())}))
        rule = entry.scan or self.workspace.scan
        # What is not trusted yet gets no key; it counts and shows what it would send.
        off = problem(self.workspace, name, entry)
        outgoing = Outgoing(self._ledger, rule, keys)
        return OpenAIBackend(name, entry, "" if off else key, off=off, outgoing=outgoing)

    def _llama(self, name: str, entry: LlamaModel) -> LlamaBackend:
        _need("llama_cpp", "local models", "local")
        from promptlab.models._llama._backend import LlamaBackend, Lora

        path = self.prepare(name) if entry.package is not None else self._file(name, entry)
        paths, adapters = model_files(path).paths, self._lora_files(name, entry)
        contents = self._contents[name] = Contents((*paths, *adapters), self._files.digest)
        limit = self.workspace.model_memory
        return LlamaBackend(
            *(name, path, entry, self._verified(name, entry, path, contents.digests[: len(paths)])),
            parts=paths,
            lora=[Lora(file, contents.digest_of(file)) for file in adapters],
            contents=contents,
            numerics=self._numerics,
            prefixes=self.workspace.state / "prefixes",
            memory=limit * 1_000_000 if limit else _share_of_memory(),
        )

    def _llama_status(self, name: str, entry: LlamaModel) -> ModelStatus:
        size, file, files = None, None, 1
        try:
            _need("llama_cpp", "local models", "local")
            self._lora_files(name, entry)
            if entry.package is not None:
                package = self._package(entry.package)
                path = self._files.ready(package)
                if path is None:
                    parts_of(package)
                    reason = "its file is put together at the first use"
                    return ModelStatus(name, "llama", True, reason, None, entry.clearance, package.size, tried=False)
            else:
                path = self._file(name, entry)
            size, file = path.stat().st_size, str(path)
            found = model_files(path)
            size, files = found.size, len(found.paths)
            backend = self.backend(name)
            outcome = getattr(backend, "outcome", None)
            tried = bool(outcome) or not isinstance(backend, Tries)
            reason = "" if tried else NOT_TRIED
            if outcome and isinstance(backend, Tries):
                backend.ready()  # raises what was found wrong; nothing is tried again
            gpu, loaded = getattr(backend, "gpu", ""), getattr(backend, "loaded", False)
            held = backend.prefixes_held() if hasattr(backend, "prefixes_held") else None
            return ModelStatus(
                *(name, "llama", True, reason, backend.window, entry.clearance, size, file, gpu, loaded, held),
                tried=tried,
                cpu=str(outcome.cpu) if outcome else "",
                files=files,
                sha256=getattr(backend, "sha256", None),
            )
        except PromptlabError as exc:
            reason = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
            return ModelStatus(
                *(name, "llama", False, reason, None, entry.clearance, size, file),
                files=files,
                sha256=self.digest(name),
            )

    def _package(self, name: str) -> Package:
        if name not in PACKAGES:
            raise ModelNotReady(f"`{name}` is no model package that promptlab knows", hint=nearest(name, PACKAGES))
        return PACKAGES[name]

    def _file(self, name: str, entry: LlamaModel) -> Path:
        """The file of a model that is not embedded."""
        if entry.repo and entry.file:
            found = self._downloaded(entry.repo, entry.file)
            if found is None:
                raise ModelNotReady(
                    f"{entry.file} of {entry.repo} is not downloaded", hint=f"promptlab models prepare {name}"
                )
            return found
        return self._existing(name, entry.path or "", "the model file")

    def _existing(self, name: str, path: str, what: str) -> Path:
        full = self.workspace.root / Path(path).expanduser()
        if not full.is_file():
            raise ModelNotReady(f"{what} {path} of {name} does not exist", hint=f"put it at {full}, or change the path")
        return full

    def _lora_files(self, name: str, entry: LlamaModel) -> list[Path]:
        return [self._existing(name, path, "the LoRA file") for path in entry.lora]

    def _verified(self, name: str, entry: LlamaModel, path: Path, digests: Sequence[str]) -> str:
        """The model's digest, if it is the one promptlab.yaml means. `digests` are those of its files."""
        found, pinned = digest_of_parts(digests), entry.sha256.lower() if entry.sha256 else None
        if pinned is None or pinned == found:
            return found
        if len(digests) > 1 and pinned in digests:
            raise ModelNotReady(
                f"the `sha256` of {name} is that of part {digests.index(pinned) + 1} alone, and the model has "
                f"{len(digests)} parts, all of which make its answers",
                hint=f"if the parts are those you mean, write `sha256: {found}`, which stands for all of them",
            )
        what = f"{path.name} and its other parts are" if len(digests) > 1 else f"{path.name} of {name} is"
        raise ModelNotReady(
            f"{what} not the file promptlab.yaml means: its SHA-256 is {found}",
            hint="get the file again, or correct `sha256`",
        )

    def _downloaded(self, repo: str, file: str) -> Path | None:
        """Where an earlier download put the file; the list is ours, so that no library is needed to look."""
        try:
            path = Path(self._link(repo, file).read_text("utf-8"))
        except OSError:
            return None
        return path if path.is_file() else None

    def _link(self, repo: str, file: str) -> Path:
        return self._files.folder / "hub" / f"{repo.replace('/', '--')}--{file.replace('/', '--')}.path"

    def _fetch(self, name: str, repo: str, file: str) -> Path:
        """Download the file, and all other parts where its name is that of the first of several."""
        folder, _, last = file.rpartition("/")
        names = [f"{folder}/{part}" if folder else part for part in names_of_parts(last)]
        first, *_ = [self._fetch_one(name, repo, one) for one in names]
        link = self._link(repo, file)
        with _writing(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            # Not what a link points to: its name is what the other parts are found by.
            link.write_text(str(first.absolute()), "utf-8")
        return first

    def _fetch_one(self, name: str, repo: str, file: str) -> Path:
        try:
            return self._download(repo, file)
        except PromptlabError:
            raise
        except Exception as exc:  # huggingface_hub raises errors of many libraries
            raise ModelNotReady(
                f"{file} of {repo} cannot be downloaded: {' '.join(str(exc).split())[:300]}",
                hint=f"check the names and the network, or download it yourself and use `path` for {name}",
            ) from exc


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise ModelNotReady(
            f"{path} cannot be written: {exc.strerror or exc}", hint="set PROMPTLAB_CACHE to a folder with room"
        ) from exc


def _share_of_memory() -> int | None:
    """Bytes that models may take where promptlab.yaml does not say: six tenths of the machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 6 // 10
    except (AttributeError, ValueError, OSError):
        return None


def _need(module: str, what: str, extra: str) -> None:
    if find_spec(module) is None:
        raise ModelNotReady(f"{what} need a library that is missing", hint=f"pip install 'promptlab[{extra}]'")


def _hub_download(repo: str, file: str) -> Path:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as exc:
        raise ModelNotReady(
            "models of Hugging Face need a library that is missing", hint="pip install 'promptlab[hub]'"
        ) from exc
    return Path(hf_hub_download(repo, file))


__all__ = ["Catalogue", "ModelStatus"]
