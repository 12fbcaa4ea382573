"""Refuses requests that do not come from a page of this machine, by the same rule as `promptlab serve` without a key.

Streamlit checks Host and Origin for its websocket only, and for an unknown Origin it asks a host on the internet for
this machine's address. So every request is checked here first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from promptlab.server import refuse_request

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI middleware that answers 403 to requests from elsewhere."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        why = refuse_request(scope["headers"], "") if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"The workbench answers this machine only.\n"})


__all__ = ["Guard"]
