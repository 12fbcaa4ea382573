"""Host names that count as this machine. A server on another host gives no answer without a key."""

from __future__ import annotations

import pytest

from promptlab._util.network import is_loopback


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost.", "app.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::1%lo"]
)
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["", "localhost.evil.example", "notlocalhost", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1", "::", "fe80::1%lo"],
)
def test_another_or_any(host: str) -> None:
    assert not is_loopback(host)
