"""The scan of one request before it leaves, by the rule of the workspace: refused, masked, warned of, or not looked at.

    found = checked(request, Scan(keys="mask"), keys=())
    found.request        # as it is sent: ghp_… has become [GITHUB_TOKEN_1]
    found.masks          # {"[GITHUB_TOKEN_1]": "ghp_…"}, which `undone` puts back into the answer
    found.warnings       # for the answer: what was found and sent all the same

No message here shows what was found; it says which kind, in which part of the prompt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from promptlab import workspace
from promptlab.errors import GateRefused
from promptlab.models._backend import Step
from promptlab.types import Completion, Delta, Message, Prompt, Request, Span, Thought
from promptlab.workspace import Finding, FindingGroup, NotScanned, ScanPolicy, ScanRule

GROUPS: tuple[FindingGroup, ...] = ("keys", "personal")
_BESIDE = 200
"""Characters on both sides of where two parts of a prompt meet that are looked at together."""
_OWN = "key of this workspace"


@dataclass(frozen=True, slots=True)
class Checked:
    """A request as it may be sent, the masks in it with what they stand for, and what is to be said with the answer."""

    request: Request
    masks: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Something found in message number `message`, or outside the messages for None; `where` is the part in words."""

    message: int | None
    found: Finding
    where: str
    text: str = field(repr=False)


def checked(request: Request, rule: ScanPolicy, keys: Sequence[str] = ()) -> Checked:
    """Look `request` over. `keys` are the keys of the workspace's models, which are found as they stand.

    Raises:
        GateRefused: the rule refuses what was found, or refuses or masks what could not be looked for.
    """
    masked: list[_Place] = []
    warnings: list[str] = []
    for group in GROUPS:
        what: ScanRule = getattr(rule, group)
        if what == "off":
            continue
        try:
            places = _places(request, group, rule.regions, keys if group == "keys" else ())
        except NotScanned as exc:
            if what == "warn":
                warnings.append(f"this {exc.message}; it was sent without")
                continue
            hint = f"{exc.hint}; or set `scan: {{{group}: off}}` in promptlab.yaml, which sends it unseen"
            raise GateRefused(f"not sent to {request.model}: the prompt {exc.message}", hint=hint) from exc
        if not places:
            continue
        if what == "refuse" or (what == "mask" and any(place.message is None for place in places)):
            raise _refused(request, places, group, what)
        if what == "mask":
            masked += places
        else:
            warnings.append(f"sent with what looks like {_said(places)}")
    if not masked:
        return Checked(request, {}, tuple(warnings))
    sent, masks = _masked(request, masked)
    return Checked(sent, masks, tuple(warnings))


def _refused(request: Request, places: Sequence[_Place], group: FindingGroup, what: ScanRule) -> GateRefused:
    outside = [place for place in places if place.message is None]
    if what == "mask":
        message = f"not sent to {request.model}: there is {_said(outside)}, where nothing can be masked"
    else:
        message = f"not sent to {request.model}: it holds what looks like {_said(places)}"
    hint = (
        f"take it out; or, if it may leave this machine, say so in promptlab.yaml: `scan: {{{group}: mask}}` puts a "
        "mark in its place, `warn` sends it"
    )
    return GateRefused(message, hint=hint)


def _said(places: Sequence[_Place]) -> str:
    """Kinds and parts, in the order in which they stand in the prompt."""
    counts = Counter((place.found.kind, place.where) for place in places)
    return ", ".join(
        f"{_an(kind)} in {where}" if number == 1 else f"{number} of {_an(kind)} in {where}"
        for (kind, where), number in counts.items()
    )


def _an(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIO' else 'a'} {kind}"


# Where things are


def _places(request: Request, group: FindingGroup, regions: Sequence[str], keys: Sequence[str]) -> list[_Place]:
    found: list[_Place] = []
    for number, message in enumerate(request.messages):
        spans = [span for span in request.prompt.spans if span.message == number] or [
            Span(number, 0, len(message.content), "layout")
        ]
        here = _in_message(message.content, spans, group, regions, keys)
        found += [
            _Place(number, one, _where(spans, one, message), message.content[one.start : one.end])
            for one in workspace.without_overlaps(here)
        ]
        if message.name:
            found += _outside("the name of a message", message.name, group, regions, keys)
    if request.schema:
        found += _outside("the schema", request.schema, group, regions, keys)
    if request.params.stop:
        found += _outside("a stop string", "\n".join(request.params.stop), group, regions, keys)
    return found


def _outside(
    where: str, text: str, group: FindingGroup, regions: Sequence[str], keys: Sequence[str]
) -> Iterator[_Place]:
    for one in (*workspace.scan_text(text, group, regions), *_own(text, keys)):
        yield _Place(None, one, where, text[one.start : one.end])


def _in_message(
    text: str, spans: Sequence[Span], group: FindingGroup, regions: Sequence[str], keys: Sequence[str]
) -> Iterator[Finding]:
    """Each part by itself, which for a document is done once, and what stands across where two of them meet."""
    yield from _own(text, keys)
    for span in spans:
        yield from _moved(workspace.scan_text(text[span.start : span.end], group, regions), span.start)
    for edge in sorted({span.start for span in spans} - {0}):
        start = max(0, edge - _BESIDE)
        for one in _moved(workspace.scan_text(text[start : edge + _BESIDE], group, regions), start):
            if one.start < edge < one.end:
                yield one


def _moved(found: Iterable[Finding], by: int) -> Iterator[Finding]:
    return (replace(one, start=one.start + by, end=one.end + by) for one in found)


def _own(text: str, keys: Sequence[str]) -> Iterator[Finding]:
    """The keys of the workspace's models: known, so that no shape is needed."""
    for key in keys:
        for match in re.finditer(re.escape(key), text) if len(key) >= 8 and key in text else ():
            yield Finding(match.start(), match.end(), "keys", _OWN)


def _where(spans: Sequence[Span], found: Finding, message: Message) -> str:
    span = next((s for s in spans if s.start <= found.start < s.end), spans[0])
    part = span.section.replace("_", " ")
    line = message.content.count("\n", span.start, found.start) + 1
    named = f"{part} `{span.source}`" if span.source else f"the {part}"
    return f"{named}, line {line}"


# Masks


def _masked(request: Request, places: Sequence[_Place]) -> tuple[Request, dict[str, str]]:
    """The request with a mark for each thing found, the same for the same text; and what the marks stand for."""
    everything = "\n".join(message.content for message in request.messages)
    masks: dict[str, str] = {}
    by_text: dict[str, str] = {}
    for place in places:
        if place.text not in by_text:
            mark = _mark(place.found.kind, everything, masks)
            by_text[place.text], masks[mark] = mark, place.text
    messages, spans = list(request.messages), list(request.prompt.spans)
    for number, message in enumerate(request.messages):
        found = workspace.without_overlaps(_everywhere(message.content, by_text))
        marks = [by_text[message.content[one.start : one.end]] for one in found]
        messages[number] = replace(message, content=_replaced(message.content, found, marks))
        spans = [_shifted(span, found, marks) if span.message == number else span for span in spans]
    prompt = Prompt(tuple(messages), tuple(spans), request.prompt.sources)
    return replace(request, prompt=prompt), masks


def _everywhere(text: str, texts: Iterable[str]) -> Iterator[Finding]:
    """Every place of every one of `texts`: what is known as a key in one place is one where no words say so, too."""
    for one in texts:
        for match in re.finditer(re.escape(one), text):
            yield Finding(match.start(), match.end(), "keys", "")


def _mark(kind: str, everything: str, masks: Mapping[str, str]) -> str:
    word = re.sub(r"\W+", "_", kind).upper()
    number = 1
    while (mark := f"[{word}_{number}]") in masks or mark in everything:
        number += 1
    return mark


def _replaced(text: str, found: Sequence[Finding], marks: Sequence[str]) -> str:
    done, at = [], 0
    for one, mark in zip(found, marks, strict=True):
        done += [text[at : one.start], mark]
        at = one.end
    return "".join([*done, text[at:]])


def _shifted(span: Span, found: Sequence[Finding], marks: Sequence[str]) -> Span:
    def moved(place: int) -> int:
        by = 0
        for one, mark in zip(found, marks, strict=True):
            if one.end <= place:
                by += len(mark) - (one.end - one.start)
            elif one.start < place:  # where two parts met: the mark goes to the first of them
                return one.start + by + len(mark)
        return place + by

    return replace(span, start=moved(span.start), end=moved(span.end))


class Unmask:
    """Puts back what marks stand for in a text that comes in pieces; a mark may come in several."""

    def __init__(self, masks: Mapping[str, str]) -> None:
        self._masks, self._held = masks, ""
        self._pattern = re.compile("|".join(map(re.escape, masks)))

    def feed(self, piece: str) -> str:
        """What can be said now."""
        text = self._held + piece
        keep = 0
        # The longest end of the text that a mark may begin with.
        at = text.rfind("[")
        if at >= 0 and any(mark.startswith(text[at:]) and mark != text[at:] for mark in self._masks):
            keep = len(text) - at
        self._held = text[len(text) - keep :] if keep else ""
        return self.whole(text[: len(text) - keep])

    def rest(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return held

    def whole(self, text: str) -> str:
        """All of a text at once."""
        return self._pattern.sub(lambda match: self._masks[match.group()], text)


def undone(steps: Iterator[Step], found: Checked) -> Generator[Step]:
    """`steps` with the masks undone in what the model says and thinks, and with what is to be said beside it."""
    said, thought = (Unmask(found.masks), Unmask(found.masks)) if found.masks else (None, None)
    with closing(cast(Any, steps)):
        try:
            for step in steps:
                if isinstance(step, Delta) and said is not None:
                    if text := said.feed(step.text):
                        yield replace(step, text=text)
                elif isinstance(step, Thought) and thought is not None:
                    if text := thought.feed(step.text):
                        yield replace(step, text=text)
                elif isinstance(step, Completion):
                    yield from _held_back(said, thought)
                    yield _completed(step, found, said)
                else:
                    yield step
        except Exception:
            yield from _held_back(said, thought)
            raise


def _held_back(said: Unmask | None, thought: Unmask | None) -> Iterator[Step]:
    if thought is not None and (text := thought.rest()):
        yield Thought(text)
    if said is not None and (text := said.rest()):
        yield Delta(text)


def _completed(done: Completion, found: Checked, said: Unmask | None) -> Completion:
    details = dict(done.details)
    if found.warnings:
        details["warnings"] = [*details.get("warnings", ()), *found.warnings]
    if said is None:
        return replace(done, details=details)
    details["masked"] = len(found.masks)
    return replace(done, text=said.whole(done.text), thinking=said.whole(done.thinking), details=details)


__all__ = ["Checked", "Unmask", "checked", "undone"]
