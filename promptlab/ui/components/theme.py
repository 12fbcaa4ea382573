"""Colours and type of the workbench, for light and dark.

The five section colours differ in hue and in lightness, so they stay apart in print and for people who see
few colours; text set in one of them, and text on its tint, keeps a contrast of at least 4.5:1. Streamlit's own
settings are here too: `config_toml()` is the text of .streamlit/config.toml, `flags()` the same for a command
line, for workspaces that have no such file.
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
    """Colours of one theme, each `#rrggbb`. `sections` are strong colours; their tints are mixed from them."""

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
        """The background of text that came from `section`."""
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


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours as WCAG defines it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
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
"""Streamlit's limit, in its MB, is that of the largest document there may be; smaller ones `documents` has itself."""
Setting = str | bool | int | list[str]


def options() -> dict[str, dict[str, Setting]]:
    """Streamlit's settings by section, as in config.toml."""
    sidebar = {
        f"theme.{name}.sidebar": {
            "backgroundColor": p.raised,
            "secondaryBackgroundColor": p.page,
            "borderColor": p.line,
        }
        for name, p in (("light", LIGHT), ("dark", DARK))
    }
    return {
        # Only this machine can reach the page; nothing is measured or fetched from anywhere.
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
    lines = ["# Made from promptlab/ui/components/theme.py, where the reasons are; a test keeps the two the same."]
    for section, values in options().items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def flags() -> list[str]:
    """The same settings as words for `streamlit run`."""
    return [
        f"--{section}.{key}={_word(value)}" for section, values in options().items() for key, value in values.items()
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
"""Settings that decide who may ask the server, what runs and what is read: said even where they are the defaults."""


def pinned() -> list[str]:
    """`PINNED` as words for `streamlit run`."""
    return [f"--{name}={_word(value)}" for name, values in PINNED.items() for value in values]


def _word(value: Setting) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)
