"""What a host name says about where a request goes: to this machine, or to OpenAI."""

from __future__ import annotations

import ipaddress
import re


def is_loopback(host: str) -> bool:
    """True if `host`, a name or address without a port, can only be this machine.

    Names under `.localhost` are reserved for that (RFC 6761). A zone such as `%eth0` is ignored.
    """
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


_OPENAI = re.compile(r"([a-z0-9-]+\.)?api\.openai\.com")


def is_openai(host: str) -> bool:
    """True if `host` is OpenAI's own API, regional ones included (eu.api.openai.com)."""
    return _OPENAI.fullmatch(host) is not None
