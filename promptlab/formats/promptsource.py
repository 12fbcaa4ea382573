"""PromptSource `templates.yaml`: templates for a dataset; each text has the input and the target.

    jinja: "{{text}}\\nIs this positive? ||| {{answer_choices[label]}}"
    answer_choices: No ||| Yes

Three bars separate the input and the target (the expected answer). The target becomes a second template
(`name.target.yaml`): rendered with a row of the dataset, it gives the expected answer.

Some texts grow a list by printing nothing. Values cannot be changed here, so such a list is put into a namespace, and
each step sets a longer one:

    {% set found = [] %}{% for x in items %}{{ found.append(x) or "" }}{% endfor %}{{ found | join }}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

from promptlab.errors import FormatError
from promptlab.formats._report import Imported
from promptlab.formats._source import Fields, Tagged, read_bytes, read_source, slug
from promptlab.formats._syntax import join_notes
from promptlab.formats._template_builder import Draft, names_in, share_a_row
from promptlab.formats._workspace_view import ImportFolders
from promptlab.templates import JINJA_ENVIRONMENT

BARS = "|||"
CHOICES = "answer_choices"
_RANDOM = re.compile(r"(\|\s*)random\b(?=[^{}]*[%}]\})")


def read(path: Path, shown: str, places: ImportFolders) -> Imported:
    """Import a `templates.yaml`. Raises `FormatError` if it is not one; templates that fail are in the report."""
    source = read_source(path, shown)
    if not isinstance(source.data, Mapping) or not isinstance(source.data.get("templates"), Mapping):
        raise FormatError("not a templates.yaml of PromptSource: no mapping `templates`", file=shown, line=1)
    name = slug(str(source.data.get("dataset") or path.parent.name))
    subset = source.data.get("subset")
    imported = Imported(slug(f"{name}-{subset}") if subset else name, read_bytes(path, shown))
    fields = Fields(source, imported.report, source.data)
    fields.translate("dataset", "the name of the folder")
    fields.translate("subset", "the name of the folder")
    entries = fields.inside("templates")
    for key, entry in entries.data.items():
        entries.named.add(key)
        if not isinstance(entry, Mapping):
            entries.drop(key, "not a template")
            continue
        _template(Fields(source, imported.report, entry, ("templates", key)), key, imported, places)
    fields.rest()
    return imported


def _template(fields: Fields, key: str, imported: Imported, places: ImportFolders) -> None:
    name = str(fields.translate("name", "the name of the file and the description") or key)
    fields.say("id", "translated", "kept as a comment")
    header = _header(fields, key)
    choices = fields.data.get("answer_choices")
    jinja = fields.data.get("jinja")
    if not isinstance(jinja, str):
        fields.drop("jinja", "there is no text")
        fields.rest()
        return
    base = f"{places.templates}/{imported.name}/{slug(name)}"
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
            draft = Draft(f"{description} (PromptSource, {imported.name})")
            draft.messages([("user", _with(prefix, text))])
            if draft.user is None:
                raise FormatError("the text is empty")
            drafts.append(draft)
            notes += [f"`{old}` is the input `{new}` here" for old, new in draft.renamed.items()]
        share_a_row(drafts, base)
        files = [(texts[n][0], draft.text(texts[n][0], header=header)) for n, draft in enumerate(drafts)]
        for target, text in files:
            imported.add(target, text)
        fields.say("jinja", "translated" if notes else "taken", join_notes(notes))
        fields.say("answer_choices", "translated", "a list that the text sets") if choices else fields.take(
            "answer_choices"
        )
    except FormatError as exc:
        fields.drop("jinja", f"{name}: {exc.what}" + (f"; {exc.hint}" if exc.hint else ""))
        fields.drop("answer_choices", "goes with the text")
    fields.rest("left by older versions; it has no meaning for the text")


def _header(fields: Fields, key: str) -> str:
    """Comments for the template file: id, reference and metadata."""
    reference = fields.translate("reference", "kept as a comment")
    metadata = fields.inside("metadata")
    about = []
    for word, value in metadata.data.items():
        metadata.translate(word, "kept as a comment")
        about.append(f"# {word}: {_one_line(value)}\n")
    header = f"# PromptSource {_one_line(fields.data.get('id', key))}\n"
    header += (f"# reference: {_one_line(reference)}\n" if reference else "") + "".join(about)
    return header


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
    """Jinja that sets the list of choices, without blanks around each."""
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
    """The input and target of one Jinja text; `target` is None if there are no bars."""

    def __init__(self, input_: str, target: str | None, notes: tuple[str, ...] = ()) -> None:
        self.input, self.target, self.notes = input_, target, notes


def split(jinja: str) -> Parts:
    """Split `jinja` at its first bars, without blanks around both parts, as PromptSource does after rendering.

    If the bars are inside a loop or a condition, the new Jinja splits the rendered text.
    """
    jinja = jinja.removesuffix("\n")  # as Jinja does in PromptSource
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
    """`text` without blanks around it. If it begins or ends with a tag, the rendered text is trimmed."""
    text = text.strip()
    if text.startswith(("{{", "{%", "{#")) or text.endswith(("}}", "%}", "#}")):
        return text if _prints_no_blanks(text) else f"{{% filter trim %}}{text}{{% endfilter %}}"
    return text


def _prints_no_blanks(text: str) -> bool:
    """True if `text` only prints values and text, so that no trim is needed."""
    tree = JINJA_ENVIRONMENT.parse(text)
    return len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output)


def _shares(before: str, after: str) -> bool:
    """True if `after` uses a name that `before` assigns."""
    tree = JINJA_ENVIRONMENT.parse(before)
    assigned = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    return bool(names_in(after, "the target") & (assigned | {macro.name for macro in tree.find_all(nodes.Macro)}))


_JINJA_TAG = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.DOTALL)


_STRING = re.compile(r'("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')', re.DOTALL)


_NOTHING = r"""(?:or\s*(?:""|'')|\|\s*default\(\s*(?:""|'')\s*,\s*[Tt]rue\s*\))"""


_APPEND = re.compile(
    rf"\{{\{{(-?)\s*((?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*)\.append\((.*)\)\s*{_NOTHING}\s*(-?)\}}\}}", re.DOTALL
)


_SET_TAG = re.compile(r"(\{%-?\s*set\s+)([A-Za-z_]\w*)(\s*=\s*)(.*?)(\s*-?%\})", re.DOTALL)


_LIST_FIELD = "list"


def rewrite_growing_lists(text: str) -> str:
    """`text` with its growing lists in namespaces; unchanged if it has none."""
    tags = _JINJA_TAG.split(text)
    grown = {match[2] for tag in tags if (match := _APPEND.fullmatch(tag))}
    own = {name for name in grown if "." not in name}
    if not grown:
        return text
    return "".join(_rewrite_tag(tag, own) if tag.startswith(("{{", "{%")) else tag for tag in tags)


def _rewrite_tag(tag: str, own: set[str]) -> str:
    append = _APPEND.fullmatch(tag)
    if append:
        before, name, what, after = append.groups()
        place = f"{name}.{_LIST_FIELD}" if name in own else name
        return f"{{%{before} set {place} = {place} + [{_with_list_field(what, own)}] {after}%}}"
    assignment = _SET_TAG.fullmatch(tag)
    if assignment and assignment[2] in own:
        head, name, equals, value, end = assignment.groups()
        return f"{head}{name}{equals}namespace({_LIST_FIELD}={_with_list_field(value, own)}){end}"
    return _with_list_field(tag, own)


def _with_list_field(code: str, own: set[str]) -> str:
    """`code` with `.list` after each name in `own`, except in strings."""
    if not own:
        return code
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, sorted(own)))})(?!\w)")
    parts = _STRING.split(code)
    return "".join(part if number % 2 else pattern.sub(rf"\1.{_LIST_FIELD}", part) for number, part in enumerate(parts))
