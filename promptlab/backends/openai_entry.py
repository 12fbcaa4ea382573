"""A catalogue entry of an API model, looked at before anything is asked: library, address and key."""

from __future__ import annotations

import base64
import importlib.util
from urllib.parse import SplitResult, unquote, urlsplit

from promptlab.errors import ModelNotReady
from promptlab.workspace import OpenAIModel


def check_installed(name: str) -> None:
    """Raise `ModelNotReady` where the extra is missing; imports nothing."""
    for package in ("openai", "bpe_openai"):
        if importlib.util.find_spec(package) is None:
            hint = "install it with: pip install 'promptlab[openai]'"
            raise ModelNotReady(f"{name}: the Python package `{package}` is not installed", hint=hint)


def checked_url(name: str, base_url: str) -> SplitResult:
    """`base_url` in its parts; raises `ModelNotReady` when it cannot be asked."""
    hint = 'it looks like "http://127.0.0.1:8000/v1"'
    try:
        url = urlsplit(base_url)
        wrong = url.scheme not in ("http", "https") or not url.hostname or url.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise ModelNotReady(f"{name}: `base_url` is no address of an HTTP server", hint=hint)
    return url


def authorization(name: str, entry: OpenAIModel, key: str, url: SplitResult, *, official: bool) -> str:
    """The header's value, or empty for none. Raises `ModelNotReady`, which quotes nothing: a broken key is a key."""
    if not key and (entry.api_key_env or official):
        env = entry.api_key_env or "OPENAI_API_KEY"
        hint = f"set the environment variable {env} to an API key, then start promptlab again"
        if not entry.api_key_env:
            hint = f"name the variable that holds the key: `api_key_env: {env}` in promptlab.yaml"
        raise ModelNotReady(f"{name}: there is no API key", hint=hint)
    if not key.isascii() or not key.isprintable() or " " in key:
        hint = f"look at the environment variable {entry.api_key_env}" if entry.api_key_env else ""
        raise ModelNotReady(f"{name}: the API key holds characters no key can hold", hint=hint)
    if key:
        return f"Bearer {key}"
    if url.username:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ""
