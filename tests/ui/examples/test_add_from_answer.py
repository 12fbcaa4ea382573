"""Any answer becomes an example: its question, with that answer or a better one."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from promptlab.errors import ServerFailed
from promptlab.examples import _pool as examples
from promptlab.types import Example
from tests.ui.conftest import Desk, choose
from tests.ui.dialogs import dialog

Desks = Callable[..., Desk]
CUP = "fixtures/examples/cup.jsonl"


def pool(here: Desk, path: str = CUP) -> tuple[Example, ...]:
    return examples.load_pool(here.session.workspace, path)


def answered(here: Desk) -> AppTest:
    tab = here.run(here.open())
    assert not tab.exception
    return tab


def add(tab: AppTest) -> AppTest:
    """Press the button of the newest answer."""
    return choose(tab, "Add as example")


def press(tab: AppTest, key: str) -> AppTest:
    button = tab.button(key=key)
    assert not button.disabled, key
    button.click().run()
    assert not tab.exception
    return tab


def field(tab: AppTest, name: str) -> str:
    found = [str(w.key) for w in [*tab.text_area, *tab.text_input, *tab.selectbox, *tab.multiselect]]
    return next(key for key in found if key.startswith(f"adding-{name}"))


def test_an_answer_that_is_right_is_added_with_one_press(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = add(answered(here))
    assert "Who won?" in dialog(tab)
    assert tab.text_area(key=field(tab, "output")).value == "Argentina"
    assert tab.selectbox(key=field(tab, "pool")).value == CUP
    press(tab, "add-example-do")
    added = pool(here)[-1]
    assert (added.inputs, added.output, added.label) == ({"question": "Who won?"}, "Argentina", "public")
    assert f"Added to cup.jsonl, as {added.id}" in dialog(tab)
    assert "The pool now has 3 examples" in dialog(tab)
    press(tab, "add-example-close")
    assert "add-example-do" not in {b.key for b in tab.button}


def test_an_answer_is_corrected_on_the_way(desk: Desks) -> None:
    here = desk(alpha=["France"])
    tab = add(answered(here))
    tab.text_area(key=field(tab, "output")).set_value("Argentina")  # and at once:
    press(tab, "add-example-do")
    assert pool(here)[-1].output == "Argentina"


def test_the_shot_is_there_on_the_workbench_once_it_is_added(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = press(add(answered(here)), "add-example-do")
    here.session.drafts.change("templates/cup.yaml", inputs={"question": "Who came second?"})
    here.session.drafts.edit(
        "templates/cup.yaml", (here.session.workspace.root / "templates/cup.yaml").read_text(), {"examples.k": 2}
    )
    tab = answered(here)
    assert not tab.exception
    sent = here.models["alpha"].history[-1].messages
    assert any(m.role == "assistant" and m.content == "Argentina" for m in sent)


def test_the_same_question_and_answer_are_not_added_twice(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = press(press(add(answered(here)), "add-example-do"), "add-example-close")
    tab = add(here.open())
    assert "Already in this pool, as answer-" in dialog(tab)
    press(tab, "add-example-do")
    assert "Nothing was added." in dialog(tab)
    assert len(pool(here)) == 3


def test_another_answer_to_a_question_of_the_pool_replaces_it_only_when_asked(desk: Desks) -> None:
    here = desk(alpha=["The State of Qatar"])
    here.session.drafts.change("templates/cup.yaml", inputs={"question": "who hosted it?"})
    tab = add(answered(here))
    assert "The question is already in this pool, as host" in dialog(tab)
    assert "Its present answer: Qatar" in dialog(tab)
    assert tab.button(key="add-example-do").label == "Replace its answer"
    assert pool(here)[0].output == "Qatar"
    press(tab, "add-example-do")
    assert pool(here)[0] == Example("host", {"question": "Who hosted it?"}, "The State of Qatar")
    assert len(pool(here)) == 2


def test_the_label_is_never_lower_than_that_of_what_went_in(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    (here.session.workspace.root / "promptlab.yaml").write_text(
        'models: {}\nlabels: {"fixtures/documents/**": internal}\n'
    )
    here.session.reload()
    tab = add(answered(here))
    assert tab.selectbox(key=field(tab, "label")).options == ["internal", "confidential"]
    assert "cannot be lower than internal" in dialog(tab)
    press(tab, "add-example-do")
    assert pool(here)[-1].label == "internal"


def test_a_new_pool_can_be_begun_and_used_by_the_template(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = add(answered(here))
    tab.selectbox(key=field(tab, "pool")).set_value("").run()
    assert tab.text_input(key=field(tab, "new")).value == "cup"
    assert "The file exists already." in dialog(tab)
    tab.text_input(key=field(tab, "new")).set_value("mine").run()
    press(tab, "add-example-do")
    (added,) = pool(here, "fixtures/examples/mine.jsonl")
    assert added.output == "Argentina"
    press(tab, "add-example-use")
    assert "now takes its shots from this pool" in dialog(tab)
    assert here.session.drafts.load("templates/cup.yaml").changes == {"examples.pool": "fixtures/examples/mine.jsonl"}


def test_a_template_without_examples_gets_them(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    file = here.session.workspace.root / "templates/cup.yaml"
    text = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in text if not line.startswith("examples:")))
    tab = add(answered(here))
    assert tab.selectbox(key=field(tab, "pool")).value == ""
    tab.selectbox(key=field(tab, "pool")).set_value(CUP).run()
    press(press(tab, "add-example-do"), "add-example-use")
    assert here.session.drafts.load("templates/cup.yaml").changes == {"examples": {"pool": CUP, "k": 2}}


def test_a_question_that_cannot_be_read_back_is_typed(desk: Desks) -> None:
    here = desk(alpha=["ARGENTINA"])
    file = here.session.workspace.root / "templates/cup.yaml"
    file.write_text(file.read_text() + "user: '{{ question | upper }}'\n")
    tab = add(answered(here))
    assert "Type the question yourself" in dialog(tab)
    assert "The question is empty." in dialog(press(tab, "add-example-do"))
    tab.text_area(key=field(tab, "input-0")).set_value("Who won?").run()
    press(tab, "add-example-do")
    assert pool(here)[-1].inputs == {"question": "Who won?"}


def test_the_right_answer_to_a_failed_question_can_be_typed(desk: Desks) -> None:
    here = desk(alpha=[ServerFailed("down")])
    tab = add(answered(here))
    assert "The right answer is empty." in dialog(press(tab, "add-example-do"))
    tab.text_area(key=field(tab, "output")).set_value("Argentina").run()
    press(tab, "add-example-do")
    assert pool(here)[-1].output == "Argentina"


def test_a_pool_that_cannot_be_read_is_said_and_nothing_is_lost(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    tab = answered(here)
    (here.session.workspace.root / CUP).write_text("{broken")
    add(tab)
    assert "not JSON" in dialog(tab)
    assert (here.session.workspace.root / CUP).read_text() == "{broken"


def test_an_answer_on_the_runs_page_can_be_added(desk: Desks) -> None:
    here = desk(alpha=["Argentina"])
    answered(here)
    (run,) = here.session.store.runs()
    press(add(here.open("runs", run=run.id)), "add-example-do")
    assert pool(here)[-1].output == "Argentina"
