"""Will it fit: the memory of any model, as bars against graphics cards and this machine, and its size by file type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from promptlab import sizing
from promptlab.errors import PromptlabError
from promptlab.models import KV_TYPES
from promptlab.sizing import Asked, Fit, Sizing, TrainingMemory
from promptlab.ui.components import frame
from promptlab.ui.components.widgets import escape, markup, note, small
from promptlab.ui.state.session import Session

_SHOWN, _ASKED = "fit-shown", "fit-asked"
AS_IT_IS = "as it is"
NO_TRAINING = "none"
WAYS = {NO_TRAINING: NO_TRAINING, "lora": "LoRA", "qlora": "QLoRA", "full": "all weights"}
ROW = 38
MORE = 1.15
"""How far the axis reaches beyond what is drawn. A card of many times the size only shows that there is room."""
PARTS = ("weights", "KV cache", "computing", "other")
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#97a3b4")


def draw(session: Session) -> None:
    """Draw the form, and the last answer below it."""
    with st.expander("Will it fit?", icon=":material/memory:", key="fit"):
        st.fragment(frame.guarded(_form))(session)


def _form(session: Session) -> None:
    small("Any model, also one that is not here: nothing is loaded, and of an address only the head is read.")
    local = [name for name, entry in session.workspace.models.items() if entry.backend == "llama"]
    with st.form("fit-form", border=False):
        st.text_input(
            "Model, file, address or name",
            value=local[0] if local else "Llama-3.1-8B",
            key="fit-target",
            help="A model of this page, the path or address of a GGUF file, a config.json, or a name such as "
            "Llama-2-70b",
        )
        columns = st.columns(4)
        columns[0].number_input(
            "Context, tokens", min_value=1, max_value=1 << 28, value=None, key="fit-context", placeholder="usual"
        )
        columns[1].number_input("Texts at a time", 1, 256, 1, key="fit-parallel")
        columns[2].selectbox("KV cache in", KV_TYPES, index=KV_TYPES.index("f16"), key="fit-kv")
        columns[3].selectbox("File type", [AS_IT_IS, *(each.name for each in sizing.FILE_TYPES)], key="fit-quant")
        st.multiselect("Graphics cards", list(sizing.devices()), default=list(sizing.USUAL_CARDS), key="fit-cards")
        columns = st.columns([1, 2], vertical_alignment="bottom")
        columns[0].selectbox("Training", list(WAYS), format_func=WAYS.__getitem__, key="fit-train")
        columns[1].checkbox("Sliding windows only", key="fit-short", help="Layers with a sliding window keep no more")
        st.form_submit_button("Will it fit?", type="primary", key="fit-go", on_click=_ask)
    if _ASKED in st.session_state:
        _answer(session, *st.session_state[_ASKED])
    elif _SHOWN in st.session_state:
        _show(st.session_state[_SHOWN])


def _ask() -> None:
    """Keep what is asked until it is answered: another part of the page may draw it anew meanwhile."""
    state = st.session_state
    asked = Asked(
        None if state["fit-context"] is None else int(state["fit-context"]),
        int(state["fit-parallel"]),
        state["fit-kv"],
        None if state["fit-quant"] == AS_IT_IS else state["fit-quant"],
        tuple(state["fit-cards"]),
        None if state["fit-train"] == NO_TRAINING else state["fit-train"],
        not state["fit-short"],
    )
    state[_ASKED] = state["fit-target"].strip(), asked
    state.pop(_SHOWN, None)  # the answer to another question must not stay below an error


def _answer(session: Session, target: str, asked: Asked) -> None:
    if not target:
        del st.session_state[_ASKED]
        note("warn", "Name a model", "A model of this page, a file, an address, or a name such as Llama-2-70b.")
        return
    kept = session.catalogue.measured(target) if target in session.catalogue.names() else None
    with st.spinner("Laying it out, which takes some seconds"):
        try:
            answer = sizing.size(target, session.catalogue, asked=asked, measured=kept.writing if kept else None)
        except PromptlabError:
            del st.session_state[_ASKED]
            raise
    st.session_state[_SHOWN] = answer
    del st.session_state[_ASKED]
    _show(answer)


def _show(answer: Sizing) -> None:
    wanted, need = answer.wanted, answer.need
    texts = "one text" if wanted.parallel == 1 else f"each of {wanted.parallel} texts"
    kind = f" at {escape(answer.file_type)}" if answer.file_type else ""
    markup(
        f'<div class="pl-part">{escape(answer.title)}{kind} takes {sizing.gigabytes(need.total)}</div>'
        f'<div class="pl-small">{answer.parameters:,} parameters in {answer.layers} layers; a context of '
        f"{wanted.context:,} tokens for {texts}, KV cache in {escape(wanted.kv_type)}; by {escape(answer.by)}. "
        "GB are 10<sup>9</sup> bytes.</div>"
    )
    for line in answer.notes:
        note("info", line[:1].upper() + line[1:])
    places = [*answer.here, *answer.fits]
    st.altair_chart(_chart(answer, places), width="stretch", key="fit-chart")
    small(
        "A bar is what the model takes. The red mark is the size of one card, or the memory that is free; where there "
        "is none, there is far more room. Other is the driver of a card, or vocabulary and libraries."
    )
    _titled("Memory by part", _parts_table(answer))
    _titled("Where it fits, with the longest context and the largest file type on one card", _fits_table(places))
    with st.expander("File types", key="fit-types"):
        markup(_types_table(answer))
    read = sizing.gigabytes(answer.speeds[0].read)
    _titled(
        f"Speed of writing: a token of a full context reads {read} of weights and KV cache, so memory bandwidth bounds "
        "it; reading a prompt is bound by computing",
        _speed_table(answer),
    )
    for training in answer.training:
        table = _table("Memory of training", ("Part", "Memory"), _training_rows(training), (1,))
        _titled(f"{sizing.training_title(training)}, estimated: {sizing.training_fits(answer, training)}", table)


def _titled(title: str, table: str) -> None:
    markup(f'<div class="pl-role">{escape(title)}</div>{table}')


def _chart(answer: Sizing, places: Sequence[Fit]) -> Any:
    import altair as alt  # heavy, and only an answer needs it

    need = answer.need
    rows: list[dict[str, object]] = []
    marks: list[dict[str, object]] = []
    longest = max(fit.needs for fit in places) if places else need.total
    for fit in places:
        computing = need.compute + need.output
        parts = (need.weights + (0 if fit.on_card else need.repacked) + need.adapters, need.cache, computing)
        rest = sizing.DRIVER if fit.on_card else max(0, fit.needs - sum(parts))
        for order, (part, count) in enumerate(zip(PARTS, (*parts, rest), strict=True)):
            words = f"{part}: {sizing.gigabytes(count)}"
            rows.append({"place": fit.name, "part": part, "order": order, "gb": count / 1e9, "words": words})
        if fit.each <= MORE * longest * 4:
            marks.append({"place": fit.name, "gb": fit.each / 1e9, "words": f"room: {sizing.gigabytes(fit.each)}"})
    names = [fit.name for fit in places]
    y = alt.Y("place:N", sort=names, title=None, axis=alt.Axis(labelLimit=230))
    bars = (
        alt.Chart(alt.InlineData(rows))
        .mark_bar(size=16)
        .encode(
            y=y,
            x=alt.X("gb:Q", title="GB", stack="zero"),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=list(PARTS), range=list(COLOURS)),
                legend=alt.Legend(orient="top", columns=2),
            ),
            order="order:Q",
            tooltip=["place:N", "words:N"],
        )
    )
    ticks = (
        alt.Chart(alt.InlineData(marks))
        .mark_tick(thickness=4, size=26, color="#d12f2f")
        .encode(y=y, x="gb:Q", tooltip=["place:N", "words:N"])
    )
    words = "; ".join(f"{fit.name}: {sizing.fit_words(fit)}" for fit in places)
    return (bars + ticks if marks else alt.layer(bars)).properties(
        height=alt.Step(ROW), description=f"Memory against room. {words}"
    )


def _table(label: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    """A table of plain texts; the columns at `numbers` are right-aligned."""

    def cells(row: Sequence[str], tag: str) -> str:
        marks = (' class="pl-n"' if at in numbers else "" for at in range(len(row)))
        return "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(row, marks, strict=True))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    table = f'<table class="pl-table" aria-label="{escape(label)}"><tr>{cells(head, "th")}</tr>{body}</table>'
    return f'<div class="pl-wide">{table}</div>'


def _parts_table(answer: Sizing) -> str:
    formula = dict(sizing.parts_of_need(answer.formula)) if answer.formula and answer.by == "llama.cpp" else {}
    rows = [
        (
            name,
            sizing.gigabytes(count),
            sizing.gibibytes(count),
            sizing.gigabytes(formula[name]) if name in formula else "",
        )
        for name, count in sizing.parts_of_need(answer.need)
    ]
    whole = answer.need.total
    reckoned = sizing.gigabytes(answer.formula.total) if formula and answer.formula else ""
    rows.append(("total", sizing.gigabytes(whole), sizing.gibibytes(whole), reckoned))
    return _table("Memory by part", ("Part", "GB", "GiB", "By formula"), rows, (1, 2, 3))


def _fits_table(places: Sequence[Fit]) -> str:
    rows = [
        (
            fit.name,
            sizing.gigabytes(fit.each),
            sizing.fit_words(fit),
            f"{fit.largest_context:,}" if fit.largest_context else "none",
            fit.largest_type or "none",
        )
        for fit in places
    ]
    head = ("Where", "Room", "Does it fit?", "Longest context", "Largest file type")
    return _table("Where it fits", head, rows, (1, 3))


def _types_table(answer: Sizing) -> str:
    rows = [
        (
            each.name,
            ("" if each.exact else "about ") + sizing.gigabytes(each.bytes),
            f"{each.bits:.2f}",
            "needs an importance matrix" if each.matrix else "",
        )
        for each in answer.types
    ]
    return _table("Weights by file type", ("File type", "Weights", "Bits a parameter", ""), rows, (1, 2))


def _speed_table(answer: Sizing) -> str:
    rows = [
        (
            speed.device,
            sizing.speed_words(speed),
            f"{speed.measured:,.1f} tokens/s" if speed.measured is not None else ("not yet" if own else ""),
            speed.bound if speed.count else "",
        )
        for speed, own in ((speed, answer.kind == "model" and at == 0) for at, speed in enumerate(answer.speeds))
    ]
    return _table("Speed of writing", ("Writing on", "At most", "Measured", "Bound by"), rows, (1, 2))


def _training_rows(training: TrainingMemory) -> list[tuple[str, str]]:
    return [(name, sizing.gigabytes(count)) for name, count in sizing.parts_of_training(training)]
