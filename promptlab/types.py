"""The types that all packages share: small, frozen, and importable without any vendor library.

They follow the way of a prompt. A `Trial` is what to ask. Rendering it gives a `Prompt`: messages, and spans that
record where each character came from. With parameters it becomes a `Request`. A backend answers it with a `Completion`.
Scorers give the completion `Score`s. All of it together is a `Result`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

Role = Literal["system", "user", "assistant"]
Label = Literal["public", "internal", "confidential"]
Section = Literal["instructions", "output_format", "context", "examples", "input", "layout"]

LABELS: tuple[Label, ...] = ("public", "internal", "confidential")
"""Privacy labels, lowest first. A model may see text up to its clearance."""

SECTIONS: tuple[Section, ...] = ("instructions", "output_format", "context", "examples", "input", "layout")
"""The sections of a prompt. Every character belongs to one; `layout` is the text between the others."""

SWITCHABLE: tuple[Section, ...] = ("instructions", "output_format", "context", "examples")
"""The sections that a trial may leave out. The input is the question itself, so it cannot be left out."""


_RANKS = {label: rank for rank, label in enumerate(LABELS)}


def highest(labels: Iterable[Label]) -> Label:
    """The highest of `labels`; public if there are none."""
    return max(labels, key=_RANKS.__getitem__, default="public")


@lru_cache(maxsize=256)  # many requests contain the same long document
def sha256(text: str) -> str:
    """Hex SHA-256 of `text` as UTF-8. Lone surrogates are encoded too, so it never fails."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a conversation. `name` distinguishes participants with the same role, for chat templates that show
    it. Only `promptlab serve` sets it."""

    role: Role
    content: str
    name: str = ""

    def as_data(self) -> dict[str, str]:
        """The message as JSON data for servers and chat templates."""
        data = {"role": self.role, "content": self.content}
        return {**data, "name": self.name} if self.name else data


@dataclass(frozen=True, slots=True)
class Span:
    """The characters `start` to `end` (exclusive) of message number `message`, and their provenance.

    `source` is the path of the document, the id of the example or the name of the input; "" for text of the template.
    """

    message: int
    start: int
    end: int
    section: Section
    source: str = ""
    label: Label = "public"


class Place(NamedTuple):
    """A file that a text came from. `row` is the id of a row in it, "" for the whole file."""

    path: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that a prompt was made from, with the label that it had then, even if no span shows its text.

    `places` are the files that it came from; they give its label of now (`workspace.Labels`). It is empty for text that
    was in no file, such as a typed input, and None in old histories, which did not store it.
    """

    section: Section
    name: str
    label: Label = "public"
    sha256: str = ""
    places: tuple[Place, ...] | None = None

    @classmethod
    def of(cls, section: Section, name: str, label: Label, sha256: str = "", places: Any = None) -> Source:
        """A source from its JSON data."""
        return cls(section, name, label, sha256, None if places is None else tuple(Place(*place) for place in places))


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages ready to send. Spans cover every character of every message once, in order."""

    messages: tuple[Message, ...]
    spans: tuple[Span, ...] = ()
    sources: tuple[Source, ...] = ()

    def texts(self) -> list[tuple[Span, str]]:
        """Each span with its text."""
        return [(s, self.messages[s.message].content[s.start : s.end]) for s in self.spans]


@dataclass(frozen=True, slots=True)
class Params:
    """Sampling parameters. None means the documented default of the backend.

    `max_tokens` counts new tokens. `seed` is sent if the backend supports it, and always recorded. With `logprobs` the
    answer has the log probability of each token and of this many alternatives, 0 to 20. `reasoning_effort` is how long
    a thinking model may think, in the word of the server: none, low, high.
    """

    temperature: float = 0.0
    max_tokens: int = 256
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    reasoning_effort: str | None = None

    def with_(self, **changes: Any) -> Params:
        """A copy with `changes`, leaving out those that are None."""
        wanted = {k: v for k, v in changes.items() if v is not None}
        if "stop" in wanted:
            wanted["stop"] = tuple(wanted["stop"])
        return replace(self, **wanted)


_PARAMS = tuple(f.name for f in fields(Params))
_FLOATS = frozenset(f.name for f in fields(Params) if str(f.type).startswith("float"))
"""Always written as floats, so that a temperature of 0 and of 0.0 give the same key."""


def _sorted_json(value: Any) -> str:
    # Not ASCII: as escapes, two lone surrogates would look the same as the character that they form together.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=64)
def _hash_of_start(fingerprint: str, first: tuple[Message, ...]) -> Any:
    """The hash of the JSON of a request up to its first message. Cached, because a thousand questions about the same
    document share it."""
    text = f'{{"backend":{_sorted_json(fingerprint)},"messages":['
    text += "".join(_sorted_json(message.as_data()) for message in first)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))


_LAST_KEY = threading.local()
"""The last request of this thread, with its fingerprint and key. Cached, because a run needs the key twice."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a backend. `model` is the name in the catalogue; `schema` is JSON Schema as text."""

    model: str
    prompt: Prompt
    params: Params = Params()
    schema: str | None = None
    repeat: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.prompt.messages

    def body(self) -> dict[str, Any]:
        """The part of the request that decides the answer, as JSON data."""
        params = {name: getattr(self.params, name) for name in _PARAMS} | {"stop": list(self.params.stop)}
        return {
            "messages": [message.as_data() for message in self.messages],
            "params": {
                name: float(value) if name in _FLOATS else value
                for name, value in params.items()
                if value not in (None, [])
            },
            "schema": json.loads(self.schema) if self.schema else None,
            "repeat": self.repeat,
        }

    def key(self, fingerprint: str) -> str:
        """Hex SHA-256 of `body()` and the fingerprint of the backend. Requests with equal keys may share an answer.

        Each repeat has a key of its own, so two samples are never the same answer. API keys are not part of it.
        """
        last = getattr(_LAST_KEY, "value", None)
        if last is not None and last[0] is self and last[1] == fingerprint:
            return str(last[2])
        body = self.body()
        if self.schema:
            # As text, so that it is not sorted: models answer in the order of the properties.
            body["schema"] = json.dumps(json.loads(self.schema), separators=(",", ":"), ensure_ascii=False)
        rest = {name: body[name] for name in ("params", "repeat", "schema")} | {"v": 1}
        text = "".join(f",{_sorted_json(message)}" for message in body["messages"][1:])
        text += f"],{_sorted_json(rest)[1:]}"
        hashed = _hash_of_start(fingerprint, self.messages[:1]).copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        key = str(hashed.hexdigest())
        _LAST_KEY.value = self, fingerprint, key
        return key


@dataclass(frozen=True, slots=True)
class Usage:
    """Numbers of tokens. `read` were processed by prefill, `reused` came from the prefix cache, `written` are new.
    `thinking` is the part of `written` that was thinking.

    The prompt has `read + reused` tokens. None if the backend did not report a number.
    """

    read: int | None = None
    reused: int | None = None
    written: int | None = None
    thinking: int | None = None

    @property
    def prompt(self) -> int | None:
        return None if self.read is None else self.read + (self.reused or 0)

    def as_dict(self) -> dict[str, int | None]:
        """The JSON data for a recording. `thinking` is left out if there was none."""
        data = {"read": self.read, "reused": self.reused, "written": self.written}
        return data if self.thinking is None else {**data, "thinking": self.thinking}


@dataclass(frozen=True, slots=True)
class Timings:
    """Times in seconds. `first_token` and `total` count from the moment when the backend began with the request.
    `waited` is the time before that: queue, model loading, pauses between retries."""

    waited: float = 0.0
    first_token: float | None = None
    total: float = 0.0

    def tokens_per_second(self, written: int | None) -> float | None:
        """Tokens per second after the first token. None for fewer than two tokens."""
        if not written or written < 2 or self.first_token is None or self.total <= self.first_token:
            return None
        return (written - 1) / (self.total - self.first_token)


FinishReason = Literal["stop", "length", "stopped", "content_filter", "tool_calls", "unknown"]
"""`stop`: the model ended, or reached a stop string; `length`: max_tokens reached; `stopped`: the user pressed Stop."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer of a model.

    `fingerprint` is what the server or engine reports about itself: API model and system fingerprint, or the hash of
    the model file. `details` are for the user: device, attempts, warnings. `thinking` is the text before the answer;
    scorers never see it.
    """

    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    timings: Timings = Timings()
    fingerprint: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer as it arrives."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of the model's thinking as it arrives. It is not part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """What a backend is doing while no text arrives. During prefill, `done` of `total` tokens are processed; else 0.

    `detail` is a short clause for the user: "gemma-3-270m is answering", "retrying in 2 s: server error 503".
    """

    name: Literal["waiting", "loading", "reading", "retrying"]
    done: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A context document. `path` is relative to the workspace and is its id."""

    path: str
    text: str
    label: Label = "public"
    file: str = field(default="", compare=False)
    """The path of the file, if this is a selection of passages, whose `path` names the choice too."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What of the file the text does not carry over, such as "6 equations are left out". No part of a prompt."""

    @property
    def sha256(self) -> str:
        return sha256(self.text)

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place(self.file or self.path),)


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: inputs by name, and the right answer. An example in a prompt is called a shot.

    `origins` are the files that its text was copied from. `pool` is the file that it is in.
    """

    id: str
    inputs: Mapping[str, str]
    output: str
    tags: tuple[str, ...] = ()
    label: Label = "public"
    origins: tuple[Place, ...] = field(default=(), compare=False)
    pool: str = field(default="", compare=False)

    @property
    def places(self) -> tuple[Place, ...]:
        return (*((Place(self.pool, self.id),) if self.pool else ()), *self.origins)


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """The name and options of a scorer in a suite. `options` is canonical JSON, so that a spec can be a dict key."""

    name: str
    options: str = "{}"

    @property
    def values(self) -> dict[str, Any]:
        """The options as data."""
        values: dict[str, Any] = json.loads(self.options)
        return values

    @property
    def id(self) -> str:
        """What a score keeps of the spec, to be found by it: the name and the options, without `at_least`, which
        changes no score."""
        if self.options == "{}":
            return self.name
        values = {name: value for name, value in self.values.items() if name != "at_least"}
        return f"{self.name} {canonical_json(values)}" if values else self.name


@dataclass(frozen=True, slots=True)
class Score:
    """A score: `value` from 0 to 1, the part of the answer that was judged (`answer`), and a short reason.

    `value` is None if the answer was not judged: it is then neither right nor wrong, and `reason` says why. `spec` is
    the `ScorerSpec.id` of the scorer; "" if it has none, as in recordings of earlier releases.
    """

    scorer: str
    value: float | None
    answer: str
    reason: str
    spec: str = ""

    @property
    def judged(self) -> bool:
        """False if the scorer could not judge the answer."""
        return self.value is not None

    @property
    def mark(self) -> str:
        """A sign: ✓ right, ✗ wrong, ~ in between, ? not judged."""
        if self.value is None:
            return "?"
        return "✓" if self.value >= 1 else "~" if self.value > 0 else "✗"

    @property
    def shown(self) -> str:
        """The value as text."""
        return "not judged" if self.value is None else f"{self.value:g}"


def mean_score(scores: Iterable[Score]) -> float | None:
    """The mean of `scores`; None if there are none, or if one of them was not judged."""
    values = [score.value for score in scores]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


Scorer = Callable[[str, Any], Score]
"""(answer, expected) -> Score. `expected` is text for most scorers, and a number, list or object for some."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The provenance of a result: all that is needed to repeat it, in addition to its request.

    `template_blob` is a git blob id.
    """

    template: str
    template_blob: str
    git_revision: str = ""
    git_dirty: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableCell:
    """The place of an answer in the table that its run asked: inputs down, columns across, several draws in a cell.

    `heading` is what sets the column apart from others of the same model, such as "temperature 0.7". `inputs` are those
    of the row, if the table has several rows; with one row they are the question above the answers.
    """

    column: int
    heading: str = ""
    row: int = 0
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a trial. Exactly one of `completion` and `error` is set.

    `error` is a message for the user, `error_kind` the name of its class in `promptlab.errors`. `cached` is True if a
    stored answer was used: `answered_at` is when it was given, and its timings are those of that time. `partial` is the
    text that arrived before an error. `cell` is its place, if the run asked a table. `expected` is the right answer,
    None if it is not known.
    """

    id: str
    run_id: str
    model: str
    request: Request | None
    request_id: str
    completion: Completion | None = None
    error: str = ""
    error_kind: str = ""
    hint: str = ""
    cached: bool = False
    partial: str = ""
    scores: tuple[Score, ...] = ()
    case: str = ""
    without: tuple[Section, ...] = ()
    created: str = ""
    cell: TableCell | None = None
    answered_at: str = ""
    expected: Any = None

    @property
    def ok(self) -> bool:
        return self.completion is not None

    @property
    def text(self) -> str:
        """The answer, or the part of it that arrived before an error."""
        return self.completion.text if self.completion else self.partial

    @property
    def score(self) -> float | None:
        """The mean of its scores; None without any, or if a scorer could not judge the answer."""
        return mean_score(self.scores)

    @property
    def not_judged(self) -> str:
        """Why a scorer could not judge the answer; "" if all of them could."""
        return "; ".join(dict.fromkeys(score.reason for score in self.scores if score.value is None))

    @property
    def tokens(self) -> Usage:
        """Tokens of the prompt and the answer; all are None if there is no answer."""
        return self.completion.usage if self.completion else Usage()

    @property
    def seconds(self) -> float | None:
        """How long the answer took; None without one, and for a stored one, whose time was another day's."""
        return self.completion.timings.total if self.completion and not self.cached else None


@dataclass(frozen=True, slots=True)
class Use:
    """The use of a source in the run `run_id` at the time `when`."""

    source: Source
    run_id: str
    when: str
