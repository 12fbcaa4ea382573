"""promptlab: find out what each part of a prompt does, for each model, and whether it still works."""

__version__ = "0.1.0"
