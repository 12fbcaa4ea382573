"""A request as a Python program or a curl command.

No key is ever written: both read it from the environment variable that promptlab.yaml names. For the user, password and
query of a `base_url` a comment names the variables to set.
"""

from __future__ import annotations

import shlex
from itertools import chain
from urllib.parse import parse_qsl

from promptlab.formats._exported_address import exported_address
from promptlab.formats.openai import json_text, request_body
from promptlab.models import api_address, api_key_header
from promptlab.types import Request
from promptlab.workspace import OpenAIModel


def request_as_python(request: Request, entry: OpenAIModel) -> str:
    """A Python program that sends the request with the `openai` package."""
    body = request_body(request, entry)
    own = {
        "top_k",
        "min_p",
        "repeat_penalty",
        "repetition_penalty",
        *entry.extra_body,
        *chain(*entry.reasoning.values()),
    }
    extra = {key: body.pop(key) for key in list(body) if key in own}
    env = _key_env(entry)
    key = f'os.environ["{env}"]' if env else '"none"'
    at = api_address(request.model, entry)
    asked = exported_address(request.model, at, key_env=env)
    base = f", base_url={at.base!r}" if entry.base_url or at.azure else ""
    query = [repr(dict(parse_qsl(at.version)))[1:-1]] if at.version else []
    query += [f'**dict(parse_qsl(os.environ["{asked.query_env}"], True))'] if asked.query_env else []
    base += f", default_query={{{', '.join(query)}}}" if query else ""
    if env and api_key_header(entry, at) == "api-key":
        base += f', default_headers={{"api-key": {key}}}'
    elif asked.login_env:
        login = f'base64.b64encode(os.environ["{asked.login_env}"].encode()).decode()'
        base += f', default_headers={{"Authorization": "Basic " + {login}}}'
    imports = ["base64"] if asked.login_env else []
    imports += ["os"] if env or asked.login_env or asked.query_env else []
    lines = [*(f"import {name}" for name in imports)]
    lines += ["from urllib.parse import parse_qsl"] if asked.query_env else []
    lines += [*([""] if lines else []), "from openai import OpenAI", "", *(f"# {line}" for line in asked.notes)]
    lines += [f"client = OpenAI(api_key={key}{base})", "completion = client.chat.completions.create("]
    lines += [f"    {name}={value!r}," for name, value in body.items()]
    lines += [f"    extra_body={extra!r}," if extra else "", ")", "print(completion.choices[0].message.content)"]
    return "\n".join(line for number, line in enumerate(lines) if line or not lines[number - 1].endswith(",")) + "\n"


def request_as_curl(request: Request, entry: OpenAIModel) -> str:
    """A curl command for a POSIX shell that sends the request."""
    at = api_address(request.model, entry)
    env = _key_env(entry)
    asked = exported_address(request.model, at, key_env=env)
    url = shlex.quote(f"{at.base}/chat/completions" + (f"?{at.version}" if at.version else ""))
    if asked.query_env:
        url = f'--globoff {url}"{"&" if at.version else "?"}${{{asked.query_env}:?}}"'
    head = [f"curl {url}", "-H 'Content-Type: application/json'"]
    if env:
        plain = api_key_header(entry, at) == "api-key"
        head.append(f'-H "api-key: ${env}"' if plain else f'-H "Authorization: Bearer ${env}"')
    elif asked.login_env:
        head.append(f'--user "${{{asked.login_env}:?}}"')
    command = " \\\n  ".join([*head, f"--data-binary {shlex.quote(json_text(request_body(request, entry)))}"]) + "\n"
    return "".join(f"# {line}\n" for line in asked.notes) + command


def _key_env(entry: OpenAIModel) -> str:
    return entry.api_key_env or ("" if entry.base_url else "OPENAI_API_KEY")
