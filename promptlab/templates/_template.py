"""A template and its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from promptlab.documents import PassageChoice
from promptlab.examples import ShotChoice
from promptlab.types import Label, Params, sha256


@dataclass(frozen=True, slots=True)
class InputSpec:
    """An input that a template declares. If `default` is None it is required. `sample` is used in previews and
    checks."""

    type: Literal["string", "number", "boolean", "list", "object"] = "string"
    sample: Any = None
    default: Any = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template file. Its texts are Jinja, unchanged; `source` is the text of the whole file.

    `user` is the Jinja text of a user turn, for the question and for each shot. If it is None, a single input is the
    whole turn, and several inputs are lines `name: value`. If `layout` is None, the standard layout is used. `passages`
    maps documents of `context` to a choice of passages. `schema` is JSON Schema as JSON text, with the keys in the
    order of the author, because models answer in that order. `label` is the label of the file, so also of its text.
    """

    name: str
    path: str
    description: str = ""
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    instructions: str = ""
    output_format: str = ""
    user: str | None = None
    context: tuple[str, ...] = ()
    passages: Mapping[str, PassageChoice] = field(default_factory=dict)
    examples: ShotChoice | None = None
    schema: str | None = None
    params: Params = Params()  # noqa: RUF009  # frozen, so one can serve all
    layout: str | None = None
    label: Label = "public"
    source: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return sha256(self.source)
