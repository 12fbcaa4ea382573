"""Writes portable prompts as the file of another tool.

write_prompts([make_portable(template)], "langfuse", {"gpt": model})    # the text of the file
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from promptlab.formats._export import PortablePrompt
from promptlab.formats.dotprompt_export import write_dotprompt
from promptlab.formats.github_models import write_github_models
from promptlab.formats.langfuse import write_langfuse
from promptlab.formats.promptfoo_export import write_promptfoo
from promptlab.formats.prompty_export import write_prompty
from promptlab.workspace import OpenAIModel

NAMING_MODELS = ("promptfoo", "langfuse", "github-models", "dotprompt")
"""Formats that name the models to ask."""

PROMPT_FORMATS = ("promptfoo", "prompty", "prompty-2", "langfuse", "github-models", "dotprompt")
"""Formats that hold a prompt with its variables, and not a request."""


def write_prompts(exports: Sequence[PortablePrompt], format_: str, models: Mapping[str, OpenAIModel]) -> str:
    """`exports` in `format_`, one of `PROMPT_FORMATS`; all but promptfoo hold the first of them only.

    `models` are those that the file names; all but promptfoo name the first.
    """
    first, model = exports[0], next((model.model for model in models.values()), "")
    if format_ == "promptfoo":
        return write_promptfoo(exports, models)
    if format_ == "langfuse":
        return write_langfuse(first, model)
    if format_ == "github-models":
        return write_github_models(first, model)
    if format_ == "dotprompt":
        return write_dotprompt(first, model)
    return write_prompty(first, version=2 if format_ == "prompty-2" else 1)
