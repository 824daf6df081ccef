"""How the tests speak to the Datadog double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from instep.simulator.datadog import DatadogSimulator

if TYPE_CHECKING:
    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

PATH = "/api/v2/incidents"
KEYS = {"dd-api-key": "k", "dd-application-key": "a"}


@asynccontextmanager
async def meet(
    world: World, connect: Connect, **switches: Any
) -> AsyncIterator[tuple[DatadogSimulator, httpx.AsyncClient]]:
    """Make a double with some switches, and a client of it."""
    double = DatadogSimulator(world, **switches)
    async with connect(double) as client:
        yield double, client


def wrap(fields: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Wrap attributes and bare field values as a create or an update has them."""
    wrapped = {name: {"value": value} for name, value in (fields or {}).items()}
    inner = attributes | ({"fields": wrapped} if wrapped else {})
    return {"data": {"type": "incidents", "attributes": inner}}


async def make(
    client: httpx.AsyncClient, fields: dict[str, Any] | None = None, **attributes: Any
) -> dict[str, Any]:
    """Create an incident; answer the resource that POST shows."""
    body = wrap(fields, **({"title": "Made", "customer_impacted": False} | attributes))
    reply = await client.post(PATH, json=body)
    assert reply.status_code == 201, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


async def patch(
    client: httpx.AsyncClient,
    incident_id: str,
    fields: dict[str, Any] | None = None,
    **attributes: Any,
) -> httpx.Response:
    """Update an incident."""
    body = wrap(fields, **attributes)
    body["data"]["id"] = incident_id
    return await client.patch(f"{PATH}/{incident_id}", json=body)


async def read(client: httpx.AsyncClient, incident_id: str) -> dict[str, Any]:
    """Read an incident."""
    data: dict[str, Any] = (await client.get(f"{PATH}/{incident_id}")).json()["data"]
    return data


async def search(client: httpx.AsyncClient, query: str, **more: str) -> dict[str, Any]:
    """Search; answer the attributes of the result."""
    reply = await client.get(f"{PATH}/search", params={"query": query, **more})
    attributes: dict[str, Any] = reply.json()["data"]["attributes"]
    return attributes
