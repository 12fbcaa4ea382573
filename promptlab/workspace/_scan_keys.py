"""Keys in a text: the plugins of detect-secrets, and the rules of CredSweeper in `_scan_rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from promptlab.workspace._scan_rules import PATTERNS
from promptlab.workspace._scan_search import Finding, FindingGroup, compiled, search

_LEFT_OUT = ("high_entropy_strings", "keyword", "base")
_ADDRESS = "ip_public"
_URL_WITH_PASSWORD = r"://[^{}\s@]{1,300}@"
_REST_OF_WORD = r"(?:\.?[A-Za-z0-9_\-+/=])*"
_END_OF_KEY = "-----END"


@dataclass(frozen=True, slots=True)
class Plugin:
    kind: str
    patterns: tuple[Any, ...]
    judge: Callable[[str], bool]


@cache
def plugins() -> tuple[tuple[Plugin, ...], Plugin]:
    """The plugins for keys, and the one for IP addresses. `verify`, which tries a key online, is never called."""
    import pkgutil

    import detect_secrets.plugins as folder
    from detect_secrets.plugins.base import RegexBasedDetector

    by_module = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        if module in _LEFT_OUT:
            continue
        for kind in vars(import_module(f"detect_secrets.plugins.{module}")).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, RegexBasedDetector)
                and kind.__module__.endswith(f".{module}")
            ):
                by_module[module] = _plugin(kind())
    address = by_module.pop(_ADDRESS)
    return tuple(by_module.values()), address


def _plugin(plugin: Any) -> Plugin:
    # The patterns of the plugin, compiled by `regex`, which has a timeout; `re` has none. 32 is re.UNICODE.
    patterns = tuple(compiled(known.pattern, known.flags & ~32) for known in plugin.denylist)
    if plugin.secret_type == "Basic Auth Credentials":
        patterns = (
            compiled(_URL_WITH_PASSWORD),
        )  # the plugin's pattern takes cubic time; the plugin still checks each match
    return Plugin(plugin.secret_type, patterns, lambda text: any(True for _ in plugin.analyze_string(text)))


def kinds_of_keys() -> tuple[str, ...]:
    """The names of the kinds of keys that a scan finds."""
    return tuple(sorted({plugin.kind for plugin in plugins()[0]} | {kind for kind, _ in PATTERNS}))


def find_keys(text: str) -> Iterator[Finding]:
    for plugin in plugins()[0]:
        yield from matches_of(plugin, text, "keys", plugin.kind)
    for kind, pattern in PATTERNS:
        for match in search(compiled(pattern), text, "keys", kind):
            yield Finding(match.start("value"), _key_end(text, match.end("value"), kind), "keys", kind)


def matches_of(plugin: Plugin, text: str, group: FindingGroup, kind: str) -> Iterator[Finding]:
    for pattern in plugin.patterns:
        for match in search(pattern, text, group, kind):
            if not plugin.judge(match.group()):
                continue
            start, end = match.span()
            if group == "keys":
                start, end = _key_start(text, start, kind), _key_end(text, end, kind)
            yield Finding(start, end, group, kind)


def _key_start(text: str, start: int, kind: str) -> int:
    """Where a key begins: a private key includes the dashes before its first line."""
    return len(text[:start].rstrip("-")) if kind == "Private Key" else start


def _key_end(text: str, end: int, kind: str) -> int:
    """Where a key ends. Some plugins match only part of a key, and only the first line of a private key."""
    if kind == "Private Key":
        last = text.find(_END_OF_KEY, end)
        dashes = text.find("-----", last + len(_END_OF_KEY)) if last >= 0 else -1
        return dashes + 5 if dashes >= 0 else len(text)
    if end and (text[end - 1].isalnum() or text[end - 1] in "_-+/=."):
        rest = compiled(_REST_OF_WORD).match(text, end)
        return int(rest.end()) if rest else end
    return end
