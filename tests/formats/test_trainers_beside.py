"""Files to train with beside the loaders of TRL, Axolotl and Unsloth: each makes the same text of a row, and Axolotl
trains on the last answer only. Skipped where they or torch are not installed (`make oracles finetune`)."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="make finetune installs what trainers need")

from promptlab.finetune import axolotl_config
from promptlab.formats.trainers import TRAINERS, in_shape
from tools import oracles

TURNS = [
    {"role": "system", "content": "Sort it."},
    {"role": "user", "content": "The lamp is broken"},
    {"role": "assistant", "content": "defect"},
    {"role": "user", "content": "Where is my \u2028 parcel — “soon”?"},
]
ANSWERS = ("delivery", 'a "quoted"\n answer ')
ROWS = [{"messages": [*TURNS, {"role": "assistant", "content": answer}]} for answer in ANSWERS]
PAIR = {
    "input": {"messages": TURNS, "tools": [], "parallel_tool_calls": True},
    "preferred_output": [{"role": "assistant", "content": ANSWERS[0]}],
    "non_preferred_output": [{"role": "assistant", "content": ANSWERS[1]}],
}
START, END = "<|im_start|>", "<|im_end|>"
LOADERS = r"""
import importlib, json, logging, sys, types
from importlib.util import find_spec
from pathlib import Path
import yaml
from datasets import disable_progress_bars, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

disable_progress_bars()
folder = Path(sys.argv[1])
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
bytes_only = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bytes_only.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=bytes_only,
    eos_token="<|im_end|>",
    pad_token="<|pad|>",
    additional_special_tokens=["<|im_start|>"],
    chat_template="{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
)


def loaded(name):
    files, cache = str(folder / f"{name}.jsonl"), str(folder / "cache")
    return load_dataset("json", data_files=files, split="train", cache_dir=cache)


def trl(name):
    from trl.data_utils import apply_chat_template, is_conversational

    return [{**apply_chat_template(dict(row), tokenizer), "chat": is_conversational(row)} for row in loaded(name)]


def axolotl(name):
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault
    from axolotl.utils.schemas.config import AxolotlInputConfig

    config = yaml.safe_load((folder / "axolotl.yml").read_text())
    checked = AxolotlInputConfig(**config)
    strategy = load(tokenizer, DictDefault(config), DictDefault(config["datasets"][0]))
    rows = []
    for row in loaded(name):
        tokens = strategy.tokenize_prompt(row)
        trained = [token for token, label in zip(tokens["input_ids"], tokens["labels"]) if label != -100]
        rows.append({"text": tokenizer.decode(tokens["input_ids"]), "trained": tokenizer.decode(trained)})
    return {"rows": rows, "rank": checked.lora_r, "type": checked.datasets[0].type}


def unsloth(name):
    # its own beginning asks for a GPU
    package = types.ModuleType("unsloth_zoo")
    package.__path__ = find_spec("unsloth_zoo").submodule_search_locations
    sys.modules["unsloth_zoo"] = package
    rows = importlib.import_module("unsloth_zoo.dataset_utils").standardize_data_formats(loaded(name))
    return [{"text": tokenizer.apply_chat_template(row["conversations"], tokenize=False)} for row in rows]


found = {name: trl(name) for name in ("trl", "trl-preferences")}
found |= {"axolotl": axolotl("axolotl"), "unsloth": unsloth("unsloth")}
print("FOUND" + json.dumps(found))
"""


def chat(messages: list[dict[str, str]]) -> str:
    return "".join(f"{START}{message['role']}\n{message['content']}{END}\n" for message in messages)


@cache
def found(folder: Path) -> Any:
    """What the loaders make of the files."""
    if not oracles.installed("trainers"):
        pytest.skip("TRL, Axolotl and Unsloth are not installed; `make oracles` installs their loaders")
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
    pair = json.dumps(PAIR, ensure_ascii=False) + "\n"
    for name, source in TRAINERS.items():
        text = in_shape(pair if source == "openai-preferences" else lines, name)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    (folder / "axolotl.yml").write_text(axolotl_config(str(folder / "axolotl.jsonl"), "some/model"), encoding="utf-8")
    try:
        printed = oracles.run("trainers", LOADERS, str(folder), timeout=240)
    except subprocess.CalledProcessError as exc:
        raise AssertionError(exc.stderr) from exc
    return json.loads(printed.rpartition("FOUND")[2])


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return found(tmp_path_factory.mktemp("trainers"))


def test_trl_reads_prompt_and_completion(read: Any) -> None:
    for row, answer in zip(read["trl"], ANSWERS, strict=True):
        assert row["chat"] is True
        assert row["prompt"] == f"{chat(TURNS)}{START}assistant\n"
        assert row["completion"] == f"{answer}{END}\n"


def test_trl_reads_pairs(read: Any) -> None:
    (row,) = read["trl-preferences"]
    assert row["chat"] is True
    assert row["prompt"] == f"{chat(TURNS)}{START}assistant\n"
    assert (row["chosen"], row["rejected"]) == tuple(f"{answer}{END}\n" for answer in ANSWERS)


def test_axolotl_reads_its_configuration_and_trains_on_the_last_answer_only(read: Any) -> None:
    assert (read["axolotl"]["rank"], read["axolotl"]["type"]) == (8, "chat_template")
    for row, whole, answer in zip(read["axolotl"]["rows"], ROWS, ANSWERS, strict=True):
        assert row["text"] == chat(whole["messages"])
        assert row["trained"] == f"{answer}{END}"


def test_unsloth_reads_conversations(read: Any) -> None:
    assert [row["text"] for row in read["unsloth"]] == [chat(row["messages"]) for row in ROWS]
