"""From the bytes of tokens to text that may be shown: whole characters, and never part of a stop string."""

from __future__ import annotations

import codecs


class AnswerText:
    """Collects an answer. `feed` returns what may be shown now; `stopped` turns true at a stop string.

    The stop string that is complete first ends the answer, since the model would write no further. Of several that are
    complete with the same character, the longest counts. So it does not matter how the text is cut into tokens.

    A character whose bytes are spread over several tokens is held back until it is whole, and text that
    may be the start of a stop string until it is clear that it is not. The stop string itself is never
    part of the answer. `lead` is the white space which the chat template puts before an answer; the
    model writes it itself where the prompt ends without, and it is left out.
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
        """Take the bytes of a token; returns the text that is now certain, often empty."""
        if self.stopped:
            return ""
        self._held += self._decode(data)
        if self._lead:
            if len(self._held) < len(self._lead) and self._lead.startswith(self._held):
                return ""
            self._held, self._lead = self._held.removeprefix(self._lead), ""
        starts = [(self._held.find(stop), len(stop)) for stop in self._stops]
        found = [(start + length, start) for start, length in starts if start >= 0]
        if found:
            self.stopped = True
            return self._show(min(found)[1])
        return self._show(len(self._held) - self._doubtful())

    def finish(self) -> str:
        """The rest, at the end of an answer: text held back for a stop string that did not come. Not for an answer that
        a person stopped, which might have gone on with the rest of that string. Bytes of a character that never became
        whole are dropped."""
        if self.stopped or self._lead:  # nothing, or nothing but white space of the template
            return ""
        return self._show(len(self._held))

    def _doubtful(self) -> int:
        """How many last characters may be the beginning of a stop string."""
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
