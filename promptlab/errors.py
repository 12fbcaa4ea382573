"""Everything promptlab raises on purpose.

PromptlabError                   has a hint: what to do next
├── InputError                   a file or a value is wrong; names file, line and field
│   ├── WorkspaceError           promptlab.yaml is missing or wrong
│   ├── TemplateError            a template file, its Jinja or its render
│   │   └── TemplateNotFound     there is no such template; the nearest name is shown
│   ├── DocumentError            a context document
│   │   └── ReaderMissing        what reads files of its kind is not installed
│   ├── ExampleError             an example pool or the choice from it
│   ├── SuiteError               a suite file, or a file of cases
│   └── FormatError              a file to import, or what an export cannot express
├── ModelNotFound                the catalogue has no such model; the nearest name is shown
├── ModelNotReady                it exists but cannot answer now: no key, no file, no library
├── Untrusted                    it would run code or send a key of a workspace nobody trusts yet
├── GateRefused                  a label is above the model's clearance; nothing was sent
├── WindowExceeded               the prompt does not fit; tokens per section are listed
├── BackendError                 the other side failed; `retryable` says whether trying again can help
│   ├── AuthenticationFailed     the key is missing, wrong or not allowed
│   ├── QuotaExhausted           the account has no credit left; never retried
│   ├── RateLimited              too many requests; `retry_after` seconds if it was said
│   ├── RequestRejected          the server refuses this request as it is
│   ├── ServerFailed             5xx
│   ├── ConnectionFailed         no connection, or it broke before an answer began
│   ├── DeadlineExceeded         connect, read or total time ran out
│   ├── StreamCut                the answer broke off half-way
│   ├── BadReply                 what came is not what the protocol says
│   └── EngineFailed             the local engine: loading, memory, decoding
│       └── IllegalInstruction   its code was built for another processor
├── ShelfError                   a template cannot be kept in git, or not be read from it
│   ├── NoRepository             the workspace is in no git repository
│   ├── NoIdentity               git does not know who saves
│   ├── Conflict                 the file changed since it was opened; both texts are kept
│   └── CommitRefused            a hook, or git itself, refused the commit; the text is in the file
├── RecordingMiss                replay found no such request; the nearest one is shown
├── NotWritten                   a file cannot be written: the disk is full, read-only, somebody else's
├── SuiteBusy                    somebody else is at work on the suite
└── StoreError                   the run history cannot be read or written
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class PromptlabError(Exception):
    """Says what was being done, to what, and, in `hint`, what to do next."""

    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class InputError(PromptlabError):
    """A file or a value is wrong. Shown as `file:line: field: what is wrong`."""

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, field: str = "", hint: str = ""
    ) -> None:
        self.file, self.line, self.field, self.what = file, line, field, message
        file = file.replace("\n", "\\n")  # a name may hold anything, and an error begins with one line
        place = f"{file}:{line}" if file and line else file
        super().__init__(": ".join(part for part in (place, field, message) if part), hint=hint)


class WorkspaceError(InputError):
    """promptlab.yaml is missing or wrong. What it quotes of a web address ends behind its `://`: the rest may hold a
    password."""

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, field: str = "", hint: str = ""
    ) -> None:
        message, field = (re.sub(r"(\w://)[^\s\"'`]+", r"\1…", text) for text in (message, field))
        super().__init__(message, file=file, line=line, field=field, hint=hint)


class TemplateError(InputError):
    """A template file, its Jinja, or its render is wrong."""


class TemplateNotFound(TemplateError):
    """There is no template of this name; the hint shows the nearest."""


class DocumentError(InputError):
    """A context document cannot be read."""


class ReaderMissing(DocumentError):
    """The library that reads files of this kind is not installed."""


class ExampleError(InputError):
    """An example pool cannot be read, or cannot give what is asked of it."""


class SuiteError(InputError):
    """A suite file, a file of cases, or a case that does not fit its template."""


class FormatError(InputError):
    """A file to import is not what its format says, or an export cannot express what is asked for."""


class ModelNotFound(PromptlabError):
    """The catalogue has no model of this name."""


class ModelNotReady(PromptlabError):
    """The model is in the catalogue but cannot answer now."""


class Untrusted(PromptlabError):
    """The workspace asks to run code, or to send prompts or keys somewhere, and the person has not trusted it yet."""


class GateRefused(PromptlabError):
    """A label is above the model's clearance. Nothing was sent."""


class WindowExceeded(PromptlabError):
    """The prompt and the answer asked for do not fit the model's window. Nothing was sent."""


class BackendError(PromptlabError):
    """The answering side failed. `status` is the HTTP status where there was one."""

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class AuthenticationFailed(BackendError):
    """The key is missing, wrong, or not allowed to use this model."""


class QuotaExhausted(BackendError):
    """The account has no credit left; asking again cannot help."""


class RateLimited(BackendError):
    """Too many requests. `retry_after` is in seconds, None where the server did not say."""

    retryable = True

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.retry_after = retry_after


class RequestRejected(BackendError):
    """The server refuses the request as it is: wrong model name, unknown field, too long."""


class ServerFailed(BackendError):
    """The server answered 5xx."""

    retryable = True


class ConnectionFailed(BackendError):
    """No connection could be made, or it broke before an answer began."""

    retryable = True


class DeadlineExceeded(BackendError):
    """A connect, read or total deadline passed."""


class StreamCut(BackendError):
    """The answer broke off before its end; what had arrived is kept."""


class BadReply(BackendError):
    """What came back is not what the protocol says."""


class EngineFailed(BackendError):
    """The local engine could not load, ran out of memory, or could not decode."""


class IllegalInstruction(EngineFailed):
    """The local engine used an instruction that this processor does not have."""


class ShelfError(PromptlabError):
    """A template cannot be kept in git, or not be read from it."""


class NoRepository(ShelfError):
    """The workspace is in no git repository, so there is nowhere to keep versions. Nothing was written."""


class NoIdentity(ShelfError):
    """Git does not know who saves. Nothing was written."""


class Conflict(ShelfError):
    """The file changed since it was opened. Nothing was written, nothing is lost.

    `base` is the text as opened (None: there was no file), `ours` what was to be saved, `theirs` what the file holds
    now (None: it is gone). `merged` brings ours and theirs together; where it is not `clean` it has git's markers.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        base: str | None = None,
        ours: str = "",
        theirs: str | None = None,
        merged: str = "",
        clean: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.base, self.ours, self.theirs, self.merged, self.clean = base, ours, theirs, merged, clean


class CommitRefused(ShelfError):
    """A hook, or git itself, refused the commit. The text is in the file; `output` is what was said."""

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint=hint)
        self.output = output


class RecordingMiss(PromptlabError):
    """Replay has no such request; it never becomes a live call."""


class NotWritten(PromptlabError, OSError):
    """A file cannot be written; what was there before is untouched. An `OSError` too, with its `errno`."""

    def __init__(self, message: str, *, hint: str = "", errno: int | None = None, strerror: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errno, self.strerror = errno, strerror


class SuiteBusy(PromptlabError):
    """Another process, or another part of this one, is at work on the suite. Nothing was asked or written."""


class StoreError(PromptlabError):
    """The run history cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming the known word closest to `name`, or all of them when none is close."""
    words = sorted(known)
    close = difflib.get_close_matches(name, words, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(words)}" if words else "there are none"


_KINDS: dict[str, type[PromptlabError]] = {
    name: kind for name, kind in globals().items() if isinstance(kind, type) and issubclass(kind, PromptlabError)
}
"""Classes by the names under which stored runs and other processes know them. One that is renamed keeps its old name
here, so that what was stored can be read."""


def kind_of(name: str) -> type[PromptlabError]:
    """The class that is stored as `name`; the root of all for one that there is no more."""
    return _KINDS.get(name, PromptlabError)
