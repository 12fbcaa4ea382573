"""Every way that stored text comes back to a model, with a label raised in between: nothing forbidden is sent.

The table is the list of the places of the product where stored text becomes part of a request again. Each is tried
with a label raised before it comes back, for a model that may see everything and for one that may see what is public,
and without a raise: then it is sent, so that a gate which refuses everything does not pass here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from promptlab.documents import add_document
from promptlab.errors import GateRefused, PromptlabError
from promptlab.examples import _edit as pools
from promptlab.models._catalogue import Catalogue
from promptlab.models._scripted import ScriptedBackend
from promptlab.runs import _runner as runner
from promptlab.runs._result_to_example import add_example_from_result
from promptlab.runs._store import Store
from promptlab.runs._trial import Given, Recalled
from promptlab.suites import _from_run as suite_keep
from promptlab.suites._ask import Asking
from promptlab.suites._baseline import RunAnswers, write_recording
from promptlab.suites._file import load_suite
from promptlab.suites._find_causes import CauseFinder
from promptlab.suites._items import AskOptions
from promptlab.suites._log import SuiteLog
from promptlab.suites._recording import Recording
from promptlab.templates import _load as templates
from promptlab.types import Place, Prompt, Result
from promptlab.ui.state.open_template import open_template
from promptlab.ui.state.session import close_session, open_session
from promptlab.ui.workbench import reopen
from promptlab.ui.workbench import request as bench
from promptlab.workspace import _gate as privacy
from promptlab.workspace._current_labels import Labels
from promptlab.workspace._workspace import Workspace

WORD = "Zanzibar"
TEMPLATE = """\
inputs:
  question: {type: string, sample: Who?}
instructions: Answer.
"""
POOL, CASES, RAISED = "fixtures/examples/p.jsonl", "fixtures/suites/c.jsonl", "labels:\n"


@dataclass
class House:
    """A workspace with a model for what is public and one for everything; what each was sent is in its history."""

    root: Path
    models: dict[str, ScriptedBackend]

    @property
    def workspace(self) -> Workspace:
        return Workspace.load(self.root)

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.workspace, {}, extra=self.models)

    def put(self, path: str, text: str) -> None:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")

    def raise_label(self, *patterns: str) -> None:
        self.put("promptlab.yaml", "labels:\n" + "".join(f"  {json.dumps(one)}: confidential\n" for one in patterns))

    def forget(self) -> None:
        for model in self.models.values():
            model.history.clear()

    def sent(self, model: str) -> bool:
        """Whether the model was sent the word."""
        return any(WORD in message.content for request in self.models[model].history for message in request.messages)

    def store(self) -> Store:
        return Store(self.root / ".promptlab/runs.sqlite")

    def ask(self, model: str, template: str = "q", given: Given | None = None) -> list[Result]:
        from promptlab.runs import _plans as plans

        loaded, store = templates.load(self.workspace, template), self.store()
        trials = plans.plan_comparison(self.workspace, loaded, given or Given.typed({"question": "Who?"}), [model])
        try:
            return runner.start_run(trials, catalogue=self.catalogue, store=store, fresh=True).wait()
        finally:
            store.close()

    def suite(self, model: str, verb: Any, *, causes: int = 0, name: str = "s", **options: Any) -> list[str]:
        """Ask the suite; what was said of its items."""
        store, log, workspace = self.store(), SuiteLog(self.root / ".promptlab/suites.sqlite"), self.workspace
        try:
            suite = load_suite(workspace, name)
            asking = Asking(
                workspace,
                suite,
                verb=verb,
                options=AskOptions(models=(model,), **options),
                catalogue=self.catalogue,
                store=store,
                log=log,
                resume=False,
            )
            found = list(asking)
            if causes:
                finder = CauseFinder(asking, causes)
                found = [finder.explained(one) for one in found]
            if verb == "record":
                write_recording(workspace, suite, RunAnswers(store, log, asking.run))
            return [f"{one.verdict.said} {one.result.error}" for one in found]
        finally:
            store.close()
            log.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    root = tmp_path / "work"
    root.mkdir()
    models = {
        "pub": ScriptedBackend("pub", lambda _: WORD, clearance="public"),
        "all": ScriptedBackend("all", lambda _: WORD),
    }
    made = House(root, models)
    made.put("promptlab.yaml", "")
    made.put("templates/q.yaml", TEMPLATE)
    made.put("templates/doc.yaml", TEMPLATE + 'context: ["docs/plan #1.md"]\n')
    made.put(
        "templates/part.yaml", TEMPLATE + "context:\n  - {path: docs/part.md, passages: {by: range, lines: [1, 1]}}\n"
    )
    made.put("templates/shots.yaml", TEMPLATE + f"examples: {{pool: {POOL}, k: 1}}\n")
    made.put("templates/own.yaml", TEMPLATE.replace("Answer.", f"Answer {WORD}."))
    made.put("docs/plan #1.md", f"{WORD}\n")
    made.put("docs/part.md", f"{WORD}\n")
    made.put("notes/n.md", f"{WORD}\n")
    made.put(POOL, json.dumps({"id": "e", "inputs": {"question": "x"}, "output": WORD}) + "\n")
    made.put(CASES, json.dumps({"id": "a", "inputs": {"question": WORD}, "expected": "x"}) + "\n")
    return made


# What holds the word, and what is labelled then


@dataclass(frozen=True)
class Held:
    """A suite that asks with the word, and the change that labels it."""

    template: str
    case: str
    change: Callable[[House], None]


INLINE = "{id: a, inputs: {question: Who?}, expected: x}"


def labelled(*patterns: str) -> Callable[[House], None]:
    return lambda house: house.raise_label(*patterns)


def row(path: str) -> Callable[[House], None]:
    """A row that says its own label."""

    def change(house: House) -> None:
        data = json.loads((house.root / path).read_text("utf-8"))
        house.put(path, json.dumps({**data, "label": "confidential"}) + "\n")

    return change


def gone(path: str) -> Callable[[House], None]:
    """A file that moved into a folder that is labelled: nobody can say any more what its text is."""

    def change(house: House) -> None:
        house.raise_label("private/**")
        (house.root / "private").mkdir()
        (house.root / path).rename(house.root / "private" / Path(path).name)
        template = house.root / "templates/doc.yaml"
        template.write_text(template.read_text("utf-8").replace("docs/", "private/"), "utf-8")

    return change


HELD = {
    "document with # in its name": Held("doc", INLINE, labelled("docs/plan*.md")),
    "passages of a document": Held("part", INLINE, labelled("docs/part.md")),
    "document that moved": Held("doc", INLINE, gone("docs/plan #1.md")),
    "pool": Held("shots", INLINE, labelled(POOL)),
    "row of a pool": Held("shots", INLINE, row(POOL)),
    "template": Held("own", INLINE, labelled("templates/own.yaml")),
    "file of cases": Held("q", f"{{file: {CASES}}}", labelled(CASES)),
    "row of a file of cases": Held("q", f"{{file: {CASES}}}", row(CASES)),
    "suite": Held("q", f"{{id: a, inputs: {{question: {WORD}}}, expected: x}}", labelled("fixtures/suites/s.yaml")),
    "recording": Held("doc", INLINE, labelled("fixtures/recordings/s.jsonl")),
}


def rerun_stored(house: House, model: str) -> None:
    house.suite(model, "rerun", prompts="stored")


def rerun_current(house: House, model: str) -> None:
    house.suite(model, "rerun", prompts="current")


def put_back(house: House, model: str) -> None:
    """The prompt and a parameter changed: to find the cause, the recorded prompt is asked again."""
    for path in (house.root / "templates").iterdir():
        path.write_text(
            "inputs:\n  question: {type: string, sample: Who?}\ninstructions: Other.\nparams: {max_tokens: 9}\n"
        )
    house.models[model]._script = lambda _: "something else"
    house.suite(model, "rerun", prompts="current", causes=9)


def judged(house: House, model: str) -> None:
    """The recorded prompt is asked of a model that may see it, and a judge hears of it."""
    path = house.root / "fixtures/suites/s.yaml"
    path.write_text(path.read_text().replace("scorers: [contains]", f"scorers:\n  - judge: {{model: {model}}}"))
    said = house.suite("all", "rerun", prompts="stored")
    if model == "pub" and not house.sent("pub") and house.sent("all"):
        assert "the judge gave no answer: not sent to pub" in " ".join(said)


ROADS = {"rerun, stored": rerun_stored, "rerun, current": rerun_current, "put back": put_back, "judge": judged}
SAME_TODAY = {("rerun, current", "recording")}
"""What is rendered anew holds nothing of a recording."""


@pytest.mark.parametrize("model", ["pub", "all"])
@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("road", ROADS)
def test_a_recorded_prompt_is_as_private_as_its_sources_are_now(
    house: House, road: str, held: str, raised: bool, model: str
) -> None:
    if (road, held) in SAME_TODAY:
        pytest.skip("nothing stored comes back here")
    its = HELD[held]
    text = f"template: {its.template}\nmodels: [{model}]\nscorers: [contains]\ncases: [{its.case}]\n"
    house.put("fixtures/suites/s.yaml", text)
    house.suite(model, "record")
    assert house.sent(model)
    if raised:
        its.change(house)
    house.forget()
    ROADS[road](house, model)
    assert house.sent(model) is (model == "all" or not raised)


# Copies


def as_example(house: House, result: Result) -> str:
    add_example_from_result(house.workspace, "fixtures/examples/copy.jsonl", result, result.text)
    return "examples: {pool: fixtures/examples/copy.jsonl, k: 1}\n"


def as_edited_example(house: House, result: Result) -> str:
    """The copy is changed by hand, and is still a copy."""
    added = add_example_from_result(house.workspace, "fixtures/examples/copy.jsonl", result, result.text)
    changed = replace(added, output=f"{WORD} as well", origins=())
    pools.edit_example(house.workspace, "fixtures/examples/copy.jsonl", added.id, changed)
    return "examples: {pool: fixtures/examples/copy.jsonl, k: 1}\n"


def as_csv_example(house: House, result: Result) -> str:
    add_example_from_result(house.workspace, "fixtures/examples/copy.csv", result, result.text)
    return "examples: {pool: fixtures/examples/copy.csv, k: 1}\n"


def as_copy_of_a_copy(house: House, result: Result) -> str:
    house.put("templates/first.yaml", TEMPLATE + as_example(house, result))
    (second,) = house.ask("all", "first", Given.typed({"question": "The first?"}))
    add_example_from_result(
        house.workspace, "fixtures/examples/second.jsonl", second, second.text, inputs={"question": "y"}
    )
    return "examples: {pool: fixtures/examples/second.jsonl, k: 1}\n"


def as_document(house: House, result: Result) -> str:
    added = add_document(house.workspace, "answer.md", result.text)
    assert added.label == "confidential"  # a paste is, until a person says otherwise
    return f'context: ["{added.path}"]\n'


COPIES = {
    "example": as_example,
    "edited example": as_edited_example,
    "example in CSV": as_csv_example,
    "copy of a copy": as_copy_of_a_copy,
}
FROM = {
    "document": ("doc", None, ("docs/**",)),
    "pool": ("shots", None, (POOL,)),
    "input": ("q", "notes/n.md", ("notes/*",)),
}


@pytest.mark.parametrize("model", ["pub", "all"])
@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("origin", FROM)
@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_is_as_private_as_its_original_is_now(
    house: House, copy: str, origin: str, raised: bool, model: str
) -> None:
    template, file, patterns = FROM[origin]
    given = None if file is None else Given({"question": WORD}, "public", {"question": (Place(file),)})
    (result,) = house.ask("all", template, given)
    more = COPIES[copy](house, result)
    house.put("templates/copy.yaml", TEMPLATE + more)
    if raised:
        house.raise_label(*patterns)
    house.forget()
    house.ask(model, "copy", Given.typed({"question": "Another?"}))
    assert house.sent(model) is (model == "all" or not raised)


def test_an_answer_pasted_as_a_document_is_confidential(house: House) -> None:
    (result,) = house.ask("all", "doc")
    house.put("templates/copy.yaml", TEMPLATE + as_document(house, result))
    house.forget()
    house.ask("pub", "copy")
    assert not house.sent("pub")


@pytest.mark.parametrize("prompts", ["stored", "current"])
@pytest.mark.parametrize("model", ["pub", "all"])
@pytest.mark.parametrize("raised", [False, True])
def test_a_case_of_an_answer_is_as_private_as_the_answer(house: House, raised: bool, model: str, prompts: str) -> None:
    given = Given({"question": WORD}, "public", {"question": (Place("notes/n.md"),)})
    (result,) = house.ask(model, "q", given)
    store = house.store()
    kept = suite_keep.keep_run(house.workspace, store, result.run_id, "kept")
    store.close()
    assert kept.recorded == 1
    if raised:
        house.raise_label("notes/*.md")
    house.forget()
    house.suite(model, "rerun", name="kept", prompts=prompts)
    assert house.sent(model) is (model == "all" or not raised)


@pytest.mark.parametrize("model", ["pub", "all"])
@pytest.mark.parametrize("raised", ["never", "before it is opened", "after it is opened"])
def test_a_run_opened_in_the_workbench_keeps_where_its_inputs_came_from(house: House, raised: str, model: str) -> None:
    given = Given({"question": WORD}, "public", {"question": (Place("notes/n.md"),)})
    (result,) = house.ask("all", "q", given)
    session = open_session(house.workspace, house.catalogue)
    try:
        run = session.store.run(result.run_id)
        stored = session.store.results(run.id)[0]
        if raised == "before it is opened":
            house.raise_label("notes/n.md")
        opened = open_template(session, run.template)
        reopen._replace(session, run, opened, reopen.again(opened, run, stored))
        if raised == "after it is opened":
            house.raise_label("notes/n.md")
        session.drafts.change(run.template, models=(model,))
        house.forget()
        now = bench.read(session, open_template(session, run.template))
        job = session.jobs.start(run.template, now.trials(), fresh=True)
        assert job.wait(20)
        assert house.sent(model) is (model == "all" or raised == "never")
    finally:
        close_session(session)


def test_a_field_that_was_emptied_forgets_where_its_text_came_from(house: House) -> None:
    from promptlab.ui.components.bound_fields import _input
    from promptlab.ui.state.drafts import Drafts, InputOrigin
    from promptlab.ui.state.open_template import Opened

    drafts, template = Drafts(house.root / ".promptlab/drafts"), templates.load(house.workspace, "q")
    origins = {"question": InputOrigin(label="confidential")}
    draft = drafts.change(template.path, inputs={"question": WORD}, origins=origins)
    opened = Opened(template.path, template.source, draft, template, template)
    field = _input("input-question", "question", WORD, opened)
    assert field.settings
    changed = drafts.change(template.path, **field.settings(draft, f"{WORD}, and more"))
    assert changed.given(template).label == "confidential"
    emptied = drafts.change(template.path, **field.settings(changed, ""))
    again = drafts.change(template.path, **field.settings(emptied, "Typed by hand"))
    assert again.given(template) == Given.typed({"question": "Typed by hand"})


# During a run


def test_a_label_raised_during_a_run_counts_for_what_is_not_sent_yet(house: House) -> None:
    store = house.store()
    backend = ScriptedBackend(
        "pub", lambda _: (house.raise_label("docs/**"), WORD)[1], clearance="public", max_parallel=1
    )
    house.models["pub"] = backend
    from promptlab.runs import _plans as plans

    loaded = templates.load(house.workspace, "doc")
    trials = plans.plan_comparison(house.workspace, loaded, Given.typed({"question": "Who?"}), ["pub"], repeats=4)
    results = runner.start_run(trials, catalogue=house.catalogue, store=store, fresh=True).wait()
    store.close()
    assert [result.error_kind for result in results] == ["", "GateRefused", "GateRefused", "GateRefused"]
    assert len(backend.history) == 1


def test_nothing_goes_out_while_the_labels_cannot_be_read_but_to_who_may_see_all(house: House) -> None:
    store = house.store()
    from promptlab.runs import _plans as plans

    loaded = templates.load(house.workspace, "doc")
    catalogue = house.catalogue
    trials = plans.plan_comparison(house.workspace, loaded, Given.typed({"question": "Who?"}), ["pub", "all"])
    house.put("promptlab.yaml", "labels: [\n")
    results = runner.start_run(trials, catalogue=catalogue, store=store, fresh=True).wait()
    store.close()
    assert [result.error_kind for result in results] == ["GateRefused", ""]
    assert "cannot be read" in results[0].error


# A history of before


@pytest.mark.parametrize(
    ("held", "patterns"),
    [("document with # in its name", ("docs/**",)), ("pool", (POOL,)), ("template", ("templates/own.yaml",))],
)
@pytest.mark.parametrize("raised", [False, True])
def test_a_recording_that_kept_no_places_is_looked_up_by_its_names(
    house: House, held: str, patterns: tuple[str, ...], raised: bool
) -> None:
    its = HELD[held]
    text = f"template: {its.template}\nmodels: [pub]\nscorers: [contains]\ncases: [{its.case}]\n"
    house.put("fixtures/suites/s.yaml", text)
    house.suite("pub", "record")
    path = house.root / "fixtures/recordings/s.jsonl"
    with Recording(path) as recording:
        (stored,) = list(recording)
    sources = tuple(replace(source, places=None) for source in stored.request.prompt.sources)
    prompt = replace(stored.request.prompt, sources=sources)
    if raised:
        house.raise_label(*patterns)
    labels = Labels(house.workspace)
    assert labels.of_prompt(prompt) == ("confidential" if raised else "public")
    recalled = Recalled(replace(stored.request, prompt=prompt), (Place("fixtures/recordings/s.jsonl"),), stored.label)
    trial = runner.Trial(
        template=templates.load(house.workspace, its.template), inputs={}, model="pub", request=recalled
    )
    house.forget()
    store = house.store()
    runner.start_run([trial], catalogue=house.catalogue, store=store, fresh=True).wait()
    store.close()
    assert house.sent("pub") is not raised


def test_an_example_whose_pool_nobody_knows_is_confidential(house: House) -> None:
    from promptlab.types import Source

    labels = Labels(house.workspace)
    assert labels.of_source(Source("examples", "e")) == "public"
    assert labels.of_source(Source("examples", "never-seen")) == "confidential"


def test_an_export_of_a_run_asks_for_the_labels_of_now(house: House) -> None:
    (result,) = house.ask("all", "doc")
    assert result.request
    prompt: Prompt = result.request.prompt
    privacy.check_gate(Labels(house.workspace).today(prompt), model="a file", clearance="public")
    house.raise_label("docs/**")
    with pytest.raises(GateRefused):
        privacy.check_gate(Labels(house.workspace).today(prompt), model="a file", clearance="public")
    assert issubclass(GateRefused, PromptlabError)


def test_text_of_a_labelled_file_is_not_written_to_one_that_is_labelled_lower(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from promptlab.cli._main import cli

    monkeypatch.chdir(house.root)
    house.raise_label("notes/**", "docs/**")

    def refused(*words: str) -> bool:
        return isinstance(CliRunner().invoke(cli, list(words)).exception, GateRefused)

    saved = ("templates", "save", "q", "-m", "x", "--set-file")
    assert refused(*saved, "instructions=notes/n.md")
    assert WORD not in (house.root / "templates/q.yaml").read_text()
    assert refused("export", "promptfoo", "doc", "-o", "out.yaml")
    assert not (house.root / "out.yaml").exists()
    house.raise_label("notes/**", "docs/**", "templates/q.yaml", "out.yaml")
    assert not refused(*saved, "instructions=notes/n.md")
    assert not refused("export", "promptfoo", "doc", "-o", "out.yaml")
    assert WORD in (house.root / "out.yaml").read_text()


def test_a_case_made_of_labelled_text_has_an_id_that_says_nothing_of_it(house: House) -> None:
    house.raise_label("notes/**")
    given = Given({"question": f"Buy {WORD}"}, "confidential", {"question": (Place("notes/n.md"),)})
    (result,) = house.ask("all", "q", given)
    store = house.store()
    with pytest.raises(GateRefused) as caught:  # the recording would be public
        suite_keep.keep_run(house.workspace, store, result.run_id, "kept")
    assert WORD.lower() not in str(caught.value).lower()
    house.raise_label("notes/**", "fixtures/recordings/**")
    kept = suite_keep.keep_run(house.workspace, store, result.run_id, "kept")
    store.close()
    assert len(kept.cases) == 1
    assert WORD.lower() not in kept.cases[0]
    assert kept.cases[0].startswith("case-")
