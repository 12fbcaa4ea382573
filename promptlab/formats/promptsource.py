"""PromptSource `templates.yaml`: a folder of templates for a dataset, each input and target in one.

    jinja: "{{text}}\\nIs this positive? ||| {{answer_choices[label]}}"
    answer_choices: No ||| Yes

Three bars end the input; what follows is the answer wanted, which becomes a template of its own beside the
other (`name.target.yaml`): rendered with a row of the dataset it gives what to expect of the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from promptlab.errors import FormatError
from promptlab.formats._growing_lists import rewrite_growing_lists
from promptlab.formats._source import Fields, Imported, ImportFolders, Tagged, read_bytes, read_source, slug
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, names_in, share_a_row
from promptlab.templates import JINJA_ENVIRONMENT

BARS = "|||"
CHOICES = "answer_choices"
_RANDOM = re.compile(r"(\|\s*)random\b(?=[^{}]*[%}]\})")


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """A `templates.yaml`. Raises `FormatError` when it is none; a template that cannot be had is in the report."""
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not isinstance(source.data.get("templates"), Mapping):
        raise FormatError("not a templates.yaml of PromptSource: no mapping `templates`", file=shown, line=1)
    name = slug(str(source.data.get("dataset") or path.parent.name))
    subset = source.data.get("subset")
    made = Imported(slug(f"{name}-{subset}") if subset else name, read_bytes(path, shown))
    fields = Fields(source, made.report, source.data)
    fields.translate("dataset", "the name of the folder")
    fields.translate("subset", "the name of the folder")
    entries = fields.inside("templates")
    for key, entry in entries.data.items():
        entries.named.add(key)
        if not isinstance(entry, Mapping):
            entries.drop(key, "not a template")
            continue
        _template(Fields(source, made.report, entry, ("templates", key)), key, made, places)
    fields.rest()
    return made


def _template(fields: Fields, key: str, made: Imported, places: ImportFolders) -> None:
    name = str(fields.translate("name", "the name of the file and the description") or key)
    fields.say("id", "translated", "kept as a comment")
    reference = fields.translate("reference", "kept as a comment")
    choices = fields.data.get("answer_choices")
    metadata = fields.inside("metadata")
    about = []
    for word, value in metadata.data.items():
        metadata.translate(word, "kept as a comment")
        about.append(f"# {word}: {_one_line(value)}\n")
    header = f"# PromptSource {_one_line(fields.data.get('id', key))}\n"
    header += (f"# reference: {_one_line(reference)}\n" if reference else "") + "".join(about)
    jinja = fields.data.get("jinja")
    if not isinstance(jinja, str):
        fields.drop("jinja", "there is no text")
        fields.rest()
        return
    base = f"{places.templates}/{made.name}/{slug(name)}"
    try:
        grown = rewrite_growing_lists(jinja)
        fixed = _RANDOM.sub(r"\1choice", grown)
        parts = split(fixed)
        notes = list(parts.notes)
        if grown != jinja:
            notes.append("a list that grows is set anew each time, since values cannot be changed here")
        if fixed != grown or "choice" in _filters(fixed):
            notes.append("a random choice is always the same one here")
        prefix = _choices(choices, key)
        texts: list[tuple[str, str, str]] = [(f"{base}.yaml", name, parts.input)]
        if parts.target is not None:
            texts.append((f"{base}.target.yaml", f"{name}: the answer wanted", parts.target))
        drafts = []
        for _, description, text in texts:
            draft = Draft(f"{description} (PromptSource, {made.name})")
            draft.messages([("user", _with(prefix, text))])
            if draft.user is None:
                raise FormatError("the text is empty")
            drafts.append(draft)
            notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
        share_a_row(drafts, base)
        files = [(texts[n][0], draft.text(texts[n][0], header=header)) for n, draft in enumerate(drafts)]
        for target, text in files:
            made.add(target, text)
        fields.say("jinja", "translated" if notes else "taken", join_notes(notes))
        fields.say("answer_choices", "translated", "a list that the text sets") if choices else fields.take(
            "answer_choices"
        )
    except FormatError as exc:
        fields.drop("jinja", f"{name}: {exc.what}" + (f"; {exc.hint}" if exc.hint else ""))
        fields.drop("answer_choices", "goes with the text")
    fields.rest("left by older versions; it has no meaning for the text")


def _filters(text: str) -> set[str]:
    try:
        return {node.name for node in JINJA_ENVIRONMENT.parse(text).find_all(nodes.Filter)}
    except TemplateSyntaxError:
        return set()


def _one_line(value: Any) -> str:
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())[:200]


def _with(prefix: str, text: str) -> str:
    return prefix + text if CHOICES in names_in(text, "the text") else text


def _choices(choices: Any, key: str) -> str:
    """Jinja that sets the list of choices, each without blanks around it."""
    if choices is None:
        return ""
    if isinstance(choices, list):
        choices = BARS.join(map(str, choices))
    text = str(choices).removesuffix("\n")
    if isinstance(choices, Tagged):
        raise FormatError(f"`{key}` has the tag {choices.tag}")
    if "{" not in text:
        items = ", ".join(_literal(part.strip()) for part in text.split(BARS))
        return f"{{% set {CHOICES} = [{items}] %}}"
    if CHOICES in names_in(text, "answer_choices"):
        raise FormatError("answer_choices uses itself")
    block = f"{{% set {CHOICES} %}}{text}{{% endset %}}"
    return f'{block}{{% set {CHOICES} = {CHOICES}.split("{BARS}")|map("trim")|list %}}'


def _literal(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{quoted}"'


class Parts:
    """Input and target of one Jinja text; `target` is None where there is no bar."""

    def __init__(self, input_: str, target: str | None, notes: tuple[str, ...] = ()) -> None:
        self.input, self.target, self.notes = input_, target, notes


def split(jinja: str) -> Parts:
    """Cut `jinja` at its first bars; blanks around both parts are left out, as PromptSource does after rendering.

    Bars that stand inside of loops or conditions are cut after rendering, by the Jinja itself.
    """
    jinja = jinja.removesuffix("\n")  # Jinja in PromptSource drops it
    if BARS not in jinja:
        return Parts(_trimmed(jinja), None, ("there is no target",))
    before, _, after = jinja.partition(BARS)
    target, _, more = after.partition(BARS)
    note = "the target needs what the input sets: the text is cut after rendering"
    if _whole(before) and _whole(target) and _whole(after):
        if not _shares(before, target):
            return Parts(
                _trimmed(before), _trimmed(target), ("what follows a second `|||` is left out",) if more else ()
            )
    else:
        note = "bars inside of a condition or a loop: the text is cut after rendering"
    kept = f"{{% set promptsource %}}{jinja}{{% endset %}}"
    return Parts(
        f'{kept}{{{{ promptsource.split("{BARS}")[0].strip() }}}}',
        f'{kept}{{{{ (promptsource.split("{BARS}") + [""])[1].strip() }}}}',
        (note,),
    )


def _whole(text: str) -> bool:
    try:
        names_in(text, "a part")
    except FormatError:
        return False
    return True


def _trimmed(text: str) -> str:
    """`text` without blanks around it; tags at its ends may print some, so they are taken away after rendering."""
    text = text.strip()
    if text.startswith(("{{", "{%", "{#")) or text.endswith(("}}", "%}", "#}")):
        return text if _prints_no_blanks(text) else f"{{% filter trim %}}{text}{{% endfilter %}}"
    return text


def _prints_no_blanks(text: str) -> bool:
    """Whether the ends of `text` are prints of a value or text: only then is a trim not worth its tag."""
    tree = JINJA_ENVIRONMENT.parse(text)
    return len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output)


def _shares(before: str, after: str) -> bool:
    """Whether `after` uses a name that `before` assigns."""
    tree = JINJA_ENVIRONMENT.parse(before)
    made = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    return bool(names_in(after, "the target") & (made | {macro.name for macro in tree.find_all(nodes.Macro)}))
