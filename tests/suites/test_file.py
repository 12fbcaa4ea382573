"""Suite files: what can be written, and where it says what is wrong."""

from __future__ import annotations

import json

import pytest

from promptlab.errors import SuiteError
from promptlab.suites import _file as suite_file
from promptlab.suites._items import TrialMaker, suite_items
from promptlab.suites._suite import Case, CaseFile, ItemKey, Variant
from promptlab.types import Params
from tests.suites.making import PATH, SUITE, SuiteHouse, suites

__all__ = ["suites"]

FULL = """\
description: Everything
template: cup
models: [good, bad]
repeats: 2
params: {temperature: 0.5, stop: ["."]}
variants:
  plain: {}
  bare: {without: [context, examples], params: {temperature: 1}}
  other: {template: templates/other.yaml}
scorers: [contains, {chrf: {at_least: 0.6}}]
thresholds:
  - at least 50 %
  - {require: at least 1 of 2, variant: bare, model: bad, tag: final}
cases:
  - {id: winner, inputs: {question: Who?}, expected: [A, B], tags: [final], label: internal, documents: []}
  - {id: own, inputs: {question: Where?}, scorers: []}
  - file: more.jsonl
"""


def test_everything_that_a_suite_can_say_is_read(suites: SuiteHouse) -> None:
    other = suites.workspace.root / "templates/other.yaml"
    other.write_text((suites.workspace.root / "templates/cup.yaml").read_text())
    suite = suites.write(FULL)
    assert (suite.name, suite.path, suite.description, suite.repeats) == ("facts", PATH, "Everything", 2)
    assert suite.models == ("good", "bad")
    plain, bare, another = suite.variants
    assert plain == Variant("plain")
    assert (bare.without, another.template and another.template.path) == (
        ("context", "examples"),
        "templates/other.yaml",
    )
    assert suite.params_of(bare) == Params(temperature=1, max_tokens=16, stop=(".",))
    assert [spec.name for spec in suite.scorers] == ["contains", "chrf"]
    assert [(t.text, t.about) for t in suite.thresholds] == [
        ("at least 50 %", ""),
        ("at least 1 of 2", "variant bare, model bad, tag final"),
    ]
    winner, own, file = suite.entries
    assert winner == Case("winner", {"question": "Who?"}, ["A", "B"], (), ("final",), "internal", None, f"{PATH}:15")
    assert isinstance(own, Case)
    assert (own.scorers, suite.specs_of(own)) == ((), ())
    assert file == CaseFile("more.jsonl", 17)


def test_items_come_case_by_case_then_variant_model_and_repeat(suites: SuiteHouse) -> None:
    suite = suites.write(
        "template: cup\nmodels: [good, bad]\nrepeats: 2\nvariants: {a: {}, b: {}}\n"
        "cases: [{id: x, inputs: {question: q}}, {id: y, inputs: {question: q}}]\n"
    )
    found = [item.key for item in suite_items(suites.workspace, suite)]
    assert found == [
        ItemKey(case, variant, model, repeat)
        for case in "xy"
        for variant in "ab"
        for model in ("good", "bad")
        for repeat in (0, 1)
    ]
    assert (found[0].id, found[1].id) == ("x[a-good]", "x[a-good]#2")


def test_inline_messages_ask_as_a_template_would(suites: SuiteHouse) -> None:
    suite = suites.write(
        'messages: [{role: system, content: Be brief.}, {role: user, content: "{{ question }} ({{ n + 1 }})"}]\n'
        "models: [good]\ncases: [{id: a, inputs: {question: Who won?, n: 2}}]\n"
    )
    (item,) = suite_items(suites.workspace, suite)
    trial = TrialMaker(suites.workspace, suite).trial(item)
    from promptlab.runs._runner import request_of

    assert [(m.role, m.content) for m in request_of(trial).messages] == [
        ("system", "Be brief."),
        ("user", "Who won? (3)"),
    ]


def changed(old: str, new: str) -> str:
    assert old in SUITE
    return SUITE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line", "field", "said", "hint"),
    [
        (changed("template: cup", "template: cap"), 3, "template", "there is no template `cap`", "did you mean `cup`?"),
        (changed("template: cup\n", ""), 1, "", "either `template` or `messages`", ""),
        (changed("models: [good, bad]", "model: [good]"), 4, "model", "", "did you mean `models`?"),
        (changed("models: [good, bad]", "models: []"), 4, "models", "", ""),
        (changed("models: [good, bad]", "models: [good, good]"), 4, "models", "the same id, `case[good]`", ""),
        (changed("scorers: [contains]", "scorers: [contain]"), 5, "scorers.0", "no scorer", "did you mean `contains`?"),
        (changed("[at least 50 %]", "[nearly all]"), 6, "thresholds.0", "is no threshold", ""),
        (changed("[at least 50 %]", "[{require: at least 50 %, model: god}]"), 6, "thresholds.0.model", "no model",
         "did you mean `good`?"),
        (changed("id: host", "id: winner"), 9, "cases.1.id", "the id `winner` is used in line 8 already", ""),
        (changed("id: host, ", ""), 9, "cases.1", "`id` is missing", "a name that stays"),
        (changed("id: host", "id: 'a[b'"), 9, "cases.1.id", "one of [ ] #", ""),
        (changed("id: host", "id: ' a'"), 9, "cases.1.id", "white space around it", ""),
        (changed("expected: Qatar", "expcted: Qatar"), 9, "cases.1.expcted", "", "did you mean `expected`?"),
        (changed("expected: Qatar", "file: x.csv"), 9, "cases.1.id", "cannot stand beside `file`", ""),
        (SUITE + "params: {temprature: 1}\n", 11, "params.temprature", "no parameter", "did you mean `temperature`?"),
        (SUITE + "params: {temperature: hot}\n", 11, "params.temperature", "", ""),
        (SUITE + "variants: {a: {without: [contxt]}}\n", 11, "variants.a.without.0", "", ""),
        (SUITE + "variants: {'a[': {}}\n", 11, "variants.a[", "must not contain [ ] #", ""),
        (SUITE + "repeats: 0\n", 11, "repeats", "", ""),
        ("- a\n", 1, "", "must be a mapping", ""),
        ("a: [\n", 2, "", "", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_field(
    suites: SuiteHouse, text: str, line: int, field: str, said: str, hint: str
) -> None:
    with pytest.raises(SuiteError) as refused:
        suites.write(text)
    assert (refused.value.file, refused.value.line, refused.value.field) == (PATH, line, field)
    assert said in refused.value.what
    assert hint in (refused.value.hint or "")


def test_variants_and_models_that_make_one_name_are_refused(suites: SuiteHouse) -> None:
    """`x[a-b-c]` would be two items, and the answer of one taken for that of the other."""
    with pytest.raises(SuiteError, match=r"`case\[a-b-c\]`"):
        suites.write("template: cup\nmodels: [b-c, c]\nvariants: {a: {}, a-b: {}}\ncases: []\n")


def test_a_suite_is_found_by_name_and_path_and_the_nearest_is_offered(suites: SuiteHouse) -> None:
    for name in ("facts", PATH, str(suites.workspace.root / PATH)):
        assert suite_file.load_suite(suites.workspace, name).path == PATH
    with pytest.raises(SuiteError) as refused:
        suite_file.load_suite(suites.workspace, "fact")
    assert refused.value.hint == "did you mean `facts`?"
    for name in ("../facts.yaml", "/etc/passwd", "\0"):
        with pytest.raises(SuiteError):
            suite_file.load_suite(suites.workspace, name)


def test_files_of_cases_beside_suites_are_not_listed(suites: SuiteHouse) -> None:
    root = suites.workspace.root / "fixtures/suites"
    (root / "deep").mkdir()
    (root / "deep/b.yml").write_text(SUITE)
    for name, text in {"a": "# cases\n- {id: x}\n", "b": "[]\n", "c": "---\n-\n  id: x\n"}.items():
        (root / f"{name}.yaml").write_text(text)
    assert suite_file.suite_paths(suites.workspace) == ["fixtures/suites/deep/b.yml", PATH]


def test_cases_of_a_file_feed_inline_messages(suites: SuiteHouse) -> None:
    (suites.workspace.root / "q.jsonl").write_text(json.dumps({"id": "a", "inputs": {"q": "Who?"}}) + "\n")
    suite = suites.write('messages: [{role: user, content: "{{ q }}"}]\nmodels: [good]\ncases: [{file: q.jsonl}]\n')
    assert list(suite.template.inputs) == ["q"]
