"""`layout`: where should documents, examples and instructions stand?"""

from __future__ import annotations

from collections.abc import Mapping

from promptlab.errors import ExperimentError
from promptlab.experiments._design import Arm, Contrast, Design, Material
from promptlab.experiments._kinds import Options, kind
from promptlab.suites import Variant
from promptlab.templates import apply_changes

_DOCUMENTS = '{{ documents|map(attribute="text")|paragraphs }}'
_SHOTS = """\
{% for example in examples %}
{% user %}{{ example.user }}{% enduser %}
{% assistant %}{{ example.output }}{% endassistant %}
{% endfor %}
"""
_RULES = "{% system %}{{ [instructions, output_format]|lines }}{% endsystem %}\n"
_TURN = '{% user %}{{ [documents|map(attribute="text")|paragraphs, user]|paragraphs }}{% enduser %}\n'

LAYOUTS: Mapping[str, str | None] = {
    "documents in the system turn": None,
    "documents in the last user turn": f"{_RULES}{_SHOTS}{_TURN}",
    "documents after the examples, in a system turn": (
        f"{_RULES}{_SHOTS}{{% system %}}{_DOCUMENTS}{{% endsystem %}}\n{{% user %}}{{{{ user }}}}{{% enduser %}}\n"
    ),
    "instructions after the documents": (
        '{% system %}{{ [documents|map(attribute="text")|paragraphs, [instructions, output_format]|lines]|paragraphs }}'
        f"{{% endsystem %}}\n{_SHOTS}{{% user %}}{{{{ user }}}}{{% enduser %}}\n"
    ),
    "instructions in the last user turn": (
        f"{{% system %}}{_DOCUMENTS}{{% endsystem %}}\n{_SHOTS}"
        "{% user %}{{ [[instructions, output_format]|lines, user]|paragraphs }}{% enduser %}\n"
    ),
}
"""Layouts by name; None is the standard layout. Each has every section once."""
STANDARD = next(iter(LAYOUTS))
CLOSED = "no document"


class LayoutOptions(Options):
    """`layouts` names those to compare, None for all. `own` are further layouts by name, as Jinja with message tags.
    With `closed`, the prompt without the document is asked, too."""

    layouts: tuple[str, ...] | None = None
    own: Mapping[str, str] = {}
    closed: bool = False


@kind("layout", "where should things stand?", LayoutOptions)
def plan(material: Material, options: LayoutOptions) -> Design:
    """Every layout against the template's own, which is the standard one if it has none."""
    if "context" not in material.sections:
        raise ExperimentError(f"{material.template.path} has no document to move", hint="add one under `context`")
    known = {**LAYOUTS, **options.own}
    wanted = options.layouts or tuple(known)
    if unknown := [name for name in wanted if name not in known]:
        raise ExperimentError(f"there is no layout `{unknown[0]}`", hint=f"there are: {', '.join(LAYOUTS)}")
    base = "the template's own" if material.template.layout else STANDARD
    arms = [Arm(base, Variant(base), {"layout": base})]
    for name in (name for name in wanted if name != base):
        template = apply_changes(material.template, {"layout": known[name]})
        arms.append(Arm(name, Variant(name, template=template), {"layout": name}))
    contrasts = [Contrast(arm.name, (arm.name,), (base,), f"the layout “{arm.name}”") for arm in arms[1:]]
    if options.closed:
        arms.insert(0, Arm(CLOSED, Variant(CLOSED, ("context",)), {"layout": CLOSED}))
        for arm in arms[1:]:
            where = f"the document, in the layout “{arm.name}”,"
            contrasts.append(Contrast(f"document: {arm.name}", (arm.name,), (CLOSED,), where, primary=True))
    return Design(tuple(arms), tuple(contrasts), ("layout",))
