"""The list of foreign formats; each import format has a module of its own, which is loaded when it is used.

imported = reader_for("promptfoo")(Path("promptfooconfig.yaml"), "promptfooconfig.yaml", ImportFolders())
imported.files[0].path, imported.report.entries
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptlab.formats._report import Imported
    from promptlab.formats._workspace_view import ImportFolders


@dataclass(frozen=True)
class Format:
    """A format of another tool. `files` are patterns of the names of its files."""

    title: str
    module: str
    files: tuple[str, ...] = ()


IMPORT_FORMATS: dict[str, Format] = {
    "promptfoo": Format(
        "promptfoo configuration",
        "promptfoo",
        ("promptfooconfig*.yaml", "promptfooconfig*.yml", "promptfooconfig*.json"),
    ),
    "prompty": Format(".prompty file", "prompty", ("*.prompty",)),
    "promptsource": Format("PromptSource templates.yaml", "promptsource", ("templates.yaml",)),
    "langfuse": Format("Langfuse prompts as JSON", "langfuse", ("*.json",)),
    "llm": Format("template of the llm tool", "llm", ("*.yaml",)),
    "openai": Format("OpenAI request body", "openai", ("*.json",)),
    "inspect": Format("dataset of Inspect", "inspect_ai", ("*.csv", "*.jsonl", "*.json")),
    "lm-eval": Format("task of lm-evaluation-harness", "lm_eval", ("*.yaml",)),
}
"""The formats that can be imported."""

EXPORT_FORMATS: dict[str, str] = {
    "promptfoo": "promptfoo configuration of the templates, with the models named by -m as providers",
    "prompty": ".prompty file of one template",
    "openai": "OpenAI request body of one template and one model, as JSON",
    "python": "Python program for one request",
    "curl": "curl command for one request",
    "openai-batch": "JSONL for OpenAI's Batch API, a request a row",
    "openai-finetune": "JSONL for chat fine-tuning, of a pool of examples or of well-scored answers of a run",
    "openai-preferences": "JSONL for preference training, of answers of a run with different scores",
}
"""The formats that can be exported."""


def reader_for(name: str) -> Callable[[Path, str, ImportFolders], Imported]:
    """The function that reads files of the format `name`. It takes the file, its name for messages, and the folders."""
    read: Callable[[Path, str, ImportFolders], Imported] = import_module(
        f"promptlab.formats.{IMPORT_FORMATS[name].module}"
    ).read
    return read


__all__ = ["EXPORT_FORMATS", "IMPORT_FORMATS", "Format", "reader_for"]
