"""One example in a dialog: add it, change it, take it out of its pool."""

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

SAID = "examples-said"
"""What was done, to be said once the dialog is closed."""
_OPEN = "example-open"
MOST_TAGS = 500


@dataclass
class _Form:
    """The example that is open. `turn` gives each opening widgets of its own."""

    path: str
    names: tuple[str, ...]
    was: Example | None
    turn: int
    trouble: tuple[str, str] | None = None
    sure: bool = False
    done: bool = False

    def key(self, name: str) -> str:
        return f"form-{name}-{self.turn}"


def open_form(path: str, names: tuple[str, ...], was: Example | None) -> None:
    """Open the dialog for the example `was` of the pool `path`, or for a new one with the inputs `names`."""
    turn = st.session_state["example-turn"] = st.session_state.get("example-turn", 0) + 1
    st.session_state[_OPEN] = _Form(path, names, was, turn)


def draw(session: Session) -> None:
    """The dialog, where one is open."""
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
    if form.trouble:
        note("bad", *form.trouble)
    was, fixed = form.was, kind_of(form.path) == "yaml"
    if not form.names and was is None:
        st.text_input(
            "Inputs, by name",
            value="question",
            key=form.key("names"),
            help="The names a template's inputs have, with commas between them.",
        )
    for number, name in enumerate(_names(form)):
        value = was.inputs.get(name, "") if was else ""
        st.text_area(
            plain(name), value=widgets.shown(value), key=form.key(f"input-{number}"), height="content", disabled=fixed
        )
    output = was.output if was else ""
    st.text_area(
        "Output", value=widgets.shown(output), key=form.key("output"), height="content", disabled=fixed,
        help="The answer wanted, as the model should write it.",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        tags_field(session, form.path, was.tags if was else (), key=form.key("tags"), disabled=fixed)
        label_field(session.workspace.label_of(form.path), was.label if was else None, key=form.key("label"))
    if was is not None and is_lower(was.label, st.session_state[form.key("label")]):
        st.text_input("Why may more models see it?", key=form.key("why"), placeholder="it is published")
        small("The ledger keeps this with your name.")
    st.text_input(
        "Id", value=widgets.shown(was.id) if was else "", key=form.key("id"), disabled=fixed,
        placeholder="made from the inputs", help="No two examples of a pool have the same.",
    )  # fmt: skip
    if fixed:
        small("A YAML pool is read and not changed here: change it in an editor, or write the pool as JSONL.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Add" if was is None else "Keep the change", type="primary", key="example-save",
            on_click=_do, args=(_save, session, form),
        )  # fmt: skip
        if was is not None and not form.sure:
            st.button("Delete", icon=":material/delete:", key="example-delete", on_click=_ask, args=(form, True))
        elif was is not None:
            st.button(
                "Delete it for good", icon=":material/delete:", key="example-delete-sure",
                on_click=_do, args=(_delete, session, form),
            )  # fmt: skip
            st.button("Do not delete", type="tertiary", key="example-delete-not", on_click=_ask, args=(form, False))


def _names(form: _Form) -> tuple[str, ...]:
    if form.was:
        return tuple(dict.fromkeys((*form.was.inputs, *form.names)))
    if form.names:
        return form.names
    typed = str(st.session_state.get(form.key("names"), "question"))
    return tuple(dict.fromkeys(name.strip() for name in typed.split(",") if name.strip()))


def tags_field(session: Session, path: str, given: tuple[str, ...], *, key: str, disabled: bool = False) -> None:
    """Tags, those of the pool to choose from, others to be typed."""
    known: tuple[str, ...] = ()
    if session.workspace.resolve(path).exists():
        known = tuple(examples.facts_of_pool(examples.read_pool(session.workspace, path)).tags)[:MOST_TAGS]
    st.multiselect(
        "Tags",
        list(dict.fromkeys((*given, *known))),
        default=list(given),
        key=key,
        accept_new_options=True,
        placeholder="none",
        format_func=widgets.shown,
        disabled=disabled,
    )


def label_field(least: Label, given: Label | None, *, key: str) -> None:
    """The label of an example, which cannot be lower than `least`."""
    offered = LABELS[LABELS.index(least) :]
    st.selectbox(
        "Label",
        offered,
        index=offered.index(given) if given in offered else 0,
        key=key,
        width=180,
        disabled=len(offered) == 1,
        help=f"Never lower than {least}." if least != "public" else "Who may read it; see the page Models.",
    )


def _do(what: Callable[[Session, _Form], str], session: Session, form: _Form) -> None:
    try:
        said = what(session, form)
    except PromptlabError as exc:
        form.trouble = words_of(exc)
        return
    form.done = True
    st.session_state[SAID] = said


def words_of(exc: PromptlabError) -> tuple[str, str]:
    """What went wrong and what to do, in sentences; the file is left out, which is the one looked at."""
    return sentence(exc.what if isinstance(exc, InputError) else exc.message), sentence(exc.hint)


def sentence(words: str) -> str:
    """`words` with a capital letter at its beginning and a full stop at its end."""
    words = words[:1].upper() + words[1:]
    return words if not words or words[-1] in ".?!" else f"{words}."


def _ask(form: _Form, sure: bool) -> None:
    form.sure = sure


def kept(given: str, was: str) -> str:
    """What somebody made of the text `was`: the text itself where they changed nothing that a browser shows."""
    same = given.replace("\r\n", "\n") == widgets.shown(was).replace("\r\n", "\n")
    return was if same else given


def _save(session: Session, form: _Form) -> str:
    state, was = st.session_state, form.was
    old = was.inputs if was else {}
    given = {
        name: kept(str(state[form.key(f"input-{number}")]), old.get(name, ""))
        for number, name in enumerate(_names(form))
    }
    inputs = {name: value for name, value in given.items() if value or name in old}
    output = kept(str(state[form.key("output")]), was.output if was else "")
    if not any(value.strip() for value in inputs.values()):
        raise InputError("an example has at least one input", hint="type what is asked")
    if not output.strip():
        raise InputError("the output is empty", hint="type the answer wanted")
    name = kept(str(state[form.key("id")]), was.id if was else "") or examples.example_id(inputs)
    label: Label = state[form.key("label")]
    if was is None and label == session.workspace.label_of(form.path):
        label = "public"  # it follows its file
    example = Example(name, inputs, output, tuple(state[form.key("tags")]), label)
    pool = PurePosixPath(form.path).name
    if was is None:
        twin = examples.find_same_question(session.workspace, form.path, inputs)
        if twin is not None:
            raise InputError(f"the pool has this question already, as {twin.id}", hint="edit that example instead")
        examples.add_example(session.workspace, form.path, example)
        return f"{name} is in {pool}"
    examples.edit_example(
        session.workspace, form.path, was.id, example, was=was, reason=str(state.get(form.key("why"), ""))
    )
    return f"{name} is changed in {pool}"


def _delete(session: Session, form: _Form) -> str:
    assert form.was is not None
    examples.delete_examples(session.workspace, form.path, form.was.id, was=form.was)
    return f"{form.was.id} is taken out of {PurePosixPath(form.path).name}"


__all__ = ["SAID", "draw", "kept", "label_field", "open_form", "sentence", "tags_field", "words_of"]
