"""Removes API keys and passwords from a foreign file, before the original is saved in the workspace.

    apiKey: sk-abc123                             ->  apiKey: "***"
    apiBaseUrl: http://u:p@127.0.0.1/v1?k=x       ->  apiBaseUrl: http://***@127.0.0.1/v1?***

Keys are found by the names of fields, by parts of web addresses, and by the look of API keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from promptlab._yaml import parse_yaml
from promptlab.errors import FormatError

MASK = "***"
_NAME = (
    r"[\w.-]*(?:api[-_ ]?key|secret|token|password|passwd|passphrase|authorization|access[-_]?key|credentials?"
    r"|private[-_]?key|auth)"
)
_IS_NAME = re.compile(rf"(?i){_NAME}")
_FIELD = re.compile(
    rf"(?im)(?P<name>(?<![\w.-])[\"']?{_NAME}[\"']?[ \t]*[:=][ \t]*)"
    r"(?P<value>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n]|'')*'|[^\s,}\]#\"'][^\n,}\]#]*)"
)
_SHAPES = (
    re.compile(r"(?i)(?<=\bbearer )[^\s\"',}]+|(?<=\bbasic )[A-Za-z0-9+/=]{6,}"),
    re.compile(r"\bsk-[\w-]{8,}|\b(?:ghp|gho|ghs|hf|xai|gsk|pk|rk|glpat|xox[a-z])[-_][\w-]{16,}"),
    re.compile(r"\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
_LOGIN = re.compile(r"(?i)(?<=://)[^\s/\"'@?#{}<>]+(?=@)")
_QUERY = re.compile(
    r"(?i)(?P<field>(?:url|uri|base|endpoint|host)[\"']?[ \t]*[:=][ \t]*[\"']?https?://[^\s\"'?]+\?)[^\s\"'#]+"
)
_REFERENCE = re.compile(r"\s*[\"']?(?:\$\{?\w|\{\{|\$\{\{|%\w+%|env:|<|null\b|~|true\b|false\b|[\d.]+[\"']?\s*$)")


def without_keys(content: bytes) -> bytes | None:
    """`content` with all keys masked; the same bytes if there are none. None if a key cannot be masked for certain."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        return content if _cleaned(text, named=True) == text else None
    data = list(_data(text))
    cleaned = text
    for value in sorted({value for part in data for value in _secrets(part, 0)}, key=len, reverse=True):
        # All spellings of the value: plain, quoted as in JSON or YAML, or over several lines.
        spelt = [value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], value.replace("'", "''")]
        if not any(spelling in cleaned for spelling in spelt):
            spelt = sorted((part for part in value.split() if len(part) > 3), key=len, reverse=True)
        for spelling in spelt:
            cleaned = cleaned.replace(spelling, MASK)
    cleaned = _cleaned(cleaned, named=not any(isinstance(part, dict | list) for part in data))
    if any(True for part in _data(cleaned) for _ in _secrets(part, 0)):
        return None
    return cleaned.encode("utf-8") if cleaned != text else content


def _cleaned(text: str, *, named: bool) -> str:
    """`text` with everything masked that looks like a key.

    `named`: values after the name of a key are masked too; for files that could not be parsed as data.
    """

    def field(match: re.Match[str]) -> str:
        value = match["value"]
        if _REFERENCE.match(value) or value.startswith(MASK):
            return match[0]
        quote = value[0] if value[0] in "\"'" else '"'
        return f"{match['name']}{quote}{MASK}{quote}"

    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    text = _QUERY.sub(rf"\g<field>{MASK}", _LOGIN.sub(MASK, text))
    return _FIELD.sub(field, text) if named else text


def _data(text: str) -> Iterator[Any]:
    try:
        yield json.loads(text)
        return
    except (ValueError, RecursionError):
        pass
    front = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    for part in (front[1] if front else text,):
        try:
            yield parse_yaml(part, shown="", error=FormatError).data
            return
        except FormatError:
            pass
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _secrets(node: Any, depth: int) -> Iterator[str]:
    if depth > 60:
        return
    if isinstance(node, dict):
        for name, value in node.items():
            if isinstance(value, str) and value.strip() and _IS_NAME.fullmatch(str(name)):
                if MASK not in value and not _REFERENCE.match(value):
                    yield str(value)
            else:
                yield from _secrets(value, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, depth + 1)
