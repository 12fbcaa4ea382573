"""The numbers that `numeric` reads in an answer: what it takes them for, and where it does not judge."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptlab.errors import InputError, NotJudged
from promptlab.scorers._numbers import numbers_in
from promptlab.scorers._numeric import numeric


def verdict(answer: str, expected: Any, **options: Any) -> bool | None:
    """True if the answer passes, False if not, None if it is not judged."""
    try:
        return numeric(**options)(answer, expected).value == 1
    except NotJudged:
        return None


WRITTEN: dict[str, list[tuple[str, float]]] = {
    "thousands and decimal marks": [
        ("8,450", 8450), ("8,450.75", 8450.75), ("8.450,75", 8450.75), ("8 450,75", 8450.75), ("8\u00a0450", 8450),
        ("8\u202f450,75", 8450.75), ("8\u2009450", 8450), ("8'450.75", 8450.75), ("8’450", 8450),
        ("12,34,567", 1234567),
        ("12,34,567.8", 1234567.8), ("8.450.120", 8450120), ("8,450,120", 8450120), ("63,5", 63.5), ("0,125", 0.125),
        ("0.125", 0.125), (".25", 0.25), ("3.14159", 3.14159), ("3,14159", 3.14159), ("8_450", 8450), ("8450", 8450),
        ("007", 7), ("12345678901234567890", 12345678901234567890), ("8.450", 8.45),
    ],
    "signs": [
        ("-9", -9), ("\u22129", -9), ("\u20139", -9), ("\uff0d9", -9), ("minus 9", -9), ("negative nine", -9),
        ("+9", 9),
        ("x = -9", -9), ("-$9", -9), ("$-9", -9), ("\u2212 9", -9), ("it is -9.", -9), ("9-", 9), ("-0.5", -0.5),
        ("(9)", 9), ("-.5", -0.5), ("\u200e-9", -9),
    ],
    "units and money": [
        ("42 km", 42), ("42km", 42), ("5 °C", 5), ("-5°C", -5), ("9.8 m/s²", 9.8), ("$42", 42), ("42 $", 42),
        ("€1.50", 1.5),
        ("1,50 €", 1.5), ("USD 42", 42), ("42 USD", 42), ("US$42", 42), ("CHF 8’450.00", 8450),
        ("R$ 8.450,75", 8450.75),
        ("¥500", 500), ("500円", 500), ("42-km", 42), ("72 apples", 72), ("72 m²", 72), ("60 km/h", 60), ("3x", 3),
        ("about 72 people", 72), ("**72** kg", 72), ("₹12,34,567.00", 1234567),
    ],
    "words that multiply": [
        ("2.5 million", 2_500_000), ("$2.5M", 2_500_000), ("€2.5bn", 2.5e9), ("3 thousand", 3000), ("3k", 3000),
        ("2,5 Mio.", 2_500_000), ("2,5 млн", 2_500_000), ("3 lakh", 300_000), ("2 crore", 2e7), ("3万", 30_000),
        ("$1.2 trillion", 1.2e12), ("four hundred", 400), ("2.5-million", 2_500_000), ("1,5 Milliarden Euro", 1.5e9),
    ],
    "fractions": [
        ("3/4", 0.75), ("¾", 0.75), ("2 3/4", 2.75), ("2¾", 2.75), ("2 ¾", 2.75), ("-3/4", -0.75),
        (r"\frac{3}{4}", 0.75),
        (r"2\frac{3}{4}", 2.75), (r"-\dfrac34", -0.75), ("3⁄4", 0.75), ("three quarters", 0.75),
        ("two and a half", 2.5),
        ("half", 0.5), ("two thirds", 2 / 3), ("6 and a half", 6.5),
    ],
    "ordinals and words": [
        ("7th", 7), ("1st", 1), ("22nd", 22), ("3rd place", 3), ("forty-two", 42), ("The answer is forty-two.", 42),
        ("Seven", 7), ("one hundred and five", 105), ("three goals", 3), ("a dozen", 12), ("two dozen eggs", 24),
        ("2 dozen", 24),
        ("One.", 1), ("The answer is one", 1), ("three point five", 3.5), ("seventh", 7), ("zero", 0),
        ("42 (forty-two)", 42),
        ("five point two million", 5.2e6),
    ],
    "powers of ten": [
        ("1.2e3", 1200), ("1.2E3", 1200), ("1.2 × 10^3", 1200), ("1.2 x 10^3", 1200), ("1.2*10**3", 1200),
        ("1.2·10³", 1200),
        (r"1.2 \times 10^{3}", 1200), ("5e-7", 5e-7), ("5 × 10⁻⁷", 5e-7), ("10⁶", 1e6), ("10^6", 1e6),
        ("10<sup>6</sup>", 1e6),
        ("2^10", 1024), ("-1.2e3", -1200),
    ],
    "digits of other scripts": [
        ("٤٢", 42), ("४२", 42), ("４２", 42), ("８，４５０．５", 8450.5), ("٨٬٤٥٠٫٥", 8450.5), ("۴۲", 42), ("𝟒𝟐", 42),
        ("四42", 42),
        ("答えは42です", 42), ("정답은 42입니다", 42), ("ตอบ42", 42), ("4\u200b2", 42),
    ],
    "LaTeX, Markdown and the like": [
        (r"\boxed{42}", 42), (r"$\boxed{8{,}450}$", 8450), ("$42$", 42), (r"\$42", 42), (r"42\%", 42), ("= 42", 42),
        ("**42**", 42), ("`42`", 42), ("_42_", 42), ("#### 42", 42), ("#### 8,450.", 8450), ("~~41~~ 42", 42),
        ("<b>42</b>", 42),
        ("42.", 42), ("42!", 42), ("[42]", 42), ("\"42\"", 42), ("→ 42", 42), ("=> 42", 42), ("42&nbsp;km", 42),
        ("x=42", 42),
        (r"8\,450", 8450), (r"\text{42 km}", 42), ("| 42 |", 42), ("<think>6 * 7 = 42, no 41</think>42", 42),
        ("6*7</think>42", 42),
    ],
    "numbers beside what is no number": [
        ("42 (on 2022-12-18)", 42), ("at 10:30, 42 people", 42), ("18.12.2022: 42", 42), ("B12: 42", 42),
        ("covid-19: 42", 42),
        ("GPT-4 says 42", 42), ("42[3]", 42), ("v2.10.1 has 42", 42), ("42, see https://a.org/7", 42),
        ("a7@b.org: 42", 42),
        ("call +49 30 1234 5678 for 42", 42), ("42 at 5 pm", 42), ("12/18/2022: 42", 42), ("10.0.0.1 has 42", 42),
        ("one of them has 42", 42), ("42 42", 42), ("42 = 42.0", 42),
    ],
}  # fmt: skip
"""How numbers are written, by kind, each with its value."""


@pytest.mark.parametrize(("answer", "value"), [row for rows in WRITTEN.values() for row in rows])
def test_a_number_is_read_as_people_write_it(answer: str, value: float) -> None:
    assert verdict(answer, value) is True
    assert verdict(answer, value + max(1, abs(value) / 100)) is not True
    assert verdict(answer, -value if value else 1) is not True
    assert verdict(answer, 10 * value if value else 1) is not True


NO_NUMBER = [
    "", "no", "Infinity", "NaN", "-inf", "∞", "v1.2.3", "10:30", "2022-12-18", "18.12.2022", "12/18/2022", "1.2.3",
    "3:2", "B12", "covid-19", "H2O", "MP3", "GPT-4", "+1 555 123 4567", "(555) 123-4567", "555-123-4567", "a3@b.org",
    "https://a.org/3", "10.0.0.1", "192.168.100.100", "x3", "3-2", "1–3", "5 - 10 km"[:0], "2022年12月3日", "10:30:03",
    "2022-12-18T10:30:00Z", "3/4/5/6", "the second one", "5 pm", "hundreds", "log10", "12h30", "1h30m", "0x12", "0b10",
    "<think>3",
]  # fmt: skip


@pytest.mark.parametrize("answer", NO_NUMBER)
def test_what_is_no_single_number_never_passes(answer: str) -> None:
    for number in (0, 1, 2, 3, 4, 5, 10, 12, 18, 19, 30, 100, 2022, 555, 1234567, -2, -3, -18):
        assert verdict(answer, number) is not True
    if numbers_in(answer) == []:
        assert verdict(answer, 3) is False


UNCLEAR: list[tuple[str, float | str, dict[str, Any]]] = [
    ("1.234", 1234, {}),  # German thousands
    ("1,234", 1.234, {}),  # German decimals
    ("5M", 5, {}), ("5M", 5_000_000, {}), ("5K", 5000, {}), ("7B", 7e9, {}), ("5 mil", 5000, {}), ("5 mil", 5, {}),
    ("60%", 0.6, {}), ("8/10", 8, {}), ("(9)", -9, {}), ("(9.00 $)", -9, {}), ("9-", -9, {}), ("- 9", 9, {}),
    ("- 9", -9, {}),
    ("total - 9", -9, {}), ("± 9", 9, {}), ("±9", -9, {}), ("7²", 49, {}), ("7²", 7, {}), ("1990s", 1990, {}),
    ("4G", 4, {}),
    ("3D", 3, {}), ("more than 42", 42, {}), ("at least 42", 42, {}), ("< 42", 42, {}), ("≥42", 42, {}),
    ("not 42", 42, {}),
    ("It isn't 42", 42, {}), ("no one knows", 1, {}), ("This one is best", 1, {}), ("12 345", 345, {"take": "last"}),
    ("10–7", 7, {"take": "last"}), ("costs 10-7", 10, {"take": "first"}), ("1.2,3.4,5.6.7", 1.2, {"take": "first"}),
    ("1e999", 1, {}), ("9" * 5000, 9, {}), ("1,2345.6", 1.2, {}), ("10 -3", -3, {"take": "last"}),
    ("10 -3", 3, {"take": "last"}),
    ("42 m", "42 km", {}), ("$42", "€42", {}), ("42 minutes", "42 h", {}), ("5m people", 5, {}), ("third", 3, {}),
    ("over 42", 42, {}), ("almost 42", 42, {}), ("42+", 42, {}), ("half a million", 1_000_000, {}),
    ("七十二", 72, {}), ("Ⅻ", 12, {}),
    ("a quarter of a million", 1_000_000, {}), ("⑫", 12, {}),
    ("3π", 3, {}), ("2 pi", 2, {}), ("√16", 16, {}), ("\\sqrt{16}", 16, {}), ("sqrt(16)", 16, {}), ("x^2", 2, {}),
    ("4x4", 4, {}), ("3n", 3, {}),
    ("1.234,5", 1234.5, {"locale": "en"}), ("1,234.5", 1234.5, {"locale": "de"}), ("1,23", 123, {"locale": "en"}),
]  # fmt: skip
"""Answers, each with what would be a guess."""


@pytest.mark.parametrize(("answer", "expected", "options"), UNCLEAR)
def test_what_is_ambiguous_is_not_judged(answer: str, expected: float | str, options: dict[str, Any]) -> None:
    assert verdict(answer, expected, **options) is None


@pytest.mark.parametrize(
    ("answer", "expected", "options", "passes"),
    [
        ("2+70=72", 72, {}, False),
        ("2+70=72", 72, {"take": "last"}, True),
        ("2 - 70 = -68", -68, {"take": "last"}, True),
        ("10-3=7", 7, {"take": "last"}, True),
        ("72 or 73", 72, {"take": "first"}, True),
        ("72 kg (159 lb)", 72, {}, False),
        ("The 2 teams scored three goals", 2, {}, False),
        ("The 2 teams scored three goals", 3, {"take": "last"}, True),
        ("2,3,5", 5, {"take": "last"}, True),
        ("1.234", 1234, {"locale": "de"}, True),
        ("1.234", 1.234, {"locale": "de"}, False),
        ("1,234", 1.234, {"locale": "pt-BR"}, True),
        ("1\u202f234,5", 1234.5, {"locale": "fr_FR"}, True),
        ("1 234,5", 1234.5, {"locale": "fr"}, True),
        ("2 billions", 2e12, {"locale": "fr"}, True),
        ("2 billion", 2e9, {"locale": "en"}, True),
        ("zweiundvierzig", 42, {"locale": "de"}, True),
        ("cuarenta y dos", 42, {"locale": "es"}, True),
        ("1,5", "1.5", {"locale": "de"}, True),
        ("1,5", "1,5", {"locale": "de"}, True),
        ("60%", 60, {}, True),
        ("60%", "60%", {}, True),
        ("60 percent", "60 %", {}, True),
        ("0.6", "60%", {}, True),
        ("60", "60%", {}, True),
        ("0.06", "60%", {}, False),
        ("60%", 0.6, {"percent_as_share": True}, True),
        ("60%", 60, {"percent_as_share": True}, False),
        ("%60", "60%", {}, True),
        ("42 kilometres", "42 km", {}, True),
        ("42", "42 km", {}, True),
        ("42 apples", "42 km", {}, True),
        ("€42", "42 EUR", {}, True),
        ("43", [42, "43"], {}, True),
        ("44", [42, "43"], {}, False),
        ("12345678901234567891", 12345678901234567890, {}, False),
        ("0.1", 0.1, {}, True),
        ("3.1", 3, {"absolute": 0.1}, True),
        ("3.11", 3, {"absolute": 0.1}, False),
        ("101", 100, {"relative": 0.01}, True),
        ("-99", -100, {"relative": 0.01}, True),
        ("0", 0, {"relative": 0.01}, True),
        ("1/3", 1 / 3, {}, True),
    ],
)
def test_which_number_counts_and_how_near_it_must_be(
    answer: str, expected: Any, options: dict[str, Any], passes: bool
) -> None:
    assert verdict(answer, expected, **options) is passes


@pytest.mark.parametrize(
    "expected",
    [None, True, "", "no", "1 or 2", "3-4", "2022-12-18", [], [1, "x"], {}, float("nan"), float("inf"), "5M", "±5"],
)
def test_what_is_no_expected_number_is_refused(expected: Any) -> None:
    with pytest.raises(InputError) as refused:
        numeric()("1", expected)
    assert not isinstance(refused.value, NotJudged)


def test_an_expected_text_that_is_another_number_in_the_locale_is_refused() -> None:
    assert verdict("1.234", 1234, locale="de") is True
    for expected in ("1.234", "1,234"):
        with pytest.raises(InputError, match="another number"):
            numeric(locale="de")("1.234", expected)


@pytest.mark.parametrize(
    "options",
    [{"locale": "xx"}, {"locale": "English"}, {"locale": 3}, {"take": "any"}, {"relative": -1}, {"absolute": True}],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        numeric(**options)


NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9), st.decimals(-(10**7), 10**7, allow_nan=False, places=2), st.sampled_from([0.5, 1.234])
)
LOCALES = (
    "en", "de", "fr", "de_CH", "en_IN", "hi", "es", "pt_BR", "pl", "ru", "sv", "tr", "ar", "fa", "bn", "ja", "zh",
    "ko",
    "th", "vi", "id", "he", "el", "cs", "hu", "nb", "fi", "nl", "it", "uk", "ro",
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(NUMBERS, st.sampled_from(LOCALES), st.sampled_from(["decimal", "percent", "currency", "scientific"]))
@example(1234, "de", "decimal")
def test_a_number_in_the_writing_of_any_locale_is_read_back_or_refused(number: Any, locale: str, style: str) -> None:
    babel = pytest.importorskip("babel.numbers")
    options = {"locale": locale, "decimal_quantization": False}
    expected: Any = number if isinstance(number, int) else float(number)
    if style == "currency":
        text, expected = babel.format_currency(round(number, 2), "EUR", **options), f"{round(number, 2)} EUR"
    elif style == "percent":
        text, expected = babel.format_percent(number, **options), f"{(Decimal(str(number)) * 100).normalize():f}%"
    else:
        text = (babel.format_decimal if style == "decimal" else babel.format_scientific)(number, **options)
    assert verdict(f"Es ist {text}.", expected, locale=locale) is True
    assert verdict(text, expected) is not False
    assert verdict(text, float(number) * 1000 + 1, locale=locale) is not True


@given(st.text(max_size=60), st.integers(-100, 100))
def test_no_answer_breaks_it(answer: str, expected: int) -> None:
    assert verdict(answer, expected) in (True, False, None)


@given(st.text("0123456789 .,-–/:%$()[]^e×⁶½'k", max_size=25), st.integers(-100, 100))
def test_no_odd_number_breaks_it(answer: str, expected: int) -> None:
    assert verdict(answer, expected) in (True, False, None)


@pytest.mark.parametrize(
    "piece", ["a.", "1,", "1 ", "-", "(", "1/", "a", "9", "word and ", "one ", "<b>", "**", "\\frac", "~~"]
)
def test_long_answers_take_no_longer_than_their_length(piece: str) -> None:
    begun = time.process_time()
    verdict(piece * (100_000 // len(piece)), 3)
    assert time.process_time() - begun < 20  # a square of the length would take hours
