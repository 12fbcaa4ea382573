"""The last few prompts as their models would get them, so that a click does not tokenise an article again."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from promptlab.models import Backend
from promptlab.types import AsSent, Request

REMEMBERED = 64


class Sent:
    """A memory of `Backend.as_sent`, by request. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[str, AsSent] = LRUCache(REMEMBERED)

    def get(self, backend: Backend, request: Request) -> AsSent:
        """What `backend` would get for `request`. Raises what the backend raises, and remembers no failure."""
        key = request.key(backend.fingerprint)
        # Spans are no part of the key: two drafts may give the same text from different sections.
        key += str(hash(request.prompt.spans))
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = backend.as_sent(request)
        with self._lock:
            self._known[key] = found
        return found
