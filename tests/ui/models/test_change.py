"""Models are added, tested, changed and removed in the page; promptlab.yaml gets the lines that were shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.models import Catalogue, ScriptedBackend
from promptlab.ui.models.form import KINDS
from promptlab.ui.state import session as sessions
from promptlab.workspace import Workspace
from tests.gguf_made import tiny
from tests.loopback import LoopbackServer, status, stream
from tests.ui.conftest import Desk, said

Desks = Callable[..., Desk]
FILE = """\
models:
  # the first
  alpha: {backend: openai, model: a, base_url: "http://127.0.0.1:9/v1"}  # ours
labels: {}
"""


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(models=("llama-3", "qwen")) as running:
        yield running


@pytest.fixture
def at_desk(desk: Desks, make_workspace: Callable[..., Workspace]) -> Callable[..., Desk]:
    def opened(file: str = FILE, **env: str) -> Desk:
        sitting = desk(make_workspace(file))
        sitting.session.catalogue._env = env
        return sitting

    return opened


def on_disk(desk: Desk) -> str:
    return (desk.session.workspace.root / "promptlab.yaml").read_text()


def fill(tab: AppTest, **fields: Any) -> AppTest:
    for field, value in fields.items():
        tab.text_input(key=f"model-new-{field}").set_value(value)
    return tab.run()


def write(tab: AppTest) -> AppTest:
    tab.button(key="model-write").click().run()
    assert not tab.exception
    return tab


def test_a_server_is_added_with_a_model_of_its_list_and_then_tried(
    at_desk: Callable[..., Desk], server: LoopbackServer
) -> None:
    desk = at_desk(OURS_API_KEY="a-key-0123456789")
    tab = desk.open("models", add="server")
    assert not tab.exception
    assert tab.button(key="model-write").disabled
    fill(tab, name="ours", api_key_env="OURS_API_KEY", base_url=server.url)
    assert "OURS_API_KEY is set" in said(tab)
    tab.button(key="model-new-get").click().run()
    assert tab.selectbox(key="model-new-listed").options == ["llama-3", "qwen"]
    tab.selectbox(key="model-new-listed").set_value("qwen").run()
    rows = ["  ours:", "    backend: openai", "    model: qwen", f'    base_url: "{server.url}"']
    rows.append("    api_key_env: OURS_API_KEY")
    assert [line[1:] for line in said(tab).splitlines() if line.startswith("+")] == rows
    assert on_disk(desk) == FILE, "shown, not written yet"
    write(tab)
    assert on_disk(desk) == FILE.replace("labels", "\n".join([*rows, "labels"]))
    assert "ours was added" in said(tab)
    assert "ours not tried" in " ".join(said(tab).split())
    server.plan(status(401), stream("OK"))
    for works in (False, True):
        tab.button(key="model-test-ours").click().run()
        desk.settle(tab)
        assert desk.session.catalogue.status("ours").works is works
        desk.session.jobs._jobs.clear()  # within a second it would be a double click
    assert "answered in" in said(tab)
    assert "a-key-0123456789" not in said(tab)


def test_the_list_of_a_server_that_refuses_is_said_in_words(
    at_desk: Callable[..., Desk], server: LoopbackServer
) -> None:
    tab = at_desk().open("models", add="server")
    tab.button(key="model-new-get").click().run()
    assert "there is no address yet" in said(tab)
    fill(tab, base_url="http://127.0.0.1:9/v1")
    tab.button(key="model-new-get").click().run()
    assert "no connection" in said(tab)
    fill(tab, base_url=server.url, api_key_env="sk-abcdefghijklmnopqrstuvwxyz")
    tab.button(key="model-new-get").click().run()
    assert not tab.exception
    assert "looks like a key" in said(tab)
    assert "sk-abcdefghijklmnopqrstuvwxyz" not in said(tab).replace(
        tab.text_input(key="model-new-api_key_env").value, "", 1
    )
    assert server.count == 0


@pytest.mark.parametrize("kind", [*KINDS, "nonsense"])
def test_a_link_opens_the_form_of_every_kind(at_desk: Callable[..., Desk], kind: str) -> None:
    tab = at_desk().open("models", add=kind)
    assert not tab.exception
    assert "The model needs a name" in said(tab)
    assert tab.button(key="model-write").disabled
    tab.button(key="model-cancel").click().run()
    assert "Add a model" not in said(tab).replace("Add a model", "", 1), "only the button is left"


def test_azure_and_openai_are_written_as_their_entries(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk("models: {}\n", OPENAI_API_KEY="a-key-0123456789")
    tab = desk.open("models", add="openai")
    fill(tab, name="gpt", model="gpt-4o-mini")
    write(tab)
    tab = desk.open("models", add="azure")
    fill(tab, name="az", model="deployed", base_url="https://ours.openai.azure.com")
    assert "https://ours.openai.azure.com" in said(tab), "what it will be trusted with"
    write(tab)
    assert on_disk(desk) == (
        "models:\n"
        "  gpt: {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}\n"
        "  az:\n"
        "    backend: openai\n"
        "    model: deployed\n"
        '    base_url: "https://ours.openai.azure.com"\n'
        "    api_key_env: AZURE_OPENAI_API_KEY\n"
        '    api_version: "2024-10-21"\n'
    )
    assert list(Workspace.load(desk.session.workspace.root).models) == ["gpt", "az"]
    assert not desk.session.not_trusted()


def test_a_gguf_file_is_checked_before_it_is_written(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    root = desk.session.workspace.root
    (root / "text.gguf").write_text("hello")
    tiny(root / "models/tiny.gguf")
    tab = desk.open("models", add="gguf")
    for path, words in (("none.gguf", "no file none.gguf"), ("text.gguf", "not a GGUF file"), ("models", "a folder")):
        fill(tab, name="mine", path=path)
        assert words in said(tab)
        assert tab.button(key="model-write").disabled
    fill(tab, path="models/tiny.gguf")
    write(tab)
    assert "  mine: {backend: llama, path: models/tiny.gguf}\n" in on_disk(desk)


@pytest.mark.parametrize(
    ("name", "words"), [("alpha", "`alpha` is taken"), ("a b", "cannot be the name"), ("", "needs a name")]
)
def test_a_name_that_cannot_be_is_refused(at_desk: Callable[..., Desk], name: str, words: str) -> None:
    tab = at_desk().open("models", add="openai")
    fill(tab, name=name, model="m")
    assert words in said(tab)
    assert tab.button(key="model-write").disabled


def test_an_edit_changes_its_lines_only(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    tab = desk.open("models", edit="alpha")
    assert not tab.exception
    assert "Nothing is changed yet" in said(tab)
    tab.number_input(key="model-field-alpha-price_in").set_value(0.5)
    tab.number_input(key="model-field-alpha-window").set_value(4096)
    tab.run()
    write(tab)
    new = '{backend: openai, model: a, base_url: "http://127.0.0.1:9/v1", window: 4096, price_in: 0.5}'
    assert on_disk(desk) == FILE.replace('{backend: openai, model: a, base_url: "http://127.0.0.1:9/v1"}', new)
    tab = desk.open("models", edit="alpha")
    tab.number_input(key="model-field-alpha-price_in").set_value(None)
    tab.number_input(key="model-field-alpha-window").set_value(None)
    tab.run()
    write(tab)
    assert on_disk(desk) == FILE


def test_a_file_that_changed_meanwhile_is_not_overwritten(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    tab = desk.open("models", add="openai")
    fill(tab, name="gpt", model="gpt-4o-mini")
    theirs = FILE.replace("  # ours", "  # theirs")
    (desk.session.workspace.root / "promptlab.yaml").write_text(theirs)
    write(tab)
    assert "nothing was written" in said(tab)
    assert on_disk(desk) == theirs
    write(tab)
    assert "  # theirs" in on_disk(desk)
    assert "gpt-4o-mini" in on_disk(desk)


def test_removing_a_model_says_which_suites_name_it(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    root = desk.session.workspace.root
    (root / "fixtures/suites").mkdir(parents=True, exist_ok=True)
    (root / "templates").mkdir(exist_ok=True)
    (root / "templates/t.yaml").write_text("inputs: {q: {}}\n")
    (root / "fixtures/suites/s.yaml").write_text(
        "template: t\nmodels: [alpha]\nscorers: [contains]\ncases: [{id: a, inputs: {q: x}, expected: y}]\n"
    )
    tab = desk.open("models")
    tab.button(key="model-remove-alpha").click().run()
    assert not tab.exception
    assert "fixtures/suites/s.yaml asks it" in said(tab)
    assert tab.button(key="model-write").disabled
    tab.checkbox(key="model-anyway").check().run()
    write(tab)
    assert Workspace.load(root).models == {}
    assert "# the first" in on_disk(desk)
    assert "alpha was removed" in said(tab)


def test_a_model_that_is_gone_is_neither_edited_nor_removed(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    for what in ("edit", "remove"):
        tab = desk.open("models", **{what: "<b>gone</b>"})
        assert not tab.exception
        assert "There is no model" in said(tab)


def test_what_was_spent_is_by_the_price_of_today(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    with LoopbackServer(stream("OK", usage=(1000, 500, 100))) as server:
        entry = f'{{backend: openai, model: m, base_url: "{server.url}", price_in: 2, price_cached: 1, price_out: 10}}'
        sitting = desk(make_workspace(f"models:\n  ours: {entry}\n"))
        tab = sitting.open("models")
        assert "Spent so far" not in said(tab)
        for _ in range(2):
            tab.button(key="model-test-ours").click().run()
            sitting.settle(tab)
            sitting.session.jobs._jobs.clear()
        assert "Spent so far: $0.0050 for 2 answers, at today's price" in said(tab)


def test_the_side_bar_shows_the_last_real_result(at_desk: Callable[..., Desk], server: LoopbackServer) -> None:
    text = f'models:\n  ours: {{backend: openai, model: m, base_url: "{server.url}"}}\n'
    desk = at_desk(text)
    tab = desk.open("models")

    def bar() -> str:
        return " ".join(element.proto.body for element in tab.sidebar.get("html"))

    assert 'aria-label="not tried"' in bar()
    for reply, look, words in (
        (status(401), "failed", "401: the key was refused"),
        (stream("OK"), "works", "tried "),
        (status(404), "failed", "404: no such model or address"),
    ):
        server.plan(reply)
        tab.button(key="model-test-ours").click().run()
        desk.settle(tab)
        tab.run()
        assert f'aria-label="{look}"' in bar()
        assert words in bar()
        desk.session.jobs._jobs.clear()
    again = desk.session.workspace
    sessions.close_session(desk.session)
    fresh = sessions.open_session(again, Catalogue(again, {}))
    assert fresh.catalogue.status("ours").works is False


def test_a_test_that_the_gate_refuses_was_not_sent(at_desk: Callable[..., Desk], server: LoopbackServer) -> None:
    text = f'models:\n  ours: {{backend: openai, model: m, base_url: "{server.url}"}}\nlabels:\n  "**": confidential\n'
    desk = at_desk(text)
    tab = desk.open("models")
    tab.button(key="model-test-ours").click().run()
    desk.settle(tab)
    assert "The test was not sent" in said(tab)
    assert server.count == 0
    assert desk.session.catalogue.status("ours").works is None


def test_a_scripted_model_can_be_tested_and_not_edited(desk: Desks) -> None:
    sitting = desk(alpha=ScriptedBackend("alpha", ["OK"]))
    tab = sitting.open("models")
    tab.button(key="model-test-alpha").click().run()
    sitting.settle(tab)
    assert "alpha works" in " ".join(said(tab).split())
    assert not [button for button in tab.button if button.key == "model-edit-alpha"]
