"""Documents, examples and sections are added where they stand."""

from __future__ import annotations

from collections.abc import Callable

from promptlab.workspace._workspace import Workspace
from tests.repositories import CUP
from tests.ui.conftest import Desk, said
from tests.ui.templates.test_save import press

Desks = Callable[..., Desk]
ARTICLE, POOL = "fixtures/documents/cup.md", "fixtures/examples/cup.jsonl"
BARE = "inputs:\n  question: {sample: Who won?}\ninstructions: |\n  Answer.\n"


def test_a_document_is_picked_pasted_moved_and_removed(desk: Desks, workspace: Workspace) -> None:
    (workspace.root / "fixtures/documents/more.md").write_text("France came second.\n")
    here = desk(alpha=["ok"])
    tab = here.open(template=CUP)
    tab = tab.selectbox(key="documents-pick").set_value("fixtures/documents/more.md").run()
    assert here.session.drafts.load(CUP).changes == {"context": [ARTICLE, "fixtures/documents/more.md"]}
    tab.text_input(key="bench-pasted-name-0").set_value("note.md")
    tab.text_area(key="bench-pasted-paste-0").set_value("Croatia came third.")
    tab = press(tab, "bench-pasted-add")
    context = here.session.drafts.load(CUP).changes["context"]
    assert context[:2] == [ARTICLE, "fixtures/documents/more.md"]
    assert context[2].endswith("note.md")
    tab = press(tab, "document-move-up-1")
    tab = press(tab, "document-remove-2")
    assert here.session.drafts.load(CUP).changes == {"context": ["fixtures/documents/more.md", ARTICLE]}
    here.run(tab)
    system = here.models["alpha"].history[-1].messages[0].content
    assert system.index("France came second.") < system.index("Argentina beat")


def test_an_example_is_written_into_the_pool(desk: Desks, workspace: Workspace) -> None:
    here = desk(alpha=["ok"])
    before = (workspace.root / POOL).read_text()
    tab = press(here.open(template=CUP), "write-example")
    fields = {area.label: area for area in tab.text_area}
    fields["question"].set_value("Who came fourth?")
    fields["Output"].set_value("Morocco")
    press(tab, "example-save")
    after = (workspace.root / POOL).read_text()
    assert after.startswith(before), "every other line stays"
    assert '"Morocco"' in after.removeprefix(before)


def test_a_section_that_is_missing_is_added(desk: Desks, make_workspace: Callable[..., Workspace]) -> None:
    here = desk(make_workspace(files={CUP: BARE}), alpha=["ok"])
    tab = here.open(template=CUP)
    assert {"add-section-output_format", "add-section-context", "add-section-examples"} <= {b.key for b in tab.button}
    tab = press(tab, "add-section-output_format")
    tab = tab.text_area(key="text-output_format-cup").set_value("One word.\n").run()
    tab = press(tab, "add-section-examples")
    tab = tab.selectbox(key="examples-pool-cup").set_value(POOL).run()
    assert here.session.drafts.load(CUP).changes == {
        "output_format": "One word.\n",
        "examples": {"pool": POOL, "k": 2},
    }
    tab = tab.text_area(key="text-output_format-cup").set_value("").run()
    assert tab.text_area(key="text-output_format-cup").value == "", "an emptied section stays while it is open"


def test_an_input_that_was_described_is_offered_to_be_removed(
    desk: Desks, make_workspace: Callable[..., Workspace]
) -> None:
    text = BARE.replace("instructions", "  team: {description: Whose}\ninstructions").replace(
        "Answer.", "Of {{ team }}."
    )
    here = desk(make_workspace(files={CUP: text + 'user: "{{ question }}"\n'}), alpha=["ok"])
    tab = here.open(template=CUP)
    tab = tab.text_area(key="text-instructions-cup").set_value("Answer.\n").run()
    assert "The input team is not in the prompt any more" in said(tab)
    press(tab, "unused-remove-team")
    assert here.session.drafts.load(CUP).changes == {"instructions": "Answer.\n", "inputs.team": None}


def test_half_a_tag_keeps_the_last_valid_prompt(desk: Desks) -> None:
    here = desk(alpha=["ok"])
    tab = here.open(template=CUP)
    tab = tab.text_area(key="text-instructions-cup").set_value("Be brief.\n").run()
    tab = tab.text_area(key="text-instructions-cup").set_value("Be brief. {{ te").run()
    assert "Run waits" in said(tab)
    assert tab.button(key="run").disabled
    tab = tab.segmented_control(key="bench-view").set_value("Preview").run()
    assert "Be brief." in said(tab)
    assert "There is nothing to preview" not in said(tab)
