"""`promptlab size`: how much memory a model takes, and where it fits."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from promptlab.cli import _common as common
from promptlab.errors import WorkspaceError

if TYPE_CHECKING:
    from promptlab.models import Catalogue
    from promptlab.sizing import Sizing


class Tokens(click.ParamType[int]):
    """A number of tokens: 8192, 8,192, 32k (32 × 1,024) or 1M."""

    name = "tokens"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d{1,3}(?:,\d{3})+|\d+)\s*([kKmM]?)", str(value).strip())
        tokens = int(match[1].replace(",", "")) << {"": 0, "k": 10, "m": 20}[match[2].lower()] if match else 0
        if tokens < 1:
            self.fail(f"{value!r} is no number of tokens; write it as 8192, or 32k for 32,768", param, ctx)
        return tokens


TYPES_OF_CACHE = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


@click.command()
@click.argument("model")
@click.option("--context", type=Tokens(), help="Tokens of one text, as 8192 or 8k; as promptlab.yaml says, or 8,192.")
@click.option("--parallel", type=click.IntRange(1, 256), default=1, help="Texts at a time, each with its own context.")
@click.option("--kv-type", type=click.Choice(TYPES_OF_CACHE), default="f16", help="The numbers of the KV cache.")
@click.option("--quant", help="A file type to size, such as Q4_K_M; as the file is unless given.")
@click.option("--gpu", "gpus", multiple=True, help="A card by name, or its size as 24GB; several are allowed.")
@click.option("--train", type=click.Choice(["lora", "qlora", "full"]), help="Also the memory of training.")
@click.option("--rank", type=click.IntRange(1, 4096), help="The adapter's rank: 16 on cards and 8 here, unless given.")
@click.option("--short-windows", is_flag=True, help="Layers with a sliding window keep only that window.")
@click.option("--json", "as_json", is_flag=True, help="The whole answer as one JSON object.")
def size(
    model: str,
    context: int | None,
    parallel: int,
    kv_type: str,
    quant: str | None,
    gpus: tuple[str, ...],
    train: str | None,
    rank: int | None,
    short_windows: bool,
    as_json: bool,
) -> None:
    """Tell how much memory a model takes.

    And where it fits, with the largest context and file type. MODEL is a model of promptlab.yaml, a GGUF file, its
    address, a config.json, or the name of a family such as Llama-3.1-8B. Nothing is loaded: llama.cpp lays the model
    out as it would load it, and says what it would allocate. Of an address only the head of the file is read.
    """
    from promptlab.sizing import USUAL_CARDS, Asked, sizing_lines
    from promptlab.sizing import size as size_of

    asked = Asked(context, parallel, kv_type, quant, gpus or USUAL_CARDS, train, not short_windows, rank)
    catalogue = _catalogue()
    try:
        sizing = size_of(model, catalogue, asked=asked, measured=_measured(catalogue, model))
    finally:
        if catalogue is not None:
            catalogue.close()
    if as_json:
        common.print_json(as_data(sizing))
        return
    for line in sizing_lines(sizing):
        common.print_line(line)


def as_data(sizing: Sizing) -> dict[str, object]:
    """The answer as JSON, with the sums."""
    from promptlab.sizing import fit_words, speed_words

    data = asdict(sizing)
    for name, need in (("need", sizing.need), ("formula", sizing.formula)):
        if need is not None:
            data[name]["total"] = need.total
    for name, fits in (("fits", sizing.fits), ("here", sizing.here)):
        data[name] = [{**asdict(fit), "words": fit_words(fit)} for fit in fits]
    data["training"] = [{**asdict(each), "total": each.total} for each in sizing.training]
    data["speeds"] = [{**asdict(speed), "bound": speed.bound, "words": speed_words(speed)} for speed in sizing.speeds]
    return data


def _catalogue() -> Catalogue | None:
    """The models of the workspace; None outside one. A family by name needs no workspace."""
    from promptlab.models import Catalogue
    from promptlab.workspace import Workspace

    try:
        return Catalogue(Workspace.find())
    except WorkspaceError:
        return None


def _measured(catalogue: Catalogue | None, model: str) -> float | None:
    """Tokens a second that `promptlab models check` measured last; None if it did not."""
    if catalogue is None or model not in catalogue.names():
        return None
    kept = catalogue.measured(model)
    return kept.writing if kept else None
