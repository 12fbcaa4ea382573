"""What can be sized: files, addresses read by parts, names; and what is refused, with bounded memory."""

from __future__ import annotations

import http.server
import re
import struct
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from promptlab.errors import InputError, PromptlabError
from promptlab.sizing import source_of
from promptlab.sizing._families import family
from promptlab.sizing._source import of_family
from tests.gguf_made import text, tiny, tiny_split, write


@contextmanager
def served(folder: Path, way: str = "parts") -> Iterator[tuple[str, list[str]]]:
    """The files of `folder` on a loopback server. `way`: it sends parts, whole files only, a web page, or on to another
    server."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None: ...

        def do_GET(self) -> None:
            asked.append(self.path)
            path = folder / unquote(self.path.partition("?")[0]).lstrip("/")
            if way == "elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.2:1/secret.gguf")
                self.end_headers()
            elif not path.is_file():
                self.send_error(404)
            elif way in ("whole", "web page"):
                self.send_response(200)
                self.send_header("Content-Type", "text/html" if way == "web page" else "application/octet-stream")
                self.end_headers()
            else:
                self._part(path.read_bytes())

        def _part(self, data: bytes) -> None:
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
            assert match
            first, last = int(match[1]), min(int(match[2]), len(data) - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            self.wfile.write(data[first : last + 1])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_file_and_its_address_have_the_same_head(tmp_path: Path) -> None:
    path = tiny(tmp_path / "tiny.gguf")
    local = source_of(str(path))
    with served(tmp_path) as (address, asked):
        remote = source_of(f"{address}/tiny.gguf")
    assert remote.heads == local.heads
    assert (remote.kind, remote.requests, asked) == ("address", 1, ["/tiny.gguf"])
    with remote.on_disk() as (hole,):
        assert hole.stat().st_size == path.stat().st_size
        assert hole.stat().st_blocks * 512 < path.stat().st_size
        folder = hole.parent
    assert not folder.exists()


def test_all_parts_of_a_split_model_are_asked_for(tmp_path: Path) -> None:
    parts = tiny_split(tmp_path)
    with served(tmp_path) as (address, asked):
        remote = source_of(f"{address}/{parts[0].name}")
    assert asked == [f"/{part.name}" for part in parts]
    assert remote.heads == source_of(str(parts[0])).heads


def test_the_parts_of_a_split_model_are_asked_for_with_the_query_and_any_name(tmp_path: Path) -> None:
    for part in tiny_split(tmp_path):
        part.rename(tmp_path / part.name.replace("tiny", "a b+ü"))
    with served(tmp_path) as (address, asked):
        remote = source_of(f"{address}/a%20b%2B%C3%BC-00001-of-00003.gguf?download=a/b")
    assert len(remote.heads) == 3
    assert [path.endswith("-of-00003.gguf?download=a/b") for path in asked] == [True] * 3
    with remote.on_disk() as paths:
        assert len({path.parent for path in paths}) == 1


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("whole", "does not send parts"),
        ("web page", "a web page"),
        ("elsewhere", "127.0.0.2:1, which was not asked"),
        ("parts", "404"),
    ],
)
def test_a_server_that_does_not_send_the_file_is_an_error(tmp_path: Path, way: str, words: str) -> None:
    if way != "parts":
        tiny(tmp_path / "tiny.gguf")
    with served(tmp_path, way) as (address, asked), pytest.raises(InputError, match=re.escape(words)):
        source_of(f"{address}/tiny.gguf")
    assert asked == ["/tiny.gguf"]


HEAD = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no model at all",
        b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0),
        HEAD + struct.pack("<Q", 1 << 60),
        HEAD + text("k") + struct.pack("<IIQ", 9, 8, 1 << 60),
        HEAD + text("k") + struct.pack("<IIQ", 9, 5, 1 << 60),
        HEAD + text("k") + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I3QIQ", 3, 1 << 60, 1 << 60, 1 << 60, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("t") + struct.pack("<I", 1 << 30),
    ],
    ids=lambda data: f"{len(data)} bytes",
)
def test_a_damaged_head_is_refused_and_takes_no_memory(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(data)
    tracemalloc.start()
    try:
        with served(tmp_path) as (address, _):
            for target in (str(tmp_path / "bad.gguf"), f"{address}/bad.gguf"):
                with pytest.raises(InputError):
                    source_of(target)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tiny(tmp_path / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="cut short"):
        source_of(str(path))


def test_a_config_is_sized_by_its_folder_too(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 2,'
        ' "intermediate_size": 128, "vocab_size": 300, "max_position_embeddings": 512}'
    )
    assert source_of(str(tmp_path)).heads == source_of(str(tmp_path / "config.json")).heads
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(InputError, match="no JSON object"):
        source_of(str(tmp_path / "bad.json"))


def adapter(folder: Path) -> Path:
    return write(folder / "a.gguf", {"general.architecture": "llama", "general.type": "adapter"}, {"a": [[1.0]]})


def vision(folder: Path) -> Path:
    return write(folder / "v.gguf", {"general.architecture": "clip"}, {"v": [[1.0]]})


def embeddings(folder: Path) -> Path:
    return write(folder / "e.gguf", {"general.architecture": "bert"}, {"e": [[1.0]]})


def ranking(folder: Path) -> Path:
    return write(folder / "r.gguf", {"general.architecture": "llama", "llama.pooling_type": 4}, {"e": [[1.0]]})


def second_part(folder: Path) -> Path:
    return tiny_split(folder)[1]


def lonely_part(folder: Path) -> Path:
    first, _, third = tiny_split(folder)
    third.unlink()
    return first


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (adapter, "an adapter"),
        (vision, "vision"),
        (embeddings, "embeddings"),
        (ranking, "ranks"),
        (second_part, "part 2"),
        (lonely_part, "tiny-00003-of-00003.gguf"),
    ],
)
def test_a_file_that_is_no_whole_model_that_writes_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(PromptlabError, match=words):
        source_of(str(make(tmp_path)))


@pytest.mark.parametrize(
    "target", ["/nowhere/model.gguf", "ftp://127.0.0.1/x.gguf", "http://", "models/none.gguf", "Llama-2-70b.gguf"]
)
def test_what_is_not_there_is_an_error(target: str) -> None:
    with pytest.raises(InputError):
        source_of(target)


def test_the_head_of_a_family_is_at_16_bits() -> None:
    assert of_family(family("SmolLM2-135M"), "family").heads[0].architecture == "llama"
