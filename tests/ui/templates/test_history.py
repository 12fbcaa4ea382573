"""The history of a template in the browser, on real repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from promptlab._util.git import blob_id
from promptlab.ui.templates import history
from promptlab.versions import _branches as variants
from promptlab.versions import _history as versions
from promptlab.versions import _save as shelf
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start
from tests.ui.conftest import Desk, said
from tests.ui.templates.test_save import all_said, keys, press

Desks = Callable[..., Desk]
NEW = edited()
DRAFT = edited(TEMPLATE, "name only", "full name, nothing else")


def script() -> None:
    import streamlit as st

    from promptlab.ui.state import session
    from promptlab.ui.templates import history

    history.draw(session.current(), "templates/cup.yaml", st.session_state["draft"])


@pytest.fixture
def here(desk: Desks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    isolate(monkeypatch, tmp_path / "home")
    return desk(alpha=["Argentina", "France"])


@pytest.fixture
def repo(here: Desk, workspace: Workspace) -> Repository:
    made = start(here.session.workspace)
    shelf.save_template(workspace, CUP, NEW, "Ask for the <i>winner</i>", base=TEMPLATE)
    return made


def look(draft: str | None = None) -> AppTest:
    tab = AppTest.from_function(script, default_timeout=20)
    tab.session_state["draft"] = draft
    tab = tab.run()
    assert not tab.exception
    return tab


def short(repo: Repository, revision: str = "HEAD") -> str:
    return repo.git("rev-parse", revision)[:7]


def pick(tab: AppTest, *identities: str) -> AppTest:
    for identity in identities:
        tab.checkbox(key=f"compare-{identity[:60]}").check().run()
    return tab


def test_versions_are_listed_newest_first(repo: Repository) -> None:
    shelf.tag_version(repo.workspace, CUP, "HEAD", "production")
    words = all_said(look())
    first, second = words.index("Ask for the <i>winner</i>"), words.index("First")
    assert first < second
    assert "production" in words[first:second]
    assert words.count("Ada") == 2
    assert short(repo) in words[first:second]


@pytest.mark.usefixtures("here")
def test_before_the_first_version_it_says_what_to_do(workspace: Workspace) -> None:
    assert "Press Save to git to create one" in all_said(look())
    shelf.init_repository(workspace)
    words = all_said(look(DRAFT))
    assert "Press Save to git to save the first one" in words
    assert "The file on disk, not saved to git" in words


def test_a_version_alone_is_compared_with_the_one_before(repo: Repository) -> None:
    tab = pick(look(), repo.git("rev-parse", "HEAD"))
    words = all_said(tab)
    assert f"First ({short(repo, 'HEAD~1')}) → Ask for the <i>winner</i> ({short(repo)})" in words
    # Once in the words of the file, and once in those of the prompt.
    assert words.count("winner's") == 2
    tab = pick(press(tab, "comparison-close"), repo.git("rev-parse", "HEAD~1"))
    assert "This is the first version" in all_said(tab)


def test_any_two_can_be_compared_and_no_third_picked(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", edited(new="word only"), "Shorter")
    repo.put(CUP, edited(NEW, "max_tokens: 16", "max_tokens: 99"))
    tab = pick(look(DRAFT), "draft", repo.git("rev-parse", "HEAD~1"))
    words = all_said(tab)
    assert "First" in words
    assert "→ The unsaved draft" in words
    assert words.count("full ") >= 2
    others = [box for box in tab.checkbox if not box.value]
    assert len(others) == 3
    assert all(box.disabled for box in others)
    tab = pick(press(tab, "comparison-close"), "variant short", "disk")
    words = all_said(tab)
    assert "The file on disk, not saved to git → Variant short" in words
    assert words.count("word ") >= 2


def test_texts_with_one_prompt_say_so(repo: Repository) -> None:
    repo.put(CUP, "# a remark\n" + NEW)
    assert "The prompt is identical" in all_said(pick(look(), "disk"))


def test_a_version_that_gives_no_prompt_says_why_and_its_file_is_compared(repo: Repository) -> None:
    repo.put(CUP, "instructions: |\n  {{ who }}\n")
    words = all_said(pick(look(), "disk"))
    assert "The file on disk, not saved to git gives no prompt" in words
    assert "which no input declares" in words
    assert "{{" in words


def test_restoring_makes_the_old_text_the_newest_version(repo: Repository) -> None:
    tab = press(press(look(), f"restore-{short(repo, 'HEAD~1')}"), "restore-now")
    assert repo.text() == TEMPLATE
    assert len(repo.commits()) == 3
    assert repo.commits()[0].startswith("Restore cup")
    assert len(tab.toast) == 1
    assert f"restore-{short(repo)}" not in keys(tab)


def test_restoring_asks_first_and_shows_what_will_change(repo: Repository) -> None:
    tab = press(look(), f"restore-{short(repo, 'HEAD~1')}")
    assert repo.text() == NEW, "nothing is written before the second press"
    assert "What will change in the file" in all_said(tab)
    tab.text_area(key="restore-message").set_value("Back to the first one").run()
    press(tab, "restore-now")
    assert repo.commits()[0].startswith("Back to the first one")


def test_restoring_does_not_overwrite_what_is_in_no_version(repo: Repository) -> None:
    repo.put(CUP, DRAFT)
    tab = press(press(look(), f"restore-{short(repo, 'HEAD~1')}"), "restore-now")
    assert "has changes that are in no version" in all_said(tab)
    assert repo.text() == DRAFT


def test_a_name_is_given_moved_and_taken_away(repo: Repository) -> None:
    old, new = short(repo, "HEAD~1"), short(repo)
    tab = press(look(), f"name-{old}")
    tab.text_input(key="naming-name").set_value("production").run()
    tab = press(tab, "naming-give")
    assert versions.find_version(repo.workspace, CUP, "production").commit.startswith(old)

    tab = press(tab, f"name-{new}")
    tab.text_input(key="naming-name").set_value("production").run()
    assert f"production now names the version {old}" in all_said(tab)
    assert tab.button(key="naming-give").label == "Move production here"
    tab = press(tab, "naming-give")
    assert versions.find_version(repo.workspace, CUP, "production").commit.startswith(new)

    tab = press(press(tab, f"name-{new}"), "untag-production")
    assert repo.git("tag") == ""
    assert "naming-give" not in keys(tab)


def test_a_name_git_does_not_take_is_said_in_the_dialog(repo: Repository) -> None:
    tab = press(look(), f"name-{short(repo)}")
    tab.text_input(key="naming-name").set_value("not ~ this").run()
    tab = press(tab, "naming-give")
    assert "cannot be the name of a version" in all_said(tab)
    assert tab.text_input(key="naming-name").value == "not ~ this"


def test_answers_are_counted_for_the_version_they_were_made_with(here: Desk, repo: Repository) -> None:
    bench = here.open()
    here.run(bench)
    tab = look()
    assert tab.button(key=f"answers-{short(repo)}").label == "1 answer"
    assert f"answers-{short(repo, 'HEAD~1')}" not in keys(tab)

    runs = here.open("runs", version=blob_id(NEW))
    assert "first run" in said(runs)
    assert "No run matches" in said(here.open("runs", version=blob_id(TEMPLATE)))
    press(runs, "runs-every")
    assert "version" not in runs.query_params


@pytest.mark.usefixtures("repo")
def test_a_long_history_is_shown_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "PAGE", 1)
    tab = look()
    assert "First" not in all_said(tab)
    tab = press(tab, "history-older")
    assert "First" in all_said(tab)
    assert "history-older" not in keys(tab)


def test_a_version_that_deleted_the_file_is_listed_and_the_one_before_comes_back(repo: Repository) -> None:
    repo.git("rm", "-q", CUP)
    repo.git("commit", "-qm", "Away with it")
    tab = look()
    assert "deleted" in all_said(tab)
    press(press(tab, f"restore-{short(repo, 'HEAD~1')}"), "restore-now")
    assert repo.text() == NEW


# Variants


def test_a_draft_is_tried_as_a_variant_and_merged(repo: Repository) -> None:
    mine = edited(NEW, "max_tokens: 16", "max_tokens: 99")
    tab = press(look(mine), "variant-try")
    assert tab.button(key="variant-keep").disabled
    tab.text_input(key="variant-name").set_value("long").run()
    tab.text_input(key="variant-message").set_value("More room").run()
    tab = press(tab, "variant-keep")
    assert repo.text() == NEW
    assert variants.variant_text(repo.workspace, CUP, "long") == mine
    assert "More room" in all_said(tab)
    tab = press(tab, "merge-long")
    assert repo.text() == mine
    assert repo.commits()[0].startswith("Merge variant long")


def test_a_name_that_is_taken_is_refused_and_the_other_text_kept(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", NEW + "# a\n", "A")
    tab = press(look(DRAFT), "variant-try")
    tab.text_input(key="variant-name").set_value("short").run()
    tab.text_input(key="variant-message").set_value("B").run()
    tab = press(tab, "variant-keep")
    assert "was changed by another user" in all_said(tab)
    assert variants.variant_text(repo.workspace, CUP, "short") == NEW + "# a\n"


def test_a_variant_that_clashes_is_settled_side_by_side(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", edited(NEW, "winner's name only", "word"), "A")
    shelf.save_template(repo.workspace, CUP, edited(NEW, "winner's name only", "sentence"), "B", base=NEW)
    tab = press(look(), "merge-short")
    words = all_said(tab)
    assert "Both sides changed one place" in words
    assert "What the variant changed" in words
    assert tab.button(key="variant-settle").disabled
    tab.segmented_control(key="merging-short-prefer").set_value("ours").run()
    press(tab, "variant-settle")
    assert "word." in repo.text()
    assert repo.commits()[0] == "Merge variant short"


def test_a_variant_cannot_be_merged_over_what_is_in_no_version(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", DRAFT, "A")
    repo.put(CUP, edited(NEW, "max_tokens: 16", "max_tokens: 99"))
    assert "has changes that are in no version" in all_said(press(look(), "merge-short"))


def test_a_dropped_variant_can_be_brought_back(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", DRAFT, "A")
    tab = press(look(), "drop-short")
    assert variants.list_variants(repo.workspace, CUP) == []
    tab = press(tab, "variant-back")
    assert variants.variant_text(repo.workspace, CUP, "short") == DRAFT
    assert "variant-back" not in keys(tab)
