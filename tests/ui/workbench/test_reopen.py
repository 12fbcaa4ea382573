"""A run opened on the workbench: its inputs, switches and parameters, and nobody's edits lost unasked."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from promptlab.runs._run_info import RunInfo
from promptlab.types import Request
from tests.ui.conftest import Desk, said
from tests.ui.dialogs import all_said

Desks = Callable[..., Desk]
CUP = "templates/cup.yaml"


def echo(request: Request) -> str:
    return f"heard {request.messages[-1].content}"


def asked(here: Desk, question: str) -> RunInfo:
    tab = here.open()
    tab.text_area(key="input-question-cup").set_value(question).run()
    here.run(tab)
    return here.session.store.runs()[0]


def opened(here: Desk, run: RunInfo) -> AppTest:
    tab = here.open("runs", run=run.id)
    assert not tab.exception
    return tab


def test_inputs_switches_and_parameters_come_back(desk: Desks) -> None:
    here = desk(alpha=echo)
    drafts = here.session.drafts
    source = (here.session.workspace.root / CUP).read_text()
    drafts.change(CUP, without=("context",))
    drafts.edit(CUP, source, {"params.temperature": 0.5, "params.stop": ["END"]})
    run = asked(here, "Who hosted?")
    drafts.reset(CUP)
    tab = opened(here, run)
    assert "changed since" not in said(tab)
    tab.button(key="reopen").click().run()
    assert not tab.exception
    draft = drafts.load(CUP)
    assert draft.inputs == {"question": "Who hosted?"}
    assert draft.without == ("context",)
    assert draft.changes == {"params.temperature": 0.5, "params.stop": ["END"]}
    bench = here.open(template=CUP)
    assert bench.text_area(key="input-question-cup").value == "Who hosted?"
    assert bench.number_input(key="param-temperature-cup").value == 0.5


def test_what_the_run_had_as_the_file_has_it_is_no_change(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = asked(here, "Who won?")
    opened(here, run).button(key="reopen").click().run()
    assert not here.session.drafts.load(CUP).edited


def test_edits_are_replaced_only_when_somebody_says_so(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = asked(here, "Who hosted?")
    drafts = here.session.drafts
    drafts.edit(CUP, (here.session.workspace.root / CUP).read_text(), {"instructions": "Mine."})
    before = drafts.load(CUP)
    tab = opened(here, run)
    tab.button(key="reopen").click().run()
    assert "has unsaved edits Instructions edited." in all_said(tab)
    assert drafts.load(CUP) == before
    tab.button(key="reopen-keep").click().run()
    assert drafts.load(CUP) == before
    assert "holds edits" not in all_said(tab)
    tab.button(key="reopen").click().run()
    tab.button(key="reopen-replace").click().run()
    assert not tab.exception
    assert drafts.load(CUP).changes == {}
    assert drafts.load(CUP).inputs == {"question": "Who hosted?"}


def test_other_inputs_there_are_asked_for_too(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = asked(here, "Who hosted?")
    here.session.drafts.change(CUP, inputs={"question": "Something long and dear"})
    tab = opened(here, run)
    tab.button(key="reopen").click().run()
    assert "Other inputs." in all_said(tab)
    assert here.session.drafts.load(CUP).inputs == {"question": "Something long and dear"}


def test_a_template_that_changed_since_is_said(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = asked(here, "Who hosted?")
    file = here.session.workspace.root / CUP
    file.write_text(file.read_text().replace("Answer the question", "Answer every question"))
    assert "The template changed since" in said(opened(here, run))


def test_a_template_that_is_gone_is_said_and_the_run_is_still_shown(desk: Desks) -> None:
    here = desk(alpha=echo)
    run = asked(here, "Who hosted?")
    (here.session.workspace.root / CUP).unlink()
    here.session.drafts.reset(CUP)
    tab = opened(here, run)
    assert "templates/cup.yaml: there is no such template" in said(tab)
    assert [c.value for c in tab.code] == ["heard Who hosted?"]


def test_the_text_of_a_template_not_saved_yet_stays(desk: Desks) -> None:
    here = desk(alpha=echo)
    drafts, path = here.session.drafts, "templates/new.yaml"
    drafts.write(path, "inputs: {q: {sample: one}}\ninstructions: First.\nuser: '{{ q }}'\n", None)
    tab = here.open(template=path)
    here.run(tab)
    (run,) = here.session.store.runs()
    drafts.edit(path, "", {"instructions": "Second."})
    tab = opened(here, run)
    tab.button(key="reopen").click().run()
    tab.button(key="reopen-replace").click().run()
    assert not tab.exception
    assert "First." in (drafts.load(path).text or "")
    assert drafts.load(path).changes == {}
