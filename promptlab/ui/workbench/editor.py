"""The left half of the workbench: the prompt, section by section, and its parameters."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from promptlab import examples, templates
from promptlab._util.rows import kind_of
from promptlab.errors import PromptlabError
from promptlab.models import AsSent
from promptlab.templates import Template
from promptlab.types import Section
from promptlab.ui.components import parameters, widgets
from promptlab.ui.components.bound_fields import Fields
from promptlab.ui.components.widgets import SECTION_NAMES, escape, markup, note
from promptlab.ui.examples import form as example_form
from promptlab.ui.state.session import Session
from promptlab.ui.templates import form_documents, form_examples
from promptlab.ui.workbench.request import Bench, as_sent


def draw(session: Session, bench: Bench, fields: Fields) -> None:
    """The prompt's sections, its parameters, and its tokens against the window."""
    sent = _counted(session, bench)
    missing = [section for section in _ADDED if not _is_there(bench, section)]
    _text_section(bench, fields, "instructions", sent)
    if "output_format" not in missing:
        _text_section(bench, fields, "output_format", sent)
    if "context" not in missing:
        _context(session, bench, fields, sent)
    if "examples" not in missing:
        _examples(session, bench, fields, sent)
    _add_sections(bench, missing)
    _unused(bench, fields)
    if bench.problem:
        title = "The prompt cannot be rendered" if bench.prompt is None else "Not valid yet: Run waits"
        rest = "" if bench.prompt is None else "Preview and tokens show the last valid prompt."
        note("bad", title, str(bench.problem.args[0]), bench.problem.hint, rest)
    _tokens(bench, fields, sent)
    changed = " · changed" if bench.params != bench.file.params else ""
    with st.expander(f"Parameters{changed}", key=f"parameters-{bench.file.name}"):
        parameters.draw(fields)


_ADDED: tuple[Section, ...] = ("output_format", "context", "examples")
"""The sections that a template can do without."""


def _is_there(bench: Bench, section: Section) -> bool:
    """True if the template has the section, had it while the page was open, or it was added here."""
    key = _added_key(bench)
    if bench.opened.values[section] or getattr(bench.file, section):
        _add_section(key, section)
    return section in st.session_state.get(key, ())


def _added_key(bench: Bench) -> str:
    return f"sections-added-{bench.file.path}"


def _add_sections(bench: Bench, missing: Sequence[Section]) -> None:
    """Buttons for the sections that the template does not have."""
    if not missing:
        return
    with st.container(horizontal=True, gap="small", key="add-sections"):
        for section in missing:
            st.button(
                SECTION_NAMES[section],
                icon=":material/add:",
                type="tertiary",
                key=f"add-section-{section}",
                help=f"Add the section {SECTION_NAMES[section]}",
                on_click=_add_section,
                args=(_added_key(bench), section),
            )


def _add_section(key: str, section: Section) -> None:
    st.session_state[key] = {*st.session_state.get(key, ()), section}


def _counted(session: Session, bench: Bench) -> AsSent | PromptlabError | None:
    model = bench.counted_by
    request = bench.request(model) if model else None
    if request is None:
        return None
    try:
        with st.spinner(f"Counting tokens with {widgets.plain(request.model)}", show_time=False):
            return as_sent(session, request)
    except PromptlabError as exc:
        return exc


def _head(fields: Fields, section: Section, sent: AsSent | PromptlabError | None) -> bool:
    """The switch and the tokens of a section. True if the section is on."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"):
        on = bool(st.toggle(SECTION_NAMES[section], **fields.bind(f"switch-{section}")))
        if not on:
            size = "off"
        elif isinstance(sent, AsSent):
            size = f"{'' if sent.budget.exact else '~'}{sent.budget.by_section.get(section, 0):,} tok"
        else:
            size = ""
        st.html(f'<div class="pl-size">{size}</div>', width="content")
    return on


def _text_section(bench: Bench, fields: Fields, section: Section, sent: AsSent | PromptlabError | None) -> None:
    with st.container(key=f"section-{section.replace('_', '-')}", gap="xsmall"):
        if _head(fields, section, sent):
            st.text_area(
                SECTION_NAMES[section],
                height="content",
                label_visibility="collapsed",
                placeholder=f"No {SECTION_NAMES[section].lower()} in this template",
                **fields.bind(f"text-{section}"),
            )
            _new_inputs(bench, fields, section)


def _new_inputs(bench: Bench, fields: Fields, section: Section) -> None:
    """A field for each input that the text of the section made, right below the text. It also stands beside Run."""
    for name in templates.text_inputs(bench.template, section):
        value = bench.draft.inputs.get(name) or ""
        if name not in bench.file.inputs and bench.template.inputs[name].type == "string" and "\n" not in value:
            st.text_input(
                f"Input {widgets.plain(name)}", placeholder="empty", live=True, **fields.bind(f"new-input-{name}")
            )


def _unused(bench: Bench, fields: Fields) -> None:
    """Offer to remove an input that no text uses any more, and that its author described."""
    before = templates.unused_inputs(bench.file)
    for name in templates.unused_inputs(bench.template):
        if name in before:
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"unused-{name}"):
            st.html(
                f'<div class="pl-small">The input {escape(name)} is not in the prompt any more.</div>', width="content"
            )
            st.button(
                "Remove it",
                type="tertiary",
                key=f"unused-remove-{name}",
                on_click=fields.edit,
                args=(lambda _, name=name: {f"inputs.{name}": None},),
            )


def _context(session: Session, bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    with st.container(key="section-context", gap="xsmall"):
        if _head(fields, "context", sent):
            form_documents.in_place(session, bench.opened, fields, bench.opened.values, bench.given.values)


def _examples(session: Session, bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    with st.container(key="section-examples", gap="xsmall"):
        if not _head(fields, "examples", sent):
            return
        chosen = form_examples.choose(session, fields, bench.opened.values)
        rows = "".join(
            f"<tr><td>{escape(' · '.join(map(str, shot.inputs.values())))}</td><td>{escape(shot.output)}</td></tr>"
            for shot in bench.shots
        )
        if chosen and rows:
            markup(f'<table class="pl-table pl-mono">{rows}</table>')
        _write_example(session, bench, fields)


def _write_example(session: Session, bench: Bench, fields: Fields) -> None:
    """A button that opens the form of an example: it goes to the end of the pool, or into a new one."""
    choice = bench.template.examples
    names = tuple(bench.template.inputs)
    if choice is not None and kind_of(choice.pool) == "yaml":
        widgets.small("A YAML pool can only be changed in an editor.")
        return
    st.button(
        "Write an example",
        icon=":material/add:",
        type="tertiary",
        key="write-example",
        on_click=_open_example,
        args=(session, bench.template, names),
    )
    example_form.draw(session)
    message, path = st.session_state.pop(example_form.DONE, None), st.session_state.get(_WRITTEN)
    if message:
        st.toast(widgets.plain(message), icon=":material/check:")
        if choice is None and path:
            fields.edit(lambda _: {"examples": {"pool": path, "k": 1}})
            st.rerun()


_WRITTEN = "example-written-to"


def _open_example(session: Session, template: Template, names: tuple[str, ...]) -> None:
    path = template.examples.pool if template.examples else examples.new_pool_path(session.workspace, template.name)
    st.session_state[_WRITTEN] = path
    example_form.open_form(path, names, None)


def _tokens(bench: Bench, fields: Fields, sent: AsSent | PromptlabError | None) -> None:
    if isinstance(sent, PromptlabError):
        note("warn", "The tokens cannot be counted", str(sent.args[0]), sent.hint)
        return
    if sent is None or bench.counted_by is None:
        return
    markup(widgets.bar_html(sent.budget))
    widgets.warn_of_window(bench.counted_by, sent.budget)
    if len(bench.ready) > 1:
        fields.default("counted", bench.counted_by)
        st.selectbox(
            "Model that counts the tokens",
            bench.ready,
            format_func=lambda name: f"counted by {name}",
            label_visibility="collapsed",
            **fields.bind("counted"),
        )
