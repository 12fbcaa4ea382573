"""A server's address in a file that leaves: user, password and query of `base_url` stay out of it, and environment
variables stand in their place.

    base_url: "http://u:secret@127.0.0.1:8000/v1?k=x" of the model `ours`
    -> http://127.0.0.1:8000/v1, OURS_LOGIN (u:secret) and OURS_QUERY (k=x)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptlab.models import ApiAddress


@dataclass(frozen=True)
class Exported:
    """Names of the variables that hold what is left out; "" where nothing is. `notes` tell people to set them."""

    query_env: str
    login_env: str
    notes: tuple[str, ...]


def of(model: str, at: ApiAddress, *, key_env: str) -> Exported:
    """What an export of the model has to have in variables. A key goes before user and password, as in a request."""
    name = re.sub(r"[^A-Z0-9]+", "_", model.upper()).strip("_") or "MODEL"
    name = f"MODEL_{name}" if name[0].isdigit() else name
    query = f"{name}_QUERY" if at.hidden_query else ""
    login = f"{name}_LOGIN" if (at.user or at.password) and not key_env else ""
    notes = []
    if login:
        notes.append(f"set {login} to the user and password of `base_url`, as user:password")
    if query:
        notes.append(f"set {query} to the query of `base_url`, what stands after the question mark")
    return Exported(query, login, tuple(notes))
