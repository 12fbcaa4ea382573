"""`book`: does the model read the document, where does it look, and does it trust the page or its memory?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pydantic import Field

from promptlab import documents as reading
from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._fill import DocumentsOf, with_documents
from promptlab.experiments._kinds import Options, kind
from promptlab.experiments._planted import Planted
from promptlab.suites import Case, Variant
from promptlab.types import Document


class BookOptions(Options):
    """`decoys` are documents that do not have the answers. With `places`, the right document stands at each of so many
    places among decoys. With `plant`, a wrong answer takes the place of the right one in the document; `wrong` gives it
    for a case, by its id, else it is what another case expects."""

    decoys: tuple[str, ...] = ()
    places: int = Field(0, ge=0, le=50)
    plant: bool = True
    wrong: Mapping[str, str] = Field(default_factory=dict)


@kind("book", "does it read, where does it look, does it trust the page or its memory?", BookOptions)
def plan(material: Material, options: BookOptions) -> Design:
    """Closed book, open book, a decoy instead, the right document at each place, and a wrong fact in it."""
    if "context" not in material.sections:
        raise ExperimentError(f"{material.template.path} has no document", hint="add one under `context`")
    decoys = [reading.read_document(material.workspace, path) for path in options.decoys]
    closed = Arm("closed book", Variant("closed book", ("context",)), {"book": "closed", "place": 0})
    opened = Arm("open book", Variant("open book"), {"book": "open", "place": 0})
    arms = [closed, opened]
    contrasts = [Contrast("open book", ("open book",), ("closed book",), "the document", primary=True)]
    if decoys:
        arms.append(_arm("decoy", partial(_instead, decoys), "decoy"))
        contrasts.append(Contrast("decoy", ("decoy",), ("closed book",), "a document without the answer"))
    arms += _places(decoys, options.places)
    if options.places:
        contrasts += [
            Contrast(arm.name, (arm.name,), ("open book",), f"putting the document at place {arm.levels['place']} of "
                     f"{options.places}")
            for arm in arms
            if arm.levels["place"]
        ]  # fmt: skip
    if options.plant:
        planted = Planted(material.cases, options.wrong)
        arms.append(_arm("planted", planted.documents, "planted"))
        contrasts.append(Contrast("planted", ("planted",), ("open book",), "a wrong fact in the document"))
    return Design(tuple(arms), tuple(contrasts), ("book", "place"))


def _arm(name: str, documents: DocumentsOf, book: str, place: int = 0) -> Arm:
    return Arm(name, Variant(name, fill=with_documents(documents)), {"book": book, "place": place})


def _instead(decoys: Sequence[Document], _case: Case, own: tuple[Document, ...]) -> tuple[Document, ...]:
    return tuple(decoys[: len(own)])


def _places(decoys: Sequence[Document], places: int) -> list[Arm]:
    if places and len(decoys) < places - 1:
        raise ExperimentError(
            f"{places} places need {places - 1} decoys, and there are {len(decoys)}",
            hint="name more documents under `decoys`",
            field="decoys",
        )
    return [_arm(f"place {n} of {places}", partial(_among, decoys, places, n), "open", n) for n in range(1, places + 1)]


def _among(
    decoys: Sequence[Document], places: int, place: int, _case: Case, own: tuple[Document, ...]
) -> tuple[Document, ...]:
    others = list(decoys[: places - 1])
    return (*others[: place - 1], *own, *others[place - 1 :])
