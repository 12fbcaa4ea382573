"""The columns of the workbench: each a model with its own parameters and, if wanted, a version of the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from promptlab import runs
from promptlab.types import Params
from promptlab.ui.components import parameters
from promptlab.ui.components.bound_fields import Field, Fields
from promptlab.ui.components.widgets import note, option, plain, small
from promptlab.ui.state.drafts import MOST_COLUMNS, ColumnChoice, Draft
from promptlab.ui.state.session import Session
from promptlab.ui.workbench import template_versions
from promptlab.ui.workbench.request import Bench, BenchColumn

TEMPERATURES = (0.0, 0.7, 1.0)
NUMBERS = ("temperature", "max_tokens", "seed", "top_p", "top_k", "min_p")
"""The parameters that a column can have of its own; the others are the prompt's."""

_Change = Callable[[list[ColumnChoice]], list[ColumnChoice]]


def fields(draft: Draft, ready: Sequence[str]) -> list[Field]:
    """The fields of every column, and of what is asked in all of them."""
    own: list[Field] = [
        Field("repeats", min(max(draft.repeats, 1), runs.MOST_DRAWS), lambda _, value: {"repeats": int(value)}),
        Field("fresh", draft.fresh, lambda _, value: {"fresh": value}),
    ]
    for number, choice in enumerate(draft.columns_for(ready)):
        own.append(_field(number, "model", choice.model, ready, lambda _, new: {"model": new}))
        own.append(_field(number, "version", choice.version, ready, lambda _, new: {"version": new}))
        own += [_field(number, name, choice.params.get(name), ready, _setter(name)) for name in NUMBERS]
    return own


def _setter(name: str) -> Callable[[ColumnChoice, Any], dict[str, Any]]:
    def change(column: ColumnChoice, value: Any) -> dict[str, Any]:
        others = {key: own for key, own in column.params.items() if key != name}
        return {"params": others if value is None else {**others, name: value}}

    return change


def _field(
    number: int, name: str, value: Any, ready: Sequence[str], change: Callable[[ColumnChoice, Any], dict[str, Any]]
) -> Field:
    def settings(current: Draft, new: Any) -> dict[str, Any]:
        chosen = list(current.columns_for(ready))
        if number < len(chosen):  # another tab may have removed it
            chosen[number] = chosen[number].model_copy(update=change(chosen[number], new))
        return {"columns": _as_data(chosen)}

    return Field(f"column-{number}-{name}", value, settings)


def _as_data(columns: Sequence[ColumnChoice]) -> list[dict[str, Any]]:
    return [column.model_dump() for column in columns]


def draw(session: Session, now: Bench, fields: Fields) -> None:
    """The columns side by side, each with its pencil, and the buttons that add and compare."""
    for number, column in enumerate(now.columns):
        box = st.popover(
            _label(column), icon=":material/edit:", key=f"column-{number}-{now.file.name}", on_change="rerun"
        )
        if box.open:
            with box:
                _edit(session, now, fields, number, column)
        else:
            fields.gone(*(f"column-{number}-{name}" for name in ("model", "version", *NUMBERS)))
    full = len(now.columns) >= MOST_COLUMNS
    st.button(
        "Column",
        icon=":material/add:",
        key="column-add",
        disabled=full or not now.ready,
        help=f"At most {MOST_COLUMNS} columns stand side by side." if full else "Add a column to compare with.",
        on_click=_change,
        args=(session, now, _with_another(now)),
    )


def problems(now: Bench) -> None:
    """What cannot be asked, how much is asked, and what is asked only once."""
    for number, column in enumerate(now.columns, 1):
        if column.problem is not None:
            title = f"Column {number}, {_label(column, escaped=False)}, cannot be asked"
            note("bad", title, str(column.problem.args[0]), column.problem.hint)
    words = []
    if now.requests > len(now.asked) and not now.blocked:  # else each column is asked once, as it looks
        words.append(f"Run asks {now.requests:,} times.")
    if len(now.asked) < sum(column.column is not None for column in now.columns):
        words.append("Columns that ask the same are asked once.")
    if now.repeats > 1 and any(runs.is_answer_reusable(column.params) for column in now.asked):
        words.append(
            f"At temperature 0, or with a seed, {now.repeats} answers would be the same: such a column is asked once."
        )
    if words:
        small(" ".join(words))


def _label(column: BenchColumn, *, escaped: bool = True) -> str:
    what = column.column.heading if column.column else template_versions.name_of(column.choice.version)
    label = f"{column.choice.model} · {what}" if what else column.choice.model
    return plain(label) if escaped else label


def _edit(session: Session, now: Bench, fields: Fields, number: int, column: BenchColumn) -> None:
    choice = column.choice
    models = list(dict.fromkeys([*now.ready, choice.model]))
    st.selectbox("Model", models, format_func=option, **fields.appearing(f"column-{number}-model"))
    offered = template_versions.choices(session, now.file.path)
    offered = {**offered, choice.version: offered.get(choice.version, template_versions.name_of(choice.version))}
    st.selectbox(
        "Version of the prompt",
        list(offered),
        format_func=lambda version: option(offered[version] if version in offered else str(version)),
        **fields.appearing(f"column-{number}-version"),
    )
    base = column.column.template.params if column.column else now.params
    small("Parameters of this column; an empty field takes the prompt’s.")
    left, right = st.columns(2)
    for position, name in enumerate(NUMBERS):
        with (left, right)[position % 2]:
            parameters.own_number(fields, name, f"column-{number}-{name}", getattr(base, name))
    st.button(
        "Remove this column",
        icon=":material/delete:",
        key=f"column-remove-{number}",
        disabled=len(now.columns) < 2,
        on_click=_change,
        args=(session, now, _without(number)),
    )


def more(session: Session, now: Bench, fields: Fields) -> None:
    """The menu beside the columns: comparisons that are set up in one press, and whether answers may be used again."""
    with st.popover("Compare", icon=":material/compare_arrows:", key="bench-compare"):
        edited = now.opened.disk is not None and now.opened.text != now.opened.disk
        st.button(
            "This draft with the saved version",
            key="compare-saved",
            width="stretch",
            disabled=not edited or not now.ready,
            help=None if edited else "The draft and the saved version are the same.",
            on_click=_change,
            args=(session, now, _with_saved(now)),
        )
        st.button(
            "This prompt at three temperatures",
            key="compare-temperatures",
            width="stretch",
            disabled=not now.ready,
            help=f"The temperatures {', '.join(f'{t:g}' for t in TEMPERATURES)}, with the model of the first column.",
            on_click=_change,
            args=(session, now, _at_temperatures(now)),
        )
        st.button(
            "One column for each model",
            key="compare-models",
            width="stretch",
            disabled=not now.ready,
            on_click=_change,
            args=(session, now, lambda _: [ColumnChoice(model=name) for name in now.ready[:MOST_COLUMNS]]),
        )
        st.checkbox(
            "Ask again even if it was answered before",
            help="Otherwise an answer from the history is used where a new one would be the same: at temperature 0, "
            "or with a seed. At other temperatures Run always asks again.",
            **fields.bind("fresh"),
        )


def _change(session: Session, now: Bench, change: _Change) -> None:
    path = now.file.path
    chosen = list(session.drafts.load(path).columns_for(now.ready))
    session.drafts.change(path, columns=_as_data(change(chosen)[:MOST_COLUMNS]))


def _without(number: int) -> _Change:
    return lambda chosen: chosen[:number] + chosen[number + 1 :]


def _with_another(now: Bench) -> _Change:
    """Adds a model that no column has; if there is none, the last column again at another temperature."""

    def add(chosen: list[ColumnChoice]) -> list[ColumnChoice]:
        used = {column.model for column in chosen}
        unused = next((name for name in now.ready if name not in used), None)
        if unused is not None or not chosen:
            return [*chosen, ColumnChoice(model=unused or now.ready[0])]
        last = chosen[-1]
        taken = [_temperature(column, now.params) for column in chosen if column.model == last.model]
        other = next((t for t in (*TEMPERATURES, 1.3, 0.3) if t not in taken), 0.5)
        return [*chosen, last.model_copy(update={"params": {**last.params, "temperature": other}})]

    return add


def _temperature(column: ColumnChoice, params: Params) -> float:
    return float(column.params.get("temperature", params.temperature))


def _first(chosen: Sequence[ColumnChoice], now: Bench) -> ColumnChoice:
    return next((column for column in chosen if column.model in now.ready), ColumnChoice(model=now.ready[0]))


def _with_saved(now: Bench) -> _Change:
    def pair(chosen: list[ColumnChoice]) -> list[ColumnChoice]:
        drafts = [column for column in chosen if not column.version and column.model in now.ready][:2]
        drafts = drafts or [_first(chosen, now).model_copy(update={"version": template_versions.DRAFT})]
        saved = template_versions.FILE
        return [each for column in drafts for each in (column, column.model_copy(update={"version": saved}))]

    return pair


def _at_temperatures(now: Bench) -> _Change:
    def spread(chosen: list[ColumnChoice]) -> list[ColumnChoice]:
        first = _first(chosen, now)
        own: Mapping[str, Any] = {name: value for name, value in first.params.items() if name != "temperature"}
        return [first.model_copy(update={"params": {**own, "temperature": t}}) for t in TEMPERATURES]

    return spread


__all__ = ["draw", "fields", "more", "problems"]
