"""Local models behind an OpenAI-compatible API: `promptlab serve`.

    import uvicorn
    from promptlab.models import Catalogue
    from promptlab.server import ModelServer, uvicorn_config
    from promptlab.workspace import Workspace

    app = ModelServer(Catalogue(Workspace.find()), ["smollm2-135m"])    # an ASGI app
    uvicorn.Server(uvicorn_config(app, host="127.0.0.1", port=8080)).run()

Clients then ask http://127.0.0.1:8080/v1/chat/completions. docs/serve.md lists every field. The workbench uses
`refuse_request` too: without a key, only pages and programs of this machine get an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptlab._lazy import lazy

if TYPE_CHECKING:
    from promptlab.server._app import ModelServer, labelled_models
    from promptlab.server._auth import KEY_VARIABLE, refuse_request
    from promptlab.server._socket import uvicorn_config

__all__ = [
    "KEY_VARIABLE",
    "ModelServer",
    "labelled_models",
    "refuse_request",
    "uvicorn_config",
]

if not TYPE_CHECKING:  # a type checker must see which names there are
    __getattr__ = lazy(__name__)
