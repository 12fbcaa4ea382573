"""templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.templates._change_summary import changes, message
    from promptlab.templates._check import Problem, check
    from promptlab.templates._edit import edit, new, with_passages
    from promptlab.templates._fields import edited, edited_as_far_as_possible, values, with_field
    from promptlab.templates._index import Entry, Listing, as_json, documents_and_users, pools_and_users
    from promptlab.templates._inputs import EMPTY, free, is_input, literal, of_type, renamed
    from promptlab.templates._jinja import ENVIRONMENT, STANDARD, compile_text
    from promptlab.templates._jinja_rewrite import LayoutProblem
    from promptlab.templates._load import (
        FOLDER,
        file_schema,
        inputs_from_text,
        load,
        names,
        parse,
        render,
        sample_inputs,
    )
    from promptlab.templates._materials import Filler, Materials, materials, rendered
    from promptlab.templates._new import copy, path_of, plain_text, standard
    from promptlab.templates._parse import LAYOUT_NAMES, TAKEN_NAMES, TEXTS, ParamsModel, params_with, type_problem
    from promptlab.templates._sandbox import ATTRIBUTES, TEXT_METHODS
    from promptlab.templates._schema_rows import (
        NEW,
        OTHER,
        TYPES,
        Row,
        added,
        changed,
        moved_up,
        removed,
        rows_of,
        with_rows,
    )
    from promptlab.templates._tracked_text import Limits

__all__ = [
    "ATTRIBUTES",
    "EMPTY",
    "ENVIRONMENT",
    "FOLDER",
    "LAYOUT_NAMES",
    "NEW",
    "OTHER",
    "STANDARD",
    "TAKEN_NAMES",
    "TEXTS",
    "TEXT_METHODS",
    "TYPES",
    "Entry",
    "Filler",
    "LayoutProblem",
    "Limits",
    "Listing",
    "Materials",
    "ParamsModel",
    "Problem",
    "Row",
    "added",
    "as_json",
    "changed",
    "changes",
    "check",
    "compile_text",
    "copy",
    "documents_and_users",
    "edit",
    "edited",
    "edited_as_far_as_possible",
    "file_schema",
    "free",
    "inputs_from_text",
    "is_input",
    "literal",
    "load",
    "materials",
    "message",
    "moved_up",
    "names",
    "new",
    "of_type",
    "params_with",
    "parse",
    "path_of",
    "plain_text",
    "pools_and_users",
    "removed",
    "renamed",
    "render",
    "rendered",
    "rows_of",
    "sample_inputs",
    "standard",
    "type_problem",
    "values",
    "with_field",
    "with_passages",
    "with_rows",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
