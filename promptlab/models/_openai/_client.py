"""The openai library's client for one model, with nothing taken from the environment that promptlab.yaml did not
name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import SplitResult

from promptlab.models._openai._endpoint import Endpoint
from promptlab.workspace import OpenAIModel

if TYPE_CHECKING:
    import httpx2
    import openai


def make_client(
    entry: OpenAIModel,
    endpoint: Endpoint,
    *,
    authorization: tuple[str, str] | None,
    query: str,
    proxy: SplitResult | None,
) -> openai.OpenAI:
    """A client that never retries by itself. `authorization` is the header with the key, `query` that of `base_url`."""
    import httpx2
    import openai

    from promptlab.models._openai._transport import Transport

    timeout = _timeouts(entry)
    # Every value that the library would otherwise look up in OPENAI_* variables is given. The key is not: the transport
    # adds it, and drops whatever headers OPENAI_CUSTOM_HEADERS adds.
    return openai.OpenAI(
        api_key="-",
        admin_api_key="",
        organization="",
        project="",
        webhook_secret="",
        base_url=endpoint.url,
        max_retries=0,
        timeout=timeout,
        http_client=httpx2.Client(
            transport=Transport(
                endpoint.url, authorization=authorization, query=query, keep=entry.max_parallel, proxy=proxy
            ),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
        ),
    )


def _timeouts(entry: OpenAIModel) -> httpx2.Timeout:
    """The time limits of one request. There is none for a free connection: waiting for one could not be stopped."""
    import httpx2

    return httpx2.Timeout(connect=entry.connect_timeout, read=entry.read_timeout, write=entry.read_timeout, pool=None)


__all__ = ["make_client"]
