"""A model's identity: it changes with everything that can change an answer, and with nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab.errors import EngineFailed, ModelNotReady
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama import (
    _chat_template as llama_template,
)
from promptlab.models._llama import (
    _identity as llama_identity,
)
from promptlab.models._llama import (
    _load as llama_loading,
)
from promptlab.models._llama import (
    _sampling as llama_sampling,
)
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._cpu_variants import Cpu
from promptlab.models._llama._identity import Adapter, digest_of_libraries, identity_of, processor_of
from promptlab.models._llama._prefix_files import PrefixFiles
from promptlab.types import Completion, Message, Params, Prompt, Request
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests.gguf_made import tiny, tiny_split

pytest.importorskip("llama_cpp")

ASK = Request("m", Prompt((Message("user", "Who won?"),)), Params(max_tokens=8))
PLAIN: dict[str, Any] = {"weights": "a" * 64, "template": "", "build": "1", "processor": "AVX"}


def entry(**changes: Any) -> LlamaModel:
    return LlamaModel.model_validate({"backend": "llama", "path": "x.gguf", **changes})


def identity(changes: dict[str, Any], **more: Any) -> str:
    return identity_of(entry(**changes), **{**PLAIN, **more})


# Each ingredient alone: what changes, and what must be another then.

DECIDES: dict[str, Callable[[], str]] = {
    "the weights": lambda: identity({}, weights="b" * 64),
    "a LoRA": lambda: identity({}, adapters=[Adapter("c" * 64)]),
    "another LoRA": lambda: identity({}, adapters=[Adapter("d" * 64)]),
    "two LoRAs": lambda: identity({}, adapters=[Adapter("c" * 64), Adapter("d" * 64)]),
    "their order": lambda: identity({}, adapters=[Adapter("d" * 64), Adapter("c" * 64)]),
    "a LoRA's scale": lambda: identity({}, adapters=[Adapter("c" * 64, 0.5)]),
    "the chat template": lambda: identity({}, template="x"),
    "a stop string": lambda: identity({"stop": ("x",)}),
    "two stop strings": lambda: identity({"stop": ("x", "y")}),
    "stop strings cut elsewhere": lambda: identity({"stop": ("xy",)}),
    "the window": lambda: identity({"n_ctx": 4096}),
    "flash attention": lambda: identity({"flash_attn": True}),
    "flash attention on another number of threads": lambda: identity({"flash_attn": True}, threads=7),
    "layers on a GPU": lambda: identity({"n_gpu_layers": 0}),
    "many at once": lambda: identity({"throughput": 4, "flash_attn": False}),
    "more at once": lambda: identity({"throughput": 8, "flash_attn": False}),
    "flash attention as llama.cpp judges": lambda: identity({"throughput": 4}),
    "the library": lambda: identity({}, build="2"),
    "the instructions": lambda: identity({}, processor="AVX+AVX2"),
}
NOT: dict[str, Callable[[], str]] = {
    "nothing": lambda: identity({}),
    "the place of the file": lambda: identity({"path": "elsewhere/y.gguf"}),
    "a pin": lambda: identity({"sha256": "a" * 64}),
    "memory for prefixes": lambda: identity({"prefix_memory": 1}),
    "prefixes on disk": lambda: identity({"keep_prefixes": "never"}),
    "the clearance": lambda: identity({"clearance": "internal"}),
    "the label": lambda: identity({"label": "internal"}),
    "the number of threads": lambda: identity({"n_threads": 3}),
    "the machine's number of cores": lambda: identity({}, threads=64),
    "flash attention off, said": lambda: identity({"flash_attn": False}),
}


def test_whatever_decides_gives_an_identity_of_its_own() -> None:
    found = {name: make() for name, make in DECIDES.items()} | {"nothing": identity({})}
    assert len(set(found.values())) == len(found), sorted(found.values())


@pytest.mark.parametrize("name", NOT)
def test_what_does_not_decide_changes_nothing(name: str) -> None:
    assert NOT[name]() == identity({})


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (llama_identity, "SAMPLING", "1,2,3,4"),
        (llama_identity, "GRAMMAR", "another"),
        (llama_identity, "READING_MODE", "another"),
        (llama_identity, "RENDERING", "another"),
        (llama_identity, "FIXED_DATE", llama_template.FIXED_DATE.replace(year=2025)),
    ],
)
def test_what_promptlab_itself_decides_is_in_it(monkeypatch: pytest.MonkeyPatch, module, name: str, value) -> None:
    before = identity({})
    monkeypatch.setattr(module, name, value)
    assert identity({}) != before


def test_every_setting_of_a_model_is_known_to_decide_or_not() -> None:
    """A new key of promptlab.yaml must be put into the identity, or be named here."""
    decide = {"chat_template", "stop", "n_ctx", "n_gpu_layers", "n_threads", "flash_attn", "lora", "throughput"}
    where = {"backend", "package", "path", "repo", "file", "sha256"}
    aside = {"prefix_memory", "keep_prefixes", "clearance", "label", "numerics"}  # the variant is in `cpu`
    assert set(LlamaModel.model_fields) <= decide | where | aside


def test_the_defaults_that_stand_in_it_are_those_used() -> None:
    s = llama_sampling
    assert f"sampling={s.TOP_K},{s.TOP_P},{s.MIN_P},{s.PENALTY_WINDOW}" in identity({}).split()
    assert Adapter("c").scale == llama_loading.LORA_SCALE


def test_libraries_are_known_by_their_bytes_and_not_by_names_or_copies(tmp_path: Path) -> None:
    def made(files: dict[str, bytes], variant: str = "") -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return digest_of_libraries(folder, variant)

    one = made({"libllama.so": b"1", "libggml-cpu.so": b"2"})
    copies = {"libllama.so": b"1", "libllama.so.0": b"1", "libggml-cpu.so": b"2", "libmtmd.so": b"9", "x.json": b"8"}
    assert made(copies) == one
    assert made({"libllama.so": b"1", "libggml-cpu.so": b"3"}) != one
    assert made({"libllama.so": b"1"}) != one
    assert made({"libllama.so": b"1", "libggml-cpu.so": b"2", "libggml-base.so.0.25.3": b"4"}) != one
    two = {"libllama.so": b"1", "libggml-cpu-haswell.so": b"2", "libggml-cpu-icelake.so": b"3"}
    assert (
        made(two, "haswell")
        == made({**two, "libggml-cpu-icelake.so": b"4"}, "haswell")
        == made(two | {"a": b""}, "haswell")
    )
    assert (
        len({made(two, "haswell"), made(two, "icelake"), made({**two, "libggml-cpu-haswell.so": b"4"}, "haswell")}) == 3
    )
    assert made({"llama.dll": b"1", "ggml-cpu.dll": b"2"}) == made(
        {"libllama.dylib": b"1", "libggml-cpu.0.dylib": b"2"}
    )


def test_the_instructions_and_llama_cpps_own_settings_are_known() -> None:
    plain = processor_of(Cpu(), {})
    assert plain.split("+")[0] == "own"
    assert " " not in plain
    assert processor_of(Cpu("haswell"), {}) == "haswell"
    assert processor_of(Cpu("haswell", extra_buffers=False), {}) == "haswell-plain"
    assert len({plain, processor_of(Cpu(), {"GGML_X": "1"}), processor_of(Cpu(), {"GGML_X": "2"})}) == 3
    assert processor_of(Cpu(), {"OTHER": "1"}) == plain


# The same on files: whatever decides is found by the catalogue, and used wherever something is kept.


@dataclass
class Folder:
    """A workspace with a model that is split in three, beside another model to take parts of."""

    root: Path
    parts: list[Path]
    others: list[Path]

    def catalogue(self, **changes: Any) -> Catalogue:
        model = entry(path="m/tiny-00001-of-00003.gguf", **changes)
        return Catalogue(Workspace(self.root, {"m": model}, {}), {"PROMPTLAB_CACHE": str(self.root / "cache")})


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, tiny_split(tmp_path / "m"), tiny_split(tmp_path / "n", seed=2, first=2))


def backend_of(catalogue: Catalogue) -> LlamaBackend:
    found = catalogue.backend("m")
    assert isinstance(found, LlamaBackend)
    return found


def ask(backend: LlamaBackend) -> Completion:
    *_, last = backend.complete(ASK, threading.Event())
    assert isinstance(last, Completion)
    return last


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_part_of_a_split_model_is_in_every_identity(folder: Folder, number: int) -> None:
    catalogue = folder.catalogue()
    before = backend_of(catalogue)
    folder.parts[number].write_bytes(folder.others[number].read_bytes())
    after = backend_of(catalogue)
    assert after is not before
    assert after.fingerprint != before.fingerprint
    assert ASK.key(after.fingerprint) != ASK.key(before.fingerprint)  # stored answers
    assert after._settings != before._settings  # a loaded model
    shelves = [one._settings.shelf() for one in (before, after)]
    files = [
        shelf.save(b"tokens", b"state") for shelf in shelves if isinstance(shelf, PrefixFiles)
    ]  # prompts kept read
    assert len({file.name.split("-")[0] for file in files if file}) == 2
    assert catalogue.digest("m") != before.sha256
    catalogue.close()


def test_a_part_replaced_while_the_model_is_loaded_is_read_before_the_next_answer(folder: Folder) -> None:
    catalogue = folder.catalogue()
    first = ask(backend_of(catalogue))
    assert ask(backend_of(catalogue)).text == first.text
    folder.parts[2].unlink()
    folder.parts[2].write_bytes(folder.others[2].read_bytes())
    second = ask(backend_of(catalogue))
    fresh = folder.catalogue()
    assert second.text == ask(backend_of(fresh)).text != first.text
    assert second.fingerprint != first.fingerprint
    for one in (catalogue, fresh):
        one.close()


def test_no_answer_is_given_in_the_name_of_files_that_changed(folder: Folder) -> None:
    catalogue = folder.catalogue()
    backend = backend_of(catalogue)
    folder.parts[1].unlink()
    folder.parts[1].write_bytes(folder.others[1].read_bytes())
    with pytest.raises(EngineFailed, match=r"tiny-00002-of-00003\.gguf of m changed on disk"):
        ask(backend)
    assert ask(backend_of(catalogue)).text
    catalogue.close()


def test_files_written_again_with_the_same_bytes_change_nothing(folder: Folder) -> None:
    catalogue = folder.catalogue()
    backend = backend_of(catalogue)
    before = backend.fingerprint
    for part in folder.parts:
        data = part.read_bytes()
        part.unlink()
        part.write_bytes(data)
    assert backend_of(catalogue) is backend
    assert backend_of(folder.catalogue()).fingerprint == before
    assert ask(backend).text
    catalogue.close()


def test_a_lora_that_is_replaced_gives_another_identity(folder: Folder) -> None:
    lora = folder.root / "lora.gguf"
    lora.write_bytes(b"one")
    catalogue = folder.catalogue(lora=("lora.gguf",))
    before = backend_of(catalogue)
    lora.write_bytes(b"two")
    assert backend_of(catalogue).fingerprint != before.fingerprint


def test_a_chat_template_in_the_file_is_in_the_files_digest(tmp_path: Path) -> None:
    found = []
    for template in ("{{ messages[0].content }}", "{{ messages[0].content }} "):
        tiny(tmp_path / "m.gguf", template=template)
        model = {"m": entry(path="m.gguf")}
        found.append(Catalogue(Workspace(tmp_path, model, {}), {"PROMPTLAB_CACHE": str(tmp_path)}).backend("m"))
    assert found[0].fingerprint != found[1].fingerprint


# The pin


def test_the_pin_of_a_split_model_is_that_of_all_parts(folder: Folder) -> None:
    pin = folder.catalogue().status("m").sha256
    assert pin
    assert folder.catalogue(sha256=pin.upper()).status("m").ready
    folder.parts[2].write_bytes(folder.others[2].read_bytes())
    status = folder.catalogue(sha256=pin).status("m")
    assert not status.ready
    assert "not the file promptlab.yaml means" in status.reason


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_pin_of_one_part_is_refused_and_the_right_one_is_said(folder: Folder, number: int) -> None:
    catalogue = folder.catalogue()
    catalogue.prepare("m")
    whole = catalogue.digest("m")
    one = catalogue._cache.digest(folder.parts[number])
    with pytest.raises(ModelNotReady, match=f"that of part {number + 1} alone, and the model has 3 parts") as caught:
        folder.catalogue(sha256=one).backend("m")
    assert f"sha256: {whole}" in caught.value.hint


def test_status_counts_all_parts(folder: Folder) -> None:
    status = folder.catalogue().status("m")
    assert (status.ready, status.files) == (True, 3)
    assert status.size_bytes == sum(part.stat().st_size for part in folder.parts)
    folder.parts[1].unlink()
    status = folder.catalogue().status("m")
    assert not status.ready
    assert "part 2 of 3" in status.reason


def test_a_split_model_of_the_hub_is_downloaded_with_all_parts(folder: Folder) -> None:
    model = {"m": entry(path=None, repo="a/b", file="q/tiny-00001-of-00003.gguf")}
    asked: list[str] = []

    def download(_repo: str, file: str) -> Path:
        asked.append(file)
        return folder.root / "m" / Path(file).name

    env = {"PROMPTLAB_CACHE": str(folder.root / "cache")}
    catalogue = Catalogue(Workspace(folder.root, model, {}), env, download=download)
    assert catalogue.prepare("m") == folder.parts[0]
    assert asked == [f"q/tiny-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert catalogue.status("m").files == 3


# What the identity leaves out, tried


@pytest.mark.model
@pytest.mark.parametrize("name", ["gemma", "smollm2"])
def test_the_number_of_threads_changes_no_text_and_no_probability(local, name: str) -> None:
    like = local[name]
    text = " ".join(f"{n} amber {n * 7 % 13} birch" for n in range(40))
    request = Request("made", Prompt((Message("user", text),)), Params(max_tokens=24, logprobs=2))
    found = []
    for threads in (1, 2, 3):
        settings = replace_entry(like, n_threads=threads)
        backend = LlamaBackend("made", like.path, settings, like.sha256)
        *_, done = backend.complete(request, threading.Event())
        backend.close()
        found.append((done.text, done.details["logprobs"]))
    assert all(one == found[0] for one in found)


def replace_entry(like: LlamaBackend, **changes: Any) -> LlamaModel:
    return like.entry.model_copy(update={"n_ctx": 4096, **changes})
