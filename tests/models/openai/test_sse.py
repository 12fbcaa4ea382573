"""Bytes to server-sent events: the standard, held to two readers that nobody here wrote."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable

import httpx_sse._decoders as other
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai._streaming import SSEDecoder as OpenAIDecoder

from promptlab import errors
from promptlab.models._openai._endpoint import Endpoint
from promptlab.models._openai._sse import LONGEST_EVENT, EventReader, read_events
from tests import loopback
from tests.loopback import LoopbackServer
from tests.models.asking import Made

ASKED = Endpoint("x", "m", "http://127.0.0.1:1/v1")
Found = list[tuple[str, str]]


def cut(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """`data` in chunks that begin at `cuts`."""
    places = sorted({0, *(at % (len(data) + 1) for at in cuts)})
    return [data[a:b] for a, b in zip(places, [*places[1:], len(data)], strict=True)]


def ours(chunks: Iterable[bytes]) -> Found:
    reader = EventReader()
    return [(e.name.decode(), e.data.decode()) for chunk in chunks for e in reader.feed(chunk)]


def httpx_sse(text: str) -> Found:
    """What httpx-sse reads; an event without data is none by the standard, which it leaves to its caller."""
    lines, events = other.SSELineDecoder(), other.SSEDecoder()
    text = text.removeprefix("\ufeff")  # it is given text, from which the decoder takes the mark
    # It holds back a last CR, which may be half a CRLF, until something comes: the next is a comment, which is nothing.
    found = [events.decode(line) for part in (text, ":") for line in lines.decode(part)]
    return [("" if e.event == "message" else e.event, e.data) for e in found if e is not None]


def openai(data: bytes) -> Found:
    return [(e.event or "", e.data) for e in OpenAIDecoder().iter_bytes(iter([data]))]


LINES = st.sampled_from(
    ["data: a", "data:b", "data:  c", "data", "data:", 'data: {"é": 1}', "event: error", "event:ping", "event", ": hi",
     ":", "id: 7", "retry: 9", "other: x", "dat", "", "", "", "data: \u2028x", "data: a:b", " data: no", "data : no"]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS).map("".join), max_size=14).map("".join)


def with_data(found: Found) -> Found:
    """httpx-sse cannot tell `data:` from no data at all, so empty ones are left to the other reader."""
    return [(name, data) for name, data in found if data.strip("\n")]


@settings(max_examples=400, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 400), max_size=12), st.booleans())
@example("data: a\r\n\r\n", [9], False)
@example("data: a\r\rdata: b\r\r", [], True)
def test_events_are_what_other_readers_find_wherever_the_network_cuts(text: str, cuts: list[int], marked: bool) -> None:
    data = (("\ufeff" if marked else "") + text).encode()
    found = ours(cut(data, cuts))
    assert found == ours([data]) == ours([bytes([one]) for one in data])
    assert with_data(found) == with_data(httpx_sse(data.decode()))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(LINES.filter(lambda line: "\u2028" not in line), ENDS).map("".join), max_size=14).map("".join)
)
def test_events_are_what_the_openai_library_finds(text: str) -> None:
    # It takes a stream's last lines for an event also where no blank line ends them, and events without data.
    whole = text + "\n\n"
    assert with_data(ours([whole.encode()])) == with_data(openai(whole.encode()))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"data\n\n", [("", "")]),
        (b"data:\ndata:\n\n", [("", "\n")]),
        (b"event: a\n\ndata: b\n\n", [("", "b")]),
        (b"data: a\n", []),
        (b"data: a\nevent: b\nevent: c\n\n", [("c", "a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [("", "b")]),
        (b"\xef\xbb", []),
    ],
)
def test_the_corners_of_the_standard(data: bytes, found: Found) -> None:
    assert ours([data]) == ours([bytes([one]) for one in data]) == found


ANSWER = (
    'data: {"choices": [{"index": 0, "delta": {"content": "Qué "}}]}\n\n: ping\n\ndata:\n\n'
    'data: {"choices": [{"index": 0, "delta": {"content": "日本"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
)


def steps(data: bytes, **headers: str) -> loopback.Reply:
    """`data` a byte at a time."""
    pieces = [step for one in data for step in (loopback.chunked(bytes([one])), 0.0001)]
    return (loopback.head(**headers), *pieces, loopback.chunked(b""))


WHOLE = """{"choices": [{"message": {"content": "Qué 日本"}, "finish_reason": "stop"}]}""".encode()
PACKED = {
    "lf": steps(ANSWER.encode()),
    "cr": steps(ANSWER.replace("\n", "\r").encode()),
    "crlf": steps(ANSWER.replace("\n", "\r\n").encode()),
    "bom": steps(b"\xef\xbb\xbf" + ANSWER.encode()),
    "gzip": steps(gzip.compress(ANSWER.encode()), content_encoding="gzip"),
    "deflate": steps(zlib.compress(ANSWER.encode()), content_encoding="deflate"),
    "gzip at once": loopback.page(gzip.compress(ANSWER.encode()), kind="text/event-stream", content_encoding="GZIP"),
    "json": loopback.page(b"\xef\xbb\xbf" + WHOLE, kind="application/json"),
    "json, said to be events": loopback.page(WHOLE, kind="text/event-stream"),
    "events, said to be json": loopback.page(ANSWER.encode(), kind="application/json"),
    "gzip json": loopback.page(gzip.compress(b" \n" + WHOLE), kind="text/plain", content_encoding="gzip"),
}


@pytest.mark.parametrize("reply", PACKED.values(), ids=PACKED)
def test_an_answer_is_read_however_its_bytes_are_packed_and_cut(
    server: LoopbackServer, make: Callable[..., Made], reply: loopback.Reply
) -> None:
    server.plan(reply)
    done = make().answer()
    assert (done.text, done.finish_reason) == ("Qué 日本", "stop")


def test_a_line_that_never_ends_is_refused_and_memory_stays_small() -> None:
    def endless() -> Iterable[bytes]:
        for start in (b"data: ", b"da"):
            yield start
            while True:
                yield b"a" * 100_000

    with pytest.raises(errors.BadReply, match="longer than 4 MB"):
        list(read_events(endless(), ASKED))
    with pytest.raises(errors.BadReply, match="longer than 4 MB"):
        list(read_events((b"data: a\n" * (LONGEST_EVENT // 8) for _ in range(9)), ASKED))
