"""Whether something is a JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from promptlab.words import clipped


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong with a schema, and where in it."""

    message: str
    path: tuple[str | int, ...] = ()


def problem_of(schema: Any) -> SchemaProblem | None:
    """What keeps `schema`, as plain data, from being a JSON Schema (2020-12); None where nothing does."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no stubs
    from jsonschema.exceptions import SchemaError  # type: ignore[import-untyped]  # it has no stubs

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as exc:
        return SchemaProblem(f"not a JSON Schema: {clipped(exc.message, 200)}", tuple(exc.absolute_path))
    except RecursionError:
        return SchemaProblem("nested too deeply")
    return None
