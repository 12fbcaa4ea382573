"""The dialog for one example: add, edit or delete it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import streamlit as st

from promptlab import examples
from promptlab._util.rows import kind_of
from promptlab.errors import InputError, PromptlabError
from promptlab.types import LABELS, Example, Label
from promptlab.ui.components import frame, widgets
from promptlab.ui.components.widgets import note, plain, small
from promptlab.ui.state.session import Session
from promptlab.workspace import is_lower

DONE = "examples-done"
"""The key in the session state of a message to show once the dialog is closed."""
_OPEN = "example-open"
MOST_TAGS = 500


@dataclass
class _Form:
    """The state of the dialog. `was` is the example before the edit; `turn` gives each opening widgets of its own."""

    path: str
    names: tuple[str, ...]
    was: Example | None
    turn: int
    error: tuple[str, str] | None = None
    sure: bool = False
    done: bool = False

    def key(self, name: str) -> str:
        return f"form-{name}-{self.turn}"


def open_form(path: str, names: tuple[str, ...], was: Example | None) -> None:
    """Open the dialog for the example `was` of the pool `path`, or for a new one with the inputs `names`."""
    turn = st.session_state["example-turn"] = st.session_state.get("example-turn", 0) + 1
    st.session_state[_OPEN] = _Form(path, names, was, turn)


def draw(session: Session) -> None:
    """Draw the dialog if it is open."""
    form: _Form | None = st.session_state.get(_OPEN)
    if form is None:
        return
    title = "Add an example" if form.was is None else f"Example {plain(form.was.id)}"
    st.dialog(title, width="medium", on_dismiss=_close)(frame.guarded(_draw))(session, form)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _draw(session: Session, form: _Form) -> None:
    if form.done or st.session_state.get(_OPEN) is not form:
        _close()
        st.rerun()
        return
    if form.error:
        note("bad", *form.error)
    fixed = kind_of(form.path) == "yaml"
    _fields(session, form, fixed=fixed)
    if fixed:
        small("A YAML pool can only be changed in an editor. Convert it to JSONL to edit it here.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _buttons(session, form)


def _fields(session: Session, form: _Form, *, fixed: bool) -> None:
    """The fields of the example. If the pool is `fixed`, they only show it."""
    was = form.was
    if not form.names and was is None:
        st.text_input(
            "Input names",
            value="question",
            key=form.key("names"),
            help="The names of the template's inputs, separated by commas.",
        )
    for number, name in enumerate(_names(form)):
        value = was.inputs.get(name, "") if was else ""
        st.text_area(
            plain(name), value=widgets.shown(value), key=form.key(f"input-{number}"), height="content", disabled=fixed
        )
    output = was.output if was else ""
    st.text_area(
        "Output", value=widgets.shown(output), key=form.key("output"), height="content", disabled=fixed,
        help="The answer that the model should write.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        tags_field(session, form.path, was.tags if was else (), key=form.key("tags"), disabled=fixed)
        label_field(session.workspace.label_of(form.path), was.label if was else None, key=form.key("label"))
    if was is not None and is_lower(was.label, st.session_state[form.key("label")]):
        st.text_input("Why may more models read it?", key=form.key("why"), placeholder="it is published")
        small("The reason is written to the ledger with your name.")
    st.text_input(
        "Id", value=widgets.shown(was.id) if was else "", key=form.key("id"), disabled=fixed,
        placeholder="made from the inputs", help="Must be unique in the pool.",
    )  # fmt: skip


def _buttons(session: Session, form: _Form) -> None:
    st.button(
        "Add" if form.was is None else "Save changes", type="primary", key="example-save",
        on_click=_do, args=(_save, session, form),
    )  # fmt: skip
    if form.was is not None and not form.sure:
        st.button("Delete", icon=":material/delete:", key="example-delete", on_click=_confirm, args=(form, True))
    elif form.was is not None:
        st.button(
            "Delete permanently", icon=":material/delete:", key="example-delete-sure",
            on_click=_do, args=(_delete, session, form),
        )  # fmt: skip
        st.button("Do not delete", type="tertiary", key="example-delete-not", on_click=_confirm, args=(form, False))


def _names(form: _Form) -> tuple[str, ...]:
    if form.was:
        return tuple(dict.fromkeys((*form.was.inputs, *form.names)))
    if form.names:
        return form.names
    typed = str(st.session_state.get(form.key("names"), "question"))
    return tuple(dict.fromkeys(name.strip() for name in typed.split(",") if name.strip()))


def tags_field(session: Session, path: str, tags: tuple[str, ...], *, key: str, disabled: bool = False) -> None:
    """A field for tags: offers those of the pool and takes new ones."""
    known: tuple[str, ...] = ()
    if session.workspace.resolve(path).exists():
        known = tuple(examples.facts_of_pool(examples.read_pool(session.workspace, path)).tags)[:MOST_TAGS]
    st.multiselect(
        "Tags",
        list(dict.fromkeys((*tags, *known))),
        default=list(tags),
        key=key,
        accept_new_options=True,
        placeholder="none",
        format_func=widgets.shown,
        disabled=disabled,
    )


def label_field(least: Label, label: Label | None, *, key: str) -> None:
    """A field for the label of an example, which cannot be lower than `least`."""
    offered = LABELS[LABELS.index(least) :]
    st.selectbox(
        "Label",
        offered,
        index=offered.index(label) if label in offered else 0,
        key=key,
        width=180,
        disabled=len(offered) == 1,
        help=f"At least {least}." if least != "public" else "Decides which models may read it; see the page Models.",
    )


def _do(action: Callable[[Session, _Form], str], session: Session, form: _Form) -> None:
    try:
        message = action(session, form)
    except PromptlabError as exc:
        form.error = problem_lines(exc)
        return
    form.done = True
    st.session_state[DONE] = message


def problem_lines(exc: PromptlabError) -> tuple[str, str]:
    """The problem and the hint as sentences, without the file name, because the page shows that file."""
    return sentence(exc.what if isinstance(exc, InputError) else exc.message), sentence(exc.hint)


def sentence(text: str) -> str:
    """`text` with a capital letter at the beginning and a full stop at the end."""
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".?!" else f"{text}."


def _confirm(form: _Form, sure: bool) -> None:
    form.sure = sure


def restored(typed: str, original: str) -> str:
    """`original` if `typed` is how a browser shows it, else `typed`.

    A browser changes line breaks and characters that it cannot show, which is not an edit.
    """
    same = typed.replace("\r\n", "\n") == widgets.shown(original).replace("\r\n", "\n")
    return original if same else typed


def _save(session: Session, form: _Form) -> str:
    state, was = st.session_state, form.was
    old = was.inputs if was else {}
    values = {
        name: restored(str(state[form.key(f"input-{number}")]), old.get(name, ""))
        for number, name in enumerate(_names(form))
    }
    inputs = {name: value for name, value in values.items() if value or name in old}
    output = restored(str(state[form.key("output")]), was.output if was else "")
    if not any(value.strip() for value in inputs.values()):
        raise InputError("an example needs at least one input", hint="type the question")
    if not output.strip():
        raise InputError("the output is empty", hint="type the right answer")
    name = restored(str(state[form.key("id")]), was.id if was else "") or examples.example_id(inputs)
    label: Label = state[form.key("label")]
    if was is None and label == session.workspace.label_of(form.path):
        label = "public"  # an example without a label of its own follows its file
    example = Example(name, inputs, output, tuple(state[form.key("tags")]), label)
    pool = PurePosixPath(form.path).name
    if was is None:
        twin = examples.find_same_question(session.workspace, form.path, inputs)
        if twin is not None:
            raise InputError(f"the question is already in this pool, as {twin.id}", hint="edit that example instead")
        examples.add_example(session.workspace, form.path, example)
        return f"{name} was added to {pool}"
    examples.edit_example(
        session.workspace, form.path, was.id, example, was=was, reason=str(state.get(form.key("why"), ""))
    )
    return f"{name} was changed in {pool}"


def _delete(session: Session, form: _Form) -> str:
    assert form.was is not None
    examples.delete_examples(session.workspace, form.path, form.was.id, was=form.was)
    return f"{form.was.id} was removed from {PurePosixPath(form.path).name}"


__all__ = ["DONE", "draw", "label_field", "open_form", "problem_lines", "restored", "sentence", "tags_field"]
