"""The parts of an Office file (a ZIP of XML files), and the relations between them.

package = Package(raw)
package.main                                        # "word/document2.xml": by its relation, not by its name
package.related("xl/worksheets/sheet1.xml", "comments")
package.xml("word/styles.xml")                      # the root element, or None

Elements are compared without namespaces, so that strict files read like the usual ones; names of parts without case, as
the standard says, and some programs write `\\` in them.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from lxml import etree


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation from one part to another. `kind` is such as "image"; `target` is a part, or an address outside."""

    id: str
    kind: str
    target: str
    outside: bool


class Package:
    """An Office file that `check_file_type` has checked."""

    def __init__(self, raw: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(raw))
        self._names = {name.replace("\\", "/").lower(): name for name in self._archive.namelist()}

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return [name.replace("\\", "/") for name in self._names.values()]

    def has(self, part: str) -> bool:
        """True if there is this part."""
        return part.lower() in self._names

    @cached_property
    def main(self) -> str:
        """The main part."""
        return next((target for target in self.related("", "officeDocument") if self.has(target)), "")

    def related(self, part: str, kind: str) -> list[str]:
        """The parts to which `part` has a relation of this kind."""
        return [relation.target for relation in self.relations(part) if relation.kind == kind and not relation.outside]

    def relations(self, part: str) -> Iterator[Relation]:
        """The relations of `part`; "" is the file itself."""
        folder, name = posixpath.split(part)
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        for entry in root.iterfind("{*}Relationship") if root is not None else ():
            target, outside = entry.get("Target", ""), entry.get("TargetMode") == "External"
            if not outside:
                target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            yield Relation(entry.get("Id", ""), entry.get("Type", "").rpartition("/")[2], target, outside)

    def xml(self, part: str) -> Any:
        """The root element of a part. None if there is no such part."""
        if not self.has(part):
            return None
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True)
        return etree.fromstring(self.read(part), parser)

    def elements(self, part: str, *names: str) -> Iterator[Any]:
        """The elements with these names, one after another as the part is read. The caller clears them."""
        with self._archive.open(self._names[part.lower()]) as stream:
            tags = [f"{{*}}{name}" for name in names]
            events = etree.iterparse(stream, tag=tags, resolve_entities=False, no_network=True, huge_tree=True)
            for _, element in events:
                yield element

    def read(self, part: str) -> bytes:
        """The bytes of a part."""
        return self._archive.read(self._names[part.lower()])


def name_of(element: Any) -> str:
    """The name of an element without its namespace; empty for a comment."""
    return _local(element.tag) if isinstance(element.tag, str) else ""


@lru_cache(maxsize=1024)
def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def attribute(element: Any, name: str, default: str | None = None) -> str | None:
    """An attribute by its name without namespace."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), default)
