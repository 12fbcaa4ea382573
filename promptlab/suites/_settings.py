"""What a suite asks and how it judges, as data for a form; and the changes that write it.

    settings = suite_settings(workspace, "facts")
    change = plan_settings(workspace, "facts", replace(settings, thresholds=({"require": "at least 90 %"},)))
    change = plan_new_suite(workspace, "facts", settings, upload=("cases.csv", data))

In an old suite only the values that differ are changed: comments, order and quotes of the file stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab._util.files import file_stamp
from promptlab._yaml import CannotSplice, PlainData, YamlFile, dump_yaml, edit_yaml, parse_yaml
from promptlab.errors import SuiteError
from promptlab.suites import _file as suite_file
from promptlab.suites._change import FileChange, SuiteChange, checked, content_of, text_of
from promptlab.suites._edit_case import check_upload, new_case_file, upload_text
from promptlab.suites._suite import FOLDER, Case
from promptlab.suites._thresholds import parse_threshold
from promptlab.workspace import Workspace

ABOUT = ("variant", "model", "tag")
"""The keys that narrow a threshold to some of the items."""
_ORDER = (
    "description",
    "template",
    "messages",
    "models",
    "variants",
    "repeats",
    "params",
    "scorers",
    "numerics",
    "judge_cut_answers",
    "thresholds",
    "cases",
)


@dataclass(frozen=True, slots=True)
class SuiteSettings:
    """A suite without its cases. `scorers` are names with their options, `thresholds` mappings with `require` and, if
    they are about a part of the items, `variant`, `model` or `tag`."""

    template: str = ""
    models: tuple[str, ...] = ()
    description: str = ""
    scorers: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    thresholds: tuple[Mapping[str, str], ...] = ()
    repeats: int = 1


def suite_settings(workspace: Workspace, path: str) -> SuiteSettings:
    """The settings of the suite at `path`, as its file has them."""
    suite = suite_file.load_suite(workspace, path)
    data = _plain(parse_yaml(suite.source, shown=suite.path, error=SuiteError))
    return SuiteSettings(
        template=data.get("template") or "",
        models=suite.models,
        description=suite.description,
        scorers=tuple((spec.name, spec.values) for spec in suite.scorers),
        thresholds=tuple(_as_mapping(one) for one in data.get("thresholds") or ()),
        repeats=suite.repeats,
    )


def threshold_problem(threshold: Mapping[str, str]) -> str:
    """What is wrong with the sentence of a threshold; "" if nothing is."""
    try:
        parse_threshold(threshold["require"])
    except ValueError as exc:
        return str(exc)
    return ""


def plan_settings(workspace: Workspace, path: str, settings: SuiteSettings) -> SuiteChange:
    """The change that gives the suite at `path` these settings. Its template and its cases stay."""
    suite = suite_file.load_suite(workspace, path)
    before = content_of(workspace, suite.path)
    text = text_of(before, suite.path)
    file = parse_yaml(text, shown=suite.path, error=SuiteError)
    new = _changed(file, settings)
    try:
        after = edit_yaml(text, file.data, new, in_place=True)
    except CannotSplice as exc:
        what = f"the settings cannot be changed in place: {exc}"
        raise SuiteError(what, file=suite.path, hint="change them in the file by hand") from exc
    checked(workspace, suite.path, {suite.path: after})
    what = f"Change the settings of {suite.name}"
    return SuiteChange(suite.path, what, (FileChange(suite.path, before, after.encode("utf-8")),))


def _changed(file: YamlFile, settings: SuiteSettings) -> dict[str, Any]:
    """The data of the file with the settings; what stays is the same object as before."""
    old, plain = dict(file.data), _plain(file)
    new = dict(old)
    wanted = _as_data(settings)
    wanted.pop("template", None)
    now: dict[str, Any] = {
        "description": plain.get("description") or "",
        "models": plain.get("models") or [],
        "scorers": plain.get("scorers") or [],
        "thresholds": plain.get("thresholds") or [],
        "repeats": plain.get("repeats") or 1,
    }
    for key, value in now.items():
        given = wanted.get(key, _IF_NOT_SET.get(key, []))
        if key in _SHAPES:
            given = _kept(given, value, old.get(key) or [], _SHAPES[key])
        if given is None or given == value:
            continue
        if given or key in old:
            _insert(new, key, given)
    return new


def _kept(given: Any, plain: Any, raw: Any, shape: Any) -> list[Any] | None:
    """`given`, with the entries of the file that say the same in their own words; None if nothing differs."""
    left = list(zip([shape(one) for one in plain], raw, strict=True))
    entries: list[Any] = []
    for one in given:
        known = next((pair for pair in left if pair[0] == shape(one)), None)
        if known:
            left.remove(known)
        entries.append(known[1] if known else one)
    same = len(entries) == len(raw) and all(a is b for a, b in zip(entries, raw, strict=True))
    return None if same else entries


def _spec_shape(written: Any) -> tuple[str, Any]:
    if isinstance(written, str):
        return written, {}
    ((name, options),) = written.items()
    return name, dict(options or {})


def _as_mapping(written: Any) -> dict[str, str]:
    if isinstance(written, str):
        return {"require": written}
    return {key: value for key, value in written.items() if value is not None}


_SHAPES: Mapping[str, Any] = {"scorers": _spec_shape, "thresholds": _as_mapping}
_IF_NOT_SET: Mapping[str, Any] = {"description": "", "repeats": 1}


def _insert(data: dict[str, Any], key: str, value: Any) -> None:
    """Put `value` under `key`; a new key comes before the first key that the format lists after it."""
    if key in data:
        data[key] = value
        return
    later = _ORDER[_ORDER.index(key) + 1 :]
    items = list(data.items())
    place = next((number for number, (name, _) in enumerate(items) if name in later), len(items))
    data.clear()
    data.update([*items[:place], (key, value), *items[place:]])


def _as_data(settings: SuiteSettings) -> dict[str, Any]:
    data: dict[str, Any] = {"description": settings.description} if settings.description else {}
    data |= {"template": settings.template, "models": list(settings.models)}
    if settings.repeats != 1:
        data["repeats"] = settings.repeats
    if settings.scorers:
        data["scorers"] = [{name: dict(options)} if options else name for name, options in settings.scorers]
    if settings.thresholds:
        data["thresholds"] = [dict(one) if set(one) - {"require"} else one["require"] for one in settings.thresholds]
    return data


def plan_new_suite(
    workspace: Workspace, name: str, settings: SuiteSettings, *, upload: tuple[str, bytes] | None = None
) -> tuple[SuiteChange, list[Case]]:
    """The change that writes a new suite, and its cases: those of the uploaded file, if there is one."""
    path = new_suite_path(workspace, name)
    if not settings.template:
        raise SuiteError("choose a template", file=path, field="template")
    if not settings.models:
        raise SuiteError("choose at least one model", file=path, field="models")
    data = _as_data(settings)
    files, texts, cases_file = [], {}, ""
    if upload:
        cases_file = new_case_file(workspace, path, upload[0])
        texts[cases_file] = upload_text(upload[0], cases_file, upload[1])
        files = [FileChange(cases_file, None, upload[1])]
    text = texts[path] = dump_yaml({**data, "cases": [{"file": cases_file}] if upload else []})
    suite, cases = checked(workspace, path, texts)
    if upload:
        check_upload(suite, cases, upload[0])
    change = SuiteChange(path, f"Make the suite {suite.name}", (FileChange(path, None, text.encode("utf-8")), *files))
    return change, cases


def uploaded_cases(workspace: Workspace, template: str, upload: tuple[str, bytes]) -> list[Case]:
    """The cases of an uploaded file, to look at before a suite is made. Raises `SuiteError` at a row that is wrong."""
    _, cases = plan_new_suite(workspace, "preview-of-an-upload", SuiteSettings(template, ("any",)), upload=upload)
    return cases


def new_suite_path(workspace: Workspace, name: str) -> str:
    """The path of a new suite called `name`. Raises `SuiteError` if the name cannot be one, or is taken."""
    if not re.fullmatch(r"[^\W_][\w.-]*", name) or name.endswith((".yaml", ".yml")):
        hint = "use letters, digits, dots and hyphens, such as world-cup"
        raise SuiteError(
            f"`{name}` cannot be the name of a suite" if name else "give it a name", field="name", hint=hint
        )
    path = f"{FOLDER}/{name}.yaml"
    for taken in (path, f"{FOLDER}/{name}.yml"):
        if file_stamp(workspace.resolve(taken)) is not None:
            raise SuiteError(f"there is a suite `{name}` already", field="name", hint="choose another name")
    return path


def _plain(file: YamlFile) -> dict[str, Any]:
    data: dict[str, Any] = PlainData(file, SuiteError, "a suite").convert(file.data, ())
    return data
