"""Templates: YAML files that describe a prompt. They are found, parsed, rendered, checked, edited and listed here.

from promptlab import templates
from promptlab.workspace import Workspace

workspace = Workspace.find()
template = templates.load(workspace, "world-cup")
templates.sample_inputs(template)                                  # {"question": "Who won ...?"}
prompt = templates.render_with_samples(workspace, template)        # a Prompt: messages and spans
templates.check_template(workspace, template.path)                 # (), or the problems with their lines
templates.edit_template(template.source, {"params.temperature": 0.7}, path=template.path)   # the new text
templates.TemplateIndex(workspace).entries()                       # the list, with the last commit of each file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.templates._change_summary import commit_message, describe_changes
    from promptlab.templates._check import TemplateProblem, check_template
    from promptlab.templates._edit import context_with_passages, edit_template, new_template
    from promptlab.templates._fields import apply_changes, apply_valid_changes, field_values, set_field
    from promptlab.templates._file_schema import ParamsModel, params_with
    from promptlab.templates._index import (
        TemplateEntry,
        TemplateIndex,
        entry_as_json,
        templates_by_document,
        templates_by_pool,
    )
    from promptlab.templates._inputs import (
        EMPTY_DEFAULTS,
        escape_jinja,
        is_input_name,
        rename_input,
        set_input_type,
        unused_input_name,
    )
    from promptlab.templates._inputs_of_texts import (
        TextEdit,
        edit_text,
        is_valid_text,
        standard_user_turn,
        text_inputs,
        unused_inputs,
    )
    from promptlab.templates._jinja import STANDARD_LAYOUT, compile_text
    from promptlab.templates._jinja_environment import JINJA_ENVIRONMENT
    from promptlab.templates._jinja_rewrite import LayoutProblem
    from promptlab.templates._limits import RenderLimits
    from promptlab.templates._load import (
        TEMPLATES_FOLDER,
        file_schema,
        inputs_from_text,
        load,
        parse,
        render,
        sample_inputs,
        template_paths,
        with_defaults,
    )
    from promptlab.templates._materials import Materials, MaterialsReader, load_materials, render_with_samples
    from promptlab.templates._new import checked_copy, new_template_path, standard_template, template_from_prompt
    from promptlab.templates._parse import LAYOUT_NAMES, TEXT_FIELDS, type_problem
    from promptlab.templates._pasted_inputs import PastedRow, pasted_inputs
    from promptlab.templates._sandbox import ALLOWED_ATTRIBUTES, ALLOWED_TEXT_METHODS
    from promptlab.templates._schema_rows import (
        FIELD_TYPES,
        NEW_SCHEMA,
        OTHER_TYPE,
        SchemaRow,
        add_row,
        change_row,
        move_row_up,
        remove_row,
        schema_rows,
        schema_with_rows,
    )
    from promptlab.templates._template import InputSpec, Template

__all__ = [
    "ALLOWED_ATTRIBUTES",
    "ALLOWED_TEXT_METHODS",
    "EMPTY_DEFAULTS",
    "FIELD_TYPES",
    "JINJA_ENVIRONMENT",
    "LAYOUT_NAMES",
    "NEW_SCHEMA",
    "OTHER_TYPE",
    "STANDARD_LAYOUT",
    "TEMPLATES_FOLDER",
    "TEXT_FIELDS",
    "InputSpec",
    "LayoutProblem",
    "Materials",
    "MaterialsReader",
    "ParamsModel",
    "PastedRow",
    "RenderLimits",
    "SchemaRow",
    "Template",
    "TemplateEntry",
    "TemplateIndex",
    "TemplateProblem",
    "TextEdit",
    "add_row",
    "apply_changes",
    "apply_valid_changes",
    "change_row",
    "check_template",
    "checked_copy",
    "commit_message",
    "compile_text",
    "context_with_passages",
    "describe_changes",
    "edit_template",
    "edit_text",
    "entry_as_json",
    "escape_jinja",
    "field_values",
    "file_schema",
    "inputs_from_text",
    "is_input_name",
    "is_valid_text",
    "load",
    "load_materials",
    "move_row_up",
    "new_template",
    "new_template_path",
    "params_with",
    "parse",
    "pasted_inputs",
    "remove_row",
    "rename_input",
    "render",
    "render_with_samples",
    "sample_inputs",
    "schema_rows",
    "schema_with_rows",
    "set_field",
    "set_input_type",
    "standard_template",
    "standard_user_turn",
    "template_from_prompt",
    "template_paths",
    "templates_by_document",
    "templates_by_pool",
    "text_inputs",
    "type_problem",
    "unused_input_name",
    "unused_inputs",
    "with_defaults",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
