"""The fields for scorers and thresholds of a suite. Each option has a field of its kind, with its error below it."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableSequence, Sequence
from typing import Any

import streamlit as st

from promptlab import scorers, suites
from promptlab.scorers import ScorerOption
from promptlab.ui.components.widgets import note, plain, small

Scorer = tuple[str, Mapping[str, Any]]
Threshold = Mapping[str, str]
BAD = object()
"""What a person typed is no value of the kind of the option."""
ALL = ""


def scorer_fields(key: str, given: Sequence[Scorer]) -> tuple[Scorer, ...] | None:
    """The scorers as filled in, beginning with `given`; None while one of them is wrong."""
    rows = _rows(f"{key}-scorers", [(name, dict(options)) for name, options in given])
    st.markdown("**Scorers**: how an answer is judged. It passes if it passes all of them.")
    filled: list[Scorer] = []
    wrong = False
    for row in list(rows):
        number, (name, options) = row
        with st.container(key=f"scorer-box-{key}-{number}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"**{plain(name)}** {plain(scorers.scorer_summary(name))}", width="stretch")
                _remove(rows, row, f"the scorer {name}", key=f"{key}-scorer-{number}-remove")
            values = _options(f"{key}-scorer-{number}", name, options)
        wrong = wrong or values is None
        filled.append((name, values or {}))
    if not rows:
        small("No scorer yet: answers are recorded and compared, but none passes or fails.")
    st.selectbox(
        "Add a scorer",
        scorers.scorer_names(),
        index=None,
        placeholder="choose one",
        key=f"{key}-scorer-add",
        on_change=_add,
        args=(rows, f"{key}-scorer-add", "scorer"),
        width=320,
    )
    return None if wrong else tuple(filled)


def _options(key: str, name: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options of one scorer as filled in; None if one is wrong."""
    values: dict[str, Any] = {}
    bad: dict[str, str] = {}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        for option in scorers.scorer_options(name):
            value = _option(f"{key}-{option.name}", option, given.get(option.name))
            if value is BAD:
                bad[option.name] = f"`{option.name}` is {_kind_words(option)}"
            elif value is not None:
                values[option.name] = value
    problems = bad or scorers.option_problems(name, values)
    for problem in problems.values():
        note("bad", problem.replace("`", "'"))
    return None if problems else values


def _kind_words(option: ScorerOption) -> str:
    return {"number": "a number", "whole number": "a whole number", "object": "JSON in braces"}.get(
        option.kind, "a text"
    )


def _option(key: str, option: ScorerOption, given: Any) -> Any:
    """The value of an option; None if it is left at its default."""
    label = option.name.replace("_", " ") + (" (needed)" if option.required else "")
    usual = "" if option.default in (None, "") else f"{option.default:g}" if _is_number(option.default) else ""
    if option.kind == "yes or no":
        value = st.checkbox(label, value=bool(option.default if given is None else given), key=key)
        return None if value == option.default and given is None else value
    if option.kind == "choice":
        chosen = st.selectbox(label, option.choices, index=option.choices.index(given or option.default), key=key)
        return None if chosen == option.default and given is None else chosen
    if option.kind in ("texts", "object"):
        lines = option.kind == "texts"
        start = "" if given is None else "\n".join(given) if lines else json.dumps(given, ensure_ascii=False)
        text = st.text_area(f"{label}, {'one on each line' if lines else 'as JSON'}", start, height=80, key=key)
        if not text.strip():
            return None
        return [line.strip() for line in text.splitlines() if line.strip()] if lines else _json(text)
    start = "" if given is None else f"{given:g}" if _is_number(given) else str(given)
    text = st.text_input(label, start, key=key, placeholder=usual, width=180)
    if not text.strip():
        return None
    return text if option.kind == "text" else _number(text, whole=option.kind == "whole number")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return BAD
    return value if isinstance(value, dict) else BAD


def _number(text: str, *, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return BAD


def threshold_fields(key: str, given: Sequence[Threshold], models: Sequence[str], variants: Sequence[str]) -> Any:
    """The thresholds as filled in, beginning with `given`; None while one of them is wrong."""
    rows = _rows(f"{key}-thresholds", list(given))
    st.markdown("**Thresholds**: what the suite must reach. Without any, a run fails if an item got worse or fails.")
    filled: list[dict[str, str]] = []
    wrong = False
    for row in list(rows):
        number, threshold = row
        name = f"{key}-threshold-{number}"
        with st.container(key=f"threshold-box-{key}-{number}", gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
                require = st.text_input(
                    "Must be reached", threshold.get("require", ""), key=f"{name}-require", width=380
                )
                values = {"require": require.strip()}
                for part, names in (("model", models), ("variant", variants)):
                    if len(names) > 1 or threshold.get(part):
                        values[part] = _part(name, part, names, threshold.get(part, ALL))
                if threshold.get("tag"):
                    values["tag"] = st.text_input(
                        "Only the tag", threshold["tag"], key=f"{name}-tag", width=140
                    ).strip()
                _remove(rows, row, "this threshold", key=f"{name}-remove")
            if problem := suites.threshold_problem(values):
                note("bad", problem.replace("`", "'"))
                wrong = True
        filled.append({part: value for part, value in values.items() if value})
    st.selectbox(
        "Add a threshold",
        suites.FORMS,
        index=None,
        placeholder="choose a form, then change its numbers",
        key=f"{key}-threshold-add",
        on_change=_add,
        args=(rows, f"{key}-threshold-add", "threshold"),
        width=420,
    )
    return None if wrong else tuple(filled)


def _part(name: str, part: str, names: Sequence[str], given: str) -> str:
    choices = list(dict.fromkeys([ALL, *names, *([given] if given else [])]))
    return str(
        st.selectbox(
            f"Only the {part}",
            choices,
            index=choices.index(given),
            key=f"{name}-{part}",
            format_func=lambda choice: choice or f"all {part}s",
            width=200,
        )
    )


# The rows of a list that a person adds to and removes from. Each keeps its number, so that its fields keep their keys.


def _rows(key: str, given: list[Any]) -> MutableSequence[tuple[int, Any]]:
    rows: MutableSequence[tuple[int, Any]] = st.session_state.setdefault(key, list(enumerate(given)))
    return rows


def _add(rows: MutableSequence[tuple[int, Any]], key: str, kind: str) -> None:
    chosen = st.session_state[key]
    if chosen:
        number = max((number for number, _ in rows), default=-1) + 1
        rows.append((number, (chosen, {}) if kind == "scorer" else {"require": chosen}))
    st.session_state[key] = None


def _remove(rows: MutableSequence[tuple[int, Any]], row: tuple[int, Any], what: str, *, key: str) -> None:
    st.button(
        "Remove",
        icon=":material/close:",
        type="tertiary",
        key=key,
        help=f"Remove {what}.",
        on_click=rows.remove,
        args=(row,),
    )


def forget(key: str) -> None:
    """Forget what was filled in under `key`."""
    for name in [str(name) for name in st.session_state if str(name).startswith(f"{key}-")]:
        st.session_state.pop(name, None)
