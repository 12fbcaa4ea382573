"""Pictures: one for every kind, with table and sentence, for one model and for seven, also without colour."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from promptlab.experiments import as_svg, kind_names, pictures_of
from promptlab.experiments._chart_style import COLOURS, DASHES, SHAPES, in_lines
from promptlab.models import ModelFacts
from tests.experiments.bench import able, asked, experiment, workspace
from tests.experiments.test_kinds import OPTIONS

LONG = "a-model-with-a-very-long-name-of-its-own-q4_k_m-2026-11-29"


@pytest.mark.parametrize("name", kind_names())
@pytest.mark.parametrize("models", [("m",), (LONG, *"bcdefg")])
def test_every_kind_has_pictures_with_a_table_and_a_sentence(
    tmp_path: Path, name: str, models: tuple[str, ...]
) -> None:
    if name in ("models", "finetune") and len(models) == 1:
        pytest.skip("one model cannot be compared with another")
    space = workspace(tmp_path, cases=4)
    backends = [able(lambda there: 0.7 if there["context"] else 0.3, model) for model in models]
    more = {"repeats": 2} if name == "params" else {}
    outcome = asked(space, experiment(name, models, options=OPTIONS.get(name, {}), **more), *backends)
    pictures = pictures_of(outcome, facts={model: ModelFacts(100 + n) for n, model in enumerate(models)})
    assert pictures
    for picture in pictures:
        assert all(model in picture.sentence for model in models), picture.name
        assert len({len(line) for line in picture.table}) == 1
        assert len(picture.table) > 1
        svg = as_svg(picture.chart, alt=picture.sentence, ink="currentColor")
        assert svg.startswith('<svg role="img" aria-label="')
        assert "NaN" not in svg
        assert "undefined" not in svg
        assert width_of(svg) <= 800, picture.name


def width_of(svg: str) -> float:
    return float(svg.split('width="', 1)[1].split('"', 1)[0])


def test_without_a_judged_answer_there_is_no_picture(tmp_path: Path) -> None:
    backend = able(lambda _: 1.0)

    def fail(_request: Any) -> str:
        raise ValueError("no answer")

    backend._script = fail
    assert pictures_of(asked(workspace(tmp_path, cases=3), experiment("ablate"), backend)) == ()


def test_missing_answers_are_no_wrong_ones_in_the_pictures(tmp_path: Path) -> None:
    backend = able(lambda _: 1.0)
    right = backend._script

    def some(request: Any) -> str:
        if "What is 1?" in request.prompt.messages[-1].content:
            raise ValueError("no answer")
        return right(request)

    backend._script = some
    outcome = asked(workspace(tmp_path, cases=5), experiment("ablate"), backend)
    arms = next(picture for picture in pictures_of(outcome) if picture.name == "arms")
    assert {row[2] for row in arms.table[1:]} == {"100.0 %"}
    assert {row[4] for row in arms.table[1:]} == {"4 of 4, 1 ?"}


def luminance(colour: tuple[float, float, float]) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def linear(colour: str) -> tuple[float, float, float]:
    shares = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return red, green, blue


def seen_without_green(colour: str) -> tuple[float, float, float]:
    """As with deuteranopia: Machado, Oliveira & Fernandes (2009), severity 1."""
    matrix = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
    rgb = linear(colour)
    red, green, blue = (sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix)
    return red, green, blue


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(len(COLOURS)), 2)))
def test_two_models_differ_without_colour_by_shape_and_dash(first: int, second: int) -> None:
    assert SHAPES[first] != SHAPES[second]
    assert DASHES[first] != DASHES[second]
    one, other = seen_without_green(COLOURS[first]), seen_without_green(COLOURS[second])
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.07


def test_the_first_two_models_differ_in_grey_print_and_each_colour_on_white_and_black() -> None:
    assert abs(luminance(linear(COLOURS[0])) - luminance(linear(COLOURS[1]))) > 0.05
    for colour in COLOURS:
        grey = luminance(linear(colour))
        assert (1.05) / (grey + 0.05) > 1.9, f"{colour} on white"
        assert (grey + 0.05) / (0.05 + 0.008) > 3, f"{colour} on a dark page"


def test_a_long_name_stands_in_lines() -> None:
    assert max(map(len, in_lines("a very long name of a way to ask that goes on and on", 20).split("\n"))) <= 20
    assert "\n" in in_lines(LONG, 34)
