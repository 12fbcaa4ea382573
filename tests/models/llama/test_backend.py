"""The local models, really asked. Prompts are short, so that the whole file takes seconds."""

import json
import math
import os
import struct
import sys
import threading
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from promptlab._util.subprocesses import NICE
from promptlab.errors import EngineFailed, ModelNotReady, RequestRejected
from promptlab.models._backend import Step
from promptlab.models._llama._backend import LlamaBackend, Lora
from promptlab.models._llama._plan import Offload, read_offload
from promptlab.models._llama._workers import WORKERS
from promptlab.models._structured_output import with_schema_verdict
from promptlab.types import Completion, Delta, Message, Params, Phase, Prompt, Request
from promptlab.workspace._workspace import LlamaModel

pytestmark = pytest.mark.model
BOTH = pytest.mark.parametrize("name", ["gemma", "smollm2"])
OTHER = {"gemma": "smollm2", "smollm2": "gemma"}
SHOTS = (
    Message("system", "Argentina won the 2022 World Cup in Qatar. France came second."),
    Message("user", "Who came second?"),
    Message("assistant", "France"),
)
WHO = Prompt((*SHOTS, Message("user", "Who won the cup?")))
WHERE = Prompt((*SHOTS, Message("user", "Where was it?")))
TALE = Prompt((Message("user", "Tell me a long story about a ship."),))
LONG = Prompt((Message("user", "The ship went on. " * 400),))


def ask(prompt: Prompt = WHO, *, schema: object = None, repeat: int = 0, **params: object) -> Request:
    text = None if schema is None else json.dumps(schema)
    return Request("m", prompt, Params(max_tokens=24).with_(**params), schema=text, repeat=repeat)


def steps_of(backend: LlamaBackend, request: Request) -> list[Step]:
    return list(backend.complete(request, threading.Event()))


def answer(backend: LlamaBackend, request: Request) -> Completion:
    *before, last = steps_of(backend, request)
    assert isinstance(last, Completion)
    assert "".join(s.text for s in before if isinstance(s, Delta)) == last.text
    return last


@BOTH
def test_it_answers_and_says_how(local, name):
    steps = steps_of(local[name], ask())
    reading = [s for s in steps if isinstance(s, Phase) and s.name == "reading"]
    done = steps[-1]
    assert isinstance(done, Completion)
    assert "Argentina" in done.text
    assert (reading[0].done, reading[-1].done) == (0, reading[-1].total)
    assert done.usage.prompt == reading[-1].total == local[name].as_sent(ask()).budget.prompt
    assert done.usage.reused == 0
    assert 0 < (done.timings.first_token or 0) <= done.timings.total
    assert done.fingerprint == f"{local[name].path.name} sha256:{local[name].sha256[:12]}"
    assert done.details["seed"] == 0
    assert done.details["n_threads"] >= 1
    assert "CPU" in done.details["system"]


def test_a_base_model_gets_the_transcript_and_a_chat_model_its_own_template(local):
    assert answer(local["gemma"], ask()).details["chat_template"] == "plain transcript (base model)"
    assert answer(local["smollm2"], ask()).details["chat_template"] == "from the model file"
    assert answer(local["gemma"], ask()).text == "Argentina"


@BOTH
def test_the_same_request_gives_the_same_text_whatever_was_asked_before(local, name):
    backend, request = local[name], ask(TALE, max_tokens=24)
    first = answer(backend, request)
    answer(backend, ask(WHERE))
    answer(local[OTHER[name]], ask())
    cancel = threading.Event()
    for step in backend.complete(ask(LONG), cancel):
        if isinstance(step, Phase) and step.done:
            cancel.set()
    again = answer(backend, request)
    assert (again.text, again.finish_reason) == (first.text, first.finish_reason)
    # What was stopped while it was read is kept, so more of the prompt may be reused: the counts add up to the same.
    assert (again.usage.prompt, again.usage.written) == (first.usage.prompt, first.usage.written)
    backend.close()
    assert answer(backend, request).text == first.text


@BOTH
def test_a_stop_while_reading_ends_it_before_the_prompt_is_read(local, name):
    cancel = threading.Event()
    steps = []
    for step in local[name].complete(ask(LONG), cancel):
        steps.append(step)
        if isinstance(step, Phase) and step.name == "reading":
            cancel.set()
    done = steps[-1]
    assert isinstance(done, Completion)
    assert (done.text, done.finish_reason, done.usage.written) == ("", "stopped", 0)
    assert (done.usage.read or 0) < local[name].as_sent(ask(LONG)).budget.prompt


@BOTH
def test_a_stop_while_writing_keeps_what_had_come(local, name):
    cancel, seen = threading.Event(), ""
    steps = local[name].complete(ask(TALE, max_tokens=4000), cancel)
    for step in steps:
        if isinstance(step, Delta):
            seen += step.text
            cancel.set()
        last = step
    assert isinstance(last, Completion)
    assert last.finish_reason == "stopped"
    assert last.text == seen != ""
    assert (last.usage.written or 0) < 4000


def test_closing_the_iterator_frees_the_scheduler(local):
    steps = local["smollm2"].complete(ask(TALE, max_tokens=8000), threading.Event())
    while not isinstance(next(steps), Delta):
        pass
    steps.close()
    assert answer(local["gemma"], ask()).text == "Argentina"


def test_two_models_asked_at_once_take_turns_and_the_second_says_for_whom_it_waits(local):
    first = local["gemma"].complete(ask(TALE, max_tokens=48), threading.Event())
    while not isinstance(next(first), Delta):
        pass
    second: list[Step] = []
    waiting = threading.Event()

    def follow() -> None:
        for step in local["smollm2"].complete(ask(), threading.Event()):
            second.append(step)
            waiting.set()

    thread = threading.Thread(target=follow)
    thread.start()
    waiting.wait()
    *_, done = first
    thread.join()
    assert second[0] == Phase("waiting", detail="gemma is answering") or second[0].name in ("loading", "reading")
    assert isinstance(done, Completion)
    assert isinstance(second[-1], Completion)
    assert "Argentina" in second[-1].text


@BOTH
def test_stop_strings_end_the_answer_and_are_not_part_of_it(local, name):
    whole = answer(local[name], ask(TALE)).text
    stop = whole[8:13]
    done = answer(local[name], ask(TALE, stop=(stop,)))
    assert (done.text, done.finish_reason) == (whole[: whole.index(stop)], "stop")


def test_max_tokens_ends_the_answer(local):
    done = answer(local["smollm2"], ask(TALE, max_tokens=5))
    assert (done.finish_reason, done.usage.written) == ("length", 5)
    assert "warnings" not in done.details


def test_repeats_differ_and_each_can_be_made_again(local):
    warm = {"temperature": 1.2, "max_tokens": 12}
    texts = [answer(local["smollm2"], ask(TALE, repeat=n, **warm)).text for n in range(3)]
    assert len(set(texts)) > 1
    again = answer(local["smollm2"], ask(TALE, repeat=2, **warm))
    assert (again.text, again.details["seed"]) == (texts[2], 2)
    seeded = answer(local["smollm2"], ask(TALE, repeat=7, seed=2, **warm))
    assert (seeded.text, seeded.details["seed"]) == (texts[2], 2)


def test_sampling_parameters_reach_the_sampler(local):
    greedy = answer(local["smollm2"], ask(TALE)).text
    assert answer(local["smollm2"], ask(TALE, temperature=1.5, top_k=1)).text == greedy
    assert answer(local["smollm2"], ask(TALE, temperature=1.5, top_p=0.0)).text == greedy
    assert answer(local["smollm2"], ask(TALE, temperature=1.5, min_p=1.0)).text == greedy
    penalised = [
        answer(local["smollm2"], ask(TALE, **{key: value})).text
        for key, value in (("repeat_penalty", 1.8), ("presence_penalty", 5.0), ("frequency_penalty", 5.0))
    ]
    assert all(text != greedy for text in penalised)


SCHEMAS = [
    {
        "type": "object",
        "properties": {"winner": {"type": "string", "maxLength": 20}, "year": {"type": "integer"}, "sure": {}},
        "required": ["winner"],
        "additionalProperties": False,
    },
    {"type": "array", "items": {"enum": ['a"b', "é\\n", "z\n", 3, None]}, "minItems": 2, "maxItems": 4},
    {
        "$defs": {"node": {"properties": {"kids": {"items": {"$ref": "#/$defs/node"}, "maxItems": 1}}}},
        "anyOf": [{"type": "string", "format": "date"}, {"$ref": "#/$defs/node"}],
    },
    {"type": "object", "additionalProperties": {"type": "number"}},
]


@BOTH
@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_whole_answer_is_valid_under_its_schema(local, name, schema):
    prompt = Prompt((Message("user", "The 2022 World Cup as JSON:"),))
    done = [answer(local[name], ask(prompt, schema=schema, temperature=t, seed=1, max_tokens=40)) for t in (0, 1.5)]
    for one in done:
        if one.finish_reason == "stop":
            jsonschema.validate(json.loads(one.text), schema)
        else:
            found = with_schema_verdict(one, json.dumps(schema)).details["schema"]
            assert not found["valid"]
            assert found["why"].startswith("cut off")


def test_some_answers_under_a_schema_are_whole(local):
    done = answer(local["smollm2"], ask(schema=SCHEMAS[1], max_tokens=60))
    assert done.finish_reason == "stop"
    assert len(json.loads(done.text)) in (2, 3, 4)


def test_json_that_a_stop_string_cut_is_marked(local):
    done = answer(local["smollm2"], ask(schema={"type": "array", "minItems": 1}, stop=("[",)))
    assert (done.text, done.finish_reason) == ("", "stop")
    assert done.details["warnings"] == ["the JSON is cut off: it contains a stop string"]


def test_a_schema_without_any_json_is_refused_before_anything_is_asked(local):
    with pytest.raises(RequestRejected, match=r"`not`.* at #"):
        steps_of(local["smollm2"], ask(schema={"not": {}}))


def test_a_schema_that_can_never_end_is_refused(local):
    with pytest.raises(RequestRejected, match="schema"):
        steps_of(local["smollm2"], ask(schema={"$ref": "#"}))


def made(like: LlamaBackend, path: Path | None = None, lora: tuple[Lora, ...] = (), **entry: object) -> LlamaBackend:
    settings = LlamaModel(backend="llama", path="x", **entry)
    return LlamaBackend("made", path or like.path, settings, like.sha256, lora=lora)


def test_a_chat_template_of_the_catalogue_comes_first_with_its_stop_strings(local):
    source = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    backend = made(local["gemma"], chat_template=source, stop=("\n",))
    done = answer(backend, ask())
    assert done.details["chat_template"] == "from the catalogue"
    assert "Argentina" in done.text
    assert "\n" not in done.text
    sent = "".join(p.text for p in backend.as_sent(ask()).pieces)
    assert sent.endswith("assistant: France\nuser: Who won the cup?\nassistant:")
    backend.close()


def test_a_model_without_a_chat_template_is_not_ready_and_says_how_to_set_one(local):
    backend = LlamaBackend("base", local["gemma"].path, LlamaModel(backend="llama", path="x"), "0" * 64)
    with pytest.raises(ModelNotReady, match="no chat template") as caught:
        backend.as_sent(ask())
    assert "`chat_template`" in caught.value.hint


def test_the_fingerprint_changes_with_everything_that_changes_answers(local):
    like = local["smollm2"]
    variants = [
        made(like),
        made(like, chat_template="x"),
        made(like, stop=("x",)),
        made(like, n_ctx=1024),
        made(like, flash_attn=True),
        made(like, throughput=4),
        made(like, throughput=4, flash_attn=False),
        made(like, flash_attn=True, n_threads=7),
        made(like, n_gpu_layers=0),
        made(like, lora=(Lora(Path("a"), "a" * 64),)),
        made(local["gemma"]),
    ]
    assert len({v.fingerprint for v in variants}) == len(variants)
    assert made(like).fingerprint == made(like).fingerprint == made(like, n_threads=1).fingerprint


@pytest.mark.parametrize(("n_ctx", "window"), [(1000, 1000), (100_000, 8192)])
def test_the_window_is_that_of_the_catalogue_up_to_what_the_model_knows(local, n_ctx, window):
    assert made(local["smollm2"], n_ctx=n_ctx).window == window


def test_a_prompt_that_fills_the_window_to_the_last_token_is_answered(local):
    backend = made(local["smollm2"], n_ctx=256)
    length = backend.as_sent(ask(TALE)).budget.prompt
    done = answer(backend, ask(TALE, max_tokens=256 - length))
    assert done.finish_reason in ("stop", "length")
    backend.close()


@pytest.mark.parametrize("size", [0, 1000, 2_000_000, 50_000_000])
def test_a_file_cut_short_is_an_error_in_words(local, tmp_path, size):
    path = tmp_path / "cut.gguf"
    with local["smollm2"].path.open("rb") as whole:
        path.write_bytes(whole.read(size))
    with pytest.raises(EngineFailed, match=r"cut\.gguf cannot be read as a model: \w") as caught:
        steps_of(made(local["smollm2"], path), ask())
    assert "complete" in caught.value.hint


@pytest.mark.parametrize("data", [b"GGUF" + bytes(range(256)) * 9, b"no model at all", b"\0" * 5000])
def test_a_file_that_is_no_model_is_an_error_in_words(local, tmp_path, data):
    path = tmp_path / "noise.gguf"
    path.write_bytes(data)
    with pytest.raises(EngineFailed, match=r"noise\.gguf cannot be read as a model"):
        steps_of(made(local["smollm2"], path), ask())


def test_a_context_that_does_not_fit_in_memory_says_what_to_make_smaller(local, monkeypatch):
    backend = made(local["smollm2"], n_ctx=2_000_000_000)
    monkeypatch.setattr(backend.vocab, "trained_window", 2_000_000_000)
    with pytest.raises(EngineFailed, match="no memory for a context of 2000000000") as caught:
        steps_of(backend, ask())
    assert "n_ctx" in caught.value.hint
    assert answer(local["gemma"], ask()).text == "Argentina"


def test_the_library_prints_nothing(local, capfd):
    backend = made(local["smollm2"], n_ctx=512)
    answer(backend, ask())
    with pytest.raises(EngineFailed):
        steps_of(made(local["smollm2"], Path("/nowhere.gguf")), ask())
    backend.close()
    assert capfd.readouterr() == ("", "")


def test_without_the_library_the_error_names_the_extra(local, monkeypatch):
    from promptlab.models._llama import _library as llama_native

    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    llama_native.library.cache_clear()
    try:
        with pytest.raises(ModelNotReady) as caught:
            llama_native.library()
    finally:
        monkeypatch.undo()
        llama_native.library.cache_clear()
    assert caught.value.hint == "pip install 'promptlab[local]'"
    assert answer(local["gemma"], ask()).text == "Argentina"


def lora_file(path: Path, scale: float) -> Lora:
    """A LoRA for the first query projection of SmolLM2, written by hand: `scale` 0 changes nothing."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    width, rank = 576, 2
    facts = {"general.type": "adapter", "general.architecture": "llama", "adapter.type": "lora"}
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 4)
    for key, value in facts.items():
        head += text(key) + struct.pack("<I", 8) + text(value)
    head += text("adapter.lora.alpha") + struct.pack("<If", 6, 2.0)
    size = width * rank * 4
    for n, (name, dims) in enumerate((("lora_a", (width, rank)), ("lora_b", (rank, width)))):
        head += text(f"blk.0.attn_q.weight.{name}") + struct.pack("<IQQIQ", 2, *dims, 0, n * size)
    head += bytes(-len(head) % 32)
    values = [scale * ((n * 37) % 11 - 5) for n in range(2 * width * rank)]
    path.write_bytes(head + struct.pack(f"<{len(values)}f", *values))
    return Lora(path, f"{scale:064}")


def test_a_lora_changes_the_answer_and_one_of_zeros_does_not(local, tmp_path):
    plain = answer(local["smollm2"], ask(TALE)).text
    texts = []
    for n, scale in enumerate((0.0, 0.5)):
        backend = made(local["smollm2"], lora=(lora_file(tmp_path / f"{n}.gguf", scale),))
        texts.append(answer(backend, ask(TALE)).text)
        backend.close()
    assert texts[0] == plain
    assert texts[1] != plain


def test_a_lora_that_is_none_is_an_error_in_words(local, tmp_path):
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"not a lora")
    with pytest.raises(EngineFailed, match=r"the LoRA bad\.gguf cannot be used with SmolLM2"):
        steps_of(made(local["smollm2"], lora=(Lora(path, "0" * 64),)), ask())
    assert answer(local["gemma"], ask()).text == "Argentina"


def test_offload_is_read_from_what_llama_cpp_says():
    lines = [
        "llama_model_load_from_file_impl: using device CUDA0 (NVIDIA H100 80GB HBM3) (0000:18:00.0) - 80000 MiB free\n",
        "load_tensors: offloading output layer to GPU\n",
        "load_tensors: offloaded 19",
        "/19 layers to GPU\n",
    ]
    offload = read_offload(lines)
    assert offload == Offload(19, 19, ("NVIDIA H100 80GB HBM3 (CUDA0)",))
    assert str(offload) == "offloaded 19/19 layers to NVIDIA H100 80GB HBM3 (CUDA0)"
    assert str(read_offload([])) == "no layers on a GPU; answering on the CPU"


def test_layers_asked_for_that_no_gpu_can_take_are_a_warning(local):
    if "no GPU support" not in local["smollm2"].gpu:
        pytest.skip("this build has GPU support")
    asked, silent = made(local["smollm2"], n_gpu_layers=10), made(local["smollm2"])
    assert any("no GPU support" in w for w in answer(asked, ask()).details["warnings"])
    assert "warnings" not in answer(silent, ask()).details
    assert "no GPU support" in answer(silent, ask()).details["device"]
    for backend in (asked, silent):
        backend.close()


def test_a_zero_token_answer_is_none(local):
    request = ask()
    done = answer(local["smollm2"], replace(request, params=replace(request.params, max_tokens=0)))
    assert (done.text, done.finish_reason, done.usage.written) == ("", "length", 0)
    assert done.timings.first_token is None


def test_a_penalty_that_means_nothing_is_refused(local):
    with pytest.raises(RequestRejected, match="repeat_penalty is 0"):
        steps_of(local["smollm2"], ask(repeat_penalty=0.0))


@BOTH
def test_logprobs_are_those_of_the_tokens_written_with_the_likeliest_first(local, name):
    plain = answer(local[name], ask(TALE, max_tokens=6))
    done = answer(local[name], ask(TALE, max_tokens=6, logprobs=3))
    assert done.text == plain.text
    assert "logprobs" not in plain.details
    rows = done.details["logprobs"]
    assert len(rows) == done.usage.written == 6
    assert b"".join(bytes(row["bytes"]) for row in rows).decode().strip() == done.text.strip()
    for row in rows:
        assert len(row["top"]) == 3
        assert row["top"][0]["token"] == row["token"]  # temperature 0 takes the likeliest
        assert row["logprob"] == row["top"][0]["logprob"] <= 0
        values = [one["logprob"] for one in row["top"]]
        assert values == sorted(values, reverse=True)
        assert sum(math.exp(value) for value in values) <= 1.0001
    assert [
        len(row["top"]) for row in answer(local[name], ask(TALE, max_tokens=2, logprobs=0)).details["logprobs"]
    ] == [0, 0]


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="no priorities there")
def test_the_process_that_computes_stands_back_for_the_page(local):
    answer(local["smollm2"], ask(max_tokens=1))
    assert WORKERS.pid
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, WORKERS.pid) == min(19, own + NICE)
