"""Every field that a tab can change, and every action that uses the draft: each takes what is on its own screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.ui.state.tab_drafts import OWN
from promptlab.workspace._workspace import Workspace
from tests.repositories import CUP, isolate, start
from tests.ui.conftest import Desk, said
from tests.ui.templates.test_save import press

Desks = Callable[..., Desk]


@dataclass(frozen=True)
class Case:
    """A widget of a page, the values that two tabs give it, and what a model is sent that has the first one."""

    page: str
    kind: str
    key: str
    mine: Any
    theirs: Any
    shows: Callable[[Any], bool] = lambda _: True


def text_of(request: Any) -> str:
    return "\n".join(message.content for message in request.messages)


CASES = {
    "instructions": Case("workbench", "text_area", "text-instructions-cup", "AAA", "BBB",
                         lambda r: "AAA" in text_of(r)),
    "output format": Case("workbench", "text_area", "text-output_format-cup", "AAA", "BBB",
                          lambda r: "AAA" in text_of(r)),
    "input": Case("workbench", "text_area", "input-question-cup", "AAA?", "BBB?", lambda r: "AAA?" in text_of(r)),
    "switch": Case("workbench", "toggle", "switch-context-cup", False, None,
                   lambda r: "Argentina beat" not in text_of(r)),
    "k": Case("workbench", "number_input", "k-cup", 0, 2, lambda r: len(r.messages) == 2),
    "selection": Case("workbench", "selectbox", "examples-select-cup", "random", "similar"),
    "pool": Case("workbench", "selectbox", "examples-pool-cup", None, None, lambda r: len(r.messages) == 2),
    "temperature": Case("workbench", "number_input", "param-temperature-cup", 0.5, 1.5,
                        lambda r: r.params.temperature == 0.5),
    "stop": Case("workbench", "text_area", "param-stop-cup", "a", "b", lambda r: r.params.stop == ("a",)),
    "layout": Case("templates", "toggle", "own-layout-cup", True, None),
    "user turn": Case("templates", "toggle", "own-user-cup", True, None),
    "description": Case("templates", "text_input", "description-cup", "AAA", "BBB"),
    "sample": Case("templates", "text_area", "input-sample-question-cup", "AAA?", "BBB?"),
}  # fmt: skip


@pytest.fixture
def here(desk: Desks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    isolate(monkeypatch, tmp_path / "home")
    return desk(alpha=["ok"])


def put(tab: AppTest, case: Case, value: Any) -> AppTest:
    return getattr(tab, case.kind)(key=case.key).set_value(value).run()


def shown(tab: AppTest, case: Case) -> Any:
    return getattr(tab, case.kind)(key=case.key).value


@pytest.mark.parametrize("name", list(CASES))
def test_the_screen_of_a_tab_stays_what_it_is_whatever_another_tab_does(here: Desk, name: str) -> None:
    case = CASES[name]
    one, two = here.open(case.page, template=CUP), here.open(case.page, template=CUP)
    one = put(one, case, case.mine)
    before = shown(two, case)
    two = two.run()
    assert shown(two, case) == before, "the second tab does not follow by itself"
    assert "Changed in another tab" in said(two)
    if case.theirs is not None:
        two = put(two, case, case.theirs)
        assert shown(two, case) == case.theirs
    one = one.run()
    assert shown(one, case) == case.mine
    if case.page == "workbench":
        here.run(one)
        assert case.shows(here.models["alpha"].history[-1])
    assert not one.exception
    assert not two.exception


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.theirs is not None])
def test_both_values_are_kept_until_the_person_has_chosen(here: Desk, workspace: Workspace, name: str) -> None:
    case = CASES[name]
    one, two = here.open(case.page, template=CUP), here.open(case.page, template=CUP)
    put(one, case, case.mine)
    two = put(two, case, case.theirs)
    own = list((workspace.state / "drafts" / OWN).glob("*.json"))
    assert len(own) == 1, "what the second tab typed is in a file"
    again = here.open(case.page, template=CUP, draft=two.query_params["draft"])
    assert shown(again, case) == case.theirs, "and is there after a reload"
    two = press(two, "elsewhere-show")
    assert {"elsewhere-mine", "elsewhere-theirs", "elsewhere-both"} <= {b.key for b in two.button}
    mine = press(two, "elsewhere-mine")
    assert shown(mine.run(), case) == case.theirs
    assert not list((workspace.state / "drafts" / OWN).glob("*.json"))
    assert shown(here.open(case.page, template=CUP), case) == case.theirs
    back = press(mine, "draft-undo-it")
    assert shown(back, case) == case.theirs
    theirs = press(press(back, "elsewhere-show"), "elsewhere-theirs")
    assert shown(theirs, case) == case.mine


def saves(_: Desk, tab: AppTest, workspace: Workspace) -> str:
    tab = press(tab, "save-to-git")
    press(tab, "saving-commit")
    return (workspace.root / CUP).read_text()


def runs_it(here: Desk, tab: AppTest, _: Workspace) -> str:
    here.run(tab)
    return text_of(here.models["alpha"].history[-1])


def previews(_: Desk, tab: AppTest, __: Workspace) -> str:
    return said(tab.segmented_control(key="bench-view").set_value("Preview").run())


def keeps_as_a_test(here: Desk, tab: AppTest, _: Workspace) -> str:
    tab = here.run(tab)
    (run,) = here.session.store.runs()[:1]
    (result,) = here.session.results(run)
    assert result.request
    return text_of(result.request)


ACTIONS = {"run": runs_it, "save": saves, "preview": previews, "keep as a test": keeps_as_a_test}


@pytest.mark.parametrize("elsewhere", ["another tab", "another tab, same field", "the file"])
@pytest.mark.parametrize("action", list(ACTIONS))
def test_an_action_takes_what_its_own_screen_shows(
    here: Desk, workspace: Workspace, action: str, elsewhere: str
) -> None:
    start(workspace)
    one, two = here.open(template=CUP), here.open(template=CUP)
    one = one.text_area(key="text-instructions-cup").set_value("AAA take the facts.\n").run()
    match elsewhere:
        case "another tab":
            two.text_area(key="text-output_format-cup").set_value("BBB.\n").run()
        case "another tab, same field":
            two.text_area(key="text-instructions-cup").set_value("BBB.\n").run()
        case "the file":
            if action == "save":
                pytest.skip("Save shows both texts: test_two_people.py")
            file = workspace.root / CUP
            file.write_text(file.read_text().replace("Reply with the name only.", "BBB."))
    result = ACTIONS[action](here, one, workspace)
    assert "AAA take the facts." in result
    assert "BBB." not in result


def test_a_file_changed_on_disk_is_shown_only_when_the_person_says_so(here: Desk, workspace: Workspace) -> None:
    tab = here.open(template=CUP)
    file = workspace.root / CUP
    file.write_text(file.read_text().replace("Answer the question", "CCC the question"))
    tab = tab.run()
    assert tab.text_area(key="text-instructions-cup").value.startswith("Answer the question")
    here.run(tab)
    assert "CCC" not in text_of(here.models["alpha"].history[-1])
    assert "The file was changed on disk." in said(tab)
    tab = press(tab, "elsewhere-take")
    assert tab.text_area(key="text-instructions-cup").value.startswith("CCC the question")
    here.run(tab)
    assert "CCC" in text_of(here.models["alpha"].history[-1])


def test_changes_of_different_fields_meet_in_one_draft(here: Desk) -> None:
    one, two = here.open(template=CUP), here.open(template=CUP)
    one.text_area(key="text-instructions-cup").set_value("AAA.\n").run()
    two = two.text_area(key="text-output_format-cup").set_value("BBB.\n").run()
    assert here.session.drafts.load(CUP).changes == {"instructions": "AAA.\n", "output_format": "BBB.\n"}
    two = press(two, "elsewhere-take")
    assert two.text_area(key="text-instructions-cup").value == "AAA.\n"
    assert "Changed in another tab" not in said(two)
