"""Saving to git, with real repositories: what is committed, what is left alone, and what is never lost."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab._util.git import blob_id
from promptlab.errors import CommitRefused, Conflict, NoIdentity, NoRepository, ShelfError, WorkspaceError
from promptlab.versions import _branches as variants
from promptlab.versions import _history as versions
from promptlab.versions import _merge as merge
from promptlab.versions import _save as shelf
from promptlab.versions._save import restore_version, save_template
from promptlab.versions._status import template_status
from promptlab.workspace._workspace import Workspace
from tests.conftest import TEMPLATE
from tests.repositories import CUP, Repository, edited, isolate, start

NEW = edited()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repo(workspace: Workspace) -> Repository:
    return start(workspace)


# Saving


def test_a_save_writes_the_file_and_commits_just_that(repo: Repository) -> None:
    saved = save_template(repo.workspace, CUP, NEW, "Ask for the winner\n\nBecause.", base=TEMPLATE)
    assert repo.text() == NEW
    assert (saved.committed, saved.text, saved.blob) == (True, NEW, blob_id(NEW))
    assert saved.commit == repo.git("rev-parse", "HEAD")
    assert saved.said == f"{CUP} saved as {saved.commit[:8]}: Ask for the winner"
    assert repo.git("show", "--name-only", "--format=%an <%ae>%n%B") == (
        f"Ada <ada@example.org>\nAsk for the winner\n\nBecause.\n\n\n{CUP}"
    )
    assert repo.status() == []


def test_saving_what_is_saved_makes_no_commit_and_says_so(repo: Repository) -> None:
    before = (repo.root / CUP).stat()
    saved = save_template(repo.workspace, CUP, TEMPLATE, "Nothing", base=TEMPLATE)
    assert (saved.committed, repo.commits()) == (False, ["First"])
    assert "nothing to save" in saved.said
    assert (repo.root / CUP).stat().st_mtime_ns == before.st_mtime_ns


def test_what_stands_in_the_file_uncommitted_is_committed(repo: Repository) -> None:
    repo.put(CUP, NEW)
    assert save_template(repo.workspace, CUP, NEW, "From the editor", base=NEW).committed
    assert repo.commits() == ["From the editor", "First"]


DIRTY = ["M  fixtures/documents/cup.md", " M promptlab.yaml", "AM staged.txt", "?? other.txt", "D  gone.txt"]


@pytest.mark.parametrize("path", [CUP, "templates/brand new.yaml"])
def test_other_changes_stay_as_they_are(repo: Repository, path: str) -> None:
    repo.put("gone.txt", "x")
    repo.git("add", "gone.txt")
    repo.git("commit", "-qm", "Second")
    repo.put("fixtures/documents/cup.md", "staged")
    repo.put("staged.txt", "staged")
    repo.git("add", "fixtures", "staged.txt")
    repo.git("rm", "-q", "gone.txt")
    repo.put("staged.txt", "and changed again")
    repo.put("promptlab.yaml", "models: {}  # changed\n")
    repo.put("other.txt", "untracked")
    index = repo.git("ls-files", "--stage", "--", "fixtures", "staged.txt", "promptlab.yaml")
    save_template(repo.workspace, path, NEW, "Mine", base=TEMPLATE if path == CUP else None)
    assert sorted(repo.status()) == sorted(DIRTY)
    assert repo.git("ls-files", "--stage", "--", "fixtures", "staged.txt", "promptlab.yaml") == index
    assert repo.git("-c", "core.quotePath=false", "show", "--name-only", "--format=") == path


@pytest.mark.parametrize(
    "path",
    [
        "templates/mit Umlaut äöü.yaml",
        "templates/a*b [1]?.yaml",
        "templates/-m.yaml",
        "templates/sub/ein ordner/日本.yml",
        "templates/:(top)x.yaml",
        'templates/don\'t "quote".yaml',
    ],
)
def test_any_name_is_taken_literally(repo: Repository, path: str) -> None:
    repo.put("templates/axb 1.yaml", "user: other\n")
    saved = save_template(repo.workspace, path, TEMPLATE, "New", base=None)
    assert saved.blob == blob_id(TEMPLATE)
    save_template(repo.workspace, path, NEW, "Changed", base=TEMPLATE)
    assert [v.subject for v in versions.template_history(repo.workspace, path)] == ["Changed", "New"]
    assert restore_version(repo.workspace, path, saved.commit[:8]).text == TEMPLATE
    shelf.tag_version(repo.workspace, path, saved.commit, "v1.2")
    assert versions.find_version(repo.workspace, path, "v1.2").commit == saved.commit
    variants.save_variant(repo.workspace, path, "try-me", NEW, "Try")
    assert variants.merge_variant(repo.workspace, path, "try-me").text == NEW
    assert repo.status() == ['?? "templates/axb 1.yaml"']


def test_the_mode_of_a_file_stays_and_no_half_file_is_left(repo: Repository) -> None:
    (repo.root / CUP).chmod(0o750)
    save_template(repo.workspace, CUP, NEW, "Mode", base=TEMPLATE)
    assert stat.S_IMODE((repo.root / CUP).stat().st_mode) == 0o750
    assert [file.name for file in (repo.root / "templates").iterdir()] == ["cup.yaml"]


def test_a_link_stays_a_link_and_its_file_is_saved(repo: Repository) -> None:
    (repo.root / "templates/link.yaml").symlink_to("cup.yaml")
    saved = save_template(repo.workspace, "templates/link.yaml", NEW, "Through a link", base=TEMPLATE)
    assert (repo.root / "templates/link.yaml").is_symlink()
    assert (saved.committed, repo.text()) == (True, NEW)
    assert repo.git("show", "--name-only", "--format=") == CUP


def test_a_workspace_may_be_a_folder_of_a_larger_repository(make_workspace: Callable[..., Workspace]) -> None:
    workspace = make_workspace(folder="big/work")
    big = Repository(Workspace.load(workspace.root))
    start_at = workspace.root.parent
    for words in (["init", "-q"], ["config", "user.name", "Ada"], ["config", "user.email", "a@b.c"]):
        Repository(Workspace(start_at, {}, {})).git(*words)
    first = save_template(workspace, CUP, TEMPLATE, "First", base=TEMPLATE)
    second = save_template(workspace, CUP, NEW, "Second", base=TEMPLATE)
    found = versions.template_history(workspace, CUP)
    assert [(v.commit, v.path, v.blob) for v in found] == [
        (second.commit, CUP, blob_id(NEW)),
        (first.commit, CUP, blob_id(TEMPLATE)),
    ]
    variants.save_variant(workspace, CUP, "v", edited(new="x"), "V")
    assert variants.merge_variant(workspace, CUP, "v").text == edited(new="x")
    assert big.git("show", "--name-only", "--format=") == "work/" + CUP


@pytest.mark.parametrize("words", [["checkout", "-q", "--detach"], ["checkout", "-q", "--orphan", "fresh"]])
def test_a_detached_head_and_a_branch_without_commits_are_fine(repo: Repository, words: list[str]) -> None:
    repo.git(*words)
    assert save_template(repo.workspace, CUP, NEW, "Here", base=TEMPLATE).committed
    assert versions.template_history(repo.workspace, CUP)[0].subject == "Here"
    assert repo.git("show", "HEAD:" + CUP) == NEW.rstrip("\n")


def test_settings_of_whoever_started_promptlab_do_not_lead_git_astray(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert save_template(repo.workspace, CUP, NEW, "Here", base=TEMPLATE).committed


# What stands in the way


def test_without_a_repository_nothing_is_written_and_one_can_be_begun(workspace: Workspace) -> None:
    with pytest.raises(NoRepository, match="not in a git repository") as caught:
        save_template(workspace, CUP, NEW, "x", base=TEMPLATE)
    assert "git init" in caught.value.hint
    assert (workspace.root / CUP).read_text() == TEMPLATE
    assert not shelf.repository_state(workspace).repository
    workspace.state.mkdir()
    (workspace.state / "runs.sqlite").touch()
    shelf.init_repository(workspace)
    shelf.init_repository(workspace)
    made = Repository(workspace)
    made.git("config", "user.name", "Ada")
    made.git("config", "user.email", "ada@example.org")
    assert save_template(workspace, CUP, NEW, "First", base=TEMPLATE).committed
    assert made.commits() == ["First"]
    assert "?? .promptlab/" not in made.status()
    found = shelf.repository_state(workspace)
    assert (found.repository, found.identity) == (True, "Ada <ada@example.org>")
    assert found.branch == made.git("branch", "--show-current")


@pytest.mark.parametrize("unset", [["user.name", "user.email"], ["user.email"], ["user.name"]])
def test_without_an_identity_nothing_is_written_and_it_says_what_to_do(repo: Repository, unset: list[str]) -> None:
    for name in unset:
        repo.git("config", "--unset", name)
    with pytest.raises(NoIdentity) as caught:
        save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)
    assert "git config --global user.name" in caught.value.hint
    assert "git config --global user.email" in caught.value.hint
    assert (repo.text(), repo.commits()) == (TEMPLATE, ["First"])
    assert shelf.repository_state(repo.workspace).identity == ""


def test_who_one_is_can_be_told_to_this_repository(repo: Repository, tmp_path: Path) -> None:
    for key in ("user.name", "user.email"):
        repo.git("config", "--unset", key)
    for name, address in (("", "a@b.c"), ("A", " "), ("A\n[core]", "a@b.c"), ("A", "<a@b.c>")):
        with pytest.raises(ShelfError, match="git does not accept"):
            shelf.set_identity(repo.workspace, name, address)
    shelf.set_identity(repo.workspace, " Grace Hopper ", "grace@example.org")
    assert shelf.repository_state(repo.workspace).identity == "Grace Hopper <grace@example.org>"
    assert list((tmp_path / "home").iterdir()) == []


def test_an_identity_from_the_environment_counts(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("user.name", "user.email"):
        repo.git("config", "--unset", name)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Bo")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "bo@example.org")
    save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)
    assert versions.template_history(repo.workspace, CUP)[0].who == "Bo"


@pytest.mark.parametrize("path", [CUP, "templates/new.yaml"])
@pytest.mark.parametrize("hook", ["pre-commit", "commit-msg"])
def test_a_failing_hook_is_shown_and_the_text_kept(repo: Repository, path: str, hook: str) -> None:
    repo.hook(hook, "echo 'line 3 is too long'; echo oh dear >&2; exit 1")
    repo.put("staged.txt", "x")
    repo.git("add", "staged.txt")
    with pytest.raises(CommitRefused, match="line 3 is too long") as caught:
        save_template(repo.workspace, path, NEW, "x", base=TEMPLATE if path == CUP else None)
    assert "oh dear" in caught.value.output
    assert "not committed" in caught.value.hint
    assert repo.text(path) == NEW
    assert repo.commits() == ["First"]
    assert sorted(repo.status()) == sorted([f" M {path}" if path == CUP else f"?? {path}", "A  staged.txt"])
    # When the hook is content, the same save goes through.
    repo.hook(hook, "exit 0")
    assert save_template(repo.workspace, path, NEW, "x", base=NEW).committed
    assert repo.status() == ["A  staged.txt"]


def test_a_hook_may_change_the_file(repo: Repository) -> None:
    repo.hook("pre-commit", f"echo '# checked' >> {CUP}; git add {CUP}")
    saved = save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)
    assert saved.text == NEW + "# checked\n" == repo.text()
    assert saved.blob == blob_id(saved.text)


def test_commits_are_signed_where_git_is_told_to_sign(repo: Repository, tmp_path: Path) -> None:
    signer = tmp_path / "signer"
    signer.write_text(
        "#!/bin/sh\ncat > /dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\necho made for a test\necho '-----END PGP SIGNATURE-----'\n"
    )
    signer.chmod(0o755)
    for name, value in (("gpg.program", str(signer)), ("user.signingKey", "ada"), ("commit.gpgSign", "true")):
        repo.git("config", name, value)
    saved = save_template(repo.workspace, CUP, NEW, "Signed", base=TEMPLATE)
    tried = variants.save_variant(repo.workspace, CUP, "v", MINE, "Signed too")
    for commit in (saved.commit, tried.commit):
        assert "made for a test" in repo.git("cat-file", "commit", commit)


def test_an_ignored_file_is_refused_in_gits_words(repo: Repository) -> None:
    repo.put(".gitignore", "templates/private*\n")
    with pytest.raises(CommitRefused, match="ignored"):
        save_template(repo.workspace, "templates/private.yaml", NEW, "x", base=None)
    assert repo.text("templates/private.yaml") == NEW


def test_another_git_at_work_is_waited_for(repo: Repository) -> None:
    lock = repo.root / ".git/index.lock"
    lock.touch()
    threading.Timer(0.3, lock.unlink).start()
    assert save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE).committed


@pytest.mark.parametrize(
    ("path", "text", "message", "error"),
    [
        (CUP, NEW, "  \n", "needs a message"),
        (CUP, "\ud800", "x", "cannot be written"),
        ("templates", NEW, "x", "not a template file"),
        ("app.py", NEW, "x", "not a template file"),
        (".git/x.yaml", NEW, "x", "not a template file"),
        ("../x.yaml", NEW, "x", "leads out"),
    ],
)
def test_what_cannot_be_saved_is_said_and_nothing_done(
    repo: Repository, path: str, text: str, message: str, error: str
) -> None:
    with pytest.raises((ShelfError, WorkspaceError), match=error):
        save_template(repo.workspace, path, text, message, base=TEMPLATE if path == CUP else None)
    assert (repo.status(), repo.commits()) == ([], ["First"])


def test_without_git_installed_it_says_so(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ShelfError, match="git is not installed"):
        save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)


# Two people

MINE = edited(TEMPLATE, "Answer a question from an article", "Mine")
THEIRS = edited(TEMPLATE, "max_tokens: 16", "max_tokens: 99")
CLASH = edited(TEMPLATE, "Answer a question from an article", "Theirs")


@pytest.mark.parametrize("commits", [True, False], ids=["and committed", "on disk only"])
@pytest.mark.parametrize(("theirs", "clean"), [(THEIRS, True), (CLASH, False)], ids=["elsewhere", "the same place"])
def test_a_file_changed_since_it_was_opened_is_never_overwritten(
    repo: Repository, theirs: str, clean: bool, commits: bool
) -> None:
    repo.put(CUP, theirs)
    if commits:
        repo.git("commit", "-qam", "Theirs")
    with pytest.raises(Conflict, match="was changed by another user") as caught:
        save_template(repo.workspace, CUP, MINE, "Mine", base=TEMPLATE)
    both = caught.value
    assert repo.text() == theirs
    assert (both.base, both.ours, both.theirs, both.clean) == (TEMPLATE, MINE, theirs, clean)
    assert "description: Mine" in both.merged
    assert ("max_tokens: 99" if clean else "description: Theirs") in both.merged
    assert ("<<<<<<< yours" in both.merged) != clean
    # Whoever has seen both may go on from what is there; then nothing of either is lost.
    saved = save_template(repo.workspace, CUP, both.merged, "Both", base=both.theirs)
    assert saved.committed
    assert repo.text() == both.merged


@pytest.mark.parametrize("first", ["browser", "editor"])
def test_two_people_lose_nothing_in_either_order(repo: Repository, first: str) -> None:
    opened = repo.text()
    if first == "browser":
        save_template(repo.workspace, CUP, MINE, "Browser", base=opened)
        # The editor writes what it had opened, over the file; git keeps what was saved.
        repo.put(CUP, THEIRS)
        repo.git("commit", "-qam", "Editor")
        merged = merge.merge_texts(opened, THEIRS, versions.version_text(repo.workspace, _second(repo)))
        save_template(repo.workspace, CUP, merged.text, "Both", base=THEIRS)
    else:
        repo.put(CUP, THEIRS)
        with pytest.raises(Conflict) as caught:
            save_template(repo.workspace, CUP, MINE, "Browser", base=opened)
        save_template(repo.workspace, CUP, caught.value.merged, "Both", base=caught.value.theirs)
    assert "description: Mine" in repo.text()
    assert "max_tokens: 99" in repo.text()
    assert repo.status() == []


def _second(repo: Repository) -> versions.Version:
    return versions.template_history(repo.workspace, CUP)[1]


def test_of_many_who_save_at_once_one_wins_and_the_others_are_told(repo: Repository) -> None:
    outcomes: list[str] = []

    def work(number: int) -> None:
        try:
            save_template(repo.workspace, CUP, edited(new=f"name {number} only"), f"{number}", base=TEMPLATE)
            outcomes.append("saved")
        except Conflict as exc:
            outcomes.append("conflict" if exc.ours == edited(new=f"name {number} only") else "lost")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 5 + ["saved"]


def test_a_file_that_went_or_came_meanwhile_is_a_conflict(repo: Repository) -> None:
    (repo.root / CUP).unlink()
    with pytest.raises(Conflict, match="was deleted") as caught:
        save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)
    assert (caught.value.theirs, caught.value.clean) == (None, False)
    assert save_template(repo.workspace, CUP, NEW, "x", base=None).committed
    with pytest.raises(Conflict, match="appeared"):
        save_template(repo.workspace, CUP, TEMPLATE, "x", base=None)


def test_mine_is_saved_over_theirs_which_stays_a_version(repo: Repository) -> None:
    repo.put(CUP, CLASH)
    with pytest.raises(Conflict):
        shelf.save_template_over(repo.workspace, CUP, MINE, "Mine", theirs=THEIRS)
    assert repo.text() == CLASH
    shelf.save_template_over(repo.workspace, CUP, MINE, "Mine", theirs=CLASH)
    assert repo.commits() == ["Mine", "Keep cup as it was on disk", "First"]
    assert repo.git("show", f"HEAD~1:{CUP}") == CLASH.rstrip("\n")
    # What is a version already needs no other.
    shelf.save_template_over(repo.workspace, CUP, CLASH, "Theirs after all", theirs=MINE)
    assert repo.commits()[:2] == ["Theirs after all", "Mine"]


def test_theirs_is_not_overwritten_where_it_cannot_become_a_version(repo: Repository) -> None:
    repo.hook("pre-commit", "exit 1")
    repo.put(CUP, CLASH)
    with pytest.raises(CommitRefused):
        shelf.save_template_over(repo.workspace, CUP, MINE, "Mine", theirs=CLASH)
    assert repo.text() == CLASH


def stands(repo: Repository, text: str, base: str | None, path: str = CUP) -> tuple[str, str]:
    found = template_status(repo.workspace, path, text, base)
    assert found.repository
    return found.kind, found.commit


def test_where_a_text_stands_is_known(repo: Repository) -> None:
    tip = repo.git("rev-parse", "HEAD")
    assert stands(repo, TEMPLATE, None) == ("saved", tip)
    assert stands(repo, MINE, TEMPLATE) == ("changed", tip)
    assert stands(repo, MINE, None, "templates/new.yaml") == ("new", "")
    repo.put(CUP, MINE)
    assert stands(repo, MINE, TEMPLATE) == ("written", tip)
    assert stands(repo, THEIRS, TEMPLATE) == ("apart", tip)
    (repo.root / CUP).unlink()
    assert stands(repo, MINE, TEMPLATE) == ("apart", tip)


def test_where_a_text_stands_outside_git_and_under_its_filters(repo: Repository) -> None:
    repo.put(".gitattributes", "*.yaml text eol=crlf\n")
    repo.put(CUP, TEMPLATE.replace("\n", "\r\n"))
    repo.git("commit", "-qam", "Line ends", "--allow-empty")
    assert stands(repo, repo.text(), None)[0] == "saved"
    shutil.rmtree(repo.root / ".git")
    found = template_status(repo.workspace, CUP, MINE, repo.text())
    assert (found.kind, found.repository, found.disk) == ("changed", False, repo.text())


# History


def test_history_says_who_when_and_what(repo: Repository) -> None:
    saved = save_template(repo.workspace, CUP, NEW, "Second\n\nWith a body.", base=TEMPLATE)
    repo.put("other.txt", "x")
    repo.git("add", "other.txt")
    repo.git("commit", "-qm", "Not about it")
    second, first = versions.template_history(repo.workspace, CUP)
    assert (second.commit, second.blob, second.who, second.email) == (
        saved.commit,
        blob_id(NEW),
        "Ada",
        "ada@example.org",
    )
    assert (second.message, second.subject) == ("Second\n\nWith a body.", "Second")
    assert second.when == repo.git("show", "-s", "--format=%aI", saved.commit)
    assert versions.version_text(repo.workspace, first) == TEMPLATE
    assert len(versions.template_history(repo.workspace, CUP, limit=1)) == 1
    assert versions.template_history(repo.workspace, "templates/unknown.yaml") == []


def test_history_follows_a_rename_and_begins_with_a_copy(repo: Repository) -> None:
    save_template(repo.workspace, CUP, NEW, "Second", base=TEMPLATE)
    shelf.tag_version(repo.workspace, CUP, "HEAD", "production")
    repo.git("mv", CUP, "templates/new name.yaml")
    repo.git("commit", "-qm", "Rename")
    copy = save_template(repo.workspace, "templates/copy.yaml", NEW + "# c\n", "Copy", base=None)
    found = versions.template_history(repo.workspace, "templates/new name.yaml")
    assert [(v.subject, v.path) for v in found] == [
        ("Rename", "templates/new name.yaml"),
        ("Second", CUP),
        ("First", CUP),
    ]
    assert (found[0].renamed_from, found[1].tags) == (CUP, ("production",))
    assert [v.commit for v in versions.template_history(repo.workspace, "templates/copy.yaml")] == [copy.commit]
    assert restore_version(repo.workspace, "templates/new name.yaml", "HEAD~2").committed is False
    assert restore_version(repo.workspace, "templates/new name.yaml", found[2].commit[:7]).text == TEMPLATE


def test_a_deleted_version_is_listed_and_the_one_before_it_comes_back(repo: Repository) -> None:
    repo.git("rm", "-q", CUP)
    repo.git("commit", "-qm", "Gone")
    gone, first = versions.template_history(repo.workspace, CUP)
    assert gone.blob == ""
    with pytest.raises(ShelfError, match="was deleted in"):
        versions.version_text(repo.workspace, gone)
    assert restore_version(repo.workspace, CUP, first.commit).text == TEMPLATE


def test_a_merge_in_the_history_is_read(repo: Repository) -> None:
    repo.git("checkout", "-qb", "side")
    save_template(repo.workspace, CUP, THEIRS, "Side", base=TEMPLATE)
    repo.git("checkout", "-q", "main")
    save_template(repo.workspace, CUP, MINE, "Main", base=TEMPLATE)
    repo.git("merge", "-q", "--no-edit", "side")
    found = versions.template_history(repo.workspace, CUP)
    assert {v.subject for v in found} == {"Merge branch 'side'", "Side", "Main", "First"}
    assert len(found) == 4


@pytest.mark.parametrize("name", ["production", "abbreviated", "HEAD~1", "main~1"])
def test_a_version_is_found_by_any_of_its_names(repo: Repository, name: str) -> None:
    first = repo.git("rev-parse", "HEAD")
    save_template(repo.workspace, CUP, NEW, "Second", base=TEMPLATE)
    repo.put("other.txt", "x")
    shelf.tag_version(repo.workspace, CUP, first, "production")
    found = versions.find_version(repo.workspace, CUP, first[:7] if name == "abbreviated" else name)
    assert (found.commit, found.tags) == (first, ("production",))


@pytest.mark.parametrize("name", ["producton", "", "--help", "0000000", "no such"])
def test_an_unknown_version_shows_those_there_are(repo: Repository, name: str) -> None:
    shelf.tag_version(repo.workspace, CUP, "HEAD", "production")
    with pytest.raises(ShelfError, match="has no version") as caught:
        versions.find_version(repo.workspace, CUP, name)
    assert "production" in caught.value.hint


def test_a_name_of_a_version_moves_only_when_told(repo: Repository) -> None:
    first = shelf.tag_version(repo.workspace, CUP, "HEAD", "production")
    save_template(repo.workspace, CUP, NEW, "Second", base=TEMPLATE)
    with pytest.raises(ShelfError, match="already exists"):
        shelf.tag_version(repo.workspace, CUP, "HEAD", "production")
    assert versions.find_version(repo.workspace, CUP, "production").commit == first.commit
    moved = shelf.tag_version(repo.workspace, CUP, "HEAD", "production", move=True)
    assert (moved.subject, moved.tags) == ("Second", ("production",))
    assert repo.git("tag") == "templates/cup/production"
    shelf.remove_tag(repo.workspace, CUP, "production")
    assert repo.git("tag") == ""


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "x.lock", "-x", "a~1", "@{0}"])
def test_a_name_git_does_not_allow_is_refused(repo: Repository, name: str) -> None:
    with pytest.raises(ShelfError, match="cannot be the name of a version"):
        shelf.tag_version(repo.workspace, CUP, "HEAD", name)
    with pytest.raises(ShelfError, match="cannot be the name of a variant"):
        variants.save_variant(repo.workspace, CUP, name, NEW, "x")


# Restoring


def test_restoring_is_a_new_commit(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD")
    save_template(repo.workspace, CUP, NEW, "Second", base=TEMPLATE)
    saved = restore_version(repo.workspace, CUP, first)
    assert (saved.committed, repo.text()) == (True, TEMPLATE)
    assert [c.split(" (")[0] for c in repo.commits()] == [f"Restore cup as of {first[:8]}", "Second", "First"]
    assert not restore_version(repo.workspace, CUP, first).committed


def test_restoring_never_overwrites_what_no_version_holds(repo: Repository) -> None:
    first = repo.git("rev-parse", "HEAD")
    save_template(repo.workspace, CUP, NEW, "Second", base=TEMPLATE)
    repo.put(CUP, MINE)
    with pytest.raises(ShelfError, match="changes that are in no version") as caught:
        restore_version(repo.workspace, CUP, first)
    assert "save them first" in caught.value.hint
    assert repo.text() == MINE


# Variants


def test_a_variant_is_kept_beside_a_dirty_working_tree(repo: Repository) -> None:
    repo.put(CUP, "user: unsaved\n")
    repo.put("staged.txt", "x")
    repo.git("add", "staged.txt")
    before = (repo.status(), repo.git("rev-parse", "HEAD"), repo.git("ls-files", "--stage"))
    made = variants.save_variant(repo.workspace, CUP, "short", MINE, "Try it\n\nBody")
    variants.save_variant(repo.workspace, CUP, "short", CLASH, "Again", base=MINE)
    assert (repo.status(), repo.git("rev-parse", "HEAD"), repo.git("ls-files", "--stage")) == before
    assert repo.text() == "user: unsaved\n"
    assert made.branch == "try/cup/short"
    (found,) = variants.list_variants(repo.workspace, CUP)
    assert (found.name, found.message, found.who, found.fork) == ("short", "Again", "Ada", before[1])
    assert variants.variant_text(repo.workspace, CUP, "short") == CLASH
    assert repo.git("diff", "--name-only", "main", "try/cup/short") == CUP
    assert versions.find_version(repo.workspace, CUP, "try/cup/short").subject == "Again"


def test_merging_a_variant_keeps_what_changed_meanwhile(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    save_template(repo.workspace, CUP, THEIRS, "Theirs", base=TEMPLATE)
    saved = variants.merge_variant(repo.workspace, CUP, "short")
    assert "description: Mine" in saved.text
    assert "max_tokens: 99" in saved.text
    assert repo.commits()[0] == "Merge variant short of cup"
    commit = variants.drop_variant(repo.workspace, CUP, "short")
    assert variants.list_variants(repo.workspace, CUP) == []
    repo.git("branch", "back", commit)
    assert repo.git("show", f"back:{CUP}") == MINE.rstrip("\n")


def test_a_variant_that_clashes_is_a_conflict_and_both_stay(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    save_template(repo.workspace, CUP, CLASH, "Theirs", base=TEMPLATE)
    with pytest.raises(Conflict, match="both changed the same place") as caught:
        variants.merge_variant(repo.workspace, CUP, "short")
    assert (caught.value.base, caught.value.ours, caught.value.theirs) == (TEMPLATE, MINE, CLASH)
    assert "<<<<<<< short" in caught.value.merged
    assert (repo.text(), variants.variant_text(repo.workspace, CUP, "short")) == (CLASH, MINE)


def test_a_variant_changed_since_it_was_opened_is_not_overwritten(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    for base in (None, TEMPLATE):
        with pytest.raises(Conflict, match="variant `short`"):
            variants.save_variant(repo.workspace, CUP, "short", THEIRS, "Theirs", base=base)
    assert variants.variant_text(repo.workspace, CUP, "short") == MINE


def test_texts_are_set_aside_under_names_of_their_own_and_each_once(repo: Repository) -> None:
    names = [variants.keep_as_variant(repo.workspace, CUP, text).name for text in (MINE, THEIRS, MINE)]
    assert names == ["mine", "mine-2", "mine"]
    assert variants.variant_text(repo.workspace, CUP, "mine-2") == THEIRS


def test_a_dropped_variant_comes_back_unless_its_name_is_taken(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    commit = variants.drop_variant(repo.workspace, CUP, "short")
    variants.restore_variant(repo.workspace, CUP, "short", commit)
    assert variants.variant_text(repo.workspace, CUP, "short") == MINE
    with pytest.raises(ShelfError, match="cannot be restored"):
        variants.restore_variant(repo.workspace, CUP, "short", commit)


def test_an_unknown_variant_shows_the_nearest(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    for act in (variants.variant_text, variants.merge_variant, variants.drop_variant):
        with pytest.raises(ShelfError, match="did you mean `short`"):
            act(repo.workspace, CUP, "shrt")


def test_the_variant_that_is_checked_out_is_left_alone(repo: Repository) -> None:
    variants.save_variant(repo.workspace, CUP, "short", MINE, "Mine")
    repo.git("checkout", "-q", "try/cup/short")
    with pytest.raises(ShelfError, match="checked out"):
        variants.save_variant(repo.workspace, CUP, "short", THEIRS, "Theirs", base=MINE)
    with pytest.raises(ShelfError, match="checked out"):
        variants.drop_variant(repo.workspace, CUP, "short")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error(repo: Repository) -> None:
    folder = repo.root / "templates"
    folder.chmod(0o500)
    try:
        with pytest.raises(ShelfError, match="cannot be written"):
            save_template(repo.workspace, CUP, NEW, "x", base=TEMPLATE)
    finally:
        folder.chmod(0o700)
    assert repo.text() == TEMPLATE
