"""Import and Export on the Templates page, and a request as curl or Python on the workbench."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.formats._write_prompts import PROMPT_FORMATS
from promptlab.templates import _load as templates
from promptlab.workspace._workspace import Workspace
from tests.formats.test_imports import PROMPTFOO, PROMPTSOURCE
from tests.places import ROOT
from tests.ui.conftest import Desk, said
from tests.ui.dialogs import all_said

Desks = Callable[..., Desk]
REQUEST = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Sort {{x}}."}]})
API = """\
models:
  api: {backend: openai, model: gpt-x, base_url: "http://127.0.0.1:9/v1", api_key_env: MY_API_KEY}
"""


def dropped(tab: AppTest, files: Sequence[tuple[str, str | bytes]]) -> AppTest:
    tab.button(key="import").click().run()
    contents = [(name, text if isinstance(text, bytes) else text.encode(), "text/plain") for name, text in files]
    tab.file_uploader[0].set_value(contents).run()
    assert not tab.exception
    return tab


def press(tab: AppTest, ending: str) -> AppTest:
    next(button for button in tab.button if str(button.key).endswith(ending)).click().run()
    assert not tab.exception
    return tab


def test_a_dropped_file_says_what_becomes_of_each_field_before_anything_is_written(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = dropped(here.open("templates"), [("promptfooconfig.yaml", PROMPTFOO)])
    text = all_said(tab)
    assert "providers.0.config.apiKey" in text
    assert "not understood" in text
    assert "secret-key" not in text
    assert not (here.session.workspace.root / "templates/imported").exists()
    press(tab, "-go")
    assert "was imported" in all_said(tab)
    made = [name for name in templates.template_paths(here.session.workspace) if "imported" in name]
    assert made
    assert all(here.session.workspace.label_of(name) == "confidential" for name in made)


def test_one_bad_file_never_stops_the_others(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    files = [("broken.yaml", "prompts: [\nproviders: x"), ("templates.yaml", PROMPTSOURCE), ("ask.json", REQUEST)]
    tab = dropped(here.open("templates"), files)
    assert "This file cannot be read" in all_said(tab)
    press(tab, "import-all")
    made = [name for name in templates.template_paths(here.session.workspace) if "imported" in name]
    assert "templates/imported/ask.yaml" in made
    assert "templates/imported/movies-small/is-it-good.yaml" in made
    assert "This file cannot be read" in all_said(tab)


def test_a_file_that_is_no_text_and_one_that_is_nothing_known_are_refused(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = dropped(here.open("templates"), [("a.yaml", b"MZ\x00\x01"), ("b.txt", "nothing of the kind")])
    text = all_said(tab)
    assert text.count("This file cannot be read") == 2
    assert "The format could not be detected" in text
    assert not [b for b in tab.button if str(b.key).endswith("-go")]


def test_a_wrong_guess_can_be_corrected(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = dropped(here.open("templates"), [("p.json", REQUEST)])
    box = next(box for box in tab.selectbox if str(box.key).endswith("-format"))
    assert box.value == "openai"
    box.set_value("promptfoo").run()
    assert "This file cannot be read" in all_said(tab)
    next(box for box in tab.selectbox if str(box.key).endswith("-format")).set_value("openai").run()
    assert "templates/imported/p.yaml" in all_said(tab)


def test_what_is_there_already_is_replaced_only_when_asked(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    mine = here.session.workspace.root / "templates/imported/p.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("instructions: Mine.\n")
    tab = dropped(here.open("templates"), [("p.json", REQUEST)])
    assert "Existing files would be replaced" in all_said(tab)
    assert [b.label for b in tab.button if str(b.key).endswith("-go")] == ["Replace"]
    assert mine.read_text() == "instructions: Mine.\n"


@pytest.mark.parametrize("format_", PROMPT_FORMATS)
def test_a_template_is_exported_with_what_was_translated(desk: Desks, format_: str) -> None:
    here = desk(alpha=["ok"])
    tab = here.open("templates", template="templates/cup.yaml")
    assert not tab.exception
    tab.selectbox(key="export-format").set_value(format_).run()
    assert not tab.exception
    text = said(tab)
    assert "the text of fixtures/documents/cup.md" in text
    assert any("Argentina beat France" in code.value for code in tab.code)


def test_a_request_is_copied_as_curl_without_a_key(
    desk: Desks, make_workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-secret")
    here = desk(make_workspace(API, folder="api"))
    tab = here.open()
    tab.segmented_control(key="bench-view").set_value("Preview").run()
    assert not tab.exception
    tab.segmented_control(key="preview-code-way").set_value("curl").run()
    assert not tab.exception
    (curl,) = [code.value for code in tab.code if code.value.startswith("curl ")]
    assert '-H "Authorization: Bearer $MY_API_KEY"' in curl
    assert "sk-secret" not in curl
    tab.segmented_control(key="preview-code-way").set_value("python").run()
    assert any("OpenAI(" in code.value for code in tab.code)


def test_a_dialog_left_through_a_link_is_gone_when_one_comes_back(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = press(dropped(here.open("templates"), [("p.json", REQUEST)]), "-go")
    tab.query_params["template"] = "templates/imported/p.yaml"  # the link in the dialog
    tab.run()
    assert not tab.exception
    tab.button(key="templates-all").click().run()
    assert not tab.exception
    assert "Import prompts of other tools" not in all_said(tab)
    assert not tab.file_uploader


@pytest.mark.parametrize("name", ["inspect.eval", "promptfoo.json"])
def test_answers_of_another_tool_become_a_run_that_the_page_runs_shows(name: str, desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = dropped(here.open("templates"), [(name, (ROOT / "tests/formats/foreign_runs" / name).read_bytes())])
    press(tab, "-go")
    assert "was imported" in all_said(tab)
    (run,) = here.session.store.runs()
    assert run.title.startswith("asked by")
    shown = all_said(here.open("runs", run=run.id))
    assert "asked by" in shown
    assert ("the file does not say" in shown) == (name == "promptfoo.json")
    assert "What is the capital of France?" in shown or "Paris" in shown
