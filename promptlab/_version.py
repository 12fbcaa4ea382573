"""The version of promptlab."""

__version__ = "0.1.0"
