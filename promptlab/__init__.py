"""promptlab: find out what each part of a prompt does, for each model, and whether it still works.

    import promptlab

    with promptlab.open() as lab:
        run = lab.compare("world-cup", {"question": "Who won?"}, models=["gemma-3-270m"])
        for result in run:
            print(result.model, result.text)

These are all the names that other programs may use; docs/python.md shows them at work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy
from promptlab._version import __version__

if TYPE_CHECKING:
    from promptlab.errors import (
        BackendError,
        GateRefused,
        InputError,
        ModelNotFound,
        ModelNotReady,
        PromptlabError,
        TemplateError,
        WindowExceeded,
        WorkspaceError,
    )
    from promptlab.lab import ItemResult, Lab, Preview, RunResults, Suite, SuiteResults, open
    from promptlab.models import Backend, RecordedBackend, ScriptedBackend
    from promptlab.templates import Template
    from promptlab.types import Completion, Document, Example, Message, Params, Prompt, Request, Result, Score, Span
    from promptlab.workspace import Workspace

__all__ = [
    "Backend",
    "BackendError",
    "Completion",
    "Document",
    "Example",
    "GateRefused",
    "InputError",
    "ItemResult",
    "Lab",
    "Message",
    "ModelNotFound",
    "ModelNotReady",
    "Params",
    "Preview",
    "Prompt",
    "PromptlabError",
    "RecordedBackend",
    "Request",
    "Result",
    "RunResults",
    "Score",
    "ScriptedBackend",
    "Span",
    "Suite",
    "SuiteResults",
    "Template",
    "TemplateError",
    "WindowExceeded",
    "Workspace",
    "WorkspaceError",
    "__version__",
    "open",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)


def __dir__() -> list[str]:
    return sorted(__all__)
