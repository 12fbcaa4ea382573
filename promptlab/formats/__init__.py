"""formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.formats._export import make_portable
    from promptlab.formats._export_job import ExportJob
    from promptlab.formats._home import workspace_view
    from promptlab.formats._import import (
        IMPORT_ENDINGS,
        conflicting_paths,
        files_to_write,
        guess_format,
        read_import,
        write_file,
        write_import,
    )
    from promptlab.formats._registry import EXPORT_FORMATS, IMPORT_FORMATS, reader_for
    from promptlab.formats._source import FieldOutcome, Imported, ImportFolders, Outcome, WorkspaceView, read_rows
    from promptlab.formats.openai import (
        batch_custom_id,
        batch_file,
        finetuning_file,
        preference_file,
        request_as_curl,
        request_as_json,
        request_as_python,
        template_from_request,
    )
    from promptlab.formats.promptfoo import write_promptfoo
    from promptlab.formats.prompty import write_prompty

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_ENDINGS",
    "IMPORT_FORMATS",
    "ExportJob",
    "FieldOutcome",
    "ImportFolders",
    "Imported",
    "Outcome",
    "WorkspaceView",
    "batch_custom_id",
    "batch_file",
    "conflicting_paths",
    "files_to_write",
    "finetuning_file",
    "guess_format",
    "make_portable",
    "preference_file",
    "read_import",
    "read_rows",
    "reader_for",
    "request_as_curl",
    "request_as_json",
    "request_as_python",
    "template_from_request",
    "workspace_view",
    "write_file",
    "write_import",
    "write_promptfoo",
    "write_prompty",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
