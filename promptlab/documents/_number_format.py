"""A number of a spreadsheet cell as its number format shows it, but never rounded.

    shown("0.25", "0%")                         # 25%
    shown("501", "00000")                       # 00501, a ZIP code
    shown("3.14159", "0.00")                    # 3.14159: Excel shows 3.14, but the value has more digits
    shown("45352", "dd/mm/yyyy")                # 2024-03-01: in Excel, 01/03/2024 can be two days

What a person reads in the cell is the unit and the kind of a number: percent, currency, a code, a date. What a model
needs is the value. So the format gives the signs, and the value all its digits (the 15 that Excel keeps).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<half>AM/PM|A/P|上午/下午)|(?P<power>E[+-])|(?P<digit>[0#?])|(?P<point>\.)"
    r"|(?P<comma>,)|(?P<percent>%)|(?P<over>/)|(?P<text>@)|(?P<end>;)|(?P<date>[ymdhsgebYMDHSGEB]+)|(?P<other>.)",
    re.DOTALL | re.IGNORECASE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_LAST_DAY = 2_958_466
_TINY = Decimal("1e-9")
_DASHES = {("literal", "-"), ("literal", "–"), ("literal", "- ")}


@dataclass
class _Section:
    """A part of a format code. `tokens` are pairs of kind and text: literal, digit, point, comma, percent and so on."""

    tokens: list[tuple[str, str]] = field(default_factory=list)
    condition: tuple[str, Decimal] | None = None

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.tokens)

    @property
    def literal(self) -> str:
        return "".join(text for kind, text in self.tokens if kind == "literal")


@lru_cache(maxsize=1024)
def _sections(code: str) -> tuple[_Section, ...]:
    parts = [_Section()]
    for match in _TOKEN.finditer(code):
        kind, text = str(match.lastgroup), match[str(match.lastgroup)]
        section = parts[-1]
        if kind == "end":
            parts.append(_Section())
        elif kind == "bracket":
            _bracket(section, text)
        elif kind in ("quoted", "escaped", "other"):
            section.tokens.append(("literal", text))
        elif kind == "space":
            section.tokens.append(("literal", " "))
        elif kind != "fill":
            section.tokens.append((kind, text))
    return tuple(parts)


def _bracket(section: _Section, text: str) -> None:
    """`[>=100]` is a condition, `[h]` elapsed hours, `[$€-407]` a currency. Colours and languages say nothing here."""
    if condition := _CONDITION.fullmatch(text.strip()):
        section.condition = (condition[1], Decimal(condition[2]))
    elif _ELAPSED.fullmatch(text):
        section.tokens.append(("elapsed", text.lower()))
    elif text.startswith("$"):
        section.tokens.append(("literal", text[1:].rpartition("-")[0] if "-" in text else text[1:]))


def shown(raw: str, code: str, *, from_1904: bool = False) -> str:
    """The number `raw` (as in the file) in the number format `code`. `from_1904`: days count from 1904."""
    value = _value(raw)
    if code == "General":
        return general(value)
    sections = _sections(code)
    section, is_negative = _chosen(sections, value)
    if section.has("date", "half", "elapsed") and (text := _as_date(value, section, from_1904=from_1904)):
        return text
    if section.has("digit", "general", "text") and not section.has("date", "half", "elapsed"):
        body = _number(abs(value), section)
        # With the sign in a colour only, as in `0;[Red]0`, a negative number would become a positive one.
        has_sign = is_negative and re.search(r"[-−(‐–▼↓]", section.literal)
        return (body if value >= 0 or has_sign else f"-{body.lstrip()}").strip()
    words = " ".join(section.literal.split())
    return f"{words} ({general(value)})" if re.search(r"\w", words) else general(value)


def shown_text(text: str, code: str) -> str:
    """Text in a cell with the number format `code`, whose fourth section is for text."""
    for section in _sections(code):
        if section.has("text") and not section.has("digit"):
            return "".join(text if kind == "text" else piece for kind, piece in section.tokens).strip()
    return text


def _value(raw: str) -> Decimal:
    """The number with the 15 digits that Excel keeps: 0.1 + 0.2 is 0.3. A whole number keeps all its digits."""
    try:
        return Decimal(raw) if re.fullmatch(r"[+-]?\d+", raw.strip()) else Decimal(f"{float(raw):.15g}")
    except (InvalidOperation, OverflowError) as exc:
        raise ValueError(f"{raw} is no number") from exc


def general(value: Decimal) -> str:
    """A number without a format."""
    if value == value.to_integral_value() and abs(value) < Decimal("1e21"):
        return str(value.quantize(Decimal(1)) if value.adjusted() < 27 else value)
    if value.adjusted() < -9 or value.adjusted() > 20:
        return re.sub(r"E([+-])(\d)$", r"E\g<1>0\2", f"{value.normalize():E}")
    return f"{value.normalize():f}"


def _chosen(sections: tuple[_Section, ...], value: Decimal) -> tuple[_Section, bool]:
    """The section for `value`, and if it is one for negative numbers, which writes their sign itself."""
    compare = {
        "<": value.__lt__, "<=": value.__le__, ">": value.__gt__, ">=": value.__ge__, "=": value.__eq__,
        "<>": value.__ne__,
    }  # fmt: skip
    numeric = sections[:3]
    if any(section.condition for section in numeric):
        for at, section in enumerate(numeric):
            if section.condition is None:
                if at == len(numeric) - 1 or value < 0:
                    return section, False
            elif compare[section.condition[0]](section.condition[1]):
                return section, section.condition[0] in ("<", "<=") and section.condition[1] <= 0
        return numeric[-1], False
    if value < 0 and len(sections) > 1:
        return sections[1], True
    return sections[2 if value == 0 and len(sections) > 2 else 0], False


# Numbers


def _number(value: Decimal, section: _Section) -> str:
    tokens = section.tokens
    if value == 0:  # accounting formats show zero as a dash, which reads like a missing value
        tokens = [(kind, text) for kind, text in tokens if (kind, text) not in _DASHES]
    if section.has("general", "text"):
        return "".join(general(value) if kind in ("general", "text") else text for kind, text in tokens)
    value *= Decimal(100) ** sum(kind == "percent" for kind, _ in tokens)
    kinds = [kind for kind, _ in tokens]
    first = kinds.index("digit")
    if "over" in kinds[first:]:
        over = kinds.index("over", first)
        end = next((at for at in range(over + 1, len(tokens)) if not _is_denominator(tokens[at])), len(tokens))
        body = _fraction(value, "".join(text for _, text in tokens[over + 1 : end]))
    elif "power" in kinds:
        body, end = _scientific(value, tokens), len(kinds) - kinds[::-1].index("digit")
    else:
        body, end = _decimal(value, tokens, first)
        if not body:
            return _with_gaps(value, tokens)
    # what is left of commas behind the digits was the scale
    rest = [text for kind, text in tokens[end:] if kind != "comma"]
    return "".join([*(text for _, text in tokens[:first]), body, *rest])


def _decimal(value: Decimal, tokens: list[tuple[str, str]], first: int) -> tuple[str, int]:
    """The digits of an ordinary number, and the end of its tokens. Empty if the digits have other signs in between."""
    end = first
    while end < len(tokens) and tokens[end][0] in ("digit", "comma", "point"):
        end += 1
    if any(kind == "digit" for kind, _ in tokens[end:]):
        return "", end
    code = "".join(text for _, text in tokens[first:end])
    whole, _, places = code.partition(".")
    scale = len(whole) - len(whole.rstrip(",")) + places.count(",")
    value /= Decimal(1000) ** scale
    digits = _digits(value, whole.count("0"), places.count("0") + places.count("?"))
    return (_grouped(digits) if "," in whole.rstrip(",") else digits), end


def _digits(value: Decimal, least_whole: int, least_places: int) -> str:
    """All digits of `value`, with zeros up to what the format asks for."""
    whole, _, places = f"{value.normalize():f}".partition(".")
    places = places.ljust(least_places, "0")
    return whole.rjust(least_whole, "0") + (f".{places}" if places else "")


def _grouped(digits: str) -> str:
    whole, point, places = digits.partition(".")
    return re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", whole) + point + places


def _with_gaps(value: Decimal, tokens: list[tuple[str, str]]) -> str:
    """A number whose digits have other signs in between: a telephone number, a code."""
    if value != value.to_integral_value() or any(kind == "point" for kind, _ in tokens):
        return general(value)
    digits = general(value)
    places = sum(kind == "digit" for kind, _ in tokens)
    digits = digits.rjust(places, "\0")
    head, digits = digits[: len(digits) - places], digits[len(digits) - places :]
    written, begun, started = [], False, False
    for kind, text in tokens:
        if kind != "digit":
            # a dash before the first digit would read as a sign
            written.append("" if kind == "comma" or (begun and not started and text in "- .") else text)
            continue
        begun = True
        digit, digits = digits[0], digits[1:]
        if digit == "\0":
            digit = "0" if text == "0" or (started and text != "#") else ""
        written.append(digit if started else head + digit)
        started = started or bool(digit)
    return "".join(written)


def _scientific(value: Decimal, tokens: list[tuple[str, str]]) -> str:
    kinds = [kind for kind, _ in tokens]
    mantissa, exponent = tokens[: kinds.index("power")], tokens[kinds.index("power") + 1 :]
    at = next((number for number, (kind, _) in enumerate(mantissa) if kind == "point"), len(mantissa))
    asked = sum(kind == "digit" and text == "0" for kind, text in mantissa[at:])
    places = max(asked, len(value.normalize().as_tuple().digits) - 1)
    number, _, power = f"{value:.{places}E}".partition("E")
    width = sum(kind == "digit" for kind, _ in exponent)
    return f"{number}E{power[0]}{power[1:].rjust(width, '0')}"


def _is_denominator(token: tuple[str, str]) -> bool:
    return token[0] == "digit" or (token[0] == "literal" and (token[1].isdigit() or token[1] == " "))


def _fraction(value: Decimal, under: str) -> str:
    """A fraction if it is exact, else the decimal number. `under` is the denominator in the format."""
    under = under.strip()
    most = int(under) if under.isdigit() and int(under) else 10 ** min(len(under), 4) - 1
    exact = Fraction(value).limit_denominator(most)
    if abs(Fraction(value) - exact) > Fraction(_TINY):
        return general(value)
    whole, rest = divmod(exact, 1)
    return " ".join(part for part in (str(whole) if whole or not rest else "", str(rest) if rest else "") if part)


# Dates and times


def _as_date(value: Decimal, section: _Section, *, from_1904: bool) -> str:
    """A day as 2024-03-01, a time as 14:30, a duration in hours. Empty if the number is no date."""
    letters = "".join(text.lower() for kind, text in section.tokens if kind == "date")
    clock = re.sub(r"m+", "", letters) if not set(letters) & set("hs") else letters
    has_day = bool(set(letters) & set("ydgeb")) or ("m" in letters and not set(letters) & set("hs"))
    places = re.search(r"s\.(0+)", "".join(text for _, text in section.tokens), re.IGNORECASE)
    seconds = Decimal(round(value * 86_400, min(len(places[1]), 3) if places else 0))
    with_seconds = bool(seconds % 60) or "s" in letters + "".join(t for kind, t in section.tokens if kind == "elapsed")
    # A time of 1.25 days is a duration of 30 hours; a time of 45352.6 days is a moment of a day that is not shown.
    if section.has("elapsed") or (not has_day and value < 366):
        return _hours(seconds, with_seconds=with_seconds, padded=not section.has("elapsed"))
    if not 0 <= value < _LAST_DAY:
        return ""
    days, moment = divmod(seconds, 86_400)
    day = _day(int(days), from_1904=from_1904)
    if not moment and not set(clock) & set("hs"):
        return day
    return f"{day} {_hours(moment, with_seconds=with_seconds, padded=True)}"


def _day(days: int, *, from_1904: bool) -> str:
    if from_1904:
        return (datetime(1904, 1, 1) + timedelta(days)).date().isoformat()
    if days == 60:  # Excel has a 29 February 1900
        return "1900-02-29"
    return (datetime(1899, 12, 31 if days < 60 else 30) + timedelta(days)).date().isoformat()


def _hours(seconds: Decimal, *, with_seconds: bool, padded: bool) -> str:
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    all_minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(all_minutes), 60)
    text = f"{hours:02}:{minutes:02}" if padded else f"{hours}:{minutes:02}"
    if not with_seconds:
        return sign + text
    whole, point, part = f"{rest:f}".partition(".")
    return f"{sign}{text}:{whole:0>2}" + (point + part.rstrip("0") if part.strip("0") else "")
