"""Save to git in the browser: every state of the repository, of the file and of the draft, on real repositories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from promptlab.versions import _branches as variants
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start
from tests.ui.conftest import Desk, _said, said

Desks = Callable[..., Desk]
People = Callable[..., AppTest]

MINE = edited(TEMPLATE, "Answer a question from an article", "Mine")
THEIRS = edited(TEMPLATE, "max_tokens: 16", "max_tokens: 99")
CLASH = edited(TEMPLATE, "Answer a question from an article", "Theirs")


def script() -> None:
    """The smallest page with a draft: its text, what it was made from, and where it is let go of."""
    import streamlit as st

    from promptlab.ui.state import session
    from promptlab.ui.templates import save as saving

    def let_go() -> None:
        st.session_state["let-go"] = st.session_state.get("let-go", 0) + 1
        file = session.current().workspace.root / st.session_state["path"]
        st.session_state["text"] = file.read_bytes().decode() if file.exists() else ""
        st.session_state["base"] = None

    saving.button(
        session.current(),
        st.session_state["path"],
        st.session_state["text"],
        st.session_state["base"],
        on_saved=let_go,
    )


@pytest.fixture
def person(desk: Desks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., AppTest]:
    """Somebody with a draft of the template at `path`, made from `base`."""
    isolate(monkeypatch, tmp_path / "home")
    here = desk()

    def make(text: str = MINE, base: str | None = TEMPLATE, path: str = CUP) -> AppTest:
        tab = AppTest.from_function(script, default_timeout=20)
        tab.session_state["path"], tab.session_state["text"], tab.session_state["base"] = path, text, base
        here.tabs.append(tab)
        return tab.run()

    return make


@pytest.fixture
def repo(person: People, workspace: Workspace) -> Repository:  # noqa: ARG001 (isolates git)
    return start(workspace)


def all_said(tab: AppTest) -> str:
    """The page and the dialog."""
    assert not tab.exception
    event = tab._tree.children[2]
    return said(tab) + "\n" + "\n".join(filter(None, map(_said, event)))


def keys(tab: AppTest) -> set[str]:
    return {button.key for button in tab.button if button.key}


def press(tab: AppTest, key: str) -> AppTest:
    button = tab.button(key=key)
    assert not button.disabled, key
    return button.click().run()


def let_go(tab: AppTest) -> int:
    return int(tab.session_state["let-go"]) if "let-go" in tab.session_state else 0


def test_what_is_saved_has_nothing_to_save(repo: Repository, person: People) -> None:
    tab = person(TEMPLATE, None)
    assert f"saved · {repo.git('rev-parse', '--short=7', 'HEAD')}" in all_said(tab)
    assert tab.button(key="save-to-git").disabled


def test_a_draft_is_saved_with_a_message_made_from_what_changed(repo: Repository, person: People) -> None:
    tab = person(edited(MINE))
    assert "changed since" in all_said(tab)
    tab = press(tab, "save-to-git")
    assert tab.text_area(key="saving-message").value == "Output format edited, description edited"
    words = all_said(tab)
    assert "Author: Ada <ada@example.org>, on the branch main." in words
    assert "winner's" in words
    tab = press(tab, "saving-commit")
    assert repo.text() == edited(MINE)
    assert repo.commits() == ["Output format edited, description edited", "First"]
    assert let_go(tab) == 1
    assert "saved · " in all_said(tab)
    assert "saving-commit" not in keys(tab)
    assert [toast.value for toast in tab.toast] != []


def test_ones_own_message_is_taken_and_none_at_all_is_refused(repo: Repository, person: People) -> None:
    tab = press(person(), "save-to-git")
    tab.text_area(key="saving-message").set_value("  ").run()
    tab = press(tab, "saving-commit")
    assert "a version needs a message" in all_said(tab)
    assert let_go(tab) == 0
    tab.text_area(key="saving-message").set_value("Because <b>I</b> say so\n\nReally.").run()
    press(tab, "saving-commit")
    assert repo.git("log", "-1", "--format=%B").strip() == "Because <b>I</b> say so\n\nReally."


def test_cancel_saves_nothing_and_keeps_the_draft(repo: Repository, person: People) -> None:
    tab = press(press(person(), "save-to-git"), "saving-cancel")
    assert "saving-commit" not in keys(tab)
    assert repo.commits() == ["First"]
    assert repo.text() == TEMPLATE
    assert let_go(tab) == 0


def test_a_new_template_is_added(repo: Repository, person: People) -> None:
    tab = person("description: Say hello\nuser: Hello\n", None, "templates/hello.yaml")
    assert "not saved yet" in all_said(tab)
    tab = press(tab, "save-to-git")
    assert tab.text_area(key="saving-message").value == "Add hello: Say hello"
    press(tab, "saving-commit")
    assert repo.text("templates/hello.yaml").startswith("description: Say hello")
    assert repo.commits()[0] == "Add hello: Say hello"


def test_only_writing_the_file_makes_no_version_and_it_can_be_saved_later(repo: Repository, person: People) -> None:
    tab = press(press(person(), "save-to-git"), "saving-write")
    assert repo.text() == MINE
    assert repo.commits() == ["First"]
    assert let_go(tab) == 1
    assert "the file differs from" in all_said(tab)
    tab = press(tab, "save-to-git")
    assert "saving-write" not in keys(tab)
    press(tab, "saving-commit")
    assert repo.commits() == ["Description edited", "First"]


def test_other_changes_in_the_repository_stay_as_they_are(repo: Repository, person: People) -> None:
    repo.put("staged.txt", "a\n")
    repo.git("add", "staged.txt")
    repo.put("fixtures/documents/cup.md", "changed\n")
    repo.put("untracked.txt", "b\n")
    before = repo.status()
    press(press(person(), "save-to-git"), "saving-commit")
    assert repo.status() == before
    assert repo.git("show", "--format=", "--name-only", "HEAD") == CUP


def test_without_a_repository_one_can_be_begun(workspace: Workspace, person: People) -> None:
    tab = person()
    tab = press(tab, "save-to-git")
    words = all_said(tab)
    assert "not in a git repository yet" in words
    assert "saving-commit" not in keys(tab)
    tab = press(tab, "saving-init")
    assert (workspace.root / ".git").is_dir()
    # There is nobody yet: git is told, and then it is looked at again.
    assert "Git needs your name and e-mail address" in all_said(tab)
    repo = Repository(workspace)
    repo.git("config", "user.name", "Ada")
    repo.git("config", "user.email", "ada@example.org")
    tab = press(press(tab, "saving-again"), "saving-commit")
    assert repo.commits() == ["Add cup: Mine"]
    assert repo.text() == MINE


def test_without_a_repository_the_file_can_be_written(workspace: Workspace, person: People) -> None:
    tab = press(press(person(), "save-to-git"), "saving-write")
    assert (workspace.root / CUP).read_text() == MINE
    assert "no git repository" in all_said(tab)
    assert not (workspace.root / ".git").exists()


def test_without_an_identity_it_says_what_to_do_and_nothing_is_written(repo: Repository, person: People) -> None:
    repo.git("config", "--unset", "user.email")
    tab = press(person(), "save-to-git")
    words = all_said(tab)
    assert 'git config --global user.name "Your Name"' in words
    assert "git config --global user.email you@example.org" in words
    assert "saving-commit" not in keys(tab)
    assert repo.text() == TEMPLATE
    repo.git("config", "user.email", "ada@example.org")
    tab = press(press(tab, "saving-again"), "saving-commit")
    assert repo.text() == MINE


def test_who_one_is_can_be_said_in_the_dialog(repo: Repository, person: People) -> None:
    repo.git("config", "--unset", "user.email")
    repo.git("config", "--unset", "user.name")
    tab = press(press(person(), "save-to-git"), "saving-introduce")
    assert "git does not accept the name" in all_said(tab)
    tab.text_input(key="saving-name").set_value("Grace Hopper").run()
    tab.text_input(key="saving-address").set_value("grace@example.org").run()
    tab = press(tab, "saving-introduce")
    assert "Author: Grace Hopper <grace@example.org>, on the branch main." in all_said(tab)
    press(tab, "saving-commit")
    assert repo.git("log", "-1", "--format=%an <%ae>") == "Grace Hopper <grace@example.org>"


def test_a_failing_hook_is_shown_and_the_text_is_in_the_file(repo: Repository, person: People) -> None:
    repo.hook("pre-commit", "echo 'no <b>swearing</b> here'; exit 1")
    tab = press(press(person(), "save-to-git"), "saving-commit")
    assert "no <b>swearing</b> here" in all_said(tab)
    assert "Your text is in the file, but not committed" in all_said(tab)
    assert repo.text() == MINE
    assert repo.commits() == ["First"]
    repo.hook("pre-commit", "exit 0")
    tab = press(tab, "saving-commit")
    assert repo.commits()[1:] == ["First"]
    assert "saved · " in all_said(tab)


def test_a_hook_that_changes_the_file_has_the_last_word(repo: Repository, person: People) -> None:
    repo.hook("pre-commit", f"echo '# checked' >> {CUP}; git add {CUP}")
    tab = press(press(person(), "save-to-git"), "saving-commit")
    assert repo.text() == MINE + "# checked\n"
    assert tab.session_state["text"] == repo.text()


@pytest.mark.usefixtures("repo")
def test_what_is_no_template_is_not_saved(person: People) -> None:
    tab = press(person("instructions: |\n  {{ who }}\n"), "save-to-git")
    assert "This is not a valid template, line 2" in all_said(tab)
    assert tab.button(key="saving-commit").disabled
    assert tab.button(key="saving-write").disabled


def test_what_is_still_to_be_done_is_said_and_does_not_hinder(repo: Repository, person: People) -> None:
    tab = press(person("inputs: {q: {}}\nuser: '{{ q }}'\n"), "save-to-git")
    assert "the input `q` has no sample" in all_said(tab)
    press(tab, "saving-commit")
    assert len(repo.commits()) == 2


@pytest.mark.usefixtures("repo")
def test_without_git_the_page_says_so(person: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "git is not installed" in all_said(person())


# The file changed on disk since


@pytest.mark.parametrize("committed", [True, False], ids=["and committed", "on disk only"])
def test_changes_in_two_places_fit_together(repo: Repository, person: People, committed: bool) -> None:
    repo.put(CUP, THEIRS)
    if committed:
        repo.git("commit", "-qam", "Theirs")
    tab = person()
    assert "changed here and on disk" in all_said(tab)
    tab = press(tab, "save-to-git")
    words = all_said(tab)
    assert "Nothing was written" in words
    assert "The changes do not overlap" in words
    assert repo.text() == THEIRS
    press(tab, "saving-both")
    assert "description: Mine" in repo.text()
    assert "max_tokens: 99" in repo.text()
    between = "Theirs" if committed else "Keep cup as it was on disk"
    assert repo.commits() == ["Description edited", between, "First"]


def test_changes_of_one_place_are_marked_and_cannot_be_saved_so(repo: Repository, person: People) -> None:
    repo.put(CUP, CLASH)
    tab = press(person(), "save-to-git")
    assert "Both sides changed one place" in all_said(tab)
    assert tab.button(key="saving-both").disabled
    merged = tab.text_area(key="text-saving").value
    assert "description: Mine" in merged
    assert "description: Theirs" in merged
    tab.text_area(key="text-saving").set_value(edited(TEMPLATE, "Answer a question from an article", "Ours")).run()
    press(tab, "saving-both")
    assert "description: Ours" in repo.text()
    assert repo.commits() == ["Description edited", "Keep cup as it was on disk", "First"]
    assert repo.git("show", f"HEAD~1:{CUP}") + "\n" == CLASH


@pytest.mark.parametrize(("side", "taken"), [("ours", "Mine"), ("theirs", "Theirs")])
def test_one_side_can_be_preferred_where_both_changed(repo: Repository, person: People, side: str, taken: str) -> None:
    repo.put(CUP, edited(CLASH, "max_tokens: 16", "max_tokens: 99"))
    tab = press(person(), "save-to-git")
    tab.segmented_control(key="saving-prefer").set_value(side).run()
    press(tab, "saving-both")
    assert f"description: {taken}" in repo.text()
    assert "max_tokens: 99" in repo.text()


def test_mine_can_be_kept_and_theirs_is_a_version_before_it(repo: Repository, person: People) -> None:
    repo.put(CUP, CLASH)
    tab = press(press(person(), "save-to-git"), "saving-mine")
    assert repo.text() == MINE
    assert repo.git("show", f"HEAD~1:{CUP}") + "\n" == CLASH
    assert let_go(tab) == 1


def test_theirs_can_be_taken_and_mine_is_a_variant(repo: Repository, person: People) -> None:
    repo.put(CUP, CLASH)
    tab = press(press(person(), "save-to-git"), "saving-theirs")
    assert repo.text() == CLASH
    assert variants.variant_text(repo.workspace, CUP, "mine") == MINE
    assert let_go(tab) == 1
    assert "the file differs from" in all_said(tab)


def test_what_was_typed_into_the_merge_outlives_the_dialog(repo: Repository, person: People) -> None:
    repo.put(CUP, CLASH)
    tab = press(person(), "save-to-git")
    tab.text_area(key="text-saving").set_value("half done").run()
    tab = press(press(tab, "saving-cancel"), "save-to-git")
    assert tab.text_area(key="text-saving").value == "half done"
    assert tab.button(key="saving-both").disabled


def test_a_file_that_changes_again_meanwhile_is_shown_again(repo: Repository, person: People) -> None:
    repo.put(CUP, THEIRS)
    tab = press(person(), "save-to-git")
    repo.put(CUP, CLASH)
    tab = press(tab, "saving-mine")
    assert repo.text() == CLASH
    assert repo.commits() == ["First"]
    assert let_go(tab) == 0
    tab = press(tab, "saving-mine")
    assert repo.git("show", f"HEAD~1:{CUP}") + "\n" == CLASH
    assert repo.text() == MINE


def test_a_failing_hook_in_a_conflict_loses_neither_text(repo: Repository, person: People) -> None:
    repo.hook("pre-commit", "echo no; exit 1")
    repo.put(CUP, CLASH)
    tab = press(press(person(), "save-to-git"), "saving-mine")
    assert repo.text() == CLASH
    assert tab.session_state["text"] == MINE
    assert let_go(tab) == 0
    assert "Git or a hook refused the commit" in all_said(tab)
    repo.hook("pre-commit", "exit 0")
    press(tab, "saving-mine")
    assert repo.text() == MINE


def test_a_deleted_file_can_be_saved_again_or_left_deleted(repo: Repository, person: People) -> None:
    (repo.root / CUP).unlink()
    tab = press(person(), "save-to-git")
    assert "was deleted since" in all_said(tab)
    press(tab, "saving-theirs")
    assert not (repo.root / CUP).exists()
    assert variants.variant_text(repo.workspace, CUP, "mine") == MINE
    press(press(person(), "save-to-git"), "saving-mine")
    assert repo.text() == MINE


def test_a_new_template_does_not_replace_a_file_of_its_name(repo: Repository, person: People) -> None:
    tab = press(person("user: Hello\n", None), "save-to-git")
    assert "appeared on disk since" in all_said(tab)
    assert repo.text() == TEMPLATE


def test_a_conflict_without_a_repository_offers_the_two_together(workspace: Workspace, person: People) -> None:
    (workspace.root / CUP).write_text(THEIRS)
    tab = press(person(), "save-to-git")
    assert {"saving-mine", "saving-theirs"} & keys(tab) == set()
    press(tab, "saving-write")
    text = (workspace.root / CUP).read_text()
    assert "description: Mine" in text
    assert "max_tokens: 99" in text
