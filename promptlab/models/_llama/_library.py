"""The llama.cpp library itself: importing it, its log, and the vocabulary of a model file.

What llama.cpp prints goes to a log of ours instead of the terminal: each thread reads back the lines
that its own calls caused, which is where the proof of GPU offload and the reasons of a failed load come
from. (The binding's own way, `verbose=False`, redirects file descriptors 1 and 2 of the whole process.)

A `Vocab` is a handle without weights. It opens in a tenth of a second to half a second, is safe to use
from any thread, and serves everything that needs tokens but no answer: previews, budgets, prompts.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from promptlab.errors import EngineFailed, ModelNotReady
from promptlab.models._llama import _cpu_variants as llama_variants

CONTROL, UNKNOWN, USER_DEFINED = 1 << 3, 1 << 0, 1 << 4
LSTRIP, RSTRIP = 1 << 7, 1 << 8
LINE = re.compile(rb"[^\n]*\n+|[^\n]+")
MAX_LINES, MAX_LINE = 1_024, 2_048
"""Lines whose tokens are remembered, and the bytes of the longest such."""
MAX_LOG_LINES = 2_000
CPU_VARIABLE = "PROMPTLAB_LLAMA_CPU"
"""Names the variant of llama.cpp's CPU code that a process is to load; see llama_variants.py."""
GGML = "libggml.so.0"

_log = threading.local()
_keep: list[Any] = []  # the callback lives as long as the library that may call it


@cache
def library() -> Any:
    """The `llama_cpp` module, imported once and silenced.

    Raises:
        ModelNotReady: llama-cpp-python is not installed or its library does not load.
    """
    # Threads of llama.cpp that wait for each other by spinning come to a standstill where another program
    # uses the same cores: 8 s instead of 0.4 s for 55 tokens, measured with one busy neighbour. Those that sleep at
    # once write a seventh slower where nothing else runs; a few hundred turns, some microseconds, cost nothing there
    # and nothing beside a neighbour.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "passive"
        os.environ.setdefault("GOMP_SPINCOUNT", "300")
    try:
        import llama_cpp
    except ImportError as exc:
        raise ModelNotReady(
            "local models need llama-cpp-python, which is not installed", hint="pip install 'promptlab[local]'"
        ) from exc
    except (OSError, RuntimeError, FileNotFoundError) as exc:
        raise ModelNotReady(
            f"the library of llama-cpp-python does not load: {exc}",
            hint="install it again: pip install --force-reinstall --no-cache-dir llama-cpp-python",
        ) from exc

    def on_line(_level: int, text: bytes, _data: Any) -> None:
        lines = getattr(_log, "lines", None)
        if lines is not None and len(lines) < MAX_LOG_LINES:
            lines.append(text.decode("utf-8", "replace"))

    callback = llama_cpp.llama_log_callback(on_line)
    _keep.append(callback)
    llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
    _load_cpu_code()
    llama_cpp.llama_backend_init()
    return llama_cpp


def cpu_variant() -> str:
    """The variant of the CPU code in this process; empty in a build that has one kind of code only. A process that
    opens vocabularies and computes nothing takes the one that any processor can run."""
    return os.environ.get(CPU_VARIABLE) or llama_variants.built()[-1]


def compute_here() -> None:
    """Have this process load the code for everyday answers, as the models' own process does: for tests and benchmarks
    that look at the engine's numbers from inside. Before the library is loaded."""
    os.environ.setdefault(CPU_VARIABLE, (*llama_variants.candidates("fast"), "")[0])


def _load_cpu_code() -> None:
    """Load the CPU code, and whatever else was built as a library of its own, into a build that loads such at run time.

    Raises:
        ModelNotReady: there is no such variant, or the processor cannot run it.
    """
    folder = llama_variants.folder()
    if folder is None or not (folder / GGML).is_file() or any(folder.glob("libggml-cpu.*")):
        return  # the CPU code is linked in
    # Only the file that libllama itself depends on holds the list of backends; `libggml.so` is a copy of it.
    ggml = ctypes.CDLL(str(folder / GGML))
    ggml.ggml_backend_load.argtypes, ggml.ggml_backend_load.restype = [ctypes.c_char_p], ctypes.c_void_p
    name = cpu_variant()
    chosen = llama_variants.library_of(name) if name else None
    for path in sorted(folder.glob("libggml-*.so")):
        is_cpu = path.name.startswith("libggml-cpu-")
        if path.name != "libggml-base.so" and (path == chosen or not is_cpu or chosen is None):
            loaded = ggml.ggml_backend_load(str(path).encode())
            if path == chosen and not loaded:
                raise ModelNotReady(f"this processor cannot run llama.cpp's CPU code `{name}`")
    if chosen and not chosen.is_file():
        raise ModelNotReady(
            f"the installed llama-cpp-python has no CPU code `{name}`", hint="build it again: promptlab models build"
        )


@contextmanager
def log_lines() -> Iterator[list[str]]:
    """What llama.cpp logs on this thread meanwhile, in pieces as they came (a line may be several)."""
    outer = getattr(_log, "lines", None)
    _log.lines = []
    try:
        yield _log.lines
    finally:
        _log.lines = outer


def reason(lines: list[str]) -> str:
    """The line of a log that says why something failed; empty when none does."""
    wanted = ("error", "failed", "invalid", "unable", "unknown", "not ", "mismatch", "corrupt", "unsupported")
    text = "".join(lines).splitlines()
    noted = "KV overrides do not apply"  # said of every file
    told = [line.strip() for line in text if any(word in line.lower() for word in wanted) and noted not in line]
    # The first complaint is the cause; later ones only say that the caller failed, too.
    return told[0].split(": ", 1)[-1].removeprefix("error loading model: ") if told else ""


def has_gpu() -> bool:
    """Whether this build of llama.cpp can use a GPU of this machine."""
    return bool(library().llama_supports_gpu_offload())


class Words:
    """The tokens of a model that is open, by its native handle."""

    def __init__(self, model: Any) -> None:
        self._lib = lib = library()
        self._model = model
        self._vocab = lib.llama_model_get_vocab(model)
        self.size = int(lib.llama_vocab_n_tokens(self._vocab))
        self._pieces: dict[int, bytes] = {}
        self._text_pieces: dict[int, bytes] = {}

    def is_end(self, token: int) -> bool:
        """Whether the token ends an answer."""
        return bool(self._lib.llama_vocab_is_eog(self._vocab, token))

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, control tokens included."""
        found = self._pieces.get(token)
        if found is None:
            found = self._pieces[token] = self._read_piece(token, special=True)
        return found

    def text_piece(self, token: int) -> bytes:
        """The bytes a token adds to an answer: none for a control token."""
        found = self._text_pieces.get(token)
        if found is None:
            found = self._text_pieces[token] = self._read_piece(token, special=False)
        return found

    def text_pieces(self) -> list[bytes]:
        """What each token adds to an answer, the whole vocabulary at once; nothing of it is kept."""
        room = 1 << 12
        buffer, read, vocab = ctypes.create_string_buffer(room), self._lib.llama_token_to_piece, self._vocab
        lengths = ((token, read(vocab, token, buffer, room, 0, False)) for token in range(self.size))
        return [buffer.raw[:length] if length >= 0 else self.text_piece(token) for token, length in lengths]

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._lib.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length


class _Tables(NamedTuple):
    """What is known of all tokens: control tokens by text, those of them that take white space after them along, those
    a model's makers defined, bytes of the longest, and whether nothing goes on behind a line break."""

    controls: dict[str, int]
    rstrip: frozenset[int]
    user: frozenset[int]
    longest: int
    lines_end: bool


class Vocab(Words):
    """Tokens of one model file, without its weights.

    Raises:
        EngineFailed: llama.cpp cannot read the file.
    """

    def __init__(self, path: Path) -> None:
        lib = library()
        params = lib.llama_model_default_params()
        params.vocab_only = True
        params.n_gpu_layers = 0
        with log_lines() as lines:
            model = lib.llama_model_load_from_file(str(path).encode(), params)
        if not model:
            raise EngineFailed(
                f"{path.name} cannot be read as a model: {reason(lines) or 'llama.cpp refuses it'}",
                hint="is it a complete GGUF file, and new enough a llama-cpp-python for its architecture?",
            )
        super().__init__(model)
        self.bos = int(lib.llama_vocab_bos(self._vocab))
        self.eos = int(lib.llama_vocab_eos(self._vocab))
        self.adds_bos = bool(lib.llama_vocab_get_add_bos(self._vocab)) and self.bos >= 0
        self._tokens_of_line = lru_cache(MAX_LINES)(partial(_tokens, lib, self._vocab))

    def meta(self, key: str) -> str | None:
        """A value of the file's metadata, as text."""
        size = 1 << 10
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = self._lib.llama_model_meta_val_str(self._model, key.encode(), buffer, size)
            if length < 0:
                return None
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    @cached_property
    def trained_window(self) -> int | None:
        """Tokens of context the model was trained with; None where the file does not say."""
        value = self.meta(f"{self.meta('general.architecture')}.context_length")
        return int(value) if value and value.isdigit() else None

    @cached_property
    def chat_template(self) -> str | None:
        """The chat template in the file."""
        text = self._lib.llama_model_chat_template(self._model, None)
        return text.decode("utf-8", "replace") if text else None

    @cached_property
    def _tables(self) -> _Tables:
        get_attr, get_text, vocab = self._lib.llama_vocab_get_attr, self._lib.llama_vocab_get_text, self._vocab
        controls: dict[str, int] = {}
        rstrip: set[int] = set()
        user: set[int] = set()
        longest, lines_end = 1, True
        for token in range(self.size):
            attr, text = get_attr(vocab, token), get_text(vocab, token) or b""
            longest = max(longest, len(text))
            if b"\n" in text.rstrip(b"\n") or attr & (LSTRIP | RSTRIP):
                lines_end = False
            if attr & (CONTROL | UNKNOWN) and text:
                controls[text.decode("utf-8", "replace")] = token
                if attr & RSTRIP:
                    rstrip.add(token)
            elif attr & USER_DEFINED:
                user.add(token)
        return _Tables(controls, frozenset(rstrip), frozenset(user), longest, lines_end)

    @property
    def controls(self) -> dict[str, int]:
        """Control tokens by their text."""
        return self._tables.controls

    @property
    def swallow_space(self) -> frozenset[int]:
        """Control tokens that take the white space after them along."""
        return self._tables.rstrip

    @property
    def longest(self) -> int:
        """Upper bound of the bytes one token can stand for."""
        return self._tables.longest

    @cached_property
    def guarded(self) -> frozenset[int]:
        """Tokens that must never come out of content: control tokens, whatever ends an answer, and tokens
        that look like either but were declared ordinary (`<start_of_image>`, `<|im_start|>` in some files)."""
        found = set(self.controls.values())
        found.update(t for t in (self.bos, self.eos, self._lib.llama_vocab_eot(self._vocab)) if t >= 0)
        for token in self._tables.user:
            text = self.piece(token)
            if text[:1] in (b"<", b"[") and (text[1:2] == b"|" or b"_of_" in text or text.strip(b"<>[]|").isupper()):
                found.add(token)
        return frozenset(found)

    def tokenize(self, text: bytes, *, special: bool = False) -> list[int]:
        """Token ids of UTF-8 `text`, nothing added; control tokens in it are recognised only if `special`. Where the
        vocabulary allows it, lines are remembered, since most of a prompt stood in the one before."""
        if special or not self._lines_stand_alone:
            return _tokens(self._lib, self._vocab, text, special=special)
        found: list[int] = []
        for line in LINE.findall(text):
            found += self._tokens_of_line(line) if len(line) <= MAX_LINE else _tokens(self._lib, self._vocab, line)
        return found

    @cached_property
    def _lines_stand_alone(self) -> bool:
        """Whether a text has the tokens of its lines. SentencePiece joins two pieces only into one that the vocabulary
        has; so it does where nothing in it goes on behind a line break, and nothing is added to or taken from the ends
        of a text. Other vocabularies cut a text by rules of their own, which look ahead."""
        lib, vocab = self._lib, self._vocab
        return (
            int(lib.llama_vocab_type(vocab)) == lib.LLAMA_VOCAB_TYPE_SPM
            and self.meta("tokenizer.ggml.add_space_prefix") == "false"
            and self._tables.lines_end
        )

    def count(self, text: bytes) -> int:
        """Number of tokens of UTF-8 `text`."""
        return -int(self._lib.llama_tokenize(self._vocab, text, len(text), None, 0, False, False)) if text else 0

    def __del__(self) -> None:
        model = getattr(self, "_model", None)
        if model:
            self._lib.llama_model_free(model)


def _tokens(lib: Any, vocab: Any, text: bytes, *, special: bool = False) -> list[int]:
    if not text:
        return []
    room = len(text) // 3 + 16
    while True:
        buffer = (ctypes.c_int32 * room)()
        count = lib.llama_tokenize(vocab, text, len(text), buffer, room, False, special)
        if count >= 0:
            return list(buffer[:count])
        room = -count
