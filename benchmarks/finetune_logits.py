"""The logits of transformers with the weights that promptlab reads from a GGUF file, beside those of llama.cpp.

    python -m benchmarks.finetune_logits                        # both models, with and without an adapter
    python -m benchmarks.finetune_logits --json --quick

llama.cpp gets a copy of the file in 32-bit floats, so that nothing but the weights and their order can differ: in the
quantised file it rounds what it multiplies, too. How far that is from the copy is said beside it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import facts
from promptlab.finetune import read_base, write_adapter
from promptlab.models import Catalogue
from promptlab.workspace import Workspace
from tests.finetune.adapters import logits_of_llama, logits_of_transformers, matrices_of, random_adapter

ROOT = Path(__file__).parents[1]
MODELS = ("smollm2-135m", "gemma-3-270m")
TEXT = ROOT / "docs" / "finetune.md"


@dataclass(frozen=True)
class Row:
    """The greatest differences of logits: of the base, with the adapter, and of the quantised file from its copy.
    `effect` is the greatest change that the adapter makes."""

    model: str
    tokens: int
    base: float
    adapted: float
    effect: float
    quantised: float


def measure(model: str, path: Path, count: int, folder: Path) -> Row:
    copy = in_floats(path, folder / "copy.gguf")
    tokens = tokens_of(path, TEXT.read_text(encoding="utf-8"))[:count]
    base = read_base(path)
    plain = logits_of_transformers(base.model, tokens, every=32)
    adapted = random_adapter(base, rank=8, alpha=16, size=0.02)
    write_adapter(folder / "adapter.gguf", matrices_of(adapted), base, alpha=16)
    tuned = logits_of_transformers(adapted, tokens, every=32)
    del base, adapted
    llama = logits_of_llama(copy, tokens, every=32)
    llama_tuned = logits_of_llama(copy, tokens, folder / "adapter.gguf", every=32)
    quantised = logits_of_llama(path, tokens, every=32)
    copy.unlink()
    differences = (plain - llama, tuned - llama_tuned, tuned - plain, quantised - llama)
    return Row(model, len(tokens), *(float(abs(one).max()) for one in differences))


def in_floats(path: Path, copy: Path) -> Path:
    """A copy of a GGUF file with every tensor in 32-bit floats."""
    import numpy
    from gguf import GGUFReader, GGUFValueType, GGUFWriter, dequantize

    reader = GGUFReader(path)
    writer = GGUFWriter(copy, reader.fields["general.architecture"].contents())
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture":
            continue
        within = field.types[1] if field.types[0] == GGUFValueType.ARRAY else None
        value = 0 if key == "general.file_type" else field.contents()
        writer.add_key_value(key, value, field.types[0], sub_type=within)
    for tensor in reader.tensors:
        floats = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        writer.add_tensor(tensor.name, numpy.ascontiguousarray(floats))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return copy


def tokens_of(path: Path, text: str) -> list[int]:
    import llama_cpp

    from promptlab.models._llama._library import compute_here, library

    compute_here()
    library()
    vocab = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
    tokens: list[int] = vocab.tokenize(text.encode())
    vocab.close()
    return tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model")
    options = parser.parse_args()
    rows: list[Row] = []
    catalogue = Catalogue(Workspace.find(ROOT))
    for model in options.model or MODELS:
        backend: Any = catalogue.backend(model)
        with tempfile.TemporaryDirectory() as folder:
            # 640 tokens are more than the window of gemma's layers, which is 512
            rows.append(measure(model, backend.path, 64 if options.quick else 640, Path(folder)))
    catalogue.close()
    if options.json:
        print(json.dumps({"machine": facts(), "rows": [asdict(row) for row in rows]}))
        return
    print("| Model | Tokens | Base | With an adapter | The adapter changes | Quantised from floats |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows:
        figures = " | ".join(f"{figure:.5f}" for figure in (row.base, row.adapted, row.effect, row.quantised))
        print(f"| {row.model} | {row.tokens} | {figures} |")


if __name__ == "__main__":
    main()
