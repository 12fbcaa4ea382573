"""Where things are: this repository, its package, and the folder of cases and corpora that may lie beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "promptlab"
SHARED = ROOT.parent / "shared"
