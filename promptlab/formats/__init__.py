"""Formats: files of other tools become templates and pools (import), and templates become files of theirs (export).

    from promptlab import formats
    from promptlab.workspace import Workspace

    workspace, folders = Workspace.find(), formats.ImportFolders()
    content = Path("promptfooconfig.yaml").read_bytes()
    name = formats.guess_format("promptfooconfig.yaml", content)                           # "promptfoo"
    imported = formats.read_import(name, "promptfooconfig.yaml", content, folders)         # nothing is written yet
    imported.report.entries                                                                # what became of each field
    formats.write_import(workspace, imported, "promptfooconfig.yaml", folders)             # the paths written

    formats.ExportJob(workspace, ["world-cup"]).export("prompty").text

`IMPORT_FORMATS` and `EXPORT_FORMATS` list the formats. Nothing that a foreign file holds is ever run or fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.formats._export import make_portable
    from promptlab.formats._export_job import Exported, ExportJob
    from promptlab.formats._export_rows import ExportRow
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
    from promptlab.formats._report import FieldOutcome, Imported, Outcome
    from promptlab.formats._workspace_view import ImportFolders, workspace_view
    from promptlab.formats._write_prompts import NAMING_MODELS, write_prompts
    from promptlab.formats.code import request_as_curl, request_as_python
    from promptlab.formats.openai import (
        request_as_json,
        template_from_request,
    )
    from promptlab.formats.trainers import PAIR_FORMATS, ROW_FORMATS

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_ENDINGS",
    "IMPORT_FORMATS",
    "NAMING_MODELS",
    "PAIR_FORMATS",
    "ROW_FORMATS",
    "ExportJob",
    "ExportRow",
    "Exported",
    "FieldOutcome",
    "ImportFolders",
    "Imported",
    "Outcome",
    "conflicting_paths",
    "files_to_write",
    "guess_format",
    "make_portable",
    "read_import",
    "reader_for",
    "request_as_curl",
    "request_as_json",
    "request_as_python",
    "template_from_request",
    "workspace_view",
    "write_file",
    "write_import",
    "write_prompts",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
