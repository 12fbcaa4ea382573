"""The refusal of a file by a converter."""

from __future__ import annotations


class Refused(Exception):
    """The file cannot be read. `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
