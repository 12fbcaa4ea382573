"""The scan of a request before it leaves. The rule of the workspace says what happens to keys and personal data.

    result = checked(request, ScanPolicy(keys="mask"), keys=())
    result.request       # as it is sent: ghp_… has become [GITHUB_TOKEN_1]
    result.masks         # {"[GITHUB_TOKEN_1]": "ghp_…"}, which `undone` puts back into the answer
    result.warnings      # shown with the answer: what was found and sent all the same

No message here quotes what was found; it says of which kind it is and in which part of the prompt.
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
"""Characters on each side of the border between two parts of a prompt that are searched together."""
_OWN = "key of this workspace"


@dataclass(frozen=True, slots=True)
class Checked:
    """A request as it may be sent, its masks with the text that each replaces, and warnings for the answer."""

    request: Request
    masks: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A finding in message number `message`, or outside the messages if that is None. `where` names the part."""

    message: int | None
    found: Finding
    where: str
    text: str = field(repr=False)


def checked(request: Request, rule: ScanPolicy, keys: Sequence[str] = ()) -> Checked:
    """ScanPolicy `request`. `keys` are the keys of the workspace's models, which are found whatever their form.

    Raises:
        GateRefused: the rule refuses what was found, or refuses or masks what could not be searched for.
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
                warnings.append(f"this {exc.message}; it was sent without a scan")
                continue
            hint = f"{exc.hint}; or set `scan: {{{group}: off}}` in promptlab.yaml, which sends it without a scan"
            raise GateRefused(f"not sent to {request.model}: the prompt {exc.message}", hint=hint) from exc
        if not places:
            continue
        if what == "refuse" or (what == "mask" and any(place.message is None for place in places)):
            raise _refused(request, places, group, what)
        if what == "mask":
            masked += places
        else:
            warnings.append(f"sent with what looks like {_kinds_and_parts(places)}")
    if not masked:
        return Checked(request, {}, tuple(warnings))
    sent, masks = _masked(request, masked)
    return Checked(sent, masks, tuple(warnings))


def _refused(request: Request, places: Sequence[_Place], group: FindingGroup, what: ScanRule) -> GateRefused:
    outside = [place for place in places if place.message is None]
    if what == "mask":
        message = f"not sent to {request.model}: there is {_kinds_and_parts(outside)}, where nothing can be masked"
    else:
        message = f"not sent to {request.model}: it holds what looks like {_kinds_and_parts(places)}"
    hint = (
        f"remove it; or, if it may leave this machine, set in promptlab.yaml `scan: {{{group}: mask}}`, which puts a "
        "mark in its place, or `warn`, which sends it"
    )
    return GateRefused(message, hint=hint)


def _kinds_and_parts(places: Sequence[_Place]) -> str:
    """The kinds that were found and where, in the order of the prompt."""
    counts = Counter((place.found.kind, place.where) for place in places)
    return ", ".join(
        f"{_an(kind)} in {where}" if number == 1 else f"{number} of {_an(kind)} in {where}"
        for (kind, where), number in counts.items()
    )


def _an(kind: str) -> str:
    return f"{'an' if kind[0] in 'AEIO' else 'a'} {kind}"


# Finding


def _places(request: Request, group: FindingGroup, regions: Sequence[str], keys: Sequence[str]) -> list[_Place]:
    places: list[_Place] = []
    for number, message in enumerate(request.messages):
        spans = [span for span in request.prompt.spans if span.message == number] or [
            Span(number, 0, len(message.content), "layout")
        ]
        here = _in_message(message.content, spans, group, regions, keys)
        places += [
            _Place(number, finding, _where(spans, finding, message), message.content[finding.start : finding.end])
            for finding in workspace.without_overlaps(here)
        ]
        if message.name:
            places += _outside("the name of a message", message.name, group, regions, keys)
    if request.schema:
        places += _outside("the schema", request.schema, group, regions, keys)
    if request.params.stop:
        places += _outside("a stop string", "\n".join(request.params.stop), group, regions, keys)
    return places


def _outside(
    where: str, text: str, group: FindingGroup, regions: Sequence[str], keys: Sequence[str]
) -> Iterator[_Place]:
    for finding in (*workspace.scan_text(text, group, regions), *_own(text, keys)):
        yield _Place(None, finding, where, text[finding.start : finding.end])


def _in_message(
    text: str, spans: Sequence[Span], group: FindingGroup, regions: Sequence[str], keys: Sequence[str]
) -> Iterator[Finding]:
    """Findings in each part by itself (the result for a document is cached), and those across the border of two
    parts."""
    yield from _own(text, keys)
    for span in spans:
        yield from _moved(workspace.scan_text(text[span.start : span.end], group, regions), span.start)
    for edge in sorted({span.start for span in spans} - {0}):
        start = max(0, edge - _BESIDE)
        for finding in _moved(workspace.scan_text(text[start : edge + _BESIDE], group, regions), start):
            if finding.start < edge < finding.end:
                yield finding


def _moved(findings: Iterable[Finding], by: int) -> Iterator[Finding]:
    return (replace(finding, start=finding.start + by, end=finding.end + by) for finding in findings)


def _own(text: str, keys: Sequence[str]) -> Iterator[Finding]:
    """The keys of the workspace's models. They are known, so no pattern is needed."""
    for key in keys:
        for match in re.finditer(re.escape(key), text) if len(key) >= 8 and key in text else ():
            yield Finding(match.start(), match.end(), "keys", _OWN)


def _where(spans: Sequence[Span], finding: Finding, message: Message) -> str:
    span = next((s for s in spans if s.start <= finding.start < s.end), spans[0])
    part = span.section.replace("_", " ")
    line = message.content.count("\n", span.start, finding.start) + 1
    named = f"{part} `{span.source}`" if span.source else f"the {part}"
    return f"{named}, line {line}"


# Masks


def _masked(request: Request, places: Sequence[_Place]) -> tuple[Request, dict[str, str]]:
    """The request with a mark for each finding (the same mark for the same text), and the text that each mark
    replaces."""
    everything = "\n".join(message.content for message in request.messages)
    masks: dict[str, str] = {}
    by_text: dict[str, str] = {}
    for place in places:
        if place.text not in by_text:
            mark = _mark(place.found.kind, everything, masks)
            by_text[place.text], masks[mark] = mark, place.text
    messages, spans = list(request.messages), list(request.prompt.spans)
    for number, message in enumerate(request.messages):
        findings = workspace.without_overlaps(_everywhere(message.content, by_text))
        marks = [by_text[message.content[finding.start : finding.end]] for finding in findings]
        messages[number] = replace(message, content=_replaced(message.content, findings, marks))
        spans = [_shifted(span, findings, marks) if span.message == number else span for span in spans]
    prompt = Prompt(tuple(messages), tuple(spans), request.prompt.sources)
    return replace(request, prompt=prompt), masks


def _everywhere(text: str, texts: Iterable[str]) -> Iterator[Finding]:
    """Every place of every one of `texts`. A text that is a key in one place is a key in all places, also if the words
    around it do not say so."""
    for secret in texts:
        for match in re.finditer(re.escape(secret), text):
            yield Finding(match.start(), match.end(), "keys", "")


def _mark(kind: str, everything: str, masks: Mapping[str, str]) -> str:
    word = re.sub(r"\W+", "_", kind).upper()
    number = 1
    while (mark := f"[{word}_{number}]") in masks or mark in everything:
        number += 1
    return mark


def _replaced(text: str, findings: Sequence[Finding], marks: Sequence[str]) -> str:
    parts, at = [], 0
    for finding, mark in zip(findings, marks, strict=True):
        parts += [text[at : finding.start], mark]
        at = finding.end
    return "".join([*parts, text[at:]])


def _shifted(span: Span, findings: Sequence[Finding], marks: Sequence[str]) -> Span:
    def moved(place: int) -> int:
        by = 0
        for finding, mark in zip(findings, marks, strict=True):
            if finding.end <= place:
                by += len(mark) - (finding.end - finding.start)
            elif finding.start < place:  # across the border of two parts: the mark goes to the first of them
                return finding.start + by + len(mark)
        return place + by

    return replace(span, start=moved(span.start), end=moved(span.end))


class Unmask:
    """Replaces marks by their text in an answer that comes in pieces. A mark may be cut over several pieces."""

    def __init__(self, masks: Mapping[str, str]) -> None:
        self._masks, self._held = masks, ""
        self._pattern = re.compile("|".join(map(re.escape, masks)))

    def feed(self, piece: str) -> str:
        """The text that is certain now."""
        text = self._held + piece
        keep = 0
        # The longest end of the text that may be the beginning of a mark.
        at = text.rfind("[")
        if at >= 0 and any(mark.startswith(text[at:]) and mark != text[at:] for mark in self._masks):
            keep = len(text) - at
        self._held = text[len(text) - keep :] if keep else ""
        return self.whole(text[: len(text) - keep])

    def rest(self) -> str:
        """The text that was held back."""
        held, self._held = self._held, ""
        return held

    def whole(self, text: str) -> str:
        """A whole text with its marks replaced."""
        return self._pattern.sub(lambda match: self._masks[match.group()], text)


def undone(steps: Iterator[Step], checked: Checked) -> Generator[Step]:
    """`steps` with the marks replaced in the answer and the thinking, and with the warnings of the scan."""
    answer, thinking = (Unmask(checked.masks), Unmask(checked.masks)) if checked.masks else (None, None)
    with closing(cast(Any, steps)):
        try:
            for step in steps:
                if isinstance(step, Delta) and answer is not None:
                    if text := answer.feed(step.text):
                        yield replace(step, text=text)
                elif isinstance(step, Thought) and thinking is not None:
                    if text := thinking.feed(step.text):
                        yield replace(step, text=text)
                elif isinstance(step, Completion):
                    yield from _held_back(answer, thinking)
                    yield _completed(step, checked, answer)
                else:
                    yield step
        except Exception:
            yield from _held_back(answer, thinking)
            raise


def _held_back(answer: Unmask | None, thinking: Unmask | None) -> Iterator[Step]:
    if thinking is not None and (text := thinking.rest()):
        yield Thought(text)
    if answer is not None and (text := answer.rest()):
        yield Delta(text)


def _completed(done: Completion, checked: Checked, answer: Unmask | None) -> Completion:
    details = dict(done.details)
    if checked.warnings:
        details["warnings"] = [*details.get("warnings", ()), *checked.warnings]
    if answer is None:
        return replace(done, details=details)
    details["masked"] = len(checked.masks)
    return replace(done, text=answer.whole(done.text), thinking=answer.whole(done.thinking), details=details)


__all__ = ["Checked", "Unmask", "checked", "undone"]
