"""Personal data in a text: mail addresses, phone numbers, IP addresses, and numbers with check digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from promptlab.workspace._scan_keys import matches_of, plugins
from promptlab.workspace._scan_search import Finding, compiled, search

_FEWEST_DIGITS = 6
"""A text with fewer digits contains no personal number, so the search is skipped."""

# Kinds of numbers: the pattern of a candidate, and the module of python-stdnum that validates it. Kinds with only one
# check digit and no other structure are left out, because one in ten random numbers would be valid.
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


def find_personal(text: str, regions: Sequence[str]) -> Iterator[Finding]:
    if "@" in text:
        yield from _mail(text)
    if text.count(".") >= 3:
        yield from matches_of(plugins()[1], text, "personal", "IP address")
    if len(compiled(r"\d").findall(text)) < _FEWEST_DIGITS:
        return
    for kind, pattern, module in _NUMBERS:
        judge = import_module(f"stdnum.{module}").is_valid
        for match in search(compiled(pattern), text, "personal", kind):
            start = match.start()
            if (length := _valid_part(match.group(), judge, kind)) is not None:
                yield Finding(start, start + length, "personal", kind)
    yield from _phones(text, regions)


def _valid_part(candidate: str, judge: Callable[[str], bool], kind: str) -> int | None:
    """The length of the valid beginning of `candidate`, or None. Words in capitals may follow an IBAN."""
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

    for match in search(compiled(_MAIL), text, "personal", "mail address"):
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
