"""An answer, corrected or not, becomes an example of a pool."""

from __future__ import annotations

import pytest

from promptlab.errors import ExampleError
from promptlab.examples import _pool as examples
from promptlab.runs._result_to_example import add_example_from_result
from promptlab.types import Completion, Example, Message, Place, Prompt, Request, Result, Source, Span, sha256
from promptlab.workspace._workspace import Workspace
from tests.conftest import House


def test_an_answer_corrected_becomes_an_example_once(house: House) -> None:
    house.model("m", ("Wrong",))
    (result,) = house.ask(house.trials("m", question="Who scored most?"))
    path = "fixtures/examples/cup.jsonl"
    added = add_example_from_result(house.workspace, path, result, "Mbappé")
    assert added == Example(added.id, {"question": "Who scored most?"}, "Mbappé")
    assert add_example_from_result(house.workspace, path, result, "Mbappé") == added
    again = add_example_from_result(house.workspace, path, result, "Kylian Mbappé", tags=("checked",))
    assert again == Example(added.id, {"question": "Who scored most?"}, "Kylian Mbappé", ("checked",))
    assert examples.load_pool(house.workspace, path)[2:] == (again,)


def test_a_question_the_pool_has_is_not_added_again(house: House) -> None:
    house.model("m")
    (result,) = house.ask(house.trials("m", question="who hosted it? "))
    with pytest.raises(ExampleError, match="has this question already, as `host`"):
        add_example_from_result(house.workspace, "fixtures/examples/cup.jsonl", result, "Qatar")


def result_with(prompt: Prompt) -> Result:
    return Result("r", "run", "m", Request("m", prompt), "q", Completion("x"))


def test_an_example_has_the_highest_label_of_its_answer(workspace: Workspace) -> None:
    prompt = Prompt(
        (Message("user", "Q"),),
        (Span(0, 0, 1, "input", "question"),),
        (Source("context", "d.md", "internal"), Source("input", "question", "public", sha256("Q"))),
    )
    (workspace.root / "d.md").write_text("x")
    added = add_example_from_result(workspace, "fixtures/examples/new.jsonl", result_with(prompt), "A")
    assert (added.label, added.origins) == ("internal", (Place("d.md"),))
    assert examples.load_pool(workspace, "fixtures/examples/new.jsonl") == (added,)


def test_inputs_that_a_template_changed_have_to_be_given(workspace: Workspace) -> None:
    prompt = Prompt(
        (Message("user", "Q"),),
        (Span(0, 0, 1, "input", "question"),),
        (Source("input", "question", "public", sha256("q")),),
    )
    path = "fixtures/examples/new.jsonl"
    with pytest.raises(ExampleError, match="does not stand in its prompt as it was given"):
        add_example_from_result(workspace, path, result_with(prompt), "A")
    assert add_example_from_result(workspace, path, result_with(prompt), "A", inputs={"question": "q"}).inputs == {
        "question": "q"
    }
