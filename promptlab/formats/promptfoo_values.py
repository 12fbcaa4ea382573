"""Values of variables as promptfoo has them: texts of files, dates, numbers with underscores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from promptlab.errors import FormatError
from promptlab.formats import _js_values as js
from promptlab.formats._source import Source, file_beside, read_bytes, read_source
from promptlab.formats.promptfoo_prompts import CODE, CODE_ENDINGS


def is_file(value: Any) -> bool:
    """True if the value of a variable names a file."""
    return isinstance(value, str) and value.startswith("file://")


_PARTED = re.compile(r"(?<![\w\"'])[+-]?\d+(?:_+\d+)+(?:\.\d+)?(?![\w\"'])")


def spelled(value: Any, source: Source) -> Any:
    """A value as promptfoo's YAML reads it: a number with underscores, such as `1_000`, is a text."""
    if source.yaml is None or "_" not in source.text:
        return value
    plain = {text: text.replace("_", "") for text in _PARTED.findall(source.text)}
    texts = {float(bare) if "." in bare else int(bare): text for text, bare in plain.items()}

    def read(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: read(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [read(inner) for inner in value]
        # By type too: 1e3 is a number like 1000.0, and not the text 1_000.
        same = isinstance(value, int | float) and not isinstance(value, bool) and value in texts
        return texts[value] if same and isinstance(value, float) == ("." in texts[value]) else value

    return read(value) if texts else value


_DATE = re.compile(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?)?)?")


def is_date(value: str, source: Source) -> bool:
    """True if the YAML has `value` as a date: without quotes."""
    if source.yaml is None or not _DATE.fullmatch(value):
        return False
    return re.search(rf"(?<![\"'\w-]){re.escape(value)}(?![\"'\w-])", source.text) is not None


def read_variables(variables: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """The variables with the text of the files that they name. Raises `FormatError` for a file that is not read."""
    values = {}
    for key, value in variables.items():
        values[key] = _file_text(source, key, value) if is_file(value) else value
    return values


def _file_text(source: Source, key: str, value: str) -> str:
    name = value.removeprefix("file://")
    if re.sub(r":\w+$", "", name).endswith(CODE_ENDINGS):
        raise FormatError(f"`{key}` is {CODE}")
    full = file_beside(source.path, name)
    if full is None:
        raise FormatError(f"`{key}`: there is no `{name}` inside the folder of the configuration")
    if full.suffix in (".yaml", ".yml"):
        return str(js.json_text(js.js_value(read_source(full, name).data)))
    try:
        return read_bytes(full, name).decode("utf-8").strip().strip("\ufeff").strip()
    except UnicodeDecodeError as exc:
        raise FormatError(f"`{key}`: `{name}` is no text") from exc
