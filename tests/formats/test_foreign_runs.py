"""Results of promptfoo and logs of Inspect become runs: what was sent and answered, and nothing made up.

`foreign_runs/` holds files that promptfoo 0.121.20 (echo, and a provider that fails) and Inspect 0.3.285
(mockllm) wrote.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.errors import FormatError
from promptlab.formats import guess_format, read_import, write_import
from promptlab.formats._report import Imported
from promptlab.formats._workspace_view import ImportFolders
from promptlab.runs import Store, inputs_of_result, label_of_result
from promptlab.types import Params, Result
from promptlab.workspace import Workspace
from tools import oracles

FOLDER = Path(__file__).parent / "foreign_runs"
FILES = {"promptfoo.json": "promptfoo-results", "inspect.json": "inspect-log", "inspect.eval": "inspect-log"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "promptlab.yaml").write_text('labels: {"fixtures/recordings/**": confidential}\n')
    return Workspace.load(tmp_path)


def imported_of(name: str, content: bytes | None = None) -> Imported:
    return read_import(FILES[name], name, (FOLDER / name).read_bytes() if content is None else content)


def results_of(workspace: Workspace, imported: Imported) -> list[Result]:
    write_import(workspace, imported, "file", ImportFolders())
    with contextlib.closing(Store.of(workspace)) as store:
        return store.results(imported.runs[0].id)


def edited(name: str, change: Any) -> bytes:
    data = json.loads((FOLDER / name).read_bytes())
    change(data)
    return json.dumps(data).encode()


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_recognised_by_its_content(name: str) -> None:
    assert guess_format(f"some-{name}", (FOLDER / name).read_bytes()) == FILES[name]


def test_results_of_promptfoo(workspace: Workspace) -> None:
    imported = imported_of("promptfoo.json")
    results = results_of(workspace, imported)
    rows = json.loads((FOLDER / "promptfoo.json").read_bytes())["results"]["results"]
    assert len(results) == len(rows) == 8
    for result, row in zip(results, rows, strict=True):
        raw = row["prompt"]["raw"].replace("sk-abcdefghijklmnop123456", "***")
        assert result.request
        sent = [message.as_data() for message in result.request.messages]
        assert sent == (json.loads(raw) if raw.startswith("[") else [{"role": "user", "content": raw}])
        assert result.model == (row["provider"]["label"] or row["provider"]["id"])
        if row["failureReason"] == 2:
            assert (result.ok, result.error) == (False, "API error: 500 no")
            continue
        output = row["response"]["output"]
        text = output if isinstance(output, str) else json.dumps(output)
        assert result.text == text.replace("sk-abcdefghijklmnop123456", "***")
        assert result.seconds == row["latencyMs"] / 1000
        assert result.tokens.written == row["response"]["tokenUsage"]["completion"]
        assert result.completion
        assert result.completion.fingerprint == ""
        parts = row["gradingResult"].get("componentResults") or []
        assert [score.value for score in result.scores] == [float(part["score"]) for part in parts]
    assert {r.request.params for r in results if r.request and r.model == "patient echo"} == {Params(temperature=0.2)}
    assert {score.scorer for r in results for score in r.scores} == {"promptfoo:contains", "promptfoo:exact"}
    assert {r.case for r in results} == {"capital", "test 1"}


PROGRAM = """
import json, sys
from inspect_ai.log import read_eval_log, resolve_sample_attachments
rows = []
for sample in read_eval_log(sys.argv[1]).samples:
    sample = resolve_sample_attachments(sample, "full")
    asked = [event for event in sample.events if event.event == "model"][-1]
    config, usage = asked.config, sample.output.usage
    rows.append({
        "case": str(sample.id),
        "sent": [[message.role, message.text] for message in asked.input],
        "text": sample.output.completion,
        "error": sample.error.message if sample.error else "",
        "scores": {name: score.value for name, score in (sample.scores or {}).items()},
        "config": [config.temperature, config.max_tokens, config.seed],
        "stop": sample.output.choices and sample.output.stop_reason,
        "tokens": [usage.input_tokens, usage.input_tokens_cache_read, usage.output_tokens] if usage else None,
    })
print(json.dumps(rows))
"""


def of_inspect(path: Path) -> list[dict[str, Any]]:
    """What the reader of Inspect itself finds in a log."""
    rows: list[dict[str, Any]] = json.loads(oracles.run("inspect", PROGRAM, str(path)).splitlines()[-1])
    return rows


@pytest.mark.skipif(not oracles.installed("inspect"), reason="needs `make oracles`")
@pytest.mark.parametrize("name", ["inspect.json", "inspect.eval"])
def test_a_log_of_inspect_beside_inspect(name: str, workspace: Workspace) -> None:
    rows = of_inspect(FOLDER / name)
    results = results_of(workspace, imported_of(name))
    assert {result.case: 0 for result in results} == {row["case"]: 0 for row in rows}
    by_case = {(result.case, result.request.repeat): result for result in results if result.request}
    assert len(by_case) == len(results) == len(rows) == {"inspect.json": 4, "inspect.eval": 8}[name]
    for row in rows:
        result = by_case[row["case"], 0]
        assert result.request
        assert [[m.role, m.content] for m in result.request.messages] == row["sent"]
        params = result.request.params
        assert [params.temperature, params.max_tokens, params.seed] == row["config"]
        assert result.error == row["error"].replace("sk-abcdefghijklmnop123456", "***")
        if row["error"]:
            continue
        assert result.completion
        assert result.text == row["text"]
        assert [result.tokens.read, result.tokens.reused, result.tokens.written] == row["tokens"]
        assert result.completion.finish_reason == ("length" if row["stop"] == "max_tokens" else row["stop"])
        grades = {"C": 1.0, "I": 0.0}
        assert {s.scorer: s.value for s in result.scores} == {
            f"inspect:{k}": grades[v] for k, v in row["scores"].items()
        }


@pytest.mark.parametrize("name", FILES)
def test_a_run_says_that_it_was_asked_elsewhere(name: str, workspace: Workspace) -> None:
    imported = imported_of(name)
    results = results_of(workspace, imported)
    tool = "promptfoo 0.121.20" if "promptfoo" in name else "inspect 0.3.285"
    with contextlib.closing(Store.of(workspace)) as store:
        run = store.run(imported.runs[0].id)
        assert all(tool in store.fingerprint(result.request_id) for result in results)
    assert run.title.startswith("asked by")
    assert run.created < "2026-11-29"
    assert dict(run.origin.versions) == {"asked by": tool}
    assert (run.done, run.failed) == (len(results), len([r for r in results if not r.ok]))
    for result in results:
        assert label_of_result(workspace, result) == "confidential"
        said = result.completion.details["warnings"][0] if result.completion else result.hint
        assert f"answered in {tool}, not by promptlab" in said
        assert ("max_tokens" in said) == ("promptfoo" in name)  # Inspect names its parameters


@pytest.mark.parametrize("name", FILES)
def test_importing_twice_gives_one_run(name: str, workspace: Workspace) -> None:
    first, second = imported_of(name), imported_of(name)
    assert len(results_of(workspace, first)) == len(results_of(workspace, second))
    with contextlib.closing(Store.of(workspace)) as store:
        assert len(store.runs()) == 1


@pytest.mark.parametrize("name", FILES)
def test_keys_do_not_come_in(name: str, workspace: Workspace) -> None:
    imported = imported_of(name)
    results_of(workspace, imported)
    assert any(entry.field == "keys" for entry in imported.report.entries) == (name != "inspect.json")
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or b"sk-abc" not in path.read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_every_field_is_in_the_report(name: str) -> None:
    imported = imported_of(name)
    fields = {entry.field for entry in imported.report.entries}
    if name.endswith(".json"):
        data = json.loads((FOLDER / name).read_bytes())
        rows = data["samples"] if "samples" in data else data["results"]["results"]
        at = "samples.*" if "samples" in data else "results.results.*"
        for key in data:
            assert any(field == key or field.startswith(f"{key}.") for field in fields), key
        for key in {key for row in rows for key in row}:
            assert any(field == f"{at}.{key}" or field.startswith(f"{at}.{key}.") for field in fields), key
    assert all(entry.note or entry.what == "taken" for entry in imported.report.entries)


@pytest.mark.parametrize("name", ["promptfoo.json", "inspect.json"])
def test_a_run_becomes_cases_of_a_suite(name: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = imported_of(name)
    results = results_of(workspace, imported)
    monkeypatch.chdir(workspace.root)
    run, model = imported.runs[0].id, {"promptfoo.json": "patient echo", "inspect.json": "mockllm/model"}[name]
    done = CliRunner().invoke(cli, ["suite", "import-run", run, "--suite", "kept", "--model", model])
    assert done.exit_code == 0, done.output
    lines = (workspace.root / "fixtures/suites/kept.kept.jsonl").read_text().splitlines()
    asked = [result for result in results if result.model == model and result.ok]
    inputs = [inputs_of_result(r) for r in asked if r.request and len(r.request.messages) < 3]
    assert [json.loads(line)["inputs"] for line in lines] == inputs
    assert {json.loads(line)["label"] for line in lines} == {"confidential"}
    replayed = CliRunner().invoke(cli, ["suite", "replay", "kept"])
    assert replayed.exit_code == 0, replayed.output


def without_events(data: Any) -> None:
    for sample in data["samples"]:
        sample.pop("events"), sample.pop("events_data")


def with_parts(data: Any) -> None:
    sample = next(s for s in data["samples"] if s["id"] == "fr")
    part = {"type": "image", "image": "x.png"}
    pool = sample["events_data"]["messages"]
    pool[1]["content"] = [{"type": "text", "text": "What?"}, part]


def with_a_tool(data: Any) -> None:
    sample = next(s for s in data["samples"] if s["id"] == "fr")
    next(e for e in sample["events"] if e["event"] == "model")["tools"] = [{"name": "bash"}]


def with_many_values(data: Any) -> None:
    sample = next(s for s in data["samples"] if s["id"] == "fr")
    sample["scores"] = {
        "a": {"value": {"x": 1, "y": "P"}},
        "b": {"value": 7},
        "c": {"value": True},
        "d": {"value": [1]},
    }


def test_a_log_without_requests_has_the_messages_before_the_answer(workspace: Workspace) -> None:
    plain = results_of(workspace, imported_of("inspect.json"))
    bare = results_of(workspace, imported_of("inspect.json", edited("inspect.json", without_events)))
    assert [r.request.messages for r in bare if r.request] == [r.request.messages for r in plain if r.request]
    assert all("temperature" in r.completion.details["warnings"][0] for r in bare if r.completion)


def test_the_request_of_a_grader_is_not_the_question(workspace: Workspace) -> None:
    """`graded.json`: Inspect asks a grader after the answer, also with mockllm."""
    imported = read_import("inspect-log", "graded.json", (FOLDER / "graded.json").read_bytes())
    (result,) = results_of(workspace, imported)
    assert result.request
    assert result.model == "mockllm/model"
    assert result.request.messages[-1].content.rstrip().endswith("Q?")
    assert result.completion
    assert (result.text, result.completion.thinking) == ("It is T.", "I think")
    assert [(score.scorer, score.value) for score in result.scores] == [("inspect:model_graded_qa", 1.0)]
    (note,) = [entry.note for entry in imported.report.entries if entry.field == "samples.0.events"]
    assert "2 requests" in note


def test_an_output_that_no_request_gave_has_the_messages_before_it() -> None:
    def replaced(data: Any) -> None:
        for sample in data["samples"]:
            message = {"role": "assistant", "content": "by hand", "id": "new"}
            sample["output"]["choices"][0]["message"] = sample["messages"][-1] = message

    imported = imported_of("inspect.json", edited("inspect.json", replaced))
    plain = imported_of("inspect.json").runs[0].answers
    assert {answer.text for answer in imported.runs[0].answers} == {"by hand"}
    assert [answer.messages for answer in imported.runs[0].answers] == [answer.messages for answer in plain]
    assert [dict(answer.known) for answer in imported.runs[0].answers] == [{}] * 4
    assert sum(entry.field.endswith(".events") and "no request" in entry.note for entry in imported.report.entries) == 4


@pytest.mark.parametrize("change", [with_parts, with_a_tool])
def test_what_cannot_be_said_is_left_out_and_named(change: Any, workspace: Workspace) -> None:
    imported = imported_of("inspect.json", edited("inspect.json", change))
    assert "fr" not in {result.case for result in results_of(workspace, imported)}
    assert [e.field.startswith("samples.") for e in imported.report.entries if "left out" in e.note] == [True]


def test_scores_that_are_no_share_are_named(workspace: Workspace) -> None:
    imported = imported_of("inspect.json", edited("inspect.json", with_many_values))
    (result,) = [r for r in results_of(workspace, imported) if r.case == "fr"]
    scores = {s.scorer: s.value for s in result.scores}
    assert scores == {"inspect:a.x": 1.0, "inspect:a.y": 0.5, "inspect:c": 1.0}
    lost = {e.field.rpartition(".")[2] for e in imported.report.of("not understood") if "no score" in e.note}
    assert lost == {"b", "d"}


def test_results_without_a_reason_of_failure(workspace: Workspace) -> None:
    """As older versions of promptfoo write them, with nothing where a value may be missing."""

    def older(data: Any) -> None:
        for row in data["results"]["results"]:
            del row["failureReason"]
            row["testCase"] = row["gradingResult"] = row["prompt"]["config"] = None
            row["provider"] = row["provider"]["id"]
            row["response"] |= {"tokenUsage": None, "cached": None}
        data["results"]["results"][0]["response"] = None

    results = results_of(workspace, imported_of("promptfoo.json", edited("promptfoo.json", older)))
    assert [result.ok for result in results] == [False, False, *[True] * 6]
    assert {result.error for result in results if not result.ok} == {"API error: 500 no"}
    assert {result.tokens.read for result in results} == {None}
    assert {result.model for result in results} == {"echo", "broken-one"}


def test_an_output_that_was_transformed_is_named() -> None:
    def transformed(data: Any) -> None:
        data["results"]["results"][2]["testCase"]["options"] = {"transform": "output.trim()"}

    imported = imported_of("promptfoo.json", edited("promptfoo.json", transformed))
    named = [e.field for e in imported.report.entries if "transform" in e.note]
    assert named == ["results.results.2.response.output"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("promptfoo.json", b"{"),
        ("promptfoo.json", b'{"results": []}'),
        ("promptfoo.json", b'{"results": {"results": [{"prompt": {}}]}}'),
        ("promptfoo.json", b"[" * 5000),
        ("inspect.json", b'{"samples": []}'),
        ("inspect.json", b'{"eval": {}}'),
        ("inspect.eval", b"PK\x03\x04 not a zip file"),
        ("inspect.eval", (FOLDER / "inspect.eval").read_bytes()[:9000]),
    ],
)
def test_a_file_that_is_none_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(FormatError):
        imported_of(name, content)
