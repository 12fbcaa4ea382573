"""The proxy that the environment names for an address, and connections through it.

HTTPS_PROXY=http://ann:secret@proxy.example:3128      http:// requests are forwarded, https:// goes through a tunnel
ALL_PROXY=socks5://127.0.0.1:1080                     SOCKS 5, with the package socksio; the proxy looks names up
"""

from __future__ import annotations

import importlib.util
import urllib.request
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from promptlab._util.network import is_loopback
from promptlab.errors import ModelNotReady

HTTP, SOCKS = ("http", "https"), ("socks5", "socks5h")


def environment_proxy(base_url: str) -> SplitResult | None:
    """The proxy for this URL by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, if any."""
    url = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    host = url.hostname or ""
    if not proxy or is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def shown(proxy: SplitResult) -> str:
    """The address of `proxy` without user and password, for a message."""
    return f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}"


def secrets(proxy: SplitResult | None) -> tuple[str, ...]:
    """The proxy's password, as it is written and as it is sent. No message may show it."""
    return tuple({proxy.password, unquote(proxy.password)}) if proxy is not None and proxy.password else ()


def check(name: str, proxy: SplitResult) -> None:
    """Raise `ModelNotReady` for a proxy that cannot be used."""
    try:
        whole = bool(proxy.hostname) and proxy.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise ModelNotReady(f"{name}: the proxy of the environment is not an address", hint=_FORMS)
    if proxy.scheme not in (*HTTP, *SOCKS):
        what = f"{name}: the proxy {shown(proxy)} of the environment cannot be used: `{proxy.scheme}` is not supported"
        raise ModelNotReady(what, hint=_FORMS)
    if proxy.scheme in SOCKS and importlib.util.find_spec("socksio") is None:
        raise ModelNotReady(
            f"{name}: the proxy {shown(proxy)} of the environment needs the Python package `socksio`",
            hint="pip install 'promptlab[openai]', or set NO_PROXY for the host",
        )


def pool(proxy: SplitResult, **settings: Any) -> Any:
    """A pool of connections through `proxy`, with `settings` of `httpcore2.ConnectionPool`."""
    import httpcore2

    port = proxy.port or {"http": 80, "https": 443}.get(proxy.scheme, 1080)
    # httpcore lets the SOCKS proxy look names up, which is what socks5h means, but does not know that scheme.
    scheme = "socks5" if proxy.scheme in SOCKS else proxy.scheme
    url = httpcore2.URL(scheme=scheme, host=proxy.hostname or "", port=port, target="/")
    user = None
    if proxy.username:
        user = (unquote(proxy.username).encode(), unquote(proxy.password or "").encode())
    kind = httpcore2.SOCKSProxy if scheme == "socks5" else httpcore2.HTTPProxy
    return kind(url, user, **settings)


def is_not_socks(exc: BaseException) -> bool:
    """True if `exc` means that the proxy does not speak SOCKS: httpcore does not catch socksio's own exceptions."""
    return type(exc).__module__.startswith("socksio") or isinstance(exc, AssertionError | ValueError)


_FORMS = "it looks like http://proxy.example:3128 or socks5://127.0.0.1:1080; NO_PROXY names hosts that need none"
