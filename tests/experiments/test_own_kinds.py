"""Own kinds: the example of docs/experiments.md, trust, and files that are wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from promptlab.cli._main import cli
from promptlab.errors import ExperimentError, Untrusted
from promptlab.experiments import kind_named, kind_names, own_kinds, pictures_of, sentence
from promptlab.workspace import Workspace, forget_trust, requested_permissions, trust_workspace
from tests.experiments.bench import able, asked, experiment, workspace
from tests.places import ROOT

PAGE = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with the example, which is not trusted yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("PROMPTLAB_TRUST", raising=False)
    here = workspace(tmp_path / "w", cases=12)
    (here.root / "experiments").mkdir(exist_ok=True)
    (here.root / "experiments/tone.py").write_text(EXAMPLE)
    return here


def test_the_example_has_at_most_twenty_lines_of_code() -> None:
    assert len([line for line in EXAMPLE.splitlines() if line.strip() and not line.startswith("#")]) <= 20


def test_the_example_is_asked_and_has_its_effect_and_its_pictures(space: Workspace) -> None:
    trust_workspace(space)
    polite = able(lambda _: 0.0)
    plain = polite._script
    polite._script = lambda request: (  # a model that only answers if it is asked kindly
        plain(request)
        if "kind" not in request.prompt.messages[0].content
        else _right(request.prompt.messages[-1].content)
    )
    outcome = asked(space, experiment("tone"), polite)
    (effect,) = outcome.effects
    assert (effect.difference, effect.verdict) == (1.0, "helps")
    assert "polite beginning" in sentence(outcome.effects)
    assert [picture.name for picture in pictures_of(outcome)] == ["effects", "arms"]


def _right(question: str) -> str:
    return f"word-{''.join(ch for ch in question.rsplit('What is', 1)[-1] if ch.isdigit())}"


def test_it_is_off_until_the_workspace_is_trusted(space: Workspace) -> None:
    assert "tone" not in kind_names(space)
    with pytest.raises(Untrusted, match=r"experiments/tone\.py"):
        kind_named("tone", space)
    assert any("experiments/tone.py" in ask.words for ask in requested_permissions(space))
    assert kind_named("ablate", space).name == "ablate"  # built-in kinds need no trust
    trust_workspace(space)
    assert "tone" in kind_names(space)
    forget_trust(space)
    assert "tone" not in kind_names(space)


def test_it_is_not_there_in_another_workspace(space: Workspace, tmp_path: Path) -> None:
    trust_workspace(space)
    assert "tone" in kind_names(space)
    assert "tone" not in kind_names(workspace(tmp_path / "other", cases=2))
    assert "tone" not in kind_names()


def test_the_command_line_finds_it(space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    trust_workspace(space)
    monkeypatch.chdir(space.root)
    (space.root / "promptlab.yaml").write_text(
        "models:\n  m: {backend: openai, model: m, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    words = ["experiment", "tone", "t", "--cases", "cases.jsonl", "-m", "m", "--scorer", "exact", "--dry-run"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "24 answers" in done.output


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('boom')", "boom"),
        ("def (", "SyntaxError"),
        ("import nothing_of_this_name", "nothing_of_this_name"),
        (EXAMPLE.replace('@kind("tone"', '@kind("ablate"'), "there is a kind `ablate` already"),
    ],
)
def test_a_bad_file_says_so_and_hides_no_other(space: Workspace, code: str, said: str) -> None:
    trust_workspace(space)
    (space.root / "experiments/bad.py").write_text(code)
    assert "tone" in kind_names(space)
    assert said in str(own_kinds(space).problems["experiments/bad.py"])
    with pytest.raises(ExperimentError, match=re.escape(said)):
        kind_named("bad", space)


def test_a_changed_file_is_loaded_again(space: Workspace) -> None:
    trust_workspace(space)
    assert "tone" in kind_names(space)
    (space.root / "experiments/tone.py").write_text(EXAMPLE.replace('"tone"', '"manners"'))
    assert "manners" in kind_names(space)
    assert "tone" not in kind_names(space)


def test_an_unknown_option_is_refused(space: Workspace) -> None:
    trust_workspace(space)
    with pytest.raises(ExperimentError, match="has no option"):
        asked(space, experiment("tone", options={"befor": "Dear"}), able(lambda _: 1.0))
