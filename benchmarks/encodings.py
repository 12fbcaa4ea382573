"""Compares the decoding of HTML and text files with another implementation of the WHATWG Encoding Standard.

    npm install --prefix /tmp/bytes @exodus/bytes
    python -m benchmarks.encodings /tmp/bytes

For each encoding, every sequence of one and two bytes (and of three or four where the encoding has them) is decoded by
promptlab and by `@exodus/bytes` in Node. Prints the differences, and the digest for tests/documents/test_whatwg.py.
Control characters U+0080 to U+009F count as refused: they are in the tables, but in no text.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from promptlab.documents._whatwg import decoder

SINGLE = re.findall(
    r"\S+",
    "ibm866 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6 iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-10 "
    "iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16 koi8-r koi8-u macintosh windows-874 windows-1250 windows-1251 "
    "windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257 windows-1258 x-mac-cyrillic",
)
MULTI = ("gbk", "gb18030", "big5", "euc-jp", "iso-2022-jp", "shift_jis", "euc-kr")

PROGRAM = """
import { TextDecoder } from "@exodus/bytes/encoding.js";
let text = ""; for await (const part of process.stdin) text += part;
const answer = {};
for (const [name, sequences] of Object.entries(JSON.parse(text))) {
  const decoder = new TextDecoder(name, { fatal: true, ignoreBOM: true });
  const read = (hex) => { try { return decoder.decode(Buffer.from(hex, "hex")); } catch { return null; } };
  answer[name] = sequences.map(read);
}
process.stdout.write(JSON.stringify(answer));
"""


def sequences(name: str) -> Iterator[bytes]:
    """The sequences of bytes that are compared."""
    every = range(256)
    yield from (bytes((first,)) for first in every)
    if name == "iso-2022-jp":
        yield from (b"\x1b$B" + bytes((a, b)) for a in range(0x21, 0x7F) for b in range(0x21, 0x7F))
        yield from (b"\x1b(" + mode + bytes((a,)) for mode in (b"B", b"I", b"J") for a in range(0x80))
    elif name in MULTI:
        yield from (bytes((a, b)) for a in range(0x80, 0x100) for b in every)
    if name == "euc-jp":
        yield from (bytes((0x8F, a, b)) for a in range(0x80, 0x100) for b in range(0x80, 0x100))
    if name in ("gbk", "gb18030"):
        leads = (0x81, 0x82, 0x83, 0x84, 0x90, 0x95, 0xE3)
        yield from (bytes((a, b, c, 0x35)) for a in leads for b in range(0x30, 0x3A) for c in range(0x81, 0xFF))


def ours(name: str, raw: bytes) -> str | None:
    decode = decoder(name)
    assert decode is not None
    try:
        text = decode(raw)
    except UnicodeDecodeError:
        return None
    return None if _controls(text) else text


def _controls(text: str) -> bool:
    return any(0x80 <= ord(char) <= 0x9F for char in text)


def digest(rows: list[tuple[bytes, str | None]]) -> str:
    text = "\n".join(f"{raw.hex()} {read}" for raw, read in rows if read is not None)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def main(folder: str) -> int:
    script = Path(folder) / "decode.mjs"
    script.write_text(PROGRAM, encoding="utf-8")
    asked = {name: [raw.hex() for raw in sequences(name)] for name in (*SINGLE, *MULTI)}
    done = subprocess.run(["node", script], input=json.dumps(asked), capture_output=True, text=True, check=True)
    different = 0
    for name, theirs in json.loads(done.stdout).items():
        rows = [
            (raw, None if text is None or _controls(text) else text)
            for raw, text in zip(sequences(name), theirs, strict=True)
        ]
        wrong = [(raw.hex(), ours(name, raw), text) for raw, text in rows if ours(name, raw) != text]
        different += len(wrong)
        print(f"{name:15} {len(rows):7,} sequences, {len(wrong)} different {wrong[:3] or ''}  {digest(rows)}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
