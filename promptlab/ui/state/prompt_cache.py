"""What models would get for the last requests, with the tokens: a click must not tokenise an article again."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from promptlab.models import AsSent, Backend
from promptlab.types import Request

REMEMBERED = 64


class Sent:
    """A cache of `Backend.as_sent`, by request. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: LRUCache[str, AsSent] = LRUCache(REMEMBERED)

    def get(self, backend: Backend, request: Request) -> AsSent:
        """What `backend` would get for `request`. Raises what the backend raises; failures are not cached."""
        key = request.key(backend.fingerprint)
        # The request's key leaves out spans, but two drafts may give the same text from different sections.
        key += str(hash(request.prompt.spans))
        with self._lock:
            if key in self._known:
                return self._known[key]
        sent = backend.as_sent(request)
        with self._lock:
            self._known[key] = sent
        return sent
