"""Reading YAML people write: the place of every complaint, and files that are no YAML at all."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from promptlab._yaml._read import MAX_BYTES, parse_yaml, read_text, read_yaml, validation_problem
from promptlab.errors import ExampleError, InputError, TemplateError

TEXT = """\
# a comment
models:
  one: {backend: llama, path: a.gguf}
  two:
    backend: openai   # another
    stop:
      - first
      - {deep: true}
labels:
  "a/**": public
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("models",), 2),
        (("models", "one"), 3),
        (("models", "one", "path"), 3),
        (("models", "two", "backend"), 5),
        (("models", "two", "stop", 1), 8),
        (("models", "two", "stop", 1, "deep"), 8),
        (("models", "two", "stop", 9), 6),
        (("models", "two", "stop", "x"), 6),
        (("models", "three", "backend"), 2),
        (("models", "two", "backend", "deeper"), 5),
        (("labels", "a/**"), 10),
        (("nothing",), 1),
    ],
)
def test_a_line_is_that_of_the_deepest_part_in_the_file(path: tuple[Any, ...], line: int) -> None:
    assert parse_yaml(TEXT, shown="a.yaml", error=InputError).line(path) == line


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: [1, 2", 1, "expected ',' or ']'"),
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key"),
        ("a: 1\n b: 2\n", 2, "mapping values are not allowed"),
        ("a: 'x\nb: 1\n", 3, "unexpected end of stream"),
        ("a:\n\t- b\n", 2, "cannot start any token"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: 1\nb: \x07\n", 2, "U+0007"),
        ("\x00", 1, "U+0000"),
        ("a: !!int x\n", 1, "`x` is no !!int"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_what_is_no_yaml_is_named_with_its_line(text: str, line: int | None, what: str) -> None:
    with pytest.raises(ExampleError, match="not valid YAML") as caught:
        parse_yaml(text, shown="a.yaml", error=ExampleError)
    assert what in str(caught.value)
    assert caught.value.file == "a.yaml"
    assert "\n" not in caught.value.message
    if line:
        assert caught.value.line == line


@pytest.mark.parametrize("text", ["[" * 1_000, "{a: " * 1_000, "- " * 2_000])
def test_nesting_without_end_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(InputError, match=r"not valid YAML|nested too deeply"):
        parse_yaml(text, shown="a.yaml", error=InputError)


def test_a_tag_builds_no_object() -> None:
    text = "a: !!python/object/apply:os.system ['touch pwned']\nb: !ruby/object {x: 1}\n"
    data = parse_yaml(text, shown="a.yaml", error=InputError).data
    assert list(data["a"]) == ["touch pwned"]
    assert not Path("pwned").exists()


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        assert parse_yaml(text, shown="a.yaml", error=InputError).text == text


@pytest.mark.parametrize(
    ("content", "what", "line"),
    [
        (None, "there is no such file", None),
        (b"a: 1\nb: \xff\n", "not UTF-8 text", 2),
        (b"\xff\xfea\x00", "not UTF-8 text", 1),
        (b"x" * (MAX_BYTES + 1), "larger than 4 MB", None),
    ],
    ids=["missing", "latin-1", "utf-16", "large"],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, what: str, line: int | None) -> None:
    path = tmp_path / "a.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TemplateError, match=what) as caught:
        read_yaml(path, shown="shown.yaml", error=TemplateError)
    assert (caught.value.file, caught.value.line) == ("shown.yaml", line)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a: cannot be read: Is a directory"):
        read_text(tmp_path, shown="a", error=InputError)


def test_a_text_is_kept_to_the_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\r\ntwo\rthree\n\xe2\x80\xa8four")
    assert read_text(tmp_path / "a", shown="a", error=InputError) == "one\r\ntwo\rthree\n\u2028four"
    (tmp_path / "full").write_bytes(b"x" * MAX_BYTES)
    assert len(read_text(tmp_path / "full", shown="a", error=InputError)) == MAX_BYTES


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int = 1
    names: list[str] = []


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner = Inner()
    llama: Inner = Inner()


@pytest.mark.parametrize(
    ("text", "line", "field", "message", "hint"),
    [
        ("\ninner:\n  cuont: 1\n", 3, "inner.cuont", "unknown key `cuont`", "did you mean `count`?"),
        ("inner:\n  count: many\n", 2, "inner.count", "should be a valid integer", ""),
        ("inner:\n  names:\n  - a\n  - [b]\n", 4, "inner.names.1", "should be a valid string", ""),
        ("inner: [1]\n", 1, "inner", "should be a mapping of names to values, not a list", ""),
        ("inner:\n", 1, "inner", "should be a mapping of names to values, not empty", ""),
        ("just words", 1, "", "should be a mapping of names to values, not 'just words'", ""),
        # A key that has the name of one of pydantic's tags is still a key.
        ("\nllama:\n  cuont: 1\n", 3, "llama.cuont", "unknown key `cuont`", "did you mean `count`?"),
    ],
)
def test_a_complaint_has_its_place(text: str, line: int, field: str, message: str, hint: str) -> None:
    file = parse_yaml(text, shown="a.yaml", error=InputError)
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(file.data)
    problem = validation_problem(caught.value, file, lambda _: list(Inner.model_fields), skip=("llama",))
    assert (problem.line, problem.field, problem.hint) == (line, field, hint)
    assert problem.message.startswith(message)
