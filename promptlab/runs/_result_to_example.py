"""A result as a worked example: its question with the right answer, added to a pool.

add_example_from_result(workspace, "fixtures/examples/world-cup.jsonl", result, "Qatar")
"""

from __future__ import annotations

from collections.abc import Mapping

from promptlab import examples
from promptlab.errors import ExampleError
from promptlab.types import Example, Label, Result, highest, sha256
from promptlab.workspace import Labels, Workspace, places_of_prompt


def add_example_from_result(
    workspace: Workspace,
    path: str,
    result: Result,
    output: str,
    *,
    inputs: Mapping[str, str] | None = None,
    tags: tuple[str, ...] = (),
    label: Label = "public",
) -> Example:
    """Add the question of `result` to the pool with `output`, the right answer, and return the example.

    Its id is made from the inputs: if the same question is added again, its output is replaced. Its label is the
    highest of all text that went into the answer, or `label` if that is higher. `inputs` are read back from the
    request unless they are given. Raises `ExampleError` if the template changed them on the way, so that they cannot
    be read back, and if the pool has the question under another id.
    """
    if not output.strip():
        raise ExampleError("the right answer is empty", file=path)
    values = dict(inputs) if inputs is not None else inputs_of_result(result)
    least = highest([workspace.label_of(path), label_of_result(workspace, result), label])
    origins = places_of_prompt(result.request.prompt if result.request else None)
    example = Example(examples.example_id(values, "answer"), values, output, tags, least, origins)
    return examples.add_or_replace_example(workspace, path, example)


def label_of_result(workspace: Workspace, result: Result) -> Label:
    """The highest label of all text that went into an answer: as it is now, or as it was when the answer was given."""
    return Labels(workspace).of_prompt(result.request.prompt if result.request else None)


def inputs_of_result(result: Result) -> dict[str, str]:
    """The inputs of a result, read back from its request and checked by their hashes."""
    if result.request is None:
        raise ExampleError("this result has no request to read the inputs from", hint="give the inputs")
    inputs: dict[str, str] = {}
    texts = result.request.prompt.texts()
    for source in result.request.prompt.sources:
        if source.section != "input":
            continue
        pieces = [text for span, text in texts if span.section == "input" and span.source == source.name]
        whole = next((text for text in (*pieces, "".join(pieces)) if sha256(text) == source.sha256), None)
        if whole is None:
            message = f"the input `{source.name}` of this result does not stand in its prompt as it was given"
            raise ExampleError(message, hint="give the inputs")
        inputs[source.name] = whole
    if not inputs:
        raise ExampleError("this result was asked without inputs", hint="give the inputs")
    return inputs
