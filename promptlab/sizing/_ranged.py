"""Reading the beginning of a file on a server, a part at a time.

    file = RangedFile("http://127.0.0.1:8000/model.gguf")
    head = read_gguf_of(file, file.size, "model.gguf")     # two to seven requests of 1 MiB
    file.beginning(head.begin)                              # the bytes of the head

Only the address that was given is asked. A redirect to another server is not followed, but named.
"""

from __future__ import annotations

import io
import re
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from typing import Any

from promptlab.errors import InputError
from promptlab.models import url_without_secrets

STEP = 1 << 20
"""Bytes that one request asks for."""
MOST = 128 << 20
"""Bytes of a head that are fetched at most; the largest heads have about 10 MB."""
SECONDS = 30


class RangedFile(io.RawIOBase):
    """The file at an address, read by HTTP Range requests, from the beginning on.

    Raises:
        InputError: the address cannot be read by parts; says why.
    """

    def __init__(self, address: str) -> None:
        parts = urllib.parse.urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{url_without_secrets(address)} is no address of http or https")
        self._address, self._at = address, 0
        self.name = urllib.parse.unquote(parts.path.rpartition("/")[2]) or "the file"
        self.requests = 0
        self._data = bytearray()
        self.size = 0
        self._fetch()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, place + (0 if whence == io.SEEK_SET else self._at if whence == io.SEEK_CUR else self.size))
        return self._at

    def read(self, count: int = -1) -> bytes:
        end = self.size if count < 0 else min(self.size, self._at + count)
        self._need(end)
        data = bytes(self._data[self._at : end])
        self._at += len(data)
        return data

    def beginning(self, count: int) -> bytes:
        """The first `count` bytes."""
        self._need(min(count, self.size))
        return bytes(self._data[:count])

    def _need(self, end: int) -> None:
        while len(self._data) < end:
            if end > MOST:
                raise InputError(
                    f"{self._shown}: the head of the file is longer than {MOST >> 20} MiB",
                    hint="no sound model has such a head",
                )
            self._fetch()

    @property
    def _shown(self) -> str:
        return url_without_secrets(self._address)

    def _fetch(self) -> None:
        begin = len(self._data)
        request = urllib.request.Request(self._address, headers={"Range": f"bytes={begin}-{begin + STEP - 1}"})
        self.requests += 1
        try:
            with _OPENER.open(request, timeout=SECONDS) as reply:
                total = _total(reply.status, reply.headers.get("Content-Range", ""), begin)
                data = reply.read(STEP + 1) if total else b""
                kind = reply.headers.get_content_type()
        except urllib.error.HTTPError as exc:
            raise InputError(f"{self._shown} cannot be read: {_why(exc)}", hint=_hint(exc)) from exc
        except (OSError, HTTPException, ValueError) as exc:
            why = getattr(exc, "reason", None) or exc
            raise InputError(f"{self._shown} cannot be read: {why}", hint="check the address and the network") from exc
        if total is None and kind in ("text/html", "application/xhtml+xml"):
            raise InputError(
                f"{self._shown}: the server sends a web page, not a file",
                hint="give the address of the file itself; on Hugging Face, it has /resolve/ in place of /blob/",
            )
        if total is None:
            raise InputError(
                f"{self._shown}: the server does not send parts of files",
                hint="download the file and give its path",
            )
        if (self.size and total != self.size) or len(data) != min(STEP, total - begin):
            raise InputError(f"{self._shown}: the server sent another part than was asked for", hint="try again")
        self.size = total
        self._data += data


def _total(status: int, content_range: str, begin: int) -> int | None:
    """Bytes of the whole file; None if the reply is not the part that was asked for."""
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", content_range.strip())
    return int(match[2]) if status == 206 and match and int(match[1]) == begin else None


def _why(error: urllib.error.HTTPError) -> str:
    if error.code in (301, 302, 303, 307, 308):
        host = urllib.parse.urlsplit(error.headers.get("Location", "")).netloc.rpartition("@")[2]
        return f"the server sends on to another one, {host or 'unknown'}, which was not asked"
    return f"the server answers {error.code} {error.reason}"


def _hint(error: urllib.error.HTTPError) -> str:
    if error.code in (301, 302, 303, 307, 308):
        return "if you trust that server, give the address that it sends on to; or download the file and give its path"
    return "check the address; a file that needs a login must be downloaded first"


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows redirects within one server only."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        old, new = urllib.parse.urlsplit(req.full_url), urllib.parse.urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            return None
        redirected = super().redirect_request(req, fp, code, msg, headers, newurl)
        if redirected is not None:
            redirected.add_header("Range", req.get_header("Range") or "")
        return redirected


_OPENER = urllib.request.build_opener(_SameServer)

__all__ = ["MOST", "STEP", "RangedFile"]
