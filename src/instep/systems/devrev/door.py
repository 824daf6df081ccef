"""The door to DevRev: where it is, and what a refusal there means."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from instep.systems.devrev.api import reason
from instep.systems.http import Door

#: Seconds for which an unused connection is kept.
IDLE = 15.0


def open_door(
    name: str,
    url: str | None,
    headers: Mapping[str, str],
    timeout: float,
    rate: float,
    transport: httpx.AsyncBaseTransport | None,
) -> Door:
    """Open the door to DevRev, or to what stands in for it."""
    return Door(
        name,
        url or "https://api.devrev.ai",
        headers,
        timeout=timeout,
        rate=rate,
        transport=transport,
        idle=IDLE,
        reason=reason,
        advice="the DevRev token is unknown, expired or revoked: make a new one",
        forbidden="its user lacks a permission in DevRev, or `beta: true` is missing here",
    )
