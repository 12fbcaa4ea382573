"""Will it fit? The memory that a model takes, what fits where, and how fast it can be.

    from promptlab.sizing import size

    sizing = size("Llama-2-70b")            # a family by name, a GGUF file, its address, a config.json
    sizing.need.weights                     # 137_955_934_208 bytes
    [fit.count for fit in sizing.fits]      # cards of each kind that it needs

    _source.py       what is to be sized        _fit.py         what fits where
    _ranged.py       the head of a remote file  _devices.py     cards by name, and this machine
    _families.py     dimensions by name         _file_types.py  sizes of quantised weights
    _weights.py      their tensors              _training.py    memory of training
    _write_head.py   the head of their file     _speed.py       tokens a second
    _formula.py      memory by formulas         _lines.py       the answer as text
    _laid_out.py     both, beside each other    _notes.py       what is not counted

llama.cpp itself is asked (promptlab/models: `plan_memory`): it lays out a file that is all hole behind its head, as it
would load it, and logs what it would allocate. Formulas stand beside its answer, and in its place where it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.sizing._devices import Device, FoundCard, Machine, device, devices, this_machine
    from promptlab.sizing._expected import (
        expected_memory,
        expected_soon,
        expected_speed,
        expected_speed_words,
        expected_words,
        measured_words,
        memory_lines,
    )
    from promptlab.sizing._families import Family, families, family
    from promptlab.sizing._file_types import FILE_TYPES
    from promptlab.sizing._fit import DRIVER, Fit
    from promptlab.sizing._laid_out import USUAL_CARDS, Asked, TypeSize
    from promptlab.sizing._lines import (
        fit_words,
        gibibytes,
        gigabytes,
        parts_of_need,
        parts_of_training,
        sizing_lines,
        speed_words,
        training_fits,
        training_title,
    )
    from promptlab.sizing._size import Sizing, size
    from promptlab.sizing._source import Source, source_of
    from promptlab.sizing._speed import Speed, memory_bandwidth
    from promptlab.sizing._training import WAYS, TrainingMemory, training_here, training_memory
    from promptlab.sizing._wanted import Wanted
    from promptlab.sizing._weights import parameters_of

__all__ = [
    "DRIVER",
    "FILE_TYPES",
    "USUAL_CARDS",
    "WAYS",
    "Asked",
    "Device",
    "Family",
    "Fit",
    "FoundCard",
    "Machine",
    "Sizing",
    "Source",
    "Speed",
    "TrainingMemory",
    "TypeSize",
    "Wanted",
    "device",
    "devices",
    "expected_memory",
    "expected_soon",
    "expected_speed",
    "expected_speed_words",
    "expected_words",
    "families",
    "family",
    "fit_words",
    "gibibytes",
    "gigabytes",
    "measured_words",
    "memory_bandwidth",
    "memory_lines",
    "parameters_of",
    "parts_of_need",
    "parts_of_training",
    "size",
    "sizing_lines",
    "source_of",
    "speed_words",
    "this_machine",
    "training_fits",
    "training_here",
    "training_memory",
    "training_title",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
