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

_SCALES = """
2: hundred 百
3: thousand thousands k Tausend mille millier milliers mila duizend tysiąc tysiące tysięcy tys tisíc tisíce tusen tusind
3: tuhat tuhatta ezer тысяча тысячи тысяч тыс тисяча тисячі тисяч тис χιλιάδα χιλιάδες ألف آلاف هزار אלף हज़ार হাজার
3: พัน nghìn ribu 千 천
4: หมื่น 万 萬 만
5: lakh lakhs लाख লাখ แสน
6: million millions mio mn mln Millionen millón millones milhão milhões milione milioni miljoen milion miliony milionów
6: milionů miljon miljoner millioner miljoona miljoonaa millió milioane milyon миллион миллиона миллионов млн мільйон
6: мільйони мільйонів εκατομμύριο εκατομμύρια مليون ملايين میلیون מיליון ล้าน triệu juta
7: crore crores करोड़ কোটি
8: 億 亿 억
9: billion billions bn Milliarde Milliarden Mrd mld milliard milliards bilhão bilhões miliardo miliardi miljard miliard
9: miliardy miliardów miliarda miljarder milliarder miljardi miljardia milliárd miliarde milyar миллиард миллиарда
9: миллиардов млрд мільярд мільярди мільярдів δισεκατομμύριο δισεκατομμύρια مليار میلیارد מיליארד tỷ miliar
12: trillion trillions tn trn Billionen billón billones trilhão trilhões biljoen bln biljon bilion triliun trilyon
12: триллион триллиона триллионов трлн трильйон 兆 조
"""


def _scales(table: str) -> dict[str, int]:
    rows = (line.partition(": ") for line in table.strip().split("\n"))
    return {word.lower(): int(power) for power, _, words in rows for word in words.split()}


SCALES: Mapping[str, int] = _scales(_SCALES)
"""Words behind a number that multiply it by a power of ten, from the Unicode CLDR: those that mean one thing only."""

UNSURE_SCALES: Mapping[str, tuple[int, ...]] = {"mil": (3, 6), "mill": (6,), "bin": (3,), "mia": (9,)}
"""Words that multiply in some languages and mean something else in others."""

LONG_SCALE = ("cs", "da", "de", "es", "fi", "fr", "hu", "it", "nb", "nl", "no", "pl", "sv")
"""Languages in which a billion is a million millions."""

LETTERS: Mapping[str, int] = {"K": 3, "M": 6, "m": 6, "B": 9, "b": 9, "T": 12}
"""Letters behind a number that multiply it or are its unit: 5M is 5 million, or 5 megawatts without its W."""


_ALL = UNITS | MONEY


def unit_of(word: str) -> str:
    """The unit or currency that `word` stands for, by its one name; empty if it is none."""
    return _ALL.get(word) or (_ALL.get(word.lower(), "") if len(word) > 2 else "")


__all__ = ["LETTERS", "LONG_SCALE", "MONEY", "SCALES", "UNITS", "UNSURE_SCALES", "unit_of"]
