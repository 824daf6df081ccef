"""Ways to speak with ProdManager's double, shared by its tests."""

from __future__ import annotations

from typing import Any

import httpx

PATH = "/api/incident"
FORM = {"scope": "1", "service": "2", "name": "Disk full", "severity": "high"}
PHASE_DATES = ("investigation_date", "stable_date", "resolve_date")


async def make(client: httpx.AsyncClient, **form: Any) -> int:
    """Create an incident by form; answer the id that the redirect names."""
    reply = await client.post(f"{PATH}/create", data={**FORM, **form})
    assert reply.status_code == 302, reply.text
    return int(reply.headers["location"].rpartition("/")[2])


async def read(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Read an incident."""
    incident: dict[str, Any] = (await client.get(f"{PATH}/{number}")).json()
    return incident


async def save(client: httpx.AsyncClient, number: int, **form: Any) -> httpx.Response:
    """Update an incident by form."""
    return await client.post(f"{PATH}/{number}/update", data={**FORM, "status": "active", **form})


async def listed(client: httpx.AsyncClient, **params: Any) -> list[int]:
    """List incidents; answer their ids."""
    items = (await client.get(PATH, params=params)).json()["items"]
    return [one["id"] for one in items]
