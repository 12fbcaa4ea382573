"""No schema, from whichever file, has anything fetched: neither over HTTP nor from a file."""

from __future__ import annotations

import ast
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from promptlab._util import json_schema
from promptlab.errors import PromptlabError
from promptlab.models import _structured_output as structured
from promptlab.models._llama import _grammar as llama_grammar
from promptlab.models._openai import _schema as openai_schema
from promptlab.scorers import _registry as scorers
from promptlab.server._request import chat_request
from promptlab.templates import _load as templates
from promptlab.types import Completion
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.places import PACKAGE


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that gives a schema everything is valid under, and the paths it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def schemas(base: str) -> dict[str, dict[str, Any]]:
    draft = "https://json-schema.org/draft"
    return {
        "$ref": {"$ref": f"{base}/a.json"},
        "with a fragment": {"type": "object", "properties": {"a": {"$ref": f"{base}/a.json#/$defs/b"}}},
        "relative to $id": {"$id": f"{base}/", "properties": {"a": {"$ref": "a.json"}}},
        "$dynamicRef": {"properties": {"a": {"$dynamicRef": f"{base}/a.json#x"}}},
        "$recursiveRef": {"$schema": f"{draft}/2019-09/schema", "properties": {"a": {"$recursiveRef": f"{base}/a"}}},
        "$schema": {"$schema": f"{base}/meta.json", "type": "object"},
        "draft 7": {"$schema": "http://json-schema.org/draft-07/schema#", "items": {"$ref": f"{base}/a.json"}},
        "draft 4 id": {"$schema": "http://json-schema.org/draft-04/schema#", "id": base, "not": {"$ref": "a.json"}},
        "behind a definition": {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": f"{base}/a.json"}}}},
        "in an unknown keyword": {"x-more": {"$ref": f"{base}/a.json"}, "type": "object"},
    }


def score(schema: dict[str, Any], workspace: Workspace) -> None:
    scorers.build_scorer(scorers.scorer_spec({"json_schema": {"schema": schema}}), workspace)('{"a": 1}', None)


def serve(schema: dict[str, Any], _: Workspace) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    chat_request({"model": "m", "messages": [{"role": "user", "content": "a"}], "response_format": form}, ["m"])


ROADS: dict[str, Callable[[dict[str, Any], Workspace], Any]] = {
    "problem_of": lambda schema, _: json_schema.problem_of(schema),
    "verdict": lambda schema, _: json_schema.validate(json.dumps(schema), '{"a": [1]}'),
    "errors": lambda schema, _: json_schema.validation_errors(json.dumps(schema), '{"a": [1]}'),
    "an answer": lambda schema, _: structured.with_schema_verdict(Completion(text='{"a": 1}'), json.dumps(schema)),
    "before asking": lambda schema, _: structured.check_schema(json.dumps(schema)),
    "json_schema": score,
    "json_schema: expected": lambda schema, workspace: scorers.build_scorer(
        scorers.scorer_spec("json_schema"), workspace
    )('{"a": 1}', schema),
    "a template": lambda schema, _: templates.parse(
        TEMPLATE + f"schema: {json.dumps(schema)}\n", path="templates/cup.yaml"
    ),
    "serve": serve,
    "a local model": lambda schema, _: llama_grammar.grammar_of(json.dumps(schema)),
    "an API": lambda schema, _: openai_schema.sent(json.dumps(schema)),
}
"""Every road on which a schema of a file or a request is read."""


@pytest.mark.parametrize("road", ROADS)
def test_nothing_is_asked_for(road: str, workspace: Workspace, asked: tuple[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    for base in (asked[0], tmp_path.as_uri()):
        for schema in schemas(base).values():
            with contextlib.suppress(PromptlabError):
                ROADS[road](schema, workspace)
    assert asked[1] == []


@pytest.mark.parametrize(
    "name", [name for name in schemas("") if name not in ("$schema", "$recursiveRef", "in an unknown keyword")]
)
def test_an_answer_under_what_is_elsewhere_is_never_right(
    name: str, workspace: Workspace, asked: tuple[str, list[str]], tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}")
    for base in (asked[0], tmp_path.as_uri()):
        schema = schemas(base)[name]
        answer = "[[1]]" if name in ("draft 7", "draft 4 id", "behind a definition") else '{"a": 1}'
        assert not json_schema.validate(json.dumps(schema), answer).valid
        with pytest.raises(PromptlabError):
            scorers.build_scorer(scorers.scorer_spec({"json_schema": {"schema": schema}}), workspace)(answer, None)


def test_validators_are_made_in_one_place() -> None:
    makers = {"Draft202012Validator", "validator_for", "validate", "RefResolver"}
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("jsonschema"):
                found |= {path.name for alias in node.names if alias.name in makers}
    assert found == {"json_schema.py"}
