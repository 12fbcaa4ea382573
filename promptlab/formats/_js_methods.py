"""Methods of JavaScript's texts and lists that a Nunjucks text may call; each gives the same as there.

method_of("grace", "toUpperCase")()      # "GRACE"
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from promptlab.formats import _js_values as js
from promptlab.formats._js_values import UNDEFINED, NotModelled


def method_of(owner: Any, name: Any) -> Callable[..., Any]:
    """The method `name` of `owner`. Raises `NotModelled` if it is not known here, or if the call fails."""
    table = _TEXT if isinstance(owner, str) else _LIST if isinstance(owner, list) else {}
    method = table.get(str(name))
    if isinstance(owner, str) and name in _BY_PLACE:
        owner = js.in_units(owner)
    if method is None:
        raise NotModelled(f"the method `.{name}()` of {js.kind_of(owner)}")

    def call(*values: Any) -> Any:
        try:
            return method(owner, *values)
        except (TypeError, ValueError) as exc:
            raise NotModelled(f"the method `.{name}()` with these arguments") from exc

    return call


def _bound(value: Any, length: int, otherwise: int) -> int:
    if value is UNDEFINED:
        return otherwise
    number = js.to_number(value)
    whole = 0 if math.isnan(number) else int(max(-1e9, min(1e9, number)))
    return max(0, length + whole) if whole < 0 else min(whole, length)


def _slice(owner: Any, start: Any = UNDEFINED, stop: Any = UNDEFINED) -> Any:
    return owner[_bound(start, len(owner), 0) : _bound(stop, len(owner), len(owner))]


def _substring(owner: str, start: Any, stop: Any = UNDEFINED) -> str:
    ends = [max(0, min(len(owner), int(js.to_number(value)))) for value in (start, stop) if value is not UNDEFINED]
    low, high = sorted(ends) if len(ends) > 1 else (ends[0], len(owner))
    return owner[low:high]


def _split(owner: str, between: Any = UNDEFINED, most: Any = UNDEFINED) -> list[Any]:
    if most is not UNDEFINED or not isinstance(between, str | js.Undefined):
        raise NotModelled("`.split()` with these arguments")
    if not isinstance(between, str):
        return [owner]
    return owner.split(between) if between else list(owner)


def _replace(count: int) -> Callable[[str, Any, Any], str]:
    def replaced(owner: str, old: Any, new: Any) -> str:
        if not isinstance(old, str) or not isinstance(new, str) or "$" in new or not old:
            raise NotModelled("`.replace()` with these arguments")
        return owner.replace(old, new, count)

    return replaced


def _char(owner: str, index: Any = 0) -> str:
    number = int(js.to_number(index))
    return owner[number] if 0 <= number < len(owner) else ""


def _push(owner: list[Any], *values: Any) -> int:
    owner.extend(values)
    return len(owner)


def _pad(left: bool) -> Callable[..., str]:
    def padded(owner: str, length: Any, fill: Any = " ") -> str:
        missing = int(js.to_number(length)) - len(owner)
        if missing <= 0 or missing > 10_000 or not isinstance(fill, str) or not fill:
            return owner
        margin = (fill * missing)[:missing]
        return margin + owner if left else owner + margin

    return padded


_TEXT: Mapping[str, Callable[..., Any]] = {
    "charAt": _char,
    "endsWith": lambda owner, end: owner.endswith(js.js_text(end)),
    "includes": lambda owner, part: js.js_text(part) in owner,
    "indexOf": lambda owner, part: owner.find(js.js_text(part)),
    "padEnd": _pad(False),
    "padStart": _pad(True),
    "replace": _replace(1),
    "replaceAll": _replace(-1),
    "slice": _slice,
    "split": _split,
    "startsWith": lambda owner, start: owner.startswith(js.js_text(start)),
    "substring": _substring,
    "toLowerCase": str.lower,
    "toString": str,
    "toUpperCase": str.upper,
    "trim": str.strip,
}

_BY_PLACE = {"charAt", "indexOf", "padEnd", "padStart", "slice", "split", "substring"}

_LIST: Mapping[str, Callable[..., Any]] = {
    "includes": lambda owner, item: any(js.strictly_equal(item, each) for each in owner),
    "join": lambda owner, between=",": js.js_text(between).join(map(js.printed, owner)),
    "push": _push,
    "slice": _slice,
}
