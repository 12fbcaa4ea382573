"""Imports the folder of a prompt flow: `flow.dag.yaml`, and the `.jinja2` file of each node that asks a model.

    inputs: {question: {type: string, default: Who won?}}
    nodes:
      - {name: ask, type: llm, source: {type: code, path: ask.jinja2}, api: chat,
         inputs: {temperature: 0, question: "${inputs.question}"}}

Each such node, and each variant of it, becomes a template. How nodes feed each other is not carried over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats._prompty_turns import PROMPT_FLOW, Turns, read_turns
from promptlab.formats._python_prints import NOTE, python_prints, values_by_foreign_name
from promptlab.formats._report import Imported, Outcome
from promptlab.formats._sample_data import input_type_of
from promptlab.formats._source import Fields, Source, file_beside, read_bytes, read_source, read_source_text, slug
from promptlab.formats._template_builder import Draft, template_param
from promptlab.formats._workspace_view import ImportFolders

_REFERENCE = re.compile(r"^\$\{(?P<node>[\w-]+)\.(?P<what>[\w.-]+)\}$")
_SERVICE = ("deployment_name", "model", "connection", "endpoint_name")
_TYPES = {
    "string": "string",
    "int": "number",
    "double": "number",
    "bool": "boolean",
    "list": "list",
    "object": "object",
}


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a flow. Raises `FormatError` if the file has no `nodes`, or none of them asks a model."""
    source = read_source(path, shown)
    data = source.data if isinstance(source.data, Mapping) else {}
    if not isinstance(data.get("nodes"), list):
        raise FormatError("not a prompt flow: it has no list of `nodes`", file=shown, line=1)
    imported = Imported(slug(path.parent.name if path.name == "flow.dag.yaml" else path.stem), read_bytes(path, shown))
    fields = Fields(source, imported.report, data)
    fields.named.update(("nodes", "node_variants", "inputs", "$schema"))
    inputs = data.get("inputs")
    flow = _Flow(source, imported, places, inputs if isinstance(inputs, Mapping) else {})
    for node in _nodes(data):
        flow.node(node)
    for name in flow.inputs:
        imported.report.add(f"inputs.{name}", "translated", source.line(("inputs", name)), "inputs of the templates")
    fields.drop("outputs", "the answer is the output here")
    fields.rest()
    if not imported.files:
        raise FormatError("no node of the flow asks a model with a template", file=shown, line=source.line(("nodes",)))
    return imported


@dataclass(frozen=True)
class _Node:
    """A node, or a variant of one: its name, its data, and where the file has it."""

    name: str
    data: Mapping[str, Any]
    at: tuple[str | int, ...]


def _nodes(data: Mapping[str, Any]) -> Iterator[_Node]:
    """Every node; one with variants once for each of them."""
    variants = data.get("node_variants")
    for number, node in enumerate(data["nodes"]):
        if not isinstance(node, Mapping):
            continue
        name = str(node.get("name") or number)
        of_node = variants.get(name) if isinstance(variants, Mapping) else None
        listed = of_node.get("variants") if isinstance(of_node, Mapping) else None
        if not (node.get("use_variants") and isinstance(listed, Mapping)):
            yield _Node(name, node, ("nodes", number))
            continue
        chosen = of_node.get("default_variant_id") if isinstance(of_node, Mapping) else None
        for key, variant in listed.items():
            inner = variant.get("node") if isinstance(variant, Mapping) else None
            own = name if key == chosen else f"{name}-{key}"
            if isinstance(inner, Mapping):
                yield _Node(own, inner, ("node_variants", name, "variants", key))


@dataclass
class _Flow:
    source: Source
    imported: Imported
    places: ImportFolders
    inputs: Mapping[str, Any]

    def node(self, node: _Node) -> None:
        """Import a node that asks a model; report any other."""
        report, where, line = self.imported.report, ".".join(map(str, node.at)), self.source.line(node.at)
        if node.data.get("type") != "llm":
            kind = node.data.get("type")
            report.add(
                where,
                "not understood",
                line,
                f"`{node.name}` is a node of the type `{kind}`; only `llm` nodes are prompts",
            )
            return
        try:
            text, shown = self._text(node)
            turns = read_turns(text, version=PROMPT_FLOW)
            target = f"{self.places.templates}/{slug(self.imported.name)}-{slug(node.name)}.yaml"
            self.imported.add(target, self._template(node, text, turns, target))
        except FormatError as exc:
            place = f" (line {exc.line} of {node.name})" if exc.line else ""
            report.add(where, "not understood", line, exc.what + place)
            return
        chat = node.data.get("api", "chat") == "chat"
        for number, note in dict.fromkeys(turns.notes):
            if chat or "without role lines" not in note:
                what: Outcome = "not understood" if "left out" in note else "translated"
                report.add(f"{where}: {shown}, line {number}", what, line, note)
        if not chat:
            note = "a completion: its text is the user turn of a chat here"
            report.add(where, "translated", line, note)
        else:
            report.add(
                where, "translated" if turns.notes or turns.layout else "taken", line, f"the template {slug(node.name)}"
            )

    def _text(self, node: _Node) -> tuple[str, str]:
        source = node.data.get("source")
        path = source.get("path") if isinstance(source, Mapping) else None
        if not isinstance(path, str):
            raise FormatError("the node names no file with a template")
        full = file_beside(self.source.path, path)
        if full is None or not full.is_file():
            raise FormatError(f"there is no file `{path}` inside the folder of the flow")
        return read_source_text(full, path), path

    def _template(self, node: _Node, body: str, turns: Turns, target: str) -> str:
        draft = Draft(f"{node.name} of the prompt flow {self.imported.name}")
        if turns.layout is None:
            draft.messages(turns.messages)
        else:
            draft.set_layout(turns.layout)
        given = node.data.get("inputs")
        for key, value in given.items() if isinstance(given, Mapping) else ():
            self._input(node, draft, str(key), value)
        text = draft.text(target)
        turns.notes += [(line, NOTE) for line in python_prints(body, values_by_foreign_name(draft))]
        return text

    def _input(self, node: _Node, draft: Draft, key: str, value: Any) -> None:
        """An input of a node: a parameter of the model, or the value of a variable of its template."""
        report, at = self.imported.report, (*node.at, "inputs", key)
        where, line = ".".join(map(str, at)), self.source.line(at)
        own = template_param(key, value)
        name = draft.renamed.get(key, key)
        if own:
            draft.params[own[0]] = own[1]
            report.add(where, "taken", line)
        elif name in draft.inputs:
            reference = _REFERENCE.match(value) if isinstance(value, str) else None
            spec = self.inputs.get(reference["what"]) if reference and reference["node"] == "inputs" else None
            if reference is None:
                draft.inputs[name].update(sample=value, type=input_type_of(value))
                report.add(where, "taken", line)
            elif isinstance(spec, Mapping):
                kind = _TYPES.get(str(spec.get("type")))
                default = spec.get("default")
                draft.inputs[name].update({"type": kind} if kind else {})
                draft.inputs[name].update({"sample": default} if default is not None else {})
                made_up = "" if default is not None else "; it has no default, so the sample is made up"
                report.add(where, "translated", line, f"the input of the flow{made_up}")
            else:
                note = f"`{value}` comes from another node; here it is an input, with a made-up sample"
                report.add(where, "not understood", line, note)
        elif key in _SERVICE:
            report.add(where, "not understood", line, "which model to ask is in promptlab.yaml here")
        elif value not in (None, ""):
            report.add(where, "not understood", line, "neither a parameter nor a variable of the template")
