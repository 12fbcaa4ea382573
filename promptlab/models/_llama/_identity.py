"""What a local model is: one line that changes with everything that can change an answer, and with nothing else.

    llama:b179c9… template=6a1f… n_ctx=8192 flash_attn=False n_gpu_layers=-1 build=0.3.36-9c1e… cpu=AVX+AVX2+… …

The line is a model's `fingerprint`. Stored answers are found again by it, prompts kept read are named after it (in
memory and on disk), recordings hold it, and a loaded model is used again only where it is the same. So there is this
one function that makes it, and whatever decides is in it:

    the weights            SHA-256 of the file; of a split model that of the list of its parts' (model_parts.py)
    lora                   SHA-256 of each adapter in order, and how strongly it is applied
    template               the catalogue's chat template, or that of the file (which the weights' digest covers), the
                           model's stop strings, and how promptlab renders (`RENDERING`, the day templates are told)
    n_ctx, flash_attn      the context, and how attention is computed
    n_gpu_layers           what is computed where
    n_threads              where attention is computed the flash way, which sums up by threads; otherwise the number
                           of threads changes no bit (tests/models/llama/test_identity.py tries it)
    build                  llama-cpp-python's version and the bytes of the libraries that are loaded
    cpu                    which CPU code computes, or the instructions it uses where a build has one kind only
    reading, sampling      how prompts are cut, and what holds where a template says nothing
    grammar                how a schema becomes a grammar

Not in it: where the files are, when they were written, their names, memory limits, labels, and what is in a request
itself (messages, parameters, schema, seed), which stands beside it in a request's key.
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
"""How llama_grammar.py makes a grammar of a schema; changes where the same schema allows other texts than before.
llguidance's version stands beside it."""
SAMPLING = f"{sampling.TOP_K},{sampling.TOP_P},{sampling.MIN_P},{sampling.PENALTY_WINDOW}"
MISSING = "missing"
LIBRARIES = re.compile(r"(?:lib)?(?:llama|ggml-cpu-(?P<variant>.+?)|ggml[^/]*)(?:\.[.\d]*)?\.(?:so|dylib|dll)[.\d]*")
"""The libraries that compute; those for pictures (`mtmd`) take no part."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA: the SHA-256 of its file, and how strongly it is applied."""

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
    """The identity of the model that `entry` describes. `weights` is its digest, `template` the chat template's text,
    empty where the file's own is taken, `threads` how many compute; `build` is `library_build` and `processor` is
    `processor_of` the CPU code that computes."""
    reading = f"together{entry.throughput}" if entry.throughput else READING_MODE
    parts = {
        "template": _hash(template or "of the file", *entry.stop, RENDERING, f"{FIXED_DATE:%Y-%m-%d}"),
        "n_ctx": entry.n_ctx,
        "flash_attn": "auto" if entry.flash is None else entry.flash,
        "n_gpu_layers": entry.n_gpu_layers,
        "n_threads": "any" if entry.flash is False else entry.n_threads or threads or "auto",
        "build": build,
        "cpu": processor,
        "lora": "+".join(f"{one.sha256}*{one.scale:g}" for one in adapters) or "none",
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
    """Of texts one after the other, each with its length, so that no two lists are alike."""
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()[:16]


@cache
def library_build(variant: str) -> str:
    """Version of llama-cpp-python, and a digest of the libraries that are loaded for the CPU code `variant`."""
    version = _version("llama-cpp-python")
    return version if version == MISSING else f"{version}-{digest_of_libraries(cpu_variants.folder(), variant)}"


def digest_of_libraries(folder: Path | None, variant: str = "") -> str:
    """Of the bytes of the computing libraries in `folder`, whatever their names and however many copies there are,
    without the CPU code of other variants."""
    digests = set()
    for path in folder.glob("*") if folder else ():
        found = LIBRARIES.fullmatch(path.name)
        if found and (not found["variant"] or found["variant"] == variant):
            digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    return hashlib.sha256("".join(sorted(digests)).encode("ascii")).hexdigest()[:12]


def processor_of(cpu: Cpu, env: Mapping[str, str]) -> str:
    """The CPU code that computes; of a build that has one kind only, the instructions that it says it uses. And
    llama.cpp's own settings in the environment."""
    found = [str(cpu)]
    if not cpu.variant:
        said = str(library().llama_print_system_info().decode("utf-8", "replace"))
        features = re.findall(r"(\w+) = (\w+)", said)
        found += [name if value == "1" else f"{name}:{value}" for name, value in features if value != "0"]
    return "+".join([*found, *(f"{name}:{_hash(env[name])}" for name in sorted(env) if name.startswith("GGML_"))])


__all__ = ["Adapter", "digest_of_libraries", "identity_of", "library_build", "processor_of"]
