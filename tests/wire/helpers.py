"""What the wire tests share."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import respx

from instep.core.model import Mark

MARK = Mark("datadog", "IR-338027", "7f2c9ab41d0e", "https://app.datadoghq.com/incidents/338027")


def over(router: respx.MockRouter) -> httpx.MockTransport:
    """Make a transport of a router."""
    return httpx.MockTransport(router.async_handler)


def sent(route: respx.Route, number: int = -1) -> Any:
    """Read the JSON body of a request that a route was asked."""
    return orjson.loads(route.calls[number].request.content)


def form(route: respx.Route, number: int = -1) -> dict[str, str]:
    """Read the form that a route was posted."""
    return dict(httpx.QueryParams(route.calls[number].request.content.decode()))
