"""The address of a server in an exported file, without the user, password and query of `base_url`.

The file names environment variables instead:

    base_url: "http://u:secret@127.0.0.1:8000/v1?k=x" of the model `ours`
    -> http://127.0.0.1:8000/v1, OURS_LOGIN (u:secret) and OURS_QUERY (k=x)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptlab.models import ApiAddress


@dataclass(frozen=True)
class ExportedAddress:
    """Names of the variables for the parts that are left out, "" if none is. `notes` tell the user to set them."""

    query_env: str
    login_env: str
    notes: tuple[str, ...]


def exported_address(model: str, at: ApiAddress, *, key_env: str) -> ExportedAddress:
    """The variables that an export of the model needs. If there is a key, user and password are not used."""
    name = re.sub(r"[^A-Z0-9]+", "_", model.upper()).strip("_") or "MODEL"
    name = f"MODEL_{name}" if name[0].isdigit() else name
    query = f"{name}_QUERY" if at.hidden_query else ""
    login = f"{name}_LOGIN" if (at.user or at.password) and not key_env else ""
    notes = []
    if login:
        notes.append(f"set {login} to the user and password of `base_url`, as user:password")
    if query:
        notes.append(f"set {query} to the query of `base_url`, what stands after the question mark")
    return ExportedAddress(query, login, tuple(notes))
