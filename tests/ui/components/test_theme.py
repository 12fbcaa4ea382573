"""The colours can be read, in both themes, and told apart by lightness alone."""

from __future__ import annotations

import itertools
import re
import tomllib

import pytest

from promptlab.types import SECTIONS
from promptlab.ui.components import style, theme
from promptlab.ui.components.theme import DARK, LIGHT, Palette, contrast, luminance
from tests.places import ROOT

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def lightness(colour: str) -> float:
    """CIE L*, 0 to 100."""
    return 116 * luminance(colour) ** (1 / 3) - 16


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@PALETTES
@pytest.mark.parametrize("name", ["text", "muted", "link", "good", "warn", "bad"])
def test_text_can_be_read_on_both_grounds(palette: Palette, name: str) -> None:
    for ground in (palette.page, palette.raised):
        assert contrast(getattr(palette, name), ground) >= 4.5


@PALETTES
@pytest.mark.parametrize("section", SECTIONS)
def test_sections_can_be_read(palette: Palette, section: str) -> None:
    colour, tint = palette.sections[section], palette.tint_of(section)  # type: ignore[index, arg-type]  # a parameter
    assert contrast(colour, palette.page) >= 4.5
    assert contrast(palette.text, tint) >= 4.5, "text on the section's tint"


@PALETTES
def test_white_text_can_be_read_on_the_accent(palette: Palette) -> None:
    assert contrast(palette.accent, "#ffffff") >= 4.5
    assert contrast(palette.accent, palette.page) >= 3, "the edge of a button against the page"


@PALETTES
def test_the_five_sections_differ_in_lightness_too(palette: Palette) -> None:
    levels = sorted(lightness(c) for s, c in palette.sections.items() if s != "layout")
    assert len(levels) == 5
    assert all(high - low >= 4 for low, high in itertools.pairwise(levels))


def test_every_section_has_its_colour_in_the_style_sheet() -> None:
    css = style.style_sheet()
    for section in SECTIONS:
        assert f"--pl-{section}: light-dark({LIGHT.sections[section]}, {DARK.sections[section]})" in css
        assert f".pl-{section} " in css


def test_the_style_sheet_uses_no_name_it_does_not_define_and_fetches_nothing() -> None:
    css = style.style_sheet()
    defined = set(re.findall(r"(--pl-[a-z_-]+):", css))
    used = set(re.findall(r"var\((--pl-[a-z_-]+)\)", css))  # with a value of its own, a name may be set in the page
    assert used <= defined
    assert "url(" not in css
    assert "@import" not in css
    assert css.count("{") == css.count("}")


def test_the_settings_file_is_the_one_the_theme_writes() -> None:
    written = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
    assert written == theme.config_toml()
    assert tomllib.loads(written)["server"]["address"] == "127.0.0.1"
    assert tomllib.loads(written)["browser"]["gatherUsageStats"] is False


def test_every_setting_is_one_that_streamlit_knows() -> None:
    from streamlit import config

    known = config.get_config_options()
    flags = dict(flag.removeprefix("--").split("=", 1) for flag in theme.flags())
    assert set(flags) <= set(known)
    assert flags["server.headless"] == "true"
