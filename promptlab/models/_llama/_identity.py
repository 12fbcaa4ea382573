"""The fingerprint of a local model: one line that changes with everything that can change an answer.

    llama:b179c9... template=6a1f... n_ctx=8192 flash_attn=False n_gpu_layers=-1 build=0.3.36-9c1e... cpu=AVX+AVX2+...

Stored answers and recordings are looked up by it, the prefix cache is named after it, and a loaded model is reused only
if its fingerprint is the same. So this one function makes it, from:

    the weights            SHA-256 of the file; for a split model, of the list of its parts (models/_file_parts.py)
    lora                   SHA-256 of each adapter in order, and its scale
    template               the chat template of the catalogue, or "of the file" (which the weights' hash covers), the
                           model's stop strings, and the rendering (`RENDERING`, the date that templates get)
    n_ctx, flash_attn      the context, and how attention is computed
    n_gpu_layers           which layers are computed on a GPU
    n_threads              only with flash attention, which adds up by threads; without it, the number of threads does
                           not change a bit (tests/models/llama/test_identity.py checks that)
    build                  the version of llama-cpp-python and the bytes of its libraries
    cpu                    the variant of the CPU code, or the instructions it uses if the build has no variants
    reading, sampling      the batches of the prefill, and the sampling defaults
    grammar                how a schema becomes a grammar

Not in it: places, names and times of files, memory limits, labels, and what is in the request itself (messages,
parameters, schema, seed), which is in the key of a stored answer beside it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from promptlab.models._llama import _cpu_variants as cpu_variants
from promptlab.models._llama import _sampling as sampling
from promptlab.models._llama._batching import READING_MODE
from promptlab.models._llama._chat_template import RENDERING
from promptlab.models._llama._chat_worker import FIXED_DATE
from promptlab.models._llama._cpu_variants import Cpu
from promptlab.models._llama._library import library
from promptlab.models._llama._load import LORA_SCALE
from promptlab.workspace import LlamaModel

GRAMMAR = "2"
"""The version of _grammar.py, to be raised if the same schema allows other texts than before. The fingerprint has the
version of llguidance beside it."""
SAMPLING = f"{sampling.TOP_K},{sampling.TOP_P},{sampling.MIN_P},{sampling.PENALTY_WINDOW}"
MISSING = "missing"
LIBRARIES = re.compile(r"(?:lib)?(?:llama|ggml-cpu-(?P<variant>.+?)|ggml[^/]*)(?:\.[.\d]*)?\.(?:so|dylib|dll)[.\d]*")
"""File names of the libraries that compute. The one for pictures (`mtmd`) is not used."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA: the SHA-256 of its file and its scale."""

    sha256: str
    scale: float = LORA_SCALE


def identity_of(
    entry: LlamaModel,
    *,
    weights: str,
    template: str,
    build: str,
    processor: str,
    adapters: Sequence[Adapter] = (),
    threads: int | None = None,
) -> str:
    """The fingerprint of the model that `entry` describes.

    `weights` is the hash of the model file. `template` is the text of the chat template; "" for the one in the file.
    `threads` is the number of threads. `build` comes from `library_build`, `processor` from `processor_of`.
    """
    reading = f"together{entry.throughput}" if entry.throughput else READING_MODE
    parts = {
        "template": _hash(template or "of the file", *entry.stop, RENDERING, f"{FIXED_DATE:%Y-%m-%d}"),
        "n_ctx": entry.n_ctx,
        "flash_attn": "auto" if entry.flash is None else entry.flash,
        "n_gpu_layers": entry.n_gpu_layers,
        "n_threads": "any" if entry.flash is False else entry.n_threads or threads or "auto",
        "build": build,
        "cpu": processor,
        "lora": "+".join(f"{adapter.sha256}*{adapter.scale:g}" for adapter in adapters) or "none",
        "reading": reading,
        "sampling": SAMPLING,
        "grammar": f"{GRAMMAR}-{_version('llguidance')}",
    }
    return f"llama:{weights} " + " ".join(f"{key}={value}" for key, value in parts.items())


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return MISSING


def _hash(*texts: str) -> str:
    """A hash of several texts. The length of each is hashed, too, so that "ab", "c" and "a", "bc" differ."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


@cache
def library_build(variant: str) -> str:
    """The version of llama-cpp-python, and a hash of the libraries that are loaded for the CPU code `variant`."""
    version = _version("llama-cpp-python")
    return version if version == MISSING else f"{version}-{digest_of_libraries(cpu_variants.folder(), variant)}"


def digest_of_libraries(folder: Path | None, variant: str = "") -> str:
    """A hash of the computing libraries in `folder`, without the CPU code of other variants. Names and copies of files
    do not change it."""
    digests = set()
    for path in folder.glob("*") if folder else ():
        match = LIBRARIES.fullmatch(path.name)
        if match and (not match["variant"] or match["variant"] == variant):
            digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    return hashlib.sha256("".join(sorted(digests)).encode("ascii")).hexdigest()[:12]


def processor_of(cpu: Cpu, env: Mapping[str, str]) -> str:
    """The CPU code that computes, with the instructions that it uses if the build has no variants, and the settings of
    llama.cpp in the environment."""
    parts = [str(cpu)]
    if not cpu.variant:
        info = str(library().llama_print_system_info().decode("utf-8", "replace"))
        features = re.findall(r"(\w+) = (\w+)", info)
        parts += [name if value == "1" else f"{name}:{value}" for name, value in features if value != "0"]
    return "+".join([*parts, *(f"{name}:{_hash(env[name])}" for name in sorted(env) if name.startswith("GGML_"))])


__all__ = ["Adapter", "digest_of_libraries", "identity_of", "library_build", "processor_of"]
