"""The command line: a command reads words, calls one function of the library and prints."""

from promptlab.cli._main import main

__all__ = ["main"]
