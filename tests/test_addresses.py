"""User, password and query of a `base_url` are shown and stored nowhere: every place that names a server is walked.

Places: errors of the address itself and of promptlab.yaml, what servers say in errors, exports (file, terminal,
browser), imports (line for promptlab.yaml, report, kept original), the models page and list, the run history, the
suite log, recordings, reports.
"""

from __future__ import annotations

import base64
import html
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.formats._import import files_to_write, read_import
from promptlab.formats._without_keys import without_keys
from promptlab.formats._workspace_view import ImportFolders
from promptlab.workspace._workspace import Workspace
from tests.loopback import LoopbackServer, Received, Reply, page, status, stream

USER, PASSWORD, QUERY = "ada", "pä/ss XPASS+1", "q+q XQUERY&z"
LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"
ASKED = f"k={quote(QUERY, safe='')}&XFLAG"
WORDS = ("XPASS", "XQUERY", "XFLAG", base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


def hidden(text: str | bytes) -> bool:
    """Whether no secret is in it."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return not any(word.encode() in data for word in WORDS)


def address(server: LoopbackServer) -> str:
    return server.url.replace("://", f"://{LOGIN}@") + f"?{ASKED}"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(stream("Argentina")) as one:
        yield one


@pytest.fixture
def home(
    make_workspace: Callable[..., Workspace], server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    entry = f'{{backend: openai, model: m, base_url: "{address(server)}", max_retries: 0, window: 9000}}'
    suite = "template: cup\nmodels: [rec]\nscorers: [contains]\ncases:\n"
    suite += "  - {id: a, inputs: {question: Who?}, expected: A}\n"
    workspace = make_workspace(f"models:\n  rec: {entry}\n", {"fixtures/suites/s.yaml": suite})
    monkeypatch.chdir(workspace.root)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return workspace


def said(*words: str) -> str:
    """Everything a command shows, its error included."""
    done = CliRunner().invoke(cli, words)
    return f"{done.output}{done.stderr}{done.exception or ''}{getattr(done.exception, 'hint', '')}"


def echo(request: Received) -> Reply:
    return status(
        400, f"no: {address_of(request)} {request.path} {request.headers.get('authorization')} {PASSWORD} {QUERY}"
    )


def address_of(request: Received) -> str:
    return f"http://{LOGIN}@{request.headers['host']}{request.path}"


BAD: dict[str, Reply | Callable[[Received], Reply]] = {
    "echo": echo,
    "decoded": status(500, f"{USER}:{PASSWORD} asked ?k={QUERY}"),
    "form": status(404, f"{quote(PASSWORD)} k={QUERY.replace(' ', '+')} {ASKED}"),
    "json": page(json.dumps(f"{PASSWORD} {QUERY}"), 500, "text/plain"),
    "html": page(html.escape(f"{PASSWORD} {QUERY}"), 500, "text/plain"),
    "encoded twice": status(500, f"{quote(quote(PASSWORD))} {quote(quote(QUERY))}"),
    "redirect": page("", 307, location=f"http://{LOGIN}@127.0.0.1:1/v1?{ASKED}"),
    "page": page(f"<html>{LOGIN} {ASKED}"),
    "not json": page(f"{LOGIN} {ASKED}", 502, "text/plain"),
}


@pytest.mark.parametrize("reply", BAD.values(), ids=BAD)
def test_what_a_server_says_is_shown_and_stored_without_them(
    home: Workspace, server: LoopbackServer, reply: Reply | Callable[[Received], Reply]
) -> None:
    server.default = reply
    shown = said("compare", "cup", "-m", "rec", "--set", "question=Who?") + said("suite", "record", "s")
    assert server.count == 2, shown
    assert "rec" in shown
    assert hidden(shown)
    assert everything_stored_is_clean(home) > 0


def everything_stored_is_clean(home: Workspace) -> int:
    """How many files were looked at; the workspace's own promptlab.yaml has the address and is left out."""
    files = [path for path in home.root.rglob("*") if path.is_file() and path.name != "promptlab.yaml"]
    for path in files:
        assert hidden(path.read_bytes()), path
    return len(files)


def test_no_database_recording_or_report_has_them(home: Workspace, server: LoopbackServer) -> None:
    shown = said("compare", "cup", "-m", "rec", "--set", "question=Who?")
    for words in (
        ("record", "s"),
        ("rerun", "s"),
        ("show", "s"),
        ("report", "s", "-o", "report.html"),
        ("replay", "s"),
    ):
        shown += said("suite", *words)
    shown += said("models") + said("models", "--json") + said("runs")
    assert server.requests
    assert all(one.path.endswith(f"?{ASKED}") for one in server.requests if "chat" in one.path)
    assert hidden(shown)
    names = {path.name for path in home.root.rglob("*")}
    assert {"runs.sqlite", "suites.sqlite"} <= names
    assert everything_stored_is_clean(home) > 3


@pytest.mark.parametrize(
    "text",
    [
        'models: {a: {backend: openai, model: m, base_url: "http://u:XPASS@h:99999/v1?XQUERY"}}',
        'models: {a: {backend: openai, model: m, base_url: "htp://u:XPASS@h/v1?XQUERY"}}',
        'models: {a: {backend: openai, model: m, base_url: "http://u:XPASS@[h/v1?XQUERY"}}',
        'models: {a: {backend: openai, model: m, baseurl: "http://u:XPASS@h/v1?XQUERY"}}',
        'models: {a: {backend: llama, path: x, base_url: "http://u:XPASS@h/v1?XQUERY"}}',
        'models: {a: {backend: openai, model: m, base_url: ["http://u:XPASS@h/v1?XQUERY"]}}',
        'models: {a: {backend: openai, model: m, base_url: "http://u:XPASS@h/v1", base_url: "http://u:XPASS@h/XQUERY"}}',
        'models: {a: "http://u:XPASS@h/v1?XQUERY"}',
        'models: "http://u:XPASS@h/v1?XQUERY"',
        '"http://u:XPASS@h/v1?XQUERY"',
        'models: {a: {backend: openai, model: m, max_parallel: "http://u:XPASS@h/v1?XQUERY"}}',
        'models: {a: {backend: "http://u:XPASS@h/v1?XQUERY"}}',
        'models: {a: {backend: openai, model: m, base_url: "http://u:XPASS@h/v1?XQUERY}}',
        'models: {a: {backend: openai, model: m, base_url: !x "http://u:XPASS@h/v1?XQUERY"}}',
        'labels: {"/http://u:XPASS@h": public}',
    ],
)
def test_no_complaint_about_the_catalogue_quotes_them(
    make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    workspace = make_workspace("models: {}\n")
    monkeypatch.chdir(workspace.root)
    (workspace.root / "promptlab.yaml").write_text(text, "utf-8")
    assert hidden(said("models") + said("compare", "cup", "-m", "a", "--set", "question=Who?"))


def test_a_dead_server_is_named_without_them(make_workspace: Callable[..., Workspace], monkeypatch: Any) -> None:
    url = f"http://{LOGIN}@127.0.0.1:1/v1?{ASKED}"
    entry = f'{{backend: openai, model: m, base_url: "{url}", max_retries: 0, window: 9000}}'
    monkeypatch.chdir(make_workspace(f"models:\n  rec: {entry}\n").root)
    shown = said("compare", "cup", "-m", "rec", "--set", "question=Who?")
    assert "127.0.0.1:1" in shown
    assert hidden(shown)


@pytest.mark.parametrize("format_", ["curl", "python", "promptfoo", "openai", "openai-batch", "prompty"])
def test_no_export_has_them(home: Workspace, format_: str) -> None:
    words = ["export", format_, "cup"] + ([] if format_ == "prompty" else ["-m", "rec"])
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip()
    assert hidden(done.stdout + done.stderr)
    assert CliRunner().invoke(cli, [*words, "-o", "out.txt"]).exit_code == 0
    assert hidden((home.root / "out.txt").read_bytes())


def exported(format_: str) -> str:
    return CliRunner().invoke(cli, ["export", format_, "cup", "-m", "rec"], catch_exceptions=False).stdout


ENVIRONMENT = {"REC_LOGIN": f"{USER}:{PASSWORD}", "REC_QUERY": ASKED}
ASKS = {
    "curl": ["sh", "-c"],
    "python": [sys.executable, "-c"],
}


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("format_", ASKS)
def test_an_export_asks_as_promptlab_does_once_its_variables_are_set(server: LoopbackServer, format_: str) -> None:
    if format_ == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl here")
    from tests.loopback import whole

    said("compare", "cup", "-m", "rec", "--set", "question=Who?")
    ours = server.requests[-1]
    server.default = whole("Argentina")
    clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    command = [*ASKS[format_], exported(format_)]
    done = subprocess.run(command, env=clean | ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert "Argentina" in done.stdout, done.stderr
    theirs = server.requests[-1]
    assert theirs.path.partition("?")[0] == ours.path.partition("?")[0]
    assert theirs.headers["authorization"] == ours.headers["authorization"]
    if format_ == "curl":
        assert theirs.path == ours.path
    else:
        assert (
            theirs.path.endswith(f"?k={quote(QUERY, safe='')}&XFLAG=".replace("%20", "+")) or "k=q%2Bq" in theirs.path
        )
    count = server.count
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "REC_" in done.stderr
    assert server.count == count


PROMPTFOO = os.environ.get("PROMPTLAB_PROMPTFOO", "")


@pytest.mark.usefixtures("home")
@pytest.mark.skipif(not PROMPTFOO, reason="PROMPTLAB_PROMPTFOO does not name promptfoo")
def test_promptfoo_asks_as_promptlab_does(server: LoopbackServer, tmp_path: Path) -> None:
    from tests.loopback import whole

    said("compare", "cup", "-m", "rec", "--set", "question=Who?")
    ours = server.requests[-1]
    server.default = whole("Argentina")
    (tmp_path / "promptfooconfig.yaml").write_text(exported("promptfoo"), "utf-8")
    quiet = {"PROMPTFOO_DISABLE_TELEMETRY": "1", "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_CONFIG_DIR": str(tmp_path)}
    env = os.environ | quiet | ENVIRONMENT | {"REC_LOGIN_BASE64": WORDS[3]}
    words = [PROMPTFOO, "eval", "--no-cache", "--no-table", "-c", "promptfooconfig.yaml"]
    subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, timeout=200, check=False)
    theirs = server.requests[-1]
    assert theirs is not ours
    assert (theirs.path, theirs.headers.get("authorization")) == (ours.path, ours.headers.get("authorization"))


FOREIGN = """\
prompts: ['Sort {{ ticket }}']
providers:
  - id: openai:chat:m
    config: {apiBaseUrl: "http://u:XPASS@127.0.0.1:1/v1?k=XQUERY", apiKey: sk-abcXFLAG123456}
  - id: openai:chat:n
    config:
      apiKey: 'it''s XPASS'
      headers: {Authorization: "Basic XPASS==", x-api-key: XQUERY}
      apiKeyEnvar: MY_API_KEY
      max_tokens: 17
tests: [{vars: {ticket: It burns.}}]
"""


def test_an_import_takes_none_of_them_over(home: Workspace) -> None:
    (home.root / "promptfooconfig.yaml").write_text(FOREIGN, "utf-8")
    shown = said("import", "promptfoo", "promptfooconfig.yaml", "--json")
    shown += said("import", "promptfoo", "promptfooconfig.yaml", "--force")
    assert hidden(shown)
    (home.root / "promptfooconfig.yaml").unlink()
    original = (home.root / "templates/imported/promptfooconfig.yaml.original").read_text("utf-8")
    assert "max_tokens: 17" in original
    assert "MY_API_KEY" in original
    assert everything_stored_is_clean(home) > 2
    imported = read_import("promptfoo", "promptfooconfig.yaml", FOREIGN.encode())
    assert imported.models["m"]["base_url"] == "http://127.0.0.1:1/v1"
    assert all(
        hidden(content) for content in files_to_write(imported, "promptfooconfig.yaml", ImportFolders()).values()
    )


@pytest.mark.usefixtures("home")
def test_an_export_for_promptfoo_comes_back_without_what_its_environment_holds(server: LoopbackServer) -> None:
    back = read_import("promptfoo", "promptfooconfig.yaml", exported("promptfoo").encode())
    assert {model["base_url"] for model in back.models.values()} == {server.url}


KEYS = {
    "json": '{"messages": [], "api_key": "XPASS", "nested": {"token": "XQUERY", "max_tokens": 5}}',
    "escaped json": '{"password": "a\\"XPASS", "u": "http://a:XPASS@h/"}',
    "block": "apiKey: |\n  XPASS and\n  XQUERY\nother: 1\n",
    "folded": "secret: >-\n  abcdefXPASS\n\n  XQUERYXQUERY\n",
    "anchor": "a: &k XPASS\napi_key: *k\n",
    "plain over lines": "token: XPASS\n  XQUERYtail\n",
    "prompty": "---\nmodel:\n  configuration: {api_key: XPASS, azure_endpoint: 'https://h/?sig=XQUERY'}\n---\nsystem:\nHi\n",
    "lines": '{"api_key": "XPASS"}\n{"input": "a", "secret": "XQUERY"}\n',
    "bearer": "headers: ['Authorization: Bearer XPASS']\n",
    "shape": "note: use sk-XPASSXPASSXPASS\n",
    "quoted key": "'api-key' : \"XPASS\"\n",
    "environment": "env:\n  OPENAI_API_KEY: XPASS\n",
}


@pytest.mark.parametrize("text", KEYS.values(), ids=KEYS)
def test_a_kept_original_has_no_keys(text: str) -> None:
    cleaned = without_keys(text.encode())
    assert cleaned is None or hidden(cleaned), cleaned


@pytest.mark.parametrize(
    "text",
    [
        "prompts: [a]\nmax_tokens: 5\napiKeyEnvar: OPENAI_API_KEY\nkey: '{{ env.KEY }}'\n",
        "apiKey: '{{ env.OPENAI_API_KEY }}'\ntoken: ${TOKEN}\n",
        "system: Tell the user what 'token' is, and a secret\n",
        '{"messages": [{"role": "user", "content": "http://example.org/?q=1"}]}',
    ],
)
def test_what_holds_no_key_is_kept_byte_for_byte(text: str) -> None:
    assert without_keys(text.encode()) == text.encode()


def test_a_source_that_is_no_text_is_kept_or_left_out_whole() -> None:
    assert without_keys(b"\xff\xfea") == b"\xff\xfea"
    assert without_keys(b"api_key: XPASS \xff") is None
