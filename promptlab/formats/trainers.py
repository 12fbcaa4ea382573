"""Files to train with in the shapes of other people's trainers, made from those of OpenAI: the same rows.

trl               {"prompt": [{"role": …}, …], "completion": [{"role": "assistant", "content": "Wall A"}]}
trl-preferences   {"prompt": [{"role": …}, …], "chosen": [{…}], "rejected": [{…}]}
axolotl           {"messages": [{"role": "user", "content": …, "train": false}, …, {…, "train": true}]}
unsloth           {"conversations": [{"role": "user", "content": …}, …, {"role": "assistant", …}]}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

TRAINERS: dict[str, str] = {
    "trl": "openai-finetune",
    "trl-preferences": "openai-preferences",
    "axolotl": "openai-finetune",
    "unsloth": "openai-finetune",
}
"""The formats, each with the format of OpenAI that has the same rows."""
ROW_FORMATS = ("openai-finetune", *(name for name, of in TRAINERS.items() if of == "openai-finetune"))
"""The formats with questions and right answers, to be trained on."""
PAIR_FORMATS = ("openai-preferences", *(name for name, of in TRAINERS.items() if of == "openai-preferences"))
"""The formats with two answers to one question, of which one is preferred."""


def in_shape(lines: str, format_: str) -> str:
    """JSONL of OpenAI's shape in that of `format_`, one of `TRAINERS`."""
    reshape = _SHAPES[format_]
    # only a newline ends a line of JSONL: a text may have other characters that end lines
    return "".join(
        json.dumps(reshape(json.loads(line)), ensure_ascii=False) + "\n" for line in lines.split("\n") if line
    )


def _trl(row: Mapping[str, Any]) -> dict[str, Any]:
    """TRL computes the loss on the completion only."""
    *prompt, answer = row["messages"]
    return {"prompt": prompt, "completion": [answer]}


def _trl_preferences(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": row["input"]["messages"],
        "chosen": row["preferred_output"],
        "rejected": row["non_preferred_output"],
    }


def _axolotl(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without `train`, Axolotl would train on every turn of the assistant, such as those of examples."""
    last = len(row["messages"]) - 1
    return {"messages": [{**message, "train": place == last} for place, message in enumerate(row["messages"])]}


def _unsloth(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"conversations": row["messages"]}


_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "trl": _trl,
    "trl-preferences": _trl_preferences,
    "axolotl": _axolotl,
    "unsloth": _unsloth,
}

__all__ = ["PAIR_FORMATS", "ROW_FORMATS", "TRAINERS", "in_shape"]
