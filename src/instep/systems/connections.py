"""Connections to a service: how they are made, and what it means when one is lost."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from functools import cache

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from instep.errors import ConfigError, Problem

SECRET_HEADERS = frozenset({"authorization", "dd-api-key", "dd-application-key"})


def check_headers(system: str, headers: Mapping[str, str]) -> None:
    """Refuse what no header can carry, before a library does that in its own words.

    Raises:
        ConfigError: it names the headers, and not what they hold.
    """
    odd = [key for key, text in headers.items() if not (text.isascii() and text.isprintable())]
    if odd:
        message = f"the credentials of {system} cannot be sent ({', '.join(odd)})"
        hint = "they hold a line break or a letter beyond ASCII: were they copied as they are?"
        raise ConfigError((Problem(message, hint=hint),))


def secrets(headers: Mapping[str, str]) -> list[str]:
    """Pick the credentials out of headers, without their scheme word."""
    words = (headers[key].rpartition(" ")[2] for key in headers if key.lower() in SECRET_HEADERS)
    return [word for word in words if len(word) > 3]


def transport(limit: int, idle: float) -> httpx.AsyncBaseTransport:
    """Make the transport of a door: at most ``limit`` connections, unused ones for ``idle`` s."""
    # Given none, it would read the authorities itself, for clients that are never made.
    return AiohttpTransport(verify=_trust(), client=lambda: _session(limit, idle))


async def hide_location(response: httpx.Response) -> None:
    """Take away where an answer points to, until httpx is done with it.

    httpx makes an address of that even where it follows none, and fails at what is no address:
    DevRev may answer with a bare id.
    """
    response.extensions["location"] = response.headers.pop("location", None)


def detail(error: Exception) -> str:
    """Say why there was no connection in the words of the operating system."""
    cause = getattr(error.__cause__, "os_error", None)
    if cause is None or isinstance(cause, ssl.SSLError):
        return str(error) or type(error).__name__
    # A look-up that failed has a negative number, which is not the operating system's.
    return os.strerror(cause.errno) if (cause.errno or 0) > 0 else str(cause.strerror)


def was_late(error: Exception) -> bool:
    """Whether the deadline passed; aiohttp's transport calls a lost connection late as well."""
    cause = error.__cause__
    is_lost = isinstance(cause, aiohttp.ClientError) and not isinstance(cause, TimeoutError)
    return isinstance(error, TimeoutError | httpx.TimeoutException) and not is_lost


def was_unsent(error: Exception) -> bool:
    """Whether the request certainly never left: there was no connection to send it on."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _session(limit: int, idle: float) -> aiohttp.ClientSession:
    """Make aiohttp's session: verified TLS, proxies from the environment, no cookies."""
    connector = aiohttp.TCPConnector(limit=limit, keepalive_timeout=idle, ssl=_trust())
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=True
    )


@cache
def _trust() -> ssl.SSLContext:
    """Read the authorities that are trusted, once: that takes as long as a slow request."""
    return httpx.create_ssl_context()
