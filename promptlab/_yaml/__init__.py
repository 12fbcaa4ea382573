r"""YAML 1.2: reading files with the line of each value, changing them in place, and writing them.

    from promptlab import _yaml

    file = _yaml.parse_yaml("name: cup  # ours\nk: 3\n", shown="cup.yaml", error=InputError)
    file.data, file.line(("k",))                                       # {"name": "cup", "k": 3}, 2
    _yaml.edit_yaml(file.text, file.data, {"name": "cup", "k": 5})     # "name: cup  # ours\nk: 5\n"
    _yaml.dump_yaml({"k": [1, 2]})                                     # "k: [1, 2]\n"

No tag ever builds an object, and a file that would take long to read is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab._yaml._edit import edit_yaml
    from promptlab._yaml._positions import CannotSplice
    from promptlab._yaml._read import (
        MAX_BYTES,
        PlainData,
        YamlFile,
        parse_yaml,
        read_text,
        read_yaml,
        validation_problem,
    )
    from promptlab._yaml._values import TaggedScalar, written_alike
    from promptlab._yaml._write import (
        EXPORT_STYLE,
        BlockMapping,
        QuotedText,
        dump_yaml,
        entry_rows,
        quote_text,
        yaml_inline,
    )

__all__ = [
    "EXPORT_STYLE",
    "MAX_BYTES",
    "BlockMapping",
    "CannotSplice",
    "PlainData",
    "QuotedText",
    "TaggedScalar",
    "YamlFile",
    "dump_yaml",
    "edit_yaml",
    "entry_rows",
    "parse_yaml",
    "quote_text",
    "read_text",
    "read_yaml",
    "validation_problem",
    "written_alike",
    "yaml_inline",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
