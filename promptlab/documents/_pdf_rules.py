"""The ruled lines of a PDF page, and which of them belong together."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MAX_RULES = 20_000
NEAR = 2.5  # points: rules this close are one


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line on the page: from `start` to `end` at the place `at`, upright or level."""

    upright: bool
    at: float
    start: float
    end: float


def page_rules(page: Any, turn: float) -> list[Rule]:
    """The ruled lines of a page whose text is written in the direction `turn`."""
    import pypdfium2.raw as pdfium

    rules: list[Rule] = []
    for index in range(pdfium.FPDFPage_CountObjects(page)):
        shape = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(shape) == pdfium.FPDF_PAGEOBJ_PATH:
            for (x1, y1), (x2, y2) in _segments(pdfium, shape):
                rules += _rule(seen(x1, y1, turn), seen(x2, y2, turn))
        if len(rules) > MAX_RULES:
            return []  # a drawing
    return rules


def seen(x: float, y: float, turn: float) -> tuple[float, float]:
    """The place on the page when it is turned so that its text is upright."""
    if not turn:
        return x, y
    return x * math.cos(turn) + y * math.sin(turn), -x * math.sin(turn) + y * math.cos(turn)


def _rule(a: tuple[float, float], b: tuple[float, float]) -> list[Rule]:
    across, up = abs(a[0] - b[0]), abs(a[1] - b[1])
    if across < 1 and up > 3:
        return [Rule(True, a[0], min(a[1], b[1]), max(a[1], b[1]))]
    if up < 1 and across > 3:
        return [Rule(False, a[1], min(a[0], b[0]), max(a[0], b[0]))]
    return []


def _segments(pdfium: Any, shape: Any) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(shape, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    first = last = (0.0, 0.0)
    for index in range(min(pdfium.FPDFPath_CountSegments(shape), MAX_RULES)):
        segment = pdfium.FPDFPath_GetPathSegment(shape, index)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield last, first


def merged(rules: Iterable[Rule]) -> list[Rule]:
    """The rules, with those that continue or cover each other as one."""
    joined: list[Rule] = []
    for rule in sorted(set(rules), key=lambda r: (r.upright, round(r.at), r.start)):
        last = joined[-1] if joined else None
        if last and last.upright == rule.upright and abs(last.at - rule.at) <= 1 and rule.start <= last.end + NEAR:
            joined[-1] = Rule(last.upright, last.at, last.start, max(last.end, rule.end))
        else:
            joined.append(rule)
    return joined


def groups(rules: Sequence[Rule]) -> list[list[Rule]]:
    """The rules in groups that touch each other."""
    level = [rule for rule in rules if not rule.upright]
    upright = [rule for rule in rules if rule.upright]
    if len(level) * len(upright) > 1_000_000:
        return []
    group: dict[Rule, Rule] = {rule: rule for rule in rules}

    def root(rule: Rule) -> Rule:
        while group[rule] is not rule:
            group[rule] = group[group[rule]]
            rule = group[rule]
        return rule

    for a in level:
        for b in upright:
            if a.start - NEAR <= b.at <= a.end + NEAR and b.start - NEAR <= a.at <= b.end + NEAR:
                group[root(a)] = root(b)
    found: dict[Rule, list[Rule]] = {}
    for rule in rules:
        found.setdefault(root(rule), []).append(rule)
    return list(found.values())


def places(rules: Sequence[Rule]) -> list[float]:
    """Where the rules are, in rising order."""
    apart: list[float] = []
    for at in sorted(rule.at for rule in rules):
        if not apart or at - apart[-1] > NEAR:
            apart.append(at)
    return apart
