"""Which hosts are this machine itself."""

from __future__ import annotations

import ipaddress
import re


def is_loopback(host: str) -> bool:
    """True for names and addresses, without a port, that can only be this machine. Names below `.localhost` are kept
    for that (RFC 6761); a scope such as `%eth0` changes nothing."""
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


_OPENAI = re.compile(r"([a-z0-9-]+\.)?api\.openai\.com")


def is_openai(host: str) -> bool:
    """True for OpenAI's own API, also by region (eu.api.openai.com)."""
    return _OPENAI.fullmatch(host) is not None
