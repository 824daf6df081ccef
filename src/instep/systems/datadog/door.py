"""The door to a Datadog: by its site, or by the address of what stands in for it."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from instep.systems.datadog.answers import reason
from instep.systems.http import Door


def open_door(
    name: str,
    site: str,
    url: str | None,
    headers: Mapping[str, str],
    timeout: float,
    rate: float,
    transport: httpx.AsyncBaseTransport | None,
) -> Door:
    """Open the door to a site, or to what stands in for it."""
    return Door(
        name,
        url or f"https://api.{site}",
        headers,
        timeout=timeout,
        rate=rate,
        transport=transport,
        reason=reason,
        advice="check the Datadog API key, and the application key and its scopes "
        "(incident_read, incident_write, user_access_read for commanders); a key of another "
        f"site than {site} is refused the same way",
    )
