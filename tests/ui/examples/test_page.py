"""Pools of examples in the browser: looked through, changed one at a time, tried, and rid of what is twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.examples import _edit as pools
from promptlab.examples import _pool as examples
from promptlab.types import Example
from promptlab.ui.examples import page as examples_page
from promptlab.workspace._ledger_read import newest_ledger_entries
from tests.ui.conftest import Desk, bodies, said, text_of
from tests.ui.dialogs import all_said, dialog

Desks = Callable[..., Desk]
CUP = "fixtures/examples/cup.jsonl"


def rows(tab: AppTest) -> list[str]:
    return [" ".join(text_of(body).split()) for body in bodies(tab) if 'class="pl-example"' in body]


def file_of(here: Desk, path: str = CUP) -> Path:
    return here.session.workspace.root / path


def fill(here: Desk, *more: Example) -> None:
    for example in more:
        pools.add_example(here.session.workspace, CUP, example)


def view(here: Desk, name: str) -> AppTest:
    tab = here.open("examples", pool=CUP)
    tab.segmented_control(key="pool-view").set_value(name).run()
    assert not tab.exception
    return tab


def press(tab: AppTest, key: str) -> AppTest:
    button = tab.button(key=key)
    assert not button.disabled, key
    button.click().run()
    assert not tab.exception
    return tab


def edit(tab: AppTest, number: int) -> AppTest:
    return press(tab, [str(b.key) for b in tab.button if str(b.key).startswith("edit-example-")][number])


def type_into(tab: AppTest, **texts: str) -> AppTest:
    for name, text in texts.items():
        widgets = [*tab.text_area, *tab.text_input]
        next(w for w in widgets if str(w.key).startswith(f"form-{name.replace('_', '-')}-")).set_value(text)
    return tab.run()


# The list


def test_without_pools_the_page_says_what_to_do(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    file_of(here).unlink()
    (here.session.workspace.root / "templates/cup.yaml").unlink()
    tab = here.open("examples")
    assert "No pools of examples yet Press Add as example on any answer" in all_said(tab)


def test_each_pool_says_how_much_it_holds_and_who_uses_it(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    file_of(here, "examples/broken.jsonl").parent.mkdir()
    file_of(here, "examples/broken.jsonl").write_text("{")
    tab = here.open("examples")
    words = all_said(tab)
    assert "broken.jsonl examples public cannot be read" in words
    assert "cup.jsonl fixtures/examples public 2 examples cup" in words


def test_a_broken_pool_is_shown_with_its_line(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    file_of(here).write_text('{"id": "a", "inputs": {"q": "x"}, "output": "y"}\n{"id": 3}\n')
    assert f"This pool cannot be read {CUP}:2" in all_said(here.open("examples", pool=CUP))


def test_a_pool_outside_the_workspace_is_refused(desk: Desks) -> None:
    assert "cannot be read" in all_said(desk(alpha=["ok"]).open("examples", pool="../../etc/passwd"))


# Browse


def test_every_example_is_shown_with_its_output_tags_and_label(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("third", {"question": "Who was third?"}, "Croatia", ("hard",), "internal"))
    tab = here.open("examples", pool=CUP)
    assert rows(tab) == [
        "Who hosted it? Qatar host",
        "Who came second? France second",
        "Who was third? Croatia third hard internal",
    ]


def test_search_tag_and_label_narrow_the_list(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(
        here,
        Example("c", {"question": "Who was third?"}, "Croatia", ("hard",), "internal"),
        Example("d", {"question": "Who was fourth?"}, "Morocco", ("hard",)),
    )
    tab = here.open("examples", pool=CUP)
    tab.text_input(key="pool-text").set_value("WHO WAS").run()
    assert len(rows(tab)) == 2
    tab.selectbox(key="pool-only").set_value("internal").run()
    assert rows(tab) == ["Who was third? Croatia c hard internal"]
    tab.selectbox(key="pool-only").set_value("").run()
    tab.text_input(key="pool-text").set_value("").run()
    tab.selectbox(key="pool-tag").set_value("hard").run()
    assert len(rows(tab)) == 2
    tab.text_input(key="pool-text").set_value("qatar").run()
    assert rows(tab) == []
    assert "No example matches" in said(tab)


def test_never_more_than_a_page_is_on_the_screen_and_pages_turn_both_ways(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    text = "".join(
        json.dumps({"id": f"e{n}", "inputs": {"question": f"Q{n} " + "long " * 5000}, "output": "A " * 5000}) + "\n"
        for n in range(60)
    )
    file_of(here).write_text(text)
    tab = here.open("examples", pool=CUP)
    assert len(rows(tab)) == examples_page.PAGE == 25
    assert sum(map(len, bodies(tab))) < 100_000
    press(press(tab, "pool-next"), "pool-next")
    assert "51 to 60 of 60" in said(tab)
    assert len(rows(tab)) == 10
    assert tab.button(key="pool-next").disabled
    press(tab, "pool-before")
    assert "26 to 50 of 60" in said(tab)
    tab.text_input(key="pool-text").set_value("Q1").run()
    assert rows(tab)[0].startswith("Q1 ")


def test_text_of_a_pool_is_never_markup(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    bad = "<img src=x onerror=alert(1)> **bold**"
    fill(here, Example("<b>x</b>", {"question": bad}, bad, (bad,)))
    for name in (examples_page.BROWSE, examples_page.CHOOSE, examples_page.DUPLICATES):
        tab = view(here, name)
        assert not any("<img" in body or "<b>x" in body for body in bodies(tab))


# One example


def test_an_example_is_edited_and_its_neighbours_stay_to_the_byte(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    second = file_of(here).read_text().splitlines()[1]
    tab = edit(here.open("examples", pool=CUP), 0)
    press(type_into(tab, output="The State of Qatar", id="host-2"), "example-save")
    lines = file_of(here).read_text().splitlines()
    assert json.loads(lines[0]) == {
        "id": "host-2",
        "inputs": {"question": "Who hosted it?"},
        "output": "The State of Qatar",
    }
    assert lines[1] == second
    assert rows(tab)[0] == "Who hosted it? The State of Qatar host-2"
    assert dialog(tab).replace("\\", "") == "host-2 was changed in cup.jsonl"


def test_what_a_browser_cannot_show_survives_an_edit_of_something_else(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    odd = "one\r\ntwo\x00 \ud800"
    fill(here, Example("odd", {"question": odd}, "A"))
    tab = edit(here.open("examples", pool=CUP), 2)
    press(type_into(tab, output="B"), "example-save")
    assert examples.load_pool(here.session.workspace, CUP)[2] == Example("odd", {"question": odd}, "B")


def test_an_example_is_added_with_an_id_made_from_its_inputs(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = press(here.open("examples", pool=CUP), "pool-add")
    press(type_into(tab, input_0="Who was third?", output="Croatia"), "example-save")
    added = examples.load_pool(here.session.workspace, CUP)[2]
    assert (added.inputs, added.output, added.label) == ({"question": "Who was third?"}, "Croatia", "public")
    assert added.id.startswith("example-")
    assert len(rows(tab)) == 3


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"input_0": "Who?"}, "The output is empty."),
        ({"output": "A"}, "An example needs at least one input."),
        ({"input_0": "who  HOSTED it?", "output": "A"}, "is already in this pool, as host."),
        ({"input_0": "New?", "output": "A", "id": "host"}, "The id `host` is taken."),
    ],
)
def test_what_cannot_be_added_is_said_and_stays_typed(desk: Desks, texts: dict[str, str], words: str) -> None:
    here = desk(alpha=["ok"])
    before = file_of(here).read_bytes()
    tab = press(here.open("examples", pool=CUP), "pool-add")
    press(type_into(tab, **texts), "example-save")
    assert words in dialog(tab)
    assert all(text in dialog(tab) for text in texts.values())
    assert file_of(here).read_bytes() == before


def test_deleting_asks_once_more(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = press(edit(here.open("examples", pool=CUP), 0), "example-delete")
    assert len(examples.load_pool(here.session.workspace, CUP)) == 2
    press(press(press(tab, "example-delete-not"), "example-delete"), "example-delete-sure")
    assert rows(tab) == ["Who came second? France second"]


def test_a_change_over_somebody_elses_is_refused(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = edit(here.open("examples", pool=CUP), 0)
    pools.edit_example(here.session.workspace, CUP, "host", Example("host", {"question": "Who hosted it?"}, "Theirs"))
    press(type_into(tab, output="Mine"), "example-save")
    assert "`host` was changed by another user" in dialog(tab)
    assert examples.load_pool(here.session.workspace, CUP)[0].output == "Theirs"


def test_the_last_example_can_go_and_another_one_come(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    pools.delete_examples(here.session.workspace, CUP, "second")
    tab = press(press(edit(here.open("examples", pool=CUP), 0), "example-delete"), "example-delete-sure")
    assert "This pool is empty" in said(tab)
    press(type_into(press(tab, "pool-add"), input_0="Who won?", output="Argentina"), "example-save")
    assert len(rows(tab)) == 1
    assert rows(tab)[0].startswith("Who won? Argentina example-")


def test_a_new_pool_begins_with_its_first_example(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open("examples")
    tab.text_input(key="new-pool-name").set_value("../evil")
    press(tab, "new-pool-begin")
    assert "A pool cannot have this name." in said(tab)
    tab.text_input(key="new-pool-name").set_value("mine")
    press(tab, "new-pool-begin")
    assert "Its file is created with the first example" in said(tab)
    assert not file_of(here, "fixtures/examples/mine.jsonl").exists()
    press(tab, "pool-add")
    press(type_into(tab, names="text, lang", input_0="Hallo"), "example-save")
    press(type_into(tab, input_1="de", output="Hello"), "example-save")
    (made,) = examples.load_pool(here.session.workspace, "fixtures/examples/mine.jsonl")
    assert (made.inputs, made.output) == ({"text": "Hallo", "lang": "de"}, "Hello")


def test_a_yaml_pool_is_read_and_not_changed(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    path = "fixtures/examples/p.yaml"
    file_of(here, path).write_text("- {id: a, inputs: {q: one}, output: two}\n")
    tab = here.open("examples", pool=path)
    assert "A YAML pool can only be changed in an editor" in said(tab)
    edit(tab, 0)
    assert "can only be changed in an editor" in dialog(tab)
    assert "example-save" not in {b.key for b in tab.button}


def test_a_label_is_never_lower_than_that_of_the_file(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    (here.session.workspace.root / "promptlab.yaml").write_text(f'models: {{}}\nlabels: {{"{CUP}": internal}}\n')
    tab = press(here.open("examples", pool=CUP), "pool-add")
    field = next(s for s in tab.selectbox if str(s.key).startswith("form-label-"))
    assert field.options == ["internal", "confidential"]
    press(type_into(tab, input_0="Who?", output="A"), "example-save")
    assert '"label"' not in file_of(here).read_text()


# Try a selection


def table(tab: AppTest) -> str:
    return next(" ".join(text_of(body).split()) for body in bodies(tab) if "<table" in body)


def test_a_selection_begins_as_the_template_has_it_and_says_why(desk: Desks) -> None:
    tab = view(desk(alpha=["ok"]), examples_page.CHOOSE)
    assert tab.number_input(key="choose-k").value == 1
    assert tab.text_area(key="choose-input-0").value == "Who won?"
    assert table(tab) == "Inputs Output Id Why 1 Who hosted it? Qatar host in the pool's order"
    assert "cup uses this selection." in all_said(tab)


def test_the_item_and_its_twin_are_left_out_and_named(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("twin", {"question": "who HOSTED it?"}, "Qatar"))
    tab = view(here, examples_page.CHOOSE)
    tab.text_area(key="choose-input-0").set_value("Who  hosted it?").run()
    words = all_said(tab)
    assert "Left out by the leakage guard host Who hosted it? the same inputs" in words.replace("##### ", "")
    assert "1 of 1 eligible examples." in words
    tab.segmented_control(key="choose-where").set_value("From the pool").run()
    tab.text_input(key="choose-item").set_value("twin").run()
    assert "twin who HOSTED it? it is the item" in all_said(tab)
    tab.text_input(key="choose-item").set_value("nobody").run()
    assert "No example has the id nobody" in all_said(tab)


def test_order_and_scores_of_similar_shots_are_shown(desk: Desks) -> None:
    tab = view(desk(alpha=["ok"]), examples_page.CHOOSE)
    tab.number_input(key="choose-k").set_value(2)
    tab.selectbox(key="choose-select").set_value("similar")
    tab.selectbox(key="choose-order").set_value("similar_last")
    tab.text_area(key="choose-input-0").set_value("Who came first?").run()
    shown = table(tab)
    assert shown.index("host similar") < shown.index("second similar")
    assert "BM25" in shown


def test_too_few_others_is_said(desk: Desks) -> None:
    tab = view(desk(alpha=["ok"]), examples_page.CHOOSE)
    tab.number_input(key="choose-k").set_value(2)
    tab.text_area(key="choose-input-0").set_value("Who hosted it?").run()
    assert "2 shots are asked for, and the pool has 1 (1 of 2 left out: the item itself)." in all_said(tab)


def test_a_choice_that_was_tried_can_go_into_the_template(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = view(here, examples_page.CHOOSE)
    tab.number_input(key="choose-k").set_value(2)
    tab.selectbox(key="choose-select").set_value("random").run()
    tab.number_input(key="choose-seed").set_value(7).run()
    press(tab, "choose-take")
    draft = here.session.drafts.load("templates/cup.yaml")
    assert draft.changes == {"examples.k": 2, "examples.select": "random", "examples.seed": 7}
    assert "cup uses this selection, in a draft that is not saved." in all_said(tab)


def test_what_is_set_stays_when_another_view_is_looked_at(desk: Desks) -> None:
    tab = view(desk(alpha=["ok"]), examples_page.CHOOSE)
    tab.number_input(key="choose-k").set_value(2).run()
    tab.segmented_control(key="pool-view").set_value(examples_page.BROWSE).run()
    tab.segmented_control(key="pool-view").set_value(examples_page.CHOOSE).run()
    assert tab.number_input(key="choose-k").value == 2


# Duplicates


def test_what_would_go_is_shown_before_it_goes(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("again", {"question": "who hosted IT?"}, "qatar"))
    tab = view(here, examples_page.DUPLICATES)
    assert table(tab) == "Remove Keep Inputs Output again host who hosted IT? qatar"
    assert len(examples.load_pool(here.session.workspace, CUP)) == 3
    press(tab, "duplicates-take-out")
    assert [e.id for e in examples.load_pool(here.session.workspace, CUP)] == ["host", "second"]
    assert "No duplicates" in said(tab)


def test_what_changed_since_it_was_shown_does_not_go(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("again", {"question": "who hosted IT?"}, "qatar"))
    tab = view(here, examples_page.DUPLICATES)
    fill(here, Example("more", {"question": "who hosted it?"}, "qatar"))
    press(tab, "duplicates-take-out")
    assert "The pool has changed meanwhile." in said(tab)
    assert len(examples.load_pool(here.session.workspace, CUP)) == 4


def test_different_answers_to_one_question_stay_for_somebody_to_decide(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("other", {"question": "Who hosted it?"}, "France"))
    tab = view(here, examples_page.DUPLICATES)
    assert "Contradictions" in said(tab)
    assert rows(tab) == ["Who hosted it? Qatar host", "Who hosted it? France other"]
    assert "duplicates-take-out" not in {b.key for b in tab.button}
    press(press(edit(tab, 1), "example-delete"), "example-delete-sure")
    assert "No duplicates" in said(tab)


def test_a_label_is_lowered_with_a_reason_only(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    fill(here, Example("secret", {"question": "Who knows?"}, "A", (), "confidential"))
    tab = edit(here.open("examples", pool=CUP), 2)
    next(s for s in tab.selectbox if str(s.key).startswith("form-label-")).set_value("public").run()
    press(tab, "example-save")
    assert "lowering a label needs a reason" in dialog(tab)
    assert examples.load_pool(here.session.workspace, CUP)[2].label == "confidential"
    next(t for t in tab.text_input if str(t.key).startswith("form-why-")).set_value("all know").run()
    press(tab, "example-save")
    assert examples.load_pool(here.session.workspace, CUP)[2].label == "public"
    (line,) = newest_ledger_entries(here.session.workspace.state)
    assert (line["path"], line["reason"]) == (f"{CUP}#secret", "all know")
