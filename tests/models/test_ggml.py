"""The table of number types, held against the installed ggml library."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from promptlab.models._ggml import KV_TYPES, NUMBER, TYPES, bytes_of, weight_bytes
from promptlab.models._gguf import Tensor


def test_every_type_is_as_large_as_ggml_says() -> None:
    llama_cpp = pytest.importorskip("llama_cpp")
    folder = Path(str(llama_cpp.__file__)).parent / "lib"
    (path,) = list(folder.glob("libggml-base.so.0")) or [pytest.skip("no ggml library of its own")]
    ggml = ctypes.CDLL(str(path))
    ggml.ggml_type_size.restype, ggml.ggml_blck_size.restype = ctypes.c_size_t, ctypes.c_int64
    ggml.ggml_type_name.restype = ctypes.c_char_p
    found = {
        number: (ggml.ggml_type_name(number).decode().upper(), ggml.ggml_blck_size(number), ggml.ggml_type_size(number))
        for number in range(64)
        if number < 43 and ggml.ggml_type_name(number) and ggml.ggml_blck_size(number) > 0
    }
    assert {number: (each.name, each.block, each.bytes) for number, each in TYPES.items()} == found


def test_bits_are_those_of_blocks() -> None:
    assert TYPES[NUMBER["Q4_K"]].bits == 4.5
    assert TYPES[NUMBER["Q8_0"]].bits == 8.5
    assert {name.upper() for name in KV_TYPES} <= set(NUMBER)


@pytest.mark.parametrize(
    ("kind", "sizes", "count"),
    [
        ("F16", (8192, 32000), 8192 * 32000 * 2),
        ("Q4_K", (256, 3), 3 * 144),
        ("Q4_K", (255, 3), None),
        ("F32", (), None),
    ],
)
def test_bytes_of_a_matrix(kind: str, sizes: tuple[int, ...], count: int | None) -> None:
    assert bytes_of(NUMBER[kind], sizes) == count


def test_a_tensor_of_an_unknown_type_counts_with_its_place_in_the_file() -> None:
    assert weight_bytes([Tensor("a", 0, (4,), 32), Tensor("b", 999, (4,), 64)]) == 16 + 64
