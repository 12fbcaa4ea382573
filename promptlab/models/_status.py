"""The status of a model: ready or not and why, with its window, size and GPU. Nothing here loads weights.

catalogue.status("smollm2-135m")     # ModelStatus("smollm2-135m", "llama", ready=True, reason="", window=8192, …)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from promptlab.errors import PromptlabError
from promptlab.models._as_sent import Held
from promptlab.models._backend import Backend, ProbesMachine
from promptlab.models._extras import require_llama_cpp
from promptlab.models._file_parts import model_files
from promptlab.models._files import parts_of
from promptlab.models._local_files import LocalFiles, known_package
from promptlab.models._measured import LoadedMemory
from promptlab.models._tries import Try
from promptlab.types import Label
from promptlab.workspace import LlamaModel, OpenAIModel

NOT_TRIED = "not tried on this processor yet; its first answer does that"


@dataclass(frozen=True)
class ModelStatus:
    """A model as a list shows it. `ready` means that it can be asked; `reason` says why it cannot, and what to do.
    `last` is its last real result, None if it was not tried with this entry, key and file.

    Of local models: `tried` is False until the model was tried on this processor, and `cpu` names the CPU code that
    runs there. `gpu` is text for people; it is empty for an API. `file`, `size_bytes` and `sha256` are None if there is
    no file yet. If the model is split, `file` is the first of `files` parts, `size_bytes` is the size of all parts, and
    `sha256` is the one that promptlab.yaml uses for all of them. `memory` is what it takes, if it is loaded.
    """

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
    last: Try | None = None
    memory: LoadedMemory | None = None

    @property
    def works(self) -> bool | None:
        """True if the model answered when it was asked last, False if it failed then or cannot be asked; None if it was
        not tried."""
        if not self.ready:
            return False
        if self.last is not None:
            return self.last.ok
        return True if self.backend == "llama" and self.tried else None

    @property
    def words(self) -> str:
        """The state in short: why the model is not ready, else its last real result with its time."""
        if not self.ready:
            return self.reason
        if self.last is not None:
            return self.last.text()
        return "tried on this processor" if self.works else "not tried"


def api_status(name: str, entry: OpenAIModel, backend: Callable[[], Backend]) -> ModelStatus:
    """The status of a model behind an API. `backend` makes its backend; the server is not asked."""
    try:
        api = backend()
        missing: PromptlabError | None = getattr(api, "not_ready", None)
        if missing is not None:
            raise missing
        return ModelStatus(name, "openai", True, "", api.window, entry.clearance)
    except PromptlabError as exc:
        return ModelStatus(name, "openai", False, exc.hint or exc.message, entry.window, entry.clearance)


def local_status(name: str, entry: LlamaModel, files: LocalFiles, backend: Callable[[], Backend]) -> ModelStatus:
    """The status of a local model. `backend` makes its backend, once the file is known to be there."""
    size, file, parts = None, None, 1
    try:
        require_llama_cpp()
        files.lora(name, entry)
        path = _existing_file(name, entry, files)
        if path is None:
            reason = "its file is put together at the first use"
            expected = known_package(entry.package or "").size
            return ModelStatus(name, "llama", True, reason, None, entry.clearance, expected, tried=False)
        size, file = path.stat().st_size, str(path)
        paths = model_files(path)
        size, parts = paths.size, len(paths.paths)
        return _of_backend(name, entry, backend(), size, file, parts)
    except PromptlabError as exc:
        reason = f"{exc.message}; {exc.hint}" if exc.hint else exc.message
        return ModelStatus(
            *(name, "llama", False, reason, None, entry.clearance, size, file),
            files=parts,
            sha256=files.digest(name, entry),
        )


def _existing_file(name: str, entry: LlamaModel, files: LocalFiles) -> Path | None:
    """The model's file; None if it still has to be assembled from its packages, which are all there."""
    if entry.package is None:
        return files.path(name, entry)
    package = known_package(entry.package)
    path = files.cache.ready(package)
    if path is None:
        parts_of(package)
    return path


def _of_backend(name: str, entry: LlamaModel, backend: Backend, size: int, file: str, parts: int) -> ModelStatus:
    outcome = getattr(backend, "outcome", None)
    tried = bool(outcome) or not isinstance(backend, ProbesMachine)
    if outcome and isinstance(backend, ProbesMachine):
        backend.ready()  # raises the error of that trial; nothing is tried again
    return ModelStatus(
        *(name, "llama", True, "" if tried else NOT_TRIED, backend.window, entry.clearance, size, file),
        gpu=getattr(backend, "gpu", ""),
        loaded=getattr(backend, "loaded", False),
        held=backend.prefixes_held() if hasattr(backend, "prefixes_held") else None,
        tried=tried,
        cpu=str(outcome.cpu) if outcome else "",
        files=parts,
        sha256=getattr(backend, "sha256", None),
        memory=getattr(backend, "memory", None),
    )


__all__ = ["NOT_TRIED", "ModelStatus", "api_status", "local_status"]
