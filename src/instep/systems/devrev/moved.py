"""Where DevRev says that an id has changed: in ``Location``, as an id or an address (documented).

httpx makes an address of that header even where it follows none, and fails at an id such as
``don:core:...``; so the header is given another name before httpx looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

import httpx

#: The name under which an answer keeps what ``Location`` said.
MOVED = "x-moved-to"


class Unmoved(httpx.AsyncBaseTransport):
    """A transport whose answers never redirect."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        """Send everything through ``inner``."""
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and hide from httpx where its answer points to."""
        response = await self._inner.handle_async_request(request)
        if (location := response.headers.pop("location", None)) is not None:
            response.headers[MOVED] = location
        return response

    async def aclose(self) -> None:
        """Give back connections."""
        await self._inner.aclose()


def new_id(headers: Mapping[str, str]) -> str:
    """Read the new id out of an answer's headers; empty if it does not say."""
    return unquote(headers.get(MOVED, "")).rpartition("id=")[2]
