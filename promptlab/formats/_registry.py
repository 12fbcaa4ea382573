"""The list of foreign formats; each import format has a module of its own, which is loaded when it is used.

imported = reader_for("promptfoo")(Path("promptfooconfig.yaml"), "promptfooconfig.yaml", ImportFolders())
imported.files[0].path, imported.report.entries
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.errors import FormatError, PromptlabError

if TYPE_CHECKING:
    from promptlab.formats._report import Imported
    from promptlab.formats._workspace_view import ImportFolders

log = logging.getLogger(__name__)


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
    "prompt-flow": Format("prompt flow", "prompt_flow", ("flow.dag.yaml",)),
    "github-models": Format("prompt of GitHub Models", "github_models", ("*.prompt.yml", "*.prompt.yaml")),
    "dotprompt": Format(".prompt file of dotprompt", "dotprompt", ("*.prompt",)),
    "chainforge": Format("flow of ChainForge", "chainforge", ("*.cforge",)),
    "openai-evals": Format("eval of OpenAI", "openai_evals", ("*.json", "*.yaml", "*.jsonl")),
    "openai-prompt": Format("prompt object of OpenAI", "openai_prompt", ("*.json",)),
    "llm": Format("template of the llm tool", "llm", ("*.yaml",)),
    "openai": Format("OpenAI request body", "openai", ("*.json",)),
    "inspect": Format("dataset of Inspect", "inspect_ai", ("*.csv", "*.jsonl", "*.json")),
    "promptfoo-results": Format("results of promptfoo", "promptfoo_results", ("*.json",)),
    "inspect-log": Format("log of Inspect", "inspect_log", ("*.eval", "*.json")),
    "lm-eval": Format("task of lm-evaluation-harness", "lm_eval", ("*.yaml",)),
}
"""The formats that can be imported."""

EXPORT_FORMATS: dict[str, str] = {
    "promptfoo": "promptfoo configuration of the templates, with the models named by -m as providers",
    "prompty": ".prompty file of one template, for prompty 0.1 and 2",
    "prompty-2": ".prompty file of one template with typed inputs, for prompty 2 only",
    "langfuse": "prompt of Langfuse as JSON, of one template",
    "github-models": ".prompt.yml file of GitHub Models, of one template",
    "dotprompt": ".prompt file of Google's dotprompt, of one template",
    "openai": "OpenAI request body of one template and one model, as JSON",
    "python": "Python program for one request",
    "curl": "curl command for one request",
    "openai-batch": "JSONL for OpenAI's Batch API, a request a row",
    "openai-finetune": "JSONL for chat fine-tuning, of a pool of examples or of well-scored answers of a run",
    "openai-preferences": "JSONL for preference training, of answers that people or scorers told apart",
    "trl": "JSONL for TRL's SFTTrainer: the rows of openai-finetune as prompt and completion",
    "trl-preferences": "JSONL for TRL's DPOTrainer: the pairs of openai-preferences as prompt, chosen and rejected",
    "axolotl": "JSONL for Axolotl: the rows of openai-finetune as messages; with -o its configuration, too",
    "unsloth": "JSONL for Unsloth: the rows of openai-finetune as conversations",
}
"""The formats that can be exported."""


Reader = Callable[["Path", str, "ImportFolders"], "Imported"]


def reader_for(name: str) -> Reader:
    """The function that reads files of the format `name`. It takes the file, its name for messages, and the folders.

    A fault in it is a `FormatError` of that file, so that it never ends the import of a folder.
    """
    read: Reader = import_module(f"promptlab.formats.{IMPORT_FORMATS[name].module}").read

    def guarded(path: Path, shown: str, places: ImportFolders) -> Imported:
        try:
            return read(path, shown, places)
        except PromptlabError:
            raise
        except Exception as exc:
            log.exception("the reader of %s failed", name)
            message = f"cannot be imported because of a fault in promptlab ({type(exc).__name__}: {exc})"
            raise FormatError(message, file=shown, hint="please report it, with the file if you can") from exc

    return guarded


__all__ = ["EXPORT_FORMATS", "IMPORT_FORMATS", "Format", "reader_for"]
