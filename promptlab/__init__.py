"""promptlab: find out what each part of a prompt does, for each model, and whether it still works."""

from promptlab._version import __version__

__all__ = ["__version__"]
