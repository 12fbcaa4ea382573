"""Inputs as Python has them: values, and files whose text is a value.

given(workspace, template, {"question": "Who won?"})
given(workspace, template, {"question": Path("private/question.txt")})   # labelled as the file is
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from promptlab import templates
from promptlab.errors import InputError
from promptlab.runs import Given
from promptlab.templates import Template
from promptlab.types import Label, Place, highest
from promptlab.workspace import Workspace


def given(
    workspace: Workspace,
    template: Template,
    values: Mapping[str, Any],
    *,
    texts: Mapping[str, str] = {},
    samples: bool = False,
) -> Given:
    """The inputs of `template` from `values`, with their label.

    A value is public, as typed text is. A `Path` stands for the text of that file, relative to the current folder;
    the inputs then have the label that promptlab.yaml gives to the file. `texts` are values as text, read as the
    types that the template declares. With `samples`, inputs without a value take their samples.

    Raises:
        TemplateError: the template has no such input, or a text is not of the input's type.
        InputError: a file cannot be read.
    """
    plain = {name: value for name, value in values.items() if not isinstance(value, Path)}
    as_text = dict(texts)
    labels: list[Label] = []
    places: dict[str, tuple[Place, ...]] = {}
    for name, path in values.items():
        if not isinstance(path, Path):
            continue
        try:
            as_text[name] = path.read_bytes().decode("utf-8")
            labels.append(workspace.label_of(str(path.absolute())))
            places[name] = tuple(Place(known) for known in workspace.names_of(path))
        except (OSError, ValueError) as exc:
            raise InputError(f"input `{name}` cannot be read from `{path}`: {exc}") from exc
    start = templates.sample_inputs(template) if samples else {}
    return Given({**start, **plain, **templates.inputs_from_text(template, as_text)}, highest(labels), places)
