"""The catalogue: from a name in promptlab.yaml to a backend that can be asked.

    catalogue = Catalogue(Workspace.find())
    catalogue.status("gemma-3-270m")     # ready or not and why, window, size, GPU; loads no weights
    catalogue.backend("gemma-3-270m")    # the object that answers; the same one every time

Vendor libraries are imported late, when a model that needs one is asked for. If one is missing, the error says which
extra to install.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab._util.files import file_stamp
from promptlab.errors import ModelNotFound, ModelNotReady, nearest
from promptlab.models._backend import Backend, ProbesMachine
from promptlab.models._extras import require_llama_cpp, require_openai
from promptlab.models._file_parts import Contents, model_files
from promptlab.models._files import PACKAGES, ModelFiles, Progress, cache_folder
from promptlab.models._llama._cpu_variants import Numerics
from promptlab.models._local_files import Downloader, LocalFiles, hub_download
from promptlab.models._measured import Measured, Measurements
from promptlab.models._status import ModelStatus, api_status, local_status
from promptlab.models._tries import Tries, Try
from promptlab.types import Label
from promptlab.workspace import Ledger, LlamaModel, OpenAIModel, Workspace, model_trust_problem, permissions_of_model

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend
    from promptlab.models._llama._plan_client import PlanRequest


class Catalogue:
    """The models of a workspace. Safe to share between threads.

    `env` has the keys and the cache folder. `extra` adds ready-made backends by name, or replaces entries of
    promptlab.yaml: scripted ones for tests and demos, with their own `clearance` if they have one. `download` fetches a
    file from Hugging Face; None uses huggingface_hub. `numerics` is for local models whose entry does not set it.
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
        self._download = download or hub_download
        self._cache = ModelFiles(cache_folder(self._env))
        self._ledger = Ledger(workspace.state)
        self._tries = Tries(workspace.state)
        self._measurements = Measurements(workspace.state)
        self._backends: dict[str, Backend] = {}
        self._contents: dict[str, Contents] = {}
        self._locks = {name: threading.RLock() for name in self.workspace.models}
        self._numerics: Numerics = numerics
        self._by_numerics: dict[Numerics, Catalogue] = {numerics: self}

    def with_numerics(self, numerics: Numerics) -> Catalogue:
        """The same models with other `numerics`, except for entries that set their own. This catalogue owns the result:
        `use_workspace` and `close` act on both."""
        if numerics not in self._by_numerics:
            sibling = type(self)(
                self.workspace, self._env, extra=self._extra, download=self._download, numerics=numerics
            )
            sibling._by_numerics = self._by_numerics
            self._by_numerics[numerics] = sibling
        return self._by_numerics[numerics]

    def names(self) -> list[str]:
        """Every model, in the order of promptlab.yaml."""
        return list(dict.fromkeys([*self.workspace.models, *self._extra]))

    def embedded(self) -> list[str]:
        """The names of the models that come as Python packages of promptlab."""
        return [n for n, e in self.workspace.models.items() if isinstance(e, LlamaModel) and e.package in PACKAGES]

    def entry(self, name: str) -> LlamaModel | OpenAIModel | None:
        """The model's entry in promptlab.yaml; None for an extra backend.

        Raises:
            ModelNotFound: there is no such model; the hint names the nearest.
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
        """The model's backend. It is made on first use, and made again if the bytes of one of its files have changed.
        An embedded model's file is assembled if need be. The backend of an API without its key counts tokens and shows
        what it would send, but refuses to send it.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it cannot answer now; says what to do.
        """
        entry = self.entry(name)
        if entry is None:
            return self._extra[name]
        with self._locks[name]:
            if name in self._backends and self._files_changed(name):
                self._close_backend(self._backends.pop(name))
            if name not in self._backends:
                backend = self._make_backend(name, entry)
                if getattr(backend, "not_ready", None) is not None:
                    return backend  # not kept: the key may be there the next time
                self._backends[name] = backend
            return self._backends[name]

    def status(self, name: str) -> ModelStatus:
        """Ready or not and why, with size, window and GPU, and the last real result. Loads no weights, downloads
        nothing, asks nothing, and is quick after the first time.

        Raises:
            ModelNotFound: there is no such model.
        """
        return replace(self._status(name, self.entry(name)), last=self._tries.last(name, *self.state_of(name)))

    def _status(self, name: str, entry: LlamaModel | OpenAIModel | None) -> ModelStatus:
        if entry is None:
            return ModelStatus(name, "extra", True, "", self._extra[name].window, self.clearance(name))
        if isinstance(entry, OpenAIModel):
            return api_status(name, entry, lambda: self.backend(name))
        return local_status(name, entry, self._files, lambda: self.backend(name))

    def state_of(self, name: str) -> tuple[str, ...]:
        """What a try of the model depends on: its entry, and its key or its file. It has a secret: keep it nowhere.

        Raises:
            ModelNotFound: there is no such model.
        """
        entry = self.entry(name)
        if entry is None:
            return (self._extra[name].fingerprint,)
        if isinstance(entry, OpenAIModel):
            return entry.model_dump_json(), self._env.get(entry.api_key_env or "", "").strip()
        stamp = file_stamp(self.workspace.root / Path(entry.path).expanduser()) if entry.path else None
        return entry.model_dump_json(), str(stamp)

    def note_try(self, name: str, outcome: Try, state: tuple[str, ...]) -> None:
        """Keep the last real result of a model. `state` is its `state_of` from before it was asked."""
        self._tries.note(name, outcome, *state)

    def measured(self, name: str) -> Measured | None:
        """What `promptlab models check` measured of a model on this machine; None if it did not, or of another file.

        Raises:
            ModelNotFound: there is no such model.
        """
        return self._measurements.last(name, *self.state_of(name)) if self._is_local(name) else None

    def note_measured(self, name: str, measured: Measured) -> None:
        """Keep what was measured of a local model."""
        if self._is_local(name):
            self._measurements.note(name, measured, *self.state_of(name))

    def _is_local(self, name: str) -> bool:
        return isinstance(self.entry(name), LlamaModel)

    def offered_by(self, entry: OpenAIModel) -> tuple[str, ...]:
        """The names of the models that the server of `entry` offers; `entry` may be one that somebody is writing.

        Raises:
            ModelNotReady: the address or the key cannot be used.
            Untrusted: promptlab.yaml names this server or key, and the workspace is not trusted with it yet.
            BackendError: the server does not answer with a list of models.
        """
        require_openai()
        from promptlab.models._openai._model_list import offered_models

        wanted = {ask.id for ask in permissions_of_model("", entry)}
        for name, other in self.workspace.models.items():
            if wanted & {ask.id for ask in permissions_of_model(name, other)} and (
                off := model_trust_problem(self.workspace, name, other)
            ):
                raise off
        return offered_models(entry, self._env.get(entry.api_key_env, "") if entry.api_key_env else "")

    def variable_is_set(self, name: str) -> bool:
        """True if the environment has a value for the variable `name`, which may hold a key."""
        return bool(self._env.get(name, "").strip())

    def forget_prefixes(self, name: str) -> None:
        """Empty the prefix cache of a local model, in memory and on disk.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: its file does not exist.
        """
        backend = self.backend(name)
        forget = getattr(backend, "forget_prefixes", None)  # local models have it
        if forget is not None:
            forget()

    def prepare(self, name: str, progress: Progress | None = None) -> Path:
        """The model's verified file, or its first part. An embedded one is assembled, one from Hugging Face downloaded.
        `progress` is called with bytes done and in all.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it has no file, or it cannot be made.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            raise ModelNotReady(f"{name} is not a local model; there is nothing to prepare")
        with self._locks[name]:
            return self._files.prepare(name, entry, progress)

    def model_files(self, name: str) -> tuple[Path, ...]:
        """All files of a local model, in order. The file of an embedded one is assembled if need be.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it is not a local model, or it has no file.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            raise ModelNotReady(f"{name} is not a local model; it has no file here")
        path = self.prepare(name) if entry.package is not None else self._files.path(name, entry)
        return model_files(path).paths

    def plan_request(self, name: str) -> PlanRequest:
        """What to ask llama.cpp (`plan_memory`) for the memory that a local model will take. Loads nothing.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it is not a local model, or it has no file.
        """
        backend = self.backend(name)
        request: PlanRequest | None = getattr(backend, "plan_request", None)
        if request is None:
            raise ModelNotReady(f"{name} is not a local model; it takes no memory here")
        return request

    def try_out(self, name: str, say: Callable[[str], None] = lambda _text: None) -> str:
        """Try a local model on this processor, again if it failed before, and return the name of the CPU code that
        runs it. `say` is told what is being done.

        Raises:
            ModelNotFound: there is no such model.
            ModelNotReady: it cannot run here; says what to do.
            EngineFailed: it does not load.
        """
        entry = self.entry(name)
        if not isinstance(entry, LlamaModel):
            raise ModelNotReady(f"{name} is not a local model; there is nothing to try")
        with self._locks[name]:
            backend = self.backend(name)
        assert isinstance(backend, ProbesMachine), "a local model's backend can be tried"
        code = str(backend.ready(say, again=True))
        self.note_try(name, Try(datetime.now(UTC).isoformat(), True), self.state_of(name))
        return code

    def digest(self, name: str) -> str | None:
        """The SHA-256 of a local model's bytes (of all its parts if it is split), as `sha256` in promptlab.yaml means
        it. None for an API, and if the file does not exist or was not read yet.

        Raises:
            ModelNotFound: there is no such model.
        """
        entry = self.entry(name)
        return self._files.digest(name, entry) if isinstance(entry, LlamaModel) else None

    def use_workspace(self, workspace: Workspace) -> None:
        """Use a newly read promptlab.yaml. A model whose entry is unchanged stays as it is, loaded or not."""
        for catalogue in self._by_numerics.values():
            catalogue._use_workspace(workspace)

    def _use_workspace(self, workspace: Workspace) -> None:
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
                    self._close_backend(self._backends.pop(name))

    def close(self) -> None:
        """Unload models and close connections."""
        for catalogue in self._by_numerics.values():
            for name in list(catalogue._backends):
                self._close_backend(catalogue._backends.pop(name))
            catalogue._ledger.close()

    @staticmethod
    def _close_backend(backend: Backend) -> None:
        close = getattr(backend, "close", None)
        if close:
            close()

    @property
    def _files(self) -> LocalFiles:
        return LocalFiles(self.workspace.root, self._cache, self._download)

    def _files_changed(self, name: str) -> bool:
        contents = self._contents.get(name)
        return contents is not None and contents.changed() is not None

    def _make_backend(self, name: str, entry: LlamaModel | OpenAIModel) -> Backend:
        return self._llama(name, entry) if isinstance(entry, LlamaModel) else self._openai(name, entry)

    def _openai(self, name: str, entry: OpenAIModel) -> Backend:
        key = self._env.get(entry.api_key_env, "") if entry.api_key_env else ""
        require_openai()
        from promptlab.models._openai._backend import OpenAIBackend
        from promptlab.models._openai._outgoing import Outgoing

        entries = self.workspace.models.values()
        variables = [e.api_key_env for e in entries if isinstance(e, OpenAIModel) and e.api_key_env]
        keys = tuple(sorted({value for variable in variables if (value := self._env.get(variable, "").strip())}))
        rule = entry.scan or self.workspace.scan
        # An address that is not trusted yet gets no key: its backend only counts tokens and shows what it would send.
        off = model_trust_problem(self.workspace, name, entry)
        outgoing = Outgoing(self._ledger, rule, keys)
        return OpenAIBackend(name, entry, "" if off else key, off=off, outgoing=outgoing)

    def _llama(self, name: str, entry: LlamaModel) -> LlamaBackend:
        require_llama_cpp()
        from promptlab.models._llama._backend import LlamaBackend, Lora

        files = self._files
        path = self.prepare(name) if entry.package is not None else files.path(name, entry)
        paths, adapters = model_files(path).paths, files.lora(name, entry)
        contents = self._contents[name] = Contents((*paths, *adapters), self._cache.digest)
        limit = self.workspace.model_memory
        return LlamaBackend(
            *(name, path, entry, files.verify(name, entry, path, contents.digests[: len(paths)])),
            parts=paths,
            lora=[Lora(file, contents.digest_of(file)) for file in adapters],
            contents=contents,
            numerics=self._numerics,
            prefixes=self.workspace.state / "prefixes",
            memory=limit * 1_000_000 if limit else _share_of_memory(),
        )


def _share_of_memory() -> int | None:
    """Bytes that models may take if promptlab.yaml does not say: six tenths of the machine's memory."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 6 // 10
    except (AttributeError, ValueError, OSError):
        return None


__all__ = ["Catalogue"]
