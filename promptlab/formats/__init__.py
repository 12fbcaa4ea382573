"""formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.formats._export import outward
    from promptlab.formats._export_job import ExportJob
    from promptlab.formats._home import home
    from promptlab.formats._import import ENDINGS, files_of, guess, in_the_way, read, write_file
    from promptlab.formats._import import write as write_imported
    from promptlab.formats._registry import EXPORTS, IMPORTS, reader
    from promptlab.formats._source import Home, Imported, Loss, Places, What, rows_of
    from promptlab.formats.openai import (
        as_curl,
        as_json,
        as_python,
        batch,
        custom_id,
        preferences,
        template_text,
        training,
    )
    from promptlab.formats.promptfoo import write as write_promptfoo
    from promptlab.formats.prompty import write as write_prompty

__all__ = [
    "ENDINGS",
    "EXPORTS",
    "IMPORTS",
    "ExportJob",
    "Home",
    "Imported",
    "Loss",
    "Places",
    "What",
    "as_curl",
    "as_json",
    "as_python",
    "batch",
    "custom_id",
    "files_of",
    "guess",
    "home",
    "in_the_way",
    "outward",
    "preferences",
    "read",
    "reader",
    "rows_of",
    "template_text",
    "training",
    "write_file",
    "write_imported",
    "write_promptfoo",
    "write_prompty",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
