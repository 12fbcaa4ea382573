"""A workspace opened from Python: what it shows, asks, refuses and keeps."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import promptlab
from promptlab import (
    GateRefused,
    InputError,
    Lab,
    ModelNotFound,
    PromptlabError,
    Request,
    Result,
    RunResults,
    Score,
    ScriptedBackend,
    TemplateError,
    Workspace,
    WorkspaceError,
)
from promptlab.errors import ServerFailed, StoreError
from promptlab.models import Measured
from promptlab.models._as_sent import AsSent
from promptlab.models._backend import Step
from promptlab.runs._store import Store
from promptlab.types import Completion, Span
from tests.conftest import TEMPLATE
from tests.gguf_made import tiny

WHO = {"question": "Who won?"}
PRIVATE = "The secret word is xyzzy-4711."


@pytest.fixture
def opened(workspace: Workspace) -> Iterator[Callable[..., Lab]]:
    """Opens the usual workspace with scripted models by name."""
    labs: list[Lab] = []

    def make(folder: Path = workspace.root, **models: Any) -> Lab:
        backends = {n: m if hasattr(m, "complete") else ScriptedBackend(n, m) for n, m in models.items()}
        labs.append(promptlab.open(folder, models=backends))
        return labs[-1]

    yield make
    for lab in labs:
        lab.close()


# Opening


def test_the_workspace_of_the_current_folder_or_of_a_folder_is_found(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root / "templates")
    assert promptlab.open().workspace.root == workspace.root.resolve()
    monkeypatch.chdir("/")
    assert promptlab.open(workspace.root / "fixtures").workspace.root == workspace.root.resolve()
    assert promptlab.open(str(workspace.root)).workspace.root == workspace.root.resolve()


def test_a_folder_without_a_workspace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError):
        promptlab.open(tmp_path)


def test_looking_at_a_prompt_opens_no_history(opened: Callable[..., Lab]) -> None:
    lab = opened(mine="ok")
    lab.preview("cup", model="mine")
    assert not list(lab.workspace.state.glob("*.sqlite"))


def test_a_closed_lab_says_so(opened: Callable[..., Lab]) -> None:
    with opened(mine=["Argentina"]) as lab:
        run = lab.compare("cup", WHO)
    assert [result.text for result in run] == ["Argentina"]
    for use in (lab.models, lab.runs, lambda: lab.compare("cup", WHO), lambda: lab.run(run.id)):
        with pytest.raises(PromptlabError, match="closed"):
            use()
    assert "closed" in repr(lab)
    lab.close()


def test_the_end_of_a_block_waits_for_answers_under_way(opened: Callable[..., Lab]) -> None:
    with opened(slow=[["Argen", 0.2, "tina"]]) as lab:
        run = lab.compare("cup", WHO)
    assert run.done
    assert [(r.text, r.completion and r.completion.finish_reason) for r in run] == [("Argentina", "stop")]
    with opened() as again:
        assert [result.text for result in again.run(run.id)] == ["Argentina"]


def test_an_error_in_a_block_stops_answers_under_way(opened: Callable[..., Lab]) -> None:
    slow = ScriptedBackend("slow", [["Argen", 60.0, "tina"]])
    lab, runs = opened(slow=slow), []

    def fail() -> None:
        with lab:
            runs.append(lab.compare("cup", WHO))
            until(lambda: bool(slow.history))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    (result,) = runs[0]
    assert result.completion is not None
    assert result.completion.finish_reason == "stopped"


def test_closing_stops_answers_under_way_and_keeps_what_had_arrived(opened: Callable[..., Lab]) -> None:
    slow = ScriptedBackend("slow", [["Argen", 60.0, "tina"]])
    lab = opened(slow=slow)
    run = lab.compare("cup", WHO)
    until(lambda: bool(slow.history))
    lab.close()
    assert run.done
    with opened() as again:
        assert [r.completion.finish_reason for r in again.run(run.id) if r.completion] == ["stopped"]


# What the workspace has


def test_what_the_workspace_has_is_listed(opened: Callable[..., Lab]) -> None:
    lab = opened(mine="ok")
    assert lab.templates() == ["templates/cup.yaml"]
    assert lab.documents() == ["fixtures/documents/cup.md"]
    assert lab.suites() == []
    assert [(m.name, m.ready) for m in lab.models()] == [("mine", True)]
    assert lab.template("cup").params.max_tokens == 16
    assert "Argentina" in lab.document("fixtures/documents/cup.md").text
    assert lab.document("fixtures/documents/cup.md").notes == ()
    assert [example.output for example in lab.examples("fixtures/examples/cup.jsonl")] == ["Qatar", "France"]


def test_the_check_of_a_template_names_the_line(opened: Callable[..., Lab]) -> None:
    lab = opened()
    assert lab.check("cup") == ()
    (lab.workspace.root / "templates/bad.yaml").write_text("instructions: |\n  {{ nothing }}\n")
    (problem,) = lab.check("templates/bad.yaml")
    assert "nothing" in problem.message
    with pytest.raises(InputError, match="cip"):
        lab.check("cip")


def test_a_rendered_prompt_says_where_each_character_came_from(opened: Callable[..., Lab]) -> None:
    prompt = opened().render("cup", WHO)
    assert [message.role for message in prompt.messages] == ["system", "user", "assistant", "user"]
    assert prompt.spans[0] == Span(0, 0, 38, "instructions")
    assert {span.section for span in prompt.spans} >= {"instructions", "output_format", "context", "examples", "input"}
    assert prompt.messages[-1].content.endswith("Who won?")


def test_rendering_takes_samples_and_leaves_sections_out(opened: Callable[..., Lab]) -> None:
    lab = opened()
    assert lab.render("cup").messages[-1].content.endswith("Who won?")
    sections = {span.section for span in lab.render("cup", without="context").spans}
    assert "context" not in sections
    assert sections == {span.section for span in lab.render("cup", without=["context"]).spans}


def test_a_preview_has_what_the_model_gets_and_its_tokens(opened: Callable[..., Lab]) -> None:
    mine = ScriptedBackend("mine", window=500)
    preview = opened(mine=mine).preview("cup", WHO, model="mine")
    assert preview.prompt.messages[-1].content.endswith("Who won?")
    assert (preview.tokens.window, preview.tokens.room, preview.tokens.exact) == (500, 16, True)
    assert preview.tokens.prompt == sum(preview.tokens.by_section.values()) > 10
    assert mine.history == []


def test_a_model_is_sized_by_name_and_as_its_entry_will_be_loaded(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    (tmp_path / "promptlab.yaml").write_text("models:\n  tiny: {backend: llama, path: tiny.gguf, n_ctx: 512}\n")
    tiny(tmp_path / "tiny.gguf")
    with promptlab.open(tmp_path) as lab:
        large = lab.size("llama-2-70b", gpus=["A100 80GB"], train="qlora")
        assert large.need.weights == 137_955_934_208
        assert [(fit.name, fit.count) for fit in large.fits] == [("A100 80GB", 2)]
        assert [each.way for each in large.training] == ["qlora"]
        assert [each.rank for each in lab.size("gemma-3-270m", train="lora", rank=4).training] == [4, 4]
        whole, short = (lab.size("gemma-3-270m", context=32_768, short_windows=short).need for short in (False, True))
        assert short.cache < whole.cache // 4
        own = lab.size("tiny")
        assert (own.kind, own.wanted.context, own.by) == ("model", 512, "llama.cpp")
        assert own.speeds[0].measured is None
        lab.catalogue.note_measured("tiny", Measured("2026-11-29T07:00:00+00:00", None, 9.0, 40.0))
        assert lab.size("tiny").speeds[0].measured == 40.0
        assert lab.size("tiny", context=2_048, kv_type="bf16").need.cache > own.need.cache
        assert lab.size("tiny", context=512, parallel=4, quant="Q8_0").file_type == "Q8_0"
        with pytest.raises(InputError):
            lab.size("no-such-model")
    with pytest.raises(PromptlabError):
        lab.size("tiny")


# Asking


def test_each_model_answers_and_the_results_come_in_the_order_of_the_models(opened: Callable[..., Lab]) -> None:
    lab = opened(slow=[[0.1, "Argentina"]], quick="France")
    run = lab.compare("cup", WHO)
    assert [(r.model, r.text, r.error, r.cached) for r in run] == [
        ("slow", "Argentina", "", False),
        ("quick", "France", "", False),
    ]
    assert [r.model for r in lab.compare("cup", WHO, models=["quick", "slow", "quick"])] == ["quick", "slow"]
    assert [r.model for r in lab.compare("cup", WHO, models="slow")] == ["slow"]


def test_a_run_is_a_sequence_that_can_be_read_again(opened: Callable[..., Lab]) -> None:
    run = opened(a="1", b="2", c="3").compare("cup", WHO)
    assert run[-1].text == "3"
    assert [r.text for r in run[:2]] == ["1", "2"]
    assert len(run) == 3
    assert [r.text for r in run] == [r.text for r in run] == ["1", "2", "3"]
    with pytest.raises(IndexError):
        run[3]


def test_the_history_answers_the_second_time_until_fresh(opened: Callable[..., Lab]) -> None:
    mine = ScriptedBackend("mine", "Argentina")
    lab = opened(mine=mine)
    first, second = lab.compare("cup", WHO)[0], lab.compare("cup", WHO)[0]
    assert (first.cached, second.cached) == (False, True)
    assert first.seconds is not None
    assert second.seconds is None
    assert second.tokens == first.tokens
    assert len(mine.history) == 1
    assert not lab.compare("cup", WHO, fresh=True)[0].cached
    assert len(mine.history) == 2


def test_an_error_in_the_middle_of_a_run_takes_no_other_answer_with_it(opened: Callable[..., Lab]) -> None:
    run = opened(a="1", bad=[["Par", ServerFailed("it broke", hint="wait")]], c="3").compare("cup", WHO)
    assert [(r.model, r.text, r.error, r.error_kind) for r in run] == [
        ("a", "1", "", ""),
        ("bad", "Par", "it broke", "ServerFailed"),
        ("c", "3", "", ""),
    ]
    assert [r.model for r in run.errors] == ["bad"]
    assert run[1].score is None
    assert run[1].tokens.written is None
    assert "ServerFailed" in repr(run)


def test_repeats_parameters_and_sections_are_what_is_asked(opened: Callable[..., Lab]) -> None:
    mine = ScriptedBackend("mine", "Argentina")
    lab = opened(mine=mine)
    run = lab.compare("cup", WHO, without=["context"], params={"temperature": 0.5, "stop": "\n"}, repeats=3)
    run.wait()
    assert len(run) == len(mine.history) == 3
    assert {request.repeat for request in mine.history} == {0, 1, 2}
    params = mine.history[0].params
    assert (params.temperature, params.stop, params.max_tokens) == (0.5, ("\n",), 16)
    assert all("beat France" not in message.content for message in mine.history[0].messages)
    assert {r.without for r in run} == {("context",)}


def test_answers_are_scored_by_name_by_options_and_by_functions(opened: Callable[..., Lab]) -> None:
    def shouted(answer: str, _expected: str) -> tuple[float, str]:
        return float(answer.isupper()), "capital letters"

    lab = opened(mine="It was ARGENTINA")
    assert lab.compare("cup", WHO)[0].score is None
    assert lab.compare("cup", WHO, expected="Argentina")[0].score == 1.0
    assert lab.compare("cup", WHO, expected="Argentina", scorers="exact")[0].score == 0.0
    wanted: list[Any] = ["contains", {"exact": {"extract": r"(\w+)$"}}, shouted, lambda answer, _: len(answer) > 3]
    (result,) = lab.compare("cup", WHO, expected="Argentina", scorers=wanted)
    assert [(s.scorer, s.value) for s in result.scores] == [
        ("contains", 1.0),
        ("exact", 1.0),
        ("shouted", 0.0),
        ("lambda", 1.0),
    ]
    assert result.score == 0.75


def test_a_scorer_that_fails_or_gives_no_share_judges_nothing(opened: Callable[..., Lab]) -> None:
    run = opened(mine="Argentina").compare("cup", WHO, expected="x", scorers=[lambda *_: 7, lambda *_: [][0]])
    assert [s.value for s in run[0].scores] == [None, None]
    assert run[0].score is None
    assert "returned 7" in run[0].not_judged
    assert run[0].text == "Argentina"


@pytest.mark.parametrize(
    ("words", "error", "named"),
    [
        ({"template": "cap"}, TemplateError, "cap"),
        ({"inputs": {"qestion": "x"}}, TemplateError, "question"),
        ({"inputs": {}}, TemplateError, "question"),
        ({"inputs": {"question": 7}}, TemplateError, "question"),
        ({"models": ["nine"]}, ModelNotFound, "mine"),
        ({"models": []}, InputError, "mine"),
        ({"without": ["contex"]}, InputError, "context"),
        ({"params": {"temprature": 1}}, InputError, "temperature"),
        ({"params": {"temperature": -1}}, InputError, "temperature"),
        ({"params": {"temperature": "hot"}}, InputError, "temperature"),
        ({"params": {"max_tokens": 1.5}}, InputError, "max_tokens"),
        ({"repeats": 0}, InputError, "repeats"),
        ({"scorers": "contains"}, InputError, "expected"),
        ({"scorers": "contans", "expected": "x"}, InputError, "contains"),
        ({"scorers": "judge", "expected": "x"}, InputError, "judge"),
    ],
)
def test_a_wrong_word_is_an_error_that_names_the_right_one_and_nothing_is_asked(
    opened: Callable[..., Lab], words: dict[str, Any], error: type[PromptlabError], named: str
) -> None:
    mine = ScriptedBackend("mine", "ok")
    lab = opened(mine=mine)
    with pytest.raises(error, match=named):
        lab.compare(**{"template": "cup", "inputs": WHO, **words})
    assert mine.history == []
    assert lab.runs() == []


def test_a_workspace_without_models_says_so(opened: Callable[..., Lab]) -> None:
    with pytest.raises(WorkspaceError):
        opened().compare("cup", WHO)


def test_a_template_made_in_python_is_asked_as_well(opened: Callable[..., Lab]) -> None:
    lab = opened(mine="ok")
    template = lab.template("cup")
    assert lab.compare(template, WHO)[0].text == "ok"


# The gate


@pytest.fixture
def private(make_workspace: Callable[..., Workspace]) -> Workspace:
    """A workspace whose template `private` brings a confidential document."""
    files = {
        "templates/private.yaml": TEMPLATE.replace("documents/cup.md", "private/cup.md"),
        "fixtures/private/cup.md": PRIVATE,
        "fixtures/private/question.txt": "Who said xyzzy-4711?",
    }
    labels = 'models: {}\nlabels:\n  "fixtures/private/**": confidential\n'
    return make_workspace(labels, files, folder="private")


def test_labelled_text_goes_to_no_model_below_it(opened: Callable[..., Lab], private: Workspace) -> None:
    ours = ScriptedBackend("ours", "ok")
    open_ = ScriptedBackend("open", "ok", clearance="internal")
    lab = opened(private.root, ours=ours, open=open_)
    run = lab.compare("private", WHO)
    assert [(r.model, r.error_kind) for r in run] == [("ours", ""), ("open", "GateRefused")]
    assert (len(ours.history), open_.history) == (1, [])
    assert getattr(promptlab, run[1].error_kind) is GateRefused


def test_a_value_is_public_and_a_file_has_its_label(
    opened: Callable[..., Lab], private: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ = ScriptedBackend("open", "ok", clearance="public")
    lab = opened(private.root, open=open_)
    monkeypatch.chdir(private.root / "fixtures")
    file = Path("private/question.txt")
    assert lab.compare("cup", {"question": file})[0].error_kind == "GateRefused"
    assert open_.history == []
    assert lab.compare("cup", {"question": file.read_text()})[0].ok
    assert open_.history[0].messages[-1].content.endswith("Who said xyzzy-4711?")
    with pytest.raises(InputError, match="none"):
        lab.compare("cup", {"question": Path("none.txt")})


class Own:
    """A backend of a user's own, which says nothing about clearance."""

    name, max_parallel, fingerprint, window = "own", 1, "own", None

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def complete(self, request: Request, cancel: threading.Event) -> Iterator[Step]:
        self.asked.append(request)
        yield Completion("mine", "stopped" if cancel.is_set() else "stop")

    def as_sent(self, request: Request) -> AsSent:
        return ScriptedBackend().as_sent(request)


def test_a_backend_that_says_no_clearance_sees_public_text_only(opened: Callable[..., Lab], private: Workspace) -> None:
    own = Own()
    lab = opened(private.root, own=own)
    assert lab.compare("private", WHO)[0].error_kind == "GateRefused"
    assert own.asked == []
    assert lab.compare("cup", WHO)[0].text == "mine"


def test_a_model_in_the_place_of_one_of_promptlab_yaml_keeps_the_lower_clearance(
    opened: Callable[..., Lab], private: Workspace
) -> None:
    entry = '  gpt: {backend: openai, model: gpt-4o-mini, base_url: "http://127.0.0.1:9/v1"}\n'
    file = private.root / "promptlab.yaml"
    file.write_text(file.read_text().replace("models: {}\n", f"models:\n{entry}"))
    gpt = ScriptedBackend("gpt", "ok", clearance="confidential")
    lab = opened(private.root, gpt=gpt)
    assert lab.compare("cup", WHO)[0].text == "ok"
    assert lab.compare("private", WHO)[0].error_kind == "GateRefused"
    assert len(gpt.history) == 1


# The history


def test_runs_of_the_history_are_found_and_read(opened: Callable[..., Lab]) -> None:
    with opened(mine=["Argentina", ServerFailed("down")]) as lab:
        first = lab.compare("cup", WHO).wait()
        lab.compare("cup", {"question": "Who lost?"}).wait()
        newest, oldest = lab.runs()
        assert (oldest.id, oldest.models, oldest.failed) == (first.id, ("mine",), 0)
        assert (newest.failed, newest.total) == (1, 1)
        assert [info.id for info in lab.runs(text="who LOST")] == [newest.id]
        assert lab.runs(model="other") == []
        stored = lab.run(first.id[:10])
        assert [r.text for r in stored] == ["Argentina"]
        assert stored.done
        assert stored[0].request is not None
        with pytest.raises(StoreError):
            lab.run("nothing")


def test_a_history_that_cannot_be_written_is_an_error_once_the_answers_were_given(
    opened: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise StoreError("the disk is full")

    lab = opened(mine="Argentina")
    monkeypatch.setattr(Store, "add", full)
    run = lab.compare("cup", WHO)
    seen: list[Result] = []
    with pytest.raises(StoreError, match="full"):
        seen.extend(run)
    assert [run[0].text] == ["Argentina"]


# Several at once


def test_several_threads_use_one_lab(opened: Callable[..., Lab]) -> None:
    mine = ScriptedBackend("mine", lambda request: f"to {request.messages[-1].content.split()[-1]}")
    lab = opened(mine=mine)

    def ask(number: int) -> list[str]:
        return [r.text for r in lab.compare("cup", {"question": f"Who is {number}"}, repeats=3)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(24)))
    assert found == [[f"to {number}"] * 3 for number in range(24)]
    assert len(lab.runs(limit=50)) == 24


def test_several_threads_read_one_run(opened: Callable[..., Lab]) -> None:
    run = opened(a=[[0.05, "1"]], b=[[0.1, "2"]]).compare("cup", WHO)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [r.text for r in run], range(8)))
    assert found == [["1", "2"]] * 8


def test_two_labs_do_not_disturb_each_other(
    opened: Callable[..., Lab], make_workspace: Callable[..., Workspace]
) -> None:
    other = make_workspace(folder="other")
    one, two = opened(mine=[["A", 0.2, "rgentina"]]), opened(other.root, mine="France")
    same = opened(mine="Brazil")
    runs = [lab.compare("cup", WHO) for lab in (one, two, same)]
    two.close()
    assert [run[0].text for run in runs] == ["Argentina", "France", "Brazil"]
    assert len(one.runs()) == 2
    assert {info.id for info in one.runs()} == {runs[0].id, runs[2].id}


def test_ctrl_c_while_waiting_stops_the_run(opened: Callable[..., Lab]) -> None:
    slow = ScriptedBackend("slow", [["Argen", 60.0, "tina"]])
    run = opened(slow=slow).compare("cup", WHO)
    until(lambda: bool(slow.history))

    def interrupted() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run._until(interrupted)
    assert run[0].completion is not None
    assert run[0].completion.finish_reason == "stopped"


# As tables


def test_a_table_has_a_row_for_each_result_and_no_text_for_one_that_failed(opened: Callable[..., Lab]) -> None:
    lab = opened(a="Argentina", bad=[["Par", ServerFailed("it broke")]])
    table = lab.compare("cup", WHO, expected="Argentina").to_pandas()
    assert list(table.model) == ["a", "bad"]
    assert table.text[0] == "Argentina"
    assert table.text.isna().tolist() == [False, True]
    assert table.score.isna().tolist() == [False, True]
    assert table.score[0] == 1.0
    assert "it broke" in table.error[1]
    assert table.new_tokens[0] == 1
    assert str(table.new_tokens.dtype) == "Int64"
    both = lab.compare("cup", WHO, expected="Argentina", scorers=["exact", "contains"]).to_pandas()
    assert [name for name in both if name.startswith("score_")] == ["score_exact", "score_contains"]


def test_what_a_model_writes_is_escaped_in_a_notebook_and_on_a_terminal(opened: Callable[..., Lab]) -> None:
    bad = "<script>alert(1)</script>\x1b]0;title\x07\u202eabc"
    run = opened(mine=bad).compare("cup", WHO)
    page = run._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    for shown in (repr(run), page):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_repr_does_not_wait_and_the_table_does(opened: Callable[..., Lab]) -> None:
    lab = opened(slow=[[0.3, "Argentina"]])
    run = lab.compare("cup", WHO)
    assert "0 of 1" in repr(run)
    assert "Argentina" in run._repr_html_()
    assert "1 of 1" in repr(run)


def test_without_pandas_the_error_says_what_to_install(
    opened: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *rest)

    run = opened(mine="ok").compare("cup", WHO)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PromptlabError, match=r"promptlab\[notebook\]"):
        run.to_pandas()


def test_the_scores_of_a_result_have_a_mean() -> None:
    scores = (Score("a", 1.0, "x", ""), Score("b", 0.5, "x", ""))
    assert Result("1", "2", "m", None, "", scores=scores).score == 0.75
    assert isinstance(RunResults("id", "title", 0), RunResults)


def until(condition: Callable[[], bool]) -> None:
    ready = threading.Event()
    for _ in range(2000):
        if condition():
            return
        ready.wait(0.005)
    raise AssertionError("it never came")
