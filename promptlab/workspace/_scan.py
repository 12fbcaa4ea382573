"""The scan: keys and personal data in text that is about to go to an API, found by libraries made for it.

    find("Call +44 20 7946 0958", ("GB",))     # (Found(5, 21, "personal", "phone number"),)

Keys are what the plugins of detect-secrets know, without its entropy and keyword plugins, which take much other text
for keys, and six rules of CredSweeper. Phone numbers are phonenumbers' business; numbers with check digits (cards,
IBANs, identity numbers of some countries) are python-stdnum's, and mail addresses email-validator's. What is here only
cuts out candidates for them, and holds every search to a time: a text that takes longer counts as not scanned.
docs/privacy.md says, kind by kind, what is found and what is not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from cachetools import LRUCache

from promptlab.errors import PromptlabError
from promptlab.types import sha256
from promptlab.workspace._scan_rules import PATTERNS

FindingGroup = Literal["keys", "personal"]
LIBRARIES: dict[FindingGroup, tuple[str, ...]] = {
    "keys": ("detect_secrets", "regex"),
    "personal": ("detect_secrets", "regex", "phonenumbers", "stdnum", "email_validator"),
}
SECONDS = 2.0
"""Longest search in one text for one kind."""
_PIECE, _OVERLAP = 20_000, 2_000
_FEWEST_DIGITS = 6
"""Digits that a text has at least in which there can be a number of somebody's."""
_LEFT_OUT = ("high_entropy_strings", "keyword", "base")
_ADDRESS = "ip_public"

# Kinds of numbers: what a candidate looks like, and the module of python-stdnum that judges it. Numbers of which every
# tenth string of digits would be one (nine or ten digits and one check digit) are left out.
_NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("IBAN", r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,9}(?![A-Za-z0-9])", "iban"),
    ("payment card", r"(?<![\w.-])(?:[2-6]\d{3}|1800)(?:[ -]?\d){8,14}\d(?![\w-])", "luhn"),
    ("US social security number", r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", "us.ssn"),
    ("French NIR", r"(?<!\w)[12] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}(?!\w)", "fr.nir"),
    ("Italian codice fiscale", r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)", "it.codicefiscale"),
    ("Spanish DNI", r"(?<![\w-])\d{8}-?[A-Z](?![\w-])", "es.dni"),
    ("Spanish NIE", r"(?<![\w-])[XYZ]-?\d{7}-?[A-Z](?![\w-])", "es.nie"),
    ("Polish PESEL", r"(?<![\w.-])\d{11}(?![\w-])", "pl.pesel"),
    ("Swedish personnummer", r"(?<![\w-])(?:\d{2})?\d{6}[-+]\d{4}(?![\w-])", "se.personnummer"),
    ("Finnish HETU", r"(?<![\w-])\d{6}[-+A-FU-Y]\d{3}[0-9A-Y](?![\w-])", "fi.hetu"),
    ("Belgian national number", r"(?<![\w.-])\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}(?![\w-])", "be.nn"),
    ("Swiss AHV number", r"(?<![\w.-])756\.\d{4}\.\d{4}\.\d{2}(?![\w-])", "ch.ssn"),
)
_BREAKS = r"\s<>()\[\]{},;:\"'=|/\\"
_MAIL = rf"(?<![^{_BREAKS}])[^{_BREAKS}@]{{1,64}}@[^{_BREAKS}@]{{3,250}}"
_URL_WITH_PASSWORD = r"://[^{}\s@]{1,300}@"
_REST_OF_WORD = r"(?:\.?[A-Za-z0-9_\-+/=])*"
_END_OF_KEY = "-----END"


class NotScanned(PromptlabError):
    """A text could not be scanned: a library is missing, or it took too long. `group` is what was looked for."""

    def __init__(self, group: FindingGroup, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.group = group


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` look like a `kind` of the `group`."""

    start: int
    end: int
    group: FindingGroup
    kind: str


def missing_libraries(group: FindingGroup) -> tuple[str, ...]:
    """The libraries that a scan for `group` needs and that are not installed."""
    return tuple(name for name in LIBRARIES[group] if not _is_there(name))


def _is_there(name: str) -> bool:
    """Whether a library can be imported; what is there once stays there."""
    if name not in _THERE and find_spec(name) is not None:
        _THERE.add(name)
    return name in _THERE


_THERE: set[str] = set()


def scan_text(text: str, group: FindingGroup, regions: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What of `group` is in `text`, in order and without overlaps. Phone numbers without a country code are looked for
    as those of `regions` write them. What was found in a text is remembered, not the text.

    Raises:
        NotScanned: a library is missing, or it took too long.
    """
    key: _Key = group, tuple(regions), sha256(text)
    if (known := _KNOWN.get(key)) is not None:
        return known
    if lacking := missing_libraries(group):
        raise NotScanned(
            group,
            f"cannot be scanned for {_WORDS[group]}: the Python package `{lacking[0]}` is not installed",
            hint="install it with: pip install 'promptlab[openai]'",
        )
    if len(text) < LONG:
        return _scanned(key, text)
    with _ONCE:  # at the start of a suite every thread comes with the same article
        return known if (known := _KNOWN.get(key)) is not None else _scanned(key, text)


def _scanned(key: _Key, text: str) -> tuple[Finding, ...]:
    group, regions, _ = key
    found = without_overlaps(_keys(text) if group == "keys" else _personal(text, regions))
    _KNOWN.put(key, found)
    return found


_Key = tuple[FindingGroup, tuple[str, ...], str]
_ONCE = threading.Lock()
LONG = 2_000
"""Characters from which a text is scanned by one thread at a time."""


_WORDS: dict[FindingGroup, str] = {"keys": "keys", "personal": "personal data"}


class _Memory:
    """The last few thousand results."""

    def __init__(self, most: int) -> None:
        self._lock = threading.Lock()
        self._held: LRUCache[Any, tuple[Finding, ...]] = LRUCache(most)

    def get(self, key: Any) -> tuple[Finding, ...] | None:
        with self._lock:
            return self._held.get(key)

    def put(self, key: Any, value: tuple[Finding, ...]) -> None:
        with self._lock:
            self._held[key] = value


_KNOWN = _Memory(4096)


def without_overlaps(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """In order; of two that overlap, the longer one."""
    kept: list[Finding] = []
    for one in sorted(set(found), key=lambda f: (f.start - f.end, f.start, f.kind)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return tuple(sorted(kept, key=lambda f: f.start))


def _search(compiled: Any, text: str, group: FindingGroup, kind: str) -> list[Any]:
    """Matches in `text`, piece by piece, within `SECONDS`."""
    try:
        if len(text) <= _PIECE:
            return list(compiled.finditer(text, timeout=SECONDS))
        end, found = time.monotonic() + SECONDS, []
        for start in range(0, len(text), _PIECE - _OVERLAP):
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            found += compiled.finditer(text, start, min(start + _PIECE, len(text)), timeout=left)
    except TimeoutError:
        raise NotScanned(
            group,
            f"cannot be scanned for {_WORDS[group]}: looking for `{kind}` took longer than {SECONDS:g} s",
            hint="the text is made of what such keys and numbers begin with; leave that part out",
        ) from None
    return found


@cache
def _compiled(pattern: str, flags: int = 0) -> Any:
    import regex

    return regex.compile(pattern, flags)


# Keys


@dataclass(frozen=True, slots=True)
class _Plugin:
    kind: str
    patterns: tuple[Any, ...]
    judge: Callable[[str], bool]


@cache
def _plugins() -> tuple[tuple[_Plugin, ...], _Plugin]:
    """The plugins for keys, and the one for addresses of the internet. None of them is asked to try a key out."""
    import pkgutil

    import detect_secrets.plugins as folder
    from detect_secrets.plugins.base import RegexBasedDetector

    made = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        if module in _LEFT_OUT:
            continue
        for kind in vars(import_module(f"detect_secrets.plugins.{module}")).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, RegexBasedDetector)
                and kind.__module__.endswith(f".{module}")
            ):
                made[module] = _plugin(kind())
    address = made.pop(_ADDRESS)
    return tuple(made.values()), address


def _plugin(plugin: Any) -> _Plugin:
    # With `regex`, which can be held to a time; the patterns are the plugin's own.
    patterns = tuple(_compiled(one.pattern, one.flags & ~32) for one in plugin.denylist)
    if plugin.secret_type == "Basic Auth Credentials":
        patterns = (_compiled(_URL_WITH_PASSWORD),)  # the plugin's own takes cubic time; it still judges each
    return _Plugin(plugin.secret_type, patterns, lambda text: any(True for _ in plugin.analyze_string(text)))


def kinds_of_keys() -> tuple[str, ...]:
    """The names of the kinds of keys that are looked for."""
    return tuple(sorted({plugin.kind for plugin in _plugins()[0]} | {kind for kind, _ in PATTERNS}))


def _keys(text: str) -> Iterator[Finding]:
    for plugin in _plugins()[0]:
        yield from _of(plugin, text, "keys", plugin.kind)
    for kind, pattern in PATTERNS:
        for match in _search(_compiled(pattern), text, "keys", kind):
            yield Finding(match.start("value"), _key_end(text, match.end("value"), kind), "keys", kind)


def _of(plugin: _Plugin, text: str, group: FindingGroup, kind: str) -> Iterator[Finding]:
    for pattern in plugin.patterns:
        for match in _search(pattern, text, group, kind):
            if not plugin.judge(match.group()):
                continue
            start, end = match.span()
            if group == "keys":
                start, end = _key_start(text, start, kind), _key_end(text, end, kind)
            yield Finding(start, end, group, kind)


def _key_start(text: str, start: int, kind: str) -> int:
    """The dashes before the first line of a private key are a part of it."""
    return len(text[:start].rstrip("-")) if kind == "Private Key" else start


def _key_end(text: str, end: int, kind: str) -> int:
    """Where a key ends: some plugins stop within it, and of a private key they know the first line only."""
    if kind == "Private Key":
        last = text.find(_END_OF_KEY, end)
        dashes = text.find("-----", last + len(_END_OF_KEY)) if last >= 0 else -1
        return dashes + 5 if dashes >= 0 else len(text)
    if end and (text[end - 1].isalnum() or text[end - 1] in "_-+/=."):
        rest = _compiled(_REST_OF_WORD).match(text, end)
        return int(rest.end()) if rest else end
    return end


# Personal data


def _personal(text: str, regions: Sequence[str]) -> Iterator[Finding]:
    if "@" in text:
        yield from _mail(text)
    if text.count(".") >= 3:
        yield from _of(_plugins()[1], text, "personal", "IP address")
    if len(_compiled(r"\d").findall(text)) < _FEWEST_DIGITS:
        return
    for kind, pattern, module in _NUMBERS:
        judge = import_module(f"stdnum.{module}").is_valid
        for match in _search(_compiled(pattern), text, "personal", kind):
            start = match.start()
            if (length := _valid_part(match.group(), judge, kind)) is not None:
                yield Finding(start, start + length, "personal", kind)
    yield from _phones(text, regions)


def _valid_part(candidate: str, judge: Callable[[str], bool], kind: str) -> int | None:
    """How much of `candidate`, from its start, is valid: words in capitals may follow an IBAN."""
    if kind != "IBAN":
        bare = candidate.replace(" ", "").replace("-", "") if kind == "payment card" else candidate
        return len(candidate) if judge(bare) else None
    end = len(candidate)
    while end > 0:
        if judge(candidate[:end].replace(" ", "")):
            return end
        end = candidate.rfind(" ", 0, end)
    return None


def _mail(text: str) -> Iterator[Finding]:
    from email_validator import EmailNotValidError, validate_email

    for match in _search(_compiled(_MAIL), text, "personal", "mail address"):
        candidate = match.group().rstrip(".!?*_`")
        try:
            validate_email(candidate, check_deliverability=False, test_environment=True)
        except EmailNotValidError:
            continue
        yield Finding(match.start(), match.start() + len(candidate), "personal", "mail address")


def _phones(text: str, regions: Sequence[str]) -> Iterator[Finding]:
    import phonenumbers

    for region in regions or (None,):
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            yield Finding(match.start, match.end, "personal", "phone number")


__all__ = [
    "LIBRARIES",
    "Finding",
    "FindingGroup",
    "NotScanned",
    "kinds_of_keys",
    "missing_libraries",
    "scan_text",
    "without_overlaps",
]
