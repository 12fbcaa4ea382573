"""PyYAML beside ruamel.yaml, which promptlab read YAML with before: the same values and places, or a named reason."""

from __future__ import annotations

import pytest

from benchmarks import yaml_readers
from benchmarks.yaml_readers import PLACES, UNKNOWN

# What may differ in files that people wrote: ruamel.yaml made dates of them, YAML 1.2 has no such type.
DATES = "a date, a number or a word of the core schema: text"


def test_every_yaml_file_here_and_in_shared_reads_as_before() -> None:
    found = yaml_readers.compare(yaml_readers.texts())
    assert found["texts"] >= 15
    assert set(found["reasons"]) <= {DATES}, found["examples"]
    assert found["equal"] + found["reasons"].get(DATES, 0) == found["texts"]


@pytest.mark.parametrize("seed", range(4))
def test_texts_made_at_random_read_as_before_or_differ_for_a_known_reason(seed: int) -> None:
    found = yaml_readers.compare(yaml_readers.made(1_500, seed))
    assert not {UNKNOWN, PLACES} & found["reasons"].keys(), found["examples"]
    assert found["equal"] > 1_300
