"""Addresses that people write into the doubles' places for references are what records point at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from instep.core.linking import address
from instep.core.model import Record
from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World
from instep.systems.base import System
from instep.systems.datadog import Datadog
from instep.systems.devrev import DevRev
from instep.systems.prodmanager import ProdManager


@dataclass
class Desk:
    """A connector before a double, and a person's client of the same API."""

    system: System
    double: Any
    client: httpx.AsyncClient

    async def record(self, number: int = 0) -> Record:
        """Read one of the incidents, as the connector does."""
        return await self.system.read(self.double.ids()[number])


Refer = Callable[[httpx.AsyncClient, str, str], Awaitable[httpx.Response]]


async def refer_devrev(client: httpx.AsyncClient, record_id: str, url: str) -> httpx.Response:
    """Write an external reference."""
    body = {"id": record_id, "sync_metadata": {"external_reference": url}}
    return await client.post("/incidents.update", json=body)


async def refer_custom(client: httpx.AsyncClient, record_id: str, url: str) -> httpx.Response:
    """Write the custom field that is the place for references."""
    fields = {"tnt__external_reference": url}
    spec = {"tenant_fragment": True}
    body = {"id": record_id, "custom_fields": fields, "custom_schema_spec": spec}
    return await client.post("/incidents.update", json=body)


async def refer_datadog(client: httpx.AsyncClient, record_id: str, url: str) -> httpx.Response:
    """Write one value into the text array."""
    fields = {"external_reference": {"type": "textarray", "value": ["TICKET-1", url]}}
    data = {"type": "incidents", "id": record_id, "attributes": {"fields": fields}}
    return await client.patch(f"/api/v2/incidents/{record_id}", json={"data": data})


async def refer_link(client: httpx.AsyncClient, record_id: str, url: str) -> httpx.Response:
    """Save the incident with a link."""
    return await _save(client, record_id, external_link=url)


async def refer_text(client: httpx.AsyncClient, record_id: str, url: str) -> httpx.Response:
    """Save the incident with a reference."""
    return await _save(client, record_id, external_reference=url)


async def _save(client: httpx.AsyncClient, record_id: str, **change: str) -> httpx.Response:
    """Save a whole incident of ProdManager, as its API wants it."""
    shown = (await client.get(f"/api/incident/{record_id}")).json()
    kept = {key: value for key, value in shown.items() if isinstance(value, str | int)}
    return await client.post(f"/api/incident/{record_id}/update", data=kept | change)


DESKS: dict[str, tuple[Any, Any, dict[str, Any], Refer]] = {
    "devrev": (DevRev, DevRevSimulator, {"token": "t"}, refer_devrev),
    "devrev, custom field": (
        DevRev,
        DevRevSimulator,
        {"token": "t", "reference": "custom_fields.tnt__external_reference"},
        refer_custom,
    ),
    "datadog": (Datadog, DatadogSimulator, {"bearer": "t"}, refer_datadog),
    "prodmanager": (
        ProdManager,
        ProdManagerSimulator,
        {"token": "t", "url": "http://status.example.com"},
        refer_link,
    ),
    "prodmanager, reference": (
        ProdManager,
        ProdManagerSimulator,
        {"token": "t", "url": "http://status.example.com"},
        refer_text,
    ),
}


@pytest_asyncio.fixture
async def desks() -> AsyncIterator[dict[str, Desk]]:
    """Give a desk before each service."""
    async with AsyncExitStack() as stack:
        made: dict[str, Desk] = {}
        for name, (connector, simulator, settings, _) in DESKS.items():
            double = simulator(World(seed=7), incidents=2)
            transport = httpx.ASGITransport(double.app)
            system = connector.connect(name, [], transport=transport, **settings)
            stack.push_async_callback(system.close)
            headers = {"authorization": "Bearer t", "x-devrev-scope": "beta"}
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(double.app), base_url="http://d", headers=headers
            )
            made[name] = Desk(system, double, await stack.enter_async_context(client))
        yield made


@pytest.mark.parametrize("other", ["devrev", "datadog", "prodmanager"])
@pytest.mark.parametrize("place", DESKS)
async def test_a_person_points_at_a_record_of_another_service(
    desks: dict[str, Desk], place: str, other: str
) -> None:
    """Its address, written through the service's own API, is what is read and listed."""
    here, there = desks[place], await desks[other].record(1)
    before = await here.record()
    answer = await DESKS[place][-1](here.client, before.id, f"{there.url}/#notes")
    assert answer.status_code in (200, 302)
    read = await here.record()
    assert (before.points, read.mark, before.digest == read.digest) == ((), None, False)
    assert read.points == (address(there.url),)
    pages = [page async for page in here.system.changes(None)]
    listed = {one.id: one.points for page in pages for one in page.records}
    assert listed == dict.fromkeys(here.double.ids(), ()) | {read.id: read.points}
