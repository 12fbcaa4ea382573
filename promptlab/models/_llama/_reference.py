"""Plain llama-cpp-python in a process of its own, as the reference that promptlab's engine is compared with.

    with Reference(opening_of(backend)) as reference:
        reference.write(tokens, 64)                 # with the batches of llama_cpp.Llama
        reference.write(tokens, 64, our_cuts=True)  # with the padded batches of promptlab

The process is `python -m promptlab.models._llama._reference`. It takes one JSON object per line on standard input; the
first says how to open the model. It answers each with one line. It gets the same tokens as promptlab's engine, always
chooses the most likely one, and clears its memory between two jobs, so that no answer depends on an earlier one. Of
promptlab it uses only the setting for how llama.cpp's threads wait, without which a busy machine is many times slower.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from promptlab._util import subprocesses
from promptlab.errors import EngineFailed, PromptlabError
from promptlab.models._llama._batching import decode_ranges, padded
from promptlab.models._llama._detokenize import AnswerText
from promptlab.models._llama._library import CPU_VARIABLE, library
from promptlab.models._llama._tokenize import encode, split_controls

if TYPE_CHECKING:
    from promptlab.models._llama._backend import LlamaBackend
    from promptlab.types import Params, Request

AT_ONCE = 256
"""The size of a batch of the prefill, as in promptlab's engine; with padding every size gives the same logits."""


@dataclass(frozen=True, slots=True)
class ModelOpening:
    """The settings to open the model with, the same on both sides. `n_ctx` is in tokens."""

    path: str
    n_ctx: int
    n_threads: int
    n_gpu_layers: int = -1
    flash_attn: bool = False
    cpu: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """An answer: the ids of its `tokens`, and for each the `seconds` since the prefill began. If the model ended the
    answer itself, `seconds` has one more entry, for the end token."""

    tokens: tuple[int, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Margin:
    """How close the choice of a token was: `gap` is the difference of the two highest logits in plain llama-cpp-python;
    `moved` is the largest difference between any logit there and with promptlab's batches."""

    gap: float
    moved: float


def opening_of(backend: LlamaBackend) -> ModelOpening:
    """The settings of a local model, from its backend."""
    from promptlab.models._llama._backend import usable_cores

    entry = backend.entry
    return ModelOpening(
        path=str(backend.path),
        n_ctx=backend.window or entry.n_ctx,
        n_threads=entry.n_threads or usable_cores(),
        n_gpu_layers=entry.n_gpu_layers,
        flash_attn=bool(entry.flash),
        cpu=backend.ready().variant,
    )


def tokens_of(backend: LlamaBackend, request: Request) -> tuple[int, ...]:
    """The tokens that the model reads for `request`."""
    fragments = split_controls(backend.vocab, backend.chat_template.lay_out(request.messages))
    return encode(backend.vocab, fragments).tokens


def texts_of(backend: LlamaBackend, params: Params, tokens: Sequence[int]) -> list[str]:
    """The text that promptlab shows after each of the `tokens`. The last text is the answer; a stop string may end it
    before the last token."""
    template = backend.chat_template
    text = AnswerText((*params.stop, *backend.entry.stop, *template.stops), template.lead)
    grown: list[str] = []
    for token in tokens:
        text.feed(backend.vocab.text_piece(token))
        grown.append(text.text)
        if text.stopped:
            break
    text.finish()
    return [*grown[:-1], text.text]


class Reference:
    """The reference process. It ends with the `with` block.

    Raises:
        EngineFailed: llama-cpp-python failed, or its process ended.
    """

    def __init__(self, opening: ModelOpening) -> None:
        with contextlib.ExitStack() as opened:
            self._errors = opened.enter_context(tempfile.TemporaryFile())
            self._process = subprocess.Popen(
                subprocesses.command("promptlab.models._llama._reference"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**subprocesses.environment(), CPU_VARIABLE: opening.cpu},
                text=True,
                encoding="utf-8",
            )
            self._opened = opened.pop_all()
        try:
            self._do(asdict(opening))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Reference:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def write(self, tokens: Sequence[int], max_tokens: int, *, our_cuts: bool = False) -> Written:
        """Prefill `tokens` in an empty context, and decode until the model ends or `max_tokens` are written."""
        answer = self._do({"read": list(tokens), "max_tokens": max_tokens, "our_cuts": our_cuts})
        return Written(tuple(answer["tokens"]), tuple(answer["seconds"]))

    def margin(self, tokens: Sequence[int], written: Sequence[int]) -> Margin:
        """How close the choice of the token after `written` was, for the prompt `tokens`."""
        return Margin(**self._do({"read": list(tokens), "written": list(written)}))

    def close(self) -> None:
        """End the process."""
        process = self._process
        if process.stdin:
            with contextlib.suppress(OSError):  # it may have ended with unread input
                process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
        self._opened.close()

    def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            print(json.dumps(job), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except OSError:  # the pipe broke: it has ended
            line = ""
        if not line:
            raise EngineFailed(f"the process with plain llama-cpp-python ended{self._last_error()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineFailed(f"plain llama-cpp-python: {answer['error']}")
        return answer

    def _last_error(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""


class _Model:
    """`llama_cpp.Llama`, in the reference process."""

    def __init__(self, opening: ModelOpening) -> None:
        self._lib = library()
        self._llama: Any = self._lib.Llama(
            opening.path,
            n_ctx=opening.n_ctx,
            n_threads=opening.n_threads,
            n_threads_batch=opening.n_threads,
            n_gpu_layers=opening.n_gpu_layers,
            flash_attn=opening.flash_attn,
            verbose=False,
        )
        self._vocab = self._lib.llama_model_get_vocab(self._llama.model)

    def do(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do one job of `Reference`."""
        if "written" in job:
            return asdict(self._margin(job["read"], job["written"]))
        return asdict(self._write(job["read"], job["max_tokens"], our_cuts=job["our_cuts"]))

    def _write(self, tokens: list[int], max_tokens: int, *, our_cuts: bool) -> Written:
        self._llama.reset()
        written: list[int] = []
        seconds: list[float] = []
        started = time.perf_counter()
        for token in self._in_our_cuts(tokens) if our_cuts else self._llama.generate(tokens, temp=0.0):
            seconds.append(time.perf_counter() - started)
            if self._lib.llama_vocab_is_eog(self._vocab, token):
                break
            written.append(int(token))
            if len(written) == max_tokens:
                break
        return Written(tuple(written), tuple(seconds))

    def _in_our_cuts(self, tokens: list[int]) -> Iterator[int]:
        row = self._read(tokens, our_cuts=True)
        while True:
            token = int(row.argmax())
            yield token
            self._llama.eval([token])
            row = self._logits()

    def _read(self, tokens: list[int], *, our_cuts: bool) -> Any:
        """Prefill an empty context; the logits after the last token."""
        if not our_cuts:
            self._llama.eval(tokens)
            return self._logits()
        llama, lib, batch = self._llama, self._lib, self._lib.llama_batch_init(AT_ONCE, 0, 1)
        memory = lib.llama_get_memory(llama.ctx)
        lib.llama_memory_clear(memory, False)
        for start, end in decode_ranges(0, len(tokens), AT_ONCE):
            batch.n_tokens = padded(end - start)
            for i in range(batch.n_tokens):
                batch.token[i], batch.pos[i] = tokens[min(start + i, end - 1)], start + i
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
                batch.logits[i] = start + i == len(tokens) - 1
            if lib.llama_decode(llama.ctx, batch):
                raise RuntimeError(f"llama_decode failed at token {start}")
            lib.llama_memory_seq_rm(memory, 0, end, -1)
        row = self._logits(end - start - 1)
        lib.llama_batch_free(batch)
        llama.n_tokens = len(tokens)  # `eval` goes on from here
        return row

    def _logits(self, index: int = -1) -> Any:
        import numpy as np

        row = self._lib.llama_get_logits_ith(self._llama.ctx, index)
        return np.ctypeslib.as_array(row, shape=(self._llama.n_vocab(),)).copy()

    def _margin(self, tokens: list[int], written: list[int]) -> Margin:
        import numpy as np

        def logits(*, our_cuts: bool) -> Any:
            self._llama.reset()
            row = self._read(tokens, our_cuts=our_cuts)
            for token in written:
                self._llama.eval([token])
                row = self._logits()
            return row

        own, ours = logits(our_cuts=False), logits(our_cuts=True)
        second, best = np.sort(own)[-2:]
        return Margin(float(best - second), float(np.abs(own - ours).max()))


def main() -> None:
    """Do the jobs on standard input until it ends."""
    jobs = (json.loads(line) for line in sys.stdin)
    model: _Model | None = None
    for job in jobs:
        try:
            if model is None:
                model, answer = _Model(ModelOpening(**job)), {}
            else:
                answer = model.do(job)
        except (PromptlabError, RuntimeError, ValueError, OSError) as exc:
            answer = {"error": " ".join(str(exc).split())}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
