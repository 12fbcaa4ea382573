"""The adapter that promptlab writes beside that of llama.cpp's own converter: the same names, shapes, types and bytes.
Skipped without torch and without the converter; `make finetune` fetches both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="make finetune installs what training needs")
pytest.importorskip("peft")

from promptlab.finetune import MATRICES, BaseModel, read_base, write_adapter
from tests.finetune.adapters import matrices_of, random_adapter
from tests.gguf_made import GEMMA3, LLAMA, Shape, made_of
from tools.llama_converter import script

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
KEYS = ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha")


def converted(folder: Path, base: BaseModel, adapted: Any) -> Path:
    """What llama.cpp's converter makes of the adapter as peft saves it and the configuration of its base."""
    converter = script()
    if converter is None:
        pytest.skip("tools/llama_converter.py could not download llama.cpp's converter")
    base.model.config.architectures = [type(base.model).__name__]
    base.model.config.save_pretrained(folder / "base")
    adapted.save_pretrained(folder / "adapter")
    command = [converter, "--base", folder / "base", "--outfile", folder / "theirs.gguf", folder / "adapter"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return folder / "theirs.gguf"


def content(path: Path) -> tuple[dict[str, Any], dict[str, tuple[Any, ...]]]:
    """The keys that llama.cpp reads of an adapter; and type, shape and bytes of each tensor."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    keys = {key: (reader.fields[key].types, reader.fields[key].contents()) for key in KEYS}
    return keys, {t.name: (t.tensor_type.name, tuple(t.shape.tolist()), t.data.tobytes()) for t in reader.tensors}


@pytest.mark.parametrize(
    ("shape", "targets", "tensors"),
    [
        pytest.param(LLAMA, MATRICES, 28, id="llama, four heads and two of keys"),
        pytest.param(Shape(heads=2, key_value_heads=2, head=24), MATRICES, 28, id="llama, heads wider than the model"),
        pytest.param(LLAMA, ("k_proj",), 4, id="llama, only the keys"),
        pytest.param(GEMMA3, MATRICES, 98, id="gemma3"),
    ],
)
def test_the_adapter_is_that_of_the_converter(
    shape: Shape, targets: tuple[str, ...], tensors: int, tmp_path: Path
) -> None:
    base = read_base(made_of(tmp_path / "base.gguf", shape))
    adapted = random_adapter(base, targets=targets, rank=3, alpha=7)
    write_adapter(tmp_path / "ours.gguf", matrices_of(adapted), base, alpha=7, name="ours")
    ours, theirs = content(tmp_path / "ours.gguf"), content(converted(tmp_path, base, adapted))
    assert ours[0] == theirs[0]
    assert sorted(ours[1]) == sorted(theirs[1])
    assert ours[1] == theirs[1]
    assert len(ours[1]) == tensors
