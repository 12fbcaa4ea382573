"""The catalogue entry of an API model, checked before anything is sent: library, address and key.

https://api.openai.com/v1                                   OpenAI, also by region (eu.api.openai.com)
https://NAME.openai.azure.com  + api_version                Azure: .../openai/deployments/MODEL/chat/completions
https://NAME.openai.azure.com/openai/v1                     Azure's newer form, without deployments in the address
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, unquote_plus, urlencode, urlsplit

from promptlab._util.network import is_loopback, is_openai
from promptlab.errors import ModelNotReady
from promptlab.types import canonical_json, sha256
from promptlab.workspace import OpenAIModel, ScanPolicy

OFFICIAL = "https://api.openai.com/v1"
_AZURE_HOST = re.compile(
    r".+\.(openai\.azure\.(com|us|cn)|cognitiveservices\.azure\.(com|us|cn)|services\.ai\.azure\.com)"
)
_VERSION = re.compile(r"api-version=(\d{4}-\d{2}-\d{2}(-preview)?|preview|latest|v\d)")
_SHORT_NAME = 5


@dataclass(frozen=True, slots=True)
class ApiAddress:
    """The address of a model. `base` is shown to people, so it holds no user, password or query; `query` and `secrets`
    are not shown. `official` is True for OpenAI itself, `azure` for Azure and servers with the same protocol.
    """

    base: str
    query: str
    official: bool
    azure: bool
    secrets: tuple[str, ...]
    user: str = ""
    password: str = ""

    @property
    def version(self) -> str:
        """The part of the query that may be shown: `api-version=2024-10-21`, or "" if there is none."""
        return "&".join(part for part in self.query.split("&") if is_api_version(part))

    @property
    def hidden_query(self) -> str:
        """The rest of the query, as in `base_url`."""
        return "&".join(part for part in self.query.split("&") if part and not is_api_version(part))


def check_installed(name: str) -> None:
    """Raise `ModelNotReady` if the extra is missing. Imports nothing."""
    for package in ("openai", "bpe_openai"):
        if importlib.util.find_spec(package) is None:
            hint = "install it with: pip install 'promptlab[openai]'"
            raise ModelNotReady(f"{name}: the Python package `{package}` is not installed", hint=hint)


def api_address(name: str, entry: OpenAIModel) -> ApiAddress:
    """The address of `entry`. Raises `ModelNotReady` if it is not an address of a server."""
    url = _checked_url(name, entry.base_url or OFFICIAL)
    host = url.hostname or ""
    # Azure's portal shows the whole address of one call, and people copy that.
    path = url.path.rstrip("/").removesuffix("/chat/completions")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    azure_host = url.scheme == "https" and _AZURE_HOST.fullmatch(host) is not None
    version = entry.api_version or query.get("api-version")
    azure = azure_host or entry.api_version is not None
    if azure and not path.endswith("/v1"):
        if version is None:
            raise ModelNotReady(
                f"{name}: Azure needs the version of its API",
                hint='set `api_version: "2024-10-21"`, or a `base_url` that ends with /openai/v1, which needs none',
            )
        if "/deployments/" not in path:
            path = f"{path or '/openai'}/deployments/{quote(entry.model, safe='')}"
    sent_query = url.query
    if entry.api_version is not None:
        kept = {key: value for key, value in query.items() if key != "api-version"}
        sent_query = urlencode({**kept, "api-version": entry.api_version})
    return ApiAddress(
        base=f"{url.scheme}://{url.netloc.rpartition('@')[2]}{path}",
        query=sent_query,
        official=url.scheme == "https" and is_openai(host) and url.port in (None, 443) and path == "/v1",
        azure=azure,
        secrets=_secrets(url),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
    )


def _secrets(url: SplitResult) -> tuple[str, ...]:
    """What no message may quote: user, password and the values of the query, in every form in which a server or the
    library may quote them. The longest come first, so that masking leaves no rest of one. A short user name, or one
    with a password beside it, is not a secret by itself."""
    secrets = {url.password or "", f"{url.username}:{url.password}" if url.password else url.username or ""}
    secrets |= {part.partition("=")[2] or part for part in url.query.split("&") if not is_api_version(part)}
    secrets |= {part for part in (url.username or "",) if len(part) > _SHORT_NAME}
    forms = {form for secret in secrets for form in (secret, unquote(secret), unquote_plus(secret))}
    forms |= {quote(form, safe="") for form in forms} | {quote_plus(form) for form in forms}
    forms |= {base64.b64encode(form.encode()).decode() for form in forms if ":" in form}
    return tuple(sorted(filter(None, forms), key=lambda form: (-len(form), form)))


def is_api_version(part: str) -> bool:
    """True if this part of a query is the version of Azure's API, which may be shown."""
    return _VERSION.fullmatch(unquote_plus(part)) is not None


def url_without_secrets(base_url: str) -> str:
    """`base_url` without user, password and query, for people; "…" if it is not an address."""
    try:
        url = urlsplit(base_url)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}" if url.scheme and url.netloc else "…"
    except ValueError:
        return "…"


def _checked_url(name: str, base_url: str) -> SplitResult:
    hint = 'it looks like "http://127.0.0.1:8000/v1"'
    try:
        url = urlsplit(base_url)
        wrong = url.scheme not in ("http", "https") or not url.hostname or url.port == 0
    except ValueError:
        wrong = True
    if wrong:
        raise ModelNotReady(f"{name}: `base_url` is not the address of an HTTP server", hint=hint)
    return url


def _host(base: str) -> str:
    return urlsplit(base).hostname or ""


def fingerprint(address: ApiAddress, entry: OpenAIModel, scan: ScanPolicy | None = None) -> str:
    """All that decides an answer besides the request: address and model, the fields that the catalogue adds to each
    request, and what the rule `scan` masks."""
    added = {
        "api_version": entry.api_version,
        "extra_body": json.loads(json.dumps(entry.extra_body)) or None,
        "reasoning": json.loads(json.dumps({k: dict(v) for k, v in entry.reasoning.items()})) or None,
        "reasoning_effort": entry.reasoning_effort,
        "masked": _masked(scan),
    }
    added = {key: value for key, value in added.items() if value is not None}
    more = f" with={sha256(canonical_json(added))[:16]}" if added else ""
    return f"openai:{address.base}:{entry.model}{more}"


def _masked(scan: ScanPolicy | None) -> list[str] | None:
    if scan is None:
        return None
    groups = [group for group, rule in (("keys", scan.keys), ("personal", scan.personal)) if rule == "mask"]
    return [*groups, *(scan.regions if "personal" in groups else ())] or None


def api_key_header(entry: OpenAIModel, address: ApiAddress) -> str:
    """The name of the header with the key, in lower case."""
    return entry.api_key_header or ("api-key" if address.azure else "authorization")


def authorization(name: str, entry: OpenAIModel, key: str, address: ApiAddress) -> tuple[str, str] | None:
    """Name and value of the header with the key; None if no key is sent. Raises `ModelNotReady`, which quotes no key: a
    damaged one is still a secret."""
    if not key and (entry.api_key_env or address.official):
        env = entry.api_key_env or "OPENAI_API_KEY"
        hint = f"set {env} in the environment"
        if not entry.api_key_env:
            hint = f"name the variable that holds the key: `api_key_env: {env}` in promptlab.yaml"
        raise ModelNotReady(f"{name} needs an API key", hint=hint)
    if key and not entry.key_over_http and address.base.startswith("http://") and not is_loopback(_host(address.base)):
        raise ModelNotReady(
            f"{name}: its key would go to {address.base} unencrypted",
            hint="use https://, or set `key_over_http: true` in its entry of promptlab.yaml",
        )
    if not key.isascii() or not key.isprintable() or " " in key:
        hint = f"check the environment variable {entry.api_key_env}" if entry.api_key_env else ""
        raise ModelNotReady(f"{name}: the API key has characters that no key can have", hint=hint)
    if key:
        plain = api_key_header(entry, address) == "api-key"
        return ("api-key", key) if plain else ("Authorization", f"Bearer {key}")
    if address.user:
        pair = f"{address.user}:{address.password}"
        return "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"
    return None
