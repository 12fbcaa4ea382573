"""The memory a model takes: what llama.cpp says beforehand, held against its own log of a real load."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import EngineFailed
from promptlab.models._gguf import Tensor
from promptlab.models._llama import _host as llama_host
from promptlab.models._llama import _load as llama_loading
from promptlab.models._llama import _memory as llama_room
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._batched_engine import BatchedEngine
from promptlab.models._llama._cpu_variants import Cpu
from promptlab.models._llama._exact_engine import ExactEngine
from promptlab.models._llama._host import Engines
from promptlab.models._llama._library import cpu_variant, library, log_lines
from promptlab.models._llama._load import LoadedModel, memory_need_of
from promptlab.models._llama._memory import OVERHEAD, MemoryNeed, free_memory, memory_need_in, real_need, tensors_of
from promptlab.models._llama._settings import Settings
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel
from tests.gguf_made import tiny, tiny_split

pytest.importorskip("llama_cpp")
MIB = 1 << 20

MODEL_LOG = """\
print_info: file size   = 235.16 MiB (7.36 BPW)
load: token to piece cache size = 1.9446 MB
load_tensors:          CPU model buffer size =     0.00 MiB
load_tensors:   CPU_REPACK model buffer size =     0.00 MiB
"""
CONTEXT_LOG = """\
llama_context:        CPU  output buffer size =     2.00 MiB
llama_kv_cache_iswa: creating non-SWA KV cache, size = 8192 cells
llama_kv_cache: size =   24.00 MiB (  8192 cells,   3 layers,  2/1 seqs), K (f16):   12.00 MiB, V (f16):   12.00 MiB
llama_kv_cache: size =  120.00 MiB (  8192 cells,  15 layers,  2/1 seqs), K (f16):   60.00 MiB, V (f16):   60.00 MiB
llama_memory_recurrent: size =    1.50 MiB (     2 cells,   4 layers,  2 seqs), R (f32):    0.50 MiB, S (f32): 1.00 MiB
sched_reserve:        CPU compute buffer size =   257.25 MiB
"""


def test_the_sizes_are_read_from_the_log() -> None:
    room = memory_need_in(MODEL_LOG, CONTEXT_LOG, [], adapters=5)
    assert room.weights == int(235.16 * MIB)
    assert (room.cache, room.compute, room.output) == (int(145.5 * MIB), int(257.25 * MIB), 2 * MIB)
    assert (room.repacked, room.adapters, room.on_gpu) == (0, 5, False)
    assert room.total == room.counted + 5 + OVERHEAD


def test_second_copies_are_counted_where_there_is_a_buffer_for_them() -> None:
    tensors = [
        Tensor("blk.0.ffn_up.weight", 12, (256, 64), 1_000),  # Q4_K
        Tensor("token_embd.weight", 12, (256, 64), 10_000),
        Tensor("blk.0.ffn_up.weight", 12, (256, 9), 100_000),
        Tensor("blk.0.ffn_norm.weight", 0, (256,), 1_000_000),
    ]
    assert memory_need_in(MODEL_LOG, CONTEXT_LOG, tensors).repacked == 1_000
    assert memory_need_in(MODEL_LOG.replace("CPU_REPACK", "CPU"), CONTEXT_LOG, tensors).repacked == 0


def test_layers_on_a_gpu_are_told() -> None:
    assert memory_need_in(MODEL_LOG + "load_tensors: offloaded 19/19 layers to GPU\n", CONTEXT_LOG, []).on_gpu
    assert not memory_need_in(MODEL_LOG + "load_tensors: offloaded 0/19 layers to GPU\n", CONTEXT_LOG, []).on_gpu


# What is free


def _proc(tmp_path: Path, groups: str, available: int = 8_000_000) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable:   {available} kB\n")
    (tmp_path / "proc/self/cgroup").write_text(groups)
    return tmp_path / "proc"


def _group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_the_machine_says_what_is_free(tmp_path: Path) -> None:
    assert free_memory(_proc(tmp_path, ""), tmp_path / "none") == 8_000_000 * 1024
    assert free_memory(tmp_path / "nowhere", tmp_path / "none") is None


@pytest.mark.parametrize("inside", [True, False])
def test_a_container_has_no_more_than_its_limit_leaves(tmp_path: Path, inside: bool) -> None:
    proc = _proc(tmp_path, "0::/a/b\n")
    groups = tmp_path / "groups"
    stat = "anon 5\ninactive_file 100\nactive_file 20"
    if inside:  # the group is seen under its own name; its parent has a limit
        _group(groups / "a/b", memory__max="max", memory__current=7, memory__stat=stat)
        _group(groups / "a", memory__max=1_000_000, memory__current=400_000, memory__stat=stat)
    else:  # a container sees its own group as the root
        _group(groups, memory__max=1_000_000, memory__current=400_000, memory__stat=stat)
    assert free_memory(proc, groups) == 600_120


def test_the_older_groups_are_read_too(tmp_path: Path) -> None:
    proc = _proc(tmp_path, "9:name=systemd:/\n4:cpu,memory:/x\n0::/\n")
    _group(
        tmp_path / "groups/memory/x",
        memory__limit_in_bytes=2_000_000,
        memory__usage_in_bytes=1_500_000,
        memory__stat="total_inactive_file 1000\ntotal_active_file 500",
    )
    assert free_memory(proc, tmp_path / "groups") == 501_500


# Refused before anything is taken


def settings_of(path: Path, **changes: Any) -> Settings:
    own = Settings(path=path, identity=str(changes), window=512, n_threads=1, cpu=Cpu(cpu_variant()))
    return replace(own, **changes)


def test_what_does_not_fit_is_refused_in_words_before_it_is_loaded(tmp_path: Path, monkeypatch) -> None:
    settings = settings_of(tiny(tmp_path / "m.gguf"))
    need = memory_need_of(settings, ExactEngine.shape_of(settings)).total
    monkeypatch.setattr(llama_loading, "free_memory", lambda: need - 1)
    loads: list[bytes] = []
    real = library().llama_model_load_from_file
    monkeypatch.setattr(
        library(), "llama_model_load_from_file", lambda path, params: loads.append(path) or real(path, params)
    )
    with pytest.raises(
        EngineFailed, match=r"leaves no memory for a context of 512 tokens: it takes .*weights"
    ) as caught:
        LoadedModel(settings, stopping=lambda: False, shape=ExactEngine.shape_of(settings))
    assert "n_ctx" in caught.value.hint
    assert loads == []
    monkeypatch.setattr(llama_loading, "free_memory", lambda: need)
    LoadedModel(settings, stopping=lambda: False, shape=ExactEngine.shape_of(settings)).close()


def test_a_context_of_billions_is_refused_without_being_laid_out(tmp_path: Path) -> None:
    settings = settings_of(tiny(tmp_path / "m.gguf"), window=2_000_000_000)
    with pytest.raises(EngineFailed, match="leaves no memory for a context of 2000000000 tokens"):
        memory_need_of(settings, ExactEngine.shape_of(settings))


def test_all_parts_of_a_split_model_are_counted(tmp_path: Path) -> None:
    parts = tiny_split(tmp_path / "split")
    split = settings_of(parts[0], parts=tuple(parts))
    whole = settings_of(tiny(tmp_path / "m.gguf"))
    rooms = [memory_need_of(one, ExactEngine.shape_of(one)) for one in (split, whole)]
    assert rooms[0].weights == rooms[1].weights > 100_000
    assert rooms[0].cache == rooms[1].cache
    assert len(tensors_of(parts)) == len(tensors_of([whole.path]))


ASK = Request("m", Prompt((Message("user", "Who won?"),)), Params(max_tokens=2))


def test_the_model_unused_for_longest_makes_room_by_what_is_really_taken(tmp_path: Path, monkeypatch) -> None:
    engines = Engines()
    entry = LlamaModel(backend="llama", path="x", n_ctx=512)
    backends = [
        LlamaBackend(f"m{n}", tiny(tmp_path / f"{n}.gguf", n), entry, f"{n:064}", host=engines) for n in range(3)
    ]
    one = memory_need_of(backends[0]._settings, ExactEngine.shape_of(backends[0]._settings)).total
    for backend in backends:
        backend._memory = 2 * one

    def ask(backend: LlamaBackend) -> None:
        *_, last = backend.complete(ASK, threading.Event())
        assert isinstance(last, Completion)

    for backend in backends:
        backend.__dict__.pop("_settings", None)
        ask(backend)
    assert [b.loaded for b in backends] == [False, True, True]
    monkeypatch.setattr(llama_host, "free_memory", lambda: 0)  # nothing is left on the machine: all others go
    ask(backends[0])
    assert [b.loaded for b in backends] == [True, False, False]
    for backend in backends:
        backend.close()


# The estimate beside llama.cpp's own log of a real load

LIMIT = 0.02


@pytest.mark.model
@pytest.mark.parametrize("name", ["gemma", "smollm2"])
@pytest.mark.parametrize(("window", "throughput"), [(512, 0), (8_192, 0), (2_048, 4)])
def test_what_is_reckoned_with_is_what_llama_cpp_allocates(local, name: str, window: int, throughput: int) -> None:
    settings = replace(
        local[name]._settings, window=window, throughput=throughput, flash_attn=None if throughput else False
    )
    shape = (BatchedEngine if throughput else ExactEngine).shape_of(settings)
    room = memory_need_of(settings, shape)
    real = allocated(settings, shape)
    print(f"{name} {window} {throughput}: {room.counted / MIB:.2f} MiB reckoned, {real / MIB:.2f} allocated")
    assert abs(room.counted - real) <= LIMIT * real


def allocated(settings: Settings, shape: llama_loading.ContextShape) -> int:
    """Bytes of the buffers of a real load, in llama.cpp's own words."""
    lib = library()
    with log_lines() as loading:
        model = lib.llama_model_load_from_file(str(settings.path).encode(), llama_loading.model_params(settings))
    with log_lines() as opening:
        context = lib.llama_init_from_model(model, llama_loading.context_params(settings, shape, llama_loading.SLICE))
    lib.llama_free(context)
    lib.llama_model_free(model)
    return real_need("".join(loading), "".join(opening))


def test_a_room_says_what_it_is_for() -> None:
    said = str(
        MemoryNeed(weights=2_000_000_000, repacked=0, cache=300_000_000, compute=100_000_000, output=0, adapters=7)
    )
    assert "weights 2.0 GB" in said
    assert "context 0.3 GB" in said
    assert llama_room.OVERHEAD > 0
