"""Imports flows of ChainForge (`.cforge`): each prompt node becomes a template, and what feeds it the cases of a suite.

    {"flow": {"nodes": [{"id": "p", "type": "prompt", "data": {"prompt": "Who made {game}?", "llms": [...]}},
                        {"id": "t", "type": "textfields", "data": {"fields": {"f0": "Pokemon"}}}],
              "edges": [{"source": "t", "sourceHandle": "output", "target": "p", "targetHandle": "game"}]}}

Code of evaluators is listed and never run. Stored answers (`cache`) are not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from promptlab._yaml import dump_yaml
from promptlab.errors import FormatError
from promptlab.formats._chainforge_flow import DATA_NODES, FedValue, Flow, Node, flow_of, rows_of
from promptlab.formats._chainforge_text import PromptText, filled, text_of_chainforge, unescaped, variables
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Source, read_bytes, read_source_text, slug, source_of
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, template_param
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import escape_jinja, is_input_name

SYSTEM = "=system_msg"
_EVALUATORS = ("evaluator", "llmeval", "simpleval", "multieval", "processor", "split", "join", "script", "rerank")
_OPENAI = ("gpt", "o1", "o3", "o4", "chatgpt")
_AT_REST = ("off", "text", "", None)


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a flow. Raises `FormatError` if the file is none, or has no prompt node that can be imported."""
    source = source_of(read_source_text(path, shown), path.with_suffix(".json"), shown)
    flow = source.data.get("flow", source.data) if isinstance(source.data, Mapping) else None
    if not isinstance(flow, Mapping) or not isinstance(flow.get("nodes"), list):
        raise FormatError("not a flow of ChainForge: it has no list of `nodes`", file=shown, line=1)
    imported = Imported(slug(path.stem), read_bytes(path, shown))
    inner = ("flow",) if "flow" in source.data else ()
    fields = Fields(source, imported.report, source.data)
    fields.named.update(("flow", "nodes", "edges", "viewport"))
    fields.drop("cache", "stored answers and the state of the page")
    fields.rest()
    reader = _Reader(source, imported, places, flow_of(flow), (*inner, "nodes"))
    for node in reader.flow.nodes.values():
        reader.node(node)
    if not imported.files:
        raise FormatError("no node of the flow is a prompt that can be imported", file=shown, line=1)
    return imported


class _Reader:
    def __init__(
        self, source: Source, imported: Imported, places: ImportFolders, flow: Flow, at: tuple[str | int, ...]
    ) -> None:
        self.source, self.imported, self.places, self.flow, self.at = source, imported, places, flow, at

    def say(self, node: Node, what: Any, note: str, key: str = "") -> None:
        """Report a node, or a part of it."""
        path = (*self.at, node.number, *(("data", key) if key else ()))
        name = f"{node.title}.{key}" if key else node.title
        self.imported.report.add(name, what, self.source.line(path), note)

    def node(self, node: Node) -> None:
        """Import a prompt node; report any other."""
        if node.type == "prompt":
            try:
                self._prompt(node)
            except FormatError as exc:
                self.say(node, "not understood", exc.what, "prompt")
        elif node.type in DATA_NODES:
            if not any(node is source for feeds in self.flow.feeds.values() for s in feeds.values() for source, _ in s):
                self.say(node, "not understood", "feeds no prompt")
            else:
                self.say(node, "translated", "values of the prompts that it feeds")
        elif node.type == "chat":
            self.say(
                node, "not understood", "goes on with the chat of another node, whose answers are not carried over"
            )
        elif node.type in _EVALUATORS:
            self.say(
                node, "not understood", f"a node of the type `{node.type}`; a suite has scorers (`regex`, `judge`)"
            )
        elif node.type not in ("vis", "inspect", "comment"):
            self.say(node, "not understood", f"a node of the type `{node.type}`")
        else:
            self.say(node, "not understood", "shows results, or is a comment")

    def _prompt(self, node: Node) -> None:
        text = node.data.get("prompt")
        listed = text if isinstance(text, list) else [text]
        prompts = [one for one in listed if isinstance(one, str) and one.strip()]
        if not prompts or len(prompts) < len(listed):
            raise FormatError("no text")
        feeds = {name: list(sources) for name, sources in self.flow.feeds.get(node.id, {}).items()}
        texts = [pair for one in prompts for pair in self._with_nested(node, one, feeds)]
        if node.data.get("contChat"):
            self.say(node, "not understood", "goes on with the chat of the node before it", "contChat")
        if str(node.data.get("n", "1")) != "1":
            self.say(node, "not understood", f"{node.data['n']} answers to each; `--repeat` asks a suite again", "n")
        groups = self._models(node)
        for number, (whole, own_feeds) in enumerate(texts, 1):
            for position, (system, params) in enumerate(groups, 1):
                parts = [slug(self.imported.name), slug(node.title)] if self._several() else [slug(self.imported.name)]
                parts += [str(number)] if len(texts) > 1 else []
                parts += [f"system{position}"] if len(groups) > 1 else []
                self._template(node, "-".join(parts), whole, own_feeds, system, params)

    def _several(self) -> bool:
        return sum(node.type == "prompt" for node in self.flow.nodes.values()) > 1

    def _with_nested(
        self, node: Node, text: str, feeds: dict[str, list[tuple[Node, str]]]
    ) -> list[tuple[str, dict[str, list[tuple[Node, str]]]]]:
        """The text with those texts put in that are templates themselves: one for each of them."""
        for name in variables(text):
            sources = feeds.get(name, [])
            inner = [s for s, _ in sources if s.type == "textfields" and self.flow.feeds.get(s.id)]
            if not inner or len(sources) > 1 or name.startswith(("=", "#")):
                continue
            fed = self.flow.feeds[inner[0].id]
            if fed.keys() & (feeds.keys() - {name}):
                raise FormatError(f"`{{{name}}}` is a text with variables of the same names as the prompt's own")
            whole = []
            for value in self.flow.values(*sources[0]):
                rest = {key: listed for key, listed in feeds.items() if key != name}
                used = {key: list(listed) for key, listed in fed.items() if key in variables(value.raw)}
                whole += self._with_nested(node, filled(text, name, value.raw), {**rest, **used})
            self.say(
                node, "translated", f"`{{{name}}}` is a text with variables; a template for each of them", "prompt"
            )
            return whole
        return [(text, feeds)]

    def _models(self, node: Node) -> list[tuple[str, dict[str, Any]]]:
        """The system message and parameters of the models: a pair for each system message that differs."""
        listed = [m for m in node.data.get("llms") or [] if isinstance(m, Mapping)]
        systems: dict[str, list[dict[str, Any]]] = {}
        for model in listed:
            stored = model.get("settings")
            settings: Mapping[str, Any] = stored if isinstance(stored, Mapping) else {}
            name, base = str(model.get("model") or model.get("name")), str(model.get("base_model") or "")
            if base.startswith(_OPENAI) and not base.startswith("gpt4all"):
                entry = {"backend": "openai", "model": name, "api_key_env": "OPENAI_API_KEY"}
                self.imported.models[slug(name)] = entry
                self.say(node, "translated", f"`{name}` is a line for promptlab.yaml", f"llms.{name}")
            else:
                note = f"`{name}` of `{base or 'an unknown provider'}`; say in promptlab.yaml who serves it"
                self.say(node, "not understood", note, f"llms.{name}")
            given = settings.get("system_msg")
            params = {"temperature": model["temp"]} if "temp" in model and "temperature" not in settings else {}
            systems.setdefault(given if isinstance(given, str) else "", []).append({**params, **settings})
        if len(systems) > 1:
            self.say(node, "translated", "a template for each system message of its models", "llms")
        return [(system, self._params(node, group)) for system, group in systems.items()] or [("", {})]

    def _params(self, node: Node, group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for key in dict.fromkeys(key for settings in group for key in settings):
            values = [settings.get(key) for settings in group]
            if key == "system_msg" or all(v in (*_AT_REST, [], {"type": "text"}) for v in values):
                continue
            own = template_param(key, values[0])
            if own and all(value == values[0] for value in values):
                params[own[0]] = own[1]
                self.say(node, "translated", "`params`", f"llms.{key}")
            else:
                note = "promptlab has no such setting" if not own else "differs from model to model, so none is set"
                self.say(node, "not understood", note, f"llms.{key}")
        return params

    def _template(
        self,
        node: Node,
        name: str,
        text: str,
        feeds: Mapping[str, Sequence[tuple[Node, str]]],
        system: str,
        params: Mapping[str, Any],
    ) -> None:
        draft = Draft(f"{node.title} (a prompt of ChainForge)", params=dict(params))
        for key in (k.removeprefix("#") for k in variables(text) if not k.startswith("=")):
            if is_input_name(key):  # these keep their names, whatever others are renamed to
                draft.own_name(key)
        prompt = text_of_chainforge(text, feeds, draft.own_name)
        first = self._system(node, prompt, draft, system)
        draft.messages([*([("system", first)] if first else []), ("user", prompt.text)])  # type: ignore[list-item]  # both are roles
        values, notes = self._values(prompt, feeds)
        rows, more = rows_of(values)
        cases = [self._inputs(prompt, row, draft) for row in rows if row]
        for own, value in (cases[0] if cases else {}).items():
            draft.inputs[own]["sample"] = value
        given = cases[0] if cases else {}
        unfed = [n for n in prompt.names if draft.renamed.get(n.lstrip("=#"), n.lstrip("=#")) not in given]
        notes += [f"nothing in the flow gives `{n}` a value; its sample is made up" for n in dict.fromkeys(unfed)]
        notes += [f"more than {len(rows)} combinations of values; the others are left out"] if more else []
        notes += [*prompt.notes, *(f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items())]
        notes += ["`{x}` is `{{ x }}` here"] if prompt.names else []
        target = f"{self.places.templates}/{name}.yaml"
        written = draft.text(target)
        target = self.imported.add(target, written)
        lost = more or any("carried over" in note for note in notes)
        self.say(node, "not understood" if lost else "translated" if notes else "taken", join_notes(notes), "prompt")
        if len(cases) > 1:
            self._suite(name, target, cases)

    def _system(self, node: Node, prompt: PromptText, draft: Draft, system: str) -> str:
        """The Jinja of the system message; a `{=system_msg}` in the prompt is used instead of that of the model."""
        for setting in dict.fromkeys(prompt.settings):
            if setting != SYSTEM:
                note = f"`{{{setting}}}` sets `{setting[1:]}` of the model for each value; it is not part of the text"
                self.say(node, "not understood", note, setting)
        if SYSTEM not in prompt.settings:
            return escape_jinja(system)
        prompt.names.append(SYSTEM)
        return f"{{{{ {draft.own_name('system_msg')} }}}}"

    def _values(
        self, prompt: PromptText, feeds: Mapping[str, Sequence[tuple[Node, str]]]
    ) -> tuple[dict[str, list[FedValue]], list[str]]:
        values: dict[str, list[FedValue]] = {}
        notes = []
        for name in dict.fromkeys(prompt.names):
            fed: list[FedValue] = []
            for source, handle in feeds.get(name, []):
                if source.type not in DATA_NODES:
                    notes.append(f"`{name}` has the answers of `{source.title}`, which are not carried over")
                fed += self.flow.values(source, handle)
            if fed:
                values[name] = fed
            if any(other in prompt.names and other in feeds for value in fed for other in variables(value.raw)):
                notes.append(
                    f"values of `{name}` name other variables of the prompt; here that is text, so not carried over"
                )
        return values, notes

    def _inputs(self, prompt: PromptText, row: Mapping[str, FedValue], draft: Draft) -> dict[str, str]:
        """The inputs of one combination; `{#x}` has the value of another column of the row."""
        others = {key: value for fed in row.values() for key, value in fed.others.items()}
        inputs: dict[str, str] = {}
        for name in dict.fromkeys(prompt.names):
            plain = name.lstrip("=#")
            own = draft.renamed.get(plain, plain)
            if name in row:
                inputs[own] = row[name].text
            elif name.startswith("#") and plain in row:
                inputs[own] = row[plain].text
            elif name.startswith("#") and plain in others:
                inputs[own] = unescaped(others[plain])
        return inputs

    def _suite(self, name: str, template: str, cases: Sequence[Mapping[str, str]]) -> None:
        models = list(self.imported.models) or ["choose-a-model"]
        rows = [{"id": f"case-{number}", "inputs": dict(case)} for number, case in enumerate(cases, 1)]
        head = "" if self.imported.models else "# models: none of the flow's is an OpenAI model; name your own\n"
        text = head + dump_yaml({"template": template, "models": models, "cases": rows})
        path = self.imported.add(f"{self.places.suites}/{name}.yaml", text, "suite")
        if not self.imported.models:
            note = f"no model came over: put the names of your models in {path}"
            self.imported.report.add("models of the suite", "not understood", None, note)
