"""The errors of promptlab.

PromptlabError                   has a hint: what to do next
├── InputError                   a file or a value is wrong; names file, line and field
│   ├── WorkspaceError           promptlab.yaml is missing or wrong
│   ├── TemplateError            a template file, its Jinja or its render
│   │   └── TemplateNotFound     there is no such template; the nearest name is shown
│   ├── DocumentError            a context document
│   │   └── ReaderMissing        what reads files of its kind is not installed
│   ├── ExampleError             an example pool or the choice from it
│   ├── NotJudged                a scorer cannot judge an answer: it is neither right nor wrong
│   ├── SuiteError               a suite file, or a file of cases
│   ├── ExperimentError          an experiment's file or options, or what its kind cannot vary
│   ├── FormatError              a file to import, or what an export cannot express
│   └── FinetuneError            data, base model or settings that no adapter can be trained from
├── ModelNotFound                the catalogue has no such model; the nearest name is shown
├── ModelNotReady                the model exists but cannot answer now: no key, no file, no library
├── Untrusted                    it the workspace would run code or send a key, and is not trusted yet
├── GateRefused                  a label is above the model's clearance; nothing was sent
├── WindowExceeded               the prompt does not fit; tokens per section are listed
├── BackendError                 the model server or engine failed; `retryable` is True if a retry can help
│   ├── AuthenticationFailed     the key is missing, wrong or not allowed
│   ├── QuotaExhausted           the account has no credit left; never retried
│   ├── RateLimited              too many requests; `retry_after` in seconds, if known
│   ├── RequestRejected          the server refuses this request as it is
│   ├── ServerFailed             5xx
│   ├── ConnectionFailed         no connection, or it broke before an answer began
│   ├── DeadlineExceeded         connect, read or total time ran out
│   ├── StreamCut                the answer ended before it was complete
│   ├── BadReply                 the reply does not follow the protocol
│   └── EngineFailed             the local engine failed: loading, memory, decoding
│       └── IllegalInstruction   its code was built for another processor
├── ShelfError                   a template cannot be saved in git or read from it
│   ├── NoRepository             the workspace is not in a git repository
│   ├── NoIdentity               git has no name and address of the user
│   ├── Conflict                 the file changed since it was opened; nothing is lost
│   └── CommitRefused            a hook, or git itself, refused the commit; the text is in the file
├── RecordingMiss                the recording has no such request; the nearest one is shown
├── NotWritten                   a file cannot be written: the disk is full, or it may not be written
├── SuiteBusy                    another process is working on the suite
└── StoreError                   the run history cannot be read or written
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class PromptlabError(Exception):
    """The message says what was being done and to what; `hint` says what to do next."""

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
        file = file.replace("\n", "\\n")  # a file name may contain newlines, but an error must begin with one line
        place = f"{file}:{line}" if file and line else file
        super().__init__(": ".join(part for part in (place, field, message) if part), hint=hint)


class WorkspaceError(InputError):
    """promptlab.yaml is missing or wrong. Web addresses in the message are cut after `://`, because the rest may
    contain a password."""

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
    """An example pool cannot be read or changed, or it has too few examples."""


class NotJudged(InputError):
    """A scorer cannot judge this answer: neither right nor wrong. The message is the reason, shown in reports."""


class SuiteError(InputError):
    """A suite file, a file of cases, or a case that does not fit its template."""


class ExperimentError(InputError):
    """An experiment cannot be planned: its file or options are wrong, or its template has nothing to vary."""


class FinetuneError(InputError):
    """Data, a base model or settings that no adapter can be trained from."""


class FormatError(InputError):
    """A file to import is not what its format says, or an export format cannot express the template."""


class ModelNotFound(PromptlabError):
    """The catalogue has no model of this name."""


class ModelNotReady(PromptlabError):
    """The model is in the catalogue but cannot answer now."""


class Untrusted(PromptlabError):
    """The workspace would run code, or send prompts or keys to a host, and the user has not trusted it yet."""


class GateRefused(PromptlabError):
    """A label is above the model's clearance. Nothing was sent."""


class WindowExceeded(PromptlabError):
    """The prompt and the room for the answer do not fit the context window of the model. Nothing was sent."""


class BackendError(PromptlabError):
    """The model server or engine failed. `status` is the HTTP status, if there was one."""

    def __init__(self, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class AuthenticationFailed(BackendError):
    """The key is missing, wrong, or not allowed to use this model."""


class QuotaExhausted(BackendError):
    """The account has no credit left. A retry cannot help."""


class RateLimited(BackendError):
    """Too many requests. `retry_after` is in seconds, None if the server did not send it."""

    retryable = True

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.retry_after = retry_after


class RequestRejected(BackendError):
    """The server refuses the request: wrong model name, unknown field, too long."""


class ServerFailed(BackendError):
    """The server answered 5xx."""

    retryable = True


class ConnectionFailed(BackendError):
    """No connection could be made, or it broke before an answer began."""

    retryable = True


class DeadlineExceeded(BackendError):
    """A connect, read or total deadline passed."""


class StreamCut(BackendError):
    """The connection broke before the answer was complete. The part that arrived is kept."""


class BadReply(BackendError):
    """The reply of the server does not follow the protocol."""


class EngineFailed(BackendError):
    """The local engine could not load, ran out of memory, or could not decode."""


class IllegalInstruction(EngineFailed):
    """The local engine used an instruction that this processor does not have."""


class ShelfError(PromptlabError):
    """A template cannot be saved in git or read from it."""


class NoRepository(ShelfError):
    """The workspace is not in a git repository, so versions cannot be saved. Nothing was written."""


class NoIdentity(ShelfError):
    """Git has no name and address of the user. Nothing was written."""


class Conflict(ShelfError):
    """The file changed since it was opened. Nothing was written and nothing is lost.

    `base` is the text when it was opened (None: there was no file), `ours` the text to save, `theirs` the text of the
    file now (None: it was deleted). `merged` is the merge of ours and theirs; if it is not `clean`, it has the conflict
    markers of git.
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
    """A hook, or git itself, refused the commit. The text is in the file; `output` is the output of git or the hook."""

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message, hint=hint)
        self.output = output


class RecordingMiss(PromptlabError):
    """The recording has no such request. Replay never asks a model instead."""


class NotWritten(PromptlabError, OSError):
    """A file cannot be written. Its old content is unchanged. This is also an `OSError`, with its `errno`."""

    def __init__(self, message: str, *, hint: str = "", errno: int | None = None, strerror: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errno, self.strerror = errno, strerror


class SuiteBusy(PromptlabError):
    """Another process, or another thread of this one, is working on the suite. No model was asked, nothing written."""


class StoreError(PromptlabError):
    """The run history cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint with the known word closest to `name`, or with all of them if none is close."""
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
