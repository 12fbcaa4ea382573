"""Reading a suite file: YAML that is checked key by key. Every error names the file, the line and the field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from promptlab import scorers, templates
from promptlab._yaml import PlainData, YamlFile, parse_yaml, read_text, validation_problem
from promptlab.errors import (
    InputError,
    PromptlabError,
    SuiteError,
    TemplateError,
    TemplateNotFound,
    WorkspaceError,
    nearest,
)
from promptlab.suites import _thresholds as thresholds
from promptlab.suites._case_file import expected_problem, input_names
from promptlab.suites._rename_note import command_to_finish
from promptlab.suites._suite import FOLDER, Case, CaseFile, ItemKey, Suite, Variant, id_problem
from promptlab.templates import ParamsModel, Template
from promptlab.types import Label, Role, ScorerSpec, Section
from promptlab.workspace import Workspace

ENDINGS = (".yaml", ".yml")
_Switch = Literal["instructions", "output_format", "context", "examples"]
_Text = Annotated[str, Field(min_length=1)]
_Spec = str | dict[str, Any]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Message(_Strict):
    role: Role
    content: str


class _Variant(_Strict):
    without: list[_Switch] = Field(default_factory=list, description="Sections to leave out.")
    params: ParamsModel = Field(default_factory=ParamsModel, description="Sampling parameters, over the suite's.")
    template: _Text | None = Field(None, description="Another template to ask with.")


class _Threshold(_Strict):
    require: _Text = Field(description="What must be reached, such as `at least 38 of 40`.")
    variant: str | None = None
    model: str | None = None
    tag: str | None = None


class _Case(_Strict):
    id: _Text | None = Field(None, description="The name of the case. Keep it: recordings are looked up by it.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="Values of the template's inputs.")
    expected: Any = Field(None, description="What scorers compare the answer with: text, a number, a list, an object.")
    documents: list[_Text] | None = Field(None, description="Documents instead of the template's.")
    tags: list[_Text] = Field(default_factory=list)
    label: Label = Field("public", description="How private the inputs are.")
    scorers: list[_Spec] | None = Field(None, description="Scorers instead of the suite's.")
    file: _Text | None = Field(None, description="Instead of all other keys: a CSV, JSONL or YAML file of cases.")


class _File(_Strict):
    model_config = ConfigDict(title="promptlab suite", extra="forbid", strict=True)

    description: str = ""
    template: _Text | None = Field(None, description="The template to ask with, as a path or a bare name.")
    messages: list[_Message] | None = Field(None, description="Instead of a template: messages, whose text is Jinja.")
    models: list[_Text] = Field(description="Names of models in promptlab.yaml.", min_length=1)
    variants: dict[str, _Variant | None] = Field(default_factory=dict, description="Ways to ask every case.")
    repeats: int = Field(1, ge=1, le=1000, description="Answers to each case in each variant.")
    params: ParamsModel = Field(default_factory=ParamsModel, description="Sampling parameters, over the template's.")
    scorers: list[_Spec] = Field(default_factory=list, description="How answers are judged.")
    numerics: Literal["fast", "portable"] = Field(
        "portable",
        description="portable: local models give the same text on every processor; fast: the best code for this one.",
    )
    judge_cut_answers: bool = Field(
        False,
        description="true: an answer that was cut off at max_tokens is judged as it is; false: it is not judged.",
    )
    thresholds: list[str | _Threshold] = Field(default_factory=list, description="What must be reached.")
    cases: list[_Case] = Field(description="The questions, and files of them.")


_KNOWN: dict[str, list[str]] = {
    "variants": list(_Variant.model_fields),
    "thresholds": list(_Threshold.model_fields),
    "messages": list(_Message.model_fields),
    "cases": list(_Case.model_fields),
    "": list(_File.model_fields),
}


def suite_paths(workspace: Workspace) -> list[str]:
    """The paths of the workspace's suites, sorted. YAML files of cases in the same folder are no suites."""
    folder = workspace.root / FOLDER
    suites = [
        path for path in folder.rglob("*") if path.suffix in ENDINGS and path.is_file() and not is_case_file(path)
    ]
    return sorted(workspace.relative(path) for path in suites)


def is_case_file(path: Path) -> bool:
    """True if a YAML file begins as a list: it is a file of cases, and no suite."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = (line.strip() for line in file)
        first = next((line for line in lines if line and not line.startswith(("#", "---", "%"))), "")
    return first.startswith(("- ", "[")) or first == "-"


def load_suite(workspace: Workspace, path: str) -> Suite:
    """The suite at `path`: a path in the workspace, an absolute one, or a bare name such as `world-cup`.

    Raises `SuiteError` with file, line and field, and `TemplateError` if its template is wrong.
    """
    suite = read_suite(workspace, path)
    if command := command_to_finish(workspace, suite.path):
        what = "a case of this suite is being renamed, or that was interrupted"
        raise SuiteError(what, file=suite.path, hint=f"finish it: `{command}`")
    return suite


def read_suite(workspace: Workspace, path: str) -> Suite:
    """As `load_suite`, also while a case of the suite is being renamed."""
    full, shown = _find(workspace, path)
    return parse_suite(workspace, read_text(full, shown=shown, error=SuiteError), path=shown)


def _find(workspace: Workspace, path: str) -> tuple[Path, str]:
    bare = "/" not in path and "\\" not in path and not path.endswith(ENDINGS)
    try:
        full = Path(path) if Path(path).is_absolute() else workspace.resolve(f"{FOLDER}/{path}.yaml" if bare else path)
        there = full.is_file()
    except (WorkspaceError, ValueError) as exc:  # ValueError: a NUL byte
        raise SuiteError(str(exc), file=path) from exc
    shown = workspace.relative(full)
    if not there:
        known = [PurePosixPath(name).stem if bare else name for name in suite_paths(workspace)]
        raise SuiteError("there is no such suite", file=path if bare else shown, hint=nearest(path, known))
    return full, shown


def parse_suite(
    workspace: Workspace, text: str, *, path: str, texts: Mapping[str, str] = MappingProxyType({})
) -> Suite:
    """The suite in `text`, the text of the file at `path` in the workspace. `texts` are read instead of the files of
    cases at their paths."""
    file = parse_yaml(text, shown=path, error=SuiteError)
    if not isinstance(file.data, Mapping):
        raise SuiteError("a suite must be a mapping with keys such as `template` and `cases`", file=path, line=1)
    data = PlainData(file, SuiteError, "a suite").convert(file.data, ())
    reader = _Reader(workspace, file, texts)
    reader.check_names_of_params(data)
    try:
        parsed = _File.model_validate({key: value for key, value in data.items() if value is not None})
    except ValidationError as exc:
        problem = validation_problem(exc, file, _known_keys, skip=("str", "_Threshold", "dict[str,any]"))
        raise SuiteError(problem.message, file=path, line=problem.line, field=problem.field, hint=problem.hint) from exc
    template = reader.template(parsed)
    suite = Suite(
        name=PurePosixPath(path).stem,
        path=path,
        template=template,
        entries=reader.entries(parsed.cases),
        models=tuple(parsed.models),
        description=parsed.description,
        variants=tuple(reader.variant(name, written or _Variant()) for name, written in parsed.variants.items())
        or (Variant(),),
        repeats=parsed.repeats,
        params=_given(parsed.params),
        scorers=reader.specs(parsed.scorers, ("scorers",)),
        thresholds=tuple(reader.threshold(written, n, parsed) for n, written in enumerate(parsed.thresholds)),
        label=workspace.label_of(path),
        source=text,
        numerics=parsed.numerics,
        judge_cut_answers=parsed.judge_cut_answers,
    )
    reader.check_ids(suite)
    reader.check_expected(suite)
    return suite


def _given(params: ParamsModel) -> dict[str, Any]:
    """Only the parameters that the file names, without defaults: they override those of the template or suite."""
    every = params.params()
    return {name: getattr(every, name) for name in params.model_fields_set}


def _known_keys(loc: tuple[Any, ...]) -> list[str]:
    return _KNOWN[next((part for part in reversed(loc[:-1]) if part in _KNOWN), "")]


class _Reader:
    """Makes the parts of a `Suite` from what pydantic has checked. Its errors name the line and the field."""

    def __init__(self, workspace: Workspace, file: YamlFile, texts: Mapping[str, str]) -> None:
        self._workspace, self._file, self._texts = workspace, file, texts

    def check_names_of_params(self, data: Mapping[str, Any]) -> None:
        """Raise `SuiteError` for an unknown sampling parameter, with the nearest known one."""
        variants = data.get("variants")
        places: list[tuple[tuple[Any, ...], Any]] = [(("params",), data.get("params"))]
        for name, variant in variants.items() if isinstance(variants, Mapping) else ():
            if isinstance(variant, Mapping):
                places.append((("variants", name, "params"), variant.get("params")))
        for path, given in places:
            for name in given if isinstance(given, Mapping) else ():
                if name not in ParamsModel.model_fields:
                    hint = nearest(str(name), ParamsModel.model_fields)
                    raise self._error(f"there is no parameter `{name}`", (*path, name), hint=hint)

    def template(self, parsed: _File) -> Template:
        if (parsed.template is None) == (parsed.messages is None):
            raise self._error("give either `template` or `messages`", ())
        if parsed.template is not None:
            return self._loaded(parsed.template, ("template",))
        used = sorted(
            {name for case in parsed.cases for name in case.inputs}
            | _columns(self._workspace, parsed.cases, self._texts)
        )
        layout = "".join(f"{{% {m.role} %}}{m.content}{{% end{m.role} %}}" for m in parsed.messages or ())
        text = json.dumps({"inputs": {name: {"type": self._type(parsed, name)} for name in used}, "layout": layout})
        try:
            return templates.parse(text, path=self._file.shown)
        except TemplateError as exc:
            raise self._error(exc.what, ("messages",), hint=exc.hint) from exc

    def _type(self, parsed: _File, name: str) -> str:
        """The type of the input `name`, from its first value in a case."""
        value = next((case.inputs[name] for case in parsed.cases if name in case.inputs), "")
        kinds = ((bool, "boolean"), (int, "number"), (float, "number"), (list, "list"), (dict, "object"))
        return next((kind for cls, kind in kinds if isinstance(value, cls)), "string")

    def _loaded(self, name: str, path: tuple[Any, ...]) -> Template:
        try:
            return templates.load(self._workspace, name)
        except TemplateNotFound as exc:
            raise self._error(f"there is no template `{name}`", path, hint=exc.hint) from exc

    def variant(self, name: str, written: _Variant) -> Variant:
        if not name or set(name) & set("[]#"):
            raise self._error("a variant's name must not be empty and must not contain [ ] #", ("variants", name))
        template = None if written.template is None else self._loaded(written.template, ("variants", name, "template"))
        without: tuple[Section, ...] = tuple(written.without)
        return Variant(name, without, _given(written.params), template)

    def specs(self, given: Sequence[_Spec], path: tuple[Any, ...]) -> tuple[ScorerSpec, ...]:
        return tuple(self._spec(written, (*path, number)) for number, written in enumerate(given))

    def _spec(self, written: _Spec, path: tuple[Any, ...]) -> ScorerSpec:
        try:
            return scorers.scorer_spec(written)
        except InputError as exc:
            raise self._error(exc.what, path, hint=exc.hint) from exc

    def threshold(self, written: str | _Threshold, number: int, parsed: _File) -> thresholds.Threshold:
        path = ("thresholds", number)
        given = _Threshold(require=written) if isinstance(written, str) else written
        known = {"variant": list(parsed.variants) or [""], "model": parsed.models}
        for name, words in known.items():
            value = getattr(given, name)
            if value is not None and value not in words:
                raise self._error(f"there is no {name} `{value}`", (*path, name), hint=nearest(value, words))
        try:
            return thresholds.parse_threshold(given.require, variant=given.variant, model=given.model, tag=given.tag)
        except ValueError as exc:
            raise self._error(str(exc), path) from exc

    def entries(self, cases: Sequence[_Case]) -> tuple[Case | CaseFile, ...]:
        return tuple(self._entry(number, case) for number, case in enumerate(cases))

    def _entry(self, number: int, case: _Case) -> Case | CaseFile:
        path = ("cases", number)
        line = self._file.line(path)
        if case.file is not None:
            more = sorted(case.model_fields_set - {"file"})
            if more:
                raise self._error(f"`{more[0]}` cannot stand beside `file`", (*path, more[0]))
            return CaseFile(case.file, line)
        if case.id is None:
            raise self._error(
                "`id` is missing", path, hint="give a name that stays the same: recordings are looked up by it"
            )
        return Case(
            id=case.id,
            inputs=case.inputs,
            expected=case.expected,
            documents=None if case.documents is None else tuple(case.documents),
            tags=tuple(case.tags),
            label=case.label,
            scorers=None if case.scorers is None else self.specs(case.scorers, (*path, "scorers")),
            place=f"{self._file.shown}:{line}",
        )

    def check_ids(self, suite: Suite) -> None:
        seen: dict[str, int] = {}
        for number, entry in enumerate(suite.entries):
            if isinstance(entry, CaseFile):
                continue
            problem = id_problem(entry.id)
            if problem:
                raise self._error(problem, ("cases", number, "id"))
            if entry.id in seen:
                line = self._file.line(("cases", seen[entry.id]))
                raise self._error(f"the id `{entry.id}` is used in line {line} already", ("cases", number, "id"))
            seen[entry.id] = number
        ids: dict[str, tuple[str, str]] = {}
        for variant in suite.variants:
            for model in suite.models:
                id = ItemKey("", variant.name, model).id
                if id in ids:
                    both = (ids[id], (variant.name, model))
                    pair = " and ".join(repr(" ".join(filter(None, names))) for names in both)
                    raise self._error(f"items of {pair} would have the same id, `case{id}`", ("models",))
                ids[id] = (variant.name, model)

    def check_expected(self, suite: Suite) -> None:
        """Raise `SuiteError` if a scorer cannot read what a case of the suite's own file expects."""
        for number, entry in enumerate(suite.entries):
            if isinstance(entry, Case) and (wrong := expected_problem(suite, entry)):
                raise self._error(wrong.what, ("cases", number, "expected"), hint=wrong.hint)

    def _error(self, message: str, path: tuple[Any, ...], *, hint: str = "") -> SuiteError:
        field = ".".join(str(part) for part in path)
        return SuiteError(message, file=self._file.shown, line=self._file.line(path), field=field, hint=hint)


def _columns(workspace: Workspace, cases: Sequence[_Case], texts: Mapping[str, str]) -> set[str]:
    """The names of the inputs in files of cases, from the first row of each."""
    names: set[str] = set()
    for case in cases:
        if case.file is not None:
            try:
                names |= input_names(workspace, CaseFile(case.file), texts)
            except PromptlabError:
                continue  # the error comes when the cases are read
    return names
