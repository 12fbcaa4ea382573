"""The nouns everything else speaks in: small, frozen, and importable without any vendor library.

One road leads through them. A `Trial` says what to ask; rendering it gives a `Prompt` (messages, and
spans that say which characters came from where); with parameters that becomes a `Request`; a backend
answers it with a `Completion`; scorers turn that into `Score`s; all of it together is a `Result`.
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
"""Where a character of a prompt can come from; `layout` is the text between the parts."""

SWITCHABLE: tuple[Section, ...] = ("instructions", "output_format", "context", "examples")
"""Sections a trial may leave out. The input is the question itself, so it stays."""


_RANKS = {label: rank for rank, label in enumerate(LABELS)}


def highest(labels: Iterable[Label]) -> Label:
    """The strictest of `labels`; public when there are none."""
    return max(labels, key=_RANKS.__getitem__, default="public")


@lru_cache(maxsize=256)  # one article is hashed by every request that holds it
def sha256(text: str) -> str:
    """Hex SHA-256 of `text` as UTF-8; a lone surrogate is kept as its own bytes, so it never fails."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Message:
    """`name` tells participants of one role apart, for chat templates that show it; only `promptlab serve` sets it."""

    role: Role
    content: str
    name: str = ""

    def as_data(self) -> dict[str, str]:
        """As servers and chat templates take it."""
        said = {"role": self.role, "content": self.content}
        return {**said, "name": self.name} if self.name else said


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` to `end` (exclusive) of message number `message`, and where they came from.

    `source` names the document path, example id or input; it is empty for a section's own text.
    """

    message: int
    start: int
    end: int
    section: Section
    source: str = ""
    label: Label = "public"


class Place(NamedTuple):
    """A file that text came from, and the row of it by its id; "" for the whole file."""

    path: str
    row: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Something that went into a render, with the label it carried then, whether or not a span shows it.

    `places` are the files it came from, by which it gets the label it has now (`labels.Labels`). An empty one is of
    text that no file had, such as what somebody typed; None is of a history that did not keep them.
    """

    section: Section
    name: str
    label: Label = "public"
    sha256: str = ""
    places: tuple[Place, ...] | None = None

    @classmethod
    def of(cls, section: Section, name: str, label: Label, sha256: str = "", places: Any = None) -> Source:
        """A source from what JSON kept of it."""
        return cls(section, name, label, sha256, None if places is None else tuple(Place(*one) for one in places))


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages ready to send. Spans cover every character of every message once, in order."""

    messages: tuple[Message, ...]
    spans: tuple[Span, ...] = ()
    sources: tuple[Source, ...] = ()

    def texts(self) -> list[tuple[Span, str]]:
        """Each span with its characters."""
        return [(s, self.messages[s.message].content[s.start : s.end]) for s in self.spans]


@dataclass(frozen=True, slots=True)
class Params:
    """Sampling parameters. None leaves the choice to the backend's documented default.

    `max_tokens` counts new tokens. `seed` is passed where the backend knows it and always recorded. With `logprobs` the
    answer says how likely each of its tokens was, and so many alternatives to it, 0 to 20. `reasoning_effort` is how
    long a thinking model may think, in the server's own word: none, low, high.
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
        kept = {k: v for k, v in changes.items() if v is not None}
        if "stop" in kept:
            kept["stop"] = tuple(kept["stop"])
        return replace(self, **kept)


_PARAMS = tuple(f.name for f in fields(Params))
_FLOATS = frozenset(f.name for f in fields(Params) if str(f.type).startswith("float"))
"""Written as floats, so that a temperature of 0 and one of 0.0 are one request."""


def _sorted_json(value: Any) -> str:
    # Not as ASCII: there, two lone surrogates and the one character they would make look the same.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@lru_cache(maxsize=64)
def _hash_of_start(fingerprint: str, first: tuple[Message, ...]) -> Any:
    """The hash of a request's JSON as far as its first message, which holds the article that a thousand questions
    share."""
    text = f'{{"backend":{_sorted_json(fingerprint)},"messages":['
    text += "".join(_sorted_json(message.as_data()) for message in first)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))


_LAST_KEY = threading.local()
"""The last request of this thread whose key was made, the fingerprint and the key: the road asks for it twice."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one backend is asked. `model` is the catalogue's name; `schema` is JSON Schema as text."""

    model: str
    prompt: Prompt
    params: Params = Params()
    schema: str | None = None
    repeat: int = 0

    @property
    def messages(self) -> tuple[Message, ...]:
        return self.prompt.messages

    def body(self) -> dict[str, Any]:
        """The part that decides the answer, as plain JSON data."""
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
        """Hex SHA-256 over `body()` and the backend's fingerprint: equal keys may share an answer.

        Repeats have keys of their own, so two samples are never one. No API key is part of it.
        """
        last = getattr(_LAST_KEY, "value", None)
        if last is not None and last[0] is self and last[1] == fingerprint:
            return str(last[2])
        body = self.body()
        if self.schema:
            # As text, so that sorting spares it: models answer in the order of a schema's properties.
            body["schema"] = json.dumps(json.loads(self.schema), separators=(",", ":"), ensure_ascii=False)
        rest = {name: body[name] for name in ("params", "repeat", "schema")} | {"v": 1}
        text = "".join(f",{_sorted_json(message)}" for message in body["messages"][1:])
        text += f"],{_sorted_json(rest)[1:]}"
        hashed = _hash_of_start(fingerprint, self.messages[:1]).copy()
        hashed.update(text.encode("utf-8", "surrogatepass"))
        found = str(hashed.hexdigest())
        _LAST_KEY.value = self, fingerprint, found
        return found


@dataclass(frozen=True, slots=True)
class Held:
    """What a local model keeps read of earlier prompts: states in memory and files on disk, and the bytes of each."""

    states: int
    state_bytes: int
    files: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens. `read` were processed, `reused` were found already read, `written` are new; of these `thinking` went into
    thinking.

    The prompt is `read + reused` long. None where the backend did not say.
    """

    read: int | None = None
    reused: int | None = None
    written: int | None = None
    thinking: int | None = None

    @property
    def prompt(self) -> int | None:
        return None if self.read is None else self.read + (self.reused or 0)

    def as_dict(self) -> dict[str, int | None]:
        """As a recording keeps it; `thinking` only where there was some."""
        kept = {"read": self.read, "reused": self.reused, "written": self.written}
        return kept if self.thinking is None else {**kept, "thinking": self.thinking}


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds. `first_token` and `total` count from the moment the backend turned to the request;
    `waited` is the time before that (queue, model loading, pauses between retries)."""

    waited: float = 0.0
    first_token: float | None = None
    total: float = 0.0

    def tokens_per_second(self, written: int | None) -> float | None:
        """Rate after the first token; None with fewer than two tokens."""
        if not written or written < 2 or self.first_token is None or self.total <= self.first_token:
            return None
        return (written - 1) / (self.total - self.first_token)


FinishReason = Literal["stop", "length", "stopped", "content_filter", "tool_calls", "unknown"]
"""`stop`: the model ended or met a stop string; `length`: max_tokens; `stopped`: a person pressed Stop."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's answer. `fingerprint` is what the answering side said of itself (API model and
    system fingerprint, or model file hash); `details` is for people: device, attempts, warnings.
    `thinking` is what the model wrote for itself before it; scorers never see it."""

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
    """A piece of a model's thinking as it arrives. It is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Phase:
    """What a backend is doing while no text comes. `done` of `total` are tokens while reading, else 0.

    `detail` is a short clause for people: "gemma-3-270m is answering", "retrying in 2 s: server error 503".
    """

    name: Literal["waiting", "loading", "reading", "retrying"]
    done: int = 0
    total: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens a prompt takes in one model, by section, against its window.

    `exact` is False where the count is an estimate. `prompt` includes what the chat template adds,
    which counts as `layout`. `room` is the number of new tokens asked for.
    """

    prompt: int
    by_section: Mapping[Section, int]
    by_source: Mapping[str, int]
    window: int | None
    room: int
    exact: bool

    @property
    def fits(self) -> bool:
        return self.window is None or self.prompt + self.room <= self.window


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of what goes over the wire or into the model. `control` marks the model's own control tokens."""

    text: str
    section: Section
    source: str = ""
    control: bool = False


@dataclass(frozen=True, slots=True)
class AsSent:
    """What a model will get: for a local model the raw string in pieces, for an API the JSON body."""

    pieces: tuple[Piece, ...]
    budget: Budget
    body: Mapping[str, Any] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A context document. `path` is relative to the workspace and is its id."""

    path: str
    text: str
    label: Label = "public"
    file: str = field(default="", compare=False)
    """The file it is of, where `path` says more than that: of passages."""

    @property
    def sha256(self) -> str:
        return sha256(self.text)

    @property
    def places(self) -> tuple[Place, ...]:
        return (Place(self.file or self.path),)


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example: inputs by name and the answer wanted. One example used in a prompt is a shot.

    `origins` are the files that its text was copied from, `pool` the file that it stands in.
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
class InputSpec:
    """An input a template declares. `default` None means it must be given; `sample` fills previews and checks."""

    type: Literal["string", "number", "boolean", "list", "object"] = "string"
    sample: Any = None
    default: Any = None
    description: str = ""


Select = Literal["first", "random", "balanced", "similar", "diverse"]
Order = Literal["given", "reversed", "random", "similar_last"]


@dataclass(frozen=True, slots=True)
class ShotChoice:
    """Which examples of a pool become shots: `pool` is a path in the workspace, `k` how many, `select` how.

    `order` is how those chosen stand in the prompt. `balance` says what a class is when `select` is `balanced`:
    examples of the same output, or of the same first tag.
    """

    pool: str
    k: int = 2
    select: Select = "first"
    seed: int = 0
    order: Order = "given"
    balance: Literal["output", "tag"] = "output"


Unit = Literal["lines", "words", "characters"]
"""What a range of a document is counted in."""


@dataclass(frozen=True, slots=True)
class PassageChoice:
    """Which passages of a document go into the prompt, instead of all of it.

    `heading` takes the sections named in `headings`; `range` what lies from `start` to `end`, both counted from 1
    and included, in `unit`s; `bm25` the `n` passages most like the question, which is the text of the inputs named
    in `query`, or of all. `max_characters` and `max_tokens` (counted as `tokens.about` does) bound what is taken; what
    does not fit is left out whole, and said.
    """

    by: Literal["heading", "range", "bm25"]
    headings: tuple[str, ...] = ()
    unit: Unit = "lines"
    start: int = 1
    end: int | None = None
    n: int = 3
    query: tuple[str, ...] = ()
    max_characters: int | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A template file, parsed. Texts are Jinja and kept to the byte; `source` is the whole file's text.

    `user` is the Jinja text of a user turn, for the question and for each example alike; None takes the
    single input as it is, or one `name: value` line for each of several. `layout` None takes the standard
    layout. `passages` has the documents of `context` of which only passages are taken.
    `schema` is JSON Schema as JSON text, its keys in the author's order: models answer in that order.
    `label` is that of the file: its own text is as private as it says.
    """

    name: str
    path: str
    description: str = ""
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    instructions: str = ""
    output_format: str = ""
    user: str | None = None
    context: tuple[str, ...] = ()
    passages: Mapping[str, PassageChoice] = field(default_factory=dict)
    examples: ShotChoice | None = None
    schema: str | None = None
    params: Params = Params()
    layout: str | None = None
    label: Label = "public"
    source: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return sha256(self.source)


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer as a suite names it. `options` is canonical JSON, so that a spec can be a key."""

    name: str
    options: str = "{}"

    @property
    def values(self) -> dict[str, Any]:
        """The options as data."""
        found: dict[str, Any] = json.loads(self.options)
        return found


@dataclass(frozen=True, slots=True)
class Score:
    """How good: `value` in [0, 1], the `answer` taken from the completion, and a short reason."""

    scorer: str
    value: float
    answer: str
    reason: str


Scorer = Callable[[str, Any], Score]
"""(answer, expected) -> Score. What is expected is text for most, a number, a list or an object for some."""


@dataclass(frozen=True, slots=True)
class Given:
    """Values of a template's inputs, and what is known of where they came from: their label, and their files by the
    name of the input."""

    values: Mapping[str, Any]
    label: Label = "public"
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)

    @classmethod
    def typed(cls, values: Mapping[str, Any]) -> Given:
        """Values that a person typed, or that the template has as its samples: the label of no file is theirs."""
        return cls(values)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A stored request that is to be asked again, as it is but for model and repeat.

    There is none without what it was kept in: `kept_in` are those files, and `label` is the highest that anything kept
    beside it had then, its inputs and what was expected. The runner works out what its sources are labelled now.
    """

    request: Request
    kept_in: tuple[Place, ...]
    label: Label


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt, and the very objects it was rendered from: a trial that holds others of them has another prompt."""

    prompt: Prompt
    of: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing to ask: a template with its materials and inputs, in one variant, of one model, once.

    `shots` and `documents` are already chosen and read, so rendering a trial touches no file. `label` is
    that of the inputs, `places` the files they came from, by their names; "" is for all of them. `expected` is what
    scorers compare the answer with, None where nobody said; `scorers` are the trial's own, beside those of its run.
    `request` is a stored one that is asked again; then nothing is rendered, and the template only says where it came
    from. `rendered` is the prompt, where the planner made it; trials that differ in model, parameters or repeat share
    one.
    """

    template: Template
    inputs: Mapping[str, Any]
    model: str
    documents: tuple[Document, ...] = ()
    shots: tuple[Example, ...] = ()
    without: tuple[Section, ...] = ()
    params: Params = Params()
    repeat: int = 0
    case: str = ""
    expected: Any = None
    label: Label = "public"
    scorers: tuple[Scorer, ...] = ()
    request: Recalled | None = None
    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    rendered: Rendered | None = field(default=None, compare=False, repr=False)

    @property
    def rendered_from(self) -> tuple[Any, ...]:
        """All that decides the prompt, its labels and its sources."""
        return self.template, self.inputs, self.documents, self.shots, self.without, self.label, self.places

    @property
    def prompt(self) -> Prompt | None:
        """The prompt as it was rendered from what the trial holds; None where it was not rendered yet.

        Compared by identity: a copy of a trial with another template or document must not keep the prompt of before.
        """
        if self.rendered is None:
            return None
        same = all(a is b for a, b in zip(self.rendered.of, self.rendered_from, strict=True))
        return self.rendered.prompt if same else None


@dataclass(frozen=True, slots=True)
class Origin:
    """What is needed to make a result again, beyond its request (rule 6 of the design).

    `template_blob` is a git blob id.
    """

    template: str
    template_blob: str
    git_revision: str = ""
    git_dirty: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One trial, asked. Exactly one of `completion` and `error` is set.

    `error` is a plain sentence, `error_kind` the class name in `promptlab.errors`.
    `cached` means a stored answer was shown: its timings are those of the first time, not of now.
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

    @property
    def ok(self) -> bool:
        return self.completion is not None

    @property
    def text(self) -> str:
        """The answer, or whatever had arrived before the failure."""
        return self.completion.text if self.completion else self.partial

    @property
    def score(self) -> float | None:
        """The mean of its scores; None without any."""
        return sum(score.value for score in self.scores) / len(self.scores) if self.scores else None

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
    """A source as the run `run_id` had it, at `when`."""

    source: Source
    run_id: str
    when: str
