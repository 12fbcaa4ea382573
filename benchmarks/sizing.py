"""The memory that `promptlab size` says, beside what llama.cpp allocates when it really loads the model.

    python -m benchmarks.sizing              # the table of docs/sizing.md, in Markdown
    python -m benchmarks.sizing --write      # writes it into docs/sizing.md
    python -m benchmarks.sizing --json --quick

Each combination is laid out twice: from a hole with the head of the file, by the child process that `size` uses; and by
a real load in a process of its own, whose log and pages are read after one batch was decoded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import facts
from promptlab.models import Catalogue, PlanRequest, plan_memory, read_gguf
from promptlab.sizing import Wanted
from promptlab.sizing._formula import need_by_formula
from promptlab.workspace import Workspace

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/sizing.md"
BEGIN, END = "<!-- table of benchmarks.sizing: begin -->", "<!-- table of benchmarks.sizing: end -->"
BATCH = 256
MIB = 1 << 20


@dataclass(frozen=True)
class Combination:
    """A model with a context, a type of its KV cache, and whether layers with a window keep the whole context."""

    model: str
    context: int
    kv_type: str
    whole: bool


@dataclass(frozen=True)
class Row:
    """Bytes: expected by llama.cpp's plan and by formulas, allocated by a real load, and held by its process."""

    combination: Combination
    planned: int
    formula: int
    allocated: int
    anonymous: int
    file_backed: int

    @property
    def off(self) -> float:
        """How far the plan is from what was allocated, in percent."""
        return 100 * (self.planned - self.allocated) / self.allocated

    @property
    def formula_off(self) -> float:
        return 100 * (self.formula - self.allocated) / self.allocated


def combinations() -> list[Combination]:
    """Two models, contexts, types and windows: twelve in all. SmolLM2 has no window, so it gets a third context."""
    gemma = itertools.product(["gemma-3-270m"], [2_048, 8_192], ["f16", "q8_0"], [True, False])
    smollm2 = itertools.product(["smollm2-135m"], [2_048, 8_192], ["f16", "q8_0"], [True])
    return [Combination(*each) for each in (*gemma, *smollm2)]


QUICK = (
    *(Combination("gemma-3-270m", 8_192, "f16", True), Combination("gemma-3-270m", 8_192, "f16", False)),
    *(Combination("smollm2-135m", 8_192, "f16", True), Combination("smollm2-135m", 2_048, "q8_0", True)),
)


def measure(paths: Sequence[Path], combination: Combination) -> Row:
    """One combination, expected and real."""
    quantised = combination.kv_type != "f16"
    head = read_gguf(paths[0])
    with tempfile.TemporaryDirectory() as folder:
        hole = Path(folder) / "hole.gguf"
        with paths[0].open("rb") as file:
            hole.write_bytes(file.read(head.begin))
        os.truncate(hole, paths[0].stat().st_size)
        request = PlanRequest(
            hole,
            combination.context,
            batch=BATCH,
            flash_attn=quantised,
            kv_type=combination.kv_type,
            whole_context=combination.whole,
        )
        need = plan_memory(request).need
    wanted = Wanted(combination.context, 1, combination.kv_type, combination.whole, BATCH, quantised)
    asked = json.dumps({**asdict(request), "path": str(paths[0]), "parts": []})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sizing", "--load"], input=asked, capture_output=True, text=True, check=True
    )
    real = json.loads(done.stdout.splitlines()[-1])
    return Row(combination, need.counted, need_by_formula([head], wanted).counted + need.repacked, **real)


def load(asked: dict[str, Any]) -> dict[str, int]:
    """Really load the model in this process, decode one batch, and read the log and the pages."""
    from promptlab.models._llama._cpu_variants import Cpu
    from promptlab.models._llama._library import compute_here, cpu_variant, library, log_lines
    from promptlab.models._llama._memory import real_need
    from promptlab.models._llama._settings import ContextShape, Settings, context_params, model_params
    from promptlab.models._resident_memory import own_pages

    compute_here()
    lib, cells = library(), asked["cells"]
    settings = Settings(
        Path(asked["path"]),
        "",
        cells,
        2,
        flash_attn=asked["flash_attn"],
        cpu=Cpu(cpu_variant()),
        kv_type=asked["kv_type"],
        whole_context=asked["whole_context"],
    )
    before = own_pages()
    with log_lines(most=1 << 20) as loading:
        model = lib.llama_model_load_from_file(asked["path"].encode(), model_params(settings))
    with log_lines(most=1 << 20) as opening:
        context = lib.llama_init_from_model(model, context_params(settings, ContextShape(cells), BATCH))
    tokens = (lib.llama_token * BATCH)(*[100 + n for n in range(BATCH)])
    assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, BATCH)) == 0
    after = own_pages()
    assert before, "the system says how many pages a process has"
    assert after, "the system says how many pages a process has"
    anonymous, file_backed = (end - begin for begin, end in zip(before, after, strict=True))
    allocated = real_need("".join(loading), "".join(opening))
    return {"allocated": allocated, "anonymous": anonymous, "file_backed": file_backed}


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows in Markdown, in MiB."""
    yield "| Model | Context | KV cache | Windows keep | Expected | By formula | Allocated | Off | Held: own + file |"
    yield "|---|---:|---|---|---:|---:|---:|---:|---:|"
    for row in rows:
        each = row.combination
        held = f"{row.anonymous / MIB:,.0f} + {row.file_backed / MIB:,.0f}"
        yield (
            f"| {each.model} | {each.context:,} | {each.kv_type} | {'everything' if each.whole else 'the window'} | "
            f"{row.planned / MIB:,.1f} | {row.formula / MIB:,.1f} | {row.allocated / MIB:,.1f} | {row.off:+.2f} % | "
            f"{held} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(json.dumps(load(json.load(sys.stdin))))
        return
    catalogue = Catalogue(Workspace.find(ROOT))
    wanted = combinations()
    if options.quick:
        wanted = [each for each in wanted if each in QUICK]
    rows = [measure(catalogue.model_files(each.model), each) for each in wanted]
    if options.json:
        print(
            json.dumps(
                {
                    "machine": facts(),
                    "rows": [{**asdict(row), "off": row.off, "formula_off": row.formula_off} for row in rows],
                }
            )
        )
        return
    machine = facts()
    kilobytes = machine["memory"].removesuffix(" kB")
    memory = f"{int(kilobytes) / 1e6:.1f} GB" if kilobytes.isdigit() else "memory unknown"
    where = f"Made on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, {memory}. Sizes in MiB."
    text = "\n".join([where, "", *table(rows)])
    print(text)
    if options.write:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
