"""What is done if a scan finds keys or personal data in text for an API: the `scan` entries of promptlab.yaml."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import field_validator

from promptlab.workspace._strict_model import StrictModel

ScanRule = Literal["refuse", "mask", "warn", "off"]
"""What is done with a request if the scan finds something in its text."""


class ScanPolicy(StrictModel):
    """What is done about keys and personal data in text for an API. Phone numbers without a country code are found if
    they are written as in one of `regions`, such as US or GB."""

    keys: ScanRule = "refuse"
    personal: ScanRule = "warn"
    regions: tuple[str, ...] = ()

    @field_validator("keys", "personal", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        # YAML 1.1 reads a bare `off` as false.
        return "off" if value is False else value

    @field_validator("regions")
    @classmethod
    def _are_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for region in value:
            if not re.fullmatch(r"[A-Z]{2}", region):
                raise ValueError(f"`{region}` is not a country code: write two capital letters, such as US or GB")
        return value


USUAL_SCAN = ScanPolicy()
