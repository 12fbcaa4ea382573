"""What may follow or precede a number: units, currencies, and words that multiply it such as `million`.

A unit is known by one name however it is written: `km`, `kilometres` and `Kilometers` are `km`. Nothing is converted.
"""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = """
km: kilometre kilometres kilometer kilometers
m: metre metres meter meters
cm: centimetre centimetres centimeter centimeters
mm: millimetre millimetres millimeter millimeters
µm: μm um micrometre micrometres micrometer micrometers micron microns
nm: nanometre nanometres nanometer nanometers
mi: mile miles
yd: yard yards
ft: foot feet
inch: inches in
kg: kilo kilos kilogram kilograms kilogramme kilogrammes
g: gram grams gramme grammes
mg: milligram milligrams
µg: μg ug mcg microgram micrograms
t: tonne tonnes
lb: lbs pound pounds
oz: ounce ounces
l: L litre litres liter liters
ml: mL millilitre millilitres milliliter milliliters
gal: gallon gallons
s: sec secs second seconds
ms: millisecond milliseconds
ns: nanosecond nanoseconds
min: mins minute minutes
h: hr hrs hour hours
d: day days
week: weeks wk wks
month: months mo
year: years yr yrs
°C: ℃
°F: ℉
°: deg degree degrees
km/h: kph kmh
mph:
m/s:
W: watt watts
kW: kilowatt kilowatts
MW: megawatt megawatts
GW: gigawatt gigawatts
Wh:
kWh:
MWh:
V: volt volts
A: amp amps ampere amperes
mA:
Hz: hertz
kHz:
MHz:
GHz:
J: joule joules
kJ:
cal: calorie calories
kcal:
Pa:
hPa:
kPa:
bar:
N: newton newtons
Ω: ohm ohms
mol:
rad:
px: pixel pixels
pt: pts
dB:
bit: bits
byte: bytes
KB: kB
MB:
GB:
TB:
KiB:
MiB:
GiB:
ha: hectare hectares
acre: acres
m²: m2 sqm
m³: m3
km²: km2
cm²: cm2
cm³: cm3 cc
ft²: sqft
x: times
"""
_MONEY = """
USD: $ US$ dollar dollars buck bucks
EUR: € euro euros
GBP: £
JPY: ¥ 円 yen
INR: ₹ Rs rupee rupees
CNY: 元 RMB yuan
KRW: ₩ 원 won
RUB: ₽ rouble roubles ruble rubles
CHF: Fr
CAD: C$ CA$
AUD: A$ AU$
BRL: R$
SEK:
NOK:
DKK:
PLN: zł
CZK: Kč
TRY: ₺
UAH: ₴
ILS: ₪
VND: ₫
THB: ฿
NGN: ₦
PHP: ₱
BTC: ₿
cent: cents ¢
"""


def _by_name(table: str) -> dict[str, str]:
    rows = [line.partition(": ") if ": " in line else (line.rstrip(":"), "", "") for line in table.split("\n") if line]
    return {name: unit for unit, _, names in rows for name in (unit, *names.split())}


UNITS = _by_name(_NAMES)
"""Every way to write a unit, and the unit."""

MONEY = _by_name(_MONEY)
"""Every way to write a currency, and its code."""

SCALES: Mapping[str, int] = {
    "hundred": 2, "thousand": 3, "lakh": 5, "lakhs": 5, "million": 6, "millions": 6, "mio": 6, "mn": 6, "crore": 7,
    "crores": 7, "billion": 9, "bn": 9, "mrd": 9, "milliard": 9, "trillion": 12, "tn": 12, "k": 3,
    "百": 2, "千": 3, "천": 3, "万": 4, "萬": 4, "만": 4, "億": 8, "亿": 8, "억": 8,
}  # fmt: skip
"""Words behind a number that multiply it by a power of ten."""

LETTERS: Mapping[str, int] = {"K": 3, "M": 6, "m": 6, "B": 9, "b": 9, "T": 12}
"""Letters behind a number that multiply it or are its unit: 5M is 5 million, or 5 megawatts without its W."""


def unit_of(word: str) -> str:
    """The unit or currency that `word` stands for, by its one name; empty if it is none."""
    names = UNITS | MONEY
    return names.get(word) or (names.get(word.lower(), "") if len(word) > 2 else "")


__all__ = ["LETTERS", "MONEY", "SCALES", "UNITS", "unit_of"]
