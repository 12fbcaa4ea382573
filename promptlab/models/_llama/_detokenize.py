"""From the bytes of tokens to text that can be shown: whole characters, and never a part of a stop string."""

from __future__ import annotations

import codecs


class AnswerText:
    """Collects the text of an answer. `feed` returns the text that can be shown now; `stopped` is True after a stop
    string.

    The stop string that is complete first ends the answer. If several are complete with the same character, the longest
    counts. So the result does not depend on how the text is split into tokens.

    A character whose bytes are spread over several tokens is held back until it is complete. Text that may be the
    beginning of a stop string is held back until that is decided. The stop string is not part of the answer. `lead` is
    the white space that the chat template puts before an answer; if the prompt ends without it, the model writes it,
    and it is left out of the answer.
    """

    def __init__(self, stops: tuple[str, ...] = (), lead: str = "") -> None:
        self._stops = tuple(s for s in stops if s)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._held = ""
        self._lead = lead
        self._shown: list[str] = []
        self.stopped = False

    @property
    def text(self) -> str:
        """Everything shown so far."""
        return "".join(self._shown)

    def feed(self, data: bytes) -> str:
        """Add the bytes of a token; the text that can be shown now, often ""."""
        if self.stopped:
            return ""
        self._held += self._decode(data)
        if self._lead:
            if len(self._held) < len(self._lead) and self._lead.startswith(self._held):
                return ""
            self._held, self._lead = self._held.removeprefix(self._lead), ""
        starts = [(self._held.find(stop), len(stop)) for stop in self._stops]
        matches = [(start + length, start) for start, length in starts if start >= 0]
        if matches:
            self.stopped = True
            return self._show(min(matches)[1])
        return self._show(len(self._held) - self._undecided())

    def finish(self) -> str:
        """The text held back at the end of an answer, for a stop string that did not come. Not to be called if the user
        stopped the answer, because the stop string might have come. Bytes of an incomplete character are dropped."""
        if self.stopped or self._lead:  # nothing is left, or only white space of the template
            return ""
        return self._show(len(self._held))

    def _undecided(self) -> int:
        """The number of characters at the end that may be the beginning of a stop string."""
        longest = max((len(s) for s in self._stops), default=1) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            tail = self._held[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0

    def _show(self, size: int) -> str:
        shown, self._held = self._held[:size], self._held[size:]
        if shown:
            self._shown.append(shown)
        return shown
