"""The part of the HTML report with the cases that changed: both answers, both prompts whole, and what differs.

Prompts of one way to ask mostly begin alike, with an article and examples. That beginning stands in the file once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from promptlab.experiments._asked import Asked, prompt_text
from promptlab.experiments._effects import Effect
from promptlab.experiments._observations import Observation, hidden
from promptlab.experiments._outcome import Outcome
from promptlab.experiments._tables import flipped
from promptlab.runs import TextChange, prompt_changes, text_changes
from promptlab.types import canonical_json

MOST_FLIPS = 40
"""At most so many changed cases of each effect are in the report; it says how many there are."""
SHARED = 600
"""A beginning of so many characters that several prompts have is written once."""
KEPT_WORDS = 8
"""Of an unchanged stretch in a difference, so many words at each end are shown."""


@dataclass
class Flips:
    """The changed cases of an experiment as HTML. `beginnings` are what prompts of one way to ask begin with."""

    outcome: Outcome
    asked: Asked
    show_labelled: bool = False
    beginnings: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._written: dict[str, int] = {}
        self._rows = [(e, flipped(self.outcome, e.contrast.name, e.model)) for e in self.outcome.effects]
        texts: dict[tuple[str, str], dict[str, None]] = {}
        for _, rows in self._rows:
            for one in (row[side] for row in rows[:MOST_FLIPS] for side in ("before", "after")):
                request = self.asked.request(one)
                if request is not None and self._shown(one):
                    texts.setdefault((one.arm, one.model), {})[prompt_text(request)] = None
        for key, found in texts.items():
            shared = _beginning(min(found), max(found)) if len(found) > 1 else ""
            if len(shared) >= SHARED:
                self.beginnings[key] = shared

    def _shown(self, one: Observation) -> bool:
        return self.show_labelled or one.label == "public"

    def html(self) -> Markup:
        """All of it; empty if nothing changed."""
        parts = [self._effect(effect, rows) for effect, rows in self._rows if rows]
        if not parts:
            return Markup("")
        about = "Each case with both answers. What only the first side has is crossed out, what is new is underlined."
        head = Markup("<h2>The cases that changed</h2>\n<p>{}</p>\n").format(about)
        return Markup("").join([head, *parts, self._beginnings()])

    def _effect(self, effect: Effect, rows: Sequence[Mapping[str, Any]]) -> Markup:
        worse = sum(row["change"] == "worse" for row in rows)
        more = f" {MOST_FLIPS} of them are shown." if len(rows) > MOST_FLIPS else ""
        items = Markup("").join(self._case(row) for row in rows[:MOST_FLIPS])
        name = effect.contrast.name.replace("_", " ")
        return Markup("<section><h3>{}, {}</h3>\n<p>{} better, {} worse of {} cases.{}</p>\n{}</section>\n").format(
            name, effect.model, len(rows) - worse, worse, effect.cases, more, items
        )

    def _case(self, row: Mapping[str, Any]) -> Markup:
        before, after = row["before"], row["after"]
        shown = self._shown(before) and self._shown(after)
        case = row["case"] if shown else before.masked().case
        kind = "good" if row["change"] == "better" else "bad"
        summary = Markup("<summary><b class={}>{}</b> {}</summary>").format(kind, row["change"], case)
        if not shown:
            label = before.label if before.label != "public" else after.label
            body = Markup("<p>{} {}</p>").format(hidden(before.text, label), hidden(after.text, label))
            return Markup("<details>{}{}</details>\n").format(summary, body)
        sides = Markup("").join(_answer(one) for one in (before, after))
        wanted = next(c.expected for c in self.outcome.planned.material.cases if c.id == row["case"])
        if wanted is not None:
            text = wanted if isinstance(wanted, str) else canonical_json(wanted)
            sides = Markup("<tr><th>expected</th><td><pre>{}</pre></td></tr>\n").format(text) + sides
        answers = Markup("<table class=sides>{}</table>").format(sides)
        parts = [
            answers,
            Markup("<p>Answer, from first to second:</p>{}").format(_changes(text_changes(before.text, after.text))),
        ]
        old, new = self.asked.request(before), self.asked.request(after)
        if old is not None and new is not None:
            difference = prompt_changes(old, new)
            same = all(change.kind == "same" for change in difference)
            words = "The prompts are the same." if same else "Prompt, from first to second:"
            parts.append(Markup("<p>{}</p>{}").format(words, "" if same else _changes(difference)))
            parts += [self._prompt(one) for one in ((before,) if same and old.model == new.model else (before, after))]
        else:
            parts.append(Markup("<p>The run history no longer has the prompts.</p>"))
        return Markup("<details>{}{}</details>\n").format(summary, Markup("").join(parts))

    def _prompt(self, one: Observation) -> Markup:
        request = self.asked.request(one)
        assert request is not None  # the caller has looked
        text = prompt_text(request)
        shared = self.beginnings.get((one.arm, one.model), "")
        where = Markup("")
        if shared:
            number = list(self.beginnings).index((one.arm, one.model)) + 1
            where = Markup(
                '<p>It begins with the {:,} characters of <a href="#b{}">beginning {}</a>, and goes on:</p>'
            ).format(len(shared), number, number)
        if text in self._written:
            name = f"The prompt of {one.arm or 'as written'}, {one.model}, stands"
            return Markup('<p>{} <a href="#p{}">above</a>.</p>').format(name, self._written[text])
        self._written[text] = len(self._written) + 1
        name = f"The prompt, whole: {one.arm or 'as written'}, {one.model}, {len(text):,} characters"
        return Markup("<details><summary>{}</summary>{}<pre>{}</pre></details>").format(
            name, where, text[len(shared) :]
        )

    def _beginnings(self) -> Markup:
        if not self.beginnings:
            return Markup("")
        parts = [
            Markup("<details id=b{}><summary>Beginning {}: {}, {}</summary><pre>{}</pre></details>\n").format(
                number, number, arm or "as written", model, text
            )
            for number, ((arm, model), text) in enumerate(self.beginnings.items(), 1)
        ]
        return Markup("<section><h3>What the prompts begin with</h3>\n{}</section>\n").format(Markup("").join(parts))


def _beginning(first: str, last: str) -> str:
    """What two texts begin with. Of sorted texts, the first and the last differ most, so all others share it."""
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[: first.rfind("\n", 0, same) + 1]  # whole lines


def _answer(one: Observation) -> Markup:
    known = {0.0: "wrong", 1.0: "right"}
    score = "not judged" if one.score is None else known.get(one.score, f"scored {one.score:.2g}")
    name = f"{one.arm or one.model}: {score}"
    return Markup("<tr><th>{}</th><td><pre>{}</pre></td></tr>\n").format(name, one.text)


def _changes(changes: Iterable[TextChange]) -> Markup:
    return Markup("<pre>{}</pre>").format(Markup("").join(map(_change, changes)))


def _change(change: TextChange) -> Markup:
    if change.kind == "same":
        return Markup("{}").format(_ends(change.text))
    tag = "del" if change.kind == "gone" else "ins"
    return Markup("<{0}>{1}</{0}>").format(tag, _ends(change.text, 40))


def _ends(text: str, kept: int = KEPT_WORDS) -> str:
    """The beginning and the end of a long text; the whole prompt stands below."""
    words = text.split(" ")
    if len(words) <= 2 * kept + 4:
        return text
    left_out = len(words) - 2 * kept
    return " ".join([*words[:kept], f"… {left_out:,} words …", *words[-kept:]])
