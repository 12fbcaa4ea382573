"""A model is tried if it really answered or failed: with this entry, this key and this file, and over a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptlab.errors import GateRefused, ModelNotReady, WindowExceeded
from promptlab.models import Catalogue, ScriptedBackend, Try, try_of
from promptlab.models._tries import FILE
from promptlab.runs import Store, start_run, trial_of_model
from promptlab.types import Completion, Result, Timings, Usage
from promptlab.workspace import Workspace, trust_everything, verify_ledger
from tests.loopback import CUT, LoopbackServer, Received, Reply, status, stream

KEY = "sk-test-5ecret-5ecret-5ecret"
ENTRY = '{{backend: openai, model: loop-1, base_url: "{url}", api_key_env: LOOP_API_KEY, max_retries: 0{more}}}'


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


MADE: list[Catalogue] = []


def catalogue_of(folder: Path, url: str, *, key: str = KEY, more: str = "") -> Catalogue:
    (folder / "promptlab.yaml").write_text(f"models:\n  loop: {ENTRY.format(url=url, more=more)}\n")
    MADE.append(Catalogue(Workspace.load(folder), {"LOOP_API_KEY": key}))
    return MADE[-1]


def ask(catalogue: Catalogue, model: str = "loop") -> Result:
    store = Store.of(catalogue.workspace)
    (result,) = start_run([trial_of_model(model)], catalogue=catalogue, store=store, fresh=True).wait()
    store.close()
    return result


FAULTS: dict[str, tuple[Reply, str, str]] = {
    "a refused key": (status(401), "401", "the key was refused"),
    "a key without the right": (status(403), "403", "this key may not use the model"),
    "no such model": (status(404, "The model `x` does not exist"), "404", "no such model or address"),
    "no credit": (status(429, error_code="insufficient_quota"), "429", "the account has no credit left"),
    "too many": (status(429), "429", "too many requests"),
    "a wrong field": (status(400), "400", "the request was refused"),
    "a broken server": (status(500), "500", "the server failed"),
    "a cut": ((CUT,), "", "the server closed the connection without answering"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_not_green_and_says_what_it_is(tmp_path: Path, server: LoopbackServer, fault: str) -> None:
    reply, code, words = FAULTS[fault]
    server.default = reply
    catalogue = catalogue_of(tmp_path, server.url)
    assert (catalogue.status("loop").works, catalogue.status("loop").words) == (None, "not tried")
    ask(catalogue)
    last = catalogue.status("loop").last
    assert last is not None
    assert (last.ok, last.code, last.words, catalogue.status("loop").works) == (False, code, words, False)
    assert KEY not in (tmp_path / ".promptlab" / FILE).read_text()
    assert (tmp_path / ".promptlab" / FILE).stat().st_mode & 0o077 == 0


def test_no_host_and_no_server_are_not_green(tmp_path: Path) -> None:
    for url in ("http://nowhere.invalid/v1", "http://127.0.0.1:9/v1"):
        catalogue = catalogue_of(tmp_path, url, more=", key_over_http: true")
        with trust_everything():
            ask(catalogue)
            last = catalogue.status("loop").last
        assert last is not None
        assert not last.ok
        assert ("there is no host of this name" in last.words) == ("invalid" in url)


def test_an_answer_is_green_and_stays_so_over_a_restart(tmp_path: Path, server: LoopbackServer) -> None:
    result = ask(catalogue_of(tmp_path, server.url))
    assert result.text == "Argentina"
    again = catalogue_of(tmp_path, server.url).status("loop")
    assert again.last is not None
    assert result.completion is not None
    assert (again.works, again.last.seconds) == (True, result.completion.timings.total)
    assert [r.json["messages"] for r in server.requests] == [[{"role": "user", "content": "Reply with the word OK."}]]
    assert verify_ledger(tmp_path / ".promptlab").problem is None


@pytest.mark.parametrize(
    ("key", "more", "tried"),
    [(KEY, "", True), (KEY + "x", "", False), (KEY, ", window: 99", False), ("", "", False)],
)
def test_another_key_or_entry_is_not_tried(
    tmp_path: Path, server: LoopbackServer, key: str, more: str, tried: bool
) -> None:
    ask(catalogue_of(tmp_path, server.url))
    assert (catalogue_of(tmp_path, server.url, key=key, more=more).status("loop").last is not None) == tried


def test_the_last_result_counts_and_an_ordinary_run_is_a_try(tmp_path: Path, server: LoopbackServer) -> None:
    catalogue = catalogue_of(tmp_path, server.url)
    server.plan(status(401), stream("Argentina"), status(429))
    works = []
    for _ in range(3):
        ask(catalogue)
        works.append(catalogue.status("loop").works)
    assert works == [False, True, False]


def test_a_try_of_an_entry_that_changed_meanwhile_is_not_that_of_the_new_one(
    tmp_path: Path, server: LoopbackServer
) -> None:
    catalogue = catalogue_of(tmp_path, server.url)

    def slowly(_request: Received) -> Reply:
        catalogue_of(tmp_path, server.url, more=", window: 99")
        catalogue.use_workspace(Workspace.load(tmp_path))
        return stream("Argentina")

    server.default = slowly
    ask(catalogue)
    assert catalogue.status("loop").last is None


def test_a_key_that_is_not_set_is_said_at_once(tmp_path: Path, server: LoopbackServer) -> None:
    state = catalogue_of(tmp_path, server.url, key="").status("loop")
    assert (state.works, "LOOP_API_KEY" in state.words) == (False, True)


@pytest.mark.parametrize(
    "outcome",
    [
        GateRefused("no"),
        WindowExceeded("no"),
        ModelNotReady("no"),
        Completion("", "stopped", Usage(), Timings(0, None, 0), ""),
    ],
)
def test_what_was_not_asked_is_no_try(outcome: Completion | Exception) -> None:
    assert try_of(outcome, "2026-11-29T12:15:03+00:00") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"salt": 1}', '{"salt": "x", "models": {"loop": {"mark": "y"}}}'])
def test_a_damaged_file_means_not_tried_and_is_written_anew(tmp_path: Path, server: LoopbackServer, text: str) -> None:
    (tmp_path / ".promptlab").mkdir()
    (tmp_path / ".promptlab" / FILE).write_text(text)
    catalogue = catalogue_of(tmp_path, server.url)
    assert catalogue.status("loop").last is None
    ask(catalogue)
    assert catalogue.status("loop").works
    assert list(json.loads((tmp_path / ".promptlab" / FILE).read_text())) == ["salt", "models"]


def test_a_scripted_model_is_tried_by_its_answer(tmp_path: Path) -> None:
    (tmp_path / "promptlab.yaml").write_text("models: {}\n")
    MADE.append(Catalogue(Workspace.load(tmp_path), {}, extra={"demo": ScriptedBackend("demo", ["OK"])}))
    catalogue = MADE[0]
    assert catalogue.status("demo").works is None
    ask(catalogue, "demo")
    assert catalogue.status("demo").works


@pytest.mark.parametrize(
    ("one", "ending"),
    [
        (Try("2020-01-01T12:00:00+00:00", True, 0.42), ", answered in 0.4 s"),
        (Try("2020-01-01T12:00:00+00:00", True, 0.01), ", answered in less than 0.1 s"),
        (
            Try("2020-01-01T12:00:00+00:00", False, code="401", words="the key was refused"),
            ", 401: the key was refused",
        ),
        (Try("2020-01-01T12:00:00+00:00", False, words="no connection"), ", no connection"),
    ],
)
def test_a_try_in_words(one: Try, ending: str) -> None:
    assert one.text().startswith("tried ")
    assert "Jan 2020" in one.text()
    assert one.text().endswith(ending)
