"""Colours and type of the workbench, for light and dark.

The five section colours differ in hue and in lightness, so that people can tell them apart in print and with colour
blindness. Text in one of them, and text on its tint, has a contrast of at least 4.5:1. Streamlit's settings are here
too: `config_toml()` is the text of .streamlit/config.toml, and `flags()` gives the same settings for a command line,
because other workspaces have no such file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from promptlab.documents import MAX_CONTAINER_BYTES
from promptlab.types import Section


@dataclass(frozen=True)
class Palette:
    """The colours of one theme, each `#rrggbb`. The tints of sections are mixed from their strong colours."""

    page: str
    raised: str
    text: str
    muted: str
    line: str
    accent: str
    link: str
    good: str
    warn: str
    bad: str
    sections: Mapping[Section, str]
    tint: float

    def tint_of(self, section: Section) -> str:
        """The background colour of text from `section`."""
        return mix(self.sections[section], self.raised, self.tint)


LIGHT = Palette(
    page="#ffffff",
    raised="#f6f6f3",
    text="#1b1e23",
    muted="#5d6169",
    line="#dcdcd6",
    accent="#2456c4",
    link="#2456c4",
    good="#1a6b3c",
    warn="#8a5200",
    bad="#ad1f1f",
    sections={
        "input": "#072a3b",
        "instructions": "#441b8c",
        "output_format": "#90145f",
        "context": "#0d6a4b",
        "examples": "#ab5e0c",
        "layout": "#5d6169",
    },
    tint=0.13,
)
DARK = Palette(
    page="#15171b",
    raised="#1d2025",
    text="#e7e7e3",
    muted="#a3a7ae",
    line="#363a41",
    accent="#3a6bd9",
    link="#8ab0ff",
    good="#63c58c",
    warn="#eab454",
    bad="#ff8f85",
    sections={
        "instructions": "#957ee5",
        "output_format": "#e484b3",
        "context": "#69d6aa",
        "examples": "#facc7e",
        "input": "#ddf3fa",
        "layout": "#a3a7ae",
    },
    tint=0.2,
)

SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def mix(colour: str, ground: str, share: float) -> str:
    """`colour` laid over `ground` at an opacity of `share`."""
    pairs = zip(_channels(colour), _channels(ground), strict=True)
    return "#" + "".join(f"{round(c * share + g * (1 - share)):02x}" for c, g in pairs)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it, 0 for black and 1 for white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours as WCAG defines it, 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _theme(palette: Palette) -> dict[str, str]:
    return {
        "primaryColor": palette.accent,
        "backgroundColor": palette.page,
        "secondaryBackgroundColor": palette.raised,
        "textColor": palette.text,
        "linkColor": palette.link,
        "borderColor": palette.line,
        "codeBackgroundColor": palette.raised,
        "codeTextColor": palette.text,
    }


UPLOAD_MB = MAX_CONTAINER_BYTES // 1_000_000
"""Streamlit's upload limit: the size of the largest document. `documents` checks the lower limits of other kinds."""
Setting = str | bool | int | list[str]


def options() -> dict[str, dict[str, Setting]]:
    """Streamlit's settings by section, as in config.toml."""
    sidebar = {
        f"theme.{name}.sidebar": {
            "backgroundColor": palette.raised,
            "secondaryBackgroundColor": palette.page,
            "borderColor": palette.line,
        }
        for name, palette in (("light", LIGHT), ("dark", DARK))
    }
    return {
        # Only this machine can reach the server, and the page sends no usage statistics.
        "server": {"address": "127.0.0.1", "headless": True, "fileWatcherType": "none", "maxUploadSize": UPLOAD_MB},
        "browser": {"gatherUsageStats": False},
        "client": {"showErrorDetails": "none", "toolbarMode": "minimal"},
        "runner": {"magicEnabled": False},
        "theme": {
            "font": SANS,
            "codeFont": MONO,
            "codeFontSize": "0.8125rem",
            "baseFontSize": 15,
            "headingFontSizes": ["1.5rem", "1.3rem", "1.15rem", "1.05rem", "0.95rem", "0.9rem"],
            "baseRadius": "0.375rem",
            "showWidgetBorder": True,
            "showSidebarBorder": True,
        },
        "theme.light": dict(_theme(LIGHT)),
        "theme.dark": dict(_theme(DARK)),
        **{name: dict(values) for name, values in sidebar.items()},
    }


def config_toml() -> str:
    """The text of .streamlit/config.toml."""
    lines = ["# Made from promptlab/ui/components/theme.py, which has the reasons; a test compares the two."]
    for section, values in options().items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def flags() -> list[str]:
    """The same settings as flags of `streamlit run`."""
    return [
        f"--{section}.{key}={_as_flag(value)}" for section, values in options().items() for key, value in values.items()
    ]


PINNED: dict[str, tuple[Setting, ...]] = {
    "client.allowedOrigins": ("http://127.0.0.1",),
    "server.scriptHealthCheckEnabled": (False,),
    "server.runOnSave": (False,),
    "server.allowRunOnSave": (False,),
    "server.enableCORS": (True,),
    "server.corsAllowedOrigins": ("http://127.0.0.1",),
    "server.allowedHosts": ("127.0.0.1", "localhost", "::1"),
    "server.enableXsrfProtection": (True,),
    "server.xsrfCookieSameSite": ("lax",),
    "server.enableStaticServing": (False,),
    "server.enableAgentApi": (False,),
    "server.baseUrlPath": ("",),
    "server.customComponentBaseUrlPath": ("",),
    "server.folderWatchList": (str(Path(__file__).parent / "no-folder"),),
    "browser.serverAddress": ("127.0.0.1",),
    "server.showEmailPrompt": (False,),
    "secrets.files": (str(Path(__file__).parent / "no-secrets.toml"),),
}
"""Settings that decide who may reach the server, what runs and what is read. Set even if they equal the defaults."""


def pinned() -> list[str]:
    """`PINNED` as flags of `streamlit run`."""
    return [f"--{name}={_as_flag(value)}" for name, values in PINNED.items() for value in values]


def _as_flag(value: Setting) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)
