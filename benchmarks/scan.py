"""What the scan before an API finds and what it takes for something else, kind by kind, on texts that are made up here.

    pip install --target TOOLS --no-deps faker presidio_evaluator tzdata
    python -m benchmarks.scan --tools TOOLS          # all kinds, a minute
    python -m benchmarks.scan                        # keys and look-alikes only: they need nothing else
    python -m benchmarks.scan --quick --json

**Keys**: shapes that their makers publish, filled by chance, in five kinds of text each. They include kinds that no
plugin knows, which shows what is not found. **Personal data**: the 209 sentences of presidio-evaluator (MIT), filled by
Faker (MIT), which makes numbers by its own rules, with the formats of several countries. **Look-alikes**: text that is
neither, from hashes to order numbers; whatever is found there is a false alarm.

`found` is touched by a find of its kind; `whole` lies within one, so that a mask covers all of it. False alarms are
finds of a kind that touch nothing of it. Nothing is added up over kinds: a set made up here says nothing of how often a
kind comes in anybody's text.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import random
import string
import sys
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from promptlab.workspace import _scan as scan

ALNUM = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Labelled:
    """A text and what is in it: start, end and kind of each thing. `region` is where its phone numbers are written."""

    text: str
    things: tuple[tuple[int, int, str], ...] = ()
    region: str = ""


@dataclass
class Row:
    """One kind. `looked_for` is False for a kind that no library here knows: nothing finds its things."""

    kind: str
    things: int = 0
    found: int = 0
    whole: int = 0
    false_alarms: int = 0
    looked_for: bool = True


@dataclass
class Table:
    """Rows by kind, and how many texts there were."""

    name: str
    texts: int = 0
    rows: dict[str, Row] = field(default_factory=dict)

    def row(self, kind: str) -> Row:
        return self.rows.setdefault(kind, Row(kind))


# Keys


def _any(chance: random.Random, number: int, letters: str = ALNUM) -> str:
    return "".join(chance.choice(letters) for _ in range(number))


def _jwt(chance: random.Random) -> str:
    def part(data: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part({'sub': _any(chance, 10)})}.{_any(chance, 43, ALNUM + '-_')}"


def _pem(chance: random.Random, kind: str) -> str:
    body = "\n".join(_any(chance, 64, ALNUM + "+/") for _ in range(5))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


LOW, UP, HEX = string.ascii_lowercase + string.digits, string.ascii_uppercase + string.digits, "0123456789abcdef"

# Name for people, the kind it should be found as ("" for none), and the shape.
KEYS: tuple[tuple[str, str, Callable[[random.Random], str]], ...] = (
    ("OpenAI, old", "OpenAI Token", lambda c: f"sk-{_any(c, 20)}T3BlbkFJ{_any(c, 20)}"),
    ("OpenAI, project, 2023", "OpenAI Token", lambda c: f"sk-proj-{_any(c, 20)}T3BlbkFJ{_any(c, 20)}"),
    (
        "OpenAI, project, long",
        "OpenAI Token",
        lambda c: f"sk-proj-{_any(c, 74, ALNUM + '-_')}T3BlbkFJ{_any(c, 74, ALNUM + '-_')}",
    ),
    ("Anthropic", "Anthropic API Key", lambda c: f"sk-ant-api03-{_any(c, 93, ALNUM + '-_')}AA"),
    ("Google", "Google API Key", lambda c: f"AIza{_any(c, 35, ALNUM + '-_')}"),
    ("Hugging Face", "Hugging Face Token", lambda c: f"hf_{_any(c, 34)}"),
    ("Mistral, no prefix", "", lambda c: _any(c, 32)),
    ("AWS access key id", "AWS Access Key", lambda c: f"AKIA{_any(c, 16, UP)}"),
    ("GitHub, classic", "GitHub Token", lambda c: f"ghp_{_any(c, 36)}"),
    ("GitHub, fine-grained", "GitHub Token", lambda c: f"github_pat_{_any(c, 22)}_{_any(c, 59)}"),
    ("GitLab", "GitLab Token", lambda c: f"glpat-{_any(c, 20, ALNUM + '-_')}"),
    ("Slack bot", "Slack Token", lambda c: f"xoxb-{_any(c, 12, '123456789')}-{_any(c, 12, '123456789')}-{_any(c, 24)}"),
    ("Stripe", "Stripe Access Key", lambda c: f"sk_live_{_any(c, 24)}"),
    ("SendGrid", "SendGrid API Key", lambda c: f"SG.{_any(c, 22, ALNUM + '-_')}.{_any(c, 43, ALNUM + '-_')}"),
    ("Twilio", "Twilio API Key", lambda c: f"SK{_any(c, 32, HEX)}"),
    ("Mailchimp", "Mailchimp Access Key", lambda c: f"{_any(c, 32, HEX)}-us{c.randint(1, 21)}"),
    ("Telegram bot", "Telegram Bot Token", lambda c: f"{_any(c, 9, '123456789')}:AA{_any(c, 33, ALNUM + '-_')}"),
    (
        "Discord bot",
        "Discord Bot Token",
        lambda c: f"M{_any(c, 23)}.{_any(c, 6)}.{_any(c, 27, ALNUM + '-_')}",
    ),
    ("PyPI", "PyPI Token", lambda c: f"pypi-AgEIcHlwaS5vcmc{_any(c, 150, ALNUM + '-_')}"),
    ("npm", "NPM tokens", lambda c: f"npm_{_any(c, 36)}"),
    ("JSON Web Token", "JSON Web Token", _jwt),
    ("RSA private key", "Private Key", lambda c: _pem(c, "RSA ")),
    ("OpenSSH private key", "Private Key", lambda c: _pem(c, "OPENSSH ")),
    ("PKCS 8, encrypted", "", lambda c: _pem(c, "ENCRYPTED ")),
    (
        "Azure storage",
        "Azure Storage Account access key",
        lambda c: f"AccountKey={base64.b64encode(c.randbytes(64)).decode()}",
    ),
    ("password in a URL", "Basic Auth Credentials", lambda c: f"://{_any(c, 6, LOW)}:{_any(c, 12)}@"),
)
CARRIERS: tuple[str, ...] = (
    "Why does this not work? I use {} and get a 401.",
    "export API_KEY={}\npython app.py\n",
    'config = {{"token": "{}", "retries": 3}}\n',
    "The log says:\n2026-11-02 10:00:01 auth with {} failed\nwhat now?",
    "| name | value |\n|---|---|\n| key | {} |\n",
)


def keys(number: int, chance: random.Random) -> Iterator[Labelled]:
    for name, _, shape in KEYS:
        for n in range(number):
            made = shape(chance)
            before, _, after = CARRIERS[n % len(CARRIERS)].replace("{{", "{").replace("}}", "}").partition("{}")
            if made.startswith("://"):
                before, after = f"{before}https", f"db.example.org/x{after}"
            yield Labelled(before + made + after, ((len(before), len(before) + len(made), name),))


# Look-alikes


LOOK_ALIKES: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("git commit", lambda c: f"It broke in commit {hashlib.sha1(c.randbytes(8)).hexdigest()} on main."),
    ("SHA-256", lambda c: f"sha256:{hashlib.sha256(c.randbytes(8)).hexdigest()}  model.gguf"),
    ("UUID", lambda c: f"request {uuid.UUID(bytes=c.randbytes(16))} took 12 ms"),
    ("base64 of bytes", lambda c: f"data:image/png;base64,{base64.b64encode(c.randbytes(90)).decode()}"),
    ("order number of 16 digits", lambda c: f"Your order {c.randrange(10**15, 10**16)} has been sent."),
    ("number of 11 digits", lambda c: f"Article {c.randrange(10**10, 10**11)}, in stock."),
    ("number of 9 digits", lambda c: f"Case {c.randrange(10**8, 10**9)} is closed."),
    ("ISBN", lambda c: f"ISBN 978-3-{c.randrange(100, 999)}-{c.randrange(10000, 99999)}-{c.randrange(10)}"),
    (
        "date and time",
        lambda c: f"2026-{c.randint(1, 12):02}-{c.randint(1, 28):02}T{c.randint(0, 23):02}:15:02.123456Z",
    ),
    (
        "version",
        lambda c: f"openai {c.randint(1, 9)}.{c.randint(10, 99)}.{c.randint(0, 9)}.{c.randint(0, 99)} came out",
    ),
    ("years and results", lambda c: f"They won {c.randint(1, 9)}-{c.randint(0, 9)} in 1986-{c.randint(1990, 2022)}."),
    (
        "private address",
        lambda c: f"ping 192.168.{c.randint(0, 255)}.{c.randint(1, 254)} and 10.0.0.{c.randint(1, 254)}",
    ),
    ("figures", lambda c: f"{c.uniform(1, 99):.4f}, {c.uniform(1, 9999):,.2f} and {c.randint(10**6, 10**7):,} of them"),
    ("coordinates", lambda c: f"{c.uniform(-90, 90):.6f}, {c.uniform(-180, 180):.6f}"),
    (
        "password in words",
        lambda c: f"Your password: choose one of {c.randint(8, 20)} letters. api_key = None, token=<yours>",
    ),
    (
        "names of keys",
        lambda c: f"Keys begin with sk-, ghp_ or AKIA; set OPENAI_API_KEY{c.randint(1, 9)} in the shell.",
    ),
    ("address with a port", lambda c: f"http://localhost:{c.randint(1024, 65535)}/v1?x={c.randint(1, 99)}@example"),
    ("code", lambda c: f"for i in range({c.randint(1, 999)}): total += rows[i].get('sku-{_any(c, 8, UP)}', 0)"),
    ("decorator", lambda c: f"@pytest.fixture\ndef user{c.randint(1, 99)}(): return a@b"),
)


def look_alikes(number: int, chance: random.Random) -> Iterator[tuple[str, Labelled]]:
    for name, made in LOOK_ALIKES:
        for _ in range(number):
            yield name, Labelled(made(chance), (), "US")


# Personal data

# Names of presidio-evaluator's sentences, and our kind; what is missing here is not looked for.
KINDS = {
    "credit_card_number": "payment card",
    "phone_number": "phone number",
    "email": "mail address",
    "iban": "IBAN",
    "ip_address": "IP address",
}
# Locale of Faker, the country for phone numbers, and the kind of its identity number.
LOCALES: tuple[tuple[str, str, str], ...] = (
    ("en_US", "US", "US social security number"),
    ("en_GB", "GB", "British NINO"),
    ("de_DE", "DE", "German RVNR"),
    ("fr_FR", "FR", "French NIR"),
    ("it_IT", "IT", "Italian codice fiscale"),
    ("es_ES", "ES", "Spanish NIE or DNI"),
    ("pl_PL", "PL", "Polish PESEL"),
    ("sv_SE", "SE", "Swedish personnummer"),
    ("fi_FI", "FI", "Finnish HETU"),
    ("de_CH", "CH", "Swiss AHV number"),
)
SAME = {"Spanish NIE": "Spanish NIE or DNI", "Spanish DNI": "Spanish NIE or DNI"}
NOT_LOOKED_FOR = {"person or name", "address or place", "organization", "British NINO", "German RVNR", "date of birth"}
OTHERS = {
    **dict.fromkeys(("person", "name", "first_name", "last_name", "name_male", "name_female"), "person or name"),
    **dict.fromkeys(("address", "street_name", "city", "secondary_address", "postcode", "zipcode"), "address or place"),
    "organization": "organization",
    "date_of_birth": "date of birth",
}


def personal(number: int, tools: Path) -> Iterator[Labelled]:
    """The sentences of presidio-evaluator, filled `number` times for each locale."""
    import re

    sys.path.insert(0, str(tools))
    from faker import Faker

    sentences = (tools / "presidio_evaluator/data_generator/raw_data/templates.txt").read_text("utf-8")
    for locale, region, identity in LOCALES:
        fake = Faker(locale)
        fake.seed_instance(1)
        for _ in range(number):
            for sentence in sentences.splitlines():
                sentence = sentence.replace("\\n", "\n")
                text, things, at = "", [], 0
                for slot in re.finditer(r"\{\{\s*(\w+)\s*\}\}", sentence):
                    text += sentence[at : slot.start()]
                    made, kind = _value(fake, slot[1], identity)
                    if kind:
                        things.append((len(text), len(text) + len(made), kind))
                    text, at = text + made, slot.end()
                yield Labelled(text + sentence[at:], tuple(things), region)


def _value(fake: Any, name: str, identity: str) -> tuple[str, str]:
    if name == "ssn":
        made = fake.nie() if identity.startswith("Spanish") else fake.pesel() if "PESEL" in identity else fake.ssn()
        return str(made), identity
    if name == "ip_address":
        return str(fake.ipv4_public()), KINDS[name]
    words = {"organization": "company", "person": "name", "age": "random_int", "building_number": "building_number"}
    try:
        made = str(getattr(fake, words.get(name, name))())
    except AttributeError:
        made = str(fake.word())
    return made.replace("\n", ", "), KINDS.get(name) or OTHERS.get(name, "")


# Counting


def count(table: Table, one: Labelled, finds: Sequence[scan.Finding], named: Callable[[str], str]) -> None:
    """Hold what was found in a text against what is in it. `named` gives our kind of a thing."""
    table.texts += 1
    for start, end, kind in one.things:
        row = table.row(kind)
        row.things += 1
        mine = [f for f in finds if SAME.get(f.kind, f.kind) == named(kind) and f.start < end and f.end > start]
        row.found += bool(mine)
        row.whole += any(f.start <= start and f.end >= end for f in mine)
    for find in finds:
        kind = SAME.get(find.kind, find.kind)
        if not any(named(k) == kind and find.start < end and find.end > start for start, end, k in one.things):
            table.row(kind).false_alarms += 1


def measure(*, number: int, tools: Path | None) -> dict[str, Any]:
    """Every table."""
    chance = random.Random(1)
    plugin = {name: known for name, known, _ in KEYS}
    shapes = Table("keys")
    for one in keys(number, chance):
        count(shapes, one, scan.scan_text(one.text, "keys"), lambda kind: plugin[kind])
    for row in shapes.rows.values():
        row.looked_for = bool(plugin.get(row.kind, row.kind))
    alike: dict[str, dict[str, int]] = {}
    for name, one in look_alikes(number, chance):
        alarms = alike.setdefault(name, defaultdict(int))
        alarms["texts"] += 1
        for find in (*scan.scan_text(one.text, "keys"), *scan.scan_text(one.text, "personal", (one.region,))):
            alarms[find.kind] += 1
    tables = [shapes]
    if tools is not None:
        abroad, home = Table("personal data, no regions"), Table("personal data, with the region of the text")
        for one in personal(max(1, number // 20), tools):
            count(abroad, one, scan.scan_text(one.text, "personal"), lambda kind: kind)
            count(home, one, scan.scan_text(one.text, "personal", (one.region,)), lambda kind: kind)
            for find in scan.scan_text(one.text, "keys"):
                shapes.row(find.kind).false_alarms += 1
        for table in (abroad, home):
            for row in table.rows.values():
                row.looked_for = row.kind not in NOT_LOOKED_FOR
        tables += [abroad, home]
    return {"tables": [asdict(table) for table in tables], "look_alikes": {k: dict(v) for k, v in alike.items()}}


def show(found: dict[str, Any]) -> None:
    for table in found["tables"]:
        print(f"\n{table['name']}, {table['texts']:,} texts")
        print(f"  {'kind':<36}{'things':>8}{'found':>8}{'whole':>8}{'false alarms':>14}")
        for row in sorted(table["rows"].values(), key=lambda r: (not r["looked_for"], r["kind"])):
            share = [f"{row[n] / row['things']:.0%}" if row["things"] else "" for n in ("found", "whole")]
            note = "" if row["looked_for"] else "  not looked for"
            print(f"  {row['kind']:<36}{row['things']:>8,}{share[0]:>8}{share[1]:>8}{row['false_alarms']:>14,}{note}")
    print("\nlook-alikes, phone numbers as in the US")
    for name, alarms in found["look_alikes"].items():
        said = ", ".join(f"{kind} {number}" for kind, number in alarms.items() if kind != "texts")
        print(f"  {name:<36}{alarms['texts']:>8,}   {said or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=100, help="texts of each kind of key and look-alike")
    parser.add_argument("--tools", type=Path, help="folder with faker and presidio_evaluator; personal data needs it")
    parser.add_argument("--quick", action="store_true", help="few of everything")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = measure(number=10 if options.quick else options.number, tools=options.tools)
    if options.json:
        json.dump({"machine": machine.facts(), **found}, sys.stdout)
        print()
        return
    print(machine.described())
    show(found)


if __name__ == "__main__":
    main()
